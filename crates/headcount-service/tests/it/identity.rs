//! Changes of userName and e-mail (R11).

use headcount_model::Preset;
use scim_schema::builtin;
use serde_json::{Value, json};

use crate::fixture::{World, id, refusal};

fn body(name: &str, email: &str, title: &str) -> Value {
    json!({"schemas": [builtin::USER], "userName": name, "title": title,
           "emails": [{"value": email, "type": "work", "primary": true}]})
}

#[test]
fn okta_keeps_the_stored_identity_and_applies_the_rest() {
    let world = World::new();
    let client = world.client(Preset::Okta);
    let ada = id(&client.post("User", body("ada", "ada@x.test", "a")).unwrap());
    let answer = client.put("User", &ada, body("eve", "eve@x.test", "b")).unwrap();
    let shown = answer.body.unwrap();
    assert_eq!((answer.status, answer.etag.as_deref()), (200, Some("W/\"2\"")));
    assert_eq!(
        (&shown["userName"], &shown["emails"][0]["value"], &shown["title"]),
        (&json!("ada"), &json!("ada@x.test"), &json!("b"))
    );
    let before = client.journal().len();
    for _ in 0..3 {
        let answer = client.put("User", &ada, body("eve", "eve@x.test", "b")).unwrap();
        assert_eq!(answer.etag.as_deref(), Some("W/\"2\""), "only the refused values differ");
    }
    assert_eq!(client.journal().len(), before);
    let operations = json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "third@x.test"}]);
    let answer = client.patch("User", &ada, operations).unwrap();
    assert_eq!(answer.body.unwrap()["emails"][0]["value"], "ada@x.test");
    let mut conflicts: Vec<_> =
        client.conflicts().into_iter().map(|one| (one.attribute, one.kind, one.refused, one.times)).collect();
    conflicts.sort();
    let conflict = |attribute: &str, refused: &str, times| {
        (attribute.to_owned(), "immutable".to_owned(), refused.to_owned(), times)
    };
    assert_eq!(
        conflicts,
        [conflict("emails", "eve@x.test", 4), conflict("emails", "third@x.test", 1), conflict("userName", "eve", 4)]
    );
    assert_eq!(client.kinds_after(0), ["create", "put", "conflict.found", "conflict.found", "conflict.found"]);
}

#[test]
fn reject_refuses_the_whole_request() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    client.set(&[("identity_changes", "reject")]);
    let ada = id(&client.post("User", body("ada", "ada@x.test", "a")).unwrap());
    assert_eq!(refusal(client.put("User", &ada, body("eve", "ada@x.test", "b"))), (400, "mutability"));
    assert_eq!(refusal(client.put("User", &ada, body("ada", "eve@x.test", "b"))), (400, "mutability"));
    let patch = json!([{"op": "replace", "path": "userName", "value": "eve"}]);
    assert_eq!(refusal(client.patch("User", &ada, patch)), (400, "mutability"));
    assert_eq!(client.version("User", &ada), "W/\"1\"");
    client.put("User", &ada, body("ADA", "Ada@x.test", "b")).unwrap();
}

#[test]
fn follow_follows_and_the_old_name_is_free() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = id(&client.post("User", body("ada", "ada@x.test", "a")).unwrap());
    let shown = client.put("User", &ada, body("eve", "eve@x.test", "a")).unwrap().body.unwrap();
    assert_eq!((&shown["userName"], &shown["emails"][0]["value"]), (&json!("eve"), &json!("eve@x.test")));
    client.user("ada");
    assert_eq!(client.find("User", "emails.value eq \"eve@x.test\""), [ada]);
}

#[test]
fn the_first_address_of_a_user_is_never_refused() {
    let world = World::new();
    let client = world.client(Preset::Okta);
    let ada = client.user("ada");
    let shown = client.put("User", &ada, body("ada", "ada@x.test", "a")).unwrap().body.unwrap();
    assert_eq!(shown["emails"][0]["value"], "ada@x.test");
    assert!(client.conflicts().is_empty());
}
