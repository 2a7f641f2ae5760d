//! Management of tenants, connections and tokens: the command line's and the console's use cases.

pub(crate) mod administrators;
mod connections;
mod export;
mod import;
mod passwords;
mod reindex;
mod tenants;
mod tokens;

use std::sync::Arc;

use headcount_model::{Actor, Clock, Entropy, Event, EventKind, PublicId, TenantKey};
use headcount_store::{Abort, Store, StoreError, StoreExt, TenantCtx, Txn, system::SystemTx};
use headcount_token::TokenError;
use scim_schema::Registry;
use serde_json::Value;

pub use administrators::{AdministratorState, MadeLink};
pub use connections::parse_preset;
pub use export::Sink;
pub use import::Imported;
pub use passwords::PasswordCheck;
pub use tokens::MadeToken;

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
    /// A token could not be hashed.
    #[error("the token could not be made")]
    Token(#[source] TokenError),
    /// A password could not be compared; [`TokenError::Busy`]: try again.
    #[error("the password could not be checked")]
    Password(#[source] TokenError),
}

impl From<StoreError> for ManageError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Abort<Self>> for ManageError {
    fn from(abort: Abort<Self>) -> Self {
        match abort {
            Abort::Store(error) => Self::Store(error),
            Abort::Refuse(error) => error,
        }
    }
}

/// Management over one store; cheap to clone.
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

impl Manage {
    fn mint(&self) -> PublicId {
        PublicId::mint(self.clock.now(), &*self.entropy)
    }

    /// The right to work in a tenant: management is the command line's and the console's, which
    /// have checked who asks.
    fn ctx(tenant: TenantKey) -> TenantCtx {
        SystemTx::for_command_line().tenant(tenant)
    }

    /// A write in a tenant.
    fn write<T: Send>(
        &self,
        tenant: TenantKey,
        work: impl FnMut(&mut dyn Txn) -> Result<T, Abort<ManageError>> + Send,
    ) -> Result<T, ManageError> {
        Ok(self.store.writing(&Self::ctx(tenant), work)?)
    }

    /// A read in a tenant.
    fn read<T: Send>(
        &self,
        tenant: TenantKey,
        work: impl FnMut(&mut dyn Txn) -> Result<T, Abort<ManageError>> + Send,
    ) -> Result<T, ManageError> {
        Ok(self.store.reading(&Self::ctx(tenant), work)?)
    }

    /// A journal entry about something that is no resource.
    fn event(&self, kind: EventKind, detail: &Value) -> Event {
        Event {
            at: self.clock.now(),
            kind,
            actor: self.actor.clone(),
            resource: None,
            version: 0,
            paths: Vec::new(),
            transaction: self.mint(),
            detail: Some(detail.to_string()),
        }
    }
}

/// `true` or `false`.
fn parse_bool(key: &str, text: &str) -> Result<bool, ManageError> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(ManageError::Invalid(format!("{key} takes true or false, not '{text}'"))),
    }
}
