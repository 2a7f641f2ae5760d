//! What a write names, for attributes that are returned when the client specified them
//! (RFC 7643 §7, `returned: request`).

use scim_patch::{Op, PatchRequest};
use scim_schema::{Attribute, ResourceType, Returned};
use serde_json::{Map, Value};

/// The names that a POST or PUT specified; none where the type has no attribute that they matter for.
pub(crate) fn of_document(resource_type: &ResourceType, document: &Map<String, Value>) -> Vec<String> {
    if !matters(resource_type) {
        return Vec::new();
    }
    let mut names = Vec::new();
    push_names(&mut names, document);
    names
}

/// The names that the operations of a PATCH specified.
pub(crate) fn of_operations(resource_type: &ResourceType, request: &PatchRequest) -> Vec<String> {
    if !matters(resource_type) {
        return Vec::new();
    }
    let mut names = Vec::new();
    for operation in &request.operations {
        match (&operation.path, &operation.value) {
            (Some(path), _) => {
                let attribute = &path.path;
                names.push(match &path.sub {
                    Some(sub) => attribute.with_sub(sub).to_string(),
                    None => attribute.to_string(),
                });
            }
            (None, Some(Value::Object(parts))) => push_names(&mut names, parts),
            (None, _) => {}
        }
    }
    names
}

/// The e-mail addresses that the operations of a PATCH write; other texts may be among them.
pub(crate) fn addresses(request: &PatchRequest) -> Vec<String> {
    let mut addresses = Vec::new();
    for operation in request.operations.iter().filter(|operation| operation.op != Op::Remove) {
        match (&operation.path, &operation.value) {
            (Some(path), Some(value)) if path.path.name().eq_ignore_ascii_case("emails") => {
                push_addresses(&mut addresses, value);
            }
            (None, Some(Value::Object(parts))) => {
                for (_, value) in parts.iter().filter(|(name, _)| name.to_ascii_lowercase().contains("emails")) {
                    push_addresses(&mut addresses, value);
                }
            }
            _ => {}
        }
    }
    addresses
}

fn push_addresses(addresses: &mut Vec<String>, value: &Value) {
    let elements = match value {
        Value::Array(elements) => elements.as_slice(),
        single => std::slice::from_ref(single),
    };
    for element in elements {
        let text = match element {
            Value::Object(parts) => {
                parts.iter().find(|(name, _)| name.eq_ignore_ascii_case("value")).and_then(|(_, value)| value.as_str())
            }
            single => single.as_str(),
        };
        addresses.extend(text.map(ToOwned::to_owned));
    }
}

fn matters(resource_type: &ResourceType) -> bool {
    let on_request = |attribute: &Attribute| attribute.returned == Returned::Request;
    let extensions = resource_type.extensions.iter().flat_map(|extension| &extension.schema.attributes);
    resource_type
        .schema
        .attributes
        .iter()
        .chain(extensions)
        .any(|attribute| on_request(attribute) || attribute.sub_attributes.iter().any(on_request))
}

/// The keys of an object, and of the extension objects in it.
fn push_names(names: &mut Vec<String>, parts: &Map<String, Value>) {
    for (name, value) in parts {
        match value {
            Value::Object(inner) if name.contains(':') => {
                names.extend(inner.keys().map(|inner| format!("{name}:{inner}")));
            }
            _ => names.push(name.clone()),
        }
    }
}
