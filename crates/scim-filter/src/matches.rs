//! Matching in memory: the reference that stores' SQL must agree with.
//!
//! Documents have the canonical spelling of their schemas. A predicate made from a parsed filter is
//! at most a few dozen levels deep, which bounds the recursion here.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::{
    ast::CompareOp,
    number,
    predicate::{Literal, Predicate, Target, Term, Test},
};

/// Whether a rendered resource (with `id`, `meta`, and, where the predicate asks for them, `groups`
/// and `members`) satisfies the predicate.
#[must_use]
pub fn resource(predicate: &Predicate, document: &Map<String, Value>) -> bool {
    match predicate {
        Predicate::All => true,
        Predicate::Nothing => false,
        Predicate::And(parts) => parts.iter().all(|part| resource(part, document)),
        Predicate::Or(parts) => parts.iter().any(|part| resource(part, document)),
        Predicate::Not(inner) => !resource(inner, document),
        Predicate::Term(term) => elements(&term.target, document).iter().any(|element| holds(term, element)),
        Predicate::Element(target, inner) => elements(target, document).iter().any(|one| element(inner, one)),
    }
}

/// Whether one element of a multi-valued attribute satisfies a predicate made by
/// [`Predicate::compile_element`]. The elements of simple multi-valued attributes answer to the
/// sub-attribute `value`.
#[must_use]
pub fn element(predicate: &Predicate, element: &Value) -> bool {
    match predicate {
        Predicate::All => true,
        // An element has no elements of its own: sub-attributes are never complex (RFC 7643 §2.3.8).
        Predicate::Nothing | Predicate::Element(..) => false,
        Predicate::And(parts) => parts.iter().all(|part| self::element(part, element)),
        Predicate::Or(parts) => parts.iter().any(|part| self::element(part, element)),
        Predicate::Not(inner) => !self::element(inner, element),
        Predicate::Term(term) => holds(term, element),
    }
}

/// The values of the target's top-level attribute: the elements of an array, or the single value.
pub(crate) fn elements<'d>(target: &Target, document: &'d Map<String, Value>) -> &'d [Value] {
    let container = match &target.extension {
        None => Some(document),
        Some(urn) => document.get(&**urn).and_then(Value::as_object),
    };
    container.and_then(|container| container.get(&*target.name)).map_or(&[], values)
}

/// The values of the target within one element of its top-level attribute.
pub(crate) fn leaves<'d>(target: &Target, element: &'d Value) -> &'d [Value] {
    match (&target.sub, element) {
        (None, _) => std::slice::from_ref(element),
        (Some(sub), Value::Object(parts)) => parts.get(&**sub).map_or(&[], values),
        (Some(sub), _) if &**sub == "value" => std::slice::from_ref(element),
        (Some(_), _) => &[],
    }
}

fn values(value: &Value) -> &[Value] {
    match value {
        Value::Array(elements) => elements,
        single => std::slice::from_ref(single),
    }
}

fn holds(term: &Term, element: &Value) -> bool {
    leaves(&term.target, element).iter().any(|value| match &term.test {
        Test::Present => has_value(value),
        Test::Compare(op, literal) => compares(&term.target, value, *op, literal),
    })
}

/// Whether a value is neither null nor empty (RFC 7644 §3.4.2.2, Table 3, `pr`).
fn has_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => elements.iter().any(has_value),
        Value::Object(parts) => parts.values().any(has_value),
    }
}

fn compares(target: &Target, value: &Value, op: CompareOp, literal: &Literal) -> bool {
    if let (Value::String(text), Literal::Text(wanted)) = (value, literal) {
        let text = target.comparison_form(text);
        match op {
            CompareOp::Co => return text.contains(wanted.as_str()),
            CompareOp::Sw => return text.starts_with(wanted.as_str()),
            CompareOp::Ew => return text.ends_with(wanted.as_str()),
            _ => {}
        }
    }
    let Some(ordering) = compare_values(target, value, literal) else {
        return false;
    };
    match op {
        CompareOp::Eq => ordering == Ordering::Equal,
        CompareOp::Ne => ordering != Ordering::Equal,
        CompareOp::Gt => ordering == Ordering::Greater,
        CompareOp::Ge => ordering != Ordering::Less,
        CompareOp::Lt => ordering == Ordering::Less,
        CompareOp::Le => ordering != Ordering::Greater,
        CompareOp::Co | CompareOp::Sw | CompareOp::Ew => false,
    }
}

/// The order of a stored value of `target` and a literal: text by code point of its comparison
/// form, dates as instants, numbers by value. `None` if the value is of another type.
#[must_use]
pub fn compare_values(target: &Target, value: &Value, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (Value::String(text), Literal::Text(wanted)) => {
            // UTF-8 sorts as its code points do.
            Some(target.comparison_form(text).as_ref().cmp(wanted.as_str()))
        }
        (Value::String(text), Literal::Instant(wanted)) => {
            scim_schema::datetime::parse(text).map(|instant| instant.cmp(wanted))
        }
        (Value::Number(stored), Literal::Number(wanted)) => Some(number::compare(stored, wanted)),
        (Value::Bool(stored), Literal::Boolean(wanted)) => Some(stored.cmp(wanted)),
        _ => None,
    }
}
