//! Tenants, hosts, connections, tokens, conflicts and settings.

use headcount_model::{
    ConnectionKey, ConnectionKind, ConnectionState, Preset, PublicId, ScopeSet, TokenId, TokenRecord,
    switches::SwitchOverrides,
};
use headcount_token::TokenHash;

use super::{Fixture, World, assert_not_found, assert_taken, at, id, registry};
use crate::{
    store::{Abort, StoreExt},
    system::{NewTenant, SystemTx, TokenBinding},
    tenants::{Conflict, ConnectionChange, NewConnection, TenantChange},
    tokens::Credential,
};

fn new_tenant(slug: &str, hosts: &[&str]) -> NewTenant {
    NewTenant {
        id: PublicId::from_text(&format!("{slug}-id")),
        slug: slug.to_owned(),
        name: format!("Name of {slug} é"),
        entitled: false,
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        application: PublicId::from_text(&format!("{slug}-application")),
        created: at(5),
    }
}

fn token(world: &World, name: &str) -> TokenRecord {
    TokenRecord {
        id: TokenId::from_text(name),
        tenant: world.tenant.key,
        connection: world.connection,
        name: format!("Token {name} é"),
        scopes: ScopeSet::parse("scim:read scim:write:User").unwrap(),
        created: at(10),
        made_by: "command line".to_owned(),
        lifetime_s: Some(7_776_000),
        expires: Some(at(1_000)),
        last_used: None,
        revoked: None,
    }
}

fn sorted(mut hosts: Vec<String>) -> Vec<String> {
    hosts.sort();
    hosts
}

/// A tenant is found by slug and id, and has its application connection.
pub fn inserted_tenant_is_found_with_its_application(fixture: &dyn Fixture) {
    let store = fixture.open(registry());
    let made = store.insert_tenant(&new_tenant("zeta", &["b.example", "a.example"])).unwrap();
    let second = store.insert_tenant(&new_tenant("alpha", &[])).unwrap();
    assert_ne!(made.key, second.key);
    assert_eq!((made.slug.as_str(), made.name.as_str(), made.entitled), ("zeta", "Name of zeta é", false));
    assert_eq!((made.id.as_str(), made.created), ("zeta-id", at(5)));
    assert_eq!(sorted(made.hosts.clone()), ["a.example", "b.example"]);
    let listed = store.list_tenants().unwrap();
    assert_eq!(listed.iter().map(|tenant| tenant.slug.as_str()).collect::<Vec<_>>(), ["alpha", "zeta"]);
    assert_eq!(listed[1].key, made.key);
    assert_eq!(sorted(listed[1].hosts.clone()), ["a.example", "b.example"]);
    for name in ["zeta", "zeta-id"] {
        assert_eq!(store.find_tenant(name).unwrap().map(|tenant| tenant.key), Some(made.key), "{name}");
    }
    for name in ["ZETA", "", "zet", "zeta-application", "%"] {
        assert_eq!(store.find_tenant(name).unwrap(), None, "{name}");
    }
    let ctx = SystemTx::for_command_line().tenant(made.key);
    let (tenant, connections) =
        store.reading(&ctx, |txn| Ok::<_, Abort<()>>((txn.tenant()?, txn.connections()?))).unwrap();
    assert_eq!((tenant.key, tenant.slug), (made.key, "zeta".to_owned()));
    assert_eq!(connections.len(), 1);
    assert_eq!(connections[0].kind, ConnectionKind::Application);
    assert_eq!((connections[0].id.as_str(), connections[0].tenant), ("zeta-application", made.key));
    assert_ne!(connections[0].key, ConnectionKey(0));
    assert_eq!(store.find_connection_index("zeta-application").unwrap(), Some((made.key, connections[0].key)));
}

/// Slugs and hosts are unique, and a refusal leaves nothing.
pub fn slug_and_hosts_are_unique(fixture: &dyn Fixture) {
    let store = fixture.open(registry());
    let first = store.insert_tenant(&new_tenant("acme", &["acme.example"])).unwrap();
    let same = NewTenant { id: id(1), application: id(2), ..new_tenant("acme", &[]) };
    assert_taken(store.insert_tenant(&same), "slug");
    assert_taken(store.insert_tenant(&new_tenant("globex", &["globex.example", "acme.example"])), "host");
    assert_eq!(store.list_tenants().unwrap().len(), 1);
    for host in ["globex.example", "ACME.example", ""] {
        assert_eq!(store.find_host(host).unwrap(), None, "{host}");
    }
    assert_eq!(store.find_connection_index("globex-application").unwrap(), None);
    assert_eq!(store.find_host("acme.example").unwrap(), Some(first.key));
    store.insert_tenant(&new_tenant("globex", &["globex.example"])).unwrap();
}

