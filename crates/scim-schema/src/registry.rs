//! The schemas and resource types that a service provider serves (RFC 7643 §6, §7).

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};

use crate::{
    attribute::{Attribute, Mutability, Uniqueness},
    builtin,
    path::{AttrPath, AttrRef},
    schema::{Schema, SchemaUrn},
};

mod load;

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
    /// `externalId`, `meta`; RFC 7643 §3.1), ignoring ASCII case. A common attribute wins over one
    /// of the same name in the schema, as RFC 7643 §3.1 says.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        common_attribute(name).or_else(|| self.schema.attribute(name))
    }

    /// The attributes at the top of a resource: the common ones, then those of the core schema.
    pub fn core_attributes(&self) -> impl Iterator<Item = &Attribute> {
        let declared = self.schema.attributes.iter().filter(|attribute| common_attribute(&attribute.name).is_none());
        builtin::common_attributes().iter().chain(declared)
    }

    /// Every top-level attribute: common, core, then those of the extensions in order.
    pub fn attributes(&self) -> impl Iterator<Item = AttrRef<'_>> {
        let core =
            self.core_attributes().map(|attribute| AttrRef { extension: None, attribute: Some(attribute), sub: None });
        let extended = self.extensions.iter().flat_map(|extension| {
            extension.schema.attributes.iter().map(|attribute| AttrRef {
                extension: Some(&extension.schema.urn),
                attribute: Some(attribute),
                sub: None,
            })
        });
        core.chain(extended)
    }

    /// Every attribute and, right behind its attribute, every sub-attribute.
    pub fn all_attributes(&self) -> impl Iterator<Item = AttrRef<'_>> {
        self.attributes().flat_map(|at| {
            let subs = at.attribute.map(|attribute| attribute.sub_attributes.as_slice()).unwrap_or_default();
            std::iter::once(at).chain(subs.iter().map(move |sub| AttrRef { sub: Some(sub), ..at }))
        })
    }

    /// What stores keep an index row for, beside their own columns: every attribute or sub-attribute
    /// marked [`Attribute::searchable`]. A complex attribute marked so stands here as its `value`.
    pub fn searchable_attributes(&self) -> impl Iterator<Item = AttrRef<'_>> {
        self.all_attributes().filter(|at| at.leaf().is_some_and(|leaf| leaf.searchable)).map(AttrRef::to_value)
    }

    /// The attributes and sub-attributes whose values are unique (RFC 7643 §7, `uniqueness`), but
    /// for `id`.
    pub fn unique_attributes(&self) -> impl Iterator<Item = AttrRef<'_>> {
        self.all_attributes().filter(|at| {
            let own = at.attribute.is_some_and(|attribute| attribute.mutability != Mutability::ReadOnly);
            own && at.leaf().is_some_and(Attribute::is_unique)
        })
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
        let Some(urn) = path.urn() else {
            return attribute_at(None, self.attribute(path.name())?, path.sub());
        };
        let whole = path.to_string();
        if let Some(extension) = self.extension(&whole) {
            return Some(AttrRef { extension: Some(&extension.schema.urn), attribute: None, sub: None });
        }
        if let Some(extension) = self.extension(urn) {
            return attribute_at(Some(&extension.schema.urn), extension.schema.attribute(path.name())?, path.sub());
        }
        if self.schema.urn.is(urn) {
            return attribute_at(None, self.attribute(path.name())?, path.sub());
        }
        None
    }

    /// Like [`Self::resolve`], but a name that the core schema lacks is then looked for in the
    /// extensions, in order (the switch `bare_extension_names`).
    #[must_use]
    pub fn resolve_bare(&self, path: &AttrPath) -> Option<AttrRef<'_>> {
        if path.urn().is_some() || self.attribute(path.name()).is_some() {
            return self.resolve(path);
        }
        self.extensions.iter().find_map(|extension| {
            attribute_at(Some(&extension.schema.urn), extension.schema.attribute(path.name())?, path.sub())
        })
    }

    /// The `ResourceType` document for discovery (RFC 7643 §6), without `meta`.
    #[must_use]
    pub fn to_document(&self) -> Value {
        let mut document = Map::new();
        document.insert("schemas".to_owned(), Value::from(vec![builtin::RESOURCE_TYPE]));
        document.insert("id".to_owned(), self.id.as_str().into());
        document.insert("name".to_owned(), self.name.as_str().into());
        if let Some(description) = &self.description {
            document.insert("description".to_owned(), description.as_str().into());
        }
        document.insert("endpoint".to_owned(), self.endpoint.as_str().into());
        document.insert("schema".to_owned(), self.schema.urn.as_str().into());
        if !self.extensions.is_empty() {
            let extensions = self
                .extensions
                .iter()
                .map(|extension| json!({"schema": extension.schema.urn.as_str(), "required": extension.required}));
            document.insert("schemaExtensions".to_owned(), extensions.collect());
        }
        Value::Object(document)
    }
}

