//! The recursive descent parser.

use scim_schema::validate::Leniency;

/// What the parser accepts beyond the RFC; the default is the RFC alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Leniencies {
    /// `emails[type eq "work"].value eq "x"`, read as `emails[type eq "work" and value eq "x"]`.
    pub sub_attribute_after_brackets: Leniency,
    /// Unquoted and single-quoted values, an unescaped inner quote where the last quote ends the
    /// string.
    pub loose_values: Leniency,
    /// In a PATCH path: a leading `/` and outer blanks.
    pub loose_paths: Leniency,
}
