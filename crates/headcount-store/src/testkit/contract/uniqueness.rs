//! What may not occur twice.

use serde_json::{Value, json};

use super::{EXTENSION, Fixture, POLICY, World, assert_taken, id};
use crate::{error::Holder, index::IndexPolicy, resources::NewResource, store::Verdict};

/// One userName over all owners and states, in every letter case and Unicode form.
pub fn user_name_is_unique_over_owners_and_states(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let user = |name: &str, n: u32| world.new_resource("User", n, &json!({"userName": name}));
    world.insert(&user("Kate", 1));
    world.insert(&world.new_resource("User", 2, &json!({"userName": "off", "active": false})));
    world.insert(&world.adoptable("User", 3, &json!({"userName": "waits"})));
    world.insert(&user("Σας", 4));
    world.insert(&user("e\u{301}mile", 5));
    let twins = ["kate", "KATE", " Kate ", "\u{212a}ate", "OFF", "Waits", "σΑΣ", "\u{e9}MILE"];
    for (n, name) in (10..).zip(twins) {
        for owner in [world.connection, world.other, world.application] {
            let new = NewResource { owner, ..user(name, n) };
            assert_taken(world.write(|txn| txn.insert_resource(&new)), "userName");
        }
    }
    // Simple folding keeps these apart.
    for (n, name) in (30..).zip(["straße", "strasse", "kıte", "kite"]) {
        world.insert(&user(name, n));
    }
    assert_eq!(world.ids("User", "").len(), 9);
}

/// Who holds a name is said, seen or not.
pub fn key_holder_names_owner_and_flag(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    world.insert(&NewResource { owner: world.other, ..world.new_resource("User", 1, &json!({"userName": "Ann"})) });
    world.insert(&world.adoptable("User", 2, &json!({"userName": "Bob"})));
    world.insert(&NewResource {
        owner: world.other,
        ..world.new_resource("Group", 3, &json!({"displayName": "Staff"}))
    });
    let holder =
        |resource_type: &str, owner, key: &str| world.read(|txn| txn.key_holder(resource_type, owner, key)).unwrap();
    assert_eq!(holder("User", None, "ann"), Some(Holder { owner: world.other, adoptable: false }));
    assert_eq!(holder("User", None, "bob"), Some(Holder { owner: world.application, adoptable: true }));
    assert_eq!(holder("User", None, "Ann"), None);
    assert_eq!(holder("Group", None, "ann"), None);
    assert_eq!(holder("Group", Some(world.other), "staff"), Some(Holder { owner: world.other, adoptable: false }));
    assert_eq!(holder("Group", Some(world.connection), "staff"), None);
}

/// A group's name is unique within its owner only.
pub fn group_name_is_unique_within_its_owner(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let group = |n: u32, name: &str| world.new_resource("Group", n, &json!({"displayName": name}));
    world.insert(&group(1, "Staff"));
    assert_taken(world.write(|txn| txn.insert_resource(&group(2, "STAFF"))), "displayName");
    world.insert(&NewResource { owner: world.other, ..group(3, "Staff") });
    world.insert(&NewResource { owner: world.application, ..group(4, "Staff") });
    // A user may be called like a group.
    world.user(5, &json!({"userName": "staff", "displayName": "Staff"}));
    world.user(6, &json!({"userName": "staff2", "displayName": "Staff"}));
}

/// With the switch off group names repeat.
pub fn group_names_repeat_while_the_switch_is_off(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let policy = IndexPolicy { unique_group_names: false, ..POLICY };
    for n in [1, 2] {
        let new = world.new_resource("Group", n, &json!({"displayName": "Staff"}));
        world.insert(&NewResource { index: world.form("Group", &new.document, policy), ..new });
    }
    assert_eq!(world.ids("Group", "displayName eq \"staff\""), [id(1), id(2)]);
}

/// A group that waits to be adopted is found by its name.
pub fn adoptable_holder_finds_what_waits_under_a_name(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let waiting = world.insert(&world.adoptable("Group", 1, &json!({"displayName": "Staff"})));
    world.insert(&NewResource {
        owner: world.application,
        ..world.new_resource("Group", 2, &json!({"displayName": "Kept"}))
    });
    world.group(3);
    let holder = |resource_type: &str, key: &str| world.read(|txn| txn.adoptable_holder(resource_type, key)).unwrap();
    assert_eq!(holder("Group", "staff"), Some(waiting.seq));
    for (resource_type, key) in [("Group", "kept"), ("Group", "group 3"), ("Group", "Staff"), ("User", "staff")] {
        assert_eq!(holder(resource_type, key), None, "{resource_type} {key}");
    }
    world.update(&waiting, &json!({"displayName": "Staff"}), world.connection, false).unwrap();
    assert_eq!(holder("Group", "staff"), None);
}

/// Ids are unique over all types of a tenant.
pub fn id_is_unique_over_all_types(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    world.named_user(1);
    assert_taken(
        world.write(|txn| txn.insert_resource(&world.new_resource("User", 1, &json!({"userName": "x"})))),
        "id",
    );
    let group = world.new_resource("Group", 1, &json!({"displayName": "x"}));
    assert_taken(world.write(|txn| txn.insert_resource(&group)), "id");
}

