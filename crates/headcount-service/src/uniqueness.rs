//! Saying who holds a value that is taken.

use headcount_store::{StoreError, Txn, query::Adoptable};
use scim_schema::ScimError;

use crate::{
    conflict::{self, Kind},
    session::{Job, Session},
    stop::{Refusal, Taken},
};

/// The refusal for a taken value, without a look at who holds it.
pub(crate) fn taken(taken: &Taken) -> ScimError {
    ScimError::uniqueness(format!(
        "{} is already in use by another {}; send another value, or look up the existing one and update it",
        named(taken),
        taken.resource_type
    ))
}

fn named(taken: &Taken) -> String {
    match &taken.value {
        Some(value) => format!("{} \"{value}\"", taken.attribute),
        None => format!("the value of {}", taken.attribute),
    }
}

/// The refusal for a taken value: what holds it, as far as this connection may know, and what to do.
/// The unique index has decided already; this only explains.
pub(crate) fn explain(txn: &mut dyn Txn, job: &Job<'_>, session: &Session, it: &Taken) -> Result<Refusal, StoreError> {
    let (owner, key) = match (it.attribute.as_str(), &it.key) {
        ("userName", Some(key)) => (None, key),
        ("displayName", Some(key)) => (Some(session.view.connection), key),
        _ => return Ok(Refusal { error: taken(it), conflict: None }),
    };
    let Some(holder) = txn.key_holder(&it.resource_type, owner, key)? else {
        return Ok(Refusal { error: taken(it), conflict: None });
    };
    if holder.owner == session.view.connection {
        let error = if it.attribute == "displayName" {
            ScimError::uniqueness(format!(
                "{} is the name of another group of this connection, in some letter case; two groups of one name cannot both be provisioned, so rename one of them at the identity provider",
                named(it)
            ))
        } else {
            taken(it)
        };
        return Ok(Refusal { error, conflict: None });
    }
    if holder.adoptable && session.view.adoptable == Adoptable::Seen {
        return Ok(Refusal { error: waits(it), conflict: None });
    }
    let value = it.value.as_deref().unwrap_or(key);
    let conflict = conflict::of(job, session, Kind::TakenElsewhere, &it.attribute, it.resource.clone(), value);
    let error = ScimError::uniqueness(format!(
        "{} is held by another source of this workspace, which this connection cannot see; an administrator of the workspace finds the clash among its conflicts and decides who keeps the name",
        named(it)
    ));
    Ok(Refusal { error, conflict: Some(conflict) })
}

/// The refusal for a value that an existing account or group of the application holds, which this
/// connection may adopt (RFC 7644 §3.3: a POST never does).
pub(crate) fn waits(it: &Taken) -> ScimError {
    ScimError::uniqueness(format!(
        "{} is held by an existing {} of the application; look it up with a filter and update it with PUT or PATCH, which links it to this connection",
        named(it),
        it.resource_type
    ))
}
