//! Who is behind a token, by the one real call after a login (design 4.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::Url;

use super::resource::resource;
use super::tokens::{PROJECT, TokenAnswer, Tokens};
use crate::http::{self, Http, Unreached};
use crate::providers::{IdentityFrom, Manifest, OAuth, Verify};
use crate::secret::{Hidden, Secret};

/// Who the provider says it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Usually an email address.
    pub email: Option<String>,
    /// The provider's own id of the person and, where one has several accounts, the account: two logins that share
    /// it share their limits.
    pub id: Option<String>,
    /// The plan in the provider's words.
    pub plan: Option<String>,
    /// The provider's id of the account alone, where one person may have several.
    pub account: Option<String>,
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
    let url = match (oauth.verify, &oauth.verify_url) {
        // The token endpoint alone does not tell that the API takes what it gave.
        (Verify::Get, None) => return Verdict::Later("its file names no call that would tell".to_owned(), told),
        (Verify::Get, Some(url)) => url.clone(),
        (Verify::Chat, _) => match resource(manifest, answer.resource_url.as_deref()) {
            Ok(base) => prompt_url(&base.unwrap_or_else(|| manifest.base_url(true).clone())),
            Err(failure) => return Verdict::Refused(failure.message),
        },
    };
    let client = match http.client(&url) {
        Ok(client) => client,
        Err(failure) => return Verdict::Later(failure.message, told),
    };
    let sending = match oauth.verify {
        Verify::Get => client.get(url.clone()),
        Verify::Chat => client.post(url.clone()).json(&prompt(manifest)),
    };
    let mut sending = sending.timeout(http::TOKEN_TIME).bearer_auth(answer.access.expose());
    let claimed =
        headers(oauth, answer.id_token.as_ref(), &answer.access, told.account.as_deref(), answer.project.as_deref());
    let fixed = manifest.api.headers.iter().chain(&manifest.api.oauth_headers);
    for (name, value) in fixed.chain(claimed.iter().map(|(name, value)| (name, value))) {
        sending = sending.header(name, value);
    }
    let reply = match sending.send().await {
        Ok(reply) => reply,
        Err(e) => return Verdict::Later(Unreached::from_error(&e, &http::host_of(&url)).words, told),
    };
    let status = reply.status();
    let hidden =
        Hidden::of([&answer.access].into_iter().chain(&answer.refresh).chain(&answer.id_token).map(Secret::expose));
    if status.is_success() {
        let body = hidden.clean_body(http::read_bounded(reply, http::TOKEN_BOUND).await.unwrap_or_default());
        let document = serde_json::from_slice::<Value>(&body).ok();
        return match (oauth.identity, document) {
            (IdentityFrom::Verify, Some(document)) => Verdict::Works(identity(&document, oauth)),
            (IdentityFrom::Verify, None) => Verdict::Later(format!("{} told no identity", http::host_of(&url)), told),
            _ => Verdict::Works(told),
        };
    }
    if status.is_redirection() {
        return Verdict::Later(format!("{} redirects the request; it was not followed", http::host_of(&url)), told);
    }
    let headers = reply.headers().clone();
    let body = http::read_error(reply, &hidden).await;
    let refusal = super::wire::Refusal::read(status.as_u16(), &headers, &body);
    match status.as_u16() {
        429 | 500..=599 => Verdict::Later(refusal.words, told),
        // A proxy's page says nothing of the token; a quota or a model that is not there says that it was read.
        _ if !refusal.json => Verdict::Later(refusal.words, told),
        _ if oauth.verify == Verify::Chat && (status != 401 && status != 403 || refusal.code.contains("quota")) => {
            Verdict::Later(refusal.words, told)
        }
        _ => Verdict::Refused(refusal.words),
    }
}

fn prompt_url(base: &Url) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/chat/completions", base.path().trim_end_matches('/')));
    url
}

/// The shortest prompt of the dialect `openai-chat`.
fn prompt(manifest: &Manifest) -> Value {
    let message = json!({ "role": "user", "content": "hi" });
    json!({ "model": manifest.default_model, "max_tokens": 1, "messages": [message] })
}

/// Reads the claims of an id token. It came from the token endpoint over TLS, so they may be shown; they prove
/// nothing to anybody else (OpenID Connect Core 3.1.3.7, 6).
pub fn claims(id_token: &str) -> Option<Value> {
    let payload = id_token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()
}

