//! What a request costs in this crate: accepting a body, comparison forms, times, projections.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to fail")]

use divan::{Bencher, black_box};
use scim_schema::{
    Registry, datetime, fold,
    validate::{self, Coercion, Write},
};
use serde_json::{Map, Value};

fn main() {
    divan::main();
}

/// A user as identity providers send it, some 700 bytes.
const USER: &str = r#"{
  "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
  "externalId": "00u1a2b3c4d5e6f7g8h9", "userName": "Ada.Lovelace@Example.com", "active": true,
  "name": {"givenName": "Ada", "familyName": "Lovelace", "formatted": "Ada Lovelace"}, "displayName": "Ada Lovelace",
  "emails": [{"value": "ada.lovelace@example.com", "type": "work", "primary": true}, {"value": "ada@home.example", "type": "home"}],
  "phoneNumbers": [{"value": "+44 20 7946 0000", "type": "work"}], "title": "Analyst", "locale": "en-GB",
  "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": "701984", "department": "Engines", "manager": {"value": "26118915-6090-4610-87e4-49d8ca9f808d"}}
}"#;

fn user() -> Map<String, Value> {
    serde_json::from_str(USER).unwrap()
}

#[divan::bench]
fn accept_user(bencher: Bencher<'_, '_>) {
    let registry = Registry::builtin();
    let users = registry.resource_type("User").unwrap();
    let coercion = Coercion::default();
    bencher
        .with_inputs(user)
        .bench_values(|body| validate::accept(&registry, users, body, Write::Create, &coercion, &[]).unwrap());
}

#[divan::bench]
fn finished_user(bencher: Bencher<'_, '_>) {
    let registry = Registry::builtin();
    let users = registry.resource_type("User").unwrap();
    let resource = scim_schema::Resource::from_document(user());
    bencher.bench_local(|| validate::finished(users, black_box(&resource)));
}

#[divan::bench(args = ["ada@example.com", "Ada.Lovelace@Example.com", "Jürgen Größe"])]
fn fold_text(text: &str) -> usize {
    fold::fold(black_box(text)).len()
}

#[divan::bench]
fn print_time() -> String {
    datetime::print(black_box(1_795_507_200_123_000))
}

#[divan::bench]
fn parse_time() -> Option<i64> {
    datetime::parse(black_box("2026-11-24T08:00:00.123Z"))
}
