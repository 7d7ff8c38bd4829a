//! What the plan knows of one bucket, and its limits.

use std::collections::HashMap;

use llxprt_commands::Bucket;

use super::{Gone, State, Why};
use crate::vault::{Entry, Limit};

/// The first wait, in seconds, for a limit whose reset is not told; it doubles with each strike.
const GUESS: i64 = 60;
/// The longest such wait, in seconds.
const LONGEST_GUESS: i64 = 15 * 60;

/// What the plan knows of a bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct BucketState {
    /// The bucket.
    pub bucket: Bucket,
    /// Why a person must sign in first; absent while the login is good.
    pub needs_login: Option<String>,
    /// Limits, those that are over too: they hold the strikes.
    pub limits: Vec<Limit>,
    /// The provider's id of who is behind it; buckets with one id share their limits.
    pub identity: Option<String>,
    /// Why its plan does not cover the model, as learned in this session.
    pub not_covered: Option<String>,
}

impl BucketState {
    /// Reads what the index knows, at a time in Unix seconds.
    pub fn of(bucket: Bucket, entry: Option<&Entry>, now: i64) -> Self {
        let needs_login = match State::of(entry, None, now) {
            State::NeedsLogin(why) => Some(why),
            _ => None,
        };
        Self {
            bucket,
            needs_login,
            limits: entry.map(|entry| entry.limits.clone()).unwrap_or_default(),
            identity: entry.and_then(|entry| entry.identity_id.clone()),
            not_covered: None,
        }
    }

    /// Returns why it cannot be used for a model now.
    pub(super) fn gone(&self, model: &str, now: i64) -> Option<Gone> {
        let why = match (&self.needs_login, &self.not_covered) {
            (Some(why), _) => Why::NeedsLogin(why.clone()),
            (None, Some(why)) => Why::NotCovered(why.clone()),
            (None, None) => Why::of(super::state::in_force(&self.limits, Some(model), now)?),
        };
        Some(Gone { bucket: self.bucket.clone(), why })
    }

    /// Makes the limit that a used-up quota comes to. A reset that cannot be believed is a guess that grows.
    pub(super) fn quota(&self, model: Option<String>, until: Option<i64>, why: &str, now: i64) -> Limit {
        match until.filter(|&until| until > now && until - now <= Limit::LONGEST) {
            Some(until) => Limit { model, until, why: why.to_owned(), strikes: 0 },
            None => self.guess(model, 0, why, now),
        }
    }

    /// Makes a limit whose end is a guess, at least as long as was asked for in seconds.
    pub(super) fn guess(&self, model: Option<String>, asked: i64, why: &str, now: i64) -> Limit {
        let same = self.limits.iter().filter(|limit| limit.model == model);
        let strikes = same.map(|limit| limit.strikes).max().unwrap_or(0);
        let wait = (GUESS << strikes.min(10)).max(asked).min(LONGEST_GUESS);
        Limit { model, until: now + wait, why: why.to_owned(), strikes: strikes.saturating_add(1) }
    }

    /// Keeps a limit in the place of an older one for the same model.
    pub(super) fn remember(&mut self, limit: &Limit) {
        self.limits.retain(|known| known.model != limit.model);
        self.limits.push(limit.clone());
    }
}

impl Why {
    pub(super) fn of(limit: &Limit) -> Self {
        Self::Limit { which: limit.why.clone(), until: limit.until, guessed: limit.strikes > 0 }
    }
}

/// Gives buckets of one identity each other's limits, for each model the longest.
pub(super) fn share(mut buckets: Vec<BucketState>) -> Vec<BucketState> {
    let mut known: HashMap<String, HashMap<Option<String>, Limit>> = HashMap::new();
    for state in &buckets {
        let Some(identity) = &state.identity else { continue };
        let shared = known.entry(identity.clone()).or_default();
        for limit in &state.limits {
            let longest = shared.entry(limit.model.clone()).or_insert_with(|| limit.clone());
            if limit.until > longest.until {
                limit.clone_into(longest);
            }
        }
    }
    for state in &mut buckets {
        if let Some(shared) = state.identity.as_ref().and_then(|identity| known.get(identity)) {
            state.limits = shared.values().cloned().collect();
        }
    }
    buckets
}
