//! Credentials that were read, remembered from one request to the next.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use headcount_model::TokenId;

use crate::caller::Known;

/// Most credentials that are remembered; beyond it the memory starts anew.
const MOST: usize = 10_000;

/// What was read of tokens that were good, by their public id.
///
/// SECURITY: nothing here says that a token is still good. It says what the store has to say again
/// in every request ([`headcount_store::tokens::Standing`]) for the rest to be true.
#[derive(Debug, Default)]
pub(crate) struct Memory(RwLock<HashMap<TokenId, Arc<Known>>>);

impl Memory {
    pub(crate) fn find(&self, token: &TokenId) -> Option<Arc<Known>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(token).map(Arc::clone)
    }

    pub(crate) fn remember(&self, known: &Arc<Known>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST && !all.contains_key(known.token()) {
            all.clear();
        }
        all.insert(known.token().clone(), Arc::clone(known));
    }

    pub(crate) fn forget(&self, token: &TokenId) {
        if self.find(token).is_some() {
            self.0.write().unwrap_or_else(PoisonError::into_inner).remove(token);
        }
    }
}
