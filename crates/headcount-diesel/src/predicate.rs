//! From a predicate to a condition on the row `r` of `resources`.
//!
//! A condition is exact, or it is necessary only: then the documents that satisfy it are matched in
//! memory. Conditions are two-valued where they are negated: what is absent is not NULL but false.
//! Positive terms on rows compile to `seq IN (SELECT …)`, alternatives of them to one UNION, and
//! negations to NOT EXISTS.

use headcount_model::ConnectionKey;
use headcount_store::{
    StoreError,
    index::{Column, Place, literal_text, may_be_cut, place, presence_bit},
};
use scim_filter::{CompareOp, Literal, Predicate, Target, Term, Test, matches};
use scim_schema::{AttrType, ResourceType};
use serde_json::{Map, json};

use crate::{connection::Dialect, names::USER, sql::Sql, txn::DieselTxn};

/// The part of a view that a query reads: each part has its own index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// What the connection owns.
    Owned(ConnectionKey),
    /// Adoptable accounts that the connection does not own.
    Adoptable(ConnectionKey),
}

impl Part {
    /// The condition on the row `r`.
    pub(crate) fn on_r(self) -> Sql {
        match self {
            Self::Owned(conn) => Sql::new("r.conn = ").int(conn.0),
            Self::Adoptable(conn) => Sql::new("r.adoptable = 1 AND r.conn <> ").int(conn.0),
        }
    }

    /// The condition on the row `q`.
    fn on_q(self) -> Sql {
        match self {
            Self::Owned(conn) => Sql::new("q.conn = ").int(conn.0),
            Self::Adoptable(conn) => Sql::new("q.adoptable = 1 AND q.conn <> ").int(conn.0),
        }
    }
}

/// What a predicate became.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    pub(crate) condition: Condition,
    /// Whether the condition says all that the predicate says.
    pub(crate) exact: bool,
    /// The condition as a SELECT of sequences by an index, where it has one.
    set: Option<Sql>,
}

#[derive(Clone, Debug)]
pub(crate) enum Condition {
    True,
    False,
    Sql(Sql),
}

/// Whether a part of a predicate is asked for or its opposite.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sense {
    Plain,
    Negated,
}

impl Sense {
    fn opposite(self) -> Self {
        match self {
            Self::Plain => Self::Negated,
            Self::Negated => Self::Plain,
        }
    }
}

impl Compiled {
    fn constant(value: bool) -> Self {
        Self { condition: if value { Condition::True } else { Condition::False }, exact: true, set: None }
    }

    fn exact(sql: Sql) -> Self {
        Self { condition: Condition::Sql(sql), exact: true, set: None }
    }

    fn with_set(sql: Sql, set: Sql) -> Self {
        Self { condition: Condition::Sql(sql), exact: true, set: Some(set) }
    }

    fn necessary(sql: Sql) -> Self {
        Self { condition: Condition::Sql(sql), exact: false, set: None }
    }

    /// Nothing can be said without the document.
    fn unknown() -> Self {
        Self { condition: Condition::True, exact: false, set: None }
    }

    fn inexact(self) -> Self {
        Self { exact: false, ..self }
    }

    fn all(parts: Vec<Self>) -> Self {
        let mut exact = true;
        let mut kept = Vec::new();
        let mut set = None;
        for part in parts {
            match part.condition {
                Condition::False if part.exact => return Self::constant(false),
                Condition::False => return Self { condition: Condition::False, exact: true, set: None },
                Condition::True => {}
                Condition::Sql(sql) => {
                    set = part.set;
                    kept.push(sql);
                }
            }
            exact &= part.exact;
        }
        if kept.is_empty() {
            return Self { condition: Condition::True, exact, set: None };
        }
        let set = set.filter(|_| kept.len() == 1);
        Self { condition: Condition::Sql(Sql::joined(" AND ", kept)), exact, set }
    }

