//! `headcount user …`.

use std::{
    fs::File,
    io::{BufRead, BufReader, BufWriter, IsTerminal, Write, stdin, stdout},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use headcount_service::manage::{Imported, ManageError};
use indicatif::ProgressBar;
use serde_json::json;

use crate::{cli, output, setup::Opened};

/// Runs a user command.
pub(crate) fn run(opened: &Opened, command: cli::User) -> Result<()> {
    match command {
        cli::User::Import { tenant, not_adoptable, file, printed } => {
            import(opened, &tenant, not_adoptable, &file, printed.output)
        }
        cli::User::Export { tenant, connection } => export(opened, &tenant, connection.as_deref()),
    }
}

fn import(opened: &Opened, tenant: &str, not_adoptable: bool, file: &Path, format: cli::Output) -> Result<()> {
    let input: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(stdin().lock())
    } else {
        let opened = File::open(file).with_context(|| format!("{} cannot be opened", file.display()))?;
        if opened.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            bail!("{} is a folder; name a file with one SCIM User a line", file.display());
        }
        Box::new(BufReader::new(opened))
    };
    let bar = progress();
    let imported = opened.manage.import_users(tenant, &mut input.split(b'\n'), !not_adoptable, &mut |lines| {
        bar.set_message(format!("{lines} lines"));
    })?;
    bar.finish_and_clear();
    report(&imported, format)
}

fn export(opened: &Opened, tenant: &str, connection: Option<&str>) -> Result<()> {
    let bar = progress();
    let mut output = BufWriter::new(stdout().lock());
    let exported = opened.manage.export_users(
        tenant,
        connection,
        &mut |line| {
            output.write_all(line.as_bytes())?;
            output.write_all(b"\n")
        },
        &mut |accounts| bar.set_message(format!("{accounts} accounts")),
    )?;
    output.flush().context("the export cannot be written")?;
    bar.finish_and_clear();
    eprintln!("{} exported", counted(exported, "account"));
    Ok(())
}

/// A spinner on standard error if somebody looks at it.
fn progress() -> ProgressBar {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
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
        cli::Output::Table => output::line(&format!(
            "{} made, {} refused",
            counted(imported.created, "account"),
            counted(imported.refused.len().try_into().unwrap_or(u64::MAX), "line")
        ))?,
    }
    if refused.is_empty() {
        return Ok(());
    }
    Err(ManageError::Invalid(format!(
        "{} refused; the others are imported",
        counted(imported.refused.len().try_into().unwrap_or(u64::MAX), "line")
    ))
    .into())
}

/// `1 line`, `2 lines`.
fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
