use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::Registry;
use crate::{AttrType, Mutability, Returned, Uniqueness, builtin};

pub(crate) const TEST_RESOURCE: &str = "urn:example:params:scim:schemas:TestResource:1.0";
pub(crate) const TEST_EXTENSION: &str = "urn:example:params:scim:schemas:extension:test:1.0";

/// A resource type with every type, mutability, returned value and uniqueness.
pub(crate) fn test_documents() -> Vec<Value> {
    let mut attributes = vec![json!({"name": "name", "required": true, "uniqueness": "server", "returned": "always"})];
    for attr_type in AttrType::ALL.iter().filter(|attr_type| **attr_type != AttrType::Complex) {
        attributes.push(json!({"name": format!("{}Value", attr_type.as_str()), "type": attr_type.as_str()}));
        attributes.push(json!({
            "name": format!("{}Values", attr_type.as_str()), "type": attr_type.as_str(), "multiValued": true,
        }));
    }
    for mutability in Mutability::ALL {
        attributes.push(json!({"name": format!("{}Text", mutability.as_str()), "mutability": mutability.as_str()}));
    }
    for returned in Returned::ALL {
        attributes.push(json!({"name": format!("{}Returned", returned.as_str()), "returned": returned.as_str()}));
    }
    for uniqueness in Uniqueness::ALL {
        attributes.push(json!({"name": format!("{}Unique", uniqueness.as_str()), "uniqueness": uniqueness.as_str()}));
    }
    let parts = json!([
        {"name": "value", "required": true},
        {"name": "type"},
        {"name": "primary", "type": "boolean"},
        {"name": "fixed", "mutability": "readOnly"},
        {"name": "always", "returned": "always"},
        {"name": "asked", "returned": "request"},
        {"name": "hidden", "returned": "never"},
        {"name": "count", "type": "integer"},
        {"name": "tags", "multiValued": true},
    ]);
    attributes.push(json!({"name": "part", "type": "complex", "subAttributes": parts}));
    attributes.push(json!({
        "name": "parts", "type": "complex", "multiValued": true, "subAttributes": parts, "searchable": true,
    }));
    vec![
        json!({
            "schemas": [builtin::RESOURCE_TYPE],
            "name": "TestResource",
            "endpoint": "/TestResources",
            "schema": TEST_RESOURCE,
            "schemaExtensions": [{"schema": TEST_EXTENSION, "required": true}],
            "meta": {"resourceType": "ResourceType"},
        }),
        json!({"schemas": [builtin::SCHEMA], "id": TEST_RESOURCE, "attributes": attributes}),
        json!({"id": TEST_EXTENSION, "name": "Test", "attributes": [
            {"name": "badge", "required": true},
            {"name": "name", "searchable": true},
            {"name": "asked", "returned": "request"},
        ]}),
        json!({
            "name": "User",
            "endpoint": "Users",
            "schema": builtin::USER,
            "schemaExtensions": [{"schema": TEST_EXTENSION, "required": false}],
        }),
    ]
}

pub(crate) fn test_registry() -> Registry {
    Registry::builtin().with_documents(&test_documents()).unwrap()
}

/// RFC 7643 §3.2.
#[test]
fn documents_in_any_order_make_a_resource_type() {
    let mut reversed = test_documents();
    reversed.reverse();
    for registry in [test_registry(), Registry::builtin().with_documents(&reversed).unwrap()] {
        let resource_type = registry.by_endpoint("testresources").unwrap();
        assert_eq!((resource_type.id.as_str(), resource_type.schema.name.as_str()), ("TestResource", "1.0"));
        assert!(resource_type.extension(&TEST_EXTENSION.to_uppercase()).unwrap().required);
        for attr_type in AttrType::ALL.iter().filter(|attr_type| **attr_type != AttrType::Complex) {
            let single = resource_type.attribute(&format!("{}Value", attr_type.as_str())).unwrap();
            assert_eq!((single.attr_type, single.multi_valued), (*attr_type, false));
        }
    }
}

/// RFC 7643 §3.3.
#[test]
fn a_document_adds_an_extension_to_a_built_in_type() {
    let registry = test_registry();
    let user = registry.resource_type("User").unwrap();
    let urns: Vec<&str> = user.extensions.iter().map(|extension| extension.schema.urn.as_str()).collect();
    assert_eq!(urns, [builtin::ENTERPRISE_USER, TEST_EXTENSION]);
    assert_eq!(user.endpoint, "/Users");
    assert_eq!(registry.resource_types().len(), 3);
    assert_eq!(Registry::builtin().resource_type("User").unwrap().extensions.len(), 1);
}

