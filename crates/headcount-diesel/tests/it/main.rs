//! The stores against the contract of stores, against each other, and against their own schema.

mod postgres;
mod sqlite;
