//! A whole request body.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{
    attribute::{AttrType, Attribute, Mutability},
    builtin,
    error::ScimError,
    registry::{Extension, Registry, ResourceType},
    resource::Resource,
    validate::{
        Accepted, Coercion, UnknownAttributes,
        check::{Checker, Level, refuse_undeclared, spell},
        coerce, finish, is_membership, is_reserved, membership,
        place::Place,
        schemas,
    },
};

const PASSWORD: &str = "password";

pub(super) fn accept(
    registry: &Registry,
    resource_type: &ResourceType,
    body: Map<String, Value>,
    coercion: &Coercion,
    kept: &[&str],
) -> Result<Accepted, ScimError> {
    let body = spell(body, |name| declared_name(resource_type, name, coercion));
    schemas::check(registry, resource_type, body.get("schemas"), coercion)?;
    if coercion.unknown_attributes == UnknownAttributes::Reject {
        refuse_undeclared_names(resource_type, &body)?;
    }
    let mut reader = Reader {
        resource_type,
        checker: Checker { coercion, cleared: BTreeSet::new() },
        document: with_place_for_schemas(body.len()),
        members: None,
        password: None,
    };
    for (name, value) in body {
        reader.top_level(name, value)?;
    }
    let mut resource = Resource::from_document(reader.document);
    resource.refresh_schemas(resource_type);
    finish::check(resource_type, resource.document(), kept)?;
    Ok(Accepted { resource, members: reader.members, cleared: reader.checker.cleared, password: reader.password })
}

/// A document to be filled, in which `schemas` stands first.
fn with_place_for_schemas(names: usize) -> Map<String, Value> {
    let mut document = Map::with_capacity(names.saturating_add(1));
    document.insert("schemas".to_owned(), Value::Null);
    document
}

/// The spelling of a top-level name, if it is an attribute, an extension, or a user's password.
fn declared_name<'a>(resource_type: &'a ResourceType, name: &str, coercion: &Coercion) -> Option<&'a str> {
    if let Some(attribute) = resource_type.attribute(name) {
        return Some(&attribute.name);
    }
    if let Some(extension) = resource_type.extension(name) {
        return Some(extension.schema.urn.as_str());
    }
    if takes_password(resource_type) && name.eq_ignore_ascii_case(PASSWORD) {
        return Some(PASSWORD);
    }
    coerce::extension_by_mistyped_urn(resource_type, name, coercion).map(|extension| extension.schema.urn.as_str())
}

/// Users have a password even where none is declared, so that it is never kept as something unknown.
fn takes_password(resource_type: &ResourceType) -> bool {
    resource_type.schema.urn.is(builtin::USER)
}

/// 400 `invalidSyntax` for the first name that no schema declares, at whatever level.
fn refuse_undeclared_names(resource_type: &ResourceType, body: &Map<String, Value>) -> Result<(), ScimError> {
    for (name, value) in body {
        let place = Place::top(name);
        if let Some(attribute) = resource_type.attribute(name) {
            refuse_undeclared_parts(resource_type, attribute, &place, value)?;
        } else if let Some(extension) = resource_type.extension(name) {
            for (name, value) in value.as_object().into_iter().flatten() {
                let place = place.attribute(name);
                let Some(attribute) = extension.schema.attribute(name) else {
                    return Err(refuse_undeclared(&place));
                };
                refuse_undeclared_parts(resource_type, attribute, &place, value)?;
            }
        } else if !(takes_password(resource_type) && name == PASSWORD) {
            return Err(refuse_undeclared(&place));
        }
    }
    Ok(())
}

fn refuse_undeclared_parts(
    resource_type: &ResourceType,
    attribute: &Attribute,
    place: &Place<'_>,
    value: &Value,
) -> Result<(), ScimError> {
    // What is read-only is ignored whole (RFC 7644 §3.3); members say for themselves what they know.
    if attribute.attr_type != AttrType::Complex
        || attribute.mutability == Mutability::ReadOnly
        || is_membership(resource_type, attribute)
    {
        return Ok(());
    }
    let objects = match value {
        Value::Array(elements) => elements.as_slice(),
        single => std::slice::from_ref(single),
    };
    for name in objects.iter().filter_map(Value::as_object).flat_map(Map::keys) {
        if attribute.sub_attribute(name).is_none() {
            return Err(refuse_undeclared(&place.sub(name)));
        }
    }
    Ok(())
}

