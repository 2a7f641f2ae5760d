//! The `schemas` of a request body (RFC 7643 §3).

use serde_json::Value;

use crate::{
    builtin,
    document::{kind, shortened},
    error::ScimError,
    registry::{Registry, ResourceType},
    validate::Coercion,
};

const MESSAGE_PREFIX: &str = "urn:ietf:params:scim:api:messages:2.0:";

pub(super) fn check(
    registry: &Registry,
    resource_type: &ResourceType,
    schemas: Option<&Value>,
    coercion: &Coercion,
) -> Result<(), ScimError> {
    if coercion.any_schemas.accepts() {
        return refuse_other_kind(registry, resource_type, schemas);
    }
    let core = &resource_type.schema.urn;
    let advice = format!("it must be an array of URIs with \"{core}\" among them");
    let refuse = |what: String| Err(ScimError::invalid_syntax(format!("\"schemas\" {what}; {advice}")));
    let listed = match schemas {
        None | Some(Value::Null) => return refuse("is missing".to_owned()),
        Some(Value::Array(listed)) if listed.is_empty() => return refuse("is empty".to_owned()),
        Some(Value::Array(listed)) => listed,
        Some(other) => return refuse(format!("is {}", kind(other))),
    };
    let mut found = false;
    for urn in listed {
        match urn {
            Value::String(urn) => found |= core.is(urn),
            other => return refuse(format!("holds {}", kind(other))),
        }
    }
    if found { Ok(()) } else { refuse(format!("does not name the schema of {}", resource_type.name)) }
}

// QUIRK(onelogin): sends URNs of SCIM 1.0 and of drafts, or none; Entra and Google send URNs that
// nobody declares. What stays refused is a body that says it is something else: a message such as
// PatchOp, or another resource type.
fn refuse_other_kind(
    registry: &Registry,
    resource_type: &ResourceType,
    schemas: Option<&Value>,
) -> Result<(), ScimError> {
    let listed = || schemas.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    if listed().any(|urn| resource_type.schema.urn.is(urn) || resource_type.extension(urn).is_some()) {
        return Ok(());
    }
    let is_message =
        |urn: &str| urn.get(..MESSAGE_PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(MESSAGE_PREFIX));
    let is_other_type = |urn: &str| registry.resource_types().iter().any(|other| other.schema.urn.is(urn));
    if let Some(urn) =
        listed().find(|urn| is_message(urn) || is_other_type(urn) || builtin::SCHEMA.eq_ignore_ascii_case(urn))
    {
        return Err(ScimError::invalid_syntax(format!(
            "\"schemas\" says that the body is \"{}\", but this endpoint takes {}, whose schema is \"{}\"",
            shortened(urn),
            resource_type.name,
            resource_type.schema.urn
        )));
    }
    Ok(())
}
