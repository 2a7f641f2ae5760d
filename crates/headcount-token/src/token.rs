//! The token and its parts.

use headcount_model::{Entropy, Secret, TokenId};

use crate::error::TokenError;

/// A whole token, as it is shown once and presented with every request.
#[derive(Clone, Debug)]
pub struct PlainToken {
    id: TokenId,
    text: Secret,
}

/// An argon2id PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash(Box<str>);

impl PlainToken {
    /// Makes a new token with 256 bits of secret.
    #[must_use]
    pub fn mint(entropy: &dyn Entropy) -> Self {
        let _ = entropy;
        todo!()
    }

    /// Checks the shape and the checksum, without any I/O.
    ///
    /// # Errors
    /// [`TokenError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let _ = text;
        todo!()
    }

    /// The public part.
    #[must_use]
    pub fn id(&self) -> &TokenId {
        &self.id
    }

    /// The whole text, for showing it once and for hashing.
    #[must_use]
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// Hashes the token with argon2id (m = 19,456 KiB, t = 2, p = 1): 20 to 40 ms.
    #[must_use]
    pub fn hash(&self, entropy: &dyn Entropy) -> TokenHash {
        let _ = entropy;
        todo!()
    }
}

impl TokenHash {
    /// Takes a stored PHC string as it is; whether it can be read shows when it is verified.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The PHC string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenHash")
    }
}
