//! What a request costs from [`headcount_api::ScimApi::handle`] to the bytes of its answer, over the store
//! in memory: reading and rendering, without a database.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to fail")]

use bytes::Bytes;
use divan::{Bencher, counter::BytesCount};
use headcount_model::Preset;
use headcount_testkit::{App, Backend, Client};
use http::Request;
use serde_json::{Value, json};

/// Users that are there.
const USERS: usize = 200;

fn main() {
    divan::main();
}

/// An application with users, and one group of them all.
struct Filled {
    _app: App,
    client: Client,
    user: String,
    group: String,
}

impl Filled {
    fn new() -> Self {
        let app = App::new(Backend::Memory);
        let client = app.client("acme", Preset::Generic);
        let ids: Vec<String> = (0..USERS).map(|number| client.post("/Users", &user(number)).expect(201).id()).collect();
        let members: Vec<&str> = ids.iter().map(String::as_str).collect();
        let group = client.group("Engines", &members);
        Self { _app: app, client, user: ids.first().unwrap().clone(), group }
    }

    /// Asks the same again and again.
    fn bench(&self, bencher: Bencher<'_, '_>, target: &str) {
        let reply = self.client.get(target).expect(200);
        let bencher = bencher.counter(BytesCount::new(reply.text().len()));
        bencher.with_inputs(|| self.request(target)).bench_local_values(|request| self.client.api().handle(request));
    }

    fn request(&self, target: &str) -> Request<Bytes> {
        Request::builder()
            .uri(format!("{}{target}", self.client.path))
            .header("host", "scim.example.test")
            .header("authorization", format!("Bearer {}", self.client.token))
            .body(Bytes::new())
            .unwrap()
    }
}

fn user(number: usize) -> Value {
    let name = format!("ada{number}@example.com");
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "externalId": format!("00u1a2b3c4d5e6f7{number:04}"), "userName": name, "active": true,
        "name": {"givenName": "Ada", "familyName": "Lovelace", "formatted": "Ada Lovelace"}, "displayName": "Ada Lovelace",
        "emails": [{"value": name, "type": "work", "primary": true}], "title": "Analyst", "locale": "en-GB",
    })
}

#[divan::bench]
fn user_by_id(bencher: Bencher<'_, '_>) {
    let filled = Filled::new();
    filled.bench(bencher, &format!("/Users/{}", filled.user));
}

#[divan::bench]
fn user_projected(bencher: Bencher<'_, '_>) {
    let filled = Filled::new();
    filled.bench(bencher, &format!("/Users/{}?attributes=userName,emails.value", filled.user));
}

#[divan::bench]
fn user_by_name(bencher: Bencher<'_, '_>) {
    let filled = Filled::new();
    filled.bench(bencher, "/Users?filter=userName%20eq%20%22ada7%40example.com%22");
}

#[divan::bench]
fn page_of_100(bencher: Bencher<'_, '_>) {
    let filled = Filled::new();
    filled.bench(bencher, "/Users?count=100");
}

#[divan::bench]
fn group_of_200(bencher: Bencher<'_, '_>) {
    let filled = Filled::new();
    filled.bench(bencher, &format!("/Groups/{}", filled.group));
}
