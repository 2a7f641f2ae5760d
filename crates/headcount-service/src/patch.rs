//! PATCH of a resource (RFC 7644 §3.5.2).

use std::ops::ControlFlow;

use headcount_model::{EventKind, PublicId, switches::GroupPatchAnswer, token::Access};
use headcount_store::{
    Txn,
    act::{self, Done, Put},
    look::LookAt,
    members::GroupOf,
    query::View,
    resources::{Lock, StoredResource},
};
use scim_patch::{Dialect, MemberDelta, Op, Operation, PasswordChange, PatchRequest, Patched};
use scim_schema::{Projection, Resource, ResourceType, ScimError};
use serde_json::{Map, Value};

use crate::{
    adoption,
    answer::Answer,
    authenticate,
    caller::Caller,
    journal::{self, Subject},
    membership::{self, MEMBERS, Pending},
    password::{self, NewPassword},
    precondition,
    render::Frame,
    service::{Precondition, Service},
    session::{Job, Session},
    show::{self, Asked, Members, Shown},
    sight::{self, GroupSight, Sight},
    specified,
    stop::Stop,
    write::{self, Change, Written},
};

/// A checked request.
pub(crate) struct Patch<'a> {
    pub(crate) resource_type: &'a ResourceType,
    request: PatchRequest,
    dialect: Dialect,
    /// Whether it can do no more than add and take out members, so that it may run beside others
    /// of its kind.
    only_members: bool,
    password: Option<NewPassword>,
}

/// See [`Service::patch`].
pub(crate) fn patch(
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
    let request = prepare(&job, resource_type, body)?;
    let specified = specified::of_operations(resource_type, &request.request);
    let asked = Asked::all(resource_type, projection);
    let extent = Extent::of(&job, resource_type, projection);
    let frame = Frame::new(service.registry(), caller);
    let moved = move_at_once(&job, &request, id, precondition, extent)?;
    if let Some(Done::MovedAmongMany(version)) = moved {
        return Ok(Answer {
            status: 204,
            body: None,
            etag: Some(precondition::etag(version)),
            location: Some(frame.location(&resource_type.name, id)),
        });
    }
    let shown = if moved.is_some() {
        Shape::Now(None)
    } else if let Some(shown) = at_once(&job, &request, id, precondition, projection)? {
        Shape::Done(shown)
    } else {
        let shown = job.writing(|txn, session| {
            let Written { stored, .. } = perform(txn, &job, session, &request, id, precondition, &Pending::new())?;
            if request.only_members {
                return Ok(Shown::of(stored, &session.view));
            }
            extent.read(txn, &job, session, asked, &stored)
        })?;
        if request.only_members { Shape::Now(Some(shown)) } else { Shape::Done(shown) }
    };
    let shown = match shown {
        Shape::Done(shown) => shown,
        Shape::Now(then) => {
            let now = extent.now(&job, asked, id);
            match now.ok().flatten().or(then) {
                Some(shown) => shown,
                // It was done, and there is nothing to show of it any more.
                None => return Ok(Answer { status: 204, body: None, etag: None, location: None }),
            }
        }
    };
    if extent.is_left_out(resource_type, &shown) {
        return Ok(frame.empty(204, &shown));
    }
    frame.written(200, resource_type, shown, projection, &specified)
}

/// What an answer shows.
enum Shape {
    /// This.
    Done(Shown),
    /// What is there now, else what was there then.
    Now(Option<Shown>),
}

