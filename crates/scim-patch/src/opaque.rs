//! Attributes that no schema declares, kept as they were sent (`unknown_attributes = keep`).

use scim_filter::{Filter, Predicate, matches};
use scim_schema::{AttrType, ScimError, ScimType, validate};
use serde_json::{Map, Value};

use crate::{
    apply::Engine,
    dialect::unmatched,
    elements,
    read_only::is_unassigned,
    request::Op,
    target::{Place, UnknownName},
};

impl Engine<'_> {
    /// Applies an operation to an undeclared attribute. Nothing is known of it, so what makes no
    /// sense for the stored value changes nothing.
    ///
    /// # Errors
    /// [`ScimError`] 400 `invalidValue` for a NUL in the value.
    pub(crate) fn keep(
        &mut self,
        op: Op,
        unknown: &UnknownName,
        filter: Option<&Filter>,
        value: Option<Value>,
    ) -> Result<(), ScimError> {
        let bytes = value.as_ref().map_or(0, |value| value.to_string().len());
        self.spend(unknown.name.len().saturating_add(bytes))?;
        let (urn, name, sub) = self.place_of_unknown(unknown, value.as_ref());
        if urn.is_none() && validate::is_reserved(&name) {
            return Ok(());
        }
        let current = self.container(urn.as_deref()).and_then(|container| container.get(&name)).cloned();
        let write = Opaque { op, value: value.unwrap_or(Value::Null) };
        let next = match (filter, sub) {
            (Some(filter), sub) => write.selected(current, filter, sub),
            (None, Some(sub)) => write.sub(current, sub),
            (None, None) => write.whole(current),
        };
        if let Some(value) = &next {
            validate::opaque(&name, value)?;
        }
        self.put(urn.as_deref(), &name, next.filter(|value| !is_unassigned(value)));
        Ok(())
    }

    /// Counts what the request writes to undeclared attributes; more than a resource may hold of them
    /// is refused at once, since their names are looked for one by one.
    ///
    /// # Errors
    /// [`ScimError`] 400 `invalidValue`.
    pub(crate) fn spend(&mut self, bytes: usize) -> Result<(), ScimError> {
        // What JSON puts round a name and its value counts too.
        self.kept_bytes = self.kept_bytes.saturating_add(bytes).saturating_add(4);
        if self.kept_bytes > validate::MAX_OPAQUE_BYTES {
            return Err(ScimError::typed(
                ScimType::InvalidValue,
                format!(
                    "the request writes more than {} bytes to attributes that no schema declares; send fewer, or have their schema loaded",
                    validate::MAX_OPAQUE_BYTES
                ),
            ));
        }
        Ok(())
    }

    /// Applies an operation to an undeclared sub-attribute of a declared attribute.
    ///
    /// # Errors
    /// [`ScimError`] 400 `invalidFilter`; `invalidValue` for a NUL in the value.
    pub(crate) fn keep_sub(
        &mut self,
        op: Op,
        place: Place<'_>,
        sub: &str,
        filter: Option<&Filter>,
        value: Option<Value>,
    ) -> Result<(), ScimError> {
        let attribute = place.attribute;
        // A simple attribute has no room for a part of its own.
        if attribute.attr_type != AttrType::Complex {
            return Ok(());
        }
        let write = Opaque { op, value: value.unwrap_or(Value::Null) };
        validate::opaque(sub, &write.value)?;
        self.spend(sub.len().saturating_add(write.value.to_string().len()))?;
        if !attribute.multi_valued {
            let next = write.sub(self.current(place), sub);
            return self.commit(place, next);
        }
        let mut list = self.list(place)?;
        let hits: Vec<usize> = match filter {
            Some(filter) => {
                let predicate = Predicate::compile_element(filter, place.urn(), attribute, self.dialect.names)?;
                let selected = list.iter().enumerate().filter(|(_, element)| matches::element(&predicate, element));
                selected.map(|(index, _)| index).collect()
            }
            None => elements::preferred(&list).into_iter().collect(),
        };
        for index in &hits {
            if let Some(element) = list.get_mut(*index) {
                *element = write.sub(Some(element.clone()), sub).unwrap_or_else(|| Value::Object(Map::new()));
            }
        }
        self.settle_and_commit(place, list, &elements::Written::all(hits))
    }

    /// The container, the key and the sub-attribute of an undeclared attribute: an extension's URN
    /// as a whole, an attribute in the object of one, or a plain attribute; an existing spelling is
    /// found again.
    fn place_of_unknown<'u>(
        &self,
        unknown: &'u UnknownName,
        value: Option<&Value>,
    ) -> (Option<String>, String, Option<&'u str>) {
        let sub = unknown.sub.as_deref();
        let Some(urn) = &unknown.urn else {
            return (None, existing_key(&self.document, &unknown.name), sub);
        };
        let is_declared = self.resource_type.extension(urn).is_some();
        let container = if is_declared { urn.clone() } else { existing_key(&self.document, urn) };
        if !is_declared {
            // The dot of a version (`urn:example:staff:2.0`) looks like that of a sub-attribute.
            let dotted = sub.map(|sub| format!(".{sub}")).unwrap_or_default();
            let whole = existing_key(&self.document, &format!("{urn}:{}{dotted}", unknown.name));
            let is_whole = self.document.contains_key(&whole)
                || (!self.document.contains_key(&container) && value.is_some_and(Value::is_object));
            if is_whole {
                return (None, whole, None);
            }
        }
        let name = match self.container(Some(&container)) {
            Some(attributes) => existing_key(attributes, &unknown.name),
            None => unknown.name.clone(),
        };
        (Some(container), name, sub)
    }
}

