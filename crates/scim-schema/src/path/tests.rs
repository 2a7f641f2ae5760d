use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::AttrPath;
use crate::{Registry, builtin};

const ENTERPRISE: &str = builtin::ENTERPRISE_USER;

fn refused(text: &str, expected: &Expect) {
    let error = AttrPath::parse(text).expect_err("no path");
    expected.assert_eq(&format!("{}: {}", error.offset, error.reason));
}

#[test]
fn rfc7644_3_10_parts_of_a_path() {
    let parts = |text: &str| {
        let path = AttrPath::parse(text).expect(text);
        assert_eq!(path.to_string(), text);
        (path.urn().map(str::to_owned), path.name().to_owned(), path.sub().map(str::to_owned))
    };
    let owned = |urn: Option<&str>, name: &str, sub: Option<&str>| {
        (urn.map(str::to_owned), name.to_owned(), sub.map(str::to_owned))
    };
    assert_eq!(parts("userName"), owned(None, "userName", None));
    assert_eq!(parts("name.familyName"), owned(None, "name", Some("familyName")));
    assert_eq!(parts("members.$ref"), owned(None, "members", Some("$ref")));
    assert_eq!(parts("$ref"), owned(None, "$ref", None));
    assert_eq!(
        parts("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName"),
        owned(Some(builtin::USER), "name", Some("givenName"))
    );
    assert_eq!(parts("URN:example:staff:2.0"), owned(Some("URN:example:staff"), "2", Some("0")));
    assert_eq!(parts("urn:a:1.2.3"), owned(Some("urn:a"), "1", Some("2.3")));
}

#[test]
fn texts_that_are_no_path() {
    refused("", &expect!["0: an attribute name is missing here"]);
    refused(
        "/userName",
        &expect![[
            r#"0: "/" cannot begin an attribute name, which is a letter and then letters, digits, "$", "-" and "_""#
        ]],
    );
    refused(
        " userName",
        &expect![[
            r#"0: a blank cannot begin an attribute name, which is a letter and then letters, digits, "$", "-" and "_""#
        ]],
    );
    refused(
        "userName ",
        &expect![[
            r#"8: a blank cannot stand in an attribute name, which is a letter and then letters, digits, "$", "-" and "_""#
        ]],
    );
    refused("name.", &expect!["5: an attribute name is missing here"]);
    refused(
        "name.a.b",
        &expect![[
            r#"6: "." cannot stand in an attribute name, which is a letter and then letters, digits, "$", "-" and "_""#
        ]],
    );
    refused(
        "1name",
        &expect![[
            r#"0: "1" cannot begin an attribute name, which is a letter and then letters, digits, "$", "-" and "_""#
        ]],
    );
    refused(
        "nämé",
        &expect![[
            r#"1: the character U+00E4 cannot stand in an attribute name, which is a letter and then letters, digits, "$", "-" and "_""#
        ]],
    );
    refused(
        "a:b",
        &expect![[
            r#"1: ":" cannot stand in an attribute name, which is a letter and then letters, digits, "$", "-" and "_""#
        ]],
    );
    refused("urn:a b:c", &expect!["5: a blank cannot stand in the URN of an attribute path"]);
    refused("urn:a:", &expect!["6: an attribute name is missing here"]);
    refused(
        "emails[type]",
        &expect![[
            r#"6: "[" cannot stand in an attribute name, which is a letter and then letters, digits, "$", "-" and "_""#
        ]],
    );
}

#[test]
fn paths_that_a_user_resolves() {
    let registry = Registry::builtin();
    let user = registry.resource_type("User").unwrap();
    for (text, key) in [
        ("USERNAME", "userName"),
        ("name.FAMILYNAME", "name.familyName"),
        ("meta.lastmodified", "meta.lastModified"),
        ("urn:ietf:params:scim:schemas:core:2.0:user:username", "userName"),
        ("urn:ietf:params:scim:schemas:core:2.0:User:id", "id"),
        (ENTERPRISE, ENTERPRISE),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
        ),
        (
            "URN:IETF:params:scim:schemas:extension:enterprise:2.0:USER:DEPARTMENT",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        ),
    ] {
        let path = AttrPath::parse(text).expect(text);
        assert_eq!(user.resolve(&path).map(|at| at.key()).as_deref(), Some(key), "{text}");
    }
}

#[test]
fn paths_that_a_user_does_not_resolve() {
    let registry = Registry::builtin();
    let user = registry.resource_type("User").unwrap();
    for text in [
        "department",
        "name.nope",
        "userName.value",
        "urn:ietf:params:scim:schemas:core:2.0:User",
        "urn:ietf:params:scim:schemas:core:2.0:User:department",
        "urn:ietf:params:scim:schemas:core:2.0:Group:displayName",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:userName",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.nope",
        "members",
    ] {
        let path = AttrPath::parse(text).expect(text);
        assert!(user.resolve(&path).is_none(), "{text}");
    }
    assert!(registry.knows(&AttrPath::parse("members").unwrap()));
}

#[test]
fn bare_names_fall_through_to_the_extensions() {
    let registry = Registry::builtin();
    let user = registry.resource_type("User").unwrap();
    let key = |text: &str| user.resolve_bare(&AttrPath::parse(text).unwrap()).map(|at| at.key());
    assert_eq!(key("Manager.Value"), Some(format!("{ENTERPRISE}:manager.value")));
    assert_eq!(key("displayName").as_deref(), Some("displayName"));
    assert_eq!(key("nope"), None);
    assert_eq!(key("name.nope"), None);
}

#[test]
fn a_complex_attribute_named_alone_means_its_value() {
    let registry = Registry::builtin();
    let user = registry.resource_type("User").unwrap();
    let key = |text: &str| user.resolve(&AttrPath::parse(text).unwrap()).unwrap().to_value().key();
    assert_eq!(key("emails"), "emails.value");
    assert_eq!(key("emails.type"), "emails.type");
    assert_eq!(key("name"), "name");
    assert_eq!(key("addresses"), "addresses");
}

#[test]
fn comparison_forms_by_attribute() {
    let registry = Registry::builtin();
    let user = registry.resource_type("User").unwrap();
    for (path, form) in [
        ("userName", "ada"),
        ("displayName", " ada "),
        ("emails.value", " ada "),
        ("schemas", " ada "),
        ("externalId", " Ada "),
        ("id", " Ada "),
        ("profileUrl", " Ada "),
        ("x509Certificates.value", " Ada "),
        ("meta.version", " Ada "),
    ] {
        let at = user.resolve(&AttrPath::parse(path).unwrap()).unwrap();
        assert_eq!(at.comparison_form(" Ada "), form, "{path}");
    }
}

proptest! {
    #[test]
    fn a_path_prints_as_it_was_written(text in "(urn:[a-z0-9.:]{0,12}:)?[a-zA-Z0-9$_.-]{1,12}") {
        if let Ok(path) = AttrPath::parse(&text) {
            prop_assert_eq!(path.to_string(), text.clone());
            prop_assert_eq!(AttrPath::parse(&path.to_string()), Ok(path));
        }
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in any::<String>()) {
        if let Err(error) = AttrPath::parse(&text) {
            prop_assert!(error.offset <= text.len());
            prop_assert!(text.is_char_boundary(error.offset));
        }
    }
}
