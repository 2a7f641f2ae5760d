//! Group members as rows.

#![expect(
    clippy::missing_errors_doc,
    reason = "every method fails as StoreError says; a method tells what is particular to it"
)]

use std::sync::Arc;

use headcount_model::{ConnectionKey, PublicId, Seq, Timestamp};

use crate::{error::StoreError, query::View};

/// A resource that is or may become a member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberRef {
    /// The member's row.
    pub seq: Seq,
    /// Its public id.
    pub id: PublicId,
    /// Its resource type's name.
    pub resource_type: Arc<str>,
}

/// Members as they are read to be shown, in the order of their rows: ids and types, and nothing that an
/// answer does not need.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MemberIds {
    /// How many there are.
    pub count: u64,
    /// The row of the last one, behind which there may be others; `None`: there are no others.
    pub last: Option<Seq>,
    /// Neighbours of one type together.
    pub runs: Vec<MemberRun>,
}

/// Members of one type that follow each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberRun {
    /// Their resource type's name.
    pub resource_type: Arc<str>,
    /// Their public ids, with a blank between each two: ids are ours and hold none.
    pub ids: String,
}

impl MemberRun {
    /// The public ids.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.split(' ')
    }
}

impl MemberIds {
    /// These members, of which at most `limit` were asked for.
    #[must_use]
    pub fn of(members: Vec<MemberRef>, limit: u64) -> Self {
        let mut ids = Self::default();
        for MemberRef { seq, id, resource_type } in members {
            ids.count = ids.count.saturating_add(1);
            ids.last = (ids.count >= limit).then_some(seq);
            match ids.runs.last_mut() {
                Some(run) if run.resource_type == resource_type => {
                    run.ids.push(' ');
                    run.ids.push_str(id.as_str());
                }
                _ => ids.runs.push(MemberRun { resource_type, ids: id.as_str().to_owned() }),
            }
        }
        ids
    }
}

/// A group that a resource is in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupOf {
    /// The resource asked about.
    pub member: Seq,
    /// The group's row.
    pub group: Seq,
    /// The group's public id.
    pub id: PublicId,
    /// The group's displayName as stored, if it has one.
    pub display: Option<Arc<str>>,
    /// Whether the resource is itself a member, or only a member of a member.
    pub direct: bool,
}

/// What changed in a membership list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MembershipChange {
    /// Public ids that were not members before, in id order.
    pub added: Vec<PublicId>,
    /// Public ids that are no members any more, in id order.
    pub removed: Vec<PublicId>,
}

/// Members in a transaction.
///
/// Whoever takes members out or adds some also touches the group ([`Self::touch_group`]), or updates it, in
/// the same transaction: the version tells that the members are others.
pub trait MemberTxn {
    /// Which of these public ids name resources that the view shows, looked up by one set; in id
    /// order, without repeats.
    fn find_members(&mut self, view: &View, ids: &[&str]) -> Result<Vec<MemberRef>, StoreError>;

    /// Adds members; present ones stay. Returns the public ids that were added, in id order.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if a member was deleted meanwhile.
    fn add_members(&mut self, group: Seq, members: &[MemberRef]) -> Result<Vec<PublicId>, StoreError>;

    /// Takes members out by public id; absent ones are no error. Returns those taken out, in id
    /// order.
    fn remove_members(&mut self, group: Seq, ids: &[&str]) -> Result<Vec<PublicId>, StoreError>;

    /// Makes these the only members, writing only the difference.
    fn replace_members(&mut self, group: Seq, members: &[MemberRef]) -> Result<MembershipChange, StoreError>;

    /// The members after `after` in the order of their rows, at most `limit`.
    fn members(&mut self, group: Seq, after: Option<Seq>, limit: u64) -> Result<Vec<MemberRef>, StoreError>;

    /// The same members as [`Self::members`], to be shown.
    fn member_ids(&mut self, group: Seq, after: Option<Seq>, limit: u64) -> Result<MemberIds, StoreError> {
        Ok(MemberIds::of(self.members(group, after, limit)?, limit))
    }

    /// The members of several groups, for a page of them: (group, member), by group row, then member
    /// row, at most `limit`.
    fn members_of(&mut self, groups: &[Seq], limit: u64) -> Result<Vec<(Seq, MemberRef)>, StoreError>;

    /// How many members a group has.
    fn count_members(&mut self, group: Seq) -> Result<u64, StoreError>;

    /// Whether a group has more members than this many; no dearer for a group of a million than for one
    /// of so many.
    fn has_more_members(&mut self, group: Seq, than: u64) -> Result<bool, StoreError> {
        let most = than.saturating_add(1);
        Ok(u64::try_from(self.members(group, None, most)?.len()).unwrap_or(u64::MAX) > than)
    }

    /// The groups that these resources are in, and those above them up to `levels` (1: direct only),
    /// of this view only. Every walk remembers what it visited, so circles end, and no resource is in
    /// itself. Direct wins where a group is both. Ordered by member, then group row.
    fn groups_of(&mut self, view: &View, members: &[Seq], levels: u8) -> Result<Vec<GroupOf>, StoreError>;

    /// The groups that this resource is directly in, of any owner, in the order of their ids, with
    /// their owners.
    fn groups_with_member(&mut self, member: Seq) -> Result<Vec<(MemberRef, ConnectionKey)>, StoreError>;

    /// Notes that a group's members changed: its version moves and its `modified` becomes `at`.
    /// Returns the version as this transaction sees it.
    fn touch_group(&mut self, group: Seq, at: Timestamp) -> Result<i64, StoreError>;

    /// Remembers member ids that named nobody (R15), with the time they were last seen; at most
    /// 1,000 a group are kept.
    fn note_unmatched(&mut self, group: Seq, ids: &[&str], at: Timestamp) -> Result<(), StoreError>;

    /// The member ids of a group that named nobody.
    fn unmatched(&mut self, group: Seq) -> Result<Vec<String>, StoreError>;
}
