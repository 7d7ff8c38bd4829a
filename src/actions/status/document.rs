//! The same for machines (design 4.11). Members are only ever added.

use llxprt_commands::Account;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::credential::resolution_with;
use super::row::{ordered, used};
use crate::auth::failover::State;
use crate::error::Code;
use crate::providers::{BadManifest, Manifest};
use crate::run::Run;
use crate::ui::times;
use crate::vault::{Entry, Home, Index, Limit, StoreSeen, Window};

/// `llxprt auth --json`
#[derive(Serialize)]
pub(super) struct All<'a> {
    pub(super) schema: &'static str,
    pub(super) store: StoreSeen,
    pub(super) providers: Vec<Element<'a>>,
    pub(super) problems: Vec<Problem<'a>>,
}

/// A provider that is missing, since its manifest is invalid.
#[derive(Serialize)]
pub(super) struct Problem<'a> {
    provider: &'a str,
    code: &'static str,
    message: &'a str,
}

impl<'a> Problem<'a> {
    pub(super) fn of(bad: &'a BadManifest) -> Self {
        Self { provider: &bad.name, code: Code::Manifest.text(), message: &bad.message }
    }
}

/// `llxprt auth PROVIDER --json`
#[derive(Serialize)]
pub(super) struct One<'a> {
    pub(super) schema: &'static str,
    #[serde(flatten)]
    pub(super) element: Element<'a>,
}

/// One element of `providers`.
#[derive(Serialize)]
pub(super) struct Element<'a> {
    provider: &'a str,
    login: &'static str,
    status: &'static str,
    oauth_enabled: bool,
    credential: Value,
    buckets: Vec<Shown<'a>>,
    /// Why the source that stands first cannot be used.
    error: Option<String>,
}

/// One element of `buckets`. Times are in UTC.
#[derive(Serialize)]
struct Shown<'a> {
    bucket: String,
    state: &'static str,
    identity: Option<&'a str>,
    plan: Option<&'a str>,
    store: Home,
    expires_at: Option<String>,
    refreshable: bool,
    signed_in_until: Option<String>,
    limited_until: Option<String>,
    active: bool,
    limits: Vec<Value>,
    limits_as_of: Option<String>,
    limited_models: Vec<Value>,
    reason: Option<String>,
}

/// Makes one element of `providers`.
pub(super) fn element<'a>(run: &Run, index: &'a Index, manifest: &'a Manifest) -> Element<'a> {
    let provider = &manifest.name;
    let now = run.now();
    let resolution = resolution_with(run, manifest, index);
    let enabled = run.settings.oauth_enabled(provider);
    let used = used(run, manifest, &resolution);
    let shown = |(account, entry): (Account, &'a Entry)| Shown {
        active: used.as_ref() == Some(&account.bucket),
        ..shown(account.bucket.to_string(), entry, now)
    };
    let buckets: Vec<Shown<'a>> = ordered(run, index, provider).into_iter().map(shown).collect();
    let login = match (&manifest.oauth, enabled, buckets.is_empty()) {
        (None, ..) => "key-only",
        (_, false, _) => "off",
        (_, true, true) => "on-first-use",
        (_, true, false) => "on",
    };
    Element {
        provider: provider.as_str(),
        login,
        status: manifest.oauth.as_ref().map_or("active", |o| o.status.word()),
        oauth_enabled: enabled,
        credential: resolution.credential_json(),
        buckets,
        error: resolution.error.map(|error| error.reason),
    }
}

fn shown(bucket: String, entry: &Entry, now: i64) -> Shown<'_> {
    let time = |at: Option<i64>| at.and_then(times::rfc3339);
    let window =
        |w: &Window| json!({ "window": w.window, "model": w.model, "used": w.used, "resets_at": time(w.resets_at) });
    let model = |limit: &Limit| json!({ "model": limit.model, "limited_until": time(Some(limit.until)) });
    let (models, all): (Vec<&Limit>, Vec<&Limit>) =
        entry.limits.iter().filter(|limit| limit.holds(now)).partition(|limit| limit.model.is_some());
    let state = State::of(Some(entry), None, now);
    Shown {
        bucket,
        state: state.json(),
        identity: entry.identity.as_deref(),
        plan: entry.plan.as_deref(),
        store: entry.store,
        expires_at: time(entry.expires_at),
        refreshable: entry.refreshable,
        signed_in_until: time(entry.signed_in_until),
        limited_until: time(all.iter().map(|limit| limit.until).max()),
        active: false,
        limits: entry.windows.iter().map(window).collect(),
        limits_as_of: time(entry.windows_at),
        limited_models: models.into_iter().map(model).collect(),
        reason: match state {
            State::NeedsLogin(why) | State::Unknown(why) => Some(why),
            State::Limited(limit) => Some(limit.why),
            State::Ready | State::Expired | State::Unverified => None,
        },
    }
}
