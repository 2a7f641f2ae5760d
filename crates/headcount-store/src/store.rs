//! The store and its transactions.

use headcount_model::{Event, Seq};

use crate::{
    act::{self, Act, Done},
    ctx::TenantCtx,
    error::StoreError,
    events::JournalTxn,
    look::{self, Look, Looked},
    members::MemberTxn,
    passwords::PasswordTxn,
    resources::{NewResource, ResourceTxn},
    system::SystemStore,
    tenants::TenantTxn,
    tokens::TokenTxn,
};

/// How the work wants its transaction to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Keep what was written.
    Commit,
    /// Undo what was written.
    Rollback,
}

/// Work inside a transaction. It may be run again after a serialisation failure, so it must have no
/// effects outside the transaction.
pub type Work<'a> = dyn FnMut(&mut dyn Txn) -> Result<Verdict, StoreError> + Send + 'a;

/// A store: SQLite, PostgreSQL, memory, or an embedder's own.
pub trait Store: SystemStore + Send + Sync + 'static {
    /// Runs the work in a read transaction of the tenant: one consistent snapshot.
    ///
    /// # Errors
    /// What the work returned, or [`StoreError::Busy`], [`StoreError::Backend`].
    fn read(&self, ctx: &TenantCtx, work: &mut Work<'_>) -> Result<(), StoreError>;

    /// Runs the work in a write transaction of the tenant and commits if it says so. When this
    /// returns `Ok` after [`Verdict::Commit`], the change is durable.
    ///
    /// # Errors
    /// What the work returned (nothing is kept then), [`StoreError::Busy`] after bounded retries,
    /// [`StoreError::Unknown`] if the commit itself failed.
    fn write(&self, ctx: &TenantCtx, work: &mut Work<'_>) -> Result<(), StoreError>;

    /// Reads in one go what [`look::within`] reads in a transaction.
    ///
    /// # Errors
    /// As [`Self::read`].
    fn look(&self, ctx: &TenantCtx, look: &Look<'_>) -> Result<Looked, StoreError> {
        look::through(self, ctx, look)
    }

    /// Whether [`Self::look_now`] is worth a try: whether it ever answers.
    fn looks_now(&self) -> bool {
        false
    }

    /// The same, for a caller that must not wait: `None` if the store would have to wait for a
    /// connection, a network or more work than a few rows by an index.
    fn look_now(&self, ctx: &TenantCtx, look: &Look<'_>) -> Option<Result<Looked, StoreError>> {
        let _ = (ctx, look);
        None
    }

    /// Does in one go what [`act::within`] does in a transaction.
    ///
    /// # Errors
    /// [`StoreError::Unique`], and as [`Self::write`].
    fn act(&self, ctx: &TenantCtx, act: &Act<'_>) -> Result<Done, StoreError> {
        act::through(self, ctx, act)
    }
}

/// A transaction of one tenant.
pub trait Txn: ResourceTxn + PasswordTxn + MemberTxn + TenantTxn + TokenTxn + JournalTxn {
    /// Runs the work under a savepoint: on [`Verdict::Rollback`] or an error, what it wrote is
    /// undone and the transaction goes on.
    ///
    /// # Errors
    /// What the work returned.
    fn nested(&mut self, work: &mut Work<'_>) -> Result<Verdict, StoreError>;

    /// Inserts resources as [`ResourceTxn::insert_resource`] does, each with its journal entry, all
    /// in this order. None of them is there before, not even deleted.
    ///
    /// # Errors
    /// [`StoreError::Unique`] if any unique value is taken, by one of them too; which one is not told.
    /// The transaction (or savepoint) must be given up then.
    fn insert_many(&mut self, new: &[(&NewResource, &Event)]) -> Result<Vec<Seq>, StoreError> {
        let mut seqs = Vec::with_capacity(new.len());
        for (resource, event) in new {
            seqs.push(self.insert_resource(resource)?);
            self.append(event)?;
        }
        Ok(seqs)
    }
}

/// Why generic work ended without a result.
#[derive(Debug)]
pub enum Abort<E> {
    /// The store failed.
    Store(StoreError),
    /// The work refuses; everything it wrote is undone.
    Refuse(E),
}

impl<E> From<StoreError> for Abort<E> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Generic sugar over [`Store`] and [`Txn`].
pub trait StoreExt: Store {
    /// Reads and returns a value.
    ///
    /// # Errors
    /// [`Abort::Store`] or what the work refused with.
    fn reading<T: Send, E: Send>(
        &self,
        ctx: &TenantCtx,
        mut work: impl FnMut(&mut dyn Txn) -> Result<T, Abort<E>> + Send,
    ) -> Result<T, Abort<E>> {
        run(|inner| self.read(ctx, inner), &mut work)
    }

    /// Writes and returns a value; a refusal undoes everything.
    ///
    /// # Errors
    /// [`Abort::Store`] or what the work refused with.
    fn writing<T: Send, E: Send>(
        &self,
        ctx: &TenantCtx,
        mut work: impl FnMut(&mut dyn Txn) -> Result<T, Abort<E>> + Send,
    ) -> Result<T, Abort<E>> {
        run(|inner| self.write(ctx, inner), &mut work)
    }
}

impl<S: Store + ?Sized> StoreExt for S {}

/// Runs generic work under a savepoint of a transaction; a refusal undoes what it wrote.
///
/// # Errors
/// [`Abort::Store`] or what the work refused with.
pub fn nesting<T: Send, E: Send>(
    txn: &mut dyn Txn,
    mut work: impl FnMut(&mut dyn Txn) -> Result<T, Abort<E>> + Send,
) -> Result<T, Abort<E>> {
    run(|inner| txn.nested(inner).map(|_| ()), &mut work)
}

fn run<T: Send, E: Send>(
    open: impl FnOnce(&mut Work<'_>) -> Result<(), StoreError>,
    work: &mut (impl FnMut(&mut dyn Txn) -> Result<T, Abort<E>> + Send),
) -> Result<T, Abort<E>> {
    let mut outcome: Option<Result<T, E>> = None;
    open(&mut |txn| match work(txn) {
        Ok(value) => {
            outcome = Some(Ok(value));
            Ok(Verdict::Commit)
        }
        Err(Abort::Refuse(refusal)) => {
            outcome = Some(Err(refusal));
            Ok(Verdict::Rollback)
        }
        Err(Abort::Store(error)) => {
            outcome = None;
            Err(error)
        }
    })?;
    match outcome {
        Some(Ok(value)) => Ok(value),
        Some(Err(refusal)) => Err(Abort::Refuse(refusal)),
        None => Err(Abort::Store(StoreError::Backend("the store did not run the work".into()))),
    }
}
