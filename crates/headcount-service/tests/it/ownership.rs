//! What belongs to another is as if it did not exist, and what it holds is taken.

use headcount_model::Preset;
use headcount_service::{Precondition, QueryRequest};
use scim_schema::builtin;
use serde_json::json;

use crate::fixture::{Client, World, if_match, refusal, texts};

fn told(client: &Client<'_>, kind: &str, id: &str) -> Vec<String> {
    let body = if kind == "User" {
        json!({"schemas": [builtin::USER], "userName": "zed"})
    } else {
        json!({"schemas": [builtin::GROUP], "displayName": "zed"})
    };
    let attribute = if kind == "User" { "title" } else { "displayName" };
    let patch = json!([{"op": "replace", "path": attribute, "value": "zed"}]);
    let none = Precondition { if_match: None, if_none_match: Some("*".to_owned()) };
    [
        client.get(kind, id),
        client.get_if(kind, id, &if_match("*")),
        client.get_if(kind, id, &none),
        client.put(kind, id, body.clone()),
        client.put_if(kind, id, body, &if_match("W/\"1\"")),
        client.patch(kind, id, patch),
        client.delete(kind, id),
        client.delete_if(kind, id, &if_match("nonsense")),
    ]
    .map(|answer| format!("{:?}", answer.unwrap_err()))
    .into()
}

/// RFC 7643 §9.3; RFC 7644 §6.
#[test]
fn a_foreign_id_answers_like_one_that_never_was() {
    let world = World::new();
    let tenant = world.tenant("acme");
    let client = world.connect(&tenant, Preset::Generic);
    let neighbour = world.connect(&tenant, Preset::Generic);
    let stranger = world.client(Preset::Generic);
    let never = "019b7c3a-0000-7000-8000-000000000000";
    for kind in ["User", "Group"] {
        let expected = told(&client, kind, never);
        for other in [&neighbour, &stranger] {
            let name = format!("{kind}{}", other.connection_id);
            let foreign = if kind == "User" { other.user(&name) } else { other.group(&name, &[]) };
            let before = other.get(kind, &foreign).unwrap();
            let answers = told(&client, kind, &foreign);
            assert_eq!(answers, expected.iter().map(|text| text.replace(never, &foreign)).collect::<Vec<_>>());
            assert_eq!(other.get(kind, &foreign).unwrap(), before);
            let results = client.bulk(json!([
                {"method": "DELETE", "path": format!("/{kind}s/{foreign}")},
                {"method": "DELETE", "path": format!("/{kind}s/{never}")}
            ]));
            let results = results.unwrap();
            assert_eq!(results[0].to_string().replace(&foreign, never), results[1].to_string());
        }
    }
    let upper = client.user("own").to_uppercase();
    assert_eq!(refusal(client.get("User", &upper)).0, 404, "another spelling is another id");
    let own = client.find("User", "userName eq \"own\"");
    assert_eq!(refusal(client.get("Group", &own[0])).0, 404, "another type");
}

/// RFC 7643 §9.3; RFC 7644 §6.
#[test]
fn lists_totals_filters_and_groups_hold_nothing_foreign() {
    let world = World::new();
    let tenant = world.tenant("acme");
    let client = world.connect(&tenant, Preset::Generic);
    let neighbour = world.connect(&tenant, Preset::Generic);
    let ada = client.user("ada");
    let eve = neighbour.user("eve");
    let foreign_group = neighbour.group("staff", &[&eve]);
    let hidden = client.imported("User", json!({"schemas": [builtin::USER], "userName": "hidden"}), false);
    let seen = client.imported("User", json!({"schemas": [builtin::USER], "userName": "seen"}), true);
    let list = client.query(Some("User"), &QueryRequest::default()).unwrap();
    assert_eq!(list["totalResults"], 2);
    assert_eq!(texts(&list["Resources"], "id"), [ada.clone(), seen.clone()]);
    for filter in [
        "userName eq \"eve\"".to_owned(),
        format!("id eq \"{hidden}\""),
        format!("groups.value eq \"{foreign_group}\""),
    ] {
        assert!(client.find("User", &filter).is_empty(), "{filter}");
    }
    assert_eq!(client.find("User", "not (userName eq \"ada\")"), [seen.as_str()]);
    let nothing = QueryRequest { count: Some("0".to_owned()), ..QueryRequest::default() };
    let total = client.query(Some("User"), &nothing).unwrap();
    assert_eq!((&total["totalResults"], &total["Resources"]), (&json!(2), &json!([])));
    client.set(&[("adopt", "never")]);
    assert_eq!(client.query(Some("User"), &nothing).unwrap()["totalResults"], 1);
    assert_eq!(refusal(client.get("User", &seen)).0, 404);
}

#[test]
fn a_name_held_where_it_cannot_be_seen_is_409_and_a_recorded_conflict() {
    let world = World::new();
    let tenant = world.tenant("acme");
    let client = world.connect(&tenant, Preset::Generic);
    let neighbour = world.connect(&tenant, Preset::Generic);
    let eve = neighbour.user("eve");
    let own = client.user("own");
    let before = client.journal().len();
    let post = json!({"schemas": [builtin::USER], "userName": "EVE"});
    for _ in 0..2 {
        let error = client.post("User", post.clone()).unwrap_err();
        assert_eq!(refusal::<()>(Err(error.clone())), (409, "uniqueness"));
        assert!(error.detail.contains("another source of this workspace") && !error.detail.contains(&eve), "{error}");
    }
    let rename = json!([{"op": "replace", "path": "userName", "value": "eve"}]);
    assert_eq!(refusal(client.patch("User", &own, rename)), (409, "uniqueness"));
    let results = client.bulk(json!([{"method": "POST", "path": "/Users", "bulkId": "a", "data": post}])).unwrap();
    assert_eq!(results[0]["status"], "409");
    let conflicts = client.conflicts();
    assert_eq!(conflicts.len(), 2);
    let posted = conflicts.iter().find(|one| one.resource.is_none()).unwrap();
    assert_eq!(
        (posted.kind.as_str(), posted.attribute.as_str(), posted.refused.as_str()),
        ("taken_elsewhere", "userName", "EVE")
    );
    assert_eq!(posted.times, 3);
    assert_eq!(client.kinds_after(before), ["conflict.found", "conflict.found"]);
    assert_eq!(client.version("User", &own), "W/\"1\"");
}

#[test]
fn inactive_users_hold_their_name_too() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = client.user("ada");
    client.patch("User", &ada, json!([{"op": "replace", "path": "active", "value": false}])).unwrap();
    let post = json!({"schemas": [builtin::USER], "userName": "ada"});
    assert_eq!(refusal(client.post("User", post)), (409, "uniqueness"));
    assert_eq!(client.find("User", "userName eq \"ada\""), [ada]);
}
