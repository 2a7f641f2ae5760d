//! Resources as rows.

use diesel::sql_types::{BigInt, Nullable, Text};
use headcount_model::{ConnectionKey, PublicId, Seq, Timestamp};
use headcount_store::{
    StoreError,
    error::Holder,
    index::{IndexForm, UniqueScope, UniqueValue, ValueRow, cut, may_be_cut},
    page::Page,
    query::{Query, View},
    resources::{Lock, NewResource, ResourceTxn, StoredResource, Tombstone, Update},
};

use crate::{
    connection::Dialect,
    constraint::resource_error,
    grams::{self, grams_of_part},
    lists::among_ints,
    names::USER,
    query::ADOPTABLE,
    sql::Sql,
    txn::{DieselTxn, sees},
    values::{self, Of, Valued},
};

/// The SQL types of a resource's row.
pub(crate) type ResourceSql = (BigInt, Text, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, Text);
/// A resource's row: seq, id, type, owner, adoptable, version, created, modified, document.
pub(crate) type ResourceRow = (i64, String, i64, i64, i64, i64, i64, i64, String);

/// The columns of [`ResourceRow`] of the row `r`. On PostgreSQL changes of members move a group's
/// version and time in `group_slots`.
pub(crate) fn columns(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "r.seq, r.id, r.type, r.conn, r.adoptable, r.version, r.created, r.modified, r.doc",
        Dialect::Postgres => {
            "r.seq, r.id, r.type, r.conn, r.adoptable, \
             CASE WHEN r.type = 1 THEN r.version ELSE r.version + (SELECT COALESCE(SUM(s.n), 0)::bigint \
             FROM group_slots s WHERE s.tenant_id = r.tenant_id AND s.grp = r.seq) END, r.created, \
             CASE WHEN r.type = 1 THEN r.modified ELSE COALESCE((SELECT MAX(s.modified) \
             FROM group_slots s WHERE s.tenant_id = r.tenant_id AND s.grp = r.seq), r.modified) END, r.doc"
        }
    }
}

/// In `present`: some indexed value of the resource is longer than what is kept of it outside the
/// document. The partial index `r_long` knows the number.
const LONG: i64 = 1 << 62;