fn identity(document: &Value, oauth: &OAuth) -> Identity {
    let told = |pointer: &String| {
        let value = document.pointer(pointer)?;
        let text = value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|n| n.to_string()));
        text.filter(|t| !t.is_empty() && t.len() <= 320)
    };
    let at = |name: &str| oauth.identity_at.get(name)?.iter().find_map(told);
    let plan = at("plan").map(|p| p.strip_prefix(&oauth.plan_prefix).unwrap_or(&p).to_owned());
    let (id, account) = (at("id"), at("account"));
    let id = id.map(|id| account.as_deref().map_or_else(|| id.clone(), |account| format!("{id}/{account}")));
    Identity { email: at("email"), id, plan, account }
}

/// Returns the request headers that the manifest takes from id token claims and from the client's project.
pub fn claim_headers(oauth: &OAuth, tokens: &Tokens) -> Vec<(String, String)> {
    let stored = |name: &str| tokens.other.get(name).and_then(Value::as_str);
    let id_token = stored("id_token").map(Secret::new);
    headers(oauth, id_token.as_ref(), &tokens.access, tokens.account_id.as_deref(), stored(PROJECT))
}

fn headers(
    oauth: &OAuth,
    id_token: Option<&Secret>,
    access: &Secret,
    account: Option<&str>,
    project: Option<&str>,
) -> Vec<(String, String)> {
    // A login made by another program may have kept no id token; the access token then carries the same claims.
    let said: Vec<Value> = id_token.into_iter().chain([access]).filter_map(|t| claims(t.expose())).collect();
    let claimed = oauth.claim_headers.iter().filter_map(|(name, pointer)| {
        let from_claims = said.iter().find_map(|claims| claims.pointer(pointer)?.as_str());
        Some((name.clone(), from_claims.or(account)?.to_owned()))
    });
    let project = oauth.project_header.clone().zip(project.map(str::to_owned));
    claimed.chain(project).filter(|(_, value)| value.chars().all(|c| c.is_ascii_graphic())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::Registry;

    fn codex() -> OAuth {
        let registry = Registry::load(std::path::Path::new("/nowhere"), None);
        registry.get(&"codex".parse().unwrap()).unwrap().oauth.clone().unwrap()
    }

    fn token(claims: &Value) -> Secret {
        Secret::new(format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims.to_string())))
    }

    #[test]
    fn codex_tells_person_workspace_and_plan_in_its_id_token() {
        let of = |account: &str| {
            let auth = json!({"chatgpt_user_id": "user-1", "chatgpt_account_id": account, "chatgpt_plan_type": "plus"});
            identity(&json!({"email": "a@b.c", "https://api.openai.com/auth": auth}), &codex())
        };
        let (one, two) = (of("ws-1"), of("ws-2"));
        assert_eq!((one.email.as_deref(), one.plan.as_deref()), (Some("a@b.c"), Some("plus")));
        assert_eq!((one.id.as_deref(), one.account.as_deref()), (Some("user-1/ws-1"), Some("ws-1")));
        assert_ne!(one.id, two.id, "two workspaces of one person have limits of their own");
        let elsewhere = json!({"https://api.openai.com/profile": {"email": "a@b.c"}});
        assert_eq!(identity(&elsewhere, &codex()).email.as_deref(), Some("a@b.c"));
        assert_eq!(identity(&json!({"https://api.openai.com/auth": 7}), &codex()), Identity::default());
    }

    #[test]
    fn a_header_comes_from_the_id_token_the_access_token_or_the_stored_account() {
        let claims = |id: &str| json!({"https://api.openai.com/auth": {"chatgpt_account_id": id}});
        let (a, b, plain) = (token(&claims("a")), token(&claims("b")), Secret::new("opaque"));
        let of = |id_token: Option<&Secret>, access: &Secret, account: Option<&str>| {
            headers(&codex(), id_token, access, account, None).pop().map(|(_, value)| value)
        };
        assert_eq!(of(Some(&a), &b, Some("c")).as_deref(), Some("a"));
        assert_eq!(of(None, &b, Some("c")).as_deref(), Some("b"));
        assert_eq!(of(Some(&plain), &plain, Some("c")).as_deref(), Some("c"));
        assert_eq!(of(None, &plain, Some("x\r\ny: z")), None, "no header can be smuggled in");
        assert_eq!(of(None, &plain, None), None);
    }
}
