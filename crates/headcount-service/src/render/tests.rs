//! What is copied is what reading, cutting and printing makes.

use std::collections::BTreeMap;

use headcount_model::{ConnectionKey, Preset, PublicId, Seq, Timestamp};
use headcount_store::{
    members::{MemberIds, MemberRef},
    query::Adoptable,
    query::View,
    resources::StoredResource,
};
use proptest::{prelude::*, sample::select};
use scim_schema::{project::with_bare_names, validate::Leniency};
use serde_json::json;

use super::*;
use crate::show::Found;

const EXTENSION: &str = "urn:example:extension:2.0:User";
const OPAQUE: &str = "urn:example:nobody";

/// The built-in schemas; with an extension that withholds nothing; with one that does; a type of its
/// own.
fn registries() -> Vec<Registry> {
    let extension = |returned: &str| {
        json!({"id": EXTENSION, "name": "X", "attributes": [
            {"name": "plain", "type": "string"},
            {"name": "kept", "type": "string", "returned": returned},
            {"name": "parts", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "value", "type": "string"}, {"name": "kept", "type": "string", "returned": returned}]},
        ]})
    };
    let user = json!({"name": "User", "endpoint": "/Users", "schema": builtin::USER, "schemaExtensions": [
        {"schema": builtin::ENTERPRISE_USER, "required": false}, {"schema": EXTENSION, "required": false}]});
    let with = |returned: &str| Registry::builtin().with_documents(&[extension(returned), user.clone()]).unwrap();
    vec![Registry::builtin(), with("default"), with("request"), with("never"), with("always")]
}

/// The slow way, in full: everything that is known, cut as a whole.
fn expected(frame: &Frame<'_>, shown: &Shown, projection: &Projection, specified: &[String]) -> String {
    let resource_type = frame.registry.resource_type(&shown.stored.resource_type).unwrap();
    let document: Map<String, Value> = serde_json::from_str(&shown.stored.document).unwrap();
    let mut whole = Map::new();
    if let Some(schemas) = document.get("schemas") {
        whole.insert("schemas".to_owned(), schemas.clone());
    }
    whole.insert("id".to_owned(), shown.stored.id.as_str().into());
    for (name, mut value) in document {
        if name == "schemas" || (name == "externalId" && !shown.owned) {
            continue;
        }
        if name == builtin::ENTERPRISE_USER
            && let Some(manager) = value.get_mut("manager").and_then(Value::as_object_mut)
            && let Some(id) = manager.get("value").and_then(Value::as_str)
        {
            let location = frame.location("User", id);
            manager.insert("$ref".to_owned(), location.into());
        }
        whole.insert(name, value);
    }
    if let Some(Members { found: Found::Rows(found, names), .. }) = &shown.members
        && (!found.is_empty() || frame.switches.member_display == Toggle::On)
    {
        let members = found.iter().map(|member| {
            let mut element = json!({
                "value": member.id.as_str(),
                "$ref": frame.location(&member.resource_type, member.id.as_str()),
                "type": &*member.resource_type,
            });
            if let Some(name) = names.get(&member.seq) {
                element["display"] = name.as_str().into();
            }
            element
        });
        whole.insert("members".to_owned(), members.collect());
    }
    if let Some(groups) = &shown.groups
        && !groups.is_empty()
    {
        let groups = groups.iter().map(|group| {
            let mut element = json!({
                "value": group.id.as_str(),
                "$ref": frame.location("Group", group.id.as_str()),
            });
            if let (Some(display), Toggle::On) = (&group.display, frame.switches.member_display) {
                element["display"] = (&**display).into();
            }
            element["type"] = if group.direct { "direct" } else { "indirect" }.into();
            element
        });
        whole.insert("groups".to_owned(), groups.collect());
    }
    let meta = json!({
        "resourceType": shown.stored.resource_type,
        "created": shown.stored.created.to_string(),
        "lastModified": shown.stored.modified.to_string(),
        "location": frame.location(&shown.stored.resource_type, shown.stored.id.as_str()),
        "version": etag(shown.stored.version),
    });
    whole.insert("meta".to_owned(), meta);
    let (projection, specified) = match frame.switches.bare_extension_names {
        Leniency::Accept => (projection.with_bare_names(resource_type), with_bare_names(resource_type, specified)),
        Leniency::Refuse => (projection.clone(), specified.to_vec()),
    };
    projection.apply_after_write(resource_type, &mut whole, &specified);
    Value::Object(whole).to_string()
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z\"\\\\{}:,ü\u{1}/\\[\\]]{0,8}",
        select(vec!["\"manager\"", "{}", "\"externalId\"", "manager"]).prop_map(str::to_owned),
    ]
}

