//! The rows of a look, and what is found in them.

use std::{collections::HashMap, sync::Arc};

use diesel::sql_types::{BigInt, Nullable, Text};
use headcount_model::{ConnectionKey, PublicId, Seq, Timestamp};
use headcount_store::{
    StoreError,
    look::Looked,
    members::{GroupOf, MemberIds},
    page::Page,
    resources::StoredResource,
    tokens::Standing,
};

use crate::{
    sql::{Document, Id},
    tokens::{StandingRow, StandingSql, standing_of},
};

/// seq, id, owner, adoptable, version, created, modified, document.
pub(super) type FoundSql = (BigInt, Text, BigInt, BigInt, BigInt, BigInt, BigInt, Text);
pub(super) type FoundRow = (i64, Id, i64, i64, i64, i64, i64, Document);

/// A standing, what was found for it if anything was, and the groups of that as JSON.
pub(super) type RowSql = (StandingSql, Nullable<FoundSql>, Nullable<Text>);
pub(super) type Row = (StandingRow, Option<FoundRow>, Option<String>);

/// The same with how many there are of the owner's, and adoptable ones.
pub(super) type PageSql = (RowSql, BigInt, BigInt);
pub(super) type PageRow = (Row, i64, i64);

/// seq, id, version, created, modified, document of a row whose owner is known.
pub(super) type OwnSql = (BigInt, Text, BigInt, BigInt, BigInt, Text);
pub(super) type OwnRow = (i64, Id, i64, i64, i64, Document);

pub(super) fn own(rows: Vec<OwnRow>, resource_type: &str, owner: ConnectionKey) -> Vec<StoredResource> {
    let resources = rows.into_iter().map(|(seq, id, version, created, modified, document)| StoredResource {
        seq: Seq(seq),
        id: id.0,
        resource_type: resource_type.to_owned(),
        owner,
        adoptable: false,
        version,
        created: Timestamp::from_micros(created),
        modified: Timestamp::from_micros(modified),
        document: document.0,
    });
    resources.collect()
}

/// A group's sequence, id and displayName, and whether it is a member itself.
pub(super) type GroupFound = (i64, String, Option<String>, i64);

/// Reads the groups that PostgreSQL tells line by line, which it does in half the time that it takes for
/// JSON: sequence, the group's own sequence again if it is a member, the length of the id, the id, and the
/// displayName as it stands in the document. JSON has no line ends inside of texts.
pub(super) fn groups_in(lines: &str) -> Option<Vec<GroupFound>> {
    let mut groups = Vec::new();
    let mut rest = lines;
    while !rest.is_empty() {
        let mut next = || -> Option<&str> {
            let (part, others) = rest.split_once(' ')?;
            rest = others;
            Some(part)
        };
        let group = next()?.parse().ok()?;
        let above = i64::from(!next()?.is_empty());
        let length = next()?.parse().ok()?;
        let (id, others) = rest.split_at_checked(length)?;
        let (display, others) = others.split_once('\n').unwrap_or((others, ""));
        groups.push((group, id.to_owned(), serde_json::from_str(display).ok(), above));
        rest = others;
    }
    Some(groups)
}

/// What one statement found.
pub(super) struct Found {
    pub(super) standing: Option<Standing>,
    pub(super) resources: Vec<StoredResource>,
    groups: Vec<GroupOf>,
}

impl Found {
    /// `None`: there are groups above groups, which one statement does not follow.
    pub(super) fn of(rows: Vec<Row>, resource_type: &str, levels: u8) -> Result<Option<Self>, StoreError> {
        let mut found = Self { standing: None, resources: Vec::new(), groups: Vec::new() };
        for (standing, row, groups) in rows {
            found.standing = Some(standing_of(standing));
            let Some((seq, id, conn, adoptable, version, created, modified, document)) = row else { continue };
            let groups = match groups.as_deref() {
                None | Some("" | "[]") => Vec::new(),
                Some(json) if json.starts_with('[') => {
                    serde_json::from_str(json).map_err(|error| StoreError::Backend(error.into()))?
                }
                Some(lines) => groups_in(lines)
                    .ok_or_else(|| StoreError::Backend("the groups of a resource are cut off".into()))?,
            };
            if !found.add_groups(Seq(seq), groups, levels) {
                return Ok(None);
            }
            found.resources.push(StoredResource {
                seq: Seq(seq),
                id: id.0,
                resource_type: resource_type.to_owned(),
                owner: ConnectionKey(conn),
                adoptable: adoptable != 0,
                version,
                created: Timestamp::from_micros(created),
                modified: Timestamp::from_micros(modified),
                document: document.0,
            });
        }
        found.groups.sort_by_key(|group| (group.member, group.group));
        Ok(Some(found))
    }

    /// The same for a page, of which one row has the groups of all: first who is in which, then a line for
    /// each group.
    pub(super) fn of_page(mut rows: Vec<Row>, resource_type: &str, levels: u8) -> Result<Option<Self>, StoreError> {
        let text = rows.iter_mut().find_map(|(_, _, groups)| groups.take()).unwrap_or_default();
        let Some(mut found) = Self::of(rows, resource_type, levels)? else { return Ok(None) };
        let Some((edges, lines)) = text.split_once('\n') else { return Ok(Some(found)) };
        let cut_off = || StoreError::Backend("the groups of a page are cut off".into());
        let mut groups = HashMap::new();
        for (group, id, display, above) in groups_in(lines).ok_or_else(cut_off)? {
            if levels > 1 && above != 0 {
                return Ok(None);
            }
            groups.insert(group, (PublicId::from_text(&id), display.map(Arc::<str>::from)));
        }
        let mut numbers = edges.split(' ').filter(|number| !number.is_empty()).map(str::parse::<i64>);
        while let Some(member) = numbers.next() {
            let (Ok(member), Some(Ok(group))) = (member, numbers.next()) else { return Err(cut_off()) };
            // Nothing is in itself.
            if let Some((id, display)) = groups.get(&group).filter(|_| group != member) {
                let (id, display) = (id.clone(), display.clone());
                found.groups.push(GroupOf { member: Seq(member), group: Seq(group), id, display, direct: true });
            }
        }
        found.groups.sort_by_key(|group| (group.member, group.group));
        Ok(Some(found))
    }

    /// Whether these are all: no group is itself a member, or only direct groups are wanted.
    fn add_groups(&mut self, member: Seq, groups: Vec<GroupFound>, levels: u8) -> bool {
        for (group, id, display, above) in groups {
            if levels > 1 && above != 0 {
                return false;
            }
            // Nothing is in itself.
            if group != member.0 {
                let id = PublicId::from_text(&id);
                let display = display.map(Into::into);
                self.groups.push(GroupOf { member, group: Seq(group), id, display, direct: true });
            }
        }
        true
    }

    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.resources.len()).unwrap_or(u64::MAX)
    }

    /// All there is: the total is what was found, and what was skipped before it.
    pub(super) fn looked(self, skipped: Option<u64>) -> Looked {
        if self.standing.is_none() {
            return Looked::nothing();
        }
        let total = self.count().saturating_add(skipped.unwrap_or(0));
        let page = Page { resources: self.resources, total, next: None };
        Looked { standing: self.standing, page, groups: self.groups, members: MemberIds::default() }
    }
}
