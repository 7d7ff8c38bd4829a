//! The plan of one turn: which bucket, what after each outcome, and the end.

use llxprt_commands::Bucket;

use super::bucket::share;
use super::{BucketState, Gone, Notice, Outcome, Record, Scope, Step, Stop, Why};
use crate::vault::Limit;

/// The longest `Retry-After` that is waited for with the same bucket, in milliseconds.
const PATIENCE: u64 = 10_000;
/// How often a provider in trouble is asked again.
const TRIES_AGAIN: u8 = 2;
/// How the first bucket of a turn is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The first in order that is free.
    Failover,
    /// Each in turn.
    RoundRobin {
        /// The number of this turn.
        turn: usize,
    },
}

/// Who may switch (manifest `failover`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The plan.
    Auto,
    /// Only a person: the provider's terms forbid going round its limits.
    Manual,
}

/// A bucket in the plan.
#[derive(Debug)]
struct Member {
    state: BucketState,
    /// Why it was left in this turn.
    left: Option<Why>,
    refreshed: bool,
    waited: bool,
    troubles: u8,
    named: bool,
}

/// What the next step is.
#[derive(Debug)]
enum Pending {
    Use(usize),
    Wait(usize, u64),
    Refresh(usize),
    End(Step),
}

/// The plan of one turn.
#[derive(Debug)]
pub struct Plan {
    members: Vec<Member>,
    model: String,
    mode: Mode,
    /// Where the order begins.
    start: usize,
    /// The order begins elsewhere each turn.
    rotates: bool,
    pending: Pending,
    random: u64,
}

impl Plan {
    /// Begins a turn. Buckets come in the user's order; `now` is in Unix seconds.
    pub fn new(buckets: Vec<BucketState>, model: &str, policy: Policy, mode: Mode, now: i64) -> Self {
        let member = |state| Member { state, left: None, refreshed: false, waited: false, troubles: 0, named: false };
        let mut plan = Self {
            members: share(buckets).into_iter().map(member).collect(),
            model: model.to_owned(),
            mode,
            start: 0,
            rotates: matches!((policy, mode), (Policy::RoundRobin { .. }, Mode::Auto)),
            pending: Pending::End(Step::Done),
            random: now.unsigned_abs(),
        };
        // Taking turns is the rotation that the terms behind `Manual` forbid.
        if let (Policy::RoundRobin { turn }, Mode::Auto) = (policy, mode) {
            // Among those that are free: the next one in order would else get the turns of one at its limit too.
            let free: Vec<usize> = (0..plan.members.len()).filter(|&at| plan.gone(at, now).is_none()).collect();
            plan.start = if free.is_empty() { 0 } else { free[turn % free.len()] };
        }
        plan.pending = plan.next(now);
        plan
    }

    /// Returns the bucket that the turn goes on with; where none is left, the first, which a person has to see to.
    pub fn bucket_in_use(&self) -> Option<Bucket> {
        match self.pending {
            Pending::Use(at) | Pending::Wait(at, _) | Pending::Refresh(at) => Some(self.bucket(at)),
            Pending::End(_) => self.members.first().map(|member| member.state.bucket.clone()),
        }
    }