/// Reads a body whose names are spelled as declared.
struct Reader<'a> {
    resource_type: &'a ResourceType,
    checker: Checker<'a>,
    document: Map<String, Value>,
    members: Option<Vec<crate::validate::MemberValue>>,
    password: Option<String>,
}

impl Reader<'_> {
    fn top_level(&mut self, name: String, value: Value) -> Result<(), ScimError> {
        let resource_type = self.resource_type;
        if name == "schemas" {
            // It was checked before, and is written anew from what the resource turns out to have.
            return Ok(());
        }
        if name == PASSWORD && takes_password(resource_type) {
            return self.password(value);
        }
        if let Some(attribute) = resource_type.attribute(&name) {
            return self.core_attribute(attribute, name, value);
        }
        if let Some(extension) = resource_type.extension(&name) {
            return self.extension(extension, value);
        }
        if is_reserved(&name) {
            return Ok(());
        }
        let null = value.is_null();
        let place = Place::top(&name);
        match self.checker.undeclared(&place, value)? {
            Some(value) => {
                self.document.insert(name, value);
            }
            None if null && self.checker.coercion.unknown_attributes == UnknownAttributes::Keep => {
                self.checker.cleared.insert(name);
            }
            None => {}
        }
        Ok(())
    }

    /// `name` is the attribute's, spelled as declared.
    fn core_attribute(&mut self, attribute: &Attribute, name: String, value: Value) -> Result<(), ScimError> {
        if attribute.mutability == Mutability::ReadOnly {
            return Ok(());
        }
        if is_membership(self.resource_type, attribute) {
            let members = membership::read(&value, self.checker.coercion)?;
            if members.is_empty() {
                self.checker.cleared.insert(name);
            }
            self.members = Some(members);
            return Ok(());
        }
        let place = Place::top(&attribute.name);
        match self.checker.attribute(attribute, &place, value, Level::Core)? {
            Some(value) => {
                self.document.insert(name, value);
            }
            None => {
                self.checker.cleared.insert(name);
            }
        }
        Ok(())
    }

    /// A password is text of any kind; it is not looked at, and never shown in an error.
    fn password(&mut self, value: Value) -> Result<(), ScimError> {
        let definition = Attribute::new(PASSWORD, AttrType::String);
        match self.checker.attribute(&definition, &Place::top(PASSWORD), value, Level::Core)? {
            Some(Value::String(password)) => self.password = Some(password),
            _ => {
                self.checker.cleared.insert(PASSWORD.to_owned());
            }
        }
        Ok(())
    }

    fn extension(&mut self, extension: &Extension, value: Value) -> Result<(), ScimError> {
        let schema = &extension.schema;
        let urn = schema.urn.as_str();
        let place = Place::top(urn);
        let members = match value {
            Value::Null => Map::new(),
            Value::Object(members) => members,
            other => {
                return Err(coerce::mismatch(&place, "an object with the attributes of the extension", &other));
            }
        };
        if members.is_empty() {
            self.checker.cleared.insert(urn.to_owned());
            return Ok(());
        }
        let spelled = spell(members, |name| schema.attribute(name).map(|attribute| attribute.name.as_str()));
        let mut kept = Map::with_capacity(spelled.len());
        for (name, value) in spelled {
            let at = place.attribute(&name);
            let Some(attribute) = schema.attribute(&name) else {
                if let Some(value) = self.checker.undeclared(&at, value)? {
                    kept.insert(name, value);
                }
                continue;
            };
            if attribute.mutability == Mutability::ReadOnly {
                continue;
            }
            match self.checker.attribute(attribute, &at, value, Level::Inner)? {
                Some(value) => {
                    kept.insert(name, value);
                }
                None => {
                    self.checker.cleared.insert(at.to_string());
                }
            }
        }
        if !kept.is_empty() {
            self.document.insert(urn.to_owned(), Value::Object(kept));
        }
        Ok(())
    }
}
