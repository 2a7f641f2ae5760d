//! Bulk requests (RFC 7644 §3.7).
//!
//! A job is one transaction, and each operation has a savepoint of its own. The ids of everything
//! that the job makes are chosen before its first operation, so that references forward and in
//! circles are plain ids by the time an operation is checked. A membership row needs both of its
//! ends: one that names a resource made later in the job is written when that exists.

mod references;
mod request;

use std::collections::{BTreeMap, BTreeSet};

use headcount_model::{PublicId, switches::Rehire, token::Access};
use headcount_store::{Txn, resources::Lock};
use scim_schema::{ResourceType, ScimError, builtin, fold::fold_user_name};
use serde_json::{Map, Value};

use crate::{
    answer::{self, Answer},
    authenticate,
    bulk::{
        references::{Body, Minted, References},
        request::{BulkRequest, RawOperation},
    },
    caller::Caller,
    conflict,
    create::{self, Create, IdChoice},
    delete,
    journal::{self, Subject},
    membership::{self, Pending},
    patch::{self, Patch},
    precondition::etag,
    render::{Frame, json::push_string},
    replace::{self, Replace},
    service::{Precondition, Service},
    session::{Job, Session},
    stop::{Refusal, Stop},
    store_call::nesting,
    uniqueness,
    write::{Written, is_user},
};

/// How often a job is begun anew because an operation referred forward to one that failed.
const ROUNDS: u32 = 8;

/// One operation, checked as far as it can be without the store.
struct Operation<'a> {
    method: Option<String>,
    bulk_id: Option<String>,
    precondition: Precondition,
    references: References,
    /// The type and id that the path names; the minted id of a POST.
    target: Option<(&'a ResourceType, PublicId)>,
    action: Result<Action<'a>, ScimError>,
}

enum Action<'a> {
    Create(Create<'a>),
    Replace(Replace<'a>),
    Patch(Patch<'a>),
    Delete,
}

/// How an operation ended.
enum Outcome {
    Done { status: u16, id: PublicId, version: Option<i64> },
    Failed(ScimError),
}

/// Memberships that wait for their members.
#[derive(Default)]
struct Waiting {
    /// By the member: the operation that named it, and the group.
    groups: BTreeMap<String, Vec<(usize, PublicId)>>,
    count: usize,
}

/// See [`Service::bulk`].
pub(crate) fn bulk(service: &Service, caller: &Caller, body: Map<String, Value>) -> Result<Answer, ScimError> {
    authenticate::allow(caller.credential(), Access::Write, None)?;
    let job = Job::new(service, caller);
    let any_schemas = caller.switches.any_schemas.accepts();
    let BulkRequest { fail_on_errors, operations } =
        BulkRequest::parse(body, any_schemas, service.limits().max_bulk_operations)?;
    let operations = prepare(&job, operations)?;
    let outcomes = job.writing(|txn, session| run(txn, &job, session, &operations, fail_on_errors))?;
    let frame = Frame::new(service.registry(), caller);
    let mut text = format!("{{\"schemas\":[\"{}\"],\"Operations\":[", builtin::BULK_RESPONSE);
    for (index, (operation, outcome)) in operations.iter().zip(outcomes).enumerate() {
        if index > 0 {
            text.push(',');
        }
        operation.push_result(&mut text, &frame, outcome);
    }
    text.push_str("]}");
    Ok(Answer { status: 200, body: Some(answer::Body::Whole(text)), etag: None, location: None })
}

fn prepare<'a>(job: &Job<'a>, operations: Vec<RawOperation>) -> Result<Vec<Operation<'a>>, ScimError> {
    let registry = job.service.registry();
    let old_ids = old_ids(job, &operations)?;
    let mut minted = Minted::default();
    let mut ids = Vec::with_capacity(operations.len());
    for (index, (operation, old_id)) in operations.iter().zip(old_ids).enumerate() {
        let id = old_id.unwrap_or_else(|| job.service.mint(job.now));
        if let (Some("POST"), Some(bulk_id)) = (operation.method.as_deref(), &operation.bulk_id) {
            minted.insert(bulk_id, index, id.clone());
        }
        ids.push(id);
    }
    Ok(operations
        .into_iter()
        .zip(ids)
        .map(|(raw, id)| {
            let RawOperation { method, bulk_id, version, path, data } = raw;
            let mut references = References::default();
            let mut target = None;
            let action = check(job, method.as_deref(), path.as_deref(), registry, &minted, &mut references).and_then(
                |(resource_type, path_id)| {
                    let fixed = path_id.unwrap_or(id);
                    target = Some((resource_type, fixed.clone()));
                    authenticate::allow(job.caller.credential(), Access::Write, Some(&resource_type.name))?;
                    action(job, method.as_deref(), resource_type, fixed, data, &minted, &mut references)
                },
            );
            Operation {
                method,
                bulk_id,
                precondition: Precondition { if_match: version, if_none_match: None },
                references,
                target,
                action,
            }
        })
        .collect())
}

