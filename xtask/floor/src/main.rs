//! The floor: the least work that answers requests of the shapes of SCIM, and no SCIM server.
//!
//! What a request forces is here: reading it, one indexed statement or one durable change, and the
//! stored JSON copied out. Authentication is one comparison of text; there is no filter language, no
//! schema, no projection, no version and no journal. `cargo xtask load` measures Headcount beside it on
//! the same machine in the same minute, so that the ratio means something where a number would not.
//!
//! Four floors: a constant answer ([`Mode::Fixed`]), the same after a hop to a thread that may block
//! ([`Mode::Hop`]), SQLite and PostgreSQL. To add a request: a variant of [`work::Read`] or
//! [`work::Change`], its shape in [`answer`], and its statement in [`sqlite`] and [`postgres`].

#![expect(clippy::print_stderr, reason = "the address is told on standard error, as Headcount does")]

mod answer;
mod ids;
mod postgres;
mod schema;
mod sqlite;
mod work;

use std::num::{NonZeroU32, NonZeroUsize};

use actix_web::{App, HttpServer, web};
use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};

use crate::answer::{Backend, Floor};
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The longest body; a bulk request of a thousand users has about one mebibyte.
const LONGEST_BODY_BYTES: usize = 64 << 20;

/// Serves one floor on the loopback address.
#[derive(Parser)]
#[command(name = "floor")]
struct Cli {
    /// Which floor
    #[arg(long, value_enum)]
    mode: Mode,
    /// The file of SQLite, or the URL of PostgreSQL
    #[arg(long, default_value = "floor.db")]
    database: String,
    /// The bearer token that is let in
    #[arg(long, default_value = "floor")]
    token: String,
    /// The port; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Connections of the pool
    #[arg(long, default_value = "4")]
    pool: NonZeroU32,
    /// Threads that read requests
    #[arg(long, default_value = "2")]
    workers: NonZeroUsize,
    /// Threads that may block, of each worker
    #[arg(long, default_value = "8")]
    blocking: NonZeroUsize,
}

/// Which floor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Mode {
    /// A constant answer
    Fixed,
    /// A constant answer out of a thread that may block
    Hop,
    /// One statement on SQLite, or one change in a group commit with synchronous=FULL
    Sqlite,
    /// One statement on PostgreSQL, or one transaction
    Postgres,
}

#[actix_web::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    let backend = match cli.mode {
        Mode::Fixed => Backend::Fixed,
        Mode::Hop => Backend::Hop,
        Mode::Sqlite => Backend::Sqlite(Sqlite::open(&cli.database, cli.pool)?),
        Mode::Postgres => Backend::Postgres(Postgres::open(&cli.database, cli.pool)?),
    };
    let floor = web::Data::new(Floor::new(backend, &cli.token));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(floor.clone())
            .app_data(web::PayloadConfig::new(LONGEST_BODY_BYTES))
            .default_service(web::to(answer::answer))
    });
    let server = server
        .workers(cli.workers.get())
        .worker_max_blocking_threads(cli.blocking.get())
        .bind(("127.0.0.1", cli.port))
        .with_context(|| format!("cannot listen on port {} of the loopback address", cli.port))?;
    for address in server.addrs() {
        eprintln!("listening on http://{address}");
    }
    server.run().await.context("the floor stopped serving")
}
