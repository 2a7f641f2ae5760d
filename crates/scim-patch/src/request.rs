//! The PATCH request (RFC 7644 §3.5.2).

use scim_filter::ValuePath;
use scim_schema::ScimError;
use serde_json::{Map, Value};

use crate::dialect::Dialect;

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
    /// parsed. `max_operations` bounds the list.
    ///
    /// # Errors
    /// [`ScimError`]: 400 `invalidSyntax` (structure, `schemas`, unknown `op`), `invalidPath`,
    /// `invalidValue` (add or replace without `value`), `noTarget` (remove without path); 413.
    pub fn parse(body: Map<String, Value>, dialect: &Dialect, max_operations: usize) -> Result<Self, ScimError> {
        let _ = (body, dialect, max_operations);
        todo!()
    }
}
