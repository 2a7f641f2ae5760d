//! What the elements of a multi-valued complex attribute must be to each other (RFC 7643 §2.4).

use std::{borrow::Cow, collections::BTreeMap, fmt::Display};

use serde_json::Value;

use crate::{
    attribute::{AttrType, Attribute},
    error::ScimError,
    fold::fold,
    validate::Coercion,
};

pub(super) fn settle(
    attribute: &Attribute,
    place: &dyn Display,
    elements: &mut Vec<Value>,
    favoured: Option<usize>,
    coercion: &Coercion,
) -> Result<(), ScimError> {
    if attribute.attr_type != AttrType::Complex || elements.len() < 2 {
        return Ok(());
    }
    let favoured = collapse_pairs(attribute, place, elements, favoured, coercion)?;
    one_primary(attribute, place, elements, favoured, coercion)
}

/// Whether more than one element says that it is the primary one.
pub(super) fn has_two_primaries(attribute: &Attribute, elements: &[Value]) -> bool {
    primary_name(attribute)
        .is_some_and(|name| elements.iter().filter(|element| is_primary(element, name)).nth(1).is_some())
}

// No one client is known for this: RFC 7643 §2.4 asks servers not to return a pair twice, so it is not
// stored twice. The first stays; it is the primary one if any of them is.
fn collapse_pairs(
    attribute: &Attribute,
    place: &dyn Display,
    elements: &mut Vec<Value>,
    favoured: Option<usize>,
    coercion: &Coercion,
) -> Result<Option<usize>, ScimError> {
    let Some(value) = attribute.value_attribute() else {
        return Ok(favoured);
    };
    let kind = attribute.sub_attribute("type");
    if !has_pair_twice(value, kind, elements) {
        return Ok(favoured.filter(|index| *index < elements.len()));
    }
    let primary = primary_name(attribute);
    let mut first_of: BTreeMap<(Option<String>, String), usize> = BTreeMap::new();
    let mut kept: Vec<Value> = Vec::with_capacity(elements.len());
    let mut favoured_kept = None;
    for (index, element) in std::mem::take(elements).into_iter().enumerate() {
        let mut at = kept.len();
        let pair = owned_form(value, &element).map(|text| (kind.and_then(|kind| owned_form(kind, &element)), text));
        let earlier = pair.as_ref().and_then(|pair| first_of.get(pair).copied());
        if let (None, Some(pair)) = (earlier, pair) {
            first_of.insert(pair, at);
        }
        match earlier {
            None => kept.push(element),
            Some(_) if !coercion.duplicate_primary.accepts() => {
                return Err(ScimError::invalid_value(format!(
                    "\"{place}\" has the same value and type twice; send each once"
                )));
            }
            Some(earlier) => {
                at = earlier;
                if let (Some(name), Some(Value::Object(first))) = (primary, kept.get_mut(earlier))
                    && is_primary(&element, name)
                {
                    first.insert(name.to_owned(), Value::Bool(true));
                }
            }
        }
        if favoured == Some(index) {
            favoured_kept = Some(at);
        }
    }
    *elements = kept;
    Ok(favoured_kept)
}

/// Whether two elements may be the same pair; for lists too long to compare each with each, they may.
fn has_pair_twice(value: &Attribute, kind: Option<&Attribute>, elements: &[Value]) -> bool {
    const FEW: usize = 16;
    if elements.len() > FEW {
        return true;
    }
    let texts: Vec<_> = elements.iter().map(|element| comparison_form(value, element)).collect();
    let kind_of = |index: usize| Some(comparison_form(kind?, elements.get(index)?)).flatten();
    texts.iter().enumerate().any(|(index, text)| {
        let mut before = texts.iter().take(index).enumerate();
        text.is_some() && before.any(|(other, earlier)| earlier == text && kind_of(other) == kind_of(index))
    })
}

// QUIRK(ping): documented to send two e-mail addresses that are both primary. The first stays so. In a PATCH the
// element just written wins, which is the RFC's own rule (RFC 7644 §3.5.2) and needs no switch.
fn one_primary(
    attribute: &Attribute,
    place: &dyn Display,
    elements: &mut [Value],
    favoured: Option<usize>,
    coercion: &Coercion,
) -> Result<(), ScimError> {
    let Some(name) = primary_name(attribute) else {
        return Ok(());
    };
    if !has_two_primaries(attribute, elements) {
        return Ok(());
    }
    let written = favoured.filter(|index| elements.get(*index).is_some_and(|element| is_primary(element, name)));
    if written.is_none() && !coercion.duplicate_primary.accepts() {
        return Err(two_primaries(place));
    }
    let winner = written.or_else(|| elements.iter().position(|element| is_primary(element, name)));
    for (index, element) in elements.iter_mut().enumerate() {
        if Some(index) != winner
            && is_primary(element, name)
            && let Value::Object(members) = element
        {
            members.insert(name.to_owned(), Value::Bool(false));
        }
    }
    Ok(())
}

pub(super) fn two_primaries(place: &dyn Display) -> ScimError {
    ScimError::invalid_value(format!(
        "\"{place}\" has more than one element with \"primary\": true; mark one only (RFC 7643 §2.4)"
    ))
}

fn primary_name(attribute: &Attribute) -> Option<&str> {
    attribute
        .sub_attribute("primary")
        .filter(|primary| primary.attr_type == AttrType::Boolean)
        .map(|primary| primary.name.as_str())
}

fn is_primary(element: &Value, name: &str) -> bool {
    element.get(name).and_then(Value::as_bool) == Some(true)
}

fn owned_form(sub: &Attribute, element: &Value) -> Option<String> {
    comparison_form(sub, element).map(Cow::into_owned)
}

/// A sub-attribute's value as it compares; `None` if the element has none.
fn comparison_form<'e>(sub: &Attribute, element: &'e Value) -> Option<Cow<'e, str>> {
    match element.get(&sub.name)? {
        Value::Null => None,
        Value::String(text) if sub.compares_exactly() => Some(Cow::Borrowed(text)),
        Value::String(text) => Some(fold(text)),
        other => Some(Cow::Owned(other.to_string())),
    }
}
