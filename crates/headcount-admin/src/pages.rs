//! The pages, by their subject.

pub(crate) mod account;
pub(crate) mod setup;
pub(crate) mod sso;
pub(crate) mod tenants;
