//! What SQL answers equals what matching in memory answers: lists, totals, order and pages.

use std::{cmp::Ordering, collections::BTreeSet, sync::Arc};

use headcount_model::{ConnectionKey, PublicId, Timestamp};
use headcount_store::{
    Store, StoreExt, TenantCtx,
    index::{Column, IndexPolicy, Place, candidate, cut, form, place},
    page::{PageKey, Window},
    query::{Adoptable, Order, Query, ScanLimits, Selection, Sort, View},
    resources::{NewResource, StoredResource, Tombstone, Update},
    store::Abort,
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use scim_filter::{
    CompileOptions, Filter, Limits, Predicate, Target,
    arbitrary::{user_document, user_filter},
    matches,
    order::{SortKey, ascending, sort_key},
    parser::Leniencies,
};
use scim_schema::{AttrPath, Registry, Resource, datetime, fold::fold_user_name};
use serde_json::{Map, Value, json};

use crate::{
    beginnings::{self, Made},
    postgres::Postgres,
    sqlite::Sqlite,
};

#[test]
fn sqlite_agrees_with_memory() {
    let registry = Arc::new(Registry::builtin());
    let sqlite = Sqlite::default();
    let store = sqlite.fresh(&registry);
    agrees(&store, &registry);
}

#[test]
fn sqlite_agrees_on_parts_of_texts() {
    let registry = Arc::new(Registry::builtin());
    let sqlite = Sqlite::default();
    let store = sqlite.fresh(&registry);
    agrees_on_parts(&store, &registry);
}

mod postgres {
    use super::{Arc, Postgres, Registry, agrees, agrees_on_parts};

    #[test]
    fn postgres_agrees_with_memory() {
        let Some(postgres) = Postgres::from_environment() else { return };
        let registry = Arc::new(Registry::builtin());
        let (store, _) = postgres.fresh(Arc::clone(&registry));
        agrees(&store, &registry);
    }

    #[test]
    fn postgres_agrees_on_parts_of_texts() {
        let Some(postgres) = Postgres::from_environment() else { return };
        let registry = Arc::new(Registry::builtin());
        let (store, _) = postgres.fresh(Arc::clone(&registry));
        agrees_on_parts(&store, &registry);
    }
}

/// Texts that names are made of: what SQL would take for a pattern or for an end, what folds to
/// other lengths, what has more bytes than characters.
const TEXTS: [&str; 24] = [
    "Garc\u{ed}a07",
    "GARCIA",
    "Gar cia",
    "100% sure",
    "under_score",
    "underXscore",
    "O'Neil-Stra\u{df}e",
    "STRASSE",
    "strasse strasse",
    "back\\slash",
    "\"quoted\"",
    "semi;colon--",
    "\u{130}stanbul",
    "istanbul",
    "\u{fb03}nite \u{fb03}",
    "\u{1f600}\u{1f600}\u{1f600}x",
    "\u{1f600}\u{1f600}",
    "\u{65e5}\u{672c}\u{8a9e}\u{5909}",
    "abcabcabd",
    "bcabca",
    "abd",
    "ab",
    "a",
    "A\u{301}nna",
];

/// What is looked for: parts of the texts, and what is none.
const PARTS: [&str; 27] = [
    "arc",
    "arcia",
    "garc\u{ed}a",
    "GARC\u{cd}A",
    "100%",
    "%",
    "_",
    "under_",
    "r_s",
    "o'n",
    "stra\u{df}e",
    "STRASSE",
    "k\\s",
    "\\",
    "\"quo",
    ";colon--",
    "stanbul",
    "\u{130}sta",
    "ffi",
    "\u{1f600}\u{1f600}\u{1f600}",
    "\u{672c}\u{8a9e}",
    "abcabd",
    "bcabca",
    "ab",
    "a",
    "zzz",
    "rue-\u{301}",
];

fn agrees_on_parts(store: &dyn Store, registry: &Registry) {
    let users = registry.resource_type("User").unwrap();
    let mut turn = 0;
    for long in [Long::None, Long::Some] {
        let tenant = furnish_texts(store, registry, long);
        let tail = "z".repeat(40) + "tail";
        let deep = format!("{}deep", "y".repeat(600));
        for attribute in ["userName", "displayName", "name.familyName", "name.givenName", "emails.value"] {
            for part in PARTS.into_iter().chain([tail.as_str(), deep.as_str(), "zta", ""]) {
                let part = Value::from(part);
                let others = [
                    format!("{attribute} sw {part}"),
                    format!("{attribute} eq {part}"),
                    format!("not ({attribute} co {part})"),
                    format!("{attribute} co {part} and emails[type eq \"work\" and value co {part}]"),
                    format!("{attribute} ew {part} or name.familyName co {part}"),
                ];
                turn += 1;
                let always = [format!("{attribute} co {part}"), format!("{attribute} ew {part}")];
                for filter in always.iter().chain([&others[turn % others.len()]]) {
                    let parsed = Filter::parse(filter, &Limits::FILTER, &Leniencies::default()).unwrap();
                    let predicate =
                        Predicate::compile(&parsed, registry, users, false, CompileOptions::default()).unwrap();
                    let expected = expected(&tenant, &predicate, None);
                    let query = Query {
                        view: tenant.view,
                        selections: vec![Selection { resource_type: "User".to_owned(), predicate }],
                        sort: None,
                        window: Window::Index { offset: 0, limit: 1_000 },
                        scan: ScanLimits { documents: 10_000, millis: 60_000 },
                    };
                    let page = store.reading::<_, ()>(&tenant.ctx, |txn| Ok(txn.query(&query)?)).unwrap();
                    assert_eq!(ids(&page.resources), expected, "{filter}");
                }
            }
        }
    }
}

/// A tenant whose users have the texts everywhere, more of them than wait to be indexed, some of them
/// renamed and some deleted.
fn furnish_texts(store: &dyn Store, registry: &Registry, long: Long) -> Tenant {
    let users = registry.resource_type("User").unwrap();
    let slug = if long == Long::Some { "texts-long" } else { "texts" };
    let (ctx, view) = empty_tenant(store, slug);
    let tail = format!("{}{}tail", "x".repeat(600), "z".repeat(40));
    let deep = format!("{}deep and on", "y".repeat(600));
    let mut texts: Vec<&str> = TEXTS.to_vec();
    if long == Long::Some {
        texts.extend([tail.as_str(), deep.as_str()]);
    }
    let document = |n: usize| {
        let text = |step: usize| texts[(n * 7 + step * 5) % texts.len()];
        json!({
            "userName": format!("{} {n}", text(0).chars().take(60).collect::<String>()),
            "externalId": text(1),
            "displayName": text(2),
            "name": {"familyName": text(3), "givenName": text(4)},
            "emails": [{"value": text(5), "type": "work"}, {"value": format!("{n}{}", text(6)), "type": "home"}],
        })
    };
    let form_of = |document: &Value| {
        let policy = IndexPolicy { external_id_unique: false, unique_group_names: true };
        form(users, &Resource::from_document(document.as_object().unwrap().clone()), policy)
    };
    let at = Timestamp::from_micros(0);
    let mut stored = Vec::new();
    for n in 0..150 {
        let before = document(n);
        let new = NewResource {
            id: PublicId::from_text(&format!("{slug}-{n:04}")),
            resource_type: "User".to_owned(),
            owner: view.connection,
            adoptable: false,
            version: 1,
            created: at,
            modified: at,
            index: form_of(&before),
            document: before.to_string(),
        };
        let kept = store.writing::<_, ()>(&ctx, |txn| {
            let seq = txn.insert_resource(&new)?;
            let found = txn.load_resources(&[seq])?.pop().ok_or(Abort::Refuse(()))?;
            Ok(found)
        });
        let resource = kept.unwrap();
        let kept = store.writing::<_, ()>(&ctx, |txn| {
            if n % 10 == 3 {
                // Another user's texts, so that what was indexed of these is no longer true.
                let mut after = document(n + 1_001);
                after["userName"] = before["userName"].clone();
                let update = Update {
                    before: &resource,
                    index_before: &new.index,
                    owner: resource.owner,
                    adoptable: false,
                    modified: at,
                    index: &form_of(&after),
                    document: after.to_string(),
                };
                txn.update_resource(&update)?;
            }
            if n % 10 == 7 {
                let tombstone = Tombstone {
                    id: resource.id.clone(),
                    resource_type: "User".to_owned(),
                    owner: resource.owner,
                    key: None,
                    version: 1,
                    created: at,
                    deleted: at,
                    document: "{}".to_owned(),
                    groups: Vec::new(),
                };
                txn.delete_resource(&resource, &tombstone)?;
            }
            Ok(txn.load_resources(&[resource.seq])?.pop())
        });
        if let Some(resource) = kept.unwrap() {
            let document = candidate(&resource, &[], &[]).unwrap();
            stored.push((resource, document));
        }
    }
    Tenant { ctx, view, stored }
}

fn empty_tenant(store: &dyn Store, slug: &str) -> (TenantCtx, View) {
    let Made { ctx, application, .. } = beginnings::tenant(store, slug);
    (ctx, View { connection: application, adoptable: Adoptable::Seen })
}

/// Attributes to sort by: columns, times, value rows, and one that only documents have.
const SORTS: [&str; 10] = [
    "userName",
    "displayName",
    "name.familyName",
    "externalId",
    "id",
    "active",
    "meta.created",
    "emails.value",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "title",
];

/// Users in each tenant.
const USERS: usize = 150;

/// A tenant with its users, and what each is as a document.
struct Tenant {
    ctx: TenantCtx,
    view: View,
    stored: Vec<(StoredResource, Map<String, Value>)>,
}

fn agrees(store: &dyn Store, registry: &Registry) {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        TestRng::from_seed(RngAlgorithm::ChaCha, b"filters and users to compare on."),
    );
    #[expect(clippy::disallowed_methods, reason = "as proptest's own runner does")]
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(60);
    // A value that was cut makes the store look into documents, so one tenant has none.
    let tenants = [Long::Some, Long::None].map(|long| furnish(store, registry, &mut runner, long));
    let users = registry.resource_type("User").unwrap();
    let filters = user_filter();
    let mut pairs = 0;
    for case in 0..cases {
        let filter = filters.new_tree(&mut runner).unwrap().current();
        let predicate = Predicate::compile(&filter, registry, users, false, CompileOptions::default()).unwrap();
        let path = SORTS[case % SORTS.len()];
        let order = if case % 3 == 0 { Order::Descending } else { Order::Ascending };
        let target = Target::for_sort(&AttrPath::parse(path).unwrap(), users, CompileOptions::default()).unwrap();
        for tenant in &tenants {
            for sort in [None, Some(Sort { target: target.clone(), order })] {
                compare(store, tenant, &predicate, sort.as_ref(), &format!("{filter}"));
                pairs += tenant.stored.len();
            }
        }
    }
    assert!(pairs >= 20_000 || cases < 60, "{pairs} pairs of a filter and a resource are too few");
}

