//! Connections.

use headcount_model::{Connection, ConnectionKind, ConnectionState, EventKind, Preset, Tenant};
use headcount_store::{
    Abort,
    tenants::{ConnectionChange, NewConnection},
};
use serde_json::json;

use super::{Manage, ManageError};
use crate::write::index_policy;

impl Manage {
    /// Makes a connection of a tenant.
    ///
    /// # Errors
    /// [`ManageError::NotFound`] for the tenant, [`ManageError::Invalid`] for a blank name.
    pub fn create_connection(
        &self,
        tenant: &str,
        preset: Preset,
        name: Option<&str>,
        state: ConnectionState,
    ) -> Result<(Tenant, Connection), ManageError> {
        let tenant = self.tenant(tenant)?;
        let name = name.unwrap_or(preset.display_name());
        if name.trim().is_empty() {
            return Err(ManageError::Invalid("name takes a text that is not blank".to_owned()));
        }
        let new = NewConnection {
            id: self.mint(),
            kind: ConnectionKind::IdentityProvider,
            name: name.to_owned(),
            preset,
            state,
            created: self.clock.now(),
        };
        let event = self.event(
            EventKind::ConnectionCreated,
            &json!({"connection": new.id.as_str(), "preset": preset.as_str(), "state": state.as_str()}),
        );
        let connection = self.write(tenant.key, |txn| {
            let connection = txn.insert_connection(&new)?;
            txn.append(&event)?;
            Ok(connection)
        })?;
        Ok((tenant, connection))
    }

    /// The connections (the application's left out) of one tenant, or of all.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn connections(&self, tenant: Option<&str>) -> Result<Vec<(Tenant, Connection)>, ManageError> {
        let tenants = match tenant {
            Some(tenant) => vec![self.tenant(tenant)?],
            None => self.tenants()?,
        };
        let mut found = Vec::new();
        for tenant in tenants {
            let connections = self.read(tenant.key, |txn| Ok(txn.connections()?))?;
            let own = connections.into_iter().filter(|connection| connection.kind == ConnectionKind::IdentityProvider);
            found.extend(own.map(|connection| (tenant.clone(), connection)));
        }
        Ok(found)
    }

    /// The connection of this id.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], also for the application's.
    pub fn connection(&self, id: &str) -> Result<(Tenant, Connection), ManageError> {
        let unknown = || {
            ManageError::NotFound(format!(
                "there is no connection '{id}'; `headcount connection list` shows those there are"
            ))
        };
        let (tenant, key) = self.store.find_connection_index(id)?.ok_or_else(unknown)?;
        let (tenant, connection) = self.read(tenant, |txn| Ok((txn.tenant()?, txn.find_connection(key)?)))?;
        match connection {
            Some(connection) if connection.kind == ConnectionKind::IdentityProvider => Ok((tenant, connection)),
            _ => Err(unknown()),
        }
    }

    /// Sets `name`, `preset`, `state` or any switch of a connection, all or nothing. The word
    /// `preset` takes a switch back to the preset's own.
    ///
    /// # Errors
    /// [`ManageError`] naming the keys or words that exist.
    pub fn set_connection(&self, id: &str, pairs: &[(String, String)]) -> Result<(Tenant, Connection), ManageError> {
        let (tenant, connection) = self.connection(id)?;
        let event = self.event(
            EventKind::ConnectionChanged,
            &json!({
                "connection": connection.id.as_str(),
                "set": pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>(),
            }),
        );
        let changed = self.write(tenant.key, |txn| {
            // Read again here, so that two commands at once lose nothing of each other.
            let present = txn.find_connection(connection.key)?.ok_or_else(|| {
                Abort::Refuse(ManageError::NotFound(format!("connection '{id}' was removed meanwhile")))
            })?;
            let change = parse_change(&present, pairs).map_err(Abort::Refuse)?;
            let changed = txn.change_connection(present.key, &change)?;
            if index_policy(&changed.switches()) != index_policy(&present.switches()) {
                // What is unique changed, for the resources that are there too.
                self.reindex_within(txn, &changed)?;
            }
            txn.append(&event)?;
            Ok(changed)
        })?;
        Ok((tenant, changed))
    }
}

fn parse_change(present: &Connection, pairs: &[(String, String)]) -> Result<ConnectionChange, ManageError> {
    let mut change = ConnectionChange::default();
    for (key, value) in pairs {
        match key.as_str() {
            "name" if !value.trim().is_empty() => change.name = Some(value.clone()),
            "name" => {
                return Err(ManageError::Invalid("name takes a text that is not blank".to_owned()));
            }
            "preset" => change.preset = Some(parse_preset(value)?),
            "state" => {
                let state = ConnectionState::parse(value).ok_or_else(|| {
                    ManageError::Invalid(format!("'{value}' is no state of a connection; it is off, shadow or on"))
                })?;
                change.state = Some(state);
            }
            _ => {
                let mut overrides = change.overrides.take().unwrap_or_else(|| present.overrides.clone());
                overrides.set(key, value).map_err(|reason| {
                    ManageError::Invalid(format!("{reason}. Beside switches there are name, preset and state"))
                })?;
                change.overrides = Some(overrides);
            }
        }
    }
    Ok(change)
}

/// The preset of this word.
///
/// # Errors
/// [`ManageError::Invalid`] naming all presets.
pub fn parse_preset(text: &str) -> Result<Preset, ManageError> {
    Preset::parse(text).ok_or_else(|| {
        let words = Preset::ALL.map(Preset::as_str).join(", ");
        ManageError::Invalid(format!("'{text}' is no preset; the presets are {words}"))
    })
}
