//! Resources, dialects and one way to run operations.

use std::{collections::BTreeSet, sync::Arc};

use scim_filter::{parser::Leniencies, predicate::CompileOptions};
use scim_patch::{
    Dialect, MemberDelta, PatchRequest, Patched, apply,
    dialect::{ComplexValues, ReadOnlyInput, UnmatchedValueFilter},
    password::password,
};
use scim_schema::{
    Registry, Resource, ResourceType, ScimError, ScimType,
    validate::{self, Coercion, Leniency::Accept, MemberValue, UnknownAttributes},
};
use serde_json::{Map, Value, json};

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(crate) const CUSTOM: &str = "urn:example:schemas:custom:2.0:User";
pub(crate) const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The RFCs and nothing else.
pub(crate) fn strict() -> Dialect {
    Dialect::default()
}

/// The leniencies of the preset `generic`.
pub(crate) fn generic() -> Dialect {
    Dialect {
        coercion: Coercion {
            string_booleans: Accept,
            object_for_array: Accept,
            duplicate_primary: Accept,
            unknown_attributes: UnknownAttributes::Ignore,
            ..Coercion::default()
        },
        grammar: Leniencies { sub_attribute_after_brackets: Accept, ..Leniencies::default() },
        names: CompileOptions { string_booleans: Accept, ..CompileOptions::default() },
        remove_members_by_value: Accept,
        empty_operations: Accept,
        ..Dialect::default()
    }
}

/// The leniencies of the presets of named identity providers.
pub(crate) fn provider() -> Dialect {
    Dialect {
        coercion: Coercion {
            string_booleans: Accept,
            object_for_array: Accept,
            number_for_string: Accept,
            bare_string_element: Accept,
            array_for_single: Accept,
            string_manager: Accept,
            any_schemas: Accept,
            duplicate_primary: Accept,
            loose_references: Accept,
            unknown_attributes: UnknownAttributes::Keep,
        },
        grammar: Leniencies { sub_attribute_after_brackets: Accept, loose_values: Accept, loose_paths: Accept },
        names: CompileOptions { string_booleans: Accept, bare_extension_names: Accept, loose_values: Accept },
        remove_members_by_value: Accept,
        empty_operations: Accept,
        string_value_object: Accept,
        remove_without_path: Accept,
        read_only: ReadOnlyInput::Ignore,
        unmatched: UnmatchedValueFilter::Create,
        complex: ComplexValues::Merge,
    }
}

/// The built-in schemas, and an extension of User with an attribute of every awkward kind.
pub(crate) fn registry() -> Registry {
    let text = |name: &str| json!({"name": name, "type": "string", "multiValued": false});
    let with = |mut attribute: Value, key: &str, value: Value| {
        attribute[key] = value;
        attribute
    };
    let primary = json!({"name": "primary", "type": "boolean", "multiValued": false});
    let schema = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": CUSTOM,
        "name": "Custom",
        "attributes": [
            with(text("tags"), "multiValued", json!(true)),
            with(text("badge"), "mutability", json!("immutable")),
            with(text("rank"), "mutability", json!("readOnly")),
            with(text("payroll"), "required", json!(true)),
            {"name": "hired", "type": "dateTime", "multiValued": false, "mutability": "immutable"},
            {"name": "desk", "type": "complex", "multiValued": false, "subAttributes": [
                text("floor"),
                with(text("serial"), "mutability", json!("immutable")),
                with(text("site"), "required", json!(true)),
                with(text("keys"), "multiValued", json!(true))
            ]},
            {"name": "devices", "type": "complex", "multiValued": true, "subAttributes": [
                text("value"),
                text("type"),
                with(text("serial"), "mutability", json!("immutable")),
                with(text("state"), "mutability", json!("readOnly")),
                primary
            ]}
        ]
    });
    let resource_type = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "User",
        "name": "User",
        "endpoint": "/Users",
        "schema": USER,
        "schemaExtensions": [
            {"schema": ENTERPRISE, "required": false},
            {"schema": CUSTOM, "required": false}
        ]
    });
    Registry::builtin().with_documents(&[schema, resource_type]).expect("the custom schema is right")
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("no object: {other}"),
    }
}

