//! Administrators, their sessions and links: outside tenants, and told of in the journals of those
//! that they concern.

use std::sync::Arc;

use headcount_model::{Administrator, Event, EventKind, PublicId, Role, Secret, TenantKey, Timestamp};
use headcount_token::PasswordHash;

use super::{Fixture, World, assert_not_found, assert_taken, at, concurrency::together, event, id};
use crate::{
    administrators::{AdministratorChange, AdministratorStore, Link, Purpose, Redemption, SecretDigest, Session},
    error::StoreError,
};

fn administrator(n: u32, role: Role) -> Administrator {
    Administrator {
        id: id(n),
        email: format!("Ann{n}@Example.com"),
        email_key: format!("ann{n}@example.com"),
        name: format!("Ann {n} \u{e4}"),
        role,
        created: at(1),
        password_set: Some(at(1)),
        disabled: None,
    }
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash::from_stored(text)
}

fn digest(text: &str) -> SecretDigest {
    SecretDigest::of(&Secret::new(text))
}

fn session(text: &str, from: i64) -> Session {
    Session {
        digest: digest(text),
        created: at(from),
        seen: at(from),
        idle_until: at(from + 100),
        ends: at(from + 1_000),
        authenticated: at(from),
    }
}

fn link(text: &str, purpose: Purpose) -> Link {
    Link { digest: digest(text), purpose, created: at(10), expires: at(20) }
}

fn noted(kind: EventKind) -> Event {
    event(kind, None, 0)
}

fn insert(store: &dyn AdministratorStore, one: &Administrator) {
    store.insert(one, Some(&hash("hash")), &noted(EventKind::AdministratorCreated)).unwrap();
}

/// An operator in a store.
fn with_operator(fixture: &dyn Fixture) -> (World, Administrator) {
    let world = World::new(fixture);
    let one = administrator(1, Role::Operator);
    insert(world.store.administrators(), &one);
    (world, one)
}

fn is_signed_in(store: &dyn AdministratorStore, text: &str) -> bool {
    store.find_session(&digest(text)).unwrap().is_some()
}

/// What was written comes back, by id and by address, for every role.
pub fn administrators_come_back_as_they_were_written(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let store = world.store.administrators();
    assert_eq!(store.list().unwrap(), []);
    let tenant = world.tenant.key;
    let roles = [Role::Operator, Role::Admin(tenant), Role::Viewer(None), Role::Viewer(Some(tenant))];
    let mut all: Vec<Administrator> = (1..).zip(roles).map(|(n, role)| administrator(n, role)).collect();
    all[3].password_set = None;
    all[3].disabled = Some(at(9));
    for one in &all {
        let password = one.password_set.map(|_| hash(one.id.as_str()));
        store.insert(one, password.as_ref(), &noted(EventKind::AdministratorCreated)).unwrap();
        let expected = Some((one.clone(), password));
        assert_eq!(store.find(&one.id).unwrap(), expected);
        assert_eq!(store.find_by_email(&one.email_key).unwrap(), expected);
    }
    assert_eq!(store.list().unwrap(), all);
    for absent in ["", "Ann1@Example.com", "nobody@example.com", "nul\0"] {
        assert_eq!(store.find_by_email(absent).unwrap(), None, "{absent:?}");
        assert_eq!(store.find(&PublicId::from_text(absent)).unwrap(), None, "{absent:?}");
    }
}

/// One address has one administrator.
pub fn administrators_addresses_are_unique(fixture: &dyn Fixture) {
    let (world, one) = with_operator(fixture);
    let store = world.store.administrators();
    let twin = Administrator { email_key: one.email_key.clone(), ..administrator(2, Role::Operator) };
    assert_taken(store.insert(&twin, None, &noted(EventKind::AdministratorCreated)), "email");
    assert_eq!(store.list().unwrap(), [one]);
}

