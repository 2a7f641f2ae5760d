//! Passwords of users, apart from their documents.

use headcount_token::PasswordHash;
use serde_json::json;

use super::{Fixture, World, assert_not_found, find, id};
use crate::{
    error::StoreError,
    resources::StoredResource,
    store::{Abort, StoreExt, Verdict},
};

fn hash(text: &str) -> PasswordHash {
    PasswordHash::from_stored(text)
}

fn set(world: &World, user: &StoredResource, text: &str) {
    world.write(|txn| txn.set_password(user.seq, Some(&hash(text)))).unwrap();
}

fn password(world: &World, user: &StoredResource) -> Option<String> {
    let found = world.read(|txn| txn.password(user.seq)).unwrap();
    found.map(|hash| hash.as_str().to_owned())
}

/// The last hash that was kept is found, byte by byte, until it is taken away.
pub fn password_is_kept_replaced_and_taken_away(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let (ann, bob) = (world.named_user(1), world.named_user(2));
    assert_eq!(password(&world, &ann), None);
    for text in ["$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", "another 'hash' \u{e4}"] {
        set(&world, &ann, text);
        assert_eq!(password(&world, &ann).as_deref(), Some(text));
        assert_eq!(password(&world, &bob), None);
    }
    set(&world, &bob, "bob's");
    for _ in 0..2 {
        world.write(|txn| txn.set_password(ann.seq, None)).unwrap();
        assert_eq!(password(&world, &ann), None);
    }
    assert_eq!(password(&world, &bob).as_deref(), Some("bob's"));
}

/// Only what is there can have a password.
pub fn password_needs_its_resource(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let user = world.named_user(1);
    world.delete(&user).unwrap();
    assert_not_found(world.write(|txn| txn.set_password(user.seq, Some(&hash("x")))));
    world.write(|txn| txn.set_password(user.seq, None)).unwrap();
    assert_eq!(password(&world, &user), None);
}

/// A password is no part of the resource: its row stays as it is, nothing finds it, and a change of the
/// resource, also of who owns it, leaves it.
pub fn password_and_resource_leave_each_other_alone(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let user = world.user(1, &json!({"userName": "ann"}));
    set(&world, &user, "hash-of-ann");
    assert_eq!(world.load(user.seq).as_ref(), Some(&user));
    assert_eq!(world.ids("User", "userName co \"hash\""), []);
    assert_eq!(world.events(), []);
    world.update(&user, &json!({"userName": "anna"}), world.other, false).unwrap();
    assert_eq!(password(&world, &user).as_deref(), Some("hash-of-ann"));
}

/// A deleted user has no password, and one that is brought back does not get it back.
pub fn password_goes_with_its_resource(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let (ann, bob) = (world.named_user(1), world.named_user(2));
    set(&world, &ann, "ann's");
    set(&world, &bob, "bob's");
    world.delete(&ann).unwrap();
    assert_eq!(password(&world, &ann), None);
    assert_eq!(password(&world, &bob).as_deref(), Some("bob's"));
    let again = world.named_user(1);
    assert_eq!(password(&world, &again), None);
}

/// What is undone leaves the password as it was.
pub fn password_follows_rollback_and_savepoints(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let user = world.named_user(1);
    set(&world, &user, "before");
    let refused: Result<(), Abort<()>> = world.store.writing(&world.ctx, |txn| {
        txn.set_password(user.seq, Some(&hash("refused")))?;
        assert_eq!(txn.password(user.seq)?, Some(hash("refused")), "a transaction sees its own writes");
        Err(Abort::Refuse(()))
    });
    assert!(matches!(refused, Err(Abort::Refuse(()))));
    assert_eq!(password(&world, &user).as_deref(), Some("before"));
    let failed: Result<(), StoreError> = world.write(|txn| {
        txn.set_password(user.seq, None)?;
        Err(StoreError::VersionMismatch)
    });
    assert!(failed.is_err());
    assert_eq!(password(&world, &user).as_deref(), Some("before"));
    world
        .write(|txn| {
            txn.nested(&mut |txn| txn.set_password(user.seq, Some(&hash("undone"))).map(|()| Verdict::Rollback))?;
            assert_eq!(txn.password(user.seq)?, Some(hash("before")));
            txn.nested(&mut |txn| txn.set_password(user.seq, Some(&hash("kept"))).map(|()| Verdict::Commit))
        })
        .unwrap();
    assert_eq!(password(&world, &user).as_deref(), Some("kept"));
    // Refused or thrown away, as the store likes.
    let _ = world.read(|txn| txn.set_password(user.seq, None));
    assert_eq!(password(&world, &user).as_deref(), Some("kept"));
}

/// The same users in two tenants have passwords of their own.
pub fn passwords_of_two_tenants_are_apart(fixture: &dyn Fixture) {
    let (mine, other) = World::pair(fixture);
    let (my_user, their_user) = (mine.named_user(1), other.named_user(1));
    set(&mine, &my_user, "mine");
    set(&other, &their_user, "theirs");
    for (world, user, text) in [(&mine, &my_user, "mine"), (&other, &their_user, "theirs")] {
        assert_eq!(password(world, user).as_deref(), Some(text));
    }
    assert_eq!(password(&mine, &their_user), None);
    assert_not_found(mine.write(|txn| txn.set_password(their_user.seq, Some(&hash("stolen")))));
    mine.write(|txn| txn.set_password(their_user.seq, None)).unwrap();
    assert_eq!(password(&other, &their_user).as_deref(), Some("theirs"));
    mine.delete(&find(&mine, mine.view(), "User", &id(1)).unwrap()).unwrap();
    assert_eq!(password(&other, &their_user).as_deref(), Some("theirs"));
}
