//! What is not inside a tenant: the indexes, the directory of tenants, background work.

use std::sync::{PoisonError, atomic::Ordering};

use diesel::sql_types::{BigInt, Text};
use headcount_model::{ConnectionKey, ConnectionKind, ConnectionState, Preset, Tenant, TenantKey, TokenId};
use headcount_store::{
    StoreError, Verdict,
    administrators::AdministratorStore,
    system::{NewTenant, SystemStore, TokenBinding},
    tenants::{NewConnection, TenantTxn},
};
use headcount_token::TokenHash;

use crate::{
    connection::{Dialect, NOBODY},
    constraint::store_error,
    grams::{CHUNK, WORTH_IT},
    journal::Sealed,
    migrate,
    sql::Sql,
    store::DieselStore,
    txn::DieselTxn,
    writer::Writer,
};

/// In every how many turns of background work a few texts are taken over, too.
const TURNS_OF_FEW: u32 = 8;

impl SystemStore for DieselStore {
    fn find_token(&self, id: &TokenId) -> Result<Option<TokenBinding>, StoreError> {
        if id.as_str().contains('\0') {
            return Ok(None);
        }
        let sql = Sql::new("SELECT tenant_id, conn, hash FROM token_index WHERE id = ").text(id.as_str());
        let row = self.with_link(|link| link.one::<(BigInt, BigInt, Text), (i64, i64, String)>(&sql))?;
        Ok(row.map(|(tenant, conn, hash)| TokenBinding {
            tenant: TenantKey(tenant),
            connection: ConnectionKey(conn),
            hash: TokenHash::from_stored(&hash),
        }))
    }

    fn find_host(&self, host: &str) -> Result<Option<TenantKey>, StoreError> {
        if host.contains('\0') {
            return Ok(None);
        }
        let sql = Sql::new("SELECT tenant_id FROM host_index WHERE kind = 'host' AND name = ").text(host);
        Ok(self.with_link(|link| link.one::<BigInt, i64>(&sql))?.map(TenantKey))
    }

    fn find_connection_index(&self, id: &str) -> Result<Option<(TenantKey, ConnectionKey)>, StoreError> {
        if id.contains('\0') {
            return Ok(None);
        }
        let sql = Sql::new("SELECT tenant_id, conn FROM connection_index WHERE id = ").text(id);
        let row = self.with_link(|link| link.one::<(BigInt, BigInt), (i64, i64)>(&sql))?;
        Ok(row.map(|(tenant, conn)| (TenantKey(tenant), ConnectionKey(conn))))
    }

    fn insert_tenant(&self, new: &NewTenant) -> Result<Tenant, StoreError> {
        // On PostgreSQL the number is needed before the transaction, which is the tenant's own.
        let key = match self.dialect {
            Dialect::Sqlite => 0,
            Dialect::Postgres => self
                .with_link(|link| link.one::<BigInt, i64>(&Sql::new("SELECT nextval('tenant_numbers')")))?
                .ok_or(StoreError::NotFound)?,
        };
        let mut made = None;
        self.write_inner(TenantKey(key), &mut |txn| {
            if txn.dialect() == Dialect::Sqlite {
                let sql = Sql::new("SELECT COALESCE(MAX(tenant_id), 0) + 1 FROM tenants");
                txn.tenant = TenantKey(txn.one::<BigInt, i64>(&sql)?.ok_or(StoreError::NotFound)?);
            }
            made = Some(insert_tenant(txn, new)?);
            Ok(Verdict::Commit)
        })?;
        made.ok_or(StoreError::NotFound)
    }