/// Compares one query by index, at once and in parts, and by cursor.
fn compare(store: &dyn Store, tenant: &Tenant, predicate: &Predicate, sort: Option<&Sort>, filter: &str) {
    let expected = expected(tenant, predicate, sort);
    let what = format!("{filter} sorted by {:?}", sort.map(|sort| (&sort.target.key, sort.order)));
    let total = u64::try_from(expected.len()).unwrap();
    let ask = |window: Window| {
        let query = Query {
            view: tenant.view,
            selections: vec![Selection { resource_type: "User".to_owned(), predicate: predicate.clone() }],
            sort: sort.cloned(),
            window,
            scan: ScanLimits { documents: 10_000, millis: 60_000 },
        };
        let page = store.reading::<_, ()>(&tenant.ctx, |txn| Ok(txn.query(&query)?));
        page.unwrap_or_else(|error| panic!("{what}: {error:?}"))
    };
    let page = ask(Window::Index { offset: 0, limit: 1_000 });
    assert_eq!(ids(&page.resources), expected, "{what}");
    assert_eq!(page.total, total, "{what}");
    let page = ask(Window::Index { offset: total / 2, limit: 7 });
    let part: Vec<PublicId> = expected.iter().skip(expected.len() / 2).take(7).cloned().collect();
    assert_eq!(ids(&page.resources), part, "{what}, a part");
    assert_eq!(page.total, total, "{what}, a part");
    let mut key: Option<PageKey> = None;
    let mut read = Vec::new();
    loop {
        let page = ask(Window::After { key, limit: 60 });
        assert_eq!(page.total, total, "{what}, by cursor");
        read.extend(ids(&page.resources));
        match page.next {
            Some(next) => key = Some(next),
            None => break,
        }
    }
    assert_eq!(read, expected, "{what}, by cursor");
}

