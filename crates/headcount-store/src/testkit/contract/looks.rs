//! Looks: one call sees what the methods of a transaction see.

use headcount_model::{ConnectionState, ScopeSet, Seq, TokenId, TokenRecord};
use headcount_token::TokenHash;
use serde_json::json;

use super::{Fixture, World, at, id};
use crate::{
    look::{self, Look, LookAt, Looked},
    members::{MemberIds, MemberRun},
    page::{PageKey, SortValue, Window},
    query::{Adoptable, Order, Query, View},
    resources::StoredResource,
    tenants::{ConnectionChange, TenantChange},
};

/// A token of the world's connection.
fn token(world: &World, name: &str) -> TokenId {
    let record = TokenRecord {
        id: TokenId::from_text(name),
        tenant: world.tenant.key,
        connection: world.connection,
        name: "token".to_owned(),
        scopes: ScopeSet::parse("scim:read").unwrap(),
        created: at(10),
        made_by: "command line".to_owned(),
        lifetime_s: None,
        expires: None,
        last_used: None,
        revoked: None,
    };
    world.write(|txn| txn.insert_token(&record, &TokenHash::from_stored("x"))).unwrap();
    record.id
}

/// Looks, and fails unless a transaction sees the same, and so does whoever does not wait, if the store
/// answers him.
#[track_caller]
fn agreed(world: &World, look: &Look<'_>) -> Looked {
    let seen = world.store.look(&world.ctx, look).unwrap();
    assert_same(&seen, &look::through(&*world.store, &world.ctx, look).unwrap(), look);
    // Twice, since a store may answer otherwise once it has got to know a query.
    assert_same(&world.store.look(&world.ctx, look).unwrap(), &seen, look);
    if let Some(now) = world.store.look_now(&world.ctx, look) {
        assert_same(&now.unwrap(), &seen, look);
    }
    seen
}

#[track_caller]
fn assert_same(seen: &Looked, expected: &Looked, look: &Look<'_>) {
    assert_eq!(seen.standing, expected.standing, "{look:?}");
    assert_eq!(seen.page.resources, expected.page.resources, "{look:?}");
    assert_eq!(seen.page.total, expected.page.total, "{look:?}");
    assert_eq!(seen.page.next, expected.page.next, "{look:?}");
    assert_eq!(seen.groups, expected.groups, "{look:?}");
    assert_eq!(seen.members, expected.members, "{look:?}");
}

fn views(world: &World) -> [View; 4] {
    let view = |connection, adoptable| View { connection, adoptable };
    [
        view(world.connection, Adoptable::Seen),
        view(world.connection, Adoptable::Hidden),
        view(world.application, Adoptable::Seen),
        view(world.other, Adoptable::Seen),
    ]
}

/// Users, some of them adoptable or another connection's, in groups of several levels and in a circle.
fn populated(world: &World) -> Vec<StoredResource> {
    let user = |n: u32| {
        let mail = format!("user{n}@example.com");
        json!({
            "userName": format!("User{n}"), "externalId": format!("Ext{n}"), "displayName": format!("Name {}", n % 3),
            "active": n.is_multiple_of(2), "title": "Chief", "name": {"familyName": format!("Family{}", n % 5)},
            "emails": [{"value": mail, "type": "work"}, {"value": "shared@example.com", "type": "home"}],
        })
    };
    let mut made: Vec<StoredResource> = (1..=9).map(|n| world.user(n, &user(n))).collect();
    made.extend((10..=12).map(|n| world.insert(&world.adoptable("User", n, &user(n)))));
    let foreign = super::NewResource { owner: world.other, ..world.new_resource("User", 13, &user(13)) };
    made.push(world.insert(&foreign));
    let groups: Vec<StoredResource> = (20..=24).map(|n| world.group(n)).collect();
    let theirs =
        super::NewResource { owner: world.other, ..world.new_resource("Group", 25, &json!({"displayName": "Theirs"})) };
    let theirs = world.insert(&theirs);
    // 20 holds users, 21 holds 20, 22 and 23 hold each other, 24 holds itself.
    world.add(&groups[0], &[&made[0], &made[1], &made[9]]);
    world.add(&groups[1], &[&groups[0], &made[1]]);
    world.add(&groups[2], &[&groups[3], &made[2]]);
    world.add(&groups[3], &[&groups[2]]);
    world.add(&groups[4], &[&groups[4], &made[3], &made[4]]);
    world.add(&theirs, &[&made[4], &made[12]]);
    made.extend(groups);
    made.push(theirs);
    made
}

