//! Members and groups (RFC 7643 §4.1.2, §4.2; RFC 7644 §3.5.2).

use headcount_model::Preset;
use headcount_service::{Limits, QueryRequest};
use scim_schema::{Projection, Registry, builtin};
use serde_json::{Value, json};

use crate::fixture::{World, refusal, texts};

fn small(limits: Limits) -> World {
    World::with(limits, Registry::builtin())
}

/// RFC 7643 §4.2.
#[test]
fn members_are_shown_with_value_ref_and_type() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = client.user("ada");
    let inner = client.group("inner", &[]);
    let outer = client.group("outer", &[&ada, &inner, &ada]);
    let body = client.get("Group", &outer).unwrap().body.unwrap();
    let base = client.base();
    assert_eq!(
        body["members"],
        json!([
            {"value": ada, "$ref": format!("{base}/Users/{ada}"), "type": "User"},
            {"value": inner, "$ref": format!("{base}/Groups/{inner}"), "type": "Group"}
        ])
    );
    assert_eq!(client.get("Group", &inner).unwrap().body.unwrap().get("members"), None);
}

/// RFC 7643 §4.1.2: a change of membership is applied to the group, never to the user.
#[test]
fn the_groups_of_a_user_cannot_be_written() {
    let world = World::new();
    let client = world.client(Preset::Strict);
    let group = client.group("staff", &[]);
    let body = json!({"schemas": [builtin::USER], "userName": "ada", "groups": [{"value": group}]});
    let ada = crate::fixture::id(&client.post("User", body.clone()).unwrap());
    client.put("User", &ada, body).unwrap();
    let patch = json!([{"op": "add", "path": "groups", "value": [{"value": group}]}]);
    assert_eq!(refusal(client.patch("User", &ada, patch)), (400, "mutability"));
    assert_eq!(client.get("User", &ada).unwrap().body.unwrap().get("groups"), None);
    assert!(client.members(&group).is_empty());
}

#[test]
fn presets_of_identity_providers_show_names_and_empty_lists() {
    let world = World::new();
    let client = world.client(Preset::Authentik);
    let ada = client.user("ada");
    let group = client.group("staff", &[&ada]);
    let empty = client.group("empty", &[]);
    assert_eq!(client.get("Group", &group).unwrap().body.unwrap()["members"][0]["display"], "ada");
    assert_eq!(client.get("Group", &empty).unwrap().body.unwrap()["members"], json!([]));
    assert_eq!(client.get("User", &ada).unwrap().body.unwrap()["groups"][0]["display"], "staff");
    let list = client.query(Some("Group"), &QueryRequest::default()).unwrap();
    assert_eq!(list["Resources"][0]["members"][0]["display"], "ada");
}

/// RFC 7643 §4.1.2.
#[test]
fn a_user_shows_direct_and_indirect_groups_and_circles_end() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = client.user("ada");
    let inner = client.group("inner", &[&ada]);
    let outer = client.group("outer", &[&inner]);
    client.patch("Group", &inner, json!([{"op": "add", "path": "members", "value": [{"value": outer}]}])).unwrap();
    let groups = client.get("User", &ada).unwrap().body.unwrap()["groups"].clone();
    let base = client.base();
    assert_eq!(
        groups,
        json!([
            {"value": inner, "$ref": format!("{base}/Groups/{inner}"), "type": "direct"},
            {"value": outer, "$ref": format!("{base}/Groups/{outer}"), "type": "indirect"}
        ])
    );
    let list = client.query(Some("User"), &QueryRequest::default()).unwrap();
    assert_eq!(list["Resources"][0]["groups"], groups);
    client.set(&[("user_groups", "direct")]);
    assert_eq!(texts(&client.get("User", &ada).unwrap().body.unwrap()["groups"], "value"), [inner.as_str()]);
    assert_eq!(client.find("User", &format!("groups.value eq \"{inner}\"")), [ada.as_str()]);
    assert!(client.find("User", &format!("groups.value eq \"{outer}\"")).is_empty(), "direct groups only");
}

#[test]
fn a_group_is_never_its_own_member_but_circles_are_stored() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let one = client.group("one", &[]);
    let two = client.group("two", &[&one]);
    let add = |group: &str, member: &str| {
        client.patch("Group", group, json!([{"op": "add", "path": "members", "value": [{"value": member}]}]))
    };
    assert_eq!(refusal(add(&one, &one)), (400, "invalidValue"));
    add(&one, &two).unwrap();
    assert_eq!(client.members(&one), [two.as_str()]);
    let put = json!({"schemas": [builtin::GROUP], "displayName": "two", "members": [{"value": two}]});
    assert_eq!(refusal(client.put("Group", &two, put)), (400, "invalidValue"));
    assert_eq!(client.members(&two), [one]);
}

