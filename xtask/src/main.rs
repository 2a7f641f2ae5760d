//! Automation of the Headcount workspace, run as `cargo xtask <verb>`.
//!
//! It knows the rules that the compiler does not: which crate may use which ([`layers`]), how files
//! are named and how long they get ([`tidy`]), which licences may enter ([`licences`]), and that
//! generated documents are up to date ([`docs`]). It starts what tests need ([`postgres`],
//! [`pgbouncer`]), runs the conformance tools of others against a real server ([`conformance`]), and
//! replays the lives of customers with their identity providers ([`integration`]).
//!
//! To add a check: a module with a function `check(&Workspace) -> Result<()>` that prints what it
//! found and names the remedy, a variant of [`ci::Step`], and a unit test of its pure part.

#![expect(clippy::print_stdout, reason = "a command line tool answers on standard output")]
#![expect(clippy::print_stderr, reason = "progress and faults of a command line tool go to standard error")]

mod bench;
mod ci;
mod conformance;
mod deviations;
mod docs;
mod integration;
mod layers;
mod licences;
mod load;
mod pgbouncer;
mod postgres;
mod promises;
mod sections;
mod server;
mod stopwatch;
mod tidy;
mod unused;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Automation of the Headcount workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run every check and all tests, on memory, SQLite and a real PostgreSQL, directly and through pgbouncer
    Test {
        /// Leave out the slower checks: features, licences, generated documents, API documents
        #[arg(long)]
        quick: bool,
        /// Run only these steps, in the usual order
        #[arg(value_enum)]
        steps: Vec<ci::Step>,
    },
    /// Run one step of `test`
    Ci {
        /// The step
        #[arg(value_enum)]
        step: ci::Step,
    },
    /// Check who may use whom: the table of layers against `cargo metadata`
    Layers,
    /// Check names, lengths, comments and words of every file in git
    Tidy,
    /// Check licences and banned packages of everything that is built
    Licences,
    /// Regenerate the generated documents
    Docs {
        /// Change nothing; fail if a document is out of date
        #[arg(long)]
        check: bool,
    },
    /// Start or stop a throwaway PostgreSQL
    Postgres {
        #[command(subcommand)]
        act: PostgresAct,
    },
    /// Run scim2-tester and scim-sanity against the server, on SQLite and on PostgreSQL
    Conformance {
        /// A server that is built already
        #[arg(long, value_name = "FILE")]
        binary: Option<PathBuf>,
    },
    /// Replay a customer's whole life as identity providers play it, on SQLite, on PostgreSQL, and through
    /// pgbouncer
    Integration {
        /// Only this identity provider's
        #[arg(value_enum)]
        identity_provider: Option<integration::IdentityProvider>,
        /// Only on this database
        #[arg(long, value_enum, default_value_t = integration::Database::All)]
        database: integration::Database,
        /// A server that is built already
        #[arg(long, value_name = "FILE")]
        binary: Option<PathBuf>,
    },
    /// Run the small benchmarks of the crates, alone or beside those of another revision
    Bench(bench::Bench),
    /// Measure Headcount beside the least work that answers the same requests
    Load(load::Load),
}

#[derive(Clone, Copy, Subcommand)]
enum PostgresAct {
    /// Start it, unless it runs, and print its URL
    Up,
    /// Stop it and remove its files
    Down,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    let workspace = Workspace::locate()?;
    match &cli.verb {
        Verb::Test { quick, steps } => {
            let scope = if *quick { ci::Scope::Quick } else { ci::Scope::Full };
            ci::run(&workspace, scope, steps)
        }
        Verb::Ci { step } => ci::run(&workspace, ci::Scope::Full, &[*step]),
        Verb::Layers => layers::check(&workspace),
        Verb::Tidy => tidy::check(&workspace),
        Verb::Licences => licences::check(&workspace),
        Verb::Docs { check } => docs::run(&workspace, if *check { docs::Mode::Check } else { docs::Mode::Write }),
        Verb::Bench(options) => bench::run(&workspace, options),
        Verb::Load(load) => load::run(&workspace, load),
        Verb::Postgres { act: PostgresAct::Up } => postgres::up(&workspace),
        Verb::Postgres { act: PostgresAct::Down } => postgres::down(&workspace),
        Verb::Conformance { binary } => conformance::run(&workspace, binary.as_deref()),
        Verb::Integration { identity_provider, database, binary } => {
            integration::run(&workspace, *identity_provider, *database, binary.as_deref())
        }
    }
}
