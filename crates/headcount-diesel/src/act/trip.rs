//! One statement of PostgreSQL as a transaction of its own, in one round trip.

use std::sync::atomic::Ordering;

use diesel::result::Error;
use headcount_store::StoreError;

use super::Plainly;
use crate::{
    connection::{Link, Opener, Use},
    constraint::{is_conflict, is_lost, store_error},
    sql::Sql,
    store::{MOST_RETRIES, commit_error},
};

/// How a statement is run for its one row.
pub(super) type Run<U> = fn(&mut Link, &Sql) -> diesel::QueryResult<Option<U>>;

/// Why a statement on PostgreSQL wrote nothing.
pub(super) enum Failed {
    Statement(Error),
    Store(StoreError),
}

impl Plainly<'_> {
    /// Runs one statement as a transaction, again if the database chose it to give way.
    pub(super) fn in_one_trip<U>(
        &self,
        build: &dyn Fn(i64) -> Sql,
        run: Run<U>,
        wrote: impl Fn(&U) -> bool,
    ) -> Result<Option<U>, Failed> {
        let mut retries = 0;
        loop {
            let mut link = self.turned_link().map_err(Failed::Store)?;
            let sql = build(link.slot);
            match self.once(&mut link, &sql, run) {
                Ok(row) => {
                    if row.as_ref().is_some_and(&wrote) {
                        self.store.is_unsealed(self.tenant);
                    }
                    return Ok(row);
                }
                Err(Failed::Statement(error)) if is_conflict(&error) && retries < MOST_RETRIES => retries += 1,
                Err(failed) => return Err(failed),
            }
        }
    }

    /// Runs one statement as a transaction.
    fn once<U>(&self, link: &mut Link, sql: &Sql, run: Run<U>) -> Result<Option<U>, Failed> {
        if link.names_tenants() {
            let row = run(link, sql).map_err(|error| {
                if is_lost(&error) {
                    // The statement was its own commit, so nobody knows what became of it.
                    self.lost(link);
                    return Failed::Store(StoreError::Unknown(Some(Box::new(error))));
                }
                Failed::Statement(error)
            });
            link.used = self.now();
            return row;
        }
        match run(link, sql) {
            Ok(row) => match link.run(&Sql::new("COMMIT")) {
                Ok(_) => Ok(row),
                Err(error) => {
                    link.roll_back();
                    Err(Failed::Store(commit_error(error, Use::Write)))
                }
            },
            Err(error) => {
                link.roll_back();
                Err(Failed::Statement(error))
            }
        }
    }

    /// A connection on which one statement will see the tenant's rows: with a session that names the
    /// tenant, or, behind a pooler, with an open transaction that does.
    fn turned_link(&self) -> Result<r2d2::PooledConnection<Opener>, StoreError> {
        let mut tries = self.store.tries();
        loop {
            let mut link = self.store.link()?;
            if !link.names_tenants() {
                drop(link);
                return self.store.begin(self.tenant, Use::Write);
            }
            // A write whose connection breaks may have been done or not, so one that may have broken
            // while nobody used it is asked for a sign of life.
            let idle_since = self.now().saturating_sub(LONGEST_IDLE);
            let is_alive = if link.used < idle_since || link.used <= self.store.lost.load(Ordering::Relaxed) {
                link.batch("SELECT 1")
            } else {
                Ok(())
            };
            match is_alive.and_then(|()| link.turn_to(self.tenant)) {
                Ok(()) => return Ok(link),
                Err(error) => {
                    self.lost(&mut link);
                    tries = tries.saturating_sub(1);
                    if !is_lost(&error) || tries == 0 {
                        return Err(store_error(error));
                    }
                }
            }
        }
    }

    fn lost(&self, link: &mut Link) {
        link.give_up();
        self.store.lost.fetch_max(self.now(), Ordering::Relaxed);
    }

    fn now(&self) -> i64 {
        self.store.shared.clock.now().micros()
    }
}

/// How long a connection may have been without a write for another to trust it, in microseconds.
const LONGEST_IDLE: i64 = 1_000_000;
