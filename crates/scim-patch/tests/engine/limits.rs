//! What a hostile request may cost.

use scim_schema::ScimType;
use serde_json::{Map, Value, json};

use crate::support::{USER, ada, generic, patch_user, provider, refusal, strict, user_after};

fn emails(count: usize) -> Value {
    (0..count).map(|number| json!({"value": format!("{number}@ex.com")})).collect()
}

#[test]
fn a_long_list_and_many_operations_do_not_multiply() {
    let mut operations = vec![json!({"op": "add", "path": "emails", "value": emails(5_000)})];
    let touch = json!({"op": "replace", "path": "emails[value eq \"7@ex.com\"].display", "value": "x"});
    operations.extend(std::iter::repeat_n(touch, 100));
    let error = patch_user(&ada(), &Value::Array(operations), &strict()).expect_err("too much work");
    assert_eq!((error.status, error.scim_type), (413, None));
    assert!(error.detail.contains("250000 elements"), "{error}");
}

#[test]
fn long_lists_are_compared_by_key() {
    // With a look at every pair this would be 10^8 comparisons of text.
    let operations = json!([
        {"op": "add", "path": "emails", "value": emails(20_000)},
        {"op": "add", "path": "emails", "value": emails(20_000)},
        {"op": "remove", "path": "emails[type pr]"}
    ]);
    let before = json!({"schemas": [USER], "userName": "ada"});
    let after = user_after(&before, &operations, &strict());
    assert_eq!(after["emails"].as_array().map(Vec::len), Some(20_000));
}

#[test]
fn many_undeclared_names_are_refused_before_they_are_looked_for() {
    let many: Map<String, Value> = (0..20_000).map(|number| (format!("a{number}"), json!(1))).collect();
    for operation in [
        json!({"op": "add", "value": many}),
        json!({"op": "add", "path": "name", "value": many}),
        json!({"op": "add", "path": "custom", "value": many}),
    ] {
        let refused = refusal(patch_user(&ada(), &json!([operation]), &provider()));
        assert_eq!(refused, ScimType::InvalidValue);
    }
    let dropped = json!([{"op": "add", "value": many}]);
    assert!(patch_user(&ada(), &dropped, &generic()).expect("dropped").changed.is_empty());
}

#[test]
fn a_nul_is_refused_in_undeclared_attributes_too() {
    for path in ["shoeSize", "name.nick"] {
        let operations = json!([{"op": "add", "path": path, "value": "a\u{0}b"}]);
        assert_eq!(refusal(patch_user(&ada(), &operations, &provider())), ScimType::InvalidValue, "{path}");
    }
}

#[test]
fn one_long_text_is_not_written_to_very_many_elements() {
    let operations = json!([
        {"op": "add", "path": "emails", "value": emails(1_000)},
        {"op": "replace", "path": "emails.display", "value": "x".repeat(60_000)}
    ]);
    let error = patch_user(&ada(), &operations, &strict()).expect_err("sixty million bytes");
    assert_eq!(error.status, 413, "{error}");
}
