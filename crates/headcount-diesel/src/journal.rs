//! The journal: written with every change, numbered and chained by the writer on SQLite and by the
//! sealer on PostgreSQL.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry as MapEntry};

use diesel::{
    QueryResult,
    sql_types::{BigInt, Binary, Nullable, Text},
};
use headcount_model::{Event, EventKind, Timestamp};
use headcount_store::{
    StoreError,
    events::{self, JournalTxn, NumberedEvent},
};

use crate::{
    connection::{Dialect, Link},
    ledger::Last,
    sql::Sql,
    txn::DieselTxn,
};

type EntrySql = (BigInt, BigInt, Text, Text, Nullable<Text>, BigInt, Text, Text, Nullable<Text>, Binary);
type EntryRow = (i64, i64, String, String, Option<String>, i64, String, String, Option<String>, Vec<u8>);

impl JournalTxn for DieselTxn<'_> {
    fn append(&mut self, event: &Event) -> Result<(), StoreError> {
        self.journaled = true;
        let entry = Entry::of(event);
        let tenant = self.key();
        match self.dialect() {
            Dialect::Sqlite => entry.append(self.link, tenant, event.version).map_err(|error| self.fault(error)),
            Dialect::Postgres => {
                let sql = Sql::new(INSERT_PENDING).raw(" VALUES (").add(entry.pending(tenant));
                self.run(&sql.raw(", ").int(event.version).raw(")")).map(|_| ())
            }
        }
    }

    fn events(&mut self, after: i64, limit: u64) -> Result<Vec<NumberedEvent>, StoreError> {
        let sql = match self.dialect() {
            Dialect::Sqlite => Sql::new(
                "SELECT no, at, kind, actor, resource, version, paths, tx, detail, hash FROM journal WHERE tenant_id = ",
            )
            .int(self.key())
            .raw(" AND no > ")
            .int(after)
            .raw(" ORDER BY no LIMIT 0 + "),
            Dialect::Postgres => Sql::new(
                "SELECT x.no, j.at, j.kind, j.actor, j.resource, x.version, j.paths, j.tx, j.detail, x.hash \
                 FROM journal_numbers x JOIN journal j \
                 ON j.tenant_id = x.tenant_id AND j.xid = x.xid AND j.n = x.n WHERE x.tenant_id = ",
            )
            .int(self.key())
            .raw(" AND x.no > ")
            .int(after)
            .raw(" ORDER BY x.no LIMIT 0 + "),
        };
        let sql = sql.int(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.load::<EntrySql, EntryRow>(&sql)?;
        rows.into_iter().map(entry).collect()
    }
}

/// A journal entry that is ready to be written, but for its number, version and link.
pub(crate) struct Entry<'a> {
    pub(crate) event: &'a Event,
    pub(crate) actor: String,
    pub(crate) resource: Option<String>,
    pub(crate) paths: String,
}

impl<'a> Entry<'a> {
    pub(crate) fn of(event: &'a Event) -> Self {
        let resource = event.resource.as_ref().map(|(name, id)| format!("{name}/{id}"));
        Self { event, actor: event.actor.to_text(), resource, paths: paths_text(&event.paths) }
    }

    /// On SQLite, numbers the entry, chains it to the tenant's last and writes it.
    pub(crate) fn append(self, link: &mut Link, tenant: i64, version: i64) -> QueryResult<()> {
        let event = self.event;
        let (number, hash) = {
            let read;
            let last = if let Some(last) = link.ledger.last(tenant) {
                last
            } else {
                read = last_entry(link, tenant)?;
                &read
            };
            let number = last.number.saturating_add(1);
            (number, events::link_of_event(&last.hash, number, version, event, &self.actor).to_vec())
        };
        let sql = Sql::new(
            "INSERT INTO journal (tenant_id, no, at, version, kind, actor, resource, paths, tx, detail, hash) VALUES (",
        )
        .ints([tenant, number, event.at.micros(), version])
        .raw(", ")
        .text(event.kind.as_str())
        .raw(", ")
        .text(self.actor)
        .raw(", ")
        .maybe_text(self.resource.as_deref())
        .raw(", ")
        .text(self.paths)
        .raw(", ")
        .text(event.transaction.as_str())
        .raw(", ")
        .maybe_text(event.detail.as_deref())
        .raw(", ")
        .blob(hash.clone())
        .raw(")");
        link.run_keyed::<Append>(&sql)?;
        link.ledger.remember(tenant, Last { number, hash });
        Ok(())
    }

