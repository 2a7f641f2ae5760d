//! Queries over resources: pages by index and by cursor, sorted or not, with true totals.

use diesel::sql_types::{BigInt, Nullable, Text};
use headcount_store::{
    StoreError,
    index::{Column, Place, place},
    page::{Page, PageKey, SortValue, Window},
    query::{Adoptable, Order, Query, View},
    resources::StoredResource,
};
use scim_filter::{Predicate, Target};
use scim_schema::{AttrType, ResourceType};

use crate::{
    connection::{Dialect, Use},
    predicate::{Anchor, Compiler, Condition, Part, modified, rows_of_resource},
    resources::{ResourceRow, ResourceSql, columns},
    sql::Sql,
    tenants::APPLICATION,
    txn::DieselTxn,
};

/// The key under which adoptable resources are counted beside their owner's; it names no connection.
pub(crate) const ADOPTABLE: i64 = 0;

/// One selection in one part of the view.
pub(crate) struct Arm<'q> {
    pub(crate) resource_type: &'q ResourceType,
    pub(crate) type_number: i64,
    pub(crate) part: Part,
    pub(crate) predicate: &'q Predicate,
    /// The condition; `None`: no further one.
    pub(crate) condition: Option<Sql>,
    /// Whether the condition says all that the predicate says.
    pub(crate) exact: bool,
    /// How its rows are found.
    pub(crate) anchor: Anchor,
    sort: SortPlace,
    /// Whether it is sorted by the unique key, whose index gives the order.
    is_in_key_order: bool,
}

impl Arm<'_> {
    /// Whether it can be sorted by documents only.
    pub(crate) fn sorts_documents(&self) -> bool {
        matches!(self.sort, SortPlace::Document)
    }
}

/// The order of a page that [`DieselTxn::sequences`] says the rows `p` of.
pub(crate) fn page_order(query: &Query) -> &'static str {
    let kind = query.sort.as_ref().map_or(SortKind::None, |sort| kind_of(&sort.target));
    let order = query.sort.as_ref().map_or(Order::Ascending, |sort| sort.order);
    order_by(kind, order, End::Front, Names::Page)
}

/// `SELECT seq, k FROM a …`: a part of the result whose rows are in `a`.
pub(crate) fn part_of_all(query: &Query, after: Option<&PageKey>, limit: u64, offset: u64) -> Sql {
    let kind = query.sort.as_ref().map_or(SortKind::None, |sort| kind_of(&sort.target));
    let order = query.sort.as_ref().map_or(Order::Ascending, |sort| sort.order);
    let mut sql = Sql::new(match kind {
        SortKind::None => "SELECT u.seq FROM a u",
        SortKind::Text | SortKind::Integer => "SELECT u.seq, u.k FROM a u",
    });
    if let Some(key) = after {
        sql = sql.raw(" WHERE u.seq > ").int(key.seq.0);
    }
    sql.raw(order_by(kind, order, End::Front, Names::Union))
        .raw(" LIMIT 0 + ")
        .int(i64::try_from(limit).unwrap_or(i64::MAX))
        .raw(" OFFSET ")
        .int(i64::try_from(offset).unwrap_or(i64::MAX))
}

/// What an arm is sorted by.
#[derive(Clone, Debug)]
enum SortPlace {
    /// Nothing but the sequence.
    Sequence,
    /// An expression over the row `r`.
    Expression(Sql),
    /// The document.
    Document,
}

/// The kind of the sort values of a query.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SortKind {
    None,
    Text,
    Integer,
}

/// From which end a result is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Front,
    Back,
}

