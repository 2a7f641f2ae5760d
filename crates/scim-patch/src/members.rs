//! Operations on a group's members become deltas for the store (RFC 7643 §4.2).

use std::collections::BTreeSet;

use scim_filter::{CompareOp, CompareValue, Filter, Predicate};
use scim_schema::{
    Mutability, ScimError, ScimType,
    validate::{self, MemberValue},
};
use serde_json::Value;

use crate::{
    apply::Engine,
    delta::MemberDelta,
    dialect::{self, ReadOnlyInput, UnmatchedValueFilter},
    lists::without_nulls,
    read_only::find_ignore_case,
    request::Op,
    target::Place,
};

impl Engine<'_> {
    /// `remove` without path: only where the dialect reads the members from its value.
    pub(crate) fn remove_members_without_path(&mut self, value: Option<&Value>) -> Result<(), ScimError> {
        let members = if dialect::member::names_members(value, self.dialect) {
            dialect::member::members_key(value)
        } else {
            None
        };
        let is_group = self
            .resource_type
            .attribute("members")
            .is_some_and(|attribute| validate::is_membership(self.resource_type, attribute));
        match members {
            Some(members) if is_group => {
                let ids = self.ids(members)?;
                self.push(MemberDelta::Remove(ids));
                Ok(())
            }
            _ => Err(ScimError::typed(ScimType::NoTarget, "a `remove` needs a `path` that says what to remove")),
        }
    }

    /// One operation on `members`.
    pub(crate) fn change_members(
        &mut self,
        op: Op,
        place: Place<'_>,
        filter: Option<&Filter>,
        value: Option<Value>,
    ) -> Result<(), ScimError> {
        if let Some(sub) = place.sub {
            if sub.mutability == Mutability::ReadOnly && self.dialect.read_only == ReadOnlyInput::Ignore {
                return Ok(());
            }
            return Err(ScimError::typed(
                ScimType::Mutability,
                format!("`{}` cannot be changed; remove the member and add another", place.key()),
            ));
        }
        match filter {
            Some(filter) => self.change_selected_members(op, place, filter, value.as_ref()),
            None => self.change_all_members(op, value),
        }
    }

    fn change_all_members(&mut self, op: Op, value: Option<Value>) -> Result<(), ScimError> {
        let value = value.unwrap_or(Value::Null);
        match op {
            // Nothing added is nothing changed: a `null` never empties a group by `add`.
            Op::Add => {
                let members = self.read(value)?;
                self.push(MemberDelta::Add(members));
            }
            Op::Replace => {
                let members = self.read(value)?;
                self.members.push(MemberDelta::Replace(members));
            }
            Op::Remove if value.is_null() => self.members.push(MemberDelta::Replace(Vec::new())),
            Op::Remove if self.dialect.remove_members_by_value.accepts() => {
                // QUIRK(entra): `remove` of `members` with a value takes out those only; reading it
                // as the RFC does would empty the group.
                let ids = self.ids(&value)?;
                self.push(MemberDelta::Remove(ids));
            }
            Op::Remove => {
                return Err(ScimError::typed(
                    ScimType::InvalidValue,
                    "a `remove` of `members` has no `value`; name the members in the path, as in members[value eq \"…\"]",
                ));
            }
        }
        Ok(())
    }

    fn change_selected_members(
        &mut self,
        op: Op,
        place: Place<'_>,
        filter: &Filter,
        value: Option<&Value>,
    ) -> Result<(), ScimError> {
        let predicate = Predicate::compile_element(filter, None, place.attribute, self.dialect.names)?;
        let ids = plain_ids(filter);
        let removes = op == Op::Remove || (op == Op::Replace && value.is_none_or(Value::is_null));
        if removes {
            match ids {
                Some(ids) => self.push(MemberDelta::Remove(distinct(ids))),
                None => self.members.push(MemberDelta::RemoveWhere(predicate)),
            }
            return Ok(());
        }
        match self.dialect.unmatched {
            UnmatchedValueFilter::Create => {
                if let Some(member) = dialect::member::described(filter) {
                    self.members.push(MemberDelta::Add(vec![member]));
                }
            }
            UnmatchedValueFilter::NoTarget => {
                let becomes_other = names_other_member(ids.as_deref(), value)?;
                // Whether the filter finds somebody comes first: only then is there one to change.
                self.members.push(MemberDelta::Require(predicate));
                if becomes_other {
                    self.members.push(MemberDelta::Immutable);
                }
            }
        }
        Ok(())
    }

    fn read(&self, value: Value) -> Result<Vec<MemberValue>, ScimError> {
        let value = without_nulls(value);
        if value.is_null() {
            return Ok(Vec::new());
        }
        let mut seen = BTreeSet::new();
        let mut members = validate::members(&value, &self.dialect.coercion)?;
        members.retain(|member| seen.insert(member.value.clone()));
        Ok(members)
    }

    fn ids(&self, value: &Value) -> Result<Vec<String>, ScimError> {
        Ok(self.read(value.clone())?.into_iter().map(|member| member.value).collect())
    }

    /// Notes a change, unless it names nobody.
    fn push(&mut self, delta: MemberDelta) {
        let names_nobody = match &delta {
            MemberDelta::Add(members) => members.is_empty(),
            MemberDelta::Remove(ids) => ids.is_empty(),
            MemberDelta::RemoveWhere(_)
            | MemberDelta::Replace(_)
            | MemberDelta::Require(_)
            | MemberDelta::Immutable => false,
        };
        if !names_nobody {
            self.members.push(delta);
        }
    }
}

/// Whether a value written to selected members says something else than they are already; their
/// sub-attributes are immutable.
fn names_other_member(ids: Option<&[String]>, value: Option<&Value>) -> Result<bool, ScimError> {
    let Some(Value::Object(written)) = value else {
        if value.is_none_or(Value::is_null) {
            return Ok(false);
        }
        return Err(ScimError::typed(
            ScimType::InvalidValue,
            "the path selects members, so that `value` must be one object",
        ));
    };
    let Some(id) = find_ignore_case(written, "value") else {
        return Ok(false);
    };
    let is_selected = match ids {
        Some(ids) => id.as_str().is_some_and(|id| ids.iter().all(|other| other == id)),
        None => false,
    };
    Ok(!is_selected)
}

/// The ids of a filter that is `value eq "…"`, or several of them joined by `or`.
fn plain_ids(filter: &Filter) -> Option<Vec<String>> {
    match filter {
        Filter::Compare(path, CompareOp::Eq, CompareValue::String(id))
            if path.urn().is_none() && path.sub().is_none() && path.name().eq_ignore_ascii_case("value") =>
        {
            Some(vec![id.clone()])
        }
        Filter::Or(filters) => {
            let mut ids = Vec::with_capacity(filters.len());
            for filter in filters {
                ids.extend(plain_ids(filter)?);
            }
            Some(ids)
        }
        _ => None,
    }
}

fn distinct(ids: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    ids.into_iter().filter(|id| seen.insert(id.clone())).collect()
}