impl DieselTxn<'_> {
    pub(crate) fn stored(&mut self, row: ResourceRow) -> Result<StoredResource, StoreError> {
        let (seq, id, type_number, conn, adoptable, version, created, modified, document) = row;
        Ok(StoredResource {
            seq: Seq(seq),
            id: PublicId::from_text(&id),
            resource_type: self.name_of(type_number)?,
            owner: ConnectionKey(conn),
            adoptable: adoptable != 0,
            version,
            created: Timestamp::from_micros(created),
            modified: Timestamp::from_micros(modified),
            document: document.into(),
        })
    }

    /// Moves the count of an owner, and of adoptable resources, by `by`.
    fn count(&mut self, owner: ConnectionKey, adoptable: bool, type_number: i64, by: i64) -> Result<(), StoreError> {
        let tenant = self.key();
        for conn in counted(owner, adoptable) {
            match self.dialect() {
                Dialect::Sqlite => self.link.ledger.owe(tenant, conn, type_number, by),
                Dialect::Postgres => {
                    let sql = Sql::new(INSERT_COUNT)
                        .raw(" VALUES (")
                        .ints([tenant, conn, type_number, self.link.slot, by])
                        .raw(")")
                        .raw(MOVE_COUNT);
                    self.run(&sql)?;
                }
            }
        }
        Ok(())
    }

    /// Value rows with the numbers of their paths.
    fn valued<'v>(&mut self, rows: impl IntoIterator<Item = &'v ValueRow>) -> Result<Vec<Valued<'v>>, StoreError> {
        rows.into_iter().map(|row| Ok((self.number(&row.path)?, row))).collect()
    }

    /// Inserts value rows of a resource that has none.
    fn insert_values(&mut self, seq: i64, rows: &[ValueRow]) -> Result<(), StoreError> {
        let rows = self.valued(rows)?;
        for chunk in rows.chunks(MOST_ROWS) {
            let sql = values::insert_values(self.dialect(), self.key(), Of::Seq(seq), chunk);
            values::run_insert::<WithSeq>(self.link, chunk.len(), &sql).map_err(|error| self.fault(error))?;
        }
        Ok(())
    }

    /// Inserts unique values, one statement each, so that a violation tells which.
    fn insert_unique(
        &mut self,
        seq: i64,
        type_number: i64,
        owner: ConnectionKey,
        values: &[&UniqueValue],
    ) -> Result<(), StoreError> {
        for value in values {
            let path = self.number(&value.path)?;
            let unique = (path, scope(value.scope, owner), *value);
            let sql = values::insert_unique(self.key(), type_number, Of::Seq(seq), unique);
            self.run(&sql).map_err(|error| match error {
                StoreError::Unique { .. } => StoreError::Unique { attribute: value.path.clone() },
                other => other,
            })?;
        }
        Ok(())
    }

    /// On PostgreSQL the row, its values and its count are one statement, which is one round trip.
    fn insert_in_one(&mut self, new: &NewResource, type_number: i64) -> Result<Sql, StoreError> {
        let tenant = self.key();
        let mut sql = Sql::new("WITH r AS (")
            .raw(INSERT_ROW)
            .raw(" VALUES (")
            .add(row(tenant, new, type_number))
            .raw(") RETURNING seq)");
        let rows = self.valued(&new.index.values)?;
        if !rows.is_empty() {
            sql = sql.raw(", v AS (").add(values::insert_values_of_part(tenant, &rows)).raw(")");
        }
        sql = sql.add(grams_of_part(tenant, &new.index));
        sql = sql.add(count_of_part(tenant, new, type_number, self.link.slot)).raw(" SELECT r.seq FROM r");
        Ok(if rows.len() > MOST_SHAPES { sql.one_off() } else { sql })
    }

    /// Whether the row of a group is locked before it is read: its version is the sum of slots, and a
    /// statement that waits for a lock still sums what it saw before it waited.
    fn lock_first(&mut self, view: &View, type_number: i64, id: &str, lock: Lock) -> Result<(), StoreError> {
        if self.dialect() == Dialect::Postgres && lock == Lock::Exclusive && type_number != USER {
            let sql = Sql::new("SELECT r.seq FROM resources r WHERE r.tenant_id = ")
                .int(self.key())
                .raw(" AND r.id = ")
                .text(id)
                .raw(" AND r.type = ")
                .int(type_number)
                .raw(" AND ")
                .add(sees(view))
                .raw(" FOR UPDATE");
            self.load::<BigInt, i64>(&sql)?;
        }
        Ok(())
    }
}

