//! The API as a whole, over the in-memory store.

mod authorisation;
mod bodies;
mod discovery;
mod errors;
mod hostile;
mod limits;
mod methods;
mod queries;
mod world;
