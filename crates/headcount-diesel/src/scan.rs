//! Queries that need documents: candidates by the part of the predicate that SQL can answer, matched
//! and sorted in memory, within bounds.

use std::{
    cmp::Ordering,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering as Access},
    },
    time::Instant,
};

use headcount_model::{Seq, Timestamp};
use headcount_store::{
    StoreError,
    index::{candidate, cut},
    members::{GroupOf, MemberRef, MemberTxn},
    page::{Page, PageKey, SortValue, Window},
    query::{Order, Query},
    resources::{ResourceTxn, StoredResource},
};
use scim_filter::{
    matches,
    order::{SortKey, ascending, sort_key},
};
use scim_schema::AttrType;

use crate::{
    query::{Arm, sorts_by_head},
    resources::{ResourceRow, ResourceSql, columns},
    sql::Sql,
    txn::DieselTxn,
};

/// A resource that satisfies the query.
struct Match {
    key: Option<SortKey>,
    seq: Seq,
}

/// Until when the statements of a connection to SQLite may scan.
#[derive(Clone, Debug)]
pub(crate) struct ScanEnd {
    /// What is counted from, by a clock that nobody sets.
    begun: Instant,
    /// In microseconds.
    end: Arc<AtomicU64>,
}

impl Default for ScanEnd {
    #[expect(clippy::disallowed_methods, reason = "a time of day that is set back would let a scan run on")]
    fn default() -> Self {
        Self { begun: Instant::now(), end: Arc::default() }
    }
}