impl ResourceTxn for DieselTxn<'_> {
    fn find_resource(
        &mut self,
        view: &View,
        resource_type: &str,
        id: &str,
        lock: Lock,
    ) -> Result<Option<StoredResource>, StoreError> {
        if id.contains('\0') {
            return Ok(None);
        }
        let Some(type_number) = self.find_number(resource_type)? else { return Ok(None) };
        self.lock_first(view, type_number, id, lock)?;
        let mut sql = Sql::new("SELECT ")
            .raw(columns(self.dialect()))
            .raw(" FROM resources r WHERE r.tenant_id = ")
            .int(self.key())
            .raw(" AND r.id = ")
            .text(id)
            .raw(" AND r.type = ")
            .int(type_number)
            .raw(" AND ")
            .add(sees(view));
        if self.dialect() == Dialect::Postgres {
            sql = match lock {
                Lock::None => sql,
                Lock::Shared => sql.raw(" FOR KEY SHARE OF r"),
                Lock::Exclusive => sql.raw(" FOR UPDATE OF r"),
            };
        }
        match self.one::<ResourceSql, ResourceRow>(&sql)? {
            Some(row) => self.stored(row).map(Some),
            None => Ok(None),
        }
    }

    fn load_resources(&mut self, seqs: &[Seq]) -> Result<Vec<StoredResource>, StoreError> {
        let mut found = Vec::with_capacity(seqs.len());
        let seqs: Vec<i64> = seqs.iter().map(|seq| seq.0).collect();
        for chunk in seqs.chunks(MOST_BINDS) {
            let sql = Sql::new("SELECT ")
                .raw(columns(self.dialect()))
                .raw(" FROM resources r WHERE r.tenant_id = ")
                .int(self.key())
                .raw(" AND ")
                .add(among_ints(self.dialect(), "r.seq", chunk));
            for row in self.load::<ResourceSql, ResourceRow>(&sql)? {
                found.push(self.stored(row)?);
            }
        }
        Ok(found)
    }

    fn query(&mut self, query: &Query) -> Result<Page, StoreError> {
        self.answer(query)
    }

    fn key_holder(
        &mut self,
        resource_type: &str,
        owner: Option<ConnectionKey>,
        key: &str,
    ) -> Result<Option<Holder>, StoreError> {
        let Some(type_number) = self.find_number(resource_type)? else { return Ok(None) };
        let sql = Sql::new("SELECT conn, adoptable FROM resources WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND scope = ")
            .int(owner.map_or(0, |owner| owner.0))
            .raw(" AND type = ")
            .int(type_number)
            .raw(" AND key = ")
            .text(key);
        let row = self.one::<(BigInt, BigInt), (i64, i64)>(&sql)?;
        Ok(row.map(|(conn, adoptable)| Holder { owner: ConnectionKey(conn), adoptable: adoptable != 0 }))
    }

    fn adoptable_holder(&mut self, resource_type: &str, key: &str) -> Result<Option<Seq>, StoreError> {
        let Some(type_number) = self.find_number(resource_type)? else { return Ok(None) };
        let sql = Sql::new("SELECT seq FROM resources WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND type = ")
            .int(type_number)
            .raw(" AND adoptable = 1 AND key = ")
            .text(key)
            .raw(" ORDER BY seq LIMIT 1");
        Ok(self.one::<BigInt, i64>(&sql)?.map(Seq))
    }

    fn insert_resource(&mut self, new: &NewResource) -> Result<Seq, StoreError> {
        let type_number = self.number(&new.resource_type)?;
        let insert = match self.dialect() {
            Dialect::Postgres => self.insert_in_one(new, type_number)?,
            Dialect::Sqlite => Sql::new(insert_row(Dialect::Sqlite))
                .raw(" VALUES (")
                .add(row(self.key(), new, type_number))
                .raw(") RETURNING seq"),
        };
        let seq = match (self.dialect(), new.index.values.len(), new.adoptable) {
            (Dialect::Sqlite, ..) => self.link.one_keyed::<InsertRow, BigInt, i64>(&insert),
            (Dialect::Postgres, 0, false) => self.link.one_keyed::<InsertInOne<0>, BigInt, i64>(&insert),
            (Dialect::Postgres, 1, false) => self.link.one_keyed::<InsertInOne<1>, BigInt, i64>(&insert),
            (Dialect::Postgres, 2, false) => self.link.one_keyed::<InsertInOne<2>, BigInt, i64>(&insert),
            (Dialect::Postgres, 3, false) => self.link.one_keyed::<InsertInOne<3>, BigInt, i64>(&insert),
            _ => self.link.one::<BigInt, i64>(&insert),
        };
        let seq = match seq {
            Ok(seq) => seq.ok_or(StoreError::NotFound)?,
            Err(error) => {
                self.note(&error);
                return Err(resource_error(error, &new.resource_type));
            }
        };
        if self.dialect() == Dialect::Sqlite {
            self.insert_values(seq, &new.index.values)?;
            self.count(new.owner, new.adoptable, type_number, 1)?;
        }
        self.insert_unique(seq, type_number, new.owner, &new.index.unique.iter().collect::<Vec<_>>())?;
        Ok(Seq(seq))
    }

    fn update_resource(&mut self, update: &Update<'_>) -> Result<i64, StoreError> {
        let before = update.before;
        let (old, new) = (update.index_before, update.index);
        let type_number = self.number(&before.resource_type)?;
        let mut sql = changes(update);
        if (before.owner, before.adoptable) != (update.owner, update.adoptable) {
            sql = sql.raw(", conn = ").int(update.owner.0).raw(", adoptable = ").int(update.adoptable.into());
        }
        sql = sql.raw(" WHERE tenant_id = ").int(self.key()).raw(" AND seq = ").int(before.seq.0).raw(" AND version");
        // The version is compared where it is written: two writers that read the same one cannot
        // both win.
        sql = if self.dialect() == Dialect::Postgres && type_number != USER {
            sql.raw(" + ").raw(SLOT_SUM).raw(" = ").int(before.version).raw(" RETURNING version, ").raw(SLOT_SUM)
        } else {
            sql.raw(" = ").int(before.version).raw(" RETURNING version, CAST(0 AS BIGINT)")
        };
        let (version, slots) = match self.link.one::<(BigInt, BigInt), (i64, i64)>(&sql) {
            Ok(version) => version.ok_or(StoreError::VersionMismatch)?,
            Err(error) => {
                self.note(&error);
                return Err(resource_error(error, &before.resource_type));
            }
        };
        if slots != 0 {
            self.fold_slots(before.seq)?;
        }
        self.write_values(before.seq.0, &old.values, &new.values)?;
        if grams::differ(old, new) {
            self.write_grams(before.seq.0, new)?;
        }
        self.write_unique(update, type_number)?;
        if before.owner != update.owner || before.adoptable != update.adoptable {
            self.count(before.owner, before.adoptable, type_number, -1)?;
            self.count(update.owner, update.adoptable, type_number, 1)?;
        }
        Ok(version.saturating_add(slots))
    }

    fn reindex_resource(&mut self, resource: &StoredResource, index: &IndexForm) -> Result<(), StoreError> {
        let type_number = self.number(&resource.resource_type)?;
        let (tenant, seq) = (self.key(), resource.seq.0);
        for text in [delete_vals(self.dialect()), "DELETE FROM unique_values WHERE tenant_id = "] {
            self.run(&Sql::new(text).int(tenant).raw(" AND resource = ").int(seq))?;
        }
        let sql = Sql::new("UPDATE resources SET scope = ")
            .int(scope(index.scope, resource.owner))
            .raw(", key = ")
            .maybe_text(index.key.as_deref())
            .raw(", external_id = ")
            .maybe_text(index.external_id.as_deref())
            .raw(", display_key = ")
            .maybe_text(index.display_key.as_deref().map(cut))
            .raw(", family_key = ")
            .maybe_text(index.family_key.as_deref().map(cut))
            .raw(", given_key = ")
            .maybe_text(index.given_key.as_deref().map(cut))
            .raw(", present = ")
            .int(present(index))
            .raw(", active = ")
            .maybe_int(index.active.map(i64::from))
            .raw(" WHERE tenant_id = ")
            .int(tenant)
            .raw(" AND seq = ")
            .int(seq)
            .raw(" RETURNING seq");
        match self.link.one::<BigInt, i64>(&sql) {
            Ok(Some(_)) => {}
            Ok(None) => return Err(StoreError::NotFound),
            Err(error) => {
                self.note(&error);
                return Err(resource_error(error, &resource.resource_type));
            }
        }
        self.insert_values(seq, &index.values)?;
        self.write_grams(seq, index)?;
        self.insert_unique(seq, type_number, resource.owner, &index.unique.iter().collect::<Vec<_>>())
    }

    fn delete_resource(&mut self, resource: &StoredResource, tombstone: &Tombstone) -> Result<(), StoreError> {
        let type_number = self.number(&resource.resource_type)?;
        let (tenant, seq) = (self.key(), resource.seq.0);
        let sql = Sql::new("DELETE FROM memberships WHERE tenant_id = ").int(tenant).raw(" AND grp = ").int(seq);
        self.run(&sql)?;
        let sql = Sql::new(match self.dialect() {
            Dialect::Sqlite => "DELETE FROM memberships INDEXED BY m_rev WHERE tenant_id = ",
            Dialect::Postgres => "DELETE FROM memberships WHERE tenant_id = ",
        });
        let sql = sql.int(tenant).raw(" AND member = ").int(seq);
        self.run(&sql)?;
        let sql = Sql::new("DELETE FROM resources WHERE tenant_id = ")
            .int(tenant)
            .raw(" AND seq = ")
            .int(seq)
            .raw(" RETURNING conn, adoptable");
        let gone = self.one::<(BigInt, BigInt), (i64, i64)>(&sql)?;
        let (conn, adoptable) = gone.ok_or(StoreError::NotFound)?;
        for text in [
            delete_vals(self.dialect()),
            "DELETE FROM unique_values WHERE tenant_id = ",
            "DELETE FROM passwords WHERE tenant_id = ",
        ] {
            self.run(&Sql::new(text).int(tenant).raw(" AND resource = ").int(seq))?;
        }
        if type_number != USER {
            let sql = Sql::new("DELETE FROM unmatched_members WHERE tenant_id = ").int(tenant).raw(" AND grp = ");
            self.run(&sql.int(seq))?;
            if self.dialect() == Dialect::Postgres {
                let sql = Sql::new("DELETE FROM group_slots WHERE tenant_id = ").int(tenant).raw(" AND grp = ");
                self.run(&sql.int(seq))?;
            }
        }
        self.count(ConnectionKey(conn), adoptable != 0, type_number, -1)?;
        if self.dialect() == Dialect::Postgres {
            self.run(&grams::delete_grams(tenant, seq))?;
        }
        let groups: Vec<&str> = tombstone.groups.iter().map(PublicId::as_str).collect();
        let groups = serde_json::to_string(&groups).map_err(|error| StoreError::Backend(error.into()))?;
        let sql = Sql::new(
            "INSERT INTO tombstones (tenant_id, id, conn, type, key, version, created, deleted, doc, groups) VALUES (",
        )
        .int(tenant)
        .raw(", ")
        .text(tombstone.id.as_str())
        .raw(", ")
        .ints([tombstone.owner.0, type_number])
        .raw(", ")
        .maybe_text(tombstone.key.as_deref())
        .raw(", ")
        .ints([tombstone.version, tombstone.created.micros(), tombstone.deleted.micros()])
        .raw(", ")
        .text(&*tombstone.document)
        .raw(", ")
        .text(groups)
        .raw(
            ") ON CONFLICT (tenant_id, id) DO UPDATE SET conn = excluded.conn, type = excluded.type, \
             key = excluded.key, version = excluded.version, created = excluded.created, \
             deleted = excluded.deleted, doc = excluded.doc, groups = excluded.groups",
        );
        self.run(&sql)?;
        Ok(())
    }

    fn find_tombstone(
        &mut self,
        resource_type: &str,
        owner: ConnectionKey,
        key: &str,
    ) -> Result<Option<Tombstone>, StoreError> {
        let Some(type_number) = self.find_number(resource_type)? else { return Ok(None) };
        let sql = Sql::new("SELECT id, key, version, created, deleted, doc, groups FROM tombstones WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND conn = ")
            .int(owner.0)
            .raw(" AND type = ")
            .int(type_number)
            .raw(" AND key = ")
            .text(key)
            .raw(" ORDER BY deleted DESC, id DESC LIMIT 1");
        let row = self.one::<
            (Text, Nullable<Text>, BigInt, BigInt, BigInt, Text, Text),
            (String, Option<String>, i64, i64, i64, String, String),
        >(&sql)?;
        let Some((id, key, version, created, deleted, document, groups)) = row else { return Ok(None) };
        let groups: Vec<String> = serde_json::from_str(&groups).map_err(|error| {
            tracing::debug!(%error, "the groups of a tombstone cannot be read");
            StoreError::Corrupt { table: "tombstones", column: "groups", row: id.clone() }
        })?;
        Ok(Some(Tombstone {
            id: PublicId::from_text(&id),
            resource_type: resource_type.to_owned(),
            owner,
            key,
            version,
            created: Timestamp::from_micros(created),
            deleted: Timestamp::from_micros(deleted),
            document,
            groups: groups.iter().map(|id| PublicId::from_text(id)).collect(),
        }))
    }

    fn forget_tombstone(&mut self, id: &PublicId) -> Result<(), StoreError> {
        let sql =
            Sql::new("DELETE FROM tombstones WHERE tenant_id = ").int(self.key()).raw(" AND id = ").text(id.as_str());
        self.run(&sql).map(|_| ())
    }
}

