//! The tenant, its connections and conflicts.

use headcount_model::{Connection, ConnectionKey, Tenant, switches::SwitchOverrides};

use super::{MemoryTxn, distinct};
use crate::{
    error::StoreError,
    tenants::{Conflict, ConnectionChange, NewConnection, TenantChange, TenantTxn},
};

impl TenantTxn for MemoryTxn {
    fn tenant(&mut self) -> Result<Tenant, StoreError> {
        Ok(self.own()?.tenant.clone())
    }

    fn change_tenant(&mut self, change: &TenantChange) -> Result<Tenant, StoreError> {
        let key = self.tenant;
        self.own_mut()?;
        if let Some(hosts) = &change.hosts {
            // Taken in a copy, so that a refusal leaves everything as it is.
            let mut state = self.state.clone();
            state.take_hosts(key, hosts)?;
            self.state = state;
        }
        let own = self.own_mut()?;
        if let Some(hosts) = &change.hosts {
            own.tenant.hosts = distinct(hosts);
        }
        if let Some(name) = &change.name {
            own.tenant.name.clone_from(name);
        }
        if let Some(entitled) = change.entitled {
            own.tenant.entitled = entitled;
        }
        own.tenant.revision = own.tenant.revision.saturating_add(1);
        Ok(own.tenant.clone())
    }

    fn connections(&mut self) -> Result<Vec<Connection>, StoreError> {
        Ok(self.own()?.connections.values().cloned().collect())
    }

    fn find_connection(&mut self, key: ConnectionKey) -> Result<Option<Connection>, StoreError> {
        Ok(self.own()?.connections.get(&key).cloned())
    }

    fn insert_connection(&mut self, new: &NewConnection) -> Result<Connection, StoreError> {
        let tenant = self.tenant;
        self.own_mut()?;
        let key = self.state.next_connection(new.id.as_str(), tenant)?;
        let connection = Connection {
            key,
            id: new.id.clone(),
            tenant,
            kind: new.kind,
            name: new.name.clone(),
            preset: new.preset,
            state: new.state,
            overrides: SwitchOverrides::default(),
            revision: 1,
            created: new.created,
        };
        self.own_mut()?.connections.insert(key, connection.clone());
        Ok(connection)
    }

    fn change_connection(&mut self, key: ConnectionKey, change: &ConnectionChange) -> Result<Connection, StoreError> {
        let connection = self.own_mut()?.connections.get_mut(&key).ok_or(StoreError::NotFound)?;
        if let Some(name) = &change.name {
            connection.name.clone_from(name);
        }
        if let Some(preset) = change.preset {
            connection.preset = preset;
        }
        if let Some(state) = change.state {
            connection.state = state;
        }
        if let Some(overrides) = &change.overrides {
            connection.overrides.clone_from(overrides);
        }
        connection.revision = connection.revision.saturating_add(1);
        Ok(connection.clone())
    }

    fn record_conflict(&mut self, conflict: &Conflict) -> Result<bool, StoreError> {
        let own = self.own_mut()?;
        let same = |known: &&mut Conflict| {
            known.connection == conflict.connection
                && known.resource == conflict.resource
                && known.attribute == conflict.attribute
                && known.refused == conflict.refused
        };
        if let Some(known) = own.conflicts.iter_mut().find(same) {
            known.last_seen = known.last_seen.max(conflict.last_seen);
            known.times = known.times.saturating_add(1);
            return Ok(false);
        }
        own.conflicts.push(Conflict { times: 1, ..conflict.clone() });
        Ok(true)
    }

    fn conflicts(&mut self, limit: u64) -> Result<Vec<Conflict>, StoreError> {
        // Reversed first, so that of two with one time the one recorded later comes first.
        let mut conflicts: Vec<Conflict> = self.own()?.conflicts.iter().rev().cloned().collect();
        conflicts.sort_by_key(|conflict| std::cmp::Reverse(conflict.last_seen));
        conflicts.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(conflicts)
    }
}
