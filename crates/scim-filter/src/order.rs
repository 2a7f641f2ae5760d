//! Sorting in memory (RFC 7644 §3.4.2.3): the reference that stores' SQL must agree with.

use std::cmp::Ordering;

use scim_schema::AttrType;
use serde_json::{Map, Number, Value};

use crate::{matches, number, predicate::Target};

/// What a resource is sorted by. Keys of one target are of one kind; different kinds have an
/// arbitrary but total order.
#[derive(Clone, Debug)]
pub enum SortKey {
    /// `false` before `true`.
    Boolean(bool),
    /// By value.
    Number(Number),
    /// Microseconds since the epoch.
    Instant(i64),
    /// Text in its comparison form, by code point.
    Text(String),
}

impl SortKey {
    fn kind(&self) -> u8 {
        match self {
            Self::Boolean(_) => 0,
            Self::Number(_) => 1,
            Self::Instant(_) => 2,
            Self::Text(_) => 3,
        }
    }
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Boolean(left), Self::Boolean(right)) => left.cmp(right),
            (Self::Number(left), Self::Number(right)) => number::compare(left, right),
            (Self::Instant(left), Self::Instant(right)) => left.cmp(right),
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            _ => self.kind().cmp(&other.kind()),
        }
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SortKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for SortKey {}

/// The key of a document, `None` if it has no data for the target.
///
/// For a multi-valued attribute it is the value of the first element marked `primary` that has one,
/// else the first value in the list (RFC 7644 §3.4.2.3). An empty string is a value.
#[must_use]
pub fn sort_key(target: &Target, document: &Map<String, Value>) -> Option<SortKey> {
    let elements = matches::elements(target, document);
    let primary = elements.iter().filter(|element| element.get("primary") == Some(&Value::Bool(true)));
    primary
        .chain(elements)
        .find_map(|element| matches::leaves(target, element).iter().find_map(|value| key_of(target, value)))
}

/// Ascending order: those without data come last. The reverse is the descending order, in which
/// they come first. Ties are broken by the caller (by `seq`, in both directions ascending).
#[must_use]
pub fn ascending(left: Option<&SortKey>, right: Option<&SortKey>) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) => left.cmp(right),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

fn key_of(target: &Target, value: &Value) -> Option<SortKey> {
    match (target.attr_type, value) {
        (AttrType::DateTime, Value::String(text)) => scim_schema::datetime::parse(text).map(SortKey::Instant),
        (AttrType::String | AttrType::Reference | AttrType::Binary, Value::String(text)) => {
            Some(SortKey::Text(target.comparison_form(text).into_owned()))
        }
        (AttrType::Boolean, Value::Bool(boolean)) => Some(SortKey::Boolean(*boolean)),
        (AttrType::Integer | AttrType::Decimal, Value::Number(number)) => Some(SortKey::Number(number.clone())),
        _ => None,
    }
}
