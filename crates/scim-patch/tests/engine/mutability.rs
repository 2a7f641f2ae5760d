//! Required, read-only and immutable attributes (RFC 7643 §2.2, RFC 7644 §3.5.2).

use scim_patch::PasswordChange;
use scim_schema::ScimType;
use serde_json::{Value, json};

use crate::support::{
    CUSTOM, ENTERPRISE, GROUP, USER, ada, generic, patch_user, provider, refusal, strict, user_after,
};

fn staffed() -> Value {
    json!({
        "schemas": [USER, CUSTOM],
        "userName": "ada",
        CUSTOM: {
            "badge": "B7",
            "rank": "1",
            "payroll": "P",
            "hired": "2020-01-01T00:00:00Z",
            "desk": {"floor": "2", "serial": "S1", "site": "L", "keys": ["a"]},
            "devices": [{"value": "d1", "type": "phone", "serial": "X1", "state": "on"}, {"value": "d2", "type": "pad"}]
        }
    })
}

fn refused(op: &str, path: &str, value: &Value) -> ScimType {
    let operations = json!([{"op": op, "path": path, "value": value}]);
    refusal(patch_user(&staffed(), &operations, &strict()))
}

fn accepted(op: &str, path: &str, value: &Value) -> Value {
    user_after(&staffed(), &json!([{"op": op, "path": path, "value": value}]), &strict())
}

#[test]
fn a_read_only_path_is_a_mutability_error_even_with_the_present_value() {
    for (path, value) in [
        ("id", json!("id-1")),
        ("meta", json!({"resourceType": "User"})),
        ("meta.resourceType", json!("User")),
        ("groups", json!([])),
        ("groups[value eq \"g1\"].display", json!("x")),
        ("urn:example:schemas:custom:2.0:User:rank", json!("1")),
        ("urn:example:schemas:custom:2.0:User:devices[value eq \"d1\"].state", json!("off")),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName", json!("x")),
    ] {
        for op in ["add", "replace"] {
            assert_eq!(refused(op, path, &value), ScimType::Mutability, "{op} {path}");
            let operations = json!([{"op": op, "path": path, "value": value}]);
            let ignored = patch_user(&staffed(), &operations, &provider()).expect("identity providers are not refused");
            assert!(ignored.changed.is_empty(), "{op} {path}");
        }
    }
}

#[test]
fn read_only_keys_without_path_may_repeat_what_is() {
    for value in [
        json!({"id": "id-1"}),
        json!({"ID": "id-1"}),
        json!({"meta": {"resourceType": "User", "created": "2026-01-01T01:00:00+01:00"}}),
        json!({"meta.location": "https://x/scim/v2/c1/Users/id-1"}),
        json!({"groups": [{"value": "g1"}]}),
        json!({CUSTOM: {"rank": "1"}}),
        json!({"schemas": [USER, CUSTOM]}),
        json!({"schemas": [CUSTOM, USER, ENTERPRISE]}),
    ] {
        for dialect in [strict(), generic(), provider()] {
            let operations = json!([{"op": "replace", "value": value}]);
            assert!(patch_user(&staffed(), &operations, &dialect).expect("no change").changed.is_empty(), "{value}");
        }
    }
    for value in [
        json!({"id": "id-2"}),
        json!({"id": null}),
        json!({"meta": {"resourceType": "Group"}}),
        json!({"meta": null}),
        json!({"groups": []}),
        json!({"groups": [{"value": "g1"}, {"value": "g2"}]}),
        json!({CUSTOM: {"rank": "2"}}),
        json!({"schemas": [USER]}),
        json!({"schemas": null}),
    ] {
        let operations = json!([{"op": "replace", "value": value}]);
        assert_eq!(refusal(patch_user(&staffed(), &operations, &strict())), ScimType::Mutability, "{value}");
        let operations = json!([{"op": "add", "value": value}]);
        let ignored = patch_user(&staffed(), &operations, &provider()).expect("ignored");
        assert!(ignored.changed.is_empty(), "{value}");
    }
}

#[test]
fn schemas_may_name_what_the_type_has_and_changes_by_its_attributes_only() {
    for value in [json!([ENTERPRISE]), json!([USER, CUSTOM])] {
        let after = accepted("add", "schemas", &value);
        assert_eq!(after["schemas"], json!([USER, CUSTOM]), "{value}");
    }
    assert_eq!(refused("add", "schemas", &json!(["urn:nobody:knows"])), ScimType::InvalidValue);
    assert_eq!(refused("add", "schemas", &json!([GROUP])), ScimType::InvalidValue);
    assert_eq!(refused("add", "schemas", &json!("urn:x")), ScimType::InvalidValue);
    assert_eq!(refused("replace", "schemas", &json!([USER])), ScimType::Mutability);
    let removal = json!([{"op": "remove", "path": "schemas[value eq \"urn:example:schemas:custom:2.0:User\"]"}]);
    assert_eq!(refusal(patch_user(&staffed(), &removal, &strict())), ScimType::Mutability);
}

