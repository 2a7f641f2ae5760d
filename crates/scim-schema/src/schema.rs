//! Schemas and their URNs (RFC 7643 §7).

use std::{fmt, sync::Arc};

use serde_json::Value;

use crate::{attribute::Attribute, registry::RegistryError};

/// The URI of a schema: compared ignoring ASCII case, printed as declared (RFC 7643 §3, §10).
#[derive(Clone)]
pub struct SchemaUrn(Arc<str>);

impl SchemaUrn {
    /// Wraps the text; any non-empty text is an acceptable URI here.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The text as declared.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `text` names this schema, ignoring ASCII case.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.0.eq_ignore_ascii_case(text)
    }
}

impl PartialEq for SchemaUrn {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for SchemaUrn {}

impl fmt::Display for SchemaUrn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SchemaUrn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A schema: a named set of attribute definitions (RFC 7643 §7).
#[derive(Clone, Debug)]
pub struct Schema {
    /// The URI that identifies the schema.
    pub urn: SchemaUrn,
    /// A short name, for people.
    pub name: String,
    /// A longer text, for people.
    pub description: Option<String>,
    /// The attributes, in the order declared.
    pub attributes: Vec<Attribute>,
}

impl Schema {
    /// Reads a Schema document as RFC 7643 §7 and §8.7 print it.
    ///
    /// # Errors
    /// [`RegistryError`] with a JSON pointer to the faulty place and the reason: an unknown type or
    /// key word, a wrong JSON type, a repeated or malformed attribute name (RFC 7643 §2.1), a
    /// complex attribute inside a complex one, or sub-attributes on a simple type.
    pub fn parse(document: &Value) -> Result<Self, RegistryError> {
        let _ = document;
        todo!()
    }

    /// The attribute of this name, ignoring ASCII case.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }

    /// The Schema document for discovery (RFC 7643 §7), without `meta`.
    #[must_use]
    pub fn to_document(&self) -> Value {
        todo!()
    }
}