    fn any(parts: Vec<Self>) -> Self {
        let mut exact = true;
        let mut unbounded = false;
        let mut kept = Vec::new();
        let mut sets = Vec::new();
        for part in parts {
            exact &= part.exact;
            match part.condition {
                Condition::True if part.exact => return Self::constant(true),
                Condition::True => unbounded = true,
                Condition::False => {}
                Condition::Sql(sql) => {
                    kept.push(sql);
                    sets.extend(part.set);
                }
            }
        }
        if unbounded {
            return Self::unknown();
        }
        if kept.is_empty() {
            return Self { condition: Condition::False, exact: true, set: None };
        }
        if kept.len() > 1 && sets.len() == kept.len() {
            let mut union = Sql::empty();
            for (n, set) in sets.into_iter().enumerate() {
                union = union.raw(if n > 0 { " UNION " } else { "" }).add(set);
            }
            let sql = Sql::new("r.seq IN (").add(union.clone()).raw(")");
            // A union of unions needs no brackets: UNION is associative.
            return Self { condition: Condition::Sql(sql), exact, set: Some(union) };
        }
        let set = sets.pop().filter(|_| kept.len() == 1);
        Self { condition: Condition::Sql(Sql::joined(" OR ", kept)), exact, set }
    }
}

/// Compiles predicates for one resource type and one part of a view.
pub(crate) struct Compiler<'c, 'a> {
    pub(crate) txn: &'c mut DieselTxn<'a>,
    pub(crate) resource_type: &'c ResourceType,
    pub(crate) type_number: i64,
    pub(crate) part: Part,
    /// Which groups the view shows, as a condition on the row `g`.
    pub(crate) groups: Sql,
    /// Whether some value of this type is longer than what is kept of it outside the document;
    /// looked up when it matters.
    pub(crate) long: Option<bool>,
    /// The first attribute that the condition cannot answer for.
    pub(crate) unanswered: Option<String>,
}

impl Compiler<'_, '_> {
    pub(crate) fn compile(&mut self, predicate: &Predicate) -> Result<Compiled, StoreError> {
        self.in_sense(predicate, Sense::Plain)
    }

    fn in_sense(&mut self, predicate: &Predicate, sense: Sense) -> Result<Compiled, StoreError> {
        match predicate {
            Predicate::All => Ok(Compiled::constant(sense == Sense::Plain)),
            Predicate::Nothing => Ok(Compiled::constant(sense == Sense::Negated)),
            Predicate::And(parts) => {
                let parts = self.each(parts, sense)?;
                Ok(if sense == Sense::Plain { Compiled::all(parts) } else { Compiled::any(parts) })
            }
            Predicate::Or(parts) => {
                let parts = self.each(parts, sense)?;
                Ok(if sense == Sense::Plain { Compiled::any(parts) } else { Compiled::all(parts) })
            }
            Predicate::Not(inner) => self.in_sense(inner, sense.opposite()),
            Predicate::Term(term) => self.term(term, sense),
            Predicate::Element(target, inner) if target.multi_valued => self.element(target, inner, sense),
            Predicate::Element(target, inner) => self.single_element(target, inner, sense),
        }
    }

    fn each(&mut self, parts: &[Predicate], sense: Sense) -> Result<Vec<Compiled>, StoreError> {
        parts.iter().map(|part| self.in_sense(part, sense)).collect()
    }

    fn unknown(&mut self, target: &Target) -> Compiled {
        self.unanswered.get_or_insert_with(|| target.key.to_string());
        Compiled::unknown()
    }