/// Every resource, by every view, with groups of no, one and eight levels.
pub fn looks_at_resources_agree_with_transactions(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let token = token(&world, "tokenAAAAAAA");
    let made = populated(&world);
    for view in &views(&world) {
        for levels in [0, 1, 8] {
            for resource in &made {
                let at = |resource_type| LookAt::Resource { view, resource_type, id: resource.id.as_str() };
                let right = agreed(&world, &Look { token: &token, at: at(&resource.resource_type), levels });
                assert!(right.standing.is_some());
                let wrong = if resource.resource_type == "User" { "Group" } else { "User" };
                let nothing = agreed(&world, &Look { token: &token, at: at(wrong), levels });
                assert_eq!(nothing.page.resources, []);
            }
            for (resource_type, id) in
                [("User", "nobody"), ("User", ""), ("User", "a\0b"), ("Device", "x"), ("Nil", "x")]
            {
                let at = LookAt::Resource { view, resource_type, id };
                let nothing = agreed(&world, &Look { token: &token, at, levels });
                assert!(nothing.standing.is_some());
                assert_eq!(nothing.page.total, 0);
            }
        }
    }
    let view = views(&world)[0];
    let at = LookAt::Resource { view: &view, resource_type: "User", id: made[1].id.as_str() };
    let groups = agreed(&world, &Look { token: &token, at, levels: 8 }).groups;
    let groups: Vec<_> = groups.iter().map(|group| (group.id.clone(), group.direct)).collect();
    assert_eq!(groups, [(id(20), true), (id(21), true)]);
}

/// Every resource with its members, by every view: of one type and of two, all of them and a part.
pub fn looks_at_groups_agree_with_transactions(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let token = token(&world, "tokenAAAAAAA");
    let made = populated(&world);
    for view in &views(&world) {
        for limit in [0, 1, 2, 100] {
            for group in &made {
                let at = LookAt::Group { view, resource_type: &group.resource_type, id: group.id.as_str(), limit };
                let seen = agreed(&world, &Look { token: &token, at, levels: 1 });
                let shown = seen.page.resources.first().map(|group| group.seq);
                let members = shown.map_or(Vec::new(), |seq| world.read(|txn| txn.members(seq, None, limit)).unwrap());
                assert_eq!(seen.members, MemberIds::of(members.clone(), limit), "{at:?}");
                let ids: Vec<&str> = seen.members.runs.iter().flat_map(MemberRun::ids).collect();
                assert_eq!(ids, members.iter().map(|member| member.id.as_str()).collect::<Vec<_>>(), "{at:?}");
            }
            for (resource_type, id) in [("Group", "nobody"), ("Group", "a\0b"), ("Device", "x"), ("Nil", "x")] {
                let at = LookAt::Group { view, resource_type, id, limit };
                let nothing = agreed(&world, &Look { token: &token, at, levels: 0 });
                assert!(nothing.standing.is_some());
                assert_eq!((nothing.page.total, nothing.members), (0, MemberIds::default()));
            }
        }
    }
}

