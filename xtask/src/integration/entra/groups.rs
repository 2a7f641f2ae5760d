//! Groups as Entra creates, matches, fills, renames and deletes them: every PATCH answers 204.

use serde_json::{Value, json};

use super::users::People;
use super::{GROUP, find, find_group, operations};
use crate::integration::gate::NOBODY;
use crate::integration::journey::{Client, Journey};

/// The group that stays.
pub(crate) const TEAM: &str = "Team A";

/// A schema that Entra names and nobody declares.
const MICROSOFT: &str = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group";

/// All of it; gives the id of the group that stays.
pub(crate) fn live(journey: &mut Journey<'_>, client: &Client, people: &People) -> String {
    let team = create(journey, client, TEAM, "0aB-team");
    journey
        .step(client, "a second group of the name is refused")
        .post("/Groups", created("TEAM a", "other"))
        .refused_as(409, "uniqueness", "TEAM a")
        .run();
    journey
        .step(client, "a second group of the externalId is refused")
        .post("/Groups", created("Team Z", "0aB-team"))
        .refused_as(409, "uniqueness", "externalId")
        .run();
    matching(journey, client, &team);
    members(journey, client, people, &team);
    renaming(journey, client, &team, people);
    deletion(journey, client, people);
    team
}

fn created(name: &str, external_id: &str) -> Value {
    json!({
        "schemas": [GROUP, MICROSOFT],
        "externalId": external_id,
        "displayName": name,
        "members": [],
        "meta": {"resourceType": "Group"},
    })
}

fn create(journey: &mut Journey<'_>, client: &Client, name: &str, external_id: &str) -> String {
    journey.step(client, "Entra looks for a matching group").get(find_group(name)).finds(&[]).run();
    journey
        .step(client, "Entra creates the group")
        .post("/Groups", created(name, external_id))
        .tells("/id")
        .shows("/displayName", name)
        .shows("/externalId", external_id)
        .shows("/members", json!([]))
        .shows("/meta/resourceType", "Group")
        .run()
        .id()
}

fn matching(journey: &mut Journey<'_>, client: &Client, team: &str) {
    let by_external_id = |value: &str| find("/Groups?excludedAttributes=members&", "externalId", value);
    for (what, path, found) in [
        ("Entra matches by displayName", find_group(TEAM), true),
        ("Entra matches by displayName in another letter case", find_group("team A"), true),
        ("a part of the name is no match", find_group("Team"), false),
        ("Entra matches by externalId", by_external_id("0aB-team"), true),
        ("externalId is compared letter by letter", by_external_id("0ab-team"), false),
    ] {
        let ids = if found { vec![team] } else { Vec::new() };
        journey.step(client, what).get(path).finds(&ids).lacks("/Resources/0/members").run();
    }
}