fn expected(tenant: &Tenant, predicate: &Predicate, sort: Option<&Sort>) -> Vec<PublicId> {
    let registry = Registry::builtin();
    let users = registry.resource_type("User").unwrap();
    let mut found: Vec<(Option<SortKey>, &StoredResource)> = tenant
        .stored
        .iter()
        .filter(|(_, document)| matches::resource(predicate, document))
        .map(|(resource, document)| {
            let key = sort.and_then(|sort| {
                // Indexed text is sorted by as much of it as is kept.
                let is_cut = match place(users, &sort.target) {
                    Place::Column(column) => matches!(column, Column::Display | Column::Family | Column::Given),
                    place => matches!(place, Place::Values { .. }),
                };
                match sort_key(&sort.target, document)? {
                    SortKey::Text(text) if is_cut => Some(SortKey::Text(cut(&text).to_owned())),
                    key => Some(key),
                }
            });
            (key, resource)
        })
        .collect();
    found.sort_by(|(left_key, left), (right_key, right)| {
        let keys = ascending(left_key.as_ref(), right_key.as_ref());
        let keys = match sort.map(|sort| sort.order) {
            None => Ordering::Equal,
            Some(Order::Ascending) => keys,
            Some(Order::Descending) => keys.reverse(),
        };
        keys.then(left.seq.cmp(&right.seq))
    });
    found.into_iter().map(|(_, resource)| resource.id.clone()).collect()
}

