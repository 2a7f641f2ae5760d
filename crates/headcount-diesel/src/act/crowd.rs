//! Which groups are known to be large, on PostgreSQL, so that a change of one member need not count
//! the others.
//!
//! A count is remembered with the state in which it was true: the version in the group's row, how often
//! transactions had touched the group, and how many acts had moved one member each, which are kept in
//! slots of their own. As long as the first two are the same only acts have happened since, in whatever
//! process, so that the count is off by no more than there were acts.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use headcount_model::TenantKey;

/// What is known of groups.
#[derive(Default)]
pub(crate) struct Crowds(Mutex<HashMap<(i64, i64), Crowd>>);

/// The state of a group's members.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct State {
    /// The version in the group's row.
    pub(super) row: i64,
    /// How often transactions touched it since.
    pub(super) touched: i64,
    /// How many acts there were since.
    pub(super) moved: i64,
}

impl State {
    /// The version of the group.
    pub(super) fn version(self) -> i64 {
        self.row.saturating_add(self.touched).saturating_add(self.moved)
    }
}

/// How many members there were.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowd {
    pub(super) state: State,
    /// So many, or at least so many.
    pub(super) count: i64,
    /// Whether there were no more.
    pub(super) is_all: bool,
}

impl Crowd {
    /// Whether there are more members than this after an act that found the group in this state; `None`:
    /// who knows.
    fn is_beyond(self, found: State, than: i64) -> Option<bool> {
        if (self.state.row, self.state.touched) != (found.row, found.touched) {
            return None;
        }
        // An act that was slower than the count may have been begun before it.
        let off = found.moved.saturating_sub(self.state.moved).saturating_abs().saturating_add(1);
        if self.count.saturating_sub(off) > than {
            return Some(true);
        }
        (self.is_all && self.count.saturating_add(off) <= than).then_some(false)
    }
}

impl Crowds {
    /// Whether a group has more members than this after an act that found it in this state; `None`: they
    /// have to be counted.
    pub(super) fn is_beyond(&self, tenant: TenantKey, group: i64, found: State, than: i64) -> Option<bool> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(tenant.0, group))?.is_beyond(found, than)
    }

    /// Remembers a count.
    pub(super) fn remember(&self, tenant: TenantKey, group: i64, crowd: Crowd) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_GROUPS {
            known.clear();
        }
        known.insert((tenant.0, group), crowd);
    }
}

/// How far members are counted to learn whether there are more than this: further, so that many acts
/// later it is still known.
pub(super) fn far_beyond(than: i64) -> i64 {
    than.saturating_mul(4).saturating_add(64)
}

/// Most groups that are remembered; beyond it the memory starts anew.
const MOST_GROUPS: usize = 8_192;

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: State = State { row: 5, touched: 3, moved: 40 };

    #[test]
    fn a_count_holds_for_as_many_acts_as_it_is_beyond() {
        let crowd = Crowd { state: STATE, count: 110, is_all: false };
        let after = |moved| State { moved: STATE.moved + moved, ..STATE };
        assert_eq!(crowd.is_beyond(after(8), 100), Some(true));
        assert_eq!(crowd.is_beyond(after(9), 100), None);
        assert_eq!(crowd.is_beyond(after(-9), 100), None);
    }

    #[test]
    fn a_count_of_all_also_tells_that_there_are_no_more() {
        let crowd = Crowd { state: STATE, count: 90, is_all: true };
        let after = |moved| State { moved: STATE.moved + moved, ..STATE };
        assert_eq!(crowd.is_beyond(after(9), 100), Some(false));
        assert_eq!(crowd.is_beyond(after(10), 100), None);
        assert_eq!(Crowd { is_all: false, ..crowd }.is_beyond(after(9), 100), None);
    }

    #[test]
    fn a_count_from_before_another_change_says_nothing() {
        let crowds = Crowds::default();
        let than = |now| crowds.is_beyond(TenantKey(1), 7, now, 100);
        assert_eq!(than(STATE), None);
        crowds.remember(TenantKey(1), 7, Crowd { state: STATE, count: 5_000, is_all: false });
        assert_eq!(than(STATE), Some(true));
        assert_eq!(than(State { touched: STATE.touched + 1, ..STATE }), None);
        assert_eq!(than(State { row: STATE.row + 1, ..STATE }), None);
        assert_eq!(crowds.is_beyond(TenantKey(2), 7, STATE, 100), None);
    }
}
