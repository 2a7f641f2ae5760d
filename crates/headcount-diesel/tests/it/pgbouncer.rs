//! The contract through pgbouncer in transaction mode, where clients use one connection to the server
//! in turn, and what a client leaves behind in it: nothing.
//!
//! `HEADCOUNT_TEST_PGBOUNCER_URL` names a pgbouncer in front of the server of the tests on
//! PostgreSQL; the database in it, which is made here, has a single connection to the server.

use std::sync::{Arc, Barrier};

use diesel::{Connection, PgConnection, RunQueryDsl, sql_types::Text};
use headcount_diesel::{DieselStore, Statements, StoreOptions, migrate};
use headcount_model::{
    Actor, ConnectionKey, ConnectionKind, ConnectionState, Event, EventKind, Preset, PublicId, ScopeSet, Secret,
    SystemClock, Timestamp, TokenId, TokenRecord,
};
use headcount_store::{
    Abort, Store, StoreError, StoreExt, TenantCtx, Verdict,
    act::{Act, Change, Done, Put},
    look::{Look, LookAt},
    members::MemberRef,
    query::{Adoptable, Query, ScanLimits, Selection, View},
    resources::{NewResource, Update},
    store::Txn,
    system::{NewTenant, SystemStore, SystemTx},
    tenants::NewConnection,
    testkit::contract::Fixture,
    tokens::Standing,
};
use headcount_token::TokenHash;
use scim_filter::Predicate;
use scim_schema::Registry;

use crate::{
    beginnings,
    postgres::{Postgres, ROLE, with_database},
};

/// A pgbouncer, and the server behind it.
struct Pgbouncer {
    postgres: Postgres,
    url: String,
}

impl Pgbouncer {
    /// The one that the environment names. Without it the test says so and ends, but in CI it fails.
    fn from_environment() -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "this is how the tests are told of a server")]
        let (url, ci) = (std::env::var("HEADCOUNT_TEST_PGBOUNCER_URL"), std::env::var("CI"));
        let Ok(url) = url else {
            #[expect(clippy::print_stderr, reason = "nobody should take this for a test that ran")]
            {
                eprintln!("NOT RUN: HEADCOUNT_TEST_PGBOUNCER_URL is not set, so nothing was tested through pgbouncer");
            }
            assert!(ci.as_deref() != Ok("true"), "in CI the tests through pgbouncer must run");
            return None;
        };
        Postgres::from_environment().map(|postgres| Self { postgres, url })
    }

    /// The database with a single connection to the server, made anew.
    fn narrow(&self) -> String {
        let name = self.url.rsplit_once('/').unwrap().1.to_owned();
        self.postgres.migrated_as(&name);
        name
    }

    fn options(&self, database: &str) -> StoreOptions {
        let url = Secret::new(with_database(&self.url, database, Some(ROLE)));
        StoreOptions { pool_size: 8, statements: Statements::Unnamed, ..StoreOptions::new(url) }
    }

    fn store(&self, database: &str) -> DieselStore {
        let registry = Arc::new(Registry::builtin());
        DieselStore::connect(&self.options(database), registry, Arc::new(SystemClock)).unwrap()
    }

    fn client(&self, database: &str) -> PgConnection {
        PgConnection::establish(&with_database(&self.url, database, Some(ROLE))).unwrap()
    }
}

impl Fixture for Pgbouncer {
    fn open(&self, registry: Arc<Registry>) -> Arc<dyn Store> {
        let options = self.options(&self.postgres.migrated());
        Arc::new(DieselStore::connect(&options, registry, Arc::new(SystemClock)).unwrap())
    }
}

mod contract {
    use super::Pgbouncer;

    headcount_store::contract!(match Pgbouncer::from_environment() {
        Some(pgbouncer) => pgbouncer,
        None => return,
    });
}

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn lines(conn: &mut PgConnection, query: &str) -> Vec<String> {
    #[expect(clippy::disallowed_methods, reason = "a session is asked about itself by raw statements")]
    let rows: Vec<Line> = diesel::sql_query(query).load(conn).unwrap();
    rows.into_iter().map(|row| row.line).collect()
}

