//! Work across tenants: the indexes by which a request finds its tenant, the command line's
//! directory of tenants, background work.

#![expect(
    clippy::missing_errors_doc,
    reason = "every method fails as StoreError says; a method tells what is particular to it"
)]

use headcount_model::{ConnectionKey, PublicId, Tenant, TenantKey, Timestamp, TokenId};
use headcount_token::TokenHash;

use crate::{administrators::AdministratorStore, ctx::TenantCtx, error::StoreError};

/// What the token index knows of a token; it never changes.
#[derive(Clone, PartialEq, Debug)]
pub struct TokenBinding {
    /// Whose it is.
    pub tenant: TenantKey,
    /// The connection it belongs to.
    pub connection: ConnectionKey,
    /// The hash of the token.
    pub hash: TokenHash,
}

/// A tenant to be made, together with its built-in application connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewTenant {
    /// Its public id.
    pub id: PublicId,
    /// Its slug, unique.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Whether it has the entitlement.
    pub entitled: bool,
    /// Its hosts, folded.
    pub hosts: Vec<String>,
    /// The public id of its application connection.
    pub application: PublicId,
    /// When it is made.
    pub created: Timestamp,
}

/// The part of a store that is not inside a tenant. The indexes hold no personal data.
pub trait SystemStore: Send + Sync {
    /// What the token index knows of this public id.
    fn find_token(&self, id: &TokenId) -> Result<Option<TokenBinding>, StoreError>;

    /// The tenant that has this host (folded, without port).
    fn find_host(&self, host: &str) -> Result<Option<TenantKey>, StoreError>;

    /// The tenant and key of a connection by its public id.
    fn find_connection_index(&self, id: &str) -> Result<Option<(TenantKey, ConnectionKey)>, StoreError>;

    /// Makes a tenant and its application connection.
    ///
    /// # Errors
    /// [`StoreError::Unique`] with attribute `slug` or `host`.
    fn insert_tenant(&self, new: &NewTenant) -> Result<Tenant, StoreError>;

    /// All tenants, by slug.
    fn list_tenants(&self) -> Result<Vec<Tenant>, StoreError>;

    /// The tenant of this slug or public id.
    fn find_tenant(&self, slug_or_id: &str) -> Result<Option<Tenant>, StoreError>;

    /// A setting of the installation.
    fn setting(&self, key: &str) -> Result<Option<String>, StoreError>;

    /// Writes a setting of the installation.
    fn set_setting(&self, key: &str, value: &str) -> Result<(), StoreError>;

    /// The setting's value, which becomes `value` if there was none: whoever comes first wins, also
    /// among servers that start at once.
    fn setting_or_insert(&self, key: &str, value: &str) -> Result<String, StoreError>;

    /// Administrators, their sessions and links.
    fn administrators(&self) -> &dyn AdministratorStore;

    /// Whether the database answers and its migrations are current.
    fn ping(&self) -> Result<(), StoreError>;

    /// Background work that is due now, such as numbering journal entries; returns whether there may
    /// be more.
    fn maintain(&self) -> Result<bool, StoreError>;
}

/// The right to open transactions of any tenant: for background work and the command line.
#[derive(Clone, Copy, Debug)]
pub struct SystemTx;

impl SystemTx {
    /// SECURITY: to be made in the command line's commands and in background workers only, never on
    /// the path of a request.
    #[must_use]
    pub fn for_command_line() -> Self {
        Self
    }

    /// The right to open transactions of this tenant.
    #[must_use]
    pub fn tenant(self, tenant: TenantKey) -> TenantCtx {
        TenantCtx::new(tenant)
    }
}
