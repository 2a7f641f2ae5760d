//! Random filters and documents for property tests (cargo feature `arbitrary`).
//!
//! Made for one question: does a store's answer to a [`Predicate`](crate::Predicate) equal that of
//! [`crate::matches`]? Filters and documents draw from the same small pools, so that comparisons
//! often hold and often just fail. The pools hold what databases get wrong: letter case inside and
//! outside ASCII, composed and decomposed characters, letters whose folding changes their length
//! in bytes, wildcards of `LIKE`, quotes and backslashes, empty strings, texts that are equal in
//! their first 512 bytes, and characters that UTF-16 and UTF-8 order differently.
//!
//! ```text
//! proptest!(|(filter in user_filter(), users in user_documents(0..12))| {
//!     let predicate = Predicate::compile(&filter, &registry, users_type, false, CompileOptions::default())?;
//!     // store `users`, ask the store for `predicate`, compare with `matches::resource` of each
//! });
//! ```
//!
//! Every filter of [`user_filter`] compiles against the built-in User with default options. To add
//! an attribute: a row in [`user_fields`] or [`user_elements`], and its value in [`user_document`].

use proptest::{
    collection::{SizeRange, vec},
    option,
    prelude::*,
    sample::{self, select},
};
use scim_schema::{
    AttrPath, builtin, datetime,
    fold::{fold, fold_user_name},
};
use serde_json::{Map, Value, json};

use crate::ast::{CompareOp, CompareValue, Filter};

/// A text of 600 bytes.
macro_rules! long_text {
    () => {
        concat!(
            "long long long long long long long long long long long long long long long long long long long long ",
            "long long long long long long long long long long long long long long long long long long long long ",
            "long long long long long long long long long long long long long long long long long long long long ",
            "long long long long long long long long long long long long long long long long long long long long ",
            "long long long long long long long long long long long long long long long long long long long long ",
            "long long long long long long long long long long long long long long long long long long long long ",
        )
    };
}

/// Texts that are stored and compared with.
pub const TEXTS: &[&str] = &[
    "",
    " ",
    "ann",
    "Ann",
    "ANN",
    "Ann Smith",
    "anna",
    "smith",
    "O'Malley",
    "josé",
    "jose\u{301}",
    "JOSÉ",
    "JOSE\u{301}",
    "jose",
    "straße",
    "STRASSE",
    "Σίσυφος",
    "σίσυφος",
    "kelvin",
    "\u{212a}elvin",
    "İstanbul",
    "istanbul",
    "100%",
    "100",
    "1000",
    "a_b",
    "axb",
    "%",
    "_",
    "say \"hi\"",
    "back\\slash",
    "tab\there",
    "\u{ffee}",
    "\u{1f600}",
    "ann@example.com",
    "Ann@Example.COM",
    "bob@example.org",
    LONG_A,
    LONG_B,
];

/// Two texts whose first 600 bytes are equal.
const LONG_A: &str = concat!(long_text!(), "a");
const LONG_B: &str = concat!(long_text!(), "B");

/// Texts that are only compared with: parts of [`TEXTS`], and what no store can hold.
pub const PARTS: &[&str] = &[
    "a",
    "an",
    "N",
    "S",
    "th",
    "é",
    "e\u{301}",
    "É",
    "\u{301}",
    "ss",
    "ß",
    "ς",
    "Σ",
    "k",
    "i",
    "İ",
    "0",
    "00",
    "%",
    "_",
    "\\",
    "\"",
    "'",
    "@",
    "@example",
    ".com",
    " ",
    "x",
    "\u{1f600}",
    "\u{d7ff}",
    "\u{0}",
    "\u{10ffff}",
];

/// User names: acceptable ones, some with one comparison form.
pub const USER_NAMES: &[&str] = &[
    "ann",
    "Ann",
    " ANN ",
    "anna",
    "bob",
    "josé",
    "JOSE\u{301}",
    "jose",
    "O'Malley",
    "100%",
    "100",
    "a_b",
    "axb",
    "say \"hi\"",
    "back\\slash",
    "ann smith",
    "ann@example.com",
    "ANN@example.com",
    "bob@example.org",
    "straße",
    "strasse",
];

