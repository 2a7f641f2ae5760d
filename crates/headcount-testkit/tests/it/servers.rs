//! Two servers over one database, and many clients at once.

use std::{
    collections::BTreeSet,
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
};

use headcount_model::Preset;
use headcount_testkit::{App, Backend, Client};
use serde_json::json;

/// How many clients call at once.
const CLIENTS: usize = 32;

/// The number of rounds: all of them in CI, fewer for a quick look, or what the variable says.
fn rounds(all: usize, quick: usize) -> usize {
    #[expect(clippy::disallowed_methods, reason = "this is how long a run may take")]
    let variable = |name: &str| std::env::var(name).ok();
    match variable("HEADCOUNT_TEST_ROUNDS").and_then(|rounds| rounds.parse().ok()) {
        Some(rounds) => rounds,
        None if variable("CI").as_deref() == Some("true") => all,
        None => quick,
    }
}

/// Two servers, and a client of one connection at each.
fn pair(backend: Backend) -> Option<(App, App, [Client; 2])> {
    if !backend.is_available() {
        return None;
    }
    let first = App::new(backend);
    let second = first.another();
    let client = first.client("acme", Preset::Generic);
    let clients = [client.clone(), client.over(second.api.clone())];
    Some((first, second, clients))
}

/// The same thing at the same moment by every client, half of them at each server.
fn at_once(clients: &[Client; 2], count: usize, work: impl Fn(usize, &Client) + Sync) {
    let barrier = Barrier::new(count);
    std::thread::scope(|scope| {
        for number in 0..count {
            let (barrier, work, client) = (&barrier, &work, &clients[number % 2]);
            scope.spawn(move || {
                barrier.wait();
                work(number, client);
            });
        }
    });
}

fn one_name_is_taken_once(backend: Backend) {
    let Some((_first, _second, clients)) = pair(backend) else { return };
    for round in 0..rounds(200, 10) {
        let created = AtomicUsize::new(0);
        let names = [format!("Ada{round}@ex.com"), format!("ADA{round}@EX.COM"), format!("ada{round}@ex.com")];
        at_once(&clients, CLIENTS, |number, client| {
            let reply = client.post("/Users", &json!({"userName": names[number % 3]}));
            if reply.status == 201 {
                created.fetch_add(1, Ordering::SeqCst);
            } else {
                reply.refused(409, "uniqueness", &["userName"]).done();
            }
        });
        assert_eq!(created.load(Ordering::SeqCst), 1, "round {round}");
        assert_eq!(clients[0].find("/Users", &format!("userName eq \"{}\"", names[0])).total(), 1);
    }
}

#[test]
fn one_user_name_is_taken_once_by_many_clients_of_two_servers_on_sqlite() {
    one_name_is_taken_once(Backend::Sqlite);
}

#[test]
fn one_user_name_is_taken_once_by_many_clients_of_two_servers_on_postgresql() {
    one_name_is_taken_once(Backend::Postgres);
}

fn no_member_is_lost(backend: Backend) {
    let Some((first, _second, clients)) = pair(backend) else { return };
    let count = rounds(2_000, 200).max(CLIENTS);
    let users: Vec<String> = (0..count).map(|number| clients[number % 2].user(&format!("u{number}"))).collect();
    let group = clients[0].group("Team", &[]);
    let path = format!("/Groups/{group}");
    at_once(&clients, CLIENTS, |number, client| {
        for user in users.iter().skip(number).step_by(CLIENTS) {
            let reply = client.patch(&path, &json!([{"op": "add", "path": "members", "value": [{"value": user}]}]));
            assert!([200, 204].contains(&reply.status), "{}", reply.text());
        }
    });
    let members: BTreeSet<String> = clients[1].members(&group).into_iter().collect();
    assert_eq!(members, users.iter().cloned().collect());
    let version = clients[0].get(&format!("{path}?attributes=meta.version")).json()["meta"]["version"].clone();
    assert_eq!(version, json!(format!("W/\"{}\"", count + 1)), "every change is one version");
    let told = first.journal(&first.tenant("acme"));
    let added: usize = told.iter().filter(|event| event.kind == "member_added").count();
    assert_eq!(added, count);
    let versions: Vec<i64> = told
        .iter()
        .filter(|event| event.resource.as_ref().is_some_and(|(_, id)| *id == group))
        .map(|event| event.version)
        .collect();
    assert!(versions.is_sorted(), "events of one resource are numbered in the order of its versions");
}

#[test]
fn no_member_is_lost_when_many_clients_of_two_servers_add_on_sqlite() {
    no_member_is_lost(Backend::Sqlite);
}

#[test]
fn no_member_is_lost_when_many_clients_of_two_servers_add_on_postgresql() {
    no_member_is_lost(Backend::Postgres);
}

/// Acceptance 20: requests that add to and remove from one group at once all take effect.
fn parallel_changes_all_take_effect(backend: Backend) {
    let Some((_first, _second, clients)) = pair(backend) else { return };
    let users: Vec<String> = (0..50).map(|number| clients[0].user(&format!("u{number}"))).collect();
    let there: Vec<&str> = users.iter().skip(25).map(String::as_str).collect();
    let group = clients[0].group("Team", &there);
    let path = format!("/Groups/{group}");
    at_once(&clients, users.len(), |number, client| {
        let operation = if number < 25 {
            json!([{"op": "add", "path": "members", "value": [{"value": users[number]}]}])
        } else {
            json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", users[number])}])
        };
        client.patch(&path, &operation).expect(200).done();
    });
    let members: BTreeSet<String> = clients[1].members(&group).into_iter().collect();
    assert_eq!(members, users.iter().take(25).cloned().collect());
}

