//! Verifying secrets, and remembering that they verified.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use argon2::{PasswordVerifier, password_hash::phc::PasswordHash};
use headcount_model::{Clock, Entropy, Timestamp, TokenId};
use hmac::{Hmac, KeyInit, Mac};
use moka::sync::Cache;
use sha2::Sha256;

use crate::{
    error::TokenError,
    token::{PlainToken, TokenHash, argon2id},
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
///
/// SECURITY: the cache is keyed by an HMAC of the presented token under a key of this process, so
/// that neither a memory dump of the cache nor the timing of its look-up tells a token. An entry
/// holds an HMAC of the PHC string that the token verified against; it says nothing about whether
/// the token is still good.
pub struct Verifier {
    limits: VerifierLimits,
    clock: Arc<dyn Clock>,
    mac: Hmac<Sha256>,
    verified: Cache<[u8; 32], [u8; 32]>,
    gate: Gate,
    wrong: Mutex<HashMap<TokenId, Wrong>>,
}

/// Wrong secrets of one public id within the current minute.
#[derive(Clone, Copy)]
struct Wrong {
    since: Timestamp,
    times: u32,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

impl Verifier {
    /// A verifier with a fresh key for its cache.
    #[must_use]
    pub fn new(limits: VerifierLimits, clock: Arc<dyn Clock>, entropy: &dyn Entropy) -> Self {
        let mut key = [0_u8; 64];
        entropy.fill(&mut key);
        Self {
            limits,
            clock,
            mac: Hmac::new(&key.into()),
            verified: Cache::new(limits.remembered),
            gate: Gate::new(limits.concurrent, limits.queue),
            wrong: Mutex::new(HashMap::new()),
        }
    }

    /// Whether the token's secret is the one behind the hash; by the cache, else by argon2id.
    /// Blocks: call it outside any transaction.
    ///
    /// # Errors
    /// [`TokenError`] `Wrong`, `Throttled` (remembered tokens are not touched by it), `Busy`,
    /// `BadHash`, `Hashing`.
    pub fn verify(&self, token: &PlainToken, hash: &TokenHash) -> Result<(), TokenError> {
        let key = self.keyed(token.text().expose());
        let against = self.keyed(hash.as_str());
        if self.verified.get(&key) == Some(against) {
            return Ok(());
        }
        if self.throttled(token.id()) {
            return Err(TokenError::Throttled);
        }
        let _permit = self.gate.enter(Duration::from_millis(self.limits.wait_ms)).ok_or(TokenError::Busy)?;
        // Another request with the same token may have paid while this one waited.
        if self.verified.get(&key) == Some(against) {
            return Ok(());
        }
        let stored = PasswordHash::new(hash.as_str()).map_err(|_unreadable| TokenError::BadHash)?;
        if argon2id()?.verify_password(token.text().expose().as_bytes(), &stored).is_err() {
            self.note_wrong(token.id());
            return Err(TokenError::Wrong);
        }
        self.verified.insert(key, against);
        Ok(())
    }

    fn keyed(&self, text: &str) -> [u8; 32] {
        let mut mac = self.mac.clone();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }

    fn throttled(&self, id: &TokenId) -> bool {
        let now = self.clock.now();
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.get(id).is_some_and(|entry| entry.is_of(now) && entry.times >= self.limits.wrong_per_minute)
    }

    fn note_wrong(&self, id: &TokenId) {
        let now = self.clock.now();
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        // Only ids that exist come this far, so the map is bounded by the number of tokens; old
        // entries are dropped all the same.
        if wrong.len() >= 1_024 {
            wrong.retain(|_, entry| entry.is_of(now));
        }
        let entry = wrong.entry(id.clone()).or_insert(Wrong { since: now, times: 0 });
        if !entry.is_of(now) {
            *entry = Wrong { since: now, times: 0 };
        }
        entry.times = entry.times.saturating_add(1);
    }
}

impl Wrong {
    /// Whether the minute that this entry counts is still running; a clock that was set back starts
    /// a new one.
    fn is_of(self, now: Timestamp) -> bool {
        (0..60).contains(&now.seconds_since(self.since))
    }
}

/// A counting semaphore with a bounded queue.
struct Gate {
    state: Mutex<GateState>,
    freed: Condvar,
    queue: usize,
}

struct GateState {
    free: usize,
    waiting: usize,
}

struct Permit<'a>(&'a Gate);

impl Gate {
    fn new(permits: usize, queue: usize) -> Self {
        Self { state: Mutex::new(GateState { free: permits.max(1), waiting: 0 }), freed: Condvar::new(), queue }
    }

    /// A permit, unless the queue is full or none comes free in time.
    fn enter(&self, wait: Duration) -> Option<Permit<'_>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.free == 0 {
            if state.waiting >= self.queue {
                return None;
            }
            state.waiting += 1;
            let (woken, _) = self
                .freed
                .wait_timeout_while(state, wait, |state| state.free == 0)
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.waiting -= 1;
        }
        state.free = state.free.checked_sub(1)?;
        Some(Permit(self))
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).free += 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use headcount_model::SystemEntropy;

    use super::*;
    use crate::token::checksum;

    #[derive(Default)]
    struct HandClock(AtomicI64);

    impl Clock for HandClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.0.load(Ordering::SeqCst))
        }
    }

    fn verifier(limits: VerifierLimits) -> (Verifier, Arc<HandClock>) {
        let clock = Arc::new(HandClock::default());
        (Verifier::new(limits, clock.clone(), &SystemEntropy), clock)
    }

    /// A token of the same public id with another secret.
    fn forged(token: &PlainToken) -> PlainToken {
        let other = PlainToken::mint(&SystemEntropy);
        let secret: String = other.text().expose().chars().skip(16).take(43).collect();
        let body = format!("hc_{}_{secret}", token.id());
        PlainToken::parse(&format!("{body}{}", checksum(&body))).unwrap()
    }

    #[test]
    fn a_right_secret_verifies_and_a_wrong_one_does_not_also_after_the_right_one_is_remembered() {
        let (verifier, _) = verifier(VerifierLimits::default());
        let token = PlainToken::mint(&SystemEntropy);
        let hash = token.hash(&SystemEntropy).unwrap();
        assert_eq!(verifier.verify(&token, &hash), Ok(()));
        assert_eq!(verifier.verify(&token, &hash), Ok(()));
        assert_eq!(verifier.verify(&forged(&token), &hash), Err(TokenError::Wrong));
    }

    #[test]
    fn a_remembered_token_is_verified_anew_against_another_hash() {
        let (verifier, _) = verifier(VerifierLimits::default());
        let token = PlainToken::mint(&SystemEntropy);
        let hash = token.hash(&SystemEntropy).unwrap();
        verifier.verify(&token, &hash).unwrap();
        let other = PlainToken::mint(&SystemEntropy).hash(&SystemEntropy).unwrap();
        assert_eq!(verifier.verify(&token, &other), Err(TokenError::Wrong));
        assert_eq!(verifier.verify(&token, &TokenHash::from_stored("nonsense")), Err(TokenError::BadHash));
    }

    /// RFC 7644 §7.7.
    #[test]
    fn wrong_secrets_throttle_the_public_id_for_a_minute_but_not_a_remembered_token() {
        let (verifier, clock) = verifier(VerifierLimits { wrong_per_minute: 2, ..VerifierLimits::default() });
        let token = PlainToken::mint(&SystemEntropy);
        let hash = token.hash(&SystemEntropy).unwrap();
        verifier.verify(&token, &hash).unwrap();
        for expected in [TokenError::Wrong, TokenError::Wrong, TokenError::Throttled, TokenError::Throttled] {
            assert_eq!(verifier.verify(&forged(&token), &hash), Err(expected));
        }
        assert_eq!(verifier.verify(&token, &hash), Ok(()));
        clock.0.store(60_000_000, Ordering::SeqCst);
        assert_eq!(verifier.verify(&forged(&token), &hash), Err(TokenError::Wrong));
    }

    #[test]
    fn the_gate_refuses_past_its_queue_and_after_its_wait() {
        let gate = Gate::new(1, 1);
        let held = gate.enter(Duration::ZERO).unwrap();
        assert!(gate.enter(Duration::from_millis(1)).is_none());
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| gate.enter(Duration::from_secs(30)).is_some());
            while gate.state.lock().unwrap().waiting == 0 {
                std::thread::yield_now();
            }
            assert!(gate.enter(Duration::from_secs(30)).is_none(), "the queue is full");
            drop(held);
            assert!(waiter.join().unwrap());
        });
        assert!(gate.enter(Duration::ZERO).is_some());
    }
}
