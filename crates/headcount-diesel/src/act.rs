//! Plain writes in one go: a few statements under the writer's lock on SQLite, one statement on
//! PostgreSQL. Everything that can be made ready is made ready before a connection is asked for.
//!
//! Each says in its first statement on what it rests: that the token stands as it did, that no
//! tombstone has the key, that the row is at its version, that the group is the connection's own. If
//! that is not so, nothing is written. What is not plain goes the long way
//! ([`headcount_store::act::through`]), which decides the same.

pub(crate) mod crowd;
mod trip;

use diesel::{result::Error, sql_types::BigInt};
use headcount_model::{Seq, TenantKey, Timestamp};
use headcount_store::{
    StoreError,
    act::{Act, Change, Done, Put},
    index::IndexForm,
    query::{Adoptable, View},
    resources::{NewResource, StoredResource, Update},
};

use self::{
    crowd::{Crowd, State, far_beyond},
    trip::{Failed, Run},
};
use crate::{
    connection::{Dialect, Link, SLOTS, Use},
    constraint::{resource_error, store_error},
    grams::{self, grams_of_part},
    journal::{Entry, INSERT_PENDING},
    keyed::Keyed,
    ledger::Members,
    names::USER,
    resources::{
        MOST_ROWS, MOST_SHAPES, all_changes, changes, count_of_part, counted, insert_row, present, row, scope,
    },
    sql::{Bind, Fixed, Loads, Rows, Sql},
    store::DieselStore,
    txn::{guard, sees},
    values::{self, Of, Unique, Valued, difference},
    writer::{Plain, Writer},
};

impl DieselStore {
    /// Does an act in one go; `None` if it is none of the plain ones.
    pub(crate) fn act_in_one(&self, tenant: TenantKey, act: &Act<'_>) -> Option<Result<Done, StoreError>> {
        if act.token.as_str().contains('\0') {
            return None;
        }
        let plain = Plainly { store: self, tenant, act };
        match (&self.writer, act.change) {
            (Some(writer), Change::Insert(new)) => plain.insert_on_sqlite(writer, new),
            (Some(writer), Change::Update(update)) => plain.update_on_sqlite(writer, update),
            (Some(writer), Change::Member { .. }) => plain.move_on_sqlite(writer, &plain.moving()?),
            (None, Change::Insert(new)) => plain.insert_on_postgres(new),
            (None, Change::Update(update)) => plain.update_on_postgres(update),
            (None, Change::Member { .. }) => Some(plain.move_on_postgres(&plain.moving()?)),
        }
    }
}

/// An act that is being tried in one go.
struct Plainly<'a> {
    store: &'a DieselStore,
    tenant: TenantKey,
    act: &'a Act<'a>,
}

/// A member that is put in or out.
struct Moving<'a> {
    view: &'a View,
    type_number: i64,
    group: &'a str,
    member: &'a str,
    put: Put,
    at: Timestamp,
    beyond: Option<u64>,
}

impl<'a> Plainly<'a> {
    fn key(&self) -> i64 {
        self.tenant.0
    }

    /// The number of a name that is known already.
    fn number(&self, name: &str) -> Option<i64> {
        self.store.shared.names.number(name)
    }

