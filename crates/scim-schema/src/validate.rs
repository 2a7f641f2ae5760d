//! From a request body to a `Resource`: names, types, required values (RFC 7643 §2, §3; RFC 7644
//! §3.3, §3.5.1), with the coercions that a connection's switches allow.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{
    attribute::Attribute,
    error::ScimError,
    registry::{Registry, ResourceType},
    resource::Resource,
};

mod body;
mod check;
mod coerce;
mod elements;
mod finish;
mod membership;
mod opaque;
mod place;
mod reference;
mod schemas;
mod sign_in_name;

/// The longest string value, in bytes.
pub const MAX_STRING_BYTES: usize = 64 * 1024;
/// The longest `userName`, `externalId`, `displayName` or unique value, in bytes.
pub const MAX_KEY_BYTES: usize = 1024;
/// The most that the undeclared attributes of one resource may take, in bytes of JSON.
pub const MAX_OPAQUE_BYTES: usize = 64 * 1024;

/// What to do with something the RFC does not allow but some identity provider sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Leniency {
    /// Refuse it, as the RFC would have it.
    #[default]
    Refuse,
    /// Accept it and turn it into RFC form.
    Accept,
}

impl Leniency {
    /// Whether it is accepted.
    #[must_use]
    pub fn accepts(self) -> bool {
        self == Self::Accept
    }
}

/// What happens to attributes and extensions that no schema declares.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum UnknownAttributes {
    /// Dropped.
    Ignore,
    /// 400 `invalidSyntax`.
    #[default]
    Reject,
    /// Stored opaque, at most 64 KiB a resource, and given back.
    Keep,
}

/// The coercions of a connection; the default is the RFC alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Coercion {
    /// `"true"` and `"false"` in any letter case where a boolean is due.
    pub string_booleans: Leniency,
    /// One object where an array of objects is due.
    pub object_for_array: Leniency,
    /// A number where a string is due.
    pub number_for_string: Leniency,
    /// A bare string as an element of a complex multi-valued attribute, or in its place.
    pub bare_string_element: Leniency,
    /// A one-element array where a single value is due.
    pub array_for_single: Leniency,
    /// `""` for manager and externalId means unassigned; a bare string for manager is its `value`.
    pub string_manager: Leniency,
    /// `schemas` absent, old, unknown or incomplete; the mistyped enterprise URN of Entra.
    pub any_schemas: Leniency,
    /// More than one `primary: true`: the first is kept; equal (type, value) pairs collapse.
    pub duplicate_primary: Leniency,
    /// A reference that is no URI is stored as it is.
    pub loose_references: Leniency,
    /// Attributes that no schema declares.
    pub unknown_attributes: UnknownAttributes,
}

/// The kind of write the body belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Write {
    /// POST: required attributes must be there.
    Create,
    /// PUT: required attributes must be there unless listed in `kept`.
    Replace,
}

/// An accepted request body.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Accepted {
    /// The resource, holding its invariant; read-only attributes dropped; without `id` and `meta`.
    pub resource: Resource,
    /// `members` of a membership attribute (Group.members), taken out of the document:
    /// `None` if the body had none, an empty list for `null` and `[]`.
    pub members: Option<Vec<MemberValue>>,
    /// Keys ([`crate::AttrRef::key`]) that the body named with `null`, `[]`, `{}`, or an unassigning
    /// `""`; an extension as a whole by its URN, an undeclared attribute as it was sent.
    pub cleared: BTreeSet<String>,
    /// A password that the body carried; never part of the document.
    pub password: Option<String>,
}

/// One element of `members` as sent (RFC 7643 §4.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberValue {
    /// The member's id: `value`, else the tail of `$ref`.
    pub value: String,
    /// `User`, `Group` or another resource type's name, if sent.
    pub member_type: Option<String>,
}

/// Whether an attribute is a membership list: rows apart from the document. It is the multi-valued
/// complex attribute `members` of a resource type's core schema named Group.
#[must_use]
pub fn is_membership(resource_type: &ResourceType, attribute: &Attribute) -> bool {
    resource_type.name == "Group" && attribute.name == "members"
}

/// Whether an attribute is the password of a user: taken apart, never part of the document.
#[must_use]
pub fn is_password(resource_type: &ResourceType, attribute: &Attribute) -> bool {
    resource_type.schema.urn.is(crate::builtin::USER) && attribute.name == "password"
}

