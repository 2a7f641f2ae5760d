use serde_json::{Value, json};

use super::{compile, holds, parse, registry, users};
use crate::{CompileOptions, Predicate, matches};

#[track_caller]
fn check(document: &Value, table: &[(&str, bool)]) {
    for (text, expected) in table {
        assert_eq!(holds(text, document), *expected, "{text} of {document}");
    }
}

#[test]
fn absent_attributes_satisfy_no_comparison_but_every_ne() {
    check(
        &json!({"userName": "ann"}),
        &[
            (r#"title eq "x""#, false),
            (r#"title ne "x""#, true),
            (r#"not (title eq "x")"#, true),
            (r#"title co """#, false),
            (r#"title ge """#, false),
            ("title pr", false),
            ("title eq null", true),
            ("title ne null", false),
            ("active eq false", false),
            ("active ne false", true),
            (r#"emails[type ne "work"]"#, false),
            (r#"not (emails[type eq "work"])"#, true),
        ],
    );
}

#[test]
fn empty_values_are_not_present_but_equal_the_empty_string() {
    check(
        &json!({"title": "", "name": {"givenName": ""}, "emails": [{"value": ""}], "roles": [{"value": "", "primary": false}]}),
        &[
            ("title pr", false),
            ("title eq null", true),
            (r#"title eq """#, true),
            (r#"title ne """#, false),
            (r#"title co """#, true),
            ("name pr", false),
            ("name.givenName pr", false),
            ("emails pr", false),
            ("emails.value pr", false),
            ("roles pr", true),
            ("roles.value pr", false),
            (r#"displayName eq """#, false),
        ],
    );
}

/// RFC 7644 §7.8.
#[test]
fn text_is_compared_folded_unless_case_exact() {
    check(
        &json!({"userName": " JOSE\u{301} ", "externalId": "Ab", "id": "Ab", "title": " x "}),
        &[
            (r#"userName eq "josé""#, true),
            (r#"userName eq "  josé ""#, true),
            (r#"userName sw "josé""#, true),
            (r#"userName sw " josé""#, false),
            (r#"userName co "jose""#, false),
            (r#"externalId eq "Ab""#, true),
            (r#"externalId eq "ab""#, false),
            (r#"externalId sw "a""#, false),
            (r#"id eq "ab""#, false),
            (r#"title eq "x""#, false),
            (r#"title eq " X ""#, true),
        ],
    );
}

/// RFC 7643 §2.3.6, §2.3.7.
/// The schemas of §8.7.1 print `caseExact: false` for both; the prose decides.
#[test]
fn references_and_binary_values_are_case_exact() {
    check(
        &json!({
            "profileUrl": "https://example.com/Ada",
            "photos": [{"value": "https://example.com/P"}],
            "x509Certificates": [{"value": "QUJD"}],
        }),
        &[
            (r#"profileUrl eq "https://example.com/Ada""#, true),
            (r#"profileUrl eq "https://example.com/ada""#, false),
            (r#"profileUrl ew "ADA""#, false),
            (r#"photos.value eq "https://example.com/P""#, true),
            (r#"photos[value eq "https://example.com/p"]"#, false),
            (r#"x509Certificates.value eq "QUJD""#, true),
            (r#"x509Certificates.value eq "qujd""#, false),
        ],
    );
}

#[test]
fn text_is_ordered_by_code_point() {
    check(
        &json!({"title": "\u{ffee}", "displayName": "b"}),
        &[
            (r#"title lt "😀""#, true),
            (r#"title gt "😀""#, false),
            (r#"displayName gt "A""#, true),
            (r#"displayName ge "B""#, true),
            (r#"displayName gt "B""#, false),
            (r#"displayName le "b""#, true),
            (r#"displayName lt "ba""#, true),
        ],
    );
}

#[test]
fn numbers_compare_by_value() {
    check(
        &json!({"urn:example:staff:2.0": {"level": 9_007_199_254_740_993_u64, "ratio": 1.0, "scores": [{"value": 1}, {"value": 5}]}}),
        &[
            ("urn:example:staff:2.0:level eq 9007199254740993", true),
            ("urn:example:staff:2.0:level eq 9007199254740992", false),
            ("urn:example:staff:2.0:level gt 9007199254740992.0", true),
            ("urn:example:staff:2.0:ratio eq 1", true),
            ("urn:example:staff:2.0:ratio lt 1.5", true),
            ("urn:example:staff:2.0:scores.value gt 4", true),
            ("urn:example:staff:2.0:scores gt 5", false),
        ],
    );
}

#[test]
fn terms_in_brackets_are_about_one_element_and_others_about_any() {
    let document = json!({"emails": [
        {"value": "a@x.com", "type": "work", "primary": true},
        {"value": "a@y.com", "type": "home"},
    ]});
    check(
        &document,
        &[
            (r#"emails.type eq "work" and emails.value eq "a@y.com""#, true),
            (r#"emails[type eq "work" and value eq "a@y.com"]"#, false),
            (r#"emails[type eq "home" and value eq "a@y.com"]"#, true),
            (r#"emails.value ne "a@y.com""#, false),
            (r#"emails[value ne "a@y.com"]"#, true),
            ("emails[not (primary eq true)]", true),
            (r#"emails[primary ne true and type eq "work"]"#, false),
            ("not (emails[primary eq true])", false),
            (r#"emails[type eq "other" or primary pr]"#, true),
            ("emails[display pr]", false),
        ],
    );
}

#[test]
fn a_single_complex_value_is_one_element() {
    check(
        &json!({"name": {"familyName": "Smith"}}),
        &[
            (r#"name[familyName eq "smith"]"#, true),
            (r#"name[familyName eq "smith" and givenName pr]"#, false),
            (r#"name[givenName ne "x"]"#, true),
        ],
    );
    check(&json!({"userName": "x"}), &[(r#"name[givenName ne "x"]"#, false)]);
}

#[test]
fn simple_values_answer_to_value_in_brackets() {
    check(
        &json!({"urn:example:staff:2.0": {"tags": ["Red", "", "blue"], "Codes": ["A1"]}}),
        &[
            (r#"urn:example:staff:2.0:tags eq "red""#, true),
            (r#"urn:example:staff:2.0:tags[value eq "red"]"#, true),
            (r#"urn:example:staff:2.0:tags[value sw "b" and value ew "e"]"#, true),
            (r#"urn:example:staff:2.0:tags[value sw "r" and value ew "e"]"#, false),
            ("urn:example:staff:2.0:tags pr", true),
            (r#"urn:example:staff:2.0:codes eq "a1""#, false),
            (r#"urn:example:staff:2.0:codes eq "A1""#, true),
        ],
    );
    check(&json!({"urn:example:staff:2.0": {"tags": [""]}}), &[("urn:example:staff:2.0:tags pr", false)]);
}

#[test]
fn attributes_of_an_extension_are_looked_for_in_its_object_only() {
    let name = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let filter = format!("{name}:department eq \"x\"");
    assert!(holds(&filter, &json!({name: {"department": "X"}})));
    assert!(!holds(&filter, &json!({"department": "x"})));
    assert!(!holds(&filter, &json!({name: "x"})));
    let filter = format!("{name}:manager eq \"1\"");
    assert!(holds(&filter, &json!({name: {"manager": {"value": "1"}}})));
}

#[test]
fn stored_values_of_another_json_type_satisfy_nothing() {
    check(
        &json!({"title": 1, "active": "true", "emails": "x", "meta": {"created": "soon"}, "urn:example:staff:2.0": {"level": "1"}}),
        &[
            (r#"title eq "1""#, false),
            ("active eq true", false),
            (r#"emails[type eq "x"]"#, false),
            (r#"meta.created gt "1970-01-01T00:00:00Z""#, false),
            ("urn:example:staff:2.0:level eq 1", false),
        ],
    );
}

#[test]
fn no_filter_matches_everything_and_nothing_matches_nothing() {
    let document = serde_json::Map::new();
    assert!(matches::resource(&Predicate::All, &document));
    assert!(!matches::resource(&Predicate::Nothing, &document));
    assert!(matches::element(&Predicate::All, &json!("x")));
}

#[test]
fn value_selection_filters_pick_elements() {
    let registry = registry();
    let emails = users(&registry).attribute("emails").unwrap();
    let staff = users(&registry).extension("urn:example:staff:2.0").unwrap();
    let tags = staff.schema.attribute("tags").unwrap();
    let pick = |text: &str, element: &Value| {
        let predicate = Predicate::compile_element(&parse(text), None, emails, CompileOptions::default()).unwrap();
        matches::element(&predicate, element)
    };
    let work = json!({"value": "a@x.com", "type": "Work"});
    assert!(pick(r#"type eq "work""#, &work));
    assert!(!pick(r#"type eq "home""#, &work));
    assert!(pick(r#"primary ne true and (type eq "home" or value ew "x.com")"#, &work));
    assert!(pick("not (primary pr)", &work));
    assert!(!pick(r#"value eq "a@x.com""#, &json!({"type": "work"})));
    let tag = Predicate::compile_element(
        &parse(r#"value eq "red""#),
        Some("urn:example:staff:2.0"),
        tags,
        CompileOptions::default(),
    )
    .unwrap();
    assert!(matches::element(&tag, &json!("RED")));
    assert!(!matches::element(&tag, &json!("blue")));
}

#[test]
fn a_literal_is_compared_as_the_document_spells_dates() {
    let predicate = compile(r#"meta.created eq "2026-01-01T00:00:00+00:00""#, CompileOptions::default()).unwrap();
    let document = json!({"meta": {"created": "2026-01-01T00:00:00.000Z"}});
    assert!(matches::resource(&predicate, document.as_object().unwrap()));
}