/// Attributes declared unique are, in the tenant and in their type, until the value is given up.
pub fn declared_unique_attribute_is_unique_in_the_tenant(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let badge = |n: u32, badge: &str| {
        world.new_resource("User", n, &json!({"userName": format!("user{n}"), EXTENSION: {"badge": badge}}))
    };
    let key = format!("{EXTENSION}:badge");
    let first = world.insert(&badge(1, "A-1"));
    for owner in [world.connection, world.other] {
        assert_taken(world.write(|txn| txn.insert_resource(&NewResource { owner, ..badge(2, "a-1") })), &key);
    }
    let second = world.insert(&badge(2, "a-2"));
    let wanted = json!({"userName": "user2", EXTENSION: {"badge": "a-1"}});
    assert_taken(world.update(&second, &wanted, world.connection, false), &key);
    // Its own value in another letter case, then another value: the old one is free.
    world.update(&first, &json!({"userName": "user1", EXTENSION: {"badge": "a-1"}}), world.connection, false).unwrap();
    let first = world.load(first.seq).unwrap();
    world.update(&first, &json!({"userName": "user1"}), world.connection, false).unwrap();
    world.update(&second, &wanted, world.connection, false).unwrap();
    // Empty text is no value.
    world.insert(&badge(3, ""));
    world.insert(&badge(4, ""));
    let device = |n: u32, serial: &str| world.new_resource("Device", n, &json!({"serial": serial}));
    world.insert(&device(5, "a-1"));
    world.insert(&device(6, "A-1"));
    assert_taken(world.write(|txn| txn.insert_resource(&device(7, "a-1"))), "serial");
}

/// externalId is unique within connection and type, as it is written, while the switch is on.
pub fn external_id_is_unique_within_its_connection_while_the_switch_is_on(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let user = |n: u32, external_id: &str| {
        world.new_resource("User", n, &json!({"userName": format!("user{n}"), "externalId": external_id}))
    };
    world.insert(&user(1, "X"));
    assert_taken(world.write(|txn| txn.insert_resource(&user(2, "X"))), "externalId");
    world.insert(&user(3, "x"));
    world.insert(&NewResource { owner: world.other, ..user(4, "X") });
    world.insert(&world.new_resource("Group", 5, &json!({"displayName": "g", "externalId": "X"})));
    let off = IndexPolicy { external_id_unique: false, ..POLICY };
    let free = user(6, "X");
    world.insert(&NewResource { index: world.form("User", &free.document, off), ..free });
    assert_eq!(world.ids("User", "externalId eq \"X\""), [id(1), id(6)]);
}

/// A change to a name that is taken is refused and changes nothing.
pub fn update_to_a_taken_name_is_refused(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let (first, second) = (world.named_user(1), world.named_user(2));
    assert_taken(world.update(&first, &json!({"userName": "USER2"}), world.connection, false), "userName");
    assert_eq!(world.load(first.seq), Some(first.clone()));
    // Its own name in another letter case is no clash; a name given up is free.
    world.update(&first, &json!({"userName": "USER1"}), world.connection, false).unwrap();
    let first = world.load(first.seq).unwrap();
    world.update(&first, &json!({"userName": "user3"}), world.connection, false).unwrap();
    world.update(&second, &json!({"userName": "user1"}), world.connection, false).unwrap();
}

/// Two users swap a value through a third in one transaction.
pub fn names_can_be_swapped_in_one_transaction(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let (first, second) = (world.named_user(1), world.named_user(2));
    let named = |name: &str| json!({"userName": name});
    world
        .write(|txn| {
            world.update_in(txn, &first, &named("between"), world.connection, false)?;
            world.update_in(txn, &second, &named("user1"), world.connection, false)?;
            let first = txn.load_resources(&[first.seq])?.remove(0);
            world.update_in(txn, &first, &named("user2"), world.connection, false)
        })
        .unwrap();
    assert_eq!(world.ids("User", "userName eq \"user1\""), [id(2)]);
    assert_eq!(world.ids("User", "userName eq \"user2\""), [id(1)]);
}

/// Adopting a group whose name the new owner already has is refused.
pub fn adoption_into_a_taken_group_name_is_refused(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let name: Value = json!({"displayName": "Staff"});
    world.insert(&world.new_resource("Group", 1, &name));
    let waiting = world.insert(&world.adoptable("Group", 2, &name));
    assert_taken(world.update(&waiting, &name, world.connection, false), "displayName");
    assert_eq!(world.load(waiting.seq), Some(waiting.clone()));
    // Another owner can, and frees the name at the application.
    world.update(&waiting, &name, world.other, false).unwrap();
    world.insert(&world.adoptable("Group", 3, &name));
}

/// After a refusal under a savepoint the transaction goes on.
pub fn refused_insert_under_a_savepoint_leaves_nothing(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    world.user(1, &json!({"userName": "user1", EXTENSION: {"badge": "b"}}));
    let clash = world.new_resource(
        "User",
        2,
        &json!({"userName": "user2", "emails": [{"value": "two@example.com"}], EXTENSION: {"badge": "B"}}),
    );
    let other = world.new_resource("User", 3, &json!({"userName": "user3"}));
    world
        .write(|txn| {
            let mut refusal = None;
            let result = txn.nested(&mut |txn| match txn.insert_resource(&clash) {
                Ok(_) => Ok(Verdict::Commit),
                Err(error) => {
                    refusal = Some(error);
                    Ok(Verdict::Rollback)
                }
            })?;
            assert_eq!(result, Verdict::Rollback);
            assert_taken(refusal.map_or(Ok(()), Err), &format!("{EXTENSION}:badge"));
            txn.insert_resource(&other)
        })
        .unwrap();
    assert_eq!(world.ids("User", ""), [id(1), id(3)]);
    assert_eq!(world.ids("User", "emails.value eq \"two@example.com\""), []);
    assert_eq!(world.total(world.view(), "User"), 2);
    world.user(2, &json!({"userName": "user2"}));
}
