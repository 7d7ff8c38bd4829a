//! The handle by which tests arrange answers and read what was received.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::provider::Endpoint;
use super::received::Received;
use super::server::Shared;
use super::variants::Variants;
use super::world::{Counter, World};

/// One provider of a running sandbox, seen from a test.
#[derive(Clone)]
pub struct Script {
    shared: Arc<Shared>,
    provider: String,
}

impl Script {
    pub(super) fn new(shared: Arc<Shared>, provider: &str) -> Self {
        assert!(shared.world().counters.contains_key(provider), "the sandbox has no provider {provider}");
        Self { shared, provider: provider.to_owned() }
    }

    /// Queues an answer: the next request to the endpoint gets it instead of the usual one, first in, first out.
    pub fn answer(&self, endpoint: Endpoint, answer: Answer) {
        self.with(|counter| counter.queued.entry(endpoint).or_default().push_back(answer));
    }

    /// Takes back the answers of an endpoint that are still queued.
    pub fn forget(&self, endpoint: Endpoint) {
        self.with(|counter| counter.queued.remove(&endpoint));
    }

    /// Returns everything received so far.
    pub fn requests(&self) -> Vec<Received> {
        self.with(|counter| counter.received.clone())
    }

    /// Returns what an endpoint received so far.
    pub fn requests_to(&self, endpoint: Endpoint) -> Vec<Received> {
        self.requests().into_iter().filter(|call| call.endpoint == Some(endpoint)).collect()
    }

    /// Counts the requests to an endpoint.
    pub fn count(&self, endpoint: Endpoint) -> usize {
        self.with(|counter| counter.received.iter().filter(|call| call.endpoint == Some(endpoint)).count())
    }

    /// Counts the requests to every endpoint.
    pub fn counts(&self) -> BTreeMap<Endpoint, usize> {
        self.with(|counter| {
            let mut counts = BTreeMap::new();
            for endpoint in counter.received.iter().filter_map(|call| call.endpoint) {
                *counts.entry(endpoint).or_default() += 1;
            }
            counts
        })
    }

    /// Blocks until an endpoint has received this many requests; tells whether that came about in time.
    pub fn wait_for(&self, endpoint: Endpoint, count: usize, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut world = self.shared.world();
        loop {
            let received = world
                .counter(&self.provider)
                .map_or(0, |counter| counter.received.iter().filter(|call| call.endpoint == Some(endpoint)).count());
            let left = end.saturating_duration_since(Instant::now());
            if received >= count || left.is_zero() {
                return received >= count;
            }
            let woken = self.shared.arrived.wait_timeout(world, left);
            world = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Makes every access token of the provider run out now.
    pub fn expire_access_tokens(&self) {
        self.with(|counter| counter.desk.tokens.expire(counter.desk.now));
    }

    /// Revokes every login of an account.
    pub fn revoke(&self, email: &str) {
        self.with(|counter| counter.desk.tokens.revoke_account(email));
    }

    /// Gives an account this many chat requests from now on, then it is at its limit.
    pub fn set_quota(&self, email: &str, requests: u64) {
        self.with(|counter| counter.desk.set_quota(email, requests));
    }

    /// Puts an account at its limit now.
    pub fn end_quota(&self, email: &str) {
        self.set_quota(email, 0);
    }

    /// Makes an API key work.
    pub fn add_key(&self, key: &str, email: &str) {
        self.with(|counter| counter.desk.tokens.keep_key(key.to_owned(), email.to_owned()));
    }

    /// Keeps back all answers of an endpoint; the requests have their effect meanwhile.
    pub fn hold(&self, endpoint: Endpoint) {
        self.with(|counter| counter.held.insert(endpoint));
    }

    /// Sends what was kept back, and answers at once again.
    pub fn release(&self, endpoint: Endpoint) {
        self.with(|counter| counter.held.remove(&endpoint));
        self.shared.released.notify_waiters();
    }

    /// Changes how the provider answers.
    pub fn vary(&self, change: impl FnOnce(&mut Variants)) {
        self.with(|counter| change(&mut counter.desk.variants));
    }

    /// Returns what clients did that none may do: secrets in URLs, two credentials, a token for another provider.
    pub fn violations(&self) -> Vec<String> {
        self.with(|counter| counter.violations.clone())
    }

    /// Moves the clock of the whole sandbox, all providers, forward.
    pub fn advance(&self, by: Duration) {
        let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX / 4);
        self.world().ahead += seconds;
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }

    fn with<T>(&self, act: impl FnOnce(&mut Counter) -> T) -> T {
        let mut world = self.world();
        let Some(counter) = world.counter(&self.provider) else { unreachable!("checked when the script was made") };
        act(counter)
    }
}
