//! What SQLite's one writer keeps in mind between its statements, so that a write needs few of them:
//! the last journal entry of each tenant, and counts that have moved but are not written yet.
//!
//! Only the writing connection has anything in its ledger. An entry is known for as long as nobody
//! else writes the file, which [`Link::begin_round`] asks the database, and as long as nothing was
//! undone. Counts are written once for all members of a batch, before its COMMIT.

use std::collections::{BTreeMap, HashMap};

use diesel::{QueryResult, sql_types::BigInt};

use crate::{connection::Link, sql::Sql};

/// See the module.
#[derive(Default)]
pub(crate) struct Ledger {
    /// SQLite's number of the last commit of another connection that was seen.
    others: Option<i64>,
    last: HashMap<i64, Last>,
    owed: BTreeMap<Place, i64>,
    /// How many rounds have ended.
    rounds: u64,
    /// Resources made since texts were last indexed.
    fresh: i64,
}

/// A tenant's last journal entry.
#[derive(Clone, Default)]
pub(crate) struct Last {
    /// Its number; 0: there is none.
    pub(crate) number: i64,
    /// Its link of the chain.
    pub(crate) hash: Vec<u8>,
}

/// Whose count: tenant, owner, type.
type Place = (i64, i64, i64);

/// A state of the ledger to go back to.
pub(crate) struct Mark(BTreeMap<Place, i64>);

impl Ledger {
    /// The tenant's last journal entry, if it is known.
    pub(crate) fn last(&self, tenant: i64) -> Option<&Last> {
        self.last.get(&tenant)
    }

    /// Remembers an entry that this transaction has written or read.
    pub(crate) fn remember(&mut self, tenant: i64, last: Last) {
        if self.last.len() >= MOST_TENANTS {
            self.last.clear();
        }
        self.last.insert(tenant, last);
    }

    /// Moves a count that is to be written later.
    pub(crate) fn owe(&mut self, tenant: i64, conn: i64, type_number: i64, by: i64) {
        self.fresh = self.fresh.saturating_add(by.max(0));
        let owed = self.owed.entry((tenant, conn, type_number)).or_default();
        *owed = owed.saturating_add(by);
    }

    /// By how much a count has moved since it was written.
    pub(crate) fn owed(&self, tenant: i64, conn: i64, type_number: i64) -> i64 {
        self.owed.get(&(tenant, conn, type_number)).copied().unwrap_or(0)
    }

    /// Where the ledger stands, before work that may be undone.
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.owed.clone())
    }

    /// Goes back, since everything after the mark is undone.
    pub(crate) fn go_back(&mut self, mark: Mark) {
        self.owed = mark.0;
        self.last.clear();
    }

    /// Knows nothing and owes nothing any more, since the transaction was given up.
    pub(crate) fn clear(&mut self) {
        self.last.clear();
        self.owed.clear();
    }
}

impl Link {
    /// At the beginning of a write transaction: what others have written since the last one is
    /// unknown.
    pub(crate) fn begin_round(&mut self) {
        let others = self.one_keyed::<DataVersion, BigInt, i64>(&Sql::new("PRAGMA data_version")).ok().flatten();
        if others.is_none() || others != self.ledger.others {
            self.ledger.clear();
        }
        self.ledger.others = others;
    }

    /// Writes the counts that are owed and, at times, indexes the texts of rounds before.
    pub(crate) fn settle(&mut self) -> QueryResult<()> {
        while let Some(((tenant, conn, type_number), by)) = self.ledger.owed.pop_first() {
            if by == 0 {
                continue;
            }
            let update = Sql::new("UPDATE counts SET n = n + ")
                .int(by)
                .raw(" WHERE tenant_id = ")
                .int(tenant)
                .raw(" AND conn = ")
                .int(conn)
                .raw(" AND type = ")
                .int(type_number)
                .raw(" AND slot = 0");
            if self.run_keyed::<MoveCount>(&update)? == 0 {
                let insert = Sql::new("INSERT INTO counts (tenant_id, conn, type, slot, n) VALUES (")
                    .ints([tenant, conn, type_number, 0, by])
                    .raw(")");
                self.run(&insert)?;
            }
        }
        self.ledger.rounds = self.ledger.rounds.wrapping_add(1);
        let fresh = self.ledger.fresh;
        if fresh < MANY && !self.ledger.rounds.is_multiple_of(ROUNDS) {
            return Ok(());
        }
        self.ledger.fresh = 0;
        self.index_texts(fresh)
    }
}

struct DataVersion;
struct MoveCount;

/// Most tenants whose last entry is remembered; beyond it the memory starts anew.
const MOST_TENANTS: usize = 65_536;
/// In every how many rounds it is asked whether texts wait to be indexed.
const ROUNDS: u64 = 8;
/// After so many new resources it is asked in any case: whoever makes many at once pays for them.
const MANY: i64 = 512;
