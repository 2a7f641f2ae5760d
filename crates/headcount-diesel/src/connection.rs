//! One connection to either database, and pools of them.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

#[cfg(feature = "sqlite")]
use libsqlite3_sys as _;
#[cfg(feature = "postgres")]
use pq_sys as _;

use diesel::{
    Connection, QueryResult, RunQueryDsl,
    connection::{CacheSize, SimpleConnection},
};
use headcount_model::{Secret, TenantKey};

use crate::{
    error::ConnectError,
    ledger::Ledger,
    scan::ScanEnd,
    sql::{Bind, Cache, Fixed, FixedRows, Keep, Loads, Rows, Shapes, Sql},
};

/// How statements are prepared on PostgreSQL.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Statements {
    /// Prepared once a connection and reused: for direct connections.
    #[default]
    Named,
    /// Prepared with each use: for poolers that share server connections, such as pgbouncer.
    Unnamed,
}

/// Whether a role that may bypass row-level security is accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RequireRowLevelSecurity {
    /// It is accepted; [`crate::DieselStore::row_level_security`] tells, so that a warning is shown.
    #[default]
    No,
    /// It is refused.
    Yes,
}

/// How a database is opened.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// `sqlite:PATH`, `postgres://…` or `postgresql://…`.
    pub url: Secret,
    /// Connections to PostgreSQL, or readers of SQLite, which has one writer beside them.
    pub pool_size: u32,
    /// Longest wait for a connection of the pool and for locks, in milliseconds.
    pub busy_timeout_ms: u64,
    /// Longest time of one statement on PostgreSQL, in milliseconds.
    pub statement_timeout_ms: u64,
    /// How statements are prepared on PostgreSQL.
    pub statements: Statements,
    /// Whether a role that may bypass row-level security is accepted.
    pub require_row_level_security: RequireRowLevelSecurity,
}

impl StoreOptions {
    /// This database with the defaults: 4 readers on SQLite or 16 connections to PostgreSQL, 2 s for
    /// waiting, 5 s for a statement.
    #[must_use]
    pub fn new(url: Secret) -> Self {
        let pool_size = if url.expose().starts_with("sqlite:") { 4 } else { 16 };
        Self {
            url,
            pool_size,
            busy_timeout_ms: 2_000,
            statement_timeout_ms: 5_000,
            statements: Statements::Named,
            require_row_level_security: RequireRowLevelSecurity::No,
        }
    }
}

/// Which SQL a database speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Use {
    Read,
    Write,
}

/// The database that a URL names.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    /// The path of the file.
    Sqlite(String),
    /// The whole URL.
    Postgres(Secret),
}

impl Database {
    pub(crate) fn parse(url: &str) -> Result<Self, ConnectError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            if cfg!(not(feature = "sqlite")) {
                return Err(ConnectError::NotBuilt { database: "SQLite", feature: "sqlite" });
            }
            let path = path.strip_prefix("//").filter(|path| !path.is_empty()).unwrap_or(path);
            if path.is_empty() || path.starts_with(":memory:") {
                return Err(ConnectError::Path);
            }
            return Ok(Self::Sqlite(path.to_owned()));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            if cfg!(not(feature = "postgres")) {
                return Err(ConnectError::NotBuilt { database: "PostgreSQL", feature: "postgres" });
            }
            let query = url.split_once('?').map_or("", |(_, query)| query);
            let mode = query.split('&').find_map(|pair| pair.strip_prefix("sslmode="));
            if let Some(mode) = mode.filter(|mode| matches!(*mode, "require" | "verify-ca" | "verify-full")) {
                return Err(ConnectError::TlsNotBuilt { mode: mode.to_owned() });
            }
            return Ok(Self::Postgres(Secret::new(url)));
        }
        Err(ConnectError::Scheme)
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The database without its credentials, for messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Sqlite(path) => path.clone(),
            Self::Postgres(url) => {
                let rest = url.expose().split_once("://").map_or("", |(_, rest)| rest);
                let rest = rest.split('?').next().unwrap_or_default();
                let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
                format!("postgres://{place}")
            }
        }
    }

    fn unreachable(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ConnectError {
        ConnectError::Unreachable { database: self.name(), source: source.into() }
    }
}

