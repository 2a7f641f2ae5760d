//! Verifying secrets, and remembering that they verified.

use std::sync::Arc;

use headcount_model::{Clock, Entropy};

use crate::{
    error::TokenError,
    token::{PlainToken, TokenHash},
};

/// Bounds on verification.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerifierLimits {
    /// Most argon2id computations at once; 19 MiB each. The number of cores is right.
    pub concurrent: usize,
    /// Most requests waiting for one of them; more are [`TokenError::Busy`].
    pub queue: usize,
    /// Longest wait, in milliseconds; then [`TokenError::Busy`].
    pub wait_ms: u64,
    /// Most verified tokens remembered.
    pub remembered: u64,
    /// Most wrong secrets a minute for one public id before [`TokenError::Throttled`].
    pub wrong_per_minute: u32,
}

impl Default for VerifierLimits {
    fn default() -> Self {
        Self { concurrent: 2, queue: 32, wait_ms: 1000, remembered: 10_000, wrong_per_minute: 10 }
    }
}

/// Verifies tokens against stored hashes.
pub struct Verifier {
    _private: (),
}

impl Verifier {
    /// A verifier with a fresh key for its cache.
    #[must_use]
    pub fn new(limits: VerifierLimits, clock: Arc<dyn Clock>, entropy: &dyn Entropy) -> Self {
        let _ = (limits, clock, entropy);
        todo!()
    }

    /// Whether the token's secret is the one behind the hash; by the cache, else by argon2id.
    /// Blocks: call it outside any transaction.
    ///
    /// # Errors
    /// [`TokenError`] `Wrong`, `Throttled` (remembered tokens are not touched by it), `Busy`,
    /// `BadHash`.
    pub fn verify(&self, token: &PlainToken, hash: &TokenHash) -> Result<(), TokenError> {
        let _ = (token, hash);
        todo!()
    }
}