/// An act is told of in the journal of the tenant that it concerns, and in no other; what fails
/// leaves no entry.
pub fn acts_on_administrators_are_in_their_tenants_journal(fixture: &dyn Fixture) {
    let (mine, theirs) = World::pair(fixture);
    let store = mine.store.administrators();
    let one = administrator(1, Role::Admin(mine.tenant.key));
    insert(store, &one);
    insert(store, &administrator(2, Role::Operator));
    let twin = Administrator { id: id(3), ..one.clone() };
    assert_taken(store.insert(&twin, None, &noted(EventKind::AdministratorCreated)), "email");
    store.set_password(&one.id, &hash("new"), at(5), &noted(EventKind::AdministratorPasswordSet)).unwrap();
    let change = AdministratorChange { disabled: Some(Some(at(6))), ..AdministratorChange::default() };
    store.change(&one.id, &change, &noted(EventKind::AdministratorChanged)).unwrap();
    let kinds: Vec<String> = mine.events().into_iter().map(|event| event.kind).collect();
    let expected =
        [EventKind::AdministratorCreated, EventKind::AdministratorPasswordSet, EventKind::AdministratorChanged];
    assert_eq!(kinds, expected.map(EventKind::as_str));
    assert_eq!(theirs.events(), []);
}

/// A new password is the one that is found, and ends every session of its administrator only.
pub fn password_of_an_administrator_ends_its_sessions(fixture: &dyn Fixture) {
    let (world, one) = with_operator(fixture);
    let store = world.store.administrators();
    let other = administrator(2, Role::Operator);
    insert(store, &other);
    for text in ["a", "b"] {
        store.begin_session(&one, &session(text, 10), None).unwrap();
    }
    store.begin_session(&other, &session("c", 10), None).unwrap();
    store.insert_link(&link("reset", Purpose::PasswordReset(one.id.clone()))).unwrap();
    let kind = EventKind::AdministratorPasswordSet;
    store.set_password(&one.id, &hash("new"), at(11), &noted(kind)).unwrap();
    let (found, password) = store.find(&one.id).unwrap().unwrap();
    assert_eq!((found.password_set, password), (Some(at(11)), Some(hash("new"))));
    assert_eq!(["a", "b", "c"].map(|text| is_signed_in(store, text)), [false, false, true]);
    assert_eq!(store.find_link(&digest("reset")).unwrap(), None);
    // Whoever read the administrator before comes too late.
    assert_not_found(store.begin_session(&one, &session("late", 12), None));
    store.begin_session(&found, &session("d", 12), None).unwrap();
    assert_not_found(store.set_password(&id(9), &hash("x"), at(1), &noted(kind)));
}

/// Who is disabled or has another role is signed out; who is let in again signs in anew.
pub fn disabled_or_changed_administrators_are_signed_out(fixture: &dyn Fixture) {
    let (world, one) = with_operator(fixture);
    let store = world.store.administrators();
    let change =
        |change: AdministratorChange| store.change(&one.id, &change, &noted(EventKind::AdministratorChanged)).unwrap();
    store.begin_session(&one, &session("a", 10), None).unwrap();
    let changed = change(AdministratorChange::default());
    assert_eq!((changed, is_signed_in(store, "a")), (one.clone(), true));
    let disabled = change(AdministratorChange { disabled: Some(Some(at(11))), ..AdministratorChange::default() });
    assert_eq!((disabled.disabled, is_signed_in(store, "a")), (Some(at(11)), false));
    assert_not_found(store.begin_session(&disabled, &session("b", 12), None));
    let enabled = change(AdministratorChange { disabled: Some(None), ..AdministratorChange::default() });
    assert_eq!(enabled, one);
    store.begin_session(&enabled, &session("c", 13), None).unwrap();
    let viewer = change(AdministratorChange { role: Some(Role::Viewer(None)), ..AdministratorChange::default() });
    assert_eq!((viewer.role, is_signed_in(store, "c")), (Role::Viewer(None), false));
    let nobody = store.change(&id(9), &AdministratorChange::default(), &noted(EventKind::AdministratorChanged));
    assert_not_found(nobody);
}