/// The ids of deleted users that POSTs of the job bring back, where the connection does that: they
/// must be known before references are replaced.
fn old_ids(job: &Job<'_>, operations: &[RawOperation]) -> Result<Vec<Option<PublicId>>, ScimError> {
    if job.caller.switches.rehire != Rehire::Revive {
        return Ok(vec![None; operations.len()]);
    }
    job.reading(|txn, session| {
        let mut used = BTreeSet::new();
        let mut ids = Vec::with_capacity(operations.len());
        for operation in operations {
            let mut id = None;
            if operation.method.as_deref() == Some("POST")
                && let Some(resource_type) = operation.path.as_deref().and_then(|path| endpoint(job, path))
                && is_user(resource_type)
                && let Some(Value::Object(data)) = &operation.data
                && let Some((_, Value::String(name))) =
                    data.iter().find(|(name, _)| name.eq_ignore_ascii_case("userName"))
                && let Some(tombstone) =
                    txn.find_tombstone(&resource_type.name, session.view.connection, &fold_user_name(name))?
                && used.insert(tombstone.id.clone())
            {
                id = Some(tombstone.id);
            }
            ids.push(id);
        }
        Ok(ids)
    })
}

fn endpoint<'a>(job: &Job<'a>, path: &str) -> Option<&'a ResourceType> {
    let segment = path.split('/').find(|segment| !segment.is_empty())?;
    job.service.registry().by_endpoint(segment).map(AsRef::as_ref)
}

/// The type that a path names, and the id in it if the method needs one.
fn check<'a>(
    job: &Job<'a>,
    method: Option<&str>,
    path: Option<&str>,
    registry: &scim_schema::Registry,
    minted: &Minted,
    references: &mut References,
) -> Result<(&'a ResourceType, Option<PublicId>), ScimError> {
    let method = match method {
        Some(known @ ("POST" | "PUT" | "PATCH" | "DELETE")) => known,
        Some(_) => {
            return Err(ScimError::invalid_syntax("method is not one of \"POST\", \"PUT\", \"PATCH\" and \"DELETE\""));
        }
        None => return Err(ScimError::invalid_syntax("the operation has no method; send one")),
    };
    let Some(path) = path else {
        return Err(ScimError::invalid_syntax("the operation has no path; send one such as /Users"));
    };
    let unknown = || {
        let known: Vec<&str> = registry.resource_types().iter().map(|known| known.endpoint.as_str()).collect();
        ScimError::new(404, format!("the path names no endpoint; the endpoints are {}", known.join(", ")))
    };
    let Some(relative) = path.strip_prefix('/') else { return Err(unknown()) };
    let mut segments = relative.split('/').filter(|segment| !segment.is_empty());
    let first = segments.next();
    if first.is_some_and(|first| first.eq_ignore_ascii_case("Me")) {
        return Err(ScimError::new(501, "/Me is not built here; use the path of a user, such as /Users/<id>"));
    }
    let resource_type = first.and_then(|_| endpoint(job, path)).ok_or_else(unknown)?;
    let id = segments.next();
    if segments.next().is_some() {
        return Err(unknown());
    }
    match (method, id) {
        ("POST", None) => Ok((resource_type, None)),
        ("POST", Some(_)) => Err(ScimError::invalid_syntax(format!(
            "a POST makes a new resource, so its path is {} without an id",
            resource_type.endpoint
        ))),
        (_, Some(id)) => Ok((resource_type, Some(PublicId::from_text(&minted.segment(id, references))))),
        (_, None) => Err(ScimError::invalid_syntax(format!(
            "a {method} changes one resource, so its path is {}/<id>",
            resource_type.endpoint
        ))),
    }
}

fn action<'a>(
    job: &Job<'_>,
    method: Option<&str>,
    resource_type: &'a ResourceType,
    id: PublicId,
    data: Option<Value>,
    minted: &Minted,
    references: &mut References,
) -> Result<Action<'a>, ScimError> {
    if method == Some("DELETE") {
        return Ok(Action::Delete);
    }
    let Some(mut data @ Value::Object(_)) = data else {
        return Err(ScimError::invalid_syntax(
            "data is missing or no object; send what a single request would have as its body",
        ));
    };
    let kind = if method == Some("PATCH") { Body::Patch } else { Body::Resource };
    minted.replace(&mut data, kind, references);
    let Value::Object(body) = data else { return Err(ScimError::invalid_syntax("data is no object")) };
    match method {
        Some("POST") => Ok(Action::Create(create::prepare(job, resource_type, body, id, IdChoice::Fixed)?)),
        Some("PUT") => Ok(Action::Replace(replace::prepare(job, resource_type, body)?)),
        _ => Ok(Action::Patch(patch::prepare(job, resource_type, body)?)),
    }
}