fn members(journey: &mut Journey<'_>, client: &Client, people: &People, team: &str) {
    let People { ada, boss, guest, grace } = people;
    let path = format!("/Groups/{team}");
    let add = |ids: &[&String]| {
        let value: Vec<Value> = ids.iter().map(|id| json!({"$ref": null, "value": id})).collect();
        json!({"op": "Add", "path": "members", "value": value})
    };
    let remove = |id: &str| json!({"op": "Remove", "path": "members", "value": [{"$ref": null, "value": id}]});
    for (what, operation, after) in [
        ("adds one member", json!([add(&[ada])]), vec![ada]),
        ("adds two more at once", json!([add(&[boss, guest])]), vec![ada, boss, guest]),
        ("adds one again", json!([add(&[boss])]), vec![ada, boss, guest]),
        ("removes one of three, no flag", json!([remove(boss)]), vec![ada, guest]),
        ("removes who is no member", json!([remove(boss)]), vec![ada, guest]),
        ("adds an unknown one beside a known one", json!([add(&[&NOBODY.to_owned(), boss])]), vec![ada, boss, guest]),
        (
            "removes one, flag",
            json!([{"op": "remove", "path": format!("members[value eq \"{guest}\"]")}]),
            vec![ada, boss],
        ),
        ("adds and removes in one request", json!([add(&[grace, guest]), remove(ada)]), vec![boss, grace, guest]),
        (
            "adds one with the id in the path",
            json!([{"op": "Add", "path": format!("members[value eq \"{ada}\"]")
                , "value": [{"value": ada}]}]),
            vec![ada, boss, grace, guest],
        ),
        (
            "removes none with an empty list",
            json!([{"op": "Remove", "path": "members", "value": []}]),
            vec![ada, boss, grace, guest],
        ),
        ("empties the group", json!([{"op": "Replace", "path": "members", "value": null}]), vec![]),
        ("fills it again", json!([add(&[ada, grace])]), vec![ada, grace]),
    ] {
        journey
            .step(client, &format!("Entra {what}"))
            .patch(&path, operations(&operation))
            .wants(204)
            .answers("")
            .run();
        let after: Vec<&str> = after.into_iter().map(String::as_str).collect();
        journey.step(client, "the members are these").get(&path).members(&after).run();
    }
    journey
        .step(client, "Entra reads the group without its members")
        .get(format!("{path}?excludedAttributes=members"))
        .shows("/displayName", TEAM)
        .lacks("/members")
        .run();
    journey
        .step(client, "Entra disables a member")
        .patch(format!("/Users/{ada}"), operations(&json!([{"op": "Replace", "path": "active", "value": "False"}])))
        .has("/groups", json!({"value": team}))
        .run();
    journey.step(client, "who stays a member").get(&path).members(&[ada, grace]).run();
    journey
        .step(client, "Entra enables the member")
        .patch(format!("/Users/{ada}"), operations(&json!([{"op": "Replace", "path": "active", "value": "True"}])))
        .shows("/active", true)
        .run();
}

fn renaming(journey: &mut Journey<'_>, client: &Client, team: &str, people: &People) {
    let path = format!("/Groups/{team}");
    journey
        .step(client, "Entra renames the group")
        .patch(&path, operations(&json!([{"op": "Replace", "path": "displayName", "value": "Team Å"}])))
        .wants(204)
        .run();
    journey.step(client, "it is found by its new name").get(find_group("team å")).finds(&[team]).run();
    journey
        .step(client, "Entra renames it back and sets externalId, without a path")
        .patch(&path, operations(&json!([{"op": "replace", "value": {"displayName": TEAM, "externalId": "0aB-new"}}])))
        .wants(204)
        .run();
    journey
        .step(client, "name, externalId and members are right")
        .get(&path)
        .shows("/displayName", TEAM)
        .shows("/externalId", "0aB-new")
        .members(&[&people.ada, &people.grace])
        .run();
    journey
        .step(client, "a PATCH that asks for the group without members gets it")
        .patch(
            format!("{path}?excludedAttributes=members"),
            operations(&json!([{"op": "Replace", "path": "displayName", "value": TEAM}])),
        )
        .shows("/displayName", TEAM)
        .lacks("/members")
        .run();
}

fn deletion(journey: &mut Journey<'_>, client: &Client, people: &People) {
    let group = create(journey, client, "Team D", "0aB-doomed");
    let path = format!("/Groups/{group}");
    journey
        .step(client, "Entra fills a group that it will delete")
        .patch(&path, operations(&json!([{"op": "Add", "path": "members", "value": [{"value": people.boss}]}])))
        .wants(204)
        .run();
    journey.step(client, "Entra deletes it").delete(&path).run();
    journey.step(client, "it is gone").get(&path).refused(404, &group).run();
    journey.step(client, "it cannot be deleted twice").delete(&path).refused(404, &group).run();
    journey
        .step(client, "its member is in no group any more")
        .get(format!("/Users/{}", people.boss))
        .lacks("/groups/0")
        .run();
}
