//! From a presented token to the right to open its tenant's transactions.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

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

/// What was looked up of tokens: to whom each belongs and its hash, which never change. Whether a
/// token is still good is not among it.
#[derive(Debug, Default)]
pub struct Bindings {
    known: RwLock<HashMap<TokenId, TokenBinding>>,
}

/// Most tokens that are remembered; beyond it the memory starts anew.
const MOST_BINDINGS: usize = 65_536;

impl Bindings {
    fn find(&self, store: &dyn SystemStore, id: &TokenId) -> Result<TokenBinding, AuthError> {
        if let Some(binding) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(id) {
            return Ok(binding.clone());
        }
        store.find_token(id).map_err(AuthError::Store)?.ok_or(AuthError::Unknown)
    }

    /// Only tokens whose secret was right are remembered, so that nobody else can fill the memory.
    fn remember(&self, id: &TokenId, binding: &TokenBinding) {
        if self.known.read().unwrap_or_else(PoisonError::into_inner).contains_key(id) {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_BINDINGS {
            known.clear();
        }
        known.insert(id.clone(), binding.clone());
    }
}

/// Verifies a presented token: shape and checksum, then the index, then the secret.
///
/// # Errors
/// [`AuthError`].
pub fn authenticate(
    store: &dyn SystemStore,
    bindings: &Bindings,
    verifier: &Verifier,
    presented: &str,
) -> Result<Authenticated, AuthError> {
    let token = PlainToken::parse(presented).map_err(AuthError::Token)?;
    let binding = bindings.find(store, token.id())?;
    verifier.verify(&token, &binding.hash).map_err(AuthError::Token)?;
    bindings.remember(token.id(), &binding);
    let TokenBinding { tenant, connection, .. } = binding;
    Ok(Authenticated { ctx: TenantCtx::new(tenant), connection, token: token.id().clone() })
}

/// Verifies a presented token by memory alone: without the store, and without hashing. `None`: there
/// is no telling so.
#[must_use]
pub fn recognize(bindings: &Bindings, verifier: &Verifier, presented: &str) -> Option<Authenticated> {
    let token = PlainToken::parse(presented).ok()?;
    let known = bindings.known.read().unwrap_or_else(PoisonError::into_inner);
    let TokenBinding { tenant, connection, hash } = known.get(token.id())?;
    let ctx = TenantCtx::new(*tenant);
    verifier.remembers(&token, hash).then(|| Authenticated { ctx, connection: *connection, token: token.id().clone() })
}
