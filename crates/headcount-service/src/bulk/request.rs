//! The `BulkRequest` (RFC 7644 §3.7).

use std::collections::BTreeSet;

use scim_schema::{ScimError, builtin};
use serde_json::{Map, Value};

/// A bulk request whose shape is right. What is wrong inside one operation is that operation's own
/// error.
#[derive(Debug)]
pub(super) struct BulkRequest {
    /// After how many errors the rest is left undone.
    pub(super) fail_on_errors: Option<u64>,
    /// The operations, in order.
    pub(super) operations: Vec<RawOperation>,
}

/// One operation as sent.
#[derive(Debug, Default)]
pub(super) struct RawOperation {
    pub(super) method: Option<String>,
    pub(super) bulk_id: Option<String>,
    pub(super) version: Option<String>,
    pub(super) path: Option<String>,
    pub(super) data: Option<Value>,
}

impl BulkRequest {
    /// Reads a body: names in any letter case, of a name given twice the last counts.
    ///
    /// # Errors
    /// 400 for the request as a whole; 413 for more operations than `max_operations`.
    pub(super) fn parse(body: Map<String, Value>, any_schemas: bool, max_operations: usize) -> Result<Self, ScimError> {
        let mut schemas = None;
        let mut operations = None;
        let mut fail_on_errors = None;
        for (name, value) in body {
            match name.to_ascii_lowercase().as_str() {
                "schemas" => schemas = Some(value),
                "operations" => operations = Some(value),
                "failonerrors" => fail_on_errors = Some(value),
                _ => {}
            }
        }
        if !any_schemas {
            check_schemas(schemas.as_ref())?;
        }
        let fail_on_errors = match fail_on_errors {
            None | Some(Value::Null) => None,
            Some(value) => Some(value.as_u64().filter(|errors| *errors > 0).ok_or_else(|| {
                ScimError::invalid_value("failOnErrors is no positive whole number; send one, or leave it out")
            })?),
        };
        let Some(Value::Array(operations)) = operations else {
            return Err(ScimError::invalid_syntax("a bulk request needs Operations, an array of objects"));
        };
        if operations.len() > max_operations {
            return Err(ScimError::too_large(format!(
                "the request has {} operations and at most {max_operations} (maxOperations) are taken at once, so nothing was done; send them in several requests",
                operations.len()
            )));
        }
        let mut ids = BTreeSet::new();
        let operations = operations
            .into_iter()
            .enumerate()
            .map(|(index, operation)| {
                let number = index.saturating_add(1);
                let operation = RawOperation::parse(operation, number)?;
                match &operation.bulk_id {
                    None if operation.method.as_deref() == Some("POST") => {
                        return Err(ScimError::invalid_syntax(format!(
                            "operation {number} is a POST without bulkId; give it one, so that its result can be told from the others"
                        )));
                    }
                    Some(id) if !ids.insert(id.clone()) => {
                        return Err(ScimError::invalid_value(format!(
                            "the bulkId \"{id}\" of operation {number} is that of an earlier operation; give each its own"
                        )));
                    }
                    _ => {}
                }
                Ok(operation)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { fail_on_errors, operations })
    }
}

impl RawOperation {
    fn parse(operation: Value, number: usize) -> Result<Self, ScimError> {
        let Value::Object(members) = operation else {
            return Err(ScimError::invalid_syntax(format!("operation {number} is no object")));
        };
        let mut parsed = Self::default();
        for (name, value) in members {
            let text = value.as_str().map(ToOwned::to_owned);
            match name.to_ascii_lowercase().as_str() {
                "method" => parsed.method = text,
                "version" => parsed.version = text,
                "path" => parsed.path = text,
                "data" => parsed.data = Some(value),
                "bulkid" => match text {
                    Some(id) if !id.is_empty() => parsed.bulk_id = Some(id),
                    _ if value.is_null() => parsed.bulk_id = None,
                    _ => {
                        return Err(ScimError::invalid_value(format!(
                            "the bulkId of operation {number} is no text; send any text that no other operation has"
                        )));
                    }
                },
                _ => {}
            }
        }
        Ok(parsed)
    }
}

fn check_schemas(schemas: Option<&Value>) -> Result<(), ScimError> {
    let named = schemas.and_then(Value::as_array).is_some_and(|urns| {
        urns.iter().all(Value::is_string)
            && urns.iter().filter_map(Value::as_str).any(|urn| urn.eq_ignore_ascii_case(builtin::BULK_REQUEST))
    });
    if named {
        return Ok(());
    }
    Err(ScimError::invalid_syntax(format!(
        "schemas is not an array of strings that holds \"{}\"",
        builtin::BULK_REQUEST
    )))
}
