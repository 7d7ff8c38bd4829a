//! OpenAI: Codex and ChatGPT logins, keys, and servers that are compatible.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Case;
use super::wait::{Headers, after, limit_name, time, window_name};
use crate::auth::failover::{Outcome, Scope};
use crate::vault::Window;

/// Codes of a used-up plan or credit.
const QUOTA: [&str; 8] = [
    "usage_limit_reached",
    "insufficient_quota",
    "quota_exceeded",
    "billing_hard_limit_reached",
    "subscription_sharing_usage_limit_exceeded",
    "workspace_owner_credits_depleted",
    "workspace_member_credits_depleted",
    "workspace_member_usage_limit_reached",
];
/// Codes of a login that no refresh brings back.
const OVER: [&str; 5] = [
    "token_invalidated",
    "token_revoked",
    "account_deactivated",
    "subscription_sharing_invalid_user",
    "refresh_token_invalidated",
];

/// Judges what the status alone does not tell.
pub(super) fn judge(case: &Case) -> Option<Outcome> {
    let fault = &case.fault;
    let has = |codes: &[&str]| {
        fault.has(codes) || header_code(&case.headers).is_some_and(|code| codes.contains(&code.as_str()))
    };
    match case.status {
        402 | 403 | 429 if has(&["usage_not_included", "subscription_sharing_user_not_eligible"]) => {
            Some(case.not_covered())
        }
        402 | 403 | 429 if has(&QUOTA) || (case.status == 429 && reached(&case.headers)) => Some(quota(case)),
        401 | 403 if has(&OVER) || fault.says("has been deactivated") => Some(case.revoked()),
        403 if fault.page || case.headers.get("cf-mitigated").is_some() => Some(case.refused()),
        403 if has(&["token_expired", "invalid_token"]) => Some(Outcome::Unauthorized { reason: case.reason() }),
        400..500 if has(&["server_is_overloaded", "slow_down"]) => Some(case.unavailable()),
        _ => None,
    }
}

/// The reset: from the body, else from the windows that are full.
fn quota(case: &Case) -> Outcome {
    let error = &case.fault.error;
    let number = |name: &str| error[name].as_f64().or_else(|| error[name].as_str()?.parse().ok());
    let at = number("resets_at").and_then(|at| time(&at.to_string(), case.now));
    let told = at.or_else(|| number("resets_in_seconds").and_then(|seconds| after(seconds, case.now)));

    // A limit of its own family (`codex-bengalfox`) leaves the other models alone.
    let family = case.headers.get("x-codex-active-limit").unwrap_or_default().replace('_', "-");
    let own = family.strip_prefix("codex-").filter(|name| !name.is_empty());
    let full: Vec<Window> =
        family_windows(&case.headers, own, case.now).into_iter().filter(|w| w.used >= 1.0).collect();
    let last = full.iter().max_by_key(|window| window.resets_at);
    let until = told.or_else(|| last.and_then(|window| window.resets_at)).or_else(|| case.asked_until());
    let why = match last {
        Some(window) => limit_name(&window.window),
        None if case.fault.has(&["insufficient_quota", "billing_hard_limit_reached"]) => "out of credit".to_owned(),
        None => "usage limit".to_owned(),
    };
    case.quota(if own.is_some() { Scope::Model } else { Scope::Account }, until, &why)
}

fn reached(headers: &Headers) -> bool {
    headers.get("x-codex-rate-limit-reached-type").is_some()
}

/// The code that comes beside the body: plain, or in base64 JSON.
fn header_code(headers: &Headers) -> Option<String> {
    let hidden = || {
        let json = STANDARD.decode(headers.get("x-error-json")?).ok()?;
        let value: Value = serde_json::from_slice(&json).ok()?;
        value["error"]["code"].as_str().or(value["code"].as_str()).map(str::to_owned)
    };
    headers.get("x-openai-authorization-error").map(str::to_owned).or_else(hidden)
}

/// Reads the windows of all families. Primary and secondary are no fixed lengths (seen: 7 d as primary), so each is
/// called by its minutes.
pub(super) fn windows(headers: &Headers, now: i64) -> Vec<Window> {
    let mut windows = family_windows(headers, None, now);
    let suffix = "-primary-used-percent";
    for (family, _) in headers.between("x-codex-", suffix) {
        windows.extend(family_windows(headers, Some(family), now));
    }
    windows
}

fn family_windows(headers: &Headers, family: Option<&str>, now: i64) -> Vec<Window> {
    let prefix = family.map_or("x-codex".to_owned(), |family| format!("x-codex-{family}"));
    let model = family.map(|family| headers.get(&format!("{prefix}-limit-name")).unwrap_or(family).to_owned());
    let one = |which: &str| {
        let get = |what: &str| format!("{prefix}-{which}-{what}");
        let used = headers.number(&get("used-percent")).filter(|used| *used >= 0.0)? / 100.0;
        let minutes = headers.number(&get("window-minutes")).filter(|minutes| (1.0..1e7).contains(minutes));
        let window = minutes.map_or_else(|| which.to_owned(), |minutes| window_name(minutes as u64));
        let at = headers.get(&get("reset-at")).and_then(|text| time(text, now));
        let resets_at = at.or_else(|| headers.number(&get("reset-after-seconds")).and_then(|s| after(s, now)));
        Some(Window { window, model: model.clone(), used, resets_at })
    };
    ["primary", "secondary"].into_iter().filter_map(one).collect()
}
