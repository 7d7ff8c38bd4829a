//! Random stories against what must hold in each of them.

use std::collections::HashMap;

use llxprt_commands::Bucket;

use super::{BucketState, Mode, Outcome, Plan, Policy, Record, Scope, Step};
use crate::vault::{Entry, Home, Limit};

const STORIES: u64 = 100_000;
const MODEL: &str = "large";

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

fn some_outcome(random: &mut Random, now: i64) -> Outcome {
    let reason = String::new;
    let scope = if random.chance(50) { Scope::Account } else { Scope::Model };
    let until = match random.below(4) {
        0 => None,
        1 => Some(now - 10 + i64::try_from(random.below(20)).unwrap()),
        2 => Some(now + i64::try_from(random.below(10_000)).unwrap()),
        _ => Some(i64::MAX - i64::try_from(random.below(2)).unwrap()),
    };
    let retry_after =
        [None, Some(0), Some(3000), Some(60_000), Some(u64::MAX)][usize::try_from(random.below(5)).unwrap()];
    match random.below(12) {
        0 => Outcome::Answered,
        1 | 2 => Outcome::Unauthorized { reason: reason() },
        3 => Outcome::Refreshed,
        4 => Outcome::RefreshRefused { reason: reason() },
        5 => Outcome::RefreshFailed { reason: reason() },
        6 => Outcome::Revoked { reason: reason() },
        7 => Outcome::Quota { scope, until, why: reason() },
        8 => Outcome::Burst { scope, retry_after, why: reason() },
        9 => Outcome::NotCovered { reason: reason() },
        10 if random.chance(20) => Outcome::Refused { status: Some(400), reason: reason() },
        10 => Outcome::Unreadable { reason: reason() },
        _ => Outcome::Unavailable { status: None, retry_after, reason: reason() },
    }
}

fn some_buckets(random: &mut Random, now: i64) -> Vec<BucketState> {
    let count = random.below(6);
    (0..count)
        .map(|n| {
            let entry = Entry::new(Home::File);
            let bucket: Bucket = format!("b{n}").parse().unwrap();
            let mut state = BucketState::of(bucket, if random.chance(80) { Some(&entry) } else { None }, now);
            for _ in 0..random.below(3) {
                let model = [None, Some(MODEL.to_owned()), Some("small".to_owned())]
                    [usize::try_from(random.below(3)).unwrap()]
                .clone();
                let until = now - 100 + i64::try_from(random.below(200)).unwrap();
                let strikes = u32::try_from(random.below(40)).unwrap();
                state.limits.push(Limit { model, until, why: String::new(), strikes });
            }
            state.identity = random.chance(30).then(|| format!("id{}", random.below(2)));
            state.not_covered = random.chance(10).then(String::new);
            state
        })
        .collect()
}

/// What an observer knows from the records alone.
struct Observer {
    buckets: Vec<BucketState>,
    limits: HashMap<Bucket, Vec<Limit>>,
}

impl Observer {
    fn limited(&self, bucket: &Bucket, now: i64) -> bool {
        let counts = |limit: &Limit| limit.until > now && limit.model.as_deref().is_none_or(|model| model == MODEL);
        self.limits.get(bucket).is_some_and(|limits| limits.iter().any(counts))
    }

    fn login(&self, bucket: &Bucket) -> bool {
        self.buckets.iter().any(|state| &state.bucket == bucket && state.needs_login.is_none())
    }
}

#[test]
fn in_any_story_no_bucket_is_wronged_and_there_is_an_end() {
    for seed in 0..STORIES {
        let random = &mut Random(seed);
        let mut now = 1_800_000_000;
        let buckets = some_buckets(random, now);
        let policy = if random.chance(50) {
            Policy::Failover
        } else {
            Policy::RoundRobin { turn: usize::try_from(random.below(99)).unwrap() }
        };
        let mode = if random.chance(80) { Mode::Auto } else { Mode::Manual };
        let limits = buckets.iter().map(|state| (state.bucket.clone(), state.limits.clone())).collect();
        let mut known = Observer { buckets: buckets.clone(), limits };
        let first = buckets.first().map(|state| state.bucket.clone());
        let mut plan = Plan::new(buckets, MODEL, policy, mode, now).seeded(seed);

        let mut refreshes: HashMap<Bucket, u32> = HashMap::new();
        let (mut requests, mut waits, mut shown_once, mut decided_at) = (0_usize, 0, false, now);
        let mut last: Option<Bucket> = None;
        loop {
            let refreshing = match plan.step() {
                Step::Use(bucket) => {
                    requests += 1;
                    assert!(!shown_once, "seed {seed}: a replay after the first word");
                    assert!(!known.limited(&bucket, decided_at), "seed {seed}: {bucket} is at its limit");
                    assert!(known.login(&bucket), "seed {seed}: {bucket} has no login");
                    assert!(mode == Mode::Auto || first.as_ref() == Some(&bucket), "seed {seed}: a forbidden switch");
                    last = Some(bucket);
                    false
                }
                Step::Refresh(bucket) => {
                    let count = refreshes.entry(bucket).or_default();
                    *count += 1;
                    assert_eq!(*count, 1, "seed {seed}: a second refresh");
                    true
                }
                Step::Wait { millis, .. } => {
                    waits += 1;
                    assert!((1..=10_000).contains(&millis), "seed {seed}: waits {millis} ms");
                    now += i64::try_from(millis / 1000).unwrap();
                    continue;
                }
                Step::Done => break,
                Step::Stop(_) => break,
                Step::AllUsedUp(gone) => {
                    assert_eq!(gone.len(), known.buckets.len(), "seed {seed}: one is not accounted for");
                    break;
                }
            };
            now += i64::try_from(random.below(50)).unwrap();
            let shown = !refreshing && random.chance(10);
            let outcome = some_outcome(random, now);
            shown_once |= shown && outcome != Outcome::Answered;
            let before = last.clone();
            // Refreshed without a refresh is the one outcome that repeats a request; a real caller has no cause for it.
            let outcome = if outcome == Outcome::Refreshed && !refreshing { Outcome::Answered } else { outcome };
            for record in plan.outcome(outcome, shown, now) {
                if let Record::Limit { bucket, limit } = record {
                    assert!(limit.until > now && limit.until <= now + 31 * 24 * 3600, "seed {seed}: {limit:?}");
                    let limits = known.limits.entry(bucket).or_default();
                    limits.retain(|old| old.model != limit.model);
                    limits.push(limit);
                }
            }
            decided_at = now;
            if let Step::Use(bucket) = plan.step()
                && Some(&bucket) != before.as_ref()
            {
                assert!(!shown_once, "seed {seed}: a switch after the first word");
            }
            assert!(requests <= 5 * 6 && waits <= 3 * 6, "seed {seed}: no end in sight");
        }
    }
}