fn ids(resources: &[StoredResource]) -> Vec<PublicId> {
    resources.iter().map(|resource| resource.id.clone()).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Long {
    None,
    Some,
}

fn furnish(store: &dyn Store, registry: &Registry, runner: &mut TestRunner, long: Long) -> Tenant {
    let slug = if long == Long::Some { "long" } else { "short" };
    let Made { ctx, application, .. } = beginnings::tenant(store, slug);
    // Some wait to be adopted, so that both parts of a view are read. The connection need not exist.
    let view = View { connection: ConnectionKey(9_999), adoptable: Adoptable::Seen };
    let documents = user_document();
    let mut names = BTreeSet::new();
    let mut stored = Vec::new();
    let mut n = 0;
    while stored.len() < USERS {
        let mut document = documents.new_tree(runner).unwrap().current();
        if long == Long::None && Value::Object(document.clone()).to_string().contains("long long") {
            continue;
        }
        n += 1;
        let mut name = document["userName"].as_str().unwrap().to_owned();
        while !names.insert(fold_user_name(&name).into_owned()) {
            name = format!("{}{n}", name.trim());
        }
        document.insert("userName".to_owned(), json!(name));
        let meta = document.remove("meta").unwrap();
        let time = |name: &str| Timestamp::from_micros(datetime::parse(meta[name].as_str().unwrap()).unwrap());
        let id = document.remove("id").unwrap();
        let id = if n <= 12 {
            format!("{}{n}", id.as_str().unwrap())
        } else {
            format!("0198{n:04}-0000-7000-8000-0000000000a0")
        };
        let index = form(
            registry.resource_type("User").unwrap(),
            &Resource::from_document(document.clone()),
            IndexPolicy { external_id_unique: false, unique_group_names: true },
        );
        let adoptable = n % 5 == 0;
        let new = NewResource {
            id: PublicId::from_text(&id),
            resource_type: "User".to_owned(),
            owner: if adoptable { application } else { view.connection },
            adoptable,
            version: 1,
            created: time("created"),
            modified: time("lastModified"),
            document: Value::Object(document).to_string(),
            index,
        };
        let resource = store.writing::<_, ()>(&ctx, |txn| {
            let seq = txn.insert_resource(&new)?;
            txn.load_resources(&[seq])?.pop().ok_or(Abort::Refuse(()))
        });
        let resource = resource.unwrap();
        let document = candidate(&resource, &[], &[]).unwrap();
        stored.push((resource, document));
    }
    Tenant { ctx, view, stored }
}
