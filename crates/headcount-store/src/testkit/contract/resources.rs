//! Inserting, reading, changing and deleting resources.

use headcount_model::Seq;
use serde_json::{Value, json};

use super::{Fixture, World, assert_not_found, at, find, id};
use crate::{
    error::StoreError,
    index::{IndexForm, IndexPolicy},
    resources::{Lock, NewResource, StoredResource},
};

/// What was inserted comes back field by field, byte by byte.
pub fn inserted_resource_is_found_as_it_was_stored(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let document = json!({
        "schemas": [scim_schema::builtin::USER],
        "userName": " Ärger\u{1F600} ",
        "name": {"familyName": "O'Neill \"x\" \\"},
        "emails": [{"value": "a@example.com", "primary": true}],
        "unknown": {"z": 1, "a": [1.5, null, true]},
    });
    let new = NewResource { version: 7, modified: at(77), ..world.new_resource("User", 5, &document) };
    let seq = world.write(|txn| txn.insert_resource(&new)).unwrap();
    let expected = StoredResource {
        seq,
        id: id(5),
        resource_type: "User".to_owned(),
        owner: world.connection,
        adoptable: false,
        version: 7,
        created: at(5),
        modified: at(77),
        document: document.to_string().into(),
    };
    for lock in [Lock::None, Lock::Shared, Lock::Exclusive] {
        let found = world.write(|txn| txn.find_resource(&world.view(), "User", id(5).as_str(), lock)).unwrap();
        assert_eq!(found.as_ref(), Some(&expected), "{lock:?}");
    }
    assert_eq!(world.load(seq), Some(expected.clone()));
    assert_eq!(world.run(&world.query("User", "")).unwrap().resources, [expected]);
}

/// Another type, another spelling or no such id: nothing.
pub fn find_needs_the_right_type_and_the_exact_id(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    world.named_user(0xabc);
    let exact = id(0xabc);
    assert!(find(&world, world.view(), "User", &exact).is_some());
    assert!(find(&world, world.view(), "Group", &exact).is_none());
    let find = |text: &str| world.read(|txn| txn.find_resource(&world.view(), "User", text, Lock::None)).unwrap();
    for text in [&exact.as_str().to_uppercase(), &format!("{exact} "), "", "x", "%", "'", &"9".repeat(5_000)] {
        assert_eq!(find(text), None, "{text:?}");
    }
}

/// Sequences grow in the order of creation, over all types.
pub fn sequences_grow_in_the_order_of_creation(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    // The ids fall while the sequences rise.
    let seqs: Vec<Seq> =
        [9, 7, 5, 3].map(|n| world.named_user(n).seq).into_iter().chain([world.group(1).seq]).collect();
    assert!(seqs.is_sorted_by(|left, right| left < right), "{seqs:?}");
    assert_eq!(world.ids("User", ""), [9, 7, 5, 3].map(id));
}

/// Each row once, whatever is asked twice or is not there.
pub fn load_resources_gives_each_once_and_leaves_out_unknown_ones(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let (first, second) = (world.named_user(1), world.named_user(2));
    let asked = [second.seq, first.seq, Seq(i64::MAX), second.seq, Seq(-1)];
    let mut loaded = world.read(|txn| txn.load_resources(&asked)).unwrap();
    loaded.sort_by_key(|resource| resource.seq);
    assert_eq!(loaded, [first, second]);
    assert_eq!(world.read(|txn| txn.load_resources(&[])).unwrap(), []);
}

/// A change moves the version by one and keeps id, sequence and the time of creation.
pub fn update_moves_the_version_and_replaces_the_document(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let before = world.named_user(1);
    let document = json!({"userName": "user1", "title": "Chief"});
    assert_eq!(world.update(&before, &document, world.connection, false).unwrap(), 2);
    let after = world.load(before.seq).unwrap();
    let expected = StoredResource { version: 2, modified: at(1_000), document: document.to_string().into(), ..before };
    assert_eq!(after, expected);
    assert_eq!(world.update(&after, &document, world.connection, false).unwrap(), 3);
}

