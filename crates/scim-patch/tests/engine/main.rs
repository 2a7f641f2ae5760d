//! The PATCH engine through its public interface.
#![expect(clippy::tests_outside_test_module, reason = "an integration test binary is a test module as a whole")]

mod fixtures;
mod groups;
mod leniencies;
mod mutability;
mod no_path;
mod opaque;
mod request;
mod rfc7644;
mod support;
mod values;
