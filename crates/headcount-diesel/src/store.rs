//! [`DieselStore`]: reads, writes, retries.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU32},
    },
};

use diesel::sql_types::{BigInt, Text};
use headcount_model::{Clock, TenantKey};
use headcount_store::{
    Store, StoreError, TenantCtx, Verdict,
    act::{self, Act, Done},
    look::{Look, Looked},
    store::Work,
};
use scim_schema::Registry;

use crate::{
    act::crowd::Crowds,
    connection::{Database, Dialect, Link, NOBODY, Opener, Pool, RequireRowLevelSecurity, StoreOptions, Use, pool},
    constraint::{is_lost, store_error},
    error::ConnectError,
    migrate::prepare_file,
    names::Names,
    sql::{Fixed, Sql},
    txn::{DieselTxn, Shared},
    writer::Writer,
};

/// Whether PostgreSQL's row-level security binds the role of this store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowLevelSecurity {
    /// It does: a forgotten condition in our SQL shows no other tenant's rows.
    Enforced,
    /// The role may bypass it.
    Bypassed,
    /// The database has none (SQLite).
    Absent,
}

/// A store on SQLite or PostgreSQL.
pub struct DieselStore {
    pub(crate) pool: Pool,
    /// The one writer, on SQLite.
    pub(crate) writer: Option<Writer>,
    pub(crate) shared: Shared,
    pub(crate) dialect: Dialect,
    options: StoreOptions,
    row_level_security: RowLevelSecurity,
    /// Tenants whose journals have rows without a number, as far as this process knows.
    pub(crate) unsealed: Mutex<BTreeSet<i64>>,
    /// When a connection was last found to be gone, in microseconds.
    pub(crate) lost: AtomicI64,
    /// How far the walk over all tenants came that finds what a crash left without a number.
    pub(crate) walked: Mutex<i64>,
    /// Turns of background work, on SQLite.
    pub(crate) turns: AtomicU32,
    /// Which groups are known to be large.
    pub(crate) crowds: Crowds,
}

/// Work on a transaction of any of the store's own kinds.
pub(crate) type Inner<'w> = dyn FnMut(&mut DieselTxn<'_>) -> Result<Verdict, StoreError> + 'w;

impl DieselStore {
    /// Opens the database; its migrations are the caller's ([`crate::migrate`]). `registry` tells
    /// where attributes are found, `clock` bounds scans.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect(
        options: &StoreOptions,
        registry: Arc<Registry>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConnectError> {
        let database = Database::parse(options.url.expose())?;
        let mut first = Link::open(&database, Use::Write, options, 0)?;
        prepare_file(&mut first, &database)?;
        let row_level_security = row_level_security(&mut first, &database, options.require_row_level_security)?;
        drop(first);
        let writer = match &database {
            Database::Sqlite(_) => Some(Writer::new(database.clone(), options.clone())?),
            Database::Postgres(_) => None,
        };
        Ok(Self {
            pool: pool(&database, options),
            writer,
            shared: Shared { names: Names::default(), registry, clock },
            dialect: database.dialect(),
            options: options.clone(),
            row_level_security,
            unsealed: Mutex::default(),
            lost: AtomicI64::new(i64::MIN),
            walked: Mutex::default(),
            turns: AtomicU32::new(0),
            crowds: Crowds::default(),
        })
    }

    /// Whether the database's second wall between tenants binds this store's role.
    #[must_use]
    pub fn row_level_security(&self) -> RowLevelSecurity {
        self.row_level_security
    }

    pub(crate) fn read_inner(&self, tenant: TenantKey, work: &mut Inner<'_>) -> Result<(), StoreError> {
        let mut link = self.begin(tenant, Use::Read)?;
        self.on(&mut link, tenant, Use::Read, work).result.map(|_| ())
    }

    pub(crate) fn write_inner(&self, tenant: TenantKey, work: &mut Inner<'_>) -> Result<Verdict, StoreError> {
        match &self.writer {
            Some(writer) => self.write_to_sqlite(writer, tenant, work),
            None => self.write_to_postgres(tenant, work),
        }
    }

