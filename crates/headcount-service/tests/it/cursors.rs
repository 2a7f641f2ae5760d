//! Cursor paging (RFC 9865).

use headcount_model::{ConnectionState, Preset, ScopeSet};
use headcount_service::QueryRequest;
use scim_schema::builtin;
use serde_json::{Value, json};

use crate::fixture::{Client, World, refusal, texts};

fn page(client: &Client<'_>, cursor: &str, count: &str, filter: Option<&str>, sort: Option<&str>) -> Value {
    client.query(Some("User"), &request(cursor, count, filter, sort)).unwrap()
}

fn request(cursor: &str, count: &str, filter: Option<&str>, sort: Option<&str>) -> QueryRequest {
    QueryRequest {
        cursor: Some(cursor.to_owned()),
        count: Some(count.to_owned()),
        filter: filter.map(ToOwned::to_owned),
        sort_by: sort.map(ToOwned::to_owned),
        ..QueryRequest::default()
    }
}

fn next(page: &Value) -> String {
    page["nextCursor"].as_str().unwrap().to_owned()
}

#[test]
fn rfc9865_2_pages_follow_each_other_without_gaps_or_repeats() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let mut expected = Vec::new();
    for number in 0..7 {
        expected.push(client.user(&format!("user{number}")));
    }
    for sort in [None, Some("userName"), Some("title"), Some("meta.created")] {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let part = page(&client, &cursor, "3", Some("userName sw \"user\""), sort);
            assert_eq!((&part["totalResults"], part.get("startIndex")), (&json!(7), None));
            assert_eq!(part["itemsPerPage"], part["Resources"].as_array().unwrap().len());
            found.extend(texts(&part["Resources"], "id"));
            match part.get("nextCursor") {
                Some(_) => cursor = next(&part),
                None => break,
            }
            assert!(cursor.len() <= 512);
            assert!(found.len() < 7, "the last page has no cursor");
        }
        assert_eq!(found, expected, "{sort:?}");
    }
}

#[test]
fn rfc9865_2_2_pages_are_sorted() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ids: Vec<String> = ["bob", "Eve", "ada"].map(|name| client.user(name)).into();
    for (order, expected) in [("ascending", [2, 0, 1]), ("descending", [1, 0, 2])] {
        let mut asked = request("", "1", None, Some("userName"));
        asked.sort_order = Some(order.to_owned());
        for index in expected {
            let part = client.query(Some("User"), &asked).unwrap();
            assert_eq!(texts(&part["Resources"], "id"), [ids[index].clone()], "{order}");
            asked.cursor = part.get("nextCursor").map(|_| next(&part));
        }
        assert_eq!(asked.cursor, None);
    }
}

#[test]
fn rfc9865_2_4_pages_are_by_index_unless_a_cursor_is_asked_for() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    for name in ["ada", "bob"] {
        client.user(name);
    }
    for start in [None, Some("1")] {
        let asked = QueryRequest {
            count: Some("1".to_owned()),
            start_index: start.map(ToOwned::to_owned),
            ..QueryRequest::default()
        };
        let by_index = client.query(Some("User"), &asked).unwrap();
        assert_eq!((&by_index["startIndex"], by_index.get("nextCursor")), (&json!(1), None));
    }
    let by_cursor = page(&client, "", "1", None, None);
    assert_eq!((by_cursor.get("startIndex"), by_cursor["nextCursor"].is_string()), (None, true));
}

#[test]
fn rfc9865_5_a_cursor_grants_nothing_and_tells_nothing() {
    let world = World::new();
    let tenant = world.tenant("acme");
    let mut client = world.connect(&tenant, Preset::Generic);
    let neighbour = world.connect(&tenant, Preset::Generic);
    for name in ["ada", "bob"] {
        client.user(name);
    }
    let asked = request(&next(&page(&client, "", "1", None, None)), "1", None, None);
    let foreign = neighbour.query(Some("User"), &asked).unwrap_err();
    let nonsense = neighbour.query(Some("User"), &request("nonsense", "1", None, None)).unwrap_err();
    assert_eq!(foreign, nonsense);

    client.token(ScopeSet::parse("scim:read:Group").unwrap(), None);
    assert_eq!(refusal(client.query(Some("User"), &asked)).0, 403);
    client.token(ScopeSet::default(), None);
    assert_eq!(client.query(Some("User"), &asked).unwrap()["Resources"].as_array().unwrap().len(), 1);
    client.set_state(ConnectionState::Off);
    assert_eq!(refusal(client.authenticate()).0, 403);
}

