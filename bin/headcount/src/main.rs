//! The Headcount server and its command line: configuration, wiring, commands.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the command line speaks on both")]

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

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("headcount: {}", exit::sentence(&error));
            exit::code(&error)
        }
    }
}