#[test]
fn unknown_members_are_refused_by_name_or_skipped_and_noted() {
    let world = World::new();
    let tenant = world.tenant("acme");
    let stranger = world.connect(&tenant, Preset::Generic);
    let foreign = stranger.user("eve");
    for preset in [Preset::Generic, Preset::Okta] {
        let client = world.connect(&tenant, preset);
        let ada = client.user(preset.as_str());
        let group = client.group("staff", &[]);
        let operations = json!([{"op": "add", "path": "members", "value":
            [{"value": ada}, {"value": foreign}, {"value": "no-such"}]}]);
        let result = client.patch("Group", &group, operations);
        if preset == Preset::Generic {
            let error = result.unwrap_err();
            assert_eq!(refusal::<()>(Err(error.clone())), (400, "invalidValue"));
            assert!(error.detail.contains(&foreign) && error.detail.contains("no-such"), "{error}");
            assert!(!error.detail.contains(&ada), "{error}");
            assert!(client.members(&group).is_empty());
            let body = json!({"schemas": [builtin::GROUP], "displayName": "x", "members": [{"value": foreign}]});
            assert_eq!(refusal(client.post("Group", body)), (400, "invalidValue"));
            assert!(client.find("Group", "displayName eq \"x\"").is_empty());
        } else {
            result.unwrap();
            assert_eq!(client.members(&group), [ada]);
            let seq = world.write(&client.ctx, |txn| {
                let view = headcount_store::query::View {
                    connection: client.connection,
                    adoptable: headcount_store::query::Adoptable::Seen,
                };
                let found = txn.find_resource(&view, "Group", &group, headcount_store::resources::Lock::None)?;
                txn.unmatched(found.unwrap().seq)
            });
            let mut expected = vec![foreign.clone(), "no-such".to_owned()];
            expected.sort();
            let mut noted = seq;
            noted.sort();
            assert_eq!(noted, expected);
        }
    }
}

#[test]
fn too_many_members_are_413() {
    let world = small(Limits { max_members: 2, ..Limits::default() });
    let client = world.client(Preset::Generic);
    let group = client.group("staff", &[]);
    let three = json!([{"value": "a"}, {"value": "b"}, {"value": "c"}]);
    let body = json!({"schemas": [builtin::GROUP], "displayName": "x", "members": three});
    assert_eq!(refusal(client.post("Group", body.clone())).0, 413);
    assert_eq!(refusal(client.put("Group", &group, body)).0, 413);
    let operations = json!([{"op": "add", "path": "members", "value": three}]);
    assert_eq!(refusal(client.patch("Group", &group, operations)).0, 413);
}

#[test]
fn a_patch_of_a_large_group_answers_204_unless_a_projection_asks() {
    let world = small(Limits { max_answer_members: 2, ..Limits::default() });
    let client = world.client(Preset::Generic);
    let users: Vec<String> = ["a", "b", "c"].map(|name| client.user(name)).into();
    let group = client.group("staff", &[&users[0]]);
    let add = |user: &str| json!([{"op": "add", "path": "members", "value": [{"value": user}]}]);
    let answer = client.patch("Group", &group, add(&users[1])).unwrap();
    assert_eq!((answer.status, texts(&answer.body.unwrap()["members"], "value").len()), (200, 2));
    let answer = client.patch("Group", &group, add(&users[2])).unwrap();
    assert_eq!((answer.status, answer.body, answer.etag.as_deref()), (204, None, Some("W/\"3\"")));
    assert!(answer.location.is_some());
    let rename = json!([{"op": "replace", "path": "displayName", "value": "crew"}]);
    assert_eq!(client.patch("Group", &group, rename).unwrap().status, 204);
    let projection = Projection::Only(vec!["members".to_owned()]);
    let operations = json!([{"op": "remove", "path": "members[value eq \"nobody\"]"}]);
    let answer =
        client.patch_if("Group", &group, operations, &headcount_service::Precondition::default(), &projection).unwrap();
    assert_eq!((answer.status, texts(&answer.body.unwrap()["members"], "value").len()), (200, 3));
}

#[test]
fn entra_gets_204_for_every_patch_of_a_group_and_200_for_a_user() {
    let world = World::new();
    let client = world.client(Preset::Entra);
    let ada = client.user("ada");
    let group = client.group("staff", &[]);
    let add = json!([{"op": "Add", "path": "members", "value": [{"value": ada}]}]);
    let answer = client.patch("Group", &group, add).unwrap();
    assert_eq!((answer.status, answer.etag.as_deref()), (204, Some("W/\"2\"")));
    let title = json!([{"op": "Add", "path": "title", "value": "x"}]);
    assert_eq!(client.patch("User", &ada, title).unwrap().status, 200);
    assert_eq!(client.members(&group), [ada]);
}

