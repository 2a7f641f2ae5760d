//! The users of a run, made up the same way every time.

use serde_json::{Value, json};

use super::client::Client;

/// The core schema of users (RFC 7643 §4.1).
pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// The core schema of groups (RFC 7643 §4.2).
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// The enterprise extension (RFC 7643 §4.3).
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The message of a PATCH (RFC 7644 §3.5.2).
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The message of a bulk request (RFC 7644 §3.7).
const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

const FAMILIES: [&str; 20] = [
    "Anderson", "Baker", "Castillo", "Dubois", "Eriksen", "Fischer", "Garcia", "Hughes", "Ivanov", "Jensen",
    "Kowalski", "Larsen", "Moreau", "Novak", "Olsen", "Petrov", "Quinn", "Rossi", "Schmidt", "Tanaka",
];

/// How many different family names there are.
pub(crate) const FAMILY_NAMES: usize = 1_000;

/// The family name of a user: one of [`FAMILY_NAMES`], in turn.
pub(crate) fn family_name(number: usize) -> String {
    let family = FAMILIES.iter().cycle().nth(number % FAMILIES.len()).copied().unwrap_or_default();
    format!("{family}{:02}", number / FAMILIES.len() % 50)
}

/// The userName of a user, which is the e-mail address too.
pub(crate) fn user_name(prefix: &str, number: usize) -> String {
    format!("user{number:07}@{prefix}.example.com")
}

/// The externalId of a user.
pub(crate) fn external_id(prefix: &str, number: usize) -> String {
    format!("00u{number:09}{prefix}")
}

/// The document of a user, about 700 bytes.
pub(crate) fn user(prefix: &str, number: usize) -> Value {
    let (family, given, name) = (family_name(number), format!("Given{}", number % 977), user_name(prefix, number));
    json!({
        "schemas": [USER, ENTERPRISE],
        "userName": name,
        "externalId": external_id(prefix, number),
        "name": {"formatted": format!("{given} {family}"), "givenName": given, "familyName": family},
        "displayName": format!("{given} {family}"),
        "active": true,
        "locale": "en-US",
        "title": "Engineer",
        "emails": [{"value": name, "type": "work", "primary": true}],
        "phoneNumbers": [{"value": format!("+1-555-{number:07}"), "type": "work"}],
        ENTERPRISE: {
            "employeeNumber": format!("E{number:07}"),
            "department": format!("Dept {}", number % 37),
            "organization": "Example",
        },
    })
}

/// A user as a PUT replaces it, with another title.
pub(crate) fn changed_user(prefix: &str, number: usize, id: &str, revision: u64) -> Value {
    let mut user = user(prefix, number);
    if let Value::Object(members) = &mut user {
        members.insert("id".to_owned(), id.into());
        members.insert("title".to_owned(), format!("Engineer {revision}").into());
    }
    user
}

/// A PATCH that sets `active`.
pub(crate) fn activation(active: bool) -> String {
    format!(r#"{{"schemas":["{PATCH}"],"Operations":[{{"op":"replace","path":"active","value":{active}}}]}}"#)
}

/// A PATCH that sets `title`.
pub(crate) fn promotion(title: &str) -> String {
    json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "title", "value": title}]}).to_string()
}

/// A PATCH that adds members.
pub(crate) fn addition<'a>(ids: impl Iterator<Item = &'a String>) -> String {
    let members: Vec<Value> = ids.map(|id| json!({"value": id})).collect();
    json!({"schemas": [PATCH], "Operations": [{"op": "add", "path": "members", "value": members}]}).to_string()
}

/// A PATCH that adds one member.
pub(crate) fn addition_of_one(id: &str) -> String {
    format!(r#"{{"schemas":["{PATCH}"],"Operations":[{{"op":"add","path":"members","value":[{{"value":"{id}"}}]}}]}}"#)
}

/// A PATCH that takes out one member.
pub(crate) fn removal_of_one(id: &str) -> String {
    format!(r#"{{"schemas":["{PATCH}"],"Operations":[{{"op":"remove","path":"members[value eq \"{id}\"]"}}]}}"#)
}

/// A group without members.
pub(crate) fn group(name: &str) -> String {
    json!({"schemas": [GROUP], "displayName": name, "members": []}).to_string()
}

/// A bulk request that makes users; the `bulkId` of each is `b` and its number.
pub(crate) fn bulk(prefix: &str, numbers: impl Iterator<Item = usize>) -> String {
    let operations: Vec<Value> = numbers
        .map(|number| {
            json!({"method": "POST", "path": "/Users", "bulkId": format!("b{number}"), "data": user(prefix, number)})
        })
        .collect();
    json!({"schemas": [BULK], "Operations": operations}).to_string()
}

/// The numbers and ids of the users that the last answer, to a bulk request, says were made.
pub(crate) fn made_by_bulk(client: &Client) -> Vec<(usize, String)> {
    let answer = client.json();
    let operations = answer.get("Operations").and_then(Value::as_array).into_iter().flatten();
    operations
        .filter(|operation| match operation.get("status") {
            Some(Value::String(status)) => status == "201",
            Some(Value::Number(status)) => status.as_u64() == Some(201),
            _ => false,
        })
        .filter_map(|operation| {
            let number = operation.get("bulkId")?.as_str()?.strip_prefix('b')?.parse().ok()?;
            let (_, id) = operation.get("location")?.as_str()?.rsplit_once('/')?;
            Some((number, id.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{FAMILY_NAMES, family_name, user};

    #[test]
    fn family_names_repeat_after_a_thousand_and_none_is_part_of_another() {
        let names: BTreeSet<String> = (0..FAMILY_NAMES).map(family_name).collect();
        assert_eq!(names.len(), FAMILY_NAMES);
        assert_eq!(family_name(FAMILY_NAMES + 7), family_name(7));
        for name in &names {
            assert_eq!(names.iter().filter(|other| other.contains(name.get(1..).unwrap())).count(), 1, "{name}");
        }
    }

    #[test]
    fn a_user_has_the_size_of_a_users_document() {
        let length = user("p", 7).to_string().len();
        assert!((600..800).contains(&length), "{length}");
    }
}
