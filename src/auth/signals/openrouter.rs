//! OpenRouter: credits, and day limits of free models whose reset is in milliseconds.

use serde_json::Value;

use super::Case;
use super::wait::time;
use crate::auth::failover::{Outcome, Scope};

/// Judges what the status alone does not tell.
pub(super) fn judge(case: &Case) -> Option<Outcome> {
    match case.status {
        402 => Some(case.quota(Scope::Account, None, "out of credits")),
        429 => reset(case).map(|until| case.quota(Scope::Account, Some(until), "request limit")),
        _ => None,
    }
}

/// The reset of a limit of which nothing remains: a header, or the same inside the body.
fn reset(case: &Case) -> Option<i64> {
    let inside = |name: &str| {
        let headers = case.fault.error["metadata"]["headers"].as_object()?;
        headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).and_then(|(_, value)| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    };
    let get = |name: &str| case.headers.get(name).map(str::to_owned).or_else(|| inside(name));
    let remaining: f64 = get("x-ratelimit-remaining")?.parse().ok()?;
    (remaining <= 0.0).then(|| time(&get("x-ratelimit-reset")?, case.now)).flatten()
}
