//! The members of a group as they are sent (RFC 7643 §4.2).

use serde_json::{Map, Value};

use crate::{
    document::kind,
    error::ScimError,
    validate::{
        Coercion, MAX_STRING_BYTES, MemberValue, UnknownAttributes,
        check::refuse_undeclared,
        coerce::{self, member, tail_of_reference},
        opaque::refuse_nul,
        place::Place,
    },
};

/// The parts of an element (RFC 7643 §2.4, §8.7.1); `display` is read-only and so ignored.
const PARTS: &[&str] = &["value", "$ref", "type", "display"];

pub(super) fn read(value: &Value, coercion: &Coercion) -> Result<Vec<MemberValue>, ScimError> {
    let elements = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(elements) => elements.as_slice(),
        Value::Object(_) if coercion.object_for_array.accepts() => std::slice::from_ref(value),
        Value::String(_) if coercion.bare_string_element.accepts() => std::slice::from_ref(value),
        other => return Err(coerce::mismatch(&"members", "an array of objects", other)),
    };
    let mut members = Vec::with_capacity(elements.len());
    for element in elements {
        match element {
            Value::Null => {}
            Value::Object(parts) if parts.is_empty() => {}
            Value::Object(parts) => members.push(from_object(parts, coercion)?),
            Value::String(value) if coercion.bare_string_element.accepts() => {
                members.push(MemberValue { value: checked(value)?, member_type: None });
            }
            other => {
                return Err(ScimError::invalid_value(format!(
                    "each element of \"members\" must be an object such as {{\"value\": \"<id>\"}}, but one is {}",
                    kind(other)
                )));
            }
        }
    }
    Ok(members)
}

fn from_object(parts: &Map<String, Value>, coercion: &Coercion) -> Result<MemberValue, ScimError> {
    if coercion.unknown_attributes == UnknownAttributes::Reject
        && let Some(unknown) = parts.keys().find(|name| !PARTS.iter().any(|part| part.eq_ignore_ascii_case(name)))
    {
        return Err(refuse_undeclared(&Place::top("members").sub(unknown)));
    }
    let value = if let Some(value) = text(parts, "value", coercion)? {
        value
    } else {
        let reference = text(parts, "$ref", coercion)?;
        reference.as_deref().and_then(tail_of_reference).map(ToOwned::to_owned).ok_or_else(|| {
            ScimError::invalid_value("an element of \"members\" has no \"value\"; it must be the id of the member")
        })?
    };
    Ok(MemberValue { value: checked(&value)?, member_type: text(parts, "type", coercion)? })
}

fn text(parts: &Map<String, Value>, name: &str, coercion: &Coercion) -> Result<Option<String>, ScimError> {
    let Some(value) = member(parts, name) else {
        return Ok(None);
    };
    match coerce::string_from_number(value.clone(), coercion) {
        Value::Null => Ok(None),
        Value::String(text) => {
            refuse_nul(&Place::top("members").sub(name), &text)?;
            Ok(Some(text))
        }
        other => Err(coerce::mismatch(&Place::top("members").sub(name), "a string", &other)),
    }
}

fn checked(value: &str) -> Result<String, ScimError> {
    let place = Place::top("members");
    let place = place.sub("value");
    refuse_nul(&place, value)?;
    if value.is_empty() {
        return Err(ScimError::invalid_value(format!("\"{place}\" is empty; it must be the id of the member")));
    }
    if value.len() > MAX_STRING_BYTES {
        return Err(ScimError::invalid_value(format!("\"{place}\" has more than {MAX_STRING_BYTES} bytes")));
    }
    Ok(value.to_owned())
}
