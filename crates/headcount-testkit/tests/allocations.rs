//! How often a request asks for memory, from [`headcount_api::ScimApi::handle`] to the bytes of the
//! answer, over SQLite. Times vary with the machine and the minute; these counts do not.
//!
//! Each bound is what was counted when it was written and a tenth more, for other versions of the
//! standard library and of dependencies. What is beyond it is a copy, a tree or a string that was not
//! there before: take it out, or raise the bound and say why. What SQLite itself allocates, and the
//! adapter in front, is not counted.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use bytes::Bytes;
use headcount_model::Preset;
use headcount_testkit::{App, Backend, Client};
use http::Request;
use serde_json::{Value, json};

/// The first requests fill caches of statements and credentials.
const WARM_UP: usize = 4;

/// The fewest allocations of several runs: now and then a cache is put in order.
const RUNS: usize = 8;

/// Counts the allocations of a request, each time another by its number, and holds them to a bound.
fn check(client: &Client, bound: u64, status: u16, request: impl Fn(usize) -> (&'static str, String, Option<Value>)) {
    let mut fewest = u64::MAX;
    for number in 0..WARM_UP + RUNS {
        let (method, target, body) = request(number);
        let built = Request::builder()
            .method(method)
            .uri(format!("{}{target}", client.path))
            .header("host", "scim.example.test")
            .header("authorization", format!("Bearer {}", client.token))
            .header("content-type", "application/scim+json")
            .body(body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string())));
        let mut built = Some(built.unwrap());
        let mut answered = None;
        let counted = allocation_counter::measure(|| {
            answered = built.take().map(|request| client.api().handle(request));
        });
        assert_eq!(answered.unwrap().status().as_u16(), status, "{method} {target}");
        if number >= WARM_UP {
            fewest = fewest.min(counted.count_total);
        }
    }
    assert!(fewest <= bound, "{fewest} allocations, and {bound} are the most");
}

fn client() -> (App, Client) {
    let app = App::new(Backend::Sqlite);
    let client = app.client("acme", Preset::Generic);
    (app, client)
}

fn user(name: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "externalId": format!("00u-{name}"), "userName": format!("{name}@example.com"), "active": true,
        "name": {"givenName": "Ada", "familyName": "Lovelace", "formatted": "Ada Lovelace"}, "displayName": "Ada Lovelace",
        "emails": [{"value": format!("{name}@example.com"), "type": "work", "primary": true}],
        "phoneNumbers": [{"value": "+44 20 7946 0000", "type": "work"}], "title": "Analyst", "locale": "en-GB",
    })
}

fn patch(operation: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]})
}

#[test]
fn a_user_by_id() {
    let (_app, client) = client();
    let ada = client.post("/Users", &user("ada")).expect(201);
    check(&client, 44, 200, |_| ("GET", format!("/Users/{}", ada.id()), None));
}

#[test]
fn a_user_by_name() {
    let (_app, client) = client();
    client.post("/Users", &user("ada")).expect(201).done();
    let target = "/Users?filter=userName%20eq%20%22Ada%40example.com%22";
    check(&client, 80, 200, |_| ("GET", target.to_owned(), None));
}

#[test]
fn a_new_user() {
    let (_app, client) = client();
    check(&client, 242, 201, |number| ("POST", "/Users".to_owned(), Some(user(&format!("ada{number}")))));
}

#[test]
fn a_user_switched_off_and_on() {
    let (_app, client) = client();
    let ada = client.post("/Users", &user("ada")).expect(201);
    check(&client, 266, 200, |number| {
        let operation = json!({"op": "replace", "path": "active", "value": number % 2 == 1});
        ("PATCH", format!("/Users/{}", ada.id()), Some(patch(&operation)))
    });
}

#[test]
fn a_member_more() {
    let (_app, client) = client();
    let ids: Vec<String> = (0..WARM_UP + RUNS)
        .map(|number| client.post("/Users", &user(&format!("ada{number}"))).expect(201).id().clone())
        .collect();
    let group = client.post("/Groups", &json!({"displayName": "Engines"})).expect(201);
    let target = format!("/Groups/{}?excludedAttributes=members", group.id());
    check(&client, 213, 200, |number| {
        let member = ids.get(number).unwrap();
        let operation = json!({"op": "add", "path": "members", "value": [{"value": member}]});
        ("PATCH", target.clone(), Some(patch(&operation)))
    });
}