/// RFC 7643 §6.
#[test]
fn resource_type_documents_round_trip() {
    let registry = test_registry();
    let mut documents: Vec<Value> = registry.resource_types().iter().map(|one| one.to_document()).collect();
    documents.extend(test_documents().into_iter().filter(|document| document.get("attributes").is_some()));
    let again = Registry::builtin().with_documents(&documents).unwrap();
    for (one, other) in registry.resource_types().iter().zip(again.resource_types()) {
        assert_eq!(one.to_document(), other.to_document());
    }
}

fn refused(documents: &[Value], expected: &Expect) {
    let (index, error) = Registry::builtin().with_documents(documents).expect_err("faulty");
    expected.assert_eq(&format!("{index} {error}"));
}

fn schema(urn: &str) -> Value {
    json!({"id": urn, "attributes": [{"name": "a"}]})
}

/// RFC 7643 §6, §10.
#[test]
fn faulty_documents_are_refused() {
    let device = json!({"name": "Device", "endpoint": "/Devices", "schema": "urn:d"});
    let with = |member: &str, value: Value| {
        let mut document = device.clone();
        document[member] = value;
        document
    };
    refused(&[json!([])], &expect!["0 at : must be an object, but is an array"]);
    refused(
        &[json!({})],
        &expect![[r#"0 at : is neither a Schema (with "attributes") nor a ResourceType (with "endpoint")"#]],
    );
    refused(
        &[schema("urn:d"), schema("URN:D")],
        &expect![[r#"1 at /id: "URN:D" is already a schema here; give yours another URN"#]],
    );
    refused(
        &[schema(builtin::USER)],
        &expect![[
            r#"0 at /id: "urn:ietf:params:scim:schemas:core:2.0:User" is already a schema here; give yours another URN"#
        ]],
    );
    refused(
        &[schema(builtin::ERROR)],
        &expect![[
            r#"0 at /id: "urn:ietf:params:scim:api:messages:2.0:Error" belongs to the protocol; give yours another URN"#
        ]],
    );
    refused(
        std::slice::from_ref(&device),
        &expect![[r#"0 at /schema: there is no schema "urn:d"; load its Schema document with this one"#]],
    );
    refused(
        &[device.clone(), schema("urn:d"), device.clone()],
        &expect![[r#"2 at /name: "Device" is the name of two of these documents"#]],
    );
    refused(
        &[schema("urn:d"), with("endpoint", json!("/users"))],
        &expect![[r#"1 at /endpoint: "/users" is already the endpoint of User"#]],
    );
    refused(
        &[schema("urn:d"), with("endpoint", json!("/Schemas"))],
        &expect![[r#"1 at /endpoint: "/Schemas" belongs to the protocol (RFC 7644 §3.2)"#]],
    );
    refused(
        &[schema("urn:d"), with("endpoint", json!("/a/b"))],
        &expect![[
            r#"1 at /endpoint: "/a/b" must be one path segment of letters, digits, "-", "_" and "~", as in "/Users""#
        ]],
    );
    refused(
        &[schema("urn:d"), with("endpoint", json!(3))],
        &expect!["1 at /endpoint: must be a string, but is a number"],
    );
    refused(
        &[schema("urn:d"), with("name", json!("a:b"))],
        &expect![[r#"1 at /name: "a:b" must be a letter, then letters, digits, "-" and "_""#]],
    );
    refused(
        &[schema("urn:d"), with("nmae", json!("x"))],
        &expect![
            "1 at /nmae: is not a known member; the known ones are schemas, id, name, description, endpoint, schema, schemaExtensions, meta"
        ],
    );
    refused(
        &[schema("urn:d"), with("schemas", json!([builtin::USER]))],
        &expect![[r#"1 at /schemas: must contain "urn:ietf:params:scim:schemas:core:2.0:ResourceType""#]],
    );
    refused(
        &[schema("urn:d"), with("schemaExtensions", json!([{"schema": "urn:x"}]))],
        &expect![[
            r#"1 at /schemaExtensions/0/schema: there is no schema "urn:x"; load its Schema document with this one"#
        ]],
    );
    refused(
        &[schema("urn:d"), with("schemaExtensions", json!([{"schema": "urn:d"}]))],
        &expect!["1 at /schemaExtensions/0/schema: is the core schema of this resource type already"],
    );
    refused(
        &[
            schema("urn:d"),
            schema("urn:x"),
            with("schemaExtensions", json!([{"schema": "urn:x"}, {"schema": "urn:X"}])),
        ],
        &expect!["2 at /schemaExtensions/1/schema: is listed twice"],
    );
    refused(
        &[schema("urn:d"), with("schemaExtensions", json!([{"required": true}]))],
        &expect![[r#"1 at /schemaExtensions/0: lacks "schema", which is required"#]],
    );
    refused(
        &[json!({"name": "User", "endpoint": "/People", "schema": builtin::USER})],
        &expect![[r#"0 at /endpoint: the endpoint of User is "/Users" and stays so"#]],
    );
    refused(
        &[json!({"name": "User", "endpoint": "/Users", "schema": builtin::GROUP})],
        &expect![[r#"0 at /schema: the schema of User is "urn:ietf:params:scim:schemas:core:2.0:User" and stays so"#]],
    );
    refused(
        &[json!({"name": "user", "endpoint": "/Users", "schema": builtin::USER})],
        &expect![[r#"0 at /name: is "User" in this spelling"#]],
    );
}

#[test]
fn built_in_searchable_attributes() {
    let registry = Registry::builtin();
    let keys = |name: &str| {
        let resource_type = registry.resource_type(name).unwrap();
        resource_type.searchable_attributes().map(|at| at.key()).collect::<Vec<_>>()
    };
    assert_eq!(
        keys("User"),
        [
            "emails.value",
            "phoneNumbers.value",
            "entitlements.value",
            "roles.value",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
        ]
    );
    assert!(keys("Group").is_empty());
}

#[test]
fn unique_attributes_by_resource_type() {
    let registry = test_registry();
    let keys = |name: &str| {
        let resource_type = registry.resource_type(name).unwrap();
        resource_type.unique_attributes().map(|at| at.key()).collect::<Vec<_>>()
    };
    assert_eq!(keys("User"), ["userName"]);
    assert_eq!(keys("Group"), ["displayName"]);
    assert_eq!(keys("TestResource"), ["name", "serverUnique", "globalUnique"]);
}

#[test]
fn what_is_not_offered_is_not_declared() {
    let registry = Registry::builtin()
        .without(builtin::USER, "PASSWORD", None)
        .without(builtin::GROUP, "members", Some("display"))
        .with_uniqueness(builtin::GROUP, "displayName", Uniqueness::None);
    let printed = serde_json::to_string(&registry.schema(builtin::USER).unwrap().to_document()).unwrap();
    assert!(!printed.contains("\"password\""));
    assert!(registry.resource_type("User").unwrap().attribute("password").is_none());
    let group = registry.resource_type("Group").unwrap();
    assert!(group.attribute("members").unwrap().sub_attribute("display").is_none());
    assert_eq!(group.attribute("displayName").unwrap().uniqueness, Uniqueness::None);
    assert!(Registry::builtin().resource_type("User").unwrap().attribute("password").is_some());
}

/// RFC 7643 §3.1.
#[test]
fn a_schema_that_declares_a_common_attribute_is_no_core_schema() {
    let device = json!({"name": "Device", "endpoint": "Devices", "schema": "urn:d"});
    for name in ["ID", "schemas", "externalId", "meta"] {
        let schema = json!({"id": "urn:d", "attributes": [{"name": "a"}, {"name": name, "type": "integer"}]});
        let (index, error) = Registry::builtin().with_documents(&[schema.clone(), device.clone()]).unwrap_err();
        assert_eq!((index, error.pointer.as_str()), (1, "/schema"));
        assert!(error.reason.contains(&format!("declares \"{name}\", which every resource has")), "{error}");
        // An extension's attributes stand in an object of their own.
        let own = json!({"id": "urn:e", "attributes": [{"name": "a"}]});
        let extended = json!({"name": "Device", "endpoint": "Devices", "schema": "urn:e",
            "schemaExtensions": [{"schema": "urn:d"}]});
        Registry::builtin().with_documents(&[schema, own, extended]).unwrap();
    }
    let own = json!({"id": "urn:d", "attributes": [{"name": "a"}]});
    let registry = Registry::builtin().with_documents(&[own, device]).unwrap();
    let device = registry.resource_type("Device").unwrap();
    assert_eq!(device.attribute("id").unwrap().mutability, Mutability::ReadOnly);
    let names: Vec<&str> = device.core_attributes().map(|attribute| attribute.name.as_str()).collect();
    assert_eq!(names, ["schemas", "id", "externalId", "meta", "a"]);
}
