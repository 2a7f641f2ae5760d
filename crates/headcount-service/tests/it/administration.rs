//! Administrators: how they come in, sign in, stay signed in and are kept out.

use std::sync::Arc;

use headcount_model::{Actor, Administrator, Role, Secret};
use headcount_service::{
    Administration, Manage,
    administration::{Acceptance, AccessError, Begun, Field, OpenLink},
    manage::{AdministratorState, ManageError},
};
use headcount_store::{StoreExt, system::SystemTx};
use headcount_token::{Verifier, verify::VerifierLimits};

use crate::fixture::World;

const PASSWORD: &str = "correct horse battery";

/// A fresh installation with its tenant `default`.
struct House {
    world: World,
    manage: Manage,
    access: Administration,
}

impl House {
    fn new() -> Self {
        let world = World::new();
        let manage = world.manage();
        manage.bootstrap().unwrap();
        let verifier = Arc::new(Verifier::new(VerifierLimits::default(), manage.clock.clone(), &*manage.entropy));
        let access =
            Administration::new(manage.store.clone(), verifier, manage.clock.clone(), manage.entropy.clone()).unwrap();
        Self { world, manage, access }
    }

    /// The first administrator, signed in by the first link.
    fn operator(&self) -> Begun {
        let link = self.manage.first_administrator_link().unwrap().unwrap();
        self.access.accept_link(link.code.expose(), &acceptance("ada@example.com", PASSWORD), None).unwrap()
    }

    /// A tenant's admin, signed in by the invitation.
    fn admin(&self, email: &str) -> Begun {
        let (_, link) = self.manage.create_administrator(email, "", "admin", Some("default")).unwrap();
        self.access.accept_link(link.code.expose(), &acceptance("", PASSWORD), None).unwrap()
    }

    fn sign_in(&self, email: &str, password: &str) -> Result<Begun, AccessError> {
        self.access.sign_in(email, &Secret::new(password), None, None)
    }

    fn who(&self, begun: &Begun) -> Option<Administrator> {
        self.access.find_session(&begun.secret).unwrap().map(|signed_in| signed_in.administrator)
    }
}

fn acceptance(email: &str, password: &str) -> Acceptance {
    Acceptance { email: email.to_owned(), name: "Ada".to_owned(), password: Secret::new(password) }
}

#[test]
fn the_first_link_makes_one_operator_and_works_once() {
    let house = House::new();
    let old = house.manage.first_administrator_link().unwrap().unwrap();
    let link = house.manage.first_administrator_link().unwrap().unwrap();
    assert!(matches!(house.access.open_link(old.code.expose()), Err(AccessError::Link)), "a new start voids the old");
    assert_eq!(house.access.open_link(link.code.expose()).unwrap(), OpenLink::FirstAdministrator);
    let accepted = acceptance(" Ada@Example.com ", PASSWORD);
    let begun = house.access.accept_link(link.code.expose(), &accepted, None).unwrap();
    let one = house.who(&begun).unwrap();
    assert_eq!((one.role, &*one.email, &*one.name), (Role::Operator, "Ada@Example.com", "Ada"));
    let again = house.access.accept_link(link.code.expose(), &acceptance("eve@example.com", PASSWORD), None);
    assert!(matches!(again, Err(AccessError::Link)));
    assert!(house.manage.first_administrator_link().unwrap().is_none());
    assert_eq!(house.manage.administrators().unwrap().len(), 1);
}

#[test]
fn what_a_link_cannot_be_accepted_with_is_said_by_field_and_leaves_it_good() {
    let house = House::new();
    let link = house.manage.first_administrator_link().unwrap().unwrap();
    let cases = [
        ("no address", "Ada", PASSWORD, Field::Email),
        ("ada@example.com", "Ada\nLovelace", PASSWORD, Field::Name),
        ("ada@example.com", "Ada", "short", Field::Password),
        ("ada@example.com", "Ada", "ADA@example.com", Field::Password),
    ];
    for (email, name, password, expected) in cases {
        let accepted = Acceptance { email: email.to_owned(), name: name.to_owned(), password: Secret::new(password) };
        match house.access.accept_link(link.code.expose(), &accepted, None) {
            Err(AccessError::Invalid { field, .. }) => assert_eq!(field, expected, "{email} {password}"),
            other => panic!("{email} {password}: {other:?}"),
        }
    }
    house.operator();
}

