use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::parse_object;

fn check(body: &[u8], expected: &Expect) {
    let answer = match parse_object(body, 4) {
        Ok(object) => serde_json::Value::Object(object).to_string(),
        Err(error) => {
            format!("{} {}: {}", error.status, error.scim_type.map_or("-", crate::ScimType::as_str), error.detail)
        }
    };
    expected.assert_eq(&answer);
}

#[test]
fn bodies_that_are_objects() {
    check(br#"{"a":[{"b":1}]}"#, &expect![[r#"{"a":[{"b":1}]}"#]]);
    check(br#"{"a":1,"b":2,"a":3}"#, &expect![[r#"{"a":3,"b":2}"#]]);
    check(b"\xEF\xBB\xBF{}", &expect!["{}"]);
    check(br#"{"a":"[[[[[[\"[[[[\\"}"#, &expect![[r#"{"a":"[[[[[[\"[[[[\\"}"#]]);
}

/// RFC 7643 §2.3.3.
#[test]
fn a_decimal_keeps_its_last_digit() {
    check(br#"{"a":31.245270191439438}"#, &expect![[r#"{"a":31.245270191439438}"#]]);
    check(br#"{"a":100000000000000000000000000000000000000000000000000000000000}"#, &expect![[r#"{"a":1e+59}"#]]);
}

proptest! {
    /// RFC 7643 §2.3.3.
    #[test]
    fn every_decimal_is_read_as_it_was_printed(number in any::<f64>()) {
        let body = format!("{{\"a\":{number:?}}}");
        let read = parse_object(body.as_bytes(), 4).unwrap();
        prop_assert_eq!(read.get("a").and_then(serde_json::Value::as_f64), Some(number));
    }
}

/// RFC 7643 §2.3.1; RFC 7644 §3.8.
#[test]
fn bodies_that_are_refused() {
    check(b"", &expect!["400 invalidSyntax: the body is empty; send a JSON object"]);
    check(b" \r\n", &expect!["400 invalidSyntax: the body is empty; send a JSON object"]);
    check(
        b"{\"a\":\"\xFF\"}",
        &expect![
            "400 invalidSyntax: the body is not UTF-8 text: byte 6 cannot stand there; send JSON encoded as UTF-8"
        ],
    );
    check(b"[]", &expect!["400 invalidSyntax: the body must be a JSON object, but is an array"]);
    check(b"\"a\"", &expect!["400 invalidSyntax: the body must be a JSON object, but is a string"]);
    check(b"null", &expect!["400 invalidSyntax: the body must be a JSON object, but is null"]);
    check(
        br#"{"a":[[[[]]]]}"#,
        &expect!["400 invalidSyntax: the body holds objects or arrays nested more than 4 deep"],
    );
    check(
        b"{\"a\":",
        &expect!["400 invalidSyntax: the body is not valid JSON: EOF while parsing a value at line 1 column 5"],
    );
    check(b"{} x", &expect!["400 invalidSyntax: the body is not valid JSON: trailing characters at line 1 column 4"]);
    check(
        b"{\"a\":1e999}",
        &expect!["400 invalidSyntax: the body is not valid JSON: number out of range at line 1 column 10"],
    );
    check(
        br#"{"a":"\ud800"}"#,
        &expect!["400 invalidSyntax: the body is not valid JSON: unexpected end of hex escape at line 1 column 13"],
    );
}

#[test]
fn a_body_of_brackets_is_refused_before_it_is_parsed() {
    let body = "[".repeat(1 << 20);
    check(body.as_bytes(), &expect!["400 invalidSyntax: the body holds objects or arrays nested more than 4 deep"]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(body in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = parse_object(&body, 4);
    }

    #[test]
    fn any_brackets_and_quotes_are_read_without_a_panic(body in r#"[\[\]{}",:\\1 ]{0,60}"#) {
        let _ = parse_object(body.as_bytes(), 4);
    }
}
