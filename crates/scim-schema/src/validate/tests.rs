use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    Accepted, Coercion, Leniency, MAX_KEY_BYTES, MAX_OPAQUE_BYTES, MAX_STRING_BYTES, UnknownAttributes, Write, accept,
    finished, members, settle_elements, user_name, value,
};
use crate::{
    Registry, Resource, ScimError, ScimType, builtin, json,
    registry::tests::{TEST_EXTENSION, TEST_RESOURCE, test_registry},
};

const STRICT: Coercion = Coercion {
    string_booleans: Leniency::Refuse,
    object_for_array: Leniency::Refuse,
    number_for_string: Leniency::Refuse,
    bare_string_element: Leniency::Refuse,
    array_for_single: Leniency::Refuse,
    string_manager: Leniency::Refuse,
    any_schemas: Leniency::Refuse,
    duplicate_primary: Leniency::Refuse,
    loose_references: Leniency::Refuse,
    unknown_attributes: UnknownAttributes::Reject,
};

const LENIENT: Coercion = Coercion {
    string_booleans: Leniency::Accept,
    object_for_array: Leniency::Accept,
    number_for_string: Leniency::Accept,
    bare_string_element: Leniency::Accept,
    array_for_single: Leniency::Accept,
    string_manager: Leniency::Accept,
    any_schemas: Leniency::Accept,
    duplicate_primary: Leniency::Accept,
    loose_references: Leniency::Accept,
    unknown_attributes: UnknownAttributes::Keep,
};

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other}"),
    }
}

fn described(error: &ScimError) -> String {
    format!("{} {}: {}", error.status, error.scim_type.map_or("-", ScimType::as_str), error.detail)
}

fn accepted(type_name: &str, body: Value, coercion: &Coercion) -> Result<Accepted, ScimError> {
    let registry = test_registry();
    let resource_type = registry.resource_type(type_name).unwrap();
    accept(&registry, resource_type, object(body), Write::Create, coercion, &[])
}

/// What becomes of a user's attributes, besides `schemas` and `userName`.
fn user(attributes: Value, coercion: &Coercion, expected: &Expect) {
    let mut body = object(json!({"schemas": [builtin::USER], "userName": "ada"}));
    body.extend(object(attributes));
    let answer = match accepted("User", Value::Object(body), coercion) {
        Err(error) => described(&error),
        Ok(accepted) => {
            let mut document = accepted.resource.document().clone();
            document.shift_remove("schemas");
            document.shift_remove("userName");
            let mut answer = Value::Object(document).to_string();
            if !accepted.cleared.is_empty() {
                write!(answer, " cleared {:?}", accepted.cleared).unwrap();
            }
            if let Some(password) = accepted.password {
                write!(answer, " password {password}").unwrap();
            }
            answer
        }
    };
    expected.assert_eq(&answer);
}

fn group(attributes: Value, coercion: &Coercion, expected: &Expect) {
    let mut body = object(json!({"schemas": [builtin::GROUP], "displayName": "Crew"}));
    body.extend(object(attributes));
    let answer = match accepted("Group", Value::Object(body), coercion) {
        Err(error) => described(&error),
        Ok(accepted) => match accepted.members {
            None => "none".to_owned(),
            Some(members) => members
                .into_iter()
                .map(|member| format!("{}/{}", member.value, member.member_type.unwrap_or_default()))
                .collect::<Vec<_>>()
                .join(" "),
        },
    };
    expected.assert_eq(&answer);
}

