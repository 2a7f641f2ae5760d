//! POST of a resource (RFC 7644 §3.3).

use headcount_model::{Event, EventKind, PublicId, Seq, Timestamp, switches::Toggle, token::Access};
use headcount_store::{
    Txn,
    act::{Change, Done},
    index::{self, IndexForm, IndexPolicy},
    members::MemberRef,
    query::View,
    resources::{NewResource, StoredResource},
};
use scim_patch::MemberDelta;
use scim_schema::{
    Projection, Resource, ResourceType, ScimError,
    validate::{self, Accepted, Write},
};
use serde_json::{Map, Value, json};

use crate::{
    answer::Answer,
    authenticate,
    caller::Caller,
    changes, emails,
    journal::{self, Subject},
    lifecycle,
    membership::{self, Group, MembersChanged, Pending},
    password::{self, NewPassword},
    render::Frame,
    service::Service,
    session::{Job, Session},
    show::{self, Asked, Members, Shown},
    specified,
    stop::Stop,
    write::{self, Written},
};

/// The version of what was never there before.
pub(crate) const FIRST_VERSION: i64 = 1;

/// How the id of a new resource was chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum IdChoice {
    /// Nobody knows it yet: a revived user has its old one.
    Free,
    /// Other operations of a bulk job refer to it.
    Fixed,
}

/// A checked request.
pub(crate) struct Create<'a> {
    pub(crate) resource_type: &'a ResourceType,
    pub(crate) id: PublicId,
    pub(crate) id_choice: IdChoice,
    resource: Resource,
    text: String,
    policy: IndexPolicy,
    index: IndexForm,
    members: Vec<MemberDelta>,
    password: Option<NewPassword>,
}

/// See [`Service::create`].
pub(crate) fn create(
    service: &Service,
    caller: &Caller,
    resource_type: &ResourceType,
    body: Map<String, Value>,
    projection: &Projection,
) -> Result<Answer, ScimError> {
    authenticate::allow(caller.credential(), Access::Write, Some(&resource_type.name))?;
    let job = Job::new(service, caller);
    let asked = Asked::all(resource_type, projection);
    let specified = specified::of_document(resource_type, &body);
    let id = service.mint(job.now);
    let mut request = prepare(&job, resource_type, body, id, IdChoice::Free)?;
    if let Some(shown) = at_once(&job, &mut request)? {
        return Frame::new(service.registry(), caller).written(201, resource_type, shown, projection, &specified);
    }
    let shown = job.writing(|txn, session| {
        let Written { stored, .. } = perform(txn, &job, session, &request, &Pending::new())?;
        if stored.version == FIRST_VERSION && request.members.is_empty() {
            return Ok(new(resource_type, stored, &session.view));
        }
        Ok(show::one(txn, &job, session, asked, &stored)?)
    })?;
    Frame::new(service.registry(), caller).written(201, resource_type, shown, projection, &specified)
}

/// What was just made has no members and is in no group: there is nothing to read.
fn new(resource_type: &ResourceType, stored: StoredResource, view: &View) -> Shown {
    let mut shown = Shown::of(stored, view);
    shown.members = membership::has_members(resource_type).then(Members::default);
    shown
}

/// Inserts with one act what is no more than a row and its journal entry. `None`: there is more to it,
/// and a transaction makes it.
fn at_once(job: &Job<'_>, request: &mut Create<'_>) -> Result<Option<Shown>, ScimError> {
    let resource_type = request.resource_type;
    let session = Session::known(job);
    if !request.is_plain(&session) {
        return Ok(None);
    }
    let document = std::mem::take(&mut request.text);
    let event = request.created(job, &session);
    let row = first_row(job, &session, resource_type, request.id.clone(), document, request.index.clone());
    match job.act(Change::Insert(&row), &event) {
        Ok(Some(Done::Inserted(seq))) => Ok(Some(new(resource_type, inserted(seq, row), &session.view))),
        Ok(_) => {
            request.text = row.document;
            Ok(None)
        }
        Err(error) => {
            Err(job.refused(write::taken_or(error, resource_type, request.resource.document(), &row.index, None)))
        }
    }
}

/// A new resource that is no more than a row and its journal entry.
pub(crate) struct Plain {
    pub(crate) row: NewResource,
    pub(crate) event: Event,
}

impl Create<'_> {
    /// Whether the resource is no more than a row and its journal entry, unless a tombstone has its key.
    pub(crate) fn is_plain(&self, session: &Session) -> bool {
        !write::name_may_wait(session, self.resource_type) && self.members.is_empty() && self.password.is_none()
    }

    /// The same with nothing kept beside it.
    pub(crate) fn into_plain(self, job: &Job<'_>, session: &Session) -> Plain {
        let event = self.created(job, session);
        let Self { resource_type, id, text, index, .. } = self;
        Plain { row: first_row(job, session, resource_type, id, text, index), event }
    }

    /// The journal entry of a plain one.
    fn created(&self, job: &Job<'_>, session: &Session) -> Event {
        let subject = Subject { resource_type: &self.resource_type.name, id: &self.id, version: FIRST_VERSION };
        let paths = changes::all(self.resource_type, self.resource.document());
        journal::entry(job, session, EventKind::Create, Some(subject), paths, None)
    }
}

