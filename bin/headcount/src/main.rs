//! The Headcount server and its command line: configuration, wiring, commands.
#![expect(clippy::print_stderr, reason = "the command line speaks to people there")]

#[expect(clippy::doc_markdown, reason = "these comments are the help texts as people read them")]
mod cli;
mod commands;
mod config;
mod duration;
mod exit;
mod output;
mod schemas;
mod setup;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads what is printed may stop reading: `headcount tenant list | head -1`.
        Err(error) if exit::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("headcount: {}", exit::sentence(&error));
            exit::code(&error)
        }
    }
}