    fn term(&mut self, term: &Term, sense: Sense) -> Result<Compiled, StoreError> {
        match place(self.resource_type, &term.target) {
            Place::Column(column) => self.column(column, term, sense),
            Place::Values { path, bit } => self.values(&path, bit, term, sense),
            Place::ElementPart { .. } => {
                let unknown = self.unknown(&term.target);
                Ok(bounded_by_presence(&term.target, &Predicate::Term(term.clone()), sense).unwrap_or(unknown))
            }
            Place::Groups => Ok(self.groups(&term.test, sense)),
            Place::Members => Ok(self.members(&term.test, sense)),
            Place::ResourceType => {
                let mut document = Map::new();
                document.insert("meta".to_owned(), json!({ "resourceType": self.resource_type.name }));
                let holds = matches::resource(&Predicate::Term(term.clone()), &document);
                Ok(Compiled::constant(holds == (sense == Sense::Plain)))
            }
            Place::Document => Ok(self.unknown(&term.target)),
        }
    }

    fn column(&mut self, column: Column, term: &Term, sense: Sense) -> Result<Compiled, StoreError> {
        let (name, set_name, cut) = match column {
            Column::Id => ("r.id", Some("q.id"), false),
            Column::Key => ("r.key", Some("q.scope = 0 AND q.key"), false),
            Column::ExternalId => ("r.external_id", Some("q.external_id"), false),
            Column::Display => ("r.display_key", Some("q.display_key"), true),
            Column::Family => ("r.family_key", Some("q.family_key"), true),
            Column::Given => ("r.given_key", None, true),
            Column::Active => return Ok(active(&term.test, sense)),
            Column::Created => return Ok(instant("r.created", &term.test, sense)),
            Column::Modified => {
                let modified = modified(self.txn.dialect(), self.type_number);
                return Ok(instant(modified, &term.test, sense));
            }
        };
        let condition = match &term.test {
            Test::Present if column == Column::Id => return Ok(Compiled::constant(sense == Sense::Plain)),
            Test::Present => Condition::Sql(Sql::new(name).raw(" <> ''")),
            Test::Compare(op, literal) => self.text(name, *op, literal),
        };
        let Condition::Sql(sql) = condition else { return Ok(in_sense_of(&condition, sense)) };
        let overlong = cut && self.overlong(&term.test)?;
        let Sense::Plain = sense else {
            let sql = Sql::new("((").add(sql).raw(") IS NOT TRUE)");
            return Ok(if overlong { self.overlong_too(sql, &term.target) } else { Compiled::exact(sql) });
        };
        if overlong {
            return Ok(self.overlong_too(sql, &term.target));
        }
        let Test::Compare(CompareOp::Eq, literal) = &term.test else { return Ok(Compiled::exact(sql)) };
        let Some(set_name) = set_name else { return Ok(Compiled::exact(sql)) };
        let set = Sql::new("SELECT q.seq FROM resources q WHERE q.tenant_id = ")
            .int(self.txn.key())
            .raw(" AND ")
            .add(self.part.on_q())
            .raw(" AND q.type = ")
            .int(self.type_number)
            .raw(" AND ")
            .raw(set_name)
            .raw(" = ")
            .text(literal_text(literal));
        // The unique index has the scope before the key.
        let sql = if column == Column::Key { Sql::new("(r.scope = 0 AND ").add(sql).raw(")") } else { sql };
        Ok(Compiled::with_set(sql, set))
    }

