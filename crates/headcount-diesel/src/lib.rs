//! The stores of Headcount on SQLite and PostgreSQL: the traits of `headcount-store` on diesel.
//!
//! One implementation serves both databases; it asks for the dialect only where the SQL must differ.
//! SQLite has one writing connection with group commit ([`DieselStore`] in `writer`) and a pool of
//! readers; PostgreSQL has a pool, and row-level security as a second wall between tenants.
//! This crate knows no rule of the protocol: what is indexed, and where an attribute is found, is
//! `headcount_store::index`'s to say.
//!
//! To add a column or a table: a migration for each database, its name in [`schema`], and the module
//! of the trait that needs it.

mod act;
mod administrators;
mod connection;
mod constraint;
mod error;
mod grams;
mod journal;
mod keyed;
mod ledger;
mod lists;
mod look;
mod many;
mod members;
pub mod migrate;
mod names;
mod passwords;
mod predicate;
mod query;
mod resources;
mod scan;
pub mod schema;
mod sql;
mod store;
mod system;
mod tenants;
#[cfg(any(feature = "testkit", all(test, feature = "postgres")))]
pub mod testkit;
mod tokens;
mod txn;
mod values;
mod writer;

pub use connection::{RequireRowLevelSecurity, Statements, StoreOptions};
pub use error::ConnectError;
pub use store::{DieselStore, RowLevelSecurity};
