//! Versions and preconditions (RFC 7644 §3.14).

use headcount_model::Preset;
use headcount_service::Precondition;
use scim_schema::builtin;
use serde_json::json;

use crate::fixture::{World, if_match, refusal};

#[test]
fn rfc7644_3_14_if_none_match_answers_304_without_a_body() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let user = client.user("ada");
    for (tags, status) in
        [("W/\"1\"", 304), ("\"1\"", 304), ("*", 304), ("W/\"2\", W/\"1\"", 304), ("W/\"2\"", 200), ("1", 200)]
    {
        let condition = Precondition { if_match: None, if_none_match: Some(tags.to_owned()) };
        let answer = client.get_if("User", &user, &condition).unwrap();
        assert_eq!(answer.status, status, "{tags}");
        assert_eq!(answer.body.is_none(), status == 304);
        assert_eq!(answer.etag.as_deref(), Some("W/\"1\""));
        assert!(answer.location.is_some());
    }
}

#[test]
fn if_match_guards_every_write_and_a_malformed_one_matches_nothing() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let user = client.user("ada");
    let group = client.group("staff", &[]);
    let body = json!({"schemas": [builtin::USER], "userName": "ada", "title": "x"});
    for tags in ["W/\"2\"", "\"0\"", "1", "", "W/1", "\"1\" x"] {
        let condition = if_match(tags);
        assert_eq!(refusal(client.put_if("User", &user, body.clone(), &condition)).0, 412, "{tags}");
        assert_eq!(refusal(client.delete_if("User", &user, &condition)).0, 412, "{tags}");
        assert_eq!(refusal(client.get_if("User", &user, &condition)).0, 412, "{tags}");
        let operations = json!([{"op": "add", "path": "members", "value": [{"value": user}]}]);
        let patch = client.patch_if("Group", &group, operations, &condition, &scim_schema::Projection::Default);
        assert_eq!(refusal(patch).0, 412, "{tags}");
    }
    assert_eq!(client.version("User", &user), "W/\"1\"");
    let answer = client.put_if("User", &user, body, &if_match("W/\"9\", W/\"1\"")).unwrap();
    assert_eq!(answer.etag.as_deref(), Some("W/\"2\""));
    assert_eq!(client.delete_if("User", &user, &if_match("*")).unwrap().status, 204);
    assert_eq!(refusal(client.delete_if("User", &user, &if_match("*"))).0, 404, "what is not there is 404, not 412");
}

#[test]
fn if_none_match_guards_writes_too() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let user = client.user("ada");
    let condition = Precondition { if_match: None, if_none_match: Some("*".to_owned()) };
    let body = json!({"schemas": [builtin::USER], "userName": "ada"});
    assert_eq!(refusal(client.put_if("User", &user, body, &condition)).0, 412);
}

#[test]
fn a_write_that_changes_nothing_leaves_version_time_and_journal() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let user = client.user("ada");
    let group = client.group("staff", &[&user]);
    let before = (client.get("User", &user).unwrap(), client.get("Group", &group).unwrap(), client.journal().len());
    world.clock.advance_seconds(60);
    let put = client.put("User", &user, json!({"schemas": [builtin::USER], "userName": "ada"})).unwrap();
    assert_eq!((put.status, put.etag.as_deref()), (200, Some("W/\"1\"")));
    client.patch("User", &user, json!([{"op": "replace", "path": "active", "value": true}])).unwrap();
    client.patch("User", &user, json!([{"op": "replace", "path": "password", "value": "secret word"}])).unwrap();
    client.patch("User", &user, json!([])).unwrap();
    client.patch("Group", &group, json!([{"op": "add", "path": "members", "value": [{"value": user}]}])).unwrap();
    client.patch("Group", &group, json!([{"op": "remove", "path": "members[value eq \"nobody\"]"}])).unwrap();
    client
        .patch(
            "Group",
            &group,
            json!([
                {"op": "remove", "path": format!("members[value eq \"{user}\"]")},
                {"op": "add", "path": "members", "value": [{"value": user}, {"value": user}]}
            ]),
        )
        .unwrap();
    client
        .put(
            "Group",
            &group,
            json!({"schemas": [builtin::GROUP], "displayName": "staff", "members": [{"value": user}]}),
        )
        .unwrap();
    let after = (client.get("User", &user).unwrap(), client.get("Group", &group).unwrap(), client.journal().len());
    assert_eq!(after, before);
}

/// RFC 7643 §3.1.
#[test]
fn a_version_moves_by_one_however_much_a_request_changes() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let (ada, bob) = (client.user("ada"), client.user("bob"));
    let group = client.group("staff", &[&ada]);
    world.clock.advance_seconds(1);
    let answer = client
        .patch(
            "Group",
            &group,
            json!([
                {"op": "replace", "path": "displayName", "value": "crew"},
                {"op": "add", "path": "members", "value": [{"value": bob}]},
                {"op": "remove", "path": format!("members[value eq \"{ada}\"]")}
            ]),
        )
        .unwrap();
    assert_eq!(answer.etag.as_deref(), Some("W/\"2\""));
    let body = answer.body.unwrap();
    assert_eq!(body["meta"]["version"], "W/\"2\"");
    assert_eq!(body["meta"]["lastModified"], "2026-01-02T03:04:06.000Z");
    assert_eq!(body["meta"]["created"], "2026-01-02T03:04:05.000Z");
    assert_eq!(client.version("User", &ada), "W/\"1\"", "a membership is the group's");
}
