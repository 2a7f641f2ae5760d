//! The journal in a transaction.

#![expect(
    clippy::missing_errors_doc,
    reason = "every method fails as StoreError says; a method tells what is particular to it"
)]

use headcount_model::{Event, Timestamp};
use sha2::{Digest, Sha256};

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
    /// The hash chain's link: SHA-256 over the previous link and this entry ([`link`]).
    pub hash: Vec<u8>,
}

impl NumberedEvent {
    /// The entry with this number in the chain after the link `previous` (empty for the first).
    #[must_use]
    pub fn chained(number: i64, event: &Event, previous: &[u8]) -> Self {
        let mut entry = Self {
            number,
            at: event.at,
            kind: event.kind.as_str().to_owned(),
            actor: event.actor.to_text(),
            resource: event.resource.as_ref().map(|(kind, id)| (kind.clone(), id.to_string())),
            version: event.version,
            paths: event.paths.clone(),
            transaction: event.transaction.to_string(),
            detail: event.detail.clone(),
            hash: Vec::new(),
        };
        entry.hash = link(previous, &entry).to_vec();
        entry
    }
}

/// The link of an entry in the hash chain: SHA-256 over the link before it (empty for the first
/// entry of a tenant) and every field of the entry but its own `hash`, each with its length in
/// front, so that no two entries encode alike.
#[must_use]
pub fn link(previous: &[u8], entry: &NumberedEvent) -> [u8; 32] {
    Linked {
        number: entry.number,
        at: entry.at,
        kind: &entry.kind,
        actor: &entry.actor,
        resource: entry.resource.as_ref().map(|(resource_type, id)| (&**resource_type, &**id)),
        version: entry.version,
        paths: &entry.paths,
        transaction: &entry.transaction,
        detail: entry.detail.as_deref(),
    }
    .after(previous)
}

/// The link of an event that gets this number and version; `actor` is its actor's text.
#[must_use]
pub fn link_of_event(previous: &[u8], number: i64, version: i64, event: &Event, actor: &str) -> [u8; 32] {
    Linked {
        number,
        at: event.at,
        kind: event.kind.as_str(),
        actor,
        resource: event.resource.as_ref().map(|(resource_type, id)| (&**resource_type, id.as_str())),
        version,
        paths: &event.paths,
        transaction: event.transaction.as_str(),
        detail: event.detail.as_deref(),
    }
    .after(previous)
}

/// What of an entry is in its link.
struct Linked<'a> {
    number: i64,
    at: Timestamp,
    kind: &'a str,
    actor: &'a str,
    resource: Option<(&'a str, &'a str)>,
    version: i64,
    paths: &'a [String],
    transaction: &'a str,
    detail: Option<&'a str>,
}

impl Linked<'_> {
    fn after(&self, previous: &[u8]) -> [u8; 32] {
        let mut chain = Sha256::new();
        let mut field = |bytes: &[u8]| {
            chain.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            chain.update(bytes);
        };
        field(previous);
        field(&self.number.to_be_bytes());
        field(&self.at.micros().to_be_bytes());
        field(self.kind.as_bytes());
        field(self.actor.as_bytes());
        match self.resource {
            None => field(b"none"),
            Some((resource_type, id)) => {
                field(b"some");
                field(resource_type.as_bytes());
                field(id.as_bytes());
            }
        }
        field(&self.version.to_be_bytes());
        field(&u64::try_from(self.paths.len()).unwrap_or(u64::MAX).to_be_bytes());
        for path in self.paths {
            field(path.as_bytes());
        }
        field(self.transaction.as_bytes());
        match self.detail {
            None => field(b"none"),
            Some(detail) => {
                field(b"some");
                field(detail.as_bytes());
            }
        }
        chain.finalize().into()
    }
}

/// Checks consecutive entries against the link before the first of them, and their numbers for
/// gaps. A chain shows editing, not what was never written.
///
/// # Errors
/// The number of the first entry that does not fit.
pub fn verify_chain(previous: Option<&NumberedEvent>, entries: &[NumberedEvent]) -> Result<(), i64> {
    let mut number = previous.map_or(0, |entry| entry.number);
    let mut hash: &[u8] = previous.map_or(&[], |entry| &entry.hash);
    for entry in entries {
        number = number.saturating_add(1);
        if entry.number != number || entry.hash != link(hash, entry) {
            return Err(entry.number);
        }
        hash = &entry.hash;
    }
    Ok(())
}

/// The journal in a transaction.
pub trait JournalTxn {
    /// Writes an entry; it is numbered at once (SQLite, memory) or soon after the commit
    /// (PostgreSQL).
    fn append(&mut self, event: &Event) -> Result<(), StoreError>;

    /// Numbered entries after a number, in order, at most `limit`.
    fn events(&mut self, after: i64, limit: u64) -> Result<Vec<NumberedEvent>, StoreError>;
}
