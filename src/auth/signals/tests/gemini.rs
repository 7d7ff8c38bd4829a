use serde_json::json;

use super::{judge, table};
use crate::auth::signals::Family;

fn google(code: u16, status: &str, message: &str, details: serde_json::Value) -> String {
    json!({"error": {"code": code, "message": message, "status": status, "details": details}}).to_string()
}

fn info(reason: &str, metadata: serde_json::Value) -> serde_json::Value {
    json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "metadata": metadata})
}

fn retry(delay: &str) -> serde_json::Value {
    json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
}

fn violation(id: &str) -> serde_json::Value {
    json!({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": id}]})
}

#[test]
fn gemini_answers() {
    let many = |message: &str, details| google(429, "RESOURCE_EXHAUSTED", message, details);
    let stamp = json!({"quotaResetDelay": "99s", "quotaResetTimeStamp": "2026-09-21T14:18:20Z"});
    let wrapped = format!("[{}]", many("m", json!([info("QUOTA_EXHAUSTED", stamp.clone())])));
    let rows: &[(u16, &str, &str, &str)] = &[
        (
            429,
            "",
            &many("m", json!([info("QUOTA_EXHAUSTED", stamp), retry("1s")])),
            "quota model +300 quota of this model",
        ),
        (429, "", &wrapped, "quota model +300 quota of this model"),
        (
            429,
            "",
            &many("m", json!([info("QUOTA_EXHAUSTED", json!({"quotaResetDelay": "161h39m41.300432511s"}))])),
            "quota model +581982 quota of this model",
        ),
        (
            429,
            "",
            &many("m", json!([info("QUOTA_EXHAUSTED", json!({"quotaResetDelay": "33740.910400305s"}))])),
            "quota model +33741 quota of this model",
        ),
        (
            429,
            "",
            &many("m", json!([info("QUOTA_EXHAUSTED", json!({"quotaResetDelay": "373.8ms"}))])),
            "quota model +1 quota of this model",
        ),
        (
            429,
            "",
            &many("m", json!([info("QUOTA_EXHAUSTED", json!({})), retry("34.07s")])),
            "quota model +35 quota of this model",
        ),
        (
            429,
            "",
            &many("Your quota will reset after 161h39m41s.", json!([info("QUOTA_EXHAUSTED", json!({}))])),
            "quota model +581981 quota of this model",
        ),
        (
            429,
            "",
            &many(
                "Individual quota reached. Contact. Resets in 9h22m20s.",
                json!([info("QUOTA_EXHAUSTED", json!({}))]),
            ),
            "quota model +33740 quota of this model",
        ),
        (
            429,
            "",
            &many("m", json!([info("MODEL_CAPACITY_EXHAUSTED", json!({}))])),
            "quota model - quota of this model",
        ),
        (
            429,
            "",
            &many("m", json!([info("INSUFFICIENT_G1_CREDITS_BALANCE", json!({}))])),
            "quota model - quota of this model",
        ),
        (429, "", &many("m", json!([info("RATE_LIMIT_EXCEEDED", json!({})), retry("8s")])), "burst model 8000"),
        (
            429,
            "",
            &many("m", json!([info("RATE_LIMIT_EXCEEDED", json!({})), retry("301s")])),
            "quota model +301 quota of this model",
        ),
        (
            429,
            "",
            &many("m", json!([violation("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), retry("20s")])),
            "quota model +60400 daily limit",
        ),
        (
            429,
            "",
            &many("m", json!([violation("GenerateRequestsPerMinutePerProjectPerModel"), retry("20s")])),
            "quota model +20 limit per minute",
        ),
        (
            429,
            "",
            &many("m", json!([violation("GenerateRequestsPerMinutePerProjectPerModel"), retry("9.5s")])),
            "burst model 9500",
        ),
        (
            429,
            "",
            &many("Quota exceeded for metric: x, limit: 0, model: y", json!([violation("GenerateRequestsPerMinute")])),
            "not covered",
        ),
        (429, "", &many("Please retry in 12.3s", json!([])), "burst model 12300"),
        (429, "", &many("Please retry in 450ms.", json!([])), "burst model 450"),
        (429, "", &many("Resource has been exhausted (e.g. check quota).", json!(null)), "burst model -"),
        (499, "", &google(499, "CANCELLED", "m", json!([])), "unavailable 499 -"),
        (
            503,
            "",
            &google(503, "UNAVAILABLE", "m", json!([info("MODEL_CAPACITY_EXHAUSTED", json!({}))])),
            "unavailable 503 -",
        ),
        (
            403,
            "",
            &google(403, "PERMISSION_DENIED", "m", json!([info("VALIDATION_REQUIRED", json!({}))])),
            "refused 403",
        ),
        (403, "", &google(403, "PERMISSION_DENIED", "m", json!([info("SERVICE_DISABLED", json!({}))])), "refused 403"),
        (
            403,
            "",
            &google(403, "PERMISSION_DENIED", "m", json!([info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", json!({}))])),
            "revoked",
        ),
        (
            403,
            "",
            &google(
                403,
                "PERMISSION_DENIED",
                "You must be a named user on your organization's Gemini Code Assist Standard edition subscription",
                json!([]),
            ),
            "not covered",
        ),
        (404, "", &google(404, "NOT_FOUND", "m", json!([])), "refused 404"),
        (
            401,
            "",
            &google(401, "UNAUTHENTICATED", "m", json!([info("ACCESS_TOKEN_EXPIRED", json!({}))])),
            "unauthorized",
        ),
        (400, "", &google(400, "INVALID_ARGUMENT", "m", json!([info("API_KEY_INVALID", json!({}))])), "unauthorized"),
        (400, "", &google(400, "INVALID_ARGUMENT", "m", json!([])), "refused 400"),
        (
            200,
            "",
            &many("m", json!([info("QUOTA_EXHAUSTED", json!({"quotaResetDelay": "5s"}))])),
            "quota model +5 quota of this model",
        ),
        (200, "", r#"{"error":{"status":"UNAVAILABLE","message":"m"}}"#, "unavailable 503 -"),
    ];
    table(Family::Gemini, rows);
    let help = json!({"@type": "type.googleapis.com/google.rpc.Help", "links": [{"url": "https://a.example/verify"}]});
    let body =
        google(403, "PERMISSION_DENIED", "Verify your account.", json!([info("VALIDATION_REQUIRED", json!({})), help]));
    let signal = judge(Family::Gemini, 403, "", &body);
    assert_eq!(signal.outcome.reason(), "Verify your account. https://a.example/verify");
}
