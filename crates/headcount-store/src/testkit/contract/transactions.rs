//! All or nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use headcount_model::EventKind;
use headcount_token::PasswordHash;
use serde_json::json;

use super::{Fixture, World, event, find, id};
use crate::{
    error::StoreError,
    members::MemberRef,
    resources::{NewResource, StoredResource},
    store::{Abort, StoreExt, Txn, Verdict, nesting},
    tenants::Conflict,
};

/// A user in a group before anything happens.
struct Before {
    user: StoredResource,
    group: StoredResource,
}

fn before(world: &World) -> Before {
    let user = world.user(1, &json!({"userName": "ann", "emails": [{"value": "ann@example.com"}]}));
    let group = world.group(2);
    world.add(&group, &[&user]);
    Before { user, group: world.load(group.seq).unwrap() }
}

/// Touches every kind of row.
fn change_everything(world: &World, before: &Before, txn: &mut dyn Txn) -> Result<(), StoreError> {
    let new = world.new_resource("User", 50, &json!({"userName": "new", "emails": [{"value": "new@example.com"}]}));
    let seq = txn.insert_resource(&new)?;
    let changed = json!({"userName": "ann", "emails": [{"value": "changed@example.com"}], "active": false});
    world.update_in(txn, &before.user, &changed, world.connection, false)?;
    txn.set_password(before.user.seq, Some(&PasswordHash::from_stored("changed")))?;
    txn.touch_group(before.group.seq, super::at(600))?;
    txn.remove_members(before.group.seq, &[before.user.id.as_str()])?;
    txn.add_members(before.group.seq, &[MemberRef { seq, id: id(50), resource_type: "User".into() }])?;
    txn.note_unmatched(before.group.seq, &["nobody"], super::at(600))?;
    txn.append(&event(EventKind::Create, Some(("User", id(50))), 1))?;
    txn.record_conflict(&Conflict {
        connection: world.connection,
        attribute: "userName".to_owned(),
        kind: "taken_elsewhere".to_owned(),
        resource: None,
        refused: "x".to_owned(),
        first_seen: super::at(1),
        last_seen: super::at(1),
        times: 1,
    })?;
    Ok(())
}

fn assert_unchanged(world: &World, before: &Before) {
    assert_eq!(world.load(before.user.seq).as_ref(), Some(&before.user));
    assert_eq!(world.load(before.group.seq).as_ref(), Some(&before.group));
    assert!(find(world, world.view(), "User", &id(50)).is_none());
    assert_eq!(world.ids("User", ""), [id(1)]);
    assert_eq!(world.total(world.view(), "User"), 1);
    assert_eq!(world.ids("User", "emails.value eq \"ann@example.com\""), [id(1)]);
    for filter in ["emails.value ew \"changed@example.com\"", "emails.value eq \"new@example.com\"", "active eq false"]
    {
        assert_eq!(world.ids("User", filter), [], "{filter}");
    }
    assert_eq!(world.member_ids(&before.group), [id(1)]);
    assert_eq!(world.read(|txn| txn.groups_with_member(before.user.seq)).unwrap().len(), 1);
    assert_eq!(world.read(|txn| txn.unmatched(before.group.seq)).unwrap(), Vec::<String>::new());
    assert_eq!(world.read(|txn| txn.conflicts(10)).unwrap(), []);
    assert_eq!(world.read(|txn| txn.password(before.user.seq)).unwrap(), None);
    assert_eq!(world.events(), []);
    assert_eq!(world.read(|txn| txn.key_holder("User", None, "new")).unwrap(), None);
}

/// A rollback leaves nothing.
pub fn rollback_leaves_nothing(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let before = before(&world);
    let refused: Result<(), Abort<&str>> = world.store.writing(&world.ctx, |txn| {
        change_everything(&world, &before, txn)?;
        Err(Abort::Refuse("no"))
    });
    assert!(matches!(refused, Err(Abort::Refuse("no"))), "{refused:?}");
    assert_unchanged(&world, &before);
    // And what was rolled back can be done.
    world.write(|txn| change_everything(&world, &before, txn)).unwrap();
    assert_eq!(world.ids("User", ""), [id(1), id(50)]);
    assert_eq!(world.events().len(), 1);
}

/// An error of the work leaves nothing and comes out as it is.
pub fn error_of_the_work_leaves_nothing(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let before = before(&world);
    let result: Result<(), _> = world.write(|txn| {
        change_everything(&world, &before, txn)?;
        Err(StoreError::TooMany { attribute: "title".to_owned() })
    });
    assert!(matches!(&result, Err(StoreError::TooMany { attribute }) if attribute == "title"), "{result:?}");
    assert_unchanged(&world, &before);
}

/// A panic of the work leaves nothing, and the store works on.
pub fn panic_of_the_work_leaves_nothing(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let before = before(&world);
    let result = catch_unwind(AssertUnwindSafe(|| {
        world.write::<()>(|txn| {
            change_everything(&world, &before, txn)?;
            panic!("the work panics, as this test wants it to")
        })
    }));
    assert!(!matches!(result, Ok(Ok(()))), "a panic is no success");
    assert_unchanged(&world, &before);
    world.write(|txn| change_everything(&world, &before, txn)).unwrap();
}

