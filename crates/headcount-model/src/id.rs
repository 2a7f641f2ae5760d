//! Identifiers. Public ids are text and are what clients see; keys are small integers inside one
//! database and never leave it.

use std::{fmt, sync::Arc};

use crate::{entropy::Entropy, time::Timestamp};

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub i64);
    };
}

key! {
    /// A tenant inside one database.
    TenantKey
}
key! {
    /// A connection inside one database; 0 never names one.
    ConnectionKey
}
key! {
    /// A resource inside one database, in the order of creation.
    Seq
}

/// A public id: a `UUIDv7` in lower-case text, made by us, compared as text and never parsed
/// (another spelling is another id).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicId(Arc<str>);

impl PublicId {
    /// Makes a new id; ids made later sort later, up to the millisecond.
    #[must_use]
    pub fn mint(now: Timestamp, entropy: &dyn Entropy) -> Self {
        let mut random = [0_u8; 10];
        entropy.fill(&mut random);
        let millis = u64::try_from(now.micros().div_euclid(1000)).unwrap_or_default();
        let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        let mut text = [0_u8; uuid::fmt::Hyphenated::LENGTH];
        Self::from_text(uuid.hyphenated().encode_lower(&mut text))
    }

    /// Takes the text as it is: from a request (where any text may stand) or a store.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The public part of a token: 12 base62 characters, shown in lists and logs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(Box<str>);

impl TokenId {
    /// Takes the text as it is; that it has the right shape is for whoever parses tokens.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