/// The row of what was never there before.
fn first_row(
    job: &Job<'_>,
    session: &Session,
    resource_type: &ResourceType,
    id: PublicId,
    document: String,
    index: IndexForm,
) -> NewResource {
    NewResource {
        id,
        resource_type: resource_type.name.clone(),
        owner: session.view.connection,
        adoptable: false,
        version: FIRST_VERSION,
        created: job.now,
        modified: job.now,
        document,
        index,
    }
}

fn inserted(seq: Seq, row: NewResource) -> StoredResource {
    StoredResource {
        seq,
        id: row.id,
        resource_type: row.resource_type,
        owner: row.owner,
        adoptable: row.adoptable,
        version: row.version,
        created: row.created,
        modified: row.modified,
        document: row.document.into(),
    }
}

/// Checks a body and makes everything of it that needs no store; hashes a password last.
pub(crate) fn prepare<'a>(
    job: &Job<'_>,
    resource_type: &'a ResourceType,
    body: Map<String, Value>,
    id: PublicId,
    id_choice: IdChoice,
) -> Result<Create<'a>, ScimError> {
    let switches = &job.caller.switches;
    let Accepted { mut resource, members, password, .. } =
        validate::accept(job.service.registry(), resource_type, body, Write::Create, &switches.coercion(), &[])?;
    password::check(password.is_some(), switches.passwords)?;
    let members = members.unwrap_or_default();
    membership::check_count(members.len(), job.service.limits().max_members)?;
    if write::is_user(resource_type) {
        resource.document_mut().entry("active").or_insert(Value::Bool(true));
        if switches.email_defaults == Toggle::On {
            emails::fill_in(resource.document_mut());
        }
    }
    write::forget_derived(resource.document_mut());
    write::check_finished(resource_type, &resource)?;
    let policy = write::index_policy(switches);
    let index = index::form(resource_type, &resource, policy);
    let text = write::to_text(resource.document());
    let members = if members.is_empty() { Vec::new() } else { vec![MemberDelta::Add(members)] };
    let password = password::hash(job, password.as_deref())?;
    Ok(Create { resource_type, id, id_choice, resource, text, policy, index, members, password })
}

/// Inserts the resource, its members and its journal entries.
pub(crate) fn perform(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    request: &Create<'_>,
    pending: &Pending,
) -> Result<Written, Stop> {
    let resource_type = request.resource_type;
    let document = request.resource.document();
    let policy = write::index_policy(&session.switches);
    let index = if policy == request.policy {
        request.index.clone()
    } else {
        index::form(resource_type, &request.resource, policy)
    };
    write::check_adoptable_name(txn, session, resource_type, document, &index, None)?;
    let tombstone = lifecycle::revived(txn, session, resource_type, index.key.as_deref())?
        .filter(|tombstone| request.id_choice == IdChoice::Free || tombstone.id == request.id);
    let (id, version, created): (PublicId, i64, Timestamp) = match &tombstone {
        Some(tombstone) => (tombstone.id.clone(), tombstone.version.saturating_add(1), tombstone.created),
        None => (request.id.clone(), FIRST_VERSION, job.now),
    };
    let row = NewResource {
        id,
        resource_type: resource_type.name.clone(),
        owner: session.view.connection,
        adoptable: false,
        version,
        created,
        modified: job.now,
        document: request.text.clone(),
        index,
    };
    let seq =
        txn.insert_resource(&row).map_err(|error| write::taken_or(error, resource_type, document, &row.index, None))?;
    let stored = inserted(seq, row);
    let subject = Subject { resource_type: &stored.resource_type, id: &stored.id, version };
    let mut paths = changes::all(resource_type, document);
    password::write(txn, session, seq, request.password.as_ref(), &mut paths)?;
    let revived = tombstone.as_ref().map(|_| json!({ "revived": true }));
    journal::append(txn, job, session, EventKind::Create, Some(subject), paths, revived.as_ref())?;
    if let Some(tombstone) = &tombstone {
        let member = MemberRef { seq, id: stored.id.clone(), resource_type: stored.resource_type.as_str().into() };
        lifecycle::rejoin(txn, job, session, &member, tombstone)?;
    }
    let mut members = MembersChanged::default();
    if !request.members.is_empty() {
        let group = Group { seq, id: &stored.id };
        members = membership::apply(txn, job, session, group, &request.members, pending)?;
        journal::append_members(txn, job, session, subject, &members.added, &members.removed)?;
    }
    Ok(Written { stored, deferred: members.deferred })
}
