//! What a write costs in this crate: the index form of a resource.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to fail")]

use divan::{Bencher, black_box};
use headcount_store::index::{self, IndexPolicy};
use scim_schema::{Registry, Resource};
use serde_json::json;

fn main() {
    divan::main();
}

#[divan::bench]
fn index_form_of_user(bencher: Bencher<'_, '_>) {
    let registry = Registry::builtin();
    let users = registry.resource_type("User").unwrap();
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "externalId": "00u1a2b3c4d5e6f7g8h9", "userName": "Ada.Lovelace@Example.com", "active": true,
        "name": {"givenName": "Ada", "familyName": "Lovelace", "formatted": "Ada Lovelace"}, "displayName": "Ada Lovelace",
        "emails": [{"value": "ada.lovelace@example.com", "type": "work", "primary": true}, {"value": "ada@home.example", "type": "home"}],
        "phoneNumbers": [{"value": "+44 20 7946 0000", "type": "work"}], "title": "Analyst", "locale": "en-GB",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": "701984", "department": "Engines"},
    });
    let user = Resource::from_document(user.as_object().unwrap().clone());
    let policy = IndexPolicy { external_id_unique: true, unique_group_names: true };
    bencher.bench_local(|| index::form(users, black_box(&user), policy));
}
