//! Numbering on PostgreSQL, beside writers.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
};

use headcount_model::{Actor, ConnectionKey, Event, EventKind, PublicId, Timestamp};
use headcount_store::{
    Store, StoreExt, TenantCtx,
    events::{NumberedEvent, verify_chain},
    query::{Adoptable, View},
    resources::{Lock, NewResource, Update},
    store::Abort,
    system::SystemStore,
};
use scim_schema::Registry;

use crate::{beginnings, postgres::Postgres};

const WRITERS: usize = 8;
const EACH: usize = 60;

mod postgres {
    use super::*;

    #[test]
    fn numbers_are_gap_free_and_versions_in_order_beside_writers() {
        let Some(postgres) = Postgres::from_environment() else { return };
        let registry = Arc::new(Registry::builtin());
        let (store, name) = postgres.fresh(Arc::clone(&registry));
        // A second process with the same database: two sealers.
        let clock = Arc::new(headcount_model::SystemClock);
        let beside = headcount_diesel::DieselStore::connect(&postgres.options(&name), registry, clock).unwrap();
        let ctx = tenant(&store);
        let resources = ["User", "User", "Group", "Group"];
        for (n, resource_type) in resources.iter().enumerate() {
            store.writing::<_, ()>(&ctx, |txn| Ok(txn.insert_resource(&new(n, resource_type))?)).unwrap();
        }
        let running = AtomicUsize::new(WRITERS);
        let start = Barrier::new(WRITERS + 2);
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (store, ctx, running, start) = (&store, &ctx, &running, &start);
                scope.spawn(move || {
                    start.wait();
                    for step in 0..EACH {
                        write(
                            store,
                            ctx,
                            (writer + step) % resources.len(),
                            resources[(writer + step) % resources.len()],
                        );
                    }
                    running.fetch_sub(1, Ordering::SeqCst);
                });
            }
            for sealer in [&store, &beside] {
                let (ctx, running, start) = (&ctx, &running, &start);
                scope.spawn(move || {
                    start.wait();
                    let mut seen: Vec<NumberedEvent> = Vec::new();
                    while running.load(Ordering::SeqCst) > 0 {
                        sealer.maintain().unwrap();
                        // What was read once stays as it is, and goes on where it ended.
                        let after = seen.last().map_or(0, |entry| entry.number);
                        let next = sealer.reading::<_, ()>(ctx, |txn| Ok(txn.events(after, 100)?)).unwrap();
                        verify_chain(seen.last(), &next).unwrap();
                        seen.extend(next);
                    }
                });
            }
        });
        let mut rounds = 0;
        while store.maintain().unwrap() || beside.maintain().unwrap() {
            rounds += 1;
            assert!(rounds < 10_000, "the sealer does not come to an end");
        }
        let events = store.reading::<_, ()>(&ctx, |txn| Ok(txn.events(0, 100_000)?)).unwrap();
        assert_eq!(events.len(), WRITERS * EACH);
        verify_chain(None, &events).unwrap();
        let mut versions: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for event in &events {
            versions.entry(event.resource.clone().unwrap().1).or_default().push(event.version);
        }
        assert_eq!(versions.len(), resources.len());
        for (resource, versions) in versions {
            let expected: Vec<i64> = (2..).take(versions.len()).collect();
            assert_eq!(versions, expected, "{resource}");
        }
    }

    #[test]
    fn a_change_of_members_that_was_overtaken_moves_the_versions_after_it() {
        let Some(postgres) = Postgres::from_environment() else { return };
        let (store, _) = postgres.fresh(Arc::new(Registry::builtin()));
        let ctx = tenant(&store);
        let group = store.writing::<_, ()>(&ctx, |txn| Ok(txn.insert_resource(&new(0, "Group"))?)).unwrap();
        let at = Timestamp::from_micros(1_000_000);
        let added = |version| event(0, "Group", version, EventKind::MemberAdded);
        let step = Barrier::new(4);
        let steps = |count: usize| {
            for _ in 0..count {
                step.wait();
            }
        };
        // Touches the group, waits, writes the entry, waits, and is committed.
        let change = |before: usize, between: usize, held: usize, after: usize| {
            steps(before);
            let work = |txn: &mut dyn headcount_store::Txn| {
                let version = txn.touch_group(group, at)?;
                steps(between);
                txn.append(&added(version))?;
                steps(held);
                Ok(())
            };
            store.writing::<_, ()>(&ctx, work).unwrap();
            steps(after);
        };
        std::thread::scope(|scope| {
            // The first has the older id, the second the earlier entry, and the last sees only the first.
            scope.spawn(|| change(0, 2, 0, 5));
            scope.spawn(|| change(1, 0, 4, 2));
            scope.spawn(|| change(4, 3, 0, 0));
            steps(3);
            store.maintain().unwrap();
            steps(3);
            store.maintain().unwrap();
            steps(1);
        });
        while store.maintain().unwrap() {}
        let events = store.reading::<_, ()>(&ctx, |txn| Ok(txn.events(0, 10)?)).unwrap();
        assert_eq!(events.iter().map(|event| event.version).collect::<Vec<_>>(), [2, 3, 4]);
    }

    #[test]
    fn a_row_waits_for_an_older_transaction_that_still_runs() {
        use diesel::connection::SimpleConnection;

        let Some(postgres) = Postgres::from_environment() else { return };
        let (store, name) = postgres.fresh(Arc::new(Registry::builtin()));
        let ctx = tenant(&store);
        let mut older = postgres.superuser(Some(&name));
        older.batch_execute("BEGIN; SELECT pg_current_xact_id()").unwrap();
        store.writing::<_, ()>(&ctx, |txn| Ok(txn.append(&event(0, "User", 1, EventKind::Create))?)).unwrap();
        let events = || store.reading::<_, ()>(&ctx, |txn| Ok(txn.events(0, 10)?)).unwrap();
        assert!(store.maintain().unwrap(), "there is more to do when the older one has ended");
        assert_eq!(events(), []);
        older.batch_execute("COMMIT").unwrap();
        let mut rounds = 0;
        while store.maintain().unwrap() {
            rounds += 1;
            assert!(rounds < 10_000, "the sealer does not come to an end");
        }
        assert_eq!(events().len(), 1);
    }

    #[test]
    fn what_a_process_left_without_a_number_is_found() {
        let Some(postgres) = Postgres::from_environment() else { return };
        let registry = Arc::new(Registry::builtin());
        let (store, name) = postgres.fresh(Arc::clone(&registry));
        let ctx = tenant(&store);
        store.writing::<_, ()>(&ctx, |txn| Ok(txn.append(&event(0, "User", 1, EventKind::Create))?)).unwrap();
        drop(store);
        let clock = Arc::new(headcount_model::SystemClock);
        let next = headcount_diesel::DieselStore::connect(&postgres.options(&name), registry, clock).unwrap();
        let mut rounds = 0;
        while next.reading::<_, ()>(&ctx, |txn| Ok(txn.events(0, 10)?)).unwrap().is_empty() {
            next.maintain().unwrap();
            rounds += 1;
            assert!(rounds < 10_000, "the walk does not find it");
        }
    }
}

