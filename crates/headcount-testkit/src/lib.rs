//! A whole application in one process for tests: stores, clock, clients, and recorded traffic of
//! identity providers.
//!
//! [`App`] is a service over a fresh store, a clock that stands still until it is moved, and
//! [`Client`]s that call [`headcount_api::ScimApi`] as an identity provider would, without sockets.
//! [`Transcript`]s are requests with the answers that they must get; `transcripts/README.md` tells
//! their format. Nothing here is meant for production: what goes wrong panics, with all there is to
//! know in the message.
//!
//! ```
//! use headcount_model::Preset;
//! use headcount_testkit::{App, Backend};
//! use serde_json::json;
//!
//! let app = App::new(Backend::Memory);
//! let client = app.client("acme", Preset::Okta);
//! let ada = client.post("/Users", &json!({"userName": "ada@example.com"})).expect(201);
//! client.get(&format!("/Users/{}", ada.id())).expect(200);
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "this crate is a part of tests: that it panics is how they fail"
)]

pub mod app;
pub mod backend;
pub mod client;
pub mod clock;
mod detour;
pub mod entropy;
pub mod fixtures;
pub mod transcript;

pub use app::{App, AppOptions};
pub use backend::{Backend, Route};
pub use client::{Client, Reply};
pub use clock::SettableClock;
pub use entropy::SeededEntropy;
pub use transcript::Transcript;
