//! Group members as rows.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use diesel::sql_types::{BigInt, Nullable, Text};
use headcount_model::{ConnectionKey, PublicId, Seq, Timestamp};
use headcount_store::{
    StoreError,
    members::{GroupOf, MemberIds, MemberRef, MemberRun, MemberTxn, MembershipChange},
    query::View,
};

use crate::{
    connection::{Dialect, SLOTS},
    lists::{among_ints, among_texts, rows_of_texts},
    names::USER,
    resources::MOST_BINDS,
    sql::{Bind, Fixed, Id, Sql},
    txn::{DieselTxn, sees},
};

impl MemberTxn for DieselTxn<'_> {
    fn find_members(&mut self, view: &View, ids: &[&str]) -> Result<Vec<MemberRef>, StoreError> {
        let ids: BTreeSet<&str> = ids.iter().copied().filter(|id| !id.contains('\0')).collect();
        let ids: Vec<&str> = ids.into_iter().collect();
        let mut found = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(MOST_BINDS) {
            let sql = Sql::new("SELECT r.seq, r.id, r.type FROM resources r WHERE r.tenant_id = ")
                .int(self.key())
                .raw(" AND ")
                .add(among_texts(self.dialect(), "r.id", chunk))
                .raw(" AND ")
                .add(sees(view))
                .raw(" ORDER BY r.id");
            let rows = self.load::<(BigInt, Text, BigInt), MemberRow>(&sql)?;
            found.extend(self.members_in(rows)?);
        }
        Ok(found)
    }

    fn add_members(&mut self, group: Seq, members: &[MemberRef]) -> Result<Vec<PublicId>, StoreError> {
        let members: BTreeMap<&PublicId, i64> = members.iter().map(|member| (&member.id, member.seq.0)).collect();
        let seqs: Vec<i64> = members.into_values().collect();
        let mut added = Vec::new();
        for chunk in seqs.chunks(MOST_BINDS) {
            // The row is made from the member's own, so that it cannot say what is not so.
            let sql = Sql::new(
                "INSERT INTO memberships (tenant_id, grp, member, member_id, member_type) SELECT r.tenant_id, ",
            )
            .int(group.0)
            .raw(", r.seq, r.id, r.type FROM resources r WHERE r.tenant_id = ")
            .int(self.key())
            .raw(" AND ")
            .add(among_ints(self.dialect(), "r.seq", chunk))
            .raw(" AND EXISTS (SELECT 1 FROM resources g WHERE g.tenant_id = r.tenant_id AND g.seq = ")
            .int(group.0)
            .raw(") ORDER BY r.id ON CONFLICT (tenant_id, grp, member) DO NOTHING RETURNING member_id");
            let new = self.load::<Text, String>(&sql)?;
            if new.len() < chunk.len() {
                self.all_exist(group, chunk)?;
            }
            added.extend(new);
        }
        Ok(in_id_order(&added))
    }

    fn remove_members(&mut self, group: Seq, ids: &[&str]) -> Result<Vec<PublicId>, StoreError> {
        let ids: BTreeSet<&str> = ids.iter().copied().filter(|id| !id.contains('\0')).collect();
        let ids: Vec<&str> = ids.into_iter().collect();
        let mut removed = Vec::new();
        for chunk in ids.chunks(MOST_BINDS) {
            let sql = Sql::new("DELETE FROM memberships WHERE tenant_id = ")
                .int(self.key())
                .raw(" AND grp = ")
                .int(group.0)
                .raw(" AND member IN (SELECT r.seq FROM resources r WHERE r.tenant_id = ")
                .int(self.key())
                .raw(" AND ")
                .add(among_texts(self.dialect(), "r.id", chunk))
                .raw(") RETURNING member_id");
            removed.extend(self.load::<Text, String>(&sql)?);
        }
        Ok(in_id_order(&removed))
    }

    fn replace_members(&mut self, group: Seq, members: &[MemberRef]) -> Result<MembershipChange, StoreError> {
        let sql = Sql::new("SELECT member FROM memberships WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND grp = ")
            .int(group.0)
            .raw(" ORDER BY member");
        let present = self.load::<BigInt, i64>(&sql)?;
        let mut wanted: Vec<i64> = members.iter().map(|member| member.seq.0).collect();
        wanted.sort_unstable();
        let gone: Vec<i64> = present.iter().copied().filter(|seq| wanted.binary_search(seq).is_err()).collect();
        let mut removed = Vec::new();
        for chunk in gone.chunks(MOST_BINDS) {
            let sql = Sql::new("DELETE FROM memberships WHERE tenant_id = ")
                .int(self.key())
                .raw(" AND grp = ")
                .int(group.0)
                .raw(" AND ")
                .add(among_ints(self.dialect(), "member", chunk))
                .raw(" RETURNING member_id");
            removed.extend(self.load::<Text, String>(&sql)?);
        }
        let new: Vec<MemberRef> =
            members.iter().filter(|member| present.binary_search(&member.seq.0).is_err()).cloned().collect();
        let added = self.add_members(group, &new)?;
        Ok(MembershipChange { added, removed: in_id_order(&removed) })
    }

    fn members(&mut self, group: Seq, after: Option<Seq>, limit: u64) -> Result<Vec<MemberRef>, StoreError> {
        let sql = Sql::new("SELECT member, member_id, member_type FROM memberships WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND grp = ")
            .int(group.0)
            .raw(" AND member > ")
            .int(after.map_or(i64::MIN, |seq| seq.0))
            .raw(" ORDER BY member LIMIT 0 + ")
            .int(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.load::<(BigInt, Text, BigInt), MemberRow>(&sql)?;
        self.members_in(rows)
    }

    fn member_ids(&mut self, group: Seq, after: Option<Seq>, limit: u64) -> Result<MemberIds, StoreError> {
        let binds = [
            Bind::Int(self.key()),
            Bind::Int(group.0),
            Bind::Int(after.map_or(i64::MIN, |seq| seq.0)),
            Bind::Int(i64::try_from(limit).unwrap_or(i64::MAX)),
        ];
        let text = self.load_fixed::<IdsOfMembers, Nullable<Text>, Option<String>>(&binds)?.pop().flatten();
        let Some(text) = text else { return Ok(MemberIds::default()) };
        match self.ids_in(&text, limit)? {
            Some(ids) => Ok(ids),
            None => Ok(MemberIds::of(self.members(group, after, limit)?, limit)),
        }
    }

    fn members_of(&mut self, groups: &[Seq], limit: u64) -> Result<Vec<(Seq, MemberRef)>, StoreError> {
        let mut found = Vec::new();
        let groups: BTreeSet<i64> = groups.iter().map(|group| group.0).collect();
        let groups: Vec<i64> = groups.into_iter().collect();
        for chunk in groups.chunks(MOST_BINDS) {
            let missing = limit.saturating_sub(u64::try_from(found.len()).unwrap_or(u64::MAX));
            if missing == 0 {
                break;
            }
            let sql = Sql::new("SELECT grp, member, member_id, member_type FROM memberships WHERE tenant_id = ")
                .int(self.key())
                .raw(" AND grp IN (")
                .ints(chunk.iter().copied())
                .raw(") ORDER BY grp, member LIMIT 0 + ")
                .int(i64::try_from(missing).unwrap_or(i64::MAX));
            let sql = if chunk.len() > 1 { sql.one_off() } else { sql };
            let rows = self.load::<(BigInt, (BigInt, Text, BigInt)), (i64, MemberRow)>(&sql)?;
            let (groups, rows): (Vec<Seq>, Vec<MemberRow>) =
                rows.into_iter().map(|(group, row)| (Seq(group), row)).unzip();
            found.extend(groups.into_iter().zip(self.members_in(rows)?));
        }
        Ok(found)
    }

    fn count_members(&mut self, group: Seq) -> Result<u64, StoreError> {
        let sql = Sql::new("SELECT COUNT(*) FROM memberships WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND grp = ")
            .int(group.0);
        let count = self.one::<BigInt, i64>(&sql)?;
        Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
    }

    fn has_more_members(&mut self, group: Seq, than: u64) -> Result<bool, StoreError> {
        let sql = Sql::new("SELECT member FROM memberships WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND grp = ")
            .int(group.0)
            .raw(" LIMIT 1 OFFSET ")
            .int(i64::try_from(than).unwrap_or(i64::MAX));
        Ok(self.one::<BigInt, i64>(&sql)?.is_some())
    }

    fn groups_of(&mut self, view: &View, members: &[Seq], levels: u8) -> Result<Vec<GroupOf>, StoreError> {
        let mut asked: Vec<i64> = members.iter().map(|seq| seq.0).collect();
        asked.sort_unstable();
        asked.dedup();
        if asked.is_empty() || levels == 0 {
            return Ok(Vec::new());
        }
        let Direct { mut edges, groups } = self.groups_directly(view, &asked)?;
        if levels > 1 && groups.values().any(|group| group.above) {
            return self.groups_above(view, &asked, levels, edges, groups);
        }
        edges.sort_unstable();
        let found = edges.into_iter().filter(|(member, group)| member != group).filter_map(|(member, group)| {
            let found = groups.get(&group)?;
            Some(found.of(member, group, true))
        });
        Ok(found.collect())
    }

    fn groups_with_member(&mut self, member: Seq) -> Result<Vec<(MemberRef, ConnectionKey)>, StoreError> {
        let sql = Sql::new(
            "SELECT r.seq, r.id, r.type, r.conn FROM memberships m JOIN resources r \
             ON r.tenant_id = m.tenant_id AND r.seq = m.grp WHERE m.tenant_id = ",
        )
        .int(self.key())
        .raw(" AND m.member = ")
        .int(member.0)
        .raw(" ORDER BY r.id");
        let rows = self.load::<((BigInt, Text, BigInt), BigInt), (MemberRow, i64)>(&sql)?;
        let (rows, owners): (Vec<MemberRow>, Vec<ConnectionKey>) =
            rows.into_iter().map(|(row, conn)| (row, ConnectionKey(conn))).unzip();
        Ok(self.members_in(rows)?.into_iter().zip(owners).collect())
    }

    fn touch_group(&mut self, group: Seq, at: Timestamp) -> Result<i64, StoreError> {
        let (tenant, at) = (self.key(), at.micros());
        match self.dialect() {
            Dialect::Sqlite => {
                let sql = Sql::new("UPDATE resources SET version = version + 1, modified = ")
                    .int(at)
                    .raw(" WHERE tenant_id = ")
                    .int(tenant)
                    .raw(" AND seq = ")
                    .int(group.0)
                    .raw(" RETURNING version");
                self.one::<BigInt, i64>(&sql)?.ok_or(StoreError::NotFound)
            }
            Dialect::Postgres => {
                // Every commit adds one to some slot, so the sum moves with each in whatever order
                // they land, and none waits for another.
                let sql = Sql::new("WITH s AS (INSERT INTO group_slots (tenant_id, grp, slot, n, modified) VALUES (")
                    .ints([tenant, group.0, SLOTS.saturating_add(self.link.slot), 1, at])
                    .raw(
                        ") ON CONFLICT (tenant_id, grp, slot) DO UPDATE SET n = group_slots.n + 1, \
                         modified = GREATEST(group_slots.modified, excluded.modified) RETURNING slot, n) \
                         SELECT r.version + s.n + (SELECT COALESCE(SUM(x.n), 0)::bigint FROM group_slots x \
                         WHERE x.tenant_id = r.tenant_id AND x.grp = r.seq AND x.slot <> s.slot) \
                         FROM resources r CROSS JOIN s WHERE r.tenant_id = ",
                    )
                    .int(tenant)
                    .raw(" AND r.seq = ")
                    .int(group.0);
                self.one::<BigInt, i64>(&sql)?.ok_or(StoreError::NotFound)
            }
        }
    }

    fn note_unmatched(&mut self, group: Seq, ids: &[&str], at: Timestamp) -> Result<(), StoreError> {
        let ids: BTreeSet<&str> = ids.iter().copied().filter(|id| !id.contains('\0')).take(MOST_UNMATCHED).collect();
        self.all_exist(group, &[])?;
        if ids.is_empty() {
            return Ok(());
        }
        // An id may be as long as a request lets it be; only its head is kept.
        let heads: BTreeSet<&str> = ids.into_iter().map(headcount_store::index::cut).collect();
        let heads: Vec<&str> = heads.into_iter().collect();
        let sql = Sql::new("INSERT INTO unmatched_members (tenant_id, grp, member_id, seen) SELECT ")
            .ints([self.key(), group.0])
            .raw(", x.value, ")
            .int(at.micros())
            .raw(" FROM ")
            .add(rows_of_texts(self.dialect(), &heads))
            .raw(" WHERE TRUE ON CONFLICT (tenant_id, grp, member_id) DO UPDATE SET seen = excluded.seen");
        self.run(&sql)?;
        let sql = Sql::new("DELETE FROM unmatched_members WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND grp = ")
            .int(group.0)
            .raw(" AND member_id NOT IN (SELECT u.member_id FROM unmatched_members u WHERE u.tenant_id = ")
            .int(self.key())
            .raw(" AND u.grp = ")
            .int(group.0)
            .raw(" ORDER BY u.seen DESC, u.member_id LIMIT 1000)");
        self.run(&sql).map(|_| ())
    }

    fn unmatched(&mut self, group: Seq) -> Result<Vec<String>, StoreError> {
        let sql = Sql::new("SELECT member_id FROM unmatched_members WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND grp = ")
            .int(group.0)
            .raw(" ORDER BY member_id");
        self.load::<Text, String>(&sql)
    }
}

