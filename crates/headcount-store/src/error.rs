//! What can go wrong in a store.

use headcount_model::ConnectionKey;

/// A failure of a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The row is not there (any more).
    #[error("not found")]
    NotFound,
    /// The row has another version than expected.
    #[error("version mismatch")]
    VersionMismatch,
    /// A unique value is taken.
    #[error("the value of {attribute} is taken")]
    Unique {
        /// Canonical key of the attribute, e.g. `userName`.
        attribute: String,
    },
    /// The attribute has no index and the scan met its bound; it can be marked searchable.
    #[error("a scan for {attribute} met its bound")]
    TooMany {
        /// Canonical key of the attribute.
        attribute: String,
    },
    /// Try again: lock, serialisation failure, pool wait, database gone. Nothing was changed.
    #[error("the database is busy or away")]
    Busy(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    /// The commit failed in a way that leaves the outcome unknown.
    #[error("the outcome of the commit is unknown")]
    Unknown(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    /// Something stored cannot be read.
    #[error("{table}.{column} of row {row} cannot be read")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key, as text.
        row: String,
    },
    /// Anything else; retrying will not help.
    #[error("the database failed")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Who holds a name that is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holder {
    /// The owner of the resource that holds it.
    pub owner: ConnectionKey,
    /// Whether it is an account that waits to be adopted.
    pub adoptable: bool,
}