/// A change that rests on another version is refused and changes nothing.
pub fn update_of_another_version_is_a_mismatch(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let before = world.named_user(1);
    let stale = StoredResource { version: 0, ..before.clone() };
    for wrong in [stale, StoredResource { version: 2, ..before.clone() }] {
        let result = world.update(&wrong, &json!({"userName": "x"}), world.connection, false);
        assert!(matches!(result, Err(StoreError::VersionMismatch)), "{result:?}");
    }
    assert_eq!(world.load(before.seq), Some(before));
}

/// A change of a row that is gone is a mismatch too: nothing is at that version.
pub fn update_of_a_deleted_row_is_a_mismatch(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let before = world.named_user(1);
    world.delete(&before).unwrap();
    let result = world.update(&before, &json!({"userName": "x"}), world.connection, false);
    assert!(matches!(result, Err(StoreError::VersionMismatch)), "{result:?}");
    assert_eq!(world.ids("User", ""), []);
}

/// After a change the old values find nothing and the new ones do, in columns, rows and bits.
pub fn update_replaces_what_is_indexed(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let before = world.user(
        1,
        &json!({
            "userName": "old", "externalId": "e1", "displayName": "Old", "active": true,
            "name": {"familyName": "Before", "givenName": "Was"},
            "emails": [{"value": "old@example.com", "type": "work"}, {"value": "both@example.com", "type": "home"}],
            "photos": [{"value": "https://example.com/p"}],
            super::EXTENSION: {"level": 1, "tags": ["a", "b"]},
        }),
    );
    let after = json!({
        "userName": "new", "displayName": "New", "active": false,
        "name": {"familyName": "After"},
        "emails": [{"value": "both@example.com", "type": "work"}, {"value": "new@example.com", "type": "home"}],
        super::EXTENSION: {"level": 2, "tags": ["b", "c"]},
    });
    world.update(&before, &after, world.connection, false).unwrap();
    let tag = |tag: &str| format!("{}:tags eq \"{tag}\"", super::EXTENSION);
    let level = |level: u8| format!("{}:level eq {level}", super::EXTENSION);
    let gone = [
        "userName eq \"old\"",
        "externalId eq \"e1\"",
        "externalId pr",
        "displayName eq \"old\"",
        "active eq true",
        "name.familyName eq \"before\"",
        "name.givenName pr",
        "emails.value eq \"old@example.com\"",
        "emails[type eq \"home\" and value eq \"both@example.com\"]",
        "photos pr",
        &tag("a"),
        &level(1),
    ];
    for filter in gone {
        assert_eq!(world.ids("User", filter), [], "{filter}");
    }
    let found = [
        "userName eq \"new\"",
        "displayName eq \"new\"",
        "active eq false",
        "name.familyName eq \"after\"",
        "emails.value eq \"new@example.com\"",
        "emails[type eq \"work\" and value eq \"both@example.com\"]",
        "not (photos pr)",
        &tag("b"),
        &tag("c"),
        &level(2),
    ];
    for filter in found {
        assert_eq!(world.ids("User", filter), [id(1)], "{filter}");
    }
}

/// Indexing anew writes what was not indexed, frees what is indexed no more, and leaves version, time
/// and document; a value that another resource has is refused.
pub fn reindexed_resource_is_found_by_its_new_form_only(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let document = json!({
        "userName": "one", "externalId": "same", "displayName": "One", "active": true,
        "name": {"familyName": "Family"}, "emails": [{"value": "a@example.com"}], super::EXTENSION: {"badge": "b"},
    });
    let shared = IndexPolicy { external_id_unique: false, unique_group_names: true };
    let unique = IndexPolicy { external_id_unique: true, ..shared };
    let right = |document: &Value, policy| world.form("User", &document.to_string(), policy);
    let stale = world.form("User", "{\"userName\": \"stale\"}", shared);
    let one = world.insert(&NewResource { index: stale, ..world.new_resource("User", 1, &document) });
    let other = json!({"userName": "two", "externalId": "same"});
    let two = NewResource { index: right(&other, shared), ..world.new_resource("User", 2, &other) };
    let two = world.insert(&two);
    let reindex = |stored: &StoredResource, form: &IndexForm| world.write(|txn| txn.reindex_resource(stored, form));

    reindex(&one, &right(&document, unique)).unwrap();
    assert_eq!(world.load(one.seq).unwrap(), one);
    let holds = |key: &str| world.read(|txn| txn.key_holder("User", None, key)).unwrap().is_some();
    assert_eq!((holds("one"), holds("stale")), (true, false));
    let badge = format!("{}:badge eq \"b\"", super::EXTENSION);
    let filters = [
        "userName eq \"one\"",
        "displayName eq \"one\"",
        "name.familyName eq \"family\"",
        "active eq true",
        "emails.value eq \"a@example.com\" and emails pr",
        &badge,
    ];
    for filter in filters {
        assert_eq!(world.ids("User", filter), [id(1)], "{filter}");
    }
    let taken = reindex(&two, &right(&other, unique));
    assert!(matches!(taken, Err(StoreError::Unique { attribute }) if attribute == "externalId"));
    let taken = reindex(&two, &right(&document, shared));
    assert!(matches!(taken, Err(StoreError::Unique { attribute }) if attribute == "userName"));
    assert!(holds("two"));
    world.delete(&two).unwrap();
    assert_not_found(reindex(&two, &right(&other, shared)));
}

