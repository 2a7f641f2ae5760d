//! Bulk requests (RFC 7644 §3.7).
//!
//! A job is one transaction, and each operation has a savepoint of its own, but for plain creates:
//! those that follow each other are inserted in one go. If one of them turns out to be taken, the
//! whole job is undone and done again one by one, which tells by which, and what becomes of the others.
//!
//! The ids of everything that the job makes are chosen before its first operation, so that references
//! forward and in circles are plain ids by the time an operation is checked. A membership row needs
//! both of its ends: one that names a resource made later in the job is written when that exists.
//!
//! Operations stay text until they are prepared, one after another, and of a plain create nothing is
//! kept but what is stored: a job of a thousand operations is many times as large in values.

mod prepare;
mod references;
mod request;

use std::collections::{BTreeMap, BTreeSet};

use headcount_model::{Event, PublicId, token::Access};
use headcount_store::{
    StoreError, Txn,
    resources::{Lock, NewResource},
};
use scim_schema::{ScimError, builtin};

use crate::{
    answer::{self, Answer},
    authenticate,
    bulk::{
        prepare::{Action, Asked, Operation, Way},
        request::BulkRequest,
    },
    caller::Caller,
    conflict,
    create::{self, Plain},
    delete,
    journal::{self, Subject},
    membership::{self, Pending},
    patch,
    precondition::etag,
    render::{Frame, json::push_string},
    replace,
    service::Service,
    session::{Job, Session},
    stop::{Refusal, Stop},
    store_call::nesting,
    uniqueness,
    write::Written,
};

/// How often a job is begun anew because an operation referred forward to one that failed.
const ROUNDS: u32 = 8;

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
pub(crate) fn bulk(service: &Service, caller: &Caller, body: &str) -> Result<Answer, ScimError> {
    authenticate::allow(caller.credential(), Access::Write, None)?;
    let job = Job::new(service, caller);
    let any_schemas = caller.switches.any_schemas.accepts();
    let request = BulkRequest::parse(body, any_schemas, service.limits().max_bulk_operations)?;
    let asked = Asked::new(&job, body, &request)?;
    let mut operations = asked.prepare(Way::InRuns)?;
    let mut taken = false;
    let outcomes = job.writing(|txn, session| {
        taken = false;
        run(txn, &job, session, &operations, request.fail_on_errors, &mut taken)
    });
    let outcomes = match outcomes {
        Err(_) if taken => {
            operations.clear();
            operations = asked.prepare(Way::OneByOne)?;
            job.writing(|txn, session| run(txn, &job, session, &operations, request.fail_on_errors, &mut false))?
        }
        outcomes => outcomes?,
    };
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

/// Runs the job. If an operation turns out to have referred forward to one that failed, everything
/// is undone and begun anew with that known, so that it fails too.
///
/// `taken` is set if a run of plain creates could not be inserted; the refusal is never seen then.
fn run(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    operations: &[Operation<'_>],
    fail_on_errors: Option<u64>,
    taken: &mut bool,
) -> Result<Vec<Outcome>, Stop> {
    let mut doomed = BTreeSet::new();
    if operations.iter().all(|operation| operation.references.operations.is_empty()) {
        return round(txn, job, session, operations, fail_on_errors, &doomed, taken);
    }
    for _ in 1..ROUNDS {
        let mut again = None;
        let round = nesting(txn, |txn| {
            let outcomes = round(txn, job, session, operations, fail_on_errors, &doomed, taken)?;
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
    round(txn, job, session, operations, fail_on_errors, &doomed, taken)
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
    taken: &mut bool,
) -> Result<Vec<Outcome>, Stop> {
    let mut pending: Pending = operations.iter().filter_map(Operation::made).map(|id| id.as_str().to_owned()).collect();
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(operations.len());
    let mut waiting = Waiting::default();
    let mut errors: u64 = 0;
    while let Some(operation) = operations.get(outcomes.len()) {
        let index = outcomes.len();
        if fail_on_errors.is_some_and(|most| errors >= most) {
            break;
        }
        let plain = plain_run(operations.get(index..).unwrap_or_default());
        if !plain.is_empty() {
            insert(txn, job, session, &plain, taken)?;
            for plain in plain {
                pending.remove(plain.row.id.as_str());
                outcomes.push(created(plain));
            }
            continue;
        }
        let creates = operation.made().is_some();
        if let Some(id) = operation.made() {
            pending.remove(id.as_str());
        }
        let outcome = match operation.refusal(index, &outcomes, doomed) {
            Some(error) => Err(error),
            None => match nesting(txn, |txn| operation.perform(txn, job, session, &pending, taken)) {
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

/// The plain creates at the head of these operations.
fn plain_run<'o>(operations: &'o [Operation<'_>]) -> Vec<&'o Plain> {
    let plain = operations.iter().map_while(|operation| match &operation.action {
        Ok(Action::Insert(plain)) => Some(&**plain),
        _ => None,
    });
    plain.collect()
}

/// Inserts plain creates.
fn insert(txn: &mut dyn Txn, job: &Job<'_>, session: &Session, plain: &[&Plain], taken: &mut bool) -> Result<(), Stop> {
    let rows: Vec<(&NewResource, &Event)> = plain.iter().map(|plain| (&plain.row, &plain.event)).collect();
    // They were made by the settings that were known before; by others they might not be plain.
    let inserted = session.is_as_known(job).then(|| txn.insert_many(&rows));
    match inserted {
        Some(Ok(_)) => Ok(()),
        None | Some(Err(StoreError::Unique { .. })) => {
            *taken = true;
            Err(ScimError::new(409, "one of many is taken").into())
        }
        Some(Err(error)) => Err(error.into()),
    }
}

fn created(plain: &Plain) -> Outcome {
    Outcome::Done { status: 201, id: plain.row.id.clone(), version: Some(plain.row.version) }
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
    /// The id of what the operation makes.
    fn made(&self) -> Option<&PublicId> {
        match (&self.action, &self.target) {
            (Ok(Action::Create(_) | Action::Insert(_)), Some((_, id))) => Some(id),
            _ => None,
        }
    }

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
        taken: &mut bool,
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
            Action::Insert(plain) => {
                insert(txn, job, session, &[plain], taken)?;
                return Ok((created(plain), Vec::new()));
            }
        };
        Ok((Outcome::Done { status, id: stored.id, version: Some(stored.version) }, deferred))
    }

    /// Appends the operation's part of the `BulkResponse` (RFC 7644 §3.7.3).
    fn push_result(&self, text: &mut String, frame: &Frame<'_>, outcome: Outcome) {
        let is_post = self.raw.method.as_deref() == Some("POST");
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
        if let Some(method) = &self.raw.method {
            push("method", method);
        }
        if let Some(bulk_id) = &self.raw.bulk_id {
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
