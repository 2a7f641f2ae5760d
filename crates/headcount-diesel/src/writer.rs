//! Group commit on SQLite's one writing connection: whoever comes first begins a transaction, the
//! others join it under savepoints of their own, and the last one there commits for all. There is no
//! thread, no channel, and no closure that leaves its thread.
//!
//! INVARIANT: while the state is free and a batch is open, `waiting` is at least one. A thread counts
//! itself before it takes the lock and takes itself out of the count under it; it leaves an open
//! batch behind only if others are counted, and each of those will come to its own taking out, so
//! somebody closes the batch. A follower sleeps until its batch has ended, so a thread is in a batch
//! once and nobody starves.
//!
//! A plain write does without the savepoint: it either writes nothing or everything, and a failure in
//! between, which only a disk or a bug can cause, loses the batch, of which nobody was told yet.
//!
//! What a member is told is written after COMMIT has returned. A refused member waits too, since
//! what it was refused for may rest on a batch mate that is not yet on disk.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use headcount_store::{StoreError, Verdict};

use crate::{
    connection::{Database, Link, StoreOptions, Use},
    constraint::store_error,
    error::ConnectError,
    sql::Sql,
};

/// The one writer of a SQLite database.
pub(crate) struct Writer {
    state: Mutex<State>,
    waiting: AtomicUsize,
    /// How often the lock of the file could not be had.
    locked_out: AtomicUsize,
    database: Database,
    options: StoreOptions,
}

struct State {
    link: Link,
    batch: Option<Arc<Batch>>,
    members: usize,
    /// Whether any member of the open batch has written something to be kept.
    kept: bool,
}

#[derive(Default)]
struct Batch {
    ended: Mutex<Option<Ended>>,
    signal: Condvar,
}

/// How a batch ended.
#[derive(Clone)]
enum Ended {
    Committed,
    /// Nothing of it was kept.
    Lost(String),
    /// COMMIT itself failed.
    Unknown(String),
}

/// What became of work that runs without a savepoint.
pub(crate) enum Plain {
    /// It wrote all that it had to.
    Kept,
    /// It wrote nothing.
    Untouched,
    /// It failed and wrote nothing.
    Refused(StoreError),
    /// It failed after it had written, so the whole batch is lost.
    Torn(StoreError),
}

/// What became of one member's body.
enum Body {
    Kept(Verdict),
    Failed(StoreError),
    Panicked(Box<dyn Any + Send>),
}

impl Writer {
    pub(crate) fn new(database: Database, options: StoreOptions) -> Result<Self, ConnectError> {
        let link = Link::open(&database, Use::Write, &options, 0)?;
        let state = Mutex::new(State { link, batch: None, members: 0, kept: false });
        Ok(Self { state, waiting: AtomicUsize::new(0), locked_out: AtomicUsize::new(0), database, options })
    }

    /// Runs the body under a savepoint of the current batch and waits for the batch's commit.
    ///
    /// # Errors
    /// What the body returned, [`StoreError::Busy`] if the lock could not be had or the batch was
    /// lost, [`StoreError::Unknown`] if its commit failed.
    ///
    /// # Panics
    /// If the body panicked; what it wrote is undone, and its batch mates are untouched.
    pub(crate) fn write(
        &self,
        body: &mut dyn FnMut(&mut Link) -> Result<Verdict, StoreError>,
    ) -> Result<Verdict, StoreError> {
        self.join(&mut |link| run_body(link, body))
    }

    /// Runs work without a savepoint, so it must tell what it leaves behind.
    ///
    /// # Errors
    /// As [`Self::write`].
    ///
    /// # Panics
    /// If the work panicked; the batch is lost then.
    pub(crate) fn write_plain(&self, work: &mut dyn FnMut(&mut Link) -> Plain) -> Result<Verdict, StoreError> {
        self.join(&mut |link| run_plain(link, work))
    }

