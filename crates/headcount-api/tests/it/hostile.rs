//! Input made to break things: every answer is one, and none is a 500.

use headcount_model::Preset;
use proptest::prelude::*;

use crate::world::{Fault, World};

#[test]
fn json_a_million_deep_is_a_syntax_error() {
    let world = World::new(Preset::Okta);
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{{\"schemas\":{}1{}}}", open.repeat(1_100_000), close.repeat(1_100_000));
        let unclosed = open.repeat(100_000);
        for body in [deep, unclosed] {
            for (method, target) in [("POST", "/Users"), ("PATCH", "/Users/x"), ("POST", "/Bulk"), ("POST", "/.search")]
            {
                let reply = world.request(method, target).body(body.clone()).send();
                assert_eq!(reply.verdict(), "400 invalidSyntax", "{method} {target}");
            }
        }
    }
}

#[test]
fn a_path_of_thousands_of_segments_is_404() {
    let world = World::new(Preset::Generic);
    assert_eq!(world.get(&"/a".repeat(3_900)).status, 404);
    assert_eq!(world.get(&"/..".repeat(2_000)).status, 404);
    assert_eq!(world.get(&format!("/Users{}", "/".repeat(4_000))).status, 200);
}

#[test]
fn null_characters_in_values_and_filters_are_never_a_server_error() {
    let world = World::new(Preset::Okta);
    for (method, target, body) in [
        ("POST", "/Users", r#"{"userName":"a\u0000b"}"#),
        ("POST", "/Users", r#"{"userName":"a","title":"\u0000"}"#),
        ("POST", "/Users", r#"{"userName":"a","x\u0000":"y"}"#),
        ("POST", "/Users/.search", r#"{"filter":"userName eq \"a\\u0000b\""}"#),
        ("POST", "/Users/.search", r#"{"filter":"userName eq \"a\u0000b\""}"#),
        ("POST", "/Users/.search", r#"{"cursor":"\u0000"}"#),
        ("POST", "/Groups", r#"{"displayName":"g","members":[{"value":"\u0000"}]}"#),
    ] {
        let reply = world.request(method, target).body(body).send();
        assert!(reply.status < 500, "{target} {body} {reply:?}");
    }
}

#[test]
fn a_panic_is_a_500_that_tells_the_request_id_and_nothing_else() {
    let world = World::new(Preset::Generic);
    world.get("/Users");
    world.fail_with(Fault::Panic);
    let reply = world.get("/Users");
    assert_eq!(reply.status, 500);
    let detail = reply.body["detail"].as_str().unwrap();
    assert!(detail.contains(reply.header("x-request-id").unwrap()));
    assert!(!detail.contains("secret cause"));
    world.fail_with(Fault::None);
    assert_eq!(world.get("/Users").status, 200);
}

#[test]
fn a_failing_database_is_a_500_that_tells_the_request_id_and_nothing_else() {
    let world = World::new(Preset::Generic);
    world.fail_with(Fault::Backend);
    let reply = world.get("/Users");
    assert_eq!(reply.status, 500);
    assert!(reply.body.to_string().contains(reply.header("x-request-id").unwrap()), "{reply:?}");
    assert!(!reply.body.to_string().contains("secret cause"));
}

fn cases() -> u32 {
    // A bound for ordinary runs; PROPTEST_CASES raises it.
    ProptestConfig::default().cases.min(if option_env!("PROPTEST_CASES").is_some() { u32::MAX } else { 64 })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn any_query_string_is_answered(query in "[ -~]{0,60}") {
        let world = world();
        let target = format!("/scim/v2/{}/Users?{query}", world.connection);
        if target.parse::<http::Uri>().is_ok() {
            let status = world.raw("GET", &target).header("authorization", &format!("Bearer {}", world.token)).send().status;
            prop_assert!(status == 200 || status == 400, "{status} {target}");
        }
    }

    #[test]
    fn any_path_is_answered(path in "(/|[ -~]|%[0-9a-f]{2}){0,40}") {
        let world = world();
        let target = format!("/scim/v2/{}/{path}", world.connection);
        if target.parse::<http::Uri>().is_ok() {
            let status = world.raw("GET", &target).header("authorization", &format!("Bearer {}", world.token)).send().status;
            prop_assert!(status < 500 || status == 501, "{status} {target}");
        }
    }

    #[test]
    fn any_body_is_answered(body in proptest::collection::vec(any::<u8>(), 0..80)) {
        let world = world();
        for (method, target) in [("POST", "/Users"), ("PUT", "/Users/x"), ("PATCH", "/Groups/x"), ("POST", "/.search")] {
            prop_assert_eq!(world.request(method, target).body(body.clone()).send().status, 400);
        }
    }

    #[test]
    fn any_authorization_header_is_answered_with_401(value in "[ -~]{0,60}") {
        let world = world();
        let status = world.raw("GET", &format!("/scim/v2/{}/Users", world.connection)).header("authorization", &value).send().status;
        prop_assert_eq!(status, 401);
    }
}

/// One world for all cases, since hashing its token takes a while.
fn world() -> &'static World {
    static WORLD: std::sync::OnceLock<World> = std::sync::OnceLock::new();
    WORLD.get_or_init(|| World::new(Preset::Okta))
}
