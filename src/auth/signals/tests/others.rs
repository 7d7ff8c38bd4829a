use serde_json::json;

use super::{openai, table};
use crate::auth::signals::Family;

#[test]
fn qwen_answers() {
    let rows: &[(u16, &str, &str, &str)] = &[
        (
            429,
            "",
            &openai(json!({"message": "Free allocated quota exceeded.", "code": "insufficient_quota"})),
            "quota account - free quota",
        ),
        (403, "", &openai(json!({"code": "quota_exceeded"})), "quota account - free quota"),
        (429, "retry-after: 65", &openai(json!({"code": "insufficient_quota"})), "quota account +65 free quota"),
        (
            429,
            "",
            &openai(json!({"code": "Throttling.AllocationQuota", "message": "Allocated quota exceeded"})),
            "burst account -",
        ),
        (
            429,
            "retry-after: 1",
            &openai(json!({"code": "limit_requests", "message": "You exceeded your current requests list."})),
            "burst account 1000",
        ),
        (403, "", &openai(json!({"code": "AllocationQuota.FreeTierOnly"})), "not covered"),
        (400, "", &openai(json!({"code": "Arrearage"})), "quota account - bill overdue"),
        (401, "", &openai(json!({"message": "invalid access token or token expired"})), "unauthorized"),
        (403, "", &openai(json!({"message": "invalid access token or token expired"})), "unauthorized"),
        (403, "", &openai(json!({"message": "no"})), "refused 403"),
        (200, "", &openai(json!({"code": "Throttling.RateQuota", "message": "m"})), "burst account -"),
    ];
    table(Family::Qwen, rows);
}

#[test]
fn openrouter_answers() {
    let body = |headers: serde_json::Value| {
        openai(json!({"code": 429, "message": "Rate limit exceeded", "metadata": {"headers": headers}}))
    };
    let rows: &[(u16, &str, &str, &str)] = &[
        (402, "", &openai(json!({"code": 402, "message": "Insufficient credits"})), "quota account - out of credits"),
        (
            429,
            "",
            &body(json!({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1790000600000"})),
            "quota account +600 request limit",
        ),
        (
            429,
            "",
            &body(json!({"X-RateLimit-Remaining": 0, "X-RateLimit-Reset": 1_790_000_600_000_u64})),
            "quota account +600 request limit",
        ),
        (
            429,
            "x-ratelimit-remaining: 0; x-ratelimit-reset: 1790000600000",
            &body(json!({})),
            "quota account +600 request limit",
        ),
        (429, "x-ratelimit-remaining: 3; x-ratelimit-reset: 1790000600000", &body(json!({})), "burst account -"),
        (
            429,
            "retry-after: 4",
            &openai(json!({"code": 429, "message": "Provider returned error"})),
            "burst account 4000",
        ),
        (403, "", &openai(json!({"code": 403, "message": "Your input was flagged"})), "refused 403"),
        (502, "", &openai(json!({"code": 502, "message": "Your chosen model is down"})), "unavailable 502 -"),
        (401, "", &openai(json!({"code": 401, "message": "No auth credentials found"})), "unauthorized"),
        (200, "", r#"{"error":{"code":502,"message":"m"},"choices":[{"finish_reason":"error"}]}"#, "unavailable 502 -"),
    ];
    table(Family::OpenRouter, rows);
}
