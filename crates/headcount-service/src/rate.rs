//! How many requests a second a connection may send.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
};

use headcount_model::{ConnectionKey, TenantKey, Timestamp};
use scim_schema::ScimError;

/// Seconds of the steady rate that an idle connection may use up at once.
const BURST_S: u32 = 4;

/// What one request costs: a connection earns its rate in every microsecond.
const COST: i128 = 1_000_000;

/// Most connections that are counted at a time.
const MAX_COUNTED: usize = 10_000;

/// A request that came too soon after others of its connection, and how long to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Throttle {
    /// Requests a second in steady state.
    pub per_s: u32,
    /// Most requests at once, after a time of rest.
    pub burst: u32,
    /// When the next request is taken, in whole seconds, 1 to 60.
    pub retry_after_s: u32,
    /// When as many as `burst` are taken again, in whole seconds, 1 to 60.
    pub reset_s: u32,
}

impl Throttle {
    /// The refusal: 429.
    #[must_use]
    pub fn error(&self) -> ScimError {
        ScimError::new(
            429,
            format!(
                "nothing was done, because this connection sends more than the {} requests a second, or {} at once, that are taken from one; send the request again after {} s, and if this happens often, ask whoever runs this server to raise limits.rate_per_s",
                self.per_s, self.burst, self.retry_after_s
            ),
        )
    }
}

/// Counts the requests of each connection by the generic cell rate algorithm: one number for a
/// connection, the time at which all that it sent will have been paid for by the steady rate.
///
/// The number is in microseconds times the rate, so that a rate which does not divide a second is
/// exact too. The counts are those of this process: each server of an installation has its own.
pub(crate) struct RateLimit {
    per_s: Option<NonZeroU32>,
    max_counted: usize,
    paid_at: Mutex<HashMap<(TenantKey, ConnectionKey), i128>>,
}

impl RateLimit {
    /// `None`: nothing is limited, nor counted.
    pub(crate) fn new(per_s: Option<NonZeroU32>) -> Self {
        Self { per_s, max_counted: MAX_COUNTED, paid_at: Mutex::new(HashMap::new()) }
    }

    /// Counts a request, or refuses it. What is refused costs nothing, so that a client which
    /// repeats it too soon does not push its own turn away.
    pub(crate) fn take(&self, connection: (TenantKey, ConnectionKey), now: Timestamp) -> Result<(), Throttle> {
        let Some(per_s) = self.per_s else { return Ok(()) };
        let rate = i128::from(per_s.get());
        let burst = per_s.get().saturating_mul(BURST_S);
        let full = i128::from(burst) * COST;
        let now = i128::from(now.micros()) * rate;
        let mut paid_at = self.paid_at.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = paid_at.get_mut(&connection).map(|paid_at| {
            // A clock that was set back leaves nobody with more to pay than a whole burst.
            *paid_at = (*paid_at).clamp(now, now + full);
            *paid_at
        });
        let due = counted.unwrap_or(now) + COST;
        if due > now + full {
            return Err(Throttle {
                per_s: per_s.get(),
                burst,
                retry_after_s: whole_seconds(due - now - full, rate),
                reset_s: whole_seconds(due - COST - now, rate),
            });
        }
        if counted.is_none() && paid_at.len() >= self.max_counted {
            make_room(&mut paid_at, now, self.max_counted);
        }
        paid_at.insert(connection, due);
        Ok(())
    }
}

/// Forgets the connections that have nothing to pay, which are as if they had never been counted.
/// If all have, it forgets the one that has the least: it gets its burst sooner than it should, and
/// no other waits for it.
fn make_room(paid_at: &mut HashMap<(TenantKey, ConnectionKey), i128>, now: i128, max_counted: usize) {
    paid_at.retain(|_, paid_at| *paid_at > now);
    if paid_at.len() < max_counted {
        return;
    }
    let least = paid_at.iter().min_by_key(|(_, paid_at)| **paid_at).map(|(connection, _)| *connection);
    if let Some(connection) = least {
        paid_at.remove(&connection);
    }
}