impl DieselTxn<'_> {
    /// Puts a group's slots into its row, whose time is then the last one. What another transaction
    /// adds meanwhile stays in its slot, so the sum is right whatever comes first.
    fn fold_slots(&mut self, group: Seq) -> Result<(), StoreError> {
        let sql = Sql::new("WITH s AS (DELETE FROM group_slots WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND grp = ")
            .int(group.0)
            .raw(
                " RETURNING n) UPDATE resources SET version = version + (SELECT COALESCE(SUM(s.n), 0)::bigint FROM s) \
                 WHERE tenant_id = ",
            )
            .int(self.key())
            .raw(" AND seq = ")
            .int(group.0);
        self.run(&sql).map(|_| ())
    }

    /// Writes the grams of a resource anew; on SQLite triggers see to them.
    fn write_grams(&mut self, seq: i64, index: &IndexForm) -> Result<(), StoreError> {
        match self.dialect() {
            Dialect::Sqlite => Ok(()),
            Dialect::Postgres => self.run(&grams::put_grams(self.key(), seq, index)).map(|_| ()),
        }
    }

    /// Writes the difference between the value rows before and after.
    fn write_values(&mut self, seq: i64, old: &[ValueRow], new: &[ValueRow]) -> Result<(), StoreError> {
        let difference = values::difference(old, new);
        for chunk in self.valued(difference.gone)?.chunks(MOST_ROWS) {
            self.run(&values::delete_values(self.key(), seq, chunk))?;
        }
        for chunk in self.valued(difference.put)?.chunks(MOST_ROWS) {
            self.run(&values::put_values(self.dialect(), self.key(), Of::Seq(seq), chunk))?;
        }
        Ok(())
    }

    /// Writes the difference between the unique values before and after; another owner is another
    /// scope.
    fn write_unique(&mut self, update: &Update<'_>, type_number: i64) -> Result<(), StoreError> {
        let (old, new) = (&update.index_before.unique, &update.index.unique);
        let same_owner = update.before.owner == update.owner;
        if old == new && (same_owner || old.iter().all(|value| value.scope == UniqueScope::Tenant)) {
            return Ok(());
        }
        let stays = |value: &&UniqueValue, other: &[UniqueValue]| {
            (same_owner || value.scope == UniqueScope::Tenant) && other.contains(value)
        };
        for gone in old.iter().filter(|value| !stays(value, new)) {
            let path = self.number(&gone.path)?;
            let sql = Sql::new("DELETE FROM unique_values WHERE tenant_id = ")
                .int(self.key())
                .raw(" AND scope = ")
                .int(scope(gone.scope, update.before.owner))
                .raw(" AND type = ")
                .int(type_number)
                .raw(" AND path = ")
                .int(path)
                .raw(" AND key = ")
                .text(&*gone.key);
            self.run(&sql)?;
        }
        let added: Vec<&UniqueValue> = new.iter().filter(|value| !stays(value, old)).collect();
        self.insert_unique(update.before.seq.0, type_number, update.owner, &added)
    }
}

