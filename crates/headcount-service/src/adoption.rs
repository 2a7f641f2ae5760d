//! Taking over an account or group of the application by the first write of a connection.

use std::collections::BTreeSet;

use headcount_model::{PublicId, Seq};
use headcount_store::{StoreError, Txn, members::MemberRef, query::View, resources::StoredResource};
use scim_schema::{Resource, ScimError, fold::fold};
use serde_json::{Map, Value};

use crate::{
    conflict::{self, Kind},
    identity::addresses,
    journal::{self, Subject},
    session::{Job, Session},
    show,
    stop::{Refusal, Stop},
};

/// Most members read at a time.
const BATCH: u64 = 1_000;

/// Whether a write of this connection adopts the resource: it is seen, and not owned.
pub(crate) fn adopts(stored: &StoredResource, view: &View) -> bool {
    stored.owner != view.connection
}

/// The document as the connection knows it: what the application calls the resource is not its
/// `externalId`.
pub(crate) fn own_document(stored: &StoredResource, view: &View) -> Result<Resource, StoreError> {
    let mut document = show::document(stored)?;
    if adopts(stored, view) {
        document.shift_remove("externalId");
    }
    Ok(Resource::from_document(document))
}

/// R8: the same userName with another e-mail is a conflict, and the account stays as it is.
///
/// # Errors
/// 409 `uniqueness` if the account has addresses, and the request brings some of which none is among
/// them. What it brings is what it `named`, as far as that is stored, and whatever is new.
pub(crate) fn check_emails(
    job: &Job<'_>,
    session: &Session,
    stored: &StoredResource,
    (before, after): (&Map<String, Value>, &Map<String, Value>),
    named: &[String],
) -> Result<(), Stop> {
    let old: BTreeSet<_> = addresses(before).into_iter().map(fold).collect();
    let named: BTreeSet<_> = named.iter().map(|name| fold(name)).collect();
    let is_brought = |address: &&str| named.contains(&fold(address)) || !old.contains(&fold(address));
    let brought: Vec<&str> = addresses(after).into_iter().filter(is_brought).collect();
    let Some(first) = brought.first() else { return Ok(()) };
    if old.is_empty() || brought.iter().any(|address| old.contains(&fold(address))) {
        return Ok(());
    }
    let conflict = conflict::of(job, session, Kind::EmailDiffers, "emails", Some(stored.id.clone()), first);
    let error = ScimError::uniqueness(format!(
        "the existing account has another e-mail address than \"{first}\", so it is not linked and stays as it is; correct the address at the identity provider or in the application, then send the update again"
    ));
    Err(Refusal { error, conflict: Some(conflict) }.into())
}

/// An adopted resource leaves the groups of every other connection, with the usual entries.
pub(crate) fn leave_foreign_groups(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    stored: &StoredResource,
) -> Result<(), Stop> {
    for (group, owner) in txn.groups_with_member(stored.seq)? {
        if owner == session.view.connection {
            continue;
        }
        let version = txn.touch_group(group.seq, job.now)?;
        let removed = txn.remove_members(group.seq, &[stored.id.as_str()])?;
        let subject = Subject { resource_type: &group.resource_type, id: &group.id, version };
        journal::append_members(txn, job, session, subject, [], &removed)?;
    }
    Ok(())
}

/// An adopted group loses the members that its new owner does not see. Returns who they were.
pub(crate) fn lose_unseen_members(
    txn: &mut dyn Txn,
    session: &Session,
    group: &StoredResource,
) -> Result<Vec<PublicId>, Stop> {
    let mut unseen: Vec<MemberRef> = Vec::new();
    let mut after = None;
    loop {
        let batch = txn.members(group.seq, after, BATCH)?;
        let Some(last) = batch.last() else { break };
        after = Some(last.seq);
        let ids: Vec<&str> = batch.iter().map(|member| member.id.as_str()).collect();
        let seen: BTreeSet<Seq> = txn.find_members(&session.view, &ids)?.into_iter().map(|member| member.seq).collect();
        unseen.extend(batch.into_iter().filter(|member| !seen.contains(&member.seq)));
    }
    if unseen.is_empty() {
        return Ok(Vec::new());
    }
    let mut ids: Vec<&str> = unseen.iter().map(|member| member.id.as_str()).collect();
    ids.sort_unstable();
    Ok(txn.remove_members(group.seq, &ids)?)
}
