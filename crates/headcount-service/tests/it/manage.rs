//! Management: tenants, connections, tokens, imports.

use headcount_model::{ConnectionState, Preset, ScopeSet, Timestamp};
use headcount_service::manage::{MadeToken, ManageError};
use headcount_store::{
    Abort, StoreError, StoreExt,
    index::{self, IndexPolicy},
    system::SystemTx,
};
use scim_schema::{Resource, builtin::USER};
use serde_json::{Value, json};

use crate::fixture::World;

const DAY_S: i64 = 86_400;

fn token(world: &World, expires_in_days: Option<i64>) -> MadeToken {
    let manage = world.manage();
    let expires = expires_in_days.map(|days| manage.clock.now().plus_seconds(days * DAY_S));
    manage.create_token("default", None, "", ScopeSet::default(), expires).unwrap()
}

fn lives_for_days(world: &World, made: &MadeToken) -> Option<i64> {
    made.record.expires.map(|end| end.seconds_since(world.manage().clock.now()) / DAY_S)
}

fn sentence(error: &ManageError) -> String {
    error.to_string()
}

#[test]
fn a_fresh_database_gets_one_tenant_with_one_connection_once() {
    let world = World::new();
    let manage = world.manage();
    manage.bootstrap().unwrap();
    manage.bootstrap().unwrap();
    let tenants = manage.tenants().unwrap();
    assert_eq!((tenants.len(), tenants[0].slug.as_str(), tenants[0].entitled), (1, "default", true));
    let connections = manage.connections(None).unwrap();
    assert_eq!(connections.len(), 1, "the application's connection is not listed");
    assert_eq!((connections[0].1.preset, connections[0].1.state), (Preset::Generic, ConnectionState::On));
}

#[test]
fn a_token_needs_a_named_connection_where_there_are_several() {
    let world = World::new();
    let manage = world.manage();
    manage.bootstrap().unwrap();
    let (_, second) = manage.create_connection("default", Preset::Okta, None, ConnectionState::On).unwrap();
    let refused = manage.create_token("default", None, "", ScopeSet::default(), None).unwrap_err();
    assert!(matches!(&refused, ManageError::Invalid(text) if text.contains(second.id.as_str())), "{refused}");
    let made = manage.create_token("default", Some(second.id.as_str()), "", ScopeSet::default(), None).unwrap();
    assert_eq!(made.connection.id, second.id);
    assert!(manage.create_token("default", Some("nobody"), "", ScopeSet::default(), None).is_err());
}

#[test]
fn every_rotation_lives_as_long_as_the_first_token_was_made_to() {
    let world = World::new();
    let manage = world.manage();
    manage.bootstrap().unwrap();
    for lifetime in [None, Some(90)] {
        let first = token(&world, lifetime);
        let overlap = manage.clock.now().plus_seconds(7 * DAY_S);
        let second = manage.rotate_token(first.record.id.as_str(), Some(overlap)).unwrap();
        let again = manage.rotate_token(first.record.id.as_str(), Some(overlap)).unwrap();
        for made in [&second, &again] {
            assert_eq!(lives_for_days(&world, made), lifetime);
        }
        let tokens = manage.tokens(None).unwrap();
        let old = tokens.iter().find(|(_, _, token)| token.id == first.record.id).unwrap();
        assert_eq!((old.2.expires, old.2.revoked), (Some(overlap), None));
    }
}

#[test]
fn a_rotation_without_overlap_revokes_the_old_token() {
    let world = World::new();
    let manage = world.manage();
    manage.bootstrap().unwrap();
    let old = token(&world, None);
    manage.rotate_token(old.record.id.as_str(), Some(manage.clock.now())).unwrap();
    let tokens = manage.tokens(None).unwrap();
    assert!(tokens.iter().find(|(_, _, token)| token.id == old.record.id).unwrap().2.revoked.is_some());
    let refused = manage.rotate_token(old.record.id.as_str(), None).unwrap_err();
    assert!(sentence(&refused).contains("revoked"), "{refused}");
}

