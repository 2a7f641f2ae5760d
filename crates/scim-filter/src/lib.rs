//! The SCIM filter language (RFC 7644 §3.4.2.2): text to [`Filter`] to [`Predicate`].
//!
//! A [`Filter`] is what was written and prints back to itself. A [`Predicate`] is a filter checked
//! against a resource type: attributes known, operators legal, literals typed, text folded. It is
//! matched in memory here, and turned into SQL by stores that want to; both must agree.
//! This crate knows no tenant, no storage and no HTTP.

pub mod ast;
pub mod error;
pub mod limits;
pub mod matches;
pub mod parser;
pub mod predicate;

pub use ast::{CompareOp, CompareValue, Filter, ValuePath};
pub use error::FilterError;
pub use limits::Limits;
pub use predicate::{Literal, Predicate, Target, Term, Test};
