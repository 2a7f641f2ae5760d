//! The contract on PostgreSQL, as a role that row-level security binds.
//!
//! `HEADCOUNT_TEST_POSTGRES_URL` names a server and a role that may make roles and databases, as in
//! `postgres://postgres@127.0.0.1:5432/postgres`. Each store has a database of its own, copied from
//! one that is migrated once; those of a test that failed stay, to be looked at.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use diesel::{Connection, PgConnection, connection::SimpleConnection};
use headcount_diesel::{DieselStore, StoreOptions, migrate};
use headcount_model::{Secret, SystemClock};
use headcount_store::{Store, testkit::contract::Fixture};
use scim_schema::Registry;

/// A server, and the databases made on it by one test.
pub(crate) struct Postgres {
    server: String,
    made: Mutex<Vec<String>>,
}

impl Postgres {
    /// The server that the environment names. Without one the test says so and ends, but in CI it
    /// fails.
    pub(crate) fn from_environment() -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "this is how the tests are told of a server")]
        let (server, ci) = (std::env::var("HEADCOUNT_TEST_POSTGRES_URL"), std::env::var("CI"));
        let Ok(server) = server else {
            #[expect(clippy::print_stderr, reason = "nobody should take this for a test that ran")]
            {
                eprintln!("NOT RUN: HEADCOUNT_TEST_POSTGRES_URL is not set, so nothing was tested on PostgreSQL");
            }
            assert!(ci.as_deref() != Ok("true"), "in CI the tests on PostgreSQL must run");
            return None;
        };
        Some(Self { server, made: Mutex::default() })
    }

    /// Connects as the role that the server's URL names.
    pub(crate) fn superuser(&self, database: Option<&str>) -> PgConnection {
        let url = match database {
            None => self.server.clone(),
            Some(database) => with_database(&self.server, database, None),
        };
        PgConnection::establish(&url).unwrap()
    }

    /// The URL of a database for the role that the server's URL names.
    pub(crate) fn superuser_url(&self, database: &str) -> String {
        with_database(&self.server, database, None)
    }

    /// Connects as the role of the stores.
    pub(crate) fn plain_role(&self, database: &str) -> PgConnection {
        PgConnection::establish(&with_database(&self.server, database, Some(ROLE))).unwrap()
    }

    /// An empty database of the role without privileges.
    pub(crate) fn empty(&self) -> String {
        self.make_role();
        self.make("template0")
    }

    /// A migrated database of the role without privileges.
    pub(crate) fn migrated(&self) -> String {
        self.make(&self.template())
    }

    /// The same under a name of the caller's.
    pub(crate) fn migrated_as(&self, name: &str) {
        self.make_as(name, &self.template());
    }

    /// The database that the others are copied from.
    fn template(&self) -> String {
        let template = format!("headcount_template_{:016x}", migrations_hash());
        let mut conn = self.superuser(None);
        // Tests run in processes of their own; the first makes the template for all.
        conn.batch_execute("SELECT pg_advisory_lock(7301)").unwrap();
        self.make_role();
        let made =
            conn.batch_execute(&format!("CREATE DATABASE {template} TEMPLATE template0 ENCODING 'UTF8' OWNER {ROLE}"));
        if made.is_ok() {
            migrate::migrate(&self.options(&template)).unwrap();
        }
        conn.batch_execute("SELECT pg_advisory_unlock(7301)").unwrap();
        template
    }

    pub(crate) fn options(&self, database: &str) -> StoreOptions {
        let url = with_database(&self.server, database, Some(ROLE));
        StoreOptions { pool_size: 8, ..StoreOptions::new(Secret::new(url)) }
    }

    pub(crate) fn fresh(&self, registry: Arc<Registry>) -> (DieselStore, String) {
        let name = self.migrated();
        (DieselStore::connect(&self.options(&name), registry, Arc::new(SystemClock)).unwrap(), name)
    }

    fn make(&self, template: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("headcount_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        self.make_as(&name, template);
        name
    }

    fn make_as(&self, name: &str, template: &str) {
        let mut conn = self.superuser(None);
        // A process of another run may have had the same number.
        conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).unwrap();
        conn.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template} OWNER {ROLE}")).unwrap();
        self.made.lock().unwrap().push(name.to_owned());
    }

    fn make_role(&self) {
        let mut conn = self.superuser(None);
        // It fails where the role is there already.
        let _ = conn.batch_execute(&format!("CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOBYPASSRLS"));
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let made = std::mem::take(&mut *self.made.lock().unwrap());
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "whoever looks into the failure wants the databases")]
            {
                eprintln!("the databases of this test are {made:?}");
            }
            return;
        }
        let mut conn = self.superuser(None);
        for name in made {
            conn.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).unwrap();
        }
    }
}

impl Fixture for Postgres {
    fn open(&self, registry: Arc<Registry>) -> Arc<dyn Store> {
        Arc::new(self.fresh(registry).0)
    }
}

/// The role of the stores: it owns its tables and still sees one tenant only.
pub(crate) const ROLE: &str = "headcount_test";

headcount_store::contract!(match Postgres::from_environment() {
    Some(postgres) => postgres,
    None => return,
});

/// Changes with the migrations, so that the template does too.
fn migrations_hash() -> u64 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/postgres");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().join("up.sql")).collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        std::fs::read(file).unwrap().hash(&mut hasher);
    }
    hasher.finish()
}

/// The URL with another database and, if given, another role without a password.
pub(crate) fn with_database(url: &str, database: &str, role: Option<&str>) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
    let authority = match role {
        None => authority.to_owned(),
        Some(role) => format!("{role}@{}", authority.rsplit_once('@').map_or(authority, |(_, host)| host)),
    };
    format!("{scheme}://{authority}/{database}")
}
