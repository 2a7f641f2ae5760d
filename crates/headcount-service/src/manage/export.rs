//! Export of a tenant's accounts.

use headcount_model::{Connection, TenantKey};
use headcount_store::{
    page::{PageKey, Window},
    query::{Adoptable, Query, ScanLimits, Selection, View},
    resources::StoredResource,
};
use scim_filter::Predicate;
use serde_json::{Map, Value, json};

use super::{Manage, ManageError};
use crate::{precondition::etag, show};

/// Accounts read at a time: all that an export holds in memory.
const BATCH: u64 = 500;

/// Takes the lines of an export, without their ends.
pub type Sink<'a> = dyn FnMut(&str) -> std::io::Result<()> + 'a;

impl Manage {
    /// Hands every User of a tenant to the sink, as one JSON object a line in the order in which they
    /// were made, connection by connection: the document with `id` and `meta`, in the form that
    /// [`Self::import_users`] takes. `connection` (a public id) narrows it to the accounts that one
    /// identity provider owns. Returns how many there were.
    ///
    /// Batches are read one after another, so an export runs beside a server and its memory does not
    /// grow; an account that is made or deleted meanwhile may be in it or not, every other is in it
    /// once.
    ///
    /// # Errors
    /// [`ManageError::NotFound`] for the tenant or the connection, [`ManageError::Invalid`] if the
    /// sink takes no more, [`ManageError::Store`].
    pub fn export_users(
        &self,
        tenant: &str,
        connection: Option<&str>,
        sink: &mut Sink<'_>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64, ManageError> {
        let tenant = self.tenant(tenant)?;
        let owners = match connection {
            None => self.read(tenant.key, |txn| Ok(txn.connections()?))?,
            Some(id) => match self.connection(id)? {
                (of, connection) if of.key == tenant.key => vec![connection],
                (of, _) => {
                    return Err(ManageError::NotFound(format!(
                        "the connection '{id}' belongs to the tenant '{}', not to '{}'; name that tenant",
                        of.slug, tenant.slug
                    )));
                }
            },
        };
        let mut done = 0;
        for owner in &owners {
            let mut after = None;
            loop {
                let (accounts, next) = self.accounts_after(tenant.key, owner, after)?;
                for account in &accounts {
                    sink(&account_line(account)?)
                        .map_err(|error| ManageError::Invalid(format!("the export cannot be written: {error}")))?;
                }
                done += u64::try_from(accounts.len()).unwrap_or(0);
                progress(done);
                match next {
                    Some(key) => after = Some(key),
                    None => break,
                }
            }
        }
        Ok(done)
    }

    fn accounts_after(
        &self,
        tenant: TenantKey,
        owner: &Connection,
        after: Option<PageKey>,
    ) -> Result<(Vec<StoredResource>, Option<PageKey>), ManageError> {
        let query = Query {
            view: View { connection: owner.key, adoptable: Adoptable::Hidden },
            selections: vec![Selection { resource_type: "User".to_owned(), predicate: Predicate::All }],
            sort: None,
            window: Window::After { key: after, limit: BATCH },
            scan: ScanLimits::default(),
        };
        let page = self.read(tenant, |txn| Ok(txn.query(&query)?))?;
        Ok((page.resources, page.next))
    }
}

fn account_line(stored: &StoredResource) -> Result<String, ManageError> {
    let mut account = Map::new();
    for (name, value) in show::document(stored)? {
        let is_head = name == "schemas";
        account.insert(name, value);
        if is_head {
            account.insert("id".to_owned(), stored.id.as_str().into());
        }
    }
    account.insert("id".to_owned(), stored.id.as_str().into());
    account.insert(
        "meta".to_owned(),
        json!({
            "resourceType": stored.resource_type,
            "created": stored.created.to_string(),
            "lastModified": stored.modified.to_string(),
            "version": etag(stored.version),
        }),
    );
    Ok(Value::Object(account).to_string())
}
