//! Changes of multi-valued attributes (RFC 7644 §3.5.2.1 to §3.5.2.3).

use scim_filter::{Filter, Predicate, matches};
use scim_schema::{AttrType, Attribute, Mutability, ScimError, ScimType};
use serde_json::{Map, Value};

use crate::{
    apply::{Created, Engine},
    attribute::{Change, WriteOp},
    complex::{self, clear_unnamed, merge},
    dialect::{ComplexValues, UnmatchedValueFilter, unmatched},
    elements::{self, Index, Written},
    read_only::is_unassigned,
    target::Place,
};

/// What a written object does to what it does not name of the element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    /// It stays.
    Merge(WriteOp),
    /// It goes.
    Replace,
}

impl Engine<'_> {
    /// The present elements.
    ///
    /// # Errors
    /// [`ScimError`] 413 if the operations of the request have looked at too many.
    pub(crate) fn list(&mut self, place: Place<'_>) -> Result<Vec<Value>, ScimError> {
        let list = elements::of(self.current(place));
        self.visited = self.visited.saturating_add(list.len());
        // SECURITY: each operation reads the whole list, so that a long list and many operations
        // would multiply to hours; a request within both limits must not.
        if self.visited > MAX_VISITED_ELEMENTS {
            return Err(ScimError::new(
                413,
                format!(
                    "the operations go through more than {MAX_VISITED_ELEMENTS} elements of multi-valued attributes; send fewer operations at once"
                ),
            ));
        }
        Ok(list)
    }

    /// Counts a value that is written to several elements.
    ///
    /// # Errors
    /// [`ScimError`] 413 if its copies would take too much.
    fn spread(&mut self, value: &Value, copies: usize) -> Result<(), ScimError> {
        if copies < 2 {
            return Ok(());
        }
        // SECURITY: one long text in each of very many elements would be many times the request.
        let bytes = value.to_string().len().saturating_mul(copies);
        self.spread_bytes = self.spread_bytes.saturating_add(bytes);
        if self.spread_bytes > MAX_SPREAD_BYTES {
            return Err(ScimError::new(
                413,
                format!(
                    "the operations write values to several elements at once that take more than {MAX_SPREAD_BYTES} bytes together; send fewer operations at once"
                ),
            ));
        }
        Ok(())
    }

    /// `emails.value` without a filter: that of every element, or of the one that a dialect means;
    /// with no element there, a new one ("if the target location does not exist, the attribute and
    /// value are added", §3.5.2.1).
    pub(crate) fn change_sub_of_elements(
        &mut self,
        place: Place<'_>,
        sub: &Attribute,
        change: &Change,
    ) -> Result<(), ScimError> {
        let mut list = self.list(place)?;
        let mut hits: Vec<usize> = match self.dialect.complex {
            ComplexValues::Rfc => (0..list.len()).collect(),
            ComplexValues::Merge => elements::preferred(&list).into_iter().collect(),
        };
        if hits.is_empty() {
            if *change == Change::Remove {
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
        change: &Change,
    ) -> Result<(), ScimError> {
        if let Change::Write(_, value) = change {
            self.spread(value, hits.len())?;
        }
        for index in &hits {
            if let Some(Value::Object(object)) = list.get_mut(*index) {
                self.change_sub(place, sub, object, change.clone())?;
            }
        }
        self.settle_and_commit(place, list, &Written::all(hits))
    }

    /// Writes a whole multi-valued attribute, or adds to it.
    pub(crate) fn write_elements(&mut self, place: Place<'_>, op: WriteOp, value: Value) -> Result<(), ScimError> {
        let key = place.key();
        let value = without_nulls(value);
        if value.as_array().is_some_and(Vec::is_empty) {
            return match op {
                WriteOp::Add => Ok(()),
                WriteOp::Replace => self.commit(place, None),
            };
        }
        let written = elements::of(Some(self.checked(place.attribute, &key, value)?));
        match op {
            WriteOp::Replace => {
                self.created.retain(|created| created.key != key);
                let hits = (0..written.len()).collect();
                self.settle_and_commit(place, written, &Written::all(hits))
            }
            WriteOp::Add => self.add_elements(place, &key, written),
        }
    }

    /// Adds elements; one that is there already is not added again.
    fn add_elements(&mut self, place: Place<'_>, key: &str, added: Vec<Value>) -> Result<(), ScimError> {
        let attribute = place.attribute;
        let mut list = self.list(place)?;
        let mut index = Index::of(attribute, &list);
        let mut written = Written::all(Vec::new());
        for element in added {
            let found = index.find(attribute, &element);
            if let Some(at) = found
                && list.get(at).is_some_and(|present| elements::holds(attribute, present, &element))
            {
                continue;
            }
            if found.is_some() && !self.dialect.coercion.duplicate_primary.accepts() {
                return Err(elements::duplicate(key));
            }
            let joined = match self.dialect.complex {
                ComplexValues::Rfc => found,
                // QUIRK(entra): adding a value that is there is how it changes the other parts.
                ComplexValues::Merge => found.or_else(|| index.find_value(attribute, &element)),
            };
            let at = joined.unwrap_or(list.len());
            if elements::is_primary(&element) {
                written.marked.push(at);
            }
            written.elements.push(at);
            match list.get_mut(at) {
                Some(present) => complex::update(place, present, element)?,
                None => list.push(element),
            }
            // Not by `value`: what one operation adds with two types are two elements.
            if let Some(element) = list.get(at) {
                index.insert(attribute, element, at);
            }
        }
        self.settle_and_commit(place, list, &written)
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
                format!("`{}` has one value only, so that a value filter cannot select from it", place.key()),
            ));
        }
        let predicate = Predicate::compile_element(filter, place.urn(), attribute, self.dialect.names)?;
        let mut list = self.list(place)?;
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
                list.retain(|element| !matches::element(&predicate, element));
                let key = place.key();
                self.created.retain(|created| created.key != key);
                return self.commit(place, (!list.is_empty()).then_some(Value::Array(list)));
            }
            (Change::Remove, Some(sub)) => {
                return self.change_sub_of(place, sub, list, hits, &Change::Remove);
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
            return self.change_sub_of(place, sub, list, hits, &Change::Write(op, value));
        }
        let replaces = matched && op == WriteOp::Replace && self.dialect.complex == ComplexValues::Rfc;
        let mode = if replaces { Mode::Replace } else { Mode::Merge(op) };
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
        self.spread(&value, hits.len())?;
        // QUIRK(entra): the one element to write may come wrapped in an array of one.
        let value = match value {
            Value::Array(mut elements) if elements.len() == 1 && self.dialect.coercion.array_for_single.accepts() => {
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
            return self.settle_and_commit(place, list, &Written::all(hits.to_vec()));
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
        self.settle_and_commit(place, list, &Written::all(hits.to_vec()))
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
        let earlier = self.created.iter().find(|created| created.key == key && created.filter == *filter);
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
            let moves_primary = sub.name == "primary" && attribute.name == "emails" && elements::has_primary(list);
            if !moves_primary {
                let value = self.checked(sub, &Place { sub: Some(sub), ..place }.key(), literal)?;
                object.insert(sub.name.clone(), value);
            }
        }
        list.push(Value::Object(object));
        let index = list.len().saturating_sub(1);
        self.created.push(Created { key, filter: filter.clone(), index });
        Ok(Some(index))
    }

    /// Keeps `primary` single, collapses equal elements and commits the list.
    pub(crate) fn settle_and_commit(
        &mut self,
        place: Place<'_>,
        list: Vec<Value>,
        written: &Written,
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
}

pub(crate) fn one_element(key: &str) -> ScimError {
    ScimError::typed(
        ScimType::InvalidValue,
        format!("the path selects elements of `{key}`, so that `value` must be one element and no array"),
    )
}

/// The elements without sub-attributes that are `null`, which say that there is none.
pub(crate) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Array(elements) => {
            Value::Array(elements.into_iter().filter(|element| !element.is_null()).map(without_nulls).collect())
        }
        Value::Object(mut object) => {
            object.retain(|_, part| !part.is_null());
            Value::Object(object)
        }
        other => other,
    }
}

/// How many elements of multi-valued attributes the operations of one request may read together.
const MAX_VISITED_ELEMENTS: usize = 250_000;
/// How many bytes the operations of one request may write by naming a value once for several
/// elements.
const MAX_SPREAD_BYTES: usize = 4 * 1024 * 1024;
