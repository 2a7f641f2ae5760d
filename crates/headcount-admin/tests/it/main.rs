//! The console over the in-memory store, through the same mount that the server uses.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests, helpers of tests included: that they panic is how they fail"
)]

mod access;
mod browser;
mod pages;
mod sessions;
