//! GET of one resource (RFC 7644 §3.4.1).

use headcount_model::token::Access;
use headcount_store::resources::Lock;
use scim_schema::{Projection, ResourceType, ScimError};

use crate::{
    answer::Answer,
    authenticate,
    caller::Caller,
    precondition::{self, Freshness},
    render::Frame,
    service::{Precondition, Service},
    session::Job,
    show::{self, Asked, Shown},
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
    let (freshness, shown) = job.reading(|txn, session| {
        let found = txn.find_resource(&session.view, &resource_type.name, id, Lock::None)?;
        let Some(stored) = found else { return Err(ScimError::not_found(&resource_type.name, id).into()) };
        let freshness = precondition::check_read(precondition, stored.version)?;
        let document = show::document(&stored)?;
        let shown = match freshness {
            Freshness::NotModified => Shown::bare(&stored, document, &session.view),
            Freshness::Modified => show::one(txn, &job, session, asked, &stored, document)?,
        };
        Ok((freshness, shown))
    })?;
    let frame = Frame::new(service.registry(), caller);
    Ok(match freshness {
        Freshness::NotModified => frame.empty(304, &shown),
        Freshness::Modified => frame.answer(200, resource_type, shown, projection),
    })
}
