//! The journal: every entry once, numbered without gaps, chained.

use headcount_model::{Actor, ConnectionKey, Event, EventKind, PublicId, TokenId};
use serde_json::json;

use super::{Fixture, World, event, id};
use crate::{
    events::verify_chain,
    store::{Abort, StoreExt, Verdict},
};

/// An entry comes back field by field.
pub fn entries_come_back_as_they_were_written(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let full = Event {
        at: super::at(42),
        kind: EventKind::MemberAdded,
        actor: Actor::Connection(ConnectionKey(7), TokenId::from_text("abcDEF123456")),
        resource: Some(("Group".to_owned(), id(1))),
        version: 3,
        paths: vec!["members".to_owned(), "urn:example:User:café \"x\",y".to_owned()],
        transaction: id(2),
        detail: Some("{\"added\":[\"Ä\\u0000\",\"\u{1F600}\"]}".to_owned()),
    };
    let bare = Event {
        actor: Actor::System,
        kind: EventKind::TenantChanged,
        resource: None,
        version: 0,
        paths: Vec::new(),
        detail: None,
        ..full.clone()
    };
    let administrator = Event { actor: Actor::Administrator(PublicId::from_text("adm")), ..bare.clone() };
    for event in [&full, &bare, &administrator] {
        world.write(|txn| txn.append(event)).unwrap();
    }
    let entries = world.events();
    assert_eq!(entries.len(), 3);
    for (entry, written) in entries.iter().zip([&full, &bare, &administrator]) {
        assert_eq!(entry.at, written.at);
        assert_eq!(entry.kind, written.kind.as_str());
        assert_eq!(entry.actor, written.actor.to_text());
        let resource = written.resource.as_ref().map(|(resource_type, id)| (resource_type.clone(), id.to_string()));
        assert_eq!(entry.resource, resource);
        assert_eq!(entry.version, written.version);
        assert_eq!(entry.paths, written.paths);
        assert_eq!(entry.transaction, written.transaction.to_string());
        assert_eq!(entry.detail, written.detail);
    }
    verify_chain(None, &entries).unwrap();
}

/// Numbers run from 1 without gaps, over many transactions, some of them rolled back.
pub fn entries_are_numbered_without_gaps(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let user = world.named_user(1);
    for n in 0..30_i64 {
        let result: Result<(), Abort<()>> = world.store.writing(&world.ctx, |txn| {
            txn.append(&event(EventKind::Patch, Some(("User", user.id.clone())), n))?;
            txn.nested(&mut |txn| {
                txn.append(&event(EventKind::Put, None, 0))?;
                Ok(Verdict::Rollback)
            })?;
            if n % 3 == 0 { Err(Abort::Refuse(())) } else { Ok(()) }
        });
        assert_eq!(result.is_ok(), n % 3 != 0);
        // Numbering may run at any time.
        if n % 7 == 0 {
            world.settle();
        }
    }
    let entries = world.events();
    let numbers: Vec<i64> = entries.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    let versions: Vec<i64> = entries.iter().map(|entry| entry.version).collect();
    assert_eq!(versions, (0..30).filter(|n| n % 3 != 0).collect::<Vec<_>>(), "in the order of the versions");
    assert!(entries.iter().all(|entry| entry.kind == "patch"));
}

/// The entries of one transaction keep their order.
pub fn entries_of_one_transaction_keep_their_order(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    world
        .write(|txn| {
            for n in 1..=5 {
                let new = world.new_resource("User", n, &json!({"userName": format!("user{n}")}));
                txn.insert_resource(&new)?;
                txn.append(&event(EventKind::Create, Some(("User", new.id)), 1))?;
            }
            Ok(())
        })
        .unwrap();
    let ids: Vec<String> = world.events().into_iter().filter_map(|entry| Some(entry.resource?.1)).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5].map(|n| id(n).to_string()));
}

/// Entries are read after a number and at most so many.
pub fn entries_are_read_in_parts(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    for n in 1..=7 {
        world.write(|txn| txn.append(&event(EventKind::Imported, None, n))).unwrap();
    }
    world.settle();
    let part = |after, limit| -> Vec<i64> {
        let entries = world.read(|txn| txn.events(after, limit)).unwrap();
        entries.into_iter().map(|entry| entry.number).collect()
    };
    assert_eq!(part(0, 3), [1, 2, 3]);
    assert_eq!(part(3, 3), [4, 5, 6]);
    assert_eq!(part(6, 3), [7]);
    assert!(part(7, 3).is_empty());
    assert!(part(0, 0).is_empty());
    assert_eq!(part(-5, 1), [1]);
    assert!(part(i64::MAX, 1).is_empty());
}

/// The chain verifies, from the start and from any entry on, and shows what was edited.
pub fn chain_verifies_and_shows_an_edit(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    for n in 1..=6 {
        let kind = if n % 2 == 0 { EventKind::Patch } else { EventKind::Put };
        world.write(|txn| txn.append(&event(kind, Some(("User", id(1))), n))).unwrap();
    }
    let entries = world.events();
    verify_chain(None, &entries).unwrap();
    verify_chain(Some(&entries[2]), &entries[3..]).unwrap();
    assert_eq!(verify_chain(None, &entries[1..]), Err(2));
    let mut edited = entries.clone();
    edited[3].version = 99;
    assert_eq!(verify_chain(None, &edited), Err(4));
    let mut dropped = entries.clone();
    dropped.remove(2);
    assert_eq!(verify_chain(None, &dropped), Err(4));
    // Read again later, the links are the same.
    world.write(|txn| txn.append(&event(EventKind::Imported, None, 0))).unwrap();
    assert_eq!(world.events()[..6], entries);
}
