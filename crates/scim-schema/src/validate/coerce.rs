//! The coercions: from what some identity provider sends to what RFC 7643 has, one function each.
//! A function that is given nothing to mend, or whose switch is off, hands the value back.

use std::fmt::Display;

use serde_json::{Map, Value};

use crate::{
    attribute::{AttrType, Attribute},
    builtin,
    registry::{Extension, ResourceType},
    validate::Coercion,
};

// QUIRK(entra): without the flag of its newer dialect it writes `"active": "False"`; Keycloak's
// mitodl extension writes "true" and "false", and Microsoft's validator sends both in `primary`.
pub(super) fn boolean_from_string(value: Value, coercion: &Coercion) -> Value {
    match &value {
        Value::String(text) if coercion.string_booleans.accepts() => {
            if text.eq_ignore_ascii_case("true") {
                Value::Bool(true)
            } else if text.eq_ignore_ascii_case("false") {
                Value::Bool(false)
            } else {
                value
            }
        }
        _ => value,
    }
}

// QUIRK(okta): its entitlements variant has numbers as `externalId`; mappings of other providers give
// numbers for postal codes and personnel numbers.
pub(super) fn string_from_number(value: Value, coercion: &Coercion) -> Value {
    match &value {
        Value::Number(number) if coercion.number_for_string.accepts() => Value::String(number.to_string()),
        _ => value,
    }
}

// QUIRK(onelogin): its body templates are edited by hand, and `emails` has been seen as one object.
pub(super) fn array_from_object(attribute: &Attribute, value: Value, coercion: &Coercion) -> Value {
    if value.is_object() && attribute.attr_type == AttrType::Complex && coercion.object_for_array.accepts() {
        return Value::Array(vec![value]);
    }
    value
}

// QUIRK(onelogin): an administrator edits its body template by hand, and a mapping that gives a
// plain string lands where an object should be: alone here, or in an array.
pub(super) fn array_from_string(attribute: &Attribute, value: Value, coercion: &Coercion) -> Value {
    if value.is_string() && takes_bare_strings(attribute, coercion) {
        return Value::Array(vec![value]);
    }
    value
}

// QUIRK(onelogin): the elements' half of [`array_from_string`].
pub(super) fn element_from_string(attribute: &Attribute, value: Value, coercion: &Coercion) -> Value {
    if value.is_string() && takes_bare_strings(attribute, coercion) {
        return object_with_value(attribute, value);
    }
    value
}

// QUIRK(entra): older mappings write `manager` as `[{"value": "…"}]`. An empty array is then as good
// as `null`.
pub(super) fn single_from_array(value: Value, coercion: &Coercion) -> Value {
    match value {
        Value::Array(mut elements) if coercion.array_for_single.accepts() && elements.len() <= 1 => {
            elements.pop().unwrap_or(Value::Null)
        }
        other => other,
    }
}

// QUIRK(entra): `manager` comes as the bare identifier, and as `""` or `{"value": ""}` where there is
// none any more.
pub(super) fn manager(attribute: &Attribute, value: Value, coercion: &Coercion) -> Value {
    if !coercion.string_manager.accepts() || !is_manager(attribute) {
        return value;
    }
    match value {
        Value::String(text) if text.is_empty() => Value::Null,
        Value::String(text) => object_with_value(attribute, Value::String(text)),
        Value::Object(members) if member(&members, "value").is_some_and(|value| value == "") => Value::Null,
        other => other,
    }
}

// QUIRK(entra): where the mapped source attribute is empty, `externalId` may come as `""`, like
// `manager`; an identifier of no characters is none (RFC 7643 §3.1).
pub(super) fn external_id(value: Value, coercion: &Coercion) -> Value {
    match &value {
        Value::String(text) if text.is_empty() && coercion.string_manager.accepts() => Value::Null,
        _ => value,
    }
}

// QUIRK(entra): a sample of its documentation names the enterprise extension without the last colon.
pub(super) fn extension_by_mistyped_urn<'a>(
    resource_type: &'a ResourceType,
    urn: &str,
    coercion: &Coercion,
) -> Option<&'a Extension> {
    if coercion.any_schemas.accepts() && urn.eq_ignore_ascii_case(builtin::MISTYPED_ENTERPRISE_USER) {
        return resource_type.extension(builtin::ENTERPRISE_USER);
    }
    None
}

/// The manager of the Enterprise User extension, or a custom attribute made like it: a single
/// complex attribute `manager` with a `value`.
pub(super) fn is_manager(attribute: &Attribute) -> bool {
    attribute.name == "manager"
        && attribute.attr_type == AttrType::Complex
        && !attribute.multi_valued
        && attribute.value_attribute().is_some()
}

/// The identifier at the end of a reference, for where `$ref` is sent without `value`: the last path
/// segment, without query and fragment.
pub(super) fn tail_of_reference(reference: &str) -> Option<&str> {
    let path = reference.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    path.rsplit('/').next().filter(|tail| !tail.is_empty())
}

/// A member of an object by its name in any letter case; of several the last, as everywhere.
pub(super) fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// What was expected and what came, for errors.
pub(super) fn mismatch(place: &dyn Display, expected: &str, value: &Value) -> crate::ScimError {
    crate::ScimError::invalid_value(format!("\"{place}\" must be {expected}, but is {}", crate::document::kind(value)))
}

fn takes_bare_strings(attribute: &Attribute, coercion: &Coercion) -> bool {
    coercion.bare_string_element.accepts()
        && attribute.attr_type == AttrType::Complex
        && attribute.value_attribute().is_some()
}

fn object_with_value(attribute: &Attribute, value: Value) -> Value {
    let name = attribute.value_attribute().map_or("value", |value| value.name.as_str());
    let mut members = Map::new();
    members.insert(name.to_owned(), value);
    Value::Object(members)
}
