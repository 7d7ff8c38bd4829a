//! OpenRouter: a login that hands out a key, open to every program, and chat completions.

use serde_json::{Value, json};
use url::Url;

use super::answer::Answer;
use super::completions::{Ask, Style};
use super::desk::Desk;
use super::oauth::{self, Decision};
use super::page::{self, Look};
use super::people::{self, WORK};
use super::provider::{Endpoint, Provider};
use super::received::Received;
use super::tokens::{CodeFault, Exchange, Grant, NEVER, Standing};

/// The stand-in for OpenRouter.
pub(super) struct OpenRouter;

const LOOK: Look = Look { title: "OpenRouter", client: "llxprt", accent: "#5b6470" };

const MODELS: [&str; 3] = ["anthropic/claude-sonnet-5", "openai/gpt-5.5", "qwen/qwen3-coder"];

impl Provider for OpenRouter {
    fn name(&self) -> &'static str {
        "openrouter"
    }

    fn endpoint(&self, call: &Received) -> Option<Endpoint> {
        Some(match call.path.as_str() {
            "/auth" => Endpoint::Authorize,
            "/api/v1/auth/keys" => Endpoint::Token,
            "/api/v1/key" | "/api/v1/auth/key" => Endpoint::Profile,
            "/api/v1/credits" => Endpoint::Usage,
            "/api/v1/models" => Endpoint::Models,
            "/api/v1/chat/completions" => Endpoint::Chat,
            _ => return None,
        })
    }

    fn answer(&self, endpoint: Endpoint, call: &Received, desk: &mut Desk) -> Answer {
        let fits = match endpoint {
            Endpoint::Authorize => ["GET", "POST"].contains(&call.method.as_str()),
            Endpoint::Token | Endpoint::Chat => call.method == "POST",
            _ => call.method == "GET",
        };
        if !fits {
            return refused(405, "Method Not Allowed");
        }
        let answer = match endpoint {
            Endpoint::Authorize => authorize(call, desk),
            Endpoint::Token => exchange(call, desk),
            Endpoint::Profile => caller(call, desk).map(|email| about_key(call, desk, &email)),
            Endpoint::Usage => caller(call, desk)
                .map(|_| Answer::json(200, json!({"data": {"total_credits": 10, "total_usage": 1.5}}))),
            Endpoint::Models => Ok(models()),
            _ => chat(call, desk),
        };
        answer.unwrap_or_else(|refusal| refusal)
    }

    fn elsewhere(&self, _: &Received, _: &mut Desk) -> Answer {
        refused(404, "Not Found")
    }

    fn ready(&self, desk: &mut Desk) -> Value {
        let grant = Grant { email: WORK.to_owned(), ..Grant::default() };
        let family = desk.tokens.begin(grant, desk.now);
        let key = new_key(desk);
        desk.tokens.keep_access(key.clone(), family, NEVER);
        json!({
            "base_url": format!("{}/api/v1", desk.url), "access_token": null, "refresh_token": null,
            "id_token": null, "api_key": key, "account": WORK,
        })
    }
}

/// Serves the page. There is no client and no state: the callback alone says who asks.
fn authorize(call: &Received, desk: &mut Desk) -> Result<Answer, Answer> {
    let failure = |why: &str| Err(page::failure(&LOOK, 400, why));
    let callback = call.param("callback_url").unwrap_or_default();
    let allowed = Url::parse(&callback).is_ok_and(|url| match url.scheme() {
        "https" => true,
        "http" => matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")),
        _ => false,
    });
    if !allowed {
        return failure("The callback_url must be https, or http on this machine.");
    }
    let challenge = call.param("code_challenge");
    match (&challenge, call.param("code_challenge_method").as_deref()) {
        (Some(challenge), Some("S256")) if oauth::is_challenge(challenge) => {}
        _ => return failure("A code_challenge with method S256 is required."),
    }
    if call.method == "GET" {
        return Ok(page::login(&LOOK, call, &["an API key on your account".to_owned()]));
    }
    match oauth::decide(call) {
        Decision::Nobody => failure("Choose an account, or type an email address."),
        Decision::Deny => Ok(oauth::refuse(&callback, "access_denied", "The user denied the request", None)),
        Decision::Allow(email) => {
            let code = desk.ids.uuid();
            let grant = Grant { email, challenge, ..Grant::default() };
            desk.tokens.keep_code(code.clone(), grant, desk.now);
            let to = oauth::with_params(&callback, vec![("code".to_owned(), code)]);
            Ok(Answer::redirect(to).header("cache-control", "no-store"))
        }
    }
}

