//! Resources as rows.

#![expect(
    clippy::missing_errors_doc,
    reason = "every method fails as StoreError says; a method tells what is particular to it"
)]

use std::sync::Arc;

use headcount_model::{ConnectionKey, PublicId, Seq, Timestamp};

use crate::{
    error::{Holder, StoreError},
    index::IndexForm,
    page::Page,
    query::{Query, View},
};

/// A resource as it is stored.
#[derive(Clone, PartialEq, Debug)]
pub struct StoredResource {
    /// The row's number, in the order of creation.
    pub seq: Seq,
    /// The public id.
    pub id: PublicId,
    /// The resource type's name.
    pub resource_type: String,
    /// The connection that owns it.
    pub owner: ConnectionKey,
    /// Whether it waits to be adopted (owner is the tenant's application connection).
    pub adoptable: bool,
    /// Grows by one with every change; for a group on PostgreSQL by at least one.
    pub version: i64,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
    /// The document (`scim_schema::Resource`) as JSON text: `schemas` and attributes; without `id`,
    /// `meta`, `groups` and `members`.
    pub document: Arc<str>,
}

/// A resource to be inserted.
#[derive(Clone, PartialEq, Debug)]
pub struct NewResource {
    /// The public id.
    pub id: PublicId,
    /// The resource type's name.
    pub resource_type: String,
    /// The connection that will own it.
    pub owner: ConnectionKey,
    /// Whether it waits to be adopted.
    pub adoptable: bool,
    /// The first version; 1, or that of the revived tombstone plus one.
    pub version: i64,
    /// When it is made.
    pub created: Timestamp,
    /// When it last changed; equal to `created` but for revived ones.
    pub modified: Timestamp,
    /// The document.
    pub document: String,
    /// What is indexed.
    pub index: IndexForm,
}

/// A change of a resource's document or owner.
#[derive(Clone, PartialEq, Debug)]
pub struct Update<'a> {
    /// The row as it was read in this transaction under [`Lock::Exclusive`].
    pub before: &'a StoredResource,
    /// What was indexed before, to write only the difference.
    pub index_before: &'a IndexForm,
    /// The owner from now on.
    pub owner: ConnectionKey,
    /// Whether it waits to be adopted from now on.
    pub adoptable: bool,
    /// When it changed.
    pub modified: Timestamp,
    /// The document from now on.
    pub document: String,
    /// What is indexed from now on.
    pub index: &'a IndexForm,
}

impl Update<'_> {
    /// Whether it would leave everything as it is.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        (self.owner, self.adoptable) == (self.before.owner, self.before.adoptable)
            && *self.document == *self.before.document
            && self.index == self.index_before
    }
}

/// How a row is locked when it is read inside a write transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lock {
    /// Not at all.
    None,
    /// Against deletion: for changes of a group's members, which may run side by side.
    Shared,
    /// Against every other writer.
    Exclusive,
}

/// A deleted resource, kept for the audit and for re-hire.
#[derive(Clone, PartialEq, Debug)]
pub struct Tombstone {
    /// Its public id.
    pub id: PublicId,
    /// The resource type's name.
    pub resource_type: String,
    /// The connection that owned it.
    pub owner: ConnectionKey,
    /// Its folded unique key (userName, displayName).
    pub key: Option<String>,
    /// Its last version.
    pub version: i64,
    /// When it was made.
    pub created: Timestamp,
    /// When it was deleted.
    pub deleted: Timestamp,
    /// Its last document.
    pub document: String,
    /// The public ids of the groups it was in.
    pub groups: Vec<PublicId>,
}

/// Resources in a transaction.
pub trait ResourceTxn {
    /// The resource with this public id, if the view shows it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Busy`], [`StoreError::Backend`]; as for all methods.
    fn find_resource(
        &mut self,
        view: &View,
        resource_type: &str,
        id: &str,
        lock: Lock,
    ) -> Result<Option<StoredResource>, StoreError>;

    /// Resources by sequence, for rendering what a page refers to; no view, since the sequence came
    /// from a row that the view showed. In no particular order.
    fn load_resources(&mut self, seqs: &[Seq]) -> Result<Vec<StoredResource>, StoreError>;

    /// The part of a result that the query asks for, with its true total. Terms that have an index
    /// narrow a scan before it is counted against its bound.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when a scan meets its bound.
    fn query(&mut self, query: &Query) -> Result<Page, StoreError>;

    /// Who holds a unique key (folded userName, tenant-wide; folded displayName, within the owner),
    /// seen or not.
    fn key_holder(
        &mut self,
        resource_type: &str,
        owner: Option<ConnectionKey>,
        key: &str,
    ) -> Result<Option<Holder>, StoreError>;

    /// Whether an adoptable resource of the application has this key (for group names, whose
    /// uniqueness is per owner).
    fn adoptable_holder(&mut self, resource_type: &str, key: &str) -> Result<Option<Seq>, StoreError>;

    /// Inserts a resource and everything that is indexed; counts it.
    ///
    /// # Errors
    /// [`StoreError::Unique`] naming the attribute; the transaction (or savepoint) must be given up
    /// then.
    fn insert_resource(&mut self, new: &NewResource) -> Result<Seq, StoreError>;

    /// Writes a change: version + 1. Returns the new version. Moves the counts when owner or
    /// adoptable change.
    ///
    /// # Errors
    /// [`StoreError::Unique`], [`StoreError::VersionMismatch`] if the row is not at `before.version`
    /// or gone.
    fn update_resource(&mut self, update: &Update<'_>) -> Result<i64, StoreError>;

    /// Writes what is indexed of a resource anew, whatever was indexed of it before; version, time and
    /// document stay. For a change of what is indexed or unique.
    ///
    /// # Errors
    /// [`StoreError::Unique`], [`StoreError::NotFound`].
    fn reindex_resource(&mut self, resource: &StoredResource, index: &IndexForm) -> Result<(), StoreError>;

    /// Deletes a resource, its indexed values, its memberships in both directions, and leaves the
    /// tombstone. The groups that lose it are to be found with
    /// [`crate::members::MemberTxn::groups_with_member`] and touched before.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    fn delete_resource(&mut self, resource: &StoredResource, tombstone: &Tombstone) -> Result<(), StoreError>;

    /// The latest tombstone of this owner, type and key.
    fn find_tombstone(
        &mut self,
        resource_type: &str,
        owner: ConnectionKey,
        key: &str,
    ) -> Result<Option<Tombstone>, StoreError>;

    /// Forgets a tombstone, when its resource is revived.
    fn forget_tombstone(&mut self, id: &PublicId) -> Result<(), StoreError>;
}