/// Adds or takes out one member with one act, if the request is no more than that. `None`: it is not,
/// and a transaction decides and explains.
fn move_at_once(
    job: &Job<'_>,
    request: &Patch<'_>,
    id: &str,
    precondition: &Precondition,
    extent: Extent,
) -> Result<Option<Done>, ScimError> {
    let resource_type = request.resource_type;
    let is_plain = request.only_members
        && *precondition == Precondition::default()
        && resource_type.extensions.is_empty()
        && job.service.limits().max_members > 0;
    if !is_plain {
        return Ok(None);
    }
    // Operations on members go by the request alone, so that any group does for them.
    let group = Resource::default();
    let registry = job.service.registry();
    let patched = scim_patch::apply(registry, resource_type, &group, &Map::new(), &request.request, &request.dialect);
    let Ok(Patched { resource, members, password: None, .. }) = patched else { return Ok(None) };
    let (member, put) = match members.as_slice() {
        [MemberDelta::Add(values)] => match values.as_slice() {
            [one] => (one.value.as_str(), Put::In),
            _ => return Ok(None),
        },
        [MemberDelta::Remove(ids)] => match ids.as_slice() {
            [one] => (one.as_str(), Put::Out),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    if resource != group || member == id {
        return Ok(None);
    }
    let session = Session::known(job);
    let kind = match put {
        Put::In => EventKind::MemberAdded,
        Put::Out => EventKind::MemberRemoved,
    };
    // The act fills in the version.
    let group = PublicId::from_text(id);
    let subject = Subject { resource_type: &resource_type.name, id: &group, version: 0 };
    let event = journal::members_entry(job, &session, kind, subject, &[member]);
    let change = act::Change::Member {
        view: &session.view,
        resource_type: &resource_type.name,
        group: id,
        member,
        put,
        at: job.now,
        beyond: match extent {
            Extent::UpTo(max) if !membership::looks_up_members(&session.view, false) => Some(max),
            Extent::Nothing | Extent::UpTo(_) | Extent::Everything => None,
        },
    };
    job.act(change, &event).map_err(|error| job.failed(error))
}

/// Looks at the resource and writes what becomes of it with one act, or nothing if nothing changes.
/// `None`: there is more to it, and a transaction decides and explains.
fn at_once(
    job: &Job<'_>,
    request: &Patch<'_>,
    id: &str,
    precondition: &Precondition,
    projection: &Projection,
) -> Result<Option<Shown>, ScimError> {
    let resource_type = request.resource_type;
    if membership::has_members(resource_type) || request.password.is_some() || names_groups(request) {
        return Ok(None);
    }
    let Some((seen, before)) = sight::to_write(job, resource_type, id, precondition, projection)? else {
        return Ok(None);
    };
    let (session, stored) = (Session::known(job), &seen.stored);
    let read_only = read_only(job, request, stored, &session.view, None);
    let Ok((after, members)) = patched(job, &session, request, &before, &read_only) else { return Ok(None) };
    let change = change(request, stored, &before, after, &members);
    let written = write::at_once(job, &session, change)?;
    Ok(written.map(|Written { stored, .. }| seen.shown(stored, &session.view)))
}

/// Whether and how the answer shows the resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Extent {
    /// 204.
    Nothing,
    /// 200, or 204 if there are more members than this.
    UpTo(u64),
    /// 200.
    Everything,
}

impl Extent {
    fn of(job: &Job<'_>, resource_type: &ResourceType, projection: &Projection) -> Self {
        if !membership::has_members(resource_type) || !projection.is_default() {
            return Self::Everything;
        }
        match job.caller.switches.group_patch_answer {
            GroupPatchAnswer::None => Self::Nothing,
            GroupPatchAnswer::Body => Self::UpTo(job.service.limits().max_answer_members),
        }
    }

    fn read(
        self,
        txn: &mut dyn Txn,
        job: &Job<'_>,
        session: &Session,
        asked: Asked<'_>,
        stored: &StoredResource,
    ) -> Result<Shown, Stop> {
        let max_members = match self {
            Self::Nothing => return Ok(Shown::bare(stored, &session.view)),
            // A list that is left out is not read.
            Self::UpTo(max)
                if membership::has_members(asked.resource_type)
                    && !membership::looks_up_members(&session.view, stored.adoptable)
                    && txn.has_more_members(stored.seq, max)? =>
            {
                return Ok(Shown::bare(stored, &session.view));
            }
            Self::UpTo(max) => Some(max),
            Self::Everything => None,
        };
        Ok(show::one(txn, job, session, Asked { max_members, ..asked }, stored)?)
    }

    /// What is there after a change of members. Such changes run side by side, so that only a snapshot
    /// after the commit shows a version together with what it stands for.
    fn now(self, job: &Job<'_>, asked: Asked<'_>, id: &str) -> Result<Option<Shown>, Stop> {
        let resource_type = &*asked.resource_type.name;
        if self == Self::Nothing {
            let view = &job.caller.known.view;
            if let Some(looked) = job.glance(LookAt::Resource { view, resource_type, id }, 0)? {
                return Ok(looked.page.resources.into_iter().next().map(|stored| Shown::of(stored, view)));
            }
        }
        if let Self::UpTo(max) = self
            && let ControlFlow::Break(shown) = group_now(job, asked, id, max)?
        {
            return Ok(shown);
        }
        job.snapshot(|txn, session| {
            let Some(stored) = txn.find_resource(&session.view, resource_type, id, Lock::None)? else {
                return Ok(None);
            };
            self.read(txn, job, session, asked, &stored).map(Some)
        })
    }

    fn is_left_out(self, resource_type: &ResourceType, shown: &Shown) -> bool {
        match self {
            Self::Nothing => true,
            Self::UpTo(_) => membership::has_members(resource_type) && shown.members.is_none(),
            Self::Everything => false,
        }
    }
}

/// A group as it is now, with its members if they are not more than `max`. `Continue`: one look does not
/// tell which of them are shown, or how.
fn group_now(job: &Job<'_>, asked: Asked<'_>, id: &str, max: u64) -> Result<ControlFlow<Option<Shown>>, Stop> {
    let known = &job.caller.known;
    if !membership::has_members(asked.resource_type) || !show::shows_ids(&known.view, &known.switches, false) {
        return Ok(ControlFlow::Continue(()));
    }
    let (stored, members) = match Sight::of_group(job, asked.resource_type, id, max)? {
        GroupSight::Seen(seen) => *seen,
        GroupSight::Nothing => return Ok(ControlFlow::Break(None)),
        GroupSight::Unsure => return Ok(ControlFlow::Continue(())),
    };
    if !show::shows_ids(&known.view, &known.switches, stored.adoptable) {
        return Ok(ControlFlow::Continue(()));
    }
    let mut shown = Shown::of(stored, &known.view);
    if let (found, None) = show::first_of(members, max) {
        shown.members = Some(Members { found, rest: None });
    }
    Ok(ControlFlow::Break(Some(shown)))
}

/// Checks a body; hashes a password last.
pub(crate) fn prepare<'a>(
    job: &Job<'_>,
    resource_type: &'a ResourceType,
    body: Map<String, Value>,
) -> Result<Patch<'a>, ScimError> {
    let dialect = job.caller.switches.dialect();
    let request = PatchRequest::parse(body, &dialect, job.service.limits().max_patch_operations)?;
    let only_members = membership::has_members(resource_type)
        && !request.operations.is_empty()
        && request.operations.iter().all(|operation| adds_or_removes_members(resource_type, operation));
    let change = scim_patch::password::password(resource_type, &request, &dialect);
    let password = password::hash_change(job, change.as_ref())?;
    Ok(Patch { resource_type, request, dialect, only_members, password })
}

