//! Query strings and search requests, as identity providers send them.

use headcount_model::Preset;
use serde_json::json;

use crate::world::World;

fn total(world: &World, target: &str) -> u64 {
    let reply = world.get(target);
    assert_eq!(reply.status, 200, "{target} {reply:?}");
    reply.body["totalResults"].as_u64().unwrap()
}

#[test]
fn look_ups_of_identity_providers_find_their_user() {
    for preset in [Preset::Generic, Preset::Okta, Preset::Entra, Preset::Rauthy, Preset::OneLogin] {
        let world = World::new(preset);
        world.user("ada");
        world.user("ada+x@ex.com");
        for (target, expected) in [
            ("/Users?startIndex=1&count=2", 2),
            ("/Users?filter=userName+eq+%220d7c5a6e-6a0f-4a52-9f5e-0f2f3c1b7a11%22", 0),
            ("/Users?filter=userName+eq+%22ada%22&", 1),
            ("//Users?filter=userName%20eq%20%22ada+x@ex.com%22", 1),
            ("/Users/?filter=userName+eq+%22ada%2Bx%40ex.com%22", 1),
            ("/Users?filter=userName+eq+%22ada+x%40ex.com%22", 1),
            ("/users?FILTER=USERNAME+EQ+%22ADA%22&unknown=1&&", 1),
            ("?aadOptscim062020/Users?filter=userName+eq+%22ada%22", 1),
            ("/Users?aadOptscim062020&filter=userName+eq+%22ada%22", 1),
        ] {
            assert_eq!(total(&world, target), expected, "{preset:?} {target}");
        }
    }
}

#[test]
fn a_plus_in_an_address_has_its_second_reading_only_if_the_first_finds_nobody() {
    let world = World::new(Preset::Generic);
    world.user("ada x@ex.com");
    world.user("ada+x@ex.com");
    let reply = world.get("/Users?filter=userName+eq+%22ada+x%40ex.com%22");
    assert_eq!(reply.body["totalResults"], 1);
    assert_eq!(reply.body["Resources"][0]["userName"], "ada x@ex.com");
}

#[test]
fn authentik_look_up_without_quotes_needs_its_preset() {
    let target = "/Users?filter=userName+eq+ada%40ex.com";
    let world = World::new(Preset::Authentik);
    world.user("ada@ex.com");
    assert_eq!(total(&world, target), 1);
    assert_eq!(World::new(Preset::Generic).get(target).verdict(), "400 invalidFilter");
}

#[test]
fn a_filter_that_cannot_be_read_never_widens_the_answer() {
    let world = World::new(Preset::Generic);
    world.user("ada");
    for target in [
        "/Users?filter=",
        "/Users?filter",
        "/Users?filter=+",
        "/Users?filter=userName",
        "/Users?filter=%ff",
        "/Users?filter=a&filter=b",
    ] {
        assert_eq!(world.get(target).verdict(), "400 invalidFilter", "{target}");
    }
}

#[test]
fn rfc7644_3_4_2_1_the_base_answers_for_all_types() {
    let world = World::new(Preset::Generic);
    world.user("ada");
    let group = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Staff" });
    assert_eq!(world.post("/Groups", &group).status, 201);
    assert_eq!(total(&world, ""), 2);
    assert_eq!(total(&world, "/"), 2);
    assert_eq!(total(&world, "/?filter=displayName%20eq%20%22staff%22"), 1);
    let reader = world.token_with("scim:read:User");
    let reply = world
        .raw("GET", &format!("/scim/v2/{}", world.connection))
        .header("authorization", &format!("Bearer {reader}"))
        .send();
    assert_eq!(reply.body["totalResults"], 1);
}

#[test]
fn rfc7644_3_4_3_a_search_request_is_the_query_in_a_body() {
    let world = World::new(Preset::Generic);
    world.user("ada");
    world.user("bob");
    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "userName sw \"a\"", "attributes": ["userName"], "startIndex": 1, "count": 10,
    });
    for target in ["/.search", "/Users/.search", "/users/.SEARCH"] {
        let reply = world.post(target, &search);
        assert_eq!(reply.status, 200, "{target} {reply:?}");
        assert_eq!(reply.body["totalResults"], 1, "{target}");
        let found = reply.body["Resources"][0].as_object().unwrap();
        assert_eq!(found["userName"], "ada");
        assert!(!found.contains_key("meta") && found.contains_key("id"), "{found:?}");
    }
    assert_eq!(world.post("/.search", &json!({})).verdict(), "400 invalidSyntax");
}

#[test]
fn rfc9865_2_an_empty_cursor_begins_and_the_last_page_has_none() {
    let world = World::new(Preset::Generic);
    for name in ["a", "b", "c"] {
        world.user(name);
    }
    let first = world.get("/Users?cursor&count=2");
    assert_eq!(first.status, 200, "{first:?}");
    let cursor = first.body["nextCursor"].as_str().unwrap();
    let last = world.get(&format!("/Users?cursor={cursor}&count=2"));
    assert_eq!(last.body["Resources"].as_array().unwrap().len(), 1);
    assert!(last.body.get("nextCursor").is_none());
    assert_eq!(world.get(&format!("/Users?cursor={cursor}&count=3")).verdict(), "400 invalidCount");
    assert_eq!(world.get("/Users?cursor=nonsense").verdict(), "400 invalidCursor");
    assert_eq!(world.get("/Users?cursor=&startIndex=1").verdict(), "400 invalidValue");
    world.pass_seconds(3_601);
    assert_eq!(world.get(&format!("/Users?cursor={cursor}&count=2")).verdict(), "400 expiredCursor");
}

#[test]
fn rfc7644_3_9_a_projection_works_on_every_verb() {
    let world = World::new(Preset::Generic);
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada", "title": "Countess",
    });
    let made = world.post("/Users?attributes=userName", &body);
    let id = made.body["id"].as_str().unwrap().to_owned();
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "title", "value": "Lady"}],
    });
    let one = format!("/Users/{id}?attributes=userName");
    for reply in [
        made,
        world.get(&one),
        world.request("PUT", &one).json(&body).send(),
        world.request("PATCH", &one).json(&patch).send(),
    ] {
        let mut keys: Vec<&str> = reply.body.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["id", "schemas", "userName"], "{reply:?}");
    }
    assert_eq!(world.get("/Users?attributes=id&excludedAttributes=meta").verdict(), "400 invalidValue");
    assert_eq!(World::new(Preset::Okta).get("/Users?attributes=id&excludedAttributes=meta").status, 200);
}

#[test]
fn an_id_that_is_no_text_is_404() {
    let world = World::new(Preset::Generic);
    for id in ["%ff", "%00", "a%00b", "00919288221112222", "a%2Fb", "%2E%2E", "%20", "x%0d%0ay"] {
        for method in ["GET", "DELETE"] {
            assert_eq!(world.request(method, &format!("/Users/{id}")).send().status, 404, "{method} {id}");
        }
        let put = world.request("PUT", &format!("/Users/{id}")).json(&crate::world::user("x")).send();
        assert_eq!(put.status, 404, "PUT {id}");
    }
}
