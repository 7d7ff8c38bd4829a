//! Gemini: Google's login with a client of the user's own, the Gemini API, and Code Assist.

mod chat;
mod code_assist;
mod limits;
mod login;
mod prompt;

use serde_json::{Value, json};

use super::answer::Answer;
use super::desk::Desk;
use super::page::Look;
use super::people::WORK;
use super::provider::{Endpoint, Provider};
use super::received::Received;
use super::tokens::{Family, Grant, Standing};

pub use limits::{Wait, bare, exhausted, used_up_today};

/// The stand-in for Gemini.
pub(super) struct Gemini;

const LOOK: Look = Look { title: "Google", client: "llxprt", accent: "#3b6fd4" };

/// The Cloud project that the ready-made client belongs to.
const PROJECT: &str = "pretend-project";

const CLOUD: &str = "https://www.googleapis.com/auth/cloud-platform";

impl Provider for Gemini {
    fn name(&self) -> &'static str {
        "gemini"
    }

    fn endpoint(&self, call: &Received) -> Option<Endpoint> {
        let path = call.path.as_str();
        if let Some(action) = of_models(path).filter(|action| !action.is_empty()) {
            return match action.split_once(':')?.1 {
                "streamGenerateContent" | "generateContent" => Some(Endpoint::Chat),
                "countTokens" => Some(Endpoint::Models),
                _ => None,
            };
        }
        Some(match path {
            "/o/oauth2/v2/auth" | "/o/oauth2/auth" => Endpoint::Authorize,
            "/token" if login::is_refresh(call) => Endpoint::Refresh,
            "/token" => Endpoint::Token,
            "/revoke" => Endpoint::Revoke,
            "/tokeninfo" | "/oauth2/v2/userinfo" | "/oauth2/v1/userinfo" | "/oauth2/v3/userinfo" => Endpoint::Profile,
            _ if of_models(path) == Some("") => Endpoint::Models,
            "/v1internal:loadCodeAssist" | "/v1internal:onboardUser" => Endpoint::Setup,
            _ if path.starts_with("/v1internal/operations/") => Endpoint::Setup,
            "/v1internal:streamGenerateContent" | "/v1internal:generateContent" => Endpoint::Chat,
            "/v1internal:retrieveUserQuota" => Endpoint::Usage,
            _ => return None,
        })
    }

    fn answer(&self, endpoint: Endpoint, call: &Received, desk: &mut Desk) -> Answer {
        let inner = call.path.starts_with("/v1internal");
        let fits = match endpoint {
            Endpoint::Authorize => ["GET", "POST"].contains(&call.method.as_str()),
            Endpoint::Profile => call.method == "GET",
            Endpoint::Models => call.method == if call.path.contains(':') { "POST" } else { "GET" },
            Endpoint::Setup if call.path.contains("/operations/") => call.method == "GET",
            _ => call.method == "POST",
        };
        if !fits {
            return refused(405, "UNIMPLEMENTED", "Method not allowed.", &[]);
        }
        let answer = match endpoint {
            Endpoint::Authorize => Ok(login::authorize(call, desk)),
            Endpoint::Token => login::token(call, desk),
            Endpoint::Refresh => login::refresh(call, desk),
            Endpoint::Revoke => Ok(login::revoke(call, desk)),
            Endpoint::Profile => login::profile(call, desk),
            Endpoint::Setup => code_assist::setup(call, desk),
            Endpoint::Usage => code_assist::usage(call, desk),
            Endpoint::Chat if inner => code_assist::chat(call, desk),
            Endpoint::Chat => chat::generate(call, desk),
            _ => chat::models(call, desk),
        };
        answer.unwrap_or_else(|refusal| refusal)
    }

    fn elsewhere(&self, _: &Received, _: &mut Desk) -> Answer {
        Answer::html(404, "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>")
    }

    fn ready(&self, desk: &mut Desk) -> Value {
        let scopes = [
            "openid",
            "https://www.googleapis.com/auth/userinfo.email",
            CLOUD,
            "https://www.googleapis.com/auth/generative-language.retriever",
        ];
        let scopes = scopes.map(str::to_owned).to_vec();
        let client = login::CLIENT.to_owned();
        let grant = Grant { email: WORK.to_owned(), client, scopes, lasting: true, ..Grant::default() };
        let family = desk.tokens.begin(grant, desk.now);
        let tokens = login::issue(desk, family, true);
        let key = format!("AIza{}", desk.ids.text(35));
        desk.tokens.keep_key(key.clone(), WORK.to_owned());
        json!({
            "base_url": desk.url, "access_token": tokens["access_token"], "refresh_token": tokens["refresh_token"],
            "id_token": tokens["id_token"], "api_key": key, "account": WORK, "project": PROJECT,
            "client_file": login::client_file(desk),
        })
    }
}

/// Returns what follows the models of one of the API's versions.
fn of_models(path: &str) -> Option<&str> {
    let rest = ["/v1/models", "/v1beta/models", "/v1alpha/models"].iter().find_map(|start| path.strip_prefix(start))?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

/// Returns an error in Google's shape.
fn refused(code: u16, status: &str, message: &str, details: &[Value]) -> Answer {
    let mut error = json!({"code": code, "message": message, "status": status});
    if !details.is_empty() {
        error["details"] = json!(details);
    }
    Answer::json(code, json!({"error": error}))
}

fn info(reason: &str, domain: &str, metadata: Value) -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": domain, "metadata": metadata,
    })
}

/// Finds the login of a bearer token that has one of the scopes.
fn bearer(call: &Received, desk: &Desk, scopes: &[&str]) -> Result<Family, Answer> {
    let service = json!({"service": "generativelanguage.googleapis.com"});
    let invalid = |reason: &str| {
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or \
                       other valid authentication credential. \
                       See https://developers.google.com/identity/sign-in/web/devconsole-project.";
        refused(401, "UNAUTHENTICATED", message, &[info(reason, "googleapis.com", service.clone())])
    };
    let Some(token) = call.bearer() else { return Err(invalid("CREDENTIALS_MISSING")) };
    let family = match desk.tokens.standing(token, desk.now) {
        Standing::Good(family) => family,
        Standing::Expired => return Err(invalid("ACCESS_TOKEN_EXPIRED")),
        Standing::Revoked | Standing::Unknown => return Err(invalid("ACCESS_TOKEN_TYPE_UNSUPPORTED")),
    };
    if family.grant.scopes.iter().any(|scope| scopes.contains(&scope.as_str())) {
        return Ok(family);
    }
    let message = "Request had insufficient authentication scopes.";
    let detail = info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "googleapis.com", service.clone());
    Err(refused(403, "PERMISSION_DENIED", message, &[detail]))
}
