//! The hash of a user's password.

use std::fmt;

/// An argon2id PHC string of a user's password, made by [`crate::Verifier::hash_password`]
/// (RFC 7643 §9.2: a password is kept hashed, never in clear).
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// Takes a stored PHC string as it is; whether it can be read shows when it is verified.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The PHC string, for the one place that stores it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}
