//! Methods of endpoints, and what an answer carries beside its body.

use headcount_model::Preset;
use serde_json::json;

use crate::world::{World, user};

#[test]
fn every_listed_route_is_reached_and_every_other_method_is_405_with_the_right_ones() {
    let world = World::new(Preset::Generic);
    let id = world.user("ada");
    let routes = world.api.routes();
    let mut patterns: Vec<String> = routes.iter().map(|(_, pattern)| pattern.clone()).collect();
    patterns.dedup();
    for pattern in patterns {
        let target = pattern.replace("{id}", &id).replace("{urn}", "urn:ietf:params:scim:schemas:core:2.0:User");
        let listed: Vec<&str> =
            routes.iter().filter(|(_, other)| *other == pattern).map(|(method, _)| method.as_str()).collect();
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            let reply = world.request(method, &target).body("{").send();
            if listed.contains(&method) {
                assert_ne!(reply.status, 405, "{method} {pattern}");
            } else {
                assert_eq!(reply.status, 405, "{method} {pattern}");
                assert_eq!(reply.header("allow"), Some(listed.join(", ").as_str()), "{method} {pattern}");
            }
        }
    }
}

#[test]
fn options_names_the_methods_and_gives_no_other_origin_access() {
    let world = World::new(Preset::Generic);
    let reply = world.request("OPTIONS", "/Users/x").header("origin", "https://evil.example").send();
    assert_eq!(reply.status, 204);
    assert_eq!(reply.header("allow"), Some("GET, HEAD, PUT, PATCH, DELETE, OPTIONS"));
    assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("access-control")));
    assert_eq!(world.raw("OPTIONS", &format!("/scim/v2/{}/Users", world.connection)).send().status, 401);
    assert_eq!(world.request("OPTIONS", "/Nothing").send().status, 404);
}

#[test]
fn head_is_get_without_the_body() {
    let world = World::new(Preset::Generic);
    let id = world.user("ada");
    for target in [format!("/Users/{id}"), "/Users".to_owned(), "/Schemas".to_owned(), "/Users/none".to_owned()] {
        let get = world.get(&target);
        let head = world.request("HEAD", &target).send();
        assert_eq!((head.status, head.bytes), (get.status, 0), "{target}");
        assert_eq!(head.header("content-length"), Some(get.bytes.to_string().as_str()), "{target}");
        for name in ["content-type", "etag", "location"] {
            assert_eq!(head.header(name), get.header(name), "{target} {name}");
        }
    }
}

#[test]
fn rfc7644_3_11_me_is_501() {
    let world = World::new(Preset::Generic);
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        assert_eq!(world.request(method, "/Me").send().status, 501, "{method}");
    }
}

/// RFC 7643 §3.1.
#[test]
fn rfc7644_3_3_an_answer_about_one_resource_carries_location_and_etag() {
    let world = World::new(Preset::Generic);
    let made = world.post("/Users", &user("ada"));
    assert_eq!(made.status, 201);
    assert_eq!(made.header("location"), made.body["meta"]["location"].as_str());
    assert_eq!(made.header("content-location"), made.body["meta"]["location"].as_str());
    assert_eq!(made.header("etag"), made.body["meta"]["version"].as_str());
    let id = made.body["id"].as_str().unwrap();
    let etag = made.header("etag").unwrap();
    let unchanged = world.request("GET", &format!("/Users/{id}")).header("if-none-match", etag).send();
    assert_eq!((unchanged.status, unchanged.bytes), (304, 0));
    assert_eq!(unchanged.header("etag"), Some(etag));
    assert_eq!(unchanged.header("content-type"), None);
    assert_eq!(unchanged.header("content-location"), made.header("location"));
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "title", "value": "Countess"}],
    });
    let patched = world.request("PATCH", &format!("/Users/{id}")).header("if-match", etag).json(&patch).send();
    assert_eq!(patched.status, 200, "{patched:?}");
    assert_ne!(patched.header("etag"), Some(etag));
    let late = world.request("PATCH", &format!("/Users/{id}")).header("if-match", etag).json(&patch).send();
    assert_eq!(late.status, 412);
    let gone = world.request("DELETE", &format!("/Users/{id}")).send();
    assert_eq!((gone.status, gone.bytes), (204, 0));
    assert_eq!(gone.header("content-type"), None);
    assert_eq!(gone.header("content-location"), None);
    assert_eq!(world.get(&format!("/Users/{id}")).status, 404);
}

#[test]
fn rfc7643_2_3_7_every_reference_that_is_shown_leads_to_its_resource() {
    let world = World::new(Preset::Generic);
    let (ada, boss) = (world.user("ada"), world.user("boss"));
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "add", "path": format!("{enterprise}:manager"), "value": {"value": boss}}],
    });
    assert_eq!(world.request("PATCH", &format!("/Users/{ada}")).json(&patch).send().status, 200);
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Staff", "members": [{"value": ada}],
    });
    let group = world.post("/Groups", &group).body;
    let user = world.get(&format!("/Users/{ada}")).body;
    let base = format!("https://scim.example/scim/v2/{}", world.connection);
    for referring in [&group["members"][0], &user["groups"][0], &user[enterprise]["manager"]] {
        let target = referring["$ref"].as_str().unwrap().strip_prefix(&base).unwrap();
        let found = world.get(target);
        assert_eq!((found.status, &found.body["id"]), (200, &referring["value"]), "{target}");
    }
}

#[test]
fn nobody_may_keep_an_answer_or_guess_its_type() {
    let world = World::new(Preset::Generic);
    for reply in [world.get("/Users"), world.get("/Nothing"), world.raw("GET", "/elsewhere").send()] {
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    }
}

/// RFC 7644 §3.13.
#[test]
fn what_lies_outside_is_a_404_in_the_form_of_scim() {
    let world = World::new(Preset::Generic);
    for target in ["/", "/scim", "/scim/v1/x/Users", "/api/service", "/Users"] {
        assert_eq!(world.raw("GET", target).send().status, 404, "{target}");
    }
}
