//! Verifying secrets, and remembering that they verified.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use argon2::{PasswordVerifier, password_hash::phc};
use headcount_model::{Clock, Entropy, Secret, Timestamp, TokenId};
use hmac::{Hmac, KeyInit, Mac};
use moka::sync::Cache;
use sha2::Sha256;

use crate::{
    error::TokenError,
    password::PasswordHash,
    token::{PlainToken, TokenHash, argon2id, phc},
};

/// Bounds on verification, and on hashing passwords.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerifierLimits {
    /// Most argon2id computations at once; 19 MiB each. The number of cores is right.
    pub concurrent: usize,
    /// Most requests waiting for one of them, in the order in which they came; more are
    /// [`TokenError::Busy`].
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

/// Verifies tokens against stored hashes; hashes and verifies passwords of users within the same
/// bounds.
///
/// SECURITY: the cache holds HMACs, under a key of this process, of a token together with the PHC
/// string that it verified against, so that neither a memory dump of the cache nor the timing of its
/// look-up tells a token. An entry says nothing about whether the token is still good.
pub struct Verifier {
    limits: VerifierLimits,
    clock: Arc<dyn Clock>,
    mac: Hmac<Sha256>,
    verified: Cache<[u8; 32], ()>,
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

    /// Whether the token's secret is known to be the one behind the hash, by the cache alone.
    #[must_use]
    pub fn remembers(&self, token: &PlainToken, hash: &TokenHash) -> bool {
        self.verified.get(&self.keyed(token, hash)).is_some()
    }

    /// Whether the token's secret is the one behind the hash; by the cache, else by argon2id.
    /// Blocks: call it outside any transaction.
    ///
    /// # Errors
    /// [`TokenError`] `Wrong`, `Throttled` (remembered tokens are not touched by it), `Busy`,
    /// `BadHash`, `Hashing`.
    pub fn verify(&self, token: &PlainToken, hash: &TokenHash) -> Result<(), TokenError> {
        let key = self.keyed(token, hash);
        if self.verified.get(&key).is_some() {
            return Ok(());
        }
        if self.throttled(token.id()) {
            return Err(TokenError::Throttled);
        }
        let _permit = self.enter()?;
        // Another request with the same token may have paid while this one waited.
        if self.verified.get(&key).is_some() {
            return Ok(());
        }
        let stored = phc::PasswordHash::new(hash.as_str()).map_err(|_unreadable| TokenError::BadHash)?;
        if argon2id()?.verify_password(token.text().expose().as_bytes(), &stored).is_err() {
            self.note_wrong(token.id());
            return Err(TokenError::Wrong);
        }
        self.verified.insert(key, ());
        Ok(())
    }

    /// Hashes a user's password with argon2id and a fresh salt: 20 to 40 ms and 19 MiB, so that two
    /// hashes of one password differ. Waits as long as [`VerifierLimits::wait_ms`] for its turn.
    /// Blocks: call it outside any transaction.
    ///
    /// # Errors
    /// [`TokenError`] `Busy`, `Hashing`.
    pub fn hash_password(&self, password: &Secret, entropy: &dyn Entropy) -> Result<PasswordHash, TokenError> {
        let _permit = self.enter()?;
        phc(password, entropy).map(|text| PasswordHash::from_stored(&text))
    }

    /// Whether the password is the one behind the hash; every call costs what a hash costs, since
    /// passwords are not remembered. How often somebody may guess is for who asks to bound.
    /// Blocks: call it outside any transaction.
    ///
    /// # Errors
    /// [`TokenError`] `Wrong`, `Busy`, `BadHash`, `Hashing`.
    pub fn verify_password(&self, password: &Secret, hash: &PasswordHash) -> Result<(), TokenError> {
        let _permit = self.enter()?;
        let stored = phc::PasswordHash::new(hash.as_str()).map_err(|_unreadable| TokenError::BadHash)?;
        if stored.hash.is_none() {
            return Err(TokenError::BadHash);
        }
        match argon2id()?.verify_password(password.expose().as_bytes(), &stored) {
            Ok(()) => Ok(()),
            Err(argon2::password_hash::Error::PasswordInvalid) => Err(TokenError::Wrong),
            Err(argon2::password_hash::Error::OutOfMemory) => Err(TokenError::Hashing("out of memory".to_owned())),
            Err(_unusable) => Err(TokenError::BadHash),
        }
    }

    fn enter(&self) -> Result<Permit<'_>, TokenError> {
        self.gate.enter(Duration::from_millis(self.limits.wait_ms)).ok_or(TokenError::Busy)
    }

    fn keyed(&self, token: &PlainToken, hash: &TokenHash) -> [u8; 32] {
        let mut mac = self.mac.clone();
        // All tokens are of one length, so that it is clear where the hash begins.
        mac.update(token.text().expose().as_bytes());
        mac.update(hash.as_str().as_bytes());
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

/// A counting semaphore with a bounded queue, first come, first served: a bulk request that hashes
/// one password after another goes behind everybody who waits, each time.
struct Gate {
    state: Mutex<GateState>,
    freed: Condvar,
    queue: usize,
}

struct GateState {
    free: usize,
    /// The tickets of those who wait, in the order in which they came.
    waiting: VecDeque<u64>,
    last_ticket: u64,
}

struct Permit<'a>(&'a Gate);

impl GateState {
    fn is_turn_of(&self, ticket: u64) -> bool {
        self.free > 0 && self.waiting.front() == Some(&ticket)
    }
}

