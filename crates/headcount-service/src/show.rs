//! Reading what an answer shows beside the document: members and groups.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use headcount_model::{
    Seq, Switches,
    switches::{Toggle, UserGroups},
};
use headcount_store::{
    StoreError, Txn,
    members::{GroupOf, MemberIds, MemberRef},
    query::View,
    resources::StoredResource,
};
use scim_schema::{Projection, ResourceType};
use serde_json::{Map, Value};

use crate::{
    limits::Limits,
    membership::{self, MEMBERS},
    render::{Rest, Source},
    session::{Job, Session},
};

/// How many times as many members a page of groups holds as an answer about one.
const GROUPS_OF_PAGE: u64 = 4;

/// A resource with all that its answer shows.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) stored: StoredResource,
    /// Whether `externalId` is the caller's own.
    pub(crate) owned: bool,
    /// `None`: not asked for.
    pub(crate) members: Option<Members>,
    /// `None`: not asked for.
    pub(crate) groups: Option<Vec<GroupOf>>,
}

/// The members of a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    pub(crate) found: Found,
    /// Where the others are; `None`: there are no others.
    pub(crate) rest: Option<Rest>,
}

/// Members as they were read.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// Ids and types are all that is shown of them.
    Ids(MemberIds),
    /// With what people call them, where that is shown.
    Rows(Vec<MemberRef>, BTreeMap<Seq, String>),
}

impl Default for Found {
    fn default() -> Self {
        Self::Ids(MemberIds::default())
    }
}

/// Whether ids and types are all that is shown of the members of a group, and all of them are shown.
pub(crate) fn shows_ids(view: &View, switches: &Switches, group_is_adoptable: bool) -> bool {
    switches.member_display == Toggle::Off && !membership::looks_up_members(view, group_is_adoptable)
}

/// The first members of a group, and the row behind which there are others if they are more than `max`.
pub(crate) fn first_of(ids: MemberIds, max: u64) -> (Found, Option<Seq>) {
    let after = if ids.count > max { ids.last } else { None };
    (Found::Ids(ids), after)
}

/// Whether resources of this type show the groups they are in.
pub(crate) fn has_groups(resource_type: &ResourceType) -> bool {
    resource_type.name == "User" && resource_type.schema.attribute("groups").is_some()
}

/// The stored document.
pub(crate) fn document(stored: &StoredResource) -> Result<Map<String, Value>, StoreError> {
    serde_json::from_str(&stored.document).map_err(|_error| StoreError::Corrupt {
        table: "resources",
        column: "document",
        row: stored.seq.0.to_string(),
    })
}

/// How many levels of groups are shown.
pub(crate) fn group_levels(limits: &Limits, switches: &Switches) -> u8 {
    match switches.user_groups {
        UserGroups::All => limits.group_levels,
        UserGroups::Direct => 1,
    }
}

impl Shown {
    /// A resource without members and groups.
    pub(crate) fn bare(stored: &StoredResource, view: &View) -> Self {
        Self::of(stored.clone(), view)
    }

    /// A resource without members and groups.
    pub(crate) fn of(stored: StoredResource, view: &View) -> Self {
        let owned = stored.owner == view.connection;
        Self { stored, owned, members: None, groups: None }
    }

    /// About how many bytes its text will have.
    pub(crate) fn likely_length(&self) -> usize {
        let lists = self.groups.as_ref().map_or(0, Vec::len);
        self.stored.document.len().saturating_add(512).saturating_add(lists.saturating_mul(256))
    }
}

/// What an answer about one resource is asked to show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) resource_type: &'a ResourceType,
    pub(crate) projection: &'a Projection,
    /// A group that has more members comes back without, as if they were not asked for.
    pub(crate) max_members: Option<u64>,
}

impl<'a> Asked<'a> {
    /// Everything that the projection lets through.
    pub(crate) fn all(resource_type: &'a ResourceType, projection: &'a Projection) -> Self {
        Self { resource_type, projection, max_members: None }
    }
}

/// Reads what the answer about one resource shows.
pub(crate) fn one(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    asked: Asked<'_>,
    stored: &StoredResource,
) -> Result<Shown, StoreError> {
    let Asked { resource_type, projection, max_members } = asked;
    let mut shown = Shown::bare(stored, &session.view);
    if membership::has_members(resource_type) && projection.wants(resource_type, MEMBERS) {
        let max = max_members.unwrap_or(job.service.limits().members_at_once);
        let (found, after) = if shows_ids(&session.view, &session.switches, stored.adoptable) {
            first_of(txn.member_ids(stored.seq, None, max.saturating_add(1))?, max)
        } else {
            let (found, after) = membership::seen(txn, &session.view, stored.seq, stored.adoptable, max)?;
            let is_shown = after.is_none() || max_members.is_none();
            let names = if is_shown { names(txn, session, &found)? } else { BTreeMap::new() };
            (Found::Rows(found, names), after)
        };
        if after.is_none() || max_members.is_none() {
            shown.members = Some(Members { found, rest: rest_behind(job, stored, after) });
        }
    }
    if has_groups(resource_type) && projection.wants(resource_type, "groups") {
        let levels = group_levels(job.service.limits(), &session.switches);
        shown.groups = Some(txn.groups_of(&session.view, &[stored.seq], levels)?);
    }
    Ok(shown)
}

