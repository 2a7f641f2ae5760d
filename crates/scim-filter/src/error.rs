//! Why a filter was refused.

use std::ops::Range;

use scim_schema::{ScimError, ScimType};

/// A filter or path that cannot be used. `Display` is one sentence fit for an admin; it names
/// attributes and operators but never echoes the client's text at length.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason} (at character {character})")]
pub struct FilterError {
    /// Byte span of the offending text.
    pub span: Range<usize>,
    /// The same place for people: characters from 1.
    pub character: usize,
    /// What is wrong and what was expected.
    pub reason: String,
}

impl FilterError {
    /// A fault in `text` at the byte span.
    #[must_use]
    pub fn new(text: &str, span: Range<usize>, reason: impl Into<String>) -> Self {
        let before = text.char_indices().take_while(|(offset, _)| *offset < span.start).count();
        Self { character: before.saturating_add(1), span, reason: reason.into() }
    }

    /// The answer to a request with such a filter: 400 `invalidFilter`.
    #[must_use]
    pub fn into_invalid_filter(self) -> ScimError {
        ScimError::typed(ScimType::InvalidFilter, format!("the filter cannot be read: {self}"))
    }

    /// The answer to a PATCH operation with such a path: 400 `invalidPath`.
    #[must_use]
    pub fn into_invalid_path(self) -> ScimError {
        ScimError::typed(ScimType::InvalidPath, format!("the path cannot be read: {self}"))
    }
}

/// At most 100 characters of a client's text, on one line, for an error sentence.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 100;
    let mut shown: String = text.chars().take(LONGEST).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}
