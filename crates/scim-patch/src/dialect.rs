//! Leniencies of PATCH; the default is the RFC alone.

use scim_filter::{parser::Leniencies, predicate::CompileOptions};
use scim_schema::validate::{Coercion, Leniency};

/// What a read-only attribute in a request does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ReadOnlyInput {
    /// A path: 400 `mutability`; inside a no-path value: no change if equal, else 400 `mutability`.
    #[default]
    Refuse,
    /// Ignored.
    Ignore,
}

/// What a value filter of `add` or `replace` that matches nothing does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum UnmatchedValueFilter {
    /// 400 `noTarget` (RFC 7644 §3.5.2).
    #[default]
    NoTarget,
    /// A conjunction of `eq` makes the element; any other filter changes nothing.
    Create,
}

/// What replacing or adding a complex single value does to the sub-attributes it does not name, and
/// how `add` joins an element whose `value` is already there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ComplexValues {
    /// As the RFC's text for the operation says.
    #[default]
    Rfc,
    /// They stay; an element with the same `value` is updated (rule 59 of identity providers).
    Merge,
}

/// The leniencies of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Dialect {
    /// Value coercions; also says whether `schemas` is checked (`any_schemas`) and what happens to
    /// unknown attributes.
    pub coercion: Coercion,
    /// Path and value-filter grammar.
    pub grammar: Leniencies,
    /// Name look-up in paths and value filters.
    pub names: CompileOptions,
    /// `remove` of `members` with a non-empty `value` takes out only those; with `[]` none.
    pub remove_members_by_value: Leniency,
    /// An empty `Operations` is a request that changes nothing.
    pub empty_operations: Leniency,
    /// A no-path value that is a JSON string holding an object is parsed once.
    pub string_value_object: Leniency,
    /// `remove` without path but with `{"members": […]}` removes those members.
    pub remove_without_path: Leniency,
    /// Read-only attributes.
    pub read_only: ReadOnlyInput,
    /// Unmatched value filters.
    pub unmatched: UnmatchedValueFilter,
    /// Complex values.
    pub complex: ComplexValues,
}
