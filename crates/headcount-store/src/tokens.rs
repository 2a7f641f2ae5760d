//! Tokens in a transaction.

#![expect(
    clippy::missing_errors_doc,
    reason = "every method fails as StoreError says; a method tells what is particular to it"
)]

use headcount_model::{Connection, Tenant, Timestamp, TokenId, TokenRecord};
use headcount_token::TokenHash;

use crate::error::StoreError;

/// All that decides whether a token may act, read in the transaction that acts.
#[derive(Clone, PartialEq, Debug)]
pub struct Credential {
    /// The token.
    pub token: TokenRecord,
    /// Its connection.
    pub connection: Connection,
    /// Its tenant.
    pub tenant: Tenant,
}

/// As much of a [`Credential`] as tells whether one that is remembered is still true.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// When the token ends by itself.
    pub expires: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// When its use was last noted.
    pub last_used: Option<Timestamp>,
    /// The revision of its connection; switches and state move it.
    pub connection_revision: i64,
    /// The revision of its tenant; entitlement and hosts move it.
    pub tenant_revision: i64,
}

impl Standing {
    /// The standing of a credential as it was read.
    #[must_use]
    pub fn of(credential: &Credential) -> Self {
        Self {
            expires: credential.token.expires,
            revoked: credential.token.revoked,
            last_used: credential.token.last_used,
            connection_revision: credential.connection.revision,
            tenant_revision: credential.tenant.revision,
        }
    }

    /// Whether everything that decides is as it was: only the note of the last use may differ.
    #[must_use]
    pub fn decides_like(&self, other: &Self) -> bool {
        Self { last_used: None, ..*self } == Self { last_used: None, ..*other }
    }
}

/// Tokens in a transaction.
pub trait TokenTxn {
    /// The standing of a token of this tenant, dead or alive: `credential` in short.
    fn standing(&mut self, id: &TokenId) -> Result<Option<Standing>, StoreError> {
        Ok(self.credential(id)?.as_ref().map(Standing::of))
    }

    /// The credential of a token of this tenant, dead or alive.
    fn credential(&mut self, id: &TokenId) -> Result<Option<Credential>, StoreError>;

    /// Inserts a token and its index row.
    ///
    /// # Errors
    /// [`StoreError::Unique`] if the id exists.
    fn insert_token(&mut self, record: &TokenRecord, hash: &TokenHash) -> Result<(), StoreError>;

    /// The tenant's tokens, dead ones too, in the order of creation.
    fn tokens(&mut self) -> Result<Vec<TokenRecord>, StoreError>;

    /// Revokes a token; one already revoked stays as it is. Returns the record.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    fn revoke_token(&mut self, id: &TokenId, at: Timestamp) -> Result<TokenRecord, StoreError>;

    /// Sets when a token ends by itself (rotation with overlap).
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    fn expire_token(&mut self, id: &TokenId, at: Option<Timestamp>) -> Result<TokenRecord, StoreError>;

    /// Notes when a token was used; called at most once a minute and token.
    fn use_token(&mut self, id: &TokenId, at: Timestamp) -> Result<(), StoreError>;
}
