//! PATCH (RFC 7644 §3.5.2) end to end; the engine has its own tests.

use headcount_model::Preset;
use headcount_service::Limits;
use scim_schema::{Projection, Registry, builtin};
use serde_json::{Value, json};

use crate::fixture::{World, id, object, refusal};

/// RFC 7644 §3.5.
#[test]
fn rfc7644_3_5_2_1_add_members_and_attributes() {
    let world = World::new();
    let client = world.client(Preset::Strict);
    let ada = client.user("ada");
    let group = client.group("staff", &[]);
    let answer =
        client.patch("Group", &group, json!([{"op": "add", "path": "members", "value": [{"value": ada}]}])).unwrap();
    assert_eq!(answer.body.unwrap()["members"][0]["value"], ada);
    let answer = client
        .patch(
            "User",
            &ada,
            json!([{"op": "add", "value": {"emails": [{"value": "babs@jensen.org", "type": "home"}], "nickName": "Babs"}}]),
        )
        .unwrap();
    let body = answer.body.clone().unwrap();
    assert_eq!((&body["nickName"], &body["emails"][0]["type"]), (&json!("Babs"), &json!("home")));
    assert_eq!(body["groups"][0]["value"], group, "the answer is the whole resource");
    assert_eq!(answer.location, Some(format!("{}/Users/{ada}", client.base())));
    assert_eq!(client.get("User", &ada).unwrap().body, Some(body));
}

#[test]
fn rfc7644_3_5_2_operations_are_all_or_nothing() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = client.user("ada");
    let group = client.group("staff", &[&ada]);
    let before = (client.get("Group", &group).unwrap(), client.journal().len());
    for operations in [
        json!([
            {"op": "replace", "path": "displayName", "value": "crew"},
            {"op": "remove", "path": "members"},
            {"op": "add", "path": "members", "value": [{"value": "nobody"}]}
        ]),
        json!([{"op": "remove", "path": "members"}, {"op": "remove", "path": "displayName"}]),
        json!([{"op": "remove", "path": "members"}, {"op": "add", "path": "nonsense", "value": 1}]),
    ] {
        refusal(client.patch("Group", &group, operations));
        assert_eq!((client.get("Group", &group).unwrap(), client.journal().len()), before);
    }
}

#[test]
fn rfc7644_3_5_2_no_target_for_a_member_that_is_not_there() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let (ada, bob) = (client.user("ada"), client.user("bob"));
    let group = client.group("staff", &[&ada]);
    let replace = |member: &str| json!([{"op": "replace", "path": format!("members[value eq \"{member}\"].display"), "value": "x"}]);
    let (status, _) = refusal(client.patch("Group", &group, replace(&bob)));
    assert_eq!(status, 400);
    assert_eq!(client.members(&group), [ada]);
}

/// RFC 7643 §4.1.2.
#[test]
fn read_only_values_in_a_value_without_path_may_repeat_what_is_there() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = client.user("ada");
    client.group("staff", &[&ada]);
    let mut whole = client.get("User", &ada).unwrap().body.unwrap();
    whole["title"] = "x".into();
    let answer = client.patch("User", &ada, json!([{"op": "replace", "value": whole}])).unwrap();
    assert_eq!(answer.body.unwrap()["title"], "x");
    for (name, other) in [("id", json!("other")), ("groups", json!([{"value": "other"}]))] {
        let value = Value::Object([(name.to_owned(), other)].into_iter().collect());
        let patch = client.patch("User", &ada, json!([{"op": "replace", "value": value}]));
        assert_eq!(refusal(patch), (400, "mutability"), "{name}");
    }
    let okta = world.client(Preset::Okta);
    let bob = okta.user("bob");
    okta.patch("User", &bob, json!([{"op": "replace", "value": {"id": "other", "title": "x"}}])).unwrap();
}

