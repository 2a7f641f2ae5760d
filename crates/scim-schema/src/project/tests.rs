use expect_test::{Expect, expect};
use serde_json::{Map, Value, json};

use super::Projection;
use crate::{
    Registry, builtin,
    registry::tests::{TEST_EXTENSION, TEST_RESOURCE, test_registry},
    validate::Leniency,
};

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other}"),
    }
}

fn user() -> Value {
    json!({
        "schemas": [builtin::USER, builtin::ENTERPRISE_USER],
        "id": "1",
        "externalId": "x",
        "userName": "bjensen",
        "name": {"familyName": "Jensen", "givenName": "Barbara", "pet": "Rex"},
        "emails": [{"value": "a@b", "type": "work"}, {"type": "home"}],
        "password": "never",
        "badge": 7,
        "urn:x:ext": {"a": 1, "b": 2},
        (builtin::ENTERPRISE_USER): {"department": "d", "manager": {"value": "m"}, "desk": 4},
        "meta": {"resourceType": "User", "location": "l"},
    })
}

fn cut(type_name: &str, projection: &Projection, document: Value) -> Value {
    let registry = test_registry();
    let mut document = object(document);
    projection.apply(registry.resource_type(type_name).unwrap(), &mut document);
    document.shift_remove("schemas").expect("schemas always stays");
    Value::Object(document)
}

fn only(names: &str) -> Projection {
    Projection::parse(Some(names), None, Leniency::Refuse).unwrap()
}

fn except(names: &str) -> Projection {
    Projection::parse(None, Some(names), Leniency::Refuse).unwrap()
}

#[test]
fn parameters_are_comma_lists() {
    assert_eq!(only(" userName , ,emails.value"), Projection::Only(vec!["userName".into(), "emails.value".into()]));
    assert_eq!(except("members"), Projection::Except(vec!["members".into()]));
    for empty in [None, Some(""), Some(" , ")] {
        assert!(Projection::parse(empty, empty, Leniency::Refuse).unwrap().is_default());
    }
    let both = |leniency| Projection::parse(Some("a"), Some("b"), leniency);
    assert_eq!(both(Leniency::Accept), Ok(Projection::Only(vec!["a".into()])));
    let error = both(Leniency::Refuse).expect_err("both");
    assert_eq!((error.status, error.scim_type), (400, Some(crate::ScimType::InvalidValue)));
}

#[test]
fn rfc7644_3_9_attributes_of_a_user() {
    let document = json!({"schemas": [builtin::USER], "id": "2819c223-7f76-453a-919d-413861904646",
        "userName": "bjensen", "active": true, "meta": {"resourceType": "User"}});
    assert_eq!(
        cut("User", &only("userName"), document),
        json!({"id": "2819c223-7f76-453a-919d-413861904646", "userName": "bjensen"})
    );
}

/// RFC 7644 §3.4.
#[test]
fn the_default_set_of_a_user() {
    let mut expected = user();
    let members = expected.as_object_mut().unwrap();
    members.shift_remove("schemas");
    members.shift_remove("password");
    assert_eq!(cut("User", &Projection::Default, user()), expected);
}

