//! Writing a changed resource: what PUT and PATCH have in common.

use headcount_model::{EventKind, Switches, Timestamp, switches::Toggle};
use headcount_store::{
    StoreError, Txn,
    act::{self, Done},
    index::{self, IndexForm, IndexPolicy},
    query::Adoptable,
    resources::{StoredResource, Update},
};
use scim_patch::MemberDelta;
use scim_schema::{Resource, ResourceType, ScimError, builtin, validate};
use serde_json::{Map, Value, json};

use crate::{
    adoption, changes,
    conflict::{self, Kind},
    emails,
    identity::{self, RefusedValue},
    journal::{self, Subject},
    membership::{self, Group, MembersChanged, Pending},
    password::{self, NewPassword, Touched},
    session::{Job, Session},
    show,
    stop::{Stop, Taken},
    uniqueness,
};

/// What a request makes of a resource.
pub(crate) struct Change<'a> {
    pub(crate) resource_type: &'a ResourceType,
    /// [`EventKind::Put`] or [`EventKind::Patch`].
    pub(crate) method: EventKind,
    /// The row, locked.
    pub(crate) stored: &'a StoredResource,
    /// The document from which the request started ([`adoption::own_document`]).
    pub(crate) before: &'a Resource,
    /// The document that the request asks for.
    pub(crate) after: Map<String, Value>,
    /// What it asks of the members.
    pub(crate) members: &'a [MemberDelta],
    /// The e-mail addresses that it names.
    pub(crate) addresses: Vec<String>,
    /// What it makes of the password.
    pub(crate) password: Option<&'a NewPassword>,
}

/// A resource after a write.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) stored: StoredResource,
    /// Members that a later operation of the bulk job will make.
    pub(crate) deferred: Vec<String>,
}

/// The settings that decide what is unique.
pub(crate) fn index_policy(switches: &Switches) -> IndexPolicy {
    IndexPolicy {
        external_id_unique: switches.external_id_unique == Toggle::On,
        unique_group_names: switches.unique_group_names == Toggle::On,
    }
}

/// A document as it is stored.
pub(crate) fn to_text(document: &Map<String, Value>) -> String {
    // A map of JSON values always prints: its keys are text and no number is infinite.
    serde_json::to_string(document).unwrap_or_else(|_impossible| Value::Object(document.clone()).to_string())
}

/// Whether resources of this type are users, whose identity attributes have rules of their own.
pub(crate) fn is_user(resource_type: &ResourceType) -> bool {
    resource_type.schema.urn.is(builtin::USER)
}

/// Whether resources of this type are groups.
pub(crate) fn is_group(resource_type: &ResourceType) -> bool {
    resource_type.schema.urn.is(builtin::GROUP)
}

/// Checks what only the finished document can tell.
pub(crate) fn check_finished(resource_type: &ResourceType, resource: &Resource) -> Result<(), ScimError> {
    validate::finished(resource_type, resource)?;
    if is_user(resource_type) {
        validate::user_name(resource.text("userName").unwrap_or_default())?;
    }
    Ok(())
}

/// Takes out what an answer derives again: `$ref` of the manager follows its `value`.
pub(crate) fn forget_derived(document: &mut Map<String, Value>) {
    let Some(Value::Object(extension)) = document.get_mut(builtin::ENTERPRISE_USER) else { return };
    let Some(Value::Object(manager)) = extension.get_mut("manager") else { return };
    if manager.contains_key("value") {
        manager.shift_remove("$ref");
    }
}

/// A failure of a write: a value that is taken stops the request so that it can be explained.
pub(crate) fn taken_or(
    error: StoreError,
    resource_type: &ResourceType,
    document: &Map<String, Value>,
    index: &IndexForm,
    resource: Option<&StoredResource>,
) -> Stop {
    let StoreError::Unique { attribute } = error else { return Stop::Store(error) };
    Stop::Taken(Box::new(Taken {
        resource_type: resource_type.name.clone(),
        value: text_at(resource_type, document, &attribute),
        key: index.key.clone(),
        attribute,
        resource: resource.map(|stored| stored.id.clone()),
    }))
}