    /// Seeds the small differences of waits, so that many sessions do not come back at once.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.random = seed;
        self
    }

    /// Returns the line for a turn that begins with another bucket than the last one ended with (`last`), or that
    /// passes over one that a person expects to be used.
    pub fn opening(&mut self, last: Option<&Bucket>, now: i64) -> Option<Notice> {
        let Pending::Use(chosen) = self.pending else { return None };
        let to = self.members[chosen].state.bucket.clone();
        if last == Some(&to) || self.rotates {
            return None;
        }
        let before = last.and_then(|last| self.members.iter().position(|member| &member.state.bucket == last));
        match before {
            Some(before) if before > chosen => Some(Notice::Back { to }),
            _ => {
                let from: Vec<Gone> = (0..chosen).filter_map(|at| self.gone(at, now)).collect();
                self.members[..chosen].iter_mut().for_each(|member| member.named = true);
                (!from.is_empty()).then_some(Notice::Switch { from, to })
            }
        }
    }

    /// Returns what to do next. The same until an outcome is told, but that a wait comes once.
    pub fn step(&mut self) -> Step {
        match &self.pending {
            Pending::Use(at) => Step::Use(self.bucket(*at)),
            Pending::Refresh(at) => Step::Refresh(self.bucket(*at)),
            Pending::End(step) => step.clone(),
            &Pending::Wait(at, millis) => {
                self.pending = Pending::Use(at);
                Step::Wait { millis, bucket: self.bucket(at) }
            }
        }
    }

    /// Takes what came of the step; `shown` when a word of the answer is on the screen. Returns what to remember.
    pub fn outcome(&mut self, outcome: Outcome, shown: bool, now: i64) -> Vec<Record> {
        let (at, refreshing) = match self.pending {
            Pending::Use(at) | Pending::Wait(at, _) => (at, false),
            Pending::Refresh(at) => (at, true),
            Pending::End(_) => return Vec::new(),
        };
        let bucket = self.bucket(at);
        if shown && outcome != Outcome::Answered {
            self.pending = Pending::End(Step::Stop(Stop::BrokeOff { reason: outcome.reason().to_owned() }));
            // What was learned still counts for the next turn.
            return match outcome {
                Outcome::Quota { scope, until, why } => {
                    let limit = self.members[at].state.quota(self.for_model(scope), until, &why, now);
                    self.remember(at, &limit)
                }
                Outcome::Revoked { reason } => vec![Record::NeedsLogin { bucket, why: reason }],
                _ => Vec::new(),
            };
        }
        match outcome {
            Outcome::Answered => {
                self.pending = Pending::End(Step::Done);
                vec![Record::Worked(bucket)]
            }
            Outcome::Unauthorized { .. } if !self.members[at].refreshed && !refreshing => {
                self.members[at].refreshed = true;
                self.pending = Pending::Refresh(at);
                Vec::new()
            }
            Outcome::Refreshed => {
                self.pending = Pending::Use(at);
                Vec::new()
            }
            Outcome::Unauthorized { reason } | Outcome::Revoked { reason } | Outcome::RefreshRefused { reason } => {
                let record = Record::NeedsLogin { bucket, why: reason.clone() };
                self.leave(at, Why::NeedsLogin(reason), vec![record], now)
            }
            // A wait and another request would only bring the second 401.
            Outcome::Unavailable { reason, .. }
            | Outcome::Burst { why: reason, .. }
            | Outcome::Quota { why: reason, .. }
            | Outcome::RefreshFailed { reason }
                if refreshing =>
            {
                self.leave(at, Why::NotRenewed(reason), Vec::new(), now)
            }
            Outcome::RefreshFailed { reason } => self.leave(at, Why::NotRenewed(reason), Vec::new(), now),
            Outcome::Quota { scope, until, why } => {
                let limit = self.members[at].state.quota(self.for_model(scope), until, &why, now);
                let records = self.remember(at, &limit);
                self.leave(at, Why::of(&limit), records, now)
            }
            Outcome::Burst { retry_after, .. } if !self.members[at].waited => {
                self.members[at].waited = true;
                self.pending = Pending::Wait(at, self.patience(retry_after, 1000, 1001));
                Vec::new()
            }
            Outcome::Burst { scope, retry_after, why } => {
                let asked = i64::try_from(retry_after.unwrap_or(0).div_ceil(1000)).unwrap_or(i64::MAX);
                let limit = self.members[at].state.guess(self.for_model(scope), asked, &why, now);
                let records = self.remember(at, &limit);
                self.leave(at, Why::of(&limit), records, now)
            }
            Outcome::NotCovered { reason } => {
                let model = self.model.clone();
                let record = Record::NotCovered { bucket, model, why: reason.clone() };
                self.leave(at, Why::NotCovered(reason), vec![record], now)
            }
            Outcome::Unreadable { reason } => {
                let record = Record::Unreadable { bucket, why: reason.clone() };
                self.leave(at, Why::Unreadable(reason), vec![record], now)
            }
            Outcome::Refused { status, reason } => {
                self.pending = Pending::End(Step::Stop(Stop::Refused { status, reason }));
                Vec::new()
            }
            Outcome::Unavailable { retry_after, .. } if self.members[at].troubles < TRIES_AGAIN => {
                let wait = 1000 << self.members[at].troubles;
                self.members[at].troubles += 1;
                self.pending = Pending::Wait(at, self.patience(retry_after, wait, 501));
                Vec::new()
            }
            Outcome::Unavailable { status, reason, .. } => {
                self.pending = Pending::End(Step::Stop(Stop::Unavailable { status, reason }));
                Vec::new()
            }
        }
    }

    fn bucket(&self, at: usize) -> Bucket {
        self.members[at].state.bucket.clone()
    }

    /// Goes on with the next bucket, and says so.
    fn leave(&mut self, at: usize, why: Why, mut records: Vec<Record>, now: i64) -> Vec<Record> {
        self.members[at].left = Some(why.clone());
        self.pending = self.next(now);
        if let Pending::Use(chosen) = self.pending {
            let mut from = vec![Gone { bucket: self.bucket(at), why }];
            for passed in 0..chosen {
                let needs_login = self.members[passed].state.needs_login.is_some();
                if needs_login && !std::mem::replace(&mut self.members[passed].named, true) {
                    from.extend(self.gone(passed, now));
                }
            }
            records.push(Record::Notice(Notice::Switch { from, to: self.bucket(chosen) }));
        }
        records
    }

    /// Chooses the first bucket that is free, or the end.
    fn next(&self, now: i64) -> Pending {
        let count = self.members.len();
        let choices = if self.mode == Mode::Manual { count.min(1) } else { count };
        let order = (0..choices).map(|step| (self.start + step) % count);
        if let Some(free) = order.into_iter().find(|&at| self.gone(at, now).is_none()) {
            return Pending::Use(free);
        }
        let gone: Vec<Gone> = (0..count).filter_map(|at| self.gone(at, now)).collect();
        let end = match gone.first() {
            Some(gone) if self.mode == Mode::Manual && count > 1 => {
                let others = (1..count).filter(|&at| self.gone(at, now).is_none()).map(|at| self.bucket(at)).collect();
                Step::Stop(Stop::Manual { gone: gone.clone(), others })
            }
            _ => Step::AllUsedUp(gone),
        };
        Pending::End(end)
    }

    /// Returns why a bucket cannot be used now.
    fn gone(&self, at: usize, now: i64) -> Option<Gone> {
        let Member { state, left, .. } = &self.members[at];
        match left {
            Some(why) => Some(Gone { bucket: state.bucket.clone(), why: why.clone() }),
            None => state.gone(&self.model, now),
        }
    }

    /// Keeps a limit for the bucket and for those that share its identity.
    fn remember(&mut self, at: usize, limit: &Limit) -> Vec<Record> {
        let identity = self.members[at].state.identity.clone();
        let mut records = Vec::new();
        for (other, Member { state, .. }) in self.members.iter_mut().enumerate() {
            if other == at || (identity.is_some() && state.identity == identity) {
                state.remember(limit);
                records.push(Record::Limit { bucket: state.bucket.clone(), limit: limit.clone() });
            }
        }
        records
    }

    fn for_model(&self, scope: Scope) -> Option<String> {
        (scope == Scope::Model).then(|| self.model.clone())
    }

    /// The milliseconds to wait with the same bucket: as asked, if that is short, else `least` and up to `spread` more.
    fn patience(&mut self, asked: Option<u64>, least: u64, spread: u64) -> u64 {
        // SplitMix64: waits need to differ, not to be unguessable.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        match asked {
            Some(asked) if (1..=PATIENCE).contains(&asked) => asked,
            _ => least + (mixed ^ (mixed >> 31)) % spread,
        }
    }
}
