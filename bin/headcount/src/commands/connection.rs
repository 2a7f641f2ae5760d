//! `headcount connection …`.

use anyhow::Result;
use headcount_model::{Connection, ConnectionState, Switches, Tenant};
use headcount_service::manage::parse_preset;
use serde_json::{Map, Value};

use super::connection_object;
use crate::{cli, output, setup::Opened};

/// Runs a connection command.
pub(crate) fn run(opened: &Opened, command: cli::Connection) -> Result<()> {
    match command {
        cli::Connection::Create { tenant, preset, name, off, shadow, printed } => {
            let state = match (off, shadow) {
                (true, _) => ConnectionState::Off,
                (false, true) => ConnectionState::Shadow,
                (false, false) => ConnectionState::On,
            };
            let (tenant, connection) =
                opened.manage.create_connection(&tenant, parse_preset(&preset)?, name.as_deref(), state)?;
            output::object(printed.output, &whole(opened, &tenant, &connection))
        }
        cli::Connection::List { tenant, printed } => {
            let connections = opened.manage.connections(tenant.as_deref())?;
            let rows: Vec<Value> =
                connections.iter().map(|(tenant, connection)| connection_object(opened, tenant, connection)).collect();
            output::list(printed.output, &["id", "tenant", "preset", "state", "name", "base_url"], &rows)
        }
        cli::Connection::Show { id, printed } => {
            let (tenant, connection) = opened.manage.connection(&id)?;
            output::object(printed.output, &whole(opened, &tenant, &connection))
        }
        cli::Connection::Set { id, pairs, printed } => {
            let (tenant, connection) = opened.manage.set_connection(&id, &pairs)?;
            output::object(printed.output, &whole(opened, &tenant, &connection))
        }
    }
}

/// The connection with every switch in force.
fn whole(opened: &Opened, tenant: &Tenant, connection: &Connection) -> Value {
    let mut object = connection_object(opened, tenant, connection);
    let switches = connection.switches();
    let words: Map<String, Value> =
        Switches::ALL.iter().filter_map(|info| Some((info.key.to_owned(), switches.word(info.key)?.into()))).collect();
    let overridden: Vec<Value> = connection.overrides.iter().map(|(key, _)| key.into()).collect();
    if let Value::Object(map) = &mut object {
        map.insert("switches".to_owned(), words.into());
        map.insert("overridden".to_owned(), overridden.into());
    }
    object
}
