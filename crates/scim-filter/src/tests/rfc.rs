//! Every example of RFC 7644 §3.4.2.2, Figure 2, and of §3.4.2.1, each against a resource of which
//! it is true and one of which it is false.

use serde_json::{Value, json};

use super::{LOOSE, compile, holds, object, registry};
use crate::{CompileOptions, Filter, Limits, Predicate, ValuePath, matches, parser::Leniencies};

#[track_caller]
fn check(text: &str, true_of: &Value, false_of: &Value) {
    assert!(holds(text, true_of), "{text} is true of {true_of}");
    assert!(!holds(text, false_of), "{text} is false of {false_of}");
}

macro_rules! examples {
    ($($name:ident: $text:expr, $true_of:tt, $false_of:tt;)*) => {
        $(#[test] fn $name() { check($text, &json!($true_of), &json!($false_of)); })*
    };
}

examples! {
    rfc7644_3_4_2_2_user_name_eq: r#"userName eq "bjensen""#,
        {"userName": "bjensen"}, {"userName": "bjensen2"};
    rfc7644_3_4_2_2_operator_in_any_case: r#"userName Eq "john""#,
        {"userName": "John"}, {"userName": "jon"};
    rfc7644_3_4_2_2_attribute_in_any_case: r#"Username eq "john""#,
        {"userName": "john"}, {"displayName": "john"};
    rfc7644_3_4_2_2_family_name_co: r#"name.familyName co "O'Malley""#,
        {"name": {"familyName": "o'malley-Smith"}}, {"name": {"familyName": "OMalley", "givenName": "O'Malley"}};
    rfc7644_3_4_2_2_user_name_sw: r#"userName sw "J""#,
        {"userName": "jensen"}, {"userName": "bj"};
    rfc7644_3_4_2_2_user_name_with_urn_sw: r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
        {"userName": "Jensen"}, {"userName": "bj"};
    rfc7644_3_4_2_2_title_pr: "title pr",
        {"title": "Chief"}, {"title": ""};
    rfc7644_3_4_2_2_last_modified_gt: r#"meta.lastModified gt "2011-05-13T04:42:34Z""#,
        {"meta": {"lastModified": "2011-05-13T04:42:34.001Z"}}, {"meta": {"lastModified": "2011-05-13T04:42:34.000Z"}};
    rfc7644_3_4_2_2_last_modified_ge: r#"meta.lastModified ge "2011-05-13T04:42:34Z""#,
        {"meta": {"lastModified": "2011-05-13T04:42:34.000Z"}}, {"meta": {"lastModified": "2011-05-13T04:42:33.999Z"}};
    rfc7644_3_4_2_2_last_modified_lt: r#"meta.lastModified lt "2011-05-13T04:42:34Z""#,
        {"meta": {"lastModified": "2011-05-13T04:42:33.999Z"}}, {"meta": {"lastModified": "2011-05-13T04:42:34.000Z"}};
    rfc7644_3_4_2_2_last_modified_le: r#"meta.lastModified le "2011-05-13T04:42:34Z""#,
        {"meta": {"lastModified": "2011-05-13T06:42:34+02:00"}}, {"meta": {"lastModified": "2011-05-13T04:42:34.001Z"}};
    rfc7644_3_4_2_2_title_pr_and_user_type: r#"title pr and userType eq "Employee""#,
        {"title": "x", "userType": "employee"}, {"userType": "Employee"};
    rfc7644_3_4_2_2_title_pr_or_user_type: r#"title pr or userType eq "Intern""#,
        {"userType": "Intern"}, {"userType": "Employee"};
    rfc7644_3_4_2_2_schemas_eq: r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]},
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]};
    rfc7644_3_4_2_2_emails_and_emails_value:
        r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
        {"userType": "Employee", "emails": [{"value": "a@x.net"}, {"value": "a@example.org"}]},
        {"userType": "Employee", "emails": [{"value": "a@x.net", "display": "example.com"}]};
    rfc7644_3_4_2_2_ne_and_not:
        r#"userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")"#,
        {"emails": [{"value": "a@x.net"}]},
        {"userType": "Intern", "emails": [{"value": "a@x.net"}, {"value": "a@example.org"}]};
    rfc7644_3_4_2_2_emails_type: r#"userType eq "Employee" and (emails.type eq "work")"#,
        {"userType": "Employee", "emails": [{"type": "home"}, {"type": "work"}]},
        {"userType": "Employee", "emails": [{"type": "home", "value": "work"}]};
    rfc7644_3_4_2_2_value_path: r#"userType eq "Employee" and emails[type eq "work" and value co "@example.com"]"#,
        {"userType": "Employee", "emails": [{"type": "home"}, {"type": "work", "value": "a@example.com"}]},
        {"userType": "Employee", "emails": [{"type": "work", "value": "a@x.net"}, {"type": "home", "value": "a@example.com"}]};
    rfc7644_3_4_2_2_two_value_paths:
        r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"#,
        {"ims": [{"type": "xmpp", "value": "a@foo.com"}]},
        {"emails": [{"type": "home", "value": "a@example.com"}], "ims": [{"type": "aim", "value": "a@foo.com"}]};
}

