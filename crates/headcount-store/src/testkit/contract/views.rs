//! What a connection sees, and how many it is told there are.

use headcount_model::{ConnectionKey, PublicId};
use serde_json::json;

use super::{Fixture, World, find, id};
use crate::{
    page::Window,
    query::{Adoptable, Query, View},
    resources::{NewResource, StoredResource},
    store::Verdict,
};

/// A user of each kind: 1 own, 2 the other connection's, 3 waiting to be adopted, 4 the
/// application's for good.
fn one_of_each(world: &World) -> [StoredResource; 4] {
    let user = |n: u32| {
        let document = json!({
            "userName": format!("user{n}"), "active": true, "title": "same", "emails": [{"value": "same@example.com"}],
        });
        world.new_resource("User", n, &document)
    };
    [
        user(1),
        NewResource { owner: world.other, ..user(2) },
        NewResource { owner: world.application, adoptable: true, ..user(3) },
        NewResource { owner: world.application, ..user(4) },
    ]
    .map(|new| world.insert(&new))
}

/// Which of the ids 1 to 4 each view shows.
fn views(world: &World) -> Vec<(View, Vec<u32>)> {
    let view = |connection: ConnectionKey, adoptable| View { connection, adoptable };
    vec![
        (view(world.connection, Adoptable::Seen), vec![1, 3]),
        (view(world.connection, Adoptable::Hidden), vec![1]),
        (view(world.other, Adoptable::Seen), vec![2, 3]),
        (view(world.other, Adoptable::Hidden), vec![2]),
        (view(world.application, Adoptable::Seen), vec![3, 4]),
        // It owns what waits to be adopted.
        (view(world.application, Adoptable::Hidden), vec![3, 4]),
        (view(ConnectionKey(i64::MAX), Adoptable::Hidden), vec![]),
        (view(ConnectionKey(0), Adoptable::Hidden), vec![]),
    ]
}

/// By id: what the connection owns and, if it may, what waits to be adopted.
pub fn find_shows_own_and_adoptable_resources_only(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let all = one_of_each(&world);
    for (view, shown) in views(&world) {
        let found: Vec<PublicId> =
            all.iter().filter_map(|user| find(&world, view, "User", &user.id)).map(|user| user.id).collect();
        assert_eq!(found, ids(&shown), "{view:?}");
    }
}

/// In lists and totals, with and without a filter that the whole tenant would satisfy.
pub fn lists_and_totals_hold_own_and_adoptable_resources_only(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    one_of_each(&world);
    let filters =
        ["", "active eq true", "emails.value eq \"same@example.com\"", "title eq \"same\"", "not (userName eq \"x\")"];
    for (view, shown) in views(&world) {
        for filter in filters {
            let query = Query { view, ..world.query("User", filter) };
            let page = world.run(&query).unwrap();
            assert_eq!(list(&page.resources), ids(&shown), "{view:?} {filter}");
            assert_eq!(page.total, u64::try_from(shown.len()).unwrap(), "{view:?} {filter}");
            let totalled = world.run(&Query { window: Window::Index { offset: 0, limit: 0 }, ..query }).unwrap();
            assert_eq!((totalled.total, totalled.resources.len()), (page.total, 0), "{view:?} {filter}");
        }
        let by_name: Vec<u32> = (1..5)
            .filter(|n| {
                let query = Query { view, ..world.query("User", &format!("userName eq \"user{n}\"")) };
                world.run(&query).unwrap().total == 1
            })
            .collect();
        assert_eq!(by_name, shown, "{view:?} by userName");
    }
}

/// As members to be.
pub fn members_are_looked_up_through_the_view(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    one_of_each(&world);
    let asked = [1, 2, 3, 4].map(id);
    let asked: Vec<&str> = asked.iter().map(PublicId::as_str).collect();
    for (view, shown) in views(&world) {
        let found = world.read(|txn| txn.find_members(&view, &asked)).unwrap();
        assert_eq!(found.into_iter().map(|member| member.id).collect::<Vec<_>>(), ids(&shown), "{view:?}");
    }
}