fn text_at(resource_type: &ResourceType, document: &Map<String, Value>, key: &str) -> Option<String> {
    let extension = resource_type.extensions.iter().find_map(|extension| {
        let urn = extension.schema.urn.as_str();
        key.strip_prefix(urn).and_then(|rest| rest.strip_prefix(':')).map(|rest| (urn, rest))
    });
    let (container, path) = match extension {
        Some((urn, rest)) => (document.get(urn).and_then(Value::as_object)?, rest),
        None => (document, key),
    };
    let value = match path.split_once('.') {
        Some((name, sub)) => container.get(name)?.get(sub)?,
        None => container.get(path)?,
    };
    value.as_str().map(ToOwned::to_owned)
}

/// Whether a name may be one that waits to be adopted, so that a transaction has to look.
pub(crate) fn name_may_wait(session: &Session, resource_type: &ResourceType) -> bool {
    is_group(resource_type) && session.view.adoptable == Adoptable::Seen
}

/// The name of a group that another group of the application, which waits to be adopted, has too:
/// uniqueness of names is per owner, so the index does not refuse it.
pub(crate) fn check_adoptable_name(
    txn: &mut dyn Txn,
    session: &Session,
    resource_type: &ResourceType,
    document: &Map<String, Value>,
    index: &IndexForm,
    own: Option<&StoredResource>,
) -> Result<(), Stop> {
    if !name_may_wait(session, resource_type) {
        return Ok(());
    }
    let Some(key) = &index.key else { return Ok(()) };
    match txn.adoptable_holder(&resource_type.name, key)? {
        Some(holder) if own.is_none_or(|own| own.seq != holder) => Err(uniqueness::waits(&Taken {
            resource_type: resource_type.name.clone(),
            attribute: "displayName".to_owned(),
            value: text_at(resource_type, document, "displayName"),
            key: Some(key.clone()),
            resource: own.map(|own| own.id.clone()),
        })
        .into()),
        _ => Ok(()),
    }
}

/// What a request comes to, as far as the store need not be asked.
struct Settled {
    /// Whether the connection takes the resource over.
    adopts: bool,
    /// Values that the policy did not let through.
    refused: Vec<RefusedValue>,
    /// The document from now on.
    after: Resource,
    /// In what it differs.
    paths: Vec<String>,
    /// When it changes.
    now: Timestamp,
}

fn settle(job: &Job<'_>, session: &Session, change: &mut Change<'_>) -> Result<Settled, Stop> {
    let Change { resource_type, stored, .. } = *change;
    let before = change.before.document();
    let mut after = std::mem::take(&mut change.after);
    let adopts = adoption::adopts(stored, &session.view);
    let mut refused = Vec::new();
    if is_user(resource_type) {
        if adopts {
            adoption::check_emails(job, session, stored, (before, &after), &change.addresses)?;
        }
        refused = identity::settle(session.switches.identity_changes, before, &mut after)?;
        if session.switches.email_defaults == Toggle::On {
            emails::fill_in(&mut after);
        }
    }
    forget_derived(&mut after);
    let after = Resource::from_document(after);
    check_finished(resource_type, &after)?;
    let paths = changes::between(resource_type, before, after.document());
    Ok(Settled { adopts, refused, after, paths, now: job.now.max(stored.modified) })
}

/// What is indexed of a resource before and after.
fn indexes(
    session: &Session,
    change: &Change<'_>,
    adopts: bool,
    after: &Resource,
) -> Result<[IndexForm; 2], StoreError> {
    let policy = index_policy(&session.switches);
    let before = if adopts {
        index::form(change.resource_type, &Resource::from_document(show::document(change.stored)?), policy)
    } else {
        index::form(change.resource_type, change.before, policy)
    };
    Ok([before, index::form(change.resource_type, after, policy)])
}

