//! Looks: a token's standing, what is asked for and its groups, in one statement where that can be.
//!
//! One statement is one snapshot, so it needs no transaction. What cannot be told by one is `None`
//! here, and then read the long way: groups of groups, results that are longer than their page, terms
//! that need documents.

mod found;
mod statements;

use diesel::sql_types::BigInt;
use headcount_model::{Seq, TenantKey};
use headcount_store::{
    StoreError, Verdict,
    look::{Look, LookAt, Looked, within},
    members::{MemberIds, MemberTxn},
    page::{Page, PageKey, Window},
    query::{Adoptable, Query, View},
    tokens::TokenTxn,
};
use scim_filter::{CompareOp, Predicate, Test};

use crate::{
    connection::{Dialect, Link, Use},
    constraint::{is_lost, store_error},
    look::{
        found::{Found, OwnRow, OwnSql, PageRow, PageSql, Row, RowSql, own},
        statements::{
            ById, ByIdWithGroups, ByIdWithMembers, GROUP_LINES_END, GROUPS_END, PageAfter, PageFromBack, PageFromFront,
            PageHead, PageOnce, PageOnceWithGroups, columns, groups, groups_of_page, slotted,
        },
    },
    names::USER,
    predicate::Anchor,
    query::{ADOPTABLE, Arm, End, page_order, part_of_all},
    sql::{Bind, Sql},
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
            .raw(") p ON TRUE")
            .add(self.rows_of_page(look, query))
    }

    /// The end of a statement whose rows' numbers are those of the page `p`.
    fn rows_of_page(&self, look: &Look<'_>, query: &Query) -> Sql {
        Sql::new(" LEFT JOIN resources r ON r.tenant_id = ")
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
            .raw(concat!(", (SELECT COUNT(*) FROM a)", of_token!(), " LEFT JOIN p ON TRUE"))
            .add(self.rows_of_page(look, query))
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
