//! What a PUT keeps of the stored document (RFC 7644 §3.5.1).

use std::collections::BTreeSet;

use headcount_model::{Switches, switches::Absent};
use scim_schema::{Attribute, Mutability, ResourceType, ScimError, builtin, fold::fold};
use serde_json::{Map, Value};

/// What a PUT body said beside the document.
#[derive(Clone, Copy)]
pub(crate) struct Said<'a> {
    /// Canonical keys of what it named with `null`, `[]` or an unassigning `""`.
    pub(crate) cleared: &'a BTreeSet<String>,
    /// The URNs in its `schemas`, as sent.
    pub(crate) schemas: &'a [String],
}

/// Takes over into `after` what the stored document has and the body did not name, as far as the
/// connection's switches keep it.
///
/// `active` is always kept; immutable and read-only values too. Of what is named, a complex value is
/// replaced as a whole.
///
/// # Errors
/// 400 `mutability` for another value of an immutable attribute, or its removal.
pub(crate) fn keep_unnamed(
    resource_type: &ResourceType,
    before: &Map<String, Value>,
    after: &mut Map<String, Value>,
    said: Said<'_>,
    switches: &Switches,
) -> Result<(), ScimError> {
    for (name, stored) in before {
        if name == "schemas" {
            continue;
        }
        let extension = resource_type.extension(name);
        match stored {
            Value::Object(stored) if extension.is_some() || name.contains(':') => {
                let find = |attribute: &str| extension.and_then(|known| known.schema.attribute(attribute));
                keep_extension(name, find, stored, after, said, switches)?;
            }
            _ => {
                let attribute = resource_type.attribute(name);
                let sent = after.get(name);
                if keeps(resource_type, attribute, name, stored, sent, said, switches)? {
                    after.insert(name.clone(), stored.clone());
                }
            }
        }
    }
    list_extensions(resource_type, after);
    Ok(())
}

fn keep_extension<'s>(
    urn: &str,
    find: impl Fn(&str) -> Option<&'s Attribute>,
    stored: &Map<String, Value>,
    after: &mut Map<String, Value>,
    said: Said<'_>,
    switches: &Switches,
) -> Result<(), ScimError> {
    let named = after.contains_key(urn)
        || said.cleared.contains(urn)
        || said.schemas.iter().any(|known| known.eq_ignore_ascii_case(urn));
    // Rule 52: an extension of which the body says nothing at all is left alone.
    let left_alone = !named && switches.put_absent_identity == Absent::Keep;
    let mut merged = after.get(urn).and_then(Value::as_object).cloned().unwrap_or_default();
    for (name, value) in stored {
        let key = format!("{urn}:{name}");
        let sent = merged.get(name);
        let kept = left_alone
            || keeps_value(find(name), name, &key, value, sent, said)?
            || (sent.is_none()
                && switches.put_absent_profile == Absent::Keep
                && !said.cleared.contains(&key)
                && !said.cleared.contains(urn));
        if kept {
            merged.insert(name.clone(), value.clone());
        }
    }
    if !merged.is_empty() {
        after.insert(urn.to_owned(), Value::Object(merged));
    }
    Ok(())
}

fn keeps(
    resource_type: &ResourceType,
    attribute: Option<&Attribute>,
    name: &str,
    stored: &Value,
    sent: Option<&Value>,
    said: Said<'_>,
    switches: &Switches,
) -> Result<bool, ScimError> {
    if keeps_value(attribute, name, name, stored, sent, said)? {
        return Ok(true);
    }
    if sent.is_some() {
        return Ok(false);
    }
    let cleared = said.cleared.contains(name);
    let is_user = resource_type.schema.urn.is(builtin::USER);
    let is_group = resource_type.schema.urn.is(builtin::GROUP);
    Ok(match name {
        "active" if is_user => true,
        "userName" if is_user => switches.put_absent_identity == Absent::Keep,
        "displayName" if is_group => switches.put_absent_identity == Absent::Keep && !cleared,
        "externalId" => switches.put_absent_identity == Absent::Keep && !cleared,
        _ => switches.put_absent_profile == Absent::Keep && !cleared,
    })
}

/// What the attribute's mutability says: `true` if the stored value stays whatever was sent.
fn keeps_value(
    attribute: Option<&Attribute>,
    name: &str,
    key: &str,
    stored: &Value,
    sent: Option<&Value>,
    said: Said<'_>,
) -> Result<bool, ScimError> {
    let Some(attribute) = attribute else { return Ok(false) };
    match attribute.mutability {
        Mutability::ReadOnly => Ok(true),
        Mutability::Immutable => match sent {
            None if said.cleared.contains(key) => Err(immutable(name)),
            None => Ok(true),
            Some(sent) if same(attribute, stored, sent) => Ok(true),
            Some(_) => Err(immutable(name)),
        },
        Mutability::ReadWrite | Mutability::WriteOnly => {
            if let (Value::Object(stored), Some(Value::Object(sent))) = (stored, sent) {
                for sub in attribute.sub_attributes.iter().filter(|sub| sub.mutability == Mutability::Immutable) {
                    let (old, new) = (stored.get(&sub.name), sent.get(&sub.name));
                    if let (Some(old), Some(new)) = (old, new)
                        && !same(sub, old, new)
                    {
                        return Err(immutable(&format!("{name}.{}", sub.name)));
                    }
                }
            }
            Ok(false)
        }
    }
}

fn immutable(name: &str) -> ScimError {
    ScimError::mutability(format!(
        "{name} cannot be changed once it has a value; send the stored value, or leave {name} out"
    ))
}

fn same(attribute: &Attribute, left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(left), Value::String(right)) if !attribute.compares_exactly() => fold(left) == fold(right),
        _ => left == right,
    }
}

/// Names every extension that the document has in `schemas` (RFC 7643 §3).
fn list_extensions(resource_type: &ResourceType, document: &mut Map<String, Value>) {
    let present: Vec<String> = document
        .iter()
        .filter(|(name, value)| value.is_object() && (resource_type.extension(name).is_some() || name.contains(':')))
        .map(|(name, _)| name.clone())
        .collect();
    if let Some(Value::Array(schemas)) = document.get_mut("schemas") {
        for urn in present {
            if !schemas.iter().any(|known| known.as_str().is_some_and(|known| known.eq_ignore_ascii_case(&urn))) {
                schemas.push(urn.into());
            }
        }
    }
}
