//! A filter checked against a resource type.

use std::{borrow::Cow, fmt, sync::Arc};

use scim_schema::{AttrPath, AttrType, Attribute, Registry, ResourceType, ScimError, fold::fold, validate::Leniency};

use crate::{
    ast::{CompareOp, Filter, write_joined, write_json_string},
    compile,
    limits::Limits,
    parser::Leniencies,
};

/// The attribute a term is about, resolved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// Canonical spelling of the whole path: `userName`, `name.familyName`, `emails.value`,
    /// `meta.created`, `urn:…:User:department`.
    pub key: Arc<str>,
    /// The extension's URN in canonical spelling, for attributes of an extension.
    pub extension: Option<Arc<str>>,
    /// The top-level attribute's name.
    pub name: Arc<str>,
    /// The sub-attribute's name.
    pub sub: Option<Arc<str>>,
    /// The type of the leaf.
    pub attr_type: AttrType,
    /// Whether text is compared as it is: what the schema declares, and always for binary values and
    /// references (RFC 7643 §2.3.6, §2.3.7).
    pub case_exact: bool,
    /// Whether the top-level attribute is multi-valued (or the leaf is).
    pub multi_valued: bool,
}

impl Target {
    /// The attribute that `sortBy` names (RFC 7644 §3.4.2.3); a complex attribute means its `value`.
    ///
    /// # Errors
    /// [`ScimError`] 400 `invalidValue`: nothing of that name is declared, a complex attribute has
    /// no `value`, or the attribute is `returned: never` or writeOnly.
    pub fn for_sort(path: &AttrPath, resource_type: &ResourceType, options: CompileOptions) -> Result<Self, ScimError> {
        compile::sort_target(path, resource_type, options)
    }

    /// An attribute, or a part of it, of the core schema or of an extension.
    #[must_use]
    pub fn new(extension: Option<&str>, attribute: &Attribute, sub: Option<&Attribute>) -> Self {
        let name: Arc<str> = attribute.name.as_str().into();
        let key = match (extension, sub) {
            (None, None) => Arc::clone(&name),
            (Some(urn), None) => [urn, ":", &name].concat().into(),
            (None, Some(sub)) => [&*name, ".", &sub.name].concat().into(),
            (Some(urn), Some(sub)) => [urn, ":", &name, ".", &sub.name].concat().into(),
        };
        let leaf = sub.unwrap_or(attribute);
        Self {
            key,
            extension: extension.map(Into::into),
            name,
            sub: sub.map(|sub| sub.name.as_str().into()),
            attr_type: leaf.attr_type,
            case_exact: leaf.compares_exactly(),
            multi_valued: attribute.multi_valued || leaf.multi_valued,
        }
    }

    /// The form in which a stored value of this attribute is compared and sorted: as it is if
    /// case-exact, else folded; a userName without its outer white space.
    #[must_use]
    pub fn comparison_form<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let text = if self.ignores_outer_white_space() { text.trim() } else { text };
        if self.case_exact { Cow::Borrowed(text) } else { fold(text) }
    }

    /// The form of a literal for this operator: [`Self::comparison_form`], but white space at the
    /// ends of a part of a text (`co`, `sw`, `ew`) stays, since without it more would match.
    pub(crate) fn literal_form(&self, op: CompareOp, text: &str) -> String {
        match (op.is_substring(), self.case_exact) {
            (false, _) => self.comparison_form(text).into_owned(),
            (true, true) => text.to_owned(),
            (true, false) => fold(text).into_owned(),
        }
    }

    fn ignores_outer_white_space(&self) -> bool {
        self.extension.is_none() && self.sub.is_none() && &*self.name == "userName"
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}

/// The typed value of a comparison.
#[derive(Clone, PartialEq, Debug)]
pub enum Literal {
    /// Text in its comparison form: folded, unless the attribute is case-exact.
    Text(String),
    /// A number.
    Number(serde_json::Number),
    /// A boolean.
    Boolean(bool),
    /// Microseconds since the epoch.
    Instant(i64),
}

/// What a term asks of its target.
#[derive(Clone, PartialEq, Debug)]
pub enum Test {
    /// At least one non-empty value.
    Present,
    /// Some value compares so. Never `Ne`, which compiles to `Not(Compare(Eq))`.
    Compare(CompareOp, Literal),
}

/// One question about one attribute.
#[derive(Clone, PartialEq, Debug)]
pub struct Term {
    /// The attribute.
    pub target: Target,
    /// The question.
    pub test: Test,
}

/// A checked filter. Two-valued: every term is true or false, an absent attribute satisfies none.
#[derive(Clone, PartialEq, Debug)]
pub enum Predicate {
    /// Always true (no filter).
    All,
    /// Never true (an attribute that this resource type lacks but another has).
    Nothing,
    /// All of them.
    And(Vec<Self>),
    /// Any of them.
    Or(Vec<Self>),
    /// Not it.
    Not(Box<Self>),
    /// A term: about any value of its attribute.
    Term(Term),
    /// All terms inside are about the same element of the complex attribute `target`; targets
    /// inside are whole paths (`emails.type`).
    Element(Target, Box<Self>),
}