    fn values(&mut self, path: &str, bit: Option<u8>, term: &Term, sense: Sense) -> Result<Compiled, StoreError> {
        if let (Test::Present, Some(bit)) = (&term.test, bit) {
            let mask = 1_i64.checked_shl(bit.into()).unwrap_or(0);
            let sql = Sql::new("(r.present & ").int(mask);
            return Ok(Compiled::exact(sql.raw(if sense == Sense::Plain { ") <> 0" } else { ") = 0" })));
        }
        if term.target.attr_type == AttrType::Complex {
            return Ok(self.unknown(&term.target));
        }
        let Some(path) = self.txn.find_number(path)? else {
            return Ok(Compiled::constant(sense == Sense::Negated));
        };
        let condition = self.row_condition("v.folded", term);
        let Condition::Sql(condition) = condition else { return Ok(in_sense_of(&condition, sense)) };
        let overlong = self.overlong(&term.test)?;
        let rows = Sql::empty().int(self.txn.key()).raw(" AND v.path = ").int(path).raw(" AND ").add(condition);
        let by_resource = rows_of_resource(self.txn.dialect());
        let correlated =
            |head| Sql::new(head).raw(" (SELECT 1 ").raw(by_resource).add(rows.clone()).raw(" AND v.resource = r.seq)");
        let compiled = match (sense, &term.test) {
            (Sense::Negated, _) => Compiled::exact(correlated("NOT EXISTS")),
            (Sense::Plain, Test::Present) => Compiled::exact(correlated("EXISTS")),
            (Sense::Plain, _) => {
                let set = Sql::new("SELECT v.resource ").raw(ROWS).add(rows);
                Compiled::with_set(Sql::new("r.seq IN (").add(set.clone()).raw(")"), set)
            }
        };
        Ok(match compiled.condition {
            Condition::Sql(sql) if overlong => self.overlong_too(sql, &term.target),
            condition => Compiled { condition, ..compiled },
        })
    }

    /// A term as a condition on a text of a value row.
    fn row_condition(&self, column: &'static str, term: &Term) -> Condition {
        match &term.test {
            Test::Present => Condition::Sql(Sql::new(column).raw(" <> ''")),
            Test::Compare(op, literal) => match self.text(column, *op, literal) {
                // Texts that are no dates are kept behind all dates and compare with none.
                Condition::Sql(sql) if term.target.attr_type == AttrType::DateTime => {
                    Condition::Sql(Sql::new("(").add(sql).raw(" AND ").raw(column).raw(" < '~')"))
                }
                condition => condition,
            },
        }
    }

    /// A comparison of a text column, NULL where it is absent.
    fn text(&self, column: &'static str, op: CompareOp, literal: &Literal) -> Condition {
        let mut op = op;
        let mut wanted = literal_text(literal);
        if let Some((head, _)) = wanted.split_once('\0') {
            // No stored text has a NUL, so none is equal, and one is greater than the literal just
            // if it is greater than what stands before the NUL.
            wanted = head.to_owned();
            op = match op {
                CompareOp::Gt | CompareOp::Ge => CompareOp::Gt,
                CompareOp::Lt | CompareOp::Le => CompareOp::Le,
                CompareOp::Ne => return Condition::Sql(Sql::new(column).raw(" IS NOT NULL")),
                CompareOp::Eq | CompareOp::Co | CompareOp::Sw | CompareOp::Ew => return Condition::False,
            };
        }
        let simple = |operator| Sql::new(column).raw(operator).text(&*wanted);
        let sql = match op {
            CompareOp::Eq => simple(" = "),
            CompareOp::Ne => simple(" <> "),
            CompareOp::Gt => simple(" > "),
            CompareOp::Ge => simple(" >= "),
            CompareOp::Lt => simple(" < "),
            CompareOp::Le => simple(" <= "),
            CompareOp::Co | CompareOp::Sw | CompareOp::Ew if wanted.is_empty() => Sql::new(column).raw(" IS NOT NULL"),
            CompareOp::Sw => {
                let from = Sql::new("(").raw(column).raw(" >= ").text(&*wanted);
                match after_prefix(&wanted) {
                    Some(end) => from.raw(" AND ").raw(column).raw(" < ").text(end).raw(")"),
                    None => from.raw(")"),
                }
            }
            CompareOp::Co => {
                let function = match self.txn.dialect() {
                    Dialect::Sqlite => "instr(",
                    Dialect::Postgres => "strpos(",
                };
                Sql::new(function).raw(column).raw(", ").text(&*wanted).raw(") > 0")
            }
            CompareOp::Ew => {
                let characters = i64::try_from(wanted.chars().count()).unwrap_or(i64::MAX);
                let (length, cast) = match self.txn.dialect() {
                    Dialect::Sqlite => ("length(", ""),
                    Dialect::Postgres => ("length(", "::int"),
                };
                Sql::new("substr(")
                    .raw(column)
                    .raw(", ")
                    .raw(length)
                    .raw(column)
                    .raw(") + 1 - ")
                    .int(characters)
                    .raw(cast)
                    .raw(") = ")
                    .text(&*wanted)
            }
        };
        Condition::Sql(sql)
    }

