//! `headcount user …`.

use std::{
    fs::File,
    io::{BufRead, BufReader, IsTerminal, stdin},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result};
use headcount_service::manage::{Imported, ManageError};
use indicatif::ProgressBar;
use serde_json::json;

use crate::{cli, output, setup::Opened};

/// Runs a user command.
pub(crate) fn run(opened: &Opened, command: cli::User) -> Result<()> {
    let cli::User::Import { tenant, not_adoptable, file, printed } = command;
    let input: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(stdin().lock())
    } else {
        let opened = File::open(&file).with_context(|| format!("{} cannot be opened", file.display()))?;
        Box::new(BufReader::new(opened))
    };
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.enable_steady_tick(Duration::from_millis(200));
    let imported = opened.manage.import_users(&tenant, &mut input.lines(), !not_adoptable, &mut |lines| {
        bar.set_message(format!("{lines} lines"));
    })?;
    bar.finish_and_clear();
    report(&imported, printed.output)
}

/// Prints what was done; refused lines make the command fail, so that scripts notice.
fn report(imported: &Imported, format: cli::Output) -> Result<()> {
    for (line, reason) in &imported.refused {
        eprintln!("line {line}: {reason}");
    }
    let refused: Vec<_> =
        imported.refused.iter().map(|(line, reason)| json!({"line": line, "reason": reason})).collect();
    match format {
        cli::Output::Json => output::object(format, &json!({"created": imported.created, "refused": refused}))?,
        cli::Output::Table => println!("{} accounts made, {} lines refused", imported.created, refused.len()),
    }
    if refused.is_empty() {
        return Ok(());
    }
    Err(ManageError::Invalid(format!("{} lines were refused; the others are imported", refused.len())).into())
}
