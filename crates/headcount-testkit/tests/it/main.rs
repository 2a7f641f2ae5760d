//! The whole application, from the request to the database, on every store.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod agreement;
mod authorisation;
mod bounds;
mod custom_type;
mod isolation;
mod ownership;
mod paging;
mod rfc7643;
mod rfc7644;
mod secrets;
mod servers;
mod sockets;
mod standing;
mod stores;
mod transcripts;
