//! Attribute paths (RFC 7644 §3.10) and what they resolve to.

use std::fmt;

use crate::{attribute::Attribute, schema::SchemaUrn};

/// `[URN ":"] attribute ["." sub-attribute]`, as written (RFC 7644 §3.4.2.2 `attrPath`, §3.10).
///
/// The URN is all text before the last colon, if the text starts with `urn:` in any case. Whether
/// it is known, or the whole text is itself an extension's URN, is for
/// [`crate::ResourceType::resolve`] to say. Displays as written; parses back to an equal value.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AttrPath {
    urn: Option<String>,
    name: String,
    sub: Option<String>,
}

/// A text that is no attribute path.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{reason}")]
pub struct PathError {
    /// Byte offset into the text where the fault was seen.
    pub offset: usize,
    /// What was expected there.
    pub reason: String,
}

impl AttrPath {
    /// Parses the text. Names are `ALPHA *("-" / "_" / DIGIT / ALPHA)`, and `$ref` is a name.
    ///
    /// # Errors
    /// [`PathError`] with the offset of the first character that cannot belong to a path.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let _ = text;
        todo!()
    }

    /// A path without URN.
    #[must_use]
    pub fn plain(name: &str, sub: Option<&str>) -> Self {
        Self { urn: None, name: name.to_owned(), sub: sub.map(ToOwned::to_owned) }
    }

    /// The URN in front, as written.
    #[must_use]
    pub fn urn(&self) -> Option<&str> {
        self.urn.as_deref()
    }

    /// The attribute's name, as written.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The sub-attribute's name, as written.
    #[must_use]
    pub fn sub(&self) -> Option<&str> {
        self.sub.as_deref()
    }

    /// This path with a sub-attribute appended, if it has none yet.
    #[must_use]
    pub fn with_sub(&self, sub: &str) -> Self {
        Self { sub: Some(sub.to_owned()), ..self.clone() }
    }
}

impl fmt::Display for AttrPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(urn) = &self.urn {
            write!(f, "{urn}:")?;
        }
        f.write_str(&self.name)?;
        if let Some(sub) = &self.sub {
            write!(f, ".{sub}")?;
        }
        Ok(())
    }
}

/// What a path names in a resource type.
#[derive(Clone, Copy, Debug)]
pub struct AttrRef<'a> {
    /// The extension that declares the attribute; `None`: the core schema or a common attribute.
    pub extension: Option<&'a SchemaUrn>,
    /// The top-level attribute; `None`: the path names the extension as a whole.
    pub attribute: Option<&'a Attribute>,
    /// The sub-attribute, if the path names one.
    pub sub: Option<&'a Attribute>,
}

impl<'a> AttrRef<'a> {
    /// The definition the path ends at; `None` for a whole extension.
    #[must_use]
    pub fn leaf(&self) -> Option<&'a Attribute> {
        self.sub.or(self.attribute)
    }

    /// The path in canonical spelling: `emails.value`,
    /// `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value`.
    #[must_use]
    pub fn key(&self) -> String {
        let mut key = String::new();
        if let Some(urn) = self.extension {
            key.push_str(urn.as_str());
        }
        if let Some(attribute) = self.attribute {
            if !key.is_empty() {
                key.push(':');
            }
            key.push_str(&attribute.name);
        }
        if let Some(sub) = self.sub {
            key.push('.');
            key.push_str(&sub.name);
        }
        key
    }
}
