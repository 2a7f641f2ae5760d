//! Which attributes two documents differ in.

use std::collections::BTreeSet;

use scim_schema::ResourceType;
use serde_json::{Map, Value};

/// Canonical keys of the top-level attributes that differ, those of extensions as
/// `<URN>:<attribute>`, sorted; `schemas` only follows the extensions and is not among them.
pub(crate) fn between(
    resource_type: &ResourceType,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Vec<String> {
    let mut changed = BTreeSet::new();
    for name in before.keys().chain(after.keys()) {
        let (old, new) = (before.get(name), after.get(name));
        if old == new || name == "schemas" {
            continue;
        }
        let objects = (old.and_then(Value::as_object), new.and_then(Value::as_object));
        if resource_type.extension(name).is_some() || (name.contains(':') && objects != (None, None)) {
            let empty = Map::new();
            let (old, new) = (objects.0.unwrap_or(&empty), objects.1.unwrap_or(&empty));
            for attribute in old.keys().chain(new.keys()).filter(|name| old.get(*name) != new.get(*name)) {
                changed.insert(format!("{name}:{attribute}"));
            }
        } else {
            changed.insert(name.clone());
        }
    }
    changed.into_iter().collect()
}

/// The keys of everything a new document says.
pub(crate) fn all(resource_type: &ResourceType, document: &Map<String, Value>) -> Vec<String> {
    between(resource_type, &Map::new(), document)
}
