//! Looks: a token's standing, what is asked for and its groups, in one statement where that can be.
//!
//! One statement is one snapshot, so it needs no transaction. What cannot be told by one is `None`
//! here, and then read the long way: groups of groups, results that are longer than their page, terms
//! that need documents.

use std::{collections::HashMap, sync::Arc};

use diesel::sql_types::{BigInt, Nullable, Text};
use headcount_model::{ConnectionKey, PublicId, Seq, TenantKey, Timestamp};
use headcount_store::{
    StoreError, Verdict,
    look::{Look, LookAt, Looked, within},
    members::{GroupOf, MemberIds, MemberTxn},
    page::{Page, PageKey, Window},
    query::{Adoptable, Query, View},
    resources::StoredResource,
    tokens::{Standing, TokenTxn},
};
use scim_filter::{CompareOp, Predicate, Test};

use crate::{
    connection::{Dialect, Link, Use},
    constraint::{is_lost, store_error},
    members::ids_as_text,
    names::USER,
    predicate::Anchor,
    query::{ADOPTABLE, Arm, End, page_order, part_of_all},
    sql::{Bind, Document, Fixed, Id, Sql},
    store::DieselStore,
    tokens::{StandingRow, StandingSql, of_token, standing, standing_of},
    txn::DieselTxn,
};

impl DieselStore {
    pub(crate) fn look_at(&self, tenant: TenantKey, look: &Look<'_>) -> Result<Looked, StoreError> {
        if look.token.as_str().contains('\0') {
            return Ok(Looked::nothing());
        }
        let mut tries = self.tries();
        loop {
            let mut link = self.link()?;
            if link.is_shared() {
                drop(link);
                return self.look_within(tenant, look);
            }
            let (answer, lost) = match link.turn_to(tenant) {
                Ok(()) => {
                    let mut txn = DieselTxn::new(&mut link, tenant, &self.shared, Use::Read);
                    (txn.once(look), txn.failures.lost)
                }
                Err(error) => {
                    let lost = is_lost(&error);
                    (Err(store_error(error)), lost)
                }
            };
            match answer {
                Ok(Some(looked)) => return Ok(looked),
                Ok(None) => {
                    drop(link);
                    return self.look_within(tenant, look);
                }
                Err(error) => {
                    link.distrust();
                    tries = tries.saturating_sub(1);
                    if !lost || tries == 0 {
                        return Err(error);
                    }
                    link.give_up();
                }
            }
        }
    }

    /// A look that waits for nothing: by a connection that is free, where a few rows are enough.
    pub(crate) fn look_at_now(&self, tenant: TenantKey, look: &Look<'_>) -> Option<Result<Looked, StoreError>> {
        if self.dialect != Dialect::Sqlite {
            return None;
        }
        if look.token.as_str().contains('\0') {
            return Some(Ok(Looked::nothing()));
        }
        let mut link = self.pool.try_get()?;
        DieselTxn::new(&mut link, tenant, &self.shared, Use::Read).once(look).transpose()
    }

    /// A look in a transaction.
    fn look_within(&self, tenant: TenantKey, look: &Look<'_>) -> Result<Looked, StoreError> {
        let mut looked = Looked::nothing();
        self.read_inner(tenant, &mut |txn| {
            looked = txn.look(look)?;
            Ok(Verdict::Commit)
        })?;
        Ok(looked)
    }
}

