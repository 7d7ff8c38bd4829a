//! The same for machines (design 4.11). Members are only ever added.

use serde_json::{Value, json};

use super::super::credential::resolution_with;
use super::row::{ordered, used};
use crate::auth::failover::State;
use crate::providers::Manifest;
use crate::run::Run;
use crate::ui::times;
use crate::vault::{Index, Limit, Window};

/// Makes one element of `providers`.
pub(super) fn element(run: &Run, index: &Index, manifest: &Manifest) -> Value {
    let provider = &manifest.name;
    let now = run.now();
    let resolution = resolution_with(run, manifest, index);
    let enabled = run.settings.oauth_enabled(provider);
    let used = used(run, manifest, &resolution);
    let time = |at: Option<i64>| at.and_then(times::rfc3339);
    let buckets: Vec<Value> = ordered(run, index, provider)
        .into_iter()
        .map(|(account, entry)| {
            let window = |w: &Window| {
                json!({ "window": w.window, "model": w.model, "used": w.used, "resets_at": time(w.resets_at) })
            };
            let in_force = |limit: &&Limit| limit.model.is_none() && limit.holds(now);
            let limited = entry.limits.iter().filter(in_force).map(|limit| limit.until).max();
            let models: Vec<Value> = entry
                .limits
                .iter()
                .filter(|limit| limit.model.is_some() && limit.holds(now))
                .map(|limit| json!({ "model": limit.model, "limited_until": time(Some(limit.until)) }))
                .collect();
            let state = State::of(Some(entry), None, now);
            let why = match &state {
                State::NeedsLogin(why) | State::Unknown(why) => Some(why.clone()),
                State::Limited(limit) => Some(limit.why.clone()),
                State::Ready | State::Expired | State::Unverified => None,
            };
            json!({
                "bucket": account.bucket.as_str(), "state": state.json(),
                "identity": entry.identity, "plan": entry.plan, "store": entry.store,
                "expires_at": time(entry.expires_at), "refreshable": entry.refreshable,
                "signed_in_until": time(entry.signed_in_until), "limited_until": time(limited),
                "active": used.as_ref() == Some(&account.bucket),
                "limits": entry.windows.iter().map(window).collect::<Vec<_>>(),
                "limits_as_of": time(entry.windows_at), "limited_models": models, "reason": why,
            })
        })
        .collect();
    let login = match (&manifest.oauth, enabled, buckets.is_empty()) {
        (None, ..) => "key-only",
        (_, false, _) => "off",
        (_, true, true) => "on-first-use",
        (_, true, false) => "on",
    };
    json!({
        "provider": provider.as_str(), "login": login,
        "status": manifest.oauth.as_ref().map_or("active", |o| o.status.word()),
        "oauth_enabled": enabled, "credential": resolution.credential_json(), "buckets": buckets,
        "error": resolution.error.as_ref().map(|error| &error.reason),
    })
}
