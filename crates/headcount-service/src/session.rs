//! Who works inside a transaction, read in that transaction.

use headcount_model::{Actor, Switches, Timestamp, switches::Adopt};
use headcount_store::{
    Txn,
    query::{Adoptable, View},
};

use crate::{authenticate, caller::Caller, service::Service, stop::Stop};

/// What a use case works with before and after its transaction.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    /// The use cases' surroundings.
    pub(crate) service: &'a Service,
    /// Who asks.
    pub(crate) caller: &'a Caller,
    /// When the request was taken up; everything it writes carries this time.
    pub(crate) now: Timestamp,
}

impl<'a> Job<'a> {
    pub(crate) fn new(service: &'a Service, caller: &'a Caller) -> Self {
        Self { service, caller, now: service.now() }
    }
}

/// Who works, as it is true in the transaction.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// The switches in force. A body was read by those of [`Caller`], which are older by the length
    /// of the request at most; what decides about stored data is decided by these.
    pub(crate) switches: Switches,
    /// What is seen.
    pub(crate) view: View,
    /// Who is named in the journal.
    pub(crate) actor: Actor,
}

/// Enters a transaction: reads the credential again and refuses one that is not good any more, so
/// that revoking a token holds from the moment it is answered, on every replica.
pub(crate) fn enter(txn: &mut dyn Txn, job: &Job<'_>) -> Result<Session, Stop> {
    let known = &job.caller.credential;
    let Some(credential) = txn.credential(&known.token.id)? else {
        return Err(authenticate::unknown_token().into());
    };
    authenticate::standing(&credential, job.now)?;
    let switches = if credential.connection.revision == known.connection.revision {
        job.caller.switches
    } else {
        credential.connection.switches()
    };
    Ok(Session {
        switches,
        view: View {
            connection: credential.connection.key,
            adoptable: match switches.adopt {
                Adopt::OnWrite => Adoptable::Seen,
                Adopt::Never => Adoptable::Hidden,
            },
        },
        actor: Actor::Connection(credential.connection.key, credential.token.id),
    })
}
