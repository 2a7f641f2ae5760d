//! Randomness as a parameter.

use std::cell::RefCell;

use rand::{TryRng, rngs::SysRng};

/// Where randomness comes from.
pub trait Entropy: Send + Sync + 'static {
    /// Fills the buffer with unpredictable bytes.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's generator. What is asked for in small pieces, an id with every request, is
/// fetched from it for several of them at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    /// # Panics
    /// If the operating system has no randomness to give: no secret could be made safely.
    fn fill(&self, buffer: &mut [u8]) {
        if buffer.len() > SMALL {
            fetch(buffer);
        } else {
            STOCK.with_borrow_mut(|stock| stock.take(buffer));
        }
    }
}

/// Most bytes that are taken from the stock; secrets of tokens and keys are longer, and fetched.
const SMALL: usize = 16;

thread_local! {
    static STOCK: RefCell<Stock> = const { RefCell::new(Stock { bytes: [0; 256], left: 0 }) };
}

/// Random bytes that nobody has had yet: the first `left` of them.
struct Stock {
    bytes: [u8; 256],
    left: usize,
}

impl Stock {
    /// Fills a buffer of at most [`SMALL`] bytes.
    fn take(&mut self, buffer: &mut [u8]) {
        if self.left < buffer.len() {
            fetch(&mut self.bytes);
            self.left = self.bytes.len();
        }
        let from = self.left.saturating_sub(buffer.len());
        if let Some(fresh) = self.bytes.get_mut(from..self.left) {
            buffer.copy_from_slice(fresh);
            // SECURITY: what was given away is not kept.
            fresh.fill(0);
        }
        self.left = from;
    }
}

fn fetch(buffer: &mut [u8]) {
    #[expect(clippy::expect_used, reason = "without the system's generator no token or id may be made")]
    SysRng.try_fill_bytes(buffer).expect("the operating system gives randomness");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Entropy, SystemEntropy};

    #[test]
    fn no_bytes_are_given_twice_and_none_are_left_out() {
        let mut seen = BTreeSet::new();
        for _ in 0..1_000 {
            for length in [10, 16, 17, 32] {
                let mut buffer = vec![0_u8; length];
                SystemEntropy.fill(&mut buffer);
                // Eight zeros in a row come up once in 2 to the 64.
                assert!(buffer.windows(8).all(|part| part != [0; 8]), "{buffer:?}");
                assert!(seen.insert(buffer));
            }
        }
        SystemEntropy.fill(&mut []);
    }
}
