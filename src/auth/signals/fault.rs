//! The error of an answer, in whichever of the many shapes it comes.

use serde_json::Value;

use super::Answer;
use super::wait::seconds_after;

/// The largest error that is read, in bytes (security 5.3).
const LARGEST: usize = 64 * 1024;

/// An error, taken apart.
#[derive(Debug, Default)]
pub(super) struct Fault {
    /// The provider's sentence as it came, or words of ours where it sent a page.
    pub(super) message: String,
    /// `details` of a `google.rpc.Status`.
    pub(super) details: Vec<Value>,
    /// The object that describes the error.
    pub(super) error: Value,
    /// Headers that some servers repeat inside an error event.
    pub(super) headers: Vec<(String, String)>,
    /// The body was a page for a browser.
    pub(super) page: bool,
    /// It says that it is an error, so it is one within a stream too.
    pub(super) plain: bool,
    codes: Vec<String>,
    number: Option<u16>,
}

impl Fault {
    /// Reads the body of an answer.
    pub(super) fn read(answer: &Answer<'_>) -> Self {
        let body = &answer.body[..answer.body.len().min(LARGEST)];
        match serde_json::from_slice::<Value>(body) {
            // Google's stream endpoint wraps the error in an array.
            Ok(Value::Array(list)) => list.first().map(Self::of).unwrap_or_default(),
            Ok(value) => Self::of(&value),
            Err(_) => Self::of_text(&String::from_utf8_lossy(body), answer),
        }
    }

    fn of_text(text: &str, answer: &Answer<'_>) -> Self {
        let text = text.trim();
        let page = text.get(..1).is_some_and(|first| first == "<");
        let whose = if answer.headers.iter().any(|(name, _)| name.starts_with("cf-")) { " of Cloudflare" } else { "" };
        let message = match page {
            true => format!("a web page{whose} came instead of an answer, status {}", answer.status),
            false => text.to_owned(),
        };
        Self { plain: !text.is_empty(), message, page, ..Self::default() }
    }

    fn of(root: &Value) -> Self {
        let error = [&root["error"], &root["response"]["error"]].into_iter().find(|value| !value.is_null());
        let error = error.unwrap_or(root);
        let detail = &root["detail"];
        let mut codes = Vec::new();
        let places = [
            &error["code"],
            &error["type"],
            &error["status"],
            &error["error_code"],
            &root["code"],
            &root["type"],
            &root["error_code"],
            &detail["error_code"],
            &detail["code"],
            error,
        ];
        for text in places.into_iter().filter_map(Value::as_str) {
            if text != "error" && !codes.iter().any(|known| known == text) {
                codes.push(text.to_owned());
            }
        }
        let sentences =
            [&error["message"], &root["error_description"], &root["message"], &detail["message"], detail, error];
        let number =
            |value: &Value| value.as_u64().and_then(|n| u16::try_from(n).ok()).filter(|n| (400..600).contains(n));
        let header = |(name, value): (&String, &Value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), text)
        };
        Self {
            message: sentences.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned(),
            details: error["details"].as_array().cloned().unwrap_or_default(),
            headers: root["headers"].as_object().map(|map| map.iter().map(header).collect()).unwrap_or_default(),
            number: [&error["code"], &root["status"], &error["status"], &root["code"]].into_iter().find_map(number),
            error: error.clone(),
            page: false,
            plain: !std::ptr::eq(error, root) || root["type"] == "error",
            codes,
        }
    }

    /// Returns whether one of these codes is among its own.
    pub(super) fn has(&self, codes: &[&str]) -> bool {
        self.codes.iter().any(|own| codes.iter().any(|code| own.eq_ignore_ascii_case(code)))
    }

    /// Returns whether its sentence contains words, in any case.
    pub(super) fn says(&self, words: &str) -> bool {
        self.message.to_lowercase().contains(words)
    }

    /// Returns the seconds that its sentence asks to wait.
    pub(super) fn wait_in_words(&self) -> Option<f64> {
        ["try again in ", "retry in ", "reset after ", "resets in "]
            .iter()
            .find_map(|words| seconds_after(&self.message, words))
    }

    /// Returns the status that an error within a stream would have had as an answer.
    pub(super) fn status(&self) -> Option<u16> {
        const STATUS: [(u16, &[&str]); 9] = [
            (
                429,
                &[
                    "rate_limit_error",
                    "rate_limit_exceeded",
                    "usage_limit_reached",
                    "insufficient_quota",
                    "quota_exceeded",
                    "RESOURCE_EXHAUSTED",
                    "Throttling",
                    "Throttling.RateQuota",
                    "Throttling.AllocationQuota",
                    "limit_requests",
                    "LimitRequests",
                    "subscription_sharing_usage_limit_exceeded",
                ],
            ),
            (529, &["overloaded_error"]),
            (503, &["server_is_overloaded", "slow_down", "UNAVAILABLE"]),
            (504, &["timeout_error", "DEADLINE_EXCEEDED"]),
            (401, &["authentication_error", "UNAUTHENTICATED", "token_expired", "invalid_api_key", "invalid_token"]),
            (402, &["billing_error"]),
            (403, &["permission_error", "PERMISSION_DENIED", "usage_not_included"]),
            (404, &["not_found_error", "NOT_FOUND"]),
            (
                400,
                &[
                    "context_length_exceeded",
                    "invalid_prompt",
                    "cyber_policy",
                    "invalid_request_error",
                    "INVALID_ARGUMENT",
                    "FAILED_PRECONDITION",
                ],
            ),
        ];
        self.number.or_else(|| STATUS.iter().find(|(_, codes)| self.has(codes)).map(|(status, _)| *status))
    }
}
