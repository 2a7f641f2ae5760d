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

/// Tokens in a transaction.
pub trait TokenTxn {
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
