//! The SCIM API as one synchronous function over the `http` crate's types: request in, response out.
//!
//! Routes, query strings, media types, credentials and error bodies. It parses, calls one use case
//! and renders; no rule of the RFCs' resource model lives here. It needs no runtime and no
//! framework: an adapter copies the head, collects the body under the limit, and makes one hop to a
//! blocking thread.
//!
//! ```no_run
//! use bytes::Bytes;
//! use headcount_api::ScimApi;
//!
//! # fn call(service: headcount_service::Service) -> Result<(), http::Error> {
//! let api = ScimApi::new(service);
//! let request = http::Request::get("/scim/v2/c1/Users?count=1").body(Bytes::new())?;
//! let response = api.handle(request);
//! assert_eq!(response.status(), 401);
//! # Ok(())
//! # }
//! ```
//!
//! A new resource type needs no code here: endpoints come from the service's registry. A new way to
//! write a credential is a `Form` in `credential.rs` with a switch.

pub mod api;
pub mod body;
mod credential;
mod entry;
pub mod error_table;
mod media_type;
mod query_string;
mod respond;
mod route;
mod search_request;
mod target;

pub use api::{Refusal, SCIM_ROOTS, ScimApi};
pub use body::Body;
pub use entry::TrustedHost;
pub use respond::REQUEST_ID;
