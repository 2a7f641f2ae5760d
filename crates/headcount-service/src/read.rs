//! GET of one resource (RFC 7644 §3.4.1).

use headcount_model::token::Access;
use headcount_store::resources::Lock;
use scim_schema::{Projection, ResourceType, ScimError};

use crate::{
    answer::Answer,
    authenticate,
    caller::Caller,
    membership::{self, MEMBERS},
    precondition::{self, Freshness},
    render::Frame,
    service::{Precondition, Service},
    session::Job,
    show::{self, Asked, Shown},
    sight::{Seen, Sight},
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

/// Reads with one look, which sees the resource and the groups it is in. `None`: members are wanted
/// too, or the credential changed meanwhile, and a transaction reads.
fn at_once(
    job: &Job<'_>,
    asked: Asked<'_>,
    id: &str,
    precondition: &Precondition,
) -> Result<Option<(Freshness, Shown)>, ScimError> {
    let Asked { resource_type, projection, .. } = asked;
    if membership::has_members(resource_type) && projection.wants(resource_type, MEMBERS) {
        return Ok(None);
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
