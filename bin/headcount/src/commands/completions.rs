//! `headcount completions`.

use anyhow::Result;
use clap::CommandFactory;

use crate::{
    cli::{Cli, Shell},
    output,
};

/// Prints a completion script.
pub(crate) fn print(shell: Shell) -> Result<()> {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "headcount", &mut script);
    output::text_of(&String::from_utf8(script)?)
}
