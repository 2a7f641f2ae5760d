//! Linking accounts and groups of the application (R8).

use headcount_model::Preset;
use scim_schema::builtin;
use serde_json::{Value, json};

use crate::fixture::{World, refusal, texts};

fn account(name: &str, email: Option<&str>) -> Value {
    let mut account = json!({"schemas": [builtin::USER], "userName": name, "externalId": "app-7", "active": true});
    if let Some(email) = email {
        account["emails"] = json!([{"value": email}]);
    }
    account
}

fn body(name: &str, email: Option<&str>) -> Value {
    let mut body = account(name, email);
    body["externalId"] = "idp-1".into();
    body
}

#[test]
fn the_first_put_or_patch_adopts_and_keeps_the_id() {
    let world = World::new();
    for put in [true, false] {
        let client = world.client(Preset::Generic);
        let ada = client.imported("User", account("ada", Some("Ada@x.test")), true);
        let seen = client.get("User", &ada).unwrap().body.unwrap();
        assert_eq!(seen.get("externalId"), None, "what the application calls it is the application's");
        let answer = if put {
            client.put("User", &ada, body("ada", Some("ada@X.test"))).unwrap()
        } else {
            client.patch("User", &ada, json!([{"op": "add", "path": "externalId", "value": "idp-1"}])).unwrap()
        };
        let shown = answer.body.unwrap();
        assert_eq!((&shown["id"], &shown["externalId"]), (&json!(ada), &json!("idp-1")));
        assert_eq!(answer.etag.as_deref(), Some("W/\"2\""));
        assert_eq!(client.kinds_after(0), ["adopt"]);
        assert_eq!(client.find("User", "externalId eq \"idp-1\""), [ada.as_str()]);
        client.delete("User", &ada).unwrap();
    }
}

#[test]
fn a_write_that_says_nothing_new_adopts_too_and_drops_the_foreign_external_id() {
    let world = World::new();
    let client = world.client(Preset::Okta);
    let ada = client.imported("User", account("ada", None), true);
    let answer = client.put("User", &ada, json!({"schemas": [builtin::USER], "userName": "ada"})).unwrap();
    assert_eq!(answer.body.unwrap().get("externalId"), None);
    assert_eq!(client.kinds_after(0), ["adopt"]);
    let again = client.put("User", &ada, json!({"schemas": [builtin::USER], "userName": "ada"})).unwrap();
    assert_eq!(again.etag.as_deref(), Some("W/\"2\""));
}

#[test]
fn what_a_patch_brings_decides_and_not_what_it_leaves() {
    let world = World::new();
    for (preset, operation, adopted) in [
        (Preset::Generic, json!({"op": "add", "path": "emails", "value": [{"value": "o@x.test"}]}), false),
        (Preset::Generic, json!({"op": "add", "value": {"emails": [{"value": "o@x.test"}]}}), false),
        (Preset::Entra, json!({"op": "Add", "path": "emails[type eq \"work\"].value", "value": "o@x.test"}), false),
        (Preset::Entra, json!({"op": "Add", "value": {"emails[type eq \"work\"].value": "o@x.test"}}), false),
        (
            Preset::Generic,
            json!({"op": "add", "path": "emails", "value": [{"value": "o@x.test"}, {"VALUE": "ADA@x.test", "type": "work"}]}),
            true,
        ),
        (Preset::Generic, json!({"op": "add", "path": "emails", "value": [{"value": "ada@x.test"}]}), true),
        (Preset::Generic, json!({"op": "add", "path": "title", "value": "Countess"}), true),
        (Preset::Generic, json!({"op": "remove", "path": "emails"}), true),
    ] {
        let client = world.client(preset);
        let ada = client.imported("User", account("ada", Some("ada@x.test")), true);
        let answer = client.patch("User", &ada, json!([operation]));
        if adopted {
            answer.unwrap();
        } else {
            assert_eq!(refusal(answer), (409, "uniqueness"), "{operation}");
        }
        assert_eq!(client.kinds_after(0).contains(&"adopt".to_owned()), adopted, "{operation}");
    }
}

#[test]
fn another_e_mail_is_a_conflict_and_the_account_stays_as_it_is() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = client.imported("User", account("ada", Some("ada@x.test")), true);
    let before = client.get("User", &ada).unwrap();
    for _ in 0..2 {
        let put = client.put("User", &ada, body("ada", Some("other@x.test")));
        assert_eq!(refusal(put), (409, "uniqueness"));
    }
    let patch = json!([{"op": "replace", "path": "emails", "value": [{"value": "third@x.test"}]}]);
    assert_eq!(refusal(client.patch("User", &ada, patch)), (409, "uniqueness"));
    assert_eq!(client.get("User", &ada).unwrap(), before);
    let mut refused: Vec<_> = client.conflicts().into_iter().map(|one| (one.kind, one.refused, one.times)).collect();
    refused.sort();
    assert_eq!(
        refused,
        [
            ("email_differs".to_owned(), "other@x.test".to_owned(), 2),
            ("email_differs".to_owned(), "third@x.test".to_owned(), 1)
        ]
    );
    client.put("User", &ada, body("ada", None)).unwrap();
    assert_eq!(client.kinds_after(0), ["conflict.found", "conflict.found", "adopt"]);
}

