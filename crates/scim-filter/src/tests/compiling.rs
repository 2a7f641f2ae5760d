use expect_test::{Expect, expect};
use scim_schema::{AttrType, validate::Leniency};

use super::{compile, parse, registry, users};
use crate::{CompileOptions, Predicate, Target, Term};

const STRICT: CompileOptions = CompileOptions {
    string_booleans: Leniency::Refuse,
    bare_extension_names: Leniency::Refuse,
    loose_values: Leniency::Refuse,
};
const LOOSE: CompileOptions = CompileOptions {
    string_booleans: Leniency::Accept,
    bare_extension_names: Leniency::Accept,
    loose_values: Leniency::Accept,
};

fn outcomes(texts: &[&str], options: CompileOptions) -> String {
    texts
        .iter()
        .map(|text| match compile(text, options) {
            Ok(predicate) => format!("{text}\n  = {predicate}\n"),
            Err(error) => {
                assert_eq!(error.status, 400);
                assert_eq!(error.scim_type, Some(scim_schema::ScimType::InvalidFilter));
                format!("{text}\n  ! {}\n", error.detail)
            }
        })
        .collect()
}

fn check(texts: &[&str], options: CompileOptions, expected: &Expect) {
    expected.assert_eq(&outcomes(texts, options));
}

