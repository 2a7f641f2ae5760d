//! Leniencies of values that `scim_schema::validate::value` cannot have, since they decide what the
//! operation is.

use scim_schema::{AttrType, Attribute, ScimError, ScimType};
use serde_json::{Map, Value};

use crate::{dialect::Dialect, target::Place};

/// The object of an operation without a path.
pub(crate) fn no_path_object(value: Value, dialect: &Dialect) -> Result<Map<String, Value>, ScimError> {
    match value {
        Value::Object(object) => return Ok(object),
        // QUIRK(entra): custom mappings put the object in quotes; it is read once, never twice.
        Value::String(text) if dialect.string_value_object.accepts() => {
            if let Ok(Value::Object(object)) = serde_json::from_str(&text) {
                return Ok(object);
            }
        }
        _ => {}
    }
    Err(ScimError::typed(
        ScimType::InvalidValue,
        "without a `path`, `value` must be an object that names the attributes",
    ))
}

/// The value as the attribute's type has it: `""` where it means nothing, an array of one. `Null`
/// stands for "make it unassigned".
pub(crate) fn in_attribute_shape(place: Place<'_>, value: Value, dialect: &Dialect) -> Value {
    let coercion = &dialect.coercion;
    let value = if !place.attribute.multi_valued && coercion.array_for_single.accepts() {
        only_element(value, place.leaf())
    } else {
        value
    };
    if coercion.string_manager.accepts() && means_unassigned(place, &value) {
        return Value::Null;
    }
    value
}

/// The one element of an array of one where a single value is due, nothing for an empty array;
/// everything else as it is.
pub(crate) fn only_element(value: Value, leaf: &Attribute) -> Value {
    // QUIRK(entra): a scalar, and the manager, may come wrapped in an array of one.
    match value {
        Value::Array(mut elements) if !leaf.multi_valued && elements.len() <= 1 => {
            elements.pop().unwrap_or(Value::Null)
        }
        other => other,
    }
}

/// Whether a write to this place unassigns the attribute as a whole: `""` for the manager, its
/// `value`, or `externalId`; an object whose `value` is `""` for the manager.
pub(crate) fn means_unassigned(place: Place<'_>, value: &Value) -> bool {
    // QUIRK(entra): the validator removes a manager by writing "".
    let is_empty_text = value.as_str() == Some("");
    if is_manager(place) {
        let is_value = place.sub.is_none_or(|sub| sub.name == "value");
        let holds_empty_value = value
            .as_object()
            .into_iter()
            .flatten()
            .any(|(name, part)| name.eq_ignore_ascii_case("value") && part.as_str() == Some(""));
        return is_value && (is_empty_text || (place.sub.is_none() && holds_empty_value));
    }
    is_empty_text && place.extension.is_none() && place.sub.is_none() && place.attribute.name == "externalId"
}

/// The object to write to the manager for a reference written to its `$ref`.
pub(crate) fn manager_by_reference(place: Place<'_>, reference: &Value) -> Option<Value> {
    // The reference is made when an answer is rendered, so that only the id at its end is kept.
    let sub = place.sub.filter(|sub| sub.name == "$ref" && is_manager(place))?;
    let mut object = Map::new();
    object.insert(sub.name.clone(), reference.clone());
    Some(Value::Object(object))
}

/// The manager is the single complex attribute of that name (RFC 7643 §4.3), or a custom attribute
/// made like it.
pub(crate) fn is_manager(place: Place<'_>) -> bool {
    let attribute = place.attribute;
    attribute.name == "manager"
        && attribute.attr_type == AttrType::Complex
        && !attribute.multi_valued
        && attribute.value_attribute().is_some()
}
