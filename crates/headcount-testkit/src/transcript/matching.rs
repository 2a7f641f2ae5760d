//! Comparing what came with what was to come.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What names in double braces stand for; answers add to it.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<String, String>);

/// How much of a value must be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Whole {
    /// Everything: a member that was not told is a fault.
    Yes,
    /// What is told must be there.
    No,
}

/// A piece of a text.
#[derive(Debug)]
enum Piece<'a> {
    Literal(&'a str),
    Hole(&'a str),
}

impl Names {
    /// Lets a name stand for a text.
    pub fn set(&mut self, name: &str, text: &str) {
        self.0.insert(name.to_owned(), text.to_owned());
    }

    /// The text with every name replaced.
    ///
    /// # Panics
    /// For a name that stands for nothing yet.
    #[must_use]
    pub fn expand(&self, text: &str) -> String {
        let one = |piece: &Piece<'_>| match piece {
            Piece::Literal(literal) => (*literal).to_owned(),
            Piece::Hole(name) => {
                self.0.get(*name).unwrap_or_else(|| panic!("{{{{{name}}}}} stands for nothing yet")).clone()
            }
        };
        pieces(text).iter().map(one).collect()
    }

    /// The value with every name in its strings and keys replaced.
    #[must_use]
    pub fn expand_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.expand(text).into(),
            Value::Array(items) => items.iter().map(|item| self.expand_value(item)).collect(),
            Value::Object(members) => {
                members.iter().map(|(key, value)| (self.expand(key), self.expand_value(value))).collect()
            }
            other => other.clone(),
        }
    }

    /// Whether the text is as it was told; remembers what new names stand for.
    pub(super) fn matches(&mut self, told: &str, text: &str) -> bool {
        let mut names = self.clone();
        let found = names.consume(&pieces(told), text);
        if found {
            *self = names;
        }
        found
    }

    fn consume(&mut self, told: &[Piece<'_>], text: &str) -> bool {
        let Some((piece, later)) = told.split_first() else { return text.is_empty() };
        match piece {
            Piece::Literal(literal) => text.strip_prefix(literal).is_some_and(|rest| self.consume(later, rest)),
            Piece::Hole("*") => ends(text).any(|end| {
                let mut names = self.clone();
                let found = names.consume(later, text.split_at(end).1);
                if found {
                    *self = names;
                }
                found
            }),
            Piece::Hole(name) => {
                if let Some(known) = self.0.get(*name).cloned() {
                    return text.strip_prefix(known.as_str()).is_some_and(|rest| self.consume(later, rest));
                }
                let kind = name.split_once(':').map_or(*name, |(kind, _)| kind);
                for end in ends(text).skip(1) {
                    let (taken, rest) = text.split_at(end);
                    let fits = match kind {
                        "id" => is_id(taken),
                        "timestamp" | "time" => is_timestamp(taken),
                        "text" => true,
                        _ => panic!("{{{{{name}}}}} stands for nothing yet, and may not be learnt from an answer"),
                    };
                    let mut names = self.clone();
                    if name.contains(':') {
                        names.set(name, taken);
                    }
                    if fits && names.consume(later, rest) {
                        *self = names;
                        return true;
                    }
                }
                false
            }
        }
    }

    /// Says where and how a value differs from what was told.
    pub(super) fn compare(&mut self, told: &Value, found: &Value, at: &str, whole: Whole) -> Result<(), String> {
        let differs = || Err(format!("{at}: {found}, not {told}"));
        match (told, found) {
            (Value::String(told), _) if told == "{{*}}" => Ok(()),
            (Value::String(told), _) if told.starts_with("{{meta ") => {
                self.compare(&Self::meta(told), found, at, whole)
            }
            (Value::String(told), Value::String(found)) => {
                if self.matches(told, found) {
                    Ok(())
                } else {
                    differs()
                }
            }
            (Value::Array(items), Value::Array(given)) => {
                if whole == Whole::Yes && items.len() != given.len() {
                    return Err(format!("{at}: {} elements, not {}: {found}", given.len(), items.len()));
                }
                let free = whole == Whole::No || is_set(at);
                self.compare_items(items, given, at, whole, free)
            }
            (Value::Object(told), Value::Object(given)) => self.compare_members(told, given, at, whole),
            _ if told == found => Ok(()),
            _ => differs(),
        }
    }

    fn compare_members(
        &mut self,
        told: &Map<String, Value>,
        given: &Map<String, Value>,
        at: &str,
        whole: Whole,
    ) -> Result<(), String> {
        for (key, value) in told {
            let place = format!("{at}/{key}");
            let Some(found) = given.get(key) else { return Err(format!("{place} is missing")) };
            self.compare(value, found, &place, whole)?;
        }
        let untold = given.keys().find(|key| whole == Whole::Yes && !told.contains_key(*key));
        untold.map_or(Ok(()), |key| Err(format!("{at}/{key}: {} was not told", given[key])))
    }

    /// Elements in order, or each with another one of those given, whatever their order.
    fn compare_items(
        &mut self,
        told: &[Value],
        given: &[Value],
        at: &str,
        whole: Whole,
        free: bool,
    ) -> Result<(), String> {
        let Some((first, later)) = told.split_first() else { return Ok(()) };
        let mut fault = format!("{at}: nothing like {first}");
        for (number, item) in given.iter().enumerate() {
            if !free && number > 0 {
                break;
            }
            let mut names = self.clone();
            let rest: Vec<Value> =
                given.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, item)| item.clone()).collect();
            let compared = names
                .compare(first, item, &format!("{at}/{number}"), whole)
                .and_then(|()| names.compare_items(later, &rest, at, whole, free));
            match compared {
                Ok(()) => {
                    *self = names;
                    return Ok(());
                }
                Err(why) => fault = why,
            }
        }
        Err(fault)
    }

    /// `{{meta User ada 3}}`: the whole `meta` of the user `{{id:ada}}` in version 3.
    fn meta(told: &str) -> Value {
        let words: Vec<&str> = told.trim_matches(['{', '}']).split(' ').collect();
        let [_, kind, id, version] = words.as_slice() else { panic!("{told} names type, id and version") };
        json!({
            "resourceType": kind,
            "created": "{{timestamp}}",
            "lastModified": "{{timestamp}}",
            "location": format!("{{{{base}}}}/{kind}s/{{{{id:{id}}}}}"),
            "version": format!("W/\"{version}\""),
        })
    }
}