#[test]
fn parallel_changes_of_one_group_all_take_effect_on_sqlite() {
    parallel_changes_all_take_effect(Backend::Sqlite);
}

#[test]
fn parallel_changes_of_one_group_all_take_effect_on_postgresql() {
    parallel_changes_all_take_effect(Backend::Postgres);
}

fn a_dead_token_is_dead_at_once(backend: Backend) {
    let Some((first, second, _)) = pair(backend) else { return };
    let connection = first.connection(&first.tenant("acme"), Preset::Generic);
    for (revoking, other) in [(&first, &second), (&second, &first)] {
        let token = revoking.token(&connection);
        let client = revoking.client_with(&connection, token.token.text().expose());
        let there = client.clone().over(other.api.clone());
        client.get("/Users").expect(200).done();
        there.get("/Users").expect(200).done();
        revoking.manage.revoke_token(token.record.id.as_str()).unwrap();
        there.get("/Users").refused(401, "", &[]).done();
        there.post("/Users", &json!({"userName": "late"})).refused(401, "", &[]).done();
    }
    let client = first.client_of(&connection);
    let there = client.clone().over(second.api.clone());
    there.get("/Users").expect(200).done();
    first.set(&connection, &[("state", "off")]);
    there.get("/Users").refused(403, "", &[]).done();
    first.set(&connection, &[("state", "on")]);
    there.get("/Users").expect(200).done();
    first.manage.set_tenant("acme", &[("entitled".to_owned(), "false".to_owned())]).unwrap();
    there.get("/Users").refused(403, "", &[]).done();
}

#[test]
fn a_token_that_one_server_revokes_is_refused_by_the_other_at_once_on_sqlite() {
    a_dead_token_is_dead_at_once(Backend::Sqlite);
}

#[test]
fn a_token_that_one_server_revokes_is_refused_by_the_other_at_once_on_postgresql() {
    a_dead_token_is_dead_at_once(Backend::Postgres);
}

/// A write with If-Match is won by exactly one of those who read the same version.
fn a_version_is_spent_once(backend: Backend) {
    let Some((_first, _second, clients)) = pair(backend) else { return };
    let (user, group) = (clients[0].user("ada"), clients[0].group("Team", &[]));
    for round in 1..=rounds(20, 5) {
        for path in [format!("/Users/{user}"), format!("/Groups/{group}")] {
            let won = AtomicUsize::new(0);
            let etag = clients[0].get(&path).header("etag").unwrap().to_owned();
            at_once(&clients, 8, |number, client| {
                let body = json!({
                    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                    "Operations": [{"op": "replace", "path": "externalId", "value": format!("{round}-{number}")}],
                });
                let headers = [("content-type", Some("application/scim+json")), ("if-match", Some(etag.as_str()))];
                let reply = client.call("PATCH", &path, &headers, Some(body.to_string().into()));
                if reply.status == 200 {
                    won.fetch_add(1, Ordering::SeqCst);
                } else {
                    reply.refused(412, "", &[]).done();
                }
            });
            assert_eq!(won.load(Ordering::SeqCst), 1, "{path}, round {round}");
        }
    }
}

#[test]
fn a_version_is_spent_once_on_sqlite() {
    a_version_is_spent_once(Backend::Sqlite);
}

#[test]
fn a_version_is_spent_once_on_postgresql() {
    a_version_is_spent_once(Backend::Postgres);
}

/// Acceptance 21: ten thousand members in one PUT and one PATCH.
fn large_groups(backend: Backend) {
    let Some((_first, _second, clients)) = pair(backend) else { return };
    let client = &clients[0];
    let count = rounds(10_000, 1_500).max(1_500);
    let mut users = Vec::new();
    for batch in (0..count).collect::<Vec<_>>().chunks(500) {
        let operations: Vec<_> = batch
            .iter()
            .map(|number| {
                json!({"method": "POST", "path": "/Users", "bulkId": format!("b{number}"), "data": {
                    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("u{number}")
                }})
            })
            .collect();
        let done = client.bulk(&json!(operations)).expect(200).json();
        for operation in done["Operations"].as_array().unwrap() {
            let location = operation["location"].as_str().unwrap();
            users.push(location.rsplit('/').next().unwrap().to_owned());
        }
    }
    let members: Vec<_> = users.iter().map(|id| json!({"value": id})).collect();
    let group = client.group("Team", &[]);
    let path = format!("/Groups/{group}");
    let put = client.put(&path, &json!({"displayName": "Team", "members": members})).expect(200).json();
    assert_eq!(put["members"].as_array().unwrap().len(), count);
    client.patch(&path, &json!([{"op": "remove", "path": "members"}])).expect(200).done();
    let reply = client.patch(&path, &json!([{"op": "add", "path": "members", "value": members}])).expect(204);
    assert!(reply.body.is_empty(), "above a thousand members a PATCH answers without the group");
    assert_eq!(client.members(&group).len(), count);
}

#[test]
fn a_large_group_is_put_and_patched_in_one_request_on_sqlite() {
    large_groups(Backend::Sqlite);
}

#[test]
fn a_large_group_is_put_and_patched_in_one_request_on_postgresql() {
    large_groups(Backend::Postgres);
}