/// Queries of every shape: filters with and without an index, windows, orders, views, levels.
pub fn looks_at_queries_agree_with_transactions(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let token = token(&world, "tokenAAAAAAA");
    let made = populated(&world);
    let long = format!("userName eq \"{}\"", "x".repeat(600));
    let in_group = format!("groups.value eq \"{}\"", made[13].id);
    let filters = [
        "",
        r#"userName eq "uSER3""#,
        r#"userName eq "user11""#,
        r#"userName eq "user13""#,
        r#"userName eq "nobody""#,
        r#"id eq "018bcfe5-6800-7000-8000-000000000004""#,
        r#"externalId eq "Ext1""#,
        r#"externalId eq "Ext11""#,
        r#"externalId eq "Ext13""#,
        r#"displayName eq "name 1""#,
        r#"emails.value eq "user2@example.com""#,
        r#"emails.value eq "shared@example.com""#,
        r#"emails[type eq "work" and value eq "user10@example.com"]"#,
        r#"userName eq "user3" and displayName pr"#,
        r#"externalId eq "Ext2" and title pr"#,
        r#"userName eq "user3" or externalId eq "Ext2""#,
        r#"userName eq "user3" or title pr"#,
        r#"userName eq "user3" or emails.value eq "user5@example.com""#,
        r#"name.familyName sw "fam""#,
        r#"name.familyName co "ily1""#,
        r#"displayName co "me 2" and active eq true"#,
        r#"not (userName eq "user3")"#,
        r#"nickName eq "none""#,
        "userName eq \"a\\u0000b\"",
        &long,
        &in_group,
    ];
    let key = |n: usize| Some(PageKey { sort: None, seq: made[n].seq });
    let windows = [
        Window::Index { offset: 0, limit: 100 },
        Window::Index { offset: 0, limit: 1 },
        Window::Index { offset: 2, limit: 2 },
        Window::Index { offset: 100, limit: 5 },
        Window::Index { offset: 0, limit: 0 },
        Window::After { key: None, limit: 100 },
        Window::After { key: None, limit: 2 },
        Window::After { key: key(1), limit: 3 },
    ];
    for (n, filter) in filters.iter().enumerate() {
        for window in &windows {
            for view in views(&world) {
                let query = Query { view, window: window.clone(), ..world.query("User", filter) };
                let levels = [0, 1, 8][n % 3];
                agreed(&world, &Look { token: &token, at: LookAt::Query(&query), levels });
            }
        }
    }
    for window in [Window::Index { offset: 0, limit: 100 }, Window::Index { offset: 0, limit: 2 }] {
        for filter in ["", r#"externalId eq "Ext1""#, r#"userName eq "user3""#, r#"title eq "chief""#] {
            for order in [Order::Ascending, Order::Descending] {
                let sort = Some(world.sort("User", "userName", order));
                let query = Query { sort, window: window.clone(), ..world.query("User", filter) };
                agreed(&world, &Look { token: &token, at: LookAt::Query(&query), levels: 8 });
            }
        }
    }
    let sort = Some(world.sort("User", "userName", Order::Ascending));
    let key = Some(PageKey { sort: Some(SortValue::Text("user2".to_owned())), seq: Seq(0) });
    let query = Query { sort, window: Window::After { key, limit: 3 }, ..world.query("User", "") };
    agreed(&world, &Look { token: &token, at: LookAt::Query(&query), levels: 1 });
    let mut query = world.query("User", "");
    query.selections.push(world.selection("Group", ""));
    agreed(&world, &Look { token: &token, at: LookAt::Query(&query), levels: 8 });
    for filter in ["", r#"displayName eq "Group 21""#] {
        let query = world.query("Group", filter);
        agreed(&world, &Look { token: &token, at: LookAt::Query(&query), levels: 8 });
    }
}

/// Pages of everything, from both ends and in the middle, while resources come and go.
pub fn looks_at_pages_agree_with_transactions(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let token = token(&world, "tokenAAAAAAA");
    let pages = |world: &World| {
        for view in views(world) {
            for offset in [0, 1, 4, 7, 9, 30] {
                let window = Window::Index { offset, limit: 3 };
                let query = Query { view, window, ..world.query("User", "") };
                for levels in [0, 1, 8] {
                    agreed(world, &Look { token: &token, at: LookAt::Query(&query), levels });
                }
            }
        }
    };
    pages(&world);
    for n in 1..=8 {
        world.named_user(n);
    }
    pages(&world);
    let made = populated_after(&world);
    pages(&world);
    for resource in made.iter().step_by(2) {
        world.delete(resource).unwrap();
    }
    pages(&world);
}