/// A change of a tenant changes what it names, and the host index with it.
pub fn changed_tenant_moves_its_hosts(fixture: &dyn Fixture) {
    let (world, other) = World::pair(fixture);
    let change = |change: TenantChange| world.write(|txn| txn.change_tenant(&change));
    let renamed = change(TenantChange { name: Some("New".to_owned()), ..TenantChange::default() }).unwrap();
    assert_eq!((renamed.name.as_str(), renamed.entitled), ("New", true));
    assert_eq!(renamed.hosts, ["acme.example.com"]);
    let frozen = change(TenantChange { entitled: Some(false), ..TenantChange::default() }).unwrap();
    assert_eq!((frozen.name.as_str(), frozen.entitled), ("New", false));
    let hosts = |names: &[&str]| TenantChange {
        hosts: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        ..TenantChange::default()
    };
    let moved = change(hosts(&["new.example", "acme.example.com"])).unwrap();
    assert_eq!(sorted(moved.hosts), ["acme.example.com", "new.example"]);
    assert_eq!(world.store.find_host("new.example").unwrap(), Some(world.tenant.key));
    assert_taken(change(hosts(&["third.example", "globex.example.com"])), "host");
    assert_eq!(world.store.find_host("third.example").unwrap(), None);
    assert_eq!(world.store.find_host("globex.example.com").unwrap(), Some(other.tenant.key));
    assert_eq!(change(hosts(&[])).unwrap().hosts, Vec::<String>::new());
    assert_eq!(world.store.find_host("acme.example.com").unwrap(), None);
    let taken = TenantChange { hosts: Some(vec!["acme.example.com".to_owned()]), ..TenantChange::default() };
    other.write(|txn| txn.change_tenant(&taken)).unwrap();
    assert_eq!(world.store.find_host("acme.example.com").unwrap(), Some(other.tenant.key));
    assert_eq!(world.store.find_host("globex.example.com").unwrap(), None);
    let stored = world.read(|txn| txn.tenant()).unwrap();
    assert_eq!((stored.name.as_str(), stored.entitled, stored.hosts.len()), ("New", false, 0));
}

/// A refused change of a tenant that goes on is whole under a savepoint, and hosts roll back.
pub fn rolled_back_hosts_are_not_taken(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let refused: Result<(), Abort<()>> = world.store.writing(&world.ctx, |txn| {
        txn.change_tenant(&TenantChange { hosts: Some(vec!["new.example".to_owned()]), ..TenantChange::default() })?;
        Err(Abort::Refuse(()))
    });
    assert!(refused.is_err());
    assert_eq!(world.store.find_host("new.example").unwrap(), None);
    assert_eq!(world.store.find_host("acme.example.com").unwrap(), Some(world.tenant.key));
}