impl DieselTxn<'_> {
    /// A look in an open transaction.
    fn look(&mut self, look: &Look<'_>) -> Result<Looked, StoreError> {
        match self.dialect() {
            // Here statements are cheap, and what one could not tell needs others anyway.
            Dialect::Sqlite => match look.at {
                LookAt::Query(query) => match Plain::of(query) {
                    Some(plain) => self.plain_page(look, &plain),
                    None => within(self, look),
                },
                LookAt::Standing | LookAt::Resource { .. } | LookAt::Group { .. } => within(self, look),
            },
            Dialect::Postgres if self.link.is_shared() => match self.once(look)? {
                Some(looked) => Ok(looked),
                None => within(self, look),
            },
            Dialect::Postgres => within(self, look),
        }
    }

    /// A look by one statement, inside a transaction or outside.
    fn once(&mut self, look: &Look<'_>) -> Result<Option<Looked>, StoreError> {
        match look.at {
            LookAt::Standing => self.standing_only(look).map(Some),
            LookAt::Resource { view, resource_type, id } => self.point(look, view, resource_type, id),
            LookAt::Group { view, resource_type, id, limit } => self.group(look, view, resource_type, id, limit),
            LookAt::Query(query) => self.query_once(look, query),
        }
    }

    fn standing_only(&mut self, look: &Look<'_>) -> Result<Looked, StoreError> {
        let standing = self.standing(look.token)?;
        Ok(Looked { standing, ..Looked::nothing() })
    }

    fn point(
        &mut self,
        look: &Look<'_>,
        view: &View,
        resource_type: &str,
        id: &str,
    ) -> Result<Option<Looked>, StoreError> {
        let Some(type_number) = self.shared.names.number(resource_type) else { return Ok(None) };
        if id.contains('\0') {
            return self.standing_only(look).map(Some);
        }
        let (key, conn, adoptable) = (Bind::Int(self.key()), Bind::Int(view.connection.0), adoptable(view));
        let token = Bind::Text(look.token.as_str());
        let of_row = [key, Bind::Text(id), Bind::Int(type_number), conn, adoptable, key, token];
        let rows = match (look.levels, type_number) {
            (0, USER) => self.load_fixed::<ById<true>, RowSql, Row>(&of_row)?,
            (0, _) => self.load_fixed::<ById<false>, RowSql, Row>(&of_row)?,
            (1.., _) => {
                let [tenant, id, number, conn, adoptable, of, token] = of_row;
                let binds = [tenant, tenant, conn, adoptable, tenant, id, number, conn, adoptable, of, token];
                let binds = match self.dialect() {
                    Dialect::Sqlite => binds.split_at(2).1,
                    Dialect::Postgres => &binds,
                };
                match type_number {
                    USER => self.load_fixed::<ByIdWithGroups<true>, RowSql, Row>(binds)?,
                    _ => self.load_fixed::<ByIdWithGroups<false>, RowSql, Row>(binds)?,
                }
            }
        };
        Ok(Found::of(rows, resource_type, look.levels)?.map(|found| found.looked(None)))
    }

    /// A resource with its first members.
    fn group(
        &mut self,
        look: &Look<'_>,
        view: &View,
        resource_type: &str,
        id: &str,
        most: u64,
    ) -> Result<Option<Looked>, StoreError> {
        let Some(type_number) = self.shared.names.number(resource_type) else { return Ok(None) };
        if look.levels > 0 {
            return Ok(None);
        }
        if id.contains('\0') {
            return self.standing_only(look).map(Some);
        }
        let (key, token) = (Bind::Int(self.key()), Bind::Text(look.token.as_str()));
        let (conn, adoptable) = (Bind::Int(view.connection.0), adoptable(view));
        let limit = Bind::Int(i64::try_from(most).unwrap_or(i64::MAX));
        let binds = [limit, key, Bind::Text(id), Bind::Int(type_number), conn, adoptable, key, token];
        let mut rows = self.load_fixed::<ByIdWithMembers, RowSql, Row>(&binds)?;
        let text = rows.first_mut().and_then(|(_, _, members)| members.take());
        let members = match text {
            Some(text) => match self.ids_in(&text, most)? {
                Some(members) => members,
                None => return Ok(None),
            },
            None => MemberIds::default(),
        };
        let found = Found::of(rows, resource_type, look.levels)?;
        Ok(found.map(|found| Looked { members, ..found.looked(None) }))
    }

    fn query_once(&mut self, look: &Look<'_>, query: &Query) -> Result<Option<Looked>, StoreError> {
        let [selection] = &*query.selections else { return Ok(None) };
        let (limit, offset, key) = match &query.window {
            Window::Index { offset, limit } => (*limit, *offset, None),
            Window::After { key, limit } => (*limit, 0, key.as_ref()),
        };
        if limit == 0 || self.dialect() == Dialect::Sqlite && (offset > 0 || key.is_some()) {
            return Ok(None);
        }
        if self.dialect() == Dialect::Postgres
            && let Some(plain) = Plain::of(query)
        {
            return self.plain_page_once(look, &plain);
        }
        // A result that is longer than its page needs its total too, and then all of this again.
        if self.dialect() == Dialect::Sqlite && !is_pointed(&selection.predicate) {
            return Ok(None);
        }
        self.silent = true;
        let arms = self.arms(query);
        self.silent = false;
        // What cannot be compiled without a statement is compiled in a transaction.
        let Ok((arms, _)) = arms else { return Ok(None) };
        if arms.is_empty() {
            return self.standing_only(look).map(Some);
        }
        if arms.iter().any(|arm| !arm.exact || arm.sorts_documents() || arm.condition.is_none()) {
            return Ok(None);
        }
        let most = limit.saturating_add(1);
        let sql = match (&*arms, self.dialect()) {
            ([arm], Dialect::Sqlite) if arm.anchor != Anchor::None => self.anchored(look, query, arm, most),
            (_, Dialect::Sqlite) => return Ok(None),
            (arms, Dialect::Postgres) => {
                if query.sort.is_some() && matches!(query.window, Window::After { .. }) {
                    return Ok(None);
                }
                if !is_pointed(&selection.predicate) {
                    return self.many(look, query, arms, key, limit, offset);
                }
                self.filtered(look, query, arms, key, most, offset)
            }
        };
        let rows = self.link.load::<RowSql, Row>(&sql.one_off()).map_err(|error| self.fault(error))?;
        let Some(mut found) = Found::of(rows, &selection.resource_type, look.levels)? else { return Ok(None) };
        if self.dialect() == Dialect::Sqlite {
            found.resources.sort_by_key(|resource| resource.seq);
        }
        // One row is in order, whatever the order is.
        if self.dialect() == Dialect::Sqlite && query.sort.is_some() && found.resources.len() > 1 {
            return Ok(None);
        }
        let count = found.count();
        let is_whole = count < most && key.is_none() && (count > 0 || offset == 0);
        if found.standing.is_some() && !is_whole {
            return Ok(None);
        }
        Ok(Some(found.looked(Some(offset))))
    }

    /// The rows that an index says are meant, on SQLite, in no particular order: more than are wanted
    /// are of no use here.
    fn anchored(&self, look: &Look<'_>, query: &Query, arm: &Arm<'_>, limit: u64) -> Sql {
        self.standing_and(look, query)
            .raw(concat!(of_token!(), " LEFT JOIN resources r ON "))
            .add(self.on_r(arm))
            .raw(" WHERE t.tenant_id = ")
            .int(self.key())
            .raw(" AND t.id = ")
            .text(look.token.as_str())
            .raw(" LIMIT 0 + ")
            .int(i64::try_from(limit).unwrap_or(i64::MAX))
    }

    /// A page of a filtered result, on PostgreSQL.
    fn filtered(
        &self,
        look: &Look<'_>,
        query: &Query,
        arms: &[Arm<'_>],
        key: Option<&PageKey>,
        limit: u64,
        offset: u64,
    ) -> Sql {
        self.standing_and(look, query)
            .raw(concat!(of_token!(), " LEFT JOIN ("))
            .add(self.sequences(query, arms, key, End::Front, limit, offset))
            .raw(") p ON TRUE LEFT JOIN resources r ON r.tenant_id = ")
            .int(self.key())
            .raw(" AND r.seq = p.seq WHERE t.tenant_id = ")
            .int(self.key())
            .raw(" AND t.id = ")
            .text(look.token.as_str())
            .raw(page_order(query))
    }

    /// A page of a filtered result that may be longer than it, with its total, on PostgreSQL: all of the
    /// result is found once, and the groups of the page in one go.
    fn many(
        &mut self,
        look: &Look<'_>,
        query: &Query,
        arms: &[Arm<'_>],
        key: Option<&PageKey>,
        limit: u64,
        offset: u64,
    ) -> Result<Option<Looked>, StoreError> {
        let [selection] = &*query.selections else { return Ok(None) };
        let is_by_cursor = matches!(query.window, Window::After { .. });
        let most = if is_by_cursor { limit.saturating_add(1) } else { limit };
        let page = Sql::new("WITH a AS MATERIALIZED (")
            .add(self.all_sequences(query, arms))
            .raw("), p AS MATERIALIZED (")
            .add(part_of_all(query, key, most, offset))
            .raw(")");
        let start = match (look.levels, type_of_users(query)) {
            (0, true) => page.raw(concat!(" SELECT ", standing!(), ", ", columns!(users), ", NULL")),
            (0, false) => page.raw(concat!(" SELECT ", standing!(), ", ", columns!(postgres), ", NULL")),
            (1.., is_of_users) => {
                let Bind::Int(adoptable) = adoptable(&query.view) else { return Ok(None) };
                let columns = if is_of_users {
                    concat!(groups_of_page!(2), standing!(), ", ", columns!(users), groups_of_page!(3))
                } else {
                    concat!(groups_of_page!(2), standing!(), ", ", columns!(postgres), groups_of_page!(3))
                };
                page.raw(groups_of_page!(1))
                    .int(self.key())
                    .raw(columns)
                    .int(self.key())
                    .raw(groups_of_page!(4))
                    .int(query.view.connection.0)
                    .raw(" OR g.adoptable >= ")
                    .int(adoptable)
                    .raw(groups_of_page!(5))
                    .int(self.key())
                    .raw(groups_of_page!(6))
            }
        };
        let sql = start
            .raw(concat!(
                ", (SELECT COUNT(*) FROM a)",
                of_token!(),
                " LEFT JOIN p ON TRUE LEFT JOIN resources r ON r.tenant_id = "
            ))
            .int(self.key())
            .raw(" AND r.seq = p.seq WHERE t.tenant_id = ")
            .int(self.key())
            .raw(" AND t.id = ")
            .text(look.token.as_str())
            .raw(page_order(query))
            .one_off();
        let rows = self.link.load::<(RowSql, BigInt), (Row, i64)>(&sql).map_err(|error| self.fault(error))?;
        let total = rows.first().map_or(0, |(_, total)| *total);
        let rows = rows.into_iter().map(|(row, _)| row).collect();
        let Some(found) = Found::of_page(rows, &selection.resource_type, look.levels)? else { return Ok(None) };
        let mut looked = found.looked(None);
        if looked.standing.is_none() {
            return Ok(Some(looked));
        }
        let Page { resources, total: of_page, next } = &mut looked.page;
        *of_page = u64::try_from(total).unwrap_or(0);
        if is_by_cursor && u64::try_from(resources.len()).unwrap_or(u64::MAX) > limit {
            let behind = resources.pop().map(|behind| behind.seq);
            *next = resources.last().map(|last| PageKey { sort: None, seq: last.seq });
            looked.groups.retain(|group| Some(group.member) != behind);
        }
        Ok(Some(looked))
    }

    /// `SELECT` of the columns of [`Row`].
    fn standing_and(&self, look: &Look<'_>, query: &Query) -> Sql {
        let sql = Sql::new(match self.dialect() {
            Dialect::Sqlite => concat!("SELECT ", standing!(), ", ", columns!(sqlite), ", "),
            Dialect::Postgres if type_of_users(query) => concat!("SELECT ", standing!(), ", ", columns!(users), ", "),
            Dialect::Postgres => concat!("SELECT ", standing!(), ", ", columns!(postgres), ", "),
        });
        if look.levels == 0 {
            return sql.raw("NULL");
        }
        let Bind::Int(adoptable) = adoptable(&query.view) else { return sql.raw("NULL") };
        let [sql, end] = match self.dialect() {
            Dialect::Sqlite => [sql.raw(groups!(sqlite)), Sql::new(GROUPS_END)],
            Dialect::Postgres => {
                let [start, of_above, end] = groups!(postgres);
                [sql.raw(start).int(self.key()).raw(of_above).int(self.key()).raw(end), Sql::new(GROUP_LINES_END)]
            }
        };
        sql.int(query.view.connection.0).raw(" OR g.adoptable >= ").int(adoptable).add(end)
    }

    /// A page of everything of a type, in few statements of one snapshot, on SQLite.
    fn plain_page(&mut self, look: &Look<'_>, plain: &Plain<'_>) -> Result<Looked, StoreError> {
        let Some(type_number) = self.find_number(plain.resource_type)? else { return within(self, look) };
        let conn = plain.view.connection;
        let (key, owner, number) = (Bind::Int(self.key()), Bind::Int(conn.0), Bind::Int(type_number));
        let binds = [key, owner, number, key, Bind::Int(ADOPTABLE), number, key, Bind::Text(look.token.as_str())];
        let head = self.load_fixed::<PageHead, (StandingSql, BigInt, BigInt), (StandingRow, i64, i64)>(&binds)?;
        let Some((standing, count, adoptable)) = head.into_iter().next() else { return Ok(Looked::nothing()) };
        if conn.0 == ADOPTABLE || plain.view.adoptable == Adoptable::Seen && adoptable != 0 {
            return within(self, look);
        }
        let standing = Some(standing_of(standing));
        let total = u64::try_from(count).unwrap_or(0);
        let mut page = Page { resources: Vec::new(), total, next: None };
        let int = |value: u64| Bind::Int(i64::try_from(value).unwrap_or(i64::MAX));
        match *plain.window {
            Window::Index { offset, limit } if limit > 0 && offset < total => {
                let behind = total.saturating_sub(offset);
                // In one snapshot the total is exact, so a part near the end can be counted from there.
                if behind < offset {
                    let limit = limit.min(behind);
                    let binds = [key, owner, number, int(limit), int(behind.saturating_sub(limit)), key];
                    let rows = self.load_fixed::<PageFromBack, OwnSql, OwnRow>(&binds)?;
                    page.resources = own(rows, plain.resource_type, conn);
                    page.resources.reverse();
                } else {
                    let binds = [key, owner, number, int(limit), int(offset), key];
                    let rows = self.load_fixed::<PageFromFront, OwnSql, OwnRow>(&binds)?;
                    page.resources = own(rows, plain.resource_type, conn);
                }
            }
            Window::After { ref key, limit } if limit > 0 => {
                let tenant = Bind::Int(self.key());
                let after = Bind::Int(key.as_ref().map_or(i64::MIN, |key| key.seq.0));
                let binds = [tenant, owner, number, after, int(limit.saturating_add(1))];
                let rows = self.load_fixed::<PageAfter, OwnSql, OwnRow>(&binds)?;
                page.resources = own(rows, plain.resource_type, conn);
                if u64::try_from(page.resources.len()).unwrap_or(u64::MAX) > limit {
                    page.resources.pop();
                    page.next = page.resources.last().map(|last| PageKey { sort: None, seq: last.seq });
                }
            }
            Window::Index { .. } | Window::After { .. } => {}
        }
        let groups = if look.levels > 0 && !page.resources.is_empty() {
            let seqs: Vec<Seq> = page.resources.iter().map(|resource| resource.seq).collect();
            self.groups_of(plain.view, &seqs, look.levels)?
        } else {
            Vec::new()
        };
        Ok(Looked { standing, page, groups, members: MemberIds::default() })
    }

    /// A page of everything of a type, by one statement, on PostgreSQL.
    fn plain_page_once(&mut self, look: &Look<'_>, plain: &Plain<'_>) -> Result<Option<Looked>, StoreError> {
        let (Window::Index { offset, limit }, Some(type_number)) =
            (plain.window, self.shared.names.number(plain.resource_type))
        else {
            return Ok(None);
        };
        let conn = plain.view.connection;
        // Further in, it matters from which end the rows are counted.
        if *limit == 0 || *offset > NEAR || conn.0 == ADOPTABLE {
            return Ok(None);
        }
        let int = |value: u64| Bind::Int(i64::try_from(value).unwrap_or(i64::MAX));
        let (key, owner, number) = (Bind::Int(self.key()), Bind::Int(conn.0), Bind::Int(type_number));
        let token = Bind::Text(look.token.as_str());
        let page = [key, owner, number, int(*limit), int(*offset), key, key, token];
        let counts = [key, owner, number, key, Bind::Int(ADOPTABLE), number];
        let rows = if look.levels == 0 {
            let binds: Vec<_> = counts.into_iter().chain(page).collect();
            match type_number {
                USER => self.load_fixed::<PageOnce<true>, PageSql, PageRow>(&binds)?,
                _ => self.load_fixed::<PageOnce<false>, PageSql, PageRow>(&binds)?,
            }
        } else {
            let page = [key, owner, number, int(*limit), int(*offset)];
            let groups = [key, key, owner, adoptable(plain.view), key];
            let binds: Vec<_> = page.into_iter().chain(groups).chain(counts).chain([key, key, token]).collect();
            match type_number {
                USER => self.load_fixed::<PageOnceWithGroups<true>, PageSql, PageRow>(&binds)?,
                _ => self.load_fixed::<PageOnceWithGroups<false>, PageSql, PageRow>(&binds)?,
            }
        };
        let Some(&(_, count, adoptable)) = rows.first() else { return Ok(Some(Looked::nothing())) };
        if plain.view.adoptable == Adoptable::Seen && adoptable != 0 {
            return Ok(None);
        }
        let rows = rows.into_iter().map(|(row, _, _)| row).collect();
        let Some(found) = Found::of_page(rows, plain.resource_type, look.levels)? else { return Ok(None) };
        let mut looked = found.looked(None);
        looked.page.total = u64::try_from(count).unwrap_or(0);
        Ok(Some(looked))
    }
}

/// A query for a part of everything of one type, by sequence.
struct Plain<'q> {
    view: &'q View,
    resource_type: &'q str,
    window: &'q Window,
}