/// Whether an operation is about members and does not replace the list.
fn adds_or_removes_members(resource_type: &ResourceType, operation: &Operation) -> bool {
    let names_members = match (&operation.path, &operation.value) {
        (Some(path), _) => {
            path.path.name().eq_ignore_ascii_case(MEMBERS)
                && path.path.urn().is_none_or(|urn| resource_type.schema.urn.is(urn))
        }
        (None, Some(Value::Object(parts))) => parts.keys().all(|name| name.eq_ignore_ascii_case(MEMBERS)),
        (None, _) => false,
    };
    names_members && operation.op != Op::Replace
}

/// Applies the operations; nothing is written if nothing changes.
pub(crate) fn perform(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    request: &Patch<'_>,
    id: &str,
    precondition: &Precondition,
    pending: &Pending,
) -> Result<Written, Stop> {
    let resource_type = request.resource_type;
    let lock = if request.only_members && precondition.if_match.is_none() { Lock::Shared } else { Lock::Exclusive };
    let mut found = txn.find_resource(&session.view, &resource_type.name, id, lock)?;
    if lock == Lock::Shared && found.as_ref().is_some_and(|stored| adoption::adopts(stored, &session.view)) {
        found = txn.find_resource(&session.view, &resource_type.name, id, Lock::Exclusive)?;
    }
    let Some(stored) = found else { return Err(ScimError::not_found(&resource_type.name, id).into()) };
    precondition::check_write(precondition, stored.version)?;
    let before = adoption::own_document(&stored, &session.view)?;
    let groups = if names_groups(request) {
        let levels = show::group_levels(job.service.limits(), &session.switches);
        Some(txn.groups_of(&session.view, &[stored.seq], levels)?)
    } else {
        None
    };
    let read_only = read_only(job, request, &stored, &session.view, groups);
    let (after, members) = patched(job, session, request, &before, &read_only)?;
    write::write(txn, job, session, change(request, &stored, &before, after, &members), pending)
}