    /// Whether the answer depends on more of a value than is kept outside the document: the test
    /// looks behind the cut, and there is a value that was cut.
    fn overlong(&mut self, test: &Test) -> Result<bool, StoreError> {
        let looks_behind = match test {
            Test::Present => false,
            Test::Compare(CompareOp::Co | CompareOp::Ew, _) => true,
            Test::Compare(_, literal) => may_be_cut(&literal_text(literal)),
        };
        Ok(looks_behind && self.has_long()?)
    }

    pub(crate) fn has_long(&mut self) -> Result<bool, StoreError> {
        if let Some(long) = self.long {
            return Ok(long);
        }
        let long = self.txn.has_long(self.type_number)?;
        self.long = Some(long);
        Ok(long)
    }

    /// The condition, or that the resource has a value that was cut: then its document decides.
    fn overlong_too(&mut self, sql: Sql, target: &Target) -> Compiled {
        self.unanswered.get_or_insert_with(|| target.key.to_string());
        Compiled::necessary(Sql::new("(").add(sql).raw(" OR r.present >= 4611686018427387904)"))
    }

    fn groups(&self, test: &Test, sense: Sense) -> Compiled {
        let condition = match test {
            Test::Present => Condition::Sql(Sql::new("g.id IS NOT NULL")),
            Test::Compare(op, literal) => self.text("g.id", *op, literal),
        };
        let Condition::Sql(condition) = condition else { return in_sense_of(&condition, sense) };
        let set = Sql::new(
            "SELECT m.member FROM memberships m JOIN resources g ON g.tenant_id = m.tenant_id AND g.seq = m.grp \
             WHERE m.tenant_id = ",
        )
        .int(self.txn.key())
        .raw(" AND g.tenant_id = ")
        .int(self.txn.key())
        .raw(" AND ")
        .add(self.groups.clone())
        .raw(" AND ")
        .add(condition);
        membership(set, sense)
    }

    fn members(&self, test: &Test, sense: Sense) -> Compiled {
        let tenant = self.txn.key();
        let set = Sql::new("SELECT m.grp FROM memberships m WHERE m.tenant_id = ").int(tenant);
        let set = match test {
            Test::Present => set,
            Test::Compare(op, literal) => {
                let condition = self.text(if *op == CompareOp::Eq { "q.id" } else { "m.member_id" }, *op, literal);
                let Condition::Sql(condition) = condition else { return in_sense_of(&condition, sense) };
                if *op == CompareOp::Eq {
                    // By the member's row, which the reverse index leads with.
                    set.raw(" AND m.member IN (SELECT q.seq FROM resources q WHERE q.tenant_id = ")
                        .int(tenant)
                        .raw(" AND ")
                        .add(condition)
                        .raw(")")
                } else {
                    set.raw(" AND ").add(condition)
                }
            }
        };
        membership(set, sense)
    }

    /// An element predicate of a single-valued complex attribute: like its parts outside brackets,
    /// but false where the attribute is absent.
    fn single_element(&mut self, target: &Target, inner: &Predicate, sense: Sense) -> Result<Compiled, StoreError> {
        if needs(inner, &|_| true) {
            return self.in_sense(inner, sense);
        }
        let unknown = self.unknown(target);
        match sense {
            Sense::Plain => Ok(self.in_sense(inner, sense)?.inexact()),
            Sense::Negated => Ok(unknown),
        }
    }

