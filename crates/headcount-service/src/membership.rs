//! Group members: from what a request says to rows.

use std::collections::{BTreeMap, BTreeSet};

use headcount_model::{PublicId, Seq, switches::UnknownMember};
use headcount_store::{
    StoreError, Txn,
    members::MemberRef,
    query::{Adoptable, View},
    resources::StoredResource,
};
use scim_filter::{
    CompareOp, Predicate, matches,
    predicate::{Literal, Test},
};
use scim_patch::MemberDelta;
use scim_schema::{ResourceType, ScimError, validate::MemberValue};
use serde_json::{Value, json};

use crate::{
    render::{Frame, json},
    session::{Job, Session},
    stop::Stop,
};

/// Members read at a time.
const BATCH: u64 = 1_000;

/// Most ids that an error names.
const NAMED: usize = 10;

/// The name of the membership attribute.
pub(crate) const MEMBERS: &str = "members";

/// Ids that a bulk request will make later on.
pub(crate) type Pending = BTreeSet<String>;

/// A group whose members change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group<'a> {
    pub(crate) seq: Seq,
    pub(crate) id: &'a PublicId,
}

/// What a request did to a membership list, all of its parts together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct MembersChanged {
    /// Who is a member and was none before.
    pub(crate) added: BTreeSet<PublicId>,
    /// Who was a member and is none any more.
    pub(crate) removed: BTreeSet<PublicId>,
    /// Ids that will exist later in this bulk job, and are to become members then.
    pub(crate) deferred: Vec<String>,
}

