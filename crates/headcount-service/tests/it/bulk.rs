//! Bulk requests (RFC 7644 §3.7).

use std::collections::BTreeSet;

use headcount_model::Preset;
use headcount_service::Limits;
use scim_schema::{Registry, builtin};
use serde_json::{Value, json};

use crate::fixture::{Client, World, refusal};

fn post_user(bulk_id: &str, name: &str) -> Value {
    json!({"method": "POST", "path": "/Users", "bulkId": bulk_id,
           "data": {"schemas": [builtin::USER], "userName": name}})
}

fn post_group(bulk_id: &str, name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|value| json!({"value": value})).collect();
    json!({"method": "POST", "path": "/Groups", "bulkId": bulk_id,
           "data": {"schemas": [builtin::GROUP], "displayName": name, "members": members}})
}

fn made(result: &Value) -> String {
    result["location"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

fn statuses(results: &[Value]) -> Vec<&str> {
    results.iter().map(|result| result["status"].as_str().unwrap()).collect()
}

#[test]
fn rfc7644_3_7_1_bulk_circular_references() {
    let world = World::new();
    let client = world.client(Preset::Strict);
    let results = client
        .bulk(json!([
            post_group("qwerty", "Group A", &["bulkId:ytrewq"]),
            post_group("ytrewq", "Group B", &["bulkId:qwerty"])
        ]))
        .unwrap();
    assert_eq!(statuses(&results), ["201", "201"]);
    let (a, b) = (made(&results[0]), made(&results[1]));
    assert_eq!(client.members(&a), [b.as_str()]);
    assert_eq!(client.members(&b), [a.as_str()]);
    assert_eq!(results[0]["version"], client.version("Group", &a), "the row came with the later operation");
    assert_eq!(results[1]["version"], client.version("Group", &b));
    assert_eq!(client.kinds_after(0), ["create", "create", "member_added", "member_added"]);
}

#[test]
fn rfc7644_3_7_2_bulk_user_and_group_and_manager() {
    let world = World::new();
    let client = world.client(Preset::Strict);
    let urn = builtin::ENTERPRISE_USER;
    let results = client
        .bulk(json!([
            post_user("qwerty", "Alice"),
            post_group("ytrewq", "Tour Guides", &["bulkId:qwerty"]),
            {"method": "POST", "path": "/Users", "bulkId": "bob", "data": {
                "schemas": [builtin::USER, urn], "userName": "Bob",
                urn: {"employeeNumber": "11250", "manager": {"value": "bulkId:qwerty"}}}}
        ]))
        .unwrap();
    assert_eq!(statuses(&results), ["201", "201", "201"]);
    let alice = made(&results[0]);
    assert_eq!(client.members(&made(&results[1])), [alice.as_str()]);
    let bob = client.get("User", &made(&results[2])).unwrap().body.unwrap();
    assert_eq!(bob[urn]["manager"]["value"], alice);
    let keys: Vec<&String> = results[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["location", "method", "bulkId", "version", "status"]);
    assert_eq!(results[0]["location"], format!("{}/Users/{alice}", client.base()));
}

#[test]
fn rfc7644_3_7_3_bulk_add_update_and_remove() {
    let world = World::new();
    let client = world.client(Preset::Strict);
    let (bob, dave, gone) = (client.user("bob"), client.user("dav"), client.user("gone"));
    let operations = |version: &str| {
        json!([
            post_user("qwerty", "Alice"),
            {"method": "PUT", "path": format!("/Users/{bob}"), "version": version,
             "data": {"schemas": [builtin::USER], "id": bob, "userName": "Bob"}},
            {"method": "PATCH", "path": format!("/Users/{dave}"), "version": "W/\"1\"",
             "data": {"schemas": [builtin::PATCH_OP], "Operations": [
                {"op": "remove", "path": "nickName"}, {"op": "add", "path": "userName", "value": "Dave"}]}},
            {"method": "DELETE", "path": format!("/Users/{gone}"), "version": "W/\"1\""}
        ])
    };
    let results = client.bulk(operations("W/\"1\"")).unwrap();
    assert_eq!(statuses(&results), ["201", "200", "200", "204"]);
    assert_eq!(results[1]["version"], "W/\"2\"");
    assert_eq!(results[3].get("version"), None);
    assert_eq!(results[3]["location"], format!("{}/Users/{gone}", client.base()));
    let results = client.bulk(operations("W/\"1\"")).unwrap();
    assert_eq!(statuses(&results), ["409", "412", "412", "404"]);
    assert_eq!(results[0].get("location"), None, "a failed POST has none");
    assert_eq!(results[1]["location"], format!("{}/Users/{bob}", client.base()));
    for result in &results {
        assert_eq!(result["response"]["status"], result["status"]);
        assert_eq!(result["response"]["schemas"], json!([builtin::ERROR]));
    }
}

#[test]
fn rfc7644_3_7_3_fail_on_errors_leaves_the_rest_undone() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    client.user("taken");
    let operations = json!([
        post_user("1", "a"),
        post_user("2", "taken"),
        post_user("3", "b"),
        post_user("4", "taken"),
        post_user("5", "c")
    ]);
    let body =
        |errors: Value| json!({"schemas": [builtin::BULK_REQUEST], "failOnErrors": errors, "Operations": operations});
    let results = client.bulk_body(body(json!(1))).unwrap();
    assert_eq!(statuses(&results), ["201", "409"]);
    assert!(client.find("User", "userName eq \"b\"").is_empty());
    let results = client.bulk_body(body(json!(2))).unwrap();
    assert_eq!(statuses(&results), ["409", "409"]);
    let results = client.bulk_body(body(Value::Null)).unwrap();
    assert_eq!(statuses(&results), ["409", "409", "201", "409", "201"]);
    for errors in [json!(0), json!(-1), json!("1"), json!(1.5)] {
        assert_eq!(refusal(client.bulk_body(body(errors))), (400, "invalidValue"));
    }
}

#[test]
fn an_operation_that_fails_is_undone_alone() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let results = client
        .bulk(json!([
            post_user("u", "ada"),
            post_group("g", "staff", &["bulkId:u", "no-such-member"]),
            post_group("h", "crew", &["bulkId:u"])
        ]))
        .unwrap();
    assert_eq!(statuses(&results), ["201", "400", "201"]);
    assert!(client.find("Group", "displayName eq \"staff\"").is_empty());
    assert_eq!(client.kinds_after(0), ["create", "create", "member_added"]);
}

