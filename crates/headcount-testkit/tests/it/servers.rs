//! Several servers over one database, and many clients at once.
//!
//! On PostgreSQL there are three, two with connections of their own and one through pgbouncer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use headcount_model::{Clock, Connection, Preset, ScopeSet};
use headcount_store::events::verify_chain;
use headcount_testkit::{App, Backend, Client, Reply, Route};
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

/// Servers of one database, and a client of one connection at each.
struct Servers {
    apps: Vec<App>,
    clients: Vec<Client>,
}

impl Servers {
    /// Two on SQLite, three on PostgreSQL; the third goes through pgbouncer if there is one here.
    fn over(backend: Backend) -> Option<Self> {
        if !backend.is_available() {
            return None;
        }
        let first = App::new(backend);
        let mut others = vec![first.another()];
        if backend == Backend::Postgres {
            let route = if Route::Pgbouncer.is_available() { Route::Pgbouncer } else { Route::Direct };
            others.push(first.another_by(route));
        }
        let client = first.client("acme", Preset::Generic);
        let apps: Vec<App> = std::iter::once(first).chain(others).collect();
        let clients = apps.iter().map(|app| client.clone().over(app.api.clone())).collect();
        Some(Self { apps, clients })
    }

    fn first(&self) -> &App {
        &self.apps[0]
    }

    /// The client of the server whose turn it is.
    fn client(&self, turn: usize) -> &Client {
        &self.clients[turn % self.clients.len()]
    }

    /// The same thing at the same moment by every client, as many of them at each server.
    fn at_once(&self, count: usize, work: impl Fn(usize, &Client) + Sync) {
        let barrier = Barrier::new(count);
        std::thread::scope(|scope| {
            for number in 0..count {
                let (barrier, work, client) = (&barrier, &work, self.client(number));
                scope.spawn(move || {
                    barrier.wait();
                    work(number, client);
                });
            }
        });
    }

    /// A client of each server that presents this token.
    fn with_token(&self, connection: &Connection, token: &str) -> Vec<Client> {
        self.apps.iter().map(|app| app.client_with(connection, token)).collect()
    }
}

fn one_name_is_taken_once(backend: Backend) {
    let Some(servers) = Servers::over(backend) else { return };
    for round in 0..rounds(200, 10) {
        let created = AtomicUsize::new(0);
        let names = [format!("Ada{round}@ex.com"), format!("ADA{round}@EX.COM"), format!("ada{round}@ex.com")];
        servers.at_once(CLIENTS, |number, client| {
            let reply = client.post("/Users", &json!({"userName": names[number % 3]}));
            if reply.status == 201 {
                created.fetch_add(1, Ordering::SeqCst);
            } else {
                reply.refused(409, "uniqueness", &["userName"]).done();
            }
        });
        assert_eq!(created.load(Ordering::SeqCst), 1, "round {round}");
        assert_eq!(servers.client(round).find("/Users", &format!("userName eq \"{}\"", names[0])).total(), 1);
    }
}

#[test]
fn one_user_name_is_taken_once_by_many_clients_of_several_servers_on_sqlite() {
    one_name_is_taken_once(Backend::Sqlite);
}

#[test]
fn one_user_name_is_taken_once_by_many_clients_of_several_servers_on_postgresql() {
    one_name_is_taken_once(Backend::Postgres);
}

