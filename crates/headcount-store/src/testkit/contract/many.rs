//! Many inserts in one go: they go as one after another goes.

use headcount_model::{Event, EventKind, PublicId, Seq};
use serde_json::{Value, json};

use super::{EXTENSION, Fixture, World, assert_taken, event, id};
use crate::{
    error::StoreError,
    events::verify_chain,
    resources::{NewResource, StoredResource},
    store::{Abort, StoreExt, Txn, nesting},
};

/// Every kind of resource, with every kind of index.
fn every_kind(world: &World) -> Vec<(NewResource, Event)> {
    let long = "x".repeat(2_000);
    let rows = [
        world.new_resource("User", 10, &json!({"userName": "Ann", "active": true})),
        world.new_resource(
            "User",
            11,
            &json!({
                "userName": "bob", "externalId": "e-11", "displayName": "Bob", "active": false,
                "name": {"familyName": "Barker", "givenName": "Bob"},
                "emails": [{"value": "bob@example.com", "type": "work", "primary": true}, {"value": "b@example.com"}],
                "phoneNumbers": [{"value": "tel:+1-201-555-0123", "type": "work"}],
                EXTENSION: {"badge": "B-1", "level": 3, "tags": ["a", "b", "a"]},
            }),
        ),
        world.new_resource("Group", 12, &json!({"displayName": "Staff \"{}\" \\ é"})),
        world.new_resource("Device", 13, &json!({"displayName": "Door", "serial": "S-1"})),
        NewResource {
            version: 7,
            created: super::at(3),
            ..world.new_resource("User", 14, &json!({"userName": "back"}))
        },
        world.adoptable("User", 15, &json!({"userName": "waits", "name": {"familyName": long}})),
        world.adoptable("Group", 16, &json!({"displayName": "Waits"})),
        world.new_resource("User", 17, &json!({"userName": "last", "externalId": "", "emails": [{"value": long}]})),
    ];
    let entry = |row: &NewResource| Event {
        detail: (row.version > 1).then(|| json!({"revived": true}).to_string()),
        paths: vec![format!("path of {}", row.id), "\"{},".to_owned()],
        ..event(EventKind::Create, Some((&row.resource_type, row.id.clone())), row.version)
    };
    rows.into_iter().map(|row| (row.clone(), entry(&row))).collect()
}

fn insert_many(txn: &mut dyn Txn, new: &[(NewResource, Event)]) -> Result<Vec<Seq>, StoreError> {
    let new: Vec<(&NewResource, &Event)> = new.iter().map(|(row, event)| (row, event)).collect();
    txn.insert_many(&new)
}

fn insert_one_by_one(txn: &mut dyn Txn, new: &[(NewResource, Event)]) -> Result<Vec<Seq>, StoreError> {
    let mut seqs = Vec::new();
    for (row, event) in new {
        seqs.push(txn.insert_resource(row)?);
        txn.append(event)?;
    }
    Ok(seqs)
}

/// Users of these names.
fn users(world: &World, names: impl IntoIterator<Item = (u32, String)>) -> Vec<(NewResource, Event)> {
    let user = |(n, name): (u32, String)| {
        let row = world.new_resource("User", n, &json!({"userName": name}));
        let event = event(EventKind::Create, Some(("User", row.id.clone())), 1);
        (row, event)
    };
    names.into_iter().map(user).collect()
}

/// Everything that can be told apart from outside.
fn told(world: &World, seqs: &[Seq]) -> Vec<Value> {
    let mut told = Vec::new();
    for seq in seqs {
        let StoredResource { id, resource_type, owner, adoptable, version, created, modified, document, .. } =
            world.load(*seq).unwrap();
        told.push(json!([
            id.as_str(),
            resource_type,
            owner.0,
            adoptable,
            version,
            created.micros(),
            modified.micros(),
            &*document
        ]));
    }
    for kind in ["User", "Group", "Device"] {
        told.push(json!(world.total(world.view(), kind)));
        told.push(world.ids(kind, "").iter().map(PublicId::as_str).collect());
    }
    for filter in [
        "userName eq \"ann\"",
        "userName co \"ait\"",
        "externalId eq \"e-11\"",
        "displayName sw \"b\"",
        "name.familyName eq \"barker\"",
        "name.familyName pr",
        "name.givenName ew \"ob\"",
        "active eq false",
        "emails pr",
        "emails.value co \"example\"",
        "emails[type eq \"work\" and value sw \"bob\"]",
        "phoneNumbers.value pr",
        "urn:example:scim:schemas:extension:1.0:User:tags eq \"a\"",
        "urn:example:scim:schemas:extension:1.0:User:level gt 2",
    ] {
        told.push(json!([filter, world.ids("User", filter).iter().map(PublicId::as_str).collect::<Value>()]));
    }
    for event in world.events() {
        told.push(json!([event.number, event.kind, event.resource, event.version, event.paths, event.detail]));
    }
    told
}