impl Gate {
    fn new(permits: usize, queue: usize) -> Self {
        let state = GateState { free: permits.max(1), waiting: VecDeque::new(), last_ticket: 0 };
        Self { state: Mutex::new(state), freed: Condvar::new(), queue }
    }

    /// A permit, unless the queue is full or none comes free in time.
    fn enter(&self, wait: Duration) -> Option<Permit<'_>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.free == 0 || !state.waiting.is_empty() {
            if state.waiting.len() >= self.queue {
                return None;
            }
            state.last_ticket = state.last_ticket.wrapping_add(1);
            let ticket = state.last_ticket;
            state.waiting.push_back(ticket);
            let (woken, _) = self
                .freed
                .wait_timeout_while(state, wait, |state| !state.is_turn_of(ticket))
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
            let is_turn = state.is_turn_of(ticket);
            state.waiting.retain(|other| *other != ticket);
            // Whoever is first now may have been behind this one while a permit was free.
            self.freed.notify_all();
            if !is_turn {
                return None;
            }
        }
        state.free = state.free.checked_sub(1)?;
        Some(Permit(self))
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).free += 1;
        self.0.freed.notify_all();
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
            await_waiting(&gate, 1);
            assert!(gate.enter(Duration::from_secs(30)).is_none(), "the queue is full");
            drop(held);
            assert!(waiter.join().unwrap());
        });
        assert!(gate.enter(Duration::ZERO).is_some());
    }

    fn await_waiting(gate: &Gate, count: usize) {
        while gate.state.lock().unwrap().waiting.len() < count {
            std::thread::yield_now();
        }
    }

    #[test]
    fn the_gate_serves_who_waits_before_who_comes_later() {
        let gate = Gate::new(1, 8);
        let served = Mutex::new(Vec::new());
        let held = gate.enter(Duration::ZERO).unwrap();
        std::thread::scope(|scope| {
            for n in 0..4 {
                let (gate, served) = (&gate, &served);
                scope.spawn(move || {
                    let _permit = gate.enter(Duration::from_secs(30)).unwrap();
                    served.lock().unwrap().push(n);
                });
                await_waiting(gate, n + 1);
            }
            // A bulk request that lets go and asks for the next permit at once.
            drop(held);
            let _again = gate.enter(Duration::from_secs(30)).unwrap();
            assert_eq!(*served.lock().unwrap(), [0, 1, 2, 3]);
        });
    }

    #[test]
    fn who_gave_up_waiting_does_not_hold_up_those_behind() {
        let gate = Gate::new(1, 8);
        let held = gate.enter(Duration::ZERO).unwrap();
        std::thread::scope(|scope| {
            let impatient = scope.spawn(|| gate.enter(Duration::from_millis(20)).is_some());
            await_waiting(&gate, 1);
            let patient = scope.spawn(|| gate.enter(Duration::from_secs(30)).is_some());
            assert!(!impatient.join().unwrap());
            drop(held);
            assert!(patient.join().unwrap());
        });
        assert!(gate.state.lock().unwrap().waiting.is_empty());
    }

    /// RFC 7643 §9.2.
    #[test]
    fn a_password_is_hashed_with_argon2id_and_a_salt_of_its_own_and_verified() {
        let (verifier, _) = verifier(VerifierLimits::default());
        for text in ["correct horse", "", "p\u{e4}ssw\u{f6}rd \u{1F511}"] {
            let password = Secret::new(text);
            let hash = verifier.hash_password(&password, &SystemEntropy).unwrap();
            assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
            assert_ne!(verifier.hash_password(&password, &SystemEntropy).unwrap(), hash);
            let stored = PasswordHash::from_stored(hash.as_str());
            assert_eq!(verifier.verify_password(&password, &stored), Ok(()));
            for wrong in ["Correct horse", "correct horse ", "x"] {
                assert_eq!(verifier.verify_password(&Secret::new(wrong), &stored), Err(TokenError::Wrong), "{wrong}");
            }
            assert_eq!(format!("{hash:?}"), "PasswordHash");
        }
    }

    #[test]
    fn a_stored_password_hash_that_cannot_be_read_is_no_wrong_password() {
        let (verifier, _) = verifier(VerifierLimits::default());
        for text in ["", "secret word", "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ", "$scrypt$ln=1$c29tZXNhbHQ$aGFzaA"]
        {
            let stored = PasswordHash::from_stored(text);
            let result = verifier.verify_password(&Secret::new("secret word"), &stored);
            assert_eq!(result, Err(TokenError::BadHash), "{text}");
        }
    }

    #[test]
    fn passwords_wait_for_the_same_gate_as_tokens_and_are_refused_past_it() {
        let (verifier, _) = verifier(VerifierLimits { concurrent: 1, queue: 0, ..VerifierLimits::default() });
        let token = PlainToken::mint(&SystemEntropy);
        let hash = token.hash(&SystemEntropy).unwrap();
        let password = Secret::new("secret word");
        let stored = verifier.hash_password(&password, &SystemEntropy).unwrap();
        let held = verifier.gate.enter(Duration::ZERO).unwrap();
        assert_eq!(verifier.hash_password(&password, &SystemEntropy), Err(TokenError::Busy));
        assert_eq!(verifier.verify_password(&password, &stored), Err(TokenError::Busy));
        assert_eq!(verifier.verify(&token, &hash), Err(TokenError::Busy));
        drop(held);
        assert_eq!(verifier.verify_password(&password, &stored), Ok(()));
    }
}
