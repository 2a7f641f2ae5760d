//! What a PATCH costs in this crate: reading the request, applying it.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to fail")]

use divan::{Bencher, black_box};
use scim_patch::{Dialect, PatchRequest, apply};
use scim_schema::{Registry, Resource};
use serde_json::{Map, Value, json};

fn main() {
    divan::main();
}

/// The operations that make up nearly all of the traffic.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Active,
    ActiveWithoutPath,
    AddMember,
    RemoveMember,
    WorkEmail,
}

const KINDS: [Kind; 5] = [Kind::Active, Kind::ActiveWithoutPath, Kind::AddMember, Kind::RemoveMember, Kind::WorkEmail];

impl Kind {
    fn resource_type(self) -> &'static str {
        match self {
            Self::AddMember | Self::RemoveMember => "Group",
            _ => "User",
        }
    }

    fn body(self) -> Map<String, Value> {
        let id = "019eb2c4-0000-7000-8000-000000000000";
        let operation = match self {
            Self::Active => json!({"op": "replace", "path": "active", "value": false}),
            Self::ActiveWithoutPath => json!({"op": "replace", "value": {"active": false}}),
            Self::AddMember => json!({"op": "add", "path": "members", "value": [{"value": id}]}),
            Self::RemoveMember => json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")}),
            Self::WorkEmail => {
                json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": "ada@example.org"})
            }
        };
        object(&json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}))
    }

    fn resource(self) -> Resource {
        let document = if self.resource_type() == "Group" {
            json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Engines"})
        } else {
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "externalId": "00u1a2b3c4d5e6f7g8h9",
                "userName": "ada@example.com", "active": true, "displayName": "Ada Lovelace",
                "name": {"givenName": "Ada", "familyName": "Lovelace", "formatted": "Ada Lovelace"},
                "emails": [{"value": "ada@example.com", "type": "work", "primary": true}, {"value": "ada@home.example", "type": "home"}],
            })
        };
        Resource::from_document(object(&document))
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

#[divan::bench(args = KINDS)]
fn parse_request(bencher: Bencher<'_, '_>, kind: Kind) {
    let dialect = Dialect::default();
    bencher.with_inputs(|| kind.body()).bench_values(|body| PatchRequest::parse(body, &dialect, 1_000).unwrap());
}

#[divan::bench(args = KINDS)]
fn apply_request(bencher: Bencher<'_, '_>, kind: Kind) {
    let registry = Registry::builtin();
    let resource_type = registry.resource_type(kind.resource_type()).unwrap();
    let dialect = Dialect::default();
    let request = PatchRequest::parse(kind.body(), &dialect, 1_000).unwrap();
    let (resource, read_only) = (kind.resource(), Map::new());
    bencher
        .bench_local(|| apply(&registry, resource_type, black_box(&resource), &read_only, &request, &dialect).unwrap());
}
