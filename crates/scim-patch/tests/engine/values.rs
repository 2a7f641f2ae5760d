//! Values: types, `primary`, equal elements, several values below one sub-attribute.

use scim_schema::ScimType;
use serde_json::{Value, json};

use crate::support::{CUSTOM, USER, ada, generic, patch_user, provider, refusal, strict, user_after};

fn refused(operation: &Value) -> ScimType {
    refusal(patch_user(&ada(), &json!([operation]), &strict()))
}

#[test]
fn values_are_checked_against_the_schema() {
    for operation in [
        json!({"op": "replace", "path": "title", "value": 1}),
        json!({"op": "replace", "path": "title", "value": ["x"]}),
        json!({"op": "replace", "path": "active", "value": "yes"}),
        json!({"op": "replace", "path": "name", "value": "Ada"}),
        json!({"op": "replace", "path": "name.givenName", "value": {"x": 1}}),
        json!({"op": "add", "path": "emails", "value": "x@ex.com"}),
        json!({"op": "add", "path": "emails", "value": [{"value": 1}]}),
        json!({"op": "replace", "path": "emails[type eq \"work\"]", "value": [{"value": "x"}]}),
        json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": ["x"]}),
        json!({"op": "add", "value": {"emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}}),
    ] {
        assert_eq!(refused(&operation), ScimType::InvalidValue, "{operation}");
    }
}

#[test]
fn a_value_filter_needs_several_values_and_known_names() {
    let single = json!({"op": "replace", "path": "name[familyName eq \"Byron\"].givenName", "value": "x"});
    assert_eq!(refused(&single), ScimType::InvalidPath);
    let unknown = json!({"op": "replace", "path": "emails[colour eq \"x\"].value", "value": "x"});
    assert_eq!(refused(&unknown), ScimType::InvalidFilter);
    let wrong = json!({"op": "replace", "path": "emails[primary gt true].value", "value": "x"});
    assert_eq!(refused(&wrong), ScimType::InvalidFilter);
}

#[test]
fn elements_match_ignoring_case_and_by_any_expression() {
    for filter in
        ["TYPE eq \"WORK\"", "type sw \"w\" and not (value co \"home\")", "primary eq true", "value ew \"EX.COM\""]
    {
        let operations = json!([{"op": "replace", "path": format!("emails[{filter}].display"), "value": "D"}]);
        let after = user_after(&ada(), &operations, &strict());
        assert_eq!(after["emails"][0]["display"], "D", "{filter}");
        assert_eq!(after["emails"][1].get("display"), None, "{filter}");
    }
}

#[test]
fn empty_objects_change_nothing() {
    for operation in [
        json!({"op": "replace", "path": "name", "value": {}}),
        json!({"op": "replace", "path": "emails[type eq \"work\"]", "value": {}}),
        json!({"op": "add", "path": "emails[type eq \"work\"]", "value": {}}),
        json!({"op": "replace", "path": "ims", "value": null}),
    ] {
        let patched = patch_user(&ada(), &json!([operation]), &strict()).expect("accepted");
        assert!(patched.changed.is_empty(), "{operation}");
    }
}

#[test]
fn null_parts_of_an_object_are_taken_away() {
    let operations = json!([
        {"op": "replace", "path": "name", "value": {"givenName": null, "familyName": null, "formatted": null}},
        {"op": "add", "path": "emails[type eq \"work\"]", "value": {"primary": null, "display": "D"}},
        {"op": "add", "path": "ims", "value": [{"value": "x", "type": null}]}
    ]);
    let after = user_after(&ada(), &operations, &strict());
    assert!(after.get("name").is_none(), "an object without parts is gone");
    assert_eq!(after["emails"][0], json!({"value": "ada@ex.com", "type": "work", "display": "D"}));
    assert_eq!(after["ims"], json!([{"value": "x"}]));
}

#[test]
fn removing_every_part_of_an_element_removes_the_element() {
    let operations = json!([
        {"op": "remove", "path": "emails[type eq \"home\"].value"},
        {"op": "remove", "path": "emails[type eq \"home\"].type"}
    ]);
    assert_eq!(user_after(&ada(), &operations, &strict())["emails"], json!([ada()["emails"][0]]));
}

/// RFC 7643 §2.4.
#[test]
fn several_new_primaries_are_settled_or_refused() {
    let operations = json!([{"op": "replace", "path": "emails[value pr].primary", "value": true}]);
    assert_eq!(refusal(patch_user(&ada(), &operations, &strict())), ScimType::InvalidValue);
    let after = user_after(&ada(), &operations, &generic());
    assert_eq!((&after["emails"][0]["primary"], &after["emails"][1]["primary"]), (&json!(true), &json!(false)));
    let no_filter = json!([{"op": "replace", "path": "emails.primary", "value": true}]);
    assert_eq!(refusal(patch_user(&ada(), &no_filter, &strict())), ScimType::InvalidValue);
}

#[test]
fn an_added_primary_wins_over_one_that_is_repeated() {
    let operations = json!([{"op": "add", "path": "emails", "value": [
        {"value": "ada@ex.com", "type": "work"}, {"value": "n@ex.com", "primary": true}
    ]}]);
    let after = user_after(&ada(), &operations, &strict());
    assert_eq!(
        after["emails"],
        json!([
            {"value": "ada@ex.com", "type": "work", "primary": false},
            {"value": "ada@home.org", "type": "home"},
            {"value": "n@ex.com", "primary": true}
        ])
    );
}

/// RFC 7643 §2.4.
#[test]
fn equal_type_and_value_collapse_or_are_refused() {
    let added =
        json!([{"op": "add", "path": "emails", "value": [{"value": "ada@home.org", "type": "home", "primary": true}]}]);
    assert_eq!(refusal(patch_user(&ada(), &added, &strict())), ScimType::InvalidValue);
    let after = user_after(&ada(), &added, &generic());
    assert_eq!(
        after["emails"],
        json!([
            {"value": "ada@ex.com", "type": "work", "primary": false},
            {"value": "ada@home.org", "type": "home", "primary": true}
        ])
    );
    let moved = json!([
        {"op": "replace", "path": "emails[type eq \"home\"]", "value": {"value": "ADA@ex.com", "type": "work"}}
    ]);
    assert_eq!(refusal(patch_user(&ada(), &moved, &strict())), ScimType::InvalidValue);
    let after = user_after(&ada(), &moved, &generic());
    assert_eq!(after["emails"], json!([{"value": "ADA@ex.com", "type": "work"}]), "the one just written stays");
}

#[test]
fn the_same_value_may_have_two_types() {
    let operations = json!([{"op": "add", "path": "emails", "value": [{"value": "ada@ex.com", "type": "other"}]}]);
    assert_eq!(user_after(&ada(), &operations, &strict())["emails"].as_array().map(Vec::len), Some(3));
    let merged = user_after(&ada(), &operations, &provider());
    assert_eq!(merged["emails"][0], json!({"value": "ada@ex.com", "type": "other", "primary": true}));
    assert_eq!(merged["emails"].as_array().map(Vec::len), Some(2));
}

#[test]
fn one_operation_may_add_a_value_with_two_types() {
    let operations = json!([{"op": "add", "path": "emails", "value": [
        {"value": "n@ex.com", "type": "work"}, {"value": "n@ex.com", "type": "other"}
    ]}]);
    for dialect in [strict(), generic(), provider()] {
        assert_eq!(user_after(&ada(), &operations, &dialect)["emails"].as_array().map(Vec::len), Some(4));
    }
}

#[test]
fn simple_lists_are_sets() {
    let tags = format!("{CUSTOM}:tags");
    let before = json!({"schemas": [USER, CUSTOM], "userName": "a", CUSTOM: {"payroll": "P", "tags": ["x", "y"]}});
    let after = |operation: Value| user_after(&before, &json!([operation]), &strict())[CUSTOM]["tags"].clone();
    assert_eq!(after(json!({"op": "add", "path": tags, "value": ["X", "z"]})), json!(["x", "y", "z"]));
    assert_eq!(after(json!({"op": "replace", "path": tags, "value": ["z"]})), json!(["z"]));
    assert_eq!(
        after(json!({"op": "replace", "path": format!("{tags}[value eq \"x\"]"), "value": "w"})),
        json!(["w", "y"])
    );
    assert_eq!(after(json!({"op": "replace", "path": format!("{tags}[value eq \"x\"]"), "value": "y"})), json!(["y"]));
    assert_eq!(after(json!({"op": "remove", "path": format!("{tags}[value sw \"x\"]")})), json!(["y"]));
    assert_eq!(after(json!({"op": "remove", "path": tags})), Value::Null);
}

#[test]
fn a_multi_valued_sub_attribute_grows_and_is_replaced() {
    let keys = format!("{CUSTOM}:desk.keys");
    let before = json!({"schemas": [USER, CUSTOM], "userName": "a", CUSTOM: {"payroll": "P", "desk": {"site": "L", "keys": ["a"]}}});
    let after = |operation: Value| user_after(&before, &json!([operation]), &strict())[CUSTOM]["desk"]["keys"].clone();
    assert_eq!(after(json!({"op": "add", "path": keys, "value": ["b", "a"]})), json!(["a", "b"]));
    assert_eq!(after(json!({"op": "replace", "path": keys, "value": ["b"]})), json!(["b"]));
    assert_eq!(after(json!({"op": "replace", "path": keys, "value": []})), Value::Null);
    assert_eq!(after(json!({"op": "add", "path": keys, "value": []})), json!(["a"]));
    assert_eq!(after(json!({"op": "replace", "path": format!("{CUSTOM}:desk"), "value": {"keys": []}})), Value::Null);
    assert_eq!(
        after(json!({"op": "add", "path": format!("{CUSTOM}:desk"), "value": {"keys": ["c"]}})),
        json!(["a", "c"])
    );
}

#[test]
fn a_sub_attribute_without_filter_is_that_of_every_element() {
    let operations = json!([{"op": "replace", "path": "emails.display", "value": "D"}]);
    let after = user_after(&ada(), &operations, &strict());
    assert_eq!((&after["emails"][0]["display"], &after["emails"][1]["display"]), (&json!("D"), &json!("D")));
    let removed = user_after(&after, &json!([{"op": "remove", "path": "emails.display"}]), &strict());
    assert_eq!(removed, ada());
}

#[test]
fn operations_that_change_nothing_give_the_resource_itself() {
    let operations = json!([
        {"op": "replace", "path": "title", "value": "Other"},
        {"op": "replace", "path": "title", "value": "Countess"},
        {"op": "remove", "path": "nickName"}
    ]);
    let patched = patch_user(&ada(), &operations, &strict()).expect("accepted");
    assert!(patched.changed.is_empty());
    assert_eq!(Value::Object(patched.resource.into_document()).to_string(), ada().to_string());
}