/// Connections come in the order of creation; each change moves the revision by one.
pub fn changed_connection_moves_its_revision(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let new = NewConnection {
        id: PublicId::from_text("a-third"),
        kind: ConnectionKind::IdentityProvider,
        name: "Third é".to_owned(),
        preset: Preset::Okta,
        state: ConnectionState::Shadow,
        created: at(77),
    };
    let made = world.write(|txn| txn.insert_connection(&new)).unwrap();
    assert_eq!((&made.id, &made.name, made.preset, made.state), (&new.id, &new.name, new.preset, new.state));
    assert_eq!((made.kind, made.tenant, made.created), (new.kind, world.tenant.key, new.created));
    assert_eq!(made.overrides, SwitchOverrides::default());
    assert_eq!(world.read(|txn| txn.find_connection(made.key)).unwrap(), Some(made.clone()));
    assert_eq!(world.store.find_connection_index("a-third").unwrap(), Some((world.tenant.key, made.key)));
    let keys: Vec<ConnectionKey> =
        world.read(|txn| txn.connections()).unwrap().into_iter().map(|connection| connection.key).collect();
    assert_eq!(keys, [world.application, world.connection, world.other, made.key]);
    assert!(world.write(|txn| txn.insert_connection(&new)).is_err(), "its id is taken");
    let change = |change: ConnectionChange| world.write(|txn| txn.change_connection(made.key, &change)).unwrap();
    let mut overrides = SwitchOverrides::default();
    overrides.set("adopt", "never").unwrap();
    let steps = [
        ConnectionChange { name: Some("Renamed".to_owned()), ..ConnectionChange::default() },
        ConnectionChange { preset: Some(Preset::Entra), ..ConnectionChange::default() },
        ConnectionChange { state: Some(ConnectionState::Off), ..ConnectionChange::default() },
        ConnectionChange { overrides: Some(overrides.clone()), ..ConnectionChange::default() },
    ];
    for (step, revision) in steps.into_iter().zip(made.revision + 1..) {
        assert_eq!(change(step).revision, revision);
    }
    let stored = world.read(|txn| txn.find_connection(made.key)).unwrap().unwrap();
    assert_eq!((stored.name.as_str(), stored.preset, stored.state), ("Renamed", Preset::Entra, ConnectionState::Off));
    assert_eq!((stored.overrides, stored.revision), (overrides, made.revision + 4));
    let cleared =
        change(ConnectionChange { overrides: Some(SwitchOverrides::default()), ..ConnectionChange::default() });
    assert_eq!(cleared.overrides, SwitchOverrides::default());
    assert_not_found(world.write(|txn| txn.change_connection(ConnectionKey(i64::MAX), &ConnectionChange::default())));
    assert_eq!(world.read(|txn| txn.find_connection(ConnectionKey(0))).unwrap(), None);
    assert_eq!(world.read(|txn| txn.find_connection(world.other)).unwrap().unwrap().revision, made.revision);
}

/// A token from its making to its end.
pub fn tokens_live_and_end(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let record = token(&world, "tokenAAAAAAA");
    let hash = TokenHash::from_stored("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA");
    let binding = TokenBinding { tenant: world.tenant.key, connection: world.connection, hash: hash.clone() };
    assert_eq!(world.store.find_token(&record.id).unwrap(), None);
    assert_eq!(world.read(|txn| txn.credential(&record.id)).unwrap(), None);
    world.write(|txn| txn.insert_token(&record, &hash)).unwrap();
    assert_eq!(world.store.find_token(&record.id).unwrap(), Some(binding.clone()));
    let credential = world.read(|txn| txn.credential(&record.id)).unwrap().unwrap();
    let expected = Credential {
        token: record.clone(),
        connection: world.read(|txn| txn.find_connection(world.connection)).unwrap().unwrap(),
        tenant: world.read(|txn| txn.tenant()).unwrap(),
    };
    assert_eq!(credential, expected);
    assert!(matches!(world.write(|txn| txn.insert_token(&record, &hash)), Err(crate::StoreError::Unique { .. })));
    let second = TokenRecord { id: TokenId::from_text("tokenAAAAAA0"), expires: None, ..record.clone() };
    world.write(|txn| txn.insert_token(&second, &hash)).unwrap();
    assert_eq!(world.read(|txn| txn.tokens()).unwrap(), [record.clone(), second.clone()]);
    // Used, made to end, made not to end, revoked once.
    world.write(|txn| txn.use_token(&record.id, at(50))).unwrap();
    assert_eq!(world.write(|txn| txn.expire_token(&record.id, Some(at(60)))).unwrap().expires, Some(at(60)));
    assert_eq!(world.write(|txn| txn.expire_token(&record.id, None)).unwrap().expires, None);
    assert_eq!(world.write(|txn| txn.revoke_token(&record.id, at(70))).unwrap().revoked, Some(at(70)));
    let dead = world.write(|txn| txn.revoke_token(&record.id, at(80))).unwrap();
    assert_eq!(dead, TokenRecord { last_used: Some(at(50)), expires: None, revoked: Some(at(70)), ..record.clone() });
    // A dead token is still told of, and its binding never changes.
    assert_eq!(world.read(|txn| txn.credential(&record.id)).unwrap().unwrap().token, dead);
    assert_eq!(world.read(|txn| txn.tokens()).unwrap(), [dead, second]);
    assert_eq!(world.store.find_token(&record.id).unwrap(), Some(binding));
    let nobody = TokenId::from_text("nobody");
    assert_not_found(world.write(|txn| txn.revoke_token(&nobody, at(1))));
    assert_not_found(world.write(|txn| txn.expire_token(&nobody, None)));
}