/// RFC 7643 §3.3.
#[test]
fn an_extension_leaves_schemas_with_its_last_attribute() {
    for operations in [
        json!([{"op": "remove", "path": ENTERPRISE}]),
        json!([{"op": "replace", "value": {ENTERPRISE: null}}]),
        json!([{"op": "remove", "path": format!("{ENTERPRISE}:department")},
               {"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": null}]),
    ] {
        let after = user_after(&ada(), &operations, &strict());
        assert_eq!(after["schemas"], json!([USER]), "{operations}");
        assert!(after.get(ENTERPRISE).is_none(), "{operations}");
    }
    let back = json!([{"op": "remove", "path": ENTERPRISE}, {"op": "add", "value": {ENTERPRISE: {"division": "D"}}}]);
    let after = user_after(&ada(), &back, &strict());
    assert_eq!((&after["schemas"], &after[ENTERPRISE]), (&json!([USER, ENTERPRISE]), &json!({"division": "D"})));
}

#[test]
fn the_core_schema_cannot_be_removed_but_written_by_its_name() {
    assert_eq!(
        refusal(patch_user(&ada(), &json!([{"op": "remove", "path": format!("{USER}:userName")}]), &strict())),
        ScimType::Mutability
    );
    let operations = json!([{"op": "replace", "path": format!("{USER}:name.givenName"), "value": "A"}]);
    assert_eq!(user_after(&ada(), &operations, &strict())["name"]["givenName"], "A");
}

#[test]
fn a_required_attribute_can_be_replaced_and_not_be_emptied() {
    assert_eq!(refused("replace", "userName", &Value::Null), ScimType::Mutability);
    assert_eq!(refused("add", "userName", &Value::Null), ScimType::Mutability);
    assert_eq!(refused("remove", &format!("{CUSTOM}:payroll"), &Value::Null), ScimType::Mutability);
    assert_eq!(refused("remove", &format!("{CUSTOM}:desk.site"), &Value::Null), ScimType::Mutability);
    assert_eq!(refused("replace", &format!("{CUSTOM}:desk"), &json!({"site": null})), ScimType::Mutability);
    assert_eq!(accepted("replace", "userName", &json!("grace"))["userName"], "grace");
    let no_path = json!([{"op": "replace", "value": {"userName": null}}]);
    assert_eq!(refusal(patch_user(&ada(), &no_path, &strict())), ScimType::Mutability);
}

#[test]
fn an_immutable_attribute_is_set_once() {
    let badge = format!("{CUSTOM}:badge");
    assert_eq!(refused("replace", &badge, &json!("B8")), ScimType::Mutability);
    assert_eq!(refused("remove", &badge, &Value::Null), ScimType::Mutability);
    assert_eq!(refused("remove", CUSTOM, &Value::Null), ScimType::Mutability);
    assert_eq!(accepted("replace", &badge, &json!("B7")), staffed());
    assert_eq!(accepted("replace", &badge, &json!("b7")), staffed(), "equal in its comparison form");
    assert_eq!(accepted("add", &format!("{CUSTOM}:hired"), &json!("2020-01-01T01:00:00+01:00")), staffed());
    let before = json!({"schemas": [USER, CUSTOM], "userName": "a", CUSTOM: {"payroll": "P"}});
    let after = user_after(&before, &json!([{"op": "add", "path": badge, "value": "B9"}]), &strict());
    assert_eq!(after[CUSTOM]["badge"], "B9");
}

#[test]
fn immutable_sub_attributes_are_set_once() {
    let desk = format!("{CUSTOM}:desk");
    let devices = format!("{CUSTOM}:devices");
    for (op, path, value) in [
        ("replace", format!("{desk}.serial"), json!("S2")),
        ("remove", format!("{desk}.serial"), Value::Null),
        ("replace", desk.clone(), json!({"serial": "S2"})),
        ("replace", desk.clone(), json!({"serial": null})),
        ("remove", desk.clone(), Value::Null),
        ("replace", format!("{devices}[value eq \"d1\"].serial"), json!("X2")),
        ("replace", format!("{devices}[value eq \"d1\"]"), json!({"value": "d1", "serial": "X2"})),
        ("remove", format!("{devices}[value eq \"d1\"].serial"), Value::Null),
    ] {
        assert_eq!(refused(op, &path, &value), ScimType::Mutability, "{op} {path} {value}");
    }
    let after = accepted("replace", &format!("{devices}[value eq \"d2\"].serial"), &json!("X3"));
    assert_eq!(after[CUSTOM]["devices"][1]["serial"], "X3");
    let after = accepted("replace", &format!("{devices}[value eq \"d1\"]"), &json!({"value": "d9"}));
    assert_eq!(
        after[CUSTOM]["devices"][0],
        json!({"value": "d9", "serial": "X1", "state": "on"}),
        "what the client cannot write stays"
    );
    let after = accepted("remove", &format!("{devices}[value eq \"d1\"]"), &Value::Null);
    assert_eq!(after[CUSTOM]["devices"], json!([{"value": "d2", "type": "pad"}]));
}

