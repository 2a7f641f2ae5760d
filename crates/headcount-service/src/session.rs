//! Who works inside a transaction, read in that transaction.

use headcount_model::{Actor, Switches, Timestamp};
use headcount_store::{Txn, query::View};

use crate::{
    authenticate::{self, Meeting},
    caller::{self, Caller},
    service::Service,
    stop::Stop,
};

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

impl Session {
    /// Who works, as far as is known before the store says that it is true.
    pub(crate) fn known(job: &Job<'_>) -> Self {
        let known = &job.caller.known;
        Self { switches: known.switches, view: known.view, actor: known.actor() }
    }

    /// Whether that was true.
    pub(crate) fn is_as_known(&self, job: &Job<'_>) -> bool {
        let known = &job.caller.known;
        (self.switches, self.view) == (known.switches, known.view)
    }
}

/// Enters a transaction: reads how the token stands and refuses one that is not good any more, so
/// that revoking a token holds from the moment it is answered, on every replica. What else was
/// known of the credential is true if its revisions are as they were.
pub(crate) fn enter(txn: &mut dyn Txn, job: &Job<'_>) -> Result<Session, Stop> {
    let known = &job.caller.known;
    let now_standing = txn.standing(known.token())?;
    match authenticate::meet(job.caller, now_standing.as_ref()) {
        Meeting::Same => {
            authenticate::standing(&known.credential, job.now)?;
            Ok(Session::known(job))
        }
        Meeting::Stale => Err(Stop::Stale),
        Meeting::Other => {
            let Some(credential) = txn.credential(known.token())? else {
                return Err(authenticate::unknown_token().into());
            };
            authenticate::standing(&credential, job.now)?;
            let switches = credential.connection.switches();
            let view = caller::view(&credential, &switches);
            Ok(Session { switches, view, actor: known.actor() })
        }
    }
}
