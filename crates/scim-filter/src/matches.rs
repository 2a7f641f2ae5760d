//! Matching in memory.

use serde_json::{Map, Value};

use crate::predicate::Predicate;

/// Whether a rendered resource (with `id`, `meta`, and, where the predicate asks for them, `groups`
/// and `members`) satisfies the predicate.
#[must_use]
pub fn resource(predicate: &Predicate, document: &Map<String, Value>) -> bool {
    let _ = (predicate, document);
    todo!()
}

/// Whether one element of a multi-valued attribute satisfies a predicate made by
/// [`Predicate::compile_element`]. The elements of simple multi-valued attributes answer to the
/// sub-attribute `value`.
#[must_use]
pub fn element(predicate: &Predicate, element: &Value) -> bool {
    let _ = (predicate, element);
    todo!()
}