/// Members and groups are sets; every other list has an order.
fn is_set(at: &str) -> bool {
    at.ends_with("/members") || at.ends_with("/groups")
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((literal, behind)) = rest.split_once("{{") {
        let (name, later) = behind.split_once("}}").unwrap_or_else(|| panic!("'{text}' has braces that do not close"));
        pieces.extend([Piece::Literal(literal), Piece::Hole(name)]);
        rest = later;
    }
    pieces.push(Piece::Literal(rest));
    pieces
}

/// Every place where a text may be cut.
fn ends(text: &str) -> impl Iterator<Item = usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()])
}

fn is_id(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}

fn is_timestamp(text: &str) -> bool {
    text.len() == 24
        && text.bytes().zip("0000-00-00T00:00:00.000Z".bytes()).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            _ => byte == form,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(told: &Value, found: &Value, whole: Whole) -> Result<Names, String> {
        let mut names = Names::default();
        names.set("base", "https://x/scim");
        names.compare(told, found, "", whole).map(|()| names)
    }

    const ID: &str = "0192f4a0-0000-7000-8000-000000000001";

    #[test]
    fn names_are_learnt_once_and_hold_from_then_on() {
        let told = json!({"id": "{{id:ada}}", "ref": "{{base}}/Users/{{id:ada}}"});
        let names =
            compare(&told, &json!({"id": ID, "ref": format!("https://x/scim/Users/{ID}")}), Whole::Yes).unwrap();
        assert_eq!(names.expand("/Users/{{id:ada}}?"), format!("/Users/{ID}?"));
        assert!(compare(&told, &json!({"id": ID, "ref": "https://x/scim/Users/other"}), Whole::Yes).is_err());
        assert!(compare(&told, &json!({"id": "7", "ref": "https://x/scim/Users/7"}), Whole::Yes).is_err());
    }

    #[test]
    fn what_was_not_told_is_a_fault_only_where_the_whole_is_told() {
        let found = json!({"a": 1, "b": [1, 2]});
        assert!(compare(&json!({"a": 1}), &found, Whole::Yes).is_err());
        assert!(compare(&json!({"a": 1, "b": [2]}), &found, Whole::No).is_ok());
        assert!(compare(&json!({"b": [3]}), &found, Whole::No).is_err());
        assert!(compare(&json!({"a": 1, "b": [2, 1]}), &found, Whole::Yes).is_err());
    }

    #[test]
    fn members_have_no_order_and_are_each_counted_once() {
        let found = json!({"members": [{"value": "a"}, {"value": "b"}]});
        assert!(compare(&json!({"members": [{"value": "b"}, {"value": "a"}]}), &found, Whole::Yes).is_ok());
        assert!(compare(&json!({"members": [{"value": "a"}, {"value": "a"}]}), &found, Whole::Yes).is_err());
    }

    #[test]
    fn a_type_is_never_taken_for_another() {
        assert!(compare(&json!("true"), &json!(true), Whole::Yes).is_err());
        assert!(compare(&json!(1), &json!("1"), Whole::Yes).is_err());
        assert!(compare(&json!("{{timestamp}}"), &json!("2026-01-02T03:04:05Z"), Whole::Yes).is_err());
        assert!(compare(&json!("{{timestamp}}"), &json!("2026-01-02T03:04:05.000Z"), Whole::Yes).is_ok());
    }
}
