//! `headcount config check`.

use anyhow::Result;
use serde_json::json;

use crate::{cli::Output, config::Loaded, output};

/// Prints every value in force with its origin, secrets redacted.
pub(crate) fn check(loaded: &Loaded, format: Output) -> Result<()> {
    let rows: Vec<_> = loaded
        .effective
        .iter()
        .map(|one| json!({"key": one.key.name, "value": one.to_string(), "origin": one.origin}))
        .collect();
    output::list(format, &["key", "value", "origin"], &rows)
}
