//! What the service tells of limits: headers, refusals, the usage document.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::desk::Desk;
use super::super::received::Received;
use super::{Caller, caller, error_body, needs_beta, needs_scope, organization, refused, request_id};

const RATE_LIMITED: &str = "This request would exceed your account's rate limit. Please try again later.";
const WEEK: i64 = 7 * 24 * 60 * 60;

/// Which limit a scripted 429 tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The five-hour window of the whole organization.
    FiveHours,
    /// The seven-day window of the whole organization.
    SevenDays,
    /// One model's window; the organization's are free.
    Model,
    /// Only the extra usage is off; every window is free.
    Overage,
    /// Nothing: a burst without any limit headers.
    Burst,
}

/// Returns a 429 that tells of a limit until `reset` (Unix seconds), `after` seconds from now.
pub fn limited(limit: Limit, reset: i64, after: u64) -> Answer {
    let body = error_body("rate_limit_error", RATE_LIMITED, "req_011CScripted");
    let answer = Answer::json(429, body).header("request-id", "req_011CScripted");
    let answer = answer.header("retry-after", after.to_string());
    let rejected = |is: bool| if is { "rejected" } else { "allowed" };
    let claim = match limit {
        Limit::Burst => return answer,
        Limit::FiveHours => "five_hour",
        Limit::SevenDays => "seven_day",
        Limit::Model => "seven_day_overage_included",
        Limit::Overage => "overage",
    };
    let mut headers = vec![
        ("status", "rejected".to_owned()),
        ("reset", reset.to_string()),
        ("representative-claim", claim.to_owned()),
        ("5h-status", rejected(limit == Limit::FiveHours).to_owned()),
        ("5h-utilization", if limit == Limit::FiveHours { "1.0" } else { "0.2" }.to_owned()),
        ("5h-reset", reset.to_string()),
        ("7d-status", rejected(limit == Limit::SevenDays).to_owned()),
        ("7d-utilization", if limit == Limit::SevenDays { "1.0" } else { "0.3" }.to_owned()),
        ("7d-reset", reset.to_string()),
        ("overage-status", "rejected".to_owned()),
        ("overage-disabled-reason", "org_level_disabled".to_owned()),
    ];
    if limit == Limit::Model {
        headers.push(("7d_oi-status", "rejected".to_owned()));
        headers.push(("7d_oi-utilization", "1.0".to_owned()));
        headers.push(("7d_oi-reset", reset.to_string()));
    }
    unified(answer, headers)
}

/// Returns the 529 of an overloaded service.
pub fn overloaded() -> Answer {
    let body = error_body("overloaded_error", "Overloaded", "req_011CScripted");
    Answer::json(529, body).header("request-id", "req_011CScripted").header("x-should-retry", "true")
}

/// Which refusal by terms or billing is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The login may be used by Anthropic's own programs only.
    OtherProgram,
    /// Other programs are billed as extra usage.
    ExtraUsage,
    /// The account of an API key has no money left.
    Balance,
}

/// Returns a 400 that refuses by terms or billing.
pub fn policy(policy: Policy) -> Answer {
    let message = match policy {
        Policy::OtherProgram => {
            "This credential is only authorized for use with Claude Code and cannot be used for other API requests."
        }
        Policy::ExtraUsage => {
            "Third-party apps now draw from your extra usage, not your plan limits. \
             Claim it at claude.ai/settings/usage and keep going."
        }
        Policy::Balance => {
            "Your credit balance is too low to access the Anthropic API. \
             Please go to Plans & Billing to upgrade or purchase credits."
        }
    };
    let body = error_body("invalid_request_error", message, "req_011CScripted");
    Answer::json(400, body).header("request-id", "req_011CScripted")
}

/// The two windows of an organization.
pub(super) struct Windows {
    part: f64,
    resets_at: i64,
    week_resets_at: i64,
}

impl Windows {
    /// Reads the windows of an account's organization.
    pub(super) fn of(desk: &mut Desk, email: &str) -> Self {
        let week_resets_at = desk.now - desk.now % WEEK + WEEK;
        let quota = desk.quota(email);
        Self { part: quota.part(), resets_at: quota.resets_at(), week_resets_at }
    }

    /// Writes the headers of a request that was served.
    pub(super) fn on(&self, answer: Answer) -> Answer {
        let status = if self.part >= 0.8 { "allowed_warning" } else { "allowed" };
        self.write(answer, status)
    }

