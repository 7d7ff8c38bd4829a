//! What one provider works with: its books, quotas, ids, clock and options.

use std::collections::HashMap;

use super::Options;
use super::devices::Devices;
use super::ids::Ids;
use super::people;
use super::quota::{Quota, Quotas};
use super::tokens::Tokens;
use super::variants::Variants;

/// The requests of an account that is not meant to reach a limit.
const PLENTY: u64 = 10_000;
/// The window of such an account in seconds: five hours.
const LONG: u64 = 5 * 60 * 60;

/// The state of one provider.
#[derive(Debug)]
pub(super) struct Desk {
    /// `http://127.0.0.1:PORT/<provider>`.
    pub(super) url: String,
    pub(super) options: Options,
    pub(super) tokens: Tokens,
    pub(super) devices: Devices,
    pub(super) ids: Ids,
    pub(super) variants: Variants,
    /// Now in Unix seconds, set before each request.
    pub(super) now: i64,
    /// Things that take a few questions to be done: how often each was asked for.
    pub(super) operations: HashMap<String, u32>,
    quotas: Quotas,
}

impl Desk {
    /// Starts with empty books.
    pub(super) fn new(provider: &'static str, url: &str, options: &Options, now: i64) -> Self {
        Self {
            url: format!("{url}/{provider}"),
            options: options.clone(),
            tokens: Tokens::default(),
            devices: Devices::default(),
            ids: Ids::new(options.seed, provider),
            variants: Variants::default(),
            now,
            operations: HashMap::new(),
            quotas: Quotas::default(),
        }
    }

    /// Returns the quota of an account.
    pub(super) fn quota(&mut self, email: &str) -> &mut Quota {
        let (now, options) = (self.now, &self.options);
        let fresh = || match email {
            people::WORK => Quota::new(options.quota_requests, options.quota_seconds, now),
            _ => Quota::new(PLENTY, LONG, now),
        };
        let quota = self.quotas.of(email, fresh);
        quota.roll(now);
        quota
    }

    /// Counts a request of an API key, which has a limit only where a test gave its account one.
    pub(super) fn take_for_key(&mut self, email: &str) -> bool {
        let now = self.now;
        self.quotas.known(&for_keys(email)).is_none_or(|quota| quota.take(now))
    }

    /// Gives an account this many requests from now on; 0: it is at its limit now.
    pub(super) fn set_quota(&mut self, email: &str, requests: u64) {
        let (now, seconds) = (self.now, self.options.quota_seconds);
        for account in [email.to_owned(), for_keys(email)] {
            let quota = self.quotas.of(&account, || Quota::new(requests, seconds, now));
            *quota = Quota::new(requests, seconds, now);
            quota.set(requests, now);
        }
    }

    /// Returns the life of an access token in seconds, where the real provider gives `usual`.
    pub(super) fn life(&self, usual: i64) -> i64 {
        self.options.ttl.map_or(usual, |ttl| i64::try_from(ttl).unwrap_or(usual))
    }
}

/// Returns the name under which the requests of an account's keys are counted, apart from those of its logins.
fn for_keys(email: &str) -> String {
    format!("key of {email}")
}
