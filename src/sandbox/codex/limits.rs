//! What the service tells of limits: headers, the 429, the usage document.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::desk::Desk;
use super::super::received::Received;
use super::{account_id, caller, plan};

const WEEK: i64 = 7 * 24 * 60 * 60;

/// How a scripted 429 tells when the limit ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// In the body, as a time.
    At,
    /// In the body, as seconds only.
    In,
    /// In the headers only.
    Headers,
    /// Not at all: a burst.
    Not,
}

/// Returns a 429 that ends at `reset` (Unix seconds), `after` seconds from now.
pub fn limited(told: Told, reset: i64, after: i64) -> Answer {
    let mut error = json!({
        "type": "usage_limit_reached", "message": "The usage limit has been reached", "plan_type": "plus",
        "eligible_promo": null,
    });
    match told {
        Told::At => error["resets_at"] = json!(reset),
        Told::In => error["resets_in_seconds"] = json!(after),
        Told::Headers => {}
        Told::Not => {
            let message = "Rate limit reached. Please try again in 898ms.";
            let error = json!({"message": message, "type": "requests", "code": "rate_limit_exceeded"});
            return Answer::json(429, json!({"error": error}));
        }
    }
    let answer = Answer::json(429, json!({"error": error}));
    if told != Told::Headers {
        return answer;
    }
    let window = Window { percent: 100, seconds: 18_000, reset, after };
    headers(answer, "plus", &window, None).header("x-codex-rate-limit-reached-type", "rate_limit_reached")
}

/// Returns the page of the guard in front of the service; it says nothing of a quota.
pub fn cloudflare() -> Answer {
    let page = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>";
    Answer::html(403, page).header("cf-mitigated", "challenge").header("cf-ray", "0a1b2c3d4e5f6071-FRA")
}

struct Window {
    percent: i64,
    seconds: i64,
    reset: i64,
    after: i64,
}

impl Window {
    fn shown(&self) -> Value {
        json!({
            "used_percent": self.percent, "limit_window_seconds": self.seconds, "reset_after_seconds": self.after,
            "reset_at": self.reset,
        })
    }
}

/// Returns the short and the long window of an account.
fn windows(desk: &mut Desk, email: &str) -> (Window, Window) {
    let now = desk.now;
    let quota = desk.quota(email);
    let percent = (quota.part() * 100.0).round() as i64;
    let (reset, after) = (quota.resets_at(), quota.wait(now));
    let short = Window { percent, seconds: 18_000, reset, after };
    let week = now - now % WEEK + WEEK;
    (short, Window { percent: percent / 20, seconds: WEEK, reset: week, after: week - now })
}

/// Writes the headers of an answer to a login.
pub(super) fn write(desk: &mut Desk, email: &str, answer: Answer) -> Answer {
    let (short, long) = windows(desk, email);
    headers(answer, plan(email), &short, Some(&long))
}

fn headers(answer: Answer, plan: &str, short: &Window, long: Option<&Window>) -> Answer {
    let mut answer = answer.header("x-codex-active-limit", "premium").header("x-codex-plan-type", plan);
    for (name, window) in [("primary", Some(short)), ("secondary", long)] {
        let Some(window) = window else { continue };
        let name = |part: &str| format!("x-codex-{name}-{part}");
        answer = answer.header(&name("used-percent"), window.percent.to_string());
        answer = answer.header(&name("window-minutes"), (window.seconds / 60).to_string());
        answer = answer.header(&name("reset-at"), window.reset.to_string());
        answer = answer.header(&name("reset-after-seconds"), window.after.to_string());
    }
    answer
        .header("x-codex-primary-over-secondary-limit-percent", "0")
        .header("x-codex-credits-has-credits", "False")
        .header("x-codex-credits-unlimited", "False")
        .header("x-codex-credits-balance", "")
}

/// Returns the 429 of an account whose window is used up.
pub(super) fn used_up(desk: &mut Desk, email: &str) -> Answer {
    let (short, _) = windows(desk, email);
    let error = json!({
        "type": "usage_limit_reached", "message": "The usage limit has been reached", "plan_type": plan(email),
        "resets_at": short.reset, "eligible_promo": null, "resets_in_seconds": short.after,
    });
    let answer = Answer::json(429, json!({"error": error}));
    write(desk, email, answer).header("x-codex-rate-limit-reached-type", "rate_limit_reached")
}

/// Tells what is used of the windows.
pub(super) fn usage(call: &Received, desk: &mut Desk) -> Answer {
    let email = match caller(call, desk) {
        Ok(email) => email,
        Err(answer) => return answer,
    };
    let used_up = desk.quota(&email).is_used_up();
    let (short, long) = windows(desk, &email);
    Answer::json(
        200,
        json!({
            "user_id": "user-pretend", "account_id": account_id(&email), "email": email, "plan_type": plan(&email),
            "rate_limit": {
                "allowed": !used_up, "limit_reached": used_up, "primary_window": short.shown(),
                "secondary_window": long.shown(),
            },
            "code_review_rate_limit": null, "additional_rate_limits": [],
            "credits": {"has_credits": false, "unlimited": false, "balance": "0"},
            "rate_limit_reached_type": used_up.then_some("rate_limit_reached"),
        }),
    )
}