#[test]
fn activation_is_one_entry_that_goes_by_it_and_names_every_path() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = client.user("ada");
    let group = client.group("staff", &[&ada]);
    let before = client.journal().len();
    for (active, title) in [(false, "a"), (true, "b")] {
        client.patch("User", &ada, json!([{"op": "replace", "value": {"active": active, "title": title}}])).unwrap();
    }
    client.patch("User", &ada, json!([{"op": "remove", "path": "title"}])).unwrap();
    let entries: Vec<_> =
        client.journal().into_iter().skip(before).map(|entry| (entry.kind, entry.paths, entry.version)).collect();
    let both = vec!["active".to_owned(), "title".to_owned()];
    assert_eq!(
        entries,
        [
            ("deactivate".to_owned(), both.clone(), 2),
            ("activate".to_owned(), both, 3),
            ("patch".to_owned(), vec!["title".to_owned()], 4)
        ]
    );
    assert_eq!(client.members(&group), [ada]);
}

#[test]
fn taking_active_away_lets_nobody_in() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = client.user("ada");
    client.patch("User", &ada, json!([{"op": "replace", "path": "active", "value": false}])).unwrap();
    let before = client.journal().len();
    let answer = client.patch("User", &ada, json!([{"op": "remove", "path": "active"}])).unwrap();
    assert_eq!(answer.body.unwrap().get("active"), None);
    assert!(client.find("User", "active eq true").is_empty());
    client.patch("User", &ada, json!([{"op": "add", "path": "active", "value": true}])).unwrap();
    assert_eq!(client.kinds_after(before), ["patch", "activate"]);
}

#[test]
fn a_projection_holds_for_the_answer_of_a_patch() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = client.user("ada");
    let operations = json!([{"op": "add", "path": "title", "value": "x"}]);
    let projection = Projection::Only(vec!["title".to_owned()]);
    let answer =
        client.patch_if("User", &ada, operations, &headcount_service::Precondition::default(), &projection).unwrap();
    assert_eq!(answer.body.unwrap(), json!({"schemas": [builtin::USER], "id": ada, "title": "x"}));
}

#[test]
fn too_many_operations_are_413_and_a_body_without_the_schema_is_400() {
    let world = World::with(Limits { max_patch_operations: 2, ..Limits::default() }, Registry::builtin());
    let client = world.client(Preset::Generic);
    let ada = client.user("ada");
    let one = json!({"op": "add", "path": "title", "value": "x"});
    assert_eq!(refusal(client.patch("User", &ada, json!([one, one, one]))).0, 413);
    let kind = world.service.registry().resource_type("User").unwrap();
    let body = object(json!({"Operations": [one]}));
    let caller = client.caller();
    let patch = world.service.patch(
        &caller,
        kind,
        &ada,
        body,
        &headcount_service::Precondition::default(),
        &Projection::Default,
    );
    assert_eq!(refusal(patch), (400, "invalidSyntax"));
}

#[test]
fn a_required_attribute_cannot_be_taken_away() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = client.user("ada");
    let remove = json!([{"op": "remove", "path": "userName"}]);
    assert_eq!(refusal(client.patch("User", &ada, remove)), (400, "mutability"));
    let blank = json!([{"op": "replace", "path": "userName", "value": ""}]);
    assert_eq!(refusal(client.patch("User", &ada, blank)), (400, "invalidValue"));
    let taken = json!([{"op": "replace", "path": "userName", "value": "bob"}]);
    client.user("bob");
    let error = client.patch("User", &ada, taken).unwrap_err();
    assert_eq!((error.status, error.detail.contains("\"bob\"")), (409, true), "{error}");
}

/// RFC 7643 §4.3.
#[test]
fn a_manager_is_any_text_and_shown_with_its_ref() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let urn = builtin::ENTERPRISE_USER;
    let body = json!({"schemas": [builtin::USER, urn], "userName": "ada", urn: {"manager": {"value": "no such/one"}}});
    let ada = id(&client.post("User", body).unwrap());
    let shown = client.get("User", &ada).unwrap().body.unwrap();
    assert_eq!(
        shown[urn]["manager"],
        json!({"value": "no such/one", "$ref": format!("{}/Users/no%20such%2Fone", client.base())})
    );
}