fn no_member_is_lost(backend: Backend) {
    let Some(servers) = Servers::over(backend) else { return };
    let count = rounds(2_000, 200).max(CLIENTS);
    let users: Vec<String> = (0..count).map(|number| servers.client(number).user(&format!("u{number}"))).collect();
    let group = servers.client(0).group("Team", &[]);
    let path = format!("/Groups/{group}");
    servers.at_once(CLIENTS, |number, client| {
        for user in users.iter().skip(number).step_by(CLIENTS) {
            let reply = client.patch(&path, &json!([{"op": "add", "path": "members", "value": [{"value": user}]}]));
            assert!([200, 204].contains(&reply.status), "{}", reply.text());
        }
    });
    for client in &servers.clients {
        let members: BTreeSet<String> = client.members(&group).into_iter().collect();
        assert_eq!(members, users.iter().cloned().collect());
        let version = client.get(&format!("{path}?attributes=meta.version")).json()["meta"]["version"].clone();
        assert_eq!(version, json!(format!("W/\"{}\"", count + 1)), "every change is one version");
    }
    let told = servers.first().journal(&servers.first().tenant("acme"));
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
fn no_member_is_lost_when_many_clients_of_several_servers_add_on_sqlite() {
    no_member_is_lost(Backend::Sqlite);
}

#[test]
fn no_member_is_lost_when_many_clients_of_several_servers_add_on_postgresql() {
    no_member_is_lost(Backend::Postgres);
}

/// Acceptance 20: requests that add to and remove from one group at once all take effect.
fn parallel_changes_all_take_effect(backend: Backend) {
    let Some(servers) = Servers::over(backend) else { return };
    let users: Vec<String> = (0..50).map(|number| servers.client(number).user(&format!("u{number}"))).collect();
    let there: Vec<&str> = users.iter().skip(25).map(String::as_str).collect();
    let group = servers.client(0).group("Team", &there);
    let path = format!("/Groups/{group}");
    servers.at_once(users.len(), |number, client| {
        let operation = if number < 25 {
            json!([{"op": "add", "path": "members", "value": [{"value": users[number]}]}])
        } else {
            json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", users[number])}])
        };
        client.patch(&path, &operation).expect(200).done();
    });
    for client in &servers.clients {
        let members: BTreeSet<String> = client.members(&group).into_iter().collect();
        assert_eq!(members, users.iter().take(25).cloned().collect());
    }
}

#[test]
fn parallel_changes_of_one_group_all_take_effect_on_sqlite() {
    parallel_changes_all_take_effect(Backend::Sqlite);
}

#[test]
fn parallel_changes_of_one_group_all_take_effect_on_postgresql() {
    parallel_changes_all_take_effect(Backend::Postgres);
}

/// A request.
type Ask<'a> = Box<dyn Fn(&Client) -> Reply + 'a>;

/// Requests of every kind, each refused with this status; none of them may be the first to notice.
fn refused(clients: &[Client], user: &str, group: &str, status: u16) {
    let patch = json!([{"op": "replace", "path": "active", "value": false}]);
    let member = json!([{"op": "add", "path": "members", "value": [{"value": user}]}]);
    let bulk = json!([{"method": "POST", "path": "/Users", "bulkId": "b", "data": {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "late"
    }}]);
    let asks: Vec<Ask<'_>> = vec![
        Box::new(|client| client.get(&format!("/Users/{user}"))),
        Box::new(|client| client.get(&format!("/Groups/{group}"))),
        Box::new(|client| client.get("/Users")),
        Box::new(|client| client.find("/Users", "userName eq \"ada\"")),
        Box::new(|client| client.get("/Users?filter=userName")),
        Box::new(|client| client.get("/Users/nobody")),
        Box::new(|client| client.post("/Users", &json!({"userName": "late"}))),
        Box::new(|client| client.put(&format!("/Users/{user}"), &json!({"userName": "late"}))),
        Box::new(|client| client.patch(&format!("/Users/{user}"), &patch)),
        Box::new(|client| client.patch(&format!("/Groups/{group}"), &member)),
        Box::new(|client| client.delete(&format!("/Users/{user}"))),
        Box::new(|client| client.bulk(&bulk)),
        Box::new(|client| client.post("/Users/.search", &json!({}))),
        Box::new(|client| client.get("/ServiceProviderConfig")),
    ];
    // Every server is asked everything first by somebody: each begins with another question.
    for (turn, client) in clients.iter().enumerate() {
        for ask in asks.iter().cycle().skip(turn * 5).take(asks.len()) {
            ask(client).refused(status, "", &[]).done();
        }
    }
}

fn a_dead_token_is_dead_at_once(backend: Backend) {
    let Some(servers) = Servers::over(backend) else { return };
    let first = servers.first();
    let connection = first.connection(&first.tenant("acme"), Preset::Generic);
    let (user, group) = {
        let client = first.client_of(&connection);
        (client.user("ada"), client.group("Team", &[]))
    };
    let works = |clients: &[Client]| {
        for client in clients {
            client.get(&format!("/Users/{user}")).expect(200).done();
            let operations = json!([{"op": "replace", "path": "title", "value": "Engineer"}]);
            client.patch(&format!("/Users/{user}"), &operations).expect(200).done();
        }
    };
    for (number, app) in servers.apps.iter().enumerate() {
        let token = app.token(&connection);
        let clients = servers.with_token(&connection, token.token.text().expose());
        works(&clients);
        app.manage.revoke_token(token.record.id.as_str()).unwrap();
        refused(&clients, &user, &group, 401);

        let token = app.token(&connection);
        let clients = servers.with_token(&connection, token.token.text().expose());
        works(&clients);
        app.set(&connection, &[("state", "off")]);
        refused(&clients, &user, &group, 403);
        servers.apps[(number + 1) % servers.apps.len()].set(&connection, &[("state", "on")]);
        works(&clients);
        app.manage.set_tenant("acme", &[("entitled".to_owned(), "false".to_owned())]).unwrap();
        refused(&clients, &user, &group, 403);
        app.manage.set_tenant("acme", &[("entitled".to_owned(), "true".to_owned())]).unwrap();
        works(&clients);

        let ends = first.clock().now().plus_seconds(60);
        let token = app.token_with(&connection, ScopeSet::default(), Some(ends));
        let clients = servers.with_token(&connection, token.token.text().expose());
        works(&clients);
        first.clock().advance_seconds(61);
        refused(&clients, &user, &group, 401);
    }
    assert_eq!(first.client_of(&connection).find("/Users", "userName eq \"late\"").total(), 0);
}

#[test]
fn a_token_that_one_server_revokes_is_refused_by_the_others_at_once_on_sqlite() {
    a_dead_token_is_dead_at_once(Backend::Sqlite);
}

#[test]
fn a_token_that_one_server_revokes_is_refused_by_the_others_at_once_on_postgresql() {
    a_dead_token_is_dead_at_once(Backend::Postgres);
}