/// One operation on an opaque value.
struct Opaque {
    op: Op,
    value: Value,
}

impl Opaque {
    fn removes(&self) -> bool {
        self.op == Op::Remove || self.value.is_null()
    }

    /// Objects merge, `add` joins arrays, all else is replaced.
    fn whole(&self, current: Option<Value>) -> Option<Value> {
        if self.removes() {
            return None;
        }
        match (current, &self.value) {
            (Some(Value::Object(mut present)), Value::Object(sent)) => {
                for (name, value) in sent {
                    let name = existing_key(&present, name);
                    if value.is_null() {
                        present.shift_remove(&name);
                    } else {
                        present.insert(name, value.clone());
                    }
                }
                (!present.is_empty()).then_some(Value::Object(present))
            }
            (Some(Value::Array(mut present)), Value::Array(sent)) if self.op == Op::Add => {
                for value in sent {
                    if !present.contains(value) {
                        present.push(value.clone());
                    }
                }
                Some(Value::Array(present))
            }
            (_, sent) => Some(sent.clone()),
        }
    }

    fn sub(&self, current: Option<Value>, sub: &str) -> Option<Value> {
        match current {
            None => self.sub(Some(Value::Object(Map::new())), sub),
            Some(Value::Object(mut object)) => {
                let key = existing_key(&object, sub);
                let next = self.whole(object.get(&key).cloned());
                match next {
                    Some(value) => {
                        object.insert(key, value);
                    }
                    None => {
                        object.shift_remove(&key);
                    }
                }
                (!object.is_empty()).then_some(Value::Object(object))
            }
            Some(Value::Array(mut elements)) => {
                if let Some(element) = elements.first_mut() {
                    *element = self.sub(Some(element.clone()), sub).unwrap_or_else(|| Value::Object(Map::new()));
                }
                Some(Value::Array(elements))
            }
            other => other,
        }
    }

    /// Elements whose parts equal the terms of a conjunction of `eq`; other filters select nothing.
    fn selected(&self, current: Option<Value>, filter: &Filter, sub: Option<&str>) -> Option<Value> {
        let Some(terms) = unmatched::eq_terms(filter) else {
            return current;
        };
        let mut elements = elements::of(current);
        let is_selected = |element: &Value| {
            terms.iter().all(|(name, literal)| match element {
                Value::Object(object) => {
                    object.get(&existing_key(object, name)).is_some_and(|part| alike(part, literal))
                }
                simple => name.eq_ignore_ascii_case("value") && alike(simple, literal),
            })
        };
        if sub.is_none() && self.removes() {
            elements.retain(|element| !is_selected(element));
            return (!elements.is_empty()).then_some(Value::Array(elements));
        }
        if !self.removes() && !elements.iter().any(is_selected) {
            let described = terms.iter().map(|(name, literal)| ((*name).to_owned(), literal.clone())).collect();
            elements.push(Value::Object(described));
        }
        for element in &mut elements {
            if is_selected(element) {
                let next = match sub {
                    Some(sub) => self.sub(Some(element.clone()), sub),
                    None => self.whole(Some(element.clone())),
                };
                *element = next.unwrap_or(Value::Null);
            }
        }
        elements.retain(|element| !element.is_null());
        (!elements.is_empty()).then_some(Value::Array(elements))
    }
}

fn alike(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(left), Value::String(right)) => left.eq_ignore_ascii_case(right),
        _ => left == right,
    }
}

/// The spelling under which a map has this name already, else the name as it is.
fn existing_key(map: &Map<String, Value>, name: &str) -> String {
    if map.contains_key(name) {
        return name.to_owned();
    }
    map.keys().find(|other| other.eq_ignore_ascii_case(name)).cloned().unwrap_or_else(|| name.to_owned())
}
