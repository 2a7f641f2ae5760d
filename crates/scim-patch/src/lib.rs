//! The strict SCIM PATCH engine (RFC 7644 §3.5.2) and the dialects in front of it.
//!
//! The engine implements the RFC and nothing else. What identity providers send beyond it is turned
//! into RFC form, or switched, by named leniencies ([`Dialect`]). Operations run in order on a copy;
//! all or nothing. Group members are not part of the document: operations on them become
//! [`MemberDelta`]s for the store. This crate knows no tenant, no storage and no HTTP.

pub mod apply;
pub mod delta;
pub mod dialect;
pub mod request;

pub use apply::{Patched, apply};
pub use delta::MemberDelta;
pub use dialect::Dialect;
pub use request::{Op, Operation, PatchRequest};