/// Runs the operations: the document from now on, and what is asked of the members.
fn patched(
    job: &Job<'_>,
    session: &Session,
    request: &Patch<'_>,
    before: &Resource,
    read_only: &Map<String, Value>,
) -> Result<(Map<String, Value>, Vec<MemberDelta>), ScimError> {
    let Patched { resource, members, password, .. } = scim_patch::apply(
        job.service.registry(),
        request.resource_type,
        before,
        read_only,
        &request.request,
        &request.dialect,
    )?;
    password::check(matches!(password, Some(PasswordChange::Set(_))), session.switches.passwords)?;
    membership::check_count(named_members(&members), job.service.limits().max_members)?;
    Ok((resource.into_document(), members))
}

fn change<'c>(
    request: &'c Patch<'_>,
    stored: &'c StoredResource,
    before: &'c Resource,
    after: Map<String, Value>,
    members: &'c [MemberDelta],
) -> Change<'c> {
    Change {
        resource_type: request.resource_type,
        method: EventKind::Patch,
        stored,
        before,
        after,
        members,
        addresses: specified::addresses(&request.request),
        password: request.password.as_ref(),
    }
}

fn named_members(deltas: &[MemberDelta]) -> usize {
    deltas
        .iter()
        .map(|delta| match delta {
            MemberDelta::Add(values) | MemberDelta::Replace(values) => values.len(),
            MemberDelta::Remove(ids) => ids.len(),
            MemberDelta::RemoveWhere(_) | MemberDelta::Require(_) | MemberDelta::Immutable => 1,
        })
        .fold(0, usize::saturating_add)
}

/// The values of operations without a path.
fn values_without_path<'r>(request: &'r Patch<'_>) -> impl Iterator<Item = &'r Value> {
    let without_path = request.request.operations.iter().filter(|operation| operation.path.is_none());
    without_path.filter_map(|operation| operation.value.as_ref())
}

/// Whether a value without a path may repeat the groups that the resource is in.
fn names_groups(request: &Patch<'_>) -> bool {
    show::has_groups(request.resource_type)
        && values_without_path(request).any(|value| match value {
            Value::Object(parts) => parts.keys().any(|name| name.to_ascii_lowercase().contains("groups")),
            _ => true,
        })
}

/// The present values of what the document does not store, for operations without a path, whose
/// value may repeat them.
fn read_only(
    job: &Job<'_>,
    request: &Patch<'_>,
    stored: &StoredResource,
    view: &View,
    groups: Option<Vec<GroupOf>>,
) -> Map<String, Value> {
    if values_without_path(request).next().is_none() {
        return Map::new();
    }
    let mut shown = Shown::bare(stored, view);
    shown.groups = groups;
    Frame::new(job.service.registry(), job.caller).derived(&shown)
}
