//! What can go wrong before a store is there.

/// Why a store could not be opened or migrated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL names no database that is known.
    #[error(
        "the database URL must start with sqlite:, postgres:// or postgresql://, as in sqlite:headcount.db or postgres://user@host/headcount"
    )]
    Scheme,
    /// The URL of SQLite has no path, or asks for a database in memory.
    #[error(
        "the database URL sqlite: needs the path of a file, as in sqlite:headcount.db; a database in memory is not served"
    )]
    Path,
    /// The URL names a database that this program was built without.
    #[error(
        "this program was built without {database}; build it with the feature {feature}, or choose another database URL"
    )]
    NotBuilt {
        /// The database's name.
        database: &'static str,
        /// The cargo feature.
        feature: &'static str,
    },
    /// The URL asks for TLS to PostgreSQL, which is not built in.
    #[error(
        "the database URL asks for sslmode={mode}, but this program was built without TLS to PostgreSQL; connect over a local socket, a private network or a proxy that speaks TLS, and use sslmode=disable"
    )]
    TlsNotBuilt {
        /// What the URL asks for.
        mode: String,
    },
    /// The database does not answer.
    #[error("cannot open the database {database}")]
    Unreachable {
        /// The database without its credentials.
        database: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database would acknowledge writes that are not on disk.
    #[error("{what}, so an acknowledged write could be lost; set it back to what the server insists on")]
    NotDurable {
        /// The setting and its value.
        what: String,
    },
    /// The role may bypass row-level security and the settings insist on it.
    #[error(
        "the database role {role} may bypass row-level security, and require_row_level_security is on; connect as a role without SUPERUSER and BYPASSRLS, for instance: CREATE ROLE headcount LOGIN NOSUPERUSER NOBYPASSRLS; ALTER DATABASE … OWNER TO headcount"
    )]
    BypassesRowLevelSecurity {
        /// The role.
        role: String,
    },
    /// The database has a migration that this program does not know.
    #[error(
        "the database was brought up to date by a newer version of this program (migration {version}); use that version, or restore the backup made before the upgrade"
    )]
    Newer {
        /// The migration's version.
        version: String,
    },
    /// A migration failed; the ones before it are in place.
    #[error("the migration of the database failed")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
}
