//! What identity providers send, in the shapes they send it.

use scim_patch::{
    MemberDelta::{Add, Remove, Replace},
    PatchRequest, Patched, apply,
};
use scim_schema::Resource;
use serde_json::{Value, json};

use crate::support::{
    ENTERPRISE, GROUP, PATCH_OP, ada, deltas, generic, kept_apart, keys, member, object, patch_user, provider,
    registry, resource_type, run, strict, team, user_after,
};

/// A whole body, for those that come without `schemas`.
fn run_body(name: &str, before: &Value, body: Value) -> Patched {
    let registry = registry();
    let resource_type = resource_type(&registry, name);
    let request = PatchRequest::parse(object(body), &provider(), 100).expect("the body is read");
    let resource = Resource::from_document(object(before.clone()));
    apply(&registry, &resource_type, &resource, &kept_apart(), &request, &provider()).expect("it applies")
}

#[test]
fn f3_okta_member_push_with_its_rename() {
    let operations = json!([
        {"op": "replace", "value": {"id": "id-1", "displayName": "Team A"}},
        {"op": "remove", "path": "members[value eq \"u1\"]"},
        {"op": "add", "path": "members", "value": [{"value": "u2", "display": "bob@ex.com"}]}
    ]);
    for dialect in [provider(), generic(), strict()] {
        let patched = run("Group", &team(), &operations, &dialect).expect("accepted");
        assert!(patched.changed.is_empty(), "the name is the present one");
        assert_eq!(patched.members, vec![Remove(vec!["u1".to_owned()]), Add(vec![member("u2")])]);
    }
}

#[test]
fn f4_entra_update_without_flag() {
    let operations = json!([
        {"op": "Add", "path": "emails[type eq \"work\"].value", "value": "ada2@ex.com"},
        {"op": "Replace", "path": "name.familyName", "value": "Lovelace"},
        {"op": "Add", "path": "addresses[type eq \"work\"].locality", "value": "London"},
        {"op": "Add", "path": "addresses[type eq \"work\"].country", "value": "UK"},
        {"op": "Replace", "path": format!("{ENTERPRISE}:department"), "value": "R&D"},
        {"op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": "m2"},
        {"op": "Replace", "path": "active", "value": "False"}
    ]);
    let bare = json!({"schemas": [crate::support::USER], "userName": "ada@ex.com", "active": true});
    let after = user_after(&bare, &operations, &provider());
    assert_eq!(
        after,
        json!({
            "schemas": [crate::support::USER, ENTERPRISE],
            "userName": "ada@ex.com",
            "active": false,
            "emails": [{"type": "work", "value": "ada2@ex.com"}],
            "name": {"familyName": "Lovelace"},
            "addresses": [{"type": "work", "locality": "London", "country": "UK"}],
            ENTERPRISE: {"department": "R&D", "manager": {"value": "m2"}}
        })
    );
    let again = patch_user(&after, &operations, &provider()).expect("accepted");
    assert!(again.changed.is_empty(), "the same request again changes nothing");
}

#[test]
fn f5_entra_update_with_flag() {
    let number = format!("{ENTERPRISE}:employeeNumber");
    let operations = json!([
        {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "ada2@ex.com"},
        {"op": "replace", "value": {"displayName": "Ada L", "name.givenName": "Ada", &number: "77", "active": false}}
    ]);
    for dialect in [provider(), generic(), strict()] {
        let patched = patch_user(&ada(), &operations, &dialect).expect("accepted");
        assert_eq!(patched.changed, keys(&["active", "displayName", "emails", &number]));
    }
}

