//! The body of a response.

use std::fmt;

use bytes::{Bytes, BytesMut};

/// The body of a response.
#[derive(Debug)]
pub enum Body {
    /// All of it; empty if there is none.
    Whole(Bytes),
    /// A body too long to be held at once.
    Parts(Parts),
}

/// A body in parts. Each is read from the store when it is asked for, so asking may block; nothing
/// of the store is held in between, and dropping this ends it.
///
/// The one error is the last part: an adapter then ends the connection, so that the client sees an
/// answer that is not whole.
pub struct Parts(Box<dyn Iterator<Item = Result<Bytes, BrokenOff>> + Send>);

/// An answer broke off: what it shows is gone, the token died, or the store failed. Why is in the
/// log, with the id of the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BrokenOff;

impl fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer broke off")
    }
}

impl std::error::Error for BrokenOff {}

impl Body {
    /// The whole body. Holds it in memory, however long it is, and may block.
    ///
    /// # Errors
    /// [`BrokenOff`].
    pub fn into_bytes(self) -> Result<Bytes, BrokenOff> {
        match self {
            Self::Whole(bytes) => Ok(bytes),
            Self::Parts(parts) => {
                let mut all = BytesMut::new();
                for part in parts {
                    all.extend_from_slice(&part?);
                }
                Ok(all.freeze())
            }
        }
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Parts(_) => false,
        }
    }
}

impl Parts {
    /// A body in these parts.
    #[must_use]
    pub fn new(parts: impl Iterator<Item = Result<Bytes, BrokenOff>> + Send + 'static) -> Self {
        Self(Box::new(parts))
    }

    /// No parts: what stands for them where only the head is sent.
    pub(crate) fn none() -> Self {
        Self(Box::new(std::iter::empty()))
    }
}

impl Iterator for Parts {
    type Item = Result<Bytes, BrokenOff>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parts")
    }
}
