//! Requests of a connection past its rate (429), with a clock that stands still.

use std::num::NonZeroU32;

use headcount_model::{ConnectionState, Preset, ScopeSet};
use headcount_service::Limits;
use serde_json::json;

use crate::world::{Fault, Reply, World, user};

fn limited() -> World {
    World::with_limits(Preset::Generic, Limits { rate_per_s: NonZeroU32::new(25), ..Limits::default() })
}

/// Statuses of so many requests in a row.
fn statuses(times: usize, send: impl Fn() -> Reply) -> Vec<u16> {
    (0..times).map(|_| send().status).collect()
}

#[test]
fn a_burst_is_taken_and_the_next_request_is_429_until_the_rate_has_paid_for_it() {
    let world = limited();
    assert_eq!(statuses(100, || world.get("/Users")), [200; 100]);
    let refused = world.get("/Users");
    assert_eq!(refused.verdict(), "429");
    for (name, value) in [
        ("retry-after", "1"),
        ("x-rate-limit-limit", "100"),
        ("x-rate-limit-remaining", "0"),
        ("x-rate-limit-reset", "4"),
        ("x-rate-limit-retry-after-seconds", "1"),
    ] {
        assert_eq!(refused.header(name), Some(value), "{name}");
    }
    world.pass_seconds(1);
    assert_eq!(statuses(26, || world.get("/Users"))[24..], [200, 429]);
    world.pass_seconds(3_600);
    assert_eq!(statuses(101, || world.get("/Users"))[99..], [200, 429]);
}

#[test]
fn no_rate_is_limited_by_default() {
    let world = World::new(Preset::Generic);
    assert_eq!(statuses(500, || world.get("/Users?count=0")), [200; 500]);
    assert_eq!(world.get("/Users").header("x-rate-limit-limit"), None);
}

#[test]
fn discovery_wrong_paths_and_missing_scopes_count_like_the_rest() {
    let world = limited();
    let reader = world.token_with("scim:read");
    let write = || {
        let bearer = format!("Bearer {reader}");
        let target = format!("/scim/v2/{}/Users", world.connection);
        world.raw("POST", &target).header("authorization", &bearer).json(&user("ada")).send()
    };
    assert_eq!(statuses(20, || world.get("/ServiceProviderConfig")), [200; 20]);
    assert_eq!(statuses(20, || world.request("OPTIONS", "/Users").send()), [204; 20]);
    assert_eq!(statuses(20, || world.get("/nowhere")), [404; 20]);
    assert_eq!(statuses(20, || world.request("DELETE", "/Users").send()), [405; 20]);
    assert_eq!(statuses(20, write), [403; 20]);
    for target in ["/ServiceProviderConfig", "/nowhere", "/Me", "/Users"] {
        assert_eq!(world.get(target).status, 429, "{target}");
    }
    assert_eq!(write().status, 429, "the tokens of a connection share its rate");
}

#[test]
fn a_throttled_request_is_refused_before_its_body_is_read_and_changes_nothing() {
    let world = limited();
    statuses(100, || world.get("/Users"));
    assert_eq!(world.request("POST", "/Users").body("{").send().verdict(), "429");
    assert_eq!(world.post("/Users", &user("ada")).status, 429);
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": []});
    assert_eq!(world.post("/Bulk", &bulk).status, 429);
    world.pass_seconds(4);
    assert_eq!(world.get("/Users").body["totalResults"], 0);
}

#[test]
fn what_is_refused_for_its_credential_or_its_size_is_not_told_that_it_came_too_fast() {
    let world = limited();
    statuses(100, || world.get("/Users"));
    let anonymous = world.raw("GET", &format!("/scim/v2/{}/Users", world.connection)).send();
    assert_eq!(anonymous.status, 401);
    assert_eq!(world.get(&format!("/Users?x={}", "y".repeat(9_000))).status, 414);
    world.manage.set_connection(world.connection.as_str(), &[("state".to_owned(), "off".to_owned())]).unwrap();
    assert_eq!(world.get("/Users").status, 403);
}

#[test]
fn calls_without_a_credential_take_nothing_from_the_connection() {
    let world = limited();
    let target = format!("/scim/v2/{}/Users", world.connection);
    assert_eq!(statuses(200, || world.raw("GET", &target).send()), [401; 200]);
    assert_eq!(statuses(100, || world.get("/Users")), [200; 100]);
}

#[test]
fn a_failing_store_is_503_and_not_429() {
    let world = limited();
    statuses(100, || world.get("/Users"));
    world.fail_with(Fault::Busy);
    assert_eq!(world.get("/Users").status, 503);
}

#[test]
fn one_connection_never_throttles_another_of_its_tenant() {
    let world = limited();
    let (_, other) = world.manage.create_connection("acme", Preset::Okta, None, ConnectionState::On).unwrap();
    let made = world.manage.create_token("acme", Some(other.id.as_str()), "", ScopeSet::default(), None).unwrap();
    let bearer = format!("Bearer {}", made.token.text().expose());
    let target = format!("/scim/v2/{}/Users", other.id);
    statuses(150, || world.get("/Users"));
    let send = || world.raw("GET", &target).header("authorization", &bearer).send();
    assert_eq!(statuses(101, send)[99..], [200, 429]);
}

#[test]
fn a_head_is_throttled_with_the_headers_of_a_get_and_without_a_body() {
    let world = limited();
    statuses(100, || world.get("/Users"));
    let head = world.request("HEAD", "/Users").send();
    assert_eq!((head.status, head.bytes, head.header("retry-after")), (429, 0, Some("1")));
}