#[test]
fn members_are_taken_out_by_filter_by_value_and_all_at_once() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let users: Vec<String> = ["a", "b", "c", "d"].map(|name| client.user(name)).into();
    let all: Vec<&str> = users.iter().map(String::as_str).collect();
    let inner = client.group("inner", &[]);
    let mut with_group = all.clone();
    with_group.push(&inner);
    let group = client.group("staff", &with_group);
    let after = |operations: Value| {
        client.patch("Group", &group, operations).unwrap();
        client.members(&group).len()
    };
    assert_eq!(after(json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", users[0])}])), 4);
    assert_eq!(after(json!([{"op": "remove", "path": "members", "value": [{"value": users[1]}]}])), 3);
    assert_eq!(after(json!([{"op": "remove", "path": "members[type eq \"Group\"]"}])), 2);
    let reference = format!("{}/Users/{}", client.base(), users[2]);
    assert_eq!(after(json!([{"op": "remove", "path": format!("members[$ref eq \"{reference}\"]")}])), 1);
    assert_eq!(
        after(json!([{"op": "replace", "path": "members", "value": [{"value": users[0]}, {"value": users[1]}]}])),
        2
    );
    assert_eq!(after(json!([{"op": "remove", "path": "members[display sw \"A\"]"}])), 1);
    assert_eq!(after(json!([{"op": "remove", "path": "members"}])), 0);
    client.set(&[("remove_members_by_value", "refuse")]);
}

#[test]
fn patches_of_one_group_side_by_side_lose_no_member() {
    let world = World::new();
    let client = world.client(Preset::Entra);
    let users: Vec<String> = (0..32).map(|number| client.user(&format!("u{number}"))).collect();
    let group = client.group("staff", &[]);
    std::thread::scope(|scope| {
        for part in users.chunks(8) {
            let (client, group) = (&client, &group);
            scope.spawn(move || {
                for user in part {
                    let add = json!([{"op": "add", "path": "members", "value": [{"value": user}]}]);
                    client.patch("Group", group, add).unwrap();
                }
            });
        }
    });
    let mut expected = users;
    expected.sort();
    assert_eq!(client.members(&group), expected);
    assert_eq!(client.version("Group", &group), "W/\"33\"");
}

#[test]
fn membership_entries_carry_the_ids_and_are_split_at_a_thousand() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let users: Vec<String> = (0..1_001).map(|number| client.user(&format!("u{number}"))).collect();
    let all: Vec<&str> = users.iter().map(String::as_str).collect();
    let before = client.journal().len();
    let group = client.group("staff", &all);
    assert_eq!(client.kinds_after(before), ["create", "member_added", "member_added"]);
    let entries: Vec<_> = client.journal().into_iter().skip(before + 1).collect();
    let counts: Vec<usize> = entries
        .iter()
        .map(|entry| {
            let detail: Value = serde_json::from_str(entry.detail.as_ref().unwrap()).unwrap();
            detail["members"].as_array().unwrap().len()
        })
        .collect();
    assert_eq!(counts, [1_000, 1]);
    assert_eq!(entries[0].transaction, entries[1].transaction);
    assert_eq!(entries[0].version, 1);
    assert_eq!(client.members(&group).len(), 1_001);
    let before = client.journal().len();
    let put = json!({"schemas": [builtin::GROUP], "displayName": "staff", "members": [{"value": users[0]}]});
    client.put("Group", &group, put).unwrap();
    assert_eq!(client.kinds_after(before), ["member_removed"]);
    assert_eq!(client.version("Group", &group), "W/\"2\"");
}

#[test]
fn group_names_are_unique_in_any_letter_case_unless_the_setting_says_otherwise() {
    let world = World::new();
    let tenant = world.tenant("acme");
    let client = world.connect(&tenant, Preset::Generic);
    let other = world.connect(&tenant, Preset::Generic);
    client.group("Staff", &[]);
    let again = json!({"schemas": [builtin::GROUP], "displayName": "STAFF"});
    assert_eq!(refusal(client.post("Group", again.clone())), (409, "uniqueness"));
    let crew = client.group("crew", &[]);
    let rename = json!([{"op": "replace", "path": "displayName", "value": "staff"}]);
    assert_eq!(refusal(client.patch("Group", &crew, rename)), (409, "uniqueness"));
    other.post("Group", again.clone()).unwrap();
    client.set(&[("unique_group_names", "off")]);
    client.post("Group", again).unwrap();
}

/// RFC 7644 §3.5.2.3; RFC 7643 §4.2.
#[test]
fn another_member_in_the_place_of_one_is_refused_and_of_none_has_no_target() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let (ada, bob) = (client.user("ada"), client.user("bob"));
    let crew = client.group("crew", &[&ada]);
    for (held, refused) in [(&ada, "mutability"), (&bob, "noTarget")] {
        let path = format!("members[value eq \"{held}\"]");
        let operations = json!([{"op": "replace", "path": path, "value": {"value": client.user(held)}}]);
        assert_eq!(refusal(client.patch("Group", &crew, operations)), (400, refused));
    }
    assert_eq!(client.members(&crew), [ada]);
}
