//! One resource as a single look shows it.

use headcount_store::{
    look::{LookAt, Looked},
    members::{GroupOf, MemberIds},
    query::View,
    resources::StoredResource,
};
use scim_schema::{Projection, Resource, ResourceType, ScimError};

use crate::{
    adoption, precondition,
    service::Precondition,
    session::Job,
    show::{self, Shown},
    stop::Stop,
};

/// What a look at one resource came to.
pub(crate) enum Sight {
    /// The resource is there.
    Seen(Box<Seen>),
    /// There is none that the caller sees.
    Nothing,
    /// The credential changed since it was read in this request, so that a transaction decides.
    Unsure,
}

/// A resource that was seen.
pub(crate) struct Seen {
    pub(crate) stored: StoredResource,
    /// The groups it is in, if the answer shows them.
    pub(crate) groups: Option<Vec<GroupOf>>,
}

/// What a look at one group and its first members came to.
pub(crate) enum GroupSight {
    /// The group is there.
    Seen(Box<(StoredResource, MemberIds)>),
    /// There is none that the caller sees.
    Nothing,
    /// As [`Sight::Unsure`].
    Unsure,
}

impl Sight {
    /// Looks at a resource, and at the groups it is in where the projection lets them through. Members
    /// are not looked at.
    pub(crate) fn of(
        job: &Job<'_>,
        resource_type: &ResourceType,
        id: &str,
        projection: &Projection,
    ) -> Result<Self, ScimError> {
        let known = &job.caller.known;
        let wants_groups = show::has_groups(resource_type) && projection.wants(resource_type, "groups");
        let levels = if wants_groups { show::group_levels(job.service.limits(), &known.switches) } else { 0 };
        let at = LookAt::Resource { view: &known.view, resource_type: &resource_type.name, id };
        let Some(Looked { page, groups, .. }) = job.look(at, levels)? else { return Ok(Self::Unsure) };
        let stored = page.resources.into_iter().next();
        Ok(stored.map_or(Self::Nothing, |stored| {
            Self::Seen(Box::new(Seen { stored, groups: wants_groups.then_some(groups) }))
        }))
    }

    /// Looks at a resource and its first members, whoever sees them: at most one more than `max`.
    pub(crate) fn of_group(
        job: &Job<'_>,
        resource_type: &ResourceType,
        id: &str,
        max: u64,
    ) -> Result<GroupSight, Stop> {
        let (view, resource_type) = (&job.caller.known.view, &*resource_type.name);
        let at = LookAt::Group { view, resource_type, id, limit: max.saturating_add(1) };
        let Some(Looked { page, members, .. }) = job.glance(at, 0)? else { return Ok(GroupSight::Unsure) };
        let stored = page.resources.into_iter().next();
        Ok(stored.map_or(GroupSight::Nothing, |stored| GroupSight::Seen(Box::new((stored, members)))))
    }

    /// The resource, if it is there for certain.
    pub(crate) fn seen(self) -> Option<Seen> {
        match self {
            Self::Seen(seen) => Some(*seen),
            Self::Nothing | Self::Unsure => None,
        }
    }
}

/// The resource and its document, for a request that would write it with one act. `None`: a transaction
/// decides and explains.
pub(crate) fn to_write(
    job: &Job<'_>,
    resource_type: &ResourceType,
    id: &str,
    precondition: &Precondition,
    projection: &Projection,
) -> Result<Option<(Seen, Resource)>, ScimError> {
    let Some(seen) = Sight::of(job, resource_type, id, projection)?.seen() else { return Ok(None) };
    let Ok(before) = adoption::own_document(&seen.stored, &job.caller.known.view) else { return Ok(None) };
    let meets = precondition::check_write(precondition, seen.stored.version).is_ok();
    Ok(meets.then_some((seen, before)))
}

impl Seen {
    /// The resource in this state with the groups that were seen.
    pub(crate) fn shown(self, stored: StoredResource, view: &View) -> Shown {
        let mut shown = Shown::of(stored, view);
        shown.groups = self.groups;
        shown
    }
}
