//! Attributes that no schema declares and that are kept as they are.

use std::fmt::Display;

use serde_json::{Map, Value};

use crate::{
    attribute::{AttrType, Attribute},
    document::shortened,
    error::ScimError,
    registry::ResourceType,
    validate::MAX_OPAQUE_BYTES,
};

/// Names that are never stored as an undeclared attribute: an answer would show a client's words
/// where it is the service provider that speaks.
const RESERVED: &[&str] = &["id", "meta", "schemas", "groups", "password"];

pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
}

/// No NUL in any string or name. The walk keeps its own stack, so depth costs no call frames.
pub(super) fn check(place: &dyn Display, value: &Value) -> Result<(), ScimError> {
    let mut pending = vec![value];
    while let Some(value) = pending.pop() {
        match value {
            Value::String(text) => refuse_nul(place, text)?,
            Value::Array(elements) => pending.extend(elements),
            Value::Object(members) => {
                for (name, value) in members {
                    refuse_nul(place, name)?;
                    pending.push(value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    Ok(())
}

pub(super) fn refuse_nul(place: &dyn Display, text: &str) -> Result<(), ScimError> {
    if text.contains('\0') {
        return Err(ScimError::invalid_value(format!(
            "\"{}\" holds the character U+0000, which no attribute may hold; remove it",
            shortened(&place.to_string())
        )));
    }
    Ok(())
}

/// Refuses a document whose undeclared part is over the limit.
pub(super) fn check_size(resource_type: &ResourceType, document: &Map<String, Value>) -> Result<(), ScimError> {
    let mut bytes = 0_usize;
    for (name, value) in document {
        if let Some(extension) = resource_type.extension(name) {
            if let Value::Object(members) = value {
                for (name, value) in members {
                    bytes = bytes.saturating_add(undeclared(extension.schema.attribute(name), name, value));
                }
            }
        } else {
            bytes = bytes.saturating_add(undeclared(resource_type.attribute(name), name, value));
        }
    }
    if bytes > MAX_OPAQUE_BYTES {
        return Err(ScimError::invalid_value(format!(
            "the attributes that no schema declares take {bytes} bytes, and a resource may have {MAX_OPAQUE_BYTES} \
             of them; send fewer, or have their schema loaded"
        )));
    }
    Ok(())
}

/// How many bytes of a value no schema declares.
fn undeclared(attribute: Option<&Attribute>, name: &str, value: &Value) -> usize {
    let Some(attribute) = attribute else {
        return name.len().saturating_add(value.to_string().len());
    };
    if attribute.attr_type != AttrType::Complex {
        return 0;
    }
    let of_object = |value: &Value| {
        let members = value.as_object().into_iter().flatten();
        members
            .filter(|(name, _)| attribute.sub_attribute(name).is_none())
            .fold(0_usize, |sum, (name, value)| sum.saturating_add(name.len()).saturating_add(value.to_string().len()))
    };
    match value {
        Value::Array(elements) => elements.iter().map(of_object).fold(0, usize::saturating_add),
        other => of_object(other),
    }
}