/// SQLite, which knows nothing of how many rows a tenant has, would else read them all.
fn delete_vals(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "DELETE FROM vals INDEXED BY v_resource WHERE tenant_id = ",
        Dialect::Postgres => "DELETE FROM vals WHERE tenant_id = ",
    }
}

/// Whose counts a resource is in.
pub(crate) fn counted(owner: ConnectionKey, adoptable: bool) -> impl Iterator<Item = i64> {
    [Some(owner.0), adoptable.then_some(ADOPTABLE)].into_iter().flatten()
}

/// On PostgreSQL, parts of a statement that count the resource that its part `r` returns.
pub(crate) fn count_of_part(tenant: i64, new: &NewResource, type_number: i64, slot: i64) -> Sql {
    let mut sql = Sql::empty();
    for (conn, name) in counted(new.owner, new.adoptable).zip([", c AS (", ", a AS ("]) {
        sql = sql
            .raw(name)
            .raw(INSERT_COUNT)
            .raw(" SELECT ")
            .ints([tenant, conn, type_number, slot])
            .raw(", 1 FROM r")
            .raw(MOVE_COUNT)
            .raw(")");
    }
    sql
}

/// The values of a resource's own row, in the order of [`insert_row`].
pub(crate) fn row(tenant: i64, new: &NewResource, type_number: i64) -> Sql {
    let index = &new.index;
    Sql::empty()
        .ints([tenant, new.owner.0, type_number])
        .raw(", ")
        .text(new.id.as_str())
        .raw(", ")
        .ints([new.version, scope(index.scope, new.owner)])
        .raw(", ")
        .maybe_text(index.key.as_deref())
        .raw(", ")
        .maybe_text(index.external_id.as_deref())
        .raw(", ")
        .maybe_text(index.display_key.as_deref().map(cut))
        .raw(", ")
        .maybe_text(index.family_key.as_deref().map(cut))
        .raw(", ")
        .maybe_text(index.given_key.as_deref().map(cut))
        .raw(", ")
        .ints([present(index), new.adoptable.into()])
        .raw(", ")
        .maybe_int(index.active.map(i64::from))
        .raw(", ")
        .ints([new.created.micros(), new.modified.micros()])
        .raw(", ")
        .text(&*new.document)
}

