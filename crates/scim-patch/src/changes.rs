//! Which attributes two documents differ in.

use std::collections::BTreeSet;

use scim_schema::ResourceType;
use serde_json::{Map, Value};

/// The keys of attributes that differ; `schemas` is not among them, since it only follows the
/// extensions that come and go.
pub(crate) fn between(
    resource_type: &ResourceType,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> BTreeSet<String> {
    let mut changed = BTreeSet::new();
    for name in before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))) {
        let (old, new) = (before.get(name), after.get(name));
        if old == new || name == "schemas" {
            continue;
        }
        if is_extension(resource_type, name, old.or(new)) {
            let empty = Map::new();
            let old = old.and_then(Value::as_object).unwrap_or(&empty);
            let new = new.and_then(Value::as_object).unwrap_or(&empty);
            for attribute in old.keys().chain(new.keys()) {
                if old.get(attribute) != new.get(attribute) {
                    changed.insert(format!("{name}:{attribute}"));
                }
            }
        } else {
            changed.insert(name.clone());
        }
    }
    changed
}

/// Whether a top-level key holds an extension, declared or opaque.
pub(crate) fn is_extension(resource_type: &ResourceType, name: &str, value: Option<&Value>) -> bool {
    resource_type.extension(name).is_some() || (name.contains(':') && value.is_some_and(Value::is_object))
}
