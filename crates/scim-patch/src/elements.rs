//! The elements of multi-valued attributes: which are equal, which is primary (RFC 7643 §2.4).

use scim_schema::{AttrType, Attribute, ScimError, ScimType};
use serde_json::Value;

use crate::{dialect::Dialect, read_only::same};

/// What an operation wrote of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Written {
    /// The indices of the elements, in the order of the request.
    pub(crate) elements: Vec<usize>,
    /// Those of them whose mark `primary`, if they have it, is the operation's wish.
    pub(crate) marked: Vec<usize>,
}

impl Written {
    /// Elements written as a whole, or all alike.
    pub(crate) fn all(elements: Vec<usize>) -> Self {
        Self {
            marked: elements.clone(),
            elements,
        }
    }
}

/// The elements of a value.
pub(crate) fn of(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(elements)) => elements,
        None | Some(Value::Null) => Vec::new(),
        Some(single) => vec![single],
    }
}

/// The element that a sub-attribute path without a filter means to identity providers.
pub(crate) fn preferred(list: &[Value]) -> Option<usize> {
    // QUIRK(entra): `emails.value` is written by people into mappings and means the main address.
    list.iter()
        .position(is_primary)
        .or(if list.is_empty() { None } else { Some(0) })
}

/// Whether some element is the primary one.
pub(crate) fn has_primary(list: &[Value]) -> bool {
    list.iter().any(is_primary)
}

/// Whether a present element already says all that the added one says ("if the target location
/// already contains the value specified, no changes SHOULD be made", RFC 7644 §3.5.2.1). Where
/// elements have a `value`, an added one may leave out other sub-attributes than `type`.
pub(crate) fn holds(attribute: &Attribute, present: &Value, added: &Value) -> bool {
    let (Value::Object(present_parts), Value::Object(added_parts)) = (present, added) else {
        return same_element(attribute, present, added);
    };
    if !is_pair(attribute, present, added) {
        return present == added;
    }
    added_parts.iter().all(|(name, part)| {
        present_parts
            .get(name)
            .is_some_and(|other| match attribute.sub_attribute(name) {
                Some(sub) => same(sub, part, other),
                None => part == other,
            })
    })
}

/// Whether two elements have the same `value` and the same `type` (RFC 7643 §2.4).
pub(crate) fn is_pair(attribute: &Attribute, left: &Value, right: &Value) -> bool {
    has_same_value(attribute, left, right) && same_part(attribute, "type", left, right)
}

/// Whether two elements have the same `value`.
pub(crate) fn has_same_value(attribute: &Attribute, left: &Value, right: &Value) -> bool {
    if attribute.attr_type != AttrType::Complex {
        return same_element(attribute, left, right);
    }
    left.get("value").is_some() && same_part(attribute, "value", left, right)
}

/// The refusal of a second element with the same `type` and `value`.
pub(crate) fn duplicate(key: &str) -> ScimError {
    ScimError::typed(
        ScimType::InvalidValue,
        format!(
            "`{key}` would hold the same `type` and `value` twice; change the element that is there instead"
        ),
    )
}

/// Keeps `primary` single and collapses equal elements after a write: the primary element is the
/// one just marked (RFC 7644 §3.5.2), and of equal ones the one just written stays.
///
/// # Errors
/// [`ScimError`] 400 `invalidValue` if more than one of the written is primary, or two elements have
/// the same `type` and `value`, and the dialect does not settle that.
pub(crate) fn settle(
    attribute: &Attribute,
    key: &str,
    mut list: Vec<Value>,
    written: &Written,
    dialect: &Dialect,
) -> Result<Vec<Value>, ScimError> {
    let settles = dialect.coercion.duplicate_primary.accepts();
    let is_primary_at = |list: &[Value], index: usize| list.get(index).is_some_and(is_primary);
    let mut primaries = written
        .marked
        .iter()
        .copied()
        .filter(|index| is_primary_at(&list, *index));
    let winner = primaries.next();
    if primaries.next().is_some() && !settles {
        return Err(ScimError::typed(
            ScimType::InvalidValue,
            format!("more than one element of `{key}` would be primary; mark at most one"),
        ));
    }
    if let Some(winner) = winner {
        for (index, element) in list.iter_mut().enumerate() {
            if index != winner
                && is_primary(element)
                && let Value::Object(parts) = element
            {
                parts.insert("primary".to_owned(), Value::Bool(false));
            }
        }
    }
    let mut gone: Vec<usize> = Vec::new();
    for index in written.elements.iter().copied() {
        if gone.contains(&index) {
            continue;
        }
        let Some(element) = list.get(index) else {
            continue;
        };
        for (other_index, other) in list.iter().enumerate() {
            if other_index == index
                || gone.contains(&other_index)
                || !is_pair(attribute, element, other)
            {
                continue;
            }
            if !settles && !same_element(attribute, element, other) {
                return Err(duplicate(key));
            }
            gone.push(other_index);
        }
    }
    let is_empty = |element: &Value| element.as_object().is_some_and(serde_json::Map::is_empty);
    Ok(list
        .into_iter()
        .enumerate()
        .filter(|(index, element)| !gone.contains(index) && !is_empty(element))
        .map(|(_, element)| element)
        .collect())
}

/// Whether an element is marked as the primary one.
pub(crate) fn is_primary(element: &Value) -> bool {
    element.get("primary") == Some(&Value::Bool(true))
}

fn same_part(attribute: &Attribute, name: &str, left: &Value, right: &Value) -> bool {
    match (left.get(name), right.get(name)) {
        (Some(left), Some(right)) => match attribute.sub_attribute(name) {
            Some(sub) => same(sub, left, right),
            None => left == right,
        },
        (None, None) => true,
        _ => false,
    }
}

fn same_element(attribute: &Attribute, left: &Value, right: &Value) -> bool {
    same(attribute, left, right)
}
