//! Row-level security behind looks that open no transaction.

use std::sync::Arc;

use diesel::sql_types::{BigInt, Nullable, Text};
use headcount_model::{PublicId, Secret, SystemClock, TenantKey, Timestamp, TokenId};
use headcount_store::{
    Store, Verdict,
    look::{Look, LookAt},
    system::{NewTenant, SystemStore, SystemTx},
};
use scim_schema::Registry;

use crate::{
    DieselStore, RowLevelSecurity, Statements, StoreOptions, connection::Link, sql::Sql, testkit::TestDatabase,
};

/// A store with one connection, so that everybody gets the same one. `None`: there is no server.
fn narrow(statements: Statements) -> Option<(DieselStore, TestDatabase)> {
    #[expect(clippy::disallowed_methods, reason = "this is how the tests are told of a server")]
    let server = std::env::var("HEADCOUNT_TEST_POSTGRES_URL").ok()?;
    let database = TestDatabase::fresh(&server).unwrap();
    let url = Secret::new(database.url.expose());
    let options = StoreOptions { pool_size: 1, statements, ..StoreOptions::new(url) };
    let store = DieselStore::connect(&options, Arc::new(Registry::builtin()), Arc::new(SystemClock)).unwrap();
    assert_eq!(store.row_level_security(), RowLevelSecurity::Enforced);
    Some((store, database))
}

fn tenant(store: &DieselStore, slug: &str) -> TenantKey {
    let named = |suffix: &str| PublicId::from_text(&format!("{slug}-{suffix}"));
    let new = NewTenant {
        id: named("id"),
        slug: slug.to_owned(),
        name: slug.to_owned(),
        entitled: true,
        hosts: Vec::new(),
        application: named("application"),
        created: Timestamp::from_micros(1),
    };
    store.insert_tenant(&new).unwrap().key
}

fn look(store: &DieselStore, tenant: TenantKey) {
    let look = Look { token: &TokenId::from_text("nobody"), at: LookAt::Standing, levels: 0 };
    let seen = store.look(&SystemTx::for_command_line().tenant(tenant), &look).unwrap();
    assert_eq!(seen.standing, None);
}

/// What the session names, and whose rows a statement without any condition sees in it.
fn shown(link: &mut Link) -> (String, Vec<i64>) {
    let name = Sql::new("SELECT current_setting('app.tenant', true)");
    let name = link.one::<Nullable<Text>, Option<String>>(&name).unwrap().flatten().unwrap_or_default();
    (name, link.load::<BigInt, i64>(&Sql::new("SELECT tenant_id FROM tenants ORDER BY tenant_id")).unwrap())
}

fn names(tenant: TenantKey) -> (String, Vec<i64>) {
    (tenant.0.to_string(), vec![tenant.0])
}

#[test]
fn a_connection_shows_the_rows_of_whom_it_serves_and_of_nobody_else() {
    let Some((store, database)) = narrow(Statements::Named) else { return };
    let (acme, globex) = (tenant(&store, "acme"), tenant(&store, "globex"));
    for _ in 0..2 {
        look(&store, acme);
        assert_eq!(shown(&mut store.pool.get().unwrap()), names(acme));
        look(&store, globex);
        assert_eq!(shown(&mut store.pool.get().unwrap()), names(globex));
        // What is outside tenants sees no rows of theirs.
        assert_eq!(store.setting("nothing").unwrap(), None);
        let (_, rows) = shown(&mut store.pool.get().unwrap());
        assert_eq!(rows, Vec::<i64>::new());
    }
    // A transaction names its tenant for itself; the session keeps its own, whatever the end.
    look(&store, acme);
    for verdict in [Verdict::Commit, Verdict::Rollback] {
        let work = |txn: &mut dyn headcount_store::Txn| {
            assert_eq!(txn.tenant()?.slug, "globex");
            Ok(verdict)
        };
        store.read(&SystemTx::for_command_line().tenant(globex), &mut { work }).unwrap();
        assert_eq!(shown(&mut store.pool.get().unwrap()), names(acme));
        look(&store, acme);
    }
    drop(store);
    database.remove().unwrap();
}

#[test]
fn what_failed_in_between_makes_a_connection_name_its_tenant_anew() {
    let Some((store, database)) = narrow(Statements::Named) else { return };
    let (acme, globex) = (tenant(&store, "acme"), tenant(&store, "globex"));
    look(&store, acme);
    // Somebody turns the session behind the store's back, as a failure in the middle might.
    let turn = format!("SELECT set_config('app.tenant', '{}', false)", globex.0);
    {
        let mut link = store.pool.get().unwrap();
        link.batch(&turn).unwrap();
        assert!(link.names(acme), "nothing failed yet");
    }
    let failed = store.with_link(|link| link.load::<BigInt, i64>(&Sql::new("SELECT nonsense")));
    assert!(failed.is_err());
    assert!(!store.pool.get().unwrap().names(acme));
    look(&store, acme);
    assert_eq!(shown(&mut store.pool.get().unwrap()), names(acme));
    drop(store);
    database.remove().unwrap();
}

#[test]
fn a_connection_that_is_shared_names_nobody_after_a_look() {
    let Some((store, database)) = narrow(Statements::Unnamed) else { return };
    let (acme, globex) = (tenant(&store, "acme"), tenant(&store, "globex"));
    for tenant in [acme, globex, acme] {
        look(&store, tenant);
        let mut link = store.pool.get().unwrap();
        assert_eq!(shown(&mut link), (String::new(), Vec::new()));
        let settings = Sql::new("SELECT current_setting('statement_timeout') || current_setting('lock_timeout')");
        assert_eq!(link.one::<Text, String>(&settings).unwrap().as_deref(), Some("00"));
        let prepared = Sql::new("SELECT COUNT(*) FROM pg_prepared_statements");
        assert_eq!(link.one::<BigInt, i64>(&prepared).unwrap(), Some(0));
    }
    drop(store);
    database.remove().unwrap();
}

#[test]
fn statements_of_clients_making_are_bounded_on_the_server_too() {
    let Some((store, database)) = narrow(Statements::Named) else { return };
    let mut link = store.pool.get().unwrap();
    let columns = ["conn", "type", "version", "scope", "present", "adoptable", "created", "modified"];
    let mut most = 0;
    for first in columns {
        for second in columns {
            for third in ["conn", "seq", "type"] {
                let sql = || {
                    Sql::new("SELECT seq FROM resources WHERE tenant_id = ")
                        .int(1)
                        .raw(" AND ")
                        .raw(first)
                        .raw(" < ")
                        .raw(second)
                        .raw(" AND ")
                        .raw(third)
                        .raw(" > ")
                        .int(0)
                        .one_off()
                };
                for _ in 0..3 {
                    assert_eq!(link.load::<BigInt, i64>(&sql()).unwrap(), Vec::<i64>::new());
                }
                let prepared = Sql::new("SELECT COUNT(*) FROM pg_prepared_statements");
                most = most.max(link.one::<BigInt, i64>(&prepared).unwrap().unwrap());
            }
        }
    }
    assert!((40..=80).contains(&most), "{most}");
    drop(link);
    drop(store);
    database.remove().unwrap();
}
