//! Tenants.

use crate::{
    id::{PublicId, TenantKey},
    time::Timestamp,
};

/// One customer of the application: an island.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tenant {
    /// The key inside this database.
    pub key: TenantKey,
    /// The id that scripts and the management API use.
    pub id: PublicId,
    /// A short name, unique: lower-case letters, digits and hyphens, 1 to 63 characters, a letter
    /// or digit at both ends.
    pub slug: String,
    /// The name for people.
    pub name: String,
    /// Whether the tenant's plan includes provisioning (R1). Without it the connection is frozen.
    pub entitled: bool,
    /// DNS names at which `/api/service/scim/` belongs to this tenant, folded to lower case,
    /// without port.
    pub hosts: Vec<String>,
    /// Grows by one with every change of its settings, so that what remembers them can tell.
    pub revision: i64,
    /// When it was made.
    pub created: Timestamp,
}

/// Whether the text is an acceptable slug.
#[must_use]
pub fn is_slug(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
}
