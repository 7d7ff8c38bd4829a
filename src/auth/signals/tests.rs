mod anthropic;
mod gemini;
mod openai;
mod others;

use proptest::prelude::*;
use serde_json::json;

use super::{Answer, Family, read, usage};
use crate::auth::failover::{Outcome, Scope};

const NOW: i64 = 1_790_000_000;

/// Judges an answer whose headers are written `name: value` line by line.
fn judge(family: Family, status: u16, headers: &str, body: &str) -> super::Signal {
    let headers: Vec<(&str, &str)> = headers.lines().filter_map(|line| line.trim().split_once(": ")).collect();
    read(&Answer { family, status, headers: &headers, body: body.as_bytes(), now: NOW })
}

/// Writes an outcome as `quota account +300 5-hour limit`.
fn told(outcome: &Outcome) -> String {
    let wait = |millis: &Option<u64>| millis.map_or("-".to_owned(), |millis| millis.to_string());
    let scope = |scope: &Scope| if *scope == Scope::Account { "account" } else { "model" };
    match outcome {
        Outcome::Answered => "answered".to_owned(),
        Outcome::Unauthorized { .. } => "unauthorized".to_owned(),
        Outcome::Revoked { .. } => "revoked".to_owned(),
        Outcome::NotCovered { .. } => "not covered".to_owned(),
        Outcome::Refused { status, .. } => format!("refused {}", status.unwrap_or(0)),
        Outcome::Quota { scope: of, until, why } => {
            let until = until.map_or("-".to_owned(), |until| format!("+{}", until - NOW));
            format!("quota {} {until} {why}", scope(of))
        }
        Outcome::Burst { scope: of, retry_after, .. } => format!("burst {} {}", scope(of), wait(retry_after)),
        Outcome::Unavailable { status, retry_after, .. } => {
            format!("unavailable {} {}", status.unwrap_or(0), wait(retry_after))
        }
        other => panic!("no answer means {other:?}"),
    }
}

fn table(family: Family, rows: &[(u16, &str, &str, &str)]) {
    for (status, headers, body, expected) in rows {
        let headers = headers.replace('~', "anthropic-ratelimit-unified-").replace("; ", "\n");
        let signal = judge(family, *status, &headers, body);
        assert_eq!(told(&signal.outcome), *expected, "{status} {headers} {body}");
    }
}

fn anthropic(kind: &str, message: &str) -> String {
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}).to_string()
}

#[test]
fn waits_are_read_in_every_form_and_never_believed_beyond_a_month() {
    let rows = [
        ("0", "0"),
        ("5", "5000"),
        ("1.5", "1500"),
        ("-5", "-"),
        ("31536000", "-"),
        ("1e300", "-"),
        ("NaN", "-"),
        ("soon", "-"),
        ("", "-"),
        // 1790000000 is Mon, 21 Sep 2026 14:13:20 GMT
        ("Mon, 21 Sep 2026 14:13:50 GMT", "30000"),
        ("Monday, 21-Sep-26 14:13:50 GMT", "30000"),
        ("Mon Sep 21 14:13:50 2026", "30000"),
        ("Mon, 21 Sep 2026 14:00:00 GMT", "0"),
        ("Tue, 21 Sep 2027 14:13:50 GMT", "-"),
        ("Fri, 31 Dec 1999 23:59:59 GMT", "0"),
    ];
    for (text, expected) in rows {
        let signal = judge(Family::Anthropic, 429, &format!("Retry-After: {text}"), "");
        assert_eq!(told(&signal.outcome), format!("burst account {expected}"), "{text}");
    }
    let signal = judge(Family::OpenAi, 429, "retry-after-ms: 120\nretry-after: 9", "");
    assert_eq!(told(&signal.outcome), "burst account 120");
}

fn openai(value: serde_json::Value) -> String {
    json!({ "error": value }).to_string()
}

