//! The switch `passwords` over every way to send one (RFC 7643 §4.1.1, §9.2).

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering},
    },
};

use headcount_model::{Entropy, Preset, Secret, SystemEntropy};
use headcount_service::{
    Limits, Precondition, QueryRequest, Service, ServiceOptions,
    manage::{ManageError, PasswordCheck},
};
use headcount_store::{
    query::{Adoptable, View},
    resources::Lock,
};
use headcount_token::{Verifier, verify::VerifierLimits};
use scim_schema::{
    Projection, Registry,
    builtin::{BULK_REQUEST, PATCH_OP, USER},
};
use serde_json::{Value, json};

use crate::fixture::{Client, ORIGIN, Reply, World, id, if_match, object, refusal};

const FIRST: &str = "correct horse";
const SECOND: &str = "battery staple";

fn user(name: &str, password: Value) -> Value {
    json!({"schemas": [USER], "userName": name, "password": password})
}

fn set_password(value: &Value) -> Value {
    json!([{"op": "replace", "value": {"password": value}}])
}

fn patch_op(password: &Value) -> Value {
    json!({"schemas": [PATCH_OP], "Operations": set_password(password)})
}

fn slug(client: &Client<'_>) -> String {
    let tenants = client.world.manage().tenants().unwrap();
    tenants.into_iter().find(|tenant| tenant.key == client.ctx.tenant()).unwrap().slug
}

fn check(client: &Client<'_>, user: &str, password: &str) -> PasswordCheck {
    let verifier = Verifier::new(VerifierLimits::default(), client.world.clock.clone(), &SystemEntropy);
    client.world.manage().verify_password(&verifier, &slug(client), user, password).unwrap()
}

fn storing(world: &World) -> Client<'_> {
    let client = world.client(Preset::Generic);
    client.set(&[("passwords", "store")]);
    client
}

/// The kind, version and paths of the journal's entries after the first `skip`.
fn entries(client: &Client<'_>, skip: usize) -> Vec<(String, i64, Vec<String>)> {
    client.journal().into_iter().skip(skip).map(|entry| (entry.kind, entry.version, entry.paths)).collect()
}

fn alone(kind: &str, version: i64) -> (String, i64, Vec<String>) {
    (kind.to_owned(), version, vec!["password".to_owned()])
}

#[test]
fn a_stored_password_is_verified_after_every_way_to_set_it() {
    let world = World::new();
    let client = storing(&world);
    let ada = id(&client.post("User", user("ada", FIRST.into())).unwrap());
    assert_eq!(check(&client, &ada, FIRST), PasswordCheck::Matched);
    assert_eq!(check(&client, &ada, SECOND), PasswordCheck::Wrong);
    assert_eq!(check(&client, &ada, ""), PasswordCheck::Wrong);
    client.put("User", &ada, user("ada", SECOND.into())).unwrap();
    assert_eq!(check(&client, &ada, SECOND), PasswordCheck::Matched);
    assert_eq!(check(&client, &ada, FIRST), PasswordCheck::Wrong);
    client.patch("User", &ada, set_password(&FIRST.into())).unwrap();
    assert_eq!(check(&client, &ada, FIRST), PasswordCheck::Matched);
    let results = client
        .bulk(json!([
            {"method": "POST", "path": "/Users", "bulkId": "b", "data": user("bob", "bobs".into())},
            {"method": "PUT", "path": format!("/Users/{ada}"), "data": user("ada", "by put".into())},
            {"method": "PATCH", "path": "/Users/bulkId:b", "data": patch_op(&SECOND.into())},
        ]))
        .unwrap();
    let statuses: Vec<&Value> = results.iter().map(|result| &result["status"]).collect();
    assert_eq!(statuses, ["201", "200", "200"], "{results:?}");
    let bob = client.find("User", "userName eq \"bob\"").remove(0);
    assert_eq!(check(&client, &ada, "by put"), PasswordCheck::Matched);
    assert_eq!(check(&client, &bob, SECOND), PasswordCheck::Matched);
    assert_eq!(check(&client, &bob, "by put"), PasswordCheck::Wrong);
}