#[test]
fn f6_five_shapes_remove_one_member() {
    for operation in [
        json!({"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "u1"}]}),
        json!({"op": "remove", "path": "members[value eq \"u1\"]"}),
        json!({"op": "remove", "path": "members", "value": [{"value": "u1"}]}),
        json!({"op": "remove", "path": "members", "value": [{"value": "u1", "display": "ada", "type": "User"}]}),
        json!({"op": "remove", "value": {"members": [{"value": "u1"}]}}),
    ] {
        assert_eq!(deltas(&json!([operation]), &provider()), vec![Remove(vec!["u1".to_owned()])], "{operation}");
    }
}

#[test]
fn f7_four_shapes_empty_a_group() {
    for operation in [
        json!({"op": "replace", "path": "members", "value": []}),
        json!({"op": "replace", "value": {"members": [], "id": "id-1", "displayName": "Team A"}}),
        json!({"op": "remove", "path": "members", "value": null}),
        json!({"op": "Replace", "path": "members", "value": null}),
    ] {
        let patched = run_body("Group", &team(), json!({"Operations": [operation]}));
        assert_eq!(patched.members, vec![Replace(vec![])], "{operation}");
        assert!(patched.changed.is_empty(), "{operation}");
    }
}

#[test]
fn f8_old_urns_and_a_plain_object_of_emails_as_a_patch_value() {
    let value = json!({
        "schemas": ["urn:scim:schemas:core:2.0", "urn:scim:schemas:extension:enterprise:2.0"],
        "userName": "ada@ex.com",
        "name": {"givenName": "Ada", "familyName": "Byron"},
        "emails": {"value": "ada@ex.com", "type": "work"},
        "active": true
    });
    let after = user_after(&ada(), &json!([{"op": "replace", "value": value}]), &provider());
    assert_eq!(after["emails"], json!([{"value": "ada@ex.com", "type": "work"}]));
    assert_eq!(after["schemas"], ada()["schemas"]);
    assert_eq!(after["name"], ada()["name"]);
}

#[test]
fn f9_authentik_sends_the_whole_group() {
    let value = json!({"schemas": [GROUP], "id": "id-1", "externalId": "9", "displayName": "Team A"});
    for dialect in [provider(), generic(), strict()] {
        let patched = run("Group", &team(), &json!([{"op": "replace", "value": value}]), &dialect).expect("accepted");
        assert!(patched.changed.is_empty());
        assert!(patched.members.is_empty(), "members that are not named are not touched");
    }
}

#[test]
fn f10_rauthy_unlinks_by_null() {
    let operations = json!([{"op": "replace", "value": {"displayName": "Team A", "externalId": null}}]);
    for dialect in [provider(), generic(), strict()] {
        let patched = run("Group", &team(), &operations, &dialect).expect("accepted");
        assert_eq!(patched.changed, keys(&["externalId"]));
        assert!(patched.resource.document().get("externalId").is_none());
    }
}

#[test]
fn f11_sailpoint_adds_without_path() {
    let body = json!({"schemas": [PATCH_OP], "Operations": [{"op": "add", "value": {"active": false}}]});
    let patched = run_body("User", &ada(), body);
    assert_eq!(patched.resource.document()["active"], false);
}

#[test]
fn f12_entra_roles() {
    let role = "{\"id\":\"1\",\"value\":\"Admin\",\"displayName\":\"Admin\"}";
    let operations = json!([{"op": "Add", "path": "roles", "value": [{"value": role}]}]);
    let after = user_after(&ada(), &operations, &provider());
    assert_eq!(after["roles"], json!([{"value": role}]), "JSON in a string stays a string");
    let primary = json!([{"op": "Add", "path": "roles[primary eq \"True\"].value", "value": "Admin"}]);
    let after = user_after(&ada(), &primary, &provider());
    assert_eq!(after["roles"], json!([{"primary": true, "value": "Admin"}]));
    let changed = json!([{"op": "Replace", "path": "roles[primary eq \"True\"].value", "value": "User"}]);
    assert_eq!(user_after(&after, &changed, &provider())["roles"], json!([{"primary": true, "value": "User"}]));
}

#[test]
fn entra_manager_in_every_shape() {
    for operation in [
        json!({"op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": "m2"}),
        json!({"op": "Replace", "path": "manager", "value": [{"$ref": "../Users/m1", "value": "m2"}]}),
        json!({"op": "Replace", "path": "manager", "value": {"value": "m2", "displayName": "M"}}),
        json!({"op": "Replace", "value": {"manager": "m2"}}),
    ] {
        let after = user_after(&ada(), &json!([operation]), &provider());
        assert_eq!(after[ENTERPRISE]["manager"], json!({"value": "m2"}), "{operation}");
    }
}

#[test]
fn keycloak_writes_active_as_text() {
    let operations = json!([{"op": "replace", "path": "active", "value": "false"}]);
    assert_eq!(user_after(&ada(), &operations, &provider())["active"], false);
}
