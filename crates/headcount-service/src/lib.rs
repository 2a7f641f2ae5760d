//! The use cases of Headcount: authenticate, create, read, query, replace, patch, delete, bulk,
//! discovery, and the management of tenants, connections and tokens. Every rule of the RFCs and of
//! the product that needs a store lives here.
//!
//! A use case has three phases: *prepare* (parse, check, fold; no store), *work* (one transaction:
//! is the token still good, read what is needed, run the pure engine, write rows, version and
//! journal entry), *render* (no store). This crate knows no HTTP and no SQL.

pub mod answer;
pub mod caller;
pub mod error;
pub mod limits;
pub mod manage;
pub mod service;

pub use answer::Answer;
pub use caller::{Caller, Entry};
pub use limits::Limits;
pub use manage::Manage;
pub use service::{QueryRequest, Service, ServiceOptions};
