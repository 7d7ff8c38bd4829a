//! The HTTP side of the token endpoint under the `oauth2` crate: JSON where the provider wants it, bounds, and answers
//! mended to what the crate accepts while the whole answer is kept.

use std::sync::{Arc, Mutex, PoisonError};

use oauth2::{HttpRequest, HttpResponse};
use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use serde_json::{Map, Value};
use url::Url;

use crate::error::Outcome;
use crate::http::{self, Http, Unreached};
use crate::providers::RequestForm;
use crate::secret::Hidden;

/// A token request that brought no token.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Trouble {
    /// The host was not reached, or the answer never came whole.
    #[error("{}", .0.words)]
    Unreached(Unreached),
    /// The endpoint refused.
    #[error("the provider refused with status {}", .0.status)]
    Refused(Refusal),
    /// A success that is no token answer.
    #[error("{0}")]
    Nonsense(String),
    /// Not sent at all.
    #[error("{}", .0.message)]
    Ours(crate::error::Failure),
}

/// A refusal of the token endpoint, read as RFC 6749 5.2 and as the shapes that providers use in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The stable word: `invalid_grant`, `rate_limit_error` …; empty when the body is no JSON error.
    pub code: String,
    /// The provider's words.
    pub words: String,
    /// Seconds of `Retry-After`, where it was a number.
    pub retry_after: Option<u64>,
    /// The body was a JSON error.
    pub json: bool,
}

/// Members of token requests that are no secrets; every other value is kept out of what is told of the answer.
const PUBLIC: [&str; 7] =
    ["client_id", "code_challenge", "code_challenge_method", "grant_type", "redirect_uri", "scope", "token_type_hint"];

/// Returns the secrets of a request with these members.
pub(super) fn secrets_of<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Hidden {
    Hidden::of(fields.into_iter().filter(|(name, _)| !PUBLIC.contains(name)).map(|(_, value)| value))
}

/// What came back, beside what the `oauth2` crate makes of it.
pub(super) type Kept = Arc<Mutex<Option<(Map<String, Value>, Option<i64>)>>>;

/// One call of the token endpoint.
#[derive(Clone)]
pub(super) struct Wire {
    client: reqwest::Client,
    url: Url,
    form: RequestForm,
    /// Members of the request beside the standard ones (Anthropic wants the state).
    extra: Vec<(String, String)>,
    kept: Kept,
    now: i64,
}

impl Wire {
    pub(super) fn new(
        http: &Http,
        url: &Url,
        form: RequestForm,
        extra: Vec<(String, String)>,
        now: i64,
    ) -> Outcome<Self> {
        Ok(Self { client: http.client(url)?, url: url.clone(), form, extra, kept: Kept::default(), now })
    }

    /// Takes the whole answer of the call that ended.
    pub(super) fn take(&self) -> Option<(Map<String, Value>, Option<i64>)> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Makes a call that the `oauth2` crate has built.
    pub(super) async fn call(self, request: HttpRequest) -> Result<HttpResponse, Trouble> {
        let (_, body) = request.into_parts();
        let (map, skew) = self.post(url::form_urlencoded::parse(&body).into_owned().collect()).await?;
        let mended = mend(&map);
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((map, skew));
        let mut response = HttpResponse::new(mended.to_string().into_bytes());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }

