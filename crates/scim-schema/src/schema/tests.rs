use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::Schema;
use crate::{Registry, builtin};

fn refused(document: &Value, expected: &Expect) {
    expected.assert_eq(&Schema::parse(document).expect_err("faulty").to_string());
}

fn with_attribute(attribute: &Value) -> Value {
    json!({"id": "urn:d", "attributes": [{"name": "first"}, attribute]})
}

#[test]
fn built_in_schemas_round_trip() {
    let registry = Registry::builtin();
    let discovery = builtin::discovery_schemas();
    for schema in registry.schemas().iter().map(AsRef::as_ref).chain(&discovery) {
        let again = Schema::parse(&schema.to_document()).unwrap();
        assert_eq!(again.to_document(), schema.to_document());
        assert_eq!(again.attributes.len(), schema.attributes.len());
    }
}

/// RFC 7643 §2.2.
#[test]
fn absent_characteristics_have_the_defaults_of_rfc7643_2_2() {
    let schema = Schema::parse(&json!({"id": "urn:example:Device", "attributes": [{"name": "a"}]})).unwrap();
    assert_eq!(schema.name, "Device");
    assert_eq!(
        schema.to_document(),
        json!({
            "schemas": [builtin::SCHEMA],
            "id": "urn:example:Device",
            "name": "Device",
            "attributes": [{
                "name": "a",
                "type": "string",
                "multiValued": false,
                "required": false,
                "caseExact": false,
                "mutability": "readWrite",
                "returned": "default",
                "uniqueness": "none",
            }],
        })
    );
}

#[test]
fn rfc7643_2_1_names_follow_the_grammar() {
    let parsed = |name: &str| Schema::parse(&json!({"id": "urn:d", "attributes": [{"name": name}]}));
    for name in ["a", "Z9", "costCenter", "a-b", "a_b", "a$b", "$ref"] {
        assert_eq!(parsed(name).unwrap().attributes[0].name, name);
    }
    for name in ["", "9a", "-a", "_a", "$a", "a b", "a.b", "a:b", "ä", "aä", "a\u{0}"] {
        assert!(parsed(name).is_err(), "{name}");
    }
}

#[test]
fn member_names_in_any_case_and_our_key_word() {
    let document = json!({"ID": "urn:d", "Attributes": [{"NAME": "a", "multivalued": true, "searchable": true}]});
    let schema = Schema::parse(&document).unwrap();
    let attribute = schema.attribute("A").unwrap();
    assert!(attribute.multi_valued && attribute.searchable);
    assert!(!schema.to_document().to_string().contains("searchable"));
}