    fn valued<'v>(
        &self,
        rows: impl IntoIterator<Item = &'v headcount_store::index::ValueRow>,
    ) -> Option<Vec<Valued<'v>>> {
        rows.into_iter().map(|row| Some((self.number(&row.path)?, row))).collect()
    }

    fn unique<'v>(&self, new: &'v NewResource) -> Option<Vec<Unique<'v>>> {
        let values = new.index.unique.iter();
        values.map(|value| Some((self.number(&value.path)?, scope(value.scope, new.owner), value))).collect()
    }

    /// A condition: the token stands as the caller knows it.
    fn stands(&self) -> Sql {
        let standing = self.act.standing;
        Sql::new(
            "EXISTS (SELECT 1 FROM tokens t JOIN connections k ON k.tenant_id = t.tenant_id AND k.conn = t.conn \
             JOIN tenants w ON w.tenant_id = t.tenant_id WHERE t.tenant_id = ",
        )
        .int(self.key())
        .raw(" AND t.id = ")
        .text(self.act.token.as_str())
        .raw(" AND t.expires IS NOT DISTINCT FROM ")
        .maybe_int(standing.expires.map(Timestamp::micros))
        .raw(" AND t.revoked IS NOT DISTINCT FROM ")
        .maybe_int(standing.revoked.map(Timestamp::micros))
        .raw(" AND k.revision = ")
        .int(standing.connection_revision)
        .raw(" AND w.revision = ")
        .int(standing.tenant_revision)
        .raw(")")
    }

    /// The row of a new resource, if the token stands and no tombstone has its key.
    fn inserted_row(&self, new: &NewResource, type_number: i64) -> Sql {
        let sql = Sql::new(insert_row(self.store.dialect))
            .raw(" SELECT ")
            .add(row(self.key(), new, type_number))
            .raw(" WHERE ")
            .add(self.stands());
        match &new.index.key {
            None => sql,
            Some(key) => sql
                .raw(" AND NOT EXISTS (SELECT 1 FROM tombstones d WHERE d.tenant_id = ")
                .int(self.key())
                .raw(" AND d.conn = ")
                .int(new.owner.0)
                .raw(" AND d.type = ")
                .int(type_number)
                .raw(" AND d.key = ")
                .text(&**key)
                .raw(")"),
        }
    }

    fn insert_on_sqlite(&self, writer: &Writer, new: &NewResource) -> Option<Result<Done, StoreError>> {
        let tenant = self.key();
        let type_number = self.number(&new.resource_type)?;
        let rows = self.valued(&new.index.values)?;
        let unique = self.unique(new)?;
        let mut first = self.inserted_row(new, type_number);
        if !unique.is_empty() {
            first = first.raw(" AND ").add(values::none_taken(tenant, type_number, &unique));
        }
        let first = first.raw(" RETURNING seq");
        let values: Vec<_> = rows
            .chunks(MOST_ROWS)
            .map(|chunk| (chunk.len(), values::insert_values(Dialect::Sqlite, tenant, Of::Last, chunk)))
            .collect();
        let uniques: Vec<_> =
            unique.iter().map(|value| values::insert_unique(tenant, type_number, Of::Last, *value)).collect();
        let entry = Entry::of(self.act.event);
        let version = self.act.event.version;
        once(writer, |link| {
            let seq = if unique.is_empty() && new.index.key.is_some() {
                one_keyed::<InsertRow, BigInt, i64>(link, &first)
            } else {
                one::<BigInt, i64>(link, &first)
            };
            let seq = seq.map_err(|error| first_failed(error, &new.resource_type))?;
            let Some(seq) = seq else {
                // A unique value that is taken is told apart by the long way.
                return Ok(if unique.is_empty() { Some(Done::Otherwise) } else { None });
            };
            for (rows, sql) in &values {
                values::run_insert::<WithLast>(link, *rows, sql).map_err(torn)?;
            }
            for sql in &uniques {
                run_keyed::<InsertUnique>(link, sql).map_err(torn)?;
            }
            entry.append(link, tenant, version).map_err(torn)?;
            for conn in counted(new.owner, new.adoptable) {
                link.ledger.owe(tenant, conn, type_number, 1);
            }
            Ok(Some(Done::Inserted(Seq(seq))))
        })
    }

    fn update_on_sqlite(&self, writer: &Writer, update: &Update<'_>) -> Option<Result<Done, StoreError>> {
        if !is_plain(update) {
            return None;
        }
        let (tenant, before) = (self.key(), update.before);
        let difference = difference(&update.index_before.values, &update.index.values);
        let first = changes(update).add(self.at_version(before));
        let (gone, put) = (self.valued(difference.gone)?, self.valued(difference.put)?);
        let gone = gone.chunks(MOST_ROWS).map(|chunk| values::delete_values(tenant, before.seq.0, chunk));
        let put = put
            .chunks(MOST_ROWS)
            .map(|chunk| values::put_values(Dialect::Sqlite, tenant, Of::Seq(before.seq.0), chunk));
        let rest: Vec<Sql> = gone.chain(put).collect();
        let entry = Entry::of(self.act.event);
        let version = before.version.saturating_add(1);
        once(writer, |link| {
            let updated =
                if is_indexed_alike(update) { run_keyed::<UpdateDocument>(link, &first) } else { run(link, &first) };
            if updated.map_err(|error| first_failed(error, &before.resource_type))? == 0 {
                return Ok(Some(Done::Otherwise));
            }
            for sql in &rest {
                run(link, sql).map_err(torn)?;
            }
            entry.append(link, tenant, version).map_err(torn)?;
            Ok(Some(Done::Updated(version)))
        })
    }

    /// The condition of an update: the row is at the version that was read, and the token stands.
    fn at_version(&self, before: &StoredResource) -> Sql {
        Sql::new(" WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND seq = ")
            .int(before.seq.0)
            .raw(" AND version = ")
            .int(before.version)
            .raw(" AND ")
            .add(self.stands())
    }

    /// The change of a member, if both can be asked for.
    fn moving(&self) -> Option<Moving<'a>> {
        let Change::Member { view, resource_type, group, member, put, at, beyond } = self.act.change else {
            return None;
        };
        if group.contains('\0') || member.contains('\0') {
            return None;
        }
        Some(Moving { view, type_number: self.number(resource_type)?, group, member, put, at, beyond })
    }

    /// A condition on the row `g`: it is the group, the connection owns it, and the token stands.
    fn is_own_group(&self, moving: &Moving<'_>) -> Sql {
        Sql::new("g.tenant_id = ")
            .int(self.key())
            .raw(" AND g.id = ")
            .text(moving.group)
            .raw(" AND g.type = ")
            .int(moving.type_number)
            .raw(" AND g.conn = ")
            .int(moving.view.connection.0)
            .raw(" AND g.adoptable = 0 AND ")
            .add(self.stands())
    }

    /// A condition on the row `r`: it is the member, and the view shows it.
    fn is_seen_member(&self, moving: &Moving<'_>) -> Sql {
        self.is_member(moving).raw(" AND ").add(sees(moving.view))
    }

    fn is_member(&self, moving: &Moving<'_>) -> Sql {
        Sql::new("r.tenant_id = ").int(self.key()).raw(" AND r.id = ").text(moving.member)
    }

    fn move_on_sqlite(&self, writer: &Writer, moving: &Moving<'_>) -> Option<Result<Done, StoreError>> {
        let tenant = self.key();
        let first = match moving.put {
            Put::In => Sql::new(INSERT_MEMBER)
                .raw(" SELECT g.tenant_id, g.seq, r.seq, r.id, r.type FROM resources g CROSS JOIN resources r WHERE ")
                .add(self.is_own_group(moving))
                .raw(" AND ")
                .add(self.is_seen_member(moving))
                .raw(" ON CONFLICT (tenant_id, grp, member) DO NOTHING"),
            Put::Out => Sql::new("DELETE FROM memberships WHERE tenant_id = ")
                .int(tenant)
                .raw(" AND grp = (SELECT g.seq FROM resources g WHERE ")
                .add(self.is_own_group(moving))
                .raw(") AND member = (SELECT r.seq FROM resources r WHERE ")
                .add(self.is_member(moving))
                .raw(")"),
        };
        let is_as_wanted = match moving.put {
            Put::In => Sql::new("SELECT COUNT(*) FROM resources g CROSS JOIN resources r WHERE ")
                .add(self.is_own_group(moving))
                .raw(" AND ")
                .add(self.is_seen_member(moving)),
            Put::Out => Sql::new("SELECT COUNT(*) FROM resources g WHERE ").add(self.is_own_group(moving)),
        };
        let touch = Sql::new("UPDATE resources SET version = version + 1, modified = MAX(modified, ")
            .int(moving.at.micros())
            .raw(") WHERE tenant_id = ")
            .int(tenant)
            .raw(" AND id = ")
            .text(moving.group)
            .raw(" RETURNING version, seq");
        let entry = Entry::of(self.act.event);
        once(writer, |link| {
            let moved = match (moving.put, moving.view.adoptable) {
                (Put::Out, _) => run_keyed::<DeleteMember>(link, &first),
                (Put::In, Adoptable::Hidden) => run_keyed::<InsertMember>(link, &first),
                (Put::In, Adoptable::Seen) => run_keyed::<InsertSeenMember>(link, &first),
            };
            if moved.map_err(torn)? == 0 {
                let is_as_wanted = one::<BigInt, i64>(link, &is_as_wanted).map_err(torn)?.unwrap_or(0);
                return Ok(Some(if is_as_wanted > 0 { Done::Unmoved } else { Done::Otherwise }));
            }
            let (version, group) = one_keyed::<Touch, (BigInt, BigInt), (i64, i64)>(link, &touch)
                .map_err(torn)?
                .ok_or(Plain::Torn(StoreError::NotFound))?;
            entry.append(link, tenant, version).map_err(torn)?;
            // Nobody else writes here, and this connection has the pages at hand.
            let is_large = match moving.beyond {
                Some(than) => self.has_more_members(link, group, moving.put, than).map_err(torn)?,
                None => false,
            };
            Ok(Some(if is_large { Done::MovedAmongMany(version) } else { Done::Moved }))
        })
    }

    /// Whether a group has more members than this, behind the one that was just moved. They are counted
    /// only where the writer does not know of enough.
    fn has_more_members(&self, link: &mut Link, group: i64, put: Put, than: u64) -> diesel::QueryResult<bool> {
        let tenant = self.key();
        if let Some(is_large) = link.ledger.moved(tenant, group, put, than) {
            return Ok(is_large);
        }
        let most = i64::try_from(than.saturating_add(SPARE)).unwrap_or(i64::MAX);
        let count = Sql::new("SELECT COUNT(*) FROM (SELECT 1 FROM memberships WHERE tenant_id = ")
            .int(tenant)
            .raw(" AND grp = ")
            .int(group)
            .raw(" LIMIT 0 + ")
            .int(most)
            .raw(")");
        let count = one_keyed::<CountMembers, BigInt, i64>(link, &count)?.unwrap_or(0);
        let seen = u64::try_from(count).unwrap_or(0);
        link.ledger.counted(tenant, group, if count < most { Members::Exactly(seen) } else { Members::AtLeast(seen) });
        Ok(seen > than)
    }

    fn insert_on_postgres(&self, new: &NewResource) -> Option<Result<Done, StoreError>> {
        let tenant = self.key();
        let type_number = self.number(&new.resource_type)?;
        let rows = self.valued(&new.index.values)?;
        let unique = self.unique(new)?;
        let entry = Entry::of(self.act.event);
        let build = |slot| {
            let mut sql = Sql::new("WITH r AS (").add(self.inserted_row(new, type_number)).raw(" RETURNING seq)");
            if !rows.is_empty() {
                sql = sql.raw(", v AS (").add(values::insert_values_of_part(tenant, &rows)).raw(")");
            }
            if !unique.is_empty() {
                sql = sql.raw(", u AS (").add(values::insert_unique_of_part(tenant, type_number, &unique)).raw(")");
            }
            let sql = sql
                .add(grams_of_part(tenant, &new.index))
                .add(count_of_part(tenant, new, type_number, slot))
                .add(self.journal_of_part(&entry, Sql::empty().int(self.act.event.version), " FROM r"))
                .raw(" SELECT r.seq FROM r");
            if rows.len() > MOST_SHAPES || unique.len() > MOST_SHAPES { sql.one_off() } else { sql }
        };
        let run: Run<i64> = match (rows.len(), &new.index.key, new.adoptable) {
            _ if !unique.is_empty() => one::<BigInt, i64>,
            (0, Some(_), false) => one_keyed::<InsertInOne<0>, BigInt, i64>,
            (1, Some(_), false) => one_keyed::<InsertInOne<1>, BigInt, i64>,
            (2, Some(_), false) => one_keyed::<InsertInOne<2>, BigInt, i64>,
            (3, Some(_), false) => one_keyed::<InsertInOne<3>, BigInt, i64>,
            (4, Some(_), false) => one_keyed::<InsertInOne<4>, BigInt, i64>,
            _ => one::<BigInt, i64>,
        };
        match self.in_one_trip(&build, run, |_| true) {
            Ok(seq) => Some(Ok(seq.map_or(Done::Otherwise, |seq| Done::Inserted(Seq(seq))))),
            // Which of several unique values is taken is for the long way to say.
            Err(Failed::Statement(error)) => match resource_error(error, &new.resource_type) {
                StoreError::Unique { .. } if !unique.is_empty() => None,
                error => Some(Err(error)),
            },
            Err(Failed::Store(error)) => Some(Err(error)),
        }
    }

    /// Users only: the version of a group stands in its slots too.
    fn update_on_postgres(&self, update: &Update<'_>) -> Option<Result<Done, StoreError>> {
        let (tenant, before) = (self.key(), update.before);
        if !is_plain(update) || self.number(&before.resource_type)? != USER {
            return None;
        }
        let difference = difference(&update.index_before.values, &update.index.values);
        let (gone, put) = (self.valued(difference.gone)?, self.valued(difference.put)?);
        let entry = Entry::of(self.act.event);
        let has_other_grams = grams::differ(update.index_before, update.index);
        let build = |_| {
            let mut sql = Sql::new("WITH r AS (")
                .add(all_changes(update))
                .add(self.at_version(before))
                .raw(" RETURNING seq, version)");
            if !gone.is_empty() {
                sql = sql
                    .raw(", d AS (")
                    .add(values::delete_values(tenant, before.seq.0, &gone))
                    .raw(" AND EXISTS (SELECT 1 FROM r))");
            }
            if !put.is_empty() {
                sql = sql.raw(", v AS (").add(values::put_values_of_part(tenant, &put)).raw(")");
            }
            if has_other_grams {
                sql = sql.add(grams_of_part(tenant, update.index));
            }
            let sql =
                sql.add(self.journal_of_part(&entry, Sql::new("r.version"), " FROM r")).raw(" SELECT r.version FROM r");
            if gone.len().max(put.len()) > MOST_SHAPES { sql.one_off() } else { sql }
        };
        let run: Run<i64> = if gone.is_empty() && put.is_empty() && !has_other_grams {
            one_keyed::<UpdateInOne, BigInt, i64>
        } else {
            one::<BigInt, i64>
        };
        match self.in_one_trip(&build, run, |_| true) {
            Ok(version) => Some(Ok(version.map_or(Done::Otherwise, Done::Updated))),
            Err(Failed::Statement(error)) => Some(Err(resource_error(error, &before.resource_type))),
            Err(Failed::Store(error)) => Some(Err(error)),
        }
    }

    fn move_on_postgres(&self, moving: &Moving<'_>) -> Result<Done, StoreError> {
        let tenant = self.key();
        let entry = Entry::of(self.act.event);
        let build = |slot| {
            // Against deletion; such locks do not wait for each other.
            let sql = Sql::new("WITH g AS (SELECT g.seq, g.version, g.modified FROM resources g WHERE ")
                .add(self.is_own_group(moving))
                .raw(" FOR KEY SHARE OF g), m AS (SELECT r.seq, r.id, r.type FROM resources r WHERE ");
            let sql = match moving.put {
                Put::In => sql
                    .add(self.is_seen_member(moving))
                    .raw("), i AS (")
                    .raw(INSERT_MEMBER)
                    .raw(" SELECT ")
                    .int(tenant)
                    .raw(", g.seq, m.seq, m.id, m.type FROM g CROSS JOIN m ON CONFLICT DO NOTHING RETURNING grp)"),
                Put::Out => sql
                    .add(self.is_member(moving))
                    .raw("), i AS (DELETE FROM memberships x WHERE x.tenant_id = ")
                    .int(tenant)
                    .raw(" AND x.grp = (SELECT g.seq FROM g) AND x.member = (SELECT m.seq FROM m) RETURNING x.grp)"),
            };
            // Every commit adds one to some slot, so the sum moves with each in whatever order they
            // land, and none waits for another.
            let sql = sql
                .raw(", z AS (SELECT COALESCE(SUM(x.n), 0)::bigint AS n, COALESCE(SUM(x.n) FILTER (WHERE x.slot >= ")
                .int(SLOTS)
                .raw("), 0)::bigint AS touched, MAX(x.modified) AS modified FROM group_slots x WHERE x.tenant_id = ")
                .int(tenant)
                .raw(
                    " AND x.grp = (SELECT g.seq FROM g)), \
                     s AS (INSERT INTO group_slots (tenant_id, grp, slot, n, modified) SELECT ",
                )
                .int(tenant)
                .raw(", g.seq, ")
                .int(slot)
                .raw(", 1, GREATEST(g.modified, ")
                .int(moving.at.micros())
                .raw(
                    ", z.modified) FROM g CROSS JOIN i CROSS JOIN z ON CONFLICT (tenant_id, grp, slot) DO UPDATE SET \
                     n = group_slots.n + 1, modified = GREATEST(group_slots.modified, excluded.modified))",
                );
            sql.add(self.journal_of_part(&entry, Sql::new("g.version + 1 + z.n"), " FROM g CROSS JOIN i CROSS JOIN z"))
                .raw(
                    " SELECT (SELECT COUNT(*) FROM m), (SELECT COUNT(*) FROM i), g.seq, g.version, z.touched, \
                 z.n - z.touched FROM g CROSS JOIN z",
                )
        };
        let run: Run<MovedRow> = match (moving.put, moving.view.adoptable) {
            (Put::Out, _) => one_keyed::<DeleteMember, MovedSql, _>,
            (Put::In, Adoptable::Hidden) => one_keyed::<InsertMember, MovedSql, _>,
            (Put::In, Adoptable::Seen) => one_keyed::<InsertSeenMember, MovedSql, _>,
        };
        match self.in_one_trip(&build, run, |(_, moved, ..)| *moved > 0) {
            Ok(None) => Ok(Done::Otherwise),
            Ok(Some((_, 1.., group, row, touched, moved))) => {
                let state = State { row, touched, moved };
                let than = moving.beyond.map(|than| i64::try_from(than).unwrap_or(i64::MAX));
                let version = than.and_then(|than| self.version_if_beyond(group, state, than));
                Ok(version.map_or(Done::Moved, Done::MovedAmongMany))
            }
            Ok(Some((0, ..))) if moving.put == Put::In => Ok(Done::Otherwise),
            Ok(Some(_)) => Ok(Done::Unmoved),
            Err(Failed::Statement(error)) => match store_error(error) {
                // The member, or the group, was deleted meanwhile.
                StoreError::NotFound => Ok(Done::Otherwise),
                error => Err(error),
            },
            Err(Failed::Store(error)) => Err(error),
        }
    }

    /// The version of a group that has more members than this, after an act that found it in this state.
    /// It is read after the commit, since acts that run at once do not see each other. `None`: it has no
    /// more, or nobody knows, and the caller looks.
    fn version_if_beyond(&self, group: i64, before: State, than: i64) -> Option<i64> {
        let crowds = &self.store.crowds;
        let known = crowds.is_beyond(self.tenant, group, before, than);
        if known == Some(false) {
            return None;
        }
        let mut link = self.store.link().ok().filter(|link| link.names_tenants())?;
        let now = link.turn_to(self.tenant).and_then(|()| {
            let (tenant, group) = (Bind::Int(self.key()), Bind::Int(group));
            if known == Some(true) {
                let binds = [Bind::Int(SLOTS), tenant, group, tenant, group];
                let found = link.load_fixed::<GroupState, StateSql, StateRow>(&binds)?;
                return Ok(found.into_iter().next().map(|state| (state, None)));
            }
            let limit = Bind::Int(far_beyond(than));
            let binds = [tenant, group, limit, Bind::Int(SLOTS), tenant, group, tenant, group];
            let found = link.load_fixed::<GroupStateAndMembers, (BigInt, StateSql), (i64, StateRow)>(&binds)?;
            Ok(found.into_iter().next().map(|(count, state)| (state, Some(count))))
        });
        let ((row, touched, moved), count) = match now {
            Ok(now) => now?,
            Err(error) => {
                // It was done; whether the caller can look is for the caller to find out.
                link.give_up();
                tracing::debug!(%error, "the version of a group could not be read after its change");
                return None;
            }
        };
        let state = State { row, touched, moved };
        if let Some(count) = count {
            crowds.remember(self.tenant, group, Crowd { state, count, is_all: count < far_beyond(than) });
            if count <= than {
                return None;
            }
        }
        Some(state.version())
    }

    /// On PostgreSQL, the part of a statement that writes the journal entry of what another part
    /// wrote. The entry's own number is drawn after that, so under the lock of the row it tells of.
    fn journal_of_part(&self, entry: &Entry<'_>, version: Sql, from: &'static str) -> Sql {
        Sql::new(", j AS (")
            .raw(INSERT_PENDING)
            .raw(" SELECT ")
            .add(entry.pending(self.key()))
            .raw(", ")
            .add(version)
            .raw(from)
            .raw(")")
    }
}