/// A session is found with its administrator as long as it is not ended.
pub fn sessions_live_are_touched_replaced_and_ended(fixture: &dyn Fixture) {
    let (world, one) = with_operator(fixture);
    let store = world.store.administrators();
    let begun = session("a", 10);
    store.begin_session(&one, &begun, None).unwrap();
    assert_eq!(store.find_session(&digest("a")).unwrap(), Some((begun, one.clone())));
    assert_eq!(store.find_session(&digest("b")).unwrap(), None);
    store.touch_session(&digest("a"), at(70), at(170)).unwrap();
    store.touch_session(&digest("b"), at(70), at(170)).unwrap();
    let touched = Session { seen: at(70), idle_until: at(170), ..begun };
    assert_eq!(store.find_session(&digest("a")).unwrap(), Some((touched, one.clone())));
    // The replaced one ends, and so do those that were over.
    store.begin_session(&one, &session("b", 80), Some(&digest("a"))).unwrap();
    assert_eq!(["a", "b"].map(|text| is_signed_in(store, text)), [false, true]);
    store.begin_session(&one, &session("c", 180), None).unwrap();
    assert_eq!(["b", "c"].map(|text| is_signed_in(store, text)), [false, true]);
    store.end_session(&digest("c")).unwrap();
    store.end_session(&digest("c")).unwrap();
    assert!(!is_signed_in(store, "c"));
    for text in ["d", "e"] {
        store.begin_session(&one, &session(text, 190), None).unwrap();
    }
    assert_eq!(store.end_sessions(&one.id).unwrap(), 2);
    assert_eq!(store.end_sessions(&one.id).unwrap(), 0);
    assert!(!is_signed_in(store, "d"));
    assert_not_found(store.begin_session(&administrator(9, Role::Operator), &session("f", 1), None));
}

/// The link for the first administrator is one at a time, works once, and only while there is none.
pub fn link_for_the_first_administrator_makes_one(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let store = world.store.administrators();
    let (one, password, noted) =
        (administrator(1, Role::Operator), hash("first"), noted(EventKind::AdministratorCreated));
    let redeem = |text: &str, now: Timestamp| {
        store.redeem_link(&digest(text), now, Redemption::First(&one, &password), &noted).unwrap()
    };
    for text in ["old", "new"] {
        assert!(store.insert_link(&link(text, Purpose::FirstAdministrator)).unwrap());
    }
    assert_eq!(store.find_link(&digest("old")).unwrap(), None);
    let kept = link("new", Purpose::FirstAdministrator);
    assert_eq!(store.find_link(&digest("new")).unwrap(), Some((kept, None)));
    assert_eq!(redeem("old", at(11)), None);
    assert_eq!(redeem("new", at(20)), None, "it is over");
    let wrong = Redemption::Password(None, &password);
    assert_eq!(store.redeem_link(&digest("new"), at(11), wrong, &noted).unwrap(), None, "it is for something else");
    assert_eq!(redeem("new", at(19)), Some(one.id.clone()));
    assert_eq!(redeem("new", at(19)), None, "it was used");
    assert_eq!(store.find(&one.id).unwrap(), Some((one.clone(), Some(password.clone()))));
    assert!(!store.insert_link(&link("third", Purpose::FirstAdministrator)).unwrap());
    assert_eq!(store.find_link(&digest("third")).unwrap(), None);
}

/// An administrator made in another way voids the link for the first one.
pub fn an_administrator_voids_the_link_for_the_first_one(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let store = world.store.administrators();
    store.insert_link(&link("first", Purpose::FirstAdministrator)).unwrap();
    insert(store, &administrator(1, Role::Operator));
    assert_eq!(store.find_link(&digest("first")).unwrap(), None);
}

