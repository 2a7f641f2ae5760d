//! The examples of RFC 7643 §8, named after their sections.
//!
//! The documents are those of the RFC with the line breaks inside strings taken out and, in §8.7,
//! without the descriptions.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in the functions that its tests share too"
)]

use std::collections::BTreeSet;

use scim_schema::{
    Registry, Schema, builtin, json,
    validate::{Coercion, UnknownAttributes, Write, accept},
};
use serde_json::{Map, Value};

const MAX_DEPTH: usize = 32;

fn object(text: &str) -> Map<String, Value> {
    json::parse_object(text.as_bytes(), MAX_DEPTH).unwrap()
}

fn list(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

/// The strict connection takes the example, but for what is kept elsewhere and what is read-only.
fn accepted(type_name: &str, text: &str, elsewhere: &[&str]) -> scim_schema::validate::Accepted {
    let registry = Registry::builtin();
    let resource_type = registry.resource_type(type_name).unwrap();
    let accepted = accept(&registry, resource_type, object(text), Write::Create, &Coercion::default(), &[]).unwrap();
    let mut expected = object(text);
    expected.retain(|name, _| !elsewhere.contains(&name.as_str()));
    let mut stored = accepted.resource.document().clone();
    stored.sort_keys();
    expected.sort_keys();
    if let Some(Value::Object(manager)) =
        expected.get_mut(builtin::ENTERPRISE_USER).and_then(|extension| extension.get_mut("manager"))
    {
        manager.retain(|name, _| name == "value");
    }
    assert_eq!(Value::Object(stored), Value::Object(expected));
    accepted
}

#[test]
fn rfc7643_8_1_minimal_user() {
    accepted("User", include_str!("rfc7643/8_1_minimal_user.json"), &["id", "meta"]);
}

#[test]
fn rfc7643_8_2_full_user() {
    let text = include_str!("rfc7643/8_2_full_user.json");
    let accepted = accepted("User", text, &["id", "meta", "groups", "password"]);
    assert_eq!(accepted.password.as_deref(), Some("t1meMa$heen"));
    assert!(accepted.cleared.is_empty());
}

#[test]
fn rfc7643_8_3_enterprise_user() {
    let text = include_str!("rfc7643/8_3_enterprise_user.json");
    let accepted = accepted("User", text, &["id", "meta", "groups", "password"]);
    let extension = accepted.resource.container(Some(builtin::ENTERPRISE_USER)).unwrap();
    assert_eq!(extension["manager"], serde_json::json!({"value": "26118915-6090-4610-87e4-49d8ca9f808d"}));
}

#[test]
fn rfc7643_8_4_group() {
    let accepted = accepted("Group", include_str!("rfc7643/8_4_group.json"), &["id", "meta", "members"]);
    let members = accepted.members.unwrap();
    let ids: Vec<&str> = members.iter().map(|member| member.value.as_str()).collect();
    assert_eq!(ids, ["2819c223-7f76-453a-919d-413861904646", "902c246b-6245-4190-8e05-00816be7344a"]);
}

#[test]
fn rfc7643_8_5_service_provider_config() {
    let schemas = builtin::discovery_schemas();
    let schema = schemas.iter().find(|schema| schema.urn.is(builtin::SERVICE_PROVIDER_CONFIG)).unwrap();
    every_name_is_declared(schema, &object(include_str!("rfc7643/8_5_service_provider_config.json")));
}

#[test]
fn rfc7643_8_6_resource_types() {
    let documents = list(include_str!("rfc7643/8_6_resource_types.json"));
    let schemas = builtin::discovery_schemas();
    let schema = schemas.iter().find(|schema| schema.urn.is(builtin::RESOURCE_TYPE)).unwrap();
    let registry = Registry::builtin().with_documents(&documents).unwrap();
    for mut document in documents {
        let members = document.as_object_mut().unwrap();
        every_name_is_declared(schema, members);
        members.remove("meta");
        let resource_type = registry.resource_type(members["name"].as_str().unwrap()).unwrap();
        assert_eq!(resource_type.to_document(), document);
    }
}

#[test]
fn rfc7643_8_7_1_resource_schemas_are_read_and_printed() {
    for document in list(include_str!("rfc7643/8_7_1_resource_schemas.json")) {
        read_and_printed(&document);
    }
}

#[test]
fn rfc7643_8_7_2_service_provider_schemas_are_read_and_printed() {
    for document in list(include_str!("rfc7643/8_7_2_service_provider_schemas.json")) {
        read_and_printed(&document);
    }
}

/// RFC 7643 §4, §4.1, §4.1.1, §4.1.2, §4.2, §4.3, §10.
/// The built-in schemas are those of §8.7.1 with exactly the changes that its prose calls for.
#[test]
fn rfc7643_8_7_1_built_in_schemas_differ_where_the_prose_does() {
    let registry = Registry::builtin();
    let built_in: Vec<&Schema> = registry.schemas().iter().map(AsRef::as_ref).collect();
    let differences = differences(&built_in, &list(include_str!("rfc7643/8_7_1_resource_schemas.json")));
    expect_test::expect![[r"
        + addresses.primary Boolean multi=false required=false exact=false ReadWrite Default None [] []
        + displayName String multi=false required=true exact=false ReadWrite Default Server [] []
        + members.display String multi=false required=false exact=false ReadOnly Default None [] []
        - displayName String multi=false required=false exact=false ReadWrite Default None [] []"]]
    .assert_eq(&differences.join("\n"));
}

/// RFC 7643 §10.
/// The schemas of discovery likewise: `schemaExtensions` is an optional list (§6), the `id` of a schema
/// is always returned (§7), `binary` is a type (§2.3), and what §5 and RFC 9865 §4 have beyond the
/// example is declared.
#[test]
fn rfc7643_8_7_2_built_in_schemas_differ_where_the_prose_does() {
    let discovery = builtin::discovery_schemas();
    let built_in: Vec<&Schema> = discovery.iter().collect();
    let differences = differences(&built_in, &list(include_str!("rfc7643/8_7_2_service_provider_schemas.json")));
    expect_test::expect![[r#"
        + attributes.type String multi=false required=true exact=false ReadOnly Default None ["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"] []
        + authenticationSchemes.primary Boolean multi=false required=false exact=false ReadOnly Default None [] []
        + authenticationSchemes.type String multi=false required=true exact=false ReadOnly Default None ["oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"] []
        + etag Complex multi=false required=true exact=false ReadOnly Default None [] []
        + etag.supported Boolean multi=false required=true exact=false ReadOnly Default None [] []
        + id String multi=false required=true exact=false ReadOnly Always None [] []
        + pagination Complex multi=false required=false exact=false ReadOnly Default None [] []
        + pagination.cursor Boolean multi=false required=true exact=false ReadOnly Default None [] []
        + pagination.cursorTimeout Integer multi=false required=false exact=false ReadOnly Default None [] []
        + pagination.defaultPageSize Integer multi=false required=false exact=false ReadOnly Default None [] []
        + pagination.defaultPaginationMethod String multi=false required=false exact=false ReadOnly Default None ["cursor", "index"] []
        + pagination.index Boolean multi=false required=true exact=false ReadOnly Default None [] []
        + pagination.maxPageSize Integer multi=false required=false exact=false ReadOnly Default None [] []
        + schemaExtensions Complex multi=true required=false exact=false ReadOnly Default None [] []
        - attributes.type String multi=false required=true exact=false ReadOnly Default None ["string", "complex", "boolean", "decimal", "integer", "dateTime", "reference"] []
        - id String multi=false required=true exact=false ReadOnly Default None [] []
        - schemaExtensions Complex multi=false required=true exact=false ReadOnly Default None [] []"#]].assert_eq(&differences.join("\n"));
}

/// One line for each definition that only one side has.
fn differences(built_in: &[&Schema], documents: &[Value]) -> Vec<String> {
    let mut differences = BTreeSet::new();
    assert_eq!(built_in.len(), documents.len());
    for document in documents {
        let printed = Schema::parse(document).unwrap();
        let built_in = built_in.iter().find(|schema| schema.urn == printed.urn).unwrap();
        assert_eq!(built_in.urn.as_str(), printed.urn.as_str());
        assert_eq!(built_in.name, printed.name);
        let (ours, theirs) = (characteristics(built_in), characteristics(&printed));
        for change in ours.difference(&theirs) {
            differences.insert(format!("+ {change}"));
        }
        for change in theirs.difference(&ours) {
            differences.insert(format!("- {change}"));
        }
    }
    differences.into_iter().collect()
}

/// One line for each attribute and sub-attribute.
fn characteristics(schema: &Schema) -> BTreeSet<String> {
    let line = |name: String, attribute: &scim_schema::Attribute| {
        format!(
            "{name} {:?} multi={} required={} exact={} {:?} {:?} {:?} {:?} {:?}",
            attribute.attr_type,
            attribute.multi_valued,
            attribute.required,
            attribute.case_exact,
            attribute.mutability,
            attribute.returned,
            attribute.uniqueness,
            attribute.canonical_values,
            attribute.reference_types,
        )
    };
    let mut lines = BTreeSet::new();
    for attribute in &schema.attributes {
        lines.insert(line(attribute.name.clone(), attribute));
        for sub in &attribute.sub_attributes {
            lines.insert(line(format!("{}.{}", attribute.name, sub.name), sub));
        }
    }
    lines
}

/// A printed document says at least what was read, and reads back to the same.
fn read_and_printed(document: &Value) {
    let schema = Schema::parse(document).unwrap();
    let printed = schema.to_document();
    let again = Schema::parse(&printed).unwrap();
    assert_eq!(again.attributes, schema.attributes);
    assert_eq!(again.urn.as_str(), schema.urn.as_str());
    let mut expected = document.clone();
    expected.as_object_mut().unwrap().remove("meta");
    includes(&printed, &expected, "");
}

/// Whether `whole` holds everything that `part` does. `caseExact` of a complex attribute and empty
/// lists say nothing and are not printed.
fn includes(whole: &Value, part: &Value, pointer: &str) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (name, value) in part {
                let says_nothing = value == &Value::Array(Vec::new())
                    || name == "caseExact" && whole.get("type") == Some(&Value::from("complex"));
                if !says_nothing {
                    let inner = whole.get(name).unwrap_or_else(|| panic!("{pointer}/{name} is missing"));
                    includes(inner, value, &format!("{pointer}/{name}"));
                }
            }
        }
        (Value::Array(whole), Value::Array(part)) => {
            assert_eq!(whole.len(), part.len(), "{pointer}");
            for (index, (whole, part)) in whole.iter().zip(part).enumerate() {
                includes(whole, part, &format!("{pointer}/{index}"));
            }
        }
        (whole, part) => assert_eq!(whole, part, "{pointer}"),
    }
}

fn every_name_is_declared(schema: &Schema, document: &Map<String, Value>) {
    for (name, value) in document {
        if matches!(name.as_str(), "schemas" | "id" | "meta") {
            continue;
        }
        let attribute = schema.attribute(name).unwrap_or_else(|| panic!("{name}"));
        let objects = match value {
            Value::Array(elements) => elements.as_slice(),
            single => std::slice::from_ref(single),
        };
        assert_eq!(attribute.multi_valued, value.is_array(), "{name}");
        for name in objects.iter().filter_map(Value::as_object).flat_map(Map::keys) {
            assert!(attribute.sub_attribute(name).is_some(), "{}.{name}", attribute.name);
        }
    }
}

/// RFC 7643 §3.3.
/// What an answer holds can be sent back under `unknown_attributes=reject`: nothing in it is unknown.
#[test]
fn rfc7643_3_example_with_an_extension() {
    let text = r#"{
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
                    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "id": "2819c223-7f76-453a-413861904646",
        "externalId": "701984",
        "userName": "bjensen@example.com",
        "name": {
            "formatted": "Ms. Barbara J Jensen, III",
            "familyName": "Jensen",
            "givenName": "Barbara",
            "middleName": "Jane",
            "honorificPrefix": "Ms.",
            "honorificSuffix": "III"
        },
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": "701984",
            "costCenter": "4130"
        },
        "meta": {
            "resourceType": "User",
            "created": "2010-01-23T04:56:22Z",
            "lastModified": "2011-05-13T04:42:34Z",
            "version": "W\/\"3694e05e9dff591\"",
            "location": "https://example.com/v2/Users/2819c223-7f76-453a-413861904646"
        }
    }"#;
    assert_eq!(Coercion::default().unknown_attributes, UnknownAttributes::Reject);
    accepted("User", text, &["id", "meta"]);
}
