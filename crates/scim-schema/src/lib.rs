//! SCIM schemas, attributes, resources, validation and projection (RFC 7643).
//!
//! This crate knows attribute characteristics, schemas, resource types, attribute paths,
//! the `Resource` document, comparison forms, validation, projection and the SCIM error.
//! It deliberately knows no tenant, no storage, no clock and no HTTP.

pub mod attribute;
pub mod builtin;
pub mod datetime;
pub mod error;
pub mod fold;
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
