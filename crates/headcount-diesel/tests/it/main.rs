//! The stores against the contract of stores, against matching in memory, and against their own
//! schema.

mod agreement;
mod postgres;
mod schema;
mod sealer;
mod sqlite;
