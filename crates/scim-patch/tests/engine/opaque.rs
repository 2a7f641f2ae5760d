//! What no schema declares, kept (`unknown_attributes = keep`).

use serde_json::{Value, json};

use crate::support::{USER, ada, keys, patch_user, provider, team};

const OKTA: &str = "urn:okta:app:1.0:user:custom";

fn after(before: &Value, operations: &Value) -> Value {
    Value::Object(patch_user(before, operations, &provider()).expect("accepted").resource.into_document())
}

fn plain() -> Value {
    json!({"schemas": [USER], "userName": "ada"})
}

#[test]
fn an_unknown_attribute_is_stored_changed_and_removed() {
    let stored = after(&plain(), &json!([{"op": "add", "path": "shoeSize", "value": 44}]));
    assert_eq!(stored["shoeSize"], 44);
    let changed = after(&stored, &json!([{"op": "replace", "value": {"SHOESIZE": 45}}]));
    assert_eq!(changed["shoeSize"], 45, "found again in its own spelling");
    assert_eq!(after(&changed, &json!([{"op": "remove", "path": "shoesize"}])), plain());
    assert_eq!(after(&changed, &json!([{"op": "replace", "path": "shoesize", "value": null}])), plain());
}

#[test]
fn objects_merge_and_lists_grow() {
    let stored = after(
        &plain(),
        &json!([
            {"op": "add", "path": "custom", "value": {"a": 1, "b": [1]}},
            {"op": "replace", "path": "custom", "value": {"a": null, "c": 3}},
            {"op": "add", "path": "custom.b", "value": [1, 2]},
            {"op": "add", "path": "custom.d", "value": "x"}
        ]),
    );
    assert_eq!(stored["custom"], json!({"b": [1, 2], "c": 3, "d": "x"}));
}

#[test]
fn an_unknown_extension_is_listed_in_schemas_while_it_is_there() {
    for operation in [
        json!({"op": "replace", "value": {OKTA: {"badge": "7"}}}),
        json!({"op": "replace", "path": OKTA, "value": {"badge": "7"}}),
        json!({"op": "replace", "path": format!("{OKTA}:badge"), "value": "7"}),
    ] {
        let stored = after(&plain(), &json!([operation]));
        assert_eq!(stored["schemas"], json!([USER, OKTA]), "{operation}");
        assert_eq!(stored[OKTA], json!({"badge": "7"}), "{operation}");
        let changed = json!([{"op": "replace", "path": format!("{OKTA}:Badge"), "value": "8"}]);
        let patched = patch_user(&stored, &changed, &provider()).expect("accepted");
        assert_eq!(patched.changed, keys(&[&format!("{OKTA}:badge")]));
        for removal in [json!({"op": "remove", "path": OKTA}), json!({"op": "remove", "path": format!("{OKTA}:badge")})]
        {
            assert_eq!(after(&stored, &json!([removal])), plain(), "{removal}");
        }
    }
}

#[test]
fn a_dot_in_an_unknown_urn_is_no_sub_attribute() {
    let stored = after(&plain(), &json!([{"op": "add", "value": {"urn:example:staff:2.0": {"x": 1}}}]));
    assert_eq!(stored["urn:example:staff:2.0"], json!({"x": 1}));
    let changed = after(&stored, &json!([{"op": "add", "path": "urn:example:staff:2.0:x", "value": 2}]));
    assert_eq!(changed["urn:example:staff:2.0"], json!({"x": 2}));
}

#[test]
fn value_filters_select_among_opaque_elements() {
    let stored = after(
        &plain(),
        &json!([
            {"op": "add", "path": "cars[type eq \"work\"].plate", "value": "A1"},
            {"op": "add", "path": "cars[type eq \"work\"].colour", "value": "red"},
            {"op": "add", "path": "cars[type eq \"home\"].plate", "value": "B2"},
            {"op": "replace", "path": "cars[plate sw \"B\"].plate", "value": "C3"}
        ]),
    );
    assert_eq!(
        stored["cars"],
        json!([{"type": "work", "plate": "A1", "colour": "red"}, {"type": "home", "plate": "B2"}])
    );
    let fewer = after(&stored, &json!([{"op": "remove", "path": "cars[type eq \"work\"]"}]));
    assert_eq!(fewer["cars"], json!([{"type": "home", "plate": "B2"}]));
    assert_eq!(after(&fewer, &json!([{"op": "remove", "path": "cars[type eq \"home\"]"}])), plain());
}

#[test]
fn unknown_sub_attributes_stay_with_their_attribute() {
    let operations = json!([
        {"op": "add", "path": "name.nick", "value": "A"},
        {"op": "add", "path": "emails[type eq \"home\"].colour", "value": "red"},
        {"op": "add", "path": "emails.note", "value": "n"}
    ]);
    let stored = after(&ada(), &operations);
    assert_eq!(stored["name"]["nick"], "A");
    assert_eq!((&stored["emails"][1]["colour"], &stored["emails"][0]["note"]), (&json!("red"), &json!("n")));
    let removed = after(
        &stored,
        &json!([
            {"op": "remove", "path": "name.nick"},
            {"op": "remove", "path": "emails[type eq \"home\"].colour"},
            {"op": "remove", "path": "emails.note"}
        ]),
    );
    assert_eq!(removed, ada());
}

#[test]
fn what_is_the_servers_own_is_never_stored() {
    for path in ["password", "groups", "Groups"] {
        let operations = json!([{"op": "add", "path": path, "value": "x"}]);
        let patched = crate::support::run("Group", &team(), &operations, &provider()).expect("ignored");
        assert!(patched.changed.is_empty(), "{path}");
    }
    let read_only = json!([{"op": "add", "path": "meta.colour", "value": "x"}]);
    assert!(patch_user(&ada(), &read_only, &provider()).expect("ignored").changed.is_empty());
}