/// Checks a request body and turns it into a [`Resource`]. `kept` names the required attributes
/// (keys, [`crate::AttrRef::key`]) that may be absent because their stored value stays (PUT under
/// the switch `put_absent_identity`).
///
/// Order: structure and `schemas` (400 `invalidSyntax`), names, then values in document order
/// (400 `invalidValue` naming the attribute), then what is missing. Duplicate keys: the last wins
/// (in any letter case). A password is taken apart even if the registry no longer declares it
/// ([`Registry::without`]), so that the caller can refuse it. How many members a request may have
/// is for the caller to check.
///
/// # Errors
/// [`ScimError`] 400 with the key words above.
pub fn accept(
    registry: &Registry,
    resource_type: &ResourceType,
    body: Map<String, Value>,
    write: Write,
    coercion: &Coercion,
    kept: &[&str],
) -> Result<Accepted, ScimError> {
    let kept = match write {
        Write::Create => &[],
        Write::Replace => kept,
    };
    body::accept(registry, resource_type, body, coercion, kept)
}

/// Checks and normalises one value against an attribute's definition, as PATCH needs it: `null` is
/// not accepted here. For a multi-valued attribute the value is the whole array; [`element`] checks
/// one element. `path` is for the error's text. Sub-attributes that are read-only are dropped.
///
/// The answer is `Value::Null` if the value turns out to mean "unassigned": `[]`, `{}`, or `""`
/// where the coercion says so.
///
/// # Errors
/// [`ScimError`] 400 `invalidValue` naming the attribute; `invalidSyntax` for a sub-attribute that
/// no schema declares, if those are rejected.
pub fn value(
    resource_type: &ResourceType,
    attribute: &Attribute,
    path: &str,
    value: Value,
    coercion: &Coercion,
) -> Result<Value, ScimError> {
    check::one(resource_type, attribute, path, value, coercion, check::Part::Whole)
}

/// Like [`value`], for one element of a multi-valued attribute.
///
/// # Errors
/// As [`value`].
pub fn element(
    resource_type: &ResourceType,
    attribute: &Attribute,
    path: &str,
    value: Value,
    coercion: &Coercion,
) -> Result<Value, ScimError> {
    check::one(resource_type, attribute, path, value, coercion, check::Part::Element)
}

/// Checks a value that no schema declares and that is kept as it is: no NUL anywhere. Its size is
/// for [`finished`] to check, with the rest of what is kept.
///
/// # Errors
/// [`ScimError`] 400 `invalidValue` naming the attribute.
pub fn opaque(path: &str, value: &Value) -> Result<(), ScimError> {
    opaque::check(&path, value)
}

/// Whether a top-level name may never be kept as an undeclared attribute, because the service
/// provider itself gives it a meaning.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    opaque::is_reserved(name)
}

/// Brings the elements of a multi-valued complex attribute into order: equal (type, value) pairs
/// collapse into the first, and `primary` is true at most once (RFC 7643 §2.4). `favoured` is the
/// index of the element whose `primary` wins, the one a PATCH has just written; else the first.
///
/// # Errors
/// [`ScimError`] 400 `invalidValue` where the coercion does not allow it.
pub fn settle_elements(
    attribute: &Attribute,
    path: &str,
    elements: &mut Vec<Value>,
    favoured: Option<usize>,
    coercion: &Coercion,
) -> Result<(), ScimError> {
    elements::settle(attribute, &path, elements, favoured, coercion)
}

/// Reads the elements of a membership attribute in every shape the coercion allows. `null` is an
/// empty list.
///
/// # Errors
/// [`ScimError`] 400 `invalidValue` if an element is not acceptable or lacks a value.
pub fn members(value: &Value, coercion: &Coercion) -> Result<Vec<MemberValue>, ScimError> {
    membership::read(value, coercion)
}

/// Checks a userName: not blank, outer white space no part of the comparison form,
/// no NUL, control, default-ignorable or bidi control character, no character whose NFC and NFKC
/// forms differ.
///
/// # Errors
/// [`ScimError`] 400 `invalidValue` naming the character.
pub fn user_name(text: &str) -> Result<(), ScimError> {
    sign_in_name::check(text)
}

/// Checks what only the finished resource can tell, after POST, PUT or PATCH: required attributes
/// (also sub-attributes of present complex values, and required extensions), the opaque part's
/// size, `primary` at most once.
///
/// # Errors
/// [`ScimError`] 400 `invalidValue`.
pub fn finished(resource_type: &ResourceType, resource: &Resource) -> Result<(), ScimError> {
    finish::check(resource_type, resource.document(), &[])
}

#[cfg(test)]
mod tests;