/// Writes with one act a change that is no more than another document and its journal entry, of a
/// resource that was looked at. `None`: there is more to it, or it is refused, or somebody was
/// faster, and a transaction decides.
pub(crate) fn at_once(job: &Job<'_>, session: &Session, mut change: Change<'_>) -> Result<Option<Written>, ScimError> {
    let Change { resource_type, method, stored, before, members, password, .. } = change;
    if !members.is_empty() || password.is_some() || adoption::adopts(stored, &session.view) {
        return Ok(None);
    }
    let Ok(Settled { refused, after, paths, now, .. }) = settle(job, session, &mut change) else { return Ok(None) };
    if !refused.is_empty() {
        return Ok(None);
    }
    if paths.is_empty() {
        return Ok(Some(Written { stored: stored.clone(), deferred: Vec::new() }));
    }
    let [index_before, index] = indexes(session, &change, false, &after).map_err(|error| job.failed(error))?;
    if name_may_wait(session, resource_type) && index.key != index_before.key {
        return Ok(None);
    }
    let document = after.into_document();
    let kind = kind_of(method, before.document(), &document);
    // The act fills in the version.
    let subject = Subject { resource_type: &resource_type.name, id: &stored.id, version: stored.version };
    let event = journal::entry(job, session, kind, Some(subject), paths, None);
    let update = Update {
        before: stored,
        index_before: &index_before,
        owner: session.view.connection,
        adoptable: false,
        modified: now,
        document: to_text(&document),
        index: &index,
    };
    match job.act(act::Change::Update(&update), &event) {
        Ok(Some(Done::Updated(version))) => {
            let stored = StoredResource { version, modified: now, document: update.document.into(), ..stored.clone() };
            Ok(Some(Written { stored, deferred: Vec::new() }))
        }
        Ok(_) => Ok(None),
        Err(error) => Err(job.refused(taken_or(error, resource_type, &document, &index, Some(stored)))),
    }
}

/// Writes the change, its membership rows, its password and its journal entries; nothing if nothing
/// changes. Another password alone is an entry, and no change of the document: version and time stay.
pub(crate) fn write(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    mut change: Change<'_>,
    pending: &Pending,
) -> Result<Written, Stop> {
    let Change { resource_type, method, stored, members: deltas, password, .. } = change;
    let before = change.before.document();
    let Settled { adopts, refused, after, mut paths, now, .. } = settle(job, session, &mut change)?;
    let mut result = stored.clone();
    let document_changes = adopts || !paths.is_empty();
    let document = if document_changes {
        let [index_before, index] = indexes(session, &change, adopts, &after)?;
        if index.key != index_before.key || adopts {
            check_adoptable_name(txn, session, resource_type, after.document(), &index, Some(stored))?;
        }
        let document = after.into_document();
        let text = to_text(&document);
        result.version = txn
            .update_resource(&Update {
                before: stored,
                index_before: &index_before,
                owner: session.view.connection,
                adoptable: false,
                modified: now,
                document: text.clone(),
                index: &index,
            })
            .map_err(|error| taken_or(error, resource_type, &document, &index, Some(stored)))?;
        result.owner = session.view.connection;
        result.adoptable = false;
        result.modified = now;
        result.document = text.into();
        document
    } else {
        before.clone()
    };
    let mut members = MembersChanged::default();
    if !deltas.is_empty() {
        let group = Group { seq: stored.seq, id: &stored.id };
        members = membership::apply(txn, job, session, group, deltas, pending)?;
    }
    if adopts {
        if membership::has_members(resource_type) {
            members.removed.extend(adoption::lose_unseen_members(txn, session, stored)?);
        }
        adoption::leave_foreign_groups(txn, job, session, stored)?;
    }
    if !document_changes && !members.is_nothing() {
        result.version = txn.touch_group(stored.seq, now)?;
        result.modified = now;
    }
    let subject = Subject { resource_type: &resource_type.name, id: &stored.id, version: result.version };
    let touched = password::write(txn, session, stored.seq, password, &mut paths)?;
    if document_changes || touched == Touched::Yes {
        let kind = if adopts { EventKind::Adopt } else { kind_of(method, before, &document) };
        let detail = adopts.then(|| json!({ "change": kind_of(method, before, &document).as_str() }));
        journal::append(txn, job, session, kind, Some(subject), paths, detail.as_ref())?;
    }
    journal::append_members(txn, job, session, subject, &members.added, &members.removed)?;
    for value in refused {
        let conflict =
            conflict::of(job, session, Kind::Immutable, value.attribute, Some(stored.id.clone()), &value.value);
        conflict::record(txn, job, session, &conflict)?;
    }
    Ok(Written { stored: result, deferred: members.deferred })
}

/// One row for a change; one that also changes `active` goes by that, and names all paths.
fn kind_of(method: EventKind, before: &Map<String, Value>, after: &Map<String, Value>) -> EventKind {
    let active = |document: &Map<String, Value>| document.get("active").and_then(Value::as_bool);
    match (active(before), active(after)) {
        // A user without `active` is whatever it was for the application, so that only a stated value
        // moves it: taking the attribute away never lets anybody in.
        (before, Some(false)) if before != Some(false) => EventKind::Deactivate,
        (before, Some(true)) if before != Some(true) => EventKind::Activate,
        _ => method,
    }
}
