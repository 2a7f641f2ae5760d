//! Running work in the caller's tenant and turning how it ended into an answer.

use headcount_store::{
    Abort, StoreError, StoreExt, Txn,
    look::{Look, LookAt, Looked},
};
use scim_schema::ScimError;

use crate::{
    authenticate::{self, Meeting},
    conflict, error,
    session::{Job, Session, enter},
    stop::{Refusal, Stop, Taken},
    uniqueness,
};

/// How often work is run again because a row that it had just read was gone or another.
const RACES: u32 = 3;

/// A refusal as it travels through the store.
enum Refused {
    Refuse(Box<Refusal>),
    Taken(Box<Taken>),
    Stale,
}

fn into_abort(stop: Stop) -> Abort<Refused> {
    match stop {
        Stop::Store(error) => Abort::Store(error),
        Stop::Refuse(refusal) => Abort::Refuse(Refused::Refuse(refusal)),
        Stop::Taken(taken) => Abort::Refuse(Refused::Taken(taken)),
        Stop::Stale => Abort::Refuse(Refused::Stale),
    }
}

fn from_abort(abort: Abort<Refused>) -> Stop {
    match abort {
        Abort::Store(error) => Stop::Store(error),
        Abort::Refuse(Refused::Refuse(refusal)) => Stop::Refuse(refusal),
        Abort::Refuse(Refused::Taken(taken)) => Stop::Taken(taken),
        Abort::Refuse(Refused::Stale) => Stop::Stale,
    }
}

/// Runs work under a savepoint of a transaction; what it wrote is undone if it stops.
pub(crate) fn nesting<T: Send>(
    txn: &mut dyn Txn,
    mut work: impl FnMut(&mut dyn Txn) -> Result<T, Stop> + Send,
) -> Result<T, Stop> {
    headcount_store::store::nesting(txn, |txn| work(txn).map_err(into_abort)).map_err(from_abort)
}

impl Job<'_> {
    /// Reads in one consistent snapshot.
    pub(crate) fn reading<T: Send>(
        &self,
        work: impl FnMut(&mut dyn Txn, &Session) -> Result<T, Stop> + Send,
    ) -> Result<T, ScimError> {
        self.snapshot(work).map_err(|stop| self.refused(stop))
    }

    /// Reads in one consistent snapshot, for what may as well fail.
    pub(crate) fn snapshot<T: Send>(
        &self,
        mut work: impl FnMut(&mut dyn Txn, &Session) -> Result<T, Stop> + Send,
    ) -> Result<T, Stop> {
        let outcome = self.service.store().reading(&self.caller.ctx, |txn| {
            let mut run = |txn: &mut dyn Txn| -> Result<T, Stop> {
                let session = enter(txn, self)?;
                work(txn, &session)
            };
            run(txn).map_err(into_abort)
        });
        outcome.map_err(from_abort)
    }

    /// Looks without a transaction. `None`: the credential is another already than when it was read
    /// in this request, and a transaction decides what that means.
    pub(crate) fn look(&self, at: LookAt<'_>, levels: u8) -> Result<Option<Looked>, ScimError> {
        let caller = self.caller;
        let look = Look { token: caller.known.token(), at, levels };
        let looked = self.service.store().look(&caller.ctx, &look).map_err(|error| self.failed(error))?;
        match authenticate::meet(caller, looked.standing.as_ref()) {
            Meeting::Same => {
                authenticate::standing(caller.credential(), self.now)?;
                Ok(Some(looked))
            }
            Meeting::Stale => Err(self.refused(Stop::Stale)),
            Meeting::Other => Ok(None),
        }
    }

    /// Writes in one transaction; a refusal undoes everything but the conflict it found, which is
    /// recorded in a transaction of its own.
    pub(crate) fn writing<T: Send>(
        &self,
        mut work: impl FnMut(&mut dyn Txn, &Session) -> Result<T, Stop> + Send,
    ) -> Result<T, ScimError> {
        let mut races = 0;
        loop {
            let outcome = self.service.store().writing(&self.caller.ctx, |txn| {
                let mut run = |txn: &mut dyn Txn| -> Result<T, Stop> {
                    let session = enter(txn, self)?;
                    work(txn, &session)
                };
                run(txn).map_err(into_abort)
            });
            match outcome.map_err(from_abort) {
                Ok(value) => return Ok(value),
                // A member was deleted between the look at it and its row: seen again, it is
                // unknown. A version moved between the look at it and the write: seen again, it
                // meets the precondition or fails it.
                Err(Stop::Store(StoreError::NotFound | StoreError::VersionMismatch)) => {
                    races += 1;
                    if races > RACES {
                        return Err(self.refused(Stop::Store(StoreError::Busy(None))));
                    }
                }
                Err(stop) => return Err(self.refused(stop)),
            }
        }
    }

    /// What the client sees of a failing store.
    pub(crate) fn failed(&self, error: StoreError) -> ScimError {
        error::of_store(error, self.caller.transaction.as_str())
    }

    /// What the client sees of work that stopped. Conflicts are recorded here.
    fn refused(&self, stop: Stop) -> ScimError {
        match stop {
            Stop::Store(error) => self.failed(error),
            Stop::Stale => {
                self.caller.seen.other();
                authenticate::changed()
            }
            Stop::Refuse(refusal) => {
                let Refusal { error, conflict } = *refusal;
                if let Some(conflict) = conflict {
                    let recorded = self.service.store().writing(&self.caller.ctx, |txn| {
                        let session = enter(txn, self).map_err(into_abort)?;
                        conflict::record(txn, self, &session, &conflict).map_err(Abort::Store)
                    });
                    self.log_lost_conflict(recorded.err());
                }
                error
            }
            Stop::Taken(taken) => {
                let explained = self.service.store().writing(&self.caller.ctx, |txn| {
                    let session = enter(txn, self).map_err(into_abort)?;
                    let refusal = uniqueness::explain(txn, self, &session, &taken).map_err(Abort::Store)?;
                    if let Some(conflict) = &refusal.conflict {
                        conflict::record(txn, self, &session, conflict).map_err(Abort::Store)?;
                    }
                    Ok(refusal.error)
                });
                match explained {
                    Ok(error) => error,
                    Err(abort) => {
                        self.log_lost_conflict(Some(abort));
                        uniqueness::taken(&taken)
                    }
                }
            }
        }
    }

    fn log_lost_conflict(&self, abort: Option<Abort<Refused>>) {
        if let Some(Abort::Store(error)) = abort {
            tracing::warn!(
                request_id = self.caller.transaction.as_str(),
                error = error::cause(&error),
                "a conflict could not be recorded"
            );
        }
    }
}
