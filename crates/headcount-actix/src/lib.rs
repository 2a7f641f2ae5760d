//! Mounts the SCIM API of Headcount in an actix-web application.
//!
//! The API itself is a synchronous function. This crate copies the head of a request (actix-web is
//! still on another version of the `http` crate), collects the body under the limit, makes the one
//! hop to a thread that may block, and copies the response back; what needs neither a body nor a wait
//! it answers without the hop. It knows no SCIM.
//!
//! ```no_run
//! use headcount_actix::Mount;
//!
//! # async fn run(api: headcount_api::ScimApi) -> std::io::Result<()> {
//! let mount = Mount::new(api);
//! actix_web::HttpServer::new(move || {
//!     let mount = mount.clone();
//!     actix_web::App::new().configure(move |config| mount.configure(config))
//! })
//! .bind(("127.0.0.1", 8080))?
//! .run()
//! .await
//! # }
//! ```
//!
//! A [`Mount`] is made once, outside the closure that actix-web calls for each worker, so that its
//! bounds hold for the whole process.
//!
//! # What the server has to be set to
//!
//! actix-web itself answers some requests before any route is called, with an empty body that
//! nothing here can change: a head that is no HTTP (400), a head over 128 KiB or of more than 96
//! headers (431), and a head that does not arrive within `client_request_timeout` (408). Set on the
//! `HttpServer`:
//!
//! - `client_request_timeout`: 5 s, so that a connection that says nothing is not held;
//! - `keep_alive`: 30 s, or above the idle time of a load balancer in front;
//! - `client_disconnect_timeout`: 1 s or more, not 0: within it what is left of a refused body is
//!   read and thrown away, so that the client can read the refusal;
//! - `shutdown_timeout`: 30 s, longer than [`Options::answer_timeout`] in ordinary operation.

mod body;
mod convert;
mod mount;
mod proxies;
mod shares;
mod stream;

pub use mount::{Mount, Options};
pub use proxies::{ProxyParseError, TrustedProxies};
