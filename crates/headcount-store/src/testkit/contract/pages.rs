//! Parts of results: complete, in a stable order, with true totals.

use std::cmp::Ordering;

use headcount_model::PublicId;
use scim_filter::order::{ascending, sort_key};
use serde_json::{Value, json};

use super::{EXTENSION, Fixture, World, id};
use crate::{
    error::StoreError,
    index,
    page::{Page, PageKey, Window},
    query::{Order, Query, ScanLimits, Sort},
    resources::StoredResource,
};

/// Users in whom every attribute is sometimes absent, often tied, and never in the order of
/// creation.
fn crowd(world: &World) -> Vec<StoredResource> {
    let pick = |n: u32, from: &[&str]| from[usize::try_from(n).unwrap() % from.len()].to_owned();
    (1..=23_u32)
        .map(|n| {
            let mixed = (n * 7) % 23;
            let mut document = json!({"userName": format!("{}{mixed:02}", if n % 2 == 0 { "U" } else { "u" })});
            let mut set = |name: &str, value: Value| {
                document.as_object_mut().unwrap().insert(name.to_owned(), value);
            };
            set("active", json!(n % 3 != 0));
            if n % 4 != 0 {
                set("displayName", json!(pick(mixed, &["Zoë", "zoE\u{308}", "adam", "Ädam", "_", "%", ""])));
            }
            if n % 5 != 0 {
                set(
                    "name",
                    json!({
                        "familyName": pick(mixed, &["Σας", "σασ", "Meyer", "ßen", "ssen"]),
                        "givenName": pick(n, &["A", "b", "C"]),
                    }),
                );
            }
            if n % 3 != 1 {
                set("externalId", json!(format!("{}{mixed}", pick(n, &["x", "X", "é"]))));
            }
            if n % 6 != 0 {
                set("title", json!(pick(mixed, &["Chief", "chief", "aide"])));
            }
            match n % 4 {
                0 => {}
                1 => set("emails", json!([{"value": format!("M{mixed}@example.com"), "type": "work"}])),
                2 => set(
                    "emails",
                    json!([
                        {"value": format!("z{mixed}@example.com"), "type": "home"},
                        {"value": format!("a{mixed}@example.com"), "type": "work", "primary": true},
                    ]),
                ),
                _ => set(
                    "emails",
                    json!([{"type": "work", "primary": true}, {"value": "tie@example.com", "type": "home"}]),
                ),
            }
            let mut extension = json!({"level": i64::from(mixed) - 10, "code": pick(n, &["b", "B", "a"])});
            let mut extend = |name: &str, value: Value| {
                extension.as_object_mut().unwrap().insert(name.to_owned(), value);
            };
            if n % 2 == 0 {
                extend(
                    "score",
                    [json!(-1.5), json!(2), json!(10), json!(-0.25), json!(1e20), json!(-300)]
                        [usize::try_from(mixed).unwrap() % 6]
                        .clone(),
                );
            }
            if n % 3 == 0 {
                extend("remote", json!(mixed % 2 == 0));
            }
            if n % 7 != 0 {
                extend(
                    "since",
                    json!(pick(
                        mixed,
                        &[
                            "2024-01-01T00:00:00Z",
                            "2024-01-01T01:00:00+01:00",
                            "1969-12-31T23:59:59Z",
                            "2023-12-31T23:30:00-01:00",
                        ]
                    )),
                );
            }
            if n % 5 != 1 {
                extend("tags", json!([pick(mixed, &["red", "Blue", "green"]), "zz"]));
            }
            if n % 8 != 0 {
                set(EXTENSION, extension);
            }
            if n % 3 == 0 {
                set(
                    scim_schema::builtin::ENTERPRISE_USER,
                    json!({"department": pick(mixed, &["Sales", "sales", "IT"])}),
                );
            }
            let mut new = world.new_resource("User", 1_000 - n * 3, &document);
            // Moments are tied and out of order as well.
            new.created = super::at(i64::from(mixed % 5));
            new.modified = super::at(i64::from(mixed % 4) + 10);
            world.insert(&new)
        })
        .collect()
}

