//! The use cases over the in-memory store, which runs every piece of work twice.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "helpers of tests fail by panicking and take literals"
)]

mod fixture;

mod administration;
mod adoption;
mod authenticate;
mod bulk;
mod conditions;
mod create;
mod cursors;
mod delete;
mod groups;
mod identity;
mod manage;
mod ownership;
mod passwords;
mod patch;
mod query;
mod replace;
mod streams;
