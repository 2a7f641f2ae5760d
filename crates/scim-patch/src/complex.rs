//! Complex values: the objects of single attributes and of elements (RFC 7643 §2.3.8).

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use scim_schema::{Attribute, Mutability, ScimError};
use serde_json::{Map, Value};

use crate::{
    apply::{Engine, immutable, put_in},
    attribute::{Change, WriteOp, required},
    elements,
    lists::one_element,
    read_only::{is_unassigned, same},
    target::Place,
};

/// The object written to a complex value, checked.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Parts {
    /// Sub-attributes with their values, in canonical spelling.
    pub(crate) set: Map<String, Value>,
    /// Sub-attributes sent as `null`.
    pub(crate) cleared: Vec<String>,
}

impl Engine<'_> {
    /// Checks the object written to a complex value and parts it into what is set and what is
    /// cleared.
    pub(crate) fn parts(
        &mut self,
        attribute: &Attribute,
        key: &str,
        op: WriteOp,
        value: Value,
    ) -> Result<Parts, ScimError> {
        let mut parts = Parts::default();
        let value = match value {
            Value::Object(object) => {
                let mut sent = Map::new();
                for (name, value) in self.spelled(attribute, object)? {
                    let is_list = attribute.sub_attribute(&name).is_some_and(|sub| sub.multi_valued);
                    let is_empty_list = is_list && is_unassigned(&value);
                    if value.is_null() || (is_empty_list && op == WriteOp::Replace) {
                        parts.cleared.push(name);
                    } else if !is_empty_list {
                        sent.insert(name, value);
                    }
                }
                if sent.is_empty() {
                    return Ok(parts);
                }
                Value::Object(sent)
            }
            Value::Array(_) if attribute.multi_valued => return Err(one_element(key)),
            other => other,
        };
        let checked = if attribute.multi_valued {
            self.checked_element(attribute, key, value)?
        } else {
            self.checked(attribute, key, value)?
        };
        if let Value::Object(set) = checked {
            parts.set = set;
        }
        Ok(parts)
    }

    /// The parts in their declared spelling; of one given in several spellings the last.
    fn spelled(
        &mut self,
        attribute: &Attribute,
        object: Map<String, Value>,
    ) -> Result<Vec<(String, Value)>, ScimError> {
        let mut spelled: Vec<(String, Value)> = Vec::with_capacity(object.len());
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for (name, value) in object {
            let name = if let Some(sub) = attribute.sub_attribute(&name) {
                sub.name.clone()
            } else {
                self.spend(name.len())?;
                name
            };
            let next = (name, value);
            match places.entry(next.0.to_ascii_lowercase()) {
                Entry::Vacant(entry) => {
                    entry.insert(spelled.len());
                    spelled.push(next);
                }
                Entry::Occupied(entry) => {
                    if let Some(earlier) = spelled.get_mut(*entry.get()) {
                        *earlier = next;
                    }
                }
            }
        }
        Ok(spelled)
    }

    /// Changes one sub-attribute of one complex value.
    pub(crate) fn change_sub(
        &self,
        place: Place<'_>,
        sub: &Attribute,
        object: &mut Map<String, Value>,
        change: Change,
    ) -> Result<(), ScimError> {
        match change {
            Change::Remove => set_sub(place, sub, object, None),
            Change::Write(op, value) => {
                if sub.multi_valued && is_unassigned(&value) {
                    return match op {
                        WriteOp::Add => Ok(()),
                        WriteOp::Replace => set_sub(place, sub, object, None),
                    };
                }
                let key = Place { sub: Some(sub), ..place }.key();
                let value = self.checked(sub, &key, value)?;
                if value.is_null() {
                    return set_sub(place, sub, object, None);
                }
                write_sub(place, sub, object, value, op)
            }
        }
    }
}

/// Puts checked parts into a complex value; what they do not name stays.
pub(crate) fn merge(
    place: Place<'_>,
    object: &mut Map<String, Value>,
    parts: Parts,
    op: WriteOp,
) -> Result<(), ScimError> {
    for name in &parts.cleared {
        match place.attribute.sub_attribute(name) {
            Some(sub) if sub.mutability == Mutability::ReadOnly => {}
            Some(sub) => set_sub(place, sub, object, None)?,
            None => put_in(object, name, None),
        }
    }
    for (name, value) in parts.set {
        match place.attribute.sub_attribute(&name) {
            Some(sub) => write_sub(place, sub, object, value, op)?,
            None => put_in(object, &name, Some(value)),
        }
    }
    Ok(())
}

/// Takes out of an element what its replacement does not name. Immutable and read-only parts stay,
/// since the client cannot take them away.
pub(crate) fn clear_unnamed(place: Place<'_>, object: &mut Map<String, Value>, parts: &Parts) -> Result<(), ScimError> {
    for (name, _) in object.iter().filter(|(name, _)| !parts.set.contains_key(*name)) {
        let sub = place.attribute.sub_attribute(name);
        if let Some(sub) = sub.filter(|sub| sub.required && sub.mutability == Mutability::ReadWrite) {
            return Err(required(&Place { sub: Some(sub), ..place }.key()));
        }
    }
    object.retain(|name, _| {
        let stays = place
            .attribute
            .sub_attribute(name)
            .is_some_and(|sub| matches!(sub.mutability, Mutability::ReadOnly | Mutability::Immutable));
        stays || parts.set.contains_key(name)
    });
    Ok(())
}

/// Writes the sub-attributes of an added element into the one that it joins.
pub(crate) fn update(place: Place<'_>, present: &mut Value, element: Value) -> Result<(), ScimError> {
    if let (Value::Object(present), Value::Object(set)) = (present, element) {
        merge(place, present, Parts { set, cleared: Vec::new() }, WriteOp::Add)?;
    }
    Ok(())
}

fn write_sub(
    place: Place<'_>,
    sub: &Attribute,
    object: &mut Map<String, Value>,
    value: Value,
    op: WriteOp,
) -> Result<(), ScimError> {
    if is_unassigned(&value) {
        return Ok(());
    }
    let value = match (value, object.get(&sub.name)) {
        (Value::Array(added), Some(Value::Array(present))) if op == WriteOp::Add => {
            let form = |value: &Value| elements::comparison_form(sub, value);
            let mut seen: BTreeSet<String> = present.iter().map(form).collect();
            let mut all = present.clone();
            all.extend(added.into_iter().filter(|value| seen.insert(form(value))));
            Value::Array(all)
        }
        (value, _) => value,
    };
    set_sub(place, sub, object, Some(value))
}

/// Sets or clears one sub-attribute.
///
/// # Errors
/// [`ScimError`] 400 `mutability` if an immutable one has another value or a required one would go.
fn set_sub(
    place: Place<'_>,
    sub: &Attribute,
    object: &mut Map<String, Value>,
    next: Option<Value>,
) -> Result<(), ScimError> {
    if let Some(current) = object.get(&sub.name) {
        let key = || Place { sub: Some(sub), ..place }.key();
        if sub.mutability == Mutability::Immutable {
            return match next {
                Some(next) if same(sub, current, &next) => Ok(()),
                _ => Err(immutable(&key())),
            };
        }
        if next.is_none() && sub.required {
            return Err(required(&key()));
        }
    }
    put_in(object, &sub.name, next);
    Ok(())
}