    fn write_to_sqlite(&self, writer: &Writer, tenant: TenantKey, work: &mut Inner<'_>) -> Result<Verdict, StoreError> {
        let mut learned = Vec::new();
        let verdict = writer.write(&mut |link| {
            let mut txn = DieselTxn::new(link, tenant, &self.shared, Use::Write);
            let result = work(&mut txn);
            let result = txn.verdict(result);
            if matches!(result, Ok(Verdict::Commit)) {
                learned = txn.names.own().clone().into_iter().collect();
            }
            result
        })?;
        self.shared.names.learn(learned);
        Ok(verdict)
    }

    fn write_to_postgres(&self, tenant: TenantKey, work: &mut Inner<'_>) -> Result<Verdict, StoreError> {
        let mut retries = 0;
        loop {
            let mut link = self.begin(tenant, Use::Write)?;
            let ran = self.on(&mut link, tenant, Use::Write, work);
            match ran.result {
                Err(StoreError::Busy(_)) if ran.conflicted && retries < MOST_RETRIES => retries += 1,
                result => {
                    if result.is_ok() && ran.journaled {
                        self.is_unsealed(tenant);
                    }
                    return result;
                }
            }
        }
    }

    /// Notes that the tenant's journal has rows without a number.
    pub(crate) fn is_unsealed(&self, tenant: TenantKey) {
        self.unsealed.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant.0);
    }

    /// A connection of the pool with an open transaction. Connections that turn out to be gone are
    /// given up and the next is tried.
    pub(crate) fn begin(&self, tenant: TenantKey, usage: Use) -> Result<r2d2::PooledConnection<Opener>, StoreError> {
        let mut tries = self.tries();
        loop {
            let mut link = self.link()?;
            let begun = match self.dialect {
                Dialect::Sqlite => link.run_fixed::<Begin>().map(|_| ()),
                Dialect::Postgres => {
                    let mode = match usage {
                        Use::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                        Use::Write => "BEGIN ISOLATION LEVEL READ COMMITTED",
                    };
                    // One round trip; only numbers of ours are put into the text.
                    if link.names(tenant) {
                        link.batch(mode)
                    } else if link.names_tenants() {
                        link.batch(&format!("{mode}; SELECT set_config('app.tenant', '{}', true)", tenant.0))
                    } else {
                        link.batch(&format!(
                            "{mode}; SELECT set_config('app.tenant', '{}', true), \
                             set_config('statement_timeout', '{}', true), set_config('lock_timeout', '{}', true)",
                            tenant.0, self.options.statement_timeout_ms, self.options.busy_timeout_ms
                        ))
                    }
                }
            };
            match begun {
                Ok(()) => return Ok(link),
                Err(error) => {
                    link.roll_back();
                    link.give_up();
                    tries = tries.saturating_sub(1);
                    if !is_lost(&error) || tries == 0 {
                        return Err(store_error(error));
                    }
                }
            }
        }
    }

    /// Runs work in the open transaction of a connection and ends it.
    fn on(&self, link: &mut Link, tenant: TenantKey, usage: Use, work: &mut Inner<'_>) -> Ran {
        let mut txn = DieselTxn::new(link, tenant, &self.shared, usage);
        let result = match catch_unwind(AssertUnwindSafe(|| work(&mut txn))) {
            Ok(result) => txn.verdict(result),
            Err(panic) => {
                link.roll_back();
                resume_unwind(panic)
            }
        };
        let (conflicted, journaled) = (txn.failures.conflicted, txn.journaled);
        let learned = txn.names.own().clone();
        let result = match result {
            Ok(Verdict::Commit) => match link.run_fixed::<Commit>() {
                Ok(_) => {
                    self.shared.names.learn(learned);
                    Ok(Verdict::Commit)
                }
                Err(error) => {
                    link.roll_back();
                    Err(commit_error(error, usage))
                }
            },
            other => {
                link.roll_back();
                other
            }
        };
        Ran { result, conflicted, journaled }
    }

    /// A statement outside tenants, on its own.
    pub(crate) fn with_link<T>(
        &self,
        mut work: impl FnMut(&mut Link) -> diesel::QueryResult<T>,
    ) -> Result<T, StoreError> {
        let mut tries = self.tries();
        loop {
            let mut link = self.link()?;
            // What is outside tenants shows no tenant's rows to anybody.
            match link.turn_to(NOBODY).and_then(|()| work(&mut link)) {
                Ok(value) => return Ok(value),
                Err(error) => {
                    link.distrust();
                    tries = tries.saturating_sub(1);
                    if !is_lost(&error) || tries == 0 {
                        return Err(store_error(error));
                    }
                    link.give_up();
                }
            }
        }
    }

    /// A connection of the pool.
    pub(crate) fn link(&self) -> Result<r2d2::PooledConnection<Opener>, StoreError> {
        self.pool.get().map_err(|error| StoreError::Busy(Some(error.into())))
    }

    /// How many connections of the pool may turn out to be gone before one must work.
    pub(crate) fn tries(&self) -> u32 {
        self.options.pool_size.saturating_add(1)
    }
}

