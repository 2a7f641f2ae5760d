//! Queries: predicates matched and results sorted by the reference in `scim_filter`.

use std::{cmp::Ordering, collections::BTreeSet, sync::Arc};

use headcount_model::Seq;
use scim_filter::{
    CompareOp, Literal, Predicate, Target, Term, Test, matches,
    order::{SortKey, ascending, sort_key},
};
use scim_schema::{AttrType, Registry, ResourceType};
use serde_json::{Map, Number, Value};

use super::{Row, TenantState, resources::shows};
use crate::{
    error::StoreError,
    index::{self, Column, Place},
    page::{Page, PageKey, SortValue, Window},
    query::{Order, Query, ScanLimits, Selection, Sort, View},
};

/// A resource of the result and what it is sorted by.
struct Hit<'a> {
    row: &'a Row,
    key: Option<SortKey>,
}

impl TenantState {
    /// See [`crate::resources::ResourceTxn::query`].
    pub(super) fn search(&self, registry: &Registry, query: &Query) -> Result<Page, StoreError> {
        let mut hits = Vec::new();
        let mut total = 0_u64;
        let only_total = matches!(query.window, Window::Index { limit: 0, .. } | Window::After { limit: 0, .. });
        for selection in &query.selections {
            if only_total && selection.predicate == Predicate::All {
                total = total.saturating_add(self.count(&query.view, &selection.resource_type));
                continue;
            }
            let found = self.select(registry, query, selection)?;
            total = total.saturating_add(u64::try_from(found.len()).unwrap_or(u64::MAX));
            hits.extend(found);
        }
        let order = query.sort.as_ref().map_or(Order::Ascending, |sort| sort.order);
        hits.sort_by(|left, right| {
            compare(order, (left.key.as_ref(), left.row.stored.seq), (right.key.as_ref(), right.row.stored.seq))
        });
        let (hits, next) = cut_out(hits, query, order);
        Ok(Page { resources: hits.iter().map(|hit| hit.row.stored.clone()).collect(), total, next })
    }

    fn select(&self, registry: &Registry, query: &Query, selection: &Selection) -> Result<Vec<Hit<'_>>, StoreError> {
        let Some(resource_type) = registry.resource_type(&selection.resource_type) else { return Ok(Vec::new()) };
        let predicate = &selection.predicate;
        let scan = scanned(resource_type, predicate);
        let indexed = if scan.is_some() { indexed_part(resource_type, predicate) } else { Predicate::All };
        let mut budget = Budget { limits: query.scan, read: 0 };
        let mut hits = Vec::new();
        for row in self.candidates(resource_type, predicate) {
            if row.stored.resource_type != selection.resource_type || !shows(&query.view, &row.stored) {
                continue;
            }
            let document = self.document(&query.view, row, predicate)?;
            if let Some(target) = &scan
                && matches::resource(&indexed, &document)
            {
                budget.read(target)?;
            }
            if matches::resource(predicate, &document) {
                let key = query.sort.as_ref().and_then(|sort| key_of(resource_type, sort, &document));
                hits.push(Hit { row, key });
            }
        }
        if let Some(sort) = &query.sort
            && matches!(index::place(resource_type, &sort.target), Place::Document | Place::ElementPart { .. })
        {
            let mut budget = Budget { limits: query.scan, read: 0 };
            for _ in &hits {
                budget.read(&sort.target.key)?;
            }
        }
        Ok(hits)
    }

    /// The rows that can satisfy the predicate; fewer than all where a unique column says which.
    fn candidates(&self, resource_type: &ResourceType, predicate: &Predicate) -> Vec<&Row> {
        let terms = match predicate {
            Predicate::And(terms) => terms.as_slice(),
            other => std::slice::from_ref(other),
        };
        for term in terms {
            let Predicate::Term(Term { target, test: Test::Compare(CompareOp::Eq, Literal::Text(text)) }) = term else {
                continue;
            };
            match index::place(resource_type, target) {
                Place::Column(Column::Id) => return self.by_id(text).map(AsRef::as_ref).into_iter().collect(),
                Place::Column(Column::Key) => {
                    return self.by_key(&resource_type.name, None, text).map(AsRef::as_ref).into_iter().collect();
                }
                _ => {}
            }
        }
        self.resources.values().map(AsRef::as_ref).collect()
    }

    fn document(&self, view: &View, row: &Row, predicate: &Predicate) -> Result<Map<String, Value>, StoreError> {
        let groups =
            if predicate.asks_about("groups") { self.groups_above(view, row.stored.seq, 1) } else { Vec::new() };
        let members = if predicate.asks_about("members") { self.member_refs(row.stored.seq) } else { Vec::new() };
        index::candidate(&row.stored, &groups, &members)
    }
}

/// How many documents were read for an attribute without an index.
struct Budget {
    limits: ScanLimits,
    read: u64,
}

impl Budget {
    fn read(&mut self, attribute: &str) -> Result<(), StoreError> {
        self.read = self.read.saturating_add(1);
        if self.read > self.limits.documents {
            return Err(StoreError::TooMany { attribute: attribute.to_owned() });
        }
        Ok(())
    }
}

