//! A clock that stands still.

use std::sync::atomic::{AtomicI64, Ordering};

use headcount_model::{Clock, Timestamp};

/// 2026-01-02T03:04:05.000Z, where every [`SettableClock`] begins.
pub const START_MICROS: i64 = 1_767_323_045_000_000;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct SettableClock(AtomicI64);

impl Default for SettableClock {
    fn default() -> Self {
        Self(AtomicI64::new(START_MICROS))
    }
}

impl SettableClock {
    /// Moves the clock, backwards for a negative number.
    pub fn advance_seconds(&self, seconds: i64) {
        self.advance_millis(seconds * 1_000);
    }

    /// Moves the clock by milliseconds.
    pub fn advance_millis(&self, millis: i64) {
        self.0.fetch_add(millis * 1_000, Ordering::SeqCst);
    }
}

impl Clock for SettableClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}