    fn element(&mut self, target: &Target, inner: &Predicate, sense: Sense) -> Result<Compiled, StoreError> {
        let Some(path) = self.rows_of(inner) else {
            let unknown = self.unknown(target);
            return Ok(bounded_by_presence(target, inner, sense).unwrap_or(unknown));
        };
        let resource_type = self.resource_type;
        let has_row = |term: &Term| {
            matches!(place(resource_type, &term.target), Place::Values { path: of, .. } if of == path)
                && term.target.attr_type != AttrType::Complex
        };
        if !needs(inner, &has_row) {
            // It may hold for an element that has no row.
            let unknown = self.unknown(target);
            return Ok(bounded_by_presence(target, inner, sense).unwrap_or(unknown));
        }
        let Some(number) = self.txn.find_number(&path)? else {
            return Ok(Compiled::constant(sense == Sense::Negated));
        };
        let compiled = self.of_row(inner, &path, Sense::Plain)?;
        let rows = Sql::empty().int(self.txn.key()).raw(" AND v.path = ").int(number);
        let rows = match compiled.condition {
            Condition::False => return Ok(Compiled::constant(sense == Sense::Negated)),
            Condition::True => rows,
            Condition::Sql(sql) => rows.raw(" AND ").add(sql),
        };
        match sense {
            Sense::Negated if compiled.exact => Ok(Compiled::exact(
                Sql::new("NOT EXISTS (SELECT 1 ")
                    .raw(rows_of_resource(self.txn.dialect()))
                    .add(rows)
                    .raw(" AND v.resource = r.seq)"),
            )),
            Sense::Negated => Ok(Compiled::unknown()),
            Sense::Plain => {
                let set = Sql::new("SELECT v.resource ").raw(ROWS).add(rows);
                let sql = Sql::new("r.seq IN (").add(set.clone()).raw(")");
                Ok(Compiled { exact: compiled.exact, ..Compiled::with_set(sql, set) })
            }
        }
    }

    /// The value rows that the terms of an element predicate are about.
    fn rows_of(&self, inner: &Predicate) -> Option<String> {
        match inner {
            Predicate::And(parts) | Predicate::Or(parts) => parts.iter().find_map(|part| self.rows_of(part)),
            Predicate::Not(inner) => self.rows_of(inner),
            Predicate::Term(term) => match place(self.resource_type, &term.target) {
                Place::Values { path, .. } if term.target.attr_type != AttrType::Complex => Some(path),
                Place::ElementPart { path } => Some(path),
                _ => None,
            },
            Predicate::All | Predicate::Nothing | Predicate::Element(..) => None,
        }
    }

    /// An element predicate as a condition on the value row `v`.
    fn of_row(&mut self, inner: &Predicate, rows: &str, sense: Sense) -> Result<Compiled, StoreError> {
        match inner {
            Predicate::All => Ok(Compiled::constant(sense == Sense::Plain)),
            Predicate::Nothing | Predicate::Element(..) => Ok(Compiled::constant(sense == Sense::Negated)),
            Predicate::And(parts) | Predicate::Or(parts) => {
                let compiled =
                    parts.iter().map(|part| self.of_row(part, rows, sense)).collect::<Result<Vec<_>, _>>()?;
                let is_and = matches!(inner, Predicate::And(_));
                Ok(if is_and == (sense == Sense::Plain) { Compiled::all(compiled) } else { Compiled::any(compiled) })
            }
            Predicate::Not(inner) => self.of_row(inner, rows, sense.opposite()),
            Predicate::Term(term) => self.row_term(term, rows, sense),
        }
    }

