//! The use cases over the in-memory store, which runs every piece of work twice.

mod fixture;

mod adoption;
mod authenticate;
mod bulk;
mod conditions;
mod create;
mod cursors;
mod delete;
mod groups;
mod identity;
mod ownership;
mod patch;
mod query;
mod replace;