#[test]
fn names_become_canonical_and_text_is_folded() {
    check(
        &[
            r#"USERNAME eq "José""#,
            r#"userName eq " Ann ""#,
            r#"userName co " Ann ""#,
            r#"externalId eq "Ab""#,
            r#"id eq "Ab""#,
            r#"Meta.ResourceType eq "User""#,
            r#"META.CREATED ge "2026-01-01T01:00:00+01:00""#,
            r#"URN:IETF:params:scim:schemas:core:2.0:user:name.GIVENname sw "J""#,
            r#"urn:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:user:Department eq "Sales""#,
            r#"urn:example:STAFF:2.0:codes eq "Ab""#,
            r#"urn:example:staff:2.0:TAGS eq "Ab""#,
            r#"urn:example:staff:2.0:tags[Value eq "Ab"]"#,
            r#"urn:example:staff:2.0:scores[NOT eq "Ab" and value gt 1]"#,
        ],
        STRICT,
        &expect![[r#"
            USERNAME eq "José"
              = userName eq "josé"
            userName eq " Ann "
              = userName eq "ann"
            userName co " Ann "
              = userName co " ann "
            externalId eq "Ab"
              = externalId eq "Ab"
            id eq "Ab"
              = id eq "Ab"
            Meta.ResourceType eq "User"
              = meta.resourceType eq "User"
            META.CREATED ge "2026-01-01T01:00:00+01:00"
              = meta.created ge "2026-01-01T00:00:00.000Z"
            URN:IETF:params:scim:schemas:core:2.0:user:name.GIVENname sw "J"
              = name.givenName sw "j"
            urn:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:user:Department eq "Sales"
              = urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "sales"
            urn:example:STAFF:2.0:codes eq "Ab"
              = urn:example:staff:2.0:Codes eq "Ab"
            urn:example:staff:2.0:TAGS eq "Ab"
              = urn:example:staff:2.0:tags eq "ab"
            urn:example:staff:2.0:tags[Value eq "Ab"]
              = urn:example:staff:2.0:tags[urn:example:staff:2.0:tags eq "ab"]
            urn:example:staff:2.0:scores[NOT eq "Ab" and value gt 1]
              = urn:example:staff:2.0:scores[urn:example:staff:2.0:scores.not eq "ab" and urn:example:staff:2.0:scores.value gt 1]
        "#]],
    );
}

#[test]
fn negative_and_null_comparisons_become_negations() {
    check(
        &[
            r#"title ne "x""#,
            r#"emails.value ne "x""#,
            r#"emails[type ne "x"]"#,
            "title eq null",
            "title ne null",
            "emails eq null",
            "name ne null",
            "active eq null",
            "title gt null",
            "title co null",
            r#"title eq """#,
        ],
        STRICT,
        &expect![[r#"
            title ne "x"
              = not (title eq "x")
            emails.value ne "x"
              = not (emails.value eq "x")
            emails[type ne "x"]
              = emails[not (emails.type eq "x")]
            title eq null
              = not (title pr)
            title ne null
              = title pr
            emails eq null
              = not (emails pr)
            name ne null
              = name pr
            active eq null
              = not (active pr)
            title gt null
              ! 'gt' cannot compare 'title' with null: only eq and ne can
            title co null
              ! 'co' cannot compare 'title' with null: only eq and ne can
            title eq ""
              = title eq ""
        "#]],
    );
}

#[test]
fn a_complex_attribute_named_alone_means_its_value() {
    check(
        &[
            r#"emails eq "x""#,
            r#"emails co "x""#,
            "emails pr",
            "name pr",
            r#"name eq "x""#,
            r#"addresses eq "x""#,
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "x""#,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager pr",
            r#"meta eq "x""#,
            r#"urn:example:staff:2.0:keys eq "x""#,
            "urn:example:staff:2.0:keys pr",
            "urn:example:staff:2.0:scores eq 1",
        ],
        STRICT,
        &expect![[r#"
            emails eq "x"
              = emails.value eq "x"
            emails co "x"
              = emails.value co "x"
            emails pr
              = emails pr
            name pr
              = name pr
            name eq "x"
              ! 'name' is complex and cannot be compared as a whole: name one of its sub-attributes (formatted, familyName, givenName, middleName, honorificPrefix, honorificSuffix), or use pr
            addresses eq "x"
              ! 'addresses' is complex and cannot be compared as a whole: name one of its sub-attributes (formatted, streetAddress, locality, region, postalCode, country, type, primary), or use pr
            urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "x"
              = urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "x"
            urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager pr
              = urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager pr
            meta eq "x"
              ! 'meta' is complex and cannot be compared as a whole: name one of its sub-attributes (resourceType, created, lastModified, location, version), or use pr
            urn:example:staff:2.0:keys eq "x"
              ! 'urn:example:staff:2.0:keys' cannot be filtered by: it is never returned
            urn:example:staff:2.0:keys pr
              = urn:example:staff:2.0:keys pr
            urn:example:staff:2.0:scores eq 1
              = urn:example:staff:2.0:scores.value eq 1
        "#]],
    );
}

#[test]
fn operators_and_literals_fit_the_type() {
    check(
        &[
            "active eq true",
            "active gt true",
            "active co true",
            r#"active eq "true""#,
            "active eq 1",
            r#"x509Certificates.value eq "YQ==""#,
            r#"x509Certificates.value ge "YQ==""#,
            r#"x509Certificates.value sw "YQ==""#,
            r#"profileUrl co "example.com""#,
            r#"meta.created eq "yesterday""#,
            r#"meta.created sw "2026""#,
            "meta.created gt 2026",
            "title eq 12",
            "title eq true",
            r#"title gt "m""#,
            "urn:example:staff:2.0:level gt 1.5",
            "urn:example:staff:2.0:level co 1",
            r#"urn:example:staff:2.0:level eq "1""#,
            "urn:example:staff:2.0:ratio le -0.5",
        ],
        STRICT,
        &expect![[r#"
            active eq true
              = active eq true
            active gt true
              ! 'gt' cannot be used with 'active': it is a boolean, which has no order; use eq, ne or pr
            active co true
              ! 'co' cannot be used with 'active': it is a boolean, and only texts have parts
            active eq "true"
              ! the value compared with 'active' does not fit: it is a boolean, so write true or false without quotes
            active eq 1
              ! the value compared with 'active' does not fit: it is a boolean, so write true or false without quotes
            x509Certificates.value eq "YQ=="
              = x509Certificates.value eq "YQ=="
            x509Certificates.value ge "YQ=="
              ! 'ge' cannot be used with 'x509Certificates.value': it is a binary value, which has no order; use eq, ne or pr
            x509Certificates.value sw "YQ=="
              ! 'sw' cannot be used with 'x509Certificates.value': it is a binary value, and only texts have parts
            profileUrl co "example.com"
              = profileUrl co "example.com"
            meta.created eq "yesterday"
              ! the value compared with 'meta.created' does not fit: it is a dateTime, so write a date and time in double quotes, such as "2026-01-31T12:00:00Z"
            meta.created sw "2026"
              ! 'sw' cannot be used with 'meta.created': it is a dateTime, and only texts have parts
            meta.created gt 2026
              ! the value compared with 'meta.created' does not fit: it is a dateTime, so write a date and time in double quotes, such as "2026-01-31T12:00:00Z"
            title eq 12
              ! the value compared with 'title' does not fit: it is a string, so write a string in double quotes
            title eq true
              ! the value compared with 'title' does not fit: it is a string, so write a string in double quotes
            title gt "m"
              = title gt "m"
            urn:example:staff:2.0:level gt 1.5
              = urn:example:staff:2.0:level gt 1.5
            urn:example:staff:2.0:level co 1
              ! 'co' cannot be used with 'urn:example:staff:2.0:level': it is an integer, and only texts have parts
            urn:example:staff:2.0:level eq "1"
              ! the value compared with 'urn:example:staff:2.0:level' does not fit: it is an integer, so write a number without quotes
            urn:example:staff:2.0:ratio le -0.5
              = urn:example:staff:2.0:ratio le -0.5
        "#]],
    );
}

#[test]
fn unknown_and_secret_attributes_are_refused_by_name() {
    check(
        &[
            r#"nickname2 eq "x""#,
            r#"name.foo eq "x""#,
            r#"title.value eq "x""#,
            r#"department eq "x""#,
            r#"members.value eq "x""#,
            r#"urn:example:none:1.0:a eq "x""#,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User pr",
            r#"password eq "x""#,
            "password pr",
            r#"urn:example:staff:2.0:pin eq "x""#,
            r#"urn:example:staff:2.0:keys.value eq "x""#,
            r#"urn:example:staff:2.0:keys[value eq "x"]"#,
            r#"emails[foo eq "x"]"#,
            r#"emails[emails.type eq "x"]"#,
            r#"userName[value eq "x"]"#,
            r#"urn:example:staff:2.0:tags[type eq "x"]"#,
        ],
        STRICT,
        &expect![[r#"
            nickname2 eq "x"
              ! 'nickname2' is not an attribute of User or of any of its extensions
            name.foo eq "x"
              ! 'name.foo' is not an attribute of User or of any of its extensions
            title.value eq "x"
              ! 'title.value' is not an attribute of User or of any of its extensions
            department eq "x"
              ! 'department' is not an attribute of User; with its schema in front it would be urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department
            members.value eq "x"
              ! 'members.value' is an attribute of Group and not of User
            urn:example:none:1.0:a eq "x"
              ! 'urn:example:none:1.0:a' is not an attribute of User or of any of its extensions
            urn:ietf:params:scim:schemas:extension:enterprise:2.0:User pr
              ! 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User' names a whole extension: name one of its attributes, or ask for the extension by schemas eq "…"
            password eq "x"
              ! 'password' cannot be filtered by: it is never returned
            password pr
              ! 'password' cannot be filtered by: it is never returned
            urn:example:staff:2.0:pin eq "x"
              ! 'urn:example:staff:2.0:pin' cannot be filtered by: it is never returned
            urn:example:staff:2.0:keys.value eq "x"
              ! 'urn:example:staff:2.0:keys.value' cannot be filtered by: it is never returned
            urn:example:staff:2.0:keys[value eq "x"]
              ! 'value' cannot be filtered by: it is never returned
            emails[foo eq "x"]
              ! 'foo' is not a sub-attribute of 'emails'; it has value, display, type, primary
            emails[emails.type eq "x"]
              ! inside the brackets of 'emails' sub-attributes are named alone, not as 'emails.type'
            userName[value eq "x"]
              ! brackets cannot follow 'userName': it has no parts; compare it directly, as in userName eq "…"
            urn:example:staff:2.0:tags[type eq "x"]
              ! 'type' is not a sub-attribute of 'tags', which holds simple values; inside its brackets they are named 'value'
        "#]],
    );
}

#[test]
fn options_accept_strings_as_booleans_numbers_as_text_and_bare_extension_names() {
    check(
        &[
            r#"active eq "True""#,
            r#"emails[primary eq "FALSE"]"#,
            r#"active eq "yes""#,
            r#"department eq "x""#,
            "manager pr",
            r#"manager eq "x""#,
            "employeeNumber eq 12",
            "title eq true",
            r#"level eq "12""#,
            r#"level eq "1.50""#,
            r#"level eq "x""#,
            "active eq 1",
            "meta.created eq 1",
        ],
        LOOSE,
        &expect![[r#"
            active eq "True"
              = active eq true
            emails[primary eq "FALSE"]
              = emails[emails.primary eq false]
            active eq "yes"
              ! the value compared with 'active' does not fit: it is a boolean, so write true or false without quotes
            department eq "x"
              = urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "x"
            manager pr
              = urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager pr
            manager eq "x"
              = urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "x"
            employeeNumber eq 12
              = urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "12"
            title eq true
              = title eq "true"
            level eq "12"
              = urn:example:staff:2.0:level eq 12
            level eq "1.50"
              = urn:example:staff:2.0:level eq 1.5
            level eq "x"
              ! the value compared with 'urn:example:staff:2.0:level' does not fit: it is an integer, so write a number without quotes
            active eq 1
              ! the value compared with 'active' does not fit: it is a boolean, so write true or false without quotes
            meta.created eq 1
              ! the value compared with 'meta.created' does not fit: it is a dateTime, so write a date and time in double quotes, such as "2026-01-31T12:00:00Z"
        "#]],
    );
}

#[test]
fn targets_say_what_they_are() {
    let targets = |text: &str| -> Vec<Target> { compile(text, STRICT).unwrap().targets().cloned().collect() };
    let found = targets(
        r#"emails[type eq "work" and not (primary eq true)] and (userName pr or urn:example:staff:2.0:tags eq "x")"#,
    );
    let keys: Vec<&str> = found.iter().map(|target| &*target.key).collect();
    assert_eq!(keys, ["emails", "emails.type", "emails.primary", "userName", "urn:example:staff:2.0:tags"]);
    assert_eq!((found[0].attr_type, found[0].multi_valued, found[0].sub.is_none()), (AttrType::Complex, true, true));
    assert_eq!((found[1].attr_type, found[1].sub.as_deref()), (AttrType::String, Some("type")));
    assert_eq!((found[2].attr_type, found[2].multi_valued), (AttrType::Boolean, true));
    assert_eq!((&*found[3].name, found[3].multi_valued, found[3].case_exact), ("userName", false, false));
    assert_eq!((&*found[4].name, found[4].extension.as_deref()), ("tags", Some("urn:example:staff:2.0")));
    let predicate = compile(r#"groups.value eq "x""#, STRICT).unwrap();
    assert!(predicate.asks_about("groups") && !predicate.asks_about("members"));
}

#[test]
fn value_selection_filters_are_about_sub_attributes() {
    let registry = registry();
    let emails = users(&registry).attribute("emails").unwrap();
    let select = |text: &str| Predicate::compile_element(&parse(text), None, emails, STRICT);
    let Ok(Predicate::Term(Term { target, .. })) = select(r#"TYPE eq "Work""#) else { panic!("no term") };
    assert_eq!(&*target.key, "emails.type");
    for text in [r#"foo eq "x""#, r#"emails.type eq "x""#, r#"type[value eq "x"]"#, "type gt null", "primary gt true"] {
        assert!(select(text).is_err(), "{text}");
    }
    let staff = users(&registry).extension("urn:example:staff:2.0").unwrap();
    let tags = staff.schema.attribute("tags").unwrap();
    let tag =
        Predicate::compile_element(&parse(r#"value eq "X""#), Some("urn:example:staff:2.0"), tags, STRICT).unwrap();
    assert_eq!(tag.to_string(), r#"urn:example:staff:2.0:tags eq "x""#);
}
