//! The `Resource` document (RFC 7643 §3).

use serde_json::{Map, Value};

/// A resource as a JSON document.
///
/// INVARIANT: every declared attribute, sub-attribute and extension URN stands in its schema's
/// spelling, has the declared JSON type, and no value is `null`, `[]` or `{}`; names that no schema
/// declares (kept by the switch `unknown_attributes=keep`) stand as they were sent and are opaque.
/// `meta`, a user's `groups` and a group's `members` are never part of it: stores keep them apart
/// and they are put in when an answer is rendered.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Resource {
    document: Map<String, Value>,
}

impl Resource {
    /// Wraps a document that already holds the invariant: one read back from a store, or the output
    /// of [`crate::validate::accept`].
    #[must_use]
    pub fn from_document(document: Map<String, Value>) -> Self {
        Self { document }
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }

    /// The document, for engines that keep the invariant themselves (`scim-patch`).
    pub fn document_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.document
    }

    /// The document, owned.
    #[must_use]
    pub fn into_document(self) -> Map<String, Value> {
        self.document
    }

    /// The object that holds the attributes of the core schema (`None`) or of an extension.
    #[must_use]
    pub fn container(&self, extension: Option<&str>) -> Option<&Map<String, Value>> {
        match extension {
            None => Some(&self.document),
            Some(urn) => self.document.get(urn).and_then(Value::as_object),
        }
    }

    /// A top-level string attribute of the core schema.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.document.get(name).and_then(Value::as_str)
    }
}