/// Whether an update changes something, and no owner and no unique value beside the key.
fn is_plain(update: &Update<'_>) -> bool {
    let before = update.before;
    (before.owner, before.adoptable) == (update.owner, update.adoptable)
        && update.index_before.unique == update.index.unique
        && !update.changes_nothing()
}

/// Runs work in the writer, once; `None` if it is to go the long way.
fn once(
    writer: &Writer,
    work: impl FnOnce(&mut Link) -> Result<Option<Done>, Plain>,
) -> Option<Result<Done, StoreError>> {
    let mut work = Some(work);
    let mut done = None;
    let result = writer.write_plain(&mut |link| {
        let Some(work) = work.take() else { return Plain::Untouched };
        match work(link) {
            Ok(what) => {
                let kept =
                    matches!(what, Some(Done::Inserted(_) | Done::Updated(_) | Done::Moved | Done::MovedAmongMany(_)));
                done = what;
                if kept { Plain::Kept } else { Plain::Untouched }
            }
            Err(plain) => plain,
        }
    });
    match result {
        Ok(_) => done.map(Ok),
        Err(error) => Some(Err(error)),
    }
}

/// What a failure of the first statement, which is undone by itself, means on SQLite.
fn first_failed(error: Error, resource_type: &str) -> Plain {
    match resource_error(error, resource_type) {
        unique @ StoreError::Unique { .. } => Plain::Refused(unique),
        other => Plain::Torn(other),
    }
}