impl<'q> Plain<'q> {
    fn of(query: &'q Query) -> Option<Self> {
        let [selection] = &*query.selections else { return None };
        let is_plain = selection.predicate == Predicate::All && query.sort.is_none();
        is_plain.then_some(Self { view: &query.view, resource_type: &selection.resource_type, window: &query.window })
    }
}

/// Whether a query is for users only, whose versions stand in their rows.
fn type_of_users(query: &Query) -> bool {
    query.selections.iter().all(|selection| selection.resource_type == "User")
}

/// How far into a result it does not matter from which end rows are counted.
const NEAR: u64 = 2_000;

/// Whether a predicate asks for what equals something, so that it has few answers.
fn is_pointed(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::Nothing => true,
        Predicate::All | Predicate::Not(_) => false,
        Predicate::And(parts) => parts.iter().any(is_pointed),
        Predicate::Or(parts) => parts.iter().all(is_pointed),
        Predicate::Term(term) => matches!(term.test, Test::Compare(CompareOp::Eq, _)),
        Predicate::Element(_, inner) => is_pointed(inner),
    }
}

/// What `adoptable` must at least be for the view to show what is not the connection's own: no row has
/// a 2 there. It is not compared for equality, since there is an index of the rows with a 1: SQLite
/// would look into the bind to see whether it may use that, and prepare the statement anew each time.
fn adoptable(view: &View) -> Bind<'static> {
    Bind::Int(match view.adoptable {
        Adoptable::Seen => 1,
        Adoptable::Hidden => 2,
    })
}

