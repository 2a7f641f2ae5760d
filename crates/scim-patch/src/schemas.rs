//! Operations on `schemas` (RFC 7643 §3, RFC 7644 §3.5.2), which follows the extensions that the
//! resource has.

use scim_schema::{Registry, ResourceType, ScimError, ScimType};
use serde_json::{Map, Value};

use crate::{
    attribute::{Change, WriteOp},
    dialect::{Dialect, ReadOnlyInput},
};

/// A change of `schemas` itself: it may say what is so already, or name a schema of the resource
/// type that has no value yet; it changes nothing, since an extension's URN comes and goes with its
/// attributes.
///
/// # Errors
/// [`ScimError`] 400 `mutability` if a URN in use would go; `invalidValue` for anything but an array
/// of URNs known here.
pub(crate) fn check(
    registry: &Registry,
    resource_type: &ResourceType,
    document: &Map<String, Value>,
    change: &Change,
    selects: bool,
    dialect: &Dialect,
) -> Result<(), ScimError> {
    if dialect.read_only == ReadOnlyInput::Ignore || dialect.coercion.any_schemas.accepts() {
        return Ok(());
    }
    let (op, value) = match change {
        Change::Write(op, value) if !selects => (*op, value),
        Change::Write(..) | Change::Remove => {
            return Err(ScimError::typed(
                ScimType::Mutability,
                "`schemas` follows the attributes that the resource has; remove an extension's attributes instead",
            ));
        }
    };
    let Some(sent) = value.as_array().and_then(|urns| urns.iter().map(Value::as_str).collect::<Option<Vec<_>>>())
    else {
        return Err(ScimError::typed(ScimType::InvalidValue, "`schemas` must be an array of strings"));
    };
    let present: Vec<&str> =
        document.get("schemas").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    for urn in &sent {
        let belongs = resource_type.schema.urn.is(urn)
            || resource_type.extension(urn).is_some()
            || present.iter().any(|other| other.eq_ignore_ascii_case(urn));
        if !belongs {
            let known =
                if registry.schema(urn).is_some() { "is not one of this resource type" } else { "is unknown here" };
            return Err(ScimError::typed(ScimType::InvalidValue, format!("a schema that `schemas` names {known}")));
        }
    }
    let keeps_all = present.iter().all(|urn| sent.iter().any(|other| other.eq_ignore_ascii_case(urn)));
    if op == WriteOp::Replace && !keeps_all {
        return Err(ScimError::typed(
            ScimType::Mutability,
            "`schemas` leaves out a schema whose attributes the resource has; remove the attributes instead",
        ));
    }
    Ok(())
}
