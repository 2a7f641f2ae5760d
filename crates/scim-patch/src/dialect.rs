//! Leniencies of PATCH; the default is the RFC alone.
//!
//! The switches are here; what each does is one small function in a module below, or, where it only
//! chooses between two readings, a match in the engine.

pub(crate) mod member;
pub(crate) mod path;
pub(crate) mod unmatched;
pub(crate) mod value;

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

/// What a write does to the parts of a complex value that it does not name.
///
/// For a single complex attribute both readings agree. `replace`: "sub-attributes that are not
/// specified in the `value` parameter are left unchanged" (RFC 7644 §3.5.2.3). `add`: the value is
/// "a set of sub-attributes" (§3.5.2.1), so each of them is added and no other is touched; the
/// sentence "if the target location exists, the value is replaced" is read as speaking of each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ComplexValues {
    /// As the RFC's text for the operation says:
    /// `add` to a multi-valued attribute appends, even if an element of another `type` has the same
    /// `value` (RFC 7643 §2.4 allows that);
    /// `add` with a value filter adds the sub-attributes to each selected element;
    /// `replace` with a value filter puts the value in the place of each selected element ("all
    /// matching record values SHALL be replaced"), so that what it does not name is gone;
    /// a sub-attribute of a multi-valued attribute without a filter means that of every element.
    #[default]
    Rfc,
    /// As identity providers mean it: `add` updates the element that has the same `value` already,
    /// `replace` with a value filter keeps what it does not name, and a sub-attribute without a
    /// filter is that of the primary element, else of the first.
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
