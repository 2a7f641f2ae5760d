//! The SCIM API as one synchronous function over the `http` crate's types: request in, response out.
//!
//! Routes, query strings, media types, credentials and error bodies. It parses, calls one use case
//! and renders; no rule of the RFCs' resource model lives here. It needs no runtime and no
//! framework: an adapter copies the head, collects the body under the limit, and makes one hop to a
//! blocking thread.

pub mod api;

pub use api::{ScimApi, SCIM_ROOTS};