/// Many go as one after another goes: rows, what is found, counts and journal.
pub fn many_inserts_go_as_one_after_another(fixture: &dyn Fixture) {
    let (one, many) = (World::new(fixture), World::new(fixture));
    let seqs_of_one = one.write(|txn| insert_one_by_one(txn, &every_kind(&one))).unwrap();
    let seqs_of_many = many.write(|txn| insert_many(txn, &every_kind(&many))).unwrap();
    assert!(seqs_of_many.is_sorted(), "{seqs_of_many:?}");
    assert_eq!(told(&many, &seqs_of_many), told(&one, &seqs_of_one));
    verify_chain(None, &many.events()).unwrap();
    assert_eq!(many.write(|txn| insert_many(txn, &[])).unwrap(), []);
    assert_eq!(many.events().len(), 8);
    // What is unique is held.
    for (row, attribute) in [
        (many.new_resource("User", 30, &json!({"userName": "ANN"})), "userName"),
        (many.new_resource("User", 31, &json!({"userName": "x", "externalId": "e-11"})), "externalId"),
        (many.new_resource("Group", 32, &json!({"displayName": "staff \"{}\" \\ É"})), "displayName"),
        (many.new_resource("Device", 33, &json!({"serial": "S-1"})), "serial"),
    ] {
        assert_taken(many.write(|txn| txn.insert_resource(&row)), attribute);
    }
    // And what was inserted can be changed and deleted.
    let bob = many.load(seqs_of_many[1]).unwrap();
    many.update(&bob, &json!({"userName": "bob", "emails": [{"value": "new@example.com"}]}), bob.owner, false).unwrap();
    assert_eq!(many.ids("User", "emails.value co \"example\""), [id(11)]);
    assert_eq!(many.ids("User", "externalId eq \"e-11\""), []);
    many.delete(&many.load(bob.seq).unwrap()).unwrap();
    assert_eq!(many.ids("User", "emails.value co \"example\""), []);
}

/// More than fit any statement keep their order.
pub fn very_many_inserts_keep_their_order(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let new = users(&world, (1..=1_300).rev().map(|n| (n, format!("user{n}"))));
    let seqs = world.write(|txn| insert_many(txn, &new)).unwrap();
    assert!(seqs.is_sorted() && seqs.len() == 1_300);
    let ids: Vec<String> = new.iter().map(|(row, _)| row.id.to_string()).collect();
    let loaded: Vec<String> = seqs.iter().map(|seq| world.load(*seq).unwrap().id.to_string()).collect();
    assert_eq!(loaded, ids);
    let told: Vec<String> = world.events().into_iter().map(|event| event.resource.unwrap().1).collect();
    assert_eq!(told, ids);
    assert_eq!(world.total(world.view(), "User"), 1_300);
}

/// A value that is taken, by another or among themselves, undoes all of them with the savepoint.
pub fn many_inserts_of_which_one_is_taken_leave_nothing(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    world.user(1, &json!({"userName": "taken", EXTENSION: {"badge": "B-1"}}));
    let free = || users(&world, (10..20).map(|n| (n, format!("user{n}"))));
    let with = |n: u32, document: &Value| {
        let row = world.new_resource("User", n, document);
        let event = event(EventKind::Create, Some(("User", row.id.clone())), 1);
        let mut new = free();
        new.insert(5, (row, event));
        new
    };
    let cases = [
        with(30, &json!({"userName": "Taken"})),
        with(30, &json!({"userName": "USER17"})),
        with(30, &json!({"userName": "user12"})),
        with(30, &json!({"userName": "other", EXTENSION: {"badge": "b-1"}})),
        with(17, &json!({"userName": "sameid"})),
    ];
    for (n, new) in cases.iter().enumerate() {
        world
            .write(|txn| {
                let refused: Result<(), Abort<()>> = nesting(txn, |txn| {
                    let result = insert_many(txn, new);
                    assert!(matches!(result, Err(StoreError::Unique { .. })), "{n}: {result:?}");
                    Err(Abort::Refuse(()))
                });
                assert!(matches!(refused, Err(Abort::Refuse(()))), "{refused:?}");
                Ok(())
            })
            .unwrap();
        let refused: Result<(), Abort<()>> =
            world.store.writing(&world.ctx, |txn| insert_many(txn, new).map(|_| ()).or(Err(Abort::Refuse(()))));
        assert!(matches!(refused, Err(Abort::Refuse(()))), "{refused:?}");
        assert_eq!(world.ids("User", ""), [id(1)], "{n}");
        assert_eq!(world.total(world.view(), "User"), 1, "{n}");
        assert_eq!(world.events(), [], "{n}");
    }
    world.write(|txn| insert_many(txn, &free())).unwrap();
    assert_eq!(world.total(world.view(), "User"), 11);
    assert_eq!(world.events().len(), 10);
}
