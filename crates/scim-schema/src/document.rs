//! Reading the members of a Schema or `ResourceType` document with exact complaints.

use serde_json::{Map, Value};

use crate::registry::RegistryError;

/// How much of a client's own word an error repeats.
const MAX_SHOWN_CHARS: usize = 200;

/// An object inside a document and where it stands.
pub(crate) struct Node<'a> {
    /// JSON pointer (RFC 6901) of the object.
    pointer: String,
    members: &'a Map<String, Value>,
}

/// What is wrong at a pointer.
pub(crate) fn fault(pointer: &str, reason: impl Into<String>) -> RegistryError {
    RegistryError { pointer: pointer.to_owned(), reason: reason.into() }
}

/// The kind of a JSON value, with its article, for sentences.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A name that a client chose, short enough to be shown in an error.
pub(crate) fn shortened(name: &str) -> String {
    match name.char_indices().nth(MAX_SHOWN_CHARS) {
        None => name.to_owned(),
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
    }
}

impl<'a> Node<'a> {
    /// Takes the value at `pointer` for an object whose members are all in `known`, in any letter
    /// case (RFC 7643 §2.1: attribute names are case insensitive).
    pub(crate) fn read(value: &'a Value, pointer: String, known: &[&str]) -> Result<Self, RegistryError> {
        let Value::Object(members) = value else {
            return Err(fault(&pointer, format!("must be an object, but is {}", kind(value))));
        };
        let node = Self { pointer, members };
        let mut seen: Vec<&str> = Vec::new();
        for name in members.keys() {
            let Some(canonical) = known.iter().find(|known| known.eq_ignore_ascii_case(name)) else {
                let known = known.join(", ");
                return Err(fault(&node.at(name), format!("is not a known member; the known ones are {known}")));
            };
            if seen.contains(canonical) {
                return Err(fault(&node.at(name), format!("says again what another spelling of \"{canonical}\" says")));
            }
            seen.push(canonical);
        }
        Ok(node)
    }

    /// The pointer of this object.
    pub(crate) fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The pointer of a member, escaped (RFC 6901 §3).
    pub(crate) fn at(&self, name: &str) -> String {
        let name = name.replace('~', "~0").replace('/', "~1");
        format!("{}/{name}", self.pointer)
    }

    /// A member's value in any letter case; `null` counts as absent (RFC 7643 §2.5).
    pub(crate) fn member(&self, name: &str) -> Option<&'a Value> {
        self.members
            .iter()
            .find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null())
            .map(|(_, value)| value)
    }

    /// A string member.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, RegistryError> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(fault(&self.at(name), format!("must be a string, but is {}", kind(other)))),
        }
    }

    /// A string member that must be there and not be blank.
    pub(crate) fn required_text(&self, name: &str) -> Result<&'a str, RegistryError> {
        match self.text(name)? {
            None => Err(fault(&self.pointer, format!("lacks \"{name}\", which is required"))),
            Some(text) if text.trim().is_empty() => Err(fault(&self.at(name), "must not be empty")),
            Some(text) => Ok(text),
        }
    }

    /// A boolean member; absent is `false`, the default of every one there is.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, RegistryError> {
        match self.member(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(fault(&self.at(name), format!("must be true or false, but is {}", kind(other)))),
        }
    }

    /// An array member; absent is empty.
    pub(crate) fn list(&self, name: &str) -> Result<&'a [Value], RegistryError> {
        match self.member(name) {
            None => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            Some(other) => Err(fault(&self.at(name), format!("must be an array, but is {}", kind(other)))),
        }
    }

    /// An array of strings.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, RegistryError> {
        let mut texts = Vec::new();
        for (index, element) in self.list(name)?.iter().enumerate() {
            let Value::String(text) = element else {
                let pointer = format!("{}/{index}", self.at(name));
                return Err(fault(&pointer, format!("must be a string, but is {}", kind(element))));
            };
            texts.push(text.clone());
        }
        Ok(texts)
    }

    /// Refuses a `schemas` member that is there and does not say what the document is.
    pub(crate) fn check_schemas(&self, urn: &str) -> Result<(), RegistryError> {
        let schemas = self.texts("schemas")?;
        if self.member("schemas").is_none() || schemas.iter().any(|listed| listed.eq_ignore_ascii_case(urn)) {
            return Ok(());
        }
        Err(fault(&self.at("schemas"), format!("must contain \"{urn}\"")))
    }
}
