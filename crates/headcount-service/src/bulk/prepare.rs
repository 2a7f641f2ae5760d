//! From operations as sent to operations that are checked as far as they can be without the store.

use std::collections::BTreeSet;

use headcount_model::{PublicId, switches::Rehire, token::Access};
use scim_schema::{Registry, ResourceType, ScimError, fold::fold_user_name};
use serde_json::Value;

use super::{
    references::{Body, Minted, References},
    request::{BulkRequest, RawOperation},
};
use crate::{
    authenticate,
    create::{self, Create, IdChoice, Plain},
    patch::{self, Patch},
    replace::{self, Replace},
    service::Precondition,
    session::{Job, Session},
    write::is_user,
};

/// One operation, checked as far as it can be without the store.
pub(super) struct Operation<'a> {
    /// As sent.
    pub(super) raw: &'a RawOperation<'a>,
    pub(super) precondition: Precondition,
    pub(super) references: References,
    /// The type and id that the path names; the minted id of a POST.
    pub(super) target: Option<(&'a ResourceType, PublicId)>,
    pub(super) action: Result<Action<'a>, ScimError>,
}

pub(super) enum Action<'a> {
    Create(Box<Create<'a>>),
    /// A create to which no earlier operation refers, and which refers to none.
    Insert(Box<Plain>),
    Replace(Box<Replace<'a>>),
    Patch(Box<Patch<'a>>),
    Delete,
}

/// How the operations of a job are to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// Plain creates in one go.
    InRuns,
    /// Each on its own.
    OneByOne,
}

/// A request, and the ids of everything that it makes.
pub(super) struct Asked<'a> {
    job: &'a Job<'a>,
    text: &'a str,
    operations: &'a [RawOperation<'a>],
    minted: Minted,
    /// Of each operation: the id of what it makes, and whether that was there before.
    ids: Vec<(PublicId, bool)>,
}

impl<'a> Asked<'a> {
    /// Chooses the ids.
    ///
    /// # Errors
    /// For the request as a whole.
    pub(super) fn new(job: &'a Job<'a>, text: &'a str, request: &'a BulkRequest<'a>) -> Result<Self, ScimError> {
        let operations = &*request.operations;
        let old_ids = old_ids(job, text, operations)?;
        let mut minted = Minted::default();
        let mut ids = Vec::with_capacity(operations.len());
        for (index, (operation, old_id)) in operations.iter().zip(old_ids).enumerate() {
            let is_old = old_id.is_some();
            let id = old_id.unwrap_or_else(|| job.service.mint(job.now));
            if let (Some("POST"), Some(bulk_id)) = (operation.method.as_deref(), &operation.bulk_id) {
                minted.insert(bulk_id, index, id.clone());
            }
            ids.push((id, is_old));
        }
        Ok(Self { job, text, operations, minted, ids })
    }

    /// Prepares all operations, each from its text.
    ///
    /// # Errors
    /// For the request as a whole: data that is no JSON.
    pub(super) fn prepare(&self, way: Way) -> Result<Vec<Operation<'a>>, ScimError> {
        let session = Session::known(self.job);
        let mut operations = Vec::with_capacity(self.operations.len());
        // To whom the operations before refer.
        let mut referred = BTreeSet::new();
        for (index, (raw, (id, is_old))) in self.operations.iter().zip(&self.ids).enumerate() {
            let mut operation = self.operation(raw, id.clone(), raw.data(self.text)?);
            referred.extend(operation.references.operations.iter().copied());
            if way == Way::InRuns && !is_old && !referred.contains(&index) && operation.references.is_nothing() {
                operation.action = match operation.action {
                    Ok(Action::Create(create)) if create.is_plain(&session) => {
                        Ok(Action::Insert(Box::new(create.into_plain(self.job, &session))))
                    }
                    action => action,
                };
            }
            operations.push(operation);
        }
        Ok(operations)
    }

    fn operation(&self, raw: &'a RawOperation<'a>, id: PublicId, data: Option<Value>) -> Operation<'a> {
        let Self { job, minted, .. } = self;
        let (method, path) = (raw.method.as_deref(), raw.path.as_deref());
        let mut references = References::default();
        let mut target = None;
        let action = check(job, method, path, job.service.registry(), minted, &mut references).and_then(
            |(resource_type, path_id)| {
                let fixed = path_id.unwrap_or(id);
                target = Some((resource_type, fixed.clone()));
                authenticate::allow(job.caller.credential(), Access::Write, Some(&resource_type.name))?;
                action(job, method, resource_type, fixed, data, minted, &mut references)
            },
        );
        let precondition = Precondition { if_match: raw.version.clone(), if_none_match: None };
        Operation { raw, precondition, references, target, action }
    }
}

/// The ids of deleted users that POSTs of the job bring back, where the connection does that: they
/// must be known before references are replaced.
fn old_ids(job: &Job<'_>, text: &str, operations: &[RawOperation<'_>]) -> Result<Vec<Option<PublicId>>, ScimError> {
    if job.caller.switches.rehire != Rehire::Revive {
        return Ok(vec![None; operations.len()]);
    }
    let mut names = Vec::with_capacity(operations.len());
    for operation in operations {
        names.push(name_of_new_user(job, operation, operation.data(text)?));
    }
    job.reading(|txn, session| {
        let mut used = BTreeSet::new();
        let mut ids = Vec::with_capacity(operations.len());
        for name in &names {
            let mut id = None;
            if let Some((resource_type, key)) = name
                && let Some(tombstone) = txn.find_tombstone(&resource_type.name, session.view.connection, key)?
                && used.insert(tombstone.id.clone())
            {
                id = Some(tombstone.id);
            }
            ids.push(id);
        }
        Ok(ids)
    })
}

/// The folded name of the user that an operation makes.
fn name_of_new_user<'a>(
    job: &Job<'a>,
    operation: &RawOperation<'_>,
    data: Option<Value>,
) -> Option<(&'a ResourceType, String)> {
    let resource_type = operation.path.as_deref().and_then(|path| endpoint(job, path))?;
    if operation.method.as_deref() != Some("POST") || !is_user(resource_type) {
        return None;
    }
    let Some(Value::Object(data)) = data else { return None };
    let name = data.iter().find(|(name, _)| name.eq_ignore_ascii_case("userName"))?.1.as_str()?;
    Some((resource_type, fold_user_name(name).into_owned()))
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
    registry: &Registry,
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
        Some("POST") => Ok(Action::Create(Box::new(create::prepare(job, resource_type, body, id, IdChoice::Fixed)?))),
        Some("PUT") => Ok(Action::Replace(Box::new(replace::prepare(job, resource_type, body)?))),
        _ => Ok(Action::Patch(Box::new(patch::prepare(job, resource_type, body)?))),
    }
}
