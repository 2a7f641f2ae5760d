//! Changes of declared attributes (RFC 7644 §3.5.2.1 to §3.5.2.3).

use scim_filter::{Filter, Predicate, matches};
use scim_schema::{AttrType, Attribute, Mutability, ScimError, ScimType, validate};
use serde_json::{Map, Value};

use crate::{
    apply::{Created, Engine, immutable, put_in, refuse_immutable_change},
    dialect::{self, ComplexValues, UnmatchedValueFilter, unmatched},
    elements,
    read_only::{is_unassigned, same},
    target::Place,
};

/// How a value is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WriteOp {
    Add,
    Replace,
}

/// What happens to an attribute: `add` and `replace` with `null` are a removal (RFC 7643 §2.5).
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Change {
    Write(WriteOp, Value),
    Remove,
}

/// What a written object does to what it does not name of the element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    /// It stays.
    Merge(WriteOp),
    /// It goes.
    Replace,
}

/// The object written to a complex value, checked.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Parts {
    /// Sub-attributes with their values, in canonical spelling.
    set: Map<String, Value>,
    /// Sub-attributes sent as `null`.
    cleared: Vec<String>,
}

impl Engine<'_> {
    /// Checks a value against the definition.
    pub(crate) fn checked(
        &self,
        attribute: &Attribute,
        key: &str,
        value: Value,
    ) -> Result<Value, ScimError> {
        validate::value(
            self.resource_type,
            attribute,
            key,
            value,
            &self.dialect.coercion,
        )
    }

    /// Checks one element of a multi-valued attribute against the definition.
    fn checked_element(
        &self,
        attribute: &Attribute,
        key: &str,
        value: Value,
    ) -> Result<Value, ScimError> {
        validate::element(
            self.resource_type,
            attribute,
            key,
            value,
            &self.dialect.coercion,
        )
    }

    /// The present value.
    pub(crate) fn current(&self, place: Place<'_>) -> Option<Value> {
        self.container(place.urn())
            .and_then(|container| container.get(&place.attribute.name))
            .cloned()
    }

    /// Changes an attribute, or a sub-attribute, that no value filter selects.
    pub(crate) fn change_attribute(
        &mut self,
        place: Place<'_>,
        change: Change,
    ) -> Result<(), ScimError> {
        let attribute = place.attribute;
        if let Change::Write(op, reference) = &change
            && let Some(value) = dialect::value::manager_by_reference(place, reference)
        {
            let whole = Place { sub: None, ..place };
            return self.change_attribute(whole, Change::Write(*op, value));
        }
        match (place.sub, self.in_shape(place, change)) {
            // An unassigning value for a part of the manager unassigns the manager.
            (Some(_), None) | (None, Some(Change::Remove)) => self.commit(place, None),
            (None, None) => self.commit(Place { sub: None, ..place }, None),
            (Some(sub), Some(change)) if attribute.multi_valued => {
                self.change_sub_of_elements(place, sub, change)
            }
            (Some(sub), Some(change)) => self.change_sub_of_single(place, sub, change),
            (None, Some(Change::Write(op, value))) if attribute.multi_valued => {
                self.write_elements(place, op, value)
            }
            (None, Some(Change::Write(op, value))) if attribute.attr_type == AttrType::Complex => {
                let parts = self.parts(attribute, &place.key(), op, value)?;
                let mut object = match self.current(place) {
                    Some(Value::Object(object)) => object,
                    _ => Map::new(),
                };
                merge(place, &mut object, parts, op)?;
                let next = (!object.is_empty()).then_some(Value::Object(object));
                self.commit(place, next)
            }
            (None, Some(Change::Write(_, value))) => {
                let value = self.checked(attribute, &place.key(), value)?;
                self.commit(place, (!is_unassigned(&value)).then_some(value))
            }
        }
    }

    /// The change with its value in the shape that the attribute has; `None`: the attribute as a
    /// whole is to be unassigned, whatever part was named.
    fn in_shape(&self, place: Place<'_>, change: Change) -> Option<Change> {
        match change {
            Change::Remove => Some(Change::Remove),
            Change::Write(op, value) => {
                let value = dialect::value::in_attribute_shape(place, value, self.dialect);
                if value.is_null() {
                    None
                } else {
                    Some(Change::Write(op, value))
                }
            }
        }
    }

    fn change_sub_of_single(
        &mut self,
        place: Place<'_>,
        sub: &Attribute,
        change: Change,
    ) -> Result<(), ScimError> {
        let mut object = match self.current(place) {
            Some(Value::Object(object)) => object,
            _ => Map::new(),
        };
        self.change_sub(place, sub, &mut object, change)?;
        self.commit(place, (!object.is_empty()).then_some(Value::Object(object)))
    }

    /// Changes one sub-attribute of one complex value.
    fn change_sub(
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
                let key = Place {
                    sub: Some(sub),
                    ..place
                }
                .key();
                let value = self.checked(sub, &key, value)?;
                if value.is_null() {
                    return set_sub(place, sub, object, None);
                }
                write_sub(place, sub, object, value, op)
            }
        }
    }

    /// `emails.value` without a filter: that of every element, or of the one that a dialect means;
    /// with no element there, a new one ("if the target location does not exist, the attribute and
    /// value are added", §3.5.2.1).
    fn change_sub_of_elements(
        &mut self,
        place: Place<'_>,
        sub: &Attribute,
        change: Change,
    ) -> Result<(), ScimError> {
        let mut list = elements::of(self.current(place));
        let mut hits: Vec<usize> = match self.dialect.complex {
            ComplexValues::Rfc => (0..list.len()).collect(),
            ComplexValues::Merge => elements::preferred(&list).into_iter().collect(),
        };
        if hits.is_empty() {
            if change == Change::Remove {
                return Ok(());
            }
            list.push(Value::Object(Map::new()));
            hits.push(list.len().saturating_sub(1));
        }
        self.change_sub_of(place, sub, list, hits, change)
    }

    fn change_sub_of(
        &mut self,
        place: Place<'_>,
        sub: &Attribute,
        mut list: Vec<Value>,
        hits: Vec<usize>,
        change: Change,
    ) -> Result<(), ScimError> {
        for index in &hits {
            if let Some(Value::Object(object)) = list.get_mut(*index) {
                self.change_sub(place, sub, object, change.clone())?;
            }
        }
        self.settle_and_commit(place, list, &elements::Written::all(hits))
    }

    /// Writes a whole multi-valued attribute, or adds to it.
    fn write_elements(
        &mut self,
        place: Place<'_>,
        op: WriteOp,
        value: Value,
    ) -> Result<(), ScimError> {
        let attribute = place.attribute;
        let key = place.key();
        let value = without_nulls(value);
        if value.as_array().is_some_and(Vec::is_empty) {
            return match op {
                WriteOp::Add => Ok(()),
                WriteOp::Replace => self.commit(place, None),
            };
        }
        let written = elements::of(Some(self.checked(attribute, &key, value)?));
        match op {
            WriteOp::Replace => {
                self.created.retain(|created| created.key != key);
                let hits = (0..written.len()).collect();
                self.settle_and_commit(place, written, &elements::Written::all(hits))
            }
            WriteOp::Add => {
                let mut list = elements::of(self.current(place));
                let mut hits = Vec::new();
                let mut marked = Vec::new();
                for element in written {
                    if list
                        .iter()
                        .any(|present| elements::holds(attribute, present, &element))
                    {
                        continue;
                    }
                    let marks = elements::is_primary(&element);
                    let index = match self.place_of(place, &list, &element)? {
                        Some(index) => {
                            if let Some(present) = list.get_mut(index) {
                                update(place, present, element)?;
                            }
                            index
                        }
                        None => {
                            list.push(element);
                            list.len().saturating_sub(1)
                        }
                    };
                    hits.push(index);
                    if marks {
                        marked.push(index);
                    }
                }
                self.settle_and_commit(
                    place,
                    list,
                    &elements::Written {
                        elements: hits,
                        marked,
                    },
                )
            }
        }
    }

    /// Which present element an added one joins, if any.
    fn place_of(
        &self,
        place: Place<'_>,
        list: &[Value],
        element: &Value,
    ) -> Result<Option<usize>, ScimError> {
        let attribute = place.attribute;
        if let Some(index) = list
            .iter()
            .position(|present| elements::holds(attribute, present, element))
        {
            return Ok(Some(index));
        }
        if let Some(index) = list
            .iter()
            .position(|present| elements::is_pair(attribute, present, element))
        {
            if self.dialect.coercion.duplicate_primary.accepts() {
                return Ok(Some(index));
            }
            return Err(elements::duplicate(&place.key()));
        }
        match self.dialect.complex {
            ComplexValues::Rfc => Ok(None),
            // QUIRK(entra): adding a value that is there is how it changes the other sub-attributes.
            ComplexValues::Merge => Ok(list
                .iter()
                .position(|present| elements::has_same_value(attribute, present, element))),
        }
    }

    /// Changes the elements that a value filter selects.
    pub(crate) fn change_selected(
        &mut self,
        place: Place<'_>,
        filter: &Filter,
        change: Change,
    ) -> Result<(), ScimError> {
        let attribute = place.attribute;
        if !attribute.multi_valued {
            return Err(ScimError::typed(
                ScimType::InvalidPath,
                format!(
                    "`{}` has one value only, so that a value filter cannot select from it",
                    place.key()
                ),
            ));
        }
        let predicate =
            Predicate::compile_element(filter, place.urn(), attribute, self.dialect.names)?;
        let mut list = elements::of(self.current(place));
        let mut hits: Vec<usize> = list
            .iter()
            .enumerate()
            .filter(|(_, element)| matches::element(&predicate, element))
            .map(|(index, _)| index)
            .collect();
        let (op, value) = match (change, place.sub) {
            (Change::Remove, None) => {
                if hits.is_empty() {
                    return Ok(());
                }
                let mut index = 0_usize;
                list.retain(|_| {
                    let keep = !hits.contains(&index);
                    index = index.saturating_add(1);
                    keep
                });
                let key = place.key();
                self.created.retain(|created| created.key != key);
                return self.commit(place, (!list.is_empty()).then_some(Value::Array(list)));
            }
            (Change::Remove, Some(sub)) => {
                return self.change_sub_of(place, sub, list, hits, Change::Remove);
            }
            (Change::Write(op, value), _) => (op, value),
        };
        let matched = !hits.is_empty();
        if !matched {
            match self.unmatched(place, filter, &mut list)? {
                Some(index) => hits.push(index),
                None => return Ok(()),
            }
        }
        if let Some(sub) = place.sub {
            return self.change_sub_of(place, sub, list, hits, Change::Write(op, value));
        }
        let replaces =
            matched && op == WriteOp::Replace && self.dialect.complex == ComplexValues::Rfc;
        let mode = if replaces {
            Mode::Replace
        } else {
            Mode::Merge(op)
        };
        self.write_selected(place, list, &hits, mode, value)
    }

    fn write_selected(
        &mut self,
        place: Place<'_>,
        mut list: Vec<Value>,
        hits: &[usize],
        mode: Mode,
        value: Value,
    ) -> Result<(), ScimError> {
        let attribute = place.attribute;
        let key = place.key();
        // QUIRK(entra): the one element to write may come wrapped in an array of one.
        let value = match value {
            Value::Array(mut elements)
                if elements.len() == 1 && self.dialect.coercion.array_for_single.accepts() =>
            {
                elements.pop().unwrap_or(Value::Null)
            }
            other => other,
        };
        if attribute.attr_type != AttrType::Complex {
            if value.is_array() {
                return Err(one_element(&key));
            }
            let value = self.checked_element(attribute, &key, value)?;
            if !is_unassigned(&value) {
                for index in hits {
                    if let Some(slot) = list.get_mut(*index) {
                        *slot = value.clone();
                    }
                }
            }
            return self.settle_and_commit(place, list, &elements::Written::all(hits.to_vec()));
        }
        let op = match mode {
            Mode::Merge(op) => op,
            Mode::Replace => WriteOp::Replace,
        };
        let parts = self.parts(attribute, &key, op, value)?;
        for index in hits {
            let Some(Value::Object(object)) = list.get_mut(*index) else {
                continue;
            };
            if mode == Mode::Replace && !parts.set.is_empty() {
                clear_unnamed(place, object, &parts)?;
            }
            merge(place, object, parts.clone(), op)?;
        }
        self.settle_and_commit(place, list, &elements::Written::all(hits.to_vec()))
    }

    /// What an `add` or `replace` does whose value filter selects nothing: the index of the element
    /// to write to, if the dialect makes one.
    ///
    /// # Errors
    /// [`ScimError`] 400 `noTarget` (RFC 7644 §3.5.2.3).
    fn unmatched(
        &mut self,
        place: Place<'_>,
        filter: &Filter,
        list: &mut Vec<Value>,
    ) -> Result<Option<usize>, ScimError> {
        let attribute = place.attribute;
        let key = Place { sub: None, ..place }.key();
        if self.dialect.unmatched == UnmatchedValueFilter::NoTarget {
            return Err(ScimError::typed(
                ScimType::NoTarget,
                format!("no element of `{key}` matches the value filter of the path"),
            ));
        }
        let earlier = self
            .created
            .iter()
            .find(|created| created.key == key && created.filter == *filter);
        if let Some(created) = earlier
            && created.index < list.len()
        {
            return Ok(Some(created.index));
        }
        let Some(terms) = unmatched::eq_terms(filter) else {
            return Ok(None);
        };
        let mut object = Map::new();
        for (name, literal) in terms {
            let Some(sub) = attribute.sub_attribute(name) else {
                continue;
            };
            if literal.is_null() || sub.mutability == Mutability::ReadOnly {
                continue;
            }
            // A filter that says `primary` describes the e-mail looked for and is no wish to move the
            // mark from the one that has it.
            let moves_primary =
                sub.name == "primary" && attribute.name == "emails" && elements::has_primary(list);
            if !moves_primary {
                let value = self.checked(
                    sub,
                    &Place {
                        sub: Some(sub),
                        ..place
                    }
                    .key(),
                    literal,
                )?;
                object.insert(sub.name.clone(), value);
            }
        }
        list.push(Value::Object(object));
        let index = list.len().saturating_sub(1);
        self.created.push(Created {
            key,
            filter: filter.clone(),
            index,
        });
        Ok(Some(index))
    }

    /// Checks the object written to a complex value and parts it into what is set and what is
    /// cleared.
    fn parts(
        &self,
        attribute: &Attribute,
        key: &str,
        op: WriteOp,
        value: Value,
    ) -> Result<Parts, ScimError> {
        let mut parts = Parts::default();
        let value = match value {
            Value::Object(object) => {
                let mut sent = Map::new();
                for (name, value) in object {
                    let sub = attribute.sub_attribute(&name);
                    let is_empty_list =
                        sub.is_some_and(|sub| sub.multi_valued) && is_unassigned(&value);
                    if value.is_null() || (is_empty_list && op == WriteOp::Replace) {
                        let name = sub.map_or(name, |sub| sub.name.clone());
                        sent.retain(|other, _| !other.eq_ignore_ascii_case(&name));
                        parts.cleared.push(name);
                    } else if !is_empty_list {
                        parts
                            .cleared
                            .retain(|other| !other.eq_ignore_ascii_case(&name));
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

    /// Keeps `primary` single, collapses equal elements and commits the list.
    pub(crate) fn settle_and_commit(
        &mut self,
        place: Place<'_>,
        list: Vec<Value>,
        written: &elements::Written,
    ) -> Result<(), ScimError> {
        let place = Place { sub: None, ..place };
        let key = place.key();
        let before = list.len();
        let list = elements::settle(place.attribute, &key, list, written, self.dialect)?;
        if list.len() != before {
            self.created.retain(|created| created.key != key);
        }
        self.commit(place, (!list.is_empty()).then_some(Value::Array(list)))
    }

    /// Puts the next value of an attribute in the document.
    ///
    /// # Errors
    /// [`ScimError`] 400 `mutability` if a required attribute would be gone (§3.5.2.2) or an
    /// immutable one change.
    pub(crate) fn commit(
        &mut self,
        place: Place<'_>,
        next: Option<Value>,
    ) -> Result<(), ScimError> {
        let place = Place { sub: None, ..place };
        let attribute = place.attribute;
        let current = self.current(place);
        if current == next {
            return Ok(());
        }
        if next.is_none() {
            let key = place.key();
            if attribute.required {
                return Err(required(&key));
            }
            self.created.retain(|created| created.key != key);
        }
        refuse_immutable_change(place, current.as_ref(), next.as_ref())?;
        // An equal value of an immutable attribute in another spelling is no change.
        if current.is_some() && attribute.mutability == Mutability::Immutable {
            return Ok(());
        }
        let urn = place.urn().map(ToOwned::to_owned);
        self.put(urn.as_deref(), &attribute.name, next);
        Ok(())
    }
}

/// Puts checked parts into a complex value; what they do not name stays.
fn merge(
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
fn clear_unnamed(
    place: Place<'_>,
    object: &mut Map<String, Value>,
    parts: &Parts,
) -> Result<(), ScimError> {
    let names: Vec<String> = object
        .keys()
        .filter(|name| !parts.set.contains_key(*name))
        .cloned()
        .collect();
    for name in names {
        match place.attribute.sub_attribute(&name) {
            Some(sub) if matches!(sub.mutability, Mutability::ReadOnly | Mutability::Immutable) => {
            }
            Some(sub) => set_sub(place, sub, object, None)?,
            None => put_in(object, &name, None),
        }
    }
    Ok(())
}

/// Writes the sub-attributes of an added element into the one that it joins.
fn update(place: Place<'_>, present: &mut Value, element: Value) -> Result<(), ScimError> {
    if let (Value::Object(present), Value::Object(set)) = (present, element) {
        merge(
            place,
            present,
            Parts {
                set,
                cleared: Vec::new(),
            },
            WriteOp::Add,
        )?;
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
            let mut all = present.clone();
            for value in added {
                if !all.iter().any(|other| elements::holds(sub, other, &value)) {
                    all.push(value);
                }
            }
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
        let key = || {
            Place {
                sub: Some(sub),
                ..place
            }
            .key()
        };
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

fn required(key: &str) -> ScimError {
    ScimError::typed(
        ScimType::Mutability,
        format!("`{key}` is required and cannot be removed; replace it instead"),
    )
}

fn one_element(key: &str) -> ScimError {
    ScimError::typed(
        ScimType::InvalidValue,
        format!(
            "the path selects elements of `{key}`, so that `value` must be one element and no array"
        ),
    )
}

/// The elements without sub-attributes that are `null`, which say that there is none.
pub(crate) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Array(elements) => Value::Array(
            elements
                .into_iter()
                .filter(|element| !element.is_null())
                .map(without_nulls)
                .collect(),
        ),
        Value::Object(mut object) => {
            object.retain(|_, part| !part.is_null());
            Value::Object(object)
        }
        other => other,
    }
}