/// seq, id, owner, adoptable, version, created, modified, document.
type FoundSql = (BigInt, Text, BigInt, BigInt, BigInt, BigInt, BigInt, Text);
type FoundRow = (i64, Id, i64, i64, i64, i64, i64, Document);

/// A standing, what was found for it if anything was, and the groups of that as JSON.
type RowSql = (StandingSql, Nullable<FoundSql>, Nullable<Text>);
type Row = (StandingRow, Option<FoundRow>, Option<String>);

/// The same with how many there are of the owner's, and adoptable ones.
type PageSql = (RowSql, BigInt, BigInt);
type PageRow = (Row, i64, i64);

/// seq, id, version, created, modified, document of a row whose owner is known.
type OwnSql = (BigInt, Text, BigInt, BigInt, BigInt, Text);
type OwnRow = (i64, Id, i64, i64, i64, Document);

fn own(rows: Vec<OwnRow>, resource_type: &str, owner: ConnectionKey) -> Vec<StoredResource> {
    let resources = rows.into_iter().map(|(seq, id, version, created, modified, document)| StoredResource {
        seq: Seq(seq),
        id: id.0,
        resource_type: resource_type.to_owned(),
        owner,
        adoptable: false,
        version,
        created: Timestamp::from_micros(created),
        modified: Timestamp::from_micros(modified),
        document: document.0,
    });
    resources.collect()
}

