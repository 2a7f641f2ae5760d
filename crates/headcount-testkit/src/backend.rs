//! Fresh databases.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use headcount_diesel::{DieselStore, Statements, StoreOptions, migrate, testkit::TestDatabase};
use headcount_model::{Secret, SystemClock};
use headcount_store::{Store, testkit::MemoryStore};
use scim_schema::Registry;

use crate::detour::Detour;

/// The variable that names a PostgreSQL server whose role may make roles and databases.
pub const POSTGRES_VARIABLE: &str = "HEADCOUNT_TEST_POSTGRES_URL";

/// The variable that names a pgbouncer in transaction mode in front of that server.
pub const PGBOUNCER_VARIABLE: &str = "HEADCOUNT_TEST_PGBOUNCER_URL";

/// A kind of store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backend {
    /// In memory.
    Memory,
    /// In memory, where every write runs its work twice, as after a serialisation failure.
    Repeating,
    /// In memory, where nothing is done in one go: everything takes a transaction.
    Detour,
    /// A SQLite file.
    Sqlite,
    /// A PostgreSQL database, on the server that [`POSTGRES_VARIABLE`] names.
    Postgres,
}

impl Backend {
    /// Whether it can be tested here. PostgreSQL can if a server is named; if none is, this says so,
    /// and in CI it fails.
    #[must_use]
    pub fn is_available(self) -> bool {
        self != Self::Postgres || is_named(POSTGRES_VARIABLE, "ON POSTGRESQL")
    }
}

/// How a server reaches its database.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Route {
    /// By connections of its own.
    #[default]
    Direct,
    /// Through the pgbouncer that [`PGBOUNCER_VARIABLE`] names, which has PostgreSQL behind it.
    Pgbouncer,
}

impl Route {
    /// Whether it can be tested here, as [`Backend::is_available`] tells.
    #[must_use]
    pub fn is_available(self) -> bool {
        self == Self::Direct || is_named(PGBOUNCER_VARIABLE, "THROUGH PGBOUNCER")
    }
}

/// Whether a variable names a server; if not, this says what is not tested, and in CI it fails.
fn is_named(name: &str, what: &str) -> bool {
    if server(name).is_some() {
        return true;
    }
    let say = format!("{name} names no server");
    assert_ne!(variable("CI").as_deref(), Some("true"), "{say}, and in CI nothing may be left out");
    #[expect(clippy::print_stderr, reason = "a test that did not run must not pass unnoticed")]
    {
        eprintln!("NOT TESTED {what}: {say}");
    }
    false
}

fn server(name: &str) -> Option<String> {
    variable(name).filter(|url| !url.is_empty())
}

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this is how tests are told what there is")]
    std::env::var(name).ok()
}

/// A database of one test; it goes with its last server, but for that of a test that failed.
pub(crate) enum Database {
    Memory(Arc<MemoryStore>),
    Detour(Arc<MemoryStore>),
    Sqlite(PathBuf),
    Postgres(TestDatabase),
}

impl Database {
    pub(crate) fn fresh(backend: Backend, registry: &Arc<Registry>) -> Self {
        match backend {
            Backend::Memory => Self::Memory(Arc::new(MemoryStore::new(Arc::clone(registry)))),
            Backend::Repeating => Self::Memory(Arc::new(MemoryStore::new(Arc::clone(registry)).with_repeated_work())),
            Backend::Detour => Self::Detour(Arc::new(MemoryStore::new(Arc::clone(registry)))),
            Backend::Sqlite => {
                static NEXT: AtomicU32 = AtomicU32::new(0);
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                let folder = std::env::temp_dir().join(format!("headcount-testkit-{}-{number}", std::process::id()));
                std::fs::create_dir_all(&folder).unwrap();
                let this = Self::Sqlite(folder);
                migrate::migrate(&this.options()).unwrap();
                this
            }
            Backend::Postgres => {
                let server = server(POSTGRES_VARIABLE).expect("tests ask whether it is available");
                Self::Postgres(TestDatabase::fresh(&server).unwrap())
            }
        }
    }

    pub(crate) fn open(&self, registry: &Arc<Registry>, route: Route) -> Arc<dyn Store> {
        match self {
            Self::Memory(store) => store.clone(),
            Self::Detour(store) => Arc::new(Detour(store.clone())),
            Self::Sqlite(_) | Self::Postgres(_) => {
                let clock = Arc::new(SystemClock);
                let options = match route {
                    Route::Direct => self.options(),
                    Route::Pgbouncer => through_pgbouncer(&self.options()),
                };
                Arc::new(DieselStore::connect(&options, Arc::clone(registry), clock).unwrap())
            }
        }
    }

    fn options(&self) -> StoreOptions {
        let url = match self {
            Self::Memory(_) | Self::Detour(_) => panic!("memory has no URL"),
            Self::Sqlite(folder) => Secret::new(format!("sqlite:{}", folder.join("headcount.db").display())),
            Self::Postgres(database) => database.url.clone(),
        };
        // More servers and threads share a machine of a test than one of production.
        StoreOptions { pool_size: 8, busy_timeout_ms: 30_000, statement_timeout_ms: 60_000, ..StoreOptions::new(url) }
    }
}

/// The same database by the other route: another host and port, and no state in sessions.
fn through_pgbouncer(options: &StoreOptions) -> StoreOptions {
    let pgbouncer = server(PGBOUNCER_VARIABLE).expect("tests ask whether it is available");
    let (place, _) = pgbouncer.rsplit_once('/').expect("the URL of pgbouncer names a database");
    let (_, database) = options.url.expose().rsplit_once('/').expect("the URL of PostgreSQL names a database");
    let url = Secret::new(format!("{place}/{database}"));
    StoreOptions { url, statements: Statements::Unnamed, ..options.clone() }
}

impl Drop for Database {
    fn drop(&mut self) {
        if std::thread::panicking() {
            if !matches!(self, Self::Memory(_) | Self::Detour(_)) {
                #[expect(clippy::print_stderr, reason = "whoever looks into the failure wants the database")]
                {
                    eprintln!("the database of the failed test is {}", self.options().url.expose());
                }
            }
            return;
        }
        match self {
            Self::Memory(_) | Self::Detour(_) => {}
            Self::Sqlite(folder) => {
                let _ = std::fs::remove_dir_all(folder);
            }
            Self::Postgres(database) => {
                let _ = database.remove();
            }
        }
    }
}