/// Values that no schema declares are anything.
fn opaque() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({})),
        Just(json!([])),
        Just(json!(1.5)),
        Just(json!(true)),
        text().prop_map(Value::from),
        (text(), text()).prop_map(|(key, value)| json!({key: value, "manager": {"value": "x"}})),
        text().prop_map(|text| json!([{"value": text}, {}, 3])),
    ]
}

fn manager() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(|value| json!({"value": value})),
        text().prop_map(|value| json!({"displayName": "x", "value": value, "other": [1]})),
        text().prop_map(|value| json!({"value": value, "$ref": "../Users/1", "more": 1})),
        text().prop_map(|value| json!({"$ref": value})),
        Just(json!({"displayName": "x"})),
        Just(json!({"value": 3})),
        Just(json!({})),
        Just(json!("text")),
    ]
}

/// Documents as they are stored, and as they might have been.
fn user() -> impl Strategy<Value = Map<String, Value>> {
    let maybe = |strategy: BoxedStrategy<Value>| proptest::option::of(strategy);
    let enterprise = (maybe(manager().boxed()), proptest::option::of(text())).prop_map(|(manager, department)| {
        let mut extension = Map::new();
        extension.extend(department.map(|text| ("department".to_owned(), text.into())));
        extension.extend(manager.map(|manager| ("manager".to_owned(), manager)));
        extension.insert("costCenter".to_owned(), "c".into());
        Value::Object(extension)
    });
    let extension = prop_oneof![
        text().prop_map(|text| json!({"plain": text, "kept": "k", "parts": [{"value": "v", "kept": "k"}]})),
        Just(json!({"kept": "k", "parts": [{"kept": "k"}]})),
        opaque(),
    ];
    let places = select(vec![EXTENSION.to_owned(), EXTENSION.to_uppercase()]);
    let core = (text(), maybe(text().prop_map(Value::from).boxed()), maybe(opaque().boxed()), maybe(opaque().boxed()));
    let rest = (maybe(enterprise.boxed()), maybe(extension.boxed()), places, 0_u8..4);
    (core, rest).prop_map(|((name, external, member, opaque), (enterprise, extension, place, order))| {
        let mut document = Map::new();
        let schemas = json!([builtin::USER, builtin::ENTERPRISE_USER]);
        match order {
            0 => {}
            1 => drop(document.insert("schemas".to_owned(), json!([]))),
            2 => drop(document.insert("schemas".to_owned(), json!(["a\"]b", "c"]))),
            _ => drop(document.insert("schemas".to_owned(), schemas.clone())),
        }
        document.insert("userName".to_owned(), name.clone().into());
        document.extend(external.map(|value| ("externalId".to_owned(), value)));
        document.insert("name".to_owned(), json!({"familyName": name}));
        document.insert("emails".to_owned(), json!([{"value": name, "type": "work", "primary": true}]));
        document.extend(enterprise.map(|value| (builtin::ENTERPRISE_USER.to_owned(), value)));
        document.extend(member.map(|value| ("members".to_owned(), value)));
        document.extend(extension.map(|value| (place, value)));
        document.extend(opaque.map(|value| (OPAQUE.to_owned(), value)));
        if order == 0 {
            document.insert("schemas".to_owned(), schemas);
        }
        document
    })
}

