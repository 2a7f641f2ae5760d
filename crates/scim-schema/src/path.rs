//! Attribute paths (RFC 7644 §3.10) and what they resolve to.

use std::{borrow::Cow, fmt};

use crate::{
    attribute::{Attribute, is_attribute_name},
    fold::{fold, fold_user_name},
    schema::SchemaUrn,
};

/// `[URN ":"] attribute ["." sub-attribute]`, as written (RFC 7644 §3.4.2.2 `attrPath`, §3.10).
///
/// The URN is all text before the last colon, if the text starts with `urn:` in any case. Whether
/// it is known, or the whole text is itself an extension's URN, is for
/// [`crate::ResourceType::resolve`] to say. Displays as written; parses back to an equal value.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AttrPath {
    urn: Option<String>,
    name: String,
    sub: Option<String>,
}

/// A text that is no attribute path.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{reason}")]
pub struct PathError {
    /// Byte offset into the text where the fault was seen.
    pub offset: usize,
    /// What was expected there.
    pub reason: String,
}

impl AttrPath {
    /// Parses the text. Names are a letter, then letters, digits, `$`, `-` and `_` (RFC 7643 §2.1,
    /// Figure 1), and `$ref` is a name. Behind a URN a part may also begin with a digit and hold
    /// more dots, since the whole text may be the URN of an extension (`urn:example:staff:2.0`).
    ///
    /// # Errors
    /// [`PathError`] with the offset of the first character that cannot belong to a path.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let (urn, tail) = match text.rsplit_once(':') {
            Some((urn, tail)) if starts_with_urn(text) => (Some(urn), tail),
            _ => (None, text),
        };
        let tail_offset = text.len().saturating_sub(tail.len());
        if let Some(urn) = urn {
            check_urn(urn)?;
        }
        let (name, sub) = match tail.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (tail, None),
        };
        check_name(name, tail_offset, urn.is_some())?;
        if let Some(sub) = sub {
            let offset = tail_offset.saturating_add(name.len()).saturating_add(1);
            check_name(sub, offset, urn.is_some())?;
        }
        Ok(Self { urn: urn.map(ToOwned::to_owned), name: name.to_owned(), sub: sub.map(ToOwned::to_owned) })
    }

    /// A path without URN.
    #[must_use]
    pub fn plain(name: &str, sub: Option<&str>) -> Self {
        Self { urn: None, name: name.to_owned(), sub: sub.map(ToOwned::to_owned) }
    }

    /// The URN in front, as written.
    #[must_use]
    pub fn urn(&self) -> Option<&str> {
        self.urn.as_deref()
    }

    /// The attribute's name, as written.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The sub-attribute's name, as written.
    #[must_use]
    pub fn sub(&self) -> Option<&str> {
        self.sub.as_deref()
    }

    /// This path with a sub-attribute appended, if it has none yet.
    #[must_use]
    pub fn with_sub(&self, sub: &str) -> Self {
        Self { sub: Some(sub.to_owned()), ..self.clone() }
    }
}

impl fmt::Display for AttrPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(urn) = &self.urn {
            write!(f, "{urn}:")?;
        }
        f.write_str(&self.name)?;
        if let Some(sub) = &self.sub {
            write!(f, ".{sub}")?;
        }
        Ok(())
    }
}

fn starts_with_urn(text: &str) -> bool {
    text.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("urn:"))
}

/// A URN holds visible ASCII only (RFC 8141 §2), and none of what filters and value paths put
/// behind or around it.
fn check_urn(urn: &str) -> Result<(), PathError> {
    let bad = urn.char_indices().find(|(_, character)| {
        !character.is_ascii_graphic()
            || matches!(character, '[' | ']' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}')
    });
    match bad {
        None => Ok(()),
        Some((offset, character)) => Err(PathError {
            offset,
            reason: format!("{} cannot stand in the URN of an attribute path", quoted(character)),
        }),
    }
}

fn check_name(name: &str, offset: usize, behind_urn: bool) -> Result<(), PathError> {
    if is_attribute_name(name) {
        return Ok(());
    }
    if behind_urn {
        let part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'$' | b'-' | b'_' | b'.');
        if name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric()) && name.bytes().all(part) {
            return Ok(());
        }
    }
    let bad = name.char_indices().find(|(at, character)| {
        let first = *at == 0;
        !(character.is_ascii_alphabetic()
            || !first && (character.is_ascii_digit() || matches!(character, '$' | '-' | '_')))
    });
    Err(match bad {
        None => PathError { offset, reason: "an attribute name is missing here".to_owned() },
        Some((at, character)) => PathError {
            offset: offset.saturating_add(at),
            reason: format!(
                "{} cannot {} an attribute name, which is a letter and then letters, digits, \"$\", \"-\" and \"_\"",
                quoted(character),
                if at == 0 { "begin" } else { "stand in" }
            ),
        },
    })
}

/// A character as an error shows it: by its number if it cannot be seen.
fn quoted(character: char) -> String {
    if character.is_ascii_graphic() {
        format!("\"{character}\"")
    } else if character == ' ' {
        "a blank".to_owned()
    } else {
        format!("the character U+{:04X}", u32::from(character))
    }
}

/// What a path names in a resource type.
#[derive(Clone, Copy, Debug)]
pub struct AttrRef<'a> {
    /// The extension that declares the attribute; `None`: the core schema or a common attribute.
    pub extension: Option<&'a SchemaUrn>,
    /// The top-level attribute; `None`: the path names the extension as a whole.
    pub attribute: Option<&'a Attribute>,
    /// The sub-attribute, if the path names one.
    pub sub: Option<&'a Attribute>,
}

impl<'a> AttrRef<'a> {
    /// The definition the path ends at; `None` for a whole extension.
    #[must_use]
    pub fn leaf(&self) -> Option<&'a Attribute> {
        self.sub.or(self.attribute)
    }

    /// The path in canonical spelling: `emails.value`,
    /// `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value`.
    #[must_use]
    pub fn key(&self) -> String {
        let mut key = String::new();
        if let Some(urn) = self.extension {
            key.push_str(urn.as_str());
        }
        if let Some(attribute) = self.attribute {
            if !key.is_empty() {
                key.push(':');
            }
            key.push_str(&attribute.name);
        }
        if let Some(sub) = self.sub {
            key.push('.');
            key.push_str(&sub.name);
        }
        key
    }

    /// A complex attribute named alone means its `value` where it has one (RFC 7644 §3.4.2.2): that
    /// reference then, else the same one.
    #[must_use]
    pub fn to_value(self) -> Self {
        match (self.attribute, self.sub) {
            (Some(attribute), None) => Self { sub: attribute.value_attribute(), ..self },
            _ => self,
        }
    }

    /// The form in which text of this attribute is compared, ordered, and kept unique: a userName
    /// without outer white space and folded, other text folded, case-exact text as it is.
    #[must_use]
    pub fn comparison_form<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let user_name = self.extension.is_none()
            && self.sub.is_none()
            && self.attribute.is_some_and(|attribute| attribute.name == "userName");
        if user_name {
            return fold_user_name(text);
        }
        match self.leaf() {
            Some(leaf) if leaf.compares_exactly() => Cow::Borrowed(text),
            _ => fold(text),
        }
    }

    /// Whether several values may stand there: the attribute or the sub-attribute is multi-valued.
    #[must_use]
    pub fn is_multi_valued(&self) -> bool {
        self.attribute.is_some_and(|attribute| attribute.multi_valued) || self.sub.is_some_and(|sub| sub.multi_valued)
    }
}

#[cfg(test)]
mod tests;
