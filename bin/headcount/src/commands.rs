//! The commands.

mod admin;
mod completions;
mod config;
mod connection;
mod docs;
mod serve;
mod tenant;
mod token;
mod user;

use anyhow::Result;
use headcount_model::{Connection, Tenant};
use serde_json::{Value, json};

use crate::{
    cli::{self, Cli, Command},
    config as settings,
    setup::{Opened, Reindexing},
    telemetry,
};

/// Runs the command of the command line; without one, the server.
pub(crate) fn run(cli: Cli) -> Result<()> {
    let global = &cli.global;
    match cli.command.unwrap_or_else(|| Command::Serve(cli::Serve::default())) {
        Command::Serve(flags) => serve::run(&settings::load(global, Some(&flags))?.config),
        Command::Migrate { reindex } => {
            let reindexing = if reindex { Reindexing::Forced } else { Reindexing::AsNeeded };
            migrate(&settings::load(global, None)?.config, reindexing)
        }
        Command::Tenant(command) => tenant::run(&open(global)?, command),
        Command::Connection(command) => connection::run(&open(global)?, command),
        Command::Token(command) => token::run(&open(global)?, command),
        Command::Admin(command) => admin::run(&open(global)?, command),
        Command::User(command) => user::run(&open(global)?, command),
        Command::Config(cli::Config::Check { serve, printed }) => {
            config::check(&settings::load(global, Some(&serve))?, printed.output)
        }
        Command::Completions { shell } => completions::print(shell),
        Command::Docs(command) => docs::run(command),
    }
}

/// Opens the database for a command that works beside a server.
fn open(global: &cli::Global) -> Result<Opened> {
    let config = settings::load(global, None)?.config;
    telemetry::start(&config)?;
    Opened::open(&config, Reindexing::AsNeeded)
}

fn migrate(config: &settings::Config, reindexing: Reindexing) -> Result<()> {
    telemetry::start(config)?;
    Opened::open(config, reindexing)?;
    eprintln!("the database {} is up to date", settings::redact(&config.database_url));
    Ok(())
}

/// A connection as it is printed: at least id, tenant, preset, state and base URL.
fn connection_object(opened: &Opened, tenant: &Tenant, connection: &Connection) -> Value {
    json!({
        "id": connection.id.as_str(),
        "tenant": tenant.slug,
        "preset": connection.preset.as_str(),
        "state": connection.state.as_str(),
        "name": connection.name,
        "base_url": opened.base_url(connection),
        "created": connection.created.to_string(),
    })
}
