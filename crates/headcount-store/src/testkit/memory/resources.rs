//! Resources as rows.

use std::sync::Arc;

use headcount_model::{ConnectionKey, ConnectionKind, PublicId, Seq};

use super::{MemoryTxn, Row, TenantState, UniqueKey, unique};
use crate::{
    error::{Holder, StoreError},
    index::{IndexForm, UniqueScope},
    page::Page,
    query::{Adoptable, Query, View},
    resources::{Lock, NewResource, ResourceTxn, StoredResource, Tombstone, Update},
};

/// Whether the view shows the resource.
pub(super) fn shows(view: &View, resource: &StoredResource) -> bool {
    resource.owner == view.connection || resource.adoptable && view.adoptable == Adoptable::Seen
}

/// The unique values of a resource.
fn unique_keys(resource_type: &str, owner: ConnectionKey, index: &IndexForm) -> Vec<UniqueKey> {
    let scoped = |scope| match scope {
        UniqueScope::Tenant => 0,
        UniqueScope::Owner => owner.0,
    };
    let key = index.key.iter().map(|key| UniqueKey {
        scope: scoped(index.scope),
        resource_type: resource_type.to_owned(),
        attribute: key_attribute(resource_type).to_owned(),
        key: key.clone(),
    });
    let others = index.unique.iter().map(|value| UniqueKey {
        scope: scoped(value.scope),
        resource_type: resource_type.to_owned(),
        attribute: value.path.clone(),
        key: value.key.clone(),
    });
    key.chain(others).collect()
}

/// The attribute behind [`IndexForm::key`].
fn key_attribute(resource_type: &str) -> &'static str {
    if resource_type == "Group" { "displayName" } else { "userName" }
}

/// Which count a resource belongs to.
fn count_key(resource: &StoredResource) -> (i64, String) {
    let owner = if resource.adoptable { 0 } else { resource.owner.0 };
    (owner, resource.resource_type.clone())
}

impl TenantState {
    pub(super) fn by_id(&self, id: &str) -> Option<&Arc<Row>> {
        self.resources.find(*self.ids.find(&id.to_owned())?)
    }

    pub(super) fn by_key(&self, resource_type: &str, owner: Option<ConnectionKey>, key: &str) -> Option<&Arc<Row>> {
        let key = UniqueKey {
            scope: owner.map_or(0, |owner| owner.0),
            resource_type: resource_type.to_owned(),
            attribute: key_attribute(resource_type).to_owned(),
            key: key.to_owned(),
        };
        self.resources.find(*self.unique.find(&key)?)
    }

    fn application(&self) -> Option<ConnectionKey> {
        let mut connections = self.connections.values();
        connections.find(|connection| connection.kind == ConnectionKind::Application).map(|connection| connection.key)
    }

    /// How many resources of the type the view shows.
    pub(super) fn count(&self, view: &View, resource_type: &str) -> u64 {
        let count = |owner: i64| self.counts.get(&(owner, resource_type.to_owned())).copied().unwrap_or_default();
        // The application owns what can be adopted.
        let adoptable = view.adoptable == Adoptable::Seen || self.application() == Some(view.connection);
        // 0 names no connection.
        let own = if view.connection.0 == 0 { 0 } else { count(view.connection.0) };
        own.saturating_add(if adoptable { count(0) } else { 0 })
    }

    /// Refuses values that another row holds; `own` is the row they are for.
    fn check_unique(&self, keys: &[UniqueKey], own: Option<i64>) -> Result<(), StoreError> {
        let taken = |key: &&UniqueKey| self.unique.find(key).is_some_and(|holder| Some(*holder) != own);
        match keys.iter().find(taken) {
            Some(key) => Err(unique(&key.attribute)),
            None => Ok(()),
        }
    }

    fn insert_row(&mut self, row: Row) {
        let seq = row.stored.seq.0;
        for key in unique_keys(&row.stored.resource_type, row.stored.owner, &row.index) {
            self.unique.insert(key, seq);
        }
        self.ids.insert(row.stored.id.to_string(), seq);
        let count = self.counts.entry(count_key(&row.stored)).or_default();
        *count = count.saturating_add(1);
        self.resources.insert(seq, Arc::new(row));
    }

    fn remove_row(&mut self, seq: i64) -> Option<Arc<Row>> {
        let row = self.resources.remove(seq)?;
        for key in unique_keys(&row.stored.resource_type, row.stored.owner, &row.index) {
            self.unique.remove(&key);
        }
        self.ids.remove(&row.stored.id.to_string());
        let count = self.counts.entry(count_key(&row.stored)).or_default();
        *count = count.saturating_sub(1);
        Some(row)
    }
}

impl ResourceTxn for MemoryTxn {
    fn find_resource(
        &mut self,
        view: &View,
        resource_type: &str,
        id: &str,
        _lock: Lock,
    ) -> Result<Option<StoredResource>, StoreError> {
        let shown = |row: &&Arc<Row>| row.stored.resource_type == resource_type && shows(view, &row.stored);
        Ok(self.own()?.by_id(id).filter(shown).map(|row| row.stored.clone()))
    }

