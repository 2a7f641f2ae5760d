//! Management of tenants, connections and tokens: the command line's and the console's use cases.

use std::sync::Arc;

use headcount_model::{
    Actor, Clock, Connection, ConnectionState, Entropy, Preset, ScopeSet, Tenant, Timestamp, TokenRecord,
};
use headcount_store::{Store, StoreError};
use headcount_token::PlainToken;
use scim_schema::Registry;

/// Why a management act was refused. `Display` is a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManageError {
    /// There is no such thing; the text says what exists.
    #[error("{0}")]
    NotFound(String),
    /// The input is not acceptable; the text says what would be.
    #[error("{0}")]
    Invalid(String),
    /// The name is taken.
    #[error("{0}")]
    Taken(String),
    /// The store failed.
    #[error("the database could not be used")]
    Store(#[source] StoreError),
}

/// Management over one store.
#[derive(Clone)]
pub struct Manage {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Schemas, for imports.
    pub registry: Arc<Registry>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Who acts.
    pub actor: Actor,
}

/// A token that was just made: the only moment its text exists.
#[derive(Debug)]
pub struct MadeToken {
    /// The record.
    pub record: TokenRecord,
    /// The token.
    pub token: PlainToken,
    /// Its connection.
    pub connection: Connection,
}

/// The result of an import.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Imported {
    /// Accounts made.
    pub created: u64,
    /// Lines refused: line number from 1, and why.
    pub refused: Vec<(u64, String)>,
}

impl Manage {
    /// Makes the tenant `default` with one connection (preset `generic`, on, entitled) in a fresh
    /// database; nothing if there is any tenant.
    ///
    /// # Errors
    /// [`ManageError::Store`].
    pub fn bootstrap(&self) -> Result<(), ManageError> {
        todo!()
    }

    /// Makes a tenant.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn create_tenant(&self, slug: &str, name: Option<&str>, hosts: &[String], entitled: bool) -> Result<Tenant, ManageError> {
        let _ = (slug, name, hosts, entitled);
        todo!()
    }

    /// All tenants, by slug.
    ///
    /// # Errors
    /// [`ManageError::Store`].
    pub fn tenants(&self) -> Result<Vec<Tenant>, ManageError> {
        todo!()
    }

    /// The tenant of this slug or id.
    ///
    /// # Errors
    /// [`ManageError::NotFound`] naming the tenants there are.
    pub fn tenant(&self, slug_or_id: &str) -> Result<Tenant, ManageError> {
        let _ = slug_or_id;
        todo!()
    }

    /// Sets `name`, `entitled` (`true`, `false`), `hosts` (comma list) of a tenant.
    ///
    /// # Errors
    /// [`ManageError`] naming the keys or words that exist.
    pub fn set_tenant(&self, slug_or_id: &str, pairs: &[(String, String)]) -> Result<Tenant, ManageError> {
        let _ = (slug_or_id, pairs);
        todo!()
    }

    /// Makes a connection of a tenant.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn create_connection(
        &self,
        tenant: &str,
        preset: Preset,
        name: Option<&str>,
        state: ConnectionState,
    ) -> Result<(Tenant, Connection), ManageError> {
        let _ = (tenant, preset, name, state);
        todo!()
    }

    /// The connections (the application's left out) of one tenant, or of all.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn connections(&self, tenant: Option<&str>) -> Result<Vec<(Tenant, Connection)>, ManageError> {
        let _ = tenant;
        todo!()
    }

    /// The connection of this id.
    ///
    /// # Errors
    /// [`ManageError::NotFound`].
    pub fn connection(&self, id: &str) -> Result<(Tenant, Connection), ManageError> {
        let _ = id;
        todo!()
    }

    /// Sets `name`, `preset`, `state` or any switch of a connection, all or nothing.
    ///
    /// # Errors
    /// [`ManageError`] naming the keys or words that exist.
    pub fn set_connection(&self, id: &str, pairs: &[(String, String)]) -> Result<(Tenant, Connection), ManageError> {
        let _ = (id, pairs);
        todo!()
    }

    /// Makes a token. Without a connection: the tenant's only one.
    ///
    /// # Errors
    /// [`ManageError`]; with several connections and none named, `Invalid` listing them.
    pub fn create_token(
        &self,
        tenant: &str,
        connection: Option<&str>,
        name: &str,
        scopes: ScopeSet,
        expires: Option<Timestamp>,
    ) -> Result<MadeToken, ManageError> {
        let _ = (tenant, connection, name, scopes, expires);
        todo!()
    }

    /// The tokens of one tenant or of all, with their connections.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn tokens(&self, tenant: Option<&str>) -> Result<Vec<(Tenant, Connection, TokenRecord)>, ManageError> {
        let _ = tenant;
        todo!()
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// [`ManageError::NotFound`].
    pub fn revoke_token(&self, id: &str) -> Result<TokenRecord, ManageError> {
        let _ = id;
        todo!()
    }

    /// Makes a new token like this one (connection, name, scopes); the old one stays good until
    /// `old_expires`, or until revoked.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn rotate_token(&self, id: &str, old_expires: Option<Timestamp>) -> Result<MadeToken, ManageError> {
        let _ = (id, old_expires);
        todo!()
    }

    /// Imports SCIM Users, one JSON object a line, as accounts of the application.
    /// `progress` is called with the number of lines done.
    ///
    /// # Errors
    /// [`ManageError`] if nothing can be imported at all.
    pub fn import_users(
        &self,
        tenant: &str,
        lines: &mut dyn Iterator<Item = std::io::Result<String>>,
        adoptable: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Imported, ManageError> {
        let _ = (tenant, lines, adoptable, progress);
        todo!()
    }
}
