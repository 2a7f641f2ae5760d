//! Tests of the whole crate, by layer.

#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes snapshots like this")]

mod compiling;
mod matching;
mod parsing;
mod properties;
mod rfc;
mod sorting;

use scim_schema::{Registry, ResourceType, ScimError, builtin, validate::Leniency};
use serde_json::{Map, Value, json};

use crate::{CompileOptions, Filter, Limits, Predicate, matches, parser::Leniencies};

const LOOSE: Leniencies = Leniencies {
    sub_attribute_after_brackets: Leniency::Accept,
    loose_values: Leniency::Accept,
    loose_paths: Leniency::Accept,
};

/// The built-in types, a User extension and a type of our own with the attribute types and shapes
/// that those lack.
fn registry() -> Registry {
    let staff = json!({
        "schemas": [builtin::SCHEMA],
        "id": "urn:example:staff:2.0",
        "name": "Staff",
        "attributes": [
            {"name": "level", "type": "integer", "multiValued": false},
            {"name": "ratio", "type": "decimal", "multiValued": false},
            {"name": "tags", "type": "string", "multiValued": true},
            {"name": "Codes", "type": "string", "multiValued": true, "caseExact": true},
            {"name": "hired", "type": "dateTime", "multiValued": false},
            {"name": "pin", "type": "string", "multiValued": false, "mutability": "writeOnly", "returned": "never"},
            {"name": "keys", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "value", "type": "string", "multiValued": false, "returned": "never"},
                {"name": "label", "type": "string", "multiValued": false},
            ]},
            {"name": "scores", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "value", "type": "integer", "multiValued": false},
                {"name": "not", "type": "string", "multiValued": false},
                {"name": "primary", "type": "boolean", "multiValued": false},
            ]},
        ],
    });
    let users = json!({
        "schemas": [builtin::RESOURCE_TYPE],
        "id": "User",
        "name": "User",
        "endpoint": "/Users",
        "schema": builtin::USER,
        "schemaExtensions": [
            {"schema": builtin::ENTERPRISE_USER, "required": false},
            {"schema": "urn:example:staff:2.0", "required": false},
        ],
    });
    Registry::builtin().with_documents(&[staff, users]).unwrap()
}

fn users(registry: &Registry) -> &ResourceType {
    registry.resource_type("User").unwrap()
}

fn parse(text: &str) -> Filter {
    Filter::parse(text, &Limits::FILTER, &Leniencies::default()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn compile(text: &str, options: CompileOptions) -> Result<Predicate, ScimError> {
    let registry = registry();
    Predicate::compile(&parse(text), &registry, users(&registry), false, options)
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

fn holds(text: &str, document: &Value) -> bool {
    let predicate = compile(text, CompileOptions::default()).unwrap_or_else(|error| panic!("{text}: {error}"));
    matches::resource(&predicate, object(document))
}