/// What a session holds that a new one does not. The settings that pgbouncer itself gives each client
/// back are not among it.
const TRACES: &str = "SELECT name || ' = ' || setting AS line FROM pg_settings WHERE source = 'session' AND NOT \
     (name = 'app.tenant' AND setting = '') AND name NOT IN ('client_encoding', 'DateStyle', 'TimeZone', \
     'standard_conforming_strings', 'application_name') \
     UNION ALL SELECT 'app.tenant = ' || current_setting('app.tenant', true) \
     WHERE current_setting('app.tenant', true) <> '' \
     UNION ALL SELECT 'statement ' || statement FROM pg_prepared_statements \
     UNION ALL SELECT 'cursor ' || name FROM pg_cursors WHERE is_holdable \
     UNION ALL SELECT 'advisory lock ' || objid::text FROM pg_locks WHERE locktype = 'advisory' \
     AND pid = pg_backend_pid() \
     UNION ALL SELECT 'channel ' || c FROM pg_listening_channels() c \
     UNION ALL SELECT 'temporary table ' || relname::text FROM pg_class WHERE relpersistence = 't'";

/// One tenant, and all that a server does for it.
struct Customer {
    store: DieselStore,
    name: &'static str,
    ctx: TenantCtx,
    connection: ConnectionKey,
    token: TokenId,
}

impl Customer {
    fn new(store: DieselStore, name: &'static str) -> Self {
        let public = |suffix: &str| PublicId::from_text(&format!("{name}-{suffix}"));
        let made = store.insert_tenant(&NewTenant {
            id: public("id"),
            slug: name.to_owned(),
            name: name.to_owned(),
            entitled: true,
            hosts: vec![format!("{name}.example.com")],
            application: public("application"),
            created: at(),
        });
        let tenant = made.unwrap();
        let ctx = SystemTx::for_command_line().tenant(tenant.key);
        let token = TokenId::from_text(name);
        let mut connection = ConnectionKey(0);
        store
            .writing::<_, ()>(&ctx, |txn| {
                connection = txn
                    .insert_connection(&NewConnection {
                        id: public("connection"),
                        kind: ConnectionKind::IdentityProvider,
                        name: name.to_owned(),
                        preset: Preset::Generic,
                        state: ConnectionState::On,
                        created: at(),
                    })?
                    .key;
                let record = TokenRecord {
                    id: token.clone(),
                    tenant: tenant.key,
                    connection,
                    name: name.to_owned(),
                    scopes: ScopeSet::default(),
                    created: at(),
                    made_by: "test".to_owned(),
                    lifetime_s: None,
                    expires: None,
                    last_used: None,
                    revoked: None,
                };
                Ok(txn.insert_token(&record, &TokenHash::from_stored("hash"))?)
            })
            .unwrap();
        Self { store, name, ctx, connection, token }
    }

    fn view(&self) -> View {
        View { connection: self.connection, adoptable: Adoptable::Hidden }
    }

    fn id(&self, n: usize) -> PublicId {
        PublicId::from_text(&format!("{}-{n}", self.name))
    }

    fn new_resource(&self, n: usize, resource_type: &str) -> NewResource {
        NewResource {
            id: self.id(n),
            resource_type: resource_type.to_owned(),
            owner: self.connection,
            adoptable: false,
            version: 1,
            created: at(),
            modified: at(),
            document: format!("{{\"by\":\"{}\"}}", self.name),
            index: beginnings::index(Some(format!("{resource_type}-{n}"))),
        }
    }

    fn event(&self, kind: EventKind, n: usize, resource_type: &str) -> Event {
        Event {
            at: at(),
            kind,
            actor: Actor::System,
            resource: Some((resource_type.to_owned(), self.id(n))),
            version: 1,
            paths: Vec::new(),
            transaction: PublicId::from_text("transaction"),
            detail: None,
        }
    }

    fn standing(&self) -> Standing {
        let look = Look { token: &self.token, at: LookAt::Standing, levels: 0 };
        self.store.look(&self.ctx, &look).unwrap().standing.unwrap()
    }

    fn act(&self, change: Change<'_>, event: &Event) -> Done {
        self.store.act(&self.ctx, &Act { token: &self.token, standing: &self.standing(), change, event }).unwrap()
    }