#[test]
fn settings_change_all_or_nothing_and_name_what_there_is() {
    let world = World::new();
    let manage = world.manage();
    manage.bootstrap().unwrap();
    let id = manage.connections(None).unwrap()[0].1.id.to_string();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let refused = manage.set_connection(&id, &[pair("state", "off"), pair("adopt", "sometimes")]).unwrap_err();
    assert!(sentence(&refused).contains("on_write, never"), "{refused}");
    assert_eq!(manage.connection(&id).unwrap().1.state, ConnectionState::On);
    let refused = manage.set_connection(&id, &[pair("colour", "red")]).unwrap_err();
    assert!(sentence(&refused).contains("identity_changes"), "{refused}");
    let changed = manage.set_connection(&id, &[pair("state", "shadow"), pair("adopt", "never")]).unwrap().1;
    assert_eq!((changed.state, changed.switches().word("adopt")), (ConnectionState::Shadow, Some("never")));
    assert!(matches!(manage.set_tenant("default", &[pair("entitled", "yes")]), Err(ManageError::Invalid(_))));
    assert!(!manage.set_tenant("default", &[pair("entitled", "false")]).unwrap().entitled);
    assert!(matches!(manage.tenant("nobody"), Err(ManageError::NotFound(text)) if text.contains("default")));
}

#[test]
fn hosts_belong_to_one_tenant_and_slugs_and_hosts_have_a_form() {
    let world = World::new();
    let manage = world.manage();
    manage.create_tenant("acme", None, &["ACME.example.com.".to_owned()], true).unwrap();
    assert_eq!(manage.tenant("acme").unwrap().hosts, ["acme.example.com"]);
    assert!(matches!(manage.create_tenant("acme", None, &[], true), Err(ManageError::Taken(_))));
    let taken = manage.create_tenant("other", None, &["acme.example.com".to_owned()], true);
    assert!(matches!(taken, Err(ManageError::Taken(_))));
    for slug in ["", "Acme", "-a", "a_b", &"a".repeat(64)] {
        assert!(matches!(manage.create_tenant(slug, None, &[], true), Err(ManageError::Invalid(_))), "{slug}");
    }
    for host in ["https://a.example", "a.example:80", "a..b", ""] {
        let made = manage.create_tenant("x", None, &[host.to_owned()], true);
        assert!(matches!(made, Err(ManageError::Invalid(_))), "{host}");
    }
}

#[test]
fn a_switch_that_changes_what_is_unique_holds_for_resources_that_are_there() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let manage = world.manage();
    let (_, connection) = manage.connections(None).unwrap().remove(0);
    let id = connection.id.to_string();
    let set = |word: &str| manage.set_connection(&id, &[("external_id_unique".to_owned(), word.to_owned())]);
    let user = |name: &str, external: &str| {
        client.post("User", json!({"schemas": [USER], "userName": name, "externalId": external}))
    };
    user("ada", "1").unwrap();
    set("on").unwrap();
    assert_eq!(user("bob", "1").unwrap_err().status, 409);
    set("off").unwrap();
    user("bob", "1").unwrap();
    let refused = set("on").unwrap_err();
    assert!(matches!(&refused, ManageError::Taken(text) if text.contains("externalId")), "{refused}");
    assert_eq!(manage.connection(&id).unwrap().1.switches().word("external_id_unique"), Some("off"));
}

#[test]
fn indexing_anew_makes_findable_what_was_not() {
    let world = World::new();
    let client = world.client(Preset::Generic);
    let id = client.user("ada");
    let ctx = SystemTx::for_command_line().tenant(world.manage().tenants().unwrap()[0].key);
    let stale = world.service.registry().resource_type("User").unwrap();
    let policy = IndexPolicy { external_id_unique: false, unique_group_names: true };
    let form = index::form(stale, &Resource::default(), policy);
    let caller = client.caller();
    world
        .store
        .writing(&ctx, |txn| {
            let view = headcount_store::query::View {
                connection: caller.credential().connection.key,
                adoptable: headcount_store::query::Adoptable::Seen,
            };
            let stored = txn.find_resource(&view, "User", &id, headcount_store::resources::Lock::None)?.unwrap();
            txn.reindex_resource(&stored, &form).map_err(Abort::<StoreError>::Store)
        })
        .unwrap();
    let taken = || client.post("User", json!({"schemas": [USER], "userName": "ADA"})).map_err(|error| error.status);
    let mut counts = Vec::new();
    assert_eq!(world.manage().reindex(&mut |count| counts.push(count)).unwrap(), 1);
    assert_eq!(counts.last(), Some(&1));
    assert_eq!(taken().unwrap_err(), 409);
}

