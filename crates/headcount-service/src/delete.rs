//! DELETE of a resource (RFC 7644 §3.6).

use headcount_model::{EventKind, token::Access};
use headcount_store::{Txn, index, members::MemberRef, resources::Lock};
use scim_schema::{Resource, ResourceType, ScimError};

use crate::{
    adoption,
    answer::Answer,
    authenticate,
    caller::Caller,
    journal::{self, Subject},
    lifecycle, precondition,
    service::{Precondition, Service},
    session::{Job, Session},
    show,
    stop::Stop,
    write,
};

/// See [`Service::delete`].
pub(crate) fn delete(
    service: &Service,
    caller: &Caller,
    resource_type: &ResourceType,
    id: &str,
    precondition: &Precondition,
) -> Result<Answer, ScimError> {
    authenticate::allow(caller.credential(), Access::Write, Some(&resource_type.name))?;
    let job = Job::new(service, caller);
    job.writing(|txn, session| perform(txn, &job, session, resource_type, id, precondition))?;
    Ok(Answer { status: 204, body: None, etag: None, location: None })
}

/// Deletes the resource: its groups lose it, in id order, and a tombstone stays.
pub(crate) fn perform(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    resource_type: &ResourceType,
    id: &str,
    precondition: &Precondition,
) -> Result<(), Stop> {
    let found = txn.find_resource(&session.view, &resource_type.name, id, Lock::Exclusive)?;
    let Some(stored) = found else { return Err(ScimError::not_found(&resource_type.name, id).into()) };
    precondition::check_write(precondition, stored.version)?;
    if adoption::adopts(&stored, &session.view) {
        return Err(ScimError::new(
            403,
            format!(
                "this {} belongs to the application and was never linked to this connection, so it cannot be deleted from here; update it first, which links it, or delete it in the application",
                resource_type.name
            ),
        )
        .into());
    }
    let mut groups: Vec<MemberRef> = Vec::new();
    for (group, _) in txn.groups_with_member(stored.seq)? {
        let version = txn.touch_group(group.seq, job.now)?;
        let subject = Subject { resource_type: &group.resource_type, id: &group.id, version };
        journal::append_members(txn, job, session, subject, [], [&stored.id])?;
        groups.push(group);
    }
    let resource = Resource::from_document(show::document(&stored)?);
    let key = index::form(resource_type, &resource, write::index_policy(&session.switches)).key;
    let tombstone = lifecycle::tombstone(job, &stored, key, &groups);
    txn.delete_resource(&stored, &tombstone)?;
    let subject = Subject { resource_type: &resource_type.name, id: &stored.id, version: tombstone.version };
    journal::append(txn, job, session, EventKind::Delete, Some(subject), Vec::new(), None)?;
    Ok(())
}
