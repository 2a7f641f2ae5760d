//! Values against definitions (RFC 7643 §2.3, §2.4).

use std::{
    collections::{BTreeMap, BTreeSet},
    ptr,
};

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::{Map, Number, Value};

use crate::{
    attribute::{AttrType, Attribute, Mutability},
    datetime,
    document::shortened,
    error::ScimError,
    registry::ResourceType,
    validate::{
        Coercion, MAX_KEY_BYTES, MAX_STRING_BYTES, UnknownAttributes, coerce, elements, opaque, place::Place,
        reference, sign_in_name,
    },
};

/// What a value given alone is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The attribute's whole value.
    Whole,
    /// One element of a multi-valued attribute.
    Element,
}

/// Whether an attribute stands at the top of the resource, where some names have rules of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// A common attribute or one of the core schema.
    Core,
    /// Anything else.
    Inner,
}

/// Whether `null` and the like are worth a note: inside an element they say nothing about the
/// resource.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Note {
    Cleared,
    Nothing,
}

/// Checks values of one resource and notes what they unassign.
pub(super) struct Checker<'a> {
    pub(super) coercion: &'a Coercion,
    /// Keys of what was named with `null`, `[]`, `{}` or an unassigning `""`.
    pub(super) cleared: BTreeSet<String>,
}

pub(super) fn one(
    resource_type: &ResourceType,
    attribute: &Attribute,
    path: &str,
    value: Value,
    coercion: &Coercion,
    part: Part,
) -> Result<Value, ScimError> {
    let place = Place::top(path);
    if value.is_null() {
        return Err(ScimError::invalid_value(format!("\"{place}\" cannot be set to null here; remove it instead")));
    }
    let core = resource_type.attribute(&attribute.name).is_some_and(|declared| ptr::eq(declared, attribute));
    let level = if core { Level::Core } else { Level::Inner };
    let mut checker = Checker { coercion, cleared: BTreeSet::new() };
    let settled = match part {
        Part::Whole => checker.attribute(attribute, &place, value, level)?,
        Part::Element => checker.element(attribute, &place, value)?,
    };
    Ok(settled.unwrap_or(Value::Null))
}

