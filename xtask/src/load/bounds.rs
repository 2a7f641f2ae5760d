//! What is asked of Headcount: how many times slower than the floor it may be at most.

use super::stage::Engine;
use super::workload::Workload;

/// The members of the group for which a bound on reading it whole is asked.
const LARGE_GROUP: usize = 100_000;

/// The bound of the ratio floor/ours of requests a second, on SQLite and on PostgreSQL.
///
/// Below 1 Headcount has to be faster: it answers from an index or a kept total where the floor scans
/// or counts.
pub(crate) fn bound(engine: Engine, workload: Workload, members: Option<usize>) -> Option<f64> {
    let (sqlite, postgres) = match workload {
        Workload::GetUser
        | Workload::FilterUserName
        | Workload::FilterEmail
        | Workload::FilterUserNameAndPresent
        | Workload::FilterEmailPath
        | Workload::FilterUserNameOrExternalId
        | Workload::GetGroupAlone => (1.3, 1.6),
        Workload::FirstPages | Workload::LastPage => (1.3, 0.5),
        Workload::FilterFamilyName => (0.3, 0.3),
        Workload::CreateUser | Workload::ReplaceUser | Workload::Bulk | Workload::Import => (1.6, 1.5),
        Workload::ActivateUser | Workload::AddMember | Workload::RemoveMember => (1.5, 1.2),
        Workload::GetGroup if members == Some(LARGE_GROUP) => (1.3, 1.3),
        Workload::GetGroup => return None,
        Workload::Mixed => (1.3, 1.5),
    };
    Some(match engine {
        Engine::Sqlite => sqlite,
        Engine::Postgres => postgres,
    })
}

/// Whether a ratio keeps to a bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Held,
    Missed,
    /// Nothing is asked.
    Open,
}

impl Verdict {
    pub(crate) fn of(ratio: f64, bound: Option<f64>) -> Self {
        match bound {
            None => Self::Open,
            Some(bound) if ratio <= bound => Self::Held,
            Some(_) => Self::Missed,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Missed => "missed",
            Self::Open => "-",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Verdict, bound};
    use crate::load::stage::Engine;
    use crate::load::workload::Workload;

    #[test]
    fn every_workload_is_bound_on_both_databases() {
        for workload in Workload::ALL {
            let members = (workload == Workload::GetGroup).then_some(100_000);
            assert!(bound(Engine::Sqlite, workload, members).is_some(), "{workload:?}");
            assert!(bound(Engine::Postgres, workload, members).is_some(), "{workload:?}");
        }
        assert_eq!(bound(Engine::Sqlite, Workload::GetGroup, Some(100)), None);
    }

    #[test]
    fn the_bound_itself_is_still_kept() {
        assert_eq!(Verdict::of(1.3, Some(1.3)), Verdict::Held);
        assert_eq!(Verdict::of(1.31, Some(1.3)), Verdict::Missed);
        assert_eq!(Verdict::of(9.0, None), Verdict::Open);
    }
}