#[test]
fn read_only_sub_attributes_in_values_are_left_out() {
    let operations = json!([{"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": {"value": "m2", "displayName": "M"}}]);
    let after = user_after(&ada(), &operations, &strict());
    assert_eq!(after[ENTERPRISE]["manager"], json!({"value": "m2"}));
}

/// RFC 7643 §9.2.
#[test]
fn a_password_is_taken_out_of_the_document() {
    for operations in [
        json!([{"op": "replace", "value": {"password": "first"}}, {"op": "add", "path": "password", "value": "s3cret"}]),
        json!([{"op": "replace", "value": {"title": "Countess", "password": "s3cret"}}]),
    ] {
        let patched = patch_user(&ada(), &operations, &strict()).expect("accepted");
        assert_eq!(patched.password, Some(PasswordChange::Set("s3cret".to_owned())));
        assert!(patched.changed.is_empty());
    }
    let wrong = json!([{"op": "replace", "path": "password", "value": 1}]);
    assert_eq!(refusal(patch_user(&ada(), &wrong, &strict())), ScimType::InvalidValue);
}

/// RFC 7643 §9.2; RFC 7644 §3.5.2: operations are applied in order.
#[test]
fn the_last_operation_that_names_the_password_decides() {
    let set = |text: &str| Some(PasswordChange::Set(text.to_owned()));
    let remove = || Some(PasswordChange::Remove);
    let urn = format!("{USER}:password");
    for (operations, expected) in [
        (json!([{"op": "replace", "path": "title", "value": "password"}]), None),
        (json!([{"op": "remove", "path": "password"}]), remove()),
        (json!([{"op": "remove", "path": "password", "value": "a"}]), remove()),
        (json!([{"op": "replace", "path": "password", "value": null}]), remove()),
        (json!([{"op": "add", "path": "PassWord", "value": "a"}, {"op": "remove", "path": "password"}]), remove()),
        (json!([{"op": "remove", "path": "password"}, {"op": "add", "path": "password", "value": "a"}]), set("a")),
        (json!([{"op": "replace", "path": urn, "value": "a"}]), set("a")),
        (json!([{"op": "add", "value": {urn.clone(): "a", "title": "b"}}]), set("a")),
        (json!([{"op": "add", "value": {"PASSWORD": "a"}}, {"op": "add", "value": {"title": "b"}}]), set("a")),
        (json!([{"op": "replace", "path": "password", "value": ""}]), set("")),
    ] {
        for dialect in [strict(), generic(), provider()] {
            let patched = patch_user(&ada(), &operations, &dialect).expect("accepted");
            assert_eq!(patched.password, expected, "{operations}");
            assert!(!format!("{patched:?}").contains("Set(\""), "a password does not show in debug output");
        }
    }
    for (value, expected) in [(json!(["a"]), set("a")), (json!(1234), set("1234")), (json!({"a": "b"}), None)] {
        let operations = json!([{"op": "replace", "path": "password", "value": value}]);
        match patch_user(&ada(), &operations, &provider()) {
            Ok(patched) => assert_eq!(patched.password, expected, "{operations}"),
            Err(error) => assert_eq!((error.status, expected), (400, None), "{operations}"),
        }
    }
    let text = json!([{"op": "add", "value": "{\"password\": \"a\"}"}]);
    assert_eq!(patch_user(&ada(), &text, &provider()).expect("accepted").password, set("a"));
}

/// RFC 7643 §6.
#[test]
fn a_required_extension_cannot_be_emptied() {
    let required = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "User", "name": "User", "endpoint": "/Users", "schema": USER,
        "schemaExtensions": [{"schema": ENTERPRISE, "required": true}]
    });
    let registry = scim_schema::Registry::builtin().with_documents(&[required]).expect("a right document");
    let resource_type = crate::support::resource_type(&registry, "User");
    let before = json!({"schemas": [USER, ENTERPRISE], "userName": "a", ENTERPRISE: {"department": "D"}});
    let resource = scim_schema::Resource::from_document(crate::support::object(before));
    for path in [ENTERPRISE.to_owned(), format!("{ENTERPRISE}:department")] {
        let body = json!({"schemas": [crate::support::PATCH_OP], "Operations": [{"op": "remove", "path": path}]});
        let request = scim_patch::PatchRequest::parse(crate::support::object(body), &strict(), 9).expect("read");
        let none = serde_json::Map::new();
        let error = scim_patch::apply(&registry, &resource_type, &resource, &none, &request, &strict());
        assert_eq!(error.expect_err("refused").scim_type, Some(ScimType::Mutability), "{path}");
    }
}