/// What the reference says is the order of these resources.
fn sorted(world: &World, resources: &[StoredResource], sort: &Sort) -> Vec<PublicId> {
    let kind = world.registry.resource_type("User").unwrap();
    let rows = matches!(index::place(kind, &sort.target), index::Place::Values { .. });
    let mut keyed: Vec<_> = resources
        .iter()
        .map(|resource| {
            let document = index::candidate(resource, &[], &[]).unwrap();
            let key = sort_key(&sort.target, &document).map(|key| match key {
                scim_filter::order::SortKey::Text(text) if rows => {
                    scim_filter::order::SortKey::Text(index::cut(&text).to_owned())
                }
                key => key,
            });
            (key, resource.seq, resource.id.clone())
        })
        .collect();
    keyed.sort_by(|left, right| {
        let keys: Ordering = match sort.order {
            Order::Ascending => ascending(left.0.as_ref(), right.0.as_ref()),
            Order::Descending => ascending(right.0.as_ref(), left.0.as_ref()),
        };
        keys.then(left.1.cmp(&right.1))
    });
    keyed.into_iter().map(|(_, _, id)| id).collect()
}

fn list(page: &Page) -> Vec<PublicId> {
    page.resources.iter().map(|resource| resource.id.clone()).collect()
}

/// Reads the whole result in parts by index and checks every part's total.
fn by_index(world: &World, query: &Query, size: u64, total: usize) -> Vec<PublicId> {
    let mut all = Vec::new();
    for offset in (0..).step_by(usize::try_from(size).unwrap()) {
        let offset = u64::try_from(offset).unwrap();
        let page = world.run(&Query { window: Window::Index { offset, limit: size }, ..query.clone() }).unwrap();
        assert_eq!(page.total, u64::try_from(total).unwrap(), "total at {offset}");
        assert_eq!(page.next, None, "an index page has no cursor");
        let wanted = total.saturating_sub(all.len()).min(usize::try_from(size).unwrap());
        assert_eq!(page.resources.len(), wanted, "a part is never shorter than asked and available");
        if page.resources.is_empty() {
            return all;
        }
        all.extend(list(&page));
    }
    all
}

/// Reads the whole result in parts by cursor; the last part, and only it, has no next one.
fn by_cursor(world: &World, query: &Query, size: u64, total: usize) -> Vec<PublicId> {
    let mut all = Vec::new();
    let mut key: Option<PageKey> = None;
    loop {
        let page = world.run(&Query { window: Window::After { key, limit: size }, ..query.clone() }).unwrap();
        assert_eq!(page.total, u64::try_from(total).unwrap());
        let wanted = total.saturating_sub(all.len()).min(usize::try_from(size).unwrap());
        assert_eq!(page.resources.len(), wanted, "a part is never shorter than asked and available");
        all.extend(list(&page));
        assert_eq!(page.next.is_some(), all.len() < total, "after {} of {total}", all.len());
        match page.next {
            Some(next) => key = Some(next),
            None => return all,
        }
    }
}

fn check_order(world: &World, attribute: &str, resources: &[StoredResource], filter: &str) {
    for order in [Order::Ascending, Order::Descending] {
        let sort = world.sort("User", attribute, order);
        let expected = sorted(world, resources, &sort);
        let query = Query { sort: Some(sort), ..world.query("User", filter) };
        let what = format!("{attribute} {order:?} [{filter}]");
        assert_eq!(list(&world.run(&query).unwrap()), expected, "{what}");
        for size in [1, 4, 23, 100] {
            assert_eq!(by_index(world, &query, size, expected.len()), expected, "{what} by {size}");
            assert_eq!(by_cursor(world, &query, size, expected.len()), expected, "{what} by cursor and {size}");
        }
    }
}

fn check_orders(fixture: &dyn Fixture, attributes: &[&str]) {
    let world = World::new(fixture);
    let all = crowd(&world);
    let active: Vec<StoredResource> =
        all.iter().filter(|user| user.document.contains("\"active\":true")).cloned().collect();
    for attribute in attributes {
        check_order(&world, attribute, &all, "");
        check_order(&world, attribute, &active, "active eq true");
    }
}

/// Without `sortBy`: by sequence, with and without a filter.
pub fn unsorted_pages_cover_everything_once_by_sequence(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let all: Vec<PublicId> = crowd(&world).into_iter().map(|user| user.id).collect();
    for filter in ["", "userName sw \"u\"", "title pr or not (title pr)"] {
        let query = world.query("User", filter);
        for size in [1, 2, 5, 22, 23, 24] {
            assert_eq!(by_index(&world, &query, size, all.len()), all, "[{filter}] by {size}");
            assert_eq!(by_cursor(&world, &query, size, all.len()), all, "[{filter}] by cursor and {size}");
        }
    }
}

/// Sorted by userName.
pub fn pages_sorted_by_user_name(fixture: &dyn Fixture) {
    check_orders(fixture, &["userName"]);
}

