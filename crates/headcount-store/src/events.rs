//! The journal in a transaction.

use headcount_model::{Event, Timestamp};

use crate::error::StoreError;

/// A numbered journal entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NumberedEvent {
    /// Its number: per tenant, from 1, without gaps.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// What ([`headcount_model::EventKind::as_str`]).
    pub kind: String,
    /// By whom ([`headcount_model::Actor::to_text`]).
    pub actor: String,
    /// The resource's type and public id.
    pub resource: Option<(String, String)>,
    /// The resource's version after the change; 0 if it has none.
    pub version: i64,
    /// Attributes that changed.
    pub paths: Vec<String>,
    /// The transaction's id.
    pub transaction: String,
    /// More, as JSON text.
    pub detail: Option<String>,
    /// The hash chain's link: SHA-256 over the previous link and this entry.
    pub hash: Vec<u8>,
}

/// The journal in a transaction.
pub trait JournalTxn {
    /// Writes an entry; it is numbered at once (SQLite, memory) or soon after the commit
    /// (PostgreSQL).
    fn append(&mut self, event: &Event) -> Result<(), StoreError>;

    /// Numbered entries after a number, in order, at most `limit`.
    fn events(&mut self, after: i64, limit: u64) -> Result<Vec<NumberedEvent>, StoreError>;
}