#[test]
fn a_post_of_the_name_of_an_adoptable_account_is_409_that_says_what_to_do() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    client.imported("User", account("ada", None), true);
    client.imported("Group", json!({"schemas": [builtin::GROUP], "displayName": "Staff"}), true);
    for (kind, post) in
        [("User", body("ADA", None)), ("Group", json!({"schemas": [builtin::GROUP], "displayName": "staff"}))]
    {
        let error = client.post(kind, post).unwrap_err();
        assert_eq!(refusal::<()>(Err(error.clone())), (409, "uniqueness"));
        assert!(error.detail.contains("look it up"), "{error}");
    }
    assert!(client.conflicts().is_empty());
    client.set(&[("adopt", "never")]);
    client.post("Group", json!({"schemas": [builtin::GROUP], "displayName": "staff"})).unwrap();
    let error = client.post("User", body("ada", None)).unwrap_err();
    assert!(error.detail.contains("another source"), "{error}");
}

#[test]
fn an_adopted_account_leaves_the_groups_of_every_other_connection() {
    let world = World::new();
    let tenant = world.tenant("acme");
    let client = world.connect(&tenant, Preset::Generic);
    let neighbour = world.connect(&tenant, Preset::Generic);
    let ada = client.imported("User", account("ada", None), true);
    let own = client.group("own", &[&ada]);
    let foreign = neighbour.group("foreign", &[&ada]);
    assert_eq!(neighbour.members(&foreign), [ada.as_str()]);
    let before = client.journal().len();
    client.put("User", &ada, body("ada", None)).unwrap();
    assert_eq!(client.members(&own), [ada.as_str()]);
    assert!(neighbour.members(&foreign).is_empty());
    assert_eq!(neighbour.version("Group", &foreign), "W/\"2\"");
    assert_eq!(client.kinds_after(before), ["member_removed", "adopt"]);
    assert_eq!(refusal(neighbour.get("User", &ada)).0, 404);
    assert_eq!(refusal(neighbour.put("User", &ada, body("ada", None))).0, 404);
}

#[test]
fn an_adopted_group_shows_and_keeps_only_members_that_are_seen() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let group = client.imported("Group", json!({"schemas": [builtin::GROUP], "displayName": "staff"}), true);
    let seen = client.imported("User", account("seen", None), true);
    let hidden = client.imported("User", account("hidden", None), false);
    world.write(&client.ctx, |txn| {
        let connections = txn.connections()?;
        let view = |connection| headcount_store::query::View {
            connection,
            adoptable: headcount_store::query::Adoptable::Seen,
        };
        let application = view(connections[0].key);
        let stored = txn.find_resource(&application, "Group", &group, headcount_store::resources::Lock::Shared)?;
        let members = txn.find_members(&application, &[&seen, &hidden])?;
        assert_eq!(members.len(), 2);
        txn.add_members(stored.unwrap().seq, &members)
    });
    assert_eq!(client.members(&group), [seen.as_str()]);
    let list = client.query(Some("Group"), &headcount_service::QueryRequest::default()).unwrap();
    assert_eq!(texts(&list["Resources"][0]["members"], "value"), [seen.as_str()]);
    let ada = client.user("ada");
    let add = json!([{"op": "add", "path": "members", "value": [{"value": ada}]}]);
    let answer = client.patch("Group", &group, add).unwrap();
    assert_eq!(answer.etag.as_deref(), Some("W/\"2\""));
    let mut expected = [seen, ada];
    expected.sort();
    assert_eq!(client.members(&group), expected);
    assert_eq!(client.kinds_after(1), ["adopt", "member_added", "member_removed"]);
}

#[test]
fn what_the_application_calls_an_account_finds_nothing() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = client.imported("User", account("ada", None), true);
    let own = client.user("own");
    for filter in ["externalId eq \"app-7\"", "externalId pr", "userName eq \"ada\" and externalId sw \"app\""] {
        assert!(client.find("User", filter).is_empty(), "{filter}");
    }
    assert_eq!(client.find("User", "userName pr or externalId pr"), [ada, own]);
}

#[test]
fn what_was_never_linked_cannot_be_deleted() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = client.imported("User", account("ada", None), true);
    assert_eq!(refusal(client.delete("User", &ada)).0, 403);
    client.get("User", &ada).unwrap();
}

#[test]
fn deactivation_by_the_adopting_write_is_told_in_its_entry() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = client.imported("User", account("ada", None), true);
    client.patch("User", &ada, json!([{"op": "replace", "path": "active", "value": false}])).unwrap();
    let entry = client.journal().pop().unwrap();
    assert_eq!((entry.kind.as_str(), entry.detail.as_deref()), ("adopt", Some("{\"change\":\"deactivate\"}")));
    assert_eq!(entry.paths, ["active"]);
}
