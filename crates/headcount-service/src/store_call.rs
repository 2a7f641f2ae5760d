//! Running work in the caller's tenant and turning how it ended into an answer.

use headcount_model::Event;
use headcount_store::{
    Abort, StoreError, StoreExt, Txn,
    act::{Act, Change, Done},
    look::{Look, LookAt, Looked},
};
use scim_schema::ScimError;

use crate::{
    authenticate::{self, Meeting},
    caller::Pace,
    conflict, error,
    session::{Job, Session, enter},
    stop::{Refusal, Stop, Taken},
    uniqueness,
};

/// How often work is run again because a row that it had just read was gone or another.
const RACES: u32 = 3;

/// Most resources of an answer that is given without waiting.
const MOST_NOW: usize = 10;

/// A refusal as it travels through the store.
enum Refused {
    Refuse(Box<Refusal>),
    Taken(Box<Taken>),
    Stale,
    Later,
}

fn into_abort(stop: Stop) -> Abort<Refused> {
    match stop {
        Stop::Store(error) => Abort::Store(error),
        Stop::Refuse(refusal) => Abort::Refuse(Refused::Refuse(refusal)),
        Stop::Taken(taken) => Abort::Refuse(Refused::Taken(taken)),
        Stop::Stale => Abort::Refuse(Refused::Stale),
        Stop::Later => Abort::Refuse(Refused::Later),
    }
}

fn from_abort(abort: Abort<Refused>) -> Stop {
    match abort {
        Abort::Store(error) => Stop::Store(error),
        Abort::Refuse(Refused::Refuse(refusal)) => Stop::Refuse(refusal),
        Abort::Refuse(Refused::Taken(taken)) => Stop::Taken(taken),
        Abort::Refuse(Refused::Stale) => Stop::Stale,
        Abort::Refuse(Refused::Later) => Stop::Later,
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
        if self.caller.pace == Pace::Now {
            return Err(Stop::Later);
        }
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
        self.glance(at, levels).map_err(|stop| self.refused(stop))
    }

    /// The same, for what may as well fail.
    pub(crate) fn glance(&self, at: LookAt<'_>, levels: u8) -> Result<Option<Looked>, Stop> {
        let caller = self.caller;
        let look = Look { token: caller.known.token(), at, levels };
        let looked = match caller.pace {
            Pace::Patient => self.service.store().look(&caller.ctx, &look)?,
            Pace::Now => match self.service.store().look_now(&caller.ctx, &look) {
                Some(Ok(looked)) if looked.page.resources.len() <= MOST_NOW => looked,
                // What failed at once may succeed with patience.
                Some(_) | None => return Err(Stop::Later),
            },
        };
        match authenticate::meet(caller, looked.standing.as_ref()) {
            Meeting::Same => {
                authenticate::standing(caller.credential(), self.now)?;
                Ok(Some(looked))
            }
            Meeting::Stale => Err(Stop::Stale),
            Meeting::Other => Ok(None),
        }
    }

    /// Acts without a transaction. `None`: the change is not as plain as that, and a transaction decides
    /// and explains.
    pub(crate) fn act(&self, change: Change<'_>, event: &Event) -> Result<Option<Done>, StoreError> {
        let known = &self.caller.known;
        if self.caller.pace == Pace::Now || authenticate::standing(&known.credential, self.now).is_err() {
            return Ok(None);
        }
        let act = Act { token: known.token(), standing: &known.standing, change, event };
        match self.service.store().act(&self.caller.ctx, &act) {
            // There is more to it, or somebody was faster, who is met again in a transaction.
            Ok(Done::Otherwise) | Err(StoreError::NotFound | StoreError::VersionMismatch) => Ok(None),
            Ok(done) => {
                // It was done because the token stood as it was known to.
                if self.caller.seen.is_nothing() {
                    self.caller.seen.same(&known.standing);
                }
                Ok(Some(done))
            }
            Err(error) => Err(error),
        }
    }

    /// Writes in one transaction; a refusal undoes everything but the conflict it found, which is
    /// recorded in a transaction of its own.
    pub(crate) fn writing<T: Send>(
        &self,
        mut work: impl FnMut(&mut dyn Txn, &Session) -> Result<T, Stop> + Send,
    ) -> Result<T, ScimError> {
        if self.caller.pace == Pace::Now {
            return Err(self.refused(Stop::Later));
        }
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
    pub(crate) fn refused(&self, stop: Stop) -> ScimError {
        match stop {
            Stop::Store(error) => self.failed(error),
            Stop::Stale => {
                self.caller.seen.other();
                authenticate::changed()
            }
            Stop::Later => {
                self.caller.seen.later();
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
