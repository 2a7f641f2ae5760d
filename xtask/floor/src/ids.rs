//! Ids of new resources.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Gives ids that are spread at random, in the form of a UUID.
#[derive(Default)]
pub(crate) struct Ids {
    spread: RandomState,
    next: AtomicU64,
}

impl Ids {
    /// An id that was not given before.
    pub(crate) fn draw(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let high = self.spread.hash_one(number);
        let low = self.spread.hash_one((number, high));
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }
}