fn projection() -> impl Strategy<Value = Projection> {
    let names = proptest::collection::vec(
        select(vec![
            "members",
            "MEMBERS",
            "groups",
            "userName",
            "id",
            "meta",
            "emails.value",
            "members.value",
            "externalId",
            "department",
            "kept",
            OPAQUE,
            builtin::USER,
            builtin::GROUP,
            "members.type",
            "name",
            "urn:example:extension:2.0:User:kept",
            "urn:ietf:params:scim:schemas:core:2.0:Group:members",
        ])
        .prop_map(str::to_owned),
        1..3,
    );
    prop_oneof![
        3 => Just(Projection::Default),
        1 => names.clone().prop_map(Projection::Only),
        1 => names.prop_map(Projection::Except),
        1 => select(vec![vec!["members"], vec!["Groups", "members"], vec!["groups"]])
            .prop_map(|names| Projection::Except(names.into_iter().map(str::to_owned).collect())),
    ]
}

fn switches() -> impl Strategy<Value = Switches> {
    (any::<bool>(), any::<bool>()).prop_map(|(display, bare)| {
        let mut switches = Preset::Generic.switches();
        switches.member_display = if display { Toggle::On } else { Toggle::Off };
        switches.bare_extension_names = if bare { Leniency::Accept } else { Leniency::Refuse };
        switches
    })
}

fn stored(resource_type: &str, id: &str, document: String) -> StoredResource {
    StoredResource {
        seq: Seq(7),
        id: PublicId::from_text(id),
        resource_type: resource_type.to_owned(),
        owner: ConnectionKey(1),
        adoptable: false,
        version: 3,
        created: Timestamp::from_micros(1_767_323_045_123_000),
        modified: Timestamp::from_micros(1_767_323_046_000_000),
        document: document.into(),
    }
}

fn rendered(frame: &Frame<'_>, shown: Shown, projection: &Projection, specified: &[String]) -> String {
    let resource_type = frame.registry.resource_type(&shown.stored.resource_type).unwrap();
    let answer = frame.written(200, resource_type, shown, projection, specified).unwrap();
    answer.body.unwrap().into_text().unwrap()
}

fn group_of(id: &str, display: Option<String>, direct: bool) -> GroupOf {
    GroupOf { member: Seq(7), group: Seq(1), id: PublicId::from_text(id), display: display.map(Into::into), direct }
}

const VIEW: View = View { connection: ConnectionKey(1), adoptable: Adoptable::Seen };

