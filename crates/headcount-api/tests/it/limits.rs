//! Each bound, at it and past it.

use headcount_model::Preset;
use headcount_service::Limits;
use serde_json::json;

use crate::world::{World, user};

fn small() -> World {
    World::with_limits(
        Preset::Generic,
        Limits {
            max_body_bytes: 1_000,
            max_bulk_bytes: 2_000,
            max_uri_bytes: 300,
            max_header_bytes: 600,
            ..Limits::default()
        },
    )
}

fn padded(length: usize) -> String {
    let body = user("ada").to_string();
    format!("{body}{}", " ".repeat(length - body.len()))
}

#[test]
fn a_body_at_the_limit_is_read_and_one_byte_more_is_413() {
    let world = small();
    assert_eq!(world.request("POST", "/Users").body(padded(1_000)).send().status, 201);
    let reply = world.request("POST", "/Users").body(padded(1_001)).send();
    assert_eq!(reply.status, 413);
    assert!(reply.body["detail"].as_str().unwrap().contains("1000 bytes"));
    let bulk =
        |length: usize| world.request("POST", "/Bulk").body(format!("{{{}", " ".repeat(length - 1))).send().verdict();
    assert_eq!(bulk(2_000), "400 invalidSyntax");
    assert_eq!(bulk(2_001), "413");
    assert_eq!(world.api.max_body_bytes(), 2_000);
}

#[test]
fn an_address_at_the_limit_is_read_and_one_byte_more_is_414() {
    let world = small();
    let stem = format!("/scim/v2/{}/Users?x=", world.connection);
    let send = |length: usize| {
        let target = format!("/Users?x={}", "y".repeat(length - stem.len()));
        world.get(&target).status
    };
    assert_eq!(send(300), 200);
    assert_eq!(send(301), 414);
}

#[test]
fn headers_at_the_limit_are_read_and_one_byte_more_is_431() {
    let world = small();
    let authorization = "authorization".len() + "Bearer ".len() + world.token.len() + 4;
    let send = |length: usize| {
        let rest = length - authorization - "x-pad".len() - 4;
        world.request("GET", "/Users").header("x-pad", &"p".repeat(rest)).send().status
    };
    assert_eq!(send(600), 200);
    assert_eq!(send(601), 431);
}

#[test]
fn nesting_at_the_limit_is_read_and_one_level_more_is_a_syntax_error() {
    let world = World::new(Preset::Generic);
    let body = |depth: usize, name: &str| {
        let inside = "[".repeat(depth - 1) + &"]".repeat(depth - 1);
        format!(
            r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"{name}","unknown":{inside}}}"#
        )
    };
    assert_eq!(world.request("POST", "/Users").body(body(32, "a")).send().status, 201);
    assert_eq!(world.request("POST", "/Users").body(body(33, "b")).send().verdict(), "400 invalidSyntax");
}

#[test]
fn twenty_thousand_members_fit_and_one_more_is_413() {
    let world = World::new(Preset::Okta);
    let group = |members: usize, name: &str| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": name,
            "members": (0..members).map(|n| json!({"value": format!("0192aaaa-0000-7000-8000-{n:012}")})).collect::<Vec<_>>(),
        })
    };
    assert_eq!(world.post("/Groups", &group(20_000, "a")).status, 201);
    assert_eq!(world.post("/Groups", &group(20_001, "b")).status, 413);
}

#[test]
fn filters_and_paths_past_their_bounds_are_refused() {
    let world = World::new(Preset::Generic);
    let search = |filter: String| {
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter});
        world.post("/Users/.search", &body).verdict()
    };
    let nested = |depth: usize| format!("{}id pr{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(search(nested(8)), "200");
    assert_eq!(search(nested(33)), "400 invalidFilter");
    assert_eq!(search(nested(10_000)), "400 invalidFilter");
    assert_eq!(search(format!("userName eq \"{}\"", "x".repeat(9 * 1024))), "400 invalidFilter");
    let id = world.user("ada");
    let patch = |path: String| {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "remove", "path": path}],
        });
        world.request("PATCH", &format!("/Users/{id}")).json(&body).send().verdict()
    };
    assert_eq!(patch(format!("emails[{}]", nested(10_000))), "400 invalidPath");
    assert_eq!(patch("a".repeat(1_025)), "400 invalidPath");
}

#[test]
fn patch_operations_past_the_limit_are_413() {
    let world = World::new(Preset::Generic);
    let id = world.user("ada");
    let patch = |operations: usize| {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": vec![json!({"op": "replace", "path": "title", "value": "x"}); operations],
        });
        world.request("PATCH", &format!("/Users/{id}")).json(&body).send().status
    };
    assert_eq!(patch(1_000), 200);
    assert_eq!(patch(1_001), 413);
}

#[test]
fn a_body_of_more_values_than_could_be_meant_is_413() {
    let world = World::new(Preset::Generic);
    let send = |values: usize| {
        let body = format!("{{\"a\":[{}0]}}", "0,".repeat(values - 3));
        world.request("POST", "/Users").body(body).send().verdict()
    };
    assert_eq!(send(1_000_001), "400 invalidSyntax");
    assert_eq!(send(1_000_002), "413");
}
