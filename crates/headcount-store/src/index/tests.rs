use std::sync::{Arc, LazyLock};

use headcount_model::{ConnectionKey, PublicId, Seq, Timestamp};
use proptest::prelude::*;
use scim_filter::{CompareOp, Predicate, Term, Test, matches};
use scim_schema::{Registry, builtin};
use serde_json::{Number, json};

use super::*;

const POLICY: IndexPolicy = IndexPolicy { external_id_unique: false, unique_group_names: true };

fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(build);
    &REGISTRY
}

fn build() -> Registry {
    let schema = json!({
        "id": "urn:example:Extra",
        "name": "Extra",
        "attributes": [
            {"name": "badge", "type": "string", "uniqueness": "server"},
            {"name": "level", "type": "integer", "searchable": true},
            {"name": "since", "type": "dateTime", "searchable": true},
            {"name": "remote", "type": "boolean", "searchable": true},
            {"name": "site", "type": "reference", "caseExact": false, "searchable": true, "referenceTypes": ["uri"]},
            {"name": "tags", "type": "string", "multiValued": true, "searchable": true},
            {"name": "pin", "type": "string", "returned": "never", "uniqueness": "server"},
            {"name": "pets", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "value", "type": "string"},
                {"name": "type", "type": "string"},
                {"name": "chip", "type": "string", "caseExact": true, "searchable": true, "uniqueness": "global"},
            ]},
        ],
    });
    let user = json!({
        "id": "User", "name": "User", "endpoint": "/Users", "schema": builtin::USER,
        "schemaExtensions": [
            {"schema": builtin::ENTERPRISE_USER, "required": false},
            {"schema": "urn:example:Extra", "required": false},
        ],
    });
    Registry::builtin().with_documents(&[schema, user]).unwrap()
}

fn formed(resource_type: &str, document: &Value, policy: IndexPolicy) -> IndexForm {
    let document = document.as_object().unwrap().clone();
    form(registry().resource_type(resource_type).unwrap(), &Resource::from_document(document), policy)
}

fn row(path: &str, folded: &str, element: u32, element_type: Option<&str>, primary: bool) -> ValueRow {
    ValueRow {
        path: path.to_owned(),
        folded: folded.to_owned(),
        element,
        element_type: element_type.map(ToOwned::to_owned),
        primary,
    }
}

#[test]
fn user_has_columns_rows_and_bits() {
    let document = json!({
        "userName": " Ann\u{3000}", "externalId": "Ext", "displayName": "ÉLAN", "active": false,
        "name": {"familyName": "Σας", "givenName": "ANN", "formatted": "x"},
        "emails": [{"value": "B@x.example", "type": "Work"}, {"type": "home"}, {"value": "a@x.example", "primary": true}],
        "addresses": [{"country": "DE"}], "photos": [{"value": ""}],
        builtin::ENTERPRISE_USER: {"department": "Sales", "costCenter": "c", "manager": {"value": "Boss"}},
    });
    let formed = formed("User", &document, POLICY);
    assert_eq!(formed.key.as_deref(), Some("ann"));
    assert_eq!(formed.scope, UniqueScope::Tenant);
    assert_eq!(formed.external_id.as_deref(), Some("Ext"));
    assert_eq!(formed.display_key.as_deref(), Some("élan"));
    assert_eq!(formed.family_key.as_deref(), Some("σασ"));
    assert_eq!(formed.given_key.as_deref(), Some("ann"));
    assert_eq!(formed.active, Some(false));
    let bits = ["emails", "addresses"].map(|name| 1_i64 << presence_bit(name).unwrap());
    assert_eq!(formed.present, bits[0] | bits[1]);
    let emails: Vec<_> = formed.values.iter().filter(|row| row.path == "emails.value").cloned().collect();
    assert_eq!(
        emails,
        [row("emails.value", "a@x.example", 2, None, true), row("emails.value", "b@x.example", 0, Some("work"), false),]
    );
    let department = format!("{}:department", builtin::ENTERPRISE_USER);
    assert!(formed.values.contains(&row(&department, "sales", 0, None, false)));
    assert!(formed.values.iter().all(|row| !row.path.ends_with("costCenter")), "not searchable");
    assert!(formed.values.is_sorted());
    assert_eq!(formed.unique, []);
}

#[test]
fn group_has_its_name_as_key_while_names_are_unique() {
    let document = json!({"displayName": "Staff"});
    let on = formed("Group", &document, POLICY);
    assert_eq!((on.key.as_deref(), on.scope), (Some("staff"), UniqueScope::Owner));
    let off = formed("Group", &document, IndexPolicy { unique_group_names: false, ..POLICY });
    assert_eq!((off.key, off.display_key.as_deref()), (None, Some("staff")));
    assert_eq!(off.unique, []);
    assert_eq!(on.active, None);
}

#[test]
fn external_id_is_a_unique_value_of_its_owner_under_the_switch() {
    let on = IndexPolicy { external_id_unique: true, ..POLICY };
    let value =
        |key: &str| UniqueValue { path: "externalId".to_owned(), key: key.to_owned(), scope: UniqueScope::Owner };
    assert_eq!(formed("User", &json!({"userName": "a", "externalId": "X"}), on).unique, [value("X")]);
    assert_eq!(formed("User", &json!({"userName": "a", "externalId": ""}), on).unique, []);
    assert_eq!(formed("User", &json!({"userName": "a", "externalId": "X"}), POLICY).unique, []);
}

