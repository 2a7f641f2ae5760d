//! What SQLite's one writer keeps in mind between its statements, so that a write needs few of them:
//! the last journal entry of each tenant, counts that have moved but are not written yet, and how many
//! members those groups have whose members come and go one by one.
//!
//! Only the writing connection has anything in its ledger. An entry is known for as long as nobody
//! else writes the file, which [`Link::begin_round`] asks the database, and as long as nothing was
//! undone. Counts are written once for all members of a batch, before its COMMIT.

use std::collections::{BTreeMap, HashMap};

use diesel::{QueryResult, sql_types::BigInt};
use headcount_store::act::Put;

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
    /// How many members groups have, by tenant and group, as far as it was asked.
    members: HashMap<(i64, i64), Members>,
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

/// How many members a group has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Members {
    Exactly(u64),
    AtLeast(u64),
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

    /// Notes how many members a group has.
    pub(crate) fn counted(&mut self, tenant: i64, group: i64, members: Members) {
        if self.members.len() >= MOST_GROUPS {
            self.members.clear();
        }
        self.members.insert((tenant, group), members);
    }

    /// Notes that a group got a member or lost one; whether it has more than `than` now, if that is known.
    pub(crate) fn moved(&mut self, tenant: i64, group: i64, put: Put, than: u64) -> Option<bool> {
        let members = self.members.get_mut(&(tenant, group))?;
        let (Members::Exactly(count) | Members::AtLeast(count)) = members;
        *count = match put {
            Put::In => count.saturating_add(1),
            Put::Out => count.saturating_sub(1),
        };
        match members {
            Members::Exactly(count) => Some(*count > than),
            Members::AtLeast(count) => (*count > than).then_some(true),
        }
    }

    /// Does not know any more how many members groups have: something else than a single one moves.
    pub(crate) fn forget_members(&mut self) {
        self.members.clear();
    }

    /// Where the ledger stands, before work that may be undone.
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.owed.clone())
    }

    /// Goes back, since everything after the mark is undone.
    pub(crate) fn go_back(&mut self, mark: Mark) {
        self.owed = mark.0;
        self.last.clear();
        self.forget_members();
    }

    /// Knows nothing and owes nothing any more, since the transaction was given up.
    pub(crate) fn clear(&mut self) {
        self.last.clear();
        self.owed.clear();
        self.forget_members();
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

/// Most groups of which it is known how many members they have; beyond it the memory starts anew.
const MOST_GROUPS: usize = 4_096;
/// Most tenants whose last entry is remembered; beyond it the memory starts anew.
const MOST_TENANTS: usize = 65_536;
/// In every how many rounds it is asked whether texts wait to be indexed.
const ROUNDS: u64 = 8;
/// After so many new resources it is asked in any case: whoever makes many at once pays for them.
const MANY: i64 = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_known_until_too_few_are_and_never_after_other_work() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.moved(1, 7, Put::In, 10), None);
        ledger.counted(1, 7, Members::AtLeast(12));
        assert_eq!(ledger.moved(1, 7, Put::Out, 10), Some(true));
        assert_eq!(ledger.moved(2, 7, Put::Out, 10), None);
        assert_eq!(ledger.moved(1, 7, Put::Out, 10), None);
        ledger.counted(1, 7, Members::Exactly(10));
        assert_eq!(ledger.moved(1, 7, Put::In, 10), Some(true));
        assert_eq!(ledger.moved(1, 7, Put::Out, 10), Some(false));
        let mark = ledger.mark();
        ledger.go_back(mark);
        assert_eq!(ledger.moved(1, 7, Put::In, 10), None);
        for group in 0..10_000 {
            ledger.counted(1, group, Members::Exactly(1));
            assert!(ledger.members.len() <= MOST_GROUPS);
        }
        ledger.clear();
        assert_eq!(ledger.moved(1, 9_999, Put::In, 0), None);
    }
}
