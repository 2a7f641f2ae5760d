//! Equality of values, and what a read-only attribute in a request does (RFC 7643 §2.2).

use scim_schema::Attribute;
use serde_json::{Map, Value};

use crate::elements::comparison_form;

/// Whether two values of an attribute are the same: text by its comparison form, times as instants,
/// arrays without regard to order.
pub(crate) fn same(attribute: &Attribute, left: &Value, right: &Value) -> bool {
    if left == right {
        return true;
    }
    match (left, right) {
        (Value::Array(left), Value::Array(right)) if attribute.multi_valued => {
            pairs_up(left, right, |left, right| same_single(attribute, left, right))
        }
        _ => same_single(attribute, left, right),
    }
}

fn same_single(attribute: &Attribute, left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, part)| {
                    right.get(name).is_some_and(|other| match attribute.sub_attribute(name) {
                        Some(sub) => same(sub, part, other),
                        None => part == other,
                    })
                })
        }
        (Value::String(_), Value::String(_)) => comparison_form(attribute, left) == comparison_form(attribute, right),
        _ => left == right,
    }
}

/// Whether every element of one list has its own partner in the other, and none is left over.
fn pairs_up(left: &[Value], right: &[Value], equal: impl Fn(&Value, &Value) -> bool) -> bool {
    if left.len() != right.len() {
        return false;
    }
    if left.iter().zip(right).all(|(left, right)| equal(left, right)) {
        return true;
    }
    let mut free: Vec<&Value> = right.iter().collect();
    left.iter().all(|element| match free.iter().position(|other| equal(element, other)) {
        Some(index) => {
            free.swap_remove(index);
            true
        }
        None => false,
    })
}

/// Whether a value sent for a read-only attribute says nothing that differs from the present one.
/// An object may leave out sub-attributes; `null` and empty values are the absence of one.
pub(crate) fn says_nothing_new(attribute: &Attribute, sent: &Value, present: Option<&Value>) -> bool {
    if is_unassigned(sent) {
        return present.is_none_or(is_unassigned);
    }
    let Some(present) = present else {
        return false;
    };
    match (sent, present) {
        (Value::Array(sent), Value::Array(present)) => {
            pairs_up(sent, present, |sent, present| single_says_nothing_new(attribute, sent, present))
        }
        _ => single_says_nothing_new(attribute, sent, present),
    }
}

fn single_says_nothing_new(attribute: &Attribute, sent: &Value, present: &Value) -> bool {
    let (Value::Object(sent), Value::Object(present)) = (sent, present) else {
        return same_single(attribute, sent, present);
    };
    sent.iter().all(|(name, part)| {
        let other = find_ignore_case(present, name);
        match attribute.sub_attribute(name) {
            Some(sub) => says_nothing_new(sub, part, other),
            None => other == Some(part),
        }
    })
}

/// Whether a value is the same as none at all (RFC 7643 §2.5).
pub(crate) fn is_unassigned(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// The value of a name in any letter case, the exact spelling first.
pub(crate) fn find_ignore_case<'m>(map: &'m Map<String, Value>, name: &str) -> Option<&'m Value> {
    map.get(name).or_else(|| map.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}