/// A group's sequence, id and displayName, and whether it is a member itself.
type GroupFound = (i64, String, Option<String>, i64);

/// Reads the groups that PostgreSQL tells line by line, which it does in half the time that it takes for
/// JSON: sequence, the group's own sequence again if it is a member, the length of the id, the id, and the
/// displayName as it stands in the document. JSON has no line ends inside of texts.
fn groups_in(lines: &str) -> Option<Vec<GroupFound>> {
    let mut groups = Vec::new();
    let mut rest = lines;
    while !rest.is_empty() {
        let mut next = || -> Option<&str> {
            let (part, others) = rest.split_once(' ')?;
            rest = others;
            Some(part)
        };
        let group = next()?.parse().ok()?;
        let above = i64::from(!next()?.is_empty());
        let length = next()?.parse().ok()?;
        let (id, others) = rest.split_at_checked(length)?;
        let (display, others) = others.split_once('\n').unwrap_or((others, ""));
        groups.push((group, id.to_owned(), serde_json::from_str(display).ok(), above));
        rest = others;
    }
    Some(groups)
}

/// What one statement found.
struct Found {
    standing: Option<Standing>,
    resources: Vec<StoredResource>,
    groups: Vec<GroupOf>,
}

impl Found {
    /// `None`: there are groups above groups, which one statement does not follow.
    fn of(rows: Vec<Row>, resource_type: &str, levels: u8) -> Result<Option<Self>, StoreError> {
        let mut found = Self { standing: None, resources: Vec::new(), groups: Vec::new() };
        for (standing, row, groups) in rows {
            found.standing = Some(standing_of(standing));
            let Some((seq, id, conn, adoptable, version, created, modified, document)) = row else { continue };
            let groups = match groups.as_deref() {
                None | Some("" | "[]") => Vec::new(),
                Some(json) if json.starts_with('[') => {
                    serde_json::from_str(json).map_err(|error| StoreError::Backend(error.into()))?
                }
                Some(lines) => groups_in(lines)
                    .ok_or_else(|| StoreError::Backend("the groups of a resource are cut off".into()))?,
            };
            if !found.add_groups(Seq(seq), groups, levels) {
                return Ok(None);
            }
            found.resources.push(StoredResource {
                seq: Seq(seq),
                id: id.0,
                resource_type: resource_type.to_owned(),
                owner: ConnectionKey(conn),
                adoptable: adoptable != 0,
                version,
                created: Timestamp::from_micros(created),
                modified: Timestamp::from_micros(modified),
                document: document.0,
            });
        }
        found.groups.sort_by_key(|group| (group.member, group.group));
        Ok(Some(found))
    }