fn torn(error: Error) -> Plain {
    Plain::Torn(store_error(error))
}

fn run(link: &mut Link, sql: &Sql) -> diesel::QueryResult<usize> {
    guard(Use::Write, sql);
    link.run(sql)
}

fn one<ST, U>(link: &mut Link, sql: &Sql) -> diesel::QueryResult<Option<U>>
where
    for<'q> Rows<'q, ST>: Loads<'q, U>,
{
    guard(Use::Write, sql);
    link.one::<ST, U>(sql)
}

fn run_keyed<K: 'static>(link: &mut Link, sql: &Sql) -> diesel::QueryResult<usize> {
    guard(Use::Write, sql);
    link.run_keyed::<K>(sql)
}

fn one_keyed<K: 'static, ST, U>(link: &mut Link, sql: &Sql) -> diesel::QueryResult<Option<U>>
where
    for<'q> Keyed<'q, K, ST>: Loads<'q, U>,
{
    guard(Use::Write, sql);
    link.one_keyed::<K, ST, U>(sql)
}

/// Whether no column changes that [`changes`] sets only then.
fn is_indexed_alike<'a>(update: &Update<'a>) -> bool {
    let columns = |index: &'_ IndexForm| (index.scope, present(index));
    let texts = |index: &'a IndexForm| {
        [&index.key, &index.external_id, &index.display_key, &index.family_key, &index.given_key]
    };
    let (old, new) = (update.index_before, update.index);
    columns(old) == columns(new) && texts(old) == texts(new)
}

