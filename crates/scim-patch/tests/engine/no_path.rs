//! Operations without `path`: each key of the value is a path (rulings, leniency 10).

use scim_schema::ScimType;
use serde_json::json;

use crate::support::{CUSTOM, ENTERPRISE, USER, ada, generic, keys, patch_user, provider, refusal, strict, user_after};

#[test]
fn dotted_and_urn_prefixed_keys_are_paths_everywhere() {
    let manager = format!("{ENTERPRISE}:manager.value");
    let number = format!("{ENTERPRISE}:employeeNumber");
    for dialect in [strict(), generic(), provider()] {
        let operations = json!([{"op": "replace", "value": {
            "displayName": "Ada L",
            "name.givenName": "A",
            &number: "77",
            &manager: "m2",
            format!("{USER}:title"): "Lady",
            "active": false
        }}]);
        let patched = patch_user(&ada(), &operations, &dialect).expect("accepted");
        let expected = keys(&["active", "displayName", "name", "title", &number, &format!("{ENTERPRISE}:manager")]);
        assert_eq!(patched.changed, expected);
        let after = patched.resource.document();
        assert_eq!(after["name"], json!({"givenName": "A", "familyName": "Byron", "formatted": "Ada Byron"}));
        assert_eq!(
            after[ENTERPRISE],
            json!({"department": "Maths", "manager": {"value": "m2"}, "employeeNumber": "77"})
        );
    }
}

#[test]
fn an_extension_object_is_merged_and_its_keys_may_be_dotted() {
    let operations = json!([{"op": "replace", "value": {ENTERPRISE: {"Department": "R&D", "manager.value": "m3"}}}]);
    let after = user_after(&ada(), &operations, &strict());
    assert_eq!(after[ENTERPRISE], json!({"department": "R&D", "manager": {"value": "m3"}}));
    let by_path = json!([{"op": "add", "path": ENTERPRISE.to_uppercase(), "value": {"division": "D"}}]);
    assert_eq!(user_after(&ada(), &by_path, &strict())[ENTERPRISE]["division"], "D");
    let unset = json!([{"op": "replace", "value": {ENTERPRISE: {"department": null, "manager": null}}}]);
    assert!(user_after(&ada(), &unset, &strict()).get(ENTERPRISE).is_none());
}

#[test]
fn the_value_must_be_an_object() {
    for value in [json!("x"), json!([{"title": "x"}]), json!(1), json!(null), json!("{\"title\":\"x\"}")] {
        let operations = json!([{"op": "add", "value": value}]);
        assert_eq!(refusal(patch_user(&ada(), &operations, &strict())), ScimType::InvalidValue, "{value}");
    }
    let operations = json!([{"op": "add", "value": {ENTERPRISE: "x"}}]);
    assert_eq!(refusal(patch_user(&ada(), &operations, &strict())), ScimType::InvalidValue);
    assert!(patch_user(&ada(), &json!([{"op": "add", "value": {}}]), &strict()).expect("accepted").changed.is_empty());
}

#[test]
fn null_and_empty_lists_unassign() {
    let operations = json!([{"op": "replace", "value": {"title": null, "emails": [], "name.formatted": null}}]);
    let after = user_after(&ada(), &operations, &strict());
    assert!(after.get("title").is_none() && after.get("emails").is_none() && after["name"].get("formatted").is_none());
    let nothing = json!([{"op": "add", "value": {"emails": []}}, {"op": "add", "path": "emails", "value": []}]);
    assert!(patch_user(&ada(), &nothing, &strict()).expect("accepted").changed.is_empty());
    let removed = json!([{"op": "add", "value": {"emails": null}}]);
    assert!(user_after(&ada(), &removed, &strict()).get("emails").is_none());
}

#[test]
fn unknown_keys_are_dropped_refused_or_kept() {
    for value in [
        json!({"shoeSize": 44}),
        json!({"name.nick": "x"}),
        json!({"urn:nobody:1.0:User:x": "y"}),
        json!({"urn:nobody:1.0:User": {"x": "y"}}),
        json!({ENTERPRISE: {"shoeSize": 44}}),
        json!({"two words": 1}),
    ] {
        let operations = json!([{"op": "replace", "value": value}]);
        assert_eq!(refusal(patch_user(&ada(), &operations, &strict())), ScimType::InvalidSyntax, "{value}");
        assert!(patch_user(&ada(), &operations, &generic()).expect("dropped").changed.is_empty(), "{value}");
        assert!(!patch_user(&ada(), &operations, &provider()).expect("kept").changed.is_empty(), "{value}");
    }
}

#[test]
fn unknown_paths_are_refused_or_kept() {
    for path in ["shoeSize", "name.nick", "urn:nobody:1.0:User:x", "emails[type eq \"work\"].colour", "userName.x"] {
        let operations = json!([{"op": "replace", "path": path, "value": "x"}]);
        for dialect in [strict(), generic()] {
            assert_eq!(refusal(patch_user(&ada(), &operations, &dialect)), ScimType::InvalidPath, "{path}");
        }
        let kept = patch_user(&ada(), &operations, &provider()).expect("identity providers are not refused");
        assert_eq!(kept.changed.is_empty(), path == "userName.x", "{path}");
    }
}

#[test]
fn keys_with_a_value_filter_are_for_identity_providers() {
    let operations = json!([{"op": "replace", "value": {"emails[type eq \"work\"].value": "new@ex.com"}}]);
    assert_eq!(user_after(&ada(), &operations, &provider())["emails"][0]["value"], "new@ex.com");
    assert_eq!(refusal(patch_user(&ada(), &operations, &generic())), ScimType::InvalidPath);
    let broken = json!([{"op": "replace", "value": {"emails[type eq": "x"}}]);
    assert_eq!(refusal(patch_user(&ada(), &broken, &provider())), ScimType::InvalidPath);
}

/// RFC 7643 §3.3.
#[test]
fn a_new_extension_brings_its_schema() {
    let before = json!({"schemas": [USER], "userName": "a"});
    let operations = json!([{"op": "add", "value": {CUSTOM: {"payroll": "P", "tags": ["x"]}}}]);
    let after = user_after(&before, &operations, &strict());
    assert_eq!(after, json!({"schemas": [USER, CUSTOM], "userName": "a", CUSTOM: {"payroll": "P", "tags": ["x"]}}));
}
