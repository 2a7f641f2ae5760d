//! Bearer tokens: mint, parse, hash and verify. Passwords of users: hash and verify.
//!
//! A token is `hc_<12 base62 id>_<43 base62 secret><6 base62 CRC-32>`. It is shown once and kept as
//! an argon2id PHC string. The cost of argon2id is paid once per process and token: [`Verifier`]
//! remembers that a token verified against a PHC string, and never whether the token is still good.
//! Passwords go through the same bounds: at most so many argon2id computations at once, 19 MiB each,
//! whoever asks for them, in the order in which they asked.
//! This crate knows no storage and no HTTP.

pub mod error;
pub mod password;
mod scratch;
pub mod token;
pub mod verify;

pub use error::TokenError;
pub use password::PasswordHash;
pub use token::{PlainToken, TokenHash};
pub use verify::Verifier;