/// Runs the job. If an operation turns out to have referred forward to one that failed, everything
/// is undone and begun anew with that known, so that it fails too.
fn run(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    operations: &[Operation<'_>],
    fail_on_errors: Option<u64>,
) -> Result<Vec<Outcome>, Stop> {
    let mut doomed = BTreeSet::new();
    for _ in 1..ROUNDS {
        let mut again = None;
        let round = nesting(txn, |txn| {
            let outcomes = round(txn, job, session, operations, fail_on_errors, &doomed)?;
            let more = more_doomed(operations, &outcomes, &doomed);
            if more.is_empty() {
                return Ok(outcomes);
            }
            again = Some(more);
            // Any refusal undoes the round; this one is never seen.
            Err(ScimError::new(409, "an operation refers to one that failed").into())
        });
        match again {
            Some(more) => doomed.extend(more),
            None => return round,
        }
    }
    round(txn, job, session, operations, fail_on_errors, &doomed)
}

/// Operations that succeeded although they refer, directly or through others, to one that did not.
fn more_doomed(operations: &[Operation<'_>], outcomes: &[Outcome], doomed: &BTreeSet<usize>) -> BTreeSet<usize> {
    let succeeded = |index: usize| matches!(outcomes.get(index), Some(Outcome::Done { .. }));
    let mut referring: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, operation) in operations.iter().enumerate() {
        for other in &operation.references.operations {
            referring.entry(*other).or_default().push(index);
        }
    }
    let mut waiting: Vec<usize> = (0..operations.len()).filter(|index| !succeeded(*index)).collect();
    let mut failed: BTreeSet<usize> = waiting.iter().copied().collect();
    let mut more = BTreeSet::new();
    while let Some(index) = waiting.pop() {
        for other in referring.get(&index).into_iter().flatten() {
            if failed.insert(*other) {
                waiting.push(*other);
                more.insert(*other);
            }
        }
    }
    more.into_iter().filter(|index| !doomed.contains(index)).collect()
}

fn round(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    operations: &[Operation<'_>],
    fail_on_errors: Option<u64>,
    doomed: &BTreeSet<usize>,
) -> Result<Vec<Outcome>, Stop> {
    let mut pending: Pending = operations
        .iter()
        .filter(|operation| matches!(operation.action, Ok(Action::Create(_))))
        .filter_map(|operation| operation.target.as_ref().map(|(_, id)| id.as_str().to_owned()))
        .collect();
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(operations.len());
    let mut waiting = Waiting::default();
    let mut errors: u64 = 0;
    for (index, operation) in operations.iter().enumerate() {
        if fail_on_errors.is_some_and(|most| errors >= most) {
            break;
        }
        let creates = matches!(operation.action, Ok(Action::Create(_)));
        if let (true, Some((_, id))) = (creates, &operation.target) {
            pending.remove(id.as_str());
        }
        let outcome = match operation.refusal(index, &outcomes, doomed) {
            Some(error) => Err(error),
            None => match nesting(txn, |txn| operation.perform(txn, job, session, &pending)) {
                Ok(done) => Ok(done),
                Err(stop) => Err(refused(txn, job, session, stop)?),
            },
        };
        match outcome {
            Ok((outcome, deferred)) => {
                if let Outcome::Done { id, .. } = &outcome {
                    waiting.count = waiting.count.saturating_add(deferred.len());
                    membership::check_count(waiting.count, job.service.limits().max_members)?;
                    for member in deferred {
                        waiting.groups.entry(member).or_default().push((index, id.clone()));
                    }
                    if creates {
                        let id = id.clone();
                        outcomes.push(outcome);
                        arrive(txn, job, session, &id, &mut waiting, &mut outcomes)?;
                        continue;
                    }
                }
                outcomes.push(outcome);
            }
            Err(error) => {
                errors = errors.saturating_add(1);
                outcomes.push(Outcome::Failed(error));
            }
        }
    }
    Ok(outcomes)
}

/// What the client sees of an operation that stopped; a failing store stops the whole job.
fn refused(txn: &mut dyn Txn, job: &Job<'_>, session: &Session, stop: Stop) -> Result<ScimError, Stop> {
    let refusal = match stop {
        Stop::Store(_) | Stop::Stale | Stop::Later => return Err(stop),
        Stop::Refuse(refusal) => *refusal,
        Stop::Taken(taken) => uniqueness::explain(txn, job, session, &taken)?,
    };
    let Refusal { error, conflict } = refusal;
    if let Some(conflict) = conflict {
        conflict::record(txn, job, session, &conflict)?;
    }
    Ok(error)
}

/// Writes the memberships that waited for this resource.
fn arrive(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    id: &PublicId,
    waiting: &mut Waiting,
    outcomes: &mut [Outcome],
) -> Result<(), Stop> {
    for (group_operation, group) in waiting.groups.remove(id.as_str()).unwrap_or_default() {
        // The group may be gone again by an operation in between.
        let Some(stored) = txn.find_resource(&session.view, "Group", group.as_str(), Lock::Shared)? else { continue };
        let members = txn.find_members(&session.view, &[id.as_str()])?;
        let added = txn.add_members(stored.seq, &members)?;
        if added.is_empty() {
            continue;
        }
        let now = txn.touch_group(stored.seq, job.now)?;
        let subject = Subject { resource_type: &stored.resource_type, id: &stored.id, version: now };
        journal::append_members(txn, job, session, subject, &added, [])?;
        if let Some(Outcome::Done { version, .. }) = outcomes.get_mut(group_operation) {
            *version = Some(now);
        }
    }
    Ok(())
}

impl Operation<'_> {
    /// Why the operation is not tried at all.
    fn refusal(&self, index: usize, outcomes: &[Outcome], doomed: &BTreeSet<usize>) -> Option<ScimError> {
        if let Some(bulk_id) = &self.references.unknown {
            return Some(ScimError::new(
                409,
                format!(
                    "the operation refers to bulkId \"{bulk_id}\", which no POST of this request has; add that POST, or use the id of an existing resource"
                ),
            ));
        }
        let failed_before = self
            .references
            .operations
            .iter()
            .any(|other| *other != index && matches!(outcomes.get(*other), Some(Outcome::Failed(_))));
        if failed_before || doomed.contains(&index) {
            return Some(ScimError::new(
                409,
                "the operation refers by bulkId to an operation that failed; correct that one, then send both again",
            ));
        }
        None
    }

    fn perform(
        &self,
        txn: &mut dyn Txn,
        job: &Job<'_>,
        session: &Session,
        pending: &Pending,
    ) -> Result<(Outcome, Vec<String>), Stop> {
        let (action, (resource_type, id)) = match (&self.action, &self.target) {
            (Ok(action), Some(target)) => (action, target),
            (Err(error), _) => return Err(error.clone().into()),
            (Ok(_), None) => return Err(ScimError::invalid_syntax("the operation has no path; send one").into()),
        };
        let (status, Written { stored, deferred, .. }) = match action {
            Action::Create(request) => (201, create::perform(txn, job, session, request, pending)?),
            Action::Replace(request) => {
                (200, replace::perform(txn, job, session, request, id.as_str(), &self.precondition, pending)?)
            }
            Action::Patch(request) => {
                (200, patch::perform(txn, job, session, request, id.as_str(), &self.precondition, pending)?)
            }
            Action::Delete => {
                delete::perform(txn, job, session, resource_type, id.as_str(), &self.precondition)?;
                return Ok((Outcome::Done { status: 204, id: id.clone(), version: None }, Vec::new()));
            }
        };
        Ok((Outcome::Done { status, id: stored.id, version: Some(stored.version) }, deferred))
    }

    /// Appends the operation's part of the `BulkResponse` (RFC 7644 §3.7.3).
    fn push_result(&self, text: &mut String, frame: &Frame<'_>, outcome: Outcome) {
        let is_post = self.method.as_deref() == Some("POST");
        let id = match (&outcome, &self.target) {
            (Outcome::Done { id, .. }, _) => Some(id),
            (Outcome::Failed(_), Some((_, id))) if !is_post => Some(id),
            (Outcome::Failed(_), _) => None,
        };
        let mut before = '{';
        let mut push = |name: &str, value: &str| {
            text.push(before);
            before = ',';
            text.push('"');
            text.push_str(name);
            text.push_str("\":");
            push_string(text, value);
        };
        if let (Some(id), Some((resource_type, _))) = (id, &self.target) {
            push("location", &frame.location(&resource_type.name, id.as_str()));
        }
        if let Some(method) = &self.method {
            push("method", method);
        }
        if let Some(bulk_id) = &self.bulk_id {
            push("bulkId", bulk_id);
        }
        match outcome {
            Outcome::Done { status, version, .. } => {
                if let Some(version) = version {
                    push("version", &etag(version));
                }
                push("status", &status.to_string());
            }
            Outcome::Failed(error) => {
                push("status", &error.status.to_string());
                text.push_str(",\"response\":");
                text.push_str(&error.to_body().to_string());
            }
        }
        text.push('}');
    }
}
