//! Anthropic: the claude.ai login and the Messages API.

mod chat;
mod limits;
mod login;

use serde_json::{Value, json};

use super::answer::Answer;
use super::desk::Desk;
use super::page::Look;
use super::people::{self, WORK};
use super::provider::{Endpoint, Provider};
use super::received::Received;
use super::tokens::{Family, Grant, Standing};

pub use limits::{Limit, Policy, limited, overloaded, policy};

/// The stand-in for Anthropic.
pub(super) struct Anthropic;

const LOOK: Look = Look { title: "Anthropic", client: "llxprt", accent: "#c8643c" };

impl Provider for Anthropic {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn endpoint(&self, call: &Received) -> Option<Endpoint> {
        Some(match call.path.as_str() {
            "/oauth/authorize" | "/cai/oauth/authorize" => Endpoint::Authorize,
            "/oauth/code/callback" => Endpoint::Page,
            "/v1/oauth/token" if login::is_refresh(call) => Endpoint::Refresh,
            "/v1/oauth/token" => Endpoint::Token,
            "/api/oauth/profile" => Endpoint::Profile,
            "/api/oauth/usage" => Endpoint::Usage,
            "/v1/messages" => Endpoint::Chat,
            "/v1/models" => Endpoint::Models,
            _ => return None,
        })
    }

    fn answer(&self, endpoint: Endpoint, call: &Received, desk: &mut Desk) -> Answer {
        let post = matches!(endpoint, Endpoint::Token | Endpoint::Refresh | Endpoint::Chat);
        let fits = match endpoint {
            Endpoint::Authorize => ["GET", "POST"].contains(&call.method.as_str()),
            _ => call.method == if post { "POST" } else { "GET" },
        };
        if !fits {
            return refused(desk, 405, "invalid_request_error", "Method Not Allowed");
        }
        match endpoint {
            Endpoint::Authorize => login::authorize(call, desk),
            Endpoint::Page => login::code_page(call),
            Endpoint::Token => login::token(call, desk),
            Endpoint::Refresh => login::refresh(call, desk),
            Endpoint::Profile => login::profile(call, desk),
            Endpoint::Usage => limits::usage(call, desk),
            Endpoint::Models => chat::models(call, desk),
            _ => chat::messages(call, desk),
        }
    }

    fn elsewhere(&self, _: &Received, desk: &mut Desk) -> Answer {
        refused(desk, 404, "not_found_error", "Not found")
    }

    fn ready(&self, desk: &mut Desk) -> Value {
        let scopes = ["user:profile", "user:inference"].map(str::to_owned).to_vec();
        let grant = Grant {
            email: WORK.to_owned(),
            client: login::CLIENT.to_owned(),
            scopes,
            lasting: true,
            ..Grant::default()
        };
        let family = desk.tokens.begin(grant, desk.now);
        let tokens = login::issue(desk, family);
        let key = format!("sk-ant-api03-{}-AA", desk.ids.text(93));
        desk.tokens.keep_key(key.clone(), WORK.to_owned());
        json!({
            "base_url": desk.url, "access_token": tokens["access_token"], "refresh_token": tokens["refresh_token"],
            "id_token": null, "api_key": key, "account": WORK,
        })
    }
}

/// Who sends a request.
enum Caller {
    /// A login.
    Login(Family),
    /// An API key of that account.
    Key(String),
}

impl Caller {
    fn email(&self) -> &str {
        match self {
            Self::Login(family) => &family.grant.email,
            Self::Key(email) => email,
        }
    }
}

/// Finds out who sends a request, or answers it with what is wrong.
fn caller(call: &Received, desk: &mut Desk) -> Result<Caller, Answer> {
    if let (Some(_), Some(_)) = (call.header("x-api-key"), call.header("authorization")) {
        let why = "Only one of x-api-key and Authorization may be sent";
        return Err(refused(desk, 400, "invalid_request_error", why));
    }
    if let Some(key) = call.header("x-api-key") {
        let owner = desk.tokens.key_owner(key).map(str::to_owned);
        return match owner {
            Some(email) => Ok(Caller::Key(email)),
            None => Err(refused(desk, 401, "authentication_error", "invalid x-api-key")),
        };
    }
    let Some(token) = call.bearer() else {
        return Err(refused(desk, 401, "authentication_error", "x-api-key header is required"));
    };
    // The SDK for Python 2.12.0 (2026-11) sends keys this way too.
    if let Some(email) = desk.tokens.key_owner(token) {
        return Ok(Caller::Key(email.to_owned()));
    }
    match desk.tokens.standing(token, desk.now) {
        Standing::Good(family) => Ok(Caller::Login(family)),
        Standing::Expired => {
            let why = "OAuth token has expired. Please obtain a new token or refresh your existing token.";
            Err(refused(desk, 401, "authentication_error", why))
        }
        Standing::Revoked => {
            let why = "OAuth token has been revoked. Please obtain a new token.";
            Err(refused(desk, 403, "permission_error", why))
        }
        Standing::Unknown => Err(refused(desk, 401, "authentication_error", "Invalid authentication credentials")),
    }
}

/// Refuses a login's request that does not carry the beta header.
fn needs_beta(caller: &Caller, call: &Received, desk: &mut Desk) -> Result<(), Answer> {
    if matches!(caller, Caller::Key(_)) || call.lists("anthropic-beta", "oauth-2025-04-20") {
        return Ok(());
    }
    Err(refused(desk, 401, "authentication_error", "OAuth authentication is currently not supported."))
}

/// The version that the SDKs name since 2026-11; 2023-06-01 goes on.
const NEWEST: &str = "2026-10-21";

/// Refuses a request without the version header.
fn needs_version(call: &Received, desk: &mut Desk) -> Result<(), Answer> {
    match call.header("anthropic-version") {
        Some("2023-01-01" | "2023-06-01" | NEWEST) => Ok(()),
        Some(_) => Err(refused(desk, 400, "invalid_request_error", "anthropic-version: not a valid version")),
        None => Err(refused(desk, 400, "invalid_request_error", "anthropic-version: header is required")),
    }
}

/// Refuses a login that lacks a scope.
fn needs_scope(caller: &Caller, desk: &mut Desk, scope: &str) -> Result<(), Answer> {
    match caller {
        Caller::Login(family) if !family.grant.scopes.iter().any(|granted| granted == scope) => {
            let why = format!("OAuth token does not meet scope requirement {scope}");
            Err(refused(desk, 403, "permission_error", &why))
        }
        _ => Ok(()),
    }
}

/// Returns an error in the shape of the API.
fn refused(desk: &mut Desk, status: u16, kind: &str, message: &str) -> Answer {
    let id = request_id(desk);
    Answer::json(status, error_body(kind, message, &id)).header("request-id", id)
}

fn error_body(kind: &str, message: &str, request_id: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id})
}

fn request_id(desk: &mut Desk) -> String {
    format!("req_011C{}", desk.ids.text(20).replace(['-', '_'], "x"))
}

fn organization(email: &str) -> String {
    people::organization_id("anthropic", email)
}