/// Seconds in which the rate pays for this much, rounded up: whoever comes back then is not early.
fn whole_seconds(amount: i128, rate: i128) -> u32 {
    let second = COST.saturating_mul(rate);
    let seconds = amount.saturating_add(second - 1).div_euclid(second);
    u32::try_from(seconds.clamp(1, 60)).unwrap_or(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: (TenantKey, ConnectionKey) = (TenantKey(1), ConnectionKey(1));
    const OTHER: (TenantKey, ConnectionKey) = (TenantKey(1), ConnectionKey(2));

    fn limit(per_s: u32) -> RateLimit {
        RateLimit::new(NonZeroU32::new(per_s))
    }

    /// A time in milliseconds after one of 2026.
    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(1_767_323_045_000_000 + millis * 1_000)
    }

    /// How many requests are taken at once, of more than there can be.
    fn taken(limit: &RateLimit, connection: (TenantKey, ConnectionKey), now: Timestamp) -> usize {
        (0..2_000).filter(|_| limit.take(connection, now).is_ok()).count()
    }

    #[test]
    fn a_burst_is_four_seconds_of_the_rate_and_the_next_is_told_when_to_come_back() {
        let limit = limit(25);
        assert_eq!(taken(&limit, ONE, at(0)), 100);
        assert_eq!(limit.take(ONE, at(0)), Err(Throttle { per_s: 25, burst: 100, retry_after_s: 1, reset_s: 4 }));
    }

    #[test]
    fn the_rate_fills_up_again_request_by_request_up_to_a_burst() {
        let limit = limit(25);
        taken(&limit, ONE, at(0));
        assert_eq!(taken(&limit, ONE, at(39)), 0, "the fortieth millisecond earns the first");
        assert_eq!(taken(&limit, ONE, at(40)), 1);
        assert_eq!(taken(&limit, ONE, at(1_040)), 25);
        assert_eq!(taken(&limit, ONE, at(1_000_000)), 100);
    }

    #[test]
    fn a_rate_that_does_not_divide_a_second_is_kept_exactly() {
        for per_s in [25_u32, 30, 33, 77, 101, 300] {
            let limit = limit(per_s);
            taken(&limit, ONE, at(0));
            let in_a_minute: usize = (1..=60_000).filter(|millis| limit.take(ONE, at(*millis)).is_ok()).count();
            assert_eq!(in_a_minute, usize::try_from(per_s * 60).unwrap(), "{per_s} a second");
        }
    }

    #[test]
    fn whoever_comes_back_when_told_is_taken_and_refusals_cost_nothing() {
        for per_s in [1, 2, 25, 31, 1_000] {
            let limit = limit(per_s);
            let throttle = (0..5_000).find_map(|_| limit.take(ONE, at(7)).err()).unwrap();
            taken(&limit, ONE, at(7));
            let back = at(7).plus_seconds(i64::from(throttle.retry_after_s));
            assert_eq!(limit.take(ONE, back), Ok(()), "{per_s} a second");
        }
    }

    #[test]
    fn a_steady_client_within_the_rate_is_never_refused() {
        let limit = limit(25);
        assert!((0..10_000).all(|n| limit.take(ONE, at(n * 40)).is_ok()));
    }

    #[test]
    fn one_connection_never_throttles_another() {
        let limit = limit(25);
        taken(&limit, ONE, at(0));
        assert_eq!(taken(&limit, OTHER, at(0)), 100);
        assert_eq!(taken(&limit, (TenantKey(2), ONE.1), at(0)), 100);
    }

    #[test]
    fn without_a_rate_nothing_is_limited() {
        assert_eq!(taken(&limit(0), ONE, at(0)), 2_000);
    }

    #[test]
    fn a_clock_that_is_set_back_delays_nobody() {
        let limit = limit(25);
        taken(&limit, ONE, at(3_600_000));
        assert_eq!(taken(&limit, ONE, at(0)), 0);
        assert_eq!(taken(&limit, ONE, at(1_000)), 25);
    }

    #[test]
    fn no_more_connections_are_counted_than_there_is_room_for_and_none_is_refused_for_it() {
        let limit = RateLimit { max_counted: 3, ..limit(25) };
        taken(&limit, ONE, at(0));
        taken(&limit, OTHER, at(0));
        for key in 10..100 {
            assert_eq!(limit.take((TenantKey(1), ConnectionKey(key)), at(0)), Ok(()));
            assert!(limit.paid_at.lock().unwrap().len() <= 3);
        }
        assert!(limit.take(ONE, at(0)).is_err(), "who owes most is remembered longest");
        assert_eq!(limit.take((TenantKey(1), ConnectionKey(100)), at(60_000)), Ok(()));
        assert_eq!(limit.paid_at.lock().unwrap().len(), 1, "who owes nothing is forgotten");
    }

    #[test]
    fn the_refusal_says_what_happened_why_and_what_to_do() {
        let throttle = Throttle { per_s: 25, burst: 100, retry_after_s: 1, reset_s: 4 };
        let error = throttle.error();
        assert_eq!((error.status, error.scim_type), (429, None));
        for part in ["nothing was done", "25 requests a second", "100 at once", "after 1 s", "limits.rate_per_s"] {
            assert!(error.detail.contains(part), "{part} in {}", error.detail);
        }
    }
}
