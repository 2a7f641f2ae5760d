//! GET of one resource (RFC 7644 §3.4.1).

use headcount_model::token::Access;
use headcount_store::resources::Lock;
use scim_schema::{Projection, ResourceType, ScimError};

use crate::{
    answer::Answer,
    authenticate,
    caller::{Caller, Pace},
    membership::{self, MEMBERS},
    precondition::{self, Freshness},
    render::Frame,
    service::{Precondition, Service},
    session::Job,
    show::{self, Asked, Members, Shown},
    sight::{GroupSight, Seen, Sight},
};

/// See [`Service::read`].
pub(crate) fn read(
    service: &Service,
    caller: &Caller,
    resource_type: &ResourceType,
    id: &str,
    precondition: &Precondition,
    projection: &Projection,
) -> Result<Answer, ScimError> {
    authenticate::allow(caller.credential(), Access::Read, Some(&resource_type.name))?;
    let job = Job::new(service, caller);
    let asked = Asked::all(resource_type, projection);
    let (freshness, shown) = match at_once(&job, asked, id, precondition)? {
        Some(seen) => seen,
        None => job.reading(|txn, session| {
            let found = txn.find_resource(&session.view, &resource_type.name, id, Lock::None)?;
            let Some(stored) = found else { return Err(ScimError::not_found(&resource_type.name, id).into()) };
            let freshness = precondition::check_read(precondition, stored.version)?;
            let shown = match freshness {
                Freshness::NotModified => Shown::of(stored, &session.view),
                Freshness::Modified => show::one(txn, &job, session, asked, &stored)?,
            };
            Ok((freshness, shown))
        })?,
    };
    let frame = Frame::new(service.registry(), caller);
    match freshness {
        Freshness::NotModified => Ok(frame.empty(304, &shown)),
        Freshness::Modified => frame.answer(200, resource_type, shown, projection),
    }
}

/// Most members of an answer that is given without waiting.
const MOST_MEMBERS_NOW: u64 = 200;

/// Reads with one look, which sees the resource with the groups it is in or with its members. `None`:
/// there is more to it, or the credential changed meanwhile, and a transaction reads.
fn at_once(
    job: &Job<'_>,
    asked: Asked<'_>,
    id: &str,
    precondition: &Precondition,
) -> Result<Option<(Freshness, Shown)>, ScimError> {
    let Asked { resource_type, projection, .. } = asked;
    if membership::has_members(resource_type) && projection.wants(resource_type, MEMBERS) {
        return group_at_once(job, asked, id, precondition);
    }
    let seen = match Sight::of(job, resource_type, id, projection)? {
        Sight::Seen(seen) => seen,
        Sight::Nothing => return Err(ScimError::not_found(&resource_type.name, id)),
        Sight::Unsure => return Ok(None),
    };
    let Seen { stored, groups } = *seen;
    let freshness = precondition::check_read(precondition, stored.version)?;
    let mut shown = Shown::of(stored, &job.caller.known.view);
    shown.groups = groups;
    Ok(Some((freshness, shown)))
}

/// Reads a group with its members.
fn group_at_once(
    job: &Job<'_>,
    asked: Asked<'_>,
    id: &str,
    precondition: &Precondition,
) -> Result<Option<(Freshness, Shown)>, ScimError> {
    let known = &job.caller.known;
    if !show::shows_ids(&known.view, &known.switches, false) {
        return Ok(None);
    }
    let most = job.service.limits().members_at_once;
    let max = match job.caller.pace {
        Pace::Patient => most,
        Pace::Now => most.min(MOST_MEMBERS_NOW),
    };
    let seen = Sight::of_group(job, asked.resource_type, id, max).map_err(|stop| job.refused(stop))?;
    let (stored, members) = match seen {
        GroupSight::Seen(seen) => *seen,
        GroupSight::Nothing => return Err(ScimError::not_found(&asked.resource_type.name, id)),
        GroupSight::Unsure => return Ok(None),
    };
    let is_too_long = job.caller.pace == Pace::Now && members.count > max;
    if is_too_long || !show::shows_ids(&known.view, &known.switches, stored.adoptable) {
        return Ok(None);
    }
    let freshness = precondition::check_read(precondition, stored.version)?;
    let (found, after) = show::first_of(members, max);
    let mut shown = Shown::of(stored, &known.view);
    if freshness == Freshness::Modified {
        shown.members = Some(Members { found, rest: show::rest_behind(job, &shown.stored, after) });
    }
    Ok(Some((freshness, shown)))
}