fn common_attribute(name: &str) -> Option<&'static Attribute> {
    builtin::common_attributes().iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

fn attribute_at<'a>(
    extension: Option<&'a SchemaUrn>,
    attribute: &'a Attribute,
    sub: Option<&str>,
) -> Option<AttrRef<'a>> {
    let sub = match sub {
        None => None,
        Some(name) => Some(attribute.sub_attribute(name)?),
    };
    Some(AttrRef { extension, attribute: Some(attribute), sub })
}

/// All schemas and resource types of a service provider, immutable once built.
#[derive(Clone, Debug)]
pub struct Registry {
    schemas: Vec<Arc<Schema>>,
    resource_types: Vec<Arc<ResourceType>>,
}

static BUILTIN: LazyLock<Registry> = LazyLock::new(|| {
    let [user, group, enterprise_user] = [builtin::user(), builtin::group(), builtin::enterprise_user()].map(Arc::new);
    let resource_types = vec![
        Arc::new(ResourceType {
            id: "User".to_owned(),
            name: "User".to_owned(),
            endpoint: "/Users".to_owned(),
            description: Some("User Account".to_owned()),
            schema: Arc::clone(&user),
            extensions: vec![Extension { schema: Arc::clone(&enterprise_user), required: false }],
        }),
        Arc::new(ResourceType {
            id: "Group".to_owned(),
            name: "Group".to_owned(),
            endpoint: "/Groups".to_owned(),
            description: Some("Group".to_owned()),
            schema: Arc::clone(&group),
            extensions: Vec::new(),
        }),
    ];
    Registry { schemas: vec![user, group, enterprise_user], resource_types }
});

impl Registry {
    /// User with Enterprise User, and Group (RFC 7643 §4), as corrected in [`crate::builtin`]. Made
    /// once; what is returned shares it.
    #[must_use]
    pub fn builtin() -> Self {
        BUILTIN.clone()
    }

    /// This registry with more documents: each a Schema or a `ResourceType` as RFC 7643 §6 and §7
    /// print them, in any order. Which of the two a document is its `schemas` says or, since RFC
    /// 7643 §8.7.1 leaves that out, its members (`attributes`, or `endpoint`).
    ///
    /// A `ResourceType` of a name that is already there replaces it only to add extensions, or to say
    /// anew whether an extension is required; endpoint and schema must be the same. A Schema whose
    /// URN is taken is refused.
    ///
    /// # Errors
    /// The index of the faulty document and its [`RegistryError`].
    pub fn with_documents(&self, documents: &[Value]) -> Result<Self, (usize, RegistryError)> {
        load::documents(self, documents)
    }

    /// This registry without one attribute or sub-attribute, for what a service provider does not
    /// offer and so must not declare (`password` of users, `display` of members). A name that is
    /// not there changes nothing.
    #[must_use]
    pub fn without(&self, urn: &str, name: &str, sub: Option<&str>) -> Self {
        self.changed(urn, |schema| match sub {
            None => schema.attributes.retain(|attribute| !attribute.name.eq_ignore_ascii_case(name)),
            Some(sub) => {
                for attribute in &mut schema.attributes {
                    if attribute.name.eq_ignore_ascii_case(name) {
                        attribute.sub_attributes.retain(|part| !part.name.eq_ignore_ascii_case(sub));
                    }
                }
            }
        })
    }

    /// This registry with another uniqueness of one top-level attribute (the setting
    /// `unique_group_names` off: Group's `displayName` becomes [`Uniqueness::None`]).
    #[must_use]
    pub fn with_uniqueness(&self, urn: &str, name: &str, uniqueness: Uniqueness) -> Self {
        self.changed(urn, |schema| {
            for attribute in &mut schema.attributes {
                if attribute.name.eq_ignore_ascii_case(name) {
                    attribute.uniqueness = uniqueness;
                }
            }
        })
    }

    fn changed(&self, urn: &str, change: impl FnOnce(&mut Schema)) -> Self {
        let Some(old) = self.schema(urn) else {
            return self.clone();
        };
        let mut schema = Schema::clone(old);
        change(&mut schema);
        let schema = Arc::new(schema);
        let replace = |present: &Arc<Schema>| {
            if present.urn == schema.urn { Arc::clone(&schema) } else { Arc::clone(present) }
        };
        let resource_types = self.resource_types.iter().map(|resource_type| {
            let extensions = resource_type
                .extensions
                .iter()
                .map(|extension| Extension { schema: replace(&extension.schema), required: extension.required });
            Arc::new(ResourceType {
                schema: replace(&resource_type.schema),
                extensions: extensions.collect(),
                ..ResourceType::clone(resource_type)
            })
        });
        Self { schemas: self.schemas.iter().map(replace).collect(), resource_types: resource_types.collect() }
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

#[cfg(test)]
pub(crate) mod tests;