    /// Posts members and reads the JSON object that comes back, with the provider's clock minus ours.
    pub(super) async fn post(
        &self,
        mut fields: Vec<(String, String)>,
    ) -> Result<(Map<String, Value>, Option<i64>), Trouble> {
        fields.extend(self.extra.iter().cloned());
        let hidden = secrets_of(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let host = self.url.host_str().unwrap_or_default().to_owned();
        let sending = self.client.post(self.url.clone()).header(ACCEPT, "application/json").timeout(http::TOKEN_TIME);
        let sending = match self.form {
            RequestForm::Form => sending.form(&fields),
            RequestForm::Json => {
                let map: Map<String, Value> = fields.into_iter().map(|(k, v)| (k, v.into())).collect();
                sending.json(&map)
            }
        };
        let answer = sending.send().await.map_err(|e| Trouble::Unreached(Unreached::from_error(&e, &host)))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        if status.is_redirection() {
            let place = headers.get(LOCATION).and_then(|v| v.to_str().ok()).unwrap_or("nowhere");
            let place = hidden.clean(place);
            let words = format!("{host} redirects the token request to {place}; it was not followed");
            return Err(Trouble::Refused(Refusal::plain(status.as_u16(), words)));
        }
        if !status.is_success() {
            let body = http::read_error(answer, &hidden).await;
            return Err(Trouble::Refused(Refusal::read(status.as_u16(), &headers, &body)));
        }
        let body = http::read_bounded(answer, http::TOKEN_BOUND).await.map_err(Trouble::Unreached)?;
        let Ok(Value::Object(map)) = serde_json::from_slice(&body) else {
            return Err(Trouble::Nonsense(format!("{host} answered with something that is no token answer")));
        };
        if map.get("error").is_some_and(|error| !error.is_null()) {
            return Err(Trouble::Refused(Refusal::read(status.as_u16(), &headers, &hidden.clean_body(body))));
        }
        Ok((map, skew(&headers, self.now)))
    }
}

/// Leaves what the `oauth2` crate checks, in the shapes that it takes; the rest is read from the answer itself.
fn mend(map: &Map<String, Value>) -> Value {
    let access = map.get("access_token").and_then(Value::as_str).unwrap_or_default();
    serde_json::json!({ "access_token": access, "token_type": "bearer" })
}

/// The provider's clock minus ours, in seconds.
fn skew(headers: &HeaderMap, now: i64) -> Option<i64> {
    let date = chrono::DateTime::parse_from_rfc2822(headers.get(DATE)?.to_str().ok()?).ok()?;
    Some(date.timestamp() - now)
}

impl Refusal {
    fn plain(status: u16, words: String) -> Self {
        Self { status, code: String::new(), words, retry_after: None, json: false }
    }

    /// Reads `{"error":"…"}`, `{"error":{"status"|"code"|"type","message"}}`, `{"code":"…"}` and `{"detail":"…"}`, also
    /// as the first of a list, in which Google's streams wrap their errors.
    pub fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let retry_after = headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.trim().parse().ok());
        let document = match serde_json::from_slice::<Value>(body) {
            Ok(Value::Array(mut list)) if !list.is_empty() => Some(list.swap_remove(0)),
            other => other.ok(),
        };
        let Some(Value::Object(map)) = document else {
            let what = match body.trim_ascii_start().starts_with(b"<") {
                _ if headers.contains_key("cf-mitigated") => "a check for people in a browser, by Cloudflare",
                true => "a web page",
                false => "no reason",
            };
            return Self { retry_after, ..Self::plain(status, format!("status {status} with {what}")) };
        };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned);
        let error = map.get("error");
        let within = |name: &str| text(error.and_then(|e| e.get(name)));
        let code = text(error)
            .or_else(|| within("code"))
            .or_else(|| within("type"))
            .or_else(|| within("status"))
            .or_else(|| text(map.get("code")))
            .unwrap_or_default();
        let words = text(map.get("error_description"))
            .or_else(|| within("message"))
            .or_else(|| text(map.get("message")))
            .or_else(|| text(map.get("detail")))
            .unwrap_or_else(|| if code.is_empty() { format!("status {status}") } else { code.clone() });
        let json = !code.is_empty() || ["error", "message", "detail"].iter().any(|name| map.contains_key(*name));
        Self { status, json, code, words, retry_after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_in_every_shape_that_is_in_use() {
        for (body, code, words) in [
            (r#"{"error":"invalid_grant","error_description":"Gone."}"#, "invalid_grant", "Gone."),
            (r#"{"error":{"type":"rate_limit_error","message":"Slow."}}"#, "rate_limit_error", "Slow."),
            (
                r#"{"error":{"code":"refresh_token_reused","type":"x","message":"Used."}}"#,
                "refresh_token_reused",
                "Used.",
            ),
            (
                r#"[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"All."}}]"#,
                "RESOURCE_EXHAUSTED",
                "All.",
            ),
            (r#"{"error":{"code":400,"message":"No."}}"#, "", "No."),
            (r#"{"detail":"Instructions are required"}"#, "", "Instructions are required"),
            (r#"{"code":"Throttling","message":"Wait."}"#, "Throttling", "Wait."),
            ("{}", "", "status 400"),
            ("[]", "", "status 400 with no reason"),
            ("<html>portal</html>", "", "status 400 with a web page"),
        ] {
            let refusal = Refusal::read(400, &HeaderMap::new(), body.as_bytes());
            assert_eq!((refusal.code.as_str(), refusal.words.as_str()), (code, words), "{body}");
        }
        let headers = HeaderMap::from_iter([("cf-mitigated".parse().unwrap(), HeaderValue::from_static("challenge"))]);
        assert!(Refusal::read(403, &headers, b"<html>").words.contains("Cloudflare"));
    }
}