    /// On PostgreSQL, what stands in the columns of [`INSERT_PENDING`] before the version.
    pub(crate) fn pending(&self, tenant: i64) -> Sql {
        let event = self.event;
        Sql::empty()
            .ints([tenant, event.at.micros()])
            .raw(", ")
            .texts([event.kind.as_str(), &*self.actor])
            .raw(", ")
            .maybe_text(self.resource.as_deref())
            .raw(", ")
            .texts([&*self.paths, event.transaction.as_str()])
            .raw(", ")
            .maybe_text(event.detail.as_deref())
    }
}

struct Append;
struct LastEntry;

/// An entry without a number, on PostgreSQL.
pub(crate) const INSERT_PENDING: &str =
    "INSERT INTO journal (tenant_id, at, kind, actor, resource, paths, tx, detail, version)";

/// The tenant's last entry as the database has it.
fn last_entry(link: &mut Link, tenant: i64) -> QueryResult<Last> {
    let sql = Sql::new("SELECT no, hash FROM journal WHERE tenant_id = ").int(tenant).raw(" ORDER BY no DESC LIMIT 1");
    let last = link.one_keyed::<LastEntry, (BigInt, Binary), (i64, Vec<u8>)>(&sql)?;
    Ok(last.map(|(number, hash)| Last { number, hash }).unwrap_or_default())
}

