//! Writing anew what is indexed: after a change of what is searchable or unique, or of the Unicode
//! tables behind comparison forms.

use std::collections::BTreeSet;

use headcount_model::{Connection, TenantKey};
use headcount_store::{
    Abort, StoreError, Txn,
    index::{self, IndexPolicy},
    page::{PageKey, Window},
    query::{Adoptable, Query, ScanLimits, Selection, View},
};
use scim_filter::Predicate;
use scim_schema::{Attribute, Registry, Resource, Uniqueness};

use super::{Manage, ManageError};
use crate::{show, write::index_policy};

/// Resources of one transaction: a server beside it is not kept waiting.
const BATCH: u64 = 200;

impl Manage {
    /// Writes what is indexed of every resource anew, in small transactions, beside a running server.
    /// `progress` is called with the number of resources done. Returns that number.
    ///
    /// # Errors
    /// [`ManageError::Taken`] if two resources now have one unique value, [`ManageError::Store`].
    pub fn reindex(&self, progress: &mut dyn FnMut(u64)) -> Result<u64, ManageError> {
        let mut done = 0;
        for tenant in self.tenants()? {
            let connections = self.read(tenant.key, |txn| Ok(txn.connections()?))?;
            for connection in connections {
                self.reindex_connection(tenant.key, &connection, &mut done, progress)?;
            }
        }
        Ok(done)
    }

    fn reindex_connection(
        &self,
        tenant: TenantKey,
        connection: &Connection,
        done: &mut u64,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), ManageError> {
        let policy = index_policy(&connection.switches());
        let mut after = None;
        loop {
            let (count, next) = self.write(tenant, |txn| self.reindex_batch(txn, connection, policy, after.clone()))?;
            *done = done.saturating_add(count);
            progress(*done);
            match next {
                Some(key) => after = Some(key),
                None => return Ok(()),
            }
        }
    }

    /// Writes what is indexed of all resources of a connection anew, in a transaction that goes on.
    pub(super) fn reindex_within(&self, txn: &mut dyn Txn, connection: &Connection) -> Result<(), Abort<ManageError>> {
        let policy = index_policy(&connection.switches());
        let mut after = None;
        loop {
            match self.reindex_batch(txn, connection, policy, after)? {
                (_, Some(key)) => after = Some(key),
                (_, None) => return Ok(()),
            }
        }
    }

    /// The next resources of a connection, and where they end if there are more.
    fn reindex_batch(
        &self,
        txn: &mut dyn Txn,
        connection: &Connection,
        policy: IndexPolicy,
        after: Option<PageKey>,
    ) -> Result<(u64, Option<PageKey>), Abort<ManageError>> {
        let everything = |name: &str| Selection { resource_type: name.to_owned(), predicate: Predicate::All };
        let page = txn.query(&Query {
            view: View { connection: connection.key, adoptable: Adoptable::Hidden },
            selections: self.registry.resource_types().iter().map(|kind| everything(&kind.name)).collect(),
            sort: None,
            window: Window::After { key: after, limit: BATCH },
            scan: ScanLimits::default(),
        })?;
        let mut count = 0_u64;
        for stored in &page.resources {
            let Some(resource_type) = self.registry.resource_type(&stored.resource_type) else { continue };
            let resource = Resource::from_document(show::document(stored)?);
            let form = index::form(resource_type, &resource, policy);
            txn.reindex_resource(stored, &form).map_err(|error| match error {
                StoreError::Unique { attribute } => Abort::Refuse(ManageError::Taken(format!(
                    "{} {} has a value of {attribute} that another resource has too; change one of them first",
                    stored.resource_type, stored.id
                ))),
                error => Abort::Store(error),
            })?;
            count = count.saturating_add(1);
        }
        Ok((count, page.next))
    }

    /// What these schemas have indexed and unique, as text: resources must be indexed anew when it
    /// differs from what it was when they were written.
    #[must_use]
    pub fn indexed(registry: &Registry) -> String {
        let mut entries = BTreeSet::new();
        for kind in registry.resource_types() {
            let extensions = kind.extensions.iter().map(|extension| &extension.schema);
            for schema in std::iter::once(&kind.schema).chain(extensions) {
                for attribute in &schema.attributes {
                    let mut note = |path: String, attribute: &Attribute| {
                        let is_unique = attribute.uniqueness != Uniqueness::None;
                        if attribute.searchable || is_unique {
                            entries.insert(format!(
                                "{} {path} {} {} {}",
                                kind.name,
                                attribute.attr_type.as_str(),
                                if attribute.searchable { "searchable" } else { "unsearchable" },
                                if is_unique { "unique" } else { "shared" },
                            ));
                        }
                    };
                    note(format!("{}:{}", schema.urn, attribute.name), attribute);
                    for sub in &attribute.sub_attributes {
                        note(format!("{}:{}.{}", schema.urn, attribute.name, sub.name), sub);
                    }
                }
            }
        }
        entries.into_iter().collect::<Vec<_>>().join("\n")
    }
}
