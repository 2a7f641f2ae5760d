//! DELETE (RFC 7644 §3.6).

use headcount_model::Preset;
use scim_schema::builtin;
use serde_json::json;

use crate::fixture::{World, refusal};

#[test]
fn rfc7644_3_6_a_deleted_resource_is_gone_everywhere() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = client.user("ada");
    let groups = [client.group("one", &[&ada]), client.group("two", &[&ada])];
    let before = client.journal().len();
    let answer = client.delete("User", &ada).unwrap();
    assert_eq!((answer.status, answer.body, answer.etag, answer.location), (204, None, None, None));
    assert_eq!(refusal(client.get("User", &ada)).0, 404);
    assert_eq!(refusal(client.delete("User", &ada)).0, 404);
    assert_eq!(refusal(client.put("User", &ada, json!({"schemas": [builtin::USER], "userName": "ada"}))).0, 404);
    assert_eq!(refusal(client.patch("User", &ada, json!([{"op": "add", "path": "title", "value": "x"}]))).0, 404);
    assert!(client.find("User", "userName eq \"ada\"").is_empty());
    for group in &groups {
        assert!(client.members(group).is_empty());
        assert_eq!(client.version("Group", group), "W/\"2\"");
    }
    assert_eq!(client.kinds_after(before), ["member_removed", "member_removed", "delete"]);
    let deleted = client.journal().pop().unwrap();
    assert_eq!((deleted.resource.unwrap().1, deleted.version), (ada, 2));
}

#[test]
fn a_group_is_deleted_with_its_members_and_leaves_the_groups_it_is_in() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ada = client.user("ada");
    let inner = client.group("inner", &[&ada]);
    let outer = client.group("outer", &[&inner]);
    let before = client.journal().len();
    client.delete("Group", &inner).unwrap();
    assert!(client.members(&outer).is_empty());
    assert_eq!(client.get("User", &ada).unwrap().body.unwrap().get("groups"), None);
    assert_eq!(client.kinds_after(before), ["member_removed", "delete"]);
    client.group("inner", &[]);
}