/// Ids of the documents of [`user_documents`], in that order.
pub const IDS: &[&str] = &[
    "01980000-0000-7000-8000-000000000000",
    "01980000-0000-7000-8000-000000000001",
    "01980000-0000-7000-8000-000000000002",
    "01980000-0000-7000-8000-00000000000a",
    "01980000-0000-7000-8000-00000000000b",
    "01980000-0000-7000-8000-00000000000c",
    "01980000-0000-7000-8000-0000000000a0",
    "01980000-0000-7000-8000-0000000000a1",
    "01980000-0000-7000-8000-0000000000b0",
    "01980000-0000-7000-8001-000000000000",
    "01980000-0000-7001-8000-000000000000",
    "01980001-0000-7000-8000-000000000000",
];

/// Instants of `meta`, in microseconds and whole milliseconds.
const INSTANTS: &[i64] = &[0, 1_767_225_600_000_000, 1_767_225_600_001_000, 1_767_229_200_000_000];

/// The same instants and their neighbours in several spellings.
const DATES: &[&str] = &[
    "1970-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999Z",
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00.000Z",
    "2026-01-01T01:00:00+01:00",
    "2026-01-01T00:00:00.001Z",
    "2026-01-01T00:00:00.0005Z",
    "2026-01-01T01:00:00Z",
    "2025-12-31T20:00:00-05:00",
    "2031-01-01T00:00:00Z",
];

/// Types of e-mail addresses, telephone numbers and roles.
const KINDS: &[&str] = &["work", "Work", "home", "other"];

/// What an attribute is compared with.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Text: any operator, values from the pool and from [`PARTS`].
    Text(&'static [&'static str]),
    /// `eq` and `ne` with `true` and `false`.
    Boolean,
    /// `eq`, `ne` and the orders with dates.
    Instant,
    /// `pr` and null only.
    Complex,
}

/// An attribute that filters ask about.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its path.
    pub path: AttrPath,
    /// What it is compared with.
    pub kind: Kind,
}

/// The attributes of users that [`user_filter`] asks about outside brackets.
#[must_use]
pub fn user_fields() -> Vec<Field> {
    let core = [
        ("userName", Kind::Text(USER_NAMES)),
        ("displayName", Kind::Text(TEXTS)),
        ("name", Kind::Complex),
        ("name.familyName", Kind::Text(TEXTS)),
        ("name.givenName", Kind::Text(TEXTS)),
        ("title", Kind::Text(TEXTS)),
        ("active", Kind::Boolean),
        ("externalId", Kind::Text(TEXTS)),
        ("id", Kind::Text(IDS)),
        ("emails", Kind::Text(TEXTS)),
        ("emails.value", Kind::Text(TEXTS)),
        ("emails.type", Kind::Text(KINDS)),
        ("emails.primary", Kind::Boolean),
        ("phoneNumbers.value", Kind::Text(TEXTS)),
        ("roles.value", Kind::Text(TEXTS)),
        ("meta.created", Kind::Instant),
        ("meta.lastModified", Kind::Instant),
    ];
    let enterprise = [
        ("department", Kind::Text(TEXTS)),
        ("employeeNumber", Kind::Text(TEXTS)),
        ("manager", Kind::Text(IDS)),
        ("manager.value", Kind::Text(IDS)),
    ];
    let core = core.map(|(path, kind)| (path.to_owned(), kind));
    let enterprise = enterprise.map(|(path, kind)| (format!("{}:{path}", builtin::ENTERPRISE_USER), kind));
    let all = core.into_iter().chain(enterprise);
    all.filter_map(|(path, kind)| Some(Field { path: AttrPath::parse(&path).ok()?, kind })).collect()
}

/// The attributes that [`user_filter`] puts in front of brackets, with their parts.
#[must_use]
pub fn user_elements() -> Vec<(AttrPath, Vec<Field>)> {
    let part = |name, kind| Field { path: AttrPath::plain(name, None), kind };
    let emails =
        vec![part("value", Kind::Text(TEXTS)), part("type", Kind::Text(KINDS)), part("primary", Kind::Boolean)];
    let phones = vec![part("value", Kind::Text(TEXTS)), part("type", Kind::Text(KINDS))];
    let roles = vec![part("value", Kind::Text(TEXTS)), part("primary", Kind::Boolean)];
    let name = vec![part("familyName", Kind::Text(TEXTS)), part("givenName", Kind::Text(TEXTS))];
    [("emails", emails), ("phoneNumbers", phones), ("roles", roles), ("name", name)]
        .into_iter()
        .map(|(path, parts)| (AttrPath::plain(path, None), parts))
        .collect()
}

