use super::{NOW, anthropic, judge, table};
use crate::auth::signals::{Family, windows};

#[test]
fn anthropic_answers() {
    let limit =
        &anthropic("rate_limit_error", "This request would exceed your account's rate limit. Please try again later.");
    let five = "~5h-status: rejected; ~5h-reset: 1790000300; ~7d-status: allowed; ~7d-reset: 1790500000";
    let rows: &[(u16, &str, &str, &str)] = &[
        (200, "~status: allowed; ~overage-status: rejected", "", "answered"),
        // the account's windows
        (429, &format!("~status: rejected; {five}; retry-after: 200"), limit, "quota account +300 5-hour limit"),
        (429, &format!("{five}; retry-after: 7999"), limit, "quota account +7999 5-hour limit"),
        (
            429,
            "~5h-status: rejected; ~5h-reset: 1790000300; ~7d-status: rejected; ~7d-reset: 1790001000",
            limit,
            "quota account +1000 7-day limit",
        ),
        (429, "~7d-status: rejected", limit, "quota account - 7-day limit"),
        (429, "~7d-status: rejected; ~7d-reset: 1789999999", limit, "quota account - 7-day limit"),
        (429, "~status: rejected; ~reset: 1790000300", limit, "quota account +300 usage limit"),
        (
            429,
            "~status: rejected; ~reset: 1790000300; ~representative-claim: five_hour",
            limit,
            "quota account +300 5-hour limit",
        ),
        (
            429,
            "~5h-status: rejected; ~5h-reset: 1790000300; ~7d_sonnet-status: rejected; ~7d_sonnet-reset: 1790009000",
            limit,
            "quota account +300 5-hour limit",
        ),
        // a model's window
        (
            429,
            "~status: rejected; ~5h-status: allowed; ~7d-status: allowed; ~7d_oi-status: rejected; \
             ~7d_oi-reset: 1790000060",
            limit,
            "quota model +60 7-day limit",
        ),
        (
            429,
            "~status: rejected; ~5h-status: allowed; ~7d-status: allowed_warning; \
             ~representative-claim: seven_day_overage_included; ~reset: 1790000060",
            limit,
            "quota model +60 usage limit",
        ),
        // extra usage
        (
            429,
            "~status: rejected; ~5h-status: allowed; ~7d-status: allowed; ~overage-status: rejected; \
             ~overage-disabled-reason: out_of_credits",
            limit,
            "quota account +3600 out of extra usage",
        ),
        (
            429,
            "~status: rejected; ~overage-status: rejected; ~overage-disabled-reason: out_of_credits; \
             ~overage-reset: 1790086400",
            limit,
            "quota account +86400 out of extra usage",
        ),
        // a burst
        (429, "", limit, "burst account -"),
        (429, "retry-after: 3", limit, "burst account 3000"),
        (
            429,
            "~status: allowed; ~5h-status: allowed; ~7d-status: allowed; ~overage-status: rejected",
            limit,
            "burst account -",
        ),
        (429, "retry-after: 0", "<html>error 1015</html>", "burst account 0"),
        // about the request
        (429, "", &anthropic("rate_limit_error", "Usage credits are required for fast mode"), "refused 429"),
        (429, "", &anthropic("rate_limit_error", "Extra usage is required for long context requests."), "refused 429"),
        // policy is never a quota
        (
            400,
            "",
            &anthropic("invalid_request_error", "This credential is only authorized for use with Claude Code."),
            "refused 400",
        ),
        (
            400,
            "~status: rejected",
            &anthropic(
                "invalid_request_error",
                "Third-party apps now draw from your extra usage, not your plan limits. Claim it and keep going.",
            ),
            "refused 400",
        ),
        (400, "", &anthropic("invalid_request_error", "You're out of extra usage"), "refused 400"),
        (
            400,
            "",
            &anthropic("invalid_request_error", "Your credit balance is too low to access the Anthropic API"),
            "refused 400",
        ),
        (402, "", &anthropic("billing_error", "payment"), "quota account - out of credit"),
        // the login
        (
            401,
            "",
            &anthropic(
                "authentication_error",
                "OAuth token has expired. Please obtain a new token or refresh your existing token.",
            ),
            "unauthorized",
        ),
        (401, "", &anthropic("authentication_error", "Invalid authentication credentials"), "unauthorized"),
        (
            401,
            "",
            &anthropic("authentication_error", "OAuth authentication is currently not supported."),
            "refused 401",
        ),
        (
            403,
            "",
            &anthropic("permission_error", "OAuth token has been revoked. Please obtain a new token."),
            "revoked",
        ),
        (
            403,
            "",
            &anthropic("permission_error", "OAuth token does not meet scope requirement user:profile"),
            "revoked",
        ),
        (
            403,
            "",
            &anthropic("permission_error", "This model is not available on your plan. Upgrade to use it."),
            "not covered",
        ),
        (403, "", &anthropic("permission_error", "No access to this workspace"), "refused 403"),
        (404, "", &anthropic("not_found_error", "model: claude-x"), "refused 404"),
        // trouble
        (529, "", &anthropic("overloaded_error", "Overloaded"), "unavailable 529 -"),
        (500, "retry-after: 2", &anthropic("api_error", "Internal server error"), "unavailable 500 2000"),
        (503, "", "upstream connect error", "unavailable 503 -"),
        // within a stream
        (200, "", &anthropic("overloaded_error", "Overloaded"), "unavailable 529 -"),
        (200, "", &anthropic("rate_limit_error", "x"), "burst account -"),
        (200, "", &anthropic("authentication_error", "x"), "unauthorized"),
        (200, "", &anthropic("something_new", "x"), "unavailable 500 -"),
        (200, "", "<html>login</html>", "unavailable 500 -"),
    ];
    table(Family::Anthropic, rows);
}

#[test]
fn anthropic_windows_are_on_every_answer() {
    let headers = "\
anthropic-ratelimit-unified-status: allowed_warning
anthropic-ratelimit-unified-reset: 1790000600
Anthropic-Ratelimit-Unified-5h-Status: allowed_warning
anthropic-ratelimit-unified-5h-utilization: 0.92
anthropic-ratelimit-unified-5h-reset: 1790000600
anthropic-ratelimit-unified-7d-status: allowed
anthropic-ratelimit-unified-7d-utilization: 1.05
anthropic-ratelimit-unified-7d_sonnet-status: rejected
anthropic-ratelimit-unified-7d_sonnet-reset: 1790000700
anthropic-ratelimit-unified-7d_oi-status: allowed
anthropic-ratelimit-unified-overage-status: rejected
anthropic-ratelimit-unified-overage-utilization: 0.5
anthropic-ratelimit-unified-fallback-percentage: 0.5";
    let signal = judge(Family::Anthropic, 200, headers, "");
    let rows: Vec<_> = signal
        .windows
        .iter()
        .map(|w| (w.window.as_str(), w.model.as_deref(), w.used, w.resets_at.map(|at| at - NOW)))
        .collect();
    assert_eq!(rows, [("5h", None, 0.92, Some(600)), ("7d", None, 1.05, None), ("7d", Some("sonnet"), 1.0, Some(700))]);
    assert!(windows(Family::OpenAi, &[("anthropic-ratelimit-unified-5h-utilization", "1")], NOW).is_empty());
}
