//! Tenants, connections, presets and switches, tokens as records, administrators, events, ids, time
//! and randomness.
//!
//! Plain data and the rules that need no storage. This crate knows no HTTP, no SQL and no protocol
//! engine; it names the leniencies of the engines only to make them from a connection's switches.

pub mod administrator;
pub mod connection;
pub mod entropy;
pub mod event;
pub mod id;
pub mod preset;
pub mod secret;
pub mod switches;
pub mod tenant;
pub mod time;
pub mod token;

pub use administrator::{Administrator, Deed, Role};
pub use connection::{Connection, ConnectionKind, ConnectionState};
pub use entropy::{Entropy, SystemEntropy};
pub use event::{Actor, Event, EventKind};
pub use id::{ConnectionKey, PublicId, Seq, TenantKey, TokenId};
pub use preset::Preset;
pub use secret::Secret;
pub use switches::Switches;
pub use tenant::Tenant;
pub use time::{Clock, SystemClock, Timestamp};
pub use token::{Scope, ScopeSet, TokenRecord};