#[test]
fn rfc7644_3_4_2_1_resource_type_as_printed_needs_loose_values() {
    let text = "(meta.resourceType eq User) or (meta.resourceType eq Group)";
    assert!(Filter::parse(text, &Limits::FILTER, &Leniencies::default()).is_err());
    let filter = Filter::parse(text, &Limits::FILTER, &LOOSE).unwrap();
    assert_eq!(filter.to_string(), r#"meta.resourceType eq "User" or meta.resourceType eq "Group""#);
    check(
        &filter.to_string(),
        &json!({"meta": {"resourceType": "Group"}}),
        &json!({"meta": {"resourceType": "Device"}}),
    );
}

#[test]
fn rfc7644_3_4_2_1_attribute_of_another_type_has_no_value() {
    let registry = registry();
    let user = json!({"userName": "ann"});
    for (text, expected) in [
        (r#"members.value eq "1""#, false),
        (r#"members[value eq "1"]"#, false),
        ("members pr", false),
        (r#"members.value ne "1""#, true),
        ("members eq null", true),
        ("members ne null", false),
        (r#"not (members.value eq "1")"#, true),
        (r#"members pr or userName eq "ann""#, true),
    ] {
        let filter = super::parse(text);
        let several =
            Predicate::compile(&filter, &registry, super::users(&registry), true, CompileOptions::default()).unwrap();
        assert_eq!(matches::resource(&several, object(&user)), expected, "{text}");
        assert!(compile(text, CompileOptions::default()).is_err(), "{text} over users alone");
    }
}

#[test]
fn rfc7644_3_5_2_figure_8_example_paths() {
    let parts = |text: &str| {
        let path = ValuePath::parse(text, &Limits::PATH, &Leniencies::default()).unwrap();
        assert_eq!(path.to_string(), text);
        (path.path.to_string(), path.filter.map(|filter| filter.to_string()), path.sub)
    };
    assert_eq!(parts("members"), ("members".into(), None, None));
    assert_eq!(parts("name.familyName"), ("name.familyName".into(), None, None));
    assert_eq!(parts(r#"addresses[type eq "work"]"#), ("addresses".into(), Some(r#"type eq "work""#.into()), None));
    let by_id = r#"value eq "2819c223-7f76-453a-919d-413861904646""#;
    assert_eq!(parts(&format!("members[{by_id}]")), ("members".into(), Some(by_id.into()), None));
    assert_eq!(
        parts(&format!("members[{by_id}].displayName")),
        ("members".into(), Some(by_id.into()), Some("displayName".into()))
    );
}

#[test]
fn rfc7644_3_10_paths_with_urns_are_not_split_at_the_dot_of_the_version() {
    for (text, name, sub) in [
        ("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName", "name", Some("givenName")),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value", "manager", Some("value")),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "department", None),
        ("urn:ietf:params:scim:schemas:exampleCo:2.0:hr:age", "age", None),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "User", None),
        ("urn:example:staff:2.0", "2", Some("0")),
    ] {
        let path = ValuePath::parse(text, &Limits::PATH, &Leniencies::default()).unwrap();
        assert_eq!(path.to_string(), text);
        assert_eq!((path.path.name(), path.path.sub()), (name, sub), "{text}");
        assert_eq!((path.filter, path.sub), (None, None), "{text}");
    }
}