#[test]
fn references_to_what_failed_or_never_was_are_409() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    client.user("taken");
    let results = client
        .bulk(json!([
            post_group("forward", "forward", &["bulkId:bad", "bulkId:good"]),
            post_group("onforward", "onforward", &["bulkId:forward"]),
            post_user("bad", "taken"),
            post_user("good", "good"),
            post_group("behind", "behind", &["bulkId:bad"]),
            post_group("never", "never", &["bulkId:nobody"]),
            {"method": "PATCH", "path": "/Users/bulkId:bad", "data": {"schemas": [builtin::PATCH_OP],
                "Operations": [{"op": "add", "path": "title", "value": "x"}]}},
            {"method": "DELETE", "path": "/Users/bulkId:nobody"},
            post_group("fine", "fine", &["bulkId:good"])
        ]))
        .unwrap();
    assert_eq!(statuses(&results), ["409", "409", "409", "201", "409", "409", "409", "409", "201"]);
    assert_eq!(client.find("Group", "displayName pr").len(), 1);
    assert_eq!(client.kinds_after(1), ["create", "create", "member_added"]);
}

#[test]
fn a_circle_with_a_failing_part_fails_as_a_whole() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    client.group("taken", &[]);
    let results =
        client.bulk(json!([post_group("a", "one", &["bulkId:b"]), post_group("b", "taken", &["bulkId:a"])])).unwrap();
    assert_eq!(statuses(&results), ["409", "409"]);
    assert_eq!(client.find("Group", "displayName pr").len(), 1);
}