#[test]
fn an_import_refuses_faulty_lines_alone_and_derives_what_clients_rely_on() {
    let world = World::new();
    let manage = world.manage();
    manage.bootstrap().unwrap();
    let lines: [&[u8]; 8] = [
        br#"{"userName": "ada@example.com", "displayName": "Ada King Lovelace"}"#,
        b"",
        br#"{"userName": "ADA@example.com"}"#,
        b"{",
        b"\xff\xfe",
        br#"{"displayName": "nobody"}"#,
        br#"["userName"]"#,
        br#"{"userName": "bob", "name": {"familyName": "B"}, "emails": [{"value": "b@example.com"}], "active": false}"#,
    ];
    let mut input = lines.iter().map(|line| Ok(line.to_vec()));
    let mut progress = Vec::new();
    let imported = manage.import_users("default", &mut input, true, &mut |count| progress.push(count)).unwrap();
    assert_eq!(imported.created, 2);
    let refused: Vec<u64> = imported.refused.iter().map(|(line, _)| *line).collect();
    assert_eq!(refused, [3, 4, 5, 6, 7], "{:?}", imported.refused);
    assert_eq!(progress.last(), Some(&8));
    assert!(imported.refused[0].1.contains("userName"), "{:?}", imported.refused);
}

#[test]
fn a_token_with_an_end_in_the_past_is_made_for_nobody() {
    let world = World::new();
    let manage = world.manage();
    manage.bootstrap().unwrap();
    let made = manage.create_token("default", None, "", ScopeSet::default(), Some(Timestamp::default()));
    assert!(matches!(made, Err(ManageError::Invalid(_))));
    let none = manage.create_token("default", None, "", ScopeSet::new(Vec::new()), None);
    assert!(matches!(none, Err(ManageError::Invalid(_))));
}

#[test]
fn an_export_holds_every_account_once_and_can_be_imported_elsewhere() {
    let world = World::new();
    let manage = world.manage();
    manage.bootstrap().unwrap();
    let lines: Vec<String> =
        (0..1_203).map(|n| format!(r#"{{"userName":"u{n}","displayName":"U \u00e9 {n}"}}"#)).collect();
    let mut input = lines.iter().map(|line| Ok(line.clone().into_bytes()));
    manage.import_users("default", &mut input, true, &mut |_| {}).unwrap();

    let mut exported = Vec::new();
    let mut progress = Vec::new();
    let count = manage
        .export_users(
            "default",
            None,
            &mut |line| {
                exported.push(line.to_owned());
                Ok(())
            },
            &mut |done| progress.push(done),
        )
        .unwrap();
    assert_eq!(count, 1_203);
    assert_eq!(progress.last(), Some(&1_203));
    for (n, line) in exported.iter().enumerate() {
        let account: Value = serde_json::from_str(line).unwrap();
        assert_eq!(account["userName"], format!("u{n}"));
        assert_eq!(account["meta"]["resourceType"], "User");
        assert!(account["id"].is_string());
    }

    let elsewhere = World::new();
    let manage = elsewhere.manage();
    manage.bootstrap().unwrap();
    let mut input = exported.iter().map(|line| Ok(line.clone().into_bytes()));
    let imported = manage.import_users("default", &mut input, true, &mut |_| {}).unwrap();
    assert_eq!((imported.created, imported.refused), (1_203, Vec::new()));
}

#[test]
fn an_export_names_the_connection_that_is_not_there_and_ends_with_its_sink() {
    let world = World::new();
    let manage = world.manage();
    manage.bootstrap().unwrap();
    let unknown = manage.export_users("default", Some("nobody"), &mut |_| Ok(()), &mut |_| {});
    assert!(matches!(unknown, Err(ManageError::NotFound(_))), "{unknown:?}");
    let mut input = std::iter::once(Ok(br#"{"userName":"a"}"#.to_vec()));
    manage.import_users("default", &mut input, true, &mut |_| {}).unwrap();
    let full = manage.export_users("default", None, &mut |_| Err(std::io::Error::other("full")), &mut |_| {});
    assert!(matches!(full, Err(ManageError::Invalid(_))), "{full:?}");
}
