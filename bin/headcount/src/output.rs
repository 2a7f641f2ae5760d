//! Results: tables for people, JSON for scripts.

use std::io::Write;

use anyhow::Result;
use comfy_table::{Table, presets};
use serde_json::Value;

use crate::cli::Output;

/// Prints a line on standard output.
pub(crate) fn line(text: &str) -> Result<()> {
    text_of(text)?;
    text_of("\n")
}

/// Prints text on standard output; that nobody reads on is the caller's to judge.
pub(crate) fn text_of(text: &str) -> Result<()> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

/// Prints one object: as `key  value` lines or as JSON.
pub(crate) fn object(output: Output, value: &Value) -> Result<()> {
    match output {
        Output::Json => line(&serde_json::to_string_pretty(value)?)?,
        Output::Table => {
            let mut table = table();
            for (key, value) in value.as_object().into_iter().flatten() {
                if let Value::Object(inner) = value {
                    for (name, value) in inner {
                        table.add_row(vec![format!("{key}.{name}"), cell(value)]);
                    }
                } else {
                    table.add_row(vec![key.clone(), cell(value)]);
                }
            }
            line(&table.trim_fmt())?;
        }
    }
    Ok(())
}

/// Prints a list: as a table with these columns or as a JSON array.
pub(crate) fn list(output: Output, columns: &[&str], rows: &[Value]) -> Result<()> {
    match output {
        Output::Json => line(&serde_json::to_string_pretty(rows)?)?,
        Output::Table => {
            let mut table = table();
            table.set_header(columns.iter().map(|column| column.replace('_', " ")).collect::<Vec<_>>());
            for row in rows {
                table.add_row(
                    columns.iter().map(|column| row.get(column).map(cell).unwrap_or_default()).collect::<Vec<_>>(),
                );
            }
            line(&table.trim_fmt())?;
        }
    }
    Ok(())
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