#[test]
fn references_in_later_paths_patch_values_and_patch_paths() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let old = client.user("old");
    let results = client
        .bulk(json!([
            post_group("g", "staff", &[&old, "bulkId:late"]),
            post_user("u", "ada"),
            {"method": "PATCH", "path": "/Groups/bulkId:g", "data": {"schemas": [builtin::PATCH_OP], "Operations": [
                {"op": "add", "path": "members", "value": [{"value": "bulkId:u"}]}]}},
            {"method": "PATCH", "path": "/Groups/bulkId:g", "data": {"schemas": [builtin::PATCH_OP], "Operations": [
                {"op": "remove", "path": format!("members[value eq \"{old}\" or value eq \"bulkId:u\"]")}]}},
            post_user("late", "late"),
            {"method": "PUT", "path": "/Users/bulkId:u",
             "data": {"schemas": [builtin::USER], "userName": "ada", "title": "x"}}
        ]))
        .unwrap();
    assert_eq!(statuses(&results), ["201", "201", "200", "200", "201", "200"]);
    let group = made(&results[0]);
    assert_eq!(client.members(&group), [made(&results[4])]);
    assert_eq!(made(&results[5]), made(&results[1]));
    assert_eq!(client.get("User", &made(&results[1])).unwrap().body.unwrap()["title"], "x");
}

#[test]
fn memberships_that_wait_for_later_operations_are_bounded() {
    let world = World::with(Limits { max_members: 3, ..Limits::default() }, Registry::builtin());
    let client = world.client(Preset::Generic);
    let users = ["bulkId:x", "bulkId:y"];
    let job = json!([
        post_group("g", "one", &users),
        post_group("h", "two", &users),
        post_user("x", "x"),
        post_user("y", "y")
    ]);
    assert_eq!(refusal(client.bulk(job)).0, 413);
    assert!(client.journal().is_empty());
}

#[test]
fn a_group_cannot_name_itself_by_its_bulk_id() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let results = client.bulk(json!([post_group("g", "staff", &["bulkId:g"])])).unwrap();
    assert_eq!((&results[0]["status"], &results[0]["response"]["scimType"]), (&json!("400"), &json!("invalidValue")));
}

#[test]
fn a_request_of_the_wrong_shape_is_refused_as_a_whole() {
    let world = World::with(Limits { max_bulk_operations: 2, ..Limits::default() }, Registry::builtin());
    let client = world.client(Preset::Generic);
    let one = post_user("a", "ada");
    for (operations, expected) in [
        (json!([one, "x"]), (400, "invalidSyntax")),
        (json!([one, post_user("a", "bob")]), (400, "invalidValue")),
        (json!([{"method": "POST", "path": "/Users", "data": {}}]), (400, "invalidSyntax")),
        (json!([{"method": "POST", "path": "/Users", "bulkId": 7, "data": {}}]), (400, "invalidValue")),
        (json!({}), (400, "invalidSyntax")),
        (json!([one, post_user("b", "b"), post_user("c", "c")]), (413, "")),
    ] {
        assert_eq!(refusal(client.bulk(operations.clone())), expected, "{operations}");
    }
    assert_eq!(refusal(client.bulk_body(json!({"Operations": [one]}))), (400, "invalidSyntax"));
    assert_eq!(refusal(client.bulk_body(json!({"schemas": [builtin::BULK_REQUEST]}))), (400, "invalidSyntax"));
    assert!(client.journal().is_empty());
    let okta = world.client(Preset::Okta);
    assert_eq!(statuses(&okta.bulk_body(json!({"operations": [one]})).unwrap()), ["201"]);
}

