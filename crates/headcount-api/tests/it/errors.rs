//! The table of errors: every row is provoked, and what provokes it is as the row says.

use std::{collections::BTreeSet, num::NonZeroU32};

use headcount_api::{Refusal, error_table::error_table};
use headcount_model::Preset;
use headcount_service::Limits;
use scim_schema::ScimType;
use serde_json::{Value, json};

use crate::world::{Fault, Reply, World, user};

fn patch(operation: &Value) -> Value {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation] })
}

/// One request for each row, by its verdict.
fn provoke(verdict: &str) -> Reply {
    let world = World::with_limits(
        Preset::Generic,
        Limits { max_body_bytes: 2_000, max_bulk_bytes: 2_000, ..Limits::default() },
    );
    let id = world.user("ada");
    world.user("bob");
    let one = format!("/Users/{id}");
    let patched = |operation: Value| world.request("PATCH", &one).json(&patch(&operation)).send();
    match verdict {
        "400" => world.request("GET", "/Users").header("content-length", "7").send(),
        "400 invalidSyntax" => world.request("POST", "/Users").body("{").send(),
        "400 invalidValue" => world.get("/Users?count=many"),
        "400 invalidFilter" => world.get("/Users?filter=nothing%20eq%201"),
        "400 invalidPath" => patched(json!({"op": "replace", "path": "emails[", "value": "x"})),
        "400 noTarget" => patched(json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": "x"})),
        "400 mutability" => patched(json!({"op": "replace", "path": "id", "value": "x"})),
        "400 tooMany" => {
            world.get("/Users");
            world.fail_with(Fault::TooMany);
            world.get("/Users?filter=nickName%20eq%20%22x%22")
        }
        "400 invalidCursor" => world.get("/Users?cursor=x"),
        "400 expiredCursor" | "400 invalidCount" => {
            let first = world.get("/Users?cursor=&count=1");
            let cursor = first.body["nextCursor"].as_str().unwrap();
            if verdict == "400 invalidCount" {
                return world.get(&format!("/Users?cursor={cursor}&count=2"));
            }
            world.pass_seconds(3_601);
            world.get(&format!("/Users?cursor={cursor}&count=1"))
        }
        "401" => world.raw("GET", &format!("/scim/v2/{}/Users", world.connection)).send(),
        "403" => world.get("/Schemas?filter=id%20pr"),
        "404" => world.get("/Users/nobody"),
        "405" => world.request("DELETE", "/Users").send(),
        "408" => refused(&world, Refusal::BodySlow),
        "409 uniqueness" => world.post("/Users", &user("ADA")),
        "412" => world.request("DELETE", &one).header("if-match", "W/\"99\"").send(),
        "413" => world.request("POST", "/Users").body(" ".repeat(2_001)).send(),
        "414" => world.get(&format!("/Users?x={}", "y".repeat(9_000))),
        "415" => world.request("POST", "/Users").header("content-type", "text/xml").body("<x/>").send(),
        "429" => {
            let limits = Limits { rate_per_s: NonZeroU32::new(25), ..Limits::default() };
            let world = World::with_limits(Preset::Generic, limits);
            (0..100).for_each(|_| assert_eq!(world.get("/Schemas").status, 200));
            world.get("/Schemas")
        }
        "431" => world.request("GET", "/Users").header("x-pad", &"p".repeat(17_000)).send(),
        "500" => {
            world.fail_with(Fault::Backend);
            world.get("/Users")
        }
        "501" => world.get("/Me"),
        "503" => {
            world.fail_with(Fault::Busy);
            world.get("/Users")
        }
        other => panic!("no request provokes {other}"),
    }
}

fn refused(world: &World, refusal: Refusal) -> Reply {
    Reply::of(world.api.refuse(&http::HeaderMap::new(), &http::Method::POST, refusal))
}

fn verdict(status: u16, scim_type: Option<ScimType>) -> String {
    scim_type.map_or_else(|| status.to_string(), |scim_type| format!("{status} {}", scim_type.as_str()))
}

#[test]
fn every_row_of_the_table_is_provoked() {
    for row in error_table() {
        let expected = verdict(row.status, row.scim_type);
        let reply = provoke(&expected);
        assert_eq!(reply.verdict(), expected, "{reply:?}");
        assert_eq!(reply.header("retry-after").is_some(), matches!(row.status, 429 | 503), "{expected}");
        assert_eq!(reply.header("www-authenticate").is_some(), row.status == 401, "{expected}");
        assert_eq!(reply.header("allow").is_some(), row.status == 405, "{expected}");
    }
}

#[test]
fn every_key_word_is_in_the_table_but_the_two_that_are_never_used() {
    let used: BTreeSet<&str> = error_table().iter().filter_map(|row| row.scim_type.map(ScimType::as_str)).collect();
    for scim_type in [
        ScimType::InvalidFilter,
        ScimType::TooMany,
        ScimType::Uniqueness,
        ScimType::Mutability,
        ScimType::InvalidSyntax,
        ScimType::InvalidPath,
        ScimType::NoTarget,
        ScimType::InvalidValue,
        ScimType::InvalidCursor,
        ScimType::ExpiredCursor,
        ScimType::InvalidCount,
    ] {
        assert!(used.contains(scim_type.as_str()), "{}", scim_type.as_str());
    }
    // The version is in the base URL, which is right or is nobody's; and filters may be in addresses.
    assert!(!used.contains("invalidVers") && !used.contains("sensitive"));
}

#[test]
fn what_an_adapter_refuses_is_in_the_table() {
    let world = World::new(Preset::Generic);
    for (refusal, status) in [
        (Refusal::Malformed, 400),
        (Refusal::BodyIncomplete, 400),
        (Refusal::BodySlow, 408),
        (Refusal::BodyTooLarge, 413),
        (Refusal::Overloaded, 503),
        (Refusal::TimedOut, 503),
    ] {
        let reply = refused(&world, refusal);
        assert_eq!(reply.status, status, "{refusal:?}");
        assert!(error_table().iter().any(|row| row.status == status && row.scim_type.is_none()), "{refusal:?}");
    }
}

#[test]
fn a_store_that_is_away_is_503_with_a_time_to_wait() {
    let world = World::new(Preset::Generic);
    for fault in [Fault::Busy, Fault::Unknown] {
        world.fail_with(fault);
        for reply in [world.get("/Users"), world.post("/Users", &user("x")), world.get("/ServiceProviderConfig")] {
            assert_eq!(reply.status, 503, "{fault:?}");
            assert!(reply.header("retry-after").unwrap().parse::<u32>().is_ok());
        }
    }
}

#[test]
fn the_document_of_errors_is_the_table() {
    expect_test::expect_file!["../../../../docs/api-errors.md"].assert_eq(&headcount_api::error_table::to_markdown());
}