proptest! {
    #[test]
    fn a_user_is_shown_as_if_it_had_been_read_and_cut(
        which in 0_usize..5,
        document in user(),
        pretty in prop::bool::weighted(0.1),
        (projection, switches) in (projection(), switches()),
        (owned, id) in (any::<bool>(), text()),
        groups in proptest::option::of(proptest::collection::vec((text(), proptest::option::of(text()), any::<bool>()), 0..3)),
        specified in proptest::collection::vec(select(vec!["userName", "urn:example:extension:2.0:User:kept", "kept"]), 0..2),
    ) {
        let registry = registries().swap_remove(which);
        let frame = Frame { registry: &registry, base_url: "https://x.test/scim\"/v2/c", switches: &switches, transaction: "t" };
        let document = Value::Object(document);
        let text = if pretty { format!("{document:#}") } else { document.to_string() };
        let specified: Vec<String> = specified.into_iter().map(str::to_owned).collect();
        let mut shown = Shown::of(stored("User", &id, text), &VIEW);
        shown.owned = owned;
        shown.groups = groups.map(|groups| {
            groups.into_iter().map(|(id, display, direct)| group_of(&id, display, direct)).collect()
        });
        // What is not asked for is not read.
        if !projection.wants(registry.resource_type("User").unwrap(), "groups") {
            shown.groups = None;
        }
        let expected = expected(&frame, &shown, &projection, &specified);
        prop_assert_eq!(rendered(&frame, shown, &projection, &specified), expected);
    }

    #[test]
    fn a_group_is_shown_as_if_it_had_been_read_and_cut(
        (name, opaque) in (text(), proptest::option::of(opaque())),
        (projection, switches) in (projection(), switches()),
        members in proptest::option::of(proptest::collection::vec((text(), select(vec!["User", "Group", "Other"]), proptest::option::of(text())), 0..4)),
    ) {
        let registry = Registry::builtin();
        let frame = Frame { registry: &registry, base_url: "https://x.test/scim/v2/c", switches: &switches, transaction: "t" };
        let mut document = json!({"schemas": [builtin::GROUP], "displayName": name});
        if let Some(opaque) = opaque {
            document[OPAQUE] = opaque;
        }
        let mut shown = Shown::of(stored("Group", "g", document.to_string()), &VIEW);
        let (mut found, mut names) = (Vec::new(), BTreeMap::new());
        for (seq, (id, kind, name)) in (1..).zip(members.into_iter().flatten()) {
            found.push(MemberRef { seq: Seq(seq), id: PublicId::from_text(&id), resource_type: kind.into() });
            names.extend(name.map(|name| (Seq(seq), name)));
        }
        // Ids have no blanks in them.
        let ids = names.is_empty() && found.iter().all(|member: &MemberRef| !member.id.as_str().contains(' '));
        let ids = ids.then(|| Found::Ids(MemberIds::of(found.clone(), u64::MAX)));
        if projection.wants(registry.resource_type("Group").unwrap(), "members") {
            shown.members = Some(Members { found: Found::Rows(found, names), rest: None });
        }
        let expected = expected(&frame, &shown, &projection, &[]);
        if let (Some(found), true) = (ids, shown.members.is_some()) {
            let shown = Shown { members: Some(Members { found, rest: None }), ..shown.clone() };
            prop_assert_eq!(&rendered(&frame, shown, &projection, &[]), &expected);
        }
        prop_assert_eq!(rendered(&frame, shown, &projection, &[]), expected);
    }
}

#[test]
fn a_stored_user_is_copied_and_not_read() {
    let registry = Registry::builtin();
    let switches = Preset::Generic.switches();
    let frame = Frame { registry: &registry, base_url: "https://x.test/c", switches: &switches, transaction: "t" };
    for (document, is_copied) in [
        (json!({"schemas": [builtin::USER], "userName": "a", "externalId": "x"}), true),
        (json!({"schemas": [builtin::USER]}), true),
        (json!({"schemas": ["a", "b"], builtin::ENTERPRISE_USER: {"manager": {"value": "a\"b"}}}), true),
        (json!({"schemas": ["a", "b"], "title": "manager"}), true),
        (json!({"schemas": ["a"], builtin::ENTERPRISE_USER: {"manager": {"value": "a", "$ref": "b"}}}), false),
        (json!({"userName": "a", "schemas": ["a"]}), false),
        (json!({"schemas": ["a"], "name": {}}), false),
    ] {
        let shown = Shown::of(stored("User", "1", document.to_string()), &VIEW);
        let care = Care::of(registry.resource_type("User").unwrap()).unwrap();
        assert_eq!(copied::document(&mut String::new(), &care, &frame, &shown), is_copied, "{document}");
    }
    let mut shown = Shown::of(stored("User", "1", r#"{"schemas":["a"],"externalId":"x"}"#.to_owned()), &VIEW);
    shown.owned = false;
    let care = Care::of(registry.resource_type("User").unwrap()).unwrap();
    assert!(!copied::document(&mut String::new(), &care, &frame, &shown));
}

#[test]
fn a_document_that_cannot_be_read_is_500_and_nothing_of_it_is_shown() {
    let registry = Registry::builtin();
    let switches = Preset::Generic.switches();
    let frame = Frame { registry: &registry, base_url: "https://x.test/c", switches: &switches, transaction: "t" };
    let shown = Shown::of(stored("User", "1", "{\"userName\":\"secret".to_owned()), &VIEW);
    let user = registry.resource_type("User").unwrap();
    let error = frame.answer(200, user, shown, &Projection::Default).unwrap_err();
    assert_eq!(error.status, 500);
    assert!(!error.detail.contains("secret"));
}