    fn list_tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        let mut tenants = Vec::new();
        self.read_inner(NOBODY, &mut |txn| {
            tenants.clear();
            let sql = Sql::new("SELECT tenant_id FROM host_index WHERE kind = 'slug' ORDER BY name");
            for key in txn.load::<BigInt, i64>(&sql)? {
                txn.turn_to(TenantKey(key))?;
                tenants.push(txn.tenant()?);
            }
            Ok(Verdict::Commit)
        })?;
        Ok(tenants)
    }

    fn find_tenant(&self, slug_or_id: &str) -> Result<Option<Tenant>, StoreError> {
        if slug_or_id.contains('\0') {
            return Ok(None);
        }
        let mut found = None;
        self.read_inner(NOBODY, &mut |txn| {
            found = None;
            let sql =
                Sql::new("SELECT tenant_id FROM host_index WHERE kind IN ('slug', 'id') AND name = ").text(slug_or_id);
            if let Some(key) = txn.one::<BigInt, i64>(&sql)? {
                txn.turn_to(TenantKey(key))?;
                found = Some(txn.tenant()?);
            }
            Ok(Verdict::Commit)
        })?;
        Ok(found)
    }

    fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        let sql = Sql::new("SELECT value FROM settings WHERE name = ").text(key);
        self.with_link(|link| link.one::<Text, String>(&sql))
    }

    fn set_setting(&self, key: &str, value: &str) -> Result<(), StoreError> {
        let sql = Sql::new("INSERT INTO settings (name, value) VALUES (")
            .texts([key, value])
            .raw(") ON CONFLICT (name) DO UPDATE SET value = excluded.value");
        self.write_inner(NOBODY, &mut |txn| {
            txn.run(&sql)?;
            Ok(Verdict::Commit)
        })
        .map(|_| ())
    }

    fn setting_or_insert(&self, key: &str, value: &str) -> Result<String, StoreError> {
        if let Some(present) = self.setting(key)? {
            return Ok(present);
        }
        let sql = Sql::new("INSERT INTO settings (name, value) VALUES (")
            .texts([key, value])
            .raw(") ON CONFLICT (name) DO NOTHING");
        self.write_inner(NOBODY, &mut |txn| {
            txn.run(&sql)?;
            Ok(Verdict::Commit)
        })?;
        self.setting(key)?.ok_or(StoreError::NotFound)
    }

    fn administrators(&self) -> &dyn AdministratorStore {
        self
    }

    fn ping(&self) -> Result<(), StoreError> {
        let sql = Sql::new("SELECT version FROM __diesel_schema_migrations ORDER BY version");
        let mut known = Ok(Vec::new());
        let applied = self.with_link(|link| {
            known = migrate::known(link);
            link.load::<Text, String>(&sql)
        })?;
        let known = known.map_err(|error| StoreError::Backend(error.into()))?;
        let pending = known.iter().filter(|version| !applied.contains(version)).count();
        if pending > 0 {
            return Err(StoreError::Backend(
                format!("the database lacks {pending} migrations of this version; run headcount migrate").into(),
            ));
        }
        Ok(())
    }

    fn maintain(&self) -> Result<bool, StoreError> {
        if let Some(writer) = &self.writer {
            return self.index_waiting_texts(writer);
        }
        let mut due = std::mem::take(&mut *self.unsealed.lock().unwrap_or_else(PoisonError::into_inner));
        due.extend(self.walk_on()?);
        let mut more = false;
        while let Some(tenant) = due.pop_first() {
            let sealed = self.seal(TenantKey(tenant));
            if !matches!(sealed, Ok(Sealed::All)) {
                self.unsealed.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant);
            }
            match sealed {
                Ok(sealed) => more |= sealed != Sealed::All,
                Err(error) => {
                    self.unsealed.lock().unwrap_or_else(PoisonError::into_inner).append(&mut due);
                    return Err(error);
                }
            }
        }
        Ok(more)
    }
}

impl DieselStore {
    /// On SQLite: takes over texts that the last writers left to the next, who may be long in coming. A
    /// few are left alone at most turns, lest every write of a quiet server brought a second.
    fn index_waiting_texts(&self, writer: &Writer) -> Result<bool, StoreError> {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        let enough = if turn.is_multiple_of(TURNS_OF_FEW) { 1 } else { WORTH_IT };
        if self.with_link(|link| link.texts_waiting(enough))? < enough {
            return Ok(false);
        }
        let mut taken = 0;
        writer.write(&mut |link| {
            taken = link.index_some_texts().map_err(store_error)?;
            Ok(Verdict::Commit)
        })?;
        Ok(taken >= CHUNK)
    }

    /// Numbers what is committed in one tenant's journal.
    fn seal(&self, tenant: TenantKey) -> Result<Sealed, StoreError> {
        let mut sealed = Sealed::All;
        self.write_inner(tenant, &mut |txn| {
            sealed = txn.seal()?;
            Ok(Verdict::Commit)
        })?;
        Ok(sealed)
    }

    /// The next tenant of the walk, if its journal has rows without a number: a process that ended
    /// before it numbered its rows tells nobody.
    fn walk_on(&self) -> Result<Option<i64>, StoreError> {
        let after = *self.walked.lock().unwrap_or_else(PoisonError::into_inner);
        let sql = Sql::new("SELECT COALESCE(MIN(tenant_id), 0) FROM connection_index WHERE tenant_id > ").int(after);
        let next = self.with_link(|link| link.one::<BigInt, i64>(&sql))?.unwrap_or(0);
        *self.walked.lock().unwrap_or_else(PoisonError::into_inner) = next;
        if next == 0 {
            return Ok(None);
        }
        let mut unnumbered = false;
        self.read_inner(TenantKey(next), &mut |txn| {
            unnumbered = txn.has_unnumbered()?;
            Ok(Verdict::Commit)
        })?;
        Ok(unnumbered.then_some(next))
    }
}

fn insert_tenant(txn: &mut DieselTxn<'_>, new: &NewTenant) -> Result<Tenant, StoreError> {
    for (kind, name) in [("slug", &*new.slug), ("id", new.id.as_str())] {
        let sql = Sql::new("INSERT INTO host_index (kind, name, tenant_id) VALUES (")
            .texts([kind, name])
            .raw(", ")
            .int(txn.key())
            .raw(")");
        txn.run(&sql).map_err(|error| match error {
            StoreError::Unique { .. } => StoreError::Unique { attribute: kind.to_owned() },
            other => other,
        })?;
    }
    let sql = Sql::new("INSERT INTO tenants (tenant_id, id, slug, name, entitled, created) VALUES (")
        .int(txn.key())
        .raw(", ")
        .texts([new.id.as_str(), &*new.slug, &*new.name])
        .raw(", ")
        .ints([new.entitled.into(), new.created.micros()])
        .raw(")");
    txn.run(&sql)?;
    txn.insert_hosts(&new.hosts)?;
    txn.insert_connection(&NewConnection {
        id: new.application.clone(),
        kind: ConnectionKind::Application,
        name: "Application".to_owned(),
        preset: Preset::Generic,
        state: ConnectionState::On,
        created: new.created,
    })?;
    txn.tenant()
}