    fn write(&self, answer: Answer, status: &str) -> Answer {
        let headers = vec![
            ("status", status.to_owned()),
            ("reset", self.resets_at.to_string()),
            ("representative-claim", "five_hour".to_owned()),
            ("5h-status", status.to_owned()),
            ("5h-utilization", format!("{:.2}", self.part)),
            ("5h-reset", self.resets_at.to_string()),
            ("7d-status", "allowed".to_owned()),
            ("7d-utilization", format!("{:.2}", self.part / 20.0)),
            ("7d-reset", self.week_resets_at.to_string()),
            ("overage-status", "rejected".to_owned()),
            ("overage-disabled-reason", "org_level_disabled".to_owned()),
            ("fallback-percentage", "0.5".to_owned()),
        ];
        unified(answer, headers)
    }
}

/// Returns the 429 of an account whose five hours are used up.
pub(super) fn used_up(desk: &mut Desk, email: &str) -> Answer {
    let now = desk.now;
    let wait = desk.quota(email).wait(now);
    let windows = Windows::of(desk, email);
    let answer = refused(desk, 429, "rate_limit_error", RATE_LIMITED)
        .header("retry-after", wait.to_string())
        .header("x-should-retry", "true")
        .header("anthropic-organization-id", organization(email));
    windows.write(answer, "rejected")
}

/// Returns the 429 of an API key whose minute is used up.
pub(super) fn key_used_up(desk: &mut Desk) -> Answer {
    let message = "This request would exceed your organization's rate limit. Please try again later.";
    let answer = refused(desk, 429, "rate_limit_error", message).header("retry-after", "60");
    key_headers(desk, answer)
}

/// Writes the headers that an API key gets.
pub(super) fn key_headers(desk: &Desk, answer: Answer) -> Answer {
    let reset = rfc3339(desk.now + 60);
    let mut answer = answer;
    for (what, limit) in
        [("requests", 4_000), ("tokens", 400_000), ("input-tokens", 320_000), ("output-tokens", 80_000)]
    {
        let name = |part: &str| format!("anthropic-ratelimit-{what}-{part}");
        answer = answer.header(&name("limit"), limit.to_string());
        answer = answer.header(&name("remaining"), (limit - 1).to_string());
        answer = answer.header(&name("reset"), reset.clone());
    }
    answer
}

/// Tells what is used of the windows.
pub(super) fn usage(call: &Received, desk: &mut Desk) -> Answer {
    let caller = match caller(call, desk) {
        Ok(caller @ Caller::Login(_)) => caller,
        Ok(Caller::Key(_)) => return refused(desk, 401, "authentication_error", "Invalid authentication credentials"),
        Err(answer) => return answer,
    };
    // Seen 2026-10-01: without the version a front server answers, with a wait of nothing.
    if call.header("anthropic-version").is_none() {
        let message = "Rate limited. Please try again later.";
        return refused(desk, 429, "rate_limit_error", message).header("retry-after", "0");
    }
    if let Err(answer) = needs_beta(&caller, call, desk).and_then(|()| needs_scope(&caller, desk, "user:profile")) {
        return answer;
    }
    let windows = Windows::of(desk, caller.email());
    let window = |part: f64, resets_at: i64| {
        let resets_at = if part > 0.0 { json!(rfc3339(resets_at)) } else { Value::Null };
        json!({"utilization": (part * 100.0).round(), "resets_at": resets_at})
    };
    let body = json!({
        "five_hour": window(windows.part, windows.resets_at),
        "seven_day": window(windows.part / 20.0, windows.week_resets_at),
        "seven_day_oauth_apps": null, "seven_day_opus": null,
        "seven_day_sonnet": window(0.0, 0), "seven_day_cowork": null, "iguana_necktie": null, "limits": [],
        "extra_usage": {"is_enabled": false, "monthly_limit": null, "used_credits": null, "utilization": null},
    });
    Answer::json(200, body).header("request-id", request_id(desk))
}

fn unified(answer: Answer, headers: Vec<(&str, String)>) -> Answer {
    headers
        .into_iter()
        .fold(answer, |answer, (name, value)| answer.header(&format!("anthropic-ratelimit-unified-{name}"), value))
}

fn rfc3339(seconds: i64) -> String {
    let time = DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::UNIX_EPOCH);
    time.to_rfc3339_opts(SecondsFormat::Micros, false)
}
