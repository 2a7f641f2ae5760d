//! `headcount completions`.

use clap::CommandFactory;

use crate::cli::{Cli, Shell};

/// Prints a completion script.
pub(crate) fn print(shell: Shell) {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    clap_complete::generate(shell, &mut Cli::command(), "headcount", &mut std::io::stdout());
}