/// Reads what a page of resources shows, with one query for all members and one for all groups.
pub(crate) fn page(
    txn: &mut dyn Txn,
    job: &Job<'_>,
    session: &Session,
    resources: Vec<StoredResource>,
    projection: &Projection,
) -> Result<Vec<Shown>, StoreError> {
    let registry = job.service.registry();
    let mut groups_to_fill = BTreeSet::new();
    let mut foreign_groups = BTreeSet::new();
    let mut users_to_fill = Vec::new();
    let mut known: Option<(&ResourceType, bool, bool)> = None;
    for stored in &resources {
        let (shows_members, shows_groups) = match known {
            Some((resource_type, members, groups)) if resource_type.name == stored.resource_type => (members, groups),
            _ => {
                let Some(resource_type) = registry.resource_type(&stored.resource_type) else { continue };
                let wants = |name: &str| projection.wants(resource_type, name);
                let members = membership::has_members(resource_type) && wants(MEMBERS);
                let groups = has_groups(resource_type) && wants("groups");
                known = Some((resource_type, members, groups));
                (members, groups)
            }
        };
        if shows_members {
            groups_to_fill.insert(stored.seq);
            if membership::looks_up_members(&session.view, stored.adoptable) {
                foreign_groups.insert(stored.seq);
            }
        }
        if shows_groups {
            users_to_fill.push(stored.seq);
        }
    }
    let most = job.service.limits().members_at_once.saturating_mul(GROUPS_OF_PAGE);
    let mut members = members_of(txn, session, &groups_to_fill, &foreign_groups, most)?;
    let mut groups: BTreeMap<Seq, Vec<GroupOf>> = BTreeMap::new();
    if !users_to_fill.is_empty() {
        let levels = group_levels(job.service.limits(), &session.switches);
        for group in txn.groups_of(&session.view, &users_to_fill, levels)? {
            groups.entry(group.member).or_default().push(group);
        }
    }
    let mut source = None;
    let shown = resources.into_iter().map(|stored| {
        let mut shown = Shown::of(stored, &session.view);
        let seq = shown.stored.seq;
        if groups_to_fill.contains(&seq) {
            let FoundMembers { found, names, after } = members.remove(&seq).unwrap_or_default();
            let unread = match after {
                After::All => None,
                After::Begin => Some(None),
                After::Member(after) => Some(Some(after)),
            };
            let rest = unread.map(|after| {
                let source = source.get_or_insert_with(|| Arc::new(Source::new(job)));
                rest(source, &shown.stored, after)
            });
            shown.members = Some(Members { found: Found::Rows(found, names), rest });
        }
        shown.groups = groups.remove(&seq);
        shown
    });
    Ok(shown.collect())
}

/// How much of a group's members was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum After {
    #[default]
    All,
    Begin,
    Member(Seq),
}

#[derive(Default)]
struct FoundMembers {
    found: Vec<MemberRef>,
    names: BTreeMap<Seq, String>,
    after: After,
}

/// The members of the groups of a page, as far as they are read at once: the last group that was
/// begun may have more, and those behind it are not begun.
fn members_of(
    txn: &mut dyn Txn,
    session: &Session,
    groups: &BTreeSet<Seq>,
    foreign: &BTreeSet<Seq>,
    most: u64,
) -> Result<BTreeMap<Seq, FoundMembers>, StoreError> {
    let mut members: BTreeMap<Seq, FoundMembers> = BTreeMap::new();
    if groups.is_empty() {
        return Ok(members);
    }
    let asked: Vec<Seq> = groups.iter().copied().collect();
    let mut rows = txn.members_of(&asked, most)?;
    if u64::try_from(rows.len()).unwrap_or(u64::MAX) >= most
        && let Some((begun, last)) = rows.last()
    {
        members.entry(*begun).or_default().after = After::Member(last.seq);
        for group in groups.iter().filter(|group| *group > begun) {
            members.entry(*group).or_default().after = After::Begin;
        }
    }
    if !foreign.is_empty() {
        let theirs = rows.iter().filter(|(group, _)| foreign.contains(group));
        let seen = membership::seen_of(txn, &session.view, theirs.map(|(_, member)| member.clone()).collect())?;
        let seen: BTreeSet<Seq> = seen.into_iter().map(|member| member.seq).collect();
        rows.retain(|(group, member)| !foreign.contains(group) || seen.contains(&member.seq));
    }
    let names = match session.switches.member_display {
        Toggle::On => {
            let all: Vec<MemberRef> = rows.iter().map(|(_, member)| member.clone()).collect();
            names(txn, session, &all)?
        }
        Toggle::Off => BTreeMap::new(),
    };
    for (group, member) in rows {
        let entry = members.entry(group).or_default();
        if let Some(name) = names.get(&member.seq) {
            entry.names.insert(member.seq, name.clone());
        }
        entry.found.push(member);
    }
    Ok(members)
}

/// What is behind the members that were read of one group, if anything is.
pub(crate) fn rest_behind(job: &Job<'_>, stored: &StoredResource, after: Option<Seq>) -> Option<Rest> {
    after.map(|after| rest(&Arc::new(Source::new(job)), stored, Some(after)))
}

fn rest(source: &Arc<Source>, stored: &StoredResource, after: Option<Seq>) -> Rest {
    Rest {
        source: Arc::clone(source),
        resource_type: stored.resource_type.clone(),
        id: stored.id.clone(),
        group: stored.seq,
        after,
    }
}

fn names(txn: &mut dyn Txn, session: &Session, members: &[MemberRef]) -> Result<BTreeMap<Seq, String>, StoreError> {
    match session.switches.member_display {
        Toggle::On => membership::names(txn, members),
        Toggle::Off => Ok(BTreeMap::new()),
    }
}