/// Sorted by the folded columns, which are often absent or tied.
pub fn pages_sorted_by_names(fixture: &dyn Fixture) {
    check_orders(fixture, &["displayName", "name.familyName", "name.givenName"]);
}

/// Sorted by what is compared as it is.
pub fn pages_sorted_by_id_and_external_id(fixture: &dyn Fixture) {
    check_orders(fixture, &["id", "externalId"]);
}

/// Sorted by the times in meta.
pub fn pages_sorted_by_times(fixture: &dyn Fixture) {
    check_orders(fixture, &["meta.created", "meta.lastModified"]);
}

/// Sorted by a boolean column.
pub fn pages_sorted_by_active(fixture: &dyn Fixture) {
    check_orders(fixture, &["active"]);
}

/// Sorted by the primary element that has a value, else the first that has one.
pub fn pages_sorted_by_the_primary_else_the_first_email(fixture: &dyn Fixture) {
    check_orders(fixture, &["emails.value", "emails"]);
}

/// Sorted by the text of an extension.
pub fn pages_sorted_by_extension_text(fixture: &dyn Fixture) {
    check_orders(
        fixture,
        &[
            &format!("{}:department", scim_schema::builtin::ENTERPRISE_USER),
            &format!("{EXTENSION}:code"),
            &format!("{EXTENSION}:tags"),
        ],
    );
}

/// Sorted by numbers, dates and booleans of an extension.
pub fn pages_sorted_by_extension_numbers_dates_and_booleans(fixture: &dyn Fixture) {
    check_orders(
        fixture,
        &["level", "score", "since", "remote"].map(|name| format!("{EXTENSION}:{name}")).each_ref().map(String::as_str),
    );
}

/// Sorted by an attribute that only documents have.
pub fn pages_sorted_by_a_document_only_attribute(fixture: &dyn Fixture) {
    check_orders(fixture, &["title"]);
}

/// Values that agree in their first 512 bytes.
pub fn pages_sorted_by_long_values_cover_everything_once(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let long = "é".repeat(300);
    let users: Vec<StoredResource> = ["c", "a", "b", "", "a"]
        .iter()
        .zip(1..)
        .map(|(tail, n)| {
            world.user(n, &json!({"userName": format!("u{n}"), "emails": [{"value": format!("{long}{tail}")}]}))
        })
        .collect();
    check_order(&world, "emails.value", &users, "");
}

/// Far behind the end, and with a limit of nothing.
pub fn index_pages_at_the_edges(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let all: Vec<PublicId> = crowd(&world).into_iter().map(|user| user.id).collect();
    let sorts = [
        None,
        Some(world.sort("User", "userName", Order::Descending)),
        Some(world.sort("User", "title", Order::Ascending)),
    ];
    for sort in sorts {
        for filter in ["", "active pr"] {
            let query = Query { sort: sort.clone(), ..world.query("User", filter) };
            let at = |offset, limit| {
                let page = world.run(&Query { window: Window::Index { offset, limit }, ..query.clone() }).unwrap();
                assert_eq!(page.total, 23, "{offset} {limit} [{filter}]");
                list(&page)
            };
            let whole = at(0, 1_000);
            assert_eq!(whole.len(), all.len());
            assert_eq!(at(20, 2), whole[20..22]);
            assert_eq!(at(22, 500), whole[22..]);
            for (offset, limit) in [(0, 0), (5, 0), (23, 10), (24, 1), (1_000_000_000_000, 10), (u64::MAX, u64::MAX)] {
                assert_eq!(at(offset, limit), [], "{offset} {limit}");
            }
            assert_eq!(at(0, u64::MAX), whole);
        }
    }
}

/// A cursor holds while rows around it come and go: no row that stays is skipped or repeated.
pub fn cursor_pages_hold_while_rows_come_and_go(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    for n in 1..=9 {
        world.user(n, &json!({"userName": format!("u{n}"), "displayName": format!("d{}", 10 - n)}));
    }
    for sort in [None, Some(world.sort("User", "displayName", Order::Descending))] {
        let part = |key: Option<PageKey>| {
            let query =
                Query { window: Window::After { key, limit: 3 }, sort: sort.clone(), ..world.query("User", "") };
            world.run(&query).unwrap()
        };
        let first = part(None);
        // In both orders the users come as they were made.
        let expected: Vec<PublicId> = world.ids("User", "");
        assert_eq!(list(&first), expected[..3]);
        // The row that the part ended at, and the one after it, go.
        let gone = [
            &first.resources[2],
            &world.run(&world.query("User", &format!("id eq \"{}\"", expected[3]))).unwrap().resources[0],
        ]
        .map(Clone::clone);
        for user in &gone {
            world.delete(user).unwrap();
        }
        let second = part(first.next);
        assert_eq!(list(&second), expected[4..expected.len().min(7)]);
        assert_eq!(second.total, u64::try_from(expected.len() - 2).unwrap());
    }
}

