//! Memberships, in both directions.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use headcount_model::{ConnectionKey, PublicId, Seq, Timestamp};

use super::{MemoryTxn, Row, TenantState, resources::shows};
use crate::{
    error::StoreError,
    members::{GroupOf, MemberRef, MemberTxn, MembershipChange},
    query::View,
};

/// Most unmatched ids that are kept of a group.
const MOST_UNMATCHED: usize = 1_000;

impl Row {
    pub(super) fn member_ref(&self) -> MemberRef {
        MemberRef {
            seq: self.stored.seq,
            id: self.stored.id.clone(),
            resource_type: self.stored.resource_type.as_str().into(),
        }
    }
}

impl TenantState {
    pub(super) fn member_seqs(&self, group: Seq) -> impl Iterator<Item = i64> {
        self.members.find(group.0).into_iter().flat_map(|members| members.iter().copied())
    }

    pub(super) fn group_seqs(&self, member: Seq) -> impl Iterator<Item = i64> {
        self.groups.find(member.0).into_iter().flat_map(|groups| groups.iter().copied())
    }

    pub(super) fn member_refs(&self, group: Seq) -> Vec<MemberRef> {
        self.member_seqs(group).filter_map(|seq| self.resources.find(seq)).map(|row| row.member_ref()).collect()
    }

    /// The groups that the view shows and this resource is in, up to `levels` above it.
    pub(super) fn groups_above(&self, view: &View, member: Seq, levels: u8) -> Vec<GroupOf> {
        // The resource itself counts as visited: it is never a group of its own.
        let mut visited = BTreeSet::from([member.0]);
        let mut found = BTreeMap::new();
        let mut level = vec![member.0];
        for height in 0..levels {
            let mut above = Vec::new();
            for seq in level {
                for group in self.group_seqs(Seq(seq)) {
                    let Some(row) = self.resources.find(group).filter(|row| shows(view, &row.stored)) else { continue };
                    if visited.insert(group) {
                        found.insert(group, (row, height == 0));
                        above.push(group);
                    }
                }
            }
            level = above;
        }
        found
            .into_values()
            .map(|(row, direct)| GroupOf {
                member,
                group: row.stored.seq,
                id: row.stored.id.clone(),
                display: display_name(row).map(Into::into),
                direct,
            })
            .collect()
    }

    fn link(&mut self, group: i64, member: i64) -> bool {
        Arc::make_mut(self.groups.entry(member).or_default()).insert(group);
        Arc::make_mut(self.members.entry(group).or_default()).insert(member)
    }

    pub(super) fn unlink(&mut self, group: i64, member: i64) -> bool {
        if let Some(groups) = self.groups.find_mut(member) {
            Arc::make_mut(groups).remove(&group);
        }
        self.members.find_mut(group).is_some_and(|members| Arc::make_mut(members).remove(&member))
    }

    /// The row of a member to be added, if it is still there.
    fn expect_member(&self, member: &MemberRef) -> Result<i64, StoreError> {
        let row = self.resources.find(member.seq.0).filter(|row| row.stored.id == member.id);
        row.map(|row| row.stored.seq.0).ok_or(StoreError::NotFound)
    }

    fn expect_group(&self, group: Seq) -> Result<(), StoreError> {
        self.resources.find(group.0).map(|_| ()).ok_or(StoreError::NotFound)
    }

    fn public_id(&self, seq: i64) -> Option<PublicId> {
        self.resources.find(seq).map(|row| row.stored.id.clone())
    }
}

fn display_name(row: &Row) -> Option<String> {
    let document: serde_json::Value = serde_json::from_str(&row.stored.document).ok()?;
    document.get("displayName")?.as_str().map(ToOwned::to_owned)
}

fn sorted(mut ids: Vec<PublicId>) -> Vec<PublicId> {
    ids.sort();
    ids
}

impl MemberTxn for MemoryTxn {
    fn find_members(&mut self, view: &View, ids: &[&str]) -> Result<Vec<MemberRef>, StoreError> {
        let own = self.own()?;
        let ids: BTreeSet<&str> = ids.iter().copied().collect();
        let rows = ids.into_iter().filter_map(|id| own.resources.find(*own.ids.find(&id.to_owned())?));
        Ok(rows.filter(|row| shows(view, &row.stored)).map(|row| row.member_ref()).collect())
    }

    fn add_members(&mut self, group: Seq, members: &[MemberRef]) -> Result<Vec<PublicId>, StoreError> {
        let own = self.own_mut()?;
        own.expect_group(group)?;
        let seqs = members.iter().map(|member| own.expect_member(member)).collect::<Result<Vec<_>, _>>()?;
        let added: Vec<i64> = seqs.into_iter().filter(|member| own.link(group.0, *member)).collect();
        Ok(sorted(added.into_iter().filter_map(|seq| own.public_id(seq)).collect()))
    }