#[test]
fn faulty_documents_are_refused_with_a_pointer() {
    refused(&json!("urn:d"), &expect!["at : must be an object, but is a string"]);
    refused(&json!({"attributes": []}), &expect![[r#"at : lacks "id", which is required"#]]);
    refused(&json!({"id": "urn:d"}), &expect![[r#"at : lacks "attributes", which is required"#]]);
    refused(&json!({"id": " ", "attributes": []}), &expect!["at /id: must not be empty"]);
    refused(
        &json!({"id": "urn: d", "attributes": []}),
        &expect!["at /id: must be a URI, which has no blanks and no control characters"],
    );
    for no_uri in ["foo", ":foo", "1:foo", "/a:b"] {
        refused(
            &json!({"id": no_uri, "attributes": []}),
            &expect![[
                r#"at /id: must be a URI, which begins with a scheme, as in "urn:example:params:scim:schemas:Device""#
            ]],
        );
    }
    refused(&json!({"id": "urn:d", "attributes": {}}), &expect!["at /attributes: must be an array, but is an object"]);
    refused(
        &json!({"id": "urn:d", "attributes": [1]}),
        &expect!["at /attributes/0: must be an object, but is a number"],
    );
    refused(
        &json!({"id": "urn:d", "attributes": [], "a/b~c": 1}),
        &expect![
            "at /a~1b~0c: is not a known member; the known ones are schemas, id, name, description, attributes, meta"
        ],
    );
    refused(
        &json!({"id": "urn:d", "attributes": [], "ID": "urn:e"}),
        &expect![[r#"at /ID: says again what another spelling of "id" says"#]],
    );
    refused(
        &json!({"schemas": "x", "id": "urn:d", "attributes": []}),
        &expect!["at /schemas: must be an array, but is a string"],
    );
    refused(
        &json!({"schemas": [], "id": "urn:d", "attributes": []}),
        &expect![[r#"at /schemas: must contain "urn:ietf:params:scim:schemas:core:2.0:Schema""#]],
    );
}

/// RFC 7643 §2.1, §2.3.2, §2.3.8.
#[test]
fn faulty_attributes_are_refused_with_a_pointer() {
    let refused = |attribute: Value, expected: &Expect| refused(&with_attribute(&attribute), expected);
    refused(json!({}), &expect![[r#"at /attributes/1: lacks "name", which is required"#]]);
    refused(
        json!({"name": "FIRST"}),
        &expect![[r#"at /attributes/1/name: "FIRST" is declared twice; names are compared ignoring case"#]],
    );
    refused(
        json!({"name": "a.b"}),
        &expect![[
            r#"at /attributes/1/name: "a.b" is no attribute name: a letter, then letters, digits, "$", "-" and "_""#
        ]],
    );
    refused(
        json!({"name": "a", "type": "text"}),
        &expect![[
            r#"at /attributes/1/type: "text" is none of string, boolean, decimal, integer, dateTime, binary, reference, complex"#
        ]],
    );
    refused(
        json!({"name": "a", "mutability": "readonly"}),
        &expect![[r#"at /attributes/1/mutability: "readonly" is none of readOnly, readWrite, immutable, writeOnly"#]],
    );
    refused(
        json!({"name": "a", "returned": "sometimes"}),
        &expect![[r#"at /attributes/1/returned: "sometimes" is none of always, never, default, request"#]],
    );
    refused(
        json!({"name": "a", "uniqueness": true}),
        &expect!["at /attributes/1/uniqueness: must be a string, but is a boolean"],
    );
    refused(
        json!({"name": "a", "multiValued": "true"}),
        &expect!["at /attributes/1/multiValued: must be true or false, but is a string"],
    );
    refused(
        json!({"name": "a", "canonicalValues": ["x", 1]}),
        &expect!["at /attributes/1/canonicalValues/1: must be a string, but is a number"],
    );
    refused(
        json!({"name": "a", "mutable": true}),
        &expect![
            "at /attributes/1/mutable: is not a known member; the known ones are name, type, multiValued, description, required, canonicalValues, caseExact, mutability, returned, uniqueness, referenceTypes, subAttributes, searchable"
        ],
    );
    refused(
        json!({"name": "a", "referenceTypes": ["User"]}),
        &expect!["at /attributes/1/referenceTypes: only references have reference types, and this one is string"],
    );
    refused(
        json!({"name": "a", "subAttributes": [{"name": "b"}]}),
        &expect!["at /attributes/1/subAttributes: only complex attributes have sub-attributes, and this one is string"],
    );
    refused(
        json!({"name": "a", "type": "complex"}),
        &expect![[r#"at /attributes/1: a complex attribute needs "subAttributes", else it can hold nothing"#]],
    );
    refused(
        json!({"name": "a", "type": "complex", "subAttributes": [{"name": "b", "type": "complex", "subAttributes": [{"name": "c"}]}]}),
        &expect![
            "at /attributes/1/subAttributes/0/type: a complex attribute cannot hold a complex one (RFC 7643 §2.3.8)"
        ],
    );
    refused(
        json!({"name": "a", "type": "boolean", "uniqueness": "server"}),
        &expect![[r#"at /attributes/1/uniqueness: a boolean attribute has no uniqueness (RFC 7643 §2.3); say "none""#]],
    );
    refused(
        json!({"name": "a", "returned": "never", "searchable": true}),
        &expect!["at /attributes/1/searchable: a value that is never returned cannot be searched for"],
    );
    refused(
        json!({"name": "a", "type": "complex", "subAttributes": [{"name": "b"}], "searchable": true}),
        &expect![[
            r#"at /attributes/1/searchable: a complex attribute is searched by its sub-attribute "value", which this one lacks; mark a sub-attribute instead"#
        ]],
    );
}
