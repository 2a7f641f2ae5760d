//! `headcount config check`.

use std::net::ToSocketAddrs;

use anyhow::{Context, Result};
use serde_json::json;

use super::serve;
use crate::{cli::Output, config::Loaded, output, schemas, telemetry};

/// Prints every value in force with its origin, secrets redacted, and refuses what `serve` would.
pub(crate) fn check(loaded: &Loaded, format: Output) -> Result<()> {
    let rows: Vec<_> = loaded
        .effective
        .iter()
        .map(|one| json!({"key": one.key.name, "value": one.to_string(), "origin": one.origin}))
        .collect();
    output::list(format, &["key", "value", "origin"], &rows)?;
    let config = &loaded.config;
    telemetry::filter(config)?;
    serve::trusted_proxies(config)?;
    config.listen.to_socket_addrs().with_context(|| {
        format!("listen is '{}'; it takes an address and a port such as 127.0.0.1:8080", config.listen)
    })?;
    schemas::load(config.schemas_folder())?;
    Ok(())
}
