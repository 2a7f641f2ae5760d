//! Randomness as a parameter.

use rand::{TryRng, rngs::SysRng};

/// Where randomness comes from.
pub trait Entropy: Send + Sync + 'static {
    /// Fills the buffer with unpredictable bytes.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    /// # Panics
    /// If the operating system has no randomness to give: no secret could be made safely.
    fn fill(&self, buffer: &mut [u8]) {
        #[expect(clippy::expect_used, reason = "without the system's generator no token or id may be made")]
        SysRng.try_fill_bytes(buffer).expect("the operating system gives randomness");
    }
}
