//! Attribute definitions and their characteristics (RFC 7643 §2.2, §2.3, §7).

/// The data type of an attribute (RFC 7643 §2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AttrType {
    /// Unicode text (§2.3.1).
    String,
    /// `true` or `false` (§2.3.2).
    Boolean,
    /// A number with at least one digit left and right of the period (§2.3.3).
    Decimal,
    /// A whole number (§2.3.4).
    Integer,
    /// An xsd:dateTime (§2.3.5).
    DateTime,
    /// base64 text (§2.3.6).
    Binary,
    /// A URI, absolute or relative (§2.3.7).
    Reference,
    /// A composition of sub-attributes (§2.3.8).
    Complex,
}

/// When a value may be written (RFC 7643 §7, `mutability`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mutability {
    /// Made by the service provider; never written by a client.
    ReadOnly,
    /// May be written at any time.
    #[default]
    ReadWrite,
    /// May be set once.
    Immutable,
    /// May be written and is never returned.
    WriteOnly,
}

/// When a value is returned (RFC 7643 §7, `returned`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Returned {
    /// In every answer.
    Always,
    /// In no answer.
    Never,
    /// Unless excluded.
    #[default]
    Default,
    /// Only when asked for by name.
    Request,
}

/// How far a value is unique (RFC 7643 §7, `uniqueness`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Uniqueness {
    /// Not at all.
    #[default]
    None,
    /// Within the service provider's endpoint (here: the tenant).
    Server,
    /// Everywhere; enforced like `Server`.
    Global,
}

/// The definition of an attribute or sub-attribute (RFC 7643 §7).
///
/// Plain data; it is made by [`crate::Schema::parse`] or by [`crate::builtin`].
#[derive(Clone, PartialEq, Debug)]
pub struct Attribute {
    /// The name in its declared spelling; compared ignoring ASCII case.
    pub name: String,
    /// The data type.
    pub attr_type: AttrType,
    /// Whether the value is an array.
    pub multi_valued: bool,
    /// Text for people, if any.
    pub description: Option<String>,
    /// Whether a value must be present.
    pub required: bool,
    /// Suggested values; advisory (RFC 7643 §7: the provider MAY restrict to them; we do not).
    pub canonical_values: Vec<String>,
    /// Whether text is compared by case.
    pub case_exact: bool,
    /// When a value may be written.
    pub mutability: Mutability,
    /// When a value is returned.
    pub returned: Returned,
    /// How far a value is unique.
    pub uniqueness: Uniqueness,
    /// For references: the kinds that may be referred to.
    pub reference_types: Vec<String>,
    /// For complex attributes: their parts.
    pub sub_attributes: Vec<Attribute>,
    /// Whether stores keep an index row for each value (an extension of ours, `"searchable": true`
    /// in a schema document; never shown in discovery). For a complex multi-valued attribute it
    /// speaks of its `value` sub-attribute.
    pub searchable: bool,
}

impl Attribute {
    /// The sub-attribute of this name, ignoring ASCII case.
    #[must_use]
    pub fn sub_attribute(&self, name: &str) -> Option<&Self> {
        self.sub_attributes.iter().find(|sub| sub.name.eq_ignore_ascii_case(name))
    }
}