#[test]
fn an_operation_of_the_wrong_shape_fails_alone() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = client.user("ada");
    let data = json!({"schemas": [builtin::USER], "userName": "x"});
    let results = client
        .bulk(json!([
            {"method": "GET", "path": "/Users"},
            {"method": "delete", "path": format!("/Users/{ada}")},
            {"path": "/Users"},
            {"method": "DELETE"},
            {"method": "DELETE", "path": "/Users"},
            {"method": "DELETE", "path": "Users/x"},
            {"method": "DELETE", "path": "/Robots/x"},
            {"method": "DELETE", "path": format!("/Users/{ada}/x")},
            {"method": "POST", "path": "/Users/x", "bulkId": "a", "data": data},
            {"method": "POST", "path": "/Users", "bulkId": "b"},
            {"method": "PUT", "path": format!("/Users/{ada}"), "data": []},
            {"method": "PATCH", "path": "/Me", "data": data},
            post_user("c", "fine")
        ]))
        .unwrap();
    assert_eq!(
        statuses(&results),
        ["400", "400", "400", "400", "400", "404", "404", "404", "400", "400", "400", "501", "201"]
    );
}

#[test]
fn a_revived_user_has_its_old_id_in_references_too() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    client.set(&[("rehire", "revive")]);
    let ada = client.user("ada");
    client.delete("User", &ada).unwrap();
    let results = client
        .bulk(json!([post_group("g", "staff", &["bulkId:u"]), post_user("u", "ADA"), post_user("v", "ada")]))
        .unwrap();
    assert_eq!(statuses(&results), ["201", "201", "409"]);
    assert_eq!(made(&results[1]), ada);
    assert_eq!(client.members(&made(&results[0])), [ada]);
}

/// The journal since an entry: kind, and the name of what it tells of.
fn told_after(client: &Client<'_>, after: usize) -> Vec<(String, String)> {
    let name = |(kind, id): &(String, String)| {
        let body = client.get(kind, id).unwrap().body.unwrap();
        let name = body.get("userName").or_else(|| body.get("displayName")).unwrap();
        name.as_str().unwrap().to_owned()
    };
    client
        .journal()
        .iter()
        .skip(after)
        .map(|entry| (entry.kind.clone(), name(entry.resource.as_ref().unwrap())))
        .collect()
}

fn pairs<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> Vec<(String, String)> {
    pairs.into_iter().map(|(left, right)| (left.to_owned(), right.to_owned())).collect()
}

#[test]
fn a_run_of_creates_with_a_taken_name_in_it_fails_there_alone() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    client.user("taken");
    let results = client
        .bulk(json!([
            post_user("1", "a"),
            post_user("2", "b"),
            post_user("3", "TAKEN"),
            post_user("4", "c"),
            post_user("5", "B"),
            post_user("6", "d")
        ]))
        .unwrap();
    assert_eq!(statuses(&results), ["201", "201", "409", "201", "409", "201"]);
    for (failed, name) in [(2, "\"TAKEN\""), (4, "\"B\"")] {
        let response = &results[failed]["response"];
        assert_eq!(response["scimType"], "uniqueness");
        assert!(response["detail"].as_str().unwrap().contains(name), "{response}");
    }
    assert_eq!(told_after(&client, 1), pairs([("create", "a"), ("create", "b"), ("create", "c"), ("create", "d")]));
    assert_eq!(results[0]["version"], "W/\"1\"");
    let all: BTreeSet<String> = client.journal().iter().map(|entry| entry.transaction.clone()).collect();
    assert_eq!(all.len(), 2, "a job is one transaction");
}

#[test]
fn a_run_of_creates_ends_where_errors_are_enough() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let job = json!({"schemas": [builtin::BULK_REQUEST], "failOnErrors": 1, "Operations": [
        post_user("1", "a"), post_user("2", "b"), post_user("3", "a"), post_user("4", "c")]});
    assert_eq!(statuses(&client.bulk_body(job).unwrap()), ["201", "201", "409"]);
    assert_eq!(told_after(&client, 0), pairs([("create", "a"), ("create", "b")]));
}

