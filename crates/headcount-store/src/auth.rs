//! From a presented token to the right to open its tenant's transactions.

use headcount_model::{ConnectionKey, TokenId};
use headcount_token::{PlainToken, TokenError, Verifier};

use crate::{
    ctx::TenantCtx,
    error::StoreError,
    system::{SystemStore, TokenBinding},
};

/// A token whose secret was verified. Whether it is still good is read with the work.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The right to open its tenant's transactions.
    pub ctx: TenantCtx,
    /// The connection it belongs to.
    pub connection: ConnectionKey,
    /// The token's public part.
    pub token: TokenId,
}

/// Why a token was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The token itself.
    #[error("the token was refused")]
    Token(#[source] TokenError),
    /// No token of that id exists.
    #[error("no such token")]
    Unknown,
    /// The store failed.
    #[error("the token could not be looked up")]
    Store(#[source] StoreError),
}

/// Verifies a presented token: shape and checksum, then the index, then the secret.
///
/// # Errors
/// [`AuthError`].
pub fn authenticate(store: &dyn SystemStore, verifier: &Verifier, presented: &str) -> Result<Authenticated, AuthError> {
    let token = PlainToken::parse(presented).map_err(AuthError::Token)?;
    let TokenBinding { tenant, connection, hash } =
        store.find_token(token.id()).map_err(AuthError::Store)?.ok_or(AuthError::Unknown)?;
    verifier.verify(&token, &hash).map_err(AuthError::Token)?;
    Ok(Authenticated { ctx: TenantCtx::new(tenant), connection, token: token.id().clone() })
}
