//! Who is behind a token, by the one real call after a login (design 4.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::tokens::{TokenAnswer, Tokens};
use crate::http::{self, Http, Unreached};
use crate::providers::{IdentityFrom, Manifest, OAuth};

/// Who the provider says it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Usually an email address.
    pub email: Option<String>,
    /// The provider's own id.
    pub id: Option<String>,
    /// The plan in the provider's words.
    pub plan: Option<String>,
}

/// What the verifying call came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The token works.
    Works(Identity),
    /// The provider refuses the token: nothing must be stored.
    Refused(String),
    /// It failed for a passing reason: stored as not verified yet.
    Later(String, Identity),
}

/// Makes the verifying call.
pub async fn verify(http: &Http, manifest: &Manifest, oauth: &OAuth, answer: &TokenAnswer) -> Verdict {
    let told = match oauth.identity {
        IdentityFrom::IdToken => answer.id_token.as_ref().and_then(|t| claims(t.expose())),
        IdentityFrom::TokenResponse => Some(Value::Object(answer.other.clone())),
        IdentityFrom::Verify | IdentityFrom::None => None,
    };
    let told = told.map(|document| identity(&document, oauth)).unwrap_or_default();
    let Some(url) = &oauth.verify_url else { return Verdict::Works(told) };
    let client = match http.client(url) {
        Ok(client) => client,
        Err(failure) => return Verdict::Later(failure.message, told),
    };
    let mut sending = client.get(url.clone()).timeout(http::TOKEN_TIME).bearer_auth(answer.access.expose());
    for (name, value) in manifest.api.headers.iter().chain(&manifest.api.oauth_headers) {
        sending = sending.header(name, value);
    }
    let reply = match sending.send().await {
        Ok(reply) => reply,
        Err(e) => return Verdict::Later(Unreached::from_error(&e, &http::host_of(url)).words, told),
    };
    let status = reply.status();
    if status.is_success() {
        let body = http::read_bounded(reply, http::TOKEN_BOUND).await.unwrap_or_default();
        let document = serde_json::from_slice::<Value>(&body).ok();
        return match (oauth.identity, document) {
            (IdentityFrom::Verify, Some(document)) => Verdict::Works(identity(&document, oauth)),
            (IdentityFrom::Verify, None) => Verdict::Later(format!("{} told no identity", http::host_of(url)), told),
            _ => Verdict::Works(told),
        };
    }
    let headers = reply.headers().clone();
    let body = http::read_start(reply, http::ERROR_BOUND).await;
    let refusal = super::wire::Refusal::read(status.as_u16(), &headers, &body);
    match status.as_u16() {
        429 | 500..=599 => Verdict::Later(refusal.words, told),
        _ => Verdict::Refused(refusal.words),
    }
}

/// Reads the claims of an id token. It came from the token endpoint over TLS, so they may be shown; they prove
/// nothing to anybody else (OpenID Connect Core 3.1.3.7, 6).
pub fn claims(id_token: &str) -> Option<Value> {
    let payload = id_token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()
}

fn identity(document: &Value, oauth: &OAuth) -> Identity {
    let at = |name: &str| {
        let value = document.pointer(oauth.identity_at.get(name)?)?;
        let text = value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|n| n.to_string()));
        text.filter(|t| !t.is_empty() && t.len() <= 320)
    };
    let plan = at("plan").map(|p| p.strip_prefix(&oauth.plan_prefix).unwrap_or(&p).to_owned());
    Identity { email: at("email"), id: at("id"), plan }
}

/// Returns the request headers that the manifest takes from id token claims.
pub fn claim_headers(oauth: &OAuth, tokens: &Tokens) -> Vec<(String, String)> {
    let claims = tokens.other.get("id_token").and_then(Value::as_str).and_then(claims);
    let header = |(name, pointer): (&String, &String)| {
        let from_claims = claims.as_ref().and_then(|c| c.pointer(pointer)).and_then(Value::as_str);
        let value = from_claims.or(tokens.account_id.as_deref())?;
        value.chars().all(|c| c.is_ascii_graphic()).then(|| (name.clone(), value.to_owned()))
    };
    oauth.claim_headers.iter().filter_map(header).collect()
}