/// A change of a user under its exclusive lock, or of a group's members under the shared one.
fn write(store: &dyn Store, ctx: &TenantCtx, n: usize, resource_type: &str) {
    let at = Timestamp::from_micros(1_000_000);
    let group = resource_type == "Group";
    let work = || {
        store.writing::<_, ()>(ctx, |txn| {
            let lock = if group { Lock::Shared } else { Lock::Exclusive };
            let before = txn.find_resource(&view(), resource_type, id(n).as_str(), lock)?.ok_or(Abort::Refuse(()))?;
            let version = if group {
                txn.touch_group(before.seq, at)?
            } else {
                let index = new(n, resource_type).index;
                txn.update_resource(&Update {
                    before: &before,
                    index_before: &index,
                    owner: before.owner,
                    adoptable: false,
                    modified: at,
                    document: "{}".to_owned(),
                    index: &index,
                })?
            };
            let kind = if group { EventKind::MemberAdded } else { EventKind::Patch };
            txn.append(&event(n, resource_type, version, kind))?;
            Ok(())
        })
    };
    for _ in 0..1_000 {
        match work() {
            Ok(()) => return,
            Err(Abort::Store(headcount_store::StoreError::Busy(_))) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("the store stayed busy");
}

fn event(n: usize, resource_type: &str, version: i64, kind: EventKind) -> Event {
    Event {
        at: Timestamp::from_micros(0),
        kind,
        actor: Actor::System,
        resource: Some((resource_type.to_owned(), id(n))),
        version,
        paths: Vec::new(),
        transaction: PublicId::from_text("transaction"),
        detail: None,
    }
}

fn id(n: usize) -> PublicId {
    PublicId::from_text(&format!("resource-{n}"))
}

fn view() -> View {
    View { connection: ConnectionKey(7), adoptable: Adoptable::Hidden }
}

fn new(n: usize, resource_type: &str) -> NewResource {
    NewResource {
        id: id(n),
        resource_type: resource_type.to_owned(),
        owner: ConnectionKey(7),
        adoptable: false,
        version: 1,
        created: Timestamp::from_micros(0),
        modified: Timestamp::from_micros(0),
        document: "{}".to_owned(),
        index: beginnings::index(None),
    }
}

fn tenant(store: &dyn Store) -> TenantCtx {
    beginnings::tenant(store, "acme").ctx
}
