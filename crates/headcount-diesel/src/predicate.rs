//! From a predicate to a condition on the row `r` of `resources`.
//!
//! A condition is exact, or it is necessary only: then the documents that satisfy it are matched in
//! memory. Conditions are two-valued where they are negated: what is absent is not NULL but false.
//! Every term is a condition on the row; positive ones that an index answers have a set of sequences
//! too. A condition is anchored in the most selective set of its conjuncts, `seq IN (SELECT …)`, and
//! the others are checked on the rows that it finds; alternatives that all have sets are anchored in
//! their UNION. Negations are NOT EXISTS by full key.

use headcount_store::{
    StoreError,
    index::{Column, Place, literal_text, may_be_cut, place, presence_bit},
};
use scim_filter::{CompareOp, Literal, Predicate, Target, Term, Test, matches};
use scim_schema::{AttrType, ResourceType};
use serde_json::{Map, json};

pub(crate) use self::compiled::{Anchor, Compiled, Condition, Part};
use self::compiled::{Driver, Rank, Sense};
use crate::{connection::Dialect, grams, names::USER, sql::Sql, txn::DieselTxn};

mod compiled;
mod element;

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
        let compiled = self.in_sense(predicate, Sense::Plain)?;
        let Condition::Sql(sql) = compiled.condition else { return Ok(compiled) };
        let sql = match compiled.driver {
            Some(Driver { set, rest, anchor: Anchor::Set, .. }) => {
                let sql = Sql::new("r.seq IN (").add(set).raw(")");
                match rest {
                    Some(rest) => sql.raw(" AND ").add(rest),
                    None => sql,
                }
            }
            Some(_) => sql,
            None => sql.raw(self.in_time("r.seq")),
        };
        Ok(Compiled { condition: Condition::Sql(sql), driver: None, ..compiled })
    }

    /// A condition that ends a scan which takes too long: on SQLite, whose statements have no bound
    /// of their own. It looks at the clock at some rows only.
    fn in_time(&self, row: &'static str) -> &'static str {
        match (self.txn.dialect(), row) {
            (Dialect::Postgres, _) => "",
            (Dialect::Sqlite, "q.seq") => " AND (q.seq & 63 <> 0 OR in_time() = 1)",
            (Dialect::Sqlite, "m.member") => " AND (m.member & 63 <> 0 OR in_time() = 1)",
            (Dialect::Sqlite, "v.resource") => " AND (v.resource & 63 <> 0 OR in_time() = 1)",
            (Dialect::Sqlite, _) => " AND (r.seq & 63 <> 0 OR in_time() = 1)",
        }
    }

    fn any(&self, parts: Vec<Compiled>) -> Compiled {
        let (tenant, dialect) = (self.txn.key(), self.txn.dialect());
        Compiled::any(parts, &|driver| match driver.rest {
            None => driver.set,
            Some(rest) => Sql::new(match dialect {
                Dialect::Sqlite => "SELECT r.seq FROM resources r WHERE +r.tenant_id = ",
                Dialect::Postgres => "SELECT r.seq FROM resources r WHERE r.tenant_id = ",
            })
            .int(tenant)
            .raw(" AND r.seq IN (")
            .add(driver.set)
            .raw(") AND ")
            .add(rest),
        })
    }

    fn in_sense(&mut self, predicate: &Predicate, sense: Sense) -> Result<Compiled, StoreError> {
        match predicate {
            Predicate::All => Ok(Compiled::constant(sense == Sense::Plain)),
            Predicate::Nothing => Ok(Compiled::constant(sense == Sense::Negated)),
            Predicate::And(parts) => {
                let parts = self.each(parts, sense)?;
                Ok(if sense == Sense::Plain { Compiled::all(parts) } else { self.any(parts) })
            }
            Predicate::Or(parts) => {
                let parts = self.each(parts, sense)?;
                Ok(if sense == Sense::Plain { self.any(parts) } else { Compiled::all(parts) })
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
        let (name, in_set, cut) = match column {
            Column::Id => ("r.id", "q.id", false),
            Column::Key => ("r.key", "q.key", false),
            Column::ExternalId => ("r.external_id", "q.external_id", false),
            Column::Display => ("r.display_key", "q.display_key", true),
            Column::Family => ("r.family_key", "q.family_key", true),
            Column::Given => ("r.given_key", "q.given_key", true),
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
        let compiled = match (sense, &term.test) {
            (Sense::Negated, _) => Compiled::exact(Sql::new("((").add(sql).raw(") IS NOT TRUE)")),
            (Sense::Plain, Test::Present) => Compiled::exact(sql),
            (Sense::Plain, Test::Compare(op, literal)) => match self.driver(column, in_set, *op, literal) {
                Some(driver) => {
                    // The unique index has the scope before the key.
                    let sql = if column == Column::Key { Sql::new("(r.scope = 0 AND ").add(sql).raw(")") } else { sql };
                    let rest = (driver.rank == Rank::Grams).then(|| sql.clone());
                    Compiled::driven(sql, Driver { rest, ..driver })
                }
                None => Compiled::exact(sql),
            },
        };
        Ok(if overlong { self.overlong_too(compiled, &term.target) } else { compiled })
    }

    /// The set in which a comparison of a column is anchored.
    fn driver(&self, column: Column, in_set: &'static str, op: CompareOp, literal: &Literal) -> Option<Driver> {
        let rank = match (column, op) {
            (Column::Id | Column::Key, CompareOp::Eq) => Rank::Unique,
            (Column::ExternalId, CompareOp::Eq) => Rank::External,
            (Column::Key | Column::Display | Column::Family | Column::Given, CompareOp::Co | CompareOp::Ew)
            | (Column::Given, CompareOp::Eq | CompareOp::Sw) => {
                if let Some(set) = self.candidates(literal) {
                    return Some(Driver { set, rank: Rank::Grams, rest: None, anchor: Anchor::Set });
                }
                Rank::Index
            }
            (_, CompareOp::Eq) => Rank::Value,
            (_, CompareOp::Sw) => Rank::Head,
            (_, CompareOp::Gt | CompareOp::Ge | CompareOp::Lt | CompareOp::Le) => Rank::Range,
            (_, CompareOp::Co | CompareOp::Ew) => Rank::Index,
            (_, CompareOp::Ne) => return None,
        };
        if column == Column::Given || rank == Rank::Index && self.txn.dialect() == Dialect::Postgres {
            return None;
        }
        let Condition::Sql(condition) = self.text(in_set, op, literal) else { return None };
        let set = Sql::new(match (column, self.txn.dialect()) {
            // What is asked of a whole index is asked of a narrow one.
            (Column::Display, Dialect::Sqlite) => {
                "SELECT q.seq FROM resources q INDEXED BY r_disp WHERE q.tenant_id = "
            }
            (Column::Family, Dialect::Sqlite) => "SELECT q.seq FROM resources q INDEXED BY r_fam WHERE q.tenant_id = ",
            _ => "SELECT q.seq FROM resources q WHERE q.tenant_id = ",
        })
        .int(self.txn.key());
        let set = match column {
            Column::Id => set,
            Column::Key => set.raw(" AND q.scope = 0 AND q.type = ").int(self.type_number),
            _ => set.raw(" AND ").add(self.part.owners(self.txn.key())).raw(" AND q.type = ").int(self.type_number),
        };
        let set = set.raw(" AND ").add(condition);
        let set = if rank == Rank::Index { set.raw(self.in_time("q.seq")) } else { set };
        Some(Driver { set, rank, rest: None, anchor: if rank == Rank::Unique { Anchor::Row } else { Anchor::Set } })
    }

    /// A SELECT of the resources that may have these characters in a text.
    fn candidates(&self, literal: &Literal) -> Option<Sql> {
        let wanted = grams::wanted(self.txn.key(), &literal_text(literal))?;
        Some(grams::candidates(self.txn.dialect(), self.txn.key(), &wanted))
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
        let Some(number) = self.txn.find_number(path)? else {
            return Ok(Compiled::constant(sense == Sense::Negated));
        };
        let condition = self.row_condition("v.folded", term);
        let Condition::Sql(condition) = condition else { return Ok(in_sense_of(&condition, sense)) };
        let overlong = self.overlong(&term.test)?;
        let rows = Sql::empty().int(self.txn.key()).raw(" AND v.path = ").int(number).raw(" AND ").add(condition);
        let of_row = has_rows_like(self.txn.dialect(), rows.clone(), sense);
        let compiled = match (sense, &term.test) {
            (Sense::Negated, _) | (Sense::Plain, Test::Present) => Compiled::exact(of_row),
            (Sense::Plain, Test::Compare(op, literal)) => {
                let rank = match op {
                    CompareOp::Eq => Rank::Value,
                    CompareOp::Sw => Rank::Head,
                    CompareOp::Gt | CompareOp::Ge | CompareOp::Lt | CompareOp::Le => Rank::Range,
                    CompareOp::Ne | CompareOp::Co | CompareOp::Ew => Rank::Index,
                };
                let is_part = matches!(op, CompareOp::Co | CompareOp::Ew) && path == grams::VALUES;
                if let Some(set) = self.candidates(literal).filter(|_| is_part) {
                    let rest = Some(of_row.clone());
                    Compiled::driven(of_row, Driver { set, rank: Rank::Grams, rest, anchor: Anchor::Set })
                } else {
                    let set = Sql::new("SELECT v.resource ").raw(ROWS).add(rows);
                    let set = if rank == Rank::Index { set.raw(self.in_time("v.resource")) } else { set };
                    Compiled::with_set(of_row, set, rank)
                }
            }
        };
        Ok(if overlong { self.overlong_too(compiled, &term.target) } else { compiled })
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
    fn overlong_too(&mut self, compiled: Compiled, target: &Target) -> Compiled {
        self.unanswered.get_or_insert_with(|| target.key.to_string());
        let long = Compiled::with_set(
            Sql::new("r.present >= 4611686018427387904"),
            Sql::new("SELECT q.seq FROM resources q WHERE q.tenant_id = ")
                .int(self.txn.key())
                .raw(" AND q.type = ")
                .int(self.type_number)
                .raw(" AND q.present >= 4611686018427387904"),
            Rank::Value,
        );
        self.any(vec![compiled, long]).inexact()
    }

    fn groups(&self, test: &Test, sense: Sense) -> Compiled {
        let condition = match test {
            Test::Present => Condition::Sql(Sql::new("g.id IS NOT NULL")),
            Test::Compare(op, literal) => self.text("g.id", *op, literal),
        };
        let Condition::Sql(condition) = condition else { return in_sense_of(&condition, sense) };
        let of = Sql::new(
            "FROM memberships m JOIN resources g ON g.tenant_id = m.tenant_id AND g.seq = m.grp WHERE m.tenant_id = ",
        )
        .int(self.txn.key())
        .raw(" AND g.tenant_id = ")
        .int(self.txn.key())
        .raw(" AND ")
        .add(self.groups.clone())
        .raw(" AND ")
        .add(condition);
        self.membership(test, "m.member", of, sense)
    }

    fn members(&self, test: &Test, sense: Sense) -> Compiled {
        let tenant = self.txn.key();
        let of = Sql::new("FROM memberships m WHERE m.tenant_id = ").int(tenant);
        let of = match test {
            Test::Present => of,
            Test::Compare(op, literal) => {
                let condition = self.text(if *op == CompareOp::Eq { "q.id" } else { "m.member_id" }, *op, literal);
                let Condition::Sql(condition) = condition else { return in_sense_of(&condition, sense) };
                if *op == CompareOp::Eq {
                    // By the member's row, which the reverse index leads with.
                    of.raw(" AND m.member IN (SELECT q.seq FROM resources q WHERE q.tenant_id = ")
                        .int(tenant)
                        .raw(" AND ")
                        .add(condition)
                        .raw(")")
                } else {
                    of.raw(" AND ").add(condition)
                }
            }
        };
        self.membership(test, "m.grp", of, sense)
    }

    /// A condition on the memberships that these clauses select, where `side` is the number of the row.
    fn membership(&self, test: &Test, side: &'static str, of: Sql, sense: Sense) -> Compiled {
        let of_row = Sql::new(match sense {
            Sense::Plain => "EXISTS (SELECT 1 ",
            Sense::Negated => "NOT EXISTS (SELECT 1 ",
        })
        .add(of.clone())
        .raw(" AND ")
        .raw(side)
        .raw(" = r.seq)");
        let rank = match test {
            // Nearly all users are in some group, and nearly all groups have members.
            Test::Present => return Compiled::exact(of_row),
            Test::Compare(CompareOp::Eq, _) => Rank::Value,
            Test::Compare(..) => Rank::Index,
        };
        let set = Sql::new("SELECT ").raw(side).raw(" ").add(of);
        let set = if rank == Rank::Index { set.raw(self.in_time("m.member")) } else { set };
        match sense {
            Sense::Plain => Compiled::with_set(of_row, set, rank),
            Sense::Negated => Compiled::exact(of_row),
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

/// Whether the row `r` has value rows like these, or that it has none.
fn has_rows_like(dialect: Dialect, rows: Sql, sense: Sense) -> Sql {
    Sql::new(match sense {
        Sense::Plain => "EXISTS (SELECT 1 ",
        Sense::Negated => "NOT EXISTS (SELECT 1 ",
    })
    .raw(rows_of_resource(dialect))
    .add(rows)
    .raw(" AND v.resource = r.seq)")
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
