//! Pages by index and by cursor (RFC 7644 §3.4.2.4; RFC 9865), on every store.

use std::collections::BTreeSet;

use headcount_model::Preset;
use headcount_testkit::Client;
use serde_json::{Value, json};

use crate::stores::{each_store, each_strict};

fn page(client: &Client, query: &str) -> Value {
    client.get(&format!("/Users?{query}")).expect(200).json()
}

fn names(page: &Value) -> Vec<String> {
    page["Resources"].as_array().unwrap().iter().map(|user| user["userName"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn rfc9865_2_cursors_lead_through_everything_once_in_any_order() {
    each_strict(|client| {
        for number in 0..23 {
            let title = ["b", "A", "c", "B"][number % 4];
            let body = if number % 5 == 0 {
                json!({"userName": format!("u{number}")})
            } else {
                json!({"userName": format!("u{number}"), "title": title})
            };
            client.post("/Users", &body).expect(201).done();
        }
        for order in [
            "",
            "&sortBy=title",
            "&sortBy=title&sortOrder=descending",
            "&sortBy=userName",
            "&filter=title%20pr",
            "&sortBy=meta.created",
        ] {
            let whole = names(&page(client, &format!("count=500{order}")));
            let mut seen = Vec::new();
            let mut cursor = String::new();
            loop {
                let body = page(client, &format!("cursor={cursor}&count=4{order}"));
                assert_eq!(body["totalResults"], json!(whole.len()), "{order}");
                assert!(body.get("startIndex").is_none(), "{order}");
                seen.extend(names(&body));
                let Some(next) = body["nextCursor"].as_str() else { break };
                assert!(
                    next.len() <= 512
                        && next.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
                );
                cursor = next.to_owned();
            }
            assert_eq!(seen, whole, "{order}");
        }
    });
}

#[test]
fn resources_that_come_and_go_between_pages_double_and_hide_no_other() {
    each_strict(|client| {
        let ids: Vec<String> = (0..12).map(|number| client.user(&format!("u{number}"))).collect();
        let mut seen = BTreeSet::new();
        let mut body = page(client, "cursor=&count=3");
        let mut round = 0;
        loop {
            for name in names(&body) {
                assert!(seen.insert(name.clone()), "{name} came twice");
            }
            let Some(next) = body["nextCursor"].as_str() else { break };
            // One that was seen and one that was not go, and a new one comes.
            if round == 0 {
                client.delete(&format!("/Users/{}", ids[1])).expect(204).done();
                client.delete(&format!("/Users/{}", ids[7])).expect(204).done();
                let _ = client.user("late");
            }
            round += 1;
            body = page(client, &format!("cursor={next}&count=3"));
        }
        for number in (0..12).filter(|number| *number != 7) {
            assert!(seen.contains(&format!("u{number}")), "u{number}");
        }
    });
}

#[test]
fn rfc9865_2_1_a_cursor_serves_its_own_question_for_its_own_time() {
    each_store(|app| {
        let client = app.client("acme", Preset::Strict);
        let other = app.client("acme", Preset::Strict);
        for client in [&client, &other] {
            for number in 0..4 {
                // A userName is one per tenant, so each connection's have an end of their own.
                let _ = client.user(&format!("u{number}{}", client.path.replace('/', "-")));
            }
        }
        let next = page(&client, "cursor=&count=2")["nextCursor"].as_str().unwrap().to_owned();
        let refused = |client: &Client, query: &str, word: &str| {
            client.get(&format!("/Users?{query}")).refused(400, word, &[]).done();
        };
        refused(&other, &format!("cursor={next}&count=2"), "invalidCursor");
        refused(&client, &format!("cursor={next}&count=2&filter=title%20pr"), "invalidCursor");
        refused(&client, &format!("cursor={next}&count=2&sortBy=title"), "invalidCursor");
        refused(
            &client,
            &format!("cursor={}&count=2", next.replace(|letter: char| letter.is_ascii_digit(), "x")),
            "invalidCursor",
        );
        refused(&client, "cursor=nonsense&count=2", "invalidCursor");
        refused(&client, &format!("cursor={next}&count=3"), "invalidCount");
        refused(&client, "cursor=&count=501", "invalidCount");
        refused(&client, &format!("cursor={next}&count=2&startIndex=1"), "invalidValue");
        client.get(&format!("/Groups?cursor={next}&count=2")).refused(400, "invalidCursor", &[]).done();
        app.clock().advance_seconds(3_601);
        refused(&client, &format!("cursor={next}&count=2"), "expiredCursor");
    });
}

#[test]
fn a_page_is_a_hundred_unless_asked_and_five_hundred_at_most() {
    each_strict(|client| {
        let operation = |number: usize| {
            json!({"method": "POST", "path": "/Users", "bulkId": format!("b{number}"),
            "data": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("u{number}")}})
        };
        client.bulk(&json!((0..520).map(operation).collect::<Vec<_>>())).expect(200).done();
        for (query, length) in [
            ("", 100),
            ("count=500", 500),
            ("count=501", 500),
            ("count=9999999999", 500),
            ("startIndex=511", 10),
            ("startIndex=9999999999", 0),
        ] {
            let body = page(client, query);
            assert_eq!(body["Resources"].as_array().unwrap().len(), length, "{query}");
            assert_eq!((&body["totalResults"], &body["itemsPerPage"]), (&json!(520), &json!(length)), "{query}");
        }
    });
}