#[test]
fn rfc7643_2_3_8_the_order_of_components_means_nothing() {
    let (one, other) = (json!({"value": "a", "type": "work"}), json!({"type": "work", "value": "a"}));
    let stored = |body: Value| accepted("User", body, &STRICT).unwrap().resource;
    assert_eq!(
        stored(json!({"schemas": [builtin::USER], "userName": "ada", "emails": [one]})),
        stored(json!({"emails": [other], "userName": "ada", "schemas": [builtin::USER]})),
    );
    user(
        json!({"emails": [one, other]}),
        &STRICT,
        &expect![[r#"400 invalidValue: "emails" has the same value and type twice; send each once"#]],
    );
}

/// RFC 7643 §2.1.
#[test]
fn names_in_any_case_get_the_spelling_of_the_schema() {
    user(
        json!({"NAME": {"FAMILYNAME": "Byron"}, "Emails": [{"VALUE": "a@b", "Primary": true}],
            "URN:ietf:params:scim:schemas:extension:enterprise:2.0:USER": {"DEPARTMENT": "Engines"}}),
        &STRICT,
        &expect![[
            r#"{"name":{"familyName":"Byron"},"emails":[{"value":"a@b","primary":true}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Engines"}}"#
        ]],
    );
}

#[test]
fn of_repeated_names_the_last_wins_in_any_case() {
    user(json!({"title": "a", "TITLE": "b"}), &STRICT, &expect![[r#"{"title":"b"}"#]]);
    user(json!({"title": "a", "TITLE": null}), &STRICT, &expect![[r#"{} cleared {"title"}"#]]);
    user(json!({"name": {"givenName": "a", "GIVENNAME": "b"}}), &STRICT, &expect![[r#"{"name":{"givenName":"b"}}"#]]);
    user(json!({"badge": 1, "BADGE": 2, "Badge": 3}), &LENIENT, &expect![[r#"{"Badge":3}"#]]);
    user(
        json!({(builtin::ENTERPRISE_USER): {"department": "a"}, (builtin::ENTERPRISE_USER.to_uppercase()): {"division": "b"}}),
        &STRICT,
        &expect![[r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"division":"b"}}"#]],
    );
}

/// RFC 7643 §3.1, §4.3; RFC 7644 §3.1.
#[test]
fn read_only_attributes_are_ignored_whatever_they_hold() {
    user(
        json!({"id": 7, "meta": "x", "groups": [{"value": "g", "nope": 1}],
            (builtin::ENTERPRISE_USER): {"manager": {"value": "m", "displayName": 1}}}),
        &STRICT,
        &expect![[r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"m"}}}"#]],
    );
}

#[test]
fn rfc7643_2_5_unassigned_values_are_cleared() {
    user(
        json!({"title": null, "emails": [], "name": {}, "roles": [{}, null], "addresses": [{"locality": null}],
            "active": null, "password": null, "externalId": null}),
        &STRICT,
        &expect![[
            r#"{} cleared {"active", "addresses", "emails", "externalId", "name", "password", "roles", "title"}"#
        ]],
    );
    user(
        json!({"name": {"familyName": null, "givenName": "Ada"}}),
        &STRICT,
        &expect![[r#"{"name":{"givenName":"Ada"}} cleared {"name.familyName"}"#]],
    );
    user(
        json!({(builtin::ENTERPRISE_USER): null}),
        &STRICT,
        &expect![[r#"{} cleared {"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"}"#]],
    );
    user(
        json!({(builtin::ENTERPRISE_USER): {"manager": null}}),
        &STRICT,
        &expect![[r#"{} cleared {"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"}"#]],
    );
    user(json!({"title": []}), &STRICT, &expect![[r#"400 invalidValue: "title" must be a string, but is an array"#]]);
    user(
        json!({"emails": {}}),
        &STRICT,
        &expect![[r#"400 invalidValue: "emails" must be an array of objects, but is an object"#]],
    );
}

/// RFC 7643 §2.3.1, §2.3.2, §2.3.6, §2.3.8.
#[test]
fn values_of_a_wrong_type_are_refused() {
    user(json!({"title": 1}), &STRICT, &expect![[r#"400 invalidValue: "title" must be a string, but is a number"#]]);
    user(json!({"name": "Ada"}), &STRICT, &expect![[r#"400 invalidValue: "name" must be an object, but is a string"#]]);
    user(
        json!({"emails": "a@b"}),
        &STRICT,
        &expect![[r#"400 invalidValue: "emails" must be an array of objects, but is a string"#]],
    );
    user(
        json!({"emails": ["a@b"]}),
        &STRICT,
        &expect![[r#"400 invalidValue: "emails" must be an array of objects, but is a string"#]],
    );
    user(
        json!({"emails": {"value": "a@b"}}),
        &STRICT,
        &expect![[r#"400 invalidValue: "emails" must be an array of objects, but is an object"#]],
    );
    user(
        json!({"emails": [{"value": ["a@b"]}]}),
        &STRICT,
        &expect![[r#"400 invalidValue: "emails.value" must be a string, but is an array"#]],
    );
    user(
        json!({"emails": [[{"value": "a@b"}]]}),
        &LENIENT,
        &expect![[r#"400 invalidValue: "emails" must be an array of objects, but is an array"#]],
    );
    user(
        json!({"active": "true"}),
        &STRICT,
        &expect![[r#"400 invalidValue: "active" must be true or false, but is a string"#]],
    );
    user(
        json!({"active": "yes"}),
        &LENIENT,
        &expect![[r#"400 invalidValue: "active" must be true or false, but is a string"#]],
    );
    user(
        json!({"active": 1}),
        &LENIENT,
        &expect![[r#"400 invalidValue: "active" must be true or false, but is a number"#]],
    );
    user(
        json!({"title": true}),
        &LENIENT,
        &expect![[r#"400 invalidValue: "title" must be a string, but is a boolean"#]],
    );
    user(
        json!({"x509Certificates": [{"value": "no base64!"}]}),
        &STRICT,
        &expect![[r#"400 invalidValue: "x509Certificates.value" must be base64 (RFC 4648), without line breaks"#]],
    );
    user(
        json!({(builtin::ENTERPRISE_USER): "x"}),
        &LENIENT,
        &expect![[
            r#"400 invalidValue: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User" must be an object with the attributes of the extension, but is a string"#
        ]],
    );
    user(
        json!({"password": 1}),
        &STRICT,
        &expect![[r#"400 invalidValue: "password" must be a string, but is a number"#]],
    );
}

#[test]
fn coercions_mend_what_identity_providers_send() {
    let only = |change: fn(&mut Coercion)| {
        let mut coercion = STRICT;
        change(&mut coercion);
        coercion
    };
    let booleans = only(|coercion| coercion.string_booleans = Leniency::Accept);
    user(
        json!({"active": "False", "emails": [{"value": "a", "primary": "TRUE"}]}),
        &booleans,
        &expect![[r#"{"active":false,"emails":[{"value":"a","primary":true}]}"#]],
    );
    let objects = only(|coercion| coercion.object_for_array = Leniency::Accept);
    user(json!({"emails": {"value": "a"}}), &objects, &expect![[r#"{"emails":[{"value":"a"}]}"#]]);
    let numbers = only(|coercion| coercion.number_for_string = Leniency::Accept);
    user(
        json!({"externalId": 701_984, "addresses": [{"postalCode": 91608}]}),
        &numbers,
        &expect![[r#"{"externalId":"701984","addresses":[{"postalCode":"91608"}]}"#]],
    );
    let strings = only(|coercion| coercion.bare_string_element = Leniency::Accept);
    user(
        json!({"emails": "a", "roles": ["b", {"value": "c"}]}),
        &strings,
        &expect![[r#"{"emails":[{"value":"a"}],"roles":[{"value":"b"},{"value":"c"}]}"#]],
    );
    user(
        json!({"addresses": ["a"]}),
        &strings,
        &expect![[r#"400 invalidValue: "addresses" must be an array of objects, but is a string"#]],
    );
    let arrays = only(|coercion| coercion.array_for_single = Leniency::Accept);
    user(
        json!({"title": ["a"], "name": [{"givenName": "b"}], "nickName": []}),
        &arrays,
        &expect![[r#"{"title":"a","name":{"givenName":"b"}} cleared {"nickName"}"#]],
    );
    user(
        json!({"title": ["a", "b"]}),
        &arrays,
        &expect![[r#"400 invalidValue: "title" must be a string, but is an array"#]],
    );
}

#[test]
fn coercions_of_manager_and_external_id() {
    let coercion = Coercion { string_manager: Leniency::Accept, ..STRICT };
    let manager = |value: Value| json!({(builtin::ENTERPRISE_USER): {"division": "d", "manager": value}});
    user(
        manager(json!("m")),
        &coercion,
        &expect![[
            r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"division":"d","manager":{"value":"m"}}}"#
        ]],
    );
    let unassigned = expect![[
        r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"division":"d"}} cleared {"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"}"#
    ]];
    user(manager(json!("")), &coercion, &unassigned);
    user(manager(json!({"value": ""})), &coercion, &unassigned);
    user(
        manager(json!("m")),
        &STRICT,
        &expect![[
            r#"400 invalidValue: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager" must be an object, but is a string"#
        ]],
    );
    user(
        manager(json!([{"$ref": "../Users/m", "value": "m"}])),
        &LENIENT,
        &expect![[
            r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"division":"d","manager":{"value":"m"}}}"#
        ]],
    );
    user(
        manager(json!({"$ref": "https://example.com/v2/Users/m/?a=b"})),
        &STRICT,
        &expect![[
            r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"division":"d","manager":{"value":"m"}}}"#
        ]],
    );
    user(json!({"externalId": ""}), &coercion, &expect![[r#"{} cleared {"externalId"}"#]]);
    user(json!({"externalId": ""}), &STRICT, &expect![[r#"{"externalId":""}"#]]);
}

/// RFC 7643 §2.4.
#[test]
fn one_primary_and_no_pair_twice() {
    let twice = json!({"emails": [
        {"value": "A@b", "type": "work"},
        {"value": "c@d", "primary": true},
        {"value": "a@B", "type": "Work", "primary": true},
        {"value": "a@b", "type": "home"},
    ]});
    let coercion = Coercion { duplicate_primary: Leniency::Accept, ..STRICT };
    user(
        twice.clone(),
        &coercion,
        &expect![[
            r#"{"emails":[{"value":"A@b","type":"work","primary":true},{"value":"c@d","primary":false},{"value":"a@b","type":"home"}]}"#
        ]],
    );
    user(twice, &STRICT, &expect![[r#"400 invalidValue: "emails" has the same value and type twice; send each once"#]]);
    let primaries = json!({"emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]});
    user(
        primaries.clone(),
        &STRICT,
        &expect![[
            r#"400 invalidValue: "emails" has more than one element with "primary": true; mark one only (RFC 7643 §2.4)"#
        ]],
    );
    user(
        primaries,
        &coercion,
        &expect![[r#"{"emails":[{"value":"a","primary":true},{"value":"b","primary":false}]}"#]],
    );
    user(
        json!({"photos": [{"value": "http://a"}, {"value": "HTTP://a"}]}),
        &STRICT,
        &expect![[r#"{"photos":[{"value":"http://a"},{"value":"HTTP://a"}]}"#]],
    );
    user(
        json!({"addresses": [{"type": "work"}, {"type": "work"}]}),
        &STRICT,
        &expect![[r#"{"addresses":[{"type":"work"},{"type":"work"}]}"#]],
    );
}

#[test]
fn rfc7644_3_5_2_the_element_just_written_becomes_the_primary_one() {
    let registry = Registry::builtin();
    let emails = registry.resource_type("User").unwrap().attribute("emails").unwrap();
    let mut elements = vec![json!({"value": "a", "primary": true}), json!({"value": "b", "primary": true})];
    settle_elements(emails, "emails", &mut elements, Some(1), &STRICT).unwrap();
    assert_eq!(elements, [json!({"value": "a", "primary": false}), json!({"value": "b", "primary": true})]);
}

#[test]
fn unknown_attributes_by_switch() {
    let body = json!({"badge": {"n": [null]}, "name": {"givenName": "a", "pet": "b"}, "urn:x:ext": {"a": 1},
        (builtin::ENTERPRISE_USER): {"desk": 4}, "gone": null});
    let with = |unknown_attributes| Coercion { unknown_attributes, ..STRICT };
    user(body.clone(), &with(UnknownAttributes::Ignore), &expect![[r#"{"name":{"givenName":"a"}}"#]]);
    user(
        body.clone(),
        &with(UnknownAttributes::Keep),
        &expect![[
            r#"{"badge":{"n":[null]},"name":{"givenName":"a","pet":"b"},"urn:x:ext":{"a":1},"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"desk":4}} cleared {"gone"}"#
        ]],
    );
    user(
        body,
        &with(UnknownAttributes::Reject),
        &expect![[
            r#"400 invalidSyntax: "badge" is declared by no schema of this resource type; leave it out, or have its schema loaded"#
        ]],
    );
    user(
        json!({"title": 1, "name": {"pet": "b"}}),
        &STRICT,
        &expect![[
            r#"400 invalidSyntax: "name.pet" is declared by no schema of this resource type; leave it out, or have its schema loaded"#
        ]],
    );
    user(
        json!({"emails": [{"pet": "b"}]}),
        &STRICT,
        &expect![[
            r#"400 invalidSyntax: "emails.pet" is declared by no schema of this resource type; leave it out, or have its schema loaded"#
        ]],
    );
    user(
        json!({(builtin::ENTERPRISE_USER): {"desk": 4}}),
        &STRICT,
        &expect![[
            r#"400 invalidSyntax: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:desk" is declared by no schema of this resource type; leave it out, or have its schema loaded"#
        ]],
    );
}

#[test]
fn an_error_repeats_only_the_beginning_of_a_long_name() {
    let mut body = object(json!({"schemas": [builtin::USER], "userName": "ada"}));
    body.insert("ä".repeat(1 << 20), Value::Null);
    let error = accepted("User", Value::Object(body), &STRICT).expect_err("undeclared");
    assert!(error.detail.len() < 600, "{}", error.detail.len());
}

#[test]
fn kept_attributes_have_no_reserved_name_no_nul_and_a_limit() {
    assert_eq!(
        accepted("Group", json!({"displayName": "a", "Groups": [], "PASSWORD": "p"}), &LENIENT).unwrap().resource,
        accepted("Group", json!({"displayName": "a"}), &LENIENT).unwrap().resource
    );
    user(
        json!({"badge": [{"a": "\u{0}"}]}),
        &LENIENT,
        &expect![[r#"400 invalidValue: "badge" holds the character U+0000, which no attribute may hold; remove it"#]],
    );
    user(
        json!({"badge": [{"\u{0}": 1}]}),
        &LENIENT,
        &expect![[r#"400 invalidValue: "badge" holds the character U+0000, which no attribute may hold; remove it"#]],
    );
    let half = "x".repeat(MAX_OPAQUE_BYTES / 2);
    let two = json!({"badge": half, (builtin::ENTERPRISE_USER): {"desk": half}});
    user(
        two,
        &LENIENT,
        &expect![
            "400 invalidValue: the attributes that no schema declares take 65549 bytes, and a resource may have 65536 of them; send fewer, or have their schema loaded"
        ],
    );
    let mut resource = Resource::from_document(object(json!({"userName": "a", "badge": "x".repeat(MAX_OPAQUE_BYTES)})));
    let registry = Registry::builtin();
    let user = registry.resource_type("User").unwrap();
    assert!(finished(user, &resource).is_err());
    resource.document_mut().shift_remove("badge");
    assert_eq!(finished(user, &resource), Ok(()));
}

/// RFC 7643 §3, §3.3.
#[test]
fn stored_schemas_are_what_the_resource_has() {
    let schemas = |body: Value, coercion: &Coercion| {
        let accepted = accepted("User", body, coercion).unwrap();
        accepted.resource.document()["schemas"].clone()
    };
    let listed = json!([builtin::ENTERPRISE_USER, builtin::USER.to_uppercase(), "urn:x:listed", builtin::USER]);
    assert_eq!(schemas(json!({"schemas": listed, "userName": "a"}), &STRICT), json!([builtin::USER]));
    let body = json!({"schemas": [builtin::USER], "userName": "a", "urn:x:ext": {"a": 1}, "plain": {"a": 1},
        TEST_EXTENSION: {"badge": "b"}, (builtin::ENTERPRISE_USER): {"department": "d"}});
    assert_eq!(schemas(body, &LENIENT), json!([builtin::USER, builtin::ENTERPRISE_USER, TEST_EXTENSION, "urn:x:ext"]));
}

/// RFC 7643 §2.1, §3, §3.3.
#[test]
fn schemas_that_are_refused() {
    let check = |schemas: Option<Value>, coercion: &Coercion, expected: &Expect| {
        let mut body = object(json!({"userName": "ada"}));
        body.extend(schemas.map(|schemas| ("schemas".to_owned(), schemas)));
        let answer = accepted("User", Value::Object(body), coercion);
        expected.assert_eq(&answer.map_or_else(|error| described(&error), |_| "accepted".to_owned()));
    };
    check(
        None,
        &STRICT,
        &expect![[
            r#"400 invalidSyntax: "schemas" is missing; it must be an array of URIs with "urn:ietf:params:scim:schemas:core:2.0:User" among them"#
        ]],
    );
    check(
        Some(json!([])),
        &STRICT,
        &expect![[
            r#"400 invalidSyntax: "schemas" is empty; it must be an array of URIs with "urn:ietf:params:scim:schemas:core:2.0:User" among them"#
        ]],
    );
    check(
        Some(json!(builtin::USER)),
        &STRICT,
        &expect![[
            r#"400 invalidSyntax: "schemas" is a string; it must be an array of URIs with "urn:ietf:params:scim:schemas:core:2.0:User" among them"#
        ]],
    );
    check(
        Some(json!([builtin::USER, 1])),
        &STRICT,
        &expect![[
            r#"400 invalidSyntax: "schemas" holds a number; it must be an array of URIs with "urn:ietf:params:scim:schemas:core:2.0:User" among them"#
        ]],
    );
    check(
        Some(json!([builtin::ENTERPRISE_USER])),
        &STRICT,
        &expect![[
            r#"400 invalidSyntax: "schemas" does not name the schema of User; it must be an array of URIs with "urn:ietf:params:scim:schemas:core:2.0:User" among them"#
        ]],
    );
    for schemas in [
        None,
        Some(json!([])),
        Some(json!("x")),
        Some(json!(["urn:scim:schemas:core:1.0"])),
        Some(json!([builtin::ENTERPRISE_USER])),
    ] {
        check(schemas, &LENIENT, &expect!["accepted"]);
    }
    check(
        Some(json!([builtin::PATCH_OP])),
        &LENIENT,
        &expect![[
            r#"400 invalidSyntax: "schemas" says that the body is "urn:ietf:params:scim:api:messages:2.0:PatchOp", but this endpoint takes User, whose schema is "urn:ietf:params:scim:schemas:core:2.0:User""#
        ]],
    );
    check(
        Some(json!([builtin::GROUP])),
        &LENIENT,
        &expect![[
            r#"400 invalidSyntax: "schemas" says that the body is "urn:ietf:params:scim:schemas:core:2.0:Group", but this endpoint takes User, whose schema is "urn:ietf:params:scim:schemas:core:2.0:User""#
        ]],
    );
}

#[test]
fn the_mistyped_enterprise_urn_is_the_enterprise_extension() {
    let body = json!({"urn:ietf:params:scim:schemas:extension:enterprise:2.0User": {"department": "d"}});
    user(
        body.clone(),
        &LENIENT,
        &expect![[r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"d"}}"#]],
    );
    user(
        body,
        &STRICT,
        &expect![[
            r#"400 invalidSyntax: "urn:ietf:params:scim:schemas:extension:enterprise:2.0User" is declared by no schema of this resource type; leave it out, or have its schema loaded"#
        ]],
    );
}

#[test]
fn strings_have_limits_and_no_nul() {
    let key = "k".repeat(MAX_KEY_BYTES + 1);
    let text = "t".repeat(MAX_STRING_BYTES + 1);
    user(
        json!({"externalId": key}),
        &STRICT,
        &expect![[r#"400 invalidValue: "externalId" has 1025 bytes, and may have 1024; shorten it"#]],
    );
    user(
        json!({"displayName": key}),
        &STRICT,
        &expect![[r#"400 invalidValue: "displayName" has 1025 bytes, and may have 1024; shorten it"#]],
    );
    user(
        json!({"userName": key}),
        &STRICT,
        &expect![[r#"400 invalidValue: "userName" has 1025 bytes, and may have 1024; shorten it"#]],
    );
    user(
        json!({"title": text}),
        &STRICT,
        &expect![[r#"400 invalidValue: "title" has 65537 bytes, and may have 65536; shorten it"#]],
    );
    user(
        json!({"name": {"givenName": "a\u{0}"}}),
        &STRICT,
        &expect![[
            r#"400 invalidValue: "name.givenName" holds the character U+0000, which no attribute may hold; remove it"#
        ]],
    );
    user(
        json!({"password": "\u{0}"}),
        &STRICT,
        &expect![[
            r#"400 invalidValue: "password" holds the character U+0000, which no attribute may hold; remove it"#
        ]],
    );
    assert!(
        accepted(
            "User",
            json!({"schemas": [builtin::USER], "userName": "k".repeat(MAX_KEY_BYTES), "title": "t".repeat(MAX_STRING_BYTES)}),
            &STRICT
        )
        .is_ok()
    );
}

/// RFC 7643 §9.2.
#[test]
fn a_password_is_taken_apart_even_where_none_is_declared() {
    user(json!({"PassWord": "secret"}), &STRICT, &expect!["{} password secret"]);
    let registry = Registry::builtin().without(builtin::USER, "password", None);
    let resource_type = registry.resource_type("User").unwrap();
    for coercion in [STRICT, LENIENT] {
        let body = json!({"schemas": [builtin::USER], "userName": "a", "PASSWORD": "secret"});
        let accepted = accept(&registry, resource_type, object(body), Write::Create, &coercion, &[]).unwrap();
        assert_eq!(accepted.password.as_deref(), Some("secret"));
        assert!(!accepted.resource.document().keys().any(|name| name.eq_ignore_ascii_case("password")));
    }
}

/// RFC 7643 §4.2.
#[test]
fn members_in_every_shape() {
    group(json!({}), &STRICT, &expect!["none"]);
    group(json!({"members": null}), &STRICT, &expect![""]);
    group(json!({"members": []}), &STRICT, &expect![""]);
    group(
        json!({"MEMBERS": [{"VALUE": "a", "type": "User", "$ref": "x/b", "display": 7}, {"$ref": "../Groups/c"}]}),
        &STRICT,
        &expect!["a/User c/"],
    );
    group(json!({"members": ["a", {"value": 7}]}), &LENIENT, &expect!["a/ 7/"]);
    group(json!({"members": "a"}), &LENIENT, &expect!["a/"]);
    group(json!({"members": {"value": "a", "nope": 1}}), &LENIENT, &expect!["a/"]);
    group(
        json!({"members": "a"}),
        &STRICT,
        &expect![[r#"400 invalidValue: "members" must be an array of objects, but is a string"#]],
    );
    group(
        json!({"members": ["a"]}),
        &STRICT,
        &expect![[
            r#"400 invalidValue: each element of "members" must be an object such as {"value": "<id>"}, but one is a string"#
        ]],
    );
    group(
        json!({"members": {"value": "a"}}),
        &STRICT,
        &expect![[r#"400 invalidValue: "members" must be an array of objects, but is an object"#]],
    );
    group(
        json!({"members": [{"value": 7}]}),
        &STRICT,
        &expect![[r#"400 invalidValue: "members.value" must be a string, but is a number"#]],
    );
    group(
        json!({"members": [{"value": ""}]}),
        &STRICT,
        &expect![[r#"400 invalidValue: "members.value" is empty; it must be the id of the member"#]],
    );
    group(
        json!({"members": [{"type": "User"}]}),
        &STRICT,
        &expect![[r#"400 invalidValue: an element of "members" has no "value"; it must be the id of the member"#]],
    );
    group(
        json!({"members": [{"value": "a", "nope": 1}]}),
        &STRICT,
        &expect![[
            r#"400 invalidSyntax: "members.nope" is declared by no schema of this resource type; leave it out, or have its schema loaded"#
        ]],
    );
    assert_eq!(members(&json!([{}]), &STRICT), Ok(Vec::new()));
}

/// RFC 7643 §4.1.1.
#[test]
fn user_names_that_are_refused() {
    for (name, character) in [
        ("a\u{0}", "U+0000"),
        ("a\tb", "U+0009"),
        ("a\u{85}", "U+0085"),
        ("a\u{AD}b", "U+00AD"),
        ("a\u{200D}b", "U+200D"),
        ("a\u{FE0F}", "U+FE0F"),
        ("\u{202E}a", "U+202E"),
        ("a\u{200F}", "U+200F"),
        ("ﬁne", "U+FB01"),
        ("ᴮob", "U+1D2E"),
        ("ａ", "U+FF41"),
        ("a\u{A0}b", "U+00A0"),
    ] {
        let error = user_name(name).expect_err(name);
        assert!(error.detail.contains(character), "{}", error.detail);
    }
    for blank in ["", " ", "\u{2003}"] {
        assert!(user_name(blank).expect_err(blank).detail.contains("blank"));
    }
}

#[test]
fn user_names_that_are_taken() {
    for name in ["ada@example.com", " Ada ", "Zoë", "Zoe\u{308}", "\u{212A}elvin", "李明", "Ωmega", "o'brien+x"] {
        assert_eq!(user_name(name), Ok(()), "{name}");
    }
    user(
        json!({"userName": "a\u{200D}b"}),
        &LENIENT,
        &expect![[
            r#"400 invalidValue: "userName" holds the character U+200D, which is invisible; send the name without it"#
        ]],
    );
}

/// RFC 7643 §4.1.1, §4.2, §6.
#[test]
fn what_is_required_must_be_there() {
    let check = |body: Value, write: Write, kept: &[&str], expected: &Expect| {
        let registry = test_registry();
        let resource_type = registry.resource_type("TestResource").unwrap();
        let answer = accept(
            &registry,
            resource_type,
            object(body),
            write,
            &Coercion { any_schemas: Leniency::Accept, ..STRICT },
            kept,
        );
        expected.assert_eq(&answer.map_or_else(
            |error| described(&error),
            |accepted| Value::Object(accepted.resource.into_document()).to_string(),
        ));
    };
    check(
        json!({TEST_EXTENSION: {"badge": "b"}}),
        Write::Create,
        &["name"],
        &expect![[r#"400 invalidValue: "name" is required and has no value; send one"#]],
    );
    check(
        json!({"name": null, TEST_EXTENSION: {"badge": "b"}}),
        Write::Create,
        &[],
        &expect![[r#"400 invalidValue: "name" is required and has no value; send one"#]],
    );
    check(
        json!({TEST_EXTENSION: {"badge": "b"}}),
        Write::Replace,
        &["NAME"],
        &expect![[
            r#"{"schemas":["urn:example:params:scim:schemas:TestResource:1.0","urn:example:params:scim:schemas:extension:test:1.0"],"urn:example:params:scim:schemas:extension:test:1.0":{"badge":"b"}}"#
        ]],
    );
    check(
        json!({"name": "n"}),
        Write::Create,
        &[],
        &expect![[
            r#"400 invalidValue: "urn:example:params:scim:schemas:extension:test:1.0" is missing, and every TestResource must have this extension"#
        ]],
    );
    check(
        json!({"name": "n"}),
        Write::Replace,
        &[TEST_EXTENSION],
        &expect![[r#"{"schemas":["urn:example:params:scim:schemas:TestResource:1.0"],"name":"n"}"#]],
    );
    check(
        json!({"name": "n", TEST_EXTENSION: {"name": "b"}}),
        Write::Create,
        &[],
        &expect![[
            r#"400 invalidValue: "urn:example:params:scim:schemas:extension:test:1.0:badge" is required and has no value; send one"#
        ]],
    );
    check(
        json!({"name": "n", "parts": [{"value": "v"}, {"type": "t"}], TEST_EXTENSION: {"badge": "b"}}),
        Write::Create,
        &[],
        &expect![[r#"400 invalidValue: "parts.value" is required and has no value; send one"#]],
    );
    user(
        json!({"userName": null}),
        &LENIENT,
        &expect![[r#"400 invalidValue: "userName" is required and has no value; send one"#]],
    );
    for coercion in [&STRICT, &LENIENT] {
        for blank in ["", " \u{a0}"] {
            let refusal = &expect![[r#"400 invalidValue: "displayName" must not be empty or blank"#]];
            group(json!({"displayName": blank}), coercion, refusal);
        }
    }
    user(json!({"displayName": ""}), &STRICT, &expect![[r#"{"displayName":""}"#]]);
    user(json!({"userName": "  "}), &LENIENT, &expect![[r#"400 invalidValue: "userName" must not be empty or blank"#]]);
    group(
        json!({"displayName": null}),
        &LENIENT,
        &expect![[r#"400 invalidValue: "displayName" is required and has no value; send one"#]],
    );
}

/// RFC 7643 §2.3.1, §2.3.2, §2.3.3, §2.3.4, §2.3.5, §2.3.6, §2.3.7.
#[test]
fn rfc7643_2_3_values_of_every_type() {
    let check = |name: &str, value: Value, expected: &Expect| {
        let body = json!({"schemas": [TEST_RESOURCE], "name": "n", TEST_EXTENSION: {"badge": "b"}, name: value});
        let answer =
            accepted("TestResource", body, &STRICT).map(|accepted| accepted.resource.document().get(name).cloned());
        expected.assert_eq(&match answer {
            Ok(Some(value)) => value.to_string(),
            Ok(None) => "nothing".to_owned(),
            Err(error) => described(&error),
        });
    };
    check("stringValue", json!(""), &expect![[r#""""#]]);
    check("stringValues", json!(["a", null, "a"]), &expect![[r#"["a","a"]"#]]);
    check(
        "stringValues",
        json!("a"),
        &expect![[r#"400 invalidValue: "stringValues" must be an array, but is a string"#]],
    );
    check("booleanValues", json!([true, false]), &expect!["[true,false]"]);
    check("integerValue", json!(-7), &expect!["-7"]);
    check("integerValue", json!(u64::MAX), &expect!["18446744073709551615"]);
    check(
        "integerValue",
        json!(1.0),
        &expect![[
            r#"400 invalidValue: "integerValue" must be a whole number of at most 64 bits, without fraction and exponent, but is 1.0"#
        ]],
    );
    check(
        "integerValue",
        json!("7"),
        &expect![[r#"400 invalidValue: "integerValue" must be a whole number, but is a string"#]],
    );
    let zero: Value = serde_json::from_str("-0").unwrap();
    check("integerValue", zero, &expect!["0"]);
    check(
        "integerValue",
        json!(0.0),
        &expect![[
            r#"400 invalidValue: "integerValue" must be a whole number of at most 64 bits, without fraction and exponent, but is 0.0"#
        ]],
    );
    check("decimalValue", json!(1.5), &expect!["1.5"]);
    check("decimalValue", json!(1), &expect!["1"]);
    check(
        "decimalValue",
        json!("1.5"),
        &expect![[r#"400 invalidValue: "decimalValue" must be a number, but is a string"#]],
    );
    check("dateTimeValue", json!("2008-01-23T04:56:22Z"), &expect![[r#""2008-01-23T04:56:22Z""#]]);
    check(
        "dateTimeValue",
        json!("2008-01-23"),
        &expect![[
            r#"400 invalidValue: "dateTimeValue" must be a date and time such as "2026-11-24T08:00:00Z" (xsd:dateTime)"#
        ]],
    );
    check(
        "dateTimeValue",
        json!(0),
        &expect![[r#"400 invalidValue: "dateTimeValue" must be a string with a date and time, but is a number"#]],
    );
    for base64 in ["", "QQ==", "QQ", "-_-_", "+/+/"] {
        assert!(
            accepted(
                "TestResource",
                json!({"schemas": [TEST_RESOURCE], "name": "n", TEST_EXTENSION: {"badge": "b"}, "binaryValue": base64}),
                &STRICT
            )
            .is_ok(),
            "{base64}"
        );
    }
    check(
        "binaryValue",
        json!("+_+_"),
        &expect![[r#"400 invalidValue: "binaryValue" must be base64 (RFC 4648), without line breaks"#]],
    );
    check("referenceValue", json!("../Users/1"), &expect![[r#""../Users/1""#]]);
    check(
        "referenceValue",
        json!("hello world"),
        &expect![[
            r#"400 invalidValue: "referenceValue" must be a URI or a relative reference (RFC 3986), in which a blank cannot stand where it does; write it as %20, or correct the reference"#
        ]],
    );
    check(
        "referenceValue",
        json!({}),
        &expect![[r#"400 invalidValue: "referenceValue" must be a string with a URI, but is an object"#]],
    );
    check("readOnlyText", json!(1), &expect!["nothing"]);
    check("writeOnlyText", json!("w"), &expect![[r#""w""#]]);
    check(
        "part",
        json!({"value": "v", "count": 2, "tags": ["a"], "fixed": 1}),
        &expect![[r#"{"value":"v","count":2,"tags":["a"]}"#]],
    );
    check(
        "serverUnique",
        json!("x".repeat(MAX_KEY_BYTES + 1)),
        &expect![[r#"400 invalidValue: "serverUnique" has 1025 bytes, and may have 1024; shorten it"#]],
    );
}

/// Photos are in the core schema, and people paste their addresses.
#[test]
fn references_that_are_no_uris_are_taken_where_they_are_allowed() {
    let attributes = json!({"profileUrl": "hello world", "photos": [{"value": "http://["}]});
    user(
        attributes.clone(),
        &Coercion { loose_references: Leniency::Accept, ..STRICT },
        &expect![[r#"{"profileUrl":"hello world","photos":[{"value":"http://["}]}"#]],
    );
    user(
        attributes,
        &Coercion { loose_references: Leniency::Refuse, ..LENIENT },
        &expect![[
            r#"400 invalidValue: "profileUrl" must be a URI or a relative reference (RFC 3986), in which a blank cannot stand where it does; write it as %20, or correct the reference"#
        ]],
    );
    user(
        json!({"photos": [{"value": "http://["}]}),
        &STRICT,
        &expect![[
            r#"400 invalidValue: "photos.value" must be a URI or a relative reference (RFC 3986), in which brackets hold an IPv6 address and nothing else"#
        ]],
    );
}

#[test]
fn one_value_as_patch_needs_it() {
    let registry = Registry::builtin();
    let resource_type = registry.resource_type("User").unwrap();
    let check = |name: &str, given: Value, coercion: &Coercion, expected: &Expect| {
        let attribute = resource_type.attribute(name).unwrap();
        let answer = value(resource_type, attribute, name, given, coercion);
        expected.assert_eq(&answer.map_or_else(|error| described(&error), |value| value.to_string()));
    };
    check("active", json!("False"), &LENIENT, &expect!["false"]);
    check("emails", json!([]), &STRICT, &expect!["null"]);
    check("emails", json!([{"VALUE": "a"}]), &STRICT, &expect![[r#"[{"value":"a"}]"#]]);
    check(
        "title",
        json!(null),
        &STRICT,
        &expect![[r#"400 invalidValue: "title" cannot be set to null here; remove it instead"#]],
    );
    check(
        "userName",
        json!("a\u{200D}"),
        &STRICT,
        &expect![[
            r#"400 invalidValue: "userName" holds the character U+200D, which is invisible; send the name without it"#
        ]],
    );
    check("externalId", json!(""), &LENIENT, &expect!["null"]);
    check(
        "name",
        json!({"pet": 1}),
        &STRICT,
        &expect![[
            r#"400 invalidSyntax: "name.pet" is declared by no schema of this resource type; leave it out, or have its schema loaded"#
        ]],
    );
    let emails = resource_type.attribute("emails").unwrap();
    let one = super::element(resource_type, emails, "emails", json!({"VALUE": "a", "primary": "True"}), &LENIENT);
    assert_eq!(one, Ok(json!({"value": "a", "primary": true})));
}

/// RFC 7643 §2.4.
#[test]
fn two_primaries_in_a_finished_resource_are_refused() {
    let registry = Registry::builtin();
    let resource_type = registry.resource_type("User").unwrap();
    let emails = json!([{"value": "a", "primary": true}, {"value": "b", "primary": true}]);
    let resource = Resource::from_document(object(json!({"userName": "a", "emails": emails})));
    let error = finished(resource_type, &resource).expect_err("two primaries");
    assert_eq!(error.scim_type, Some(ScimType::InvalidValue));
}

/// JSON made of names that mean something and values that mostly do not.
fn any_body() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z\u{0}ß]{0,4}".prop_map(Value::from),
        Just(json!("true")),
    ];
    let names = prop::sample::select(vec![
        "schemas",
        "userName",
        "name",
        "givenName",
        "emails",
        "value",
        "primary",
        "type",
        "active",
        "manager",
        "$ref",
        "title",
        "TITLE",
        "badge",
        builtin::ENTERPRISE_USER,
        "externalId",
        "groups",
        "id",
        "urn:x:ext",
    ]);
    let nested = leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..6)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    });
    nested.prop_map(|value| match value {
        Value::Object(mut body) => {
            body.insert("userName".to_owned(), json!("ada"));
            Value::Object(body)
        }
        other => json!({"userName": "ada", "emails": other}),
    })
}

fn holds_unassigned(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.is_empty() || elements.iter().any(holds_unassigned),
        Value::Object(members) => members.is_empty() || members.values().any(holds_unassigned),
        _ => false,
    }
}

proptest! {
    #[test]
    fn what_is_accepted_holds_nothing_unassigned_and_is_accepted_again(body in any_body()) {
        let coercion = Coercion { unknown_attributes: UnknownAttributes::Ignore, ..LENIENT };
        if let Ok(first) = accepted("User", body, &coercion) {
            let document = Value::Object(first.resource.document().clone());
            prop_assert!(!holds_unassigned(&document), "{}", document);
            let second = accepted("User", document, &STRICT);
            prop_assert_eq!(second.map(|second| second.resource), Ok(first.resource));
        }
    }
}

#[test]
fn a_body_at_the_depth_limit_is_kept_without_a_deep_recursion() {
    let deep = format!("{{\"userName\":\"a\",\"badge\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    let body = json::parse_object(deep.as_bytes(), 120).unwrap();
    assert!(accepted("User", Value::Object(body), &LENIENT).is_ok());
}
