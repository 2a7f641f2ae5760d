//! POST (RFC 7644 §3.3).

use headcount_model::Preset;
use scim_schema::{Projection, builtin};
use serde_json::{Value, json};

use crate::fixture::{World, id, refusal};

fn user(name: &str) -> Value {
    json!({"schemas": [builtin::USER], "userName": name})
}

/// RFC 7643 §3.1.
#[test]
fn rfc7644_3_3_create_user() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let answer = client
        .post(
            "User",
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": "bjensen",
                "externalId": "bjensen",
                "name": {"formatted": "Ms. Barbara J Jensen III", "familyName": "Jensen", "givenName": "Barbara"}
            }),
        )
        .unwrap();
    let body = answer.body.clone().unwrap();
    let location = format!("{}/Users/{}", client.base(), id(&answer));
    assert_eq!(answer.status, 201);
    assert_eq!(answer.location.as_deref(), Some(location.as_str()));
    assert_eq!(answer.etag.as_deref(), Some("W/\"1\""));
    assert_eq!(
        body,
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": id(&answer),
            "externalId": "bjensen",
            "userName": "bjensen",
            "name": {"formatted": "Ms. Barbara J Jensen III", "familyName": "Jensen", "givenName": "Barbara"},
            "active": true,
            "meta": {
                "resourceType": "User",
                "created": "2026-01-02T03:04:05.000Z",
                "lastModified": "2026-01-02T03:04:05.000Z",
                "version": "W/\"1\"",
                "location": location
            }
        })
    );
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys[..2], ["schemas", "id"]);
    assert_eq!(client.get("User", &id(&answer)).unwrap().body, Some(body));
    assert_eq!(client.kinds_after(0), ["create"]);
    assert_eq!(client.journal()[0].paths, ["active", "externalId", "name", "userName"]);
}

#[test]
fn rfc7644_3_3_1_the_endpoint_decides_the_resource_type() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let named = json!({"resourceType": "Device"});
    for (kind, body) in [
        ("User", json!({"schemas": [builtin::USER], "userName": "ada", "meta": named})),
        ("Group", json!({"schemas": [builtin::GROUP], "displayName": "staff", "meta": named})),
    ] {
        let answer = client.post(kind, body).unwrap();
        assert_eq!(answer.body.as_ref().unwrap()["meta"]["resourceType"], kind);
        assert_eq!(client.get(kind, &id(&answer)).unwrap().body.unwrap()["meta"]["resourceType"], kind);
    }
}

/// RFC 7643 §3.1: an id stays, is never given again and never holds the word `bulkId`.
#[test]
fn an_id_is_unique_over_all_types_and_tenants_and_never_given_again() {
    let world = World::new();
    let (client, stranger) = (world.client(Preset::Generic), world.client(Preset::Generic));
    let mut ids = vec![client.user("ada"), client.group("staff", &[]), stranger.user("ada")];
    client.put("User", &ids[0], user("eve")).unwrap();
    assert_eq!(client.get("User", &ids[0]).unwrap().body.unwrap()["id"], ids[0].as_str());
    client.delete("User", &ids[0]).unwrap();
    ids.push(client.user("ada"));
    assert!(ids.iter().all(|id| !id.is_empty() && !id.to_lowercase().contains("bulkid")), "{ids:?}");
    let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "{ids:?}");
}

/// RFC 7643 §4.1.1.
#[test]
fn a_taken_user_name_is_409_and_names_attribute_and_value() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    client.user("Ada@Example.com");
    for name in ["ada@example.com", " ADA@EXAMPLE.COM "] {
        let error = client.post("User", user(name)).unwrap_err();
        assert_eq!(refusal::<()>(Err(error.clone())), (409, "uniqueness"));
        assert!(error.detail.contains("userName") && error.detail.contains(name), "{error}");
    }
    assert_eq!(client.kinds_after(0), ["create"]);
    assert!(client.conflicts().is_empty());
}

/// RFC 7643 §4.1.1.
#[test]
fn parallel_posts_of_one_name_make_one_user() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let results: Vec<_> = std::thread::scope(|scope| {
        let posts: Vec<_> = ["ada", "ADA", "Ada", " ada"]
            .map(|name| scope.spawn(|| client.post("User", user(name)).map(|answer| answer.status)))
            .into();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|result| matches!(result, Ok(201))).count(), 1);
    for refused in results.into_iter().filter(Result::is_err) {
        assert_eq!(refusal(refused), (409, "uniqueness"));
    }
}

/// RFC 7643 §4.1.1.
#[test]
fn what_is_not_a_user_is_400() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    for (body, expected) in [
        (json!({"schemas": [builtin::USER]}), "invalidValue"),
        (user(""), "invalidValue"),
        (user("  "), "invalidValue"),
        (user("a\u{202e}b"), "invalidValue"),
        (json!({"userName": "ada"}), "invalidSyntax"),
        (json!({"schemas": [builtin::USER], "userName": 7}), "invalidValue"),
    ] {
        assert_eq!(refusal(client.post("User", body.clone())), (400, expected), "{body}");
    }
    assert!(client.journal().is_empty());
}