/// The credential shows the switch and the entitlement as they are in its transaction.
pub fn credential_shows_connection_and_tenant_as_they_are(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let record = token(&world, "tokenAAAAAAA");
    world.write(|txn| txn.insert_token(&record, &TokenHash::from_stored("x"))).unwrap();
    world
        .write(|txn| {
            let off = ConnectionChange { state: Some(ConnectionState::Off), ..ConnectionChange::default() };
            txn.change_connection(world.connection, &off)?;
            txn.change_tenant(&TenantChange { entitled: Some(false), ..TenantChange::default() })?;
            let inside = txn.credential(&record.id)?.unwrap();
            assert_eq!((inside.connection.state, inside.tenant.entitled), (ConnectionState::Off, false));
            Ok(())
        })
        .unwrap();
    let after = world.read(|txn| txn.credential(&record.id)).unwrap().unwrap();
    assert_eq!((after.connection.state, after.tenant.entitled), (ConnectionState::Off, false));
}

/// A token that was rolled back is nowhere, not in the index either.
pub fn rolled_back_token_is_nowhere(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let record = token(&world, "tokenAAAAAAA");
    let refused: Result<(), Abort<()>> = world.store.writing(&world.ctx, |txn| {
        txn.insert_token(&record, &TokenHash::from_stored("x"))?;
        Err(Abort::Refuse(()))
    });
    assert!(refused.is_err());
    assert_eq!(world.store.find_token(&record.id).unwrap(), None);
    assert_eq!(world.read(|txn| txn.tokens()).unwrap(), []);
}

/// An open conflict is one, however often it is met.
pub fn repeated_conflicts_count_up(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let user = world.named_user(1);
    let conflict = |when: i64| Conflict {
        connection: world.connection,
        attribute: "userName".to_owned(),
        kind: "taken_elsewhere".to_owned(),
        resource: None,
        refused: "Ann é".to_owned(),
        first_seen: at(when),
        last_seen: at(when),
        times: 1,
    };
    let record = |conflict: &Conflict| world.write(|txn| txn.record_conflict(conflict)).unwrap();
    assert!(record(&conflict(10)));
    assert!(!record(&conflict(20)));
    assert!(!record(&conflict(30)));
    let others = [
        Conflict { resource: Some(user.id.clone()), ..conflict(40) },
        Conflict { attribute: "emails".to_owned(), ..conflict(50) },
        Conflict { refused: "ann é".to_owned(), ..conflict(60) },
        Conflict { connection: world.other, ..conflict(70) },
    ];
    for other in &others {
        assert!(record(other), "{other:?}");
    }
    let found = world.read(|txn| txn.conflicts(100)).unwrap();
    let repeated = Conflict { last_seen: at(30), times: 3, ..conflict(10) };
    let [resource, attribute, refused, connection] = others;
    assert_eq!(found, [connection, refused, attribute, resource, repeated], "newest first");
    assert_eq!(world.read(|txn| txn.conflicts(2)).unwrap(), found[..2]);
    assert_eq!(world.read(|txn| txn.conflicts(0)).unwrap(), []);
}

/// Settings of the installation are written, overwritten and kept by whoever comes first.
pub fn settings_keep_their_last_value(fixture: &dyn Fixture) {
    let store = fixture.open(registry());
    assert_eq!(store.setting("a").unwrap(), None);
    store.set_setting("a", "1 é '\"").unwrap();
    assert_eq!(store.setting("a").unwrap().as_deref(), Some("1 é '\""));
    store.set_setting("a", "").unwrap();
    assert_eq!(store.setting("a").unwrap().as_deref(), Some(""));
    assert_eq!(store.setting("A").unwrap(), None);
    assert_eq!(store.setting_or_insert("a", "other").unwrap(), "");
    assert_eq!(store.setting_or_insert("b", "first").unwrap(), "first");
    assert_eq!(store.setting_or_insert("b", "second").unwrap(), "first");
    assert_eq!(store.setting("b").unwrap().as_deref(), Some("first"));
}

/// An open store answers, and its background work ends.
pub fn open_store_answers(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    world.store.ping().unwrap();
    world.settle();
    assert!(!world.store.maintain().unwrap());
}
