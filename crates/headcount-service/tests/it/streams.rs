//! Groups that are too large to be answered at once.

use headcount_model::{Preset, ScopeSet, Timestamp};
use headcount_service::{Answer, Body, Limits, Precondition, QueryRequest, answer::Parts};
use scim_schema::{Projection, Registry, ScimError, builtin};
use serde_json::{Value, json};

use crate::fixture::{Client, Reply, World, texts};

/// Two members make a part, and four are read before it.
fn world() -> World {
    World::with(Limits { members_at_once: 4, ..Limits::default() }, Registry::builtin())
}

fn users(client: &Client<'_>, count: usize) -> Vec<String> {
    (0..count).map(|n| client.user(&format!("user{n:03}"))).collect()
}

fn group(client: &Client<'_>, name: &str, members: &[String]) -> String {
    client.group(name, &members.iter().map(String::as_str).collect::<Vec<_>>())
}

fn read(client: &Client<'_>, id: &str, projection: &Projection) -> Answer {
    let caller = client.caller();
    client.world.service.read(&caller, client.kind("Group"), id, &Precondition::default(), projection).unwrap()
}

fn parts(answer: Answer) -> Parts {
    match answer.body {
        Some(Body::Parts(parts)) => parts,
        body => panic!("the answer is no stream: {body:?}"),
    }
}

fn is_whole(answer: &Answer) -> bool {
    matches!(answer.body, Some(Body::Whole(_)))
}

/// What was sent until the end, or until it broke off.
fn drain(parts: Parts) -> (String, Option<ScimError>) {
    let mut text = String::new();
    for part in parts {
        match part {
            Ok(part) => text.push_str(&part),
            Err(error) => return (text, Some(error)),
        }
    }
    (text, None)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_large_group_is_sent_in_parts_that_make_the_answer_of_a_small_one() {
    let world = world();
    let client = world.client(Preset::Generic);
    let users = users(&client, 11);
    for count in [4, 5, 6, 7, 8, 11] {
        let id = group(&client, &format!("group{count}"), &users[..count]);
        let answer = read(&client, &id, &Projection::Default);
        assert_eq!(is_whole(&answer), count <= 4, "{count}");
        assert_eq!(answer.etag.as_deref(), Some("W/\"1\""));
        let text = answer.body.unwrap().into_text().unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(texts(&body["members"], "value"), users[..count]);
        let keys: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["schemas", "id", "displayName", "members", "meta"]);
        assert_eq!(body.to_string(), text);
        let first = &body["members"][0];
        assert_eq!(
            *first,
            json!({"value": users[0], "$ref": format!("{}/Users/{}", client.base(), users[0]), "type": "User"})
        );
    }
}

#[test]
fn a_projection_holds_in_every_part() {
    let world = world();
    let client = world.client(Preset::Generic);
    let users = users(&client, 9);
    let id = group(&client, "staff", &users);
    let body = |projection: &Projection| {
        let answer = read(&client, &id, projection);
        let whole = is_whole(&answer);
        (whole, Reply::from(answer).body.unwrap())
    };
    let (whole, shown) = body(&Projection::Only(names(&["members.value"])));
    let values: Vec<Value> = users.iter().map(|id| json!({"value": id})).collect();
    assert!(!whole);
    assert_eq!(shown, json!({"schemas": [builtin::GROUP], "id": id, "members": values}));
    let (whole, shown) = body(&Projection::Except(names(&["members.type", "members.$ref", "meta"])));
    assert!(!whole);
    assert_eq!(shown, json!({"schemas": [builtin::GROUP], "id": id, "displayName": "staff", "members": values}));
    for projection in [Projection::Except(names(&["members"])), Projection::Only(names(&["displayName"]))] {
        let (whole, shown) = body(&projection);
        assert!(whole);
        assert_eq!(shown.get("members"), None);
    }
}

#[test]
fn names_and_empty_lists_are_shown_in_parts_too() {
    let world = world();
    let client = world.client(Preset::Authentik);
    let users = users(&client, 7);
    let id = group(&client, "staff", &users);
    let shown = Reply::from(read(&client, &id, &Projection::Default)).body.unwrap();
    assert_eq!(texts(&shown["members"], "display")[6], "user006");
    assert_eq!(texts(&shown["members"], "display").len(), 7);
}

#[test]
fn members_that_come_and_go_while_it_is_sent_leave_every_other_exactly_once() {
    let world = world();
    let client = world.client(Preset::Generic);
    let users = users(&client, 14);
    let id = group(&client, "staff", &users[..12]);
    let mut parts = parts(read(&client, &id, &Projection::Default));
    let mut text = parts.next().unwrap().unwrap();
    let gone = json!([
        {"op": "remove", "path": format!("members[value eq \"{}\"]", users[0])},
        {"op": "remove", "path": format!("members[value eq \"{}\"]", users[6])},
        {"op": "remove", "path": format!("members[value eq \"{}\"]", users[11])},
        {"op": "add", "path": "members", "value": [{"value": users[12]}]},
    ]);
    client.patch("Group", &id, gone).unwrap();
    text.push_str(&parts.next().unwrap().unwrap());
    client.delete("User", &users[8]).unwrap();
    let (rest, error) = drain(parts);
    assert_eq!(error, None);
    text.push_str(&rest);
    let body: Value = serde_json::from_str(&text).unwrap();
    let shown = texts(&body["members"], "value");
    for (n, user) in users.iter().enumerate() {
        let times = shown.iter().filter(|id| *id == user).count();
        match n {
            0 | 6 | 8 | 11 | 12 => assert!(times <= 1, "{n}"),
            13 => assert_eq!(times, 0),
            _ => assert_eq!(times, 1, "{n}"),
        }
    }
    assert_eq!(body["meta"]["version"], "W/\"1\"");
}

