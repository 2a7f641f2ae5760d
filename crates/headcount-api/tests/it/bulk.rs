//! `/Bulk` as the API hands it on (RFC 7644 §3.7).

use headcount_model::Preset;
use headcount_service::Limits;
use serde_json::{Value, json};

use crate::world::{World, user};

fn bulk(operations: &[Value]) -> Value {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations })
}

fn post(n: usize) -> Value {
    json!({ "method": "POST", "path": "/Users", "bulkId": format!("b{n}"), "data": user(&format!("user{n}")) })
}

#[test]
fn rfc7644_3_7_operations_are_answered_in_order_with_their_locations() {
    let world = World::new(Preset::Generic);
    let reply = world.post("/Bulk", &bulk(&[post(1), post(1), post(2)]));
    // One bulkId twice is a fault of the whole request.
    assert_eq!(reply.status, 400, "{reply:?}");
    let reply = world.post("/Bulk", &bulk(&[post(1), json!({"method": "DELETE", "path": "/Users/nobody"}), post(2)]));
    assert_eq!(reply.status, 200, "{reply:?}");
    let results = reply.body["Operations"].as_array().unwrap();
    let statuses: Vec<&str> = results.iter().map(|result| result["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["201", "404", "201"]);
    let base = format!("https://scim.example/scim/v2/{}/Users/", world.connection);
    assert!(results[0]["location"].as_str().unwrap().starts_with(&base));
    assert_eq!(results[1]["response"]["status"], "404");
}

#[test]
fn rfc7644_3_7_4_operations_past_the_limit_are_413_naming_it_and_nothing_is_done() {
    let world = World::with_limits(Preset::Generic, Limits { max_bulk_operations: 3, ..Limits::default() });
    let fits: Vec<Value> = (0..3).map(post).collect();
    let more: Vec<Value> = (10..14).map(post).collect();
    assert_eq!(world.post("/Bulk", &bulk(&fits)).status, 200);
    let reply = world.post("/Bulk", &bulk(&more));
    assert_eq!(reply.status, 413);
    assert!(reply.body["detail"].as_str().unwrap().contains('3'), "{reply:?}");
    assert_eq!(world.get("/Users").body["totalResults"], 3);
}

#[test]
fn an_operation_on_a_type_that_the_token_may_not_write_is_403_and_the_others_go_on() {
    let world = World::new(Preset::Generic);
    let token = world.token_with("scim:write:User");
    let group = json!({
        "method": "POST", "path": "/Groups", "bulkId": "g",
        "data": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Staff"},
    });
    let reply = world
        .raw("POST", &format!("/scim/v2/{}/Bulk", world.connection))
        .header("authorization", &format!("Bearer {token}"))
        .json(&bulk(&[group, post(1)]))
        .send();
    let statuses: Vec<&Value> =
        reply.body["Operations"].as_array().unwrap().iter().map(|result| &result["status"]).collect();
    assert_eq!(statuses, ["403", "201"], "{reply:?}");
}