    fn row_term(&mut self, term: &Term, rows: &str, sense: Sense) -> Result<Compiled, StoreError> {
        let (column, behind) = match place(self.resource_type, &term.target) {
            Place::Values { path, .. } if path == rows && term.target.attr_type != AttrType::Complex => {
                ("v.folded", " OR length(v.folded) > 127)")
            }
            Place::ElementPart { path } if path == rows => match term.target.sub.as_deref() {
                Some("type") => ("v.etype", " OR length(v.etype) > 127)"),
                _ => return Ok(self.primary(term, sense)),
            },
            _ => return Ok(self.unknown(&term.target)),
        };
        let condition = self.row_condition(column, term);
        let Condition::Sql(sql) = condition else { return Ok(in_sense_of(&condition, sense)) };
        let sql = match sense {
            Sense::Plain => sql,
            Sense::Negated => Sql::new("((").add(sql).raw(") IS NOT TRUE)"),
        };
        if self.overlong(&term.test)? {
            // 127 characters are fewer bytes than any text that was cut has.
            self.unanswered.get_or_insert_with(|| term.target.key.to_string());
            return Ok(Compiled::necessary(Sql::new("(").add(sql).raw(behind)));
        }
        Ok(Compiled::exact(sql))
    }

    /// `primary`: the row knows whether it is true, but not whether it is false or absent.
    fn primary(&mut self, term: &Term, sense: Sense) -> Compiled {
        let is_true = matches!(&term.test, Test::Compare(CompareOp::Eq, Literal::Boolean(true)));
        let is_false = matches!(&term.test, Test::Compare(CompareOp::Eq, Literal::Boolean(false)));
        match sense {
            Sense::Plain if is_true => Compiled::exact(Sql::new("v.is_primary = 1")),
            Sense::Negated if is_true => Compiled::exact(Sql::new("v.is_primary = 0")),
            _ => {
                let unknown = self.unknown(&term.target);
                let is_zero = match sense {
                    Sense::Plain => is_false,
                    Sense::Negated => term.test == Test::Present,
                };
                if is_zero { Compiled::necessary(Sql::new("v.is_primary = 0")) } else { unknown }
            }
        }
    }
}

impl DieselTxn<'_> {
    /// Whether some value of this type is longer than what is kept of it outside the document.
    pub(crate) fn has_long(&mut self, type_number: i64) -> Result<bool, StoreError> {
        let sql = Sql::new("SELECT seq FROM resources WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND type = ")
            .int(type_number)
            .raw(" AND present >= 4611686018427387904 LIMIT 1");
        Ok(self.one::<diesel::sql_types::BigInt, i64>(&sql)?.is_some())
    }
}

/// Value rows by their text.
const ROWS: &str = "FROM vals v WHERE v.tenant_id = ";

/// Value rows of one resource. SQLite, which knows nothing of how often a path occurs, would else
/// read all rows of the path for each resource.
pub(crate) fn rows_of_resource(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "FROM vals v INDEXED BY v_resource WHERE v.tenant_id = ",
        Dialect::Postgres => ROWS,
    }
}

/// When the row `r` last changed. On PostgreSQL changes of members have moved it in the slots.
pub(crate) fn modified(dialect: Dialect, type_number: i64) -> &'static str {
    if dialect == Dialect::Sqlite || type_number == USER {
        return "r.modified";
    }
    "COALESCE((SELECT MAX(s.modified) FROM group_slots s WHERE s.tenant_id = r.tenant_id AND s.grp = r.seq), r.modified)"
}

/// The end of the range of texts that start with this one; `None`: it has no end.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut head: Vec<char> = prefix.chars().collect();
    while let Some(last) = head.pop() {
        let next = match last {
            // The code points between are no characters.
            '\u{d7ff}' => Some('\u{e000}'),
            last => u32::from(last).checked_add(1).and_then(char::from_u32),
        };
        if let Some(next) = next {
            head.push(next);
            return Some(head.into_iter().collect());
        }
    }
    None
}

fn in_sense_of(condition: &Condition, sense: Sense) -> Compiled {
    let holds = matches!(condition, Condition::True);
    Compiled::constant(holds == (sense == Sense::Plain))
}

fn membership(set: Sql, sense: Sense) -> Compiled {
    match sense {
        Sense::Plain => Compiled::with_set(Sql::new("r.seq IN (").add(set.clone()).raw(")"), set),
        // No member or group is NULL, so NOT IN has no third value here.
        Sense::Negated => Compiled::exact(Sql::new("r.seq NOT IN (").add(set).raw(")")),
    }
}