impl MembersChanged {
    /// Whether the list is as it was.
    pub(crate) fn is_nothing(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    fn add(&mut self, ids: Vec<PublicId>) {
        for id in ids {
            if !self.removed.remove(&id) {
                self.added.insert(id);
            }
        }
    }

    fn remove(&mut self, ids: Vec<PublicId>) {
        for id in ids {
            if !self.added.remove(&id) {
                self.removed.insert(id);
            }
        }
    }
}

/// Whether resources of this type have members.
pub(crate) fn has_members(resource_type: &ResourceType) -> bool {
    resource_type
        .schema
        .attribute(MEMBERS)
        .is_some_and(|attribute| scim_schema::validate::is_membership(resource_type, attribute))
}

/// How many members the deltas name; over the limit is 413.
pub(crate) fn check_count(count: usize, max_members: usize) -> Result<(), ScimError> {
    if count > max_members {
        return Err(ScimError::too_large(format!(
            "the request names {count} members and at most {max_members} are taken at once; add the members by several PATCH requests"
        )));
    }
    Ok(())
}

/// Applies deltas to the rows of a group whose row the caller has locked.
///
/// The named resources are looked up once, as one set in id order. Whoever is unknown is refused or
/// skipped as the connection says; one of another owner is unknown.
pub(crate) fn apply(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    group: Group<'_>,
    deltas: &[MemberDelta],
    pending: &Pending,
) -> Result<MembersChanged, Stop> {
    let mut changed = MembersChanged::default();
    let wanted = wanted(deltas);
    if wanted.contains(group.id.as_str()) {
        return Err(ScimError::invalid_value(format!(
            "the group \"{}\" cannot be a member of itself; take it out of members",
            group.id
        ))
        .into());
    }
    let known = look_up(txn, job, session, group, &wanted, pending)?;
    for delta in deltas {
        match delta {
            MemberDelta::Add(values) => {
                defer(&mut changed, values, pending);
                let rows = rows(values, &known);
                if !rows.is_empty() {
                    changed.add(txn.add_members(group.seq, &rows)?);
                }
            }
            MemberDelta::Remove(ids) => {
                changed.deferred.retain(|id| !ids.contains(id));
                remove(txn, group, ids.iter().map(String::as_str), &mut changed)?;
            }
            MemberDelta::RemoveWhere(predicate) => {
                let ids = match named_ids(predicate) {
                    Some(ids) => ids,
                    None => select(txn, job, group, predicate)?,
                };
                changed.deferred.retain(|id| !ids.contains(id));
                remove(txn, group, ids.iter().map(String::as_str), &mut changed)?;
            }
            MemberDelta::Require(predicate) => {
                if !any(txn, job, group, predicate)? {
                    return Err(ScimError::no_target(
                        "no member of the group matches the filter of the path; add the member with the path \"members\"",
                    )
                    .into());
                }
            }
            MemberDelta::Immutable => {
                return Err(ScimError::mutability(
                    "members.value cannot be changed; remove the member and add another",
                )
                .into());
            }
            MemberDelta::Replace(values) => {
                changed.deferred.clear();
                defer(&mut changed, values, pending);
                let change = txn.replace_members(group.seq, &rows(values, &known))?;
                changed.remove(change.removed);
                changed.add(change.added);
            }
        }
    }
    Ok(changed)
}

fn wanted(deltas: &[MemberDelta]) -> BTreeSet<&str> {
    deltas
        .iter()
        .filter_map(|delta| match delta {
            MemberDelta::Add(values) | MemberDelta::Replace(values) => Some(values),
            MemberDelta::Remove(_) | MemberDelta::RemoveWhere(_) | MemberDelta::Require(_) | MemberDelta::Immutable => {
                None
            }
        })
        .flatten()
        .map(|value| value.value.as_str())
        .collect()
}

fn look_up(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    group: Group<'_>,
    wanted: &BTreeSet<&str>,
    pending: &Pending,
) -> Result<BTreeMap<String, MemberRef>, Stop> {
    let ids: Vec<&str> = wanted.iter().copied().filter(|id| !pending.contains(*id)).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let known: BTreeMap<String, MemberRef> = txn
        .find_members(&session.view, &ids)?
        .into_iter()
        .map(|member| (member.id.as_str().to_owned(), member))
        .collect();
    let unknown: Vec<&str> = ids.into_iter().filter(|id| !known.contains_key(*id)).collect();
    if !unknown.is_empty() {
        match session.switches.unknown_member {
            UnknownMember::Error => return Err(unknown_members(&unknown).into()),
            UnknownMember::Skip => txn.note_unmatched(group.seq, &unknown, job.now)?,
        }
    }
    Ok(known)
}

fn unknown_members(ids: &[&str]) -> ScimError {
    let mut named: Vec<String> = ids.iter().take(NAMED).map(|id| format!("\"{id}\"")).collect();
    let more = ids.len().saturating_sub(NAMED);
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    let named = named.join(", ");
    ScimError::invalid_value(format!(
        "members names what is not here: {named}; create the missing users or groups first, or leave them out"
    ))
}

/// The rows of the values that are known, in id order, each once.
fn rows(values: &[MemberValue], known: &BTreeMap<String, MemberRef>) -> Vec<MemberRef> {
    let ids: BTreeSet<&str> = values.iter().map(|value| value.value.as_str()).collect();
    ids.into_iter().filter_map(|id| known.get(id).cloned()).collect()
}

fn defer(changed: &mut MembersChanged, values: &[MemberValue], pending: &Pending) {
    for value in values {
        if pending.contains(&value.value) && !changed.deferred.contains(&value.value) {
            changed.deferred.push(value.value.clone());
        }
    }
}

fn remove<'i>(
    txn: &mut dyn Txn,
    group: Group<'_>,
    ids: impl Iterator<Item = &'i str>,
    changed: &mut MembersChanged,
) -> Result<(), StoreError> {
    let ids: BTreeSet<&str> = ids.collect();
    if !ids.is_empty() {
        let ids: Vec<&str> = ids.into_iter().collect();
        changed.remove(txn.remove_members(group.seq, &ids)?);
    }
    Ok(())
}

/// The ids that a predicate names one by one, so that no list need be read.
fn named_ids(predicate: &Predicate) -> Option<Vec<String>> {
    match predicate {
        Predicate::Term(term) => match &term.test {
            Test::Compare(CompareOp::Eq, Literal::Text(id)) if term.target.sub.as_deref() == Some("value") => {
                Some(vec![id.clone()])
            }
            _ => None,
        },
        Predicate::Or(parts) => {
            let mut ids = Vec::with_capacity(parts.len());
            for part in parts {
                ids.extend(named_ids(part)?);
            }
            Some(ids)
        }
        _ => None,
    }
}

fn any(txn: &mut dyn Txn, job: &Job<'_>, group: Group<'_>, predicate: &Predicate) -> Result<bool, StoreError> {
    let mut after = None;
    loop {
        let batch = batch(txn, job, group.seq, &mut after, predicate)?;
        let Some(batch) = batch else { return Ok(false) };
        if !batch.is_empty() {
            return Ok(true);
        }
    }
}

fn select(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    group: Group<'_>,
    predicate: &Predicate,
) -> Result<Vec<String>, StoreError> {
    let mut selected = Vec::new();
    let mut after = None;
    while let Some(batch) = batch(txn, job, group.seq, &mut after, predicate)? {
        selected.extend(batch);
    }
    Ok(selected)
}

