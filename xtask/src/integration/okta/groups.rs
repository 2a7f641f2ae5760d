//! Groups as Okta pushes, renames, fills, empties and deletes them.

use serde_json::{Value, json};

use super::users::People;
use super::{GROUP, find_group, operations};
use crate::integration::gate::NOBODY;
use crate::integration::import;
use crate::integration::journey::{Client, Journey};

/// The group that stays.
pub(crate) const TEAM: &str = "Team A";

/// All of it; gives the id of the group that stays.
pub(crate) fn live(journey: &mut Journey<'_>, wizard: &Client, catalogue: &Client, people: &People) -> String {
    let team = by_patch(journey, catalogue, people);
    by_put(journey, wizard, people);
    memberships_outlive_deactivation(journey, catalogue, people, &team);
    journey.step(wizard, "Okta pushes a third group").post("/Groups", empty("Team C")).run();
    let ids = import::read_pages(journey, wizard, "/Groups", 2, 3);
    let members = [people.ada.as_str(), people.grace.as_str()];
    journey
        .step(wizard, "Okta imports groups with their members")
        .get("/Groups?startIndex=1&count=100")
        .lists(&ids)
        .shows("/Resources/0/id", team.as_str())
        .holds("/Resources/0/members", &members)
        .run();
    team
}

fn empty(name: &str) -> Value {
    json!({"schemas": [GROUP], "displayName": name, "members": []})
}

/// The operation that Okta puts in front of every change of members.
fn rename(group: &str, name: &str) -> Value {
    json!({"op": "replace", "value": {"id": group, "displayName": name}})
}

fn push(journey: &mut Journey<'_>, client: &Client, name: &str) -> String {
    journey.step(client, "Okta asks whether the group exists").get(find_group(name)).finds(&[]).run();
    let group = journey
        .step(client, "Okta pushes a group")
        .post("/Groups", empty(name))
        .tells("/id")
        .shows("/displayName", name)
        .shows("/members", json!([]))
        .run()
        .id();
    journey.step(client, "Okta reads it").get(format!("/Groups/{group}")).shows("/id", group.as_str()).run();
    group
}

fn by_patch(journey: &mut Journey<'_>, client: &Client, people: &People) -> String {
    let People { ada, bob, carol, grace } = people;
    let group = push(journey, client, TEAM);
    let path = format!("/Groups/{group}");
    let add = |id: &str| json!({"op": "add", "path": "members", "value": [{"value": id, "display": "sent by Okta"}]});
    let remove = |id: &str| json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")});
    let both = journey
        .step(client, "Okta adds two members")
        .patch(&path, operations(&json!([rename(&group, TEAM), add(ada), add(bob)])))
        .shows("/displayName", TEAM)
        .members(&[ada, bob])
        .has("/members", json!({"value": ada, "type": "User", "display": "Ada Byron"}))
        .run();
    journey
        .step(client, "Okta adds them again, and nothing changes")
        .patch(&path, operations(&json!([rename(&group, TEAM), add(ada), add(bob)])))
        .members(&[ada, bob])
        .shows("/meta/version", both.text("/meta/version"))
        .run();
    journey
        .step(client, "Okta renames the group, takes one member out and adds another")
        .patch(&path, operations(&json!([rename(&group, "Team Ä"), remove(ada), add(carol)])))
        .shows("/displayName", "Team Ä")
        .members(&[bob, carol])
        .run();
    journey
        .step(client, "the group is found by its new name in capitals")
        .get(find_group("TEAM Ä"))
        .finds(&[&group])
        .run();
    journey.step(client, "it is not found by its old name").get(find_group(TEAM)).finds(&[]).run();
    journey
        .step(client, "Okta takes out who is no member")
        .patch(&path, operations(&json!([remove(ada), remove(NOBODY)])))
        .members(&[bob, carol])
        .run();
    journey
        .step(client, "Okta adds a known and an unknown member: the unknown one is skipped")
        .patch(
            &path,
            operations(&json!([rename(&group, TEAM), {"op": "add", "path": "members", "value": [{"value": NOBODY}, {"value": grace}]}])),
        )
        .members(&[bob, carol, grace])
        .run();
    journey
        .step(client, "Okta pushes all members at once")
        .patch(
            &path,
            operations(&json!([{"op": "replace", "path": "members", "value": [{"value": ada}, {"value": grace}]}])),
        )
        .members(&[ada, grace])
        .run();
    journey
        .step(client, "Okta empties the group")
        .patch(&path, operations(&json!([{"op": "replace", "path": "members", "value": []}])))
        .shows("/members", json!([]))
        .run();
    journey
        .step(client, "Okta pushes members without a path and without schemas")
        .patch(
            &path,
            json!({"Operations": [{"op": "replace", "value": {"members": [{"value": ada}], "id": group, "displayName": TEAM}}]}),
        )
        .members(&[ada])
        .run();
    journey
        .step(client, "a second group of the name is refused")
        .post("/Groups", empty("team a"))
        .refused_as(409, "uniqueness", "team a")
        .run();
    group
}