/// Exchanges a code for a key that does not end.
fn exchange(call: &Received, desk: &mut Desk) -> Result<Answer, Answer> {
    let Some(fields) = call.json_fields() else { return Err(refused(400, "Invalid JSON body")) };
    let Some(code) = fields.get("code") else { return Err(refused(400, "Missing required field: code")) };
    if fields.get("code_challenge_method") != Some("S256") {
        return Err(refused(400, "Invalid code_challenge_method"));
    }
    let ask = Exchange { code, verifier: fields.get("code_verifier"), ..Exchange::default() };
    let family = desk.tokens.exchange(ask, desk.now).map_err(|fault| match fault {
        CodeFault::Used => refused(403, "Code already used"),
        _ => refused(403, "Invalid code or code_verifier"),
    })?;
    let key = new_key(desk);
    desk.tokens.keep_access(key.clone(), family, NEVER);
    let user = format!("user_{}", people::account_id("openrouter", &desk.tokens.family(family).grant.email));
    Ok(Answer::json(200, json!({"key": key, "user_id": user})))
}

fn new_key(desk: &mut Desk) -> String {
    format!("sk-or-v1-{}{}", desk.ids.uuid().replace('-', ""), desk.ids.uuid().replace('-', ""))
}

/// Finds out whose key a request carries.
fn caller(call: &Received, desk: &Desk) -> Result<String, Answer> {
    let Some(key) = call.bearer() else { return Err(refused(401, "No auth credentials found")) };
    if let Standing::Good(family) = desk.tokens.standing(key, desk.now) {
        return Ok(family.grant.email);
    }
    desk.tokens.key_owner(key).map(str::to_owned).ok_or_else(|| refused(401, "User not found."))
}

fn about_key(call: &Received, desk: &mut Desk, email: &str) -> Answer {
    let key = call.bearer().unwrap_or_default();
    let quota = desk.quota(email);
    let used = quota.limit() - quota.left();
    Answer::json(
        200,
        json!({"data": {
            "label": format!("{}...", key.chars().take(12).collect::<String>()),
            "usage": used, "limit": null, "limit_remaining": null, "is_free_tier": false,
            "is_provisioning_key": false, "rate_limit": {"requests": quota.limit(), "interval": "10s"},
        }}),
    )
}

fn models() -> Answer {
    let data = MODELS.map(|id| json!({"id": id, "name": id, "created": 1_780_000_000, "context_length": 200_000}));
    Answer::json(200, json!({"data": data}))
}

fn chat(call: &Received, desk: &mut Desk) -> Result<Answer, Answer> {
    let email = caller(call, desk)?;
    let Some(Value::Object(body)) = call.json() else { return Err(refused(400, "Invalid JSON body")) };
    let ask = Ask::read(&body).map_err(|fault| refused(400, &fault.message))?;
    if !ask.model.contains('/') {
        return Err(refused(400, &format!("{} is not a valid model ID", ask.model)));
    }
    if email == people::POLICY {
        let message = "Your chosen model requires moderation and your input was flagged";
        return Err(with_metadata(403, message, json!({"reasons": ["policy"], "provider_name": "Pretend"})));
    }
    let now = desk.now;
    let quota = desk.quota(&email);
    if !quota.take(now) {
        return Err(limited(quota.limit(), quota.resets_at()));
    }
    let style = Style { provider: Some("Pretend"), comment: Some("OPENROUTER PROCESSING") };
    Ok(ask.answer(desk, &style))
}

/// Returns the 429 of an account whose requests of the day are used up until `reset` (Unix seconds).
pub fn limited(limit: u64, reset: i64) -> Answer {
    let headers = json!({
        "X-RateLimit-Limit": limit.to_string(), "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": (reset * 1_000).to_string(),
    });
    let message = "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day";
    with_metadata(429, message, json!({"headers": headers, "provider_name": null}))
        .header("x-ratelimit-limit", limit.to_string())
        .header("x-ratelimit-remaining", "0")
        .header("x-ratelimit-reset", (reset * 1_000).to_string())
}

/// Returns the 402 of an account without money.
pub fn no_credits() -> Answer {
    refused(402, "Insufficient credits. Add more using https://openrouter.ai/settings/credits")
}

fn refused(status: u16, message: &str) -> Answer {
    Answer::json(status, json!({"error": {"message": message, "code": status}}))
}

fn with_metadata(status: u16, message: &str, metadata: Value) -> Answer {
    Answer::json(status, json!({"error": {"message": message, "code": status, "metadata": metadata}}))
}
