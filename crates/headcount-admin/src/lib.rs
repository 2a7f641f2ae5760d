//! The console of Headcount: server-rendered pages for operators and tenants' admins.
//!
//! A page is a row in the table of [`routes`], which says what deed it takes and where; nothing runs
//! before the table has found that the signed-in administrator may. Pages are askama templates with
//! one stylesheet and one small script under a strict content security policy, and work without the
//! script but for copying. The rules of what is done are `headcount-service`'s; this crate knows no SQL.
//!
//! ```no_run
//! use headcount_admin::{Console, Options};
//!
//! # async fn run(options: Options) -> std::io::Result<()> {
//! let console = Console::new(options);
//! actix_web::HttpServer::new(move || {
//!     let console = console.clone();
//!     actix_web::App::new().configure(move |config| console.configure(config))
//! })
//! .bind(("127.0.0.1", 8080))?
//! .run()
//! .await
//! # }
//! ```
//!
//! To add a page: a template, a function in the module of its subject, and its row in [`routes`].

mod assets;
mod console;
mod guard;
mod pages;
mod reply;
mod request;
pub mod routes;
mod shown;

pub use console::{Console, Options};
