//! Filters in brackets: what one element of an attribute satisfies, as a condition on its value row.

use headcount_store::{
    StoreError,
    index::{Place, place},
};
use scim_filter::{CompareOp, Literal, Predicate, Target, Term, Test};
use scim_schema::AttrType;

use super::{
    Compiled, Compiler, Condition, ROWS, bounded_by_presence,
    compiled::{Rank, Sense},
    has_rows_like, in_sense_of, needs,
};
use crate::sql::Sql;

impl Compiler<'_, '_> {
    /// An element predicate of a single-valued complex attribute: like its parts outside brackets,
    /// but false where the attribute is absent.
    pub(super) fn single_element(
        &mut self,
        target: &Target,
        inner: &Predicate,
        sense: Sense,
    ) -> Result<Compiled, StoreError> {
        if needs(inner, &|_| true) {
            return self.in_sense(inner, sense);
        }
        let unknown = self.unknown(target);
        match sense {
            Sense::Plain => Ok(self.in_sense(inner, sense)?.inexact()),
            Sense::Negated => Ok(unknown),
        }
    }

    pub(super) fn element(&mut self, target: &Target, inner: &Predicate, sense: Sense) -> Result<Compiled, StoreError> {
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
        let of_row = has_rows_like(self.txn.dialect(), rows.clone(), sense);
        match sense {
            Sense::Negated if compiled.exact => Ok(Compiled::exact(of_row)),
            Sense::Negated => Ok(Compiled::unknown()),
            Sense::Plain => {
                let set = Sql::new("SELECT v.resource ").raw(ROWS).add(rows);
                let by_value = |term: &Term| matches!(&term.test, Test::Compare(CompareOp::Eq, _)) && has_row(term);
                let by_index = needs(inner, &by_value);
                let set = if by_index { set } else { set.raw(self.in_time("v.resource")) };
                let rank = if by_index { Rank::Value } else { Rank::Index };
                Ok(Compiled { exact: compiled.exact, ..Compiled::with_set(of_row, set, rank) })
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
                Ok(if is_and == (sense == Sense::Plain) { Compiled::all(compiled) } else { self.any(compiled) })
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
