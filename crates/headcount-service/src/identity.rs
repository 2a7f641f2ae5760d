//! What a change of userName or of an e-mail address does (R11).

use std::collections::{BTreeMap, BTreeSet};

use headcount_model::switches::IdentityChanges;
use scim_schema::{
    ScimError,
    fold::{fold, fold_user_name},
};
use serde_json::{Map, Value};

/// Most refused addresses of one request that are reported.
const MAX_REPORTED: usize = 20;

/// A value that the policy did not let through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RefusedValue {
    /// `userName` or `emails`.
    pub(crate) attribute: &'static str,
    /// The value as sent; empty if it was to be taken away.
    pub(crate) value: String,
}

/// Settles the identity attributes of a user's new document against the stored one.
///
/// The first value of an attribute is never refused, and neither is a further e-mail address beside
/// those that stay. Another spelling of the same userName or address is the same value.
///
/// # Errors
/// 400 `mutability` under the policy `reject`.
pub(crate) fn settle(
    policy: IdentityChanges,
    before: &Map<String, Value>,
    after: &mut Map<String, Value>,
) -> Result<Vec<RefusedValue>, ScimError> {
    if policy == IdentityChanges::Follow {
        return Ok(Vec::new());
    }
    let mut refused = Vec::new();
    refused.extend(refused_user_name(before, after));
    refused.extend(refused_emails(before, after));
    if policy == IdentityChanges::Reject
        && let Some(first) = refused.first()
    {
        let what = match first.attribute {
            "userName" => "userName",
            _ => "an e-mail address",
        };
        return Err(ScimError::mutability(format!(
            "{what} of a provisioned user cannot be changed on this connection (\"{}\"); send the value that is stored, or have an administrator change the setting identity_changes",
            first.value
        )));
    }
    for value in &refused {
        match before.get(value.attribute) {
            Some(stored) => after.insert(value.attribute.to_owned(), stored.clone()),
            None => after.shift_remove(value.attribute),
        };
    }
    Ok(refused)
}

fn refused_user_name(before: &Map<String, Value>, after: &Map<String, Value>) -> Option<RefusedValue> {
    let stored = before.get("userName").and_then(Value::as_str)?;
    let sent = after.get("userName").and_then(Value::as_str).unwrap_or_default();
    (fold_user_name(stored) != fold_user_name(sent))
        .then(|| RefusedValue { attribute: "userName", value: sent.to_owned() })
}

fn refused_emails(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<RefusedValue> {
    let sent = addresses(after);
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    for address in &sent {
        let count = left.entry(fold(address).into_owned()).or_default();
        *count = count.saturating_add(1);
    }
    let mut all_stay = true;
    let mut known = BTreeSet::new();
    for address in addresses(before) {
        let address = fold(address).into_owned();
        match left.get_mut(&address) {
            Some(count) if *count > 0 => *count = count.saturating_sub(1),
            _ => all_stay = false,
        }
        known.insert(address);
    }
    if all_stay {
        return Vec::new();
    }
    let new: Vec<RefusedValue> = sent
        .iter()
        .filter(|address| !known.contains(fold(address).as_ref()))
        .take(MAX_REPORTED)
        .map(|address| RefusedValue { attribute: "emails", value: (*address).to_owned() })
        .collect();
    if new.is_empty() { vec![RefusedValue { attribute: "emails", value: String::new() }] } else { new }
}

/// The `value` of every element of `emails`.
pub(crate) fn addresses(document: &Map<String, Value>) -> Vec<&str> {
    document
        .get("emails")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|element| element.get("value").and_then(Value::as_str))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn user(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_is_a_change_of_identity() {
        let stored = json!({"userName": "ada", "emails": [{"value": "ada@example.com", "type": "work"}]});
        for (sent, expected) in [
            (json!({"userName": "ADA ", "emails": [{"value": "Ada@Example.com"}]}), vec![]),
            (json!({"userName": "bob", "emails": [{"value": "ada@example.com"}]}), vec![("userName", "bob")]),
            (json!({"userName": "ada", "emails": [{"value": "x@example.com"}]}), vec![("emails", "x@example.com")]),
            (json!({"userName": "ada"}), vec![("emails", "")]),
            (
                json!({"userName": "ada", "emails": [{"value": "ada@example.com"}, {"value": "two@example.com"}]}),
                vec![],
            ),
            (
                json!({"userName": "eve", "emails": [{"value": "one@example.com"}, {"value": "two@example.com"}]}),
                vec![("userName", "eve"), ("emails", "one@example.com"), ("emails", "two@example.com")],
            ),
        ] {
            let mut after = user(&sent);
            let refused = settle(IdentityChanges::Immutable, &user(&stored), &mut after).unwrap();
            let refused: Vec<(&str, &str)> =
                refused.iter().map(|value| (value.attribute, value.value.as_str())).collect();
            assert_eq!(refused, expected, "{sent}");
            for (attribute, _) in expected {
                assert_eq!(after[attribute], stored[attribute], "{sent}");
            }
        }
    }

    #[test]
    fn a_first_value_is_never_refused() {
        let mut after = user(&json!({"userName": "ada", "emails": [{"value": "ada@example.com"}]}));
        assert_eq!(settle(IdentityChanges::Reject, &user(&json!({"userName": "ada"})), &mut after), Ok(vec![]));
    }
}
