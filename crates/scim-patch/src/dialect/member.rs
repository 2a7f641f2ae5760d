//! Leniencies of operations on a group's members.

use scim_filter::{Filter, ValuePath};
use scim_schema::validate::MemberValue;
use serde_json::Value;

use crate::{
    dialect::{Dialect, UnmatchedValueFilter, unmatched},
    request::Op,
};

/// Whether a `remove` without a path names its members in its value.
pub(crate) fn names_members(value: Option<&Value>, dialect: &Dialect) -> bool {
    dialect.remove_without_path.accepts() && members_key(value).is_some()
}

/// The `members` of the value of a `remove` without a path.
pub(crate) fn members_key(value: Option<&Value>) -> Option<&Value> {
    // QUIRK(salesforce): `{"op": "remove", "value": {"members": […]}}`.
    let object = value?.as_object()?;
    object.iter().rfind(|(name, _)| name.eq_ignore_ascii_case("members")).map(|(_, members)| members)
}

/// Whether the path of an `add` already says which member to add, so that `value` may be missing.
pub(crate) fn path_is_enough(op: Op, path: Option<&ValuePath>, dialect: &Dialect) -> bool {
    op == Op::Add
        && dialect.unmatched == UnmatchedValueFilter::Create
        && path.is_some_and(|path| {
            path.path.name().eq_ignore_ascii_case("members") && path.sub.is_none() && path.filter.is_some()
        })
}

/// The member that a value filter of `add` or `replace` describes.
pub(crate) fn described(filter: &Filter) -> Option<MemberValue> {
    // QUIRK(entra): one variant adds a member by `members[value eq "…"]` in the path.
    let mut value = None;
    let mut member_type = None;
    for (name, literal) in unmatched::eq_terms(filter)? {
        if name.eq_ignore_ascii_case("value") {
            value = literal.as_str().map(ToOwned::to_owned);
        } else if name.eq_ignore_ascii_case("type") {
            member_type = literal.as_str().map(ToOwned::to_owned);
        }
    }
    Some(MemberValue { value: value.filter(|id| !id.is_empty())?, member_type })
}
