//! Anthropic. Subscriptions tell of their windows in `anthropic-ratelimit-unified-*` headers, on every answer (seen
//! 2026-09-30). `overage-status: rejected` is normal on healthy answers and proves nothing.

use super::Case;
use super::wait::{Headers, limit_name, time};
use crate::auth::failover::{Outcome, Scope};
use crate::vault::Window;

/// How long, in seconds, extra usage that ran out is left alone where nothing tells when it is back.
const OUT_OF_CREDIT: i64 = 3600;

const PREFIX: &str = "anthropic-ratelimit-unified-";

/// Judges what the status alone does not tell.
pub(super) fn judge(case: &Case) -> Option<Outcome> {
    match case.status {
        429 => Some(too_many(case)),
        // The answer to a header that is missing, or to a kind of token that is not taken: a new token is not either.
        401 if case.fault.says("currently not supported") => Some(case.refused()),
        403 if case.fault.says("scope requirement") => Some(case.revoked()),
        // A 400 is about the request or about Anthropic's policy, whatever its sentence says of usage and credits.
        _ => None,
    }
}

fn too_many(case: &Case) -> Outcome {
    let headers = &case.headers;
    let rejected: Vec<&str> = headers
        .between(PREFIX, "-status")
        .filter(|(name, status)| *status == "rejected" && *name != "overage")
        .map(|(name, _)| name)
        .collect();
    let (account, model): (Vec<&str>, Vec<&str>) = rejected.iter().partition(|name| !name.contains('_'));
    let (scope, full) = if account.is_empty() { (Scope::Model, model) } else { (Scope::Account, account) };

    let reset = |name: &str| time(headers.get(&format!("{PREFIX}{name}-reset"))?, case.now);
    let asked = case.asked_until();
    if let Some(last) = full.iter().max_by_key(|name| reset(name)) {
        let until = full.iter().filter_map(|name| reset(name)).chain(asked).max();
        return case.quota(scope, until, &limit_name(split(last).0));
    }
    if headers.get(&format!("{PREFIX}status")) == Some("rejected") {
        let claim = headers.get(&format!("{PREFIX}representative-claim")).unwrap_or_default();
        let scope = if claim.ends_with("_overage_included") { Scope::Model } else { Scope::Account };
        let until = time(headers.get(&format!("{PREFIX}reset")).unwrap_or_default(), case.now);
        let out = headers.get(&format!("{PREFIX}overage-disabled-reason")) == Some("out_of_credits");
        let (until, why) = match (claim, out) {
            ("five_hour", _) => (until, "5-hour limit"),
            ("seven_day", _) => (until, "7-day limit"),
            // Without a time it lasts until somebody pays: it is looked at again once an hour, not each minute.
            (_, true) => {
                (until.or_else(|| reset("overage")).or(asked).or(Some(case.now + OUT_OF_CREDIT)), "out of extra usage")
            }
            (_, false) => (until, "usage limit"),
        };
        return case.quota(scope, until.into_iter().chain(asked).max(), why);
    }
    // Both carry the ordinary type of an error, so their sentences are all there is.
    if case.fault.says("required for fast mode") || case.fault.says("required for long context") {
        return case.refused();
    }
    case.burst(Scope::Account)
}

/// Reads the windows; `7d_sonnet` is the seven days of one model.
pub(super) fn windows(headers: &Headers, now: i64) -> Vec<Window> {
    let names = headers.between(PREFIX, "-status").chain(headers.between(PREFIX, "-utilization"));
    let mut seen: Vec<&str> = Vec::new();
    let mut windows = Vec::new();
    for (name, _) in names {
        if name == "overage" || seen.contains(&name) {
            continue;
        }
        seen.push(name);
        let told = headers.number(&format!("{PREFIX}{name}-utilization")).filter(|used| *used >= 0.0);
        let rejected = headers.get(&format!("{PREFIX}{name}-status")) == Some("rejected");
        let Some(used) = told.or(rejected.then_some(1.0)) else { continue };
        let (window, model) = split(name);
        let resets_at = headers.get(&format!("{PREFIX}{name}-reset")).and_then(|text| time(text, now));
        windows.push(Window { window: window.to_owned(), model: model.map(str::to_owned), used, resets_at });
    }
    windows
}

fn split(name: &str) -> (&str, Option<&str>) {
    name.split_once('_').map_or((name, None), |(window, model)| (window, Some(model)))
}