/// The ids of the next members that satisfy the predicate; `None` when there are no more members.
fn batch(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    group: Seq,
    after: &mut Option<Seq>,
    predicate: &Predicate,
) -> Result<Option<Vec<String>>, StoreError> {
    let members = txn.members(group, *after, BATCH)?;
    let Some(last) = members.last() else { return Ok(None) };
    *after = Some(last.seq);
    let by_display = predicate.targets().any(|target| target.sub.as_deref() == Some("display"));
    let names = if by_display { names(txn, &members)? } else { BTreeMap::new() };
    let frame = Frame::new(job.service.registry(), job.caller);
    let selected = members.iter().filter(|member| {
        let mut element = json!({
            "value": member.id.as_str(),
            "$ref": frame.location(&member.resource_type, member.id.as_str()),
            "type": &*member.resource_type,
        });
        if let (Value::Object(parts), Some(name)) = (&mut element, names.get(&member.seq)) {
            parts.insert("display".to_owned(), name.as_str().into());
        }
        matches::element(predicate, &element)
    });
    Ok(Some(selected.map(|member| member.id.as_str().to_owned()).collect()))
}

/// What people call these members: displayName, else userName.
pub(crate) fn names(txn: &mut dyn Txn, members: &[MemberRef]) -> Result<BTreeMap<Seq, String>, StoreError> {
    let seqs: BTreeSet<Seq> = members.iter().map(|member| member.seq).collect();
    let seqs: Vec<Seq> = seqs.into_iter().collect();
    let mut names = BTreeMap::new();
    if seqs.is_empty() {
        return Ok(names);
    }
    for stored in txn.load_resources(&seqs)? {
        if let Some(name) = name_in(&stored)? {
            names.insert(stored.seq, name);
        }
    }
    Ok(names)
}

fn name_in(stored: &StoredResource) -> Result<Option<String>, StoreError> {
    let walked = match json::top_string(&stored.document, "displayName") {
        Ok(None) => json::top_string(&stored.document, "userName"),
        found => found,
    };
    if let Ok(name) = walked {
        return Ok(name);
    }
    let document = crate::show::document(stored)?;
    let name = ["displayName", "userName"].iter().find_map(|name| document.get(*name).and_then(Value::as_str));
    Ok(name.map(ToOwned::to_owned))
}

/// Whether the members of a group have to be looked up to know which of them the view shows.
///
/// The members of a group that the connection owns are seen by it, with two exceptions: a group that
/// waits to be adopted, whose members may be anybody's, and a connection that sees no adoptable
/// accounts (any more).
pub(crate) fn looks_up_members(view: &View, group_is_adoptable: bool) -> bool {
    group_is_adoptable || view.adoptable == Adoptable::Hidden
}

/// The members of a group that the view shows, in the order of their rows: all of them or, if there
/// are more than `max`, at least so many, and the row behind which the others are.
pub(crate) fn seen(
    txn: &mut dyn Txn,
    view: &View,
    group: Seq,
    adoptable: bool,
    max: u64,
) -> Result<(Vec<MemberRef>, Option<Seq>), StoreError> {
    let mut all: Vec<MemberRef> = Vec::new();
    let mut after = None;
    loop {
        // One more tells whether there are more.
        let missing = max.saturating_sub(u64::try_from(all.len()).unwrap_or(u64::MAX)).saturating_add(1);
        let limit = if looks_up_members(view, adoptable) { BATCH.min(max.saturating_add(1)) } else { missing };
        let mut batch = txn.members(group, after, limit)?;
        let Some(last) = batch.last() else { break };
        after = Some(last.seq);
        let last_batch = u64::try_from(batch.len()).unwrap_or(u64::MAX) < limit;
        if looks_up_members(view, adoptable) {
            batch = seen_of(txn, view, batch)?;
        }
        if all.is_empty() {
            all = batch;
        } else {
            all.extend(batch);
        }
        if last_batch {
            break;
        }
        if u64::try_from(all.len()).unwrap_or(u64::MAX) > max {
            return Ok((all, after));
        }
    }
    Ok((all, None))
}

/// Those of these members that the view shows, in their order.
pub(crate) fn seen_of(txn: &mut dyn Txn, view: &View, members: Vec<MemberRef>) -> Result<Vec<MemberRef>, StoreError> {
    let ids: BTreeSet<&str> = members.iter().map(|member| member.id.as_str()).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    let seen: BTreeSet<Seq> = txn.find_members(view, &ids)?.into_iter().map(|member| member.seq).collect();
    Ok(members.into_iter().filter(|member| seen.contains(&member.seq)).collect())
}
