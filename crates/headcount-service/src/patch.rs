//! PATCH of a resource (RFC 7644 §3.5.2).

use headcount_model::{EventKind, switches::GroupPatchAnswer, token::Access};
use headcount_store::{
    Txn,
    resources::{Lock, StoredResource},
};
use scim_patch::{Dialect, MemberDelta, Op, Operation, PasswordChange, PatchRequest, Patched};
use scim_schema::{Projection, ResourceType, ScimError};
use serde_json::{Map, Value};

use crate::{
    adoption,
    answer::Answer,
    authenticate,
    caller::Caller,
    membership::{self, MEMBERS, Pending},
    password::{self, NewPassword},
    precondition,
    render::Frame,
    service::{Precondition, Service},
    session::{Job, Session},
    show::{self, Asked, Shown},
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
    let shown = job.writing(|txn, session| {
        let Written { stored, document, .. } =
            perform(txn, &job, session, &request, id, precondition, &Pending::new())?;
        if request.only_members {
            return Ok(Shown::bare(&stored, document, &session.view));
        }
        extent.read(txn, &job, session, asked, &stored, document)
    })?;
    let shown = if request.only_members {
        // Changes of members run side by side, so that only a snapshot after the commit shows a
        // version together with what it stands for.
        let now = job.snapshot(|txn, session| {
            let Some(stored) = txn.find_resource(&session.view, &resource_type.name, id, Lock::None)? else {
                return Ok(None);
            };
            let document = show::document(&stored)?;
            extent.read(txn, &job, session, asked, &stored, document).map(Some)
        });
        now.ok().flatten().unwrap_or(shown)
    } else {
        shown
    };
    let frame = Frame::new(service.registry(), caller);
    if extent.is_left_out(resource_type, &shown) {
        return Ok(frame.empty(204, &shown));
    }
    Ok(frame.written(200, resource_type, shown, projection, &specified))
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
        document: Map<String, Value>,
    ) -> Result<Shown, Stop> {
        let max_members = match self {
            Self::Nothing => return Ok(Shown::bare(stored, document, &session.view)),
            Self::UpTo(max) => Some(max),
            Self::Everything => None,
        };
        Ok(show::one(txn, job, session, Asked { max_members, ..asked }, stored, document)?)
    }

    fn is_left_out(self, resource_type: &ResourceType, shown: &Shown) -> bool {
        match self {
            Self::Nothing => true,
            Self::UpTo(_) => membership::has_members(resource_type) && shown.members.is_none(),
            Self::Everything => false,
        }
    }
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
    let read_only = read_only(txn, job, session, request, &stored)?;
    let Patched { resource, members, password, .. } = scim_patch::apply(
        job.service.registry(),
        resource_type,
        &before,
        &read_only,
        &request.request,
        &request.dialect,
    )?;
    password::check(matches!(password, Some(PasswordChange::Set(_))), session.switches.passwords)?;
    membership::check_count(named_members(&members), job.service.limits().max_members)?;
    let change = Change {
        resource_type,
        method: EventKind::Patch,
        stored: &stored,
        before: &before,
        after: resource.into_document(),
        members: &members,
        addresses: specified::addresses(&request.request),
        password: request.password.as_ref(),
    };
    write::write(txn, job, session, change, pending)
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

/// The present values of what the document does not store, for operations without a path, whose
/// value may repeat them.
fn read_only(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    request: &Patch<'_>,
    stored: &StoredResource,
) -> Result<Map<String, Value>, Stop> {
    let values = || {
        let without_path = request.request.operations.iter().filter(|operation| operation.path.is_none());
        without_path.filter_map(|operation| operation.value.as_ref())
    };
    if values().next().is_none() {
        return Ok(Map::new());
    }
    let mut shown = Shown::bare(stored, Map::new(), &session.view);
    let names_groups = values().any(|value| match value {
        Value::Object(parts) => parts.keys().any(|name| name.to_ascii_lowercase().contains("groups")),
        _ => true,
    });
    if show::has_groups(request.resource_type) && names_groups {
        let levels = show::group_levels(job.service.limits(), &session.switches);
        shown.groups = Some(txn.groups_of(&session.view, &[stored.seq], levels)?);
    }
    Ok(Frame::new(job.service.registry(), job.caller).whole(shown))
}
