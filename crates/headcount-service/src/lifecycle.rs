//! Tombstones, and bringing a deleted user back (`rehire`).

use headcount_model::switches::Rehire;
use headcount_store::{
    Txn,
    members::MemberRef,
    resources::{Lock, StoredResource, Tombstone},
};
use scim_schema::ResourceType;

use crate::{
    journal::{self, Subject},
    session::{Job, Session},
    stop::Stop,
    write::is_user,
};

/// What is left of a deleted resource. Its version is that of the deletion, which nothing that comes
/// later may have again.
pub(crate) fn tombstone(
    job: &Job<'_>,
    stored: &StoredResource,
    key: Option<String>,
    groups: &[MemberRef],
) -> Tombstone {
    Tombstone {
        id: stored.id.clone(),
        resource_type: stored.resource_type.clone(),
        owner: stored.owner,
        key,
        version: stored.version.saturating_add(1),
        created: stored.created,
        deleted: job.now,
        document: stored.document.to_string(),
        groups: groups.iter().map(|group| group.id.clone()).collect(),
    }
}

/// The deleted user that a POST of this key brings back, if the connection's policy is so.
pub(crate) fn revived(
    txn: &mut dyn Txn,
    session: &Session,
    resource_type: &ResourceType,
    key: Option<&str>,
) -> Result<Option<Tombstone>, Stop> {
    match (session.switches.rehire, key) {
        (Rehire::Revive, Some(key)) if is_user(resource_type) => {
            Ok(txn.find_tombstone(&resource_type.name, session.view.connection, key)?)
        }
        _ => Ok(None),
    }
}

/// Gives a revived user the memberships back that it had, in groups that are still there.
pub(crate) fn rejoin(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    member: &MemberRef,
    tombstone: &Tombstone,
) -> Result<(), Stop> {
    txn.forget_tombstone(&tombstone.id)?;
    let mut groups = tombstone.groups.clone();
    groups.sort();
    for id in &groups {
        let Some(group) = txn.find_resource(&session.view, "Group", id.as_str(), Lock::Shared)? else { continue };
        if group.owner != session.view.connection {
            continue;
        }
        let added = txn.add_members(group.seq, std::slice::from_ref(member))?;
        if !added.is_empty() {
            let version = txn.touch_group(group.seq, job.now)?;
            let subject = Subject { resource_type: &group.resource_type, id: &group.id, version };
            journal::append_members(txn, job, session, subject, &added, [])?;
        }
    }
    Ok(())
}
