//! The elements of multi-valued attributes: which are equal, which is primary (RFC 7643 §2.4).

use std::collections::{BTreeMap, BTreeSet};

use scim_schema::{AttrType, Attribute, ScimError, ScimType, datetime, fold::fold};
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
        Self { marked: elements.clone(), elements }
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
    list.iter().position(is_primary).or(if list.is_empty() { None } else { Some(0) })
}

/// Whether some element is the primary one.
pub(crate) fn has_primary(list: &[Value]) -> bool {
    list.iter().any(is_primary)
}

/// Whether a present element of the same identity already says all that the added one says ("if the
/// target location already contains the value specified, no changes SHOULD be made", RFC 7644
/// §3.5.2.1); an added one may leave parts out.
pub(crate) fn holds(attribute: &Attribute, present: &Value, added: &Value) -> bool {
    let (Value::Object(present), Value::Object(added)) = (present, added) else {
        return same(attribute, present, added);
    };
    added.iter().all(|(name, part)| {
        present.get(name).is_some_and(|other| match attribute.sub_attribute(name) {
            Some(sub) => same(sub, part, other),
            None => part == other,
        })
    })
}

/// What makes an element the same as another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Identity {
    /// `type` and `value` in their comparison forms (RFC 7643 §2.4); for simple values the value.
    Pair(Option<String>, String),
    /// All of an element that has no `value`.
    Whole(String),
}

impl Identity {
    fn of(attribute: &Attribute, element: &Value) -> Self {
        if attribute.attr_type != AttrType::Complex {
            return Self::Pair(None, comparison_form(attribute, element));
        }
        match form_of_part(attribute, "value", element) {
            Some(value) => Self::Pair(form_of_part(attribute, "type", element), value),
            None => Self::Whole(sorted(element).to_string()),
        }
    }
}

/// Where elements are found again without a look at each, since a request may hold very many.
pub(crate) struct Index {
    by_identity: BTreeMap<Identity, usize>,
    by_value: BTreeMap<String, usize>,
}

impl Index {
    pub(crate) fn of(attribute: &Attribute, list: &[Value]) -> Self {
        let mut index = Self { by_identity: BTreeMap::new(), by_value: BTreeMap::new() };
        for (at, element) in list.iter().enumerate() {
            if let Some(value) = form_of_part(attribute, "value", element) {
                index.by_value.entry(value).or_insert(at);
            }
            index.insert(attribute, element, at);
        }
        index
    }

    /// Notes where an element with this identity is; of several the first counts.
    pub(crate) fn insert(&mut self, attribute: &Attribute, element: &Value, at: usize) {
        self.by_identity.entry(Identity::of(attribute, element)).or_insert(at);
    }

    /// The element that has the same `type` and `value`, or is equal where there is no `value`.
    pub(crate) fn find(&self, attribute: &Attribute, element: &Value) -> Option<usize> {
        self.by_identity.get(&Identity::of(attribute, element)).copied()
    }

    /// The element that had the same `value` from the start.
    pub(crate) fn find_value(&self, attribute: &Attribute, element: &Value) -> Option<usize> {
        self.by_value.get(&form_of_part(attribute, "value", element)?).copied()
    }
}

fn form_of_part(attribute: &Attribute, name: &str, element: &Value) -> Option<String> {
    let part = element.get(name)?;
    Some(match attribute.sub_attribute(name) {
        Some(sub) => comparison_form(sub, part),
        None => part.to_string(),
    })
}

/// A text that two simple values have in common exactly if they are the same.
pub(crate) fn comparison_form(attribute: &Attribute, value: &Value) -> String {
    match value {
        Value::String(text) if attribute.attr_type == AttrType::DateTime => match datetime::parse(text) {
            Some(instant) => instant.to_string(),
            None => text.clone(),
        },
        Value::String(text) if attribute.compares_exactly() => text.clone(),
        Value::String(text) => fold(text).into_owned(),
        other => other.to_string(),
    }
}

/// The value with the names of its objects in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(parts) => {
            let mut names: Vec<&String> = parts.keys().collect();
            names.sort();
            let part = |name: &String| parts.get(name).map(|part| (name.clone(), sorted(part)));
            Value::Object(names.into_iter().filter_map(part).collect())
        }
        Value::Array(elements) => Value::Array(elements.iter().map(sorted).collect()),
        simple => simple.clone(),
    }
}

/// The refusal of a second element with the same `type` and `value`.
pub(crate) fn duplicate(key: &str) -> ScimError {
    ScimError::typed(
        ScimType::InvalidValue,
        format!("`{key}` would hold the same `type` and `value` twice; change the element that is there instead"),
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
    let mut primaries = written.marked.iter().copied().filter(|index| is_primary_at(&list, *index));
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
    let mut alike: BTreeMap<Identity, Vec<usize>> = BTreeMap::new();
    for (index, element) in list.iter().enumerate() {
        alike.entry(Identity::of(attribute, element)).or_default().push(index);
    }
    let mut gone: BTreeSet<usize> = BTreeSet::new();
    for index in written.elements.iter().copied() {
        let Some(element) = list.get(index).filter(|_| !gone.contains(&index)) else {
            continue;
        };
        let identity = Identity::of(attribute, element);
        // Without a `value`, elements are no more than equal (two addresses may well be).
        if matches!(identity, Identity::Whole(_)) {
            continue;
        }
        for other_index in alike.get(&identity).into_iter().flatten().copied() {
            if other_index == index || gone.contains(&other_index) {
                continue;
            }
            let is_same = list.get(other_index).is_some_and(|other| same(attribute, element, other));
            if !settles && !is_same {
                return Err(duplicate(key));
            }
            gone.insert(other_index);
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