    /// The same for a page, of which one row has the groups of all: first who is in which, then a line for
    /// each group.
    fn of_page(mut rows: Vec<Row>, resource_type: &str, levels: u8) -> Result<Option<Self>, StoreError> {
        let text = rows.iter_mut().find_map(|(_, _, groups)| groups.take()).unwrap_or_default();
        let Some(mut found) = Self::of(rows, resource_type, levels)? else { return Ok(None) };
        let Some((edges, lines)) = text.split_once('\n') else { return Ok(Some(found)) };
        let cut_off = || StoreError::Backend("the groups of a page are cut off".into());
        let mut groups = HashMap::new();
        for (group, id, display, above) in groups_in(lines).ok_or_else(cut_off)? {
            if levels > 1 && above != 0 {
                return Ok(None);
            }
            groups.insert(group, (PublicId::from_text(&id), display.map(Arc::<str>::from)));
        }
        let mut numbers = edges.split(' ').filter(|number| !number.is_empty()).map(str::parse::<i64>);
        while let Some(member) = numbers.next() {
            let (Ok(member), Some(Ok(group))) = (member, numbers.next()) else { return Err(cut_off()) };
            // Nothing is in itself.
            if let Some((id, display)) = groups.get(&group).filter(|_| group != member) {
                let (id, display) = (id.clone(), display.clone());
                found.groups.push(GroupOf { member: Seq(member), group: Seq(group), id, display, direct: true });
            }
        }
        found.groups.sort_by_key(|group| (group.member, group.group));
        Ok(Some(found))
    }

    /// Whether these are all: no group is itself a member, or only direct groups are wanted.
    fn add_groups(&mut self, member: Seq, groups: Vec<GroupFound>, levels: u8) -> bool {
        for (group, id, display, above) in groups {
            if levels > 1 && above != 0 {
                return false;
            }
            // Nothing is in itself.
            if group != member.0 {
                let id = PublicId::from_text(&id);
                let display = display.map(Into::into);
                self.groups.push(GroupOf { member, group: Seq(group), id, display, direct: true });
            }
        }
        true
    }

    fn count(&self) -> u64 {
        u64::try_from(self.resources.len()).unwrap_or(u64::MAX)
    }

    /// All there is: the total is what was found, and what was skipped before it.
    fn looked(self, skipped: Option<u64>) -> Looked {
        if self.standing.is_none() {
            return Looked::nothing();
        }
        let total = self.count().saturating_add(skipped.unwrap_or(0));
        let page = Page { resources: self.resources, total, next: None };
        Looked { standing: self.standing, page, groups: self.groups, members: MemberIds::default() }
    }
}

/// The columns of [`FoundRow`] of the row `r`. On PostgreSQL changes of members move a group's version
/// and time in `group_slots`.
macro_rules! columns {
    (sqlite) => {
        "r.seq, r.id, r.conn, r.adoptable, r.version, r.created, r.modified, r.doc"
    };
    (users) => {
        columns!(sqlite)
    };
    (postgres) => {
        concat!("r.seq, r.id, r.conn, r.adoptable, ", slotted!())
    };
}

/// Version, created, modified and document on PostgreSQL.
macro_rules! slotted {
    () => {
        "CASE WHEN r.type = 1 THEN r.version ELSE r.version + (SELECT COALESCE(SUM(s.n), 0)::bigint \
         FROM group_slots s WHERE s.tenant_id = r.tenant_id AND s.grp = r.seq) END, r.created, \
         CASE WHEN r.type = 1 THEN r.modified ELSE COALESCE((SELECT MAX(s.modified) \
         FROM group_slots s WHERE s.tenant_id = r.tenant_id AND s.grp = r.seq), r.modified) END, r.doc"
    };
}

/// The direct groups of the row `r`, as JSON or as [`groups_in`] reads them, up to the owner of the groups
/// that are seen; what `adoptable` must be for the others, and the end, follow. On PostgreSQL the binds
/// tenant and tenant stand between.
macro_rules! groups {
    (sqlite) => {
        "(SELECT json_group_array(json_array(g.seq, g.id, CAST(json_extract(g.doc, '$.displayName') AS TEXT), \
         EXISTS (SELECT 1 FROM memberships n WHERE n.tenant_id = g.tenant_id AND n.member = g.seq))) \
         FROM memberships m CROSS JOIN resources g WHERE m.tenant_id = r.tenant_id AND m.member = r.seq \
         AND g.seq = m.grp AND g.tenant_id = r.tenant_id AND (g.conn = "
    };
    (postgres) => {
        [groups!(1), groups!(2), groups!(3)]
    };
    (1) => {
        "array_to_string(ARRAY(SELECT concat(g.seq, ' ', n.member, ' ', octet_length(g.id), ' ', g.id, \
         g.doc::json -> 'displayName') FROM memberships m JOIN resources g ON g.tenant_id = m.tenant_id \
         AND g.seq = m.grp LEFT JOIN LATERAL (SELECT x.member FROM memberships x WHERE x.tenant_id = "
    };
    // The limit keeps each found by its key, also before there are statistics.
    (2) => {
        " AND x.member = m.grp LIMIT 1) n ON TRUE WHERE m.tenant_id = "
    };
    (3) => {
        " AND m.member = r.seq AND (g.conn = "
    };
}

const GROUPS_END: &str = "))";
const GROUP_LINES_END: &str = ")), E'\\n')";

