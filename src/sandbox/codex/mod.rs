//! Codex: the ChatGPT login with the client of the Codex CLI, and the responses behind it.

mod chat;
mod device;
mod limits;
mod login;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::answer::Answer;
use super::desk::Desk;
use super::page::Look;
use super::people::{self, WORK};
use super::provider::{Endpoint, Provider};
use super::received::Received;
use super::tokens::{Grant, Standing};

pub use limits::{Told, cloudflare, limited};

/// The stand-in for Codex.
pub(super) struct Codex;

const LOOK: Look = Look { title: "ChatGPT", client: "llxprt", accent: "#0f8a6a" };

impl Provider for Codex {
    fn name(&self) -> &'static str {
        "codex"
    }

    fn endpoint(&self, call: &Received) -> Option<Endpoint> {
        Some(match call.path.as_str() {
            "/oauth/authorize" => Endpoint::Authorize,
            "/oauth/token" if login::is_refresh(call) => Endpoint::Refresh,
            "/oauth/token" => Endpoint::Token,
            "/oauth/revoke" => Endpoint::Revoke,
            "/api/accounts/deviceauth/usercode" => Endpoint::Device,
            "/api/accounts/deviceauth/token" => Endpoint::Poll,
            "/codex/device" => Endpoint::DevicePage,
            "/backend-api/codex/responses" => Endpoint::Chat,
            "/backend-api/codex/models" => Endpoint::Models,
            "/backend-api/wham/usage" | "/api/codex/usage" => Endpoint::Usage,
            _ => return None,
        })
    }

    fn answer(&self, endpoint: Endpoint, call: &Received, desk: &mut Desk) -> Answer {
        let fits = match endpoint {
            Endpoint::Authorize | Endpoint::DevicePage => ["GET", "POST"].contains(&call.method.as_str()),
            Endpoint::Usage | Endpoint::Models => call.method == "GET",
            _ => call.method == "POST",
        };
        if !fits {
            return Answer::json(405, json!({"detail": "Method Not Allowed"}));
        }
        match endpoint {
            Endpoint::Authorize => login::authorize(call, desk),
            Endpoint::Token => login::token(call, desk),
            Endpoint::Refresh => login::refresh(call, desk),
            Endpoint::Revoke => login::revoke(call, desk),
            Endpoint::Device => device::begin(call, desk),
            Endpoint::Poll => device::poll(call, desk),
            Endpoint::DevicePage => super::oauth::device_page(call, desk, &LOOK),
            Endpoint::Usage => limits::usage(call, desk),
            Endpoint::Models => chat::models(call, desk),
            _ => chat::responses(call, desk),
        }
    }

    fn elsewhere(&self, _: &Received, _: &mut Desk) -> Answer {
        Answer::json(404, json!({"detail": "Not Found"}))
    }

    fn ready(&self, desk: &mut Desk) -> Value {
        let scopes = ["openid", "profile", "email", "offline_access"].map(str::to_owned).to_vec();
        let client = login::CLIENT.to_owned();
        let grant = Grant { email: WORK.to_owned(), client, scopes, ..Grant::default() };
        let family = desk.tokens.begin(grant, desk.now);
        let tokens = login::issue(desk, family);
        json!({
            "base_url": format!("{}/backend-api/codex", desk.url), "access_token": tokens["access_token"],
            "refresh_token": tokens["refresh_token"], "id_token": tokens["id_token"], "api_key": null,
            "account": WORK, "account_id": account_id(WORK),
        })
    }
}

/// Returns the workspace of an account, which every request names in a header.
fn account_id(email: &str) -> String {
    people::organization_id("codex", email)
}

fn plan(email: &str) -> &'static str {
    match email {
        people::WORK => "team",
        people::POLICY => "free",
        _ => "plus",
    }
}

/// Finds out whose login a request carries, or answers it with what is wrong.
fn caller(call: &Received, desk: &Desk) -> Result<String, Answer> {
    let Some(token) = call.bearer() else { return Err(unauthorized()) };
    let email = match desk.tokens.standing(token, desk.now) {
        Standing::Good(family) => family.grant.email,
        Standing::Expired => {
            let message = "Provided authentication token is expired. Please try signing in again.";
            return Err(stale("token_expired", message));
        }
        Standing::Revoked => {
            let message = "Your authentication token has been invalidated. Please try signing in again.";
            return Err(stale("token_invalidated", message));
        }
        Standing::Unknown => return Err(unauthorized()),
    };
    match call.header("chatgpt-account-id") {
        Some(id) if id == account_id(&email) => Ok(email),
        Some(_) => Err(unauthorized()),
        None => Err(detail(400, "chatgpt-account-id header is required")),
    }
}

fn unauthorized() -> Answer {
    detail(401, "Unauthorized")
}

fn detail(status: u16, text: &str) -> Answer {
    Answer::json(status, json!({"detail": text}))
}

/// Returns a 401 that names its reason in the body and again in two headers.
fn stale(code: &str, message: &str) -> Answer {
    let error = json!({"message": message, "type": "invalid_request_error", "code": code, "param": null});
    let body = json!({"error": error, "status": 401});
    let coded = BASE64_STANDARD.encode(body.to_string());
    Answer::json(401, body).header("x-openai-authorization-error", code).header("x-error-json", coded)
}