/// `UPDATE resources SET` with what changes in a resource's own row, but for its owner. Columns that
/// have an index or a trigger are set only where they differ, so that none is touched for nothing.
pub(crate) fn changes(update: &Update<'_>) -> Sql {
    let (old, new) = (update.index_before, update.index);
    let mut sql = unconditional_changes(update);
    if (&old.key, scope(old.scope, update.before.owner)) != (&new.key, scope(new.scope, update.owner)) {
        sql = sql.raw(", scope = ").int(scope(new.scope, update.owner)).raw(", key = ").maybe_text(new.key.as_deref());
    }
    let texts = [
        (", external_id = ", old.external_id.as_deref(), new.external_id.as_deref()),
        (", display_key = ", old.display_key.as_deref().map(cut), new.display_key.as_deref().map(cut)),
        (", family_key = ", old.family_key.as_deref().map(cut), new.family_key.as_deref().map(cut)),
        (", given_key = ", old.given_key.as_deref().map(cut), new.given_key.as_deref().map(cut)),
    ];
    for (set, old, new) in texts {
        if old != new {
            sql = sql.raw(set).maybe_text(new);
        }
    }
    if present(old) != present(new) {
        sql = sql.raw(", present = ").int(present(new));
    }
    sql
}

/// The same with every column set, which makes one statement of it. On PostgreSQL an index is touched
/// only where a value differs.
pub(crate) fn all_changes(update: &Update<'_>) -> Sql {
    let new = update.index;
    unconditional_changes(update)
        .raw(", scope = ")
        .int(scope(new.scope, update.owner))
        .raw(", key = ")
        .maybe_text(new.key.as_deref())
        .raw(", external_id = ")
        .maybe_text(new.external_id.as_deref())
        .raw(", display_key = ")
        .maybe_text(new.display_key.as_deref().map(cut))
        .raw(", family_key = ")
        .maybe_text(new.family_key.as_deref().map(cut))
        .raw(", given_key = ")
        .maybe_text(new.given_key.as_deref().map(cut))
        .raw(", present = ")
        .int(present(new))
}