fn populated_after(world: &World) -> Vec<StoredResource> {
    let mut made: Vec<StoredResource> = (50..=53).map(|n| world.named_user(n)).collect();
    let group = world.group(60);
    let members: Vec<&StoredResource> = made.iter().collect();
    world.add(&group, &members);
    made.push(world.insert(&world.adoptable("User", 54, &json!({"userName": "waits"}))));
    made
}

/// What decides about a token is seen with everything that is asked for, as it is now.
pub fn looks_see_the_standing_as_it_is(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let token = token(&world, "tokenAAAAAAA");
    let user = world.named_user(1);
    let view = world.view();
    let query = world.query("User", r#"userName eq "user1""#);
    let page = world.query("User", "");
    let standing = || {
        let look = |at| agreed(&world, &Look { token: &token, at, levels: 1 }).standing.unwrap();
        let standing = look(LookAt::Standing);
        assert_eq!(look(LookAt::Resource { view: &view, resource_type: "User", id: user.id.as_str() }), standing);
        assert_eq!(look(LookAt::Query(&query)), standing);
        assert_eq!(look(LookAt::Query(&page)), standing);
        standing
    };
    let first = standing();
    assert_eq!((first.expires, first.revoked, first.last_used), (None, None, None));
    world.write(|txn| txn.use_token(&token, at(20))).unwrap();
    let noted = standing();
    assert_eq!(noted.last_used, Some(at(20)));
    assert!(noted.decides_like(&first));
    world.write(|txn| txn.expire_token(&token, Some(at(30)))).unwrap();
    assert_eq!(standing().expires, Some(at(30)));
    let change = ConnectionChange { state: Some(ConnectionState::Off), ..ConnectionChange::default() };
    world.write(|txn| txn.change_connection(world.connection, &change)).unwrap();
    let off = standing();
    assert!(off.connection_revision > first.connection_revision);
    let change = TenantChange { entitled: Some(false), ..TenantChange::default() };
    world.write(|txn| txn.change_tenant(&change)).unwrap();
    assert!(standing().tenant_revision > first.tenant_revision);
    world.write(|txn| txn.revoke_token(&token, at(40))).unwrap();
    let dead = standing();
    assert_eq!(dead.revoked, Some(at(40)));
    assert!(!dead.decides_like(&first));
}

/// A token that is not the tenant's sees nothing, whatever it asks for.
pub fn looks_of_other_tenants_tokens_see_nothing(fixture: &dyn Fixture) {
    let (world, foreign) = World::pair(fixture);
    let own = token(&world, "tokenAAAAAAA");
    let theirs = token(&foreign, "tokenBBBBBBB");
    let user = world.named_user(1);
    foreign.named_user(2);
    let view = world.view();
    let (query, page) = (world.query("User", r#"userName eq "user1""#), world.query("User", ""));
    let ats = [
        LookAt::Standing,
        LookAt::Resource { view: &view, resource_type: "User", id: user.id.as_str() },
        LookAt::Query(&query),
        LookAt::Query(&page),
    ];
    for at in ats {
        for name in [theirs.clone(), TokenId::from_text("nobody"), TokenId::from_text("a\0b")] {
            let seen = agreed(&world, &Look { token: &name, at, levels: 8 });
            assert_eq!(seen.standing, None);
            assert_eq!((seen.page.resources.len(), seen.page.total, seen.groups.len()), (0, 0, 0));
        }
        assert!(agreed(&world, &Look { token: &own, at, levels: 8 }).standing.is_some());
        // The two tenants in turn, on the same connections to the database.
        let seen = agreed(&foreign, &Look { token: &theirs, at, levels: 8 });
        assert!(seen.standing.is_some());
        assert!(seen.page.resources.iter().all(|resource| resource.id != user.id));
    }
}