#[test]
fn extension_attributes_have_rows_and_unique_values_and_secrets_have_no_rows() {
    let document = json!({"userName": "a", "urn:example:Extra": {
        "badge": "B-1", "level": -5, "since": "2024-01-01T00:00:00Z", "remote": true, "site": "HTTP://X",
        "tags": ["Red", "red"], "pin": "1234", "pets": [{"value": "Rex", "chip": "Ab"}, {"chip": "Ab", "type": "Cat"}],
    }});
    let formed = formed("User", &document, POLICY);
    let of = |name: &str| -> Vec<_> {
        let path = format!("urn:example:Extra:{name}");
        let rows = formed.values.iter().filter(|row| row.path == path);
        rows.map(|row| (row.folded.as_str(), row.element, row.element_type.as_deref())).collect()
    };
    assert_eq!(of("remote"), [("true", 0, None)]);
    assert_eq!(of("tags"), [("red", 0, None), ("red", 1, None)]);
    assert_eq!(of("pets.chip"), [("Ab", 0, None), ("Ab", 1, Some("cat"))]);
    assert_eq!(of("since"), [(literal_text(&Literal::Instant(1_704_067_200_000_000)).as_str(), 0, None)]);
    for name in ["badge", "pin", "pets.value", "pets"] {
        assert_eq!(of(name), [], "{name}");
    }
    let unique: Vec<_> = formed.unique.iter().map(|value| (value.path.as_str(), value.key.as_str())).collect();
    assert_eq!(
        unique,
        [("urn:example:Extra:badge", "b-1"), ("urn:example:Extra:pets.chip", "Ab"), ("urn:example:Extra:pin", "1234"),]
    );
}

#[test]
fn long_values_are_cut_at_a_character_and_unique_ones_are_not() {
    let long = "é".repeat(255) + "\u{1F600}tail";
    assert_eq!(cut(&long), "é".repeat(255));
    assert!(may_be_cut(cut(&long)));
    assert_eq!(cut(&"a".repeat(512)).len(), 512);
    assert_eq!(cut(&"a".repeat(513)).len(), 512);
    assert_eq!(cut(""), "");
    assert!(!may_be_cut("short"));
    let document = json!({"userName": "a", "emails": [{"value": long}], "urn:example:Extra": {"badge": long}});
    let formed = formed("User", &document, POLICY);
    assert_eq!(formed.values[0].folded, "é".repeat(255));
    assert_eq!(formed.unique[0].key, long);
}

#[test]
fn attributes_are_found_where_they_are() {
    let registry = registry();
    let values =
        |path: &str, bit: Option<&str>| Place::Values { path: path.to_owned(), bit: bit.and_then(presence_bit) };
    let table = [
        ("User", "id", Place::Column(Column::Id)),
        ("User", "userName", Place::Column(Column::Key)),
        ("User", "externalId", Place::Column(Column::ExternalId)),
        ("User", "displayName", Place::Column(Column::Display)),
        ("User", "name.familyName", Place::Column(Column::Family)),
        ("User", "name.givenName", Place::Column(Column::Given)),
        ("User", "name.formatted", Place::Document),
        ("User", "name", Place::Document),
        ("User", "active", Place::Column(Column::Active)),
        ("User", "meta.created", Place::Column(Column::Created)),
        ("User", "meta.lastModified", Place::Column(Column::Modified)),
        ("User", "meta.resourceType", Place::ResourceType),
        ("User", "meta.version", Place::Document),
        ("User", "meta", Place::Document),
        ("User", "schemas", Place::Document),
        ("User", "title", Place::Document),
        ("User", "emails", values("emails", Some("emails"))),
        ("User", "emails.value", values("emails.value", None)),
        ("User", "emails.type", Place::ElementPart { path: "emails.value".to_owned() }),
        ("User", "emails.primary", Place::ElementPart { path: "emails.value".to_owned() }),
        ("User", "emails.display", Place::Document),
        ("User", "addresses", values("addresses", Some("addresses"))),
        ("User", "addresses.country", Place::Document),
        ("User", "photos.value", Place::Document),
        ("User", "groups", Place::Document),
        ("User", "groups.value", Place::Groups),
        ("User", "groups.display", Place::Document),
        ("User", "urn:example:Extra:level", values("urn:example:Extra:level", None)),
        ("User", "urn:example:Extra:tags", values("urn:example:Extra:tags", None)),
        ("User", "urn:example:Extra:badge", Place::Document),
        ("User", "urn:example:Extra:pets.chip", values("urn:example:Extra:pets.chip", None)),
        ("User", "urn:example:Extra:pets.type", Place::Document),
        ("Group", "displayName", Place::Column(Column::Display)),
        ("Group", "members.value", Place::Members),
        ("Group", "members.type", Place::Document),
    ];
    for (name, path, expected) in table {
        let kind = registry.resource_type(name).unwrap();
        let predicate = Predicate::parse(&format!("{path} pr"), registry, kind).unwrap();
        let Predicate::Term(Term { target, .. }) = predicate else { panic!("{path}") };
        assert_eq!(place(kind, &target), expected, "{name} {path}");
    }
}