/// As groups of a user, and in a filter by `groups.value`.
pub fn groups_of_a_user_are_those_of_the_view(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let user = world.insert(&world.adoptable("User", 9, &json!({"userName": "member"})));
    let group = |n: u32| world.new_resource("Group", n, &json!({"displayName": format!("Group {n}")}));
    let groups = [
        group(1),
        NewResource { owner: world.other, ..group(2) },
        NewResource { owner: world.application, adoptable: true, ..group(3) },
        NewResource { owner: world.application, ..group(4) },
    ]
    .map(|new| world.insert(&new));
    for group in &groups {
        world.add(group, &[&user]);
    }
    for (view, shown) in views(&world) {
        let found = world.read(|txn| txn.groups_of(&view, &[user.seq], 8)).unwrap();
        assert_eq!(found.iter().map(|group| group.id.clone()).collect::<Vec<_>>(), ids(&shown), "{view:?}");
        let seen = view.adoptable == Adoptable::Seen || view.connection == world.application;
        for group in &groups {
            let filter = format!("groups.value eq \"{}\"", group.id);
            let total = world.run(&Query { view, ..world.query("User", &filter) }).unwrap().total;
            let expected = seen && ids(&shown).contains(&group.id);
            assert_eq!(total, u64::from(expected), "{view:?} {filter}");
        }
    }
    // Which groups lose a deleted user is asked for all owners.
    let all = world.read(|txn| txn.groups_with_member(user.seq)).unwrap();
    let owners: Vec<_> = all.iter().map(|(group, owner)| (group.id.clone(), *owner)).collect();
    assert_eq!(
        owners,
        [(id(1), world.connection), (id(2), world.other), (id(3), world.application), (id(4), world.application)]
    );
}

/// Adoption keeps id and sequence, and moves the account from one sight to another.
pub fn adopted_resource_is_seen_by_its_new_owner_only(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let [_, _, waiting, _] = one_of_each(&world);
    let document = json!({"userName": "user3", "title": "adopted"});
    assert_eq!(world.update(&waiting, &document, world.connection, false).unwrap(), 2);
    let adopted = find(&world, world.view(), "User", &waiting.id).unwrap();
    assert_eq!((adopted.seq, adopted.owner, adopted.adoptable), (waiting.seq, world.connection, false));
    let hidden = View { connection: world.connection, adoptable: Adoptable::Hidden };
    assert!(find(&world, hidden, "User", &waiting.id).is_some());
    for connection in [world.other, world.application] {
        assert!(find(&world, View { connection, ..world.view() }, "User", &waiting.id).is_none());
    }
    check_totals(&world);
}

/// Totals are true after every kind of change.
pub fn totals_follow_every_change(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    check_totals(&world);
    let [own, other, waiting, kept] = one_of_each(&world);
    world.group(10);
    world.insert(&world.adoptable("Group", 11, &json!({"displayName": "waits"})));
    check_totals(&world);
    // A plain change moves nothing.
    world.update(&own, &json!({"userName": "user1", "active": false}), world.connection, false).unwrap();
    check_totals(&world);
    // Adoption, giving back, and from one owner to another.
    world.update(&waiting, &json!({"userName": "user3"}), world.connection, false).unwrap();
    check_totals(&world);
    world.update(&kept, &json!({"userName": "user4"}), world.application, true).unwrap();
    check_totals(&world);
    world.update(&other, &json!({"userName": "user2"}), world.application, true).unwrap();
    check_totals(&world);
    // What is rolled back counts nothing, as a whole or in part.
    world
        .write(|txn| {
            txn.nested(&mut |txn| {
                txn.insert_resource(&world.new_resource("User", 20, &json!({"userName": "user20"})))?;
                Ok(Verdict::Rollback)
            })?;
            txn.insert_resource(&world.new_resource("User", 21, &json!({"userName": "user21"})))
        })
        .unwrap();
    check_totals(&world);
    for n in [1, 2, 3, 21] {
        let user = world.read(|txn| {
            let all =
                txn.query(&Query { view: world.view(), ..world.query("User", &format!("id eq \"{}\"", id(n))) })?;
            Ok(all.resources)
        });
        world.delete(&user.unwrap()[0]).unwrap();
        check_totals(&world);
    }
    assert_eq!(world.total(world.view(), "User"), 1, "user 4 waits to be adopted");
}

/// Compares the totals of every view with what the lists hold.
fn check_totals(world: &World) {
    for (view, _) in views(world) {
        for resource_type in ["User", "Group"] {
            let listed = world.run(&Query { view, ..world.query(resource_type, "") }).unwrap();
            let length = u64::try_from(listed.resources.len()).unwrap();
            assert_eq!(listed.total, length, "{view:?} {resource_type}");
            assert_eq!(world.total(view, resource_type), length, "{view:?} {resource_type}");
            // A filter that holds for all is counted and not looked up.
            let counted = world.run(&Query { view, ..world.query(resource_type, "id pr") }).unwrap();
            assert_eq!(counted.total, length, "{view:?} {resource_type}");
        }
    }
}

fn ids(numbers: &[u32]) -> Vec<PublicId> {
    numbers.iter().copied().map(id).collect()
}

fn list(resources: &[StoredResource]) -> Vec<PublicId> {
    resources.iter().map(|resource| resource.id.clone()).collect()
}
