//! What a write names, for attributes that are returned when the client specified them
//! (RFC 7643 §7, `returned: request`).

use scim_patch::PatchRequest;
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
