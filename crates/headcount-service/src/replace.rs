//! PUT of a resource (RFC 7644 §3.5.1).

use std::collections::BTreeSet;

use headcount_model::{EventKind, switches::Absent, token::Access};
use headcount_store::{
    Txn,
    resources::{Lock, StoredResource},
};
use scim_patch::MemberDelta;
use scim_schema::{
    Projection, Resource, ResourceType, ScimError,
    validate::{self, Accepted, MemberValue, Write},
};
use serde_json::{Map, Value};

use crate::{
    adoption,
    answer::Answer,
    authenticate,
    caller::Caller,
    identity::addresses,
    membership::{self, Pending},
    merge::{self, Said},
    password::{self, NewPassword},
    precondition,
    render::Frame,
    service::{Precondition, Service},
    session::{Job, Session},
    show::{self, Asked, Shown},
    sight, specified,
    stop::Stop,
    write::{self, Change, Written},
};

/// A checked request.
pub(crate) struct Replace<'a> {
    pub(crate) resource_type: &'a ResourceType,
    resource: Resource,
    members: Option<Vec<MemberValue>>,
    cleared: BTreeSet<String>,
    schemas: Vec<String>,
    password: Option<NewPassword>,
}

/// See [`Service::replace`].
pub(crate) fn replace(
    service: &Service,
    caller: &Caller,
    resource_type: &ResourceType,
    id: &str,
    body: Map<String, Value>,
    precondition: &Precondition,
    projection: &Projection,
) -> Result<Answer, ScimError> {
    authenticate::allow(caller.credential(), Access::Write, Some(&resource_type.name))?;
    let job = Job::new(service, caller);
    let asked = Asked::all(resource_type, projection);
    let specified = specified::of_document(resource_type, &body);
    let request = prepare(&job, resource_type, body)?;
    if let Some(shown) = at_once(&job, &request, id, precondition, projection)? {
        return Frame::new(service.registry(), caller).written(200, resource_type, shown, projection, &specified);
    }
    let shown = job.writing(|txn, session| {
        let Written { stored, .. } = perform(txn, &job, session, &request, id, precondition, &Pending::new())?;
        Ok(show::one(txn, &job, session, asked, &stored)?)
    })?;
    Frame::new(service.registry(), caller).written(200, resource_type, shown, projection, &specified)
}

/// Looks at the resource and writes what becomes of it with one act, or nothing if nothing changes.
/// `None`: there is more to it, and a transaction decides and explains.
fn at_once(
    job: &Job<'_>,
    request: &Replace<'_>,
    id: &str,
    precondition: &Precondition,
    projection: &Projection,
) -> Result<Option<Shown>, ScimError> {
    let resource_type = request.resource_type;
    if membership::has_members(resource_type) || request.password.is_some() {
        return Ok(None);
    }
    let Some((seen, before)) = sight::to_write(job, resource_type, id, precondition, projection)? else {
        return Ok(None);
    };
    let (session, stored) = (Session::known(job), &seen.stored);
    let Ok(after) = after(request, &session, &before) else { return Ok(None) };
    let written = write::at_once(job, &session, change(request, stored, &before, after, &[]))?;
    Ok(written.map(|Written { stored, .. }| seen.shown(stored, &session.view)))
}

/// Checks a body; hashes a password last. A user keeps the password that the body does not name, or
/// names with null.
pub(crate) fn prepare<'a>(
    job: &Job<'_>,
    resource_type: &'a ResourceType,
    body: Map<String, Value>,
) -> Result<Replace<'a>, ScimError> {
    let switches = &job.caller.switches;
    let schemas = body
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("schemas"))
        .filter_map(|(_, value)| value.as_array())
        .flatten()
        .filter_map(|urn| urn.as_str().map(ToOwned::to_owned))
        .collect();
    let kept: &[&str] = match switches.put_absent_identity {
        Absent::Keep if write::is_user(resource_type) => &["userName"],
        Absent::Keep if write::is_group(resource_type) => &["displayName"],
        _ => &[],
    };
    let Accepted { resource, members, cleared, password } =
        validate::accept(job.service.registry(), resource_type, body, Write::Replace, &switches.coercion(), kept)?;
    password::check(password.is_some(), switches.passwords)?;
    membership::check_count(members.as_ref().map_or(0, Vec::len), job.service.limits().max_members)?;
    let password = password::hash(job, password.as_deref())?;
    Ok(Replace { resource_type, resource, members, cleared, schemas, password })
}

/// Replaces the resource; nothing is written if nothing changes.
pub(crate) fn perform(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    request: &Replace<'_>,
    id: &str,
    precondition: &Precondition,
    pending: &Pending,
) -> Result<Written, Stop> {
    let resource_type = request.resource_type;
    let found = txn.find_resource(&session.view, &resource_type.name, id, Lock::Exclusive)?;
    let Some(stored) = found else { return Err(ScimError::not_found(&resource_type.name, id).into()) };
    precondition::check_write(precondition, stored.version)?;
    let before = adoption::own_document(&stored, &session.view)?;
    let after = after(request, session, &before)?;
    let members = match &request.members {
        Some(members) => vec![MemberDelta::Replace(members.clone())],
        None if membership::has_members(resource_type) && session.switches.put_absent_identity == Absent::Clear => {
            vec![MemberDelta::Replace(Vec::new())]
        }
        None => Vec::new(),
    };
    write::write(txn, job, session, change(request, &stored, &before, after, &members), pending)
}

/// The document from now on, with what the body does not name.
fn after(request: &Replace<'_>, session: &Session, before: &Resource) -> Result<Map<String, Value>, ScimError> {
    let mut after = request.resource.document().clone();
    let said = Said { cleared: &request.cleared, schemas: &request.schemas };
    merge::keep_unnamed(request.resource_type, before.document(), &mut after, said, &session.switches)?;
    Ok(after)
}

fn change<'c>(
    request: &'c Replace<'_>,
    stored: &'c StoredResource,
    before: &'c Resource,
    after: Map<String, Value>,
    members: &'c [MemberDelta],
) -> Change<'c> {
    Change {
        resource_type: request.resource_type,
        method: EventKind::Put,
        stored,
        before,
        addresses: addresses(&after).into_iter().map(ToOwned::to_owned).collect(),
        after,
        members,
        password: request.password.as_ref(),
    }
}