/// How many such members there are, how many were moved, the group, its row's version, how often it was
/// touched, and how many acts there were before.
type MovedSql = (BigInt, BigInt, BigInt, BigInt, BigInt, BigInt);
type MovedRow = (i64, i64, i64, i64, i64, i64);

/// What makes up a [`State`].
type StateSql = (BigInt, BigInt, BigInt);
type StateRow = (i64, i64, i64);

/// A [`StateRow`]; binds: the first slot of transactions, tenant, group, tenant, group.
macro_rules! group_state {
    ($start:literal, $($before:literal),*) => {
        &[
            $($before,)*
            concat!(
                $start,
                "g.version, z.touched, z.n - z.touched FROM resources g CROSS JOIN LATERAL \
                 (SELECT COALESCE(SUM(x.n), 0)::bigint AS n, COALESCE(SUM(x.n) FILTER (WHERE x.slot >= "
            ),
            "), 0)::bigint AS touched FROM group_slots x WHERE x.tenant_id = ",
            " AND x.grp = ",
            ") z WHERE g.tenant_id = ",
            " AND g.seq = ",
            "",
        ]
    };
}

/// The state of a group.
struct GroupState;

impl Fixed for GroupState {
    const SQLITE: &'static [&'static str] = &[];
    const POSTGRES: &'static [&'static str] = group_state!("SELECT ",);
}

/// The same with the number of its members, up to a limit; before the others, the binds tenant, group,
/// limit.
struct GroupStateAndMembers;

impl Fixed for GroupStateAndMembers {
    const SQLITE: &'static [&'static str] = &[];
    const POSTGRES: &'static [&'static str] = group_state!(
        ") c), ",
        "SELECT (SELECT COUNT(*) FROM (SELECT FROM memberships m WHERE m.tenant_id = ",
        " AND m.grp = ",
        " LIMIT 0 + "
    );
}

struct InsertRow;
struct WithLast;
struct InsertUnique;
struct UpdateDocument;
struct InsertMember;
struct InsertSeenMember;
struct DeleteMember;
struct Touch;
struct CountMembers;
struct InsertInOne<const ROWS: usize>;
struct UpdateInOne;

/// How many more members are counted than are asked about, so that it is known for as many changes that
/// there are enough.
const SPARE: u64 = 256;

const INSERT_MEMBER: &str = "INSERT INTO memberships (tenant_id, grp, member, member_id, member_type)";
