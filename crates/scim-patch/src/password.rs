//! What a PATCH request does to a user's password, which needs no look at the resource.

use scim_filter::ValuePath;
use scim_schema::{ResourceType, validate, validate::is_password};
use serde_json::Value;

use crate::{
    dialect::{self, Dialect},
    request::{Op, PatchRequest, parse_path},
    target::{Target, resolve},
};

/// What becomes of a password.
#[derive(Clone, PartialEq, Eq)]
pub enum PasswordChange {
    /// It becomes this one, in clear.
    Set(String),
    /// It is taken away.
    Remove,
}

impl std::fmt::Debug for PasswordChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Set(_) => "Set",
            Self::Remove => "Remove",
        })
    }
}

/// What the operations leave of the password: the last that names it decides (RFC 7644 §3.5.2: they
/// are applied in order). It depends on no resource, so that a password can be hashed before one is
/// locked. Equal to [`crate::Patched::password`] of every resource to which the request can be
/// applied; a request that cannot be is left for [`crate::apply()`] to refuse.
#[must_use]
pub fn password(resource_type: &ResourceType, request: &PatchRequest, dialect: &Dialect) -> Option<PasswordChange> {
    let mut reader = Reader { resource_type, dialect, found: None };
    for operation in &request.operations {
        match (&operation.path, operation.op) {
            (Some(path), op) => reader.at(op, path, operation.value.as_ref()),
            (None, Op::Remove) => {}
            (None, op) => {
                let value = operation.value.clone().unwrap_or(Value::Null);
                if let Ok(object) = dialect::value::no_path_object(value, dialect) {
                    for (name, value) in &object {
                        if let Ok(path) = parse_path(name, dialect) {
                            reader.at(op, &path, Some(value));
                        }
                    }
                }
            }
        }
    }
    reader.found
}

struct Reader<'a> {
    resource_type: &'a ResourceType,
    dialect: &'a Dialect,
    found: Option<PasswordChange>,
}

impl Reader<'_> {
    fn at(&mut self, op: Op, path: &ValuePath, value: Option<&Value>) {
        let Ok(Target::Declared(place)) = resolve(self.resource_type, path, self.dialect) else { return };
        if place.extension.is_some() || !is_password(self.resource_type, place.attribute) {
            return;
        }
        match value {
            Some(value) if op != Op::Remove && !value.is_null() => {
                let coercion = &self.dialect.coercion;
                let value = validate::value(self.resource_type, place.attribute, &place.key(), value.clone(), coercion);
                if let Ok(Value::String(text)) = value {
                    self.found = Some(PasswordChange::Set(text));
                }
            }
            _ => self.found = Some(PasswordChange::Remove),
        }
    }
}
