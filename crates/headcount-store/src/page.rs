//! Parts of a result.

use headcount_model::Seq;

use crate::resources::StoredResource;

/// Which part of a result is wanted.
#[derive(Clone, PartialEq, Debug)]
pub enum Window {
    /// By index (RFC 7644 §3.4.2.4).
    Index {
        /// How many to skip: `startIndex - 1`.
        offset: u64,
        /// How many at most; 0: only the total.
        limit: u64,
    },
    /// By cursor (RFC 9865): what comes after a key, or the first part.
    After {
        /// The last key of the part before; `None`: the first part.
        key: Option<PageKey>,
        /// How many at most.
        limit: u64,
    },
}

/// Where a part of a result ended.
#[derive(Clone, PartialEq, Debug)]
pub struct PageKey {
    /// The sort value of the last resource in its comparison form; `None`: it has none, or the
    /// result is by sequence.
    pub sort: Option<SortValue>,
    /// Its sequence.
    pub seq: Seq,
}

/// A sort value.
#[derive(Clone, PartialEq, Debug)]
pub enum SortValue {
    /// Text in its comparison form.
    Text(String),
    /// A number, boolean (0, 1) or instant (microseconds).
    Number(f64),
    /// A whole number or instant.
    Integer(i64),
}

/// A part of a result.
#[derive(Clone, Debug)]
pub struct Page {
    /// The resources, in order.
    pub resources: Vec<StoredResource>,
    /// How many the whole result has.
    pub total: u64,
    /// Where this part ended, if there is more (cursor windows only).
    pub next: Option<PageKey>,
}