/// Members `l` as one text: the sum of the numbers of their types, and their ids. A row of the database's
/// for each of them would cost three times as much.
macro_rules! ids_as_text {
    (sqlite) => {
        "SUM(l.member_type) || ' ' || group_concat(l.member_id, ' ')"
    };
    (postgres) => {
        "SUM(l.member_type)::text || ' ' || string_agg(l.member_id, ' ')"
    };
}

pub(crate) use ids_as_text;

/// The members of a group in one text; binds: tenant, group, member, limit.
struct IdsOfMembers;

/// The end of the statement. What is sorted and cut in there comes out in its order.
macro_rules! ids_of_members {
    ($text:expr) => {
        &[
            concat!("SELECT ", $text, " FROM (SELECT member_id, member_type FROM memberships WHERE tenant_id = "),
            " AND grp = ",
            " AND member > ",
            " ORDER BY member LIMIT 0 + ",
            ") l",
        ]
    };
}

/// The row of an id; binds: tenant, id.
struct RowOfId;

impl Fixed for RowOfId {
    const SQLITE: &'static [&'static str] = &["SELECT seq FROM resources WHERE tenant_id = ", " AND id = ", ""];
    const POSTGRES: &'static [&'static str] = Self::SQLITE;
}

impl Fixed for IdsOfMembers {
    const SQLITE: &'static [&'static str] = ids_of_members!(ids_as_text!(sqlite));
    const POSTGRES: &'static [&'static str] = ids_of_members!(ids_as_text!(postgres));
}

