//! The login: authorization page, code page, tokens, profile.

use serde_json::{Value, json};
use url::Url;

use super::super::answer::Answer;
use super::super::desk::Desk;
use super::super::oauth::{self, Rules};
use super::super::page;
use super::super::people;
use super::super::received::{Fields, Received};
use super::super::tokens::{Exchange, FamilyId, RefreshFault};
use super::{Caller, LOOK, caller, needs_scope, organization, refused};

/// The client that every open program uses.
pub(super) const CLIENT: &str = "9d1c250a-e61b-44d9-88ed-5944d1962f5e";

const SCOPES: [&str; 6] = [
    "org:create_api_key",
    "user:profile",
    "user:inference",
    "user:sessions:claude_code",
    "user:mcp_servers",
    "user:file_upload",
];

/// The real pages that show a code; they are served here instead.
const REAL_PAGES: [&str; 2] =
    ["https://platform.claude.com/oauth/code/callback", "https://console.anthropic.com/oauth/code/callback"];

/// Seconds that a login lasts, however often it is refreshed.
const WALL: i64 = 2_419_200;

/// Tells whether a token request is a refresh.
pub(super) fn is_refresh(call: &Received) -> bool {
    call.fields().is_some_and(|fields| fields.get("grant_type") == Some("refresh_token"))
}

/// Serves the authorization page.
pub(super) fn authorize(call: &Received, desk: &mut Desk) -> Answer {
    let page = format!("{}/oauth/code/callback", desk.url);
    let redirect = |url: &Url| {
        let loopback = url.scheme() == "http" && url.host_str() == Some("localhost") && url.path() == "/callback";
        (loopback && url.query().is_none()) || url.as_str() == page || REAL_PAGES.contains(&url.as_str())
    };
    let rules = Rules { client: CLIENT, redirect: &redirect, scopes: &SCOPES, pkce: true, tells: false };
    oauth::authorize(call, desk, &LOOK, &rules, |desk, grant| {
        let code = format!("ac_{}", desk.ids.text(40));
        let state = grant.state.clone().unwrap_or_default();
        let real = REAL_PAGES.contains(&grant.redirect.as_str());
        let to = if real { page.clone() } else { grant.redirect.clone() };
        desk.tokens.keep_code(code.clone(), grant, desk.now);
        (to, vec![("code".to_owned(), code), ("state".to_owned(), state)])
    })
}

/// Shows `code#state`.
pub(super) fn code_page(call: &Received) -> Answer {
    if let Some(error) = call.param("error") {
        let why = call.param("error_description").unwrap_or(error);
        return page::failure(&LOOK, 200, &why);
    }
    match (call.param("code"), call.param("state")) {
        (Some(code), Some(state)) => page::code(&LOOK, &format!("{code}#{state}")),
        _ => page::failure(&LOOK, 400, "There is no code in this address."),
    }
}

/// Exchanges a code.
pub(super) fn token(call: &Received, desk: &mut Desk) -> Answer {
    let Some(fields) = call.json_fields() else { return malformed(desk) };
    match fields.get("grant_type") {
        Some("authorization_code") => {}
        Some(_) => return fault("unsupported_grant_type", "Unsupported grant type"),
        None => return malformed(desk),
    }
    let all = ["code", "client_id", "redirect_uri", "code_verifier", "state"].map(|name| fields.get(name));
    let [Some(code), Some(client), Some(redirect), verifier, Some(state)] = all else { return malformed(desk) };
    let ask = Exchange { code, client, redirect, verifier, state: Some(state) };
    match desk.tokens.exchange(ask, desk.now) {
        Ok(family) => Answer::json(200, issue(desk, family)),
        Err(_) => fault("invalid_grant", "Invalid 'code' in request."),
    }
}

