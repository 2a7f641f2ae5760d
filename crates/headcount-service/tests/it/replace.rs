//! PUT (RFC 7644 §3.5.1).

use headcount_model::Preset;
use scim_schema::{Registry, builtin};
use serde_json::{Value, json};

use crate::fixture::{World, id, refusal};

fn full() -> Value {
    let urn = builtin::ENTERPRISE_USER;
    json!({
        "schemas": [builtin::USER, urn], "userName": "ada", "externalId": "7", "active": false, "title": "x",
        "name": {"givenName": "Ada", "familyName": "Lovelace"}, "emails": [{"value": "ada@x.test"}],
        urn: {"department": "engines"}
    })
}

fn without(mut body: Value, names: &[&str]) -> Value {
    for name in names {
        body.as_object_mut().unwrap().shift_remove(*name);
    }
    body
}

/// RFC 7643 §3.1; RFC 7644 §3.5.
#[test]
fn rfc7644_3_5_1_replace_user() {
    let world = World::new();
    let client = world.client(Preset::Strict);
    let ada = id(&client.post("User", full()).unwrap());
    world.clock.advance_seconds(1);
    let mut body = full();
    body["name"] = json!({"familyName": "King"});
    body["id"] = "ignored".into();
    body["meta"] = json!({"version": "ignored"});
    let answer = client.put("User", &ada, body).unwrap();
    let shown = answer.body.clone().unwrap();
    assert_eq!((answer.status, answer.etag.as_deref()), (200, Some("W/\"2\"")));
    assert_eq!(shown["name"], json!({"familyName": "King"}), "a complex value is replaced whole");
    assert_eq!((&shown["id"], &shown["active"]), (&json!(ada), &json!(false)));
    assert_eq!(client.get("User", &ada).unwrap().body, Some(shown));
    assert_eq!(client.journal().pop().unwrap().paths, ["name"]);
}

#[test]
fn what_a_put_does_not_name_is_cleared_or_kept_as_the_connection_says() {
    let world = World::new();
    let bare = json!({"schemas": [builtin::USER], "userName": "ada"});
    for (preset, external_id, title, department) in [
        (Preset::Generic, false, false, false),
        (Preset::Strict, false, false, false),
        (Preset::Okta, true, false, true),
        (Preset::OneLogin, true, true, true),
    ] {
        let client = world.client(preset);
        client.set(&[("identity_changes", "follow")]);
        let ada = id(&client.post("User", full()).unwrap());
        let shown = client.put("User", &ada, bare.clone()).unwrap().body.unwrap();
        let has = |name: &str| shown.get(name).is_some();
        assert_eq!(shown["active"], false, "{preset:?} keeps active");
        assert_eq!(has("externalId"), external_id, "{preset:?}");
        assert_eq!(has("title"), title, "{preset:?}");
        assert_eq!(has(builtin::ENTERPRISE_USER), department, "{preset:?}");
        let names_extension = shown["schemas"].as_array().unwrap().contains(&json!(builtin::ENTERPRISE_USER));
        assert_eq!(names_extension, department, "{preset:?}");
    }
}

#[test]
fn an_identity_provider_may_leave_out_the_user_name_and_clear_by_null() {
    let world = World::new();
    let client = world.client(Preset::Rauthy);
    let ada = id(&client.post("User", full()).unwrap());
    let mut body = without(full(), &["userName"]);
    body["externalId"] = Value::Null;
    body["active"] = Value::Null;
    let shown = client.put("User", &ada, body).unwrap().body.unwrap();
    assert_eq!((&shown["userName"], shown.get("externalId"), &shown["active"]), (&json!("ada"), None, &json!(false)));
    let generic = world.client(Preset::Generic);
    let ada = id(&generic.post("User", full()).unwrap());
    assert_eq!(refusal(generic.put("User", &ada, without(full(), &["userName"]))), (400, "invalidValue"));
}

#[test]
fn members_that_a_put_does_not_name_are_cleared_or_kept() {
    let world = World::new();
    for (preset, kept) in [(Preset::Generic, 0), (Preset::Okta, 1)] {
        let client = world.client(preset);
        let ada = client.user("ada");
        let group = client.group("staff", &[&ada]);
        client.put("Group", &group, json!({"schemas": [builtin::GROUP], "displayName": "staff"})).unwrap();
        assert_eq!(client.members(&group).len(), kept, "{preset:?}");
        let empty = json!({"schemas": [builtin::GROUP], "displayName": "staff", "members": []});
        client.put("Group", &group, empty).unwrap();
        assert!(client.members(&group).is_empty());
        let kinds = client.kinds_after(2);
        assert_eq!(kinds, ["member_added", "member_removed"]);
    }
}

#[test]
fn an_immutable_attribute_is_set_once() {
    let schema = json!({"id": "urn:example:badge", "name": "Badge", "attributes": [
        {"name": "number", "type": "string", "mutability": "immutable"},
        {"name": "colour", "type": "string"}
    ]});
    let user = json!({"id": "User", "name": "User", "endpoint": "/Users", "schema": builtin::USER,
    "schemaExtensions": [
        {"schema": builtin::ENTERPRISE_USER, "required": false}, {"schema": "urn:example:badge", "required": false}
    ]});
    let registry = Registry::builtin().with_documents(&[schema, user]).unwrap();
    let world = World::with(headcount_service::Limits::default(), registry);
    let client = world.client(Preset::Generic);
    let body = |badge: Value| json!({"schemas": [builtin::USER, "urn:example:badge"], "userName": "ada", "urn:example:badge": badge});
    let ada = client.user("ada");
    client.put("User", &ada, body(json!({"number": "7"}))).unwrap();
    client.put("User", &ada, body(json!({"number": "7", "colour": "red"}))).unwrap();
    assert_eq!(refusal(client.put("User", &ada, body(json!({"number": "8"})))), (400, "mutability"));
    assert_eq!(refusal(client.put("User", &ada, body(json!({"number": null})))), (400, "mutability"));
    let shown = client.put("User", &ada, body(json!({"colour": "blue"}))).unwrap().body.unwrap();
    assert_eq!(shown["urn:example:badge"], json!({"colour": "blue", "number": "7"}));
}

#[test]
fn what_a_get_showed_can_be_put_back_without_a_change() {
    let world = World::new();
    for preset in Preset::ALL {
        let client = world.client(preset);
        let mut body = full();
        body[builtin::ENTERPRISE_USER]["manager"] = json!({"value": "boss", "$ref": "../Users/other"});
        let ada = id(&client.post("User", body).unwrap());
        let group = client.group("staff", &[&ada]);
        for (kind, id) in [("User", &ada), ("Group", &group)] {
            let shown = client.get(kind, id).unwrap();
            let put = client.put(kind, id, shown.body.clone().unwrap()).unwrap();
            assert_eq!(put.body, shown.body, "{preset:?}");
            assert_eq!(client.get(kind, id).unwrap(), shown, "{preset:?}");
        }
    }
}

#[test]
fn there_is_no_upsert() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    assert_eq!(refusal(client.put("User", "chosen-by-the-client", full())).0, 404);
    assert!(client.find("User", "userName pr").is_empty());
}
