//! Short forms for writing schemas down.

use crate::{
    attribute::{AttrType, Attribute, Mutability, Returned, Uniqueness},
    schema::{Schema, SchemaUrn},
};

pub(super) fn schema(urn: &str, name: &str, description: &str, attributes: Vec<Attribute>) -> Schema {
    Schema { urn: SchemaUrn::new(urn), name: name.to_owned(), description: Some(description.to_owned()), attributes }
}

pub(super) fn text(name: &str, description: &str) -> Attribute {
    Attribute { description: Some(description.to_owned()), ..Attribute::new(name, AttrType::String) }
}

pub(super) fn typed(name: &str, attr_type: AttrType, description: &str) -> Attribute {
    Attribute { attr_type, ..text(name, description) }
}

pub(super) fn flag(name: &str, description: &str) -> Attribute {
    typed(name, AttrType::Boolean, description)
}

pub(super) fn reference(name: &str, kinds: &[&str], description: &str) -> Attribute {
    Attribute { reference_types: owned(kinds), ..typed(name, AttrType::Reference, description) }
}

pub(super) fn complex(name: &str, description: &str, sub_attributes: Vec<Attribute>) -> Attribute {
    Attribute { sub_attributes, ..typed(name, AttrType::Complex, description) }
}

pub(super) fn list(attribute: Attribute) -> Attribute {
    Attribute { multi_valued: true, ..attribute }
}

pub(super) fn suggesting(attribute: Attribute, values: &[&str]) -> Attribute {
    Attribute { canonical_values: owned(values), ..attribute }
}

pub(super) fn required(attribute: Attribute) -> Attribute {
    Attribute { required: true, ..attribute }
}

pub(super) fn unique(attribute: Attribute) -> Attribute {
    Attribute { uniqueness: Uniqueness::Server, ..attribute }
}

pub(super) fn exact(attribute: Attribute) -> Attribute {
    Attribute { case_exact: true, ..attribute }
}

pub(super) fn searchable(attribute: Attribute) -> Attribute {
    Attribute { searchable: true, ..attribute }
}

pub(super) fn returned(attribute: Attribute, returned: Returned) -> Attribute {
    Attribute { returned, ..attribute }
}

/// Sets the mutability of an attribute and of its sub-attributes.
pub(super) fn with_mutability(attribute: Attribute, mutability: Mutability) -> Attribute {
    let sub_attributes = attribute
        .sub_attributes
        .into_iter()
        .map(|sub| Attribute {
            mutability,
            sub_attributes: sub.sub_attributes.into_iter().map(|inner| Attribute { mutability, ..inner }).collect(),
            ..sub
        })
        .collect();
    Attribute { mutability, sub_attributes, ..attribute }
}

pub(super) fn read_only(attribute: Attribute) -> Attribute {
    with_mutability(attribute, Mutability::ReadOnly)
}

/// The `type` of an element, with suggested values (RFC 7643 §2.4).
pub(super) fn kind(values: &[&str]) -> Attribute {
    suggesting(text("type", "What the value is used for."), values)
}

/// The `primary` of an element (RFC 7643 §2.4).
pub(super) fn primary() -> Attribute {
    flag("primary", "Whether this is the preferred value; true at most once.")
}

/// A multi-valued attribute with the sub-attributes of RFC 7643 §2.4 around the given `value`.
pub(super) fn plural(name: &str, description: &str, value: Attribute, kinds: &[&str]) -> Attribute {
    let display = text("display", "The value in a form for people.");
    list(complex(name, description, vec![value, display, kind(kinds), primary()]))
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