/// Opens a transaction on a reader of SQLite.
struct Begin;

impl Fixed for Begin {
    const SQLITE: &'static [&'static str] = &["BEGIN"];
    const POSTGRES: &'static [&'static str] = Self::SQLITE;
}

/// Ends a transaction.
struct Commit;

impl Fixed for Commit {
    const SQLITE: &'static [&'static str] = &["COMMIT"];
    const POSTGRES: &'static [&'static str] = Self::SQLITE;
}

impl Store for DieselStore {
    fn read(&self, ctx: &TenantCtx, work: &mut Work<'_>) -> Result<(), StoreError> {
        self.read_inner(ctx.tenant(), &mut |txn| work(txn))
    }

    fn write(&self, ctx: &TenantCtx, work: &mut Work<'_>) -> Result<(), StoreError> {
        self.write_inner(ctx.tenant(), &mut |txn| work(txn)).map(|_| ())
    }

    fn look(&self, ctx: &TenantCtx, look: &Look<'_>) -> Result<Looked, StoreError> {
        self.look_at(ctx.tenant(), look)
    }

    fn looks_now(&self) -> bool {
        self.dialect == Dialect::Sqlite
    }

    fn look_now(&self, ctx: &TenantCtx, look: &Look<'_>) -> Option<Result<Looked, StoreError>> {
        self.look_at_now(ctx.tenant(), look)
    }

    fn act(&self, ctx: &TenantCtx, act: &Act<'_>) -> Result<Done, StoreError> {
        self.act_in_one(ctx.tenant(), act).unwrap_or_else(|| act::through(self, ctx, act))
    }
}

/// What became of work on PostgreSQL.
struct Ran {
    result: Result<Verdict, StoreError>,
    conflicted: bool,
    journaled: bool,
}

/// Most times that work is run again after the database chose it to give way.
pub(crate) const MOST_RETRIES: u32 = 3;

/// An error of COMMIT: a refusal of PostgreSQL is one, but when the connection broke nobody knows.
pub(crate) fn commit_error(error: diesel::result::Error, usage: Use) -> StoreError {
    match usage {
        Use::Read => store_error(error),
        Use::Write => StoreError::Unknown(Some(Box::new(error))),
    }
}

fn row_level_security(
    link: &mut Link,
    database: &Database,
    require: RequireRowLevelSecurity,
) -> Result<RowLevelSecurity, ConnectError> {
    if link.dialect() == Dialect::Sqlite {
        return Ok(RowLevelSecurity::Absent);
    }
    let sql = Sql::new(
        "SELECT CASE WHEN rolsuper OR rolbypassrls THEN 1 ELSE 0 END::bigint, rolname::text FROM pg_roles \
         WHERE rolname = current_user",
    );
    let role = link
        .one::<(BigInt, Text), (i64, String)>(&sql)
        .map_err(|error| ConnectError::Unreachable { database: database.name(), source: error.into() })?;
    match (role, require) {
        (Some((0, _)), _) => Ok(RowLevelSecurity::Enforced),
        (Some((_, role)), RequireRowLevelSecurity::Yes) => Err(ConnectError::BypassesRowLevelSecurity { role }),
        (Some(_) | None, _) => Ok(RowLevelSecurity::Bypassed),
    }
}
