//! Storage of Headcount: traits, queries, pages, errors, and who may open a transaction.
//!
//! The traits are synchronous and object safe. A transaction is opened for one tenant with a
//! [`TenantCtx`], which only [`auth`] (a verified token) and [`system`] (background work, command
//! line) can make; no method of a transaction takes a tenant, so no query can forget it.
//! With the feature `testkit` the crate holds the contract suite that every store must pass, and
//! an in-memory store.
//! This crate knows no SQL, no HTTP and no rule of the protocol.

pub mod act;
pub mod administrators;
pub mod auth;
pub mod ctx;
pub mod error;
pub mod events;
pub mod index;
pub mod look;
pub mod members;
pub mod page;
pub mod passwords;
pub mod query;
pub mod resources;
pub mod store;
pub mod system;
pub mod tenants;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod tokens;

pub use ctx::TenantCtx;
pub use error::StoreError;
pub use store::{Abort, Store, StoreExt, Txn, Verdict};
