//! The strict SCIM PATCH engine (RFC 7644 §3.5.2) and the dialects in front of it.
//!
//! The engine implements the RFC and nothing else. What identity providers send beyond it is turned
//! into RFC form, or switched, by named leniencies ([`Dialect`]). Operations run in order on a copy;
//! all or nothing. Group members are not part of the document: operations on them become
//! [`MemberDelta`]s for the store. This crate knows no tenant, no storage and no HTTP.
//!
//! ```
//! use scim_patch::{Dialect, PatchRequest, apply};
//! use scim_schema::{Registry, Resource};
//! use serde_json::{Map, Value, json};
//!
//! let registry = Registry::builtin();
//! let user = registry.resource_type("User").expect("the core schema has users");
//! let object = |value: Value| value.as_object().cloned().expect("an object");
//! let ada = Resource::from_document(object(json!({
//!     "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada"
//! })));
//! let body = object(json!({
//!     "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
//!     "Operations": [{"op": "add", "path": "name.givenName", "value": "Ada"}]
//! }));
//! let dialect = Dialect::default();
//! let request = PatchRequest::parse(body, &dialect, 1_000)?;
//! let patched = apply(&registry, user, &ada, &Map::new(), &request, &dialect)?;
//! assert_eq!(patched.resource.document()["name"], json!({"givenName": "Ada"}));
//! # Ok::<(), scim_schema::ScimError>(())
//! ```
//!
//! To add a leniency: a field of [`Dialect`] whose default is the RFC, a small function in
//! `dialect/` with a `QUIRK` comment naming who needs it, and a line in the table of
//! `tests/engine/leniencies.rs` that shows it accepted, and refused without it.

pub mod apply;
pub mod delta;
pub mod dialect;
pub mod password;
pub mod request;

mod attribute;
mod changes;
mod complex;
mod elements;
mod lists;
mod members;
mod opaque;
mod read_only;
mod schemas;
mod target;

pub use apply::{Patched, apply};
pub use delta::MemberDelta;
pub use dialect::Dialect;
pub use password::PasswordChange;
pub use request::{Op, Operation, PatchRequest};