    /// Every kind of call that a server makes, each told when it is done; `round` keeps names apart.
    fn live(&self, round: usize, mut done: impl FnMut(&str)) {
        let (user, group) = (2 * round, 2 * round + 1);
        let binding = self.store.find_token(&self.token).unwrap().unwrap();
        assert_eq!(binding.connection, self.connection);
        done("find_token");
        assert_eq!(self.store.find_host(&format!("{}.example.com", self.name)).unwrap(), Some(self.ctx.tenant()));
        done("find_host");
        assert_eq!(self.store.find_tenant(self.name).unwrap().map(|tenant| tenant.key), Some(self.ctx.tenant()));
        done("find_tenant");
        assert!(self.store.list_tenants().unwrap().iter().any(|tenant| tenant.slug == self.name));
        done("list_tenants");

        let new = self.new_resource(user, "User");
        let inserted = self.act(Change::Insert(&new), &self.event(EventKind::Create, user, "User"));
        assert!(matches!(inserted, Done::Inserted(_)), "{inserted:?}");
        done("act: insert");
        self.store
            .writing::<_, ()>(&self.ctx, |txn| {
                txn.insert_resource(&self.new_resource(group, "Group"))?;
                Ok(txn.append(&self.event(EventKind::Create, group, "Group"))?)
            })
            .unwrap();
        done("write");
        let refused = self.store.writing::<(), _>(&self.ctx, |txn| {
            txn.insert_resource(&NewResource { id: self.id(1_000_000), ..self.new_resource(user, "User") })?;
            Err(Abort::Refuse("unreachable"))
        });
        assert!(matches!(refused, Err(Abort::Store(StoreError::Unique { .. }))), "{refused:?}");
        done("write: a name that is taken");
        let undone = self.store.writing::<(), _>(&self.ctx, |txn| {
            txn.insert_resource(&self.new_resource(1_000_001, "User"))?;
            Err(Abort::Refuse("no"))
        });
        assert!(matches!(undone, Err(Abort::Refuse("no"))), "{undone:?}");
        done("write: rolled back");
        let nested = self.store.writing::<_, ()>(&self.ctx, |txn| {
            txn.nested(&mut |txn: &mut dyn Txn| {
                txn.insert_resource(&self.new_resource(1_000_002, "User"))?;
                Ok(Verdict::Rollback)
            })?;
            Ok(())
        });
        nested.unwrap();
        done("write: a savepoint undone");

        let view = self.view();
        let look = LookAt::Resource { view: &view, resource_type: "User", id: new.id.as_str() };
        let looked = self.store.look(&self.ctx, &Look { token: &self.token, at: look, levels: 1 }).unwrap();
        let before = looked.page.resources.into_iter().next().unwrap();
        assert_eq!(&*before.document, new.document, "another tenant's row under this id");
        done("look: a resource");
        let query = Query {
            view,
            selections: vec![Selection { resource_type: "User".to_owned(), predicate: Predicate::All }],
            sort: None,
            window: headcount_store::page::Window::Index { offset: 0, limit: 1_000 },
            scan: ScanLimits::default(),
        };
        let found = self.store.look(&self.ctx, &Look { token: &self.token, at: LookAt::Query(&query), levels: 1 });
        let found = found.unwrap().page;
        assert_eq!(found.total, u64::try_from(round + 1).unwrap());
        assert!(found.resources.iter().all(|found| *found.document == *new.document), "rows of another tenant");
        done("look: a query");
        let update = Update {
            before: &before,
            index_before: &new.index,
            owner: before.owner,
            adoptable: false,
            modified: at(),
            document: new.document.clone(),
            index: &beginnings::index(Some(format!("renamed-{user}"))),
        };
        let updated = self.act(Change::Update(&update), &self.event(EventKind::Patch, user, "User"));
        assert_eq!(updated, Done::Updated(2));
        done("act: update");
        let stale = self.act(Change::Update(&update), &self.event(EventKind::Patch, user, "User"));
        assert_eq!(stale, Done::Otherwise);
        done("act: update of another version");
        let (group_id, user_id) = (self.id(group), self.id(user));
        for (put, moved) in [(Put::In, Done::Moved), (Put::In, Done::Unmoved), (Put::Out, Done::Moved)] {
            let member = Change::Member {
                view: &view,
                resource_type: "Group",
                group: group_id.as_str(),
                member: user_id.as_str(),
                put,
                at: at(),
                beyond: Some(0),
            };
            let kind = if put == Put::In { EventKind::MemberAdded } else { EventKind::MemberRemoved };
            assert_eq!(self.act(member, &self.event(kind, group, "Group")), moved);
            done("act: member");
        }
        self.store
            .writing::<_, ()>(&self.ctx, |txn| {
                let members: Vec<MemberRef> = txn.find_members(&view, &[user_id.as_str()])?;
                assert_eq!(members.len(), 1);
                Ok(())
            })
            .unwrap();
        self.store.set_setting(&format!("setting-{}", self.name), "value").unwrap();
        done("set_setting");
        self.store.ping().unwrap();
        done("ping");
        self.store.maintain().unwrap();
        done("maintain");
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            self.store.writing::<(), ()>(&self.ctx, |_| panic!("the work panics, as a part of the test"))
        }));
        assert!(panicked.is_err());
        done("write: a panic");
    }
}