#[test]
fn another_password_alone_is_one_entry_and_leaves_version_and_time() {
    let world = World::new();
    let client = storing(&world);
    let ada = id(&client.post("User", user("ada", FIRST.into())).unwrap());
    let before = client.get("User", &ada).unwrap();
    world.clock.advance_seconds(60);
    let skip = client.journal().len();
    let put = client.put("User", &ada, user("ada", SECOND.into())).unwrap();
    let patched = client.patch("User", &ada, set_password(&SECOND.into())).unwrap();
    client.patch("User", &ada, json!([{"op": "remove", "path": "password"}])).unwrap();
    client.patch("User", &ada, json!([{"op": "remove", "path": "password"}])).unwrap();
    assert_eq!(check(&client, &ada, SECOND), PasswordCheck::NoPassword);
    assert_eq!((&put.body, &patched.body), (&before.body, &before.body));
    assert_eq!(client.get("User", &ada).unwrap(), before);
    assert_eq!(entries(&client, skip), [alone("put", 1), alone("patch", 1), alone("patch", 1)]);
    // With another change it is one entry that names both.
    let skip = client.journal().len();
    let both = json!([{"op": "replace", "value": {"title": "Countess", "password": FIRST}}]);
    client.patch("User", &ada, both).unwrap();
    let paths = vec!["password".to_owned(), "title".to_owned()];
    assert_eq!(entries(&client, skip), [("patch".to_owned(), 2, paths)]);
    let off = json!([{"op": "replace", "value": {"active": false, "password": SECOND}}]);
    client.patch("User", &ada, off).unwrap();
    let paths = vec!["active".to_owned(), "password".to_owned()];
    assert_eq!(entries(&client, skip + 1), [("deactivate".to_owned(), 3, paths)]);
    assert_eq!(check(&client, &ada, SECOND), PasswordCheck::Matched);
}

#[test]
fn a_password_that_is_absent_null_or_empty_in_a_put_is_kept() {
    let world = World::new();
    let client = storing(&world);
    let ada = id(&client.post("User", user("ada", FIRST.into())).unwrap());
    let skip = client.journal().len();
    for body in [json!({"schemas": [USER], "userName": "ada"}), user("ada", Value::Null), user("ada", "".into())] {
        client.put("User", &ada, body).unwrap();
        assert_eq!(check(&client, &ada, FIRST), PasswordCheck::Matched);
    }
    client.patch("User", &ada, set_password(&"".into())).unwrap();
    assert_eq!(check(&client, &ada, FIRST), PasswordCheck::Matched);
    assert_eq!(entries(&client, skip), []);
    let bob = id(&client.post("User", user("bob", "".into())).unwrap());
    assert_eq!(check(&client, &bob, ""), PasswordCheck::NoPassword);
}

#[test]
fn a_refused_request_leaves_the_password() {
    let world = World::new();
    let client = storing(&world);
    let ada = id(&client.post("User", user("ada", FIRST.into())).unwrap());
    client.user("bob");
    let skip = client.journal().len();
    let taken = refusal(client.put("User", &ada, user("bob", SECOND.into())));
    assert_eq!(taken, (409, "uniqueness"));
    let stale = client.put_if("User", &ada, user("ada", SECOND.into()), &if_match("W/\"9\""));
    assert_eq!(refusal(stale).0, 412);
    let unknown = json!([{"op": "replace", "value": {"password": SECOND}}, {"op": "remove", "path": "userName"}]);
    assert_eq!(refusal(client.patch("User", &ada, unknown)), (400, "mutability"));
    let results = client
        .bulk(json!([
            {"method": "PUT", "path": format!("/Users/{ada}"), "data": user("bob", SECOND.into())},
            {"method": "POST", "path": "/Users", "bulkId": "c", "data": user("bob", SECOND.into())},
        ]))
        .unwrap();
    assert_eq!((&results[0]["status"], &results[1]["status"]), (&json!("409"), &json!("409")));
    assert_eq!(check(&client, &ada, FIRST), PasswordCheck::Matched);
    assert_eq!(entries(&client, skip), []);
}

