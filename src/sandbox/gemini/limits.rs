//! The refusals of an account, or one model of it, that has used up its quota.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::desk::Desk;
use super::{info, refused};

/// How a scripted 429 of Code Assist tells when the limit ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait<'a> {
    /// `quotaResetDelay`, such as `33740.910400305s`, `161h39m41.300432511s` or `373.8ms`.
    pub delay: Option<&'a str>,
    /// `quotaResetTimeStamp` in RFC 3339.
    pub stamp: Option<&'a str>,
    /// `retryDelay` of a `RetryInfo`, such as `34.07s`.
    pub retry: Option<&'a str>,
}

/// Returns the 429 of Code Assist for a model whose quota is used up; `listed` wraps it in an array, as streams do.
pub fn exhausted(model: &str, wait: Wait<'_>, listed: bool) -> Answer {
    let mut metadata = json!({"uiMessage": "true", "model": model});
    if let Some(delay) = wait.delay {
        metadata["quotaResetDelay"] = json!(delay);
    }
    if let Some(stamp) = wait.stamp {
        metadata["quotaResetTimeStamp"] = json!(stamp);
    }
    let mut details = vec![info("QUOTA_EXHAUSTED", "cloudcode-pa.googleapis.com", metadata)];
    details.extend(wait.retry.map(retry_info));
    let message = "You have exhausted your capacity on this model.";
    let error = json!({"error": {
        "code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": details,
    }});
    Answer::json(429, if listed { json!([error]) } else { error })
}

/// Returns a 429 without details, which says nothing of a quota.
pub fn bare() -> Answer {
    refused(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).", &[])
}

/// Returns the 429 of the Gemini API for a project whose requests of the minute are used up.
pub(super) fn used_up(desk: &mut Desk, email: &str, model: &str) -> Answer {
    let now = desk.now;
    let quota = desk.quota(email);
    of_window("PerMinute", model, quota.limit(), quota.wait(now))
}

/// Returns the 429 of the Gemini API for a project whose requests of the day are used up; it does not tell until when.
pub fn used_up_today(model: &str) -> Answer {
    of_window("PerDay", model, 50, 20)
}

fn of_window(window: &str, model: &str, limit: u64, wait: i64) -> Answer {
    let metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests";
    let message = format!(
        "You exceeded your current quota, please check your plan and billing details. \
         For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.\n\
         * Quota exceeded for metric: {metric}, limit: {limit}, model: {model}\nPlease retry in {wait}s."
    );
    let violation = json!({
        "quotaMetric": metric, "quotaId": format!("GenerateRequests{window}PerProjectPerModel-FreeTier"),
        "quotaDimensions": {"model": model, "location": "global"}, "quotaValue": limit.to_string(),
    });
    let details = [
        json!({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}),
        json!({"@type": "type.googleapis.com/google.rpc.Help", "links": [{
            "description": "Learn more about Gemini API quotas",
            "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
        }]}),
        retry_info(&format!("{wait}s")),
    ];
    refused(429, "RESOURCE_EXHAUSTED", &message, &details)
}

fn retry_info(delay: &str) -> Value {
    json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
}
