//! The PATCH engine through its public interface.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking; clippy takes the helpers of a test for production code"
)]

mod fixtures;
mod groups;
mod leniencies;
mod limits;
mod mutability;
mod no_path;
mod opaque;
mod request;
mod rfc7644;
mod support;
mod values;