fn stored(resource_type: &str, document: &Value) -> StoredResource {
    StoredResource {
        seq: Seq(1),
        id: PublicId::from_text("the-id"),
        resource_type: resource_type.to_owned(),
        owner: ConnectionKey(1),
        adoptable: false,
        version: 3,
        created: Timestamp::from_micros(0),
        modified: Timestamp::from_micros(1_000),
        document: Arc::from(document.to_string()),
    }
}

#[test]
fn candidate_has_what_the_document_lacks() {
    let group = |id: &str, direct: bool| GroupOf {
        member: Seq(1),
        group: Seq(2),
        id: PublicId::from_text(id),
        display: direct.then(|| "Staff".into()),
        direct,
    };
    let candidate = candidate(&stored("User", &json!({"userName": "a"})), &[group("g", true), group("h", false)], &[]);
    assert_eq!(
        Value::Object(candidate.unwrap()),
        json!({
            "userName": "a",
            "id": "the-id",
            "meta": {
                "resourceType": "User", "created": "1970-01-01T00:00:00.000Z", "lastModified": "1970-01-01T00:00:00.001Z",
                "version": "W/\"3\"",
            },
            "groups": [{"value": "g", "display": "Staff", "type": "direct"}],
        })
    );
    let member = MemberRef { seq: Seq(5), id: PublicId::from_text("m"), resource_type: "Group".into() };
    let group = super::candidate(&stored("Group", &json!({"displayName": "G"})), &[], &[member]).unwrap();
    assert_eq!(group["members"], json!([{"value": "m", "type": "Group"}]));
}

#[test]
fn candidate_of_a_broken_document_is_corrupt() {
    let mut broken = stored("User", &json!({}));
    broken.document = Arc::from("[]");
    assert!(matches!(candidate(&broken, &[], &[]), Err(StoreError::Corrupt { table: "resources", column: "doc", .. })));
}

#[test]
fn bits_answer_presence_as_the_reference_does() {
    let registry = registry();
    let users = registry.resource_type("User").unwrap();
    for value in [json!([]), json!([{}]), json!([{"value": ""}]), json!([{"type": "x"}]), json!([{"primary": false}])] {
        let document = json!({"emails": value});
        let formed = formed("User", &document, POLICY);
        let predicate = Predicate::parse("emails pr", registry, users).unwrap();
        let expected = matches::resource(&predicate, document.as_object().unwrap());
        assert_eq!(formed.present != 0, expected, "{document}");
    }
}

fn number() -> impl Strategy<Value = Number> {
    let float = |float: f64| Number::from_f64(float).unwrap();
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        (-100_i64..100).prop_map(Number::from),
        (-1000_i32..1000).prop_map(move |n| float(f64::from(n) / 8.0)),
        (-100_i32..100).prop_map(move |n| float(f64::from(n))),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(float),
    ]
}

proptest! {
    #[test]
    fn numbers_sort_as_their_row_texts_do(left in number(), right in number()) {
        let level = Attribute::new("level", AttrType::Decimal);
        let target = Target::new(None, &level, None);
        let expected = matches::compare_values(&target, &Value::Number(left.clone()), &Literal::Number(right.clone()));
        prop_assert_eq!(Some(number_text(&left).cmp(&number_text(&right))), expected);
        prop_assert_eq!(row_text(&target, &Value::Number(left.clone())), Some(literal_text(&Literal::Number(left))));
    }

    #[test]
    fn instants_sort_as_their_row_texts_do(left: i64, right: i64) {
        prop_assert_eq!(instant_text(left).cmp(&instant_text(right)), left.cmp(&right));
    }

    #[test]
    fn text_is_cut_to_its_longest_head_that_fits(text in "[a-zé\u{1F600}]{0,400}") {
        let head = cut(&text);
        prop_assert!(text.starts_with(head) && head.len() <= LONGEST_ROW);
        prop_assert!(head == text || may_be_cut(head));
    }

    #[test]
    fn eq_on_a_row_is_eq_on_the_document(stored in "[aAéÉßσςΣ ]{0,4}", asked in "[aAéÉßσςΣ ]{0,4}") {
        let registry = registry();
        let users = registry.resource_type("User").unwrap();
        let document = json!({"userName": stored, "emails": [{"value": stored}]});
        let formed = formed("User", &document, POLICY);
        for (path, text) in [("userName", formed.key.clone()), ("emails.value", Some(formed.values[0].folded.clone()))] {
            let predicate = Predicate::parse(&format!("{path} eq \"{asked}\""), registry, users).unwrap();
            let Predicate::Term(Term { test: Test::Compare(CompareOp::Eq, literal), .. }) = &predicate else { panic!() };
            let expected = matches::resource(&predicate, document.as_object().unwrap());
            prop_assert_eq!(text == Some(literal_text(literal)), expected, "{}", path);
        }
    }
}
