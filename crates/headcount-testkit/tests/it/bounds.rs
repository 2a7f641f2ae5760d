//! Limits at and past which a store would be the first to suffer.

use headcount_testkit::client::{PATCH_OP, encode};
use serde_json::{Value, json};

use crate::stores::each_strict;

/// `a or a or …` with so many comparisons.
fn alternatives(count: usize) -> String {
    let one = |number: usize| format!("userName eq \"u{number}\"");
    (0..count).map(one).collect::<Vec<_>>().join(" or ")
}

#[test]
fn a_filter_of_as_many_parts_as_are_allowed_is_answered_by_every_store() {
    each_strict(|client| {
        let _ = client.user("u3");
        // A chain of n comparisons has n - 1 operators, and each counts.
        let most = (1..=128).rev().find(|count| client.find("/Users", &alternatives(*count)).status == 200);
        assert!(most.is_some_and(|most| most >= 64), "{most:?}");
        assert_eq!(client.find("/Users", &alternatives(most.unwrap())).total(), 1);
        client.find("/Users", &alternatives(129)).refused(400, "invalidFilter", &[]).done();
        let nested = |depth: usize| format!("{}userName pr{}", "not (".repeat(depth), ")".repeat(depth));
        assert_eq!(client.find("/Users", &nested(30)).expect(200).total(), 1);
        client.find("/Users", &nested(33)).refused(400, "invalidFilter", &[]).done();
        let values = (0..60).map(|number| format!("value eq \"{number}\"")).collect::<Vec<_>>().join(" or ");
        client.find("/Users", &format!("emails[{values}]")).expect(200).done();
    });
}

#[test]
fn text_ten_thousand_deep_is_refused_everywhere() {
    each_strict(|client| {
        let user = client.user("ada");
        let deep = 10_000;
        let headers = [("content-type", Some("application/scim+json"))];
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let value = format!("{}1{}", open.repeat(deep), close.repeat(deep));
            let body = format!(
                "{{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"userName\":\"x\",\"title\":{value}}}"
            );
            client.call("POST", "/Users", &headers, Some(body.into())).refused(400, "invalidSyntax", &[]).done();
            let body = format!(
                "{{\"schemas\":[\"{PATCH_OP}\"],\"Operations\":[{{\"op\":\"add\",\"path\":\"title\",\"value\":{value}}}]}}"
            );
            client
                .call("PATCH", &format!("/Users/{user}"), &headers, Some(body.into()))
                .refused(400, "invalidSyntax", &[])
                .done();
            client.call("POST", "/Bulk", &headers, Some(value.into())).refused(400, "invalidSyntax", &[]).done();
        }
        for filter in [format!("{}userName pr", "(".repeat(deep)), "not (".repeat(deep), "emails[".repeat(deep)] {
            let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter});
            client.post("/.search", &search).refused(400, "invalidFilter", &[]).done();
            let operation = json!([{"op": "remove", "path": filter}]);
            client.patch(&format!("/Users/{user}"), &operation).refused(400, "invalidPath", &[]).done();
        }
        client.get(&format!("/Users?filter={}", encode(&"(".repeat(3_000)))).refused(414, "", &[]).done();
    });
}

#[test]
fn every_text_is_stored_and_found_as_it_is() {
    each_strict(|client| {
        let texts = [
            "%",
            "_",
            "a%b_c\\d",
            "'; DROP TABLE resources; --",
            "\"quoted\"",
            "\\",
            "\u{1F469}\u{200D}\u{1F680}",
            "\u{FEFF}bom",
            "line\nbreak\ttab",
            "Zoë",
            "Zoe\u{308}",
            "İstanbul",
            "ß",
            "\u{10FFFF}",
            "{\"json\":1}",
            "NULL",
            "0",
            " outer ",
        ];
        for (number, text) in texts.iter().enumerate() {
            client
                .post("/Users", &json!({"userName": format!("u{number}"), "title": text, "externalId": text}))
                .expect(201)
                .done();
        }
        for (number, text) in texts.iter().enumerate() {
            let literal = Value::from(*text).to_string();
            let found = client.find("/Users", &format!("externalId eq {literal}")).expect(200);
            assert_eq!(found.each("/userName"), [format!("u{number}")], "{text}");
            assert_eq!(found.each("/title"), [*text]);
            let same = client.find("/Users", &format!("title eq {literal}")).each("/userName");
            assert!(same.contains(&format!("u{number}")), "{text}");
            let within = client.find("/Users", &format!("externalId co {literal}")).each("/userName");
            assert!(within.contains(&format!("u{number}")), "{text}");
        }
        assert_eq!(client.find("/Users", "externalId co \"%\"").total(), 2, "a percent sign means itself");
        assert_eq!(client.find("/Users", "externalId sw \"_\"").total(), 1, "and so does an underscore");
        assert_eq!(
            client.find("/Users", "title eq \"zoë\"").total(),
            2,
            "two spellings of one text are found by either"
        );
    });
}
