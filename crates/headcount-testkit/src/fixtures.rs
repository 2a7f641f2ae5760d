//! A resource type of its own, with every type, mutability, way of being returned and uniqueness.

use std::sync::Arc;

use scim_schema::Registry;
use serde_json::Value;

/// The schema of `TestResource`.
pub const TEST_RESOURCE: &str = "urn:example:params:scim:schemas:test:2.0:TestResource";
/// Its extension.
pub const TEST_EXTENSION: &str = "urn:example:params:scim:schemas:test:extension:2.0:TestResource";

/// The built-in schemas and resource types, and `TestResource` at `/TestResources`.
#[must_use]
pub fn with_test_resource() -> Arc<Registry> {
    let documents: Vec<Value> = [
        include_str!("../fixtures/test-resource/extension.json"),
        include_str!("../fixtures/test-resource/schema.json"),
        include_str!("../fixtures/test-resource/resource-type.json"),
    ]
    .into_iter()
    .map(|text| serde_json::from_str(text).unwrap())
    .collect();
    Arc::new(Registry::builtin().with_documents(&documents).unwrap())
}