impl Checker<'_> {
    /// The value in RFC form; `None` if it is unassigned (RFC 7643 §2.5).
    pub(super) fn attribute(
        &mut self,
        attribute: &Attribute,
        place: &Place<'_>,
        value: Value,
        level: Level,
    ) -> Result<Option<Value>, ScimError> {
        if value.is_null() {
            return Ok(None);
        }
        if attribute.multi_valued {
            return self.list(attribute, place, value);
        }
        let value = coerce::single_from_array(value, self.coercion);
        let value = coerce::manager(attribute, value, self.coercion);
        self.single(attribute, place, value, level, Note::Cleared)
    }

    fn list(&mut self, attribute: &Attribute, place: &Place<'_>, value: Value) -> Result<Option<Value>, ScimError> {
        let value = coerce::array_from_object(attribute, value, self.coercion);
        let value = coerce::array_from_string(attribute, value, self.coercion);
        let Value::Array(given) = value else {
            return Err(coerce::mismatch(place, expected(attribute), &value));
        };
        let mut elements = Vec::with_capacity(given.len());
        for element in given {
            if let Some(element) = self.element(attribute, place, element)? {
                elements.push(element);
            }
        }
        elements::settle(attribute, place, &mut elements, None, self.coercion)?;
        Ok(if elements.is_empty() { None } else { Some(Value::Array(elements)) })
    }

    fn element(&mut self, attribute: &Attribute, place: &Place<'_>, value: Value) -> Result<Option<Value>, ScimError> {
        let value = coerce::element_from_string(attribute, value, self.coercion);
        self.single(attribute, place, value, Level::Inner, Note::Nothing)
    }

    /// One value, of the attribute itself or of one element.
    fn single(
        &mut self,
        attribute: &Attribute,
        place: &Place<'_>,
        value: Value,
        level: Level,
        note: Note,
    ) -> Result<Option<Value>, ScimError> {
        if value.is_null() {
            return Ok(None);
        }
        match attribute.attr_type {
            AttrType::Complex => match value {
                Value::Object(members) => self.complex(attribute, place, members, note),
                other => Err(coerce::mismatch(place, expected_element(attribute), &other)),
            },
            AttrType::Boolean => match coerce::boolean_from_string(value, self.coercion) {
                flag @ Value::Bool(_) => Ok(Some(flag)),
                other => Err(coerce::mismatch(place, "true or false", &other)),
            },
            AttrType::Integer => match value {
                Value::Number(number) => integer(place, number).map(Some),
                other => Err(coerce::mismatch(place, "a whole number", &other)),
            },
            AttrType::Decimal => match value {
                number @ Value::Number(_) => Ok(Some(number)),
                other => Err(coerce::mismatch(place, "a number", &other)),
            },
            AttrType::String | AttrType::DateTime | AttrType::Binary | AttrType::Reference => {
                self.text(attribute, place, value, level)
            }
        }
    }

    fn text(
        &self,
        attribute: &Attribute,
        place: &Place<'_>,
        value: Value,
        level: Level,
    ) -> Result<Option<Value>, ScimError> {
        let mut value = value;
        if attribute.attr_type == AttrType::String {
            value = coerce::string_from_number(value, self.coercion);
        }
        if level == Level::Core && attribute.name == "externalId" {
            value = coerce::external_id(value, self.coercion);
            if value.is_null() {
                return Ok(None);
            }
        }
        let Value::String(text) = value else {
            return Err(coerce::mismatch(place, expected_element(attribute), &value));
        };
        let limit = max_bytes(attribute, level);
        if text.len() > limit {
            return Err(ScimError::invalid_value(format!(
                "\"{place}\" has {} bytes, and may have {limit}; shorten it",
                text.len()
            )));
        }
        if level == Level::Core && attribute.name == "userName" {
            sign_in_name::check(&text)?;
        }
        // The name of a group is required, and blanks name nothing.
        if level == Level::Core && attribute.required && attribute.name == "displayName" && text.trim().is_empty() {
            return Err(ScimError::invalid_value(format!("\"{place}\" must not be empty or blank")));
        }
        opaque::refuse_nul(place, &text)?;
        match attribute.attr_type {
            AttrType::DateTime if datetime::parse(&text).is_none() => Err(ScimError::invalid_value(format!(
                "\"{place}\" must be a date and time such as \"2026-11-24T08:00:00Z\" (xsd:dateTime)"
            ))),
            AttrType::Binary if !is_base64(&text) => {
                Err(ScimError::invalid_value(format!("\"{place}\" must be base64 (RFC 4648), without line breaks")))
            }
            // QUIRK(okta): profile addresses and photos are mapped from fields that people fill in, and
            // an account must not stay without its changes for the sake of one.
            AttrType::Reference if !self.coercion.loose_references.accepts() => {
                reference::check(place, &text)?;
                Ok(Some(Value::String(text)))
            }
            _ => Ok(Some(Value::String(text))),
        }
    }

    fn complex(
        &mut self,
        attribute: &Attribute,
        place: &Place<'_>,
        members: Map<String, Value>,
        note: Note,
    ) -> Result<Option<Value>, ScimError> {
        let mut spelled = spell(members, |name| attribute.sub_attribute(name).map(|sub| sub.name.as_str()));
        if coerce::is_manager(attribute) {
            value_from_reference(attribute, &mut spelled);
        }
        let mut kept = Map::with_capacity(spelled.len());
        for (name, value) in spelled {
            let Some(sub) = attribute.sub_attribute(&name) else {
                let at = place.sub(&name);
                if let Some(value) = self.undeclared(&at, value)? {
                    kept.insert(name, value);
                }
                continue;
            };
            if sub.mutability == Mutability::ReadOnly {
                continue;
            }
            let at = place.sub(&sub.name);
            match self.attribute(sub, &at, value, Level::Inner)? {
                Some(value) => {
                    kept.insert(name, value);
                }
                None if note == Note::Cleared => {
                    self.cleared.insert(at.to_string());
                }
                None => {}
            }
        }
        Ok(if kept.is_empty() { None } else { Some(Value::Object(kept)) })
    }

    /// What becomes of a value that no schema declares: `None` if it is dropped.
    pub(super) fn undeclared(&self, place: &Place<'_>, value: Value) -> Result<Option<Value>, ScimError> {
        match self.coercion.unknown_attributes {
            UnknownAttributes::Ignore => Ok(None),
            UnknownAttributes::Reject => Err(refuse_undeclared(place)),
            UnknownAttributes::Keep => {
                opaque::refuse_nul(place, &place.to_string())?;
                opaque::check(place, &value)?;
                Ok(Some(value).filter(|value| !value.is_null()))
            }
        }
    }
}

