//! Bearer tokens: mint, parse, hash and verify.
//!
//! A token is `hc_<12 base62 id>_<43 base62 secret><6 base62 CRC-32>`. It is shown once and kept as
//! an argon2id PHC string. The cost of argon2id is paid once per process and token: [`Verifier`]
//! remembers that a token verified against a PHC string, and never whether the token is still good.
//! This crate knows no storage and no HTTP.

pub mod error;
pub mod token;
pub mod verify;

pub use error::TokenError;
pub use token::{PlainToken, TokenHash};
pub use verify::Verifier;