fn unconditional_changes(update: &Update<'_>) -> Sql {
    Sql::new("UPDATE resources SET version = version + 1, modified = ")
        .int(update.modified.micros())
        .raw(", doc = ")
        .text(&*update.document)
        .raw(", active = ")
        .maybe_int(update.index.active.map(i64::from))
}

struct InsertRow;
struct InsertInOne<const ROWS: usize>;
struct WithSeq;

/// Most values of one list.
pub(crate) const MOST_BINDS: usize = 1_000;

/// Most rows of one statement whose text is kept.
pub(crate) const MOST_ROWS: usize = 16;

/// Most rows in a part of a statement of many parts whose text is kept.
pub(crate) const MOST_SHAPES: usize = 8;

/// Inserts a resource's own row: [`row`].
///
/// On SQLite, a statement that may fail in its midst copies every page before it touches it, so as to
/// be undone alone, and triggers and RETURNING make it one. A row fails before anything of it is
/// written, so there is nothing to be undone.
pub(crate) fn insert_row(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => {
            "INSERT OR FAIL INTO resources (tenant_id, conn, type, id, version, scope, key, external_id, display_key, \
             family_key, given_key, present, adoptable, active, created, modified, doc)"
        }
        Dialect::Postgres => INSERT_ROW,
    }
}