fn key_of(resource_type: &ResourceType, sort: &Sort, document: &Map<String, Value>) -> Option<SortKey> {
    match (sort_key(&sort.target, document)?, index::place(resource_type, &sort.target)) {
        // Value rows know no more of a longer text.
        (SortKey::Text(text), Place::Values { .. }) => Some(SortKey::Text(index::cut(&text).to_owned())),
        (key, _) => Some(key),
    }
}

/// By key in the order asked for, then by sequence, always ascending.
fn compare(order: Order, left: (Option<&SortKey>, Seq), right: (Option<&SortKey>, Seq)) -> Ordering {
    let keys = match order {
        Order::Ascending => ascending(left.0, right.0),
        Order::Descending => ascending(right.0, left.0),
    };
    keys.then_with(|| left.1.cmp(&right.1))
}

/// The window's part of a sorted result, and where it ended if there is more.
fn cut_out<'a>(hits: Vec<Hit<'a>>, query: &Query, order: Order) -> (Vec<Hit<'a>>, Option<PageKey>) {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    match &query.window {
        Window::Index { offset, limit } => {
            (hits.into_iter().skip(number(*offset)).take(number(*limit)).collect(), None)
        }
        Window::After { key, limit } => {
            let after = key.as_ref().map(|key| {
                let sort = query.sort.as_ref().zip(key.sort.as_ref());
                (sort.and_then(|(sort, value)| key_from(&sort.target, value)), key.seq)
            });
            let behind = |hit: &Hit<'_>| {
                after.as_ref().is_none_or(|(key, seq)| {
                    compare(order, (hit.key.as_ref(), hit.row.stored.seq), (key.as_ref(), *seq)) == Ordering::Greater
                })
            };
            let mut rest = hits.into_iter().filter(behind);
            let part: Vec<Hit<'_>> = rest.by_ref().take(number(*limit)).collect();
            let more = rest.next().is_some();
            let next = match part.last() {
                Some(last) => Some(PageKey { sort: last.key.as_ref().map(sort_value), seq: last.row.stored.seq }),
                None => key.clone(),
            };
            (part, next.filter(|_| more))
        }
    }
}

fn sort_value(key: &SortKey) -> SortValue {
    match key {
        SortKey::Boolean(boolean) => SortValue::Integer(i64::from(*boolean)),
        SortKey::Instant(micros) => SortValue::Integer(*micros),
        SortKey::Text(text) => SortValue::Text(text.clone()),
        SortKey::Number(number) => match number.as_i64() {
            Some(integer) => SortValue::Integer(integer),
            None => SortValue::Number(number.as_f64().unwrap_or_default()),
        },
    }
}

fn key_from(target: &Target, value: &SortValue) -> Option<SortKey> {
    match (target.attr_type, value) {
        (AttrType::Boolean, SortValue::Integer(integer)) => Some(SortKey::Boolean(*integer != 0)),
        (AttrType::DateTime, SortValue::Integer(micros)) => Some(SortKey::Instant(*micros)),
        (_, SortValue::Integer(integer)) => Some(SortKey::Number(Number::from(*integer))),
        (_, SortValue::Number(float)) => Number::from_f64(*float).map(SortKey::Number),
        (_, SortValue::Text(text)) => Some(SortKey::Text(text.clone())),
    }
}

/// The first attribute of the predicate that only documents can answer for.
fn scanned(resource_type: &ResourceType, predicate: &Predicate) -> Option<Arc<str>> {
    match predicate {
        Predicate::All | Predicate::Nothing => None,
        Predicate::And(terms) | Predicate::Or(terms) => terms.iter().find_map(|term| scanned(resource_type, term)),
        Predicate::Not(inner) => scanned(resource_type, inner),
        Predicate::Term(term) => match index::place(resource_type, &term.target) {
            Place::Document | Place::ElementPart { .. } => Some(Arc::clone(&term.target.key)),
            _ => None,
        },
        Predicate::Element(_, inner) => {
            let mut rows = BTreeSet::new();
            let mut parts = None;
            for target in inner.targets() {
                match index::place(resource_type, target) {
                    Place::Values { path, .. } => {
                        rows.insert(path);
                    }
                    Place::ElementPart { .. } => parts = Some(Arc::clone(&target.key)),
                    _ => return Some(Arc::clone(&target.key)),
                }
            }
            // The rows of one path know the parts of its elements.
            if rows.len() == 1 { None } else { parts.or_else(|| inner.targets().next().map(|t| Arc::clone(&t.key))) }
        }
    }
}

/// A predicate that every resource satisfies which satisfies the given one, and that needs no scan.
fn indexed_part(resource_type: &ResourceType, predicate: &Predicate) -> Predicate {
    match predicate {
        Predicate::And(terms) => Predicate::And(terms.iter().map(|term| indexed_part(resource_type, term)).collect()),
        Predicate::Or(terms) => Predicate::Or(terms.iter().map(|term| indexed_part(resource_type, term)).collect()),
        other if scanned(resource_type, other).is_some() => Predicate::All,
        other => other.clone(),
    }
}
