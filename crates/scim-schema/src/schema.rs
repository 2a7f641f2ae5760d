//! Schemas and their URNs (RFC 7643 §7).

use std::{fmt, sync::Arc};

use serde_json::{Map, Value};

use crate::{
    attribute::{AttrType, Attribute},
    registry::RegistryError,
};

mod parse;

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
    /// Member names are compared ignoring ASCII case; absent characteristics have the defaults of
    /// RFC 7643 §2.2; `schemas` and `meta` may be there and are not kept. Beyond the RFC, an
    /// attribute may carry `"searchable": true` (see [`Attribute::searchable`]).
    ///
    /// # Errors
    /// [`RegistryError`] with a JSON pointer to the faulty place and the reason: an unknown member,
    /// type or key word, a wrong JSON type, a repeated or malformed attribute name (RFC 7643 §2.1), a
    /// complex attribute inside a complex one or without sub-attributes, sub-attributes on a simple
    /// type, uniqueness of a complex attribute or a boolean, or `searchable` where nothing can be
    /// searched.
    pub fn parse(document: &Value) -> Result<Self, RegistryError> {
        parse::schema(document)
    }

    /// The attribute of this name, ignoring ASCII case.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }

    /// The Schema document for discovery (RFC 7643 §7), without `meta`.
    #[must_use]
    pub fn to_document(&self) -> Value {
        let mut document = Map::new();
        document.insert("schemas".to_owned(), Value::from(vec![crate::builtin::SCHEMA]));
        document.insert("id".to_owned(), self.urn.as_str().into());
        document.insert("name".to_owned(), self.name.as_str().into());
        if let Some(description) = &self.description {
            document.insert("description".to_owned(), description.as_str().into());
        }
        document.insert("attributes".to_owned(), self.attributes.iter().map(attribute_document).collect());
        Value::Object(document)
    }
}

/// One element of `attributes` or `subAttributes` (RFC 7643 §7). The nesting is bounded by
/// [`Schema::parse`] and the built-in schemas: two levels at most below the top.
fn attribute_document(attribute: &Attribute) -> Value {
    let mut document = Map::new();
    document.insert("name".to_owned(), attribute.name.as_str().into());
    document.insert("type".to_owned(), attribute.attr_type.as_str().into());
    document.insert("multiValued".to_owned(), attribute.multi_valued.into());
    if let Some(description) = &attribute.description {
        document.insert("description".to_owned(), description.as_str().into());
    }
    document.insert("required".to_owned(), attribute.required.into());
    if !attribute.canonical_values.is_empty() {
        document.insert("canonicalValues".to_owned(), attribute.canonical_values.clone().into());
    }
    if matches!(attribute.attr_type, AttrType::String | AttrType::Reference | AttrType::Binary) {
        document.insert("caseExact".to_owned(), attribute.case_exact.into());
    }
    document.insert("mutability".to_owned(), attribute.mutability.as_str().into());
    document.insert("returned".to_owned(), attribute.returned.as_str().into());
    document.insert("uniqueness".to_owned(), attribute.uniqueness.as_str().into());
    if !attribute.reference_types.is_empty() {
        document.insert("referenceTypes".to_owned(), attribute.reference_types.clone().into());
    }
    if !attribute.sub_attributes.is_empty() {
        document.insert("subAttributes".to_owned(), attribute.sub_attributes.iter().map(attribute_document).collect());
    }
    Value::Object(document)
}

#[cfg(test)]
mod tests;