#[test]
fn links_end_by_themselves_and_unknown_ones_are_told_the_same() {
    let house = House::new();
    let link = house.manage.first_administrator_link().unwrap().unwrap();
    house.world.clock.advance_seconds(7 * 86_400);
    for code in [link.code.expose(), "", "unknown", "\0"] {
        assert!(matches!(house.access.open_link(code), Err(AccessError::Link)), "{code:?}");
    }
}

#[test]
fn unknown_wrong_invited_and_disabled_are_told_the_same() {
    let house = House::new();
    house.operator();
    house.admin("bob@example.com");
    house.manage.create_administrator("invited@example.com", "", "viewer", None).unwrap();
    house.manage.set_administrator_state("bob@example.com", AdministratorState::Disabled).unwrap();
    let cases = [
        ("ada@example.com", "another password"),
        ("nobody@example.com", PASSWORD),
        ("bob@example.com", PASSWORD),
        ("invited@example.com", PASSWORD),
        ("invited@example.com ", ""),
    ];
    let mut told: Vec<String> =
        cases.iter().take(4).map(|(email, password)| house.sign_in(email, password).unwrap_err().to_string()).collect();
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    house.sign_in(cases[4].0, cases[4].1).unwrap_err();
    house.sign_in(" ADA@example.com", PASSWORD).unwrap();
}

#[test]
fn wrong_tries_pause_an_account_and_the_sentence_says_for_how_long() {
    let house = House::new();
    house.operator();
    for left in (0..5).rev() {
        match house.sign_in("ada@example.com", "wrong") {
            Err(AccessError::Wrong { left: told }) => assert_eq!(told, left),
            other => panic!("{other:?}"),
        }
    }
    let paused = house.sign_in("ada@example.com", PASSWORD).unwrap_err();
    assert!(matches!(paused, AccessError::Paused { minutes: 15 }), "{paused}");
    assert!(paused.to_string().contains("15 more minutes"), "{paused}");
    house.world.clock.advance_seconds(15 * 60);
    house.sign_in("ada@example.com", PASSWORD).unwrap();
}

#[test]
fn signing_in_and_again_makes_a_new_secret_and_ends_the_one_before() {
    let house = House::new();
    let first = house.operator();
    let fixed = Secret::new("chosen by somebody else");
    let second = house.access.sign_in("ada@example.com", &Secret::new(PASSWORD), None, Some(&fixed)).unwrap();
    assert_ne!(second.secret, fixed);
    assert!(house.access.find_session(&fixed).unwrap().is_none());
    assert!(house.who(&first).is_some(), "another browser stays signed in");
    house.world.clock.advance_seconds(15 * 60 + 1);
    let signed_in = house.access.find_session(&second.secret).unwrap().unwrap();
    assert!(!signed_in.is_fresh(house.access.now()));
    let wrong = house.access.authenticate_again(&signed_in, &Secret::new("wrong"), None, &second.secret);
    assert!(matches!(wrong, Err(AccessError::Wrong { .. })));
    assert!(house.who(&second).is_some(), "a wrong password signs nobody out");
    let third = house.access.authenticate_again(&signed_in, &Secret::new(PASSWORD), None, &second.secret).unwrap();
    assert!(house.who(&second).is_none());
    assert!(house.access.find_session(&third.secret).unwrap().unwrap().is_fresh(house.access.now()));
}