/// Several types are one list, by sequence or by what they have in common.
pub fn several_types_are_one_list(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let names = ["d", "B", "a", "C", "_"];
    let mut all = Vec::new();
    for (n, name) in (1..).zip(names) {
        all.push(world.insert(&world.new_resource("Group", n, &json!({"displayName": name}))));
        all.push(world.user(20 + n, &json!({"userName": format!("u{n}"), "displayName": name})));
        all.push(world.insert(&world.new_resource("Device", 40 + n, &json!({"serial": name}))));
    }
    let selections = ["User", "Group", "Device"].map(|kind| world.selection(kind, "")).to_vec();
    let query = Query { selections, ..world.query("User", "") };
    let expected: Vec<PublicId> = all.iter().map(|resource| resource.id.clone()).collect();
    for size in [1, 4, 100] {
        assert_eq!(by_index(&world, &query, size, 15), expected);
        assert_eq!(by_cursor(&world, &query, size, 15), expected);
    }
    for order in [Order::Ascending, Order::Descending] {
        let sort = world.sort("User", "displayName", order);
        let expected = sorted(&world, &all, &sort);
        let query = Query { sort: Some(sort), ..query.clone() };
        for size in [1, 4, 100] {
            assert_eq!(by_index(&world, &query, size, 15), expected, "{order:?}");
            assert_eq!(by_cursor(&world, &query, size, 15), expected, "{order:?}");
        }
    }
    let some = vec![
        world.selection("User", "displayName eq \"b\""),
        world.selection("Group", "displayName eq \"b\""),
        crate::query::Selection { resource_type: "Device".to_owned(), predicate: scim_filter::Predicate::Nothing },
    ];
    assert_eq!(by_index(&world, &Query { selections: some, ..query.clone() }, 1, 2), [2, 22].map(id));
    assert_eq!(world.run(&Query { selections: Vec::new(), ..query }).unwrap().total, 0);
}

/// A scan past its bound is refused and names the attribute; indexed terms narrow it first.
pub fn scan_past_its_bound_is_too_many(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    for n in 1..=5 {
        world.user(
            n,
            &json!({"userName": format!("u{n}"), "active": true, "title": "Chief", "emails": [{"value": format!("e{n}@example.com")}]}),
        );
    }
    let bounded = |filter: &str, sort: Option<Sort>, documents: u64| {
        let scan = ScanLimits { documents, ..ScanLimits::default() };
        world.run(&Query { sort, scan, ..world.query("User", filter) })
    };
    let refused = |result: Result<Page, StoreError>, wanted: &str| match result {
        Err(StoreError::TooMany { attribute }) => assert_eq!(attribute, wanted),
        other => panic!("{other:?}"),
    };
    let note = format!("{EXTENSION}:note");
    refused(bounded("title eq \"chief\"", None, 4), "title");
    refused(bounded("not (title eq \"x\")", None, 4), "title");
    refused(bounded(&format!("{note} pr"), None, 4), &note);
    refused(bounded("", Some(world.sort("User", "title", Order::Ascending)), 4), "title");
    assert_eq!(bounded("title eq \"chief\"", None, 5).unwrap().total, 5);
    for filter in
        ["userName eq \"u3\" and title eq \"chief\"", "title eq \"chief\" and emails.value eq \"e3@example.com\""]
    {
        assert_eq!(list(&bounded(filter, None, 4).unwrap()), [id(3)], "{filter}");
    }
    // What has an index is never bounded.
    for filter in
        ["", "userName co \"u\"", "emails pr", "not (emails.value eq \"x\")", "meta.created pr", "active eq true"]
    {
        assert_eq!(bounded(filter, None, 1).unwrap().total, 5, "{filter}");
    }
    for attribute in ["userName", "emails.value", "meta.created", &format!("{EXTENSION}:level")] {
        let sort = world.sort("User", attribute, Order::Ascending);
        assert_eq!(bounded("", Some(sort), 1).unwrap().total, 5, "{attribute}");
    }
}