#[test]
fn the_providers_words_come_through_unchanged() {
    let said = "You're \u{1b}[31mout\u{1b}[0m of extra usage\n\"now\"";
    let signal = judge(Family::Anthropic, 400, "", &anthropic("invalid_request_error", said));
    assert_eq!((signal.said.as_str(), signal.outcome.reason()), (said, said));
    assert_eq!(judge(Family::OpenAi, 418, "", "").outcome.reason(), "status 418");
    assert_eq!(judge(Family::OpenAi, 400, "", r#"{"error":"invalid_grant","error_description":"d"}"#).said, "d");
}

#[test]
fn families_go_by_name_then_by_dialect() {
    let of = |name: &str, dialect| Family::of(&name.parse().unwrap(), dialect);
    assert_eq!(of("anthropic", "anthropic-messages"), Family::Anthropic);
    assert_eq!(of("mine", "anthropic-messages"), Family::Anthropic);
    assert_eq!(of("gemini", "code-assist"), Family::Gemini);
    assert_eq!(of("codex", "openai-responses"), Family::OpenAi);
    assert_eq!(of("qwen", "openai-chat"), Family::Qwen);
    assert_eq!(of("openrouter", "openai-chat"), Family::OpenRouter);
    assert_eq!(of("mine", "openai-chat"), Family::OpenAi);
}

#[test]
fn usage_documents_become_windows() {
    let rows = |family, body: &str| -> Vec<(String, Option<String>, f64, Option<i64>)> {
        let windows = usage(family, body.as_bytes(), NOW);
        windows.into_iter().map(|w| (w.window, w.model, w.used, w.resets_at.map(|at| at - NOW))).collect()
    };
    let row = |window: &str, model: Option<&str>, used, at| (window.to_owned(), model.map(str::to_owned), used, at);
    assert_eq!(
        rows(
            Family::Anthropic,
            &json!({
                "five_hour": {"utilization": 48.0, "resets_at": "2026-09-21T14:18:19.521744+00:00"},
                "seven_day": {"utilization": 64.0, "resets_at": null},
                "seven_day_opus": null,
                "seven_day_sonnet": {"utilization": 2.0, "resets_at": "2026-09-21T14:18:20Z"},
                "iguana_necktie": null,
                "limits": [],
                "extra_usage": {"is_enabled": true, "utilization": null}
            })
            .to_string()
        ),
        [row("5h", None, 0.48, Some(300)), row("7d", None, 0.64, None), row("7d", Some("sonnet"), 0.02, Some(300))]
    );
    assert_eq!(
        rows(
            Family::OpenAi,
            &json!({
                "rate_limit": {
                    "primary_window": {
                        "used_percent": 42, "limit_window_seconds": 18000, "reset_after_seconds": 1, "reset_at": NOW + 1200
                    },
                    "secondary_window": null
                },
                "additional_rate_limits": [{
                    "limit_name": "spark",
                    "rate_limit": {
                        "primary_window": {"used_percent": 0, "limit_window_seconds": 604_800, "reset_after_seconds": 60}
                    }
                }]
            })
            .to_string()
        ),
        [row("5h", None, 0.42, Some(1200)), row("7d", Some("spark"), 0.0, Some(60))]
    );
    assert_eq!(
        rows(
            Family::OpenAi,
            &json!({"rate_limits": {"primary": {"used_percent": 50, "window_minutes": 300, "reset_at": NOW + 10}}})
                .to_string()
        ),
        [row("5h", None, 0.5, Some(10))]
    );
    assert_eq!(
        rows(
            Family::Gemini,
            r#"{"buckets":[{"modelId":"gemini-2.5-pro","remainingFraction":0.25,"resetTime":"2026-09-21T15:13:20Z"}]}"#
        ),
        [row("quota", Some("gemini-2.5-pro"), 0.75, Some(3600))]
    );
    let key =
        |limit: &str, left: &str| format!(r#"{{"data":{{"usage":1.5,"limit":{limit},"limit_remaining":{left}}}}}"#);
    assert_eq!(rows(Family::OpenRouter, &key("10", "2.5")), [row("credit", None, 0.75, None)]);
    assert_eq!(rows(Family::OpenRouter, &key("10", "0")), [row("credit", None, 1.0, None)]);
    for (limit, left) in [("null", "null"), ("0", "0"), ("10", "null"), ("-1", "1"), ("\"10\"", "1")] {
        assert_eq!(rows(Family::OpenRouter, &key(limit, left)), [], "{limit} {left}");
    }
    assert!(rows(Family::Anthropic, "<html>").is_empty());
}

const FAMILIES: [Family; 5] = [Family::Anthropic, Family::OpenAi, Family::Gemini, Family::Qwen, Family::OpenRouter];

const NAMES: [&str; 15] = [
    "retry-after",
    "retry-after-ms",
    "anthropic-ratelimit-unified-status",
    "anthropic-ratelimit-unified-reset",
    "anthropic-ratelimit-unified-5h-status",
    "anthropic-ratelimit-unified-5h-reset",
    "anthropic-ratelimit-unified--status",
    "x-codex-primary-used-percent",
    "x-codex-primary-window-minutes",
    "x-codex-primary-reset-at",
    "x-codex-primary-reset-after-seconds",
    "x-codex--primary-used-percent",
    "x-error-json",
    "x-ratelimit-reset",
    "x-ratelimit-remaining",
];

const VALUES: &str = "rejected|-?[0-9]{1,25}|[0-9]{1,12}[.e][0-9]{1,4}|nan|inf|\\PC{0,12}|2026-09-2[0-9]T00:00:00Z";

const BODIES: &str = concat!(
    "\\PC{0,80}|",
    "\\[?\\{\"error\":\\{\"(code|type|message|resets_at|resets_in_seconds|details)\":(429|1e300|-1|null|",
    "\"try again in [0-9]{1,30}[hms.]{0,3}\"|",
    "\\[\\{\"@type\":\"a.RetryInfo\",\"retryDelay\":\"[0-9]{0,40}s\"\\}\\]|\"usage_limit_reached\")\\}\\}\\]?",
);

proptest! {
    #[test]
    fn no_answer_panics_and_no_time_is_absurd(
        family in prop::sample::select(&FAMILIES[..]),
        status in prop::sample::select(vec![200_u16, 301, 400, 401, 402, 403, 429, 500, 529]),
        names in prop::collection::vec(prop::sample::select(&NAMES[..]), 0..6),
        values in prop::collection::vec(VALUES, 6),
        body in BODIES,
        now in prop::sample::select(vec![NOW, 0, 4_000_000_000]),
    ) {
        let pairs = names.iter().zip(&values);
        let headers: Vec<(&str, &str)> = pairs.map(|(name, value)| (*name, value.as_str())).collect();
        let signal = read(&Answer { family, status, headers: &headers, body: body.as_bytes(), now });
        let month = 31 * 24 * 3600;
        let believable = |millis: Option<u64>| millis.is_none_or(|ms| ms <= 31 * 24 * 3600 * 1000);
        match signal.outcome {
            Outcome::Quota { until: Some(until), .. } => prop_assert!((now..=now + month).contains(&until)),
            Outcome::Burst { retry_after, .. } | Outcome::Unavailable { retry_after, .. } => {
                prop_assert!(believable(retry_after));
            }
            _ => {}
        }
        for window in &signal.windows {
            prop_assert!(window.used >= 0.0 && window.resets_at.is_none_or(|at| at > now && at <= now + month));
        }
        usage(family, body.as_bytes(), now);
    }
}
