//! The migrations, embedded.

use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{
    connection::{AnyConn, Database, Link, StoreOptions, Use},
    error::ConnectError,
};

#[cfg(feature = "sqlite")]
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
#[cfg(feature = "postgres")]
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// Brings the database up to date; returns the versions that were applied, in order. A new database
/// has its tables then and nothing else.
///
/// # Errors
/// [`ConnectError`].
pub fn migrate(options: &StoreOptions) -> Result<Vec<String>, ConnectError> {
    let mut link = open(options)?;
    let applied = match &mut link.any {
        #[cfg(feature = "sqlite")]
        AnyConn::Sqlite(conn) => steps(conn, SQLITE, Step::Up),
        #[cfg(feature = "postgres")]
        AnyConn::Postgres(conn) => one_after_another(conn),
    }?;
    link.fill_grams().map_err(|error| ConnectError::Migration(error.into()))?;
    Ok(applied)
}

/// Replicas that start together migrate one after another, each in one transaction, whose lock goes
/// with it. A lock of the session would stay behind a pooler with whoever gets that session next, and
/// one that a second connection holds would keep a small pool from lending the first.
#[cfg(feature = "postgres")]
fn one_after_another(conn: &mut diesel::PgConnection) -> Result<Vec<String>, ConnectError> {
    use diesel::connection::{SimpleConnection as _, TransactionManager as _};
    type Transactions = <diesel::PgConnection as diesel::Connection>::TransactionManager;

    let fault = |error: diesel::result::Error| ConnectError::Migration(error.into());
    Transactions::begin_transaction(conn).map_err(fault)?;
    // Another replica's migrations, and one's own, take as long as they take.
    let wait = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0";
    let locked = conn.batch_execute(&format!("{wait}; SELECT pg_advisory_xact_lock({LOCK})"));
    match locked.map_err(fault).and_then(|()| steps(conn, POSTGRES, Step::Up)) {
        Ok(applied) => Transactions::commit_transaction(conn).map(|()| applied).map_err(fault),
        Err(error) => {
            // The first error tells more than that of a connection which is gone by now.
            let _ = Transactions::rollback_transaction(conn);
            Err(error)
        }
    }
}

/// The versions that [`migrate`] would apply, in order.
///
/// # Errors
/// [`ConnectError`].
pub fn pending(options: &StoreOptions) -> Result<Vec<String>, ConnectError> {
    each(&mut open(options)?, Step::Look)
}

/// Takes all migrations back, and with them all data; returns their versions, in order.
///
/// # Errors
/// [`ConnectError`].
pub fn revert(options: &StoreOptions) -> Result<Vec<String>, ConnectError> {
    each(&mut open(options)?, Step::Down)
}

/// The versions that the program knows for the database of a link, in order.
pub(crate) fn known(link: &Link) -> Result<Vec<String>, ConnectError> {
    match &link.any {
        #[cfg(feature = "sqlite")]
        AnyConn::Sqlite(_) => versions_of::<diesel::sqlite::Sqlite>(&SQLITE),
        #[cfg(feature = "postgres")]
        AnyConn::Postgres(_) => versions_of::<diesel::pg::Pg>(&POSTGRES),
    }
}

fn versions_of<DB: diesel::backend::Backend>(source: &EmbeddedMigrations) -> Result<Vec<String>, ConnectError>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let migrations: Vec<Box<dyn Migration<DB>>> = source.migrations().map_err(ConnectError::Migration)?;
    let mut versions: Vec<String> = migrations.iter().map(|migration| migration.name().version().to_string()).collect();
    versions.sort();
    Ok(versions)
}

fn open(options: &StoreOptions) -> Result<Link, ConnectError> {
    let database = Database::parse(options.url.expose())?;
    let mut link = Link::open(&database, Use::Write, options, 0)?;
    prepare_file(&mut link, &database)?;
    #[cfg(feature = "postgres")]
    if let AnyConn::Postgres(conn) = &mut link.any
        && options.statements == crate::connection::Statements::Unnamed
    {
        // Behind a pooler a prepared statement of the harness would meet its namesake of another client.
        diesel::Connection::set_prepared_statement_cache_size(conn, diesel::connection::CacheSize::Disabled);
    }
    Ok(link)
}

/// Sets the journal mode, which belongs to the file, on a connection before there is a pool.
pub(crate) fn prepare_file(link: &mut Link, database: &Database) -> Result<(), ConnectError> {
    if link.dialect() == crate::connection::Dialect::Sqlite {
        link.batch("PRAGMA journal_mode = WAL")
            .map_err(|error| ConnectError::Unreachable { database: database.name(), source: error.into() })?;
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Look,
    Up,
    Down,
}

fn each(link: &mut Link, step: Step) -> Result<Vec<String>, ConnectError> {
    match &mut link.any {
        #[cfg(feature = "sqlite")]
        AnyConn::Sqlite(conn) => steps(conn, SQLITE, step),
        #[cfg(feature = "postgres")]
        AnyConn::Postgres(conn) => steps(conn, POSTGRES, step),
    }
}

fn steps<DB, C>(conn: &mut C, source: EmbeddedMigrations, step: Step) -> Result<Vec<String>, ConnectError>
where
    DB: diesel::backend::Backend,
    C: MigrationHarness<DB>,
    EmbeddedMigrations: MigrationSource<DB>,
{
    if step == Step::Up {
        let known = versions_of::<DB>(&source)?;
        let applied = conn.applied_migrations().map_err(ConnectError::Migration)?;
        if let Some(newer) = applied.iter().map(ToString::to_string).find(|version| !known.contains(version)) {
            return Err(ConnectError::Newer { version: newer });
        }
    }
    let versions: Vec<String> = match step {
        Step::Look => conn
            .pending_migrations(source)
            .map_err(ConnectError::Migration)?
            .iter()
            .map(|migration| migration.name().version().to_string())
            .collect(),
        Step::Up => conn
            .run_pending_migrations(source)
            .map_err(ConnectError::Migration)?
            .iter()
            .map(ToString::to_string)
            .collect(),
        Step::Down => conn
            .revert_all_migrations(source)
            .map_err(ConnectError::Migration)?
            .iter()
            .map(ToString::to_string)
            .collect(),
    };
    Ok(versions)
}

/// The advisory lock under which migrations run on PostgreSQL.
#[cfg(feature = "postgres")]
const LOCK: i64 = 0x0068_6561_6463_6e74;
