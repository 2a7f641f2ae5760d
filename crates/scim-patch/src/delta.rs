//! Changes to a membership list.

use scim_filter::Predicate;
use scim_schema::validate::MemberValue;

/// One change to a group's members; a request yields a list of them, to be applied in order.
#[derive(Clone, PartialEq, Debug)]
pub enum MemberDelta {
    /// Add these; present ones stay as they are.
    Add(Vec<MemberValue>),
    /// Take out those with these ids; absent ones are no error.
    Remove(Vec<String>),
    /// Take out those whose row (`value`, `type`, `$ref`, `display`) satisfies the predicate, which
    /// is for [`scim_filter::matches::element`].
    RemoveWhere(Predicate),
    /// Make these the only members; an empty list empties the group.
    Replace(Vec<MemberValue>),
    /// `add`/`replace` with a value filter that selects members: the request is refused with
    /// `noTarget` if no member satisfies the predicate, and changes nothing otherwise.
    Require(Predicate),
    /// The members that a [`Self::Require`] in front of it found were to become others: the request
    /// is refused with `mutability`.
    Immutable,
}