/// The groups of all rows of the page `p`, in one of them, as [`Found::of_page`] reads them. Binds stand
/// between the parts: tenant, tenant, owner, what `adoptable` must be, tenant.
macro_rules! groups_of_page {
    // OFFSET 0 keeps everything found by its key, also before there are statistics.
    (1) => {
        ", e AS MATERIALIZED (SELECT m.member, m.grp FROM p CROSS JOIN LATERAL \
         (SELECT x.member, x.grp FROM memberships x WHERE x.tenant_id = "
    };
    (2) => {
        " AND x.member = p.seq OFFSET 0) m) SELECT "
    };
    (3) => {
        ", CASE WHEN p.seq = (SELECT MIN(x.seq) FROM p x) THEN concat(array_to_string(ARRAY(SELECT \
         concat(e.member, ' ', e.grp) FROM e), ' '), E'\\n', array_to_string(ARRAY(SELECT concat(g.seq, ' ', \
         n.member, ' ', octet_length(g.id), ' ', g.id, g.doc::json -> 'displayName') \
         FROM (SELECT DISTINCT e.grp FROM e) d CROSS JOIN LATERAL \
         (SELECT g.seq, g.id, g.doc FROM resources g WHERE g.tenant_id = "
    };
    (4) => {
        " AND g.seq = d.grp AND (g.conn = "
    };
    (5) => {
        ") OFFSET 0) g LEFT JOIN LATERAL (SELECT x.member FROM memberships x WHERE x.tenant_id = "
    };
    (6) => {
        " AND x.member = g.seq LIMIT 1) n ON TRUE), E'\\n')) END"
    };
}

use {columns, groups, groups_of_page, slotted};

/// The end of a statement by id.
macro_rules! by_id {
    ($start:expr, $($before:expr),*) => {
        &[
            $($before,)*
            concat!($start, of_token!(), " LEFT JOIN resources r ON r.tenant_id = "),
            " AND r.id = ",
            " AND r.type = ",
            " AND (r.conn = ",
            " OR r.adoptable >= ",
            ") WHERE t.tenant_id = ",
            " AND t.id = ",
            "",
        ]
    };
}

/// A standing and a resource, a user or another; binds: tenant, id, type, view, tenant, token.
struct ById<const USER: bool>;

impl<const USER: bool> Fixed for ById<USER> {
    const SQLITE: &'static [&'static str] = by_id!(concat!("SELECT ", standing!(), ", ", columns!(sqlite), ", NULL"),);
    const POSTGRES: &'static [&'static str] = if USER {
        by_id!(concat!("SELECT ", standing!(), ", ", columns!(users), ", NULL"),)
    } else {
        by_id!(concat!("SELECT ", standing!(), ", ", columns!(postgres), ", NULL"),)
    };
}

/// The same with the resource's groups; before the others, on PostgreSQL, tenant and tenant, and the binds
/// of the view.
struct ByIdWithGroups<const USER: bool>;

impl<const USER: bool> Fixed for ByIdWithGroups<USER> {
    const SQLITE: &'static [&'static str] = by_id!(
        "))",
        concat!("SELECT ", standing!(), ", ", columns!(sqlite), ", ", groups!(sqlite)),
        " OR g.adoptable >= "
    );
    const POSTGRES: &'static [&'static str] = if USER {
        by_id!(
            ")), E'\\n')",
            concat!("SELECT ", standing!(), ", ", columns!(users), ", ", groups!(1)),
            groups!(2),
            groups!(3),
            " OR g.adoptable >= "
        )
    } else {
        by_id!(
            ")), E'\\n')",
            concat!("SELECT ", standing!(), ", ", columns!(postgres), ", ", groups!(1)),
            groups!(2),
            groups!(3),
            " OR g.adoptable >= "
        )
    };
}

/// The same with the resource's first members; before the others, how many.
struct ByIdWithMembers;

/// The members of the row `r`, in one text.
macro_rules! members_of_row {
    ($text:expr) => {
        concat!(
            "(SELECT ",
            $text,
            " FROM (SELECT m.member_id, m.member_type FROM memberships m WHERE m.tenant_id = r.tenant_id \
             AND m.grp = r.seq ORDER BY m.member LIMIT 0 + "
        )
    };
}

impl Fixed for ByIdWithMembers {
    const SQLITE: &'static [&'static str] = by_id!(
        ") l)",
        concat!("SELECT ", standing!(), ", ", columns!(sqlite), ", ", members_of_row!(ids_as_text!(sqlite)))
    );
    const POSTGRES: &'static [&'static str] = by_id!(
        ") l)",
        concat!("SELECT ", standing!(), ", ", columns!(postgres), ", ", members_of_row!(ids_as_text!(postgres)))
    );
}

/// Two kept counts; binds of each: tenant, owner, type.
macro_rules! counts {
    ($before:expr, $after:expr) => {
        &[
            concat!($before, "(SELECT CAST(COALESCE(SUM(o.n), 0) AS BIGINT) FROM counts o WHERE o.tenant_id = "),
            " AND o.conn = ",
            " AND o.type = ",
            "), (SELECT CAST(COALESCE(SUM(a.n), 0) AS BIGINT) FROM counts a WHERE a.tenant_id = ",
            " AND a.conn = ",
            " AND a.type = ",
            concat!(")", $after),
            " AND t.id = ",
            "",
        ]
    };
}

/// A page by sequence in this direction.
macro_rules! page_from {
    ($direction:literal) => {
        &[
            "SELECT r.seq, r.id, r.version, r.created, r.modified, r.doc FROM (SELECT q.seq FROM resources q \
             WHERE q.tenant_id = ",
            " AND q.conn = ",
            " AND q.type = ",
            concat!(" ORDER BY q.seq", $direction, " LIMIT 0 + "),
            " OFFSET ",
            ") p CROSS JOIN resources r WHERE r.seq = p.seq AND r.tenant_id = ",
            concat!(" ORDER BY p.seq", $direction),
        ]
    };
}