impl ScanEnd {
    /// They may scan for this long from now on.
    pub(crate) fn allow(&self, millis: u64) {
        self.end.store(self.now().saturating_add(millis.saturating_mul(1_000)), Access::Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Gives a connection the function `in_time`, which is 1, or fails when the time has passed: that
    /// ends the statement.
    #[cfg(feature = "sqlite")]
    pub(crate) fn register(&self, conn: &mut diesel::SqliteConnection) -> diesel::QueryResult<()> {
        let end = self.clone();
        conn.register_noarg_sql_function::<diesel::sql_types::BigInt, InTime, _>("in_time", false, move || {
            InTime(end.now() <= end.end.load(Access::Relaxed))
        })
    }
}

/// What `in_time` returns.
#[derive(Debug)]
#[cfg(feature = "sqlite")]
struct InTime(bool);

#[cfg(feature = "sqlite")]
impl diesel::serialize::ToSql<diesel::sql_types::BigInt, diesel::sqlite::Sqlite> for InTime {
    fn to_sql<'b>(
        &'b self,
        out: &mut diesel::serialize::Output<'b, '_, diesel::sqlite::Sqlite>,
    ) -> diesel::serialize::Result {
        if !self.0 {
            return Err(TOOK_TOO_LONG.into());
        }
        out.set_value(1_i64);
        Ok(diesel::serialize::IsNull::No)
    }
}

/// What SQLite says of a statement that scanned for too long.
pub(crate) const TOOK_TOO_LONG: &str = "a scan took longer than a query may take";

impl DieselTxn<'_> {
    /// Answers a query by reading documents.
    pub(crate) fn scan(&mut self, query: &Query, arms: &[Arm<'_>], attribute: &str) -> Result<Page, StoreError> {
        let order = query.sort.as_ref().map_or(Order::Ascending, |sort| sort.order);
        let mut found = Vec::new();
        let mut read = 0_u64;
        let until = self.deadline(query);
        for arm in arms {
            let mut after = i64::MIN;
            loop {
                let chunk = self.chunk(arm, after)?;
                let Some(last) = chunk.last() else { break };
                after = last.seq.0;
                let is_last = chunk.len() < CHUNK;
                read = read.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
                if read > query.scan.documents || self.shared.clock.now() > until {
                    return Err(StoreError::TooMany { attribute: attribute.to_owned() });
                }
                self.matching(query, arm, &chunk, &mut found)?;
                if is_last {
                    break;
                }
            }
        }
        found.sort_by(|left, right| in_order(left, right, order));
        self.window(query, order, found)
    }

    fn deadline(&self, query: &Query) -> Timestamp {
        let micros = i64::try_from(query.scan.millis).unwrap_or(i64::MAX).saturating_mul(1_000);
        Timestamp::from_micros(self.shared.clock.now().micros().saturating_add(micros))
    }

    fn chunk(&mut self, arm: &Arm<'_>, after: i64) -> Result<Vec<StoredResource>, StoreError> {
        let sql = Sql::new("SELECT ")
            .raw(columns(self.dialect()))
            .add(self.from(arm))
            .raw(" AND r.seq > ")
            .int(after)
            .raw(" ORDER BY r.seq LIMIT 500")
            .one_off();
        let rows = self.load::<ResourceSql, ResourceRow>(&sql)?;
        rows.into_iter().map(|row| self.stored(row)).collect()
    }

    /// Adds the resources of a chunk that satisfy the predicate.
    fn matching(
        &mut self,
        query: &Query,
        arm: &Arm<'_>,
        chunk: &[StoredResource],
        found: &mut Vec<Match>,
    ) -> Result<(), StoreError> {
        let sort = query.sort.as_ref().map(|sort| &sort.target);
        let asks = |name: &str| {
            arm.predicate.asks_about(name)
                || sort.is_some_and(|target| target.extension.is_none() && &*target.name == name)
        };
        // A filter that needs documents changes nothing about the order that SQL would give.
        let is_cut = sort.is_some_and(|target| sorts_by_head(arm.resource_type, target));
        let seqs: Vec<Seq> = chunk.iter().map(|resource| resource.seq).collect();
        let groups = if asks("groups") { self.groups_of(&query.view, &seqs, 1)? } else { Vec::new() };
        let members = if asks("members") { self.members_of(&seqs, u64::MAX)? } else { Vec::new() };
        for resource in chunk {
            // Both lists are in the order of the resources they are about.
            let start = groups.partition_point(|group| group.member < resource.seq);
            let end = groups.partition_point(|group| group.member <= resource.seq);
            let own_groups: &[GroupOf] = groups.get(start..end).unwrap_or_default();
            let start = members.partition_point(|(group, _)| *group < resource.seq);
            let end = members.partition_point(|(group, _)| *group <= resource.seq);
            let own_members: Vec<MemberRef> =
                members.get(start..end).unwrap_or_default().iter().map(|(_, member)| member.clone()).collect();
            let document = candidate(resource, own_groups, &own_members)?;
            if arm.exact || matches::resource(arm.predicate, &document) {
                let key = sort.and_then(|target| sort_key(target, &document)).map(|key| match key {
                    SortKey::Text(text) if is_cut => SortKey::Text(cut(&text).to_owned()),
                    key => key,
                });
                found.push(Match { key, seq: resource.seq });
            }
        }
        Ok(())
    }

    /// The part of the sorted matches that is wanted.
    fn window(&mut self, query: &Query, order: Order, found: Vec<Match>) -> Result<Page, StoreError> {
        let total = u64::try_from(found.len()).unwrap_or(u64::MAX);
        let size = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        let mut next = None;
        let part: Vec<Match> = match &query.window {
            Window::Index { offset, limit } => found.into_iter().skip(size(*offset)).take(size(*limit)).collect(),
            Window::After { key, limit } => {
                let after = key
                    .as_ref()
                    .map(|key| Match { key: key.sort.as_ref().and_then(|value| key_of(query, value)), seq: key.seq });
                let mut rest = found.into_iter().skip_while(|entry| {
                    after.as_ref().is_some_and(|after| in_order(entry, after, order) != Ordering::Greater)
                });
                let part: Vec<Match> = rest.by_ref().take(size(*limit)).collect();
                if rest.next().is_some() {
                    next = part.last().map(|last| PageKey { sort: last.key.as_ref().map(value_of), seq: last.seq });
                }
                part
            }
        };
        let seqs: Vec<Seq> = part.iter().map(|entry| entry.seq).collect();
        let mut loaded = self.load_resources(&seqs)?;
        loaded.sort_by_key(|resource| seqs.iter().position(|seq| *seq == resource.seq));
        Ok(Page { resources: loaded, total, next })
    }
}

/// How many documents are read at once; the statement names it too.
const CHUNK: usize = 500;

fn in_order(left: &Match, right: &Match, order: Order) -> Ordering {
    let by_key = ascending(left.key.as_ref(), right.key.as_ref());
    let by_key = match order {
        Order::Ascending => by_key,
        Order::Descending => by_key.reverse(),
    };
    by_key.then(left.seq.cmp(&right.seq))
}

fn value_of(key: &SortKey) -> SortValue {
    match key {
        SortKey::Boolean(value) => SortValue::Integer((*value).into()),
        SortKey::Instant(micros) => SortValue::Integer(*micros),
        SortKey::Text(text) => SortValue::Text(text.clone()),
        SortKey::Number(number) => match number.as_i64() {
            Some(integer) => SortValue::Integer(integer),
            None => SortValue::Number(number.as_f64().unwrap_or_default()),
        },
    }
}

fn key_of(query: &Query, value: &SortValue) -> Option<SortKey> {
    let attr_type = query.sort.as_ref().map(|sort| sort.target.attr_type);
    match value {
        SortValue::Text(text) => Some(SortKey::Text(text.clone())),
        SortValue::Number(number) => serde_json::Number::from_f64(*number).map(SortKey::Number),
        SortValue::Integer(integer) => Some(match attr_type {
            Some(AttrType::Boolean) => SortKey::Boolean(*integer != 0),
            Some(AttrType::DateTime) => SortKey::Instant(*integer),
            _ => SortKey::Number((*integer).into()),
        }),
    }
}