/// On PostgreSQL.
pub(crate) const INSERT_ROW: &str = "INSERT INTO resources (tenant_id, conn, type, id, version, scope, key, external_id, display_key, \
     family_key, given_key, present, adoptable, active, created, modified, doc)";

pub(crate) const INSERT_COUNT: &str = "INSERT INTO counts (tenant_id, conn, type, slot, n)";
pub(crate) const MOVE_COUNT: &str =
    " ON CONFLICT (tenant_id, conn, type, slot) DO UPDATE SET n = counts.n + excluded.n";

/// What changes of members added to a group's version, on PostgreSQL.
const SLOT_SUM: &str = "(SELECT COALESCE(SUM(s.n), 0)::bigint FROM group_slots s \
     WHERE s.tenant_id = resources.tenant_id AND s.grp = resources.seq)";

/// The number that stands for the whole tenant, or for the owner.
pub(crate) fn scope(scope: UniqueScope, owner: ConnectionKey) -> i64 {
    match scope {
        UniqueScope::Tenant => 0,
        UniqueScope::Owner => owner.0,
    }
}

/// The presence bits, and whether something was cut.
pub(crate) fn present(index: &IndexForm) -> i64 {
    let columns = [&index.display_key, &index.family_key, &index.given_key];
    let long = columns.into_iter().flatten().any(|text| may_be_cut(text))
        || index
            .values
            .iter()
            .any(|value| may_be_cut(&value.folded) || value.element_type.as_deref().is_some_and(may_be_cut));
    if long { index.present | LONG } else { index.present }
}