impl DieselTxn<'_> {
    /// Numbers and chains what is committed for good, on PostgreSQL, in a transaction of its own.
    ///
    /// A row may be numbered once its transaction's id is below the oldest one that still runs:
    /// nothing below that horizon can still be committed, so no number is ever given late. Rows are
    /// taken in the order of `n`, which was drawn under the lock of the row they tell of; a row waits
    /// while an earlier one of the same resource is still above the horizon, since a transaction may
    /// take its id early and wait for the lock. Of several sealers the first that comes works.
    pub(crate) fn seal(&mut self) -> Result<Sealed, StoreError> {
        let tenant = self.key();
        self.run(
            &Sql::new("INSERT INTO heads (tenant_id, no, horizon) VALUES (")
                .int(tenant)
                .raw(", 0, 0) ON CONFLICT (tenant_id) DO NOTHING"),
        )?;
        let sql =
            Sql::new("SELECT no, horizon FROM heads WHERE tenant_id = ").int(tenant).raw(" FOR UPDATE SKIP LOCKED");
        let Some((mut last, from)) = self.one::<(BigInt, BigInt), (i64, i64)>(&sql)? else {
            return Ok(Sealed::Waiting);
        };
        // Rows that are visible now and below this horizon stay as they are for ever.
        let horizon = Sql::new("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint");
        let horizon = self.one::<BigInt, i64>(&horizon)?.unwrap_or(0);
        let sql = Sql::new(
            "SELECT j.xid, j.n, j.at, j.kind, j.actor, j.resource, j.version, j.paths, j.tx, j.detail \
             FROM journal j WHERE j.tenant_id = ",
        )
        .int(tenant)
        .raw(" AND j.xid >= ")
        .int(from)
        .raw(
            " AND NOT EXISTS (SELECT 1 FROM journal_numbers x WHERE x.tenant_id = j.tenant_id AND x.xid = j.xid \
             AND x.n = j.n) ORDER BY j.n LIMIT 5000",
        );
        let rows = self.load::<PendingSql, PendingRow>(&sql)?;
        let full = rows.len() >= 5_000;
        let mut previous = self.last_hash(last)?;
        let mut held: BTreeSet<String> = BTreeSet::new();
        let mut group_versions = BTreeMap::new();
        let mut numbers = Vec::new();
        let mut waiting = false;
        for row in rows {
            let (xid, n, at, kind, actor, resource, version, paths, tx, detail) = row;
            let is_held = resource.as_ref().is_some_and(|resource| held.contains(resource));
            if xid >= horizon || is_held {
                waiting = true;
                held.extend(resource);
                continue;
            }
            last = last.saturating_add(1);
            let mut numbered =
                entry((last, at, kind, actor, resource.clone(), version, paths, tx, detail, Vec::new()))?;
            if let Some(resource) = resource.filter(|_| is_membership(&numbered.kind)) {
                numbered.version = self.group_version(&mut group_versions, resource, xid, version)?;
            }
            numbered.hash = events::link(&previous, &numbered).to_vec();
            previous.clone_from(&numbered.hash);
            numbers.push((last, xid, n, numbered.version, numbered.hash));
        }
        let sealed = !numbers.is_empty();
        for chunk in numbers.chunks(500) {
            let mut sql = Sql::new("INSERT INTO journal_numbers (tenant_id, no, xid, n, version, hash) VALUES ");
            for (place, (no, xid, n, version, hash)) in chunk.iter().enumerate() {
                sql = sql
                    .raw(if place > 0 { ", (" } else { "(" })
                    .ints([tenant, *no, *xid, *n, *version])
                    .raw(", ")
                    .blob(hash.clone())
                    .raw(")");
            }
            self.run(&if chunk.len() > 8 { sql.one_off() } else { sql })?;
        }
        if sealed || !waiting {
            self.move_head(last, from, horizon)?;
        }
        Ok(if full && sealed {
            Sealed::More
        } else if waiting {
            Sealed::Waiting
        } else {
            Sealed::All
        })
    }

    /// Writes the head: the last number, and a horizon below which all rows are numbered.
    fn move_head(&mut self, last: i64, from: i64, horizon: i64) -> Result<(), StoreError> {
        let tenant = self.key();
        let sql = Sql::new("UPDATE heads SET no = ")
            .int(last)
            .raw(", horizon = LEAST(")
            .int(horizon)
            .raw(", (SELECT MIN(j.xid) FROM journal j WHERE j.tenant_id = ")
            .int(tenant)
            .raw(" AND j.xid >= ")
            .int(from)
            .raw(
                " AND NOT EXISTS (SELECT 1 FROM journal_numbers x WHERE x.tenant_id = j.tenant_id \
                 AND x.xid = j.xid AND x.n = j.n))) WHERE tenant_id = ",
            )
            .int(tenant);
        self.run(&sql).map(|_| ())
    }

    /// Whether rows of the journal are without a number.
    pub(crate) fn has_unnumbered(&mut self) -> Result<bool, StoreError> {
        let sql = Sql::new("SELECT j.n FROM journal j WHERE j.tenant_id = ")
            .int(self.key())
            .raw(" AND j.xid >= COALESCE((SELECT h.horizon FROM heads h WHERE h.tenant_id = ")
            .int(self.key())
            .raw(
                // A subquery with a LIMIT is asked for each of the few rows; as NOT EXISTS it would be a join
                // with all numbers of the tenant.
                "), 0) AND (SELECT x.n FROM journal_numbers x WHERE x.tenant_id = j.tenant_id \
             AND x.xid = j.xid AND x.n = j.n LIMIT 1) IS NULL LIMIT 1",
            );
        Ok(self.one::<BigInt, i64>(&sql)?.is_some())
    }

    fn last_hash(&mut self, last: i64) -> Result<Vec<u8>, StoreError> {
        if last == 0 {
            return Ok(Vec::new());
        }
        let sql =
            Sql::new("SELECT hash FROM journal_numbers WHERE tenant_id = ").int(self.key()).raw(" AND no = ").int(last);
        let hash = self.one::<Binary, Vec<u8>>(&sql)?;
        hash.ok_or_else(|| StoreError::Corrupt { table: "journal_numbers", column: "no", row: last.to_string() })
    }

    /// The version that a change of members has given its group. Writers of different members do not
    /// see each other, so they may have read the same sum: the next is one more than the last, but
    /// for entries of one transaction, which moved it once.
    fn group_version(
        &mut self,
        known: &mut BTreeMap<String, GroupVersions>,
        resource: String,
        xid: i64,
        seen: i64,
    ) -> Result<i64, StoreError> {
        let versions = match known.entry(resource) {
            MapEntry::Occupied(entry) => entry.into_mut(),
            MapEntry::Vacant(entry) => {
                let versions = self.group_versions(entry.key())?;
                entry.insert(versions)
            }
        };
        Ok(versions.next(xid, seen))
    }

    /// What the last numbered changes of members have given a group.
    ///
    /// The last is not that of the greatest `n`: of two writers that run at once, one may have
    /// drawn its `n` first and be numbered second, having committed later. So many are read that a
    /// few transactions are among them, however many members each has changed.
    fn group_versions(&mut self, resource: &str) -> Result<GroupVersions, StoreError> {
        let mut rows = NEWEST;
        loop {
            let sql = Sql::new(
                "SELECT x.xid, x.version FROM journal j JOIN journal_numbers x \
                 ON x.tenant_id = j.tenant_id AND x.xid = j.xid AND x.n = j.n WHERE j.tenant_id = ",
            )
            .int(self.key())
            .raw(" AND j.resource = ")
            .text(resource)
            .raw(" AND j.kind IN ('member_added', 'member_removed') ORDER BY j.n DESC LIMIT 0 + ")
            .int(rows);
            let found = self.load::<(BigInt, BigInt), (i64, i64)>(&sql)?;
            let all = i64::try_from(found.len()).is_ok_and(|found| found < rows);
            let versions = GroupVersions::of(&found);
            if all || versions.given.len() > FEW || rows >= MOST_NEWEST {
                return Ok(versions);
            }
            rows = rows.saturating_mul(8);
        }
    }
}

