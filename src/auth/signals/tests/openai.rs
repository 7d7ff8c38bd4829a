use serde_json::json;

use super::{NOW, openai, table};
use crate::auth::signals::{Family, windows};

#[test]
fn codex_and_openai_answers() {
    let reached = |more: serde_json::Value| {
        let mut error =
            json!({"type": "usage_limit_reached", "message": "The usage limit has been reached", "plan_type": "plus"});
        error.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        openai(error)
    };
    let bare = &reached(json!({}));
    let both = "x-codex-primary-used-percent: 100; x-codex-primary-window-minutes: 300; x-codex-primary-reset-at: 1790000500; \
                x-codex-secondary-used-percent: 100; x-codex-secondary-window-minutes: 10080; x-codex-secondary-reset-after-seconds: 900";
    let rows: &[(u16, &str, &str, &str)] = &[
        (
            429,
            "",
            &reached(json!({"resets_at": 1_790_000_300, "resets_in_seconds": 1})),
            "quota account +300 usage limit",
        ),
        (429, "", &reached(json!({"resets_at": null, "resets_in_seconds": 13872})), "quota account +13872 usage limit"),
        (429, "", &reached(json!({"resets_in_seconds": "60"})), "quota account +60 usage limit"),
        (429, both, bare, "quota account +900 7-day limit"),
        (
            429,
            "x-codex-primary-used-percent: 100; x-codex-primary-window-minutes: 10080; \
             x-codex-primary-reset-at: 1790000500; x-codex-secondary-used-percent: 3",
            bare,
            "quota account +500 7-day limit",
        ),
        (429, "x-codex-primary-used-percent: ; retry-after: 30", bare, "quota account +30 usage limit"),
        (429, "", bare, "quota account - usage limit"),
        (
            429,
            "x-codex-active-limit: premium",
            &reached(json!({"resets_in_seconds": 5})),
            "quota account +5 usage limit",
        ),
        (
            429,
            "x-codex-active-limit: codex_bengalfox; x-codex-bengalfox-primary-used-percent: 100; \
             x-codex-bengalfox-primary-window-minutes: 300; \
             x-codex-bengalfox-primary-reset-at: 1790000070",
            bare,
            "quota model +70 5-hour limit",
        ),
        (429, "x-codex-rate-limit-reached-type: workspace_owner_credits_depleted", "", "quota account - usage limit"),
        (429, "", &openai(json!({"code": "usage_not_included", "message": "m"})), "not covered"),
        (403, "", &openai(json!({"type": "usage_not_included"})), "not covered"),
        (
            429,
            "",
            &openai(json!({"code": "insufficient_quota", "type": "insufficient_quota", "message": "m"})),
            "quota account - out of credit",
        ),
        (402, "", "", "quota account - out of credit"),
        (
            429,
            "",
            &openai(json!({"code": "rate_limit_exceeded", "message": "Limit. Please try again in 11.054s. Visit y."})),
            "burst account 11054",
        ),
        (
            429,
            "",
            &openai(json!({"code": "rate_limit_exceeded", "message": "Please try again in 898ms"})),
            "burst account 898",
        ),
        (
            429,
            "",
            &openai(json!({"code": "rate_limit_exceeded", "message": "Please try again in 6m0s."})),
            "burst account 360000",
        ),
        (429, "", "<!DOCTYPE html><p>", "burst account -"),
        (429, "", "", "burst account -"),
        (429, "", &openai(json!({"code": "subscription_sharing_usage_limit_exceeded"})), "quota account - usage limit"),
        (403, "", &openai(json!({"code": "subscription_sharing_user_not_eligible"})), "not covered"),
        (401, "", &openai(json!({"code": "subscription_sharing_invalid_user"})), "revoked"),
        (503, "", &openai(json!({"code": "subscription_sharing_usage_unavailable"})), "unavailable 503 -"),
        (400, "", &openai(json!({"code": "subscription_sharing_unsupported_capability"})), "refused 400"),
        (401, "", r#"{"detail":"Unauthorized"}"#, "unauthorized"),
        (401, "", r#"{"detail":{"error_code":"invalid_token"}}"#, "unauthorized"),
        (401, "", &openai(json!({"code": "token_expired"})), "unauthorized"),
        (
            401,
            "",
            r#"{"error":{"message":"m","type":"invalid_request_error","code":"token_invalidated","param":null},"status":401}"#,
            "revoked",
        ),
        (401, "", &openai(json!({"code": "token_revoked"})), "revoked"),
        (401, "", &openai(json!({"message": "Your account has been deactivated."})), "revoked"),
        // {"error":{"code":"token_revoked"}}
        (401, "x-error-json: eyJlcnJvciI6eyJjb2RlIjoidG9rZW5fcmV2b2tlZCJ9fQ==", "", "revoked"),
        (401, "x-openai-authorization-error: token_invalidated", "", "revoked"),
        (403, "cf-mitigated: challenge", "<html>Just a moment...</html>", "refused 403"),
        (403, "", &openai(json!({"message": "This token was revoked."})), "revoked"),
        (403, "", &openai(json!({"message": "Your current plan has no access to this model."})), "not covered"),
        (403, "", "<html>Your plan: subscription</html>", "refused 403"),
        (
            400,
            "",
            r#"{"detail":"The 'x' model is not supported when using Codex with a ChatGPT account."}"#,
            "refused 400",
        ),
        (302, "location: https://evil.example/", "", "refused 302"),
        (500, "", "", "unavailable 500 -"),
        // within a stream
        (
            200,
            "",
            r#"{"type":"response.failed","response":{"error":{"code":"server_is_overloaded","message":"m"}}}"#,
            "unavailable 503 -",
        ),
        (
            200,
            "",
            r#"{"type":"response.failed","response":{"error":{"code":"insufficient_quota","message":"m"}}}"#,
            "quota account - out of credit",
        ),
        (
            200,
            "",
            r#"{"type":"response.failed","response":{"error":{"code":"context_length_exceeded","message":"m"}}}"#,
            "refused 400",
        ),
        (
            200,
            "",
            r#"{"type":"response.failed","response":{"error":{"code":"usage_not_included","message":"m"}}}"#,
            "not covered",
        ),
        (
            200,
            "",
            r#"{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded","message":"try again in 2s"}}}"#,
            "burst account 2000",
        ),
        (200, "", r#"{"type":"error","code":"slow_down","message":"m","param":null}"#, "unavailable 503 -"),
        (
            200,
            "",
            &json!({
                "type": "error", "status": 429, "error": {"type": "usage_limit_reached", "resets_in_seconds": 9},
                "headers": {"x-codex-primary-used-percent": 100, "x-codex-primary-window-minutes": "300"}
            })
            .to_string(),
            "quota account +9 5-hour limit",
        ),
        (200, "", r#"{"type":"response.completed","response":{"error":null}}"#, "answered"),
    ];
    table(Family::OpenAi, rows);
}

#[test]
fn codex_windows_are_called_by_their_length() {
    let headers = [
        ("x-codex-primary-used-percent", "42"),
        ("x-codex-primary-window-minutes", "10080"),
        ("x-codex-primary-reset-after-seconds", "60"),
        ("x-codex-secondary-used-percent", "5"),
        ("x-codex-secondary-window-minutes", "300"),
        ("x-codex-secondary-reset-at", ""),
        ("x-codex-bengalfox-primary-used-percent", "100"),
        ("x-codex-bengalfox-limit-name", "gpt-5.3-codex-spark"),
        ("x-codex-primary-over-secondary-limit-percent", "0"),
    ];
    let windows = windows(Family::OpenAi, &headers, NOW);
    let rows: Vec<_> = windows.iter().map(|w| (w.window.as_str(), w.model.as_deref(), w.used, w.resets_at)).collect();
    assert_eq!(
        rows,
        [
            ("7d", None, 0.42, Some(NOW + 60)),
            ("5h", None, 0.05, None),
            ("primary", Some("gpt-5.3-codex-spark"), 1.0, None)
        ]
    );
}