#[test]
fn active_is_stored_as_true_unless_it_is_sent() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    for (name, sent, stored) in [("a", None, true), ("b", Some(json!(false)), false), ("c", Some(json!(null)), true)] {
        let mut body = user(name);
        if let Some(sent) = sent {
            body["active"] = sent;
        }
        let answer = client.post("User", body).unwrap();
        assert_eq!(answer.body.unwrap()["active"], stored);
    }
    assert_eq!(client.find("User", "active eq false").len(), 1);
}

/// RFC 7643 §4.1.1, §9.2.
#[test]
fn a_password_is_dropped_or_refused_and_never_shown_or_told() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let mut body = user("ada");
    body["password"] = "correct horse".into();
    let answer = client.post("User", body.clone()).unwrap();
    assert_eq!(answer.body.unwrap().get("password"), None);
    let journal = format!("{:?}", client.journal());
    assert!(!journal.contains("password") && !journal.contains("horse"), "{journal}");
    client.set(&[("passwords", "refuse")]);
    body["userName"] = "bob".into();
    assert_eq!(refusal(client.post("User", body)), (400, "invalidValue"));
}

#[test]
fn e_mail_defaults_are_written_by_the_presets_that_have_them() {
    let world = World::new();
    for (preset, expected) in [
        (Preset::Okta, json!([{"value": "a@x.test", "type": "work", "primary": true}])),
        (Preset::Generic, json!([{"value": "a@x.test"}])),
    ] {
        let client = world.client(preset);
        let mut body = user("ada");
        body["emails"] = json!([{"value": "a@x.test"}]);
        let answer = client.post("User", body).unwrap();
        assert_eq!(answer.body.clone().unwrap()["emails"], expected);
        assert_eq!(client.get("User", &id(&answer)).unwrap().body.unwrap()["emails"], expected);
    }
}

#[test]
fn an_answer_holds_what_the_projection_lets_through() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let projection = Projection::Only(vec!["userName".to_owned()]);
    let body = client.post_as("User", user("ada"), &projection).unwrap().body.unwrap();
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["schemas", "id", "userName"]);
}

/// RFC 7643 §3.1; RFC 7644 §6.2.
#[test]
fn external_id_is_unique_only_where_the_setting_says_so() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let mut body = user("ada");
    body["externalId"] = "7".into();
    client.post("User", body.clone()).unwrap();
    body["userName"] = "bob".into();
    client.post("User", body.clone()).unwrap();
    let entra = world.client(Preset::Entra);
    entra.post("User", body.clone()).unwrap();
    body["userName"] = "eve".into();
    let error = entra.post("User", body).unwrap_err();
    assert_eq!(refusal::<()>(Err(error.clone())), (409, "uniqueness"));
    assert!(error.detail.contains("externalId \"7\""), "{error}");
}

#[test]
fn a_deleted_name_is_free_and_makes_a_new_account_or_revives_the_old_one() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let old = client.user("ada");
    let group = client.group("staff", &[&old]);
    client.patch("User", &old, json!([{"op": "add", "path": "title", "value": "x"}])).unwrap();
    client.delete("User", &old).unwrap();
    assert!(client.members(&group).is_empty());

    world.clock.advance_seconds(1);
    let new = client.user("ada");
    assert_ne!(new, old);
    assert!(client.members(&group).is_empty());
    client.delete("User", &new).unwrap();

    client.set(&[("rehire", "revive")]);
    let before = client.journal().len();
    let answer = client.post("User", user("ADA")).unwrap();
    assert_eq!(id(&answer), new);
    assert_eq!(answer.etag.as_deref(), Some("W/\"3\""), "1 made, 2 deleted");
    assert_eq!(client.kinds_after(before), ["create"]);
    assert!(client.members(&group).is_empty(), "it was in none");
}

#[test]
fn a_revived_user_has_its_memberships_back() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    client.set(&[("rehire", "revive")]);
    let ada = client.user("ada");
    let kept = client.group("kept", &[&ada]);
    let gone = client.group("gone", &[&ada]);
    client.delete("User", &ada).unwrap();
    client.delete("Group", &gone).unwrap();
    let before = client.journal().len();
    let answer = client.post("User", user("ada")).unwrap();
    assert_eq!(id(&answer), ada);
    assert_eq!(answer.body.unwrap()["groups"][0]["value"], kept);
    assert_eq!(client.members(&kept), [ada]);
    assert_eq!(client.kinds_after(before), ["create", "member_added"]);
    assert_eq!(client.journal()[before].detail.as_deref(), Some("{\"revived\":true}"));
}