    fn remove_members(&mut self, group: Seq, ids: &[&str]) -> Result<Vec<PublicId>, StoreError> {
        let own = self.own_mut()?;
        let mut removed = Vec::new();
        for id in ids {
            let Some(seq) = own.ids.find(&(*id).to_owned()).copied() else { continue };
            if own.unlink(group.0, seq) {
                removed.push(PublicId::from_text(id));
            }
        }
        Ok(sorted(removed))
    }

    fn replace_members(&mut self, group: Seq, members: &[MemberRef]) -> Result<MembershipChange, StoreError> {
        let own = self.own_mut()?;
        own.expect_group(group)?;
        let wanted = members.iter().map(|member| own.expect_member(member)).collect::<Result<BTreeSet<_>, _>>()?;
        let present: BTreeSet<i64> = own.member_seqs(group).collect();
        let ids =
            |own: &TenantState, seqs: Vec<i64>| sorted(seqs.into_iter().filter_map(|seq| own.public_id(seq)).collect());
        let removed: Vec<i64> = present.difference(&wanted).copied().collect();
        let added: Vec<i64> = wanted.difference(&present).copied().collect();
        for member in &removed {
            own.unlink(group.0, *member);
        }
        for member in &added {
            own.link(group.0, *member);
        }
        Ok(MembershipChange { added: ids(own, added), removed: ids(own, removed) })
    }

    fn members(&mut self, group: Seq, after: Option<Seq>, limit: u64) -> Result<Vec<MemberRef>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let own = self.own()?;
        let seqs = own.member_seqs(group).filter(|seq| after.is_none_or(|after| *seq > after.0)).take(limit);
        Ok(seqs.filter_map(|seq| own.resources.find(seq)).map(|row| row.member_ref()).collect())
    }

    fn members_of(&mut self, groups: &[Seq], limit: u64) -> Result<Vec<(Seq, MemberRef)>, StoreError> {
        let own = self.own()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let groups: BTreeSet<Seq> = groups.iter().copied().collect();
        Ok(groups
            .into_iter()
            .flat_map(|group| own.member_refs(group).into_iter().map(move |member| (group, member)))
            .take(limit)
            .collect())
    }

    fn count_members(&mut self, group: Seq) -> Result<u64, StoreError> {
        Ok(u64::try_from(self.own()?.member_seqs(group).count()).unwrap_or(u64::MAX))
    }

    fn groups_of(&mut self, view: &View, members: &[Seq], levels: u8) -> Result<Vec<GroupOf>, StoreError> {
        let own = self.own()?;
        let members: BTreeSet<Seq> = members.iter().copied().collect();
        Ok(members.into_iter().flat_map(|member| own.groups_above(view, member, levels)).collect())
    }

    fn groups_with_member(&mut self, member: Seq) -> Result<Vec<(MemberRef, ConnectionKey)>, StoreError> {
        let own = self.own()?;
        let rows = own.group_seqs(member).filter_map(|seq| own.resources.find(seq));
        let mut groups: Vec<_> = rows.map(|row| (row.member_ref(), row.stored.owner)).collect();
        groups.sort_by(|(left, _), (right, _)| left.id.cmp(&right.id));
        Ok(groups)
    }

    fn touch_group(&mut self, group: Seq, at: Timestamp) -> Result<i64, StoreError> {
        let row = self.own_mut()?.resources.find_mut(group.0).ok_or(StoreError::NotFound)?;
        let stored = &mut Arc::make_mut(row).stored;
        stored.version = stored.version.saturating_add(1);
        stored.modified = at;
        Ok(stored.version)
    }

    fn note_unmatched(&mut self, group: Seq, ids: &[&str], at: Timestamp) -> Result<(), StoreError> {
        let own = self.own_mut()?;
        own.expect_group(group)?;
        let noted = own.unmatched.entry(group.0).or_default();
        for id in ids {
            noted.retain(|(known, _)| known != id);
            noted.push(((*id).to_owned(), at));
        }
        // The longest unseen stand first.
        noted.drain(..noted.len().saturating_sub(MOST_UNMATCHED));
        Ok(())
    }

    fn unmatched(&mut self, group: Seq) -> Result<Vec<String>, StoreError> {
        let noted = self.own()?.unmatched.find(group.0);
        Ok(noted.into_iter().flatten().map(|(id, _)| id.clone()).collect())
    }
}