/// A deleted resource is found by nothing; deleting it again is not found.
pub fn deleted_resource_is_gone_everywhere(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let user = world.user(
        1,
        &json!({"userName": "ann", "emails": [{"value": "a@example.com"}], super::EXTENSION: {"badge": "b1"}}),
    );
    let kept = world.named_user(2);
    world.delete(&user).unwrap();
    assert!(find(&world, world.view(), "User", &user.id).is_none());
    assert_eq!(world.load(user.seq), None);
    assert_eq!(world.ids("User", ""), [kept.id]);
    assert_eq!(world.ids("User", "emails.value eq \"a@example.com\""), []);
    assert_eq!(world.read(|txn| txn.key_holder("User", None, "ann")).unwrap(), None);
    assert_not_found(world.delete(&user));
    // Everything unique is free again.
    world.user(3, &json!({"userName": "Ann", super::EXTENSION: {"badge": "B1"}}));
}

/// A tombstone comes back whole, by owner, type and key; the latest wins; it can be forgotten.
pub fn latest_tombstone_of_a_key_is_found_until_it_is_forgotten(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let find = |resource_type: &str, owner, key: &str| {
        world.read(|txn| txn.find_tombstone(resource_type, owner, key)).unwrap()
    };
    assert_eq!(find("User", world.connection, "ann"), None);
    let group = world.group(10);
    let mut tombstones = Vec::new();
    for (n, when) in [(1, 100), (2, 200)] {
        let user = world.user(n, &json!({"userName": "Ann", "title": n}));
        world.add(&group, &[&user]);
        let tombstone = world.tombstone(&user, at(when), vec![group.id.clone()]);
        world.write(|txn| txn.delete_resource(&user, &tombstone)).unwrap();
        assert_eq!(find("User", world.connection, "ann"), Some(tombstone.clone()));
        tombstones.push(tombstone);
    }
    assert_eq!(find("User", world.other, "ann"), None);
    assert_eq!(find("Group", world.connection, "ann"), None);
    assert_eq!(find("User", world.connection, "Ann"), None);
    world.write(|txn| txn.forget_tombstone(&tombstones[1].id)).unwrap();
    assert_eq!(find("User", world.connection, "ann"), Some(tombstones[0].clone()));
    world.write(|txn| txn.forget_tombstone(&tombstones[0].id)).unwrap();
    assert_eq!(find("User", world.connection, "ann"), None);
    world.write(|txn| txn.forget_tombstone(&tombstones[0].id)).unwrap();
}

/// A revived account has its old id and goes on from its old version.
pub fn revived_resource_keeps_its_id_and_version(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let user = world.named_user(1);
    world.delete(&user).unwrap();
    let new =
        NewResource { version: 2, modified: at(3_000), ..world.new_resource("User", 1, &json!({"userName": "user1"})) };
    let revived = world.insert(&new);
    assert_eq!((revived.id, revived.version, revived.modified), (user.id, 2, at(3_000)));
    assert_ne!(revived.seq, user.seq, "a sequence is never used again");
}
