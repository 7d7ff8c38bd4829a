//! How many requests an account has left.

use std::collections::HashMap;

/// The requests of one account within one window.
#[derive(Debug, Clone)]
pub(super) struct Quota {
    limit: u64,
    used: u64,
    /// Seconds from the last request until a used-up account is back.
    period: i64,
    resets_at: i64,
}

impl Quota {
    /// Returns an unused quota.
    pub(super) fn new(limit: u64, period: u64, now: i64) -> Self {
        let period = i64::try_from(period).unwrap_or(i64::MAX / 4);
        Self { limit, used: 0, period, resets_at: now + period }
    }

    /// Counts one request; tells whether it was still allowed.
    pub(super) fn take(&mut self, now: i64) -> bool {
        self.roll(now);
        if self.is_used_up() {
            return false;
        }
        self.used += 1;
        self.resets_at = now + self.period;
        true
    }

    /// Starts a new window where a used-up one has ended.
    pub(super) fn roll(&mut self, now: i64) {
        if now >= self.resets_at {
            if self.is_used_up() {
                self.used = 0;
            }
            self.resets_at = now + self.period;
        }
    }

    /// Uses up what is left.
    pub(super) fn end(&mut self, now: i64) {
        self.limit = self.limit.max(1);
        self.used = self.limit;
        self.resets_at = now + self.period;
    }

    /// Allows this many requests from now on, then the account is at its limit.
    pub(super) fn set(&mut self, limit: u64, now: i64) {
        self.limit = limit;
        self.used = 0;
        if limit == 0 {
            self.end(now);
        }
    }

    /// Tells whether nothing is left.
    pub(super) fn is_used_up(&self) -> bool {
        self.used >= self.limit
    }

    /// Returns what part is used, 0 to 1.
    pub(super) fn part(&self) -> f64 {
        (self.used as f64 / self.limit.max(1) as f64).min(1.0)
    }

    /// Returns how many requests fit in the window.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// Returns how many requests are left.
    pub(super) fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    /// Returns when the window ends, in Unix seconds.
    pub(super) fn resets_at(&self) -> i64 {
        self.resets_at
    }

    /// Returns the seconds from now until the window ends, at least one.
    pub(super) fn wait(&self, now: i64) -> i64 {
        (self.resets_at - now).max(1)
    }
}

/// The quotas of all accounts at one provider.
#[derive(Debug, Default)]
pub(super) struct Quotas(HashMap<String, Quota>);

impl Quotas {
    /// Returns an account's quota where it has one.
    pub(super) fn known(&mut self, account: &str) -> Option<&mut Quota> {
        self.0.get_mut(account)
    }

    /// Returns an account's quota, made by `fresh` at first sight.
    pub(super) fn of(&mut self, account: &str, fresh: impl FnOnce() -> Quota) -> &mut Quota {
        self.0.entry(account.to_owned()).or_insert_with(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_used_all_is_back_when_the_window_has_ended() {
        let mut quota = Quota::new(2, 60, 100);
        assert!(quota.take(100) && quota.take(110));
        assert!(!quota.take(169));
        assert_eq!((quota.resets_at(), quota.wait(169)), (170, 1));
        assert!(quota.take(170));
        assert_eq!(quota.left(), 1);
    }

    #[test]
    fn a_slow_person_reaches_the_limit_too() {
        let mut quota = Quota::new(2, 60, 0);
        assert!(quota.take(0) && quota.take(1_000));
        assert!(!quota.take(1_010));
    }
}
