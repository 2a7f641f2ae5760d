//! Changes of declared attributes (RFC 7644 §3.5.2.1 to §3.5.2.3).

use scim_schema::{AttrType, Attribute, Mutability, ScimError, ScimType, validate};
use serde_json::{Map, Value};

use crate::{
    apply::{Engine, refuse_immutable_change},
    complex::merge,
    dialect,
    read_only::is_unassigned,
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

impl Engine<'_> {
    /// Checks a value against the definition.
    pub(crate) fn checked(&self, attribute: &Attribute, key: &str, value: Value) -> Result<Value, ScimError> {
        validate::value(self.resource_type, attribute, key, value, &self.dialect.coercion)
    }

    /// Checks one element of a multi-valued attribute against the definition.
    pub(crate) fn checked_element(&self, attribute: &Attribute, key: &str, value: Value) -> Result<Value, ScimError> {
        validate::element(self.resource_type, attribute, key, value, &self.dialect.coercion)
    }

    /// The present value.
    pub(crate) fn current(&self, place: Place<'_>) -> Option<Value> {
        self.container(place.urn()).and_then(|container| container.get(&place.attribute.name)).cloned()
    }

    /// Changes an attribute, or a sub-attribute, that no value filter selects.
    pub(crate) fn change_attribute(&mut self, place: Place<'_>, change: Change) -> Result<(), ScimError> {
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
            (Some(sub), Some(change)) if attribute.multi_valued => self.change_sub_of_elements(place, sub, &change),
            (Some(sub), Some(change)) => self.change_sub_of_single(place, sub, change),
            (None, Some(Change::Write(op, value))) if attribute.multi_valued => self.write_elements(place, op, value),
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
                if value.is_null() { None } else { Some(Change::Write(op, value)) }
            }
        }
    }

    fn change_sub_of_single(&mut self, place: Place<'_>, sub: &Attribute, change: Change) -> Result<(), ScimError> {
        let mut object = match self.current(place) {
            Some(Value::Object(object)) => object,
            _ => Map::new(),
        };
        self.change_sub(place, sub, &mut object, change)?;
        self.commit(place, (!object.is_empty()).then_some(Value::Object(object)))
    }

    /// Puts the next value of an attribute in the document.
    ///
    /// # Errors
    /// [`ScimError`] 400 `mutability` if a required attribute would be gone (§3.5.2.2) or an
    /// immutable one change.
    pub(crate) fn commit(&mut self, place: Place<'_>, next: Option<Value>) -> Result<(), ScimError> {
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
            self.refuse_empty_extension(place)?;
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

    /// # Errors
    /// [`ScimError`] 400 `mutability` if the attribute is the last of a required extension.
    fn refuse_empty_extension(&self, place: Place<'_>) -> Result<(), ScimError> {
        let Some(extension) = place.urn().and_then(|urn| self.resource_type.extension(urn)) else {
            return Ok(());
        };
        let is_last = self
            .container(place.urn())
            .is_some_and(|attributes| attributes.len() == 1 && attributes.contains_key(&place.attribute.name));
        if is_last && extension.required {
            return Err(required(extension.schema.urn.as_str()));
        }
        Ok(())
    }
}

/// The refusal to take away what every resource must have (RFC 7644 §3.5.2.2).
pub(crate) fn required(key: &str) -> ScimError {
    ScimError::typed(ScimType::Mutability, format!("`{key}` is required and cannot be removed; replace it instead"))
}