fn active(test: &Test, sense: Sense) -> Compiled {
    let sql = match test {
        Test::Present => {
            return Compiled::exact(Sql::new(match sense {
                Sense::Plain => "r.active IS NOT NULL",
                Sense::Negated => "r.active IS NULL",
            }));
        }
        Test::Compare(CompareOp::Ne, Literal::Boolean(value)) => Sql::new("r.active <> ").int((*value).into()),
        Test::Compare(_, Literal::Boolean(value)) => Sql::new("r.active = ").int((*value).into()),
        Test::Compare(..) => return Compiled::constant(sense == Sense::Negated),
    };
    Compiled::exact(match sense {
        Sense::Plain => sql,
        Sense::Negated => Sql::new("((").add(sql).raw(") IS NOT TRUE)"),
    })
}

/// A comparison of a column that is never absent.
fn instant(column: &'static str, test: &Test, sense: Sense) -> Compiled {
    let (op, micros) = match test {
        Test::Present => return Compiled::constant(sense == Sense::Plain),
        Test::Compare(op, Literal::Instant(micros)) => (*op, *micros),
        Test::Compare(..) => return Compiled::constant(sense == Sense::Negated),
    };
    let operator = match (op, sense) {
        (CompareOp::Eq, Sense::Plain) | (CompareOp::Ne, Sense::Negated) => " = ",
        (CompareOp::Ne, Sense::Plain) | (CompareOp::Eq, Sense::Negated) => " <> ",
        (CompareOp::Gt, Sense::Plain) | (CompareOp::Le, Sense::Negated) => " > ",
        (CompareOp::Ge, Sense::Plain) | (CompareOp::Lt, Sense::Negated) => " >= ",
        (CompareOp::Lt, Sense::Plain) | (CompareOp::Ge, Sense::Negated) => " < ",
        (CompareOp::Le, Sense::Plain) | (CompareOp::Gt, Sense::Negated) => " <= ",
        (CompareOp::Co | CompareOp::Sw | CompareOp::Ew, _) => return Compiled::constant(sense == Sense::Negated),
    };
    Compiled::exact(Sql::new(column).raw(operator).int(micros))
}

/// Whether the predicate can hold only where one of these terms does.
fn needs(predicate: &Predicate, is_one: &dyn Fn(&Term) -> bool) -> bool {
    match predicate {
        Predicate::Nothing => true,
        Predicate::All | Predicate::Not(_) | Predicate::Element(..) => false,
        Predicate::And(parts) => parts.iter().any(|part| needs(part, is_one)),
        Predicate::Or(parts) => parts.iter().all(|part| needs(part, is_one)),
        Predicate::Term(term) => is_one(term),
    }
}

/// What holds only for a value that is not empty holds only where the attribute's bit is set.
fn bounded_by_presence(target: &Target, inner: &Predicate, sense: Sense) -> Option<Compiled> {
    if sense == Sense::Negated || target.extension.is_some() || !needs(inner, &asks_for_something) {
        return None;
    }
    let mask = 1_i64.checked_shl(presence_bit(&target.name)?.into())?;
    Some(Compiled::necessary(Sql::new("(r.present & ").int(mask).raw(") <> 0")))
}

/// Whether no empty value satisfies the term.
fn asks_for_something(term: &Term) -> bool {
    match &term.test {
        Test::Compare(op, Literal::Text(text)) => {
            *op == CompareOp::Gt || !text.is_empty() && !matches!(op, CompareOp::Lt | CompareOp::Le | CompareOp::Ne)
        }
        Test::Present | Test::Compare(..) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_a_prefix_ends_before_the_next_text() {
        let cases = [
            ("a", Some("b")),
            ("a\u{d7ff}", Some("a\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
            ("é", Some("ê")),
        ];
        for (prefix, end) in cases {
            assert_eq!(after_prefix(prefix).as_deref(), end, "{prefix:?}");
        }
    }
}