/// What a savepoint rolls back is undone; what came before and after it stays.
pub fn nested_rollback_undoes_its_part_only(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let before = before(&world);
    world
        .write(|txn| {
            let refused: Result<(), Abort<u8>> = nesting(txn, |txn| {
                change_everything(&world, &before, txn)?;
                Err(Abort::Refuse(1))
            });
            assert!(matches!(refused, Err(Abort::Refuse(1))));
            let error = txn.nested(&mut |txn| {
                change_everything(&world, &before, txn)?;
                Err(StoreError::VersionMismatch)
            });
            assert!(matches!(error, Err(StoreError::VersionMismatch)), "{error:?}");
            // Inside the transaction nothing of it is to be seen.
            assert_eq!(txn.load_resources(&[before.user.seq])?.pop().as_ref(), Some(&before.user));
            assert_eq!(txn.members(before.group.seq, None, 10)?.len(), 1);
            Ok(())
        })
        .unwrap();
    assert_unchanged(&world, &before);
    let insert = |txn: &mut dyn Txn, n: u32| {
        txn.insert_resource(&world.new_resource("User", n, &json!({"userName": format!("user{n}")})))
    };
    world
        .write(|txn| {
            insert(txn, 10)?;
            txn.nested(&mut |txn| {
                insert(txn, 11)?;
                txn.nested(&mut |txn| insert(txn, 12).map(|_| Verdict::Rollback))?;
                txn.nested(&mut |txn| insert(txn, 13).map(|_| Verdict::Commit))
            })?;
            txn.nested(&mut |txn| {
                insert(txn, 14)?;
                // Kept by the inner savepoint, undone with the outer one.
                txn.nested(&mut |txn| insert(txn, 15).map(|_| Verdict::Commit))?;
                Ok(Verdict::Rollback)
            })?;
            insert(txn, 16)
        })
        .unwrap();
    assert_eq!(world.ids("User", ""), [1, 10, 11, 13, 16].map(id));
    assert_eq!(world.total(world.view(), "User"), 5);
}

/// What a savepoint kept goes with the transaction that is rolled back.
pub fn outer_rollback_undoes_what_a_savepoint_kept(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let before = before(&world);
    let refused: Result<(), Abort<()>> = world.store.writing(&world.ctx, |txn| {
        nesting(txn, |txn| Ok(change_everything(&world, &before, txn)?))?;
        assert_eq!(txn.members(before.group.seq, None, 10)?[0].id, id(50));
        Err(Abort::Refuse(()))
    });
    assert!(matches!(refused, Err(Abort::Refuse(()))));
    assert_unchanged(&world, &before);
}

/// A transaction sees what it wrote.
pub fn transaction_sees_its_own_writes(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let before = before(&world);
    world
        .write(|txn| {
            change_everything(&world, &before, txn)?;
            let page = txn.query(&world.query("User", "emails.value eq \"changed@example.com\""))?;
            assert_eq!(page.resources[0].version, 2);
            assert_eq!(txn.query(&world.query("User", ""))?.total, 2);
            assert_eq!(txn.groups_of(&world.view(), &[before.user.seq], 8)?, []);
            assert_eq!(txn.unmatched(before.group.seq)?, ["nobody"]);
            assert!(txn.key_holder("User", None, "new")?.is_some());
            Ok(())
        })
        .unwrap();
}

/// A read sees one snapshot, whatever is committed meanwhile.
pub fn read_sees_one_snapshot(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let before = before(&world);
    let seen = world
        .read(|txn| {
            let first = (txn.load_resources(&[before.user.seq])?, txn.query(&world.query("User", ""))?.total);
            std::thread::scope(|scope| {
                scope.spawn(|| world.write(|txn| change_everything(&world, &before, txn)).unwrap());
            });
            let second = (txn.load_resources(&[before.user.seq])?, txn.query(&world.query("User", ""))?.total);
            Ok((first, second, txn.members(before.group.seq, None, 10)?))
        })
        .unwrap();
    let (first, second, members) = seen;
    assert_eq!(first, (vec![before.user.clone()], 1));
    assert_eq!(second, first);
    assert_eq!(members[0].id, id(1));
    assert_eq!(world.load(before.user.seq).unwrap().version, 2);
}

/// A read keeps nothing of what it tries to write.
pub fn read_writes_nothing(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let before = before(&world);
    // Refused or thrown away, as the store likes.
    let _ = world.read(|txn| change_everything(&world, &before, txn));
    assert_unchanged(&world, &before);
}

/// Work that met a lock is run again from the beginning, or refused as a whole.
pub fn work_that_is_run_again_writes_once(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let new: NewResource = world.new_resource("User", 1, &json!({"userName": "ann"}));
    for _ in 0..3 {
        let mut runs = 0;
        let result = world.write(|txn| {
            runs += 1;
            txn.insert_resource(&new)?;
            txn.append(&event(EventKind::Create, Some(("User", id(1))), 1))?;
            if runs % 2 == 1 { Err(StoreError::Busy(None)) } else { Ok(()) }
        });
        match result {
            Ok(()) => {
                assert_eq!(world.ids("User", ""), [id(1)]);
                assert_eq!(world.events().len(), 1);
                return;
            }
            Err(StoreError::Busy(_)) => {
                assert_eq!(world.ids("User", ""), []);
                assert_eq!(world.events(), []);
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}
