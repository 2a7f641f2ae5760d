//! The use cases of Headcount: authenticate, create, read, query, replace, patch, delete, bulk,
//! discovery, the management of tenants, connections and tokens, and signing in to the console. Every
//! rule of the RFCs and of the product that needs a store lives here.
//!
//! A use case has three phases: *prepare* (parse, check, fold; no store), *work* (one transaction:
//! is the token still good, read what is needed, run the pure engine, write rows, version and
//! journal entry), *render* (no store). This crate knows no HTTP and no SQL.
//!
//! ```no_run
//! use headcount_service::{Entry, Precondition, QueryRequest, Service};
//! use scim_schema::Projection;
//!
//! fn first_page(service: &Service, token: &str) -> Result<(), scim_schema::ScimError> {
//!     let caller = service.authenticate(Some(token), &Entry::Host("acme.example.com"))?;
//!     let users = service.registry().by_endpoint("Users").expect("users are built in");
//!     let page = service.query(&caller, Some(users), &QueryRequest::default())?;
//!     let ada = service.read(&caller, users, "an id", &Precondition::default(), &Projection::Default)?;
//!     println!("{:?} {:?}", page.body, ada.etag);
//!     Ok(())
//! }
//! ```
//!
//! A new use case is a file with the three phases as functions and a thin method of [`Service`]. Its
//! work begins with the session of its transaction, which reads whether the token is still good;
//! what it refuses is a `ScimError`, and a clash that somebody should look at goes with the refusal.

pub mod administration;
pub mod answer;
pub mod base_url;
pub mod caller;
pub mod error;
pub mod limits;
pub mod manage;
pub mod rate;
pub mod service;

mod adoption;
mod authenticate;
mod bulk;
mod changes;
mod conflict;
mod create;
mod cursor;
mod delete;
mod discovery;
mod emails;
mod identity;
mod journal;
mod lifecycle;
mod located;
mod membership;
mod memory;
mod merge;
mod paging;
mod password;
mod patch;
mod precondition;
mod query;
mod read;
mod render;
mod replace;
mod session;
mod show;
mod sight;
mod specified;
mod stop;
mod store_call;
mod uniqueness;
mod write;

pub use administration::Administration;
pub use answer::{Answer, Body};
pub use caller::{Caller, Confirmation, Entry, Source};
pub use limits::Limits;
pub use manage::Manage;
pub use service::{Precondition, QueryRequest, Service, ServiceOptions};
