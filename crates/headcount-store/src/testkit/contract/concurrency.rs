//! Several threads at once.

use std::{
    collections::BTreeSet,
    sync::{Arc, Barrier},
    thread,
};

use headcount_model::{EventKind, PublicId};
use serde_json::{Value, json};

use super::{EXTENSION, Fixture, World, at, event, find, id};
use crate::{
    error::StoreError,
    events::verify_chain,
    resources::{Lock, NewResource},
};

const THREADS: u32 = 6;

/// Runs a function in so many threads that start together, and gives back what each returned.
pub(super) fn together<T: Send>(threads: u32, work: impl Fn(u32) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(usize::try_from(threads).unwrap());
    thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|n| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    work(n)
                })
            })
            .collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Counters written by compare-and-set lose no step.
pub fn concurrent_changes_lose_nothing(fixture: &dyn Fixture) {
    const STEPS: u32 = 8;
    let world = World::new(fixture);
    let user = world.user(1, &json!({"userName": "counter", "title": "0"}));
    together(THREADS, |_| {
        for _ in 0..STEPS {
            world
                .insist(|txn| {
                    let before = txn.find_resource(&world.view(), "User", user.id.as_str(), Lock::Exclusive)?.unwrap();
                    let document: Value = serde_json::from_str(&before.document).unwrap();
                    let count: u32 = document["title"].as_str().unwrap().parse().unwrap();
                    let after = json!({"userName": "counter", "title": (count + 1).to_string()});
                    world.update_in(txn, &before, &after, world.connection, false)
                })
                .unwrap();
        }
    });
    let after = world.load(user.seq).unwrap();
    assert_eq!(after.version, i64::from(THREADS * STEPS) + 1);
    assert_eq!(&*after.document, json!({"userName": "counter", "title": (THREADS * STEPS).to_string()}).to_string());
}

