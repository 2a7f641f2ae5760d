//! The PATCH request (RFC 7644 §3.5.2).

use scim_filter::{Limits, ValuePath};
use scim_schema::{ScimError, ScimType, builtin};
use serde_json::{Map, Value};

use crate::dialect::{self, Dialect};

/// `op`, in any letter case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// §3.5.2.1
    Add,
    /// §3.5.2.2
    Remove,
    /// §3.5.2.3
    Replace,
}

impl Op {
    /// The word in the request's JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Replace => "replace",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Add, Self::Remove, Self::Replace].into_iter().find(|op| op.as_str().eq_ignore_ascii_case(text))
    }
}

/// One operation.
#[derive(Clone, PartialEq, Debug)]
pub struct Operation {
    /// What to do.
    pub op: Op,
    /// Where; `None`: the resource itself.
    pub path: Option<ValuePath>,
    /// With what; `None`: the key was absent (`Some(Value::Null)`: it was null).
    pub value: Option<Value>,
}

/// A parsed PATCH request.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PatchRequest {
    /// The operations, in order.
    pub operations: Vec<Operation>,
}

impl PatchRequest {
    /// Reads a PATCH body: names in any letter case, `schemas` checked as the dialect says, paths
    /// parsed. `max_operations` bounds the list. Of a name given twice in different spellings the
    /// last counts; names that the message does not have are ignored.
    ///
    /// # Errors
    /// [`ScimError`]: 400 `invalidSyntax` (structure, `schemas`, unknown `op`), `invalidPath`,
    /// `invalidValue` (add or replace without `value`), `noTarget` (remove without path); 413.
    pub fn parse(body: Map<String, Value>, dialect: &Dialect, max_operations: usize) -> Result<Self, ScimError> {
        let mut schemas = None;
        let mut operations = None;
        for (name, value) in body {
            if name.eq_ignore_ascii_case("schemas") {
                schemas = Some(value);
            } else if name.eq_ignore_ascii_case("Operations") {
                operations = Some(value);
            }
        }
        if !dialect.coercion.any_schemas.accepts() {
            check_schemas(schemas.as_ref())?;
        }
        let Some(operations) = operations else {
            return Err(syntax("the body has no `Operations`; a PATCH request needs an array of them"));
        };
        let Value::Array(operations) = operations else {
            return Err(syntax("`Operations` is no array; send the operations as an array of objects"));
        };
        if operations.is_empty() && !dialect.empty_operations.accepts() {
            return Err(syntax("`Operations` is empty; send at least one operation"));
        }
        if operations.len() > max_operations {
            let count = operations.len();
            return Err(ScimError::new(
                413,
                format!(
                    "the request has {count} operations and at most {max_operations} are taken at once; send them in several requests"
                ),
            ));
        }
        let mut parsed = Vec::with_capacity(operations.len());
        for (index, operation) in operations.into_iter().enumerate() {
            parsed.push(parse_operation(operation, dialect).map_err(in_operation(index))?);
        }
        Ok(Self { operations: parsed })
    }
}

/// Says in the error's text which operation it is about, counted from one.
pub(crate) fn in_operation(index: usize) -> impl FnOnce(ScimError) -> ScimError {
    move |error| ScimError { detail: format!("operation {}: {}", index.saturating_add(1), error.detail), ..error }
}

fn syntax(detail: &str) -> ScimError {
    ScimError::typed(ScimType::InvalidSyntax, detail)
}

fn check_schemas(schemas: Option<&Value>) -> Result<(), ScimError> {
    let refusal = || syntax(&format!("`schemas` is not an array of strings that holds \"{}\"", builtin::PATCH_OP));
    let urns = schemas.and_then(Value::as_array).ok_or_else(refusal)?;
    let mut found = false;
    for urn in urns {
        found |= urn.as_str().ok_or_else(refusal)?.eq_ignore_ascii_case(builtin::PATCH_OP);
    }
    if found { Ok(()) } else { Err(refusal()) }
}

fn parse_operation(operation: Value, dialect: &Dialect) -> Result<Operation, ScimError> {
    let Value::Object(members) = operation else {
        return Err(syntax("it is no object"));
    };
    let mut op = None;
    let mut path = None;
    let mut value = None;
    for (name, member) in members {
        if name.eq_ignore_ascii_case("op") {
            op = Some(member);
        } else if name.eq_ignore_ascii_case("path") {
            path = Some(member);
        } else if name.eq_ignore_ascii_case("value") {
            value = Some(member);
        }
    }
    let op = op
        .as_ref()
        .and_then(Value::as_str)
        .and_then(Op::parse)
        .ok_or_else(|| syntax("its `op` is not one of \"add\", \"remove\" and \"replace\""))?;
    let path = match path {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if dialect::path::is_blank(&text, dialect) => None,
        Some(Value::String(text)) => Some(parse_path(&text, dialect)?),
        Some(_) => {
            return Err(ScimError::typed(ScimType::InvalidPath, "its `path` is no string"));
        }
    };
    match op {
        Op::Remove => {
            if path.is_none() && !dialect::member::names_members(value.as_ref(), dialect) {
                return Err(ScimError::typed(ScimType::NoTarget, "a `remove` needs a `path` that says what to remove"));
            }
        }
        Op::Add | Op::Replace => {
            if value.is_none() && !dialect::member::path_is_enough(op, path.as_ref(), dialect) {
                return Err(ScimError::typed(ScimType::InvalidValue, format!("`{}` needs a `value`", op.as_str())));
            }
        }
    }
    Ok(Operation { op, path, value })
}

/// Parses a path, or a key of a no-path value.
pub(crate) fn parse_path(text: &str, dialect: &Dialect) -> Result<ValuePath, ScimError> {
    let text = dialect::path::mend_enterprise_urn(text, dialect);
    ValuePath::parse(&text, &Limits::PATH, &dialect.grammar)
        .map_err(|error| ScimError::typed(ScimType::InvalidPath, format!("the path cannot be read: {error}")))
}
