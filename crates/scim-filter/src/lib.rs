//! The SCIM filter language (RFC 7644 §3.4.2.2): text to [`Filter`] to [`Predicate`].
//!
//! A [`Filter`] is what was written and prints back to itself. A [`Predicate`] is a filter checked
//! against a resource type: attributes known, operators legal, literals typed, text folded. It is
//! matched in memory here, and turned into SQL by stores that want to; both must agree.
//! This crate knows no tenant, no storage and no HTTP.
//!
//! ```
//! use scim_filter::{Predicate, matches};
//! use scim_schema::Registry;
//! use serde_json::json;
//!
//! let registry = Registry::builtin();
//! let users = registry.resource_type("User").expect("a built-in type");
//! let predicate = Predicate::parse(r#"emails[type eq "work" and value ew "@example.com"]"#, &registry, users)?;
//! let ann = json!({"userName": "ann", "emails": [{"value": "Ann@Example.com", "type": "work"}]});
//! assert!(matches::resource(&predicate, ann.as_object().expect("an object")));
//! # Ok::<(), scim_schema::ScimError>(())
//! ```
//!
//! To add an operator: a variant of [`CompareOp`], its name in [`CompareOp::as_str`], its
//! legal types in `compile`, its meaning in [`mod@matches`]; then the stores.

#[cfg(any(test, feature = "arbitrary"))]
pub mod arbitrary;
pub mod ast;
mod compile;
pub mod error;
mod lexer;
pub mod limits;
pub mod matches;
mod number;
pub mod order;
pub mod parser;
pub mod predicate;

#[cfg(test)]
mod tests;

pub use ast::{CompareOp, CompareValue, Filter, ValuePath};
pub use error::FilterError;
pub use limits::Limits;
pub use predicate::{CompileOptions, Literal, Predicate, Target, Term, Test};