/// A write with If-Match is won by exactly one of those who read the same version.
fn a_version_is_spent_once(backend: Backend) {
    let Some(servers) = Servers::over(backend) else { return };
    let (user, group) = (servers.client(0).user("ada"), servers.client(1).group("Team", &[]));
    for round in 1..=rounds(20, 5) {
        for path in [format!("/Users/{user}"), format!("/Groups/{group}")] {
            let won = AtomicUsize::new(0);
            let etag = servers.client(round).get(&path).header("etag").unwrap().to_owned();
            servers.at_once(9, |number, client| {
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
    let Some(servers) = Servers::over(backend) else { return };
    let client = servers.client(0);
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
    assert_eq!(servers.client(2).members(&group).len(), count);
}

#[test]
fn a_large_group_is_put_and_patched_in_one_request_on_sqlite() {
    large_groups(Backend::Sqlite);
}

#[test]
fn a_large_group_is_put_and_patched_in_one_request_on_postgresql() {
    large_groups(Backend::Postgres);
}

/// Everything at once by everybody: afterwards totals, members and the journal are what was answered,
/// and nothing ended in a deadlock or a wait without end, which would have been another status.
fn a_busy_day_adds_up(backend: Backend) {
    let Some(servers) = Servers::over(backend) else { return };
    let days = rounds(12, 4);
    let groups: Vec<String> = (0..3).map(|number| servers.client(number).group(&format!("g{number}"), &[])).collect();
    let stayed: Mutex<Vec<(usize, String)>> = Mutex::default();
    let deleted = AtomicUsize::new(0);
    servers.at_once(CLIENTS, |number, client| {
        for day in 0..days {
            let user = client.user(&format!("u{number}-{day}"));
            let group = (number + day) % groups.len();
            // The others know of it at once.
            let other = servers.client(number + day);
            let member = json!([{"op": "add", "path": "members", "value": [{"value": user}]}]);
            other.patch(&format!("/Groups/{}", groups[group]), &member).expect(200).done();
            let off = json!([{"op": "replace", "path": "active", "value": false}]);
            client.patch(&format!("/Users/{user}"), &off).expect(200).done();
            let body =
                json!({"userName": format!("u{number}-{day}"), "externalId": format!("x{number}"), "active": true});
            other.put(&format!("/Users/{user}"), &body).expect(200).done();
            let taken = json!({"userName": format!("U{number}-{day}")});
            client.post("/Users", &taken).refused(409, "uniqueness", &["userName"]).done();
            assert_eq!(other.find("/Users", &format!("userName eq \"u{number}-{day}\"")).total(), 1);
            if day % 2 == 1 {
                other.delete(&format!("/Users/{user}")).expect(204).done();
                client.get(&format!("/Users/{user}")).expect(404).done();
                deleted.fetch_add(1, Ordering::SeqCst);
            } else {
                stayed.lock().unwrap().push((group, user));
            }
        }
    });
    let (stayed, deleted) = (stayed.into_inner().unwrap(), deleted.into_inner());
    let all = CLIENTS * days;
    assert_eq!(stayed.len() + deleted, all);
    for client in &servers.clients {
        assert_eq!(client.get("/Users?count=0").total(), u64::try_from(stayed.len()).unwrap());
        let mut listed = BTreeSet::new();
        for start in (1..=stayed.len()).step_by(100) {
            listed.extend(client.get(&format!("/Users?startIndex={start}&count=100")).expect(200).each("/id"));
        }
        assert_eq!(listed, stayed.iter().map(|(_, user)| user.clone()).collect());
        for (number, group) in groups.iter().enumerate() {
            let members: BTreeSet<String> = client.members(group).into_iter().collect();
            let own = stayed.iter().filter(|(group, _)| *group == number).map(|(_, user)| user.clone());
            assert_eq!(members, own.collect());
        }
    }
    // Each server numbers what it finds; whoever comes first, the numbers are the same for all.
    let tenant = servers.first().tenant("acme");
    let told = servers.apps[1].journal(&tenant);
    verify_chain(None, &told).unwrap();
    for app in &servers.apps {
        assert_eq!(app.journal(&tenant), told);
    }
    let count = |kind: &str| told.iter().filter(|event| event.kind == kind).count();
    let told_of = (count("create"), count("delete"), count("member_added"), count("deactivate"), count("activate"));
    assert_eq!(told_of, (all + groups.len(), deleted, all, all, all));
    let mut versions: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for event in &told {
        if let Some((_, id)) = &event.resource {
            versions.entry(id).or_default().push(event.version);
        }
    }
    for (id, versions) in versions {
        assert!(versions.is_sorted(), "events of {id} are numbered in the order of its versions: {versions:?}");
    }
}

#[test]
fn a_busy_day_of_several_servers_adds_up_on_sqlite() {
    a_busy_day_adds_up(Backend::Sqlite);
}

#[test]
fn a_busy_day_of_several_servers_adds_up_on_postgresql() {
    a_busy_day_adds_up(Backend::Postgres);
}