/// Random filters over [`user_fields`] and [`user_elements`].
pub fn user_filter() -> impl Strategy<Value = Filter> {
    filter_over(user_fields(), user_elements())
}

/// Random filters: terms about `fields`, brackets of `elements`, joined by `and`, `or` and `not`.
/// `fields` must not be empty.
pub fn filter_over(fields: Vec<Field>, elements: Vec<(AttrPath, Vec<Field>)>) -> BoxedStrategy<Filter> {
    let terms = term(fields);
    if elements.is_empty() {
        return joined(terms.boxed(), 3);
    }
    let brackets = select(elements).prop_flat_map(|(path, parts)| {
        joined(term(parts).boxed(), 2).prop_map(move |inner| Filter::Element(path.clone(), Box::new(inner)))
    });
    joined(prop_oneof![3 => terms, 1 => brackets].boxed(), 3)
}

fn joined(leaf: BoxedStrategy<Filter>, depth: u32) -> BoxedStrategy<Filter> {
    let join = |inner: BoxedStrategy<Filter>| {
        prop_oneof![
            vec(inner.clone(), 2..=3).prop_map(Filter::And),
            vec(inner.clone(), 2..=3).prop_map(Filter::Or),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    };
    leaf.prop_recursive(depth, 12, 3, join).boxed()
}

fn term(fields: Vec<Field>) -> impl Strategy<Value = Filter> {
    select(fields).prop_flat_map(|Field { path, kind }| {
        let present = Just(Filter::Present(path.clone()));
        let null_path = path.clone();
        let null = select(&[CompareOp::Eq, CompareOp::Ne][..])
            .prop_map(move |op| Filter::Compare(null_path.clone(), op, CompareValue::Null));
        let comparison = comparison(kind);
        match comparison {
            None => prop_oneof![present, null].boxed(),
            Some(comparison) => {
                let compare = comparison.prop_map(move |(op, value)| Filter::Compare(path.clone(), op, value));
                prop_oneof![1 => present, 1 => null, 8 => compare].boxed()
            }
        }
    })
}

fn comparison(kind: Kind) -> Option<BoxedStrategy<(CompareOp, CompareValue)>> {
    const EQUALITY: &[CompareOp] = &[CompareOp::Eq, CompareOp::Ne];
    const ORDERS: &[CompareOp] =
        &[CompareOp::Eq, CompareOp::Ne, CompareOp::Gt, CompareOp::Ge, CompareOp::Lt, CompareOp::Le];
    match kind {
        Kind::Complex => None,
        Kind::Boolean => Some((select(EQUALITY), any::<bool>().prop_map(CompareValue::Boolean)).boxed()),
        Kind::Instant => {
            let date = select(DATES).prop_map(|date| CompareValue::String(date.to_owned()));
            Some((select(ORDERS), date).boxed())
        }
        Kind::Text(pool) => {
            let text = prop_oneof![3 => select(pool), 2 => select(PARTS)]
                .prop_map(|text| CompareValue::String(text.to_owned()));
            Some((select(&CompareOp::ALL[..]), text).boxed())
        }
    }
}

/// A random user as it is rendered, without `groups`, `meta.location` and `meta.version`. It holds
/// the invariant of [`scim_schema::Resource`]. Each attribute is absent now and then.
pub fn user_document() -> impl Strategy<Value = Map<String, Value>> {
    let text = || option::weighted(0.7, select(TEXTS));
    let identity = (select(IDS), select(USER_NAMES), text());
    let core = (text(), text(), text(), text(), option::weighted(0.8, any::<bool>()));
    let lists = (elements(Primary::Marked), elements(Primary::Absent), elements(Primary::Marked));
    let meta = (select(INSTANTS), select(INSTANTS));
    let enterprise = (text(), text(), option::weighted(0.5, select(IDS)));
    (identity, core, lists, meta, enterprise).prop_map(|(identity, core, lists, meta, enterprise)| {
        let (id, user_name, external_id) = identity;
        let (display_name, family_name, given_name, title, active) = core;
        let (emails, phone_numbers, roles) = lists;
        let (department, employee_number, manager) = enterprise;

        let mut name = Map::new();
        put(&mut name, "familyName", family_name);
        put(&mut name, "givenName", given_name);

        let mut extension = Map::new();
        put(&mut extension, "employeeNumber", employee_number);
        put(&mut extension, "department", department);
        put(&mut extension, "manager", manager.map(|value| json!({ "value": value })));

        let mut schemas = vec![builtin::USER];
        if !extension.is_empty() {
            schemas.push(builtin::ENTERPRISE_USER);
        }
        let mut document = Map::new();
        put(&mut document, "schemas", Some(json!(schemas)));
        put(&mut document, "id", Some(id));
        put(&mut document, "externalId", external_id);
        put(&mut document, "userName", Some(user_name));
        put(&mut document, "name", Some(name).filter(|name| !name.is_empty()));
        put(&mut document, "displayName", display_name);
        put(&mut document, "title", title);
        put(&mut document, "active", active);
        put(&mut document, "emails", Some(emails).filter(|emails| !emails.is_empty()));
        put(&mut document, "phoneNumbers", Some(phone_numbers).filter(|numbers| !numbers.is_empty()));
        put(&mut document, "roles", Some(roles).filter(|roles| !roles.is_empty()));
        put(&mut document, builtin::ENTERPRISE_USER, Some(extension).filter(|extension| !extension.is_empty()));
        let meta = json!({
            "resourceType": "User",
            "created": datetime::print(meta.0.min(meta.1)),
            "lastModified": datetime::print(meta.0.max(meta.1)),
        });
        put(&mut document, "meta", Some(meta));
        document
    })
}

/// Random users that can be stored together: no id twice and no two user names of one comparison
/// form, so that there may be fewer than `count` says. Ids are not in ascending order.
pub fn user_documents(count: impl Into<SizeRange>) -> impl Strategy<Value = Vec<Map<String, Value>>> {
    let ids = sample::subsequence(IDS, IDS.len()).prop_shuffle();
    (vec(user_document(), count), ids).prop_map(|(documents, ids)| {
        let mut names = Vec::new();
        let distinct = documents.into_iter().filter(|document| {
            let name = document.get("userName").and_then(Value::as_str).unwrap_or_default();
            let name = fold_user_name(name).into_owned();
            let is_new = !names.contains(&name);
            names.push(name);
            is_new
        });
        let numbered = distinct.zip(ids).map(|(mut document, id)| {
            put(&mut document, "id", Some(id));
            document
        });
        numbered.collect()
    })
}

#[derive(Clone, Copy)]
enum Primary {
    /// At most one element is.
    Marked,
    /// No element says.
    Absent,
}

fn elements(primary: Primary) -> impl Strategy<Value = Vec<Map<String, Value>>> {
    let text = option::weighted(0.9, select(TEXTS));
    let kind = option::weighted(0.7, select(KINDS));
    let flag = match primary {
        Primary::Marked => option::weighted(0.5, any::<bool>()).boxed(),
        Primary::Absent => Just(None).boxed(),
    };
    vec((text, kind, flag), 0..=3).prop_map(|drawn| {
        let mut has_primary = false;
        // A type and value together stand in a list once (RFC 7643 §2.4).
        let mut pairs = Vec::new();
        let mut elements = Vec::new();
        for (text, kind, flag) in drawn {
            let pair = (text.map(fold), kind.map(fold));
            let flag = flag.map(|flag| flag && !has_primary);
            let mut element = Map::new();
            put(&mut element, "value", text);
            put(&mut element, "type", kind);
            put(&mut element, "primary", flag);
            if !element.is_empty() && !pairs.contains(&pair) {
                has_primary |= flag == Some(true);
                elements.push(element);
                pairs.push(pair);
            }
        }
        elements
    })
}

fn put<V: Into<Value>>(object: &mut Map<String, Value>, name: &str, value: Option<V>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}
