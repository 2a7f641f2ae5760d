//! Attribute definitions and their characteristics (RFC 7643 §2.2, §2.3, §7).

/// The data type of an attribute (RFC 7643 §2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AttrType {
    /// Unicode text (§2.3.1).
    #[default]
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

impl AttrType {
    /// Every value, in the order RFC 7643 §7 lists them.
    pub const ALL: &'static [Self] = &[
        Self::String,
        Self::Boolean,
        Self::Decimal,
        Self::Integer,
        Self::DateTime,
        Self::Binary,
        Self::Reference,
        Self::Complex,
    ];

    /// The key word as it stands in a Schema document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Decimal => "decimal",
            Self::Integer => "integer",
            Self::DateTime => "dateTime",
            Self::Binary => "binary",
            Self::Reference => "reference",
            Self::Complex => "complex",
        }
    }

    /// Reads the key word; letter case does not matter.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str().eq_ignore_ascii_case(word))
    }
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

impl Mutability {
    /// Every value, in the order RFC 7643 §7 lists them.
    pub const ALL: &'static [Self] = &[Self::ReadOnly, Self::ReadWrite, Self::Immutable, Self::WriteOnly];

    /// The key word as it stands in a Schema document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "readOnly",
            Self::ReadWrite => "readWrite",
            Self::Immutable => "immutable",
            Self::WriteOnly => "writeOnly",
        }
    }

    /// Reads the key word; letter case matters.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str() == word)
    }
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

impl Returned {
    /// Every value, in the order RFC 7643 §7 lists them.
    pub const ALL: &'static [Self] = &[Self::Always, Self::Never, Self::Default, Self::Request];

    /// The key word as it stands in a Schema document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
            Self::Default => "default",
            Self::Request => "request",
        }
    }

    /// Reads the key word; letter case matters.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str() == word)
    }
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

impl Uniqueness {
    /// Every value, in the order RFC 7643 §7 lists them.
    pub const ALL: &'static [Self] = &[Self::None, Self::Server, Self::Global];

    /// The key word as it stands in a Schema document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Server => "server",
            Self::Global => "global",
        }
    }

    /// Reads the key word; letter case matters.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str() == word)
    }
}

/// The definition of an attribute or sub-attribute (RFC 7643 §7).
///
/// Plain data; it is made by [`crate::Schema::parse`] or by [`crate::builtin`]. The default has the
/// characteristics of RFC 7643 §2.2 and no name.
#[derive(Clone, PartialEq, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are the independent characteristics of RFC 7643 §7")]
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
    /// Whether text is compared by case, as declared; [`Self::compares_exactly`] is what holds.
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
    pub sub_attributes: Vec<Self>,
    /// Whether stores keep an index row for each value (an extension of ours, `"searchable": true`
    /// in a schema document; never shown in discovery). For a complex multi-valued attribute it
    /// speaks of its `value` sub-attribute.
    pub searchable: bool,
}

impl Attribute {
    /// A single-valued, readable and writable attribute with the defaults of RFC 7643 §2.2.
    #[must_use]
    pub fn new(name: &str, attr_type: AttrType) -> Self {
        Self { name: name.to_owned(), attr_type, ..Self::default() }
    }

    /// The sub-attribute of this name, ignoring ASCII case.
    #[must_use]
    pub fn sub_attribute(&self, name: &str) -> Option<&Self> {
        self.sub_attributes.iter().find(|sub| sub.name.eq_ignore_ascii_case(name))
    }

    /// Whether values are compared byte for byte. References and binaries always are, whatever their
    /// definition says (RFC 7643 §2.3.6, §2.3.7; the schemas of §8.7.1 print `false` for them).
    #[must_use]
    pub fn compares_exactly(&self) -> bool {
        self.case_exact || matches!(self.attr_type, AttrType::Reference | AttrType::Binary)
    }

    /// Whether the value is never shown, and so can be neither filtered nor sorted by: `returned:
    /// never` or `mutability: writeOnly` (RFC 7643 §7).
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.returned == Returned::Never || self.mutability == Mutability::WriteOnly
    }

    /// Whether the value may not occur twice (RFC 7643 §7, `uniqueness`).
    #[must_use]
    pub fn is_unique(&self) -> bool {
        self.uniqueness != Uniqueness::None
    }

    /// The sub-attribute that stands for a whole element where a complex attribute is named alone
    /// (RFC 7644 §3.4.2.2): its `value`. `None` for simple attributes.
    #[must_use]
    pub fn value_attribute(&self) -> Option<&Self> {
        self.sub_attribute("value")
    }
}

/// Whether `name` is an attribute name: a letter, then letters, digits, `$`, `-` and `_` (RFC 7643
/// §2.1, Figure 1), or `$ref`, which RFC 7643 §2.4 uses although the figure forbids it.
#[must_use]
pub fn is_attribute_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.eq_ignore_ascii_case("$ref")
        || bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'$' | b'-' | b'_'))
}