impl DieselTxn<'_> {
    pub(crate) fn answer(&mut self, query: &Query) -> Result<Page, StoreError> {
        let (arms, unanswered) = self.arms(query)?;
        let sorts_documents = arms.iter().any(Arm::sorts_documents);
        if sorts_documents || arms.iter().any(|arm| !arm.exact) {
            let attribute = match (&unanswered, &query.sort) {
                (Some(attribute), _) => attribute.clone(),
                (None, Some(sort)) => sort.target.key.to_string(),
                (None, None) => "the filter".to_owned(),
            };
            return self.scan(query, &arms, &attribute);
        }
        match &query.window {
            Window::Index { offset, limit } => self.index_page(query, &arms, *offset, *limit),
            Window::After { key, limit } => self.cursor_page(query, &arms, key.as_ref(), *limit),
        }
    }

    /// The arms of a query that may have an answer, and the first attribute that some condition
    /// cannot answer for.
    pub(crate) fn arms<'q>(&mut self, query: &'q Query) -> Result<(Vec<Arm<'q>>, Option<String>), StoreError>
    where
        Self: 'q,
    {
        let shared = self.shared;
        let mut arms = Vec::new();
        let mut unanswered = None;
        let view = &query.view;
        self.link.scan_end.allow(query.scan.millis);
        let sort_target = query.sort.as_ref().map(|sort| &sort.target);
        let groups = match view.adoptable {
            Adoptable::Seen => Sql::new("(g.conn = ").int(view.connection.0).raw(" OR g.adoptable = 1)"),
            Adoptable::Hidden => Sql::new("g.conn = ").int(view.connection.0),
        };
        for selection in &query.selections {
            let Some(type_number) = self.find_number(&selection.resource_type)? else { continue };
            let Some(resource_type) = shared.registry.resource_type(&selection.resource_type) else { continue };
            let mut long = None;
            let mut arm = |txn: &mut Self, part| -> Result<Option<Arm<'q>>, StoreError> {
                let predicate = &selection.predicate;
                let groups = groups.clone();
                let mut compiler = Compiler { txn, resource_type, type_number, part, groups, long, unanswered: None };
                let answer = compiler.compile(predicate)?;
                let condition = match answer.condition {
                    Condition::False => return Ok(None),
                    Condition::True => None,
                    Condition::Sql(sql) => Some(sql),
                };
                let sort = compiler.sort_place(sort_target)?;
                long = compiler.long;
                if !answer.exact && unanswered.is_none() {
                    unanswered = compiler.unanswered;
                }
                let is_in_key_order = !matches!(part, Part::Seen(_))
                    && sort_target.is_some_and(|target| place(resource_type, target) == Place::Column(Column::Key));
                let (exact, anchor) = (answer.exact, answer.anchor);
                Ok(Some(Arm {
                    resource_type,
                    type_number,
                    part,
                    predicate,
                    condition,
                    exact,
                    anchor,
                    sort,
                    is_in_key_order,
                }))
            };
            // Where an index finds the rows whoever owns them, one arm does for the whole view.
            if view.adoptable == Adoptable::Seen {
                match arm(self, Part::Seen(view.connection))? {
                    None => continue,
                    Some(whole) if whole.exact && whole.anchor != Anchor::None => {
                        arms.push(whole);
                        continue;
                    }
                    Some(_) => {}
                }
            }
            for part in self.parts(view, type_number)? {
                arms.extend(arm(self, part)?);
            }
        }
        Ok((arms, unanswered))
    }

    /// The parts of a view that are not empty, so that the usual case, in which nothing waits to be
    /// adopted, reads one index. In silence, all that may not be empty.
    fn parts(&mut self, view: &View, type_number: i64) -> Result<Vec<Part>, StoreError> {
        let mut parts = vec![Part::Owned(view.connection)];
        if view.adoptable == Adoptable::Seen && (self.silent || self.counted(ADOPTABLE, type_number)? != 0) {
            parts.push(Part::Adoptable(view.connection));
        }
        Ok(parts)
    }

    /// How many resources of a type an owner has (0: how many are adoptable), without counting.
    fn counted(&mut self, conn: i64, type_number: i64) -> Result<i64, StoreError> {
        let sql = Sql::new("SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM counts WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND conn = ")
            .int(conn)
            .raw(" AND type = ")
            .int(type_number);
        let written = self.one::<BigInt, i64>(&sql)?.unwrap_or(0);
        Ok(written.saturating_add(self.link.ledger.owed(self.key(), conn, type_number)))
    }

    /// How many resources satisfy the query: by the kept counts where nothing is filtered.
    fn total(&mut self, view: &View, arms: &[Arm<'_>]) -> Result<u64, StoreError> {
        let mut total = 0_i64;
        let mut counting = Vec::new();
        for arm in arms {
            match (&arm.condition, arm.part) {
                // No connection has the key under which adoptable resources are counted.
                (None, Part::Owned(conn)) if conn.0 == ADOPTABLE => {}
                (None, Part::Owned(conn)) => {
                    total = total.saturating_add(self.counted(conn.0, arm.type_number)?);
                }
                // What is adoptable belongs to the application, whose own count has it already.
                (None, Part::Adoptable(_)) if self.is_application(view)? => {}
                (None, Part::Adoptable(_)) => total = total.saturating_add(self.counted(ADOPTABLE, arm.type_number)?),
                (None, Part::Seen(_)) | (Some(_), _) => counting.push(arm),
            }
        }
        if !counting.is_empty() {
            let mut sql = Sql::new("SELECT ");
            for (n, arm) in counting.into_iter().enumerate() {
                sql = sql
                    .raw(if n > 0 { " + (SELECT COUNT(*)" } else { "(SELECT COUNT(*)" })
                    .add(self.from(arm))
                    .raw(")");
            }
            let counted = self.one::<BigInt, i64>(&sql.one_off())?.unwrap_or(0);
            total = total.saturating_add(counted);
        }
        Ok(u64::try_from(total).unwrap_or(0))
    }

    fn is_application(&mut self, view: &View) -> Result<bool, StoreError> {
        let sql = Sql::new("SELECT kind FROM connections WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND conn = ")
            .int(view.connection.0);
        Ok(self.one::<Text, String>(&sql)?.as_deref() == Some(APPLICATION))
    }

    /// ` FROM resources r WHERE …` of an arm.
    pub(crate) fn from(&self, arm: &Arm<'_>) -> Sql {
        // Where an index is not led by what is asked, SQLite would as soon read any other one.
        let all = self.dialect() == Dialect::Sqlite && arm.condition.is_some() && arm.anchor == Anchor::None;
        Sql::new(match arm.part {
            Part::Owned(_) if all => " FROM resources r INDEXED BY r_page WHERE ",
            Part::Adoptable(_) if all => " FROM resources r INDEXED BY r_adopt WHERE ",
            _ => " FROM resources r WHERE ",
        })
        .add(self.on_r(arm))
    }

    /// The conditions of an arm on the row `r`.
    pub(crate) fn on_r(&self, arm: &Arm<'_>) -> Sql {
        // The signs keep SQLite, which knows nothing of how many rows a tenant has, from choosing an
        // index for the tenant alone where a set says which rows are meant.
        let by_set = self.dialect() == Dialect::Sqlite && arm.anchor == Anchor::Set;
        let sql = Sql::new(if by_set { "+r.tenant_id = " } else { "r.tenant_id = " })
            .int(self.key())
            .raw(" AND ")
            .add(arm.part.on_r())
            .raw(if by_set { " AND +r.type = " } else { " AND r.type = " })
            .int(arm.type_number);
        match &arm.condition {
            Some(condition) => sql.raw(" AND ").add(condition.clone()),
            None => sql,
        }
    }

    /// The same, so written that the unique index is read in its order. Every user has a key, and its
    /// scope is the tenant.
    fn by_key(&self, arm: &Arm<'_>) -> Sql {
        let sql = Sql::new(" FROM resources r WHERE r.tenant_id = ")
            .int(self.key())
            .raw(" AND r.scope = 0 AND r.type = ")
            .int(arm.type_number)
            // The sign keeps SQLite from choosing the owner's index, and sorting.
            .raw(match (self.dialect(), arm.part) {
                (Dialect::Sqlite, Part::Owned(_)) => " AND +",
                _ => " AND ",
            })
            .add(arm.part.on_r());
        match &arm.condition {
            Some(condition) => sql.raw(" AND ").add(condition.clone()),
            None => sql,
        }
    }

    fn index_page(&mut self, query: &Query, arms: &[Arm<'_>], offset: u64, limit: u64) -> Result<Page, StoreError> {
        let filtered = arms.iter().any(|arm| arm.condition.is_some());
        if limit == 0 {
            return Ok(Page { resources: Vec::new(), total: self.total(&query.view, arms)?, next: None });
        }
        if filtered {
            let resources = resources_of(self.rows(query, arms, None, End::Front, limit, offset)?);
            let found = u64::try_from(resources.len()).unwrap_or(u64::MAX);
            // A part that ends the result says by itself how long the result is.
            let ends = found < limit && (found > 0 || offset == 0);
            let total = if ends { offset.saturating_add(found) } else { self.total(&query.view, arms)? };
            return Ok(Page { resources, total, next: None });
        }
        let total = self.total(&query.view, arms)?;
        if offset >= total {
            return Ok(Page { resources: Vec::new(), total, next: None });
        }
        let behind = total.saturating_sub(offset);
        // In one snapshot the total is exact, so a part near the end can be counted from there.
        if self.usage == Use::Read && behind < offset {
            let limit = limit.min(behind);
            let rows = self.rows(query, arms, None, End::Back, limit, behind.saturating_sub(limit))?;
            let mut resources = resources_of(rows);
            resources.reverse();
            return Ok(Page { resources, total, next: None });
        }
        let resources = resources_of(self.rows(query, arms, None, End::Front, limit, offset)?);
        Ok(Page { resources, total, next: None })
    }

    fn cursor_page(
        &mut self,
        query: &Query,
        arms: &[Arm<'_>],
        key: Option<&PageKey>,
        limit: u64,
    ) -> Result<Page, StoreError> {
        let mut rows = Vec::new();
        if limit > 0 {
            rows = self.rows(query, arms, key, End::Front, limit.saturating_add(1), 0)?;
        }
        let found = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let total = match key {
            None if limit > 0 && found <= limit => found,
            _ => self.total(&query.view, arms)?,
        };
        let mut next = None;
        if found > limit && limit > 0 {
            rows.pop();
            next = rows.last().map(|(sort, resource)| PageKey { sort: sort.clone(), seq: resource.seq });
        }
        Ok(Page { resources: resources_of(rows), total, next })
    }

    /// A part of the result with its sort values.
    fn rows(
        &mut self,
        query: &Query,
        arms: &[Arm<'_>],
        after: Option<&PageKey>,
        end: End,
        limit: u64,
        offset: u64,
    ) -> Result<Vec<(Option<SortValue>, StoredResource)>, StoreError> {
        if arms.is_empty() {
            return Ok(Vec::new());
        }
        let kind = query.sort.as_ref().map_or(SortKind::None, |sort| kind_of(&sort.target));
        let order = query.sort.as_ref().map_or(Order::Ascending, |sort| sort.order);
        let inner = self.sequences(query, arms, after, end, limit, offset);
        let sql = Sql::new("SELECT ")
            .raw(match kind {
                SortKind::None => "",
                SortKind::Text | SortKind::Integer => "p.k, ",
            })
            .raw(columns(self.dialect()))
            .raw(" FROM (")
            .add(inner)
            .raw(") p JOIN resources r ON r.tenant_id = ")
            .int(self.key())
            .raw(" AND r.seq = p.seq")
            .raw(order_by(kind, order, end, Names::Page));
        let fixed = after.is_none() && kind == SortKind::None && arms.iter().all(|arm| arm.condition.is_none());
        let sql = if fixed { sql } else { sql.one_off() };
        let rows: Vec<(Option<SortValue>, ResourceRow)> = match kind {
            SortKind::None => self.load::<ResourceSql, ResourceRow>(&sql)?.into_iter().map(|row| (None, row)).collect(),
            SortKind::Text => self
                .load::<(Nullable<Text>, ResourceSql), (Option<String>, ResourceRow)>(&sql)?
                .into_iter()
                .map(|(value, row)| (value.map(SortValue::Text), row))
                .collect(),
            SortKind::Integer => self
                .load::<(Nullable<BigInt>, ResourceSql), (Option<i64>, ResourceRow)>(&sql)?
                .into_iter()
                .map(|(value, row)| (value.map(SortValue::Integer), row))
                .collect(),
        };
        rows.into_iter().map(|(value, row)| Ok((value, self.stored(row)?))).collect()
    }

    /// `SELECT seq, k FROM …`: which rows a part of the result has.
    pub(crate) fn sequences(
        &self,
        query: &Query,
        arms: &[Arm<'_>],
        after: Option<&PageKey>,
        end: End,
        limit: u64,
        offset: u64,
    ) -> Sql {
        let kind = query.sort.as_ref().map_or(SortKind::None, |sort| kind_of(&sort.target));
        let order = query.sort.as_ref().map_or(Order::Ascending, |sort| sort.order);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        match arms {
            [arm] => {
                self.sorted(arm, kind, order, after, end).raw(" LIMIT 0 + ").int(limit).raw(" OFFSET ").int(offset)
            }
            arms => {
                let mut sql = Sql::new("SELECT u.seq, u.k FROM (");
                for (n, arm) in arms.iter().enumerate() {
                    sql = sql
                        .raw(if n > 0 { " UNION ALL SELECT * FROM (" } else { "SELECT * FROM (" })
                        .add(self.sorted(arm, kind, order, after, end))
                        .raw(" LIMIT 0 + ")
                        .int(limit.saturating_add(offset))
                        .raw(") a");
                }
                sql.raw(") u")
                    .raw(order_by(kind, order, end, Names::Union))
                    .raw(" LIMIT 0 + ")
                    .int(limit)
                    .raw(" OFFSET ")
                    .int(offset)
            }
        }
    }

    /// `SELECT seq, k FROM …`: all rows of the result, in no order.
    pub(crate) fn all_sequences(&self, query: &Query, arms: &[Arm<'_>]) -> Sql {
        let mut sql = Sql::empty();
        for (n, arm) in arms.iter().enumerate() {
            sql = sql.raw(if n > 0 { " UNION ALL SELECT r.seq" } else { "SELECT r.seq" });
            if query.sort.is_some()
                && let SortPlace::Expression(expression) = &arm.sort
            {
                sql = sql.raw(", ").add(expression.clone()).raw(" AS k");
            }
            sql = sql.add(self.from(arm));
        }
        sql
    }

    /// `SELECT seq, k FROM resources … ORDER BY …` of an arm.
    fn sorted(&self, arm: &Arm<'_>, kind: SortKind, order: Order, after: Option<&PageKey>, end: End) -> Sql {
        let SortPlace::Expression(expression) = &arm.sort else {
            let mut sql = Sql::new("SELECT r.seq, NULL AS k").add(self.from(arm));
            if let Some(key) = after {
                sql = sql.raw(" AND r.seq > ").int(key.seq.0);
            }
            return sql.raw(order_by(SortKind::None, order, end, Names::Row));
        };
        let mut sql = Sql::new("SELECT r.seq, ").add(expression.clone()).raw(" AS k");
        sql = if arm.is_in_key_order && arm.anchor == Anchor::None {
            sql.add(self.by_key(arm))
        } else {
            sql.add(self.from(arm))
        };
        if let Some(key) = after {
            sql = sql.raw(" AND ").add(behind(expression, order, key));
        }
        sql.raw(order_by(kind, order, end, Names::Row))
    }
}

impl Compiler<'_, '_> {
    /// Where the sort values of this type are found.
    fn sort_place(&mut self, target: Option<&Target>) -> Result<SortPlace, StoreError> {
        let Some(target) = target else { return Ok(SortPlace::Sequence) };
        let nothing = Sql::new(match kind_of(target) {
            SortKind::Integer => "CAST(NULL AS BIGINT)",
            SortKind::None | SortKind::Text => match self.txn.dialect() {
                Dialect::Sqlite => "CAST(NULL AS TEXT)",
                Dialect::Postgres => "CAST(NULL AS TEXT) COLLATE \"C\"",
            },
        });
        let expression = |text| SortPlace::Expression(Sql::new(text));
        Ok(match place(self.resource_type, target) {
            Place::Column(Column::Id) => expression("r.id"),
            Place::Column(Column::Key) => expression("r.key"),
            Place::Column(Column::ExternalId) => expression("r.external_id"),
            Place::Column(Column::Created) => expression("r.created"),
            Place::Column(Column::Modified) => expression(modified(self.txn.dialect(), self.type_number)),
            Place::Column(Column::Active) => expression("r.active"),
            Place::Column(Column::Display) => expression("r.display_key"),
            Place::Column(Column::Family) => expression("r.family_key"),
            Place::Column(Column::Given) => expression("r.given_key"),
            Place::Values { path, .. } => match self.txn.find_number(&path)? {
                None => SortPlace::Expression(nothing),
                Some(path) => SortPlace::Expression(
                    Sql::new("(SELECT v.folded ")
                        .raw(rows_of_resource(self.txn.dialect()))
                        .int(self.txn.key())
                        .raw(" AND v.resource = r.seq AND v.path = ")
                        .int(path)
                        // What is no date is kept behind all dates and sorts as if it were absent.
                        .raw(if target.attr_type == AttrType::DateTime { " AND v.folded < '~'" } else { "" })
                        .raw(" ORDER BY v.is_primary DESC, v.element LIMIT 1)"),
                ),
            },
            Place::ResourceType => {
                let name = Sql::new("CAST(").text(self.resource_type.name.clone());
                SortPlace::Expression(name.raw(match self.txn.dialect() {
                    Dialect::Sqlite => " AS TEXT)",
                    Dialect::Postgres => " AS TEXT) COLLATE \"C\"",
                }))
            }
            Place::ElementPart { .. } | Place::Groups | Place::Members => SortPlace::Document,
            Place::Document if declares(self.resource_type, target) => SortPlace::Document,
            Place::Document => SortPlace::Expression(nothing),
        })
    }
}

/// Whether resources are sorted by the head of a text that may be longer: by as much as is kept of it
/// in columns and value rows.
pub(crate) fn sorts_by_head(resource_type: &ResourceType, target: &Target) -> bool {
    match place(resource_type, target) {
        Place::Column(column) => matches!(column, Column::Display | Column::Family | Column::Given),
        Place::Values { .. } => true,
        Place::ElementPart { .. } | Place::Groups | Place::Members | Place::ResourceType | Place::Document => false,
    }
}

/// What follows a key in the order; what has no value comes last ascending and first descending.
fn behind(expression: &Sql, order: Order, key: &PageKey) -> Sql {
    let k = || expression.clone();
    let seq = key.seq.0;
    let value = |sql: Sql| match &key.sort {
        Some(SortValue::Text(text)) => sql.text(&**text),
        Some(SortValue::Integer(integer)) => sql.int(*integer),
        Some(SortValue::Number(number)) => sql.text(number.to_string()),
        None => sql.raw("NULL"),
    };
    match (&key.sort, order) {
        (None, Order::Ascending) => Sql::new("(").add(k()).raw(" IS NULL AND r.seq > ").int(seq).raw(")"),
        (None, Order::Descending) => Sql::new("(").add(k()).raw(" IS NOT NULL OR r.seq > ").int(seq).raw(")"),
        (Some(_), Order::Ascending) => {
            let greater = value(Sql::new("(").add(k()).raw(" > "));
            let equal = value(greater.raw(" OR (").add(k()).raw(" = "));
            equal.raw(" AND r.seq > ").int(seq).raw(") OR ").add(k()).raw(" IS NULL)")
        }
        (Some(_), Order::Descending) => {
            let less = value(Sql::new("(").add(k()).raw(" < "));
            let equal = value(less.raw(" OR (").add(k()).raw(" = "));
            equal.raw(" AND r.seq > ").int(seq).raw("))")
        }
    }
}

/// What sequence and sort value are called where rows are ordered.
#[derive(Clone, Copy)]
enum Names {
    /// In an arm.
    Row,
    /// In the union of arms.
    Union,
    /// In the page.
    Page,
}

/// The order of a result, or its reverse.
fn order_by(kind: SortKind, order: Order, end: End, names: Names) -> &'static str {
    // Front: as the order says. Back: everything the other way round, the sequence too.
    match (kind, order, end, names) {
        (SortKind::None, _, End::Front, Names::Row) => " ORDER BY r.seq",
        (SortKind::None, _, End::Front, Names::Union) => " ORDER BY u.seq",
        (SortKind::None, _, End::Front, Names::Page) => " ORDER BY p.seq",
        (SortKind::None, _, End::Back, Names::Row) => " ORDER BY r.seq DESC",
        (SortKind::None, _, End::Back, Names::Union) => " ORDER BY u.seq DESC",
        (SortKind::None, _, End::Back, Names::Page) => " ORDER BY p.seq DESC",
        (_, Order::Ascending, End::Front, Names::Row) => " ORDER BY k ASC NULLS LAST, r.seq",
        (_, Order::Ascending, End::Front, Names::Union) => " ORDER BY u.k ASC NULLS LAST, u.seq",
        (_, Order::Ascending, End::Front, Names::Page) => " ORDER BY p.k ASC NULLS LAST, p.seq",
        (_, Order::Ascending, End::Back, Names::Row) => " ORDER BY k DESC NULLS FIRST, r.seq DESC",
        (_, Order::Ascending, End::Back, Names::Union) => " ORDER BY u.k DESC NULLS FIRST, u.seq DESC",
        (_, Order::Ascending, End::Back, Names::Page) => " ORDER BY p.k DESC NULLS FIRST, p.seq DESC",
        (_, Order::Descending, End::Front, Names::Row) => " ORDER BY k DESC NULLS FIRST, r.seq",
        (_, Order::Descending, End::Front, Names::Union) => " ORDER BY u.k DESC NULLS FIRST, u.seq",
        (_, Order::Descending, End::Front, Names::Page) => " ORDER BY p.k DESC NULLS FIRST, p.seq",
        (_, Order::Descending, End::Back, Names::Row) => " ORDER BY k ASC NULLS LAST, r.seq DESC",
        (_, Order::Descending, End::Back, Names::Union) => " ORDER BY u.k ASC NULLS LAST, u.seq DESC",
        (_, Order::Descending, End::Back, Names::Page) => " ORDER BY p.k ASC NULLS LAST, p.seq DESC",
    }
}

/// The kind of the sort values in columns; value rows are text whatever the attribute's type.
fn kind_of(target: &Target) -> SortKind {
    let is_core = target.extension.is_none();
    let is_meta_instant = is_core && &*target.name == "meta" && target.attr_type == AttrType::DateTime;
    let is_active = is_core && &*target.name == "active" && target.sub.is_none();
    if is_meta_instant || is_active { SortKind::Integer } else { SortKind::Text }
}

/// Whether resources of this type may have the attribute.
fn declares(resource_type: &ResourceType, target: &Target) -> bool {
    match &target.extension {
        None => resource_type.attribute(&target.name).is_some(),
        Some(urn) => resource_type.extension(urn).is_some(),
    }
}

fn resources_of(rows: Vec<(Option<SortValue>, StoredResource)>) -> Vec<StoredResource> {
    rows.into_iter().map(|(_, resource)| resource).collect()
}
