//! The tenant, its connections and conflicts, in a transaction.

use std::collections::BTreeMap;

use diesel::sql_types::{BigInt, Nullable, Text};
use headcount_model::{
    Connection, ConnectionKey, ConnectionKind, ConnectionState, Preset, PublicId, Tenant, TenantKey, Timestamp,
    switches::SwitchOverrides,
};
use headcount_store::{
    StoreError,
    tenants::{Conflict, ConnectionChange, NewConnection, TenantChange, TenantTxn},
};
use sha2::{Digest, Sha256};

use crate::{sql::Sql, txn::DieselTxn};

pub(crate) type TenantSql = (BigInt, Text, Text, Text, BigInt, BigInt, BigInt);
pub(crate) type TenantRow = (i64, String, String, String, i64, i64, i64);
pub(crate) const TENANT_COLUMNS: &str = "tenant_id, id, slug, name, entitled, revision, created";

pub(crate) type ConnectionSql = (BigInt, Text, Text, Text, Text, Text, Text, BigInt, BigInt);
pub(crate) type ConnectionRow = (i64, String, String, String, String, String, String, i64, i64);
const CONNECTION_COLUMNS: &str = "conn, id, kind, name, preset, state, overrides, revision, created";

impl TenantTxn for DieselTxn<'_> {
    fn tenant(&mut self) -> Result<Tenant, StoreError> {
        let sql = Sql::new("SELECT ").raw(TENANT_COLUMNS).raw(" FROM tenants WHERE tenant_id = ").int(self.key());
        let row = self.one::<TenantSql, TenantRow>(&sql)?.ok_or(StoreError::NotFound)?;
        let hosts = self.hosts()?;
        Ok(tenant_of(row, hosts))
    }

    fn change_tenant(&mut self, change: &TenantChange) -> Result<Tenant, StoreError> {
        if let Some(name) = &change.name {
            let sql = Sql::new("UPDATE tenants SET name = ").text(&**name).raw(" WHERE tenant_id = ").int(self.key());
            self.run(&sql)?;
        }
        if let Some(entitled) = change.entitled {
            let sql = Sql::new("UPDATE tenants SET entitled = ")
                .int(entitled.into())
                .raw(" WHERE tenant_id = ")
                .int(self.key());
            self.run(&sql)?;
        }
        if let Some(hosts) = &change.hosts {
            let sql = Sql::new("DELETE FROM host_index WHERE kind = 'host' AND tenant_id = ").int(self.key());
            self.run(&sql)?;
            self.run(&Sql::new("DELETE FROM tenant_hosts WHERE tenant_id = ").int(self.key()))?;
            self.insert_hosts(hosts)?;
        }
        let sql = Sql::new("UPDATE tenants SET revision = revision + 1 WHERE tenant_id = ").int(self.key());
        self.run(&sql)?;
        self.tenant()
    }

    fn connections(&mut self) -> Result<Vec<Connection>, StoreError> {
        let sql = Sql::new("SELECT ")
            .raw(CONNECTION_COLUMNS)
            .raw(" FROM connections WHERE tenant_id = ")
            .int(self.key())
            .raw(" ORDER BY conn");
        let rows = self.load::<ConnectionSql, ConnectionRow>(&sql)?;
        rows.into_iter().map(|row| connection_of(self.tenant, row)).collect()
    }

    fn find_connection(&mut self, key: ConnectionKey) -> Result<Option<Connection>, StoreError> {
        let sql = Sql::new("SELECT ")
            .raw(CONNECTION_COLUMNS)
            .raw(" FROM connections WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND conn = ")
            .int(key.0);
        let row = self.one::<ConnectionSql, ConnectionRow>(&sql)?;
        row.map(|row| connection_of(self.tenant, row)).transpose()
    }

    fn insert_connection(&mut self, new: &NewConnection) -> Result<Connection, StoreError> {
        let sql = Sql::new("INSERT INTO connection_index (id, tenant_id) VALUES (")
            .text(new.id.as_str())
            .raw(", ")
            .int(self.key())
            .raw(") RETURNING conn");
        let conn = self.one::<BigInt, i64>(&sql)?.ok_or(StoreError::NotFound)?;
        let sql = Sql::new(
            "INSERT INTO connections (tenant_id, conn, id, kind, name, preset, state, overrides, revision, created) VALUES (",
        )
        .ints([self.key(), conn])
        .raw(", ")
        .texts([
            new.id.as_str(),
            match new.kind {
                ConnectionKind::Application => APPLICATION,
                ConnectionKind::IdentityProvider => IDENTITY_PROVIDER,
            },
            &new.name,
            new.preset.as_str(),
            new.state.as_str(),
            "{}",
        ])
        .raw(", 1, ")
        .int(new.created.micros())
        .raw(")");
        self.run(&sql)?;
        self.find_connection(ConnectionKey(conn))?.ok_or(StoreError::NotFound)
    }

    fn change_connection(&mut self, key: ConnectionKey, change: &ConnectionChange) -> Result<Connection, StoreError> {
        let mut sql = Sql::new("UPDATE connections SET revision = revision + 1");
        if let Some(name) = &change.name {
            sql = sql.raw(", name = ").text(&**name);
        }
        if let Some(preset) = change.preset {
            sql = sql.raw(", preset = ").text(preset.as_str());
        }
        if let Some(state) = change.state {
            sql = sql.raw(", state = ").text(state.as_str());
        }
        if let Some(overrides) = &change.overrides {
            let pairs: BTreeMap<&str, &str> = overrides.iter().collect();
            let text = serde_json::to_string(&pairs).map_err(|error| StoreError::Backend(error.into()))?;
            sql = sql.raw(", overrides = ").text(text);
        }
        let sql = sql
            .raw(" WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND conn = ")
            .int(key.0)
            .raw(" RETURNING ")
            .raw(CONNECTION_COLUMNS);
        let row = self.one::<ConnectionSql, ConnectionRow>(&sql)?.ok_or(StoreError::NotFound)?;
        connection_of(self.tenant, row)
    }

    fn record_conflict(&mut self, conflict: &Conflict) -> Result<bool, StoreError> {
        let sql = Sql::new(
            "INSERT INTO conflicts (tenant_id, conn, digest, attribute, kind, resource, refused, first_seen, last_seen, times) \
             VALUES (",
        )
        .ints([self.key(), conflict.connection.0])
        .raw(", ")
        .blob(digest(conflict))
        .raw(", ")
        .texts([&*conflict.attribute, &*conflict.kind])
        .raw(", ")
        .maybe_text(conflict.resource.as_ref().map(PublicId::as_str))
        .raw(", ")
        .text(conflict.refused.replace('\0', "\u{fffd}"))
        .raw(", ")
        .ints([conflict.first_seen.micros(), conflict.last_seen.micros(), conflict.times])
        .raw(
            ") ON CONFLICT (tenant_id, conn, digest) DO UPDATE SET times = conflicts.times + 1, \
             last_seen = excluded.last_seen, kind = excluded.kind RETURNING times",
        );
        let times = self.one::<BigInt, i64>(&sql)?;
        Ok(times == Some(conflict.times))
    }

    fn conflicts(&mut self, limit: u64) -> Result<Vec<Conflict>, StoreError> {
        let sql = Sql::new(
            "SELECT conn, attribute, kind, resource, refused, first_seen, last_seen, times FROM conflicts WHERE tenant_id = ",
        )
        .int(self.key())
        .raw(" ORDER BY last_seen DESC, first_seen DESC, digest LIMIT 0 + ")
        .int(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.load::<
            (BigInt, Text, Text, Nullable<Text>, Text, BigInt, BigInt, BigInt),
            (i64, String, String, Option<String>, String, i64, i64, i64),
        >(&sql)?;
        let conflicts = rows.into_iter().map(|row| {
            let (conn, attribute, kind, resource, refused, first_seen, last_seen, times) = row;
            Conflict {
                connection: ConnectionKey(conn),
                attribute,
                kind,
                resource: resource.as_deref().map(PublicId::from_text),
                refused,
                first_seen: Timestamp::from_micros(first_seen),
                last_seen: Timestamp::from_micros(last_seen),
                times,
            }
        });
        Ok(conflicts.collect())
    }
}

