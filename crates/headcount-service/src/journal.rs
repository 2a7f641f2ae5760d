//! Journal entries of the use cases: one per resource and transaction, and the membership lists.

use headcount_model::{Event, EventKind, PublicId};
use headcount_store::{StoreError, Txn};
use serde_json::{Value, json};

use crate::session::{Job, Session};

/// Most member ids in one entry; longer lists are split, with the same transaction id.
const IDS_PER_ENTRY: usize = 1_000;

/// What an entry is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// The resource type's name.
    pub(crate) resource_type: &'a str,
    /// The resource's public id.
    pub(crate) id: &'a PublicId,
    /// Its version after the change.
    pub(crate) version: i64,
}

/// The entry of a change.
pub(crate) fn entry(
    job: &Job<'_>,
    session: &Session,
    kind: EventKind,
    subject: Option<Subject<'_>>,
    paths: Vec<String>,
    detail: Option<&Value>,
) -> Event {
    Event {
        at: job.now,
        kind,
        actor: session.actor.clone(),
        resource: subject.map(|subject| (subject.resource_type.to_owned(), subject.id.clone())),
        version: subject.map_or(0, |subject| subject.version),
        paths,
        transaction: job.caller.transaction.clone(),
        detail: detail.map(Value::to_string),
    }
}

/// Writes the entry of a change.
pub(crate) fn append(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    kind: EventKind,
    subject: Option<Subject<'_>>,
    paths: Vec<String>,
    detail: Option<&Value>,
) -> Result<(), StoreError> {
    txn.append(&entry(job, session, kind, subject, paths, detail))
}

/// The entry of members that came or went.
pub(crate) fn members_entry(
    job: &Job<'_>,
    session: &Session,
    kind: EventKind,
    group: Subject<'_>,
    ids: &[&str],
) -> Event {
    entry(job, session, kind, Some(group), vec!["members".to_owned()], Some(&json!({ "members": ids })))
}

/// Writes what changed in a membership list; nothing if nothing did.
pub(crate) fn append_members<'i>(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    group: Subject<'_>,
    added: impl IntoIterator<Item = &'i PublicId>,
    removed: impl IntoIterator<Item = &'i PublicId>,
) -> Result<(), StoreError> {
    let added: Vec<&str> = added.into_iter().map(PublicId::as_str).collect();
    let removed: Vec<&str> = removed.into_iter().map(PublicId::as_str).collect();
    for (kind, ids) in [(EventKind::MemberAdded, added), (EventKind::MemberRemoved, removed)] {
        for part in ids.chunks(IDS_PER_ENTRY) {
            txn.append(&members_entry(job, session, kind, group, part))?;
        }
    }
    Ok(())
}
