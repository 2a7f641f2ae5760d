//! Reading what an answer shows beside the document: members and groups.

use std::collections::{BTreeMap, BTreeSet};

use headcount_model::{
    PublicId, Seq, Switches, Timestamp,
    switches::{Toggle, UserGroups},
};
use headcount_store::{
    StoreError, Txn,
    members::{GroupOf, MemberRef},
    query::{Adoptable, View},
    resources::StoredResource,
};
use scim_schema::{Projection, ResourceType};
use serde_json::{Map, Value};

use crate::{
    limits::Limits,
    membership::{self, MEMBERS},
    session::{Job, Session},
};

/// A resource with all that its answer shows.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) resource_type: String,
    pub(crate) id: PublicId,
    pub(crate) version: i64,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    /// Whether `externalId` is the caller's own.
    pub(crate) owned: bool,
    pub(crate) document: Map<String, Value>,
    /// `None`: not asked for.
    pub(crate) members: Option<Vec<ShownMember>>,
    /// `None`: not asked for.
    pub(crate) groups: Option<Vec<GroupOf>>,
}

/// A member as it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ShownMember {
    pub(crate) id: PublicId,
    pub(crate) resource_type: String,
    pub(crate) display: Option<String>,
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
    pub(crate) fn bare(stored: &StoredResource, document: Map<String, Value>, view: &View) -> Self {
        Self {
            resource_type: stored.resource_type.clone(),
            id: stored.id.clone(),
            version: stored.version,
            created: stored.created,
            modified: stored.modified,
            owned: stored.owner == view.connection,
            document,
            members: None,
            groups: None,
        }
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
    document: Map<String, Value>,
) -> Result<Shown, StoreError> {
    let Asked { resource_type, projection, max_members } = asked;
    let mut shown = Shown::bare(stored, document, &session.view);
    if membership::has_members(resource_type) && projection.wants(resource_type, MEMBERS) {
        let members = membership::seen(txn, &session.view, stored.seq, stored.adoptable, max_members)?;
        if let Some(members) = members {
            let names = names(txn, session, &members)?;
            shown.members = Some(members.into_iter().map(|member| with_name(member, &names)).collect());
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
    resources: &[StoredResource],
    projection: &Projection,
) -> Result<Vec<Shown>, StoreError> {
    let registry = job.service.registry();
    let mut groups_to_fill = Vec::new();
    let mut foreign_groups = BTreeSet::new();
    let mut users_to_fill = Vec::new();
    for stored in resources {
        let Some(resource_type) = registry.resource_type(&stored.resource_type) else { continue };
        if membership::has_members(resource_type) && projection.wants(resource_type, MEMBERS) {
            groups_to_fill.push(stored.seq);
            if stored.adoptable || session.view.adoptable == Adoptable::Hidden {
                foreign_groups.insert(stored.seq);
            }
        }
        if has_groups(resource_type) && projection.wants(resource_type, "groups") {
            users_to_fill.push(stored.seq);
        }
    }
    let mut members: BTreeMap<Seq, Vec<ShownMember>> = groups_to_fill.iter().map(|seq| (*seq, Vec::new())).collect();
    if !groups_to_fill.is_empty() {
        let mut rows = txn.members_of(&groups_to_fill)?;
        if !foreign_groups.is_empty() {
            let foreign = rows.iter().filter(|(group, _)| foreign_groups.contains(group));
            let seen = membership::seen_of(txn, &session.view, foreign.map(|(_, member)| member.clone()).collect())?;
            let seen: BTreeSet<Seq> = seen.into_iter().map(|member| member.seq).collect();
            rows.retain(|(group, member)| !foreign_groups.contains(group) || seen.contains(&member.seq));
        }
        let all: Vec<MemberRef> = rows.iter().map(|(_, member)| member.clone()).collect();
        let names = names(txn, session, &all)?;
        for (group, member) in rows {
            members.entry(group).or_default().push(with_name(member, &names));
        }
    }
    let mut groups: BTreeMap<Seq, Vec<GroupOf>> = users_to_fill.iter().map(|seq| (*seq, Vec::new())).collect();
    if !users_to_fill.is_empty() {
        let levels = group_levels(job.service.limits(), &session.switches);
        for group in txn.groups_of(&session.view, &users_to_fill, levels)? {
            groups.entry(group.member).or_default().push(group);
        }
    }
    resources
        .iter()
        .map(|stored| {
            let mut shown = Shown::bare(stored, document(stored)?, &session.view);
            shown.members = members.remove(&stored.seq);
            shown.groups = groups.remove(&stored.seq);
            Ok(shown)
        })
        .collect()
}

fn names(txn: &mut dyn Txn, session: &Session, members: &[MemberRef]) -> Result<BTreeMap<Seq, String>, StoreError> {
    match session.switches.member_display {
        Toggle::On => membership::names(txn, members),
        Toggle::Off => Ok(BTreeMap::new()),
    }
}

fn with_name(member: MemberRef, names: &BTreeMap<Seq, String>) -> ShownMember {
    ShownMember { display: names.get(&member.seq).cloned(), id: member.id, resource_type: member.resource_type }
}
