//! Measures Headcount: beside the floor, over growing numbers, in memory, under crashes, and as two.
//!
//! Absolute figures of one machine mean nothing on another, and often nothing a minute later. What is
//! told are ratios of interleaved rounds ([`compare`]): the same requests against Headcount and against
//! the least work that could answer them, the package `floor`. Answers are checked, one in eight (one
//! in 64 where they are long), and a run with one error or one wrong answer fails.
//!
//! Everything runs on the loopback address, in a folder of its own, and ends with xtask, whatever ends
//! xtask ([`guardian`]). Results are lines of JSON ([`results`]) from which [`report`] writes
//! docs/performance.md.
//!
//! To add a workload: a variant of [`workload::Workload`] with its step, its bound in [`bounds`], and
//! its shape in the floor.

mod bounds;
mod client;
mod compare;
mod crash;
mod drive;
mod growth;
mod guardian;
mod machine;
mod memory;
mod people;
mod plot;
mod process;
mod progress;
mod record;
mod replicas;
mod report;
mod results;
mod seed;
mod stage;
mod statistics;
mod table;
mod target;
mod workload;

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand, ValueEnum};

use crate::workspace::Workspace;

/// What is measured, and how much of it.
#[derive(Args)]
pub(crate) struct Load {
    #[command(subcommand)]
    act: Option<Act>,
    #[command(flatten)]
    options: Options,
}

#[derive(Clone, Copy, Subcommand)]
enum Act {
    /// Beside the floor, on 10,000 and 100,000 users (the default)
    Compare,
    /// Over growing tenants, groups and numbers of tenants, without the floor
    Growth {
        /// Tenants of 100 users each; 0 leaves them out
        #[arg(long, default_value_t = 10_000)]
        tenants: usize,
    },
    /// Memory: idle, filled, worked, under large answers and under filters of ever new shapes
    Memory {
        /// Minutes of new shapes
        #[arg(long, default_value_t = 10)]
        minutes: usize,
    },
    /// Kill the server under 64 writers and look for what it acknowledged (SQLite)
    Crash {
        /// How often
        #[arg(long, default_value_t = 50)]
        times: u32,
    },
    /// Two servers on one PostgreSQL beside one
    Replicas,
    /// Write docs/performance.md from the results
    Report,
}

/// What the runs have in common; each takes what concerns it.
#[derive(Args, Clone)]
pub(crate) struct Options {
    /// On which database
    #[arg(long, value_enum, default_value_t = Choice::Both, global = true)]
    database: Choice,
    /// Users in the tenant, a comma list
    #[arg(long, value_delimiter = ',', global = true)]
    n: Option<Vec<usize>>,
    /// Members of the groups, a comma list
    #[arg(long, value_delimiter = ',', global = true)]
    m: Option<Vec<usize>>,
    /// Workloads, a comma list such as W1,W2,W14
    #[arg(long, value_delimiter = ',', global = true)]
    workloads: Option<Vec<String>>,
    /// Rounds of every workload
    #[arg(long, global = true)]
    rounds: Option<usize>,
    /// Seconds of every round
    #[arg(long, global = true)]
    secs: Option<f64>,
    /// Small numbers and one short round: to see that everything works
    #[arg(long, global = true)]
    quick: bool,
    /// A Headcount that is built already
    #[arg(long, value_name = "FILE", global = true)]
    server: Option<PathBuf>,
    /// A floor that is built already
    #[arg(long, value_name = "FILE", global = true)]
    floor: Option<PathBuf>,
    /// Where results go, by default the folder `load` of the target folder
    #[arg(long, value_name = "FOLDER", global = true)]
    out: Option<PathBuf>,
    /// Keep databases and logs
    #[arg(long, global = true)]
    keep: bool,
}

impl Options {
    /// The same on one database, whatever was said.
    fn on(&self, engine: stage::Engine) -> Self {
        let database = match engine {
            stage::Engine::Sqlite => Choice::Sqlite,
            stage::Engine::Postgres => Choice::Postgres,
        };
        Self { database, ..self.clone() }
    }
}

/// On which database.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Choice {
    Sqlite,
    Postgres,
    Both,
}

/// Runs what is asked.
pub(crate) fn run(workspace: &Workspace, load: &Load) -> Result<()> {
    let act = load.act.unwrap_or(Act::Compare);
    if cfg!(debug_assertions) && !matches!(act, Act::Report) {
        return run_optimised(workspace);
    }
    match act {
        Act::Compare => compare::run(workspace, &load.options),
        Act::Growth { tenants } => growth::run(workspace, &load.options, tenants),
        Act::Memory { minutes } => memory::run(workspace, &load.options, minutes),
        Act::Crash { times } => crash::run(workspace, &load.options, times),
        Act::Replicas => replicas::run(workspace, &load.options),
        Act::Report => report::run(workspace, &load.options),
    }
}

/// Runs the same command by an xtask that is built as programs are shipped: one that is not would take
/// the processor away from the servers that it measures.
fn run_optimised(workspace: &Workspace) -> Result<()> {
    let binary = stage::obtain(workspace, None, "xtask")?;
    let error = Command::new(&binary).args(std::env::args_os().skip(1)).exec();
    Err(error).with_context(|| format!("cannot run {}", binary.display()))
}
