//! SCIM schemas, attributes, resources, validation and projection (RFC 7643).
//!
//! This crate knows attribute characteristics, schemas, resource types, attribute paths,
//! the `Resource` document, comparison forms, validation, projection and the SCIM error.
//! It deliberately knows no tenant, no storage, no clock and no HTTP.
//!
//! ```
//! use scim_schema::{Registry, json, validate};
//!
//! let registry = Registry::builtin();
//! let user = registry.resource_type("User").expect("User is built in");
//! let body = json::parse_object(
//!     br#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"USERNAME":"ada@example.com"}"#,
//!     32,
//! )?;
//! let accepted =
//!     validate::accept(&registry, user, body, validate::Write::Create, &validate::Coercion::default(), &[])?;
//! assert_eq!(accepted.resource.text("userName"), Some("ada@example.com"));
//! # Ok::<(), scim_schema::ScimError>(())
//! ```
//!
//! A new schema needs no code: [`Registry::with_documents`] reads Schema and `ResourceType` documents.
//! A new leniency is a field of [`validate::Coercion`] and one function in `validate::coerce`, with a
//! comment that names who needs it.

pub mod attribute;
pub mod builtin;
pub mod datetime;
mod document;
pub mod error;
pub mod fold;
pub mod json;
pub mod path;
pub mod project;
pub mod registry;
pub mod resource;
pub mod schema;
pub mod validate;

pub use attribute::{AttrType, Attribute, Mutability, Returned, Uniqueness};
pub use error::{ScimError, ScimType};
pub use path::{AttrPath, AttrRef};
pub use project::Projection;
pub use registry::{Registry, ResourceType};
pub use resource::Resource;
pub use schema::{Schema, SchemaUrn};
