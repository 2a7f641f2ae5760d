use std::cmp::Ordering;

use scim_schema::{AttrPath, validate::Leniency};
use serde_json::{Value, json};

use super::{object, registry, users};
use crate::{
    CompileOptions, Target,
    order::{SortKey, ascending, sort_key},
};

fn target(path: &str) -> Target {
    let registry = registry();
    let path = AttrPath::parse(path).unwrap();
    Target::for_sort(&path, users(&registry), CompileOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn key(path: &str, document: &Value) -> Option<SortKey> {
    sort_key(&target(path), object(document))
}

fn text(text: &str) -> SortKey {
    SortKey::Text(text.to_owned())
}

#[test]
fn rfc7644_3_4_2_3_multi_valued_attributes_sort_by_the_primary_else_the_first() {
    let primary = json!({"emails": [{"value": "B"}, {"value": "A", "primary": true}]});
    let first = json!({"emails": [{"type": "work"}, {"value": "B", "primary": false}, {"value": "A"}]});
    assert_eq!(key("emails", &primary), Some(text("a")));
    assert_eq!(key("emails.value", &primary), Some(text("a")));
    assert_eq!(key("emails", &first), Some(text("b")));
    assert_eq!(key("emails", &json!({"emails": [{"type": "work", "primary": true}, {"value": "B"}]})), Some(text("b")));
    assert_eq!(key("emails", &json!({"emails": [{"type": "work"}]})), None);
}

#[test]
fn keys_are_typed_and_in_comparison_form() {
    let document = json!({
        "userName": " Ann ", "externalId": "Ab", "title": "", "active": true,
        "name": {"givenName": "JOSE\u{301}"}, "meta": {"created": "1970-01-01T00:00:00.001Z"},
        "urn:example:staff:2.0": {"level": 2, "tags": ["B", "a"]},
    });
    assert_eq!(key("userName", &document), Some(text("ann")));
    assert_eq!(key("externalId", &document), Some(text("Ab")));
    assert_eq!(key("title", &document), Some(text("")));
    assert_eq!(key("name.givenName", &document), Some(text("josé")));
    assert_eq!(key("active", &document), Some(SortKey::Boolean(true)));
    assert_eq!(key("meta.created", &document), Some(SortKey::Instant(1000)));
    assert_eq!(key("urn:example:staff:2.0:level", &document), Some(SortKey::Number(2.into())));
    assert_eq!(key("urn:example:staff:2.0:tags", &document), Some(text("b")));
    assert_eq!(key("displayName", &document), None);
}

#[test]
fn rfc7644_3_4_2_3_no_data_comes_last_ascending_and_first_descending() {
    let mut keys = vec![None, Some(text("b")), Some(text("")), None, Some(text("a"))];
    keys.sort_by(|left, right| ascending(left.as_ref(), right.as_ref()));
    assert_eq!(keys, [Some(text("")), Some(text("a")), Some(text("b")), None, None]);
    keys.sort_by(|left, right| ascending(left.as_ref(), right.as_ref()).reverse());
    assert_eq!(keys, [None, None, Some(text("b")), Some(text("a")), Some(text(""))]);
}

#[test]
fn numbers_sort_by_value_and_kinds_have_a_total_order() {
    let number = |text: &str| SortKey::Number(serde_json::from_str(text).unwrap());
    assert_eq!(number("1").cmp(&number("1.0")), Ordering::Equal);
    assert!(number("-1") < number("-0.5"));
    let kinds = [SortKey::Boolean(true), number("1"), SortKey::Instant(0), SortKey::Text(String::new())];
    assert!(kinds.is_sorted());
}

#[test]
fn unknown_complex_and_secret_attributes_do_not_sort() {
    let registry = registry();
    let sort = |path: &str, bare_extension_names: Leniency| {
        let options = CompileOptions { bare_extension_names, ..CompileOptions::default() };
        Target::for_sort(&AttrPath::parse(path).unwrap(), users(&registry), options)
    };
    for path in
        ["foo", "name", "password", "department", "urn:example:staff:2.0:pin", "urn:example:staff:2.0:keys", "members"]
    {
        let error = sort(path, Leniency::Refuse).unwrap_err();
        assert_eq!(error.scim_type, Some(scim_schema::ScimType::InvalidValue), "{path}");
        assert!(error.detail.contains(path), "{path}: {}", error.detail);
    }
    assert!(sort("department", Leniency::Accept).is_ok());
    assert_eq!(&*sort("EMAILS", Leniency::Refuse).unwrap().key, "emails.value");
}