impl DieselTxn<'_> {
    /// Reads what [`ids_as_text`] wrote of at most `limit` members; `None`: they are not all users, and
    /// only rows tell which is of which type.
    pub(crate) fn ids_in(&mut self, text: &str, limit: u64) -> Result<Option<MemberIds>, StoreError> {
        let (sum, ids) = text.split_once(' ').unwrap_or_default();
        let count = ids.bytes().filter(|byte| *byte == b' ').count().saturating_add(1);
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        // All other types have greater numbers.
        if sum.parse() != Ok(count.saturating_mul(USER.unsigned_abs())) {
            return Ok(None);
        }
        let mut last = None;
        if count >= limit {
            let id = ids.rsplit(' ').next().unwrap_or_default();
            let binds = [Bind::Int(self.key()), Bind::Text(id)];
            last = self.load_fixed::<RowOfId, BigInt, i64>(&binds)?.pop().map(Seq);
            if last.is_none() {
                return Ok(None);
            }
        }
        let run = MemberRun { resource_type: self.name_of(USER)?.into(), ids: ids.to_owned() };
        Ok(Some(MemberIds { count, last, runs: vec![run] }))
    }

    fn members_in(&mut self, rows: Vec<MemberRow>) -> Result<Vec<MemberRef>, StoreError> {
        let mut found = Vec::with_capacity(rows.len());
        let mut known: Option<(i64, Arc<str>)> = None;
        for (seq, Id(id), number) in rows {
            // Nearly always all are of one type.
            let resource_type = match &known {
                Some((known, name)) if *known == number => Arc::clone(name),
                _ => {
                    let name: Arc<str> = self.name_of(number)?.into();
                    known = Some((number, Arc::clone(&name)));
                    name
                }
            };
            found.push(MemberRef { seq: Seq(seq), id, resource_type });
        }
        Ok(found)
    }

    /// Whether the group and all these resources are there.
    fn all_exist(&mut self, group: Seq, seqs: &[i64]) -> Result<(), StoreError> {
        let wanted: BTreeSet<i64> = seqs.iter().copied().chain([group.0]).collect();
        let wanted: Vec<i64> = wanted.into_iter().collect();
        let sql = Sql::new("SELECT COUNT(*) FROM resources WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND ")
            .add(among_ints(self.dialect(), "seq", &wanted));
        let count = self.one::<BigInt, i64>(&sql)?;
        if count.and_then(|count| usize::try_from(count).ok()) == Some(wanted.len()) {
            return Ok(());
        }
        Err(StoreError::NotFound)
    }

    /// The groups of resources whose direct groups are read, some of which may be members themselves.
    fn groups_above(
        &mut self,
        view: &View,
        members: &[i64],
        levels: u8,
        mut edges: Vec<(i64, i64)>,
        mut groups: BTreeMap<i64, Group>,
    ) -> Result<Vec<GroupOf>, StoreError> {
        // The edges are read level by level for all members together, each node once.
        let mut above: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        let mut frontier: Vec<i64> = members.to_vec();
        for level in 1..=levels {
            let mut next = BTreeSet::new();
            for (member, group) in edges {
                above.entry(member).or_default().push(group);
                next.insert(group);
            }
            for asked in frontier {
                above.entry(asked).or_default();
            }
            frontier = next.into_iter().filter(|group| !above.contains_key(group)).collect();
            if level == levels || frontier.is_empty() {
                break;
            }
            let direct = self.groups_directly(view, &frontier)?;
            edges = direct.edges;
            groups.extend(direct.groups);
        }
        let mut found = Vec::new();
        for member in members {
            let mut direct_of: BTreeMap<i64, bool> = BTreeMap::new();
            let mut reached = vec![*member];
            for level in 0..levels {
                let mut next = Vec::new();
                for group in reached.iter().filter_map(|node| above.get(node)).flatten() {
                    if group != member && !direct_of.contains_key(group) {
                        direct_of.insert(*group, level == 0);
                        next.push(*group);
                    }
                }
                reached = next;
            }
            let known = direct_of.into_iter().filter_map(|(group, direct)| {
                let found = groups.get(&group)?;
                Some(found.of(*member, group, direct))
            });
            found.extend(known);
        }
        Ok(found)
    }

    /// The groups that these resources, which are in order, are directly in.
    fn groups_directly(&mut self, view: &View, members: &[i64]) -> Result<Direct, StoreError> {
        if self.dialect() == Dialect::Sqlite {
            return self.edges_and_groups(view, members);
        }
        let mut found = Direct { edges: Vec::new(), groups: BTreeMap::new() };
        for chunk in members.chunks(MOST_BINDS) {
            let sql = Sql::new(
                "SELECT m.member, g.seq, g.id, (g.doc::json ->> 'displayName') FROM memberships m CROSS JOIN LATERAL \
                 (SELECT r.seq, r.id, r.doc FROM resources r WHERE r.tenant_id = m.tenant_id AND r.seq = m.grp AND ",
            )
            .add(sees(view))
            // OFFSET 0 keeps each group found by its key, also before there are statistics.
            .raw(" OFFSET 0) g WHERE m.tenant_id = ")
            .int(self.key())
            .raw(" AND ")
            .add(among_ints(Dialect::Postgres, "m.member", chunk));
            let rows = self.load::<(BigInt, BigInt, Text, Nullable<Text>), (i64, i64, Id, Option<String>)>(&sql)?;
            for (member, group, Id(id), display) in rows {
                found.edges.push((member, group));
                let display = display.map(Into::into);
                // Whether it is a member itself shows when its own groups are asked for.
                found.groups.entry(group).or_insert(Group { id, display, above: true });
            }
        }
        Ok(found)
    }

    /// The same on SQLite, where statements are cheap: memberships by their index alone, then each group
    /// once, however many are in it.
    fn edges_and_groups(&mut self, view: &View, members: &[i64]) -> Result<Direct, StoreError> {
        let mut edges = self.edges(members)?;
        let mut seqs: Vec<i64> = edges.iter().map(|(_, group)| *group).collect();
        seqs.sort_unstable();
        seqs.dedup();
        let mut groups = BTreeMap::new();
        for chunk in seqs.chunks(MOST_BINDS) {
            // The sign keeps SQLite from reading all of the tenant's rows.
            let sql = Sql::new(
                "SELECT r.seq, r.id, json_extract(r.doc, '$.displayName'), EXISTS (SELECT 1 FROM memberships n \
                 WHERE n.tenant_id = r.tenant_id AND n.member = r.seq) FROM resources r WHERE +r.tenant_id = ",
            )
            .int(self.key())
            .raw(" AND ")
            .add(among_ints(Dialect::Sqlite, "r.seq", chunk))
            .raw(" AND ")
            .add(sees(view));
            for (group, Id(id), display, above) in
                self.load::<(BigInt, Text, Nullable<Text>, BigInt), (i64, Id, Option<String>, i64)>(&sql)?
            {
                groups.insert(group, Group { id, display: display.map(Into::into), above: above != 0 });
            }
        }
        edges.retain(|(_, group)| groups.contains_key(group));
        Ok(Direct { edges, groups })
    }

    /// The memberships of these resources, which are in order.
    fn edges(&mut self, members: &[i64]) -> Result<Vec<(i64, i64)>, StoreError> {
        let mut found = Vec::new();
        for chunk in members.chunks(MOST_BINDS) {
            let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else { continue };
            let count = i64::try_from(chunk.len()).unwrap_or(i64::MAX);
            let of = Sql::new("SELECT m.member, m.grp FROM memberships m WHERE m.tenant_id = ").int(self.key());
            // A page of everything has nearly all numbers between its first and its last.
            let is_dense = last.saturating_sub(*first) < count.saturating_mul(4);
            let sql = if is_dense {
                of.raw(" AND m.member BETWEEN ").int(*first).raw(" AND ").int(*last)
            } else {
                of.raw(" AND ").add(among_ints(Dialect::Sqlite, "m.member", chunk))
            };
            let edges = self.load::<(BigInt, BigInt), (i64, i64)>(&sql)?;
            found.extend(edges.into_iter().filter(|(member, _)| chunk.binary_search(member).is_ok()));
        }
        Ok(found)
    }
}

/// A member's sequence, its id and the number of its type.
type MemberRow = (i64, Id, i64);

/// What some resources are directly in.
struct Direct {
    /// Member and group.
    edges: Vec<(i64, i64)>,
    groups: BTreeMap<i64, Group>,
}

/// A group that something is in.
struct Group {
    id: PublicId,
    display: Option<Arc<str>>,
    /// Whether it may be a member itself.
    above: bool,
}

impl Group {
    fn of(&self, member: i64, group: i64, direct: bool) -> GroupOf {
        GroupOf { member: Seq(member), group: Seq(group), id: self.id.clone(), display: self.display.clone(), direct }
    }
}

/// Most ids that named nobody kept of a group; the statement names it too.
const MOST_UNMATCHED: usize = 1_000;

fn in_id_order(ids: &[String]) -> Vec<PublicId> {
    let mut ids: Vec<PublicId> = ids.iter().map(|id| PublicId::from_text(id)).collect();
    ids.sort();
    ids
}
