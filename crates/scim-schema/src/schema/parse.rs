//! Reading a Schema document.

use serde_json::Value;

use crate::{
    attribute::{AttrType, Attribute, Mutability, Returned, Uniqueness, is_attribute_name},
    builtin,
    document::{Node, fault},
    registry::RegistryError,
    schema::{Schema, SchemaUrn},
};

const SCHEMA_MEMBERS: &[&str] = &["schemas", "id", "name", "description", "attributes", "meta"];

const ATTRIBUTE_MEMBERS: &[&str] = &[
    "name",
    "type",
    "multiValued",
    "description",
    "required",
    "canonicalValues",
    "caseExact",
    "mutability",
    "returned",
    "uniqueness",
    "referenceTypes",
    "subAttributes",
    "searchable",
];

pub(super) fn schema(document: &Value) -> Result<Schema, RegistryError> {
    let node = Node::read(document, String::new(), SCHEMA_MEMBERS)?;
    node.check_schemas(builtin::SCHEMA)?;
    let urn = SchemaUrn::new(node.required_text("id")?);
    if urn.as_str().contains(|character: char| character.is_whitespace() || character.is_control()) {
        return Err(fault(&node.at("id"), "must be a URI, which has no blanks and no control characters"));
    }
    let scheme = urn.as_str().split_once(':').map_or("", |(scheme, _)| scheme);
    if !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) {
        let reason = "must be a URI, which begins with a scheme, as in \"urn:example:params:scim:schemas:Device\"";
        return Err(fault(&node.at("id"), reason));
    }
    // RFC 7643 §7 makes the name optional; the last part of the URN is then the best there is.
    let name = match node.text("name")? {
        Some(name) => name.to_owned(),
        None => urn.as_str().rsplit(':').next().unwrap_or_default().to_owned(),
    };
    let description = node.text("description")?.map(ToOwned::to_owned);
    if node.member("attributes").is_none() {
        return Err(fault(node.pointer(), "lacks \"attributes\", which is required"));
    }
    // RFC 7643 §7: the Schema schema alone may hold a complex attribute inside a complex one.
    let complex_levels = if urn.is(builtin::SCHEMA) { 2 } else { 1 };
    let attributes = attributes(&node, "attributes", complex_levels)?;
    Ok(Schema { urn, name, description, attributes })
}

/// Reads a list of definitions; `complex_levels` says how many levels of complex attributes may
/// still follow, which bounds the recursion.
fn attributes(parent: &Node<'_>, member: &str, complex_levels: usize) -> Result<Vec<Attribute>, RegistryError> {
    let mut attributes: Vec<Attribute> = Vec::new();
    for (index, value) in parent.list(member)?.iter().enumerate() {
        let node = Node::read(value, format!("{}/{index}", parent.at(member)), ATTRIBUTE_MEMBERS)?;
        let attribute = attribute(&node, complex_levels)?;
        if attributes.iter().any(|earlier| earlier.name.eq_ignore_ascii_case(&attribute.name)) {
            let reason = format!("\"{}\" is declared twice; names are compared ignoring case", attribute.name);
            return Err(fault(&node.at("name"), reason));
        }
        attributes.push(attribute);
    }
    Ok(attributes)
}

fn attribute(node: &Node<'_>, complex_levels: usize) -> Result<Attribute, RegistryError> {
    let name = node.required_text("name")?;
    if !is_attribute_name(name) {
        let reason = format!("\"{name}\" is no attribute name: a letter, then letters, digits, \"$\", \"-\" and \"_\"");
        return Err(fault(&node.at("name"), reason));
    }
    let attr_type = key_word(node, "type", AttrType::ALL, AttrType::as_str, AttrType::parse)?;
    let complex = attr_type == AttrType::Complex;
    if complex && complex_levels == 0 {
        return Err(fault(&node.at("type"), "a complex attribute cannot hold a complex one (RFC 7643 §2.3.8)"));
    }
    let sub_attributes = attributes(node, "subAttributes", complex_levels.saturating_sub(1))?;
    if complex && sub_attributes.is_empty() {
        return Err(fault(node.pointer(), "a complex attribute needs \"subAttributes\", else it can hold nothing"));
    }
    if !complex && !sub_attributes.is_empty() {
        let reason = format!("only complex attributes have sub-attributes, and this one is {}", attr_type.as_str());
        return Err(fault(&node.at("subAttributes"), reason));
    }
    let uniqueness = key_word(node, "uniqueness", Uniqueness::ALL, Uniqueness::as_str, Uniqueness::parse)?;
    if uniqueness != Uniqueness::None && matches!(attr_type, AttrType::Complex | AttrType::Boolean) {
        let reason = format!("a {} attribute has no uniqueness (RFC 7643 §2.3); say \"none\"", attr_type.as_str());
        return Err(fault(&node.at("uniqueness"), reason));
    }
    let reference_types = node.texts("referenceTypes")?;
    if attr_type != AttrType::Reference && !reference_types.is_empty() {
        let reason = format!("only references have reference types, and this one is {}", attr_type.as_str());
        return Err(fault(&node.at("referenceTypes"), reason));
    }
    let attribute = Attribute {
        name: name.to_owned(),
        attr_type,
        multi_valued: node.flag("multiValued")?,
        description: node.text("description")?.map(ToOwned::to_owned),
        required: node.flag("required")?,
        canonical_values: node.texts("canonicalValues")?,
        case_exact: node.flag("caseExact")?,
        mutability: key_word(node, "mutability", Mutability::ALL, Mutability::as_str, Mutability::parse)?,
        returned: key_word(node, "returned", Returned::ALL, Returned::as_str, Returned::parse)?,
        uniqueness,
        reference_types,
        sub_attributes,
        searchable: node.flag("searchable")?,
    };
    if attribute.searchable {
        searchable(&attribute).map_err(|reason| fault(&node.at("searchable"), reason))?;
    }
    Ok(attribute)
}

/// Whether something of this attribute can be searched for.
fn searchable(attribute: &Attribute) -> Result<(), String> {
    if attribute.is_secret() {
        return Err("a value that is never returned cannot be searched for".to_owned());
    }
    if attribute.attr_type != AttrType::Complex {
        return Ok(());
    }
    match attribute.value_attribute() {
        Some(value) if !value.is_secret() => Ok(()),
        _ => Err("a complex attribute is searched by its sub-attribute \"value\", which this one lacks; \
                  mark a sub-attribute instead"
            .to_owned()),
    }
}

/// A key word out of a closed list; absent is the default of RFC 7643 §2.2.
fn key_word<T: Copy + Default>(
    node: &Node<'_>,
    member: &str,
    all: &[T],
    as_str: fn(T) -> &'static str,
    parse: fn(&str) -> Option<T>,
) -> Result<T, RegistryError> {
    let Some(word) = node.text(member)? else {
        return Ok(T::default());
    };
    parse(word).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|known| as_str(*known)).collect();
        fault(&node.at(member), format!("\"{word}\" is none of {}", known.join(", ")))
    })
}
