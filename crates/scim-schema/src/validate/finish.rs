//! What only the whole resource can tell (RFC 7643 §2.4, §6, §7).

use serde_json::{Map, Value};

use crate::{
    attribute::{AttrType, Attribute, Mutability},
    error::ScimError,
    registry::ResourceType,
    validate::{elements, is_membership, is_password, opaque, place::Place},
};

pub(super) fn check(
    resource_type: &ResourceType,
    document: &Map<String, Value>,
    kept: &[&str],
) -> Result<(), ScimError> {
    for attribute in resource_type.core_attributes() {
        // `schemas` is written by us; members and passwords are kept apart from the document.
        let elsewhere = attribute.name == "schemas"
            || is_membership(resource_type, attribute)
            || is_password(resource_type, attribute);
        if !elsewhere {
            check_attribute(attribute, &Place::top(&attribute.name), document, kept)?;
        }
    }
    for extension in &resource_type.extensions {
        let urn = extension.schema.urn.as_str();
        let place = Place::top(urn);
        match document.get(urn) {
            Some(Value::Object(members)) => {
                for attribute in &extension.schema.attributes {
                    check_attribute(attribute, &place.attribute(&attribute.name), members, kept)?;
                }
            }
            _ if extension.required && !is_kept(&place, kept) => {
                return Err(ScimError::invalid_value(format!(
                    "\"{place}\" is missing, and every {} must have this extension",
                    resource_type.name
                )));
            }
            _ => {}
        }
    }
    opaque::check_size(resource_type, document)
}

fn check_attribute(
    attribute: &Attribute,
    place: &Place<'_>,
    container: &Map<String, Value>,
    kept: &[&str],
) -> Result<(), ScimError> {
    let Some(value) = container.get(&attribute.name) else {
        return if is_missing(attribute) && !is_kept(place, kept) { Err(missing(place)) } else { Ok(()) };
    };
    if attribute.attr_type != AttrType::Complex {
        return Ok(());
    }
    let objects = match value {
        Value::Array(elements) => {
            if elements::has_two_primaries(attribute, elements) {
                return Err(elements::two_primaries(place));
            }
            elements.as_slice()
        }
        single => std::slice::from_ref(single),
    };
    for sub in attribute.sub_attributes.iter().filter(|sub| is_missing(sub)) {
        if objects.iter().any(|object| object.get(&sub.name).is_none()) {
            return Err(missing(&place.sub(&sub.name)));
        }
    }
    Ok(())
}

/// Whether the absence of this attribute is a client's fault: what is read-only is ours to fill in.
fn is_missing(attribute: &Attribute) -> bool {
    attribute.required && attribute.mutability != Mutability::ReadOnly
}

fn is_kept(place: &Place<'_>, kept: &[&str]) -> bool {
    if kept.is_empty() {
        return false;
    }
    let key = place.to_string();
    kept.iter().any(|kept| kept.eq_ignore_ascii_case(&key))
}

fn missing(place: &Place<'_>) -> ScimError {
    ScimError::invalid_value(format!("\"{place}\" is required and has no value; send one"))
}