    /// Joins the current batch, or begins one, and waits for its end.
    fn join(&self, run: &mut dyn FnMut(&mut Link) -> (Body, Option<String>)) -> Result<Verdict, StoreError> {
        let locked_out = self.locked_out.load(Ordering::SeqCst);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        // A panic under the lock is caught before it could poison it.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = if let Some(batch) = &state.batch {
            Arc::clone(batch)
        } else {
            // Whoever waited here while another waited in vain for the file's lock has waited enough.
            if self.locked_out.load(Ordering::SeqCst) != locked_out {
                self.waiting.fetch_sub(1, Ordering::SeqCst);
                return Err(StoreError::Busy(Some("another process holds the lock of the database".into())));
            }
            if let Err(error) = state.link.run_keyed::<Begin>(&Sql::new("BEGIN IMMEDIATE")) {
                self.locked_out.fetch_add(1, Ordering::SeqCst);
                self.waiting.fetch_sub(1, Ordering::SeqCst);
                return Err(store_error(error));
            }
            let batch = Arc::new(Batch::default());
            state.batch = Some(Arc::clone(&batch));
            state.members = 0;
            state.kept = false;
            state.link.begin_round();
            batch
        };
        state.members = state.members.saturating_add(1);
        let (outcome, lost) = run(&mut state.link);
        state.kept |= matches!(outcome, Body::Kept(Verdict::Commit));
        let is_last = self.waiting.fetch_sub(1, Ordering::SeqCst) == 1;
        let ended = if lost.is_some() || is_last || state.members >= MOST_MEMBERS {
            let ended = self.close(state, lost);
            *batch.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended.clone());
            batch.signal.notify_all();
            ended
        } else {
            drop(state);
            batch.wait()
        };
        match (outcome, ended) {
            (Body::Panicked(panic), _) => resume_unwind(panic),
            (Body::Kept(verdict), Ended::Committed) => Ok(verdict),
            (Body::Failed(error), Ended::Committed) => Err(error),
            (_, Ended::Lost(reason)) => Err(StoreError::Busy(Some(reason.into()))),
            (_, Ended::Unknown(reason)) => Err(StoreError::Unknown(Some(reason.into()))),
        }
    }

    /// Ends the open batch.
    fn close(&self, mut state: MutexGuard<'_, State>, lost: Option<String>) -> Ended {
        state.batch = None;
        let ended = match (lost, state.kept) {
            (Some(reason), _) => Ended::Lost(reason),
            // What members undid would be synced to disk by a COMMIT all the same.
            (None, false) => match state.link.run(&Sql::new("ROLLBACK")) {
                Ok(_) => return Ended::Committed,
                Err(error) => Ended::Lost(error.to_string()),
            },
            (None, true) => match state.link.settle().map(|()| state.link.run_keyed::<Commit>(&Sql::new("COMMIT"))) {
                Ok(Ok(_)) => return Ended::Committed,
                Ok(Err(error)) => Ended::Unknown(error.to_string()),
                Err(error) => Ended::Lost(error.to_string()),
            },
        };
        // Some errors end the transaction by themselves, others leave it open; a new connection
        // starts from what is on disk in either case.
        state.link.roll_back();
        state.link.ledger.clear();
        match Link::open(&self.database, Use::Write, &self.options, 0) {
            Ok(link) => state.link = link,
            Err(error) => {
                tracing::error!(?error, "the writer could not be opened again");
            }
        }
        ended
    }
}

impl Batch {
    fn wait(&self) -> Ended {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(ended) = &*ended {
                return ended.clone();
            }
            ended = self.signal.wait(ended).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Runs one body without a savepoint.
fn run_plain(link: &mut Link, work: &mut dyn FnMut(&mut Link) -> Plain) -> (Body, Option<String>) {
    match catch_unwind(AssertUnwindSafe(|| work(link))) {
        Ok(Plain::Kept) => (Body::Kept(Verdict::Commit), None),
        Ok(Plain::Untouched) => (Body::Kept(Verdict::Rollback), None),
        Ok(Plain::Refused(error)) => (Body::Failed(error), None),
        Ok(Plain::Torn(error)) => {
            let reason = format!("a write was begun and could not be ended: {error:?}");
            (Body::Failed(error), Some(reason))
        }
        Err(panic) => (Body::Panicked(panic), Some("a write panicked before it ended".to_owned())),
    }
}

/// Runs one body between SAVEPOINT and RELEASE or ROLLBACK TO. The second value tells why the whole
/// transaction is lost: an error that ended it shows in a savepoint command that fails.
fn run_body(link: &mut Link, body: &mut dyn FnMut(&mut Link) -> Result<Verdict, StoreError>) -> (Body, Option<String>) {
    if let Err(error) = link.run_keyed::<Set>(&Sql::new("SAVEPOINT member")) {
        let reason = error.to_string();
        return (Body::Failed(store_error(error)), Some(reason));
    }
    // It may change any group's members.
    link.ledger.forget_members();
    let mark = link.ledger.mark();
    let outcome = match catch_unwind(AssertUnwindSafe(|| body(link))) {
        Ok(Ok(verdict)) => Body::Kept(verdict),
        Ok(Err(error)) => Body::Failed(error),
        Err(panic) => Body::Panicked(panic),
    };
    if !matches!(outcome, Body::Kept(Verdict::Commit)) {
        link.ledger.go_back(mark);
        if let Err(error) = link.run_keyed::<Undo>(&Sql::new("ROLLBACK TO SAVEPOINT member")) {
            return (outcome, Some(error.to_string()));
        }
    }
    match link.run_keyed::<Release>(&Sql::new("RELEASE SAVEPOINT member")) {
        Ok(_) => (outcome, None),
        Err(error) => (outcome, Some(error.to_string())),
    }
}

struct Begin;
struct Commit;
struct Set;
struct Undo;
struct Release;

/// More members than there are threads, so that in practice a batch is closed by its last member;
/// beyond it fairness would rest on the mutex.
const MOST_MEMBERS: usize = 1_024;

#[cfg(test)]
mod tests;
