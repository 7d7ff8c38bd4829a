//! The accounts of a provider: in which order requests use them, and the plan by which a turn goes. What is shown is
//! asked of the same plan as what is sent.

use llxprt_commands::{Account, Bucket, Provider};

use super::{baseurl, choose};
use crate::auth::failover::{BucketState, Mode, Outcome as Came, Plan, Policy, State, Step};
use crate::auth::precedence::{Here, OAuth};
use crate::providers::{Manifest, Switching};
use crate::run::Run;
use crate::vault::{Entry, Index};

/// The buckets that a request may use, first choice first: those of the loaded profile, or one.
pub(super) fn order(run: &Run, index: &Index, provider: &Provider) -> Vec<Bucket> {
    let pinned = run.chosen.buckets.get(provider);
    let profile = run.profile_for(provider).map(|p| p.buckets.clone()).filter(|b| !b.is_empty());
    match (profile, pinned) {
        (Some(mut buckets), Some(pinned)) => {
            buckets.retain(|b| b != pinned);
            buckets.insert(0, pinned.clone());
            buckets
        }
        (Some(buckets), None) => buckets,
        (None, Some(pinned)) => vec![pinned.clone()],
        (None, None) => {
            let default = Bucket::default();
            let mut newest: Option<(_, Bucket)> = None;
            for (name, entry) in index.names_of(provider) {
                let when = (entry.refused.is_none(), entry.counts.last_used);
                if name == default.as_str() {
                    return vec![default];
                }
                if newest.as_ref().is_none_or(|(newest, _)| when > *newest)
                    && let Ok(bucket) = name.parse()
                {
                    newest = Some((when, bucket));
                }
            }
            vec![newest.map_or(default, |(_, bucket)| bucket)]
        }
    }
}

/// Makes the plan of a turn with these accounts: limits, the session's memory, whose turn it is, and who may switch.
pub(super) fn plan(run: &Run, manifest: &Manifest, index: &Index, model: &str, buckets: &[Bucket]) -> Plan {
    let now = run.now();
    let state = |bucket: &Bucket| {
        let account = account(&manifest.name, bucket);
        let mut known = run.chosen.turns.not_covered.iter();
        let not_covered = known.find(|(a, m, _)| *a == account && m == model).map(|(.., why)| why.clone());
        BucketState { not_covered, ..BucketState::of(bucket.clone(), index.entry(&account), now) }
    };
    let requests = |bucket: &Bucket| index.entry(&account(&manifest.name, bucket)).map_or(0, |e| e.counts.requests);
    let policy = match run.settings.get("auth.bucketPolicy").and_then(|(value, _)| value.as_str()) {
        Some("roundrobin") => Policy::RoundRobin { turn: buckets.iter().map(requests).sum::<u64>() as usize },
        _ => Policy::Failover,
    };
    let manual = manifest.oauth.as_ref().is_some_and(|oauth| oauth.failover == Switching::Manual);
    let mode = if manual { Mode::Manual } else { Mode::Auto };
    Plan::new(buckets.iter().map(state).collect(), model, policy, mode, now)
}

/// Makes the plan of the next turn, as far as it can be foreseen: what could not be read last time is passed over.
pub(super) fn foreseen(run: &Run, manifest: &Manifest, index: &Index) -> Plan {
    let provider = &manifest.name;
    let (now, buckets) = (run.now(), order(run, index, provider));
    let mut plan = plan(run, manifest, index, &choose::model_at(run, manifest), &buckets);
    while let Step::Use(bucket) = plan.step()
        && let State::Unknown(reason) = State::of(index.entry(&account(provider, &bucket)), None, now)
    {
        plan.outcome(Came::Unreadable { reason }, false, now);
    }
    plan
}

/// Returns what the resolver has to know of the logins.
pub(super) fn logins(run: &Run, manifest: &Manifest, index: &Index, here: &Here) -> OAuth {
    let provider = &manifest.name;
    let model = choose::model_at(run, manifest);
    let state = |entry: &Entry| State::of(Some(entry), Some(&model), run.now());
    let stored = |bucket: Bucket| Some((state(index.entry(&account(provider, &bucket))?), bucket));
    let logins = order(run, index, provider).into_iter().filter_map(stored).map(|(state, bucket)| (bucket, state));
    OAuth {
        supported: manifest.oauth.is_some(),
        enabled: run.settings.oauth_enabled(provider),
        elsewhere: baseurl::no_sign_in(run, manifest),
        back: baseurl::back(run, provider, here),
        logins: logins.collect(),
        active: foreseen(run, manifest, index).bucket_in_use(),
        profile: run.profile_for(provider).map(|p| p.name.clone()),
    }
}

fn account(provider: &Provider, bucket: &Bucket) -> Account {
    Account { provider: provider.clone(), bucket: bucket.clone() }
}