/// A standing and two counts; then the binds tenant and token.
struct PageHead;

impl Fixed for PageHead {
    const SQLITE: &'static [&'static str] =
        counts!(concat!("SELECT ", standing!(), ", "), concat!(of_token!(), " WHERE t.tenant_id = "));
    const POSTGRES: &'static [&'static str] = Self::SQLITE;
}

/// An owner's resources of a type by sequence; binds: tenant, owner, type, limit, offset, tenant.
struct PageFromFront;

impl Fixed for PageFromFront {
    const SQLITE: &'static [&'static str] = page_from!("");
    const POSTGRES: &'static [&'static str] = Self::SQLITE;
}

/// The same from the other end.
struct PageFromBack;

impl Fixed for PageFromBack {
    const SQLITE: &'static [&'static str] = page_from!(" DESC");
    const POSTGRES: &'static [&'static str] = Self::SQLITE;
}

/// An owner's resources of a type after a sequence; binds: tenant, owner, type, sequence, limit.
struct PageAfter;

impl Fixed for PageAfter {
    const SQLITE: &'static [&'static str] = &[
        "SELECT r.seq, r.id, r.version, r.created, r.modified, r.doc FROM resources r WHERE r.tenant_id = ",
        " AND r.conn = ",
        " AND r.type = ",
        " AND r.seq > ",
        " ORDER BY r.seq LIMIT 0 + ",
        "",
    ];
    const POSTGRES: &'static [&'static str] = Self::SQLITE;
}

/// The end of a statement for a page: counts, standing, page.
macro_rules! page_once {
    ($start:expr) => {
        &[
            concat!($start, ", (SELECT CAST(COALESCE(SUM(o.n), 0) AS BIGINT) FROM counts o WHERE o.tenant_id = "),
            " AND o.conn = ",
            " AND o.type = ",
            "), (SELECT CAST(COALESCE(SUM(a.n), 0) AS BIGINT) FROM counts a WHERE a.tenant_id = ",
            " AND a.conn = ",
            " AND a.type = ",
            concat!(")", of_token!(), " LEFT JOIN (SELECT q.seq FROM resources q WHERE q.tenant_id = "),
            " AND q.conn = ",
            " AND q.type = ",
            " ORDER BY q.seq LIMIT 0 + ",
            " OFFSET ",
            ") p ON TRUE LEFT JOIN resources r ON r.tenant_id = ",
            " AND r.seq = p.seq WHERE t.tenant_id = ",
            " AND t.id = ",
            " ORDER BY p.seq",
        ]
    };
}

/// A standing, two counts and a page of users or of others; binds: those of the counts, tenant, owner, type,
/// limit, offset, tenant, tenant, token.
struct PageOnce<const USER: bool>;

impl<const USER: bool> Fixed for PageOnce<USER> {
    const SQLITE: &'static [&'static str] = &[];
    const POSTGRES: &'static [&'static str] = if USER {
        page_once!(concat!("SELECT ", standing!(), ", ", columns!(users), ", NULL"))
    } else {
        page_once!(concat!("SELECT ", standing!(), ", ", columns!(postgres), ", NULL"))
    };
}

/// A page with groups.
macro_rules! page_with_groups {
    ($columns:expr) => {
        &[
            "WITH p AS MATERIALIZED (SELECT q.seq FROM resources q WHERE q.tenant_id = ",
            " AND q.conn = ",
            " AND q.type = ",
            " ORDER BY q.seq LIMIT 0 + ",
            " OFFSET ",
            concat!(")", groups_of_page!(1)),
            concat!(groups_of_page!(2), standing!(), ", ", $columns, groups_of_page!(3)),
            groups_of_page!(4),
            " OR g.adoptable >= ",
            groups_of_page!(5),
            concat!(
                groups_of_page!(6),
                ", (SELECT CAST(COALESCE(SUM(o.n), 0) AS BIGINT) FROM counts o WHERE o.tenant_id = "
            ),
            " AND o.conn = ",
            " AND o.type = ",
            "), (SELECT CAST(COALESCE(SUM(a.n), 0) AS BIGINT) FROM counts a WHERE a.tenant_id = ",
            " AND a.conn = ",
            " AND a.type = ",
            concat!(")", of_token!(), " LEFT JOIN p ON TRUE LEFT JOIN resources r ON r.tenant_id = "),
            " AND r.seq = p.seq WHERE t.tenant_id = ",
            " AND t.id = ",
            " ORDER BY p.seq",
        ]
    };
}

/// The same with groups; binds: tenant, owner, type, limit, offset, those of [`groups_of_page`], those of the
/// counts, tenant, tenant, token.
struct PageOnceWithGroups<const USER: bool>;

impl<const USER: bool> Fixed for PageOnceWithGroups<USER> {
    const SQLITE: &'static [&'static str] = &[];
    const POSTGRES: &'static [&'static str] =
        if USER { page_with_groups!(columns!(users)) } else { page_with_groups!(columns!(postgres)) };
}

/// The link to look by.
impl Link {
    /// Whether its session may be another client's at the next transaction.
    fn is_shared(&self) -> bool {
        self.dialect() == Dialect::Postgres && !self.names_tenants()
    }
}

#[cfg(test)]
#[cfg(feature = "postgres")]
mod tests;
