//! Applying a PATCH request to a resource.

use std::collections::BTreeSet;

use scim_schema::{Registry, Resource, ResourceType, ScimError};

use crate::{delta::MemberDelta, dialect::Dialect, request::PatchRequest};

/// The result of a PATCH request.
#[derive(Clone, PartialEq, Debug)]
pub struct Patched {
    /// The resource after all operations; equal to the one before if nothing changed.
    pub resource: Resource,
    /// Canonical keys of the attributes whose values differ from before, top-level or
    /// `extension:attribute`, sorted.
    pub changed: BTreeSet<String>,
    /// Changes to the membership list, in order.
    pub members: Vec<MemberDelta>,
    /// A password that the request carried, the last one; never part of the document.
    pub password: Option<String>,
}

/// Applies the operations in order to a copy of `resource`. `read_only` holds the present values of
/// what the document does not store (`id`, `meta`, `groups`), so that equal values in a no-path
/// value are no change.
///
/// The engine does not check what only the finished resource can tell, but for removal of required
/// attributes (`mutability`); call [`scim_schema::validate::finished`] on the result.
///
/// # Errors
/// [`ScimError`] 400 `invalidPath`, `noTarget`, `mutability`, `invalidValue`, `invalidFilter`.
pub fn apply(
    registry: &Registry,
    resource_type: &ResourceType,
    resource: &Resource,
    read_only: &serde_json::Map<String, serde_json::Value>,
    request: &PatchRequest,
    dialect: &Dialect,
) -> Result<Patched, ScimError> {
    let _ = (registry, resource_type, resource, read_only, request, dialect);
    todo!()
}
