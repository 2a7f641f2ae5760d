//! Why a token or a password was refused.

/// A token or a password that cannot be accepted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It has not the shape of a token, or its checksum is wrong: mistyped or cut off.
    #[error("the text is no token of Headcount, or a part of it is missing")]
    Malformed,
    /// The secret is wrong.
    #[error("the token's secret is wrong")]
    Wrong,
    /// Too many wrong secrets were tried for this token's id lately; try later.
    #[error("too many wrong secrets for this token")]
    Throttled,
    /// Too many computations of argon2id are running or waited for; try again.
    #[error("too many tokens and passwords are being hashed")]
    Busy,
    /// The stored hash cannot be read.
    #[error("the stored hash is not a PHC string of argon2id")]
    BadHash,
    /// argon2id could not run; the text is the library's.
    #[error("argon2id could not run: {0}")]
    Hashing(String),
}
