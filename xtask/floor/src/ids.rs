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
        let [high, low] = [high, low].map(u64::to_be_bytes);
        let part = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let ([a, b, c, d, e, f, g, h], [i, j, rest @ ..]) = (high, low);
        [part(&[a, b, c, d]), part(&[e, f]), part(&[g, h]), part(&[i, j]), part(&rest)].join("-")
    }
}