/// Renews a login.
pub(super) fn refresh(call: &Received, desk: &mut Desk) -> Answer {
    let form = desk.variants.form_refresh.then(|| call.form_fields()).flatten();
    let Some(fields) = call.json_fields().or(form) else { return malformed(desk) };
    let (Some(token), Some(client)) = (fields.get("refresh_token"), fields.get("client_id")) else {
        return malformed(desk);
    };
    let family = match desk.tokens.look(token, client) {
        Ok(family) => family,
        Err(RefreshFault::Client) => return fault("invalid_client", "Client does not match the refresh token"),
        Err(_) => return fault("invalid_grant", "Refresh token not found or invalid"),
    };
    if desk.now >= desk.tokens.family(family).began + WALL {
        return fault("invalid_grant", "Refresh token expired");
    }
    if let Some(answer) = asks_for_more(&fields, desk, family) {
        return answer;
    }
    desk.tokens.spend(token);
    Answer::json(200, issue(desk, family))
}

fn asks_for_more(fields: &Fields, desk: &Desk, family: FamilyId) -> Option<Answer> {
    let granted = &desk.tokens.family(family).grant.scopes;
    let asked = fields.get("scope")?.split_whitespace();
    let more = asked.into_iter().any(|scope| !granted.iter().any(|had| had == scope));
    more.then(|| fault("invalid_scope", "The requested scope exceeds the scope granted"))
}

/// Makes the tokens of a login and the answer that hands them out.
pub(super) fn issue(desk: &mut Desk, family: FamilyId) -> Value {
    let access = format!("sk-ant-oat01-{}-AA", desk.ids.text(86));
    let refresh = format!("sk-ant-ort01-{}-AA", desk.ids.text(86));
    let life = desk.life(28_800);
    desk.tokens.keep_access(access.clone(), family, desk.now + life);
    desk.tokens.keep_refresh(refresh.clone(), family);
    let login = desk.tokens.family(family);
    let email = &login.grant.email;
    let mut scopes = login.grant.scopes.clone();
    scopes.sort();
    json!({
        "token_type": "Bearer", "access_token": access, "expires_in": life, "refresh_token": refresh,
        "refresh_token_expires_in": login.began + WALL - desk.now, "scope": scopes.join(" "),
        "organization": {"uuid": organization(email), "name": format!("{email}'s Organization")},
        "account": {"uuid": people::account_id("anthropic", email), "email_address": email},
    })
}

/// Tells who is behind a token.
pub(super) fn profile(call: &Received, desk: &mut Desk) -> Answer {
    let caller = match caller(call, desk) {
        Ok(caller @ Caller::Login(_)) => caller,
        Ok(Caller::Key(_)) => return refused(desk, 401, "authentication_error", "Invalid authentication credentials"),
        Err(answer) => return answer,
    };
    if let Err(answer) = needs_scope(&caller, desk, "user:profile") {
        return answer;
    }
    let email = caller.email();
    let max = email == people::WORK;
    let name = people::full_name(email);
    let (kind, tier) = if max { ("claude_max", "default_claude_max_5x") } else { ("claude_pro", "default_claude_pro") };
    Answer::json(
        200,
        json!({
            "account": {
                "uuid": people::account_id("anthropic", email), "full_name": name, "display_name": name,
                "email": email, "has_claude_max": max, "has_claude_pro": !max,
                "created_at": "2024-10-22T07:21:47.099776Z",
            },
            "organization": {
                "uuid": organization(email), "name": format!("{email}'s Organization"), "organization_type": kind,
                "billing_type": "stripe_subscription", "rate_limit_tier": tier, "has_extra_usage_enabled": false,
                "subscription_status": "active", "subscription_created_at": "2026-01-16T18:22:42.826732Z",
            },
            "application": {"uuid": CLIENT, "name": "Claude Code", "slug": "claude-code"},
            "enabled_plugins": [],
        }),
    )
}

/// The token endpoint's errors in the shape of RFC 6749 5.2.
fn fault(error: &str, description: &str) -> Answer {
    Answer::json(400, json!({"error": error, "error_description": description}))
}

/// The token endpoint's other shape of error.
fn malformed(desk: &mut Desk) -> Answer {
    refused(desk, 400, "invalid_request_error", "Invalid request format")
}