/// A user with some of everything.
pub(crate) fn ada() -> Value {
    json!({
        "schemas": [USER, ENTERPRISE],
        "userName": "ada@ex.com",
        "externalId": "701984",
        "displayName": "Ada Byron",
        "title": "Countess",
        "active": true,
        "name": {"givenName": "Ada", "familyName": "Byron", "formatted": "Ada Byron"},
        "emails": [
            {"value": "ada@ex.com", "type": "work", "primary": true},
            {"value": "ada@home.org", "type": "home"}
        ],
        "addresses": [
            {"type": "work", "streetAddress": "1 Old Street", "locality": "London", "primary": false},
            {"type": "home", "streetAddress": "2 Hill", "locality": "Bath", "primary": true}
        ],
        ENTERPRISE: {"department": "Maths", "manager": {"value": "m1"}}
    })
}

pub(crate) fn team() -> Value {
    json!({"schemas": [GROUP], "displayName": "Team A", "externalId": "9"})
}

/// What the server keeps apart from the document.
pub(crate) fn kept_apart() -> Map<String, Value> {
    object(json!({
        "id": "id-1",
        "meta": {
            "resourceType": "User",
            "created": "2026-01-01T00:00:00.000Z",
            "lastModified": "2026-01-02T00:00:00.000Z",
            "location": "https://x/scim/v2/c1/Users/id-1",
            "version": "W/\"1\""
        },
        "groups": [{"value": "g1", "$ref": "https://x/scim/v2/c1/Groups/g1", "display": "Team A", "type": "direct"}]
    }))
}

pub(crate) fn resource_type(registry: &Registry, name: &str) -> Arc<ResourceType> {
    Arc::clone(registry.resource_type(name).expect("a known resource type"))
}

/// Runs operations on a resource of the type and checks what holds after every success.
pub(crate) fn run(name: &str, before: &Value, operations: &Value, dialect: &Dialect) -> Result<Patched, ScimError> {
    let registry = registry();
    let resource_type = resource_type(&registry, name);
    let body = object(json!({"schemas": [PATCH_OP], "Operations": operations}));
    let request = PatchRequest::parse(body, dialect, 1_000)?;
    let resource = Resource::from_document(object(before.clone()));
    let patched = apply(&registry, &resource_type, &resource, &kept_apart(), &request, dialect)?;
    check_invariant(&Value::Object(patched.resource.document().clone()));
    assert_eq!(patched.password, password(&resource_type, &request, dialect), "read without the resource");
    assert_eq!(patched.changed.is_empty(), patched.resource == resource, "`changed` tells of every change");
    Ok(patched)
}

/// Runs operations on a user.
pub(crate) fn patch_user(before: &Value, operations: &Value, dialect: &Dialect) -> Result<Patched, ScimError> {
    run("User", before, operations, dialect)
}

/// The user after operations that succeed.
pub(crate) fn user_after(before: &Value, operations: &Value, dialect: &Dialect) -> Value {
    let patched = patch_user(before, operations, dialect).expect("the operations succeed");
    validate::finished(&resource_type(&registry(), "User"), &patched.resource).expect("the user is complete");
    Value::Object(patched.resource.into_document())
}

/// The key word of the refusal.
pub(crate) fn refusal(result: Result<Patched, ScimError>) -> ScimType {
    match result {
        Ok(patched) => panic!("it was accepted: {patched:?}"),
        Err(error) => {
            assert_eq!(error.status, 400, "{error}");
            error.scim_type.expect("a key word")
        }
    }
}

/// What operations do to the members of a group.
pub(crate) fn deltas(operations: &Value, dialect: &Dialect) -> Vec<MemberDelta> {
    let patched = run("Group", &team(), operations, dialect).expect("the operations succeed");
    assert!(patched.resource.document().get("members").is_none(), "members are no part of the document");
    patched.members
}

pub(crate) fn member(id: &str) -> MemberValue {
    MemberValue { value: id.to_owned(), member_type: None }
}

pub(crate) fn keys(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The invariant of `Resource`: no `null`, `[]`, `{}` among the declared, at most one `primary`.
fn check_invariant(value: &Value) {
    match value {
        Value::Null => panic!("a null is left"),
        Value::Array(elements) => {
            assert!(!elements.is_empty(), "an empty array is left");
            let primaries = elements.iter().filter(|element| element.get("primary") == Some(&json!(true))).count();
            assert!(primaries <= 1, "{primaries} primary elements");
            elements.iter().for_each(check_invariant);
        }
        Value::Object(members) => {
            assert!(!members.is_empty(), "an empty object is left");
            members.values().for_each(check_invariant);
        }
        _ => {}
    }
}
