//! The `Resource` document (RFC 7643 §3).

use serde_json::{Map, Value};

use crate::{path::AttrRef, registry::ResourceType};

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

    /// The same to be written; `None` if the resource has no such extension.
    pub fn container_mut(&mut self, extension: Option<&str>) -> Option<&mut Map<String, Value>> {
        match extension {
            None => Some(&mut self.document),
            Some(urn) => self.document.get_mut(urn).and_then(Value::as_object_mut),
        }
    }

    /// The value of the top-level attribute that a reference names (its sub-attribute is not looked
    /// at), or the whole extension.
    #[must_use]
    pub fn value(&self, at: &AttrRef<'_>) -> Option<&Value> {
        match (at.extension, at.attribute) {
            (extension, Some(attribute)) => {
                self.container(extension.map(crate::SchemaUrn::as_str))?.get(&attribute.name)
            }
            (Some(urn), None) => self.document.get(urn.as_str()),
            (None, None) => None,
        }
    }

    /// Takes out what is unassigned (`null`, `[]`, `{}`) of extensions, and writes `schemas` anew:
    /// the core schema, the extensions that are there in the order the resource type declares them,
    /// then the undeclared ones that were kept (RFC 7643 §3).
    pub fn refresh_schemas(&mut self, resource_type: &ResourceType) {
        for extension in &resource_type.extensions {
            let urn = extension.schema.urn.as_str();
            let empty = self.document.get(urn).is_some_and(|value| match value {
                Value::Null => true,
                Value::Object(members) => members.is_empty(),
                _ => false,
            });
            if empty {
                self.document.shift_remove(urn);
            }
        }
        let mut schemas = vec![Value::from(resource_type.schema.urn.as_str())];
        for extension in &resource_type.extensions {
            let urn = extension.schema.urn.as_str();
            if self.document.contains_key(urn) {
                schemas.push(urn.into());
            }
        }
        for (name, value) in &self.document {
            // No declared attribute has a colon in its name, so this is an extension nobody declared.
            if name.contains(':') && value.is_object() && resource_type.extension(name).is_none() {
                schemas.push(name.as_str().into());
            }
        }
        match self.document.get_mut("schemas") {
            Some(present) => *present = Value::Array(schemas),
            None => {
                self.document.shift_insert(0, "schemas".to_owned(), Value::Array(schemas));
            }
        }
    }

    /// A top-level string attribute of the core schema.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.document.get(name).and_then(Value::as_str)
    }
}
