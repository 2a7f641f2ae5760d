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
    // Replicas that start together migrate one after another.
    let locks = matches!(link.dialect(), crate::connection::Dialect::Postgres);
    if locks {
        link.batch(&format!("SELECT pg_advisory_lock({LOCK})"))
            .map_err(|error| ConnectError::Migration(error.into()))?;
    }
    let applied = each(&mut link, Step::Up).and_then(|applied| {
        link.fill_grams().map_err(|error| ConnectError::Migration(error.into()))?;
        Ok(applied)
    });
    if locks {
        link.batch(&format!("SELECT pg_advisory_unlock({LOCK})"))
            .map_err(|error| ConnectError::Migration(error.into()))?;
    }
    applied
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
const LOCK: i64 = 0x0068_6561_6463_6e74;
