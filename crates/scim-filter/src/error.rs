//! Why a filter was refused.

use std::ops::Range;

/// A filter or path that cannot be used. `Display` is one sentence fit for an admin; it names
/// attributes and operators but never echoes the client's text at length.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason} (at character {})", span.start + 1)]
pub struct FilterError {
    /// Byte span of the offending text.
    pub span: Range<usize>,
    /// What is wrong and what was expected.
    pub reason: String,
}