#[test]
fn a_session_ends_when_it_is_idle_when_it_is_old_and_when_it_is_ended() {
    let house = House::new();
    let idle = house.operator();
    house.world.clock.advance_seconds(12 * 3_600 - 1);
    assert!(house.who(&idle).is_some());
    house.world.clock.advance_seconds(12 * 3_600 - 1);
    assert!(house.who(&idle).is_some(), "its use was noted");
    house.world.clock.advance_seconds(12 * 3_600);
    assert!(house.who(&idle).is_none());
    let old = house.sign_in("ada@example.com", PASSWORD).unwrap();
    for _ in 0..13 {
        house.world.clock.advance_seconds(12 * 3_600 - 1);
        assert!(house.who(&old).is_some());
    }
    house.world.clock.advance_seconds(12 * 3_600);
    assert!(house.who(&old).is_none(), "seven days at most");
    let ended = house.sign_in("ada@example.com", PASSWORD).unwrap();
    house.access.sign_out(&ended.secret).unwrap();
    assert!(house.who(&ended).is_none());
}

#[test]
fn a_reset_ends_all_sessions_and_the_old_password_when_it_is_used() {
    let house = House::new();
    let before = house.operator();
    let (_, link) = house.manage.reset_administrator_password("ADA@example.com").unwrap();
    assert!(house.who(&before).is_some());
    house.sign_in("ada@example.com", PASSWORD).unwrap();
    assert!(matches!(house.access.open_link(link.code.expose()).unwrap(), OpenLink::PasswordReset(_)));
    let accepted = Acceptance { name: String::new(), ..acceptance("", "another long password") };
    let after = house.access.accept_link(link.code.expose(), &accepted, None).unwrap();
    assert!(house.who(&before).is_none());
    assert_eq!(house.who(&after).unwrap().name, "Ada", "an empty name leaves the old one");
    house.sign_in("ada@example.com", PASSWORD).unwrap_err();
    house.sign_in("ada@example.com", "another long password").unwrap();
}

#[test]
fn a_tenants_admin_is_told_of_in_its_journal_and_an_operator_is_not() {
    let house = House::new();
    house.operator();
    let admin = house.admin("bob@example.com");
    let tenant = house.manage.tenant("default").unwrap();
    assert_eq!(house.who(&admin).unwrap().role, Role::Admin(tenant.key));
    house.manage.set_administrator_state("bob@example.com", AdministratorState::Disabled).unwrap();
    assert!(house.who(&admin).is_none(), "who is disabled is signed out");
    let ctx = SystemTx::for_command_line().tenant(tenant.key);
    let events = house.world.store.reading::<_, ()>(&ctx, |txn| Ok(txn.events(0, 100)?)).unwrap();
    let told: Vec<(String, String)> = events
        .into_iter()
        .filter(|event| event.kind.starts_with("administrator."))
        .map(|event| (event.kind, event.actor))
        .collect();
    let itself = Actor::Administrator(admin.signed_in.administrator.id.clone()).to_text();
    let by_command_line = Actor::CommandLine.to_text();
    let expected = [
        ("administrator.created", by_command_line.clone()),
        ("administrator.password_set", itself),
        ("administrator.changed", by_command_line),
    ];
    assert_eq!(told, expected.map(|(kind, actor)| (kind.to_owned(), actor)));
}

#[test]
fn an_administrator_needs_an_address_a_role_and_its_place() {
    let house = House::new();
    house.operator();
    let create = |email: &str, role: &str, tenant: Option<&str>| {
        house.manage.create_administrator(email, "", role, tenant).map(|_| ())
    };
    for (email, role, tenant) in [
        ("no address", "viewer", None),
        ("a@b@c", "viewer", None),
        ("bob@example.com", "admin", None),
        ("bob@example.com", "operator", Some("default")),
        ("bob@example.com", "king", None),
    ] {
        assert!(matches!(create(email, role, tenant), Err(ManageError::Invalid(_))), "{email} {role} {tenant:?}");
    }
    assert!(matches!(create("bob@example.com", "admin", Some("none")), Err(ManageError::NotFound(_))));
    assert!(matches!(create("ADA@example.com", "viewer", None), Err(ManageError::Taken(_))));
    let last = house.manage.set_administrator_state("ada@example.com", AdministratorState::Disabled);
    assert!(matches!(last, Err(ManageError::Invalid(_))), "somebody must be left who can sign in");
}
