//! Wrong tries at signing in, counted by account and by address.
//!
//! A try counts before its password is compared and is taken back if it was right, so that many at
//! once are no more than many one after another. The counts are this process's own.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use headcount_model::Timestamp;

/// Wrong tries for one account before it pauses.
const MOST_FOR_ACCOUNT: u32 = 5;
/// Wrong tries from one address before it pauses; an office of many people may share one.
const MOST_FROM_ADDRESS: u32 = 20;
/// How long the pause is, and how long tries are remembered, in seconds.
const PAUSE_S: i64 = 15 * 60;
/// Most accounts and addresses that are counted; the oldest are forgotten beyond it.
const MOST_COUNTED: usize = 100_000;

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<HashMap<Whose, Count>>);

/// Whose tries are counted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Whose {
    Account(String),
    Address(IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Count {
    times: u32,
    last: Timestamp,
}

/// A try that was counted.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    account: Whose,
    address: Option<Whose>,
    /// How many more wrong ones there are after this.
    pub(super) left: u32,
}

/// Signing in pauses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Paused {
    /// For so many minutes, rounded up.
    pub(super) minutes: i64,
}

impl Attempts {
    /// Counts a try.
    pub(super) fn begin(&self, email_key: &str, address: Option<IpAddr>, now: Timestamp) -> Result<Attempt, Paused> {
        let account = Whose::Account(email_key.to_owned());
        let address = address.map(network).map(Whose::Address);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        forget_old(&mut counts, now);
        let mut left = MOST_FOR_ACCOUNT;
        let limits = [(Some(&account), MOST_FOR_ACCOUNT), (address.as_ref(), MOST_FROM_ADDRESS)];
        for (whose, most) in limits.into_iter().filter_map(|(whose, most)| Some((whose?, most))) {
            let count = counts.get(whose).filter(|count| !count.is_over(now));
            if let Some(count) = count.filter(|count| count.times >= most) {
                let seconds = PAUSE_S.saturating_sub(now.seconds_since(count.last));
                return Err(Paused { minutes: seconds.saturating_add(59).div_euclid(60).clamp(1, 15) });
            }
            let times = count.map_or(0, |count| count.times).saturating_add(1);
            left = left.min(most.saturating_sub(times));
        }
        for whose in [Some(&account), address.as_ref()].into_iter().flatten() {
            let count = counts.entry(whose.clone()).or_insert(Count { times: 0, last: now });
            if count.is_over(now) {
                count.times = 0;
            }
            *count = Count { times: count.times.saturating_add(1), last: now };
        }
        Ok(Attempt { account, address, left })
    }

    /// The try was right: its account has no wrong ones any more, its address one fewer.
    pub(super) fn succeed(&self, attempt: &Attempt) {
        self.take_back(attempt);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&attempt.account);
    }

    /// The try was none.
    pub(super) fn take_back(&self, attempt: &Attempt) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for whose in [Some(&attempt.account), attempt.address.as_ref()].into_iter().flatten() {
            if let Some(count) = counts.get_mut(whose) {
                count.times = count.times.saturating_sub(1);
            }
        }
    }

    /// Forgets the wrong tries of an account.
    pub(super) fn forgive(&self, email_key: &str) {
        let account = Whose::Account(email_key.to_owned());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&account);
    }
}

impl Count {
    fn is_over(&self, now: Timestamp) -> bool {
        now.seconds_since(self.last) >= PAUSE_S
    }
}

/// An address that is counted as one: an IPv6 host has a network of 64 bits for itself.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6([a, b, c, d, 0, 0, 0, 0].into())
        }
        address @ IpAddr::V4(_) => address,
    }
}

fn forget_old(counts: &mut HashMap<Whose, Count>, now: Timestamp) {
    if counts.len() < MOST_COUNTED {
        return;
    }
    counts.retain(|_, count| !count.is_over(now));
    if counts.len() >= MOST_COUNTED
        && let Some(oldest) = counts.iter().min_by_key(|(_, count)| count.last).map(|(whose, _)| whose.clone())
    {
        counts.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_767_323_045_000_000).plus_seconds(seconds)
    }

    fn left(attempts: &Attempts, email: &str, seconds: i64) -> Result<u32, i64> {
        attempts.begin(email, None, at(seconds)).map(|attempt| attempt.left).map_err(|paused| paused.minutes)
    }

    #[test]
    fn five_wrong_tries_pause_an_account_for_fifteen_minutes() {
        let attempts = Attempts::default();
        let seen: Vec<_> = (0..6).map(|_| left(&attempts, "ann", 0)).collect();
        assert_eq!(seen, [Ok(4), Ok(3), Ok(2), Ok(1), Ok(0), Err(15)]);
        assert_eq!(left(&attempts, "bob", 0), Ok(4));
        assert_eq!(left(&attempts, "ann", 61), Err(14));
        assert_eq!(left(&attempts, "ann", 899), Err(1));
        assert_eq!(left(&attempts, "ann", 900), Ok(4));
    }

    #[test]
    fn an_address_pauses_for_all_accounts_and_its_network_is_one() {
        let attempts = Attempts::default();
        let from =
            |n: u32, address: &str| attempts.begin(&format!("user{n}"), Some(address.parse().unwrap()), at(0)).is_ok();
        assert!((0..20).all(|n| from(n, "2001:db8::1")));
        assert!(!from(20, "2001:db8::2"));
        assert!(from(20, "2001:db8:0:1::1"));
        assert!((0..20).all(|n| from(100 + n, "192.0.2.1")));
        assert!(!from(120, "::ffff:192.0.2.1"));
        assert!(from(120, "192.0.2.2"));
    }

    #[test]
    fn a_right_try_counts_nothing_and_clears_its_account() {
        let attempts = Attempts::default();
        let address = Some("192.0.2.1".parse().unwrap());
        for _ in 0..100 {
            let attempt = attempts.begin("ann", address, at(0)).unwrap();
            attempts.succeed(&attempt);
        }
        for _ in 0..4 {
            attempts.begin("ann", address, at(0)).unwrap();
        }
        let attempt = attempts.begin("ann", address, at(0)).unwrap();
        attempts.succeed(&attempt);
        assert_eq!(left(&attempts, "ann", 0), Ok(4));
        attempts.forgive("ann");
        let attempt = attempts.begin("ann", address, at(0)).unwrap();
        attempts.take_back(&attempt);
        assert_eq!(left(&attempts, "ann", 0), Ok(4));
    }
}