pub(super) fn refuse_undeclared(place: &Place<'_>) -> ScimError {
    ScimError::invalid_syntax(format!(
        "\"{}\" is declared by no schema of this resource type; leave it out, or have its schema loaded",
        shortened(&place.to_string())
    ))
}

/// Gives declared names their declared spelling. Of several spellings of one name the last wins,
/// for undeclared names too, which keep the spelling of the one that won.
pub(super) fn spell<'n>(members: Map<String, Value>, declared: impl Fn(&str) -> Option<&'n str>) -> Map<String, Value> {
    // Names spelled as declared are each there once, so that nothing is to be done.
    if members.keys().all(|name| declared(name) == Some(name)) {
        return members;
    }
    let mut spelled = Map::with_capacity(members.len());
    let mut others: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in members {
        if let Some(canonical) = declared(&name) {
            spelled.insert(canonical.to_owned(), value);
            continue;
        }
        if let Some(earlier) = others.insert(name.to_ascii_lowercase(), name.clone()) {
            // Not `shift_remove`: many spellings of many names would make it quadratic.
            spelled.swap_remove(&earlier);
        }
        spelled.insert(name, value);
    }
    spelled
}

/// A manager's `$ref` is made when an answer is rendered, from `value` and the base of the request,
/// and is not stored; sent without `value`, its end is the value.
fn value_from_reference(attribute: &Attribute, members: &mut Map<String, Value>) {
    let Some(sub) = attribute.sub_attribute("$ref") else {
        return;
    };
    let Some(reference) = members.shift_remove(&sub.name) else {
        return;
    };
    let value = attribute.value_attribute().map_or("value", |value| value.name.as_str());
    if members.get(value).is_none_or(Value::is_null)
        && let Some(tail) = reference.as_str().and_then(coerce::tail_of_reference)
    {
        members.insert(value.to_owned(), tail.into());
    }
}

fn max_bytes(attribute: &Attribute, level: Level) -> usize {
    let key = level == Level::Core && matches!(attribute.name.as_str(), "userName" | "externalId" | "displayName");
    if key || attribute.is_unique() { MAX_KEY_BYTES } else { MAX_STRING_BYTES }
}

fn integer(place: &Place<'_>, number: Number) -> Result<Value, ScimError> {
    if number.is_i64() || number.is_u64() {
        return Ok(Value::Number(number));
    }
    // "-0" is read as the negative zero of reals, which no integer is.
    if number.as_f64().is_some_and(|real| real == 0.0 && real.is_sign_negative()) {
        return Ok(Value::from(0));
    }
    Err(ScimError::invalid_value(format!(
        "\"{place}\" must be a whole number of at most 64 bits, without fraction and exponent, but is {number}"
    )))
}

/// base64 with either alphabet, padded or not (RFC 7643 §2.3.6).
fn is_base64(text: &str) -> bool {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const ENGINES: [GeneralPurpose; 2] =
        [GeneralPurpose::new(&STANDARD, CONFIG), GeneralPurpose::new(&URL_SAFE, CONFIG)];
    ENGINES.iter().any(|engine| engine.decode(text).is_ok())
}

fn expected(attribute: &Attribute) -> &'static str {
    match (attribute.multi_valued, attribute.attr_type) {
        (true, AttrType::Complex) => "an array of objects",
        (true, _) => "an array",
        (false, _) => expected_element(attribute),
    }
}

fn expected_element(attribute: &Attribute) -> &'static str {
    match attribute.attr_type {
        AttrType::Complex if attribute.multi_valued => "an array of objects",
        AttrType::Complex => "an object",
        AttrType::Boolean => "true or false",
        AttrType::Decimal => "a number",
        AttrType::Integer => "a whole number",
        AttrType::String => "a string",
        AttrType::DateTime => "a string with a date and time",
        AttrType::Binary => "a string of base64",
        AttrType::Reference => "a string with a URI",
    }
}
