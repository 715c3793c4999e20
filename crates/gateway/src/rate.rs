//! Requests a second for each action, region and user.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, PoisonError};

/// How many (action, region, user) triples one second may tell apart; those past it share one count.
const CAPACITY: usize = 65_536;
/// The count that triples past the capacity share.
const SHARED: u64 = 0;

/// Counts requests in windows of one second of the wall clock.
///
/// All counts belong to the current second, so a new second simply empties the table: nothing is kept for a user who
/// has gone, and a flood of names is bounded.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    limit: u32,
    hasher: RandomState,
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    second: i64,
    counts: HashMap<u64, u32>,
}

/// A request past the limit: this was the `count`th of its second, and `limit` are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany {
    pub(crate) count: u32,
    pub(crate) limit: u32,
}

impl RateLimiter {
    /// Allows `limit` requests a second; 0 allows any number.
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit, hasher: RandomState::new(), window: Mutex::default() }
    }

    /// Counts a request of `who` (action, region, account and user) at `second` (Unix time). Refused requests count too.
    pub(crate) fn check(&self, who: impl Hash, second: i64) -> Result<(), TooMany> {
        if self.limit == 0 {
            return Ok(());
        }
        let key = self.hasher.hash_one(who);
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.second != second {
            window.second = second;
            window.counts.clear();
        }
        let full = window.counts.len() >= CAPACITY && !window.counts.contains_key(&key);
        let count = window.counts.entry(if full { SHARED } else { key }).or_default();
        *count = count.saturating_add(1);
        if *count > self.limit { Err(TooMany { count: *count, limit: self.limit }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_past_the_limit_is_refused_with_both_numbers() {
        let limiter = RateLimiter::new(2);
        assert_eq!(limiter.check(("A", "r", "u"), 1), Ok(()));
        assert_eq!(limiter.check(("A", "r", "u"), 1), Ok(()));
        assert_eq!(limiter.check(("A", "r", "u"), 1), Err(TooMany { count: 3, limit: 2 }));
        assert_eq!(limiter.check(("A", "r", "u"), 1), Err(TooMany { count: 4, limit: 2 }));
    }

    #[test]
    fn another_second_action_region_or_user_counts_anew() {
        let limiter = RateLimiter::new(1);
        for (action, region, user, second) in
            [("A", "r", "u", 1), ("B", "r", "u", 1), ("A", "s", "u", 1), ("A", "r", "v", 1), ("A", "r", "u", 2)]
        {
            assert_eq!(limiter.check((action, region, user), second), Ok(()));
        }
    }

    #[test]
    fn no_limit_counts_nothing() {
        let limiter = RateLimiter::new(0);
        assert!((0..1000).all(|_| limiter.check(("A", "r", "u"), 1).is_ok()));
    }

    #[test]
    fn the_table_stays_bounded() {
        let limiter = RateLimiter::new(1);
        for user in 0..CAPACITY + 100 {
            let _ = limiter.check(("A", "r", user), 1);
        }
        let window = limiter.window.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(window.counts.len() <= CAPACITY + 1);
    }
}