fn at() -> Timestamp {
    Timestamp::from_micros(1_000_000)
}

/// Two servers of two tenants and a bystander share one connection to PostgreSQL: after each call
/// the session is as a new one is, and no tenant's rows are seen without naming it.
#[test]
fn nothing_of_one_client_is_left_in_the_connection_that_it_shares_with_another() {
    let Some(pgbouncer) = Pgbouncer::from_environment() else { return };
    let name = pgbouncer.narrow();
    let mut bystander = pgbouncer.client(&name);
    let backend = "SELECT pg_backend_pid()::text AS line";
    let shared = lines(&mut bystander, backend);
    assert_eq!(lines(&mut bystander, TRACES), Vec::<String>::new(), "before anybody came");
    let customers = [Customer::new(pgbouncer.store(&name), "acme"), Customer::new(pgbouncer.store(&name), "globex")];
    for round in 0..3 {
        for customer in &customers {
            customer.live(round, |call| {
                let told = format!("after {call} of {}", customer.name);
                assert_eq!(lines(&mut bystander, backend), shared, "{told} another connection");
                assert_eq!(lines(&mut bystander, TRACES), Vec::<String>::new(), "{told}");
                let seen = lines(&mut bystander, "SELECT id AS line FROM resources WHERE tenant_id > 0");
                assert_eq!(seen, Vec::<String>::new(), "{told}");
            });
        }
    }
    assert_eq!(migrate::migrate(&pgbouncer.options(&name)).unwrap(), Vec::<String>::new());
    assert_eq!(lines(&mut bystander, TRACES), Vec::<String>::new(), "after the migrations");
}

/// The same calls at the same time: each tenant finds its own, whoever had the connection before.
#[test]
fn tenants_that_take_turns_at_few_connections_find_their_own() {
    let Some(pgbouncer) = Pgbouncer::from_environment() else { return };
    let name = pgbouncer.postgres.migrated();
    let names = ["acme", "globex", "initech", "umbrella", "hooli", "stark"];
    let start = Barrier::new(names.len());
    std::thread::scope(|scope| {
        for tenant in names {
            let (pgbouncer, name, start) = (&pgbouncer, &name, &start);
            scope.spawn(move || {
                let customer = Customer::new(pgbouncer.store(name), tenant);
                start.wait();
                for round in 0..10 {
                    customer.live(round, |_| {});
                }
            });
        }
    });
}

/// Servers that start together behind one pgbouncer on an empty database make its tables once, and
/// leave no lock behind that would stop the next to start.
#[test]
fn servers_that_start_together_migrate_once_and_leave_no_lock() {
    const SERVERS: usize = 6;
    let Some(pgbouncer) = Pgbouncer::from_environment() else { return };
    let name = pgbouncer.postgres.empty();
    let start = Barrier::new(SERVERS);
    let applied: Vec<Vec<String>> = std::thread::scope(|scope| {
        let servers: Vec<_> = (0..SERVERS)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    migrate::migrate(&pgbouncer.options(&name)).unwrap()
                })
            })
            .collect();
        servers.into_iter().map(|server| server.join().unwrap()).collect()
    });
    assert_eq!(applied.iter().filter(|applied| !applied.is_empty()).count(), 1, "{applied:?}");
    let mut conn = pgbouncer.postgres.plain_role(&name);
    let locks = "SELECT objid::text AS line FROM pg_locks WHERE locktype = 'advisory' AND database = \
         (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(lines(&mut conn, locks), Vec::<String>::new());
}
