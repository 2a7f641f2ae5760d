//! Passwords that clients send (RFC 7643 §4.1.1, §9.2): dropped, kept as argon2id hashes, or refused, as
//! the switch `passwords` says.
//!
//! A password is hashed while a request is prepared, before its transaction, and goes by the gate
//! through which first verifications of tokens go. It is no part of the document: a change of it alone
//! is one journal entry, and leaves version and `lastModified`.

use headcount_model::{Secret, Seq, switches::Passwords};
use headcount_store::{StoreError, Txn};
use headcount_token::PasswordHash;
use scim_patch::PasswordChange;
use scim_schema::{ScimError, fold::prepare_password};

use crate::{
    error,
    session::{Job, Session},
};

/// The attribute, as journal entries name it.
const PASSWORD: &str = "password";

/// What a request makes of a user's password, hashed.
#[derive(Clone, Debug)]
pub(crate) enum NewPassword {
    /// It becomes the one behind this hash.
    Set(PasswordHash),
    /// It is taken away.
    Remove,
}

/// Whether writing a password changed something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Touched {
    Yes,
    No,
}

/// The form in which a password is hashed and compared.
pub(crate) fn prepared(text: &str) -> Secret {
    Secret::new(prepare_password(text).as_ref())
}

/// Refuses a password where the connection does.
pub(crate) fn check(is_sent: bool, passwords: Passwords) -> Result<(), ScimError> {
    if is_sent && passwords == Passwords::Refuse {
        return Err(ScimError::invalid_value(
            "password is not accepted on this connection; take it out of what the identity provider sends, since people sign in through the identity provider",
        ));
    }
    Ok(())
}

/// Hashes what was sent, where the connection stores it. An empty password is none, since with it
/// everybody could sign in: the user keeps what there was.
///
/// # Errors
/// 503 if too much is being hashed.
pub(crate) fn hash(job: &Job<'_>, sent: Option<&str>) -> Result<Option<NewPassword>, ScimError> {
    let Some(text) = sent.filter(|text| !text.is_empty()) else { return Ok(None) };
    if job.caller.switches.passwords != Passwords::Store {
        return Ok(None);
    }
    let hash = job.service.hash_password(&prepared(text));
    hash.map(|hash| Some(NewPassword::Set(hash)))
        .map_err(|error| error::of_hashing(&error, job.caller.transaction.as_str()))
}

/// Like [`hash`], for what a PATCH does.
///
/// # Errors
/// As [`hash`].
pub(crate) fn hash_change(job: &Job<'_>, change: Option<&PasswordChange>) -> Result<Option<NewPassword>, ScimError> {
    match change {
        None => Ok(None),
        Some(PasswordChange::Remove) => Ok(Some(NewPassword::Remove)),
        Some(PasswordChange::Set(text)) => hash(job, Some(text)),
    }
}

/// Writes what was hashed, if the connection still stores passwords, and names it among the paths.
/// The same password sent again is written again, since two hashes of it differ.
pub(crate) fn write(
    txn: &mut dyn Txn,
    session: &Session,
    resource: Seq,
    password: Option<&NewPassword>,
    paths: &mut Vec<String>,
) -> Result<Touched, StoreError> {
    let Some(password) = password.filter(|_| session.switches.passwords == Passwords::Store) else {
        return Ok(Touched::No);
    };
    match password {
        NewPassword::Set(hash) => txn.set_password(resource, Some(hash))?,
        NewPassword::Remove if txn.password(resource)?.is_none() => return Ok(Touched::No),
        NewPassword::Remove => txn.set_password(resource, None)?,
    }
    paths.push(PASSWORD.to_owned());
    paths.sort_unstable();
    Ok(Touched::Yes)
}