/// How names are looked up and values read; the default is the RFC alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CompileOptions {
    /// `"true"`/`"false"` in any case where a boolean is due.
    pub string_booleans: Leniency,
    /// Bare names fall through to the extensions.
    pub bare_extension_names: Leniency,
    /// An unquoted number is text where text is due, and quoted digits are a number where a number
    /// is due; goes with [`Leniencies::loose_values`].
    pub loose_values: Leniency,
}

impl Predicate {
    /// Checks a filter against a resource type. An attribute that this type lacks but `registry`
    /// knows for another becomes [`Predicate::Nothing`] if `over_several_types`.
    ///
    /// Which operator goes with which type (RFC 7644 §3.4.2.2, Table 3):
    ///
    /// | type | `eq` `ne` | `co` `sw` `ew` | `gt` `ge` `lt` `le` |
    /// |---|---|---|---|
    /// | string, reference | yes | yes | by code point of the comparison form |
    /// | dateTime | as instants | no: not a text | chronologically |
    /// | integer, decimal | as numbers | no: not a text | as numbers |
    /// | boolean | yes | no: not a text | refused by the RFC |
    /// | binary | exact text | no: base64 has no parts that mean anything | refused by the RFC |
    ///
    /// `pr`, `eq null` and `ne null` go with every attribute. A complex attribute named alone means
    /// its `value` in every other comparison.
    ///
    /// # Errors
    /// [`ScimError`] 400 `invalidFilter`: an attribute no schema declares, an operator that the
    /// type does not have (`gt` on a boolean), a literal of another type, `null` with an operator
    /// other than `eq` and `ne`, an attribute that is `returned: never` or writeOnly.
    pub fn compile(
        filter: &Filter,
        registry: &Registry,
        resource_type: &ResourceType,
        over_several_types: bool,
        options: CompileOptions,
    ) -> Result<Self, ScimError> {
        compile::filter(filter, registry, resource_type, over_several_types, options)
    }

    /// Checks a value selection filter of a PATCH path, relative to the elements of `attribute`
    /// (a multi-valued attribute of the core schema or of `extension`).
    /// The result is to be used with [`crate::matches::element`].
    ///
    /// # Errors
    /// [`ScimError`] 400 `invalidFilter`.
    pub fn compile_element(
        filter: &Filter,
        extension: Option<&str>,
        attribute: &Attribute,
        options: CompileOptions,
    ) -> Result<Self, ScimError> {
        compile::element(filter, extension, attribute, options)
    }

    /// Parses and checks a filter as the RFC has it, with the default limits, for one type.
    ///
    /// # Errors
    /// [`ScimError`] 400 `invalidFilter`.
    pub fn parse(text: &str, registry: &Registry, resource_type: &ResourceType) -> Result<Self, ScimError> {
        let filter = Filter::parse(text, &Limits::FILTER, &Leniencies::default())
            .map_err(crate::FilterError::into_invalid_filter)?;
        Self::compile(&filter, registry, resource_type, false, CompileOptions::default())
    }

    /// Every attribute it asks about, from left to right, as often as it does: those of terms and
    /// those in front of brackets.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        let mut waiting = vec![self];
        std::iter::from_fn(move || {
            while let Some(predicate) = waiting.pop() {
                match predicate {
                    Self::All | Self::Nothing => {}
                    Self::And(parts) | Self::Or(parts) => waiting.extend(parts.iter().rev()),
                    Self::Not(inner) => waiting.push(inner),
                    Self::Term(term) => return Some(&term.target),
                    Self::Element(target, inner) => {
                        waiting.push(inner);
                        return Some(target);
                    }
                }
            }
            None
        })
    }

    /// Whether it asks about this top-level core attribute (`groups`, `members`), so that stores
    /// need not read it otherwise.
    #[must_use]
    pub fn asks_about(&self, name: &str) -> bool {
        self.targets().any(|target| target.extension.is_none() && &*target.name == name)
    }
}

/// Prints like a filter, with canonical names, for logs and error texts; text stands in its
/// comparison form and instants as dates.
impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("(everything)"),
            Self::Nothing => f.write_str("(nothing)"),
            Self::And(parts) => write_joined(f, parts, " and ", |part| matches!(part, Self::And(_) | Self::Or(_))),
            Self::Or(parts) => write_joined(f, parts, " or ", |part| matches!(part, Self::Or(_))),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Term(term) => term.fmt(f),
            Self::Element(target, inner) => write!(f, "{target}[{inner}]"),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.test {
            Test::Present => write!(f, "{} pr", self.target),
            Test::Compare(op, literal) => write!(f, "{} {op} {literal}", self.target),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write_json_string(f, text),
            Self::Number(number) => number.fmt(f),
            Self::Boolean(boolean) => boolean.fmt(f),
            Self::Instant(micros) => write_json_string(f, &scim_schema::datetime::print(*micros)),
        }
    }
}