/// Invitations and resets set the password and the name, once; a newer one voids the older.
pub fn links_of_administrators_set_the_password_once(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let store = world.store.administrators();
    let one = Administrator { password_set: None, ..administrator(1, Role::Admin(world.tenant.key)) };
    store.insert(&one, None, &noted(EventKind::AdministratorCreated)).unwrap();
    let (password, noted) = (hash("chosen"), noted(EventKind::AdministratorPasswordSet));
    let redeem = |text: &str, name: Option<&str>| {
        store.redeem_link(&digest(text), at(12), Redemption::Password(name, &password), &noted).unwrap()
    };
    for text in ["old", "new"] {
        assert!(store.insert_link(&link(text, Purpose::Invitation(one.id.clone()))).unwrap());
    }
    assert_eq!(redeem("old", None), None);
    let kept = link("new", Purpose::Invitation(one.id.clone()));
    assert_eq!(store.find_link(&digest("new")).unwrap(), Some((kept, Some(one.clone()))));
    assert_eq!(redeem("new", Some("Ann \u{fc}")), Some(one.id.clone()));
    assert_eq!(redeem("new", Some("Eve")), None);
    let (found, kept) = store.find(&one.id).unwrap().unwrap();
    assert_eq!((&*found.name, found.password_set, kept), ("Ann \u{fc}", Some(at(12)), Some(password.clone())));
    let kinds: Vec<String> = world.events().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["administrator.created", "administrator.password_set"]);
    // Who is disabled comes in by no link.
    store.insert_link(&link("reset", Purpose::PasswordReset(one.id.clone()))).unwrap();
    let disable = AdministratorChange { disabled: Some(Some(at(13))), ..AdministratorChange::default() };
    store.change(&one.id, &disable, &noted).unwrap();
    store.insert_link(&link("again", Purpose::PasswordReset(one.id.clone()))).unwrap();
    assert_eq!((redeem("reset", None), redeem("again", None)), (None, None));
    assert_not_found(store.insert_link(&link("nobody", Purpose::Invitation(id(9)))));
}

/// The link of a guide is read, never used, and forgotten when it is over.
pub fn link_of_a_guide_stays_until_it_is_over(fixture: &dyn Fixture) {
    let (world, _) = with_operator(fixture);
    let store = world.store.administrators();
    let guide = |text: &str| link(text, Purpose::Guide(TenantKey(7), world.connection));
    assert!(store.insert_link(&guide("one")).unwrap());
    assert!(store.insert_link(&guide("two")).unwrap());
    let (password, noted) = (hash("x"), noted(EventKind::AdministratorPasswordSet));
    let used = store.redeem_link(&digest("one"), at(11), Redemption::Password(None, &password), &noted);
    assert_eq!(used.unwrap(), None);
    assert_eq!(store.find_link(&digest("one")).unwrap(), Some((guide("one"), None)));
    let later = Link { created: at(20), expires: at(30), ..guide("three") };
    store.insert_link(&later).unwrap();
    assert_eq!(store.find_link(&digest("one")).unwrap(), None);
    assert_eq!(store.find_link(&digest("three")).unwrap(), Some((later, None)));
}

/// Of many browsers with one link, one makes its administrator.
pub fn concurrent_uses_of_one_link_have_one_winner(fixture: &dyn Fixture) {
    const THREADS: u32 = 8;
    let world = World::new(fixture);
    world.store.administrators().insert_link(&link("first", Purpose::FirstAdministrator)).unwrap();
    let store = Arc::clone(&world.store);
    let winners = together(THREADS, |n| {
        let (one, password) = (administrator(n + 1, Role::Operator), hash("hash"));
        for _ in 0..1_000 {
            let redemption = Redemption::First(&one, &password);
            let event = noted(EventKind::AdministratorCreated);
            match store.administrators().redeem_link(&digest("first"), at(11), redemption, &event) {
                Err(StoreError::Busy(_)) => {}
                result => return result.unwrap(),
            }
        }
        panic!("the store stayed busy for a thousand attempts");
    });
    assert_eq!(winners.iter().flatten().count(), 1, "{winners:?}");
    assert_eq!(world.store.administrators().list().unwrap().len(), 1);
}
