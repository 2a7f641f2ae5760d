//! What a filter or PATCH path says, as written.

use std::fmt;

use scim_schema::AttrPath;
use serde_json::Number;

use crate::{
    error::FilterError,
    limits::Limits,
    parser::{self, Leniencies},
};

/// A comparison operator (RFC 7644 §3.4.2.2, Table 3), but `pr`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CompareOp {
    /// equal
    Eq,
    /// not equal
    Ne,
    /// contains
    Co,
    /// starts with
    Sw,
    /// ends with
    Ew,
    /// greater than
    Gt,
    /// greater than or equal to
    Ge,
    /// less than
    Lt,
    /// less than or equal to
    Le,
}

impl CompareOp {
    /// Every operator, in the order of Table 3.
    pub const ALL: [Self; 9] =
        [Self::Eq, Self::Ne, Self::Co, Self::Sw, Self::Ew, Self::Gt, Self::Ge, Self::Lt, Self::Le];

    /// The operator of this name, in any letter case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.as_str().eq_ignore_ascii_case(word))
    }

    /// The name as it stands in a filter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }

    /// Whether it asks for an order: `gt`, `ge`, `lt`, `le`.
    #[must_use]
    pub fn is_ordering(self) -> bool {
        matches!(self, Self::Gt | Self::Ge | Self::Lt | Self::Le)
    }

    /// Whether it asks for a part of a text: `co`, `sw`, `ew`.
    #[must_use]
    pub fn is_substring(self) -> bool {
        matches!(self, Self::Co | Self::Sw | Self::Ew)
    }
}

impl fmt::Display for CompareOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A comparison value: a JSON string, number, boolean or null.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CompareValue {
    /// Text, unescaped.
    String(String),
    /// A number as written.
    Number(Number),
    /// `true` or `false`.
    Boolean(bool),
    /// `null`.
    Null,
}

impl fmt::Display for CompareValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => write_json_string(f, text),
            Self::Number(number) => number.fmt(f),
            Self::Boolean(boolean) => boolean.fmt(f),
            Self::Null => f.write_str("null"),
        }
    }
}

/// Writes a JSON string with its quotes and escapes.
pub(crate) fn write_json_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    fmt::Display::fmt(&serde_json::Value::from(text), f)
}

/// A filter as written. Displays in RFC form and parses back to an equal value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Filter {
    /// All of them; at least two.
    And(Vec<Self>),
    /// Any of them; at least two.
    Or(Vec<Self>),
    /// `not (…)`.
    Not(Box<Self>),
    /// `path op value`.
    Compare(AttrPath, CompareOp, CompareValue),
    /// `path pr`.
    Present(AttrPath),
    /// `path[filter]`: one element satisfies the inner filter, whose paths are relative to it.
    Element(AttrPath, Box<Self>),
}

impl Filter {
    /// Parses a filter.
    ///
    /// # Errors
    /// [`FilterError`] with the byte span and what was expected there; limits are checked before
    /// descending.
    pub fn parse(text: &str, limits: &Limits, leniencies: &Leniencies) -> Result<Self, FilterError> {
        parser::filter(text, limits, *leniencies)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A list inside a list of its own kind keeps its parentheses, so that it reads back
            // as the same tree.
            Self::And(terms) => write_joined(f, terms, " and ", |term| matches!(term, Self::And(_) | Self::Or(_))),
            Self::Or(terms) => write_joined(f, terms, " or ", |term| matches!(term, Self::Or(_))),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Compare(path, op, value) => write!(f, "{path} {op} {value}"),
            Self::Present(path) => write!(f, "{path} pr"),
            Self::Element(path, inner) => write!(f, "{path}[{inner}]"),
        }
    }
}

/// Writes terms with a key word between them, in parentheses where `grouped` says so.
pub(crate) fn write_joined<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    terms: &[T],
    between: &str,
    grouped: impl Fn(&T) -> bool,
) -> fmt::Result {
    for (index, term) in terms.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        if grouped(term) {
            write!(f, "({term})")?;
        } else {
            term.fmt(f)?;
        }
    }
    Ok(())
}

/// A PATCH path: `attrPath / valuePath [subAttr]` (RFC 7644 §3.5.2, Figure 7).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ValuePath {
    /// The attribute; carries the sub-attribute if the path has no filter.
    pub path: AttrPath,
    /// The value selection filter between the brackets.
    pub filter: Option<Filter>,
    /// The sub-attribute after the brackets.
    pub sub: Option<String>,
}

impl ValuePath {
    /// Parses a PATCH path.
    ///
    /// # Errors
    /// [`FilterError`], to be answered as `invalidPath`.
    pub fn parse(text: &str, limits: &Limits, leniencies: &Leniencies) -> Result<Self, FilterError> {
        parser::value_path(text, limits, *leniencies)
    }
}

impl fmt::Display for ValuePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)?;
        if let Some(filter) = &self.filter {
            write!(f, "[{filter}]")?;
        }
        if let Some(sub) = &self.sub {
            write!(f, ".{sub}")?;
        }
        Ok(())
    }
}
