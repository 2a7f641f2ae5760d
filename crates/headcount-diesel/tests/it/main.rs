//! The stores against the contract of stores, against matching in memory, and against their own
//! schema.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests, helpers of tests included: that they panic is how they fail"
)]

mod agreement;
mod beginnings;
mod pgbouncer;
mod plans;
mod postgres;
mod schema;
mod sealer;
mod sqlite;
mod writers;
