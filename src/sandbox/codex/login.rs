//! The login: authorization page, tokens, revocation.

use serde_json::{Value, json};
use url::Url;

use super::super::answer::Answer;
use super::super::desk::Desk;
use super::super::ids;
use super::super::jwt;
use super::super::oauth::{self, Rules};
use super::super::people;
use super::super::received::Received;
use super::super::tokens::{CodeFault, Exchange, FamilyId, RefreshFault};
use super::{LOOK, account_id, plan};

/// The client of the Codex CLI.
pub(super) const CLIENT: &str = "app_EMoamEEZ73f0CkXaXp7hrann";

const SCOPES: [&str; 6] =
    ["openid", "profile", "email", "offline_access", "api.connectors.read", "api.connectors.invoke"];

const ISSUER: &str = "https://auth.openai.com";

/// Tells whether a token request is a refresh.
pub(super) fn is_refresh(call: &Received) -> bool {
    call.fields().is_some_and(|fields| fields.get("grant_type") == Some("refresh_token"))
}

/// Serves the authorization page.
pub(super) fn authorize(call: &Received, desk: &mut Desk) -> Answer {
    let any = desk.variants.any_port;
    let redirect = |url: &Url| {
        let local = url.scheme() == "http" && url.host_str() == Some("localhost");
        let port = any || matches!(url.port(), Some(1455 | 1457));
        local && port && url.path() == "/auth/callback" && url.query().is_none()
    };
    let rules = Rules { client: CLIENT, redirect: &redirect, scopes: &SCOPES, pkce: true, tells: false };
    oauth::authorize(call, desk, &LOOK, &rules, |desk, grant| {
        let code = format!("ac_{}", desk.ids.text(43));
        let scopes = grant.scopes.join(" ");
        let state = grant.state.clone().unwrap_or_default();
        let to = grant.redirect.clone();
        desk.tokens.keep_code(code.clone(), grant, desk.now);
        let params = [("code", code), ("scope", scopes), ("state", state)];
        (to, params.map(|(name, value)| (name.to_owned(), value)).to_vec())
    })
}

/// Exchanges a code; a form only.
pub(super) fn token(call: &Received, desk: &mut Desk) -> Answer {
    let Some(fields) = call.form_fields().filter(|fields| !fields.repeated()) else {
        return fault("invalid_request", "The request must be a form, each parameter once.");
    };
    match fields.get("grant_type") {
        Some("authorization_code") => {}
        Some(_) => return fault("unsupported_grant_type", "The grant type is not supported."),
        None => return fault("invalid_request", "Missing required parameter: 'grant_type'."),
    }
    let all = ["code", "client_id", "redirect_uri", "code_verifier"].map(|name| fields.get(name));
    let [Some(code), Some(client), Some(redirect), verifier] = all else {
        return fault("invalid_request", "Missing required parameter.");
    };
    let redirect = redirect.strip_prefix(&desk.url).map_or(redirect.to_owned(), |path| format!("{ISSUER}{path}"));
    let ask = Exchange { code, client, redirect: &redirect, verifier, state: None };
    match desk.tokens.exchange(ask, desk.now) {
        Ok(family) => Answer::json(200, issue(desk, family)),
        Err(CodeFault::Client) => fault("invalid_client", "The client does not match the code."),
        Err(CodeFault::Verifier) => fault("invalid_grant", "Invalid code verifier."),
        Err(_) => fault("invalid_grant", "Invalid authorization code."),
    }
}

/// Renews a login; JSON or form.
pub(super) fn refresh(call: &Received, desk: &mut Desk) -> Answer {
    let fields = call.fields().unwrap_or_default();
    let (Some(token), Some(client)) = (fields.get("refresh_token"), fields.get("client_id")) else {
        return fault("invalid_request", "Missing required parameter.");
    };
    let family = match desk.tokens.look(token, client) {
        Ok(family) => family,
        Err(RefreshFault::Client) => return fault("invalid_client", "The client does not match the token."),
        Err(RefreshFault::Spent) => {
            let message = "Your refresh token has already been used to generate a new access token. \
                           Please try signing in again.";
            return dead("refresh_token_reused", message);
        }
        Err(_) => return dead("refresh_token_invalidated", "Your session has ended. Please log in again."),
    };
    let granted = &desk.tokens.family(family).grant.scopes;
    let mut asked = fields.get("scope").unwrap_or_default().split_whitespace();
    if asked.any(|scope| !granted.iter().any(|had| had == scope)) {
        return fault("invalid_scope", "The requested scope was not granted.");
    }
    desk.tokens.spend(token);
    Answer::json(200, issue(desk, family))
}