/// Makes a database file that is not there yet, readable by its owner alone: it will hold people's
/// data and hashes of tokens. SQLite gives the files beside it the same mode.
#[cfg(feature = "sqlite")]
fn make_private(path: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// One connection.
pub(crate) struct Link {
    pub(crate) any: AnyConn,
    /// The slot of counters that this connection uses.
    pub(crate) slot: i64,
    /// What SQLite's writer keeps in mind.
    pub(crate) ledger: Ledger,
    /// When a write in one trip last used it, in microseconds.
    pub(crate) used: i64,
    /// Whether it is not to be used again.
    broken: bool,
    unnamed: bool,
    /// Until when statements may scan, on SQLite.
    pub(crate) scan_end: ScanEnd,
    /// Which statements of clients' making it keeps prepared.
    shapes: Shapes,
    /// The tenant that the session names to row-level security, [`NOBODY`] at first; `None`: what it
    /// names is not known.
    tenant: Option<i64>,
}

pub(crate) enum AnyConn {
    #[cfg(feature = "sqlite")]
    Sqlite(diesel::SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(diesel::PgConnection),
}

impl Link {
    /// Opens a connection with everything set that the store rests on.
    pub(crate) fn open(
        database: &Database,
        usage: Use,
        options: &StoreOptions,
        slot: i64,
    ) -> Result<Self, ConnectError> {
        match database {
            #[cfg(feature = "sqlite")]
            Database::Sqlite(path) => {
                make_private(path).map_err(|error| database.unreachable(error))?;
                let mut link = Self {
                    any: AnyConn::Sqlite(
                        diesel::SqliteConnection::establish(path).map_err(|error| database.unreachable(error))?,
                    ),
                    slot: 0,
                    ledger: Ledger::default(),
                    used: i64::MIN,
                    broken: false,
                    unnamed: false,
                    scan_end: ScanEnd::default(),
                    shapes: Shapes::default(),
                    tenant: Some(NOBODY.0),
                };
                link.set_up_sqlite(usage, options.busy_timeout_ms).map_err(|error| database.unreachable(error))?;
                link.check_sqlite(database)?;
                Ok(link)
            }
            #[cfg(feature = "postgres")]
            Database::Postgres(url) => {
                let mut link = Self {
                    any: AnyConn::Postgres(
                        diesel::PgConnection::establish(url.expose()).map_err(|error| database.unreachable(error))?,
                    ),
                    slot: slot.rem_euclid(SLOTS),
                    ledger: Ledger::default(),
                    used: i64::MIN,
                    broken: false,
                    unnamed: options.statements == Statements::Unnamed,
                    scan_end: ScanEnd::default(),
                    shapes: Shapes::default(),
                    tenant: Some(NOBODY.0),
                };
                link.check_postgres(database)?;
                link.set_up_postgres(options).map_err(|error| database.unreachable(error))?;
                Ok(link)
            }
            #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
            _ => {
                let _ = (usage, slot);
                Err(ConnectError::Scheme)
            }
        }
    }

    #[cfg(feature = "sqlite")]
    fn set_up_sqlite(&mut self, usage: Use, busy_timeout_ms: u64) -> QueryResult<()> {
        // The journal mode belongs to the file and is set once, before there is a pool: see `open_sqlite`.
        self.batch(&format!("PRAGMA busy_timeout = {busy_timeout_ms}"))?;
        // The file is not mapped: every commit would make every reader drop its mapping and fault it in again,
        // which costs requests between writes up to a quarter, and each mapping counts as memory of its own.
        self.batch(
            "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0",
        )?;
        let end = self.scan_end.clone();
        match &mut self.any {
            AnyConn::Sqlite(conn) => end.register(conn)?,
            #[cfg(feature = "postgres")]
            AnyConn::Postgres(_) => {}
        }
        match usage {
            Use::Read => self.batch("PRAGMA cache_size = -4096; PRAGMA query_only = ON"),
            Use::Write => self.batch("PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 1000"),
        }
    }

    #[cfg(feature = "sqlite")]
    fn check_sqlite(&mut self, database: &Database) -> Result<(), ConnectError> {
        let level = self.one::<diesel::sql_types::BigInt, i64>(&Sql::new("PRAGMA synchronous"));
        match level.map_err(|error| database.unreachable(error))? {
            Some(level) if level >= 2 => Ok(()),
            level => Err(ConnectError::NotDurable { what: format!("SQLite runs with synchronous = {level:?}") }),
        }
    }

    /// Behind a pooler the session is nobody's own, so nothing is set in it.
    #[cfg(feature = "postgres")]
    fn set_up_postgres(&mut self, options: &StoreOptions) -> QueryResult<()> {
        if self.unnamed {
            return Ok(());
        }
        self.batch(&format!(
            "SET statement_timeout = {}; SET lock_timeout = {}",
            options.statement_timeout_ms, options.busy_timeout_ms
        ))
    }

    #[cfg(feature = "postgres")]
    fn check_postgres(&mut self, database: &Database) -> Result<(), ConnectError> {
        self.batch("SET TIME ZONE 'UTC'").map_err(|error| database.unreachable(error))?;
        let setting = self.one::<diesel::sql_types::Text, String>(&Sql::new(
            "SELECT current_setting('synchronous_commit') || ' ' || current_setting('server_encoding')",
        ));
        let setting = setting.map_err(|error| database.unreachable(error))?.unwrap_or_default();
        if setting.starts_with("off") {
            return Err(ConnectError::NotDurable { what: "PostgreSQL runs with synchronous_commit = off".to_owned() });
        }
        if !setting.ends_with("UTF8") {
            return Err(
                database.unreachable(format!("its encoding is {setting}, not UTF8; make it with ENCODING 'UTF8'"))
            );
        }
        Ok(())
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match &self.any {
            #[cfg(feature = "sqlite")]
            AnyConn::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            AnyConn::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs statements without binds.
    pub(crate) fn batch(&mut self, text: &str) -> QueryResult<()> {
        match &mut self.any {
            #[cfg(feature = "sqlite")]
            AnyConn::Sqlite(conn) => conn.batch_execute(text),
            #[cfg(feature = "postgres")]
            AnyConn::Postgres(conn) => conn.batch_execute(text),
        }
    }

    /// Runs a statement; returns how many rows it wrote.
    pub(crate) fn run(&mut self, sql: &Sql) -> QueryResult<usize> {
        let rows = Rows::<()>::of(sql, self.cache(sql));
        match &mut self.any {
            #[cfg(feature = "sqlite")]
            AnyConn::Sqlite(conn) => conn.execute_returning_count(&rows),
            #[cfg(feature = "postgres")]
            AnyConn::Postgres(conn) => conn.execute_returning_count(&rows),
        }
    }

    /// Runs a statement and returns its rows.
    pub(crate) fn load<ST, U>(&mut self, sql: &Sql) -> QueryResult<Vec<U>>
    where
        for<'q> Rows<'q, ST>: Loads<'q, U>,
    {
        let rows = Rows::<ST>::of(sql, self.cache(sql));
        match &mut self.any {
            #[cfg(feature = "sqlite")]
            AnyConn::Sqlite(conn) => rows.load::<U>(conn),
            #[cfg(feature = "postgres")]
            AnyConn::Postgres(conn) => rows.load::<U>(conn),
        }
    }

    /// Runs a fixed statement without rows.
    pub(crate) fn run_fixed<K: Fixed>(&mut self) -> QueryResult<usize> {
        let rows = FixedRows::<K, ()>::of(&[], self.cache_fixed());
        match &mut self.any {
            #[cfg(feature = "sqlite")]
            AnyConn::Sqlite(conn) => conn.execute_returning_count(&rows),
            #[cfg(feature = "postgres")]
            AnyConn::Postgres(conn) => conn.execute_returning_count(&rows),
        }
    }

    /// Runs a fixed statement and returns its rows.
    pub(crate) fn load_fixed<K, ST, U>(&mut self, binds: &[Bind<'_>]) -> QueryResult<Vec<U>>
    where
        for<'q> FixedRows<'q, K, ST>: Loads<'q, U>,
    {
        let rows = FixedRows::<K, ST>::of(binds, self.cache_fixed());
        match &mut self.any {
            #[cfg(feature = "sqlite")]
            AnyConn::Sqlite(conn) => rows.load::<U>(conn),
            #[cfg(feature = "postgres")]
            AnyConn::Postgres(conn) => rows.load::<U>(conn),
        }
    }

    pub(crate) fn cache_fixed(&self) -> Cache {
        if self.unnamed { Cache::Passed } else { Cache::Kept }
    }

    /// Whether a statement is kept prepared; makes room where it must.
    fn cache(&mut self, sql: &Sql) -> Cache {
        if self.unnamed {
            return Cache::Passed;
        }
        let Some(shape) = sql.shape() else { return Cache::Kept };
        match self.shapes.keep(shape) {
            Keep::Yes => Cache::Kept,
            Keep::No => Cache::Passed,
            Keep::AfterAllElse => {
                self.forget_statements();
                Cache::Kept
            }
        }
    }

    /// Gives up all prepared statements, here and on the server.
    fn forget_statements(&mut self) {
        match &mut self.any {
            #[cfg(feature = "sqlite")]
            AnyConn::Sqlite(conn) => {
                conn.set_prepared_statement_cache_size(CacheSize::Disabled);
                conn.set_prepared_statement_cache_size(CacheSize::Unbounded);
            }
            #[cfg(feature = "postgres")]
            AnyConn::Postgres(conn) => {
                conn.set_prepared_statement_cache_size(CacheSize::Disabled);
                conn.set_prepared_statement_cache_size(CacheSize::Unbounded);
                if conn.batch_execute("DEALLOCATE ALL").is_err() {
                    self.broken = true;
                }
            }
        }
    }

    /// Whether statements may be run outside transactions for the tenant that the session names.
    pub(crate) fn names_tenants(&self) -> bool {
        self.dialect() == Dialect::Postgres && !self.unnamed
    }

    /// Makes the session name this tenant to row-level security; for direct connections to
    /// PostgreSQL, outside transactions.
    pub(crate) fn turn_to(&mut self, tenant: TenantKey) -> QueryResult<()> {
        if self.names(tenant) || !self.names_tenants() {
            return Ok(());
        }
        // Until it has worked nobody knows.
        self.tenant = None;
        self.load_fixed::<NameTenant, diesel::sql_types::Text, String>(&[Bind::Text(&tenant.0.to_string())])?;
        self.tenant = Some(tenant.0);
        Ok(())
    }

    /// Whether the session names this tenant.
    pub(crate) fn names(&self, tenant: TenantKey) -> bool {
        self.tenant == Some(tenant.0)
    }

    /// Runs a statement and returns its first row.
    pub(crate) fn one<ST, U>(&mut self, sql: &Sql) -> QueryResult<Option<U>>
    where
        for<'q> Rows<'q, ST>: Loads<'q, U>,
    {
        Ok(self.load::<ST, U>(sql)?.into_iter().next())
    }

    /// Ends a transaction without keeping it; a connection that cannot even do that is given up.
    pub(crate) fn roll_back(&mut self) {
        self.distrust();
        if self.run(&Sql::new("ROLLBACK")).is_err() {
            self.broken = true;
        }
    }

    pub(crate) fn give_up(&mut self) {
        self.distrust();
        self.broken = true;
    }

    /// Forgets what the session is thought to name, since something went wrong: it is told anew before
    /// it is used again outside a transaction.
    pub(crate) fn distrust(&mut self) {
        self.tenant = None;
    }

    pub(crate) fn is_broken(&mut self) -> bool {
        self.broken
            || match &mut self.any {
                #[cfg(feature = "sqlite")]
                AnyConn::Sqlite(_) => false,
                #[cfg(feature = "postgres")]
                AnyConn::Postgres(conn) => {
                    use diesel::connection::TransactionManager;
                    <diesel::PgConnection as Connection>::TransactionManager::is_broken_transaction_manager(conn)
                }
            }
    }
}

/// The tenant of work outside tenants: none has this key.
pub(crate) const NOBODY: TenantKey = TenantKey(0);

/// Names a tenant for the whole session.
struct NameTenant;

impl Fixed for NameTenant {
    const SQLITE: &'static [&'static str] = &[];
    const POSTGRES: &'static [&'static str] = &["SELECT set_config('app.tenant', ", ", false)"];
}

/// Makes the connections of a pool.
#[derive(Debug)]
pub(crate) struct Opener {
    pub(crate) database: Database,
    pub(crate) options: StoreOptions,
    pub(crate) opened: AtomicU32,
}

impl r2d2::ManageConnection for Opener {
    type Connection = Link;
    type Error = ConnectError;

    fn connect(&self) -> Result<Link, ConnectError> {
        let slot = i64::from(self.opened.fetch_add(1, Ordering::Relaxed));
        Link::open(&self.database, Use::Read, &self.options, slot)
    }

    fn is_valid(&self, link: &mut Link) -> Result<(), ConnectError> {
        link.batch("SELECT 1").map_err(|error| self.database.unreachable(error))
    }

    fn has_broken(&self, link: &mut Link) -> bool {
        link.is_broken()
    }
}

pub(crate) type Pool = r2d2::Pool<Opener>;

/// Opens a pool. The caller has opened one connection before, so that a wrong URL fails at once and
/// with its real reason.
pub(crate) fn pool(database: &Database, options: &StoreOptions) -> Pool {
    // Connections of several replicas should not all begin with the same slot.
    let offset = std::process::id();
    let opener = Opener { database: database.clone(), options: options.clone(), opened: AtomicU32::new(offset) };
    let builder = r2d2::Pool::builder()
        .max_size(options.pool_size.max(1))
        .min_idle(Some(0))
        .test_on_check_out(false)
        .connection_timeout(Duration::from_millis(options.busy_timeout_ms))
        .error_handler(Box::new(Quiet));
    builder.build_unchecked(opener)
}

/// Failed attempts to connect show where a connection is asked for.
#[derive(Debug)]
struct Quiet;

impl r2d2::HandleError<ConnectError> for Quiet {
    fn handle_error(&self, error: ConnectError) {
        tracing::debug!(?error, "a connection could not be opened");
    }
}

/// How many slots counters have on PostgreSQL. Transactions that touch a group use as many behind them, so
/// that they can be told from acts.
pub(crate) const SLOTS: i64 = 16;
