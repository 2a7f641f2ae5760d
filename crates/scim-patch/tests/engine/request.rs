//! Reading the message (RFC 7644 §3.5.2).

use scim_patch::{Op, PatchRequest};
use scim_schema::{ScimError, ScimType};
use serde_json::{Value, json};

use crate::support::{PATCH_OP, generic, object, provider, strict};

fn read(body: Value) -> Result<PatchRequest, ScimError> {
    PatchRequest::parse(object(body), &strict(), 3)
}

fn key_word(body: Value) -> Option<ScimType> {
    read(body).expect_err("it is refused").scim_type
}

#[test]
fn names_and_op_are_read_in_any_letter_case() {
    let body = json!({"SCHEMAS": [PATCH_OP.to_uppercase()], "operations": [
        {"OP": "Add", "Path": "title", "VALUE": "x"}, {"op": "REPLACE", "value": {}}, {"Op": "Remove", "pAth": "title"}
    ]});
    let request = read(body).expect("accepted");
    let ops: Vec<Op> = request.operations.iter().map(|operation| operation.op).collect();
    assert_eq!(ops, [Op::Add, Op::Replace, Op::Remove]);
}

#[test]
fn of_a_name_given_twice_the_last_counts() {
    let body = json!({"schemas": [PATCH_OP], "Operations": [{"op": "add", "path": "title", "value": 1, "Value": "x"}]});
    assert_eq!(read(body).expect("accepted").operations[0].value, Some(json!("x")));
}

#[test]
fn an_absent_value_and_null_are_told_apart() {
    let body = json!({"schemas": [PATCH_OP], "Operations": [
        {"op": "remove", "path": "title"}, {"op": "replace", "path": "title", "value": null}
    ]});
    let request = read(body).expect("accepted");
    assert_eq!(request.operations[0].value, None);
    assert_eq!(request.operations[1].value, Some(Value::Null));
}

/// RFC 7644 §3.1, §8.2.
#[test]
fn schemas_must_hold_the_message_uri() {
    for schemas in [json!(null), json!([]), json!(PATCH_OP), json!([PATCH_OP, 1]), json!(["urn:other"]), json!({})] {
        let body = json!({"schemas": schemas, "Operations": [{"op": "remove", "path": "title"}]});
        assert_eq!(key_word(body), Some(ScimType::InvalidSyntax), "{schemas}");
    }
    assert_eq!(key_word(json!({"Operations": [{"op": "remove", "path": "title"}]})), Some(ScimType::InvalidSyntax));
    let more = json!({"schemas": ["urn:other", PATCH_OP], "Operations": [{"op": "remove", "path": "title"}]});
    assert!(read(more).is_ok());
    let none = object(json!({"Operations": [{"op": "remove", "path": "title"}]}));
    assert!(PatchRequest::parse(none.clone(), &provider(), 3).is_ok());
    assert!(PatchRequest::parse(none, &generic(), 3).is_err());
}

#[test]
fn faults_of_structure_are_named() {
    for (operations, expected) in [
        (json!({"op": "remove", "path": "title"}), ScimType::InvalidSyntax),
        (json!([]), ScimType::InvalidSyntax),
        (json!(["remove"]), ScimType::InvalidSyntax),
        (json!([{"path": "title"}]), ScimType::InvalidSyntax),
        (json!([{"op": "move", "path": "title"}]), ScimType::InvalidSyntax),
        (json!([{"op": 1, "path": "title"}]), ScimType::InvalidSyntax),
        (json!([{"op": "add", "path": 1, "value": "x"}]), ScimType::InvalidPath),
        (json!([{"op": "add", "path": "", "value": "x"}]), ScimType::InvalidPath),
        (json!([{"op": "add", "path": "emails[type eq", "value": "x"}]), ScimType::InvalidPath),
        (json!([{"op": "add", "path": "a.b.c", "value": "x"}]), ScimType::InvalidPath),
        (json!([{"op": "add", "path": "title"}]), ScimType::InvalidValue),
        (json!([{"op": "replace"}]), ScimType::InvalidValue),
        (json!([{"op": "remove"}]), ScimType::NoTarget),
        (json!([{"op": "remove", "path": null}]), ScimType::NoTarget),
        (json!([{"op": "remove", "value": {"members": []}}]), ScimType::NoTarget),
    ] {
        let body = json!({"schemas": [PATCH_OP], "Operations": operations});
        assert_eq!(key_word(body), Some(expected), "{operations}");
    }
    assert_eq!(key_word(json!({"schemas": [PATCH_OP]})), Some(ScimType::InvalidSyntax));
}

#[test]
fn too_many_operations_are_413_naming_the_limit() {
    let operation = json!({"op": "remove", "path": "title"});
    let body = |count: usize| json!({"schemas": [PATCH_OP], "Operations": vec![operation.clone(); count]});
    assert!(read(body(3)).is_ok());
    let error = read(body(4)).expect_err("one too many");
    assert_eq!((error.status, error.scim_type), (413, None));
    assert!(error.detail.contains("at most 3"), "{error}");
}

#[test]
fn the_refusal_says_which_operation() {
    let body = json!({"schemas": [PATCH_OP], "Operations": [{"op": "remove", "path": "title"}, {"op": "copy"}]});
    expect_test::expect![[r#"400: operation 2: its `op` is not one of "add", "remove" and "replace""#]]
        .assert_eq(&read(body).expect_err("refused").to_string());
}