#[test]
fn a_group_that_is_deleted_while_it_is_sent_breaks_off() {
    let world = world();
    let client = world.client(Preset::Generic);
    let id = group(&client, "staff", &users(&client, 12));
    let mut parts = parts(read(&client, &id, &Projection::Default));
    assert!(parts.next().unwrap().is_ok());
    client.delete("Group", &id).unwrap();
    group(&client, "staff", &[]);
    let (text, error) = drain(parts);
    assert_eq!((text.as_str(), error.unwrap().status), ("", 404));
}

#[test]
fn a_token_that_is_revoked_while_an_answer_is_sent_gets_no_more_of_it() {
    let world = world();
    let mut client = world.client(Preset::Generic);
    let id = group(&client, "staff", &users(&client, 12));
    client.token(ScopeSet::default(), None);
    let mut parts = parts(read(&client, &id, &Projection::Default));
    assert!(parts.next().unwrap().is_ok());
    assert!(parts.next().unwrap().is_ok());
    world.write(&client.ctx, |txn| txn.revoke_token(&client.token_id, Timestamp::from_micros(1)));
    let (text, error) = drain(parts);
    assert_eq!((text.as_str(), error.unwrap().status), ("", 401));
}

#[test]
fn a_setting_that_changes_while_an_answer_is_sent_does_not_break_it_off() {
    let world = world();
    let client = world.client(Preset::Generic);
    let users = users(&client, 12);
    let id = group(&client, "staff", &users);
    let mut parts = parts(read(&client, &id, &Projection::Default));
    let mut text = parts.next().unwrap().unwrap();
    client.set(&[("string_booleans", "refuse")]);
    let (rest, error) = drain(parts);
    assert_eq!(error, None);
    text.push_str(&rest);
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(texts(&body["members"], "value"), users);
}

#[test]
fn members_that_a_connection_does_not_see_are_left_out_of_every_part() {
    let world = world();
    let client = world.client(Preset::Generic);
    let mut members = users(&client, 3);
    let waiting: Vec<String> = (0..6)
        .map(|n| client.imported("User", json!({"schemas": [builtin::USER], "userName": format!("w{n}")}), true))
        .collect();
    members.extend(waiting);
    members.extend((10..20).map(|n| client.user(&format!("late{n}"))));
    let id = group(&client, "staff", &members);
    let seen = |client: &Client<'_>| {
        let answer = read(client, &id, &Projection::Default);
        assert!(!is_whole(&answer));
        texts(&Reply::from(answer).body.unwrap()["members"], "value")
    };
    assert_eq!(seen(&client), members);
    client.set(&[("adopt", "never")]);
    members.drain(3..9);
    assert_eq!(seen(&client), members);
}

#[test]
fn a_page_of_groups_with_many_members_is_sent_in_parts() {
    let world = world();
    let client = world.client(Preset::Generic);
    let users = users(&client, 12);
    // In the order of the page, by name, neither the sizes nor the rows are in order.
    let sizes = [("d", 7), ("b", 0), ("c", 12), ("a", 3), ("e", 1)];
    let ids = sizes.map(|(name, size)| group(&client, name, &users[..size]));
    let query = |client: &Client<'_>, excluded: Option<&str>| {
        let request = QueryRequest {
            sort_by: Some("displayName".to_owned()),
            excluded_attributes: excluded.map(ToOwned::to_owned),
            ..QueryRequest::default()
        };
        let caller = client.caller();
        client.world.service.query(&caller, Some(client.kind("Group")), &request).unwrap()
    };
    let answer = query(&client, None);
    assert!(!is_whole(&answer));
    let text = answer.body.unwrap().into_text().unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body.to_string(), text);
    assert_eq!((&body["totalResults"], &body["itemsPerPage"]), (&json!(5), &json!(5)));
    for (place, name) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
        let shown = &body["Resources"][place];
        let (n, (_, size)) = sizes.iter().enumerate().find(|(_, (known, _))| *known == name).unwrap();
        assert_eq!((&shown["displayName"], &shown["id"]), (&json!(name), &json!(ids[n])));
        assert_eq!(texts(&shown["members"], "value"), users[..*size], "{name}");
        assert_eq!(shown.get("members").is_some(), *size > 0);
        assert_eq!(*shown, Reply::from(read(&client, &ids[n], &Projection::Default)).body.unwrap());
    }
    assert!(is_whole(&query(&client, Some("members"))));
    client.delete("Group", &ids[2]).unwrap();
    assert!(is_whole(&query(&client, None)));
}

#[test]
fn the_answer_to_a_write_of_a_large_group_is_sent_in_parts() {
    let world = world();
    let client = world.client(Preset::Generic);
    let users = users(&client, 9);
    let members: Vec<Value> = users.iter().map(|id| json!({"value": id})).collect();
    let body = json!({"schemas": [builtin::GROUP], "displayName": "staff", "members": members});
    let made = client.post("Group", body.clone()).unwrap();
    assert_eq!((made.status, texts(&made.body.unwrap()["members"], "value")), (201, users.clone()));
    let id = client.find("Group", "displayName eq \"staff\"").remove(0);
    let put = client.put("Group", &id, body).unwrap();
    assert_eq!((put.status, texts(&put.body.unwrap()["members"], "value")), (200, users));
}