    fn load_resources(&mut self, seqs: &[Seq]) -> Result<Vec<StoredResource>, StoreError> {
        let own = self.own()?;
        let seqs: std::collections::BTreeSet<&Seq> = seqs.iter().collect();
        Ok(seqs.into_iter().filter_map(|seq| own.resources.find(seq.0)).map(|row| row.stored.clone()).collect())
    }

    fn query(&mut self, query: &Query) -> Result<Page, StoreError> {
        self.own()?.search(&self.registry, query)
    }

    fn key_holder(
        &mut self,
        resource_type: &str,
        owner: Option<ConnectionKey>,
        key: &str,
    ) -> Result<Option<Holder>, StoreError> {
        let row = self.own()?.by_key(resource_type, owner, key);
        Ok(row.map(|row| Holder { owner: row.stored.owner, adoptable: row.stored.adoptable }))
    }

    fn adoptable_holder(&mut self, resource_type: &str, key: &str) -> Result<Option<Seq>, StoreError> {
        let own = self.own()?;
        let rows = [own.by_key(resource_type, own.application(), key), own.by_key(resource_type, None, key)];
        Ok(rows.into_iter().flatten().find(|row| row.stored.adoptable).map(|row| row.stored.seq))
    }

    fn insert_resource(&mut self, new: &NewResource) -> Result<Seq, StoreError> {
        let seq = self.state.last_seq.saturating_add(1);
        let own = self.own_mut()?;
        if own.ids.find(&new.id.to_string()).is_some() {
            return Err(unique("id"));
        }
        own.check_unique(&unique_keys(&new.resource_type, new.owner, &new.index), None)?;
        own.insert_row(Row {
            stored: StoredResource {
                seq: Seq(seq),
                id: new.id.clone(),
                resource_type: new.resource_type.clone(),
                owner: new.owner,
                adoptable: new.adoptable,
                version: new.version,
                created: new.created,
                modified: new.modified,
                document: new.document.as_str().into(),
            },
            index: new.index.clone(),
        });
        self.state.last_seq = seq;
        Ok(Seq(seq))
    }

    fn update_resource(&mut self, update: &Update<'_>) -> Result<i64, StoreError> {
        let own = self.own_mut()?;
        let seq = update.before.seq.0;
        let row = own.resources.find(seq).ok_or(StoreError::VersionMismatch)?;
        if row.stored.version != update.before.version || row.stored.id != update.before.id {
            return Err(StoreError::VersionMismatch);
        }
        let mut stored = row.stored.clone();
        own.check_unique(&unique_keys(&stored.resource_type, update.owner, update.index), Some(seq))?;
        stored.owner = update.owner;
        stored.adoptable = update.adoptable;
        stored.version = stored.version.saturating_add(1);
        stored.modified = update.modified;
        stored.document = update.document.as_str().into();
        let version = stored.version;
        own.remove_row(seq);
        own.insert_row(Row { stored, index: update.index.clone() });
        Ok(version)
    }

    fn reindex_resource(&mut self, resource: &StoredResource, index: &IndexForm) -> Result<(), StoreError> {
        let own = self.own_mut()?;
        let seq = resource.seq.0;
        let row = own.resources.find(seq).filter(|row| row.stored.id == resource.id).ok_or(StoreError::NotFound)?;
        let stored = row.stored.clone();
        own.check_unique(&unique_keys(&stored.resource_type, stored.owner, index), Some(seq))?;
        own.remove_row(seq);
        own.insert_row(Row { stored, index: index.clone() });
        Ok(())
    }

    fn delete_resource(&mut self, resource: &StoredResource, tombstone: &Tombstone) -> Result<(), StoreError> {
        let own = self.own_mut()?;
        let seq = resource.seq.0;
        if own.resources.find(seq).is_none_or(|row| row.stored.id != resource.id) {
            return Err(StoreError::NotFound);
        }
        own.remove_row(seq);
        let members: Vec<i64> = own.member_seqs(resource.seq).collect();
        let groups: Vec<i64> = own.group_seqs(resource.seq).collect();
        for member in members {
            own.unlink(seq, member);
        }
        for group in groups {
            own.unlink(group, seq);
        }
        own.members.remove(seq);
        own.groups.remove(seq);
        own.unmatched.remove(seq);
        own.passwords.remove(seq);
        own.tombstones.push(Arc::new(tombstone.clone()));
        Ok(())
    }

    fn find_tombstone(
        &mut self,
        resource_type: &str,
        owner: ConnectionKey,
        key: &str,
    ) -> Result<Option<Tombstone>, StoreError> {
        let named = |tombstone: &&Arc<Tombstone>| {
            tombstone.resource_type == resource_type
                && tombstone.owner == owner
                && tombstone.key.as_deref() == Some(key)
        };
        Ok(self.own()?.tombstones.iter().rev().find(named).map(|tombstone| (**tombstone).clone()))
    }

    fn forget_tombstone(&mut self, id: &PublicId) -> Result<(), StoreError> {
        self.own_mut()?.tombstones.retain(|tombstone| tombstone.id != *id);
        Ok(())
    }
}