#[test]
fn a_password_is_dropped_where_it_is_ignored_and_refused_where_it_is_refused() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = id(&client.post("User", user("ada", FIRST.into())).unwrap());
    let skip = client.journal().len();
    client.put("User", &ada, user("ada", SECOND.into())).unwrap();
    client.patch("User", &ada, set_password(&SECOND.into())).unwrap();
    let bulk = |client: &Client<'_>, name: &str| {
        let results = client
            .bulk(json!([
                {"method": "POST", "path": "/Users", "bulkId": "b", "data": user(name, SECOND.into())},
                {"method": "PUT", "path": format!("/Users/{ada}"), "data": user("ada", SECOND.into())},
                {"method": "PATCH", "path": format!("/Users/{ada}"), "data": patch_op(&SECOND.into())},
            ]))
            .unwrap();
        results.iter().map(|result| result["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(bulk(&client, "bob"), ["201", "200", "200"]);
    assert_eq!(client.kinds_after(skip), ["create"]);
    let bob = client.find("User", "userName eq \"bob\"").remove(0);
    for user in [&ada, &bob] {
        assert_eq!(check(&client, user, SECOND), PasswordCheck::NoPassword);
    }
    client.set(&[("passwords", "refuse")]);
    assert_eq!(refusal(client.post("User", user("eve", FIRST.into()))), (400, "invalidValue"));
    assert_eq!(refusal(client.put("User", &ada, user("ada", FIRST.into()))), (400, "invalidValue"));
    assert_eq!(refusal(client.patch("User", &ada, set_password(&FIRST.into()))), (400, "invalidValue"));
    assert_eq!(bulk(&client, "eve"), ["400", "400", "400"]);
}

/// A connection that stops storing keeps what it had, and takes nothing new.
#[test]
fn a_switch_back_to_ignore_leaves_what_is_stored() {
    let world = World::new();
    let client = storing(&world);
    let ada = id(&client.post("User", user("ada", FIRST.into())).unwrap());
    client.set(&[("passwords", "ignore")]);
    client.put("User", &ada, user("ada", SECOND.into())).unwrap();
    client.patch("User", &ada, json!([{"op": "remove", "path": "password"}])).unwrap();
    assert_eq!(check(&client, &ada, FIRST), PasswordCheck::Matched);
}

#[test]
fn nothing_stored_shows_in_answers_journal_documents_or_filters() {
    let world = World::new();
    let client = storing(&world);
    let created = client.post("User", user("ada", FIRST.into())).unwrap();
    let ada = id(&created);
    let answers = [
        client.put("User", &ada, user("ada", FIRST.into())).unwrap(),
        client.patch("User", &ada, set_password(&FIRST.into())).unwrap(),
        client.get("User", &ada).unwrap(),
        created,
    ];
    let connection = client.connection;
    let (document, hash) = world.write(&client.ctx, |txn| {
        let view = View { connection, adoptable: Adoptable::Seen };
        let stored = txn.find_resource(&view, "User", &ada, Lock::None)?.unwrap();
        Ok((stored.document.to_string(), txn.password(stored.seq)?.unwrap().as_str().to_owned()))
    });
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    let results =
        client.bulk(json!([{"method": "PUT", "path": format!("/Users/{ada}"), "data": user("ada", FIRST.into())}]));
    let told = format!("{answers:?} {:?} {document} {results:?}", client.journal());
    for secret in [FIRST, &hash, "argon2", "$v=19"] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
    assert!(!document.contains("password"));
    let filter = QueryRequest { filter: Some("password pr".to_owned()), ..QueryRequest::default() };
    assert_eq!(refusal(client.query(Some("User"), &filter)).0, 400);
}

#[test]
fn a_deleted_user_takes_its_password_along_and_comes_back_without_it() {
    let world = World::new();
    let client = storing(&world);
    client.set(&[("rehire", "revive")]);
    let ada = id(&client.post("User", user("ada", FIRST.into())).unwrap());
    client.delete("User", &ada).unwrap();
    assert_eq!(check(&client, &ada, FIRST), PasswordCheck::NoPassword);
    assert_eq!(client.user("ada"), ada);
    assert_eq!(check(&client, &ada, FIRST), PasswordCheck::NoPassword);
}

#[test]
fn an_adopted_account_takes_a_password_with_the_write_that_adopts_it() {
    let world = World::new();
    let client = storing(&world);
    let ada = client.imported("User", json!({"schemas": [USER], "userName": "ada", "active": true}), true);
    let skip = client.journal().len();
    client.patch("User", &ada, set_password(&FIRST.into())).unwrap();
    assert_eq!(check(&client, &ada, FIRST), PasswordCheck::Matched);
    assert_eq!(entries(&client, skip), [("adopt".to_owned(), 2, vec!["password".to_owned()])]);
}

/// RFC 7644 §7.8.
#[test]
fn a_password_is_compared_in_any_form_of_the_same_characters_and_in_its_own_case() {
    let world = World::new();
    let client = storing(&world);
    let ada = id(&client.post("User", user("ada", "P\u{e4}ss w\u{f6}rd".into())).unwrap());
    assert_eq!(check(&client, &ada, "Pa\u{308}ss\u{a0}wo\u{308}rd"), PasswordCheck::Matched);
    assert_eq!(check(&client, &ada, "p\u{e4}ss w\u{f6}rd"), PasswordCheck::Wrong);
}

#[test]
fn a_password_is_compared_within_its_tenant() {
    let world = World::new();
    let (client, other) = (storing(&world), storing(&world));
    let ada = id(&client.post("User", user("ada", FIRST.into())).unwrap());
    other.post("User", user("ada", SECOND.into())).unwrap();
    assert_eq!(check(&client, &ada, FIRST), PasswordCheck::Matched);
    assert_eq!(check(&other, &ada, FIRST), PasswordCheck::NoPassword);
    assert_eq!(check(&client, "nobody", FIRST), PasswordCheck::NoPassword);
    let verifier = Verifier::new(VerifierLimits::default(), world.clock.clone(), &SystemEntropy);
    let nowhere = world.manage().verify_password(&verifier, "nowhere", &ada, FIRST);
    assert!(matches!(nowhere, Err(ManageError::NotFound(_))));
}

/// Hashes are made while a request is prepared: work that runs several times keeps one.
#[test]
fn every_password_of_a_bulk_job_is_hashed_apart() {
    let world = World::new();
    let client = storing(&world);
    let operations: Vec<Value> = (0..4)
        .map(|n| json!({"method": "POST", "path": "/Users", "bulkId": n.to_string(), "data": user(&format!("u{n}"), FIRST.into())}))
        .collect();
    client.bulk(Value::from(operations)).unwrap();
    let connection = client.connection;
    let ids = client.find("User", "userName pr");
    let hashes: BTreeSet<String> = world.write(&client.ctx, |txn| {
        let view = View { connection, adoptable: Adoptable::Seen };
        let mut hashes = BTreeSet::new();
        for id in &ids {
            let stored = txn.find_resource(&view, "User", id, Lock::None)?.unwrap();
            hashes.extend(txn.password(stored.seq)?.map(|hash| hash.as_str().to_owned()));
        }
        Ok(hashes)
    });
    assert_eq!(hashes.len(), 4);
}

/// Entropy that keeps whoever asks for it first, once it is armed, until it is let go: a password is
/// salted while it holds its place among the hashes.
struct Stalling {
    armed: AtomicBool,
    entered: Barrier,
    leave: Barrier,
}

impl Entropy for Stalling {
    fn fill(&self, buffer: &mut [u8]) {
        SystemEntropy.fill(buffer);
        if self.armed.swap(false, Ordering::SeqCst) {
            self.entered.wait();
            self.leave.wait();
        }
    }
}

#[test]
fn a_server_that_is_busy_hashing_answers_503_and_changes_nothing() {
    let world = World::new();
    let client = storing(&world);
    let (ada, bob) = (client.user("ada"), client.user("bob"));
    let caller = client.caller();
    let entropy =
        Arc::new(Stalling { armed: AtomicBool::new(false), entered: Barrier::new(2), leave: Barrier::new(2) });
    let limits = VerifierLimits { concurrent: 1, queue: 0, ..VerifierLimits::default() };
    let service = Service::new(ServiceOptions {
        store: world.store.clone(),
        registry: Arc::new(Registry::builtin()),
        verifier: Arc::new(Verifier::new(limits, world.clock.clone(), &SystemEntropy)),
        clock: world.clock.clone(),
        entropy: entropy.clone(),
        public_url: ORIGIN.to_owned(),
        limits: Limits::default(),
        cursor_key: Secret::new("the key of cursors in tests"),
    });
    let users = service.registry().resource_type("User").unwrap();
    let put = |id: &str, name: &str| {
        let body = object(user(name, FIRST.into()));
        service.replace(&caller, users, id, body, &Precondition::default(), &Projection::Default)
    };
    let skip = client.journal().len();
    entropy.armed.store(true, Ordering::SeqCst);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| put(&ada, "ada").map(|answer| answer.status));
        entropy.entered.wait();
        assert_eq!(refusal(put(&bob, "bob")).0, 503);
        let job = json!({"schemas": [BULK_REQUEST], "Operations": [
            {"method": "PUT", "path": format!("/Users/{bob}"), "data": user("bob", FIRST.into())},
        ]});
        let answer = Reply::from(service.bulk(&caller, &job.to_string()).unwrap()).body.unwrap();
        assert_eq!(answer["Operations"][0]["status"], "503", "{answer}");
        entropy.leave.wait();
        assert_eq!(first.join().unwrap(), Ok(200));
    });
    assert_eq!(entries(&client, skip), [alone("put", 1)]);
    assert_eq!(check(&client, &bob, FIRST), PasswordCheck::NoPassword);
    assert_eq!(put(&bob, "bob").unwrap().status, 200);
}

#[test]
fn discovery_says_that_passwords_can_be_changed_exactly_where_they_are_stored() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    for (word, supported, declared) in [("ignore", false, true), ("store", true, true), ("refuse", false, false)] {
        client.set(&[("passwords", word)]);
        let caller = client.caller();
        let configuration = world.service.service_provider_config(&caller);
        let body = Reply::from(configuration).body.unwrap();
        assert_eq!(body["changePassword"]["supported"], supported, "{word}");
        let schema = Reply::from(world.service.schemas(&caller, Some(USER)).unwrap()).body.unwrap();
        let attributes = schema["attributes"].as_array().unwrap();
        assert_eq!(attributes.iter().any(|attribute| attribute["name"] == "password"), declared, "{word}");
    }
}