impl DieselTxn<'_> {
    pub(crate) fn insert_hosts(&mut self, hosts: &[String]) -> Result<(), StoreError> {
        for host in hosts {
            let sql = Sql::new("INSERT INTO tenant_hosts (tenant_id, host) VALUES (")
                .int(self.key())
                .raw(", ")
                .text(&**host)
                .raw(") ON CONFLICT (tenant_id, host) DO NOTHING");
            if self.run(&sql)? > 0 {
                let sql = Sql::new("INSERT INTO host_index (kind, name, tenant_id) VALUES ('host', ")
                    .text(&**host)
                    .raw(", ")
                    .int(self.key())
                    .raw(")");
                self.run(&sql)?;
            }
        }
        Ok(())
    }
}

pub(crate) fn tenant_of(row: TenantRow, hosts: Vec<String>) -> Tenant {
    let (key, id, slug, name, entitled, revision, created) = row;
    Tenant {
        key: TenantKey(key),
        id: PublicId::from_text(&id),
        slug,
        name,
        entitled: entitled != 0,
        hosts,
        revision,
        created: Timestamp::from_micros(created),
    }
}

pub(crate) fn connection_of(tenant: TenantKey, row: ConnectionRow) -> Result<Connection, StoreError> {
    let (conn, id, kind, name, preset, state, overrides, revision, created) = row;
    let corrupt = |column| StoreError::Corrupt { table: "connections", column, row: conn.to_string() };
    let pairs: BTreeMap<String, String> = serde_json::from_str(&overrides).map_err(|error| {
        tracing::debug!(%error, "the overrides of a connection cannot be read");
        corrupt("overrides")
    })?;
    Ok(Connection {
        key: ConnectionKey(conn),
        id: PublicId::from_text(&id),
        tenant,
        kind: match kind.as_str() {
            APPLICATION => ConnectionKind::Application,
            IDENTITY_PROVIDER => ConnectionKind::IdentityProvider,
            _ => return Err(corrupt("kind")),
        },
        name,
        preset: Preset::parse(&preset).ok_or_else(|| corrupt("preset"))?,
        state: ConnectionState::parse(&state).ok_or_else(|| corrupt("state"))?,
        overrides: SwitchOverrides::from_stored(pairs),
        revision,
        created: Timestamp::from_micros(created),
    })
}

pub(crate) const APPLICATION: &str = "application";
const IDENTITY_PROVIDER: &str = "identity_provider";

/// What makes two conflicts the same: resource, attribute and refused value.
fn digest(conflict: &Conflict) -> Vec<u8> {
    let mut hash = Sha256::new();
    let resource = conflict.resource.as_ref().map_or("", PublicId::as_str);
    for part in [resource, &conflict.attribute, &conflict.refused] {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().to_vec()
}