/// Of many changes that rest on one version, one wins.
pub fn concurrent_compare_and_set_has_one_winner(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut before = world.user(1, &json!({"userName": "contended"}));
    for round in 0..5 {
        let results = together(THREADS, |n| {
            let document = json!({"userName": "contended", "title": format!("{round}.{n}")});
            world.insist(|txn| world.update_in(txn, &before, &document, world.connection, false)).map(|_| document)
        });
        let mut winners = Vec::new();
        for result in results {
            match result {
                Ok(document) => winners.push(document.to_string()),
                Err(StoreError::VersionMismatch) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        let after = world.load(before.seq).unwrap();
        assert_eq!(winners, [after.document.to_string()], "round {round}");
        assert_eq!(after.version, before.version + 1);
        before = after;
    }
}

/// Of many inserts of one name, in any spelling and by any owner, one wins.
pub fn concurrent_inserts_of_one_name_have_one_winner(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let spellings = ["straße", "STRAßE", " Straße", "stRaße"];
    for round in 0..5_u32 {
        one_winner(&world, "userName", |n| {
            let spelling = spellings[usize::try_from(n).unwrap() % spellings.len()];
            let new = world.new_resource(
                "User",
                100 * (round + 1) + n,
                &json!({"userName": format!("{spelling}{round}"), "emails": [{"value": "x@example.com"}]}),
            );
            NewResource { owner: [world.connection, world.other][usize::try_from(n % 2).unwrap()], ..new }
        });
    }
    let emails = world.ids("User", "emails.value eq \"x@example.com\"");
    assert_eq!(u64::try_from(emails.len()).unwrap(), world.total(world.view(), "User"), "losers left no rows");
}

/// The same for an attribute that is declared unique, and for a group's name.
pub fn concurrent_inserts_of_one_unique_value_have_one_winner(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    for round in 0..3_u32 {
        one_winner(&world, &format!("{EXTENSION}:badge"), |n| {
            let number = 100 * (round + 1) + n;
            let document = json!({"userName": format!("user{number}"), EXTENSION: {"badge": format!("b{round}")}});
            world.new_resource("User", number, &document)
        });
        one_winner(&world, "displayName", |n| {
            world.new_resource("Group", 10_000 + 100 * round + n, &json!({"displayName": format!("Group {round}")}))
        });
    }
}

fn one_winner(world: &World, attribute: &str, new: impl Fn(u32) -> NewResource + Sync) {
    let results = together(THREADS, |n| {
        let new = new(n);
        world.insist(|txn| txn.insert_resource(&new))
    });
    let mut winners = 0;
    for result in results {
        match result {
            Ok(_) => winners += 1,
            Err(StoreError::Unique { attribute: taken }) => assert_eq!(taken, attribute),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(winners, 1, "{attribute}");
}

/// Members added and removed side by side are neither lost nor doubled.
pub fn concurrent_membership_changes_lose_no_member(fixture: &dyn Fixture) {
    const EACH: u32 = 6;
    let world = World::new(fixture);
    let group = world.group(9_000);
    let count = THREADS * EACH;
    let users: Vec<_> = (0..2 * count).map(|n| world.named_user(n + 1)).collect();
    // The second half is in from the start and is taken out.
    let (incoming, outgoing) = users.split_at(usize::try_from(count).unwrap());
    world.add(&group, &outgoing.iter().collect::<Vec<_>>());
    let before = world.load(group.seq).unwrap().version;
    together(THREADS, |thread| {
        for step in 0..EACH {
            let position = usize::try_from(thread * EACH + step).unwrap();
            let (incoming, outgoing) = (&incoming[position], &outgoing[position]);
            world
                .insist(|txn| {
                    txn.find_resource(&world.view(), "Group", group.id.as_str(), Lock::Shared)?.unwrap();
                    let version = txn.touch_group(group.seq, at(700))?;
                    let found = txn.find_members(&world.view(), &[incoming.id.as_str()])?;
                    let added = txn.add_members(group.seq, &found)?;
                    let removed = txn.remove_members(group.seq, &[outgoing.id.as_str()])?;
                    assert_eq!((added.len(), removed.len()), (1, 1));
                    txn.append(&event(EventKind::MemberAdded, Some(("Group", group.id.clone())), version))
                })
                .unwrap();
        }
    });
    let members: BTreeSet<PublicId> = world.member_ids(&group).into_iter().collect();
    assert_eq!(members, incoming.iter().map(|user| user.id.clone()).collect());
    assert_eq!(world.read(|txn| txn.count_members(group.seq)).unwrap(), u64::from(count));
    assert!(world.load(group.seq).unwrap().version >= before + i64::from(count));
    let events = world.events();
    assert_eq!(events.len(), usize::try_from(count).unwrap());
    verify_chain(None, &events).unwrap();
    let versions: Vec<i64> = events.iter().map(|entry| entry.version).collect();
    assert!(versions.is_sorted_by(|left, right| left < right), "no two states share a version: {versions:?}");
}

/// A user that is deleted while it is added is in no group afterwards.
pub fn concurrent_delete_and_add_leave_no_dangling_member(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    for round in 0..8_u32 {
        let user = world.named_user(100 + round);
        let groups: Vec<_> = (0..THREADS).map(|n| world.group(1_000 + THREADS * round + n)).collect();
        together(THREADS, |n| {
            if n == 0 {
                world
                    .insist(|txn| {
                        let found = txn.find_resource(&world.view(), "User", user.id.as_str(), Lock::Exclusive)?;
                        world.delete_in(txn, &found.unwrap(), at(800))
                    })
                    .unwrap();
                return;
            }
            let group = &groups[usize::try_from(n).unwrap()];
            let result = world.insist(|txn| {
                txn.touch_group(group.seq, at(700))?;
                let found = txn.find_members(&world.view(), &[user.id.as_str()])?;
                txn.add_members(group.seq, &found)
            });
            assert!(matches!(result, Ok(_) | Err(StoreError::NotFound)), "{result:?}");
        });
        assert!(find(&world, world.view(), "User", &user.id).is_none());
        for group in &groups {
            assert_eq!(world.member_ids(group), [], "round {round}");
            assert_eq!(world.read(|txn| txn.count_members(group.seq)).unwrap(), 0, "round {round}");
        }
    }
}

/// Totals, numbers and the chain are true after writers ran side by side in two tenants.
pub fn concurrent_writers_keep_totals_and_journal_true(fixture: &dyn Fixture) {
    const EACH: u32 = 10;
    let (first, second) = World::pair(fixture);
    together(THREADS, |thread| {
        let world = if thread % 2 == 0 { &first } else { &second };
        for step in 0..EACH {
            let n = thread * EACH + step + 1;
            let new = world.new_resource("User", n, &json!({"userName": format!("user{n}")}));
            let seq = world
                .insist(|txn| {
                    let seq = txn.insert_resource(&new)?;
                    txn.append(&event(EventKind::Create, Some(("User", id(n))), 1))?;
                    Ok(seq)
                })
                .unwrap();
            if step % 3 == 0 {
                world
                    .insist(|txn| {
                        let user = txn.load_resources(&[seq])?.remove(0);
                        world.delete_in(txn, &user, at(900))?;
                        txn.append(&event(EventKind::Delete, Some(("User", id(n))), 2))
                    })
                    .unwrap();
            }
        }
    });
    for world in [&first, &second] {
        let listed = world.ids("User", "");
        assert_eq!(listed.len(), 18);
        assert_eq!(world.total(world.view(), "User"), 18);
        let events = world.events();
        assert_eq!(events.len(), 42);
        verify_chain(None, &events).unwrap();
        for (position, entry) in events.iter().enumerate().filter(|(_, entry)| entry.kind == "delete") {
            let made = events.iter().position(|made| made.kind == "create" && made.resource == entry.resource);
            assert!(made.unwrap() < position, "an event of a resource is numbered after those before it");
        }
    }
}

/// The first server's value of a setting is everybody's.
pub fn concurrent_settings_have_one_first_value(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let store = Arc::clone(&world.store);
    let values = together(THREADS, |n| {
        for _ in 0..1_000 {
            match store.setting_or_insert("secret", &format!("value {n}")) {
                Err(StoreError::Busy(_)) => {}
                result => return result.unwrap(),
            }
        }
        panic!("the store stayed busy for a thousand attempts");
    });
    let kept = store.setting("secret").unwrap().unwrap();
    assert!(values.iter().all(|value| *value == kept), "{values:?}, {kept}");
}