fn by_put(journey: &mut Journey<'_>, client: &Client, people: &People) {
    let People { ada, bob, carol, .. } = people;
    let group = push(journey, client, "Team B");
    let path = format!("/Groups/{group}");
    let whole = |name: &str, members: &[&String]| {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id, "display": "sent by Okta"})).collect();
        json!({"schemas": [GROUP], "id": group, "displayName": name, "members": members})
    };
    journey
        .step(client, "Okta replaces the group with three members")
        .put(&path, whole("Team B", &[ada, bob, carol]))
        .members(&[ada, bob, carol])
        .run();
    journey
        .step(client, "a user shows the groups it is in")
        .get(format!("/Users/{ada}"))
        .has("/groups", json!({"value": group, "display": "Team B", "type": "direct"}))
        .run();
    journey
        .step(client, "Okta renames the group and takes one member out")
        .put(&path, whole("Team Bee", &[ada, bob]))
        .shows("/displayName", "Team Bee")
        .members(&[ada, bob])
        .run();
    journey
        .step(client, "Okta renames the group without naming members, who stay")
        .put(&path, json!({"schemas": [GROUP], "id": group, "displayName": "Team B"}))
        .shows("/displayName", "Team B")
        .members(&[ada, bob])
        .run();
    let unknown = NOBODY.to_owned();
    journey
        .step(client, "Okta replaces the members with a known and an unknown one")
        .put(&path, whole("Team B", &[carol, &unknown]))
        .members(&[carol])
        .run();
    journey.step(client, "Okta empties the group").put(&path, whole("Team B", &[])).shows("/members", json!([])).run();

    let doomed = push(journey, client, "Team D");
    let path = format!("/Groups/{doomed}");
    journey
        .step(client, "Okta fills a group that it will delete")
        .put(&path, json!({"schemas": [GROUP], "id": doomed, "displayName": "Team D", "members": [{"value": carol}]}))
        .members(&[carol])
        .run();
    journey.step(client, "Okta deletes it").delete(&path).run();
    journey.step(client, "it is gone").get(&path).refused(404, &doomed).run();
    journey
        .step(client, "a push to it is refused")
        .patch(&path, operations(&json!([rename(&doomed, "Team D")])))
        .refused(404, &doomed)
        .run();
    journey.step(client, "its member is in no group any more").get(format!("/Users/{carol}")).lacks("/groups/0").run();
}

fn memberships_outlive_deactivation(journey: &mut Journey<'_>, client: &Client, people: &People, team: &str) {
    let (ada, grace) = (people.ada.as_str(), people.grace.as_str());
    let path = format!("/Groups/{team}");
    journey
        .step(client, "Okta adds a linked account")
        .patch(&path, operations(&json!([{"op": "add", "path": "members", "value": [{"value": grace}]}])))
        .members(&[ada, grace])
        .run();
    for active in [false, true] {
        journey
            .step(client, "Okta deactivates or reactivates a member")
            .patch(format!("/Users/{ada}"), operations(&json!([{"op": "replace", "value": {"active": active}}])))
            .shows("/active", active)
            .has("/groups", json!({"value": team}))
            .run();
        journey.step(client, "who stays a member").get(&path).members(&[ada, grace]).run();
    }
}
