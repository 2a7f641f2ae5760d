//! Queries over resources.

use headcount_model::ConnectionKey;
use scim_filter::{Predicate, Target};

use crate::page::Window;

/// What a connection sees: what it owns and, until some connection adopts them, adoptable accounts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct View {
    /// The connection.
    pub connection: ConnectionKey,
    /// Whether it sees adoptable accounts (the switch `adopt`).
    pub adoptable: Adoptable,
}

/// Whether adoptable accounts are seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Adoptable {
    /// They are.
    Seen,
    /// They are not.
    Hidden,
}

/// The resources of one type that satisfy a predicate.
#[derive(Clone, PartialEq, Debug)]
pub struct Selection {
    /// The resource type's name.
    pub resource_type: String,
    /// The predicate, compiled for this type.
    pub predicate: Predicate,
}

/// The order of a result.
#[derive(Clone, PartialEq, Debug)]
pub struct Sort {
    /// By what; of a multi-valued attribute the first primary element that has a value, else the
    /// first that has one. Text by its comparison form, in code point order; where that stands in
    /// value rows, by as much of it as they hold ([`crate::index::LONGEST_ROW`]).
    pub target: Target,
    /// In which direction. Resources without a value come last ascending, first descending; ties by
    /// [`headcount_model::Seq`], ascending.
    pub order: Order,
}

/// A direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// Bounds of a scan of documents, for attributes without an index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScanLimits {
    /// Most documents read.
    pub documents: u64,
    /// Longest time, in milliseconds.
    pub millis: u64,
}

impl Default for ScanLimits {
    fn default() -> Self {
        Self { documents: 20_000, millis: 2_000 }
    }
}

/// A query.
#[derive(Clone, PartialEq, Debug)]
pub struct Query {
    /// Who asks.
    pub view: View,
    /// What is asked for; several types in a query at the root. The result is one list, by `sort`
    /// then by sequence.
    pub selections: Vec<Selection>,
    /// The order; `None`: by sequence.
    pub sort: Option<Sort>,
    /// Which part of the result.
    pub window: Window,
    /// Bounds on scans.
    pub scan: ScanLimits,
}