/// RFC 7644 §3.4.2.5.
#[test]
fn attributes_of_a_user_by_name() {
    let check = |names: &str, expected: &Expect| {
        let mut document = object(cut("User", &only(names), user()));
        assert_eq!(document.shift_remove("id"), Some(json!("1")), "id always stays");
        expected.assert_eq(&Value::Object(document).to_string());
    };
    check("nope,name.nope,urn:nope:a, ,1x", &expect!["{}"]);
    check("password", &expect!["{}"]);
    check("USERNAME", &expect![[r#"{"userName":"bjensen"}"#]]);
    check("name", &expect![[r#"{"name":{"familyName":"Jensen","givenName":"Barbara","pet":"Rex"}}"#]]);
    check("name.familyName", &expect![[r#"{"name":{"familyName":"Jensen"}}"#]]);
    check("name.pet", &expect![[r#"{"name":{"pet":"Rex"}}"#]]);
    check("name.givenName,name", &expect![[r#"{"name":{"familyName":"Jensen","givenName":"Barbara","pet":"Rex"}}"#]]);
    check("emails.value", &expect![[r#"{"emails":[{"value":"a@b"}]}"#]]);
    check("meta.location", &expect![[r#"{"meta":{"location":"l"}}"#]]);
    check("urn:ietf:params:scim:schemas:core:2.0:User:userName", &expect![[r#"{"userName":"bjensen"}"#]]);
    check("department,manager.value", &expect!["{}"]);
    check(
        "urn:ietf:params:scim:schemas:core:2.0:user",
        &expect![[
            r#"{"userName":"bjensen","name":{"familyName":"Jensen","givenName":"Barbara","pet":"Rex"},"emails":[{"value":"a@b","type":"work"},{"type":"home"}]}"#
        ]],
    );
    check(
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:MANAGER.value",
        &expect![[r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"m"}}}"#]],
    );
    check(
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:desk",
        &expect![[r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"desk":4}}"#]],
    );
    check(
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        &expect![[
            r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"d","manager":{"value":"m"},"desk":4}}"#
        ]],
    );
    check("Badge", &expect![[r#"{"badge":7}"#]]);
    check("urn:x:ext:b", &expect![[r#"{"urn:x:ext":{"b":2}}"#]]);
    check("URN:X:EXT", &expect![[r#"{"urn:x:ext":{"a":1,"b":2}}"#]]);
}

/// RFC 7644 §3.4.2.5.
#[test]
fn excluded_attributes_of_a_user_by_name() {
    let check = |names: &str, gone: &[&str]| {
        let whole = cut("User", &Projection::Default, user());
        let rest = cut("User", &except(names), user());
        let mut missing = Vec::new();
        compare(&whole, &rest, "", &mut missing);
        assert_eq!(missing, gone, "{names}");
    };
    check("id,schemas,nope,name.nope", &[]);
    check("USERNAME , meta", &["/userName", "/meta"]);
    check("name.familyName,emails.type", &["/name/familyName", "/emails/0/type", "/emails/1"]);
    check("name.familyName,name.givenName,name.pet", &["/name"]);
    check("badge,urn:x:ext:a", &["/badge", "/urn:x:ext/a"]);
    check("urn:x:ext", &["/urn:x:ext"]);
    let enterprise = format!("/{}", builtin::ENTERPRISE_USER);
    check(builtin::ENTERPRISE_USER, &[&enterprise]);
    check("manager", &[]);
    check(builtin::USER, &["/userName", "/name", "/emails"]);
    check(&format!("{}:desk", builtin::ENTERPRISE_USER), &[&format!("{enterprise}/desk")]);
}

#[test]
fn bare_names_of_extension_attributes_select_where_they_are_allowed() {
    let registry = test_registry();
    let user_type = registry.resource_type("User").unwrap();
    let check = |projection: &Projection, expected: &Expect| {
        let mut document = object(cut("User", &projection.with_bare_names(user_type), user()));
        document.shift_remove("id");
        expected.assert_eq(&Value::Object(document).to_string());
    };
    check(
        &only("title,department,MANAGER.Value,badge,emails.type"),
        &expect![[
            r#"{"emails":[{"type":"work"},{"type":"home"}],"badge":7,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"d","manager":{"value":"m"}}}"#
        ]],
    );
    check(
        &except("externalId,userName,name,emails,badge,urn:x:ext,meta,department,desk"),
        &expect![[
            r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"m"},"desk":4}}"#
        ]],
    );
    assert!(Projection::Default.with_bare_names(user_type).is_default());
}

/// The pointers of what `whole` has and `part` lacks.
fn compare(whole: &Value, part: &Value, pointer: &str, missing: &mut Vec<String>) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (name, value) in whole {
                let pointer = format!("{pointer}/{name}");
                match part.get(name) {
                    None => missing.push(pointer),
                    Some(other) => compare(value, other, &pointer, missing),
                }
            }
        }
        (Value::Array(whole), Value::Array(part)) => {
            for (index, value) in whole.iter().enumerate() {
                let pointer = format!("{pointer}/{index}");
                match part.get(index) {
                    None => missing.push(pointer),
                    Some(other) => compare(value, other, &pointer, missing),
                }
            }
        }
        (whole, part) => assert_eq!(whole, part, "{pointer}"),
    }
}

/// A document with every kind of `returned` at both levels.
fn test_document() -> Value {
    let part = json!({"value": "v", "always": "a", "asked": "q", "hidden": "h"});
    json!({
        "schemas": [],
        "name": "n",
        "defaultReturned": 1,
        "alwaysReturned": 2,
        "requestReturned": 3,
        "neverReturned": 4,
        "writeOnlyText": 5,
        "part": part,
        "parts": [part, {"value": "w"}],
        TEST_EXTENSION: {"badge": "b", "asked": "q"},
    })
}

/// RFC 7644 §3.4.
#[test]
fn rfc7643_7_returned_at_both_levels() {
    let check = |projection: &Projection, expected: &Expect| {
        expected.assert_eq(&cut("TestResource", projection, test_document()).to_string());
    };
    check(
        &Projection::Default,
        &expect![[
            r#"{"name":"n","defaultReturned":1,"alwaysReturned":2,"part":{"value":"v","always":"a"},"parts":[{"value":"v","always":"a"},{"value":"w"}],"urn:example:params:scim:schemas:extension:test:1.0":{"badge":"b"}}"#
        ]],
    );
    check(
        &only("requestReturned,neverReturned,writeOnlyText"),
        &expect![[
            r#"{"name":"n","alwaysReturned":2,"requestReturned":3,"part":{"always":"a"},"parts":[{"always":"a"}]}"#
        ]],
    );
    check(
        &only("part"),
        &expect![[r#"{"name":"n","alwaysReturned":2,"part":{"value":"v","always":"a"},"parts":[{"always":"a"}]}"#]],
    );
    check(
        &only("part.asked,parts.hidden"),
        &expect![[r#"{"name":"n","alwaysReturned":2,"part":{"always":"a","asked":"q"},"parts":[{"always":"a"}]}"#]],
    );
    check(
        &only(TEST_EXTENSION),
        &expect![[
            r#"{"name":"n","alwaysReturned":2,"part":{"always":"a"},"parts":[{"always":"a"}],"urn:example:params:scim:schemas:extension:test:1.0":{"badge":"b"}}"#
        ]],
    );
    check(
        &only(TEST_RESOURCE),
        &expect![[
            r#"{"name":"n","defaultReturned":1,"alwaysReturned":2,"part":{"value":"v","always":"a"},"parts":[{"value":"v","always":"a"},{"value":"w"}]}"#
        ]],
    );
    check(
        &except(TEST_RESOURCE),
        &expect![[
            r#"{"name":"n","alwaysReturned":2,"part":{"always":"a"},"parts":[{"always":"a"}],"urn:example:params:scim:schemas:extension:test:1.0":{"badge":"b"}}"#
        ]],
    );
    check(
        &only(&format!("{TEST_EXTENSION}:asked")),
        &expect![[
            r#"{"name":"n","alwaysReturned":2,"part":{"always":"a"},"parts":[{"always":"a"}],"urn:example:params:scim:schemas:extension:test:1.0":{"asked":"q"}}"#
        ]],
    );
    check(
        &except("name,alwaysReturned,part.always,parts,requestReturned"),
        &expect![[
            r#"{"name":"n","defaultReturned":1,"alwaysReturned":2,"part":{"value":"v","always":"a"},"parts":[{"always":"a"}],"urn:example:params:scim:schemas:extension:test:1.0":{"badge":"b"}}"#
        ]],
    );
}

#[test]
fn rfc7643_7_what_a_write_specified_is_returned_on_request_too() {
    let check = |projection: &Projection, specified: &[&str], shown: &[&str]| {
        let registry = test_registry();
        let test = registry.resource_type("TestResource").unwrap();
        let specified: Vec<String> = specified.iter().map(|name| (*name).to_owned()).collect();
        let mut document = object(test_document());
        projection.apply_after_write(test, &mut document, &specified);
        let asked = ["/requestReturned".to_owned(), "/part/asked".to_owned(), format!("/{TEST_EXTENSION}/asked")];
        let document = Value::Object(document);
        let found: Vec<&str> =
            asked.iter().map(String::as_str).filter(|pointer| document.pointer(pointer).is_some()).collect();
        assert_eq!(found, shown, "{projection:?} {specified:?}");
    };
    let extension = format!("{TEST_EXTENSION}:asked");
    let in_extension = format!("/{TEST_EXTENSION}/asked");
    check(&Projection::Default, &[], &[]);
    check(&Projection::Default, &["RequestReturned"], &["/requestReturned"]);
    check(&Projection::Default, &["part"], &["/part/asked"]);
    check(&Projection::Default, &["part.asked", "name"], &["/part/asked"]);
    check(&Projection::Default, &["part.value"], &[]);
    check(&Projection::Default, &[&extension], &[&in_extension]);
    check(&only("name"), &["requestReturned"], &[]);
    check(&except("name"), &["requestReturned"], &["/requestReturned"]);
    check(&except("requestReturned"), &["requestReturned"], &[]);
}

#[test]
fn stores_read_members_only_if_they_are_wanted() {
    let registry = Registry::builtin();
    let group = registry.resource_type("Group").unwrap();
    for (projection, wanted) in [
        (Projection::Default, true),
        (except("members"), false),
        (except("urn:ietf:params:scim:schemas:core:2.0:Group:MEMBERS"), false),
        (except("members.value,members.$ref,members.type,members.display"), false),
        (except("members.display"), true),
        (except("displayName"), true),
        (only("displayName"), false),
        (only("members"), true),
        (only("members.value"), true),
        (only(builtin::GROUP), true),
        (except(builtin::GROUP), false),
    ] {
        assert_eq!(projection.wants(group, "members"), wanted, "{projection:?}");
    }
    assert!(!Projection::Default.wants(group, "groups"));
    assert!(!Projection::Default.wants(registry.resource_type("User").unwrap(), "password"));
}

#[test]
fn an_empty_list_of_members_stays() {
    let document = json!({"schemas": [], "members": []});
    assert_eq!(cut("Group", &Projection::Default, document.clone()), json!({"members": []}));
    assert_eq!(cut("Group", &only("members"), document.clone()), json!({"members": []}));
    assert_eq!(cut("Group", &except("members"), document), json!({}));
}