#[test]
fn resources_that_come_and_go_between_pages_move_no_other() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ids: Vec<String> = (0..4).map(|number| client.user(&format!("u{number}"))).collect();
    let first = page(&client, "", "2", None, None);
    client.delete("User", &ids[0]).unwrap();
    let late = client.user("late");
    let second = page(&client, &next(&first), "2", None, None);
    assert_eq!(texts(&second["Resources"], "id"), ids[2..]);
    let third = page(&client, &next(&second), "2", None, None);
    assert_eq!(texts(&third["Resources"], "id"), [late]);
    assert_eq!(third.get("nextCursor"), None);
}

/// RFC 9865 §5.
#[test]
fn rfc9865_2_1_each_misuse_has_its_key_word() {
    let world = World::new();
    let tenant = world.tenant("acme");
    let client = world.connect(&tenant, Preset::Generic);
    let neighbour = world.connect(&tenant, Preset::Generic);
    for number in 0..3 {
        client.user(&format!("u{number}"));
    }
    let cursor = next(&page(&client, "", "1", None, None));
    let refused =
        |client: &Client<'_>, kind: Option<&str>, request: &QueryRequest| refusal(client.query(kind, request));
    let user = Some("User");
    let with = |filter, sort| request(&cursor, "1", filter, sort);
    assert_eq!(refused(&client, user, &with(Some("active eq true"), None)), (400, "invalidCursor"));
    assert_eq!(refused(&client, user, &with(None, Some("userName"))), (400, "invalidCursor"));
    assert_eq!(refused(&client, Some("Group"), &with(None, None)), (400, "invalidCursor"));
    assert_eq!(refused(&client, None, &with(None, None)), (400, "invalidCursor"));
    assert_eq!(refused(&neighbour, user, &with(None, None)), (400, "invalidCursor"));
    assert_eq!(
        refused(&client, user, &request(cursor.trim_start_matches('A'), "1", None, None)),
        (400, "invalidCursor")
    );
    assert_eq!(refused(&client, user, &request("nonsense", "1", None, None)), (400, "invalidCursor"));
    assert_eq!(refused(&client, user, &request(&cursor, "2", None, None)), (400, "invalidCount"));
    assert_eq!(refused(&client, user, &request("", "501", None, None)), (400, "invalidCount"));
    world.clock.advance_seconds(3_601);
    assert_eq!(refused(&client, user, &with(None, None)), (400, "expiredCursor"));
}

#[test]
fn a_count_of_zero_asks_for_the_total_only() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    client.user("ada");
    for count in ["0", "-3"] {
        let empty = page(&client, "", count, None, None);
        assert_eq!(
            (&empty["totalResults"], &empty["Resources"], empty.get("nextCursor")),
            (&json!(1), &json!([]), None)
        );
    }
}

#[test]
fn a_long_sort_value_is_looked_up_and_a_changed_one_expires_the_cursor() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ids: Vec<String> = ["a", "b"]
        .map(|letter| {
            let title = letter.repeat(600);
            let body = json!({"schemas": [builtin::USER], "userName": letter, "title": title,
                "displayName": title, "emails": [{"value": title}]});
            crate::fixture::id(&client.post("User", body).unwrap())
        })
        .into();
    for sort in ["displayName", "emails.value", "title"] {
        let first = page(&client, "", "1", None, Some(sort));
        assert_eq!(texts(&first["Resources"], "id"), [ids[0].clone()], "{sort}");
        let cursor = next(&first);
        let second = page(&client, &cursor, "1", None, Some(sort));
        assert_eq!(texts(&second["Resources"], "id"), [ids[1].clone()], "{sort}");
    }
    let cursor = next(&page(&client, "", "1", None, Some("title")));
    client.patch("User", &ids[0], json!([{"op": "replace", "path": "title", "value": "z"}])).unwrap();
    let moved = client.query(Some("User"), &request(&cursor, "1", None, Some("title")));
    assert_eq!(refusal(moved), (400, "expiredCursor"));
}

#[test]
fn the_pages_of_a_second_reading_stay_with_it() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let ids: Vec<String> = ["a+1@x", "a+2@x"].map(|name| client.user(name)).into();
    let mut asked = request("", "1", Some("userName sw \"a \""), None);
    asked.filter_retry = Some("userName sw \"a+\"".to_owned());
    let first = client.query(Some("User"), &asked).unwrap();
    assert_eq!(texts(&first["Resources"], "id"), ids[..1]);
    asked.cursor = Some(next(&first));
    client.user("a b");
    let second = client.query(Some("User"), &asked).unwrap();
    assert_eq!(texts(&second["Resources"], "id"), ids[1..]);
}