#[test]
fn runs_of_creates_between_other_operations_keep_the_order() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let (ada, gone) = (client.user("ada"), client.user("gone"));
    let results = client
        .bulk(json!([
            post_group("forward", "forward", &["bulkId:late"]),
            post_user("1", "a"),
            post_user("2", "b"),
            {"method": "PATCH", "path": format!("/Users/{ada}"), "data": {"schemas": [builtin::PATCH_OP],
                "Operations": [{"op": "add", "path": "title", "value": "x"}]}},
            post_user("3", "c"),
            post_user("late", "late"),
            post_user("4", "d"),
            post_group("g", "staff", &["bulkId:1", "bulkId:4", &ada]),
            post_group("empty", "empty", &[]),
            {"method": "DELETE", "path": format!("/Users/{gone}")},
            {"method": "DELETE", "path": "/Users/bulkId:2"},
            post_user("5", "gone"),
            post_user("6", "b"),
            {"method": "PUT", "path": "/Users/bulkId:3", "data": {"schemas": [builtin::USER], "userName": "cc"}}
        ]))
        .unwrap();
    assert_eq!(
        statuses(&results),
        ["201", "201", "201", "200", "201", "201", "201", "201", "201", "204", "204", "201", "201", "200"]
    );
    assert_eq!(client.members(&made(&results[0])), [made(&results[5])]);
    let mut staff = [made(&results[1]), made(&results[6]), ada];
    staff.sort();
    assert_eq!(client.members(&made(&results[7])), staff);
    assert_eq!(
        client.kinds_after(2),
        [
            "create",
            "create",
            "create",
            "patch",
            "create",
            "create",
            "member_added",
            "create",
            "create",
            "member_added",
            "create",
            "delete",
            "delete",
            "create",
            "create",
            "put"
        ]
    );
    for (index, id) in results.iter().enumerate().filter(|(_, result)| result["method"] == "POST") {
        let kind = if id["location"].as_str().unwrap().contains("/Groups/") { "Group" } else { "User" };
        let is_there = client.get(kind, &made(id)).is_ok();
        assert_eq!(is_there, index != 2, "{id}");
        if is_there && index != 4 {
            assert_eq!(id["version"], client.version(kind, &made(id)), "{id}");
        }
    }
}

#[test]
fn group_names_that_wait_to_be_adopted_are_met_in_a_run_too() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let job = json!([post_group("1", "one", &[]), post_group("2", "ONE", &[]), post_group("3", "three", &[])]);
    assert_eq!(statuses(&client.bulk(job).unwrap()), ["201", "409", "201"]);
    assert_eq!(client.find("Group", "displayName pr").len(), 2);
}

#[test]
fn a_revived_user_is_met_in_a_run_of_new_ones() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    client.set(&[("rehire", "revive")]);
    let ada = client.user("ada");
    client.delete("User", &ada).unwrap();
    let results = client
        .bulk(json!([post_user("1", "a"), post_user("2", "ADA"), post_user("3", "c"), post_user("4", "d")]))
        .unwrap();
    assert_eq!(statuses(&results), ["201"; 4]);
    assert_eq!(made(&results[1]), ada);
    assert_eq!(results[1]["version"], client.version("User", &ada));
    assert_ne!(results[1]["version"], "W/\"1\"");
}

#[test]
fn data_that_is_no_json_refuses_the_whole_request() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let job = |data: &str| {
        let body = format!(
            r#"{{"schemas":["{}"],"Operations":[
                {{"method":"POST","path":"/Users","bulkId":"1","data":{{"schemas":["{}"],"userName":"a"}}}},
                {{"method":"POST","path":"/Users","bulkId":"2","data":{data}}}]}}"#,
            builtin::BULK_REQUEST,
            builtin::USER
        );
        world.service.bulk(&client.caller(), &body)
    };
    for data in
        [r#"{"userName":"\ud800"}"#, r#"{"x":1e999}"#, r#"{"userName":}"#, "{", r#"{"a":1},"data":{},"data":"\ud800""#]
    {
        let error = job(data).unwrap_err();
        assert_eq!(error.status, 400, "{data}");
        assert!(error.detail.contains("not valid JSON"), "{data}: {}", error.detail);
    }
    assert!(client.journal().is_empty());
    let user = |name: &str| json!({"schemas": [builtin::USER], "userName": name});
    assert!(job(&format!("{}, \"Data\" : {}", user("b"), user("c"))).is_ok());
    assert_eq!(client.find("User", "userName eq \"c\"").len(), 1, "of a name given twice the last counts");
}