/// How many changes of a group's members are looked at first.
const NEWEST: i64 = 128;

/// How many are looked at when they are of [`FEW`] transactions.
const MOST_NEWEST: i64 = NEWEST * 64;

/// So many transactions may be those that all ran at once.
const FEW: usize = 8;

/// The versions that changes of members have given a group.
#[derive(Default)]
struct GroupVersions {
    last: i64,
    /// By transaction.
    given: BTreeMap<i64, i64>,
}

impl GroupVersions {
    /// From transactions and the versions that they gave, which only grow.
    fn of(numbered: &[(i64, i64)]) -> Self {
        let mut versions = Self::default();
        for (xid, version) in numbered {
            let given = versions.given.entry(*xid).or_default();
            *given = (*given).max(*version);
            versions.last = versions.last.max(*version);
        }
        versions
    }

    /// The version of a change in this transaction, which saw this one.
    fn next(&mut self, xid: i64, seen: i64) -> i64 {
        let version = match self.given.get(&xid) {
            Some(given) => seen.max(*given),
            None => seen.max(self.last.saturating_add(1)),
        };
        self.given.insert(xid, version);
        self.last = self.last.max(version);
        version
    }
}

/// How far the sealer came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sealed {
    /// Everything that is committed is numbered.
    All,
    /// There is more to number now.
    More,
    /// Some rows wait for a transaction that still runs, or another sealer is at work.
    Waiting,
}

type PendingSql = (BigInt, BigInt, BigInt, Text, Text, Nullable<Text>, BigInt, Text, Text, Nullable<Text>);
type PendingRow = (i64, i64, i64, String, String, Option<String>, i64, String, String, Option<String>);

fn is_membership(kind: &str) -> bool {
    kind == EventKind::MemberAdded.as_str() || kind == EventKind::MemberRemoved.as_str()
}

fn paths_text(paths: &[String]) -> String {
    serde_json::to_string(paths).unwrap_or_else(|_| "[]".to_owned())
}

fn entry(row: EntryRow) -> Result<NumberedEvent, StoreError> {
    let (number, at, kind, actor, resource, version, paths, transaction, detail, hash) = row;
    let corrupt = |column| StoreError::Corrupt { table: "journal", column, row: number.to_string() };
    let resource = match resource {
        None => None,
        Some(text) => {
            let (name, id) = text.split_once('/').ok_or_else(|| corrupt("resource"))?;
            Some((name.to_owned(), id.to_owned()))
        }
    };
    let paths: Vec<String> = serde_json::from_str(&paths).map_err(|error| {
        tracing::debug!(%error, "the paths of a journal entry cannot be read");
        corrupt("paths")
    })?;
    Ok(NumberedEvent {
        number,
        at: Timestamp::from_micros(at),
        kind,
        actor,
        resource,
        version,
        paths,
        transaction,
        detail,
        hash,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_members_that_was_overtaken_is_still_counted() {
        // Newest `n` first: the transaction 12 drew its `n` before 11 and was numbered after it.
        let mut versions = GroupVersions::of(&[(11, 7), (12, 8), (9, 6)]);
        assert_eq!(versions.next(13, 7), 9);
        assert_eq!(versions.next(14, 12), 12, "the document has changed between");
    }

    #[test]
    fn changes_in_one_transaction_have_one_version_though_others_are_between() {
        let mut versions = GroupVersions::of(&[(11, 7)]);
        let given = [(12, 8), (13, 8), (12, 8), (11, 7), (14, 9)].map(|(xid, seen)| versions.next(xid, seen));
        assert_eq!(given, [8, 9, 8, 7, 10]);
    }
}