/// Revokes a login by either of its tokens; JSON only (RFC 7009 2.2: an unknown token is no error).
pub(super) fn revoke(call: &Received, desk: &mut Desk) -> Answer {
    let Some(fields) = call.json_fields() else { return fault("invalid_request", "The request must be JSON.") };
    let Some(token) = fields.get("token") else {
        return fault("invalid_request", "Missing required parameter: 'token'.");
    };
    let known = match fields.get("token_type_hint") {
        Some("refresh_token") => fields.get("client_id") == Some(CLIENT),
        Some("access_token") | None => fields.get("client_id").is_none_or(|client| client == CLIENT),
        Some(_) => return fault("unsupported_token_type", "The token type is not supported."),
    };
    if !known {
        return fault("invalid_client", "The client is not known.");
    }
    desk.tokens.revoke_token(token);
    Answer::json(200, json!({}))
}

/// Makes the tokens of a login and the answer that hands them out.
pub(super) fn issue(desk: &mut Desk, family: FamilyId) -> Value {
    let life = desk.life(864_000);
    let grant = desk.tokens.family(family).grant.clone();
    let (email, now) = (grant.email.as_str(), desk.now);
    let user = format!("user-{}", ids::uuid_of(&["codex user", email]).replace('-', ""));
    let claim = json!({
        "chatgpt_account_id": account_id(email), "chatgpt_plan_type": plan(email), "chatgpt_user_id": user,
        "user_id": user, "chatgpt_account_is_fedramp": false,
        "organizations": [{
            "id": format!("org-{}", ids::uuid_of(&["codex org", email]).replace('-', "")), "is_default": true,
            "role": "owner", "title": "Personal",
        }],
        "chatgpt_subscription_active_start": "2026-01-01T00:00:00+00:00",
        "chatgpt_subscription_active_until": "2027-01-01T00:00:00+00:00",
    });
    let subject = format!("auth0|{}", people::account_id("codex", email).replace('-', ""));
    let access = jwt::write(&json!({
        "iss": ISSUER, "aud": ["https://api.openai.com/v1"], "client_id": grant.client, "sub": subject, "iat": now,
        "nbf": now, "exp": now + life, "jti": desk.ids.uuid(), "scp": grant.scopes,
        "https://api.openai.com/auth": claim,
        "https://api.openai.com/profile": {"email": email, "email_verified": true},
    }));
    desk.tokens.keep_access(access.clone(), family, now + life);
    let mut answer = json!({
        "access_token": access, "token_type": "Bearer", "expires_in": life, "scope": grant.scopes.join(" "),
    });
    let asked = |scope: &str| grant.scopes.iter().any(|granted| granted == scope);
    if asked("openid") {
        let mut claims = json!({
            "iss": ISSUER, "aud": [grant.client], "sub": subject, "iat": now, "exp": now + 3_600,
            "jti": desk.ids.uuid(), "https://api.openai.com/auth": claim,
        });
        if asked("email") {
            claims["email"] = json!(email);
            claims["email_verified"] = json!(true);
        }
        if asked("profile") {
            claims["name"] = json!(people::full_name(email));
        }
        if let Some(nonce) = grant.nonce {
            claims["nonce"] = json!(nonce);
        }
        answer["id_token"] = json!(jwt::write(&claims));
    }
    if asked("offline_access") {
        let refresh = format!("rt_{}", desk.ids.text(86));
        desk.tokens.keep_refresh(refresh.clone(), family);
        answer["refresh_token"] = json!(refresh);
    }
    answer
}

fn fault(error: &str, description: &str) -> Answer {
    Answer::json(400, json!({"error": error, "error_description": description}))
}

/// Returns the 401 of a refresh token that will never work again.
fn dead(code: &str, message: &str) -> Answer {
    let error = json!({"message": message, "type": "invalid_request_error", "param": null, "code": code});
    Answer::json(401, json!({"error": error}))
}
