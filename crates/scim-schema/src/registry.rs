//! The schemas and resource types that a service provider serves (RFC 7643 §6, §7).

use std::sync::Arc;

use serde_json::Value;

use crate::{
    attribute::Attribute,
    path::{AttrPath, AttrRef},
    schema::{Schema, SchemaUrn},
};

/// A faulty schema or resource type document.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("at {pointer}: {reason}")]
pub struct RegistryError {
    /// JSON pointer (RFC 6901) into the document, `""` for the whole.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

/// A schema extension of a resource type (RFC 7643 §6, `schemaExtensions`).
#[derive(Clone, Debug)]
pub struct Extension {
    /// The extension's schema.
    pub schema: Arc<Schema>,
    /// Whether every resource must carry it.
    pub required: bool,
}

/// A kind of resource with its schemas resolved (RFC 7643 §6).
#[derive(Clone, Debug)]
pub struct ResourceType {
    /// The identifier, usually the same as the name.
    pub id: String,
    /// The name, as in `meta.resourceType`, e.g. `User`.
    pub name: String,
    /// The endpoint with its leading slash, e.g. `/Users`.
    pub endpoint: String,
    /// Text for people, if any.
    pub description: Option<String>,
    /// The core schema.
    pub schema: Arc<Schema>,
    /// The extensions, in the order declared.
    pub extensions: Vec<Extension>,
}

impl ResourceType {
    /// A top-level attribute of the core schema or a common attribute (`schemas`, `id`,
    /// `externalId`, `meta`; RFC 7643 §3.1), ignoring ASCII case.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        let _ = name;
        todo!()
    }

    /// The extension with this URN, ignoring ASCII case.
    #[must_use]
    pub fn extension(&self, urn: &str) -> Option<&Extension> {
        self.extensions.iter().find(|extension| extension.schema.urn.is(urn))
    }

    /// Finds what a path names in this resource type: the longest schema URN in front is split off
    /// first (so that the dot of `2.0` is never taken for a sub-attribute), a path without URN is
    /// looked up in the core schema and the common attributes only.
    /// `None`: nothing of that name is declared, also when only the sub-attribute is unknown.
    #[must_use]
    pub fn resolve(&self, path: &AttrPath) -> Option<AttrRef<'_>> {
        let _ = path;
        todo!()
    }

    /// Like [`Self::resolve`], but a name that the core schema lacks is then looked for in the
    /// extensions, in order (the switch `bare_extension_names`).
    #[must_use]
    pub fn resolve_bare(&self, path: &AttrPath) -> Option<AttrRef<'_>> {
        let _ = path;
        todo!()
    }

    /// The ResourceType document for discovery (RFC 7643 §6), without `meta`.
    #[must_use]
    pub fn to_document(&self) -> Value {
        todo!()
    }
}

/// All schemas and resource types of a service provider, immutable once built.
#[derive(Clone, Debug)]
pub struct Registry {
    schemas: Vec<Arc<Schema>>,
    resource_types: Vec<Arc<ResourceType>>,
}

impl Registry {
    /// User with Enterprise User, and Group (RFC 7643 §4), as corrected by our rulings.
    #[must_use]
    pub fn builtin() -> Self {
        todo!()
    }

    /// This registry with more documents: each a Schema or a ResourceType as RFC 7643 §6 and §7
    /// print them, in any order. A ResourceType of a built-in name replaces it only to add
    /// extensions; a Schema with a built-in URN is refused.
    ///
    /// # Errors
    /// The index of the faulty document and its [`RegistryError`].
    pub fn with_documents(&self, documents: &[Value]) -> Result<Self, (usize, RegistryError)> {
        let _ = documents;
        todo!()
    }

    /// The schema with this URN, ignoring ASCII case.
    #[must_use]
    pub fn schema(&self, urn: &str) -> Option<&Arc<Schema>> {
        self.schemas.iter().find(|schema| schema.urn.is(urn))
    }

    /// All schemas, in the order of discovery.
    #[must_use]
    pub fn schemas(&self) -> &[Arc<Schema>] {
        &self.schemas
    }

    /// The resource type of this name, exactly.
    #[must_use]
    pub fn resource_type(&self, name: &str) -> Option<&Arc<ResourceType>> {
        self.resource_types.iter().find(|resource_type| resource_type.name == name)
    }

    /// The resource type served at this first path segment (`Users`), ignoring ASCII case.
    #[must_use]
    pub fn by_endpoint(&self, segment: &str) -> Option<&Arc<ResourceType>> {
        self.resource_types
            .iter()
            .find(|resource_type| resource_type.endpoint.trim_start_matches('/').eq_ignore_ascii_case(segment))
    }

    /// All resource types, in the order of discovery.
    #[must_use]
    pub fn resource_types(&self) -> &[Arc<ResourceType>] {
        &self.resource_types
    }

    /// Whether any resource type declares what this path names (used by filters over several
    /// types, RFC 7644 §3.4.2.1).
    #[must_use]
    pub fn knows(&self, path: &AttrPath) -> bool {
        self.resource_types.iter().any(|resource_type| resource_type.resolve(path).is_some())
    }

    /// Whether this URN is a known schema, ignoring ASCII case.
    #[must_use]
    pub fn knows_schema(&self, urn: &SchemaUrn) -> bool {
        self.schema(urn.as_str()).is_some()
    }
}
