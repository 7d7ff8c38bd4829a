//! The Gemini API: who may ask, content, models.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::desk::Desk;
use super::super::people;
use super::super::received::Received;
use super::limits;
use super::prompt::{Form, Prompt, invalid};
use super::{CLOUD, PROJECT, bearer, info, of_models, refused};

const MODELS: [(&str, &str); 4] = [
    ("gemini-2.5-pro", "Gemini 2.5 Pro"),
    ("gemini-2.5-flash", "Gemini 2.5 Flash"),
    ("gemini-3.1-pro-preview", "Gemini 3.1 Pro Preview"),
    ("gemini-3.5-flash", "Gemini 3.5 Flash"),
];

/// The account behind a request, and whether it signed in or uses a key.
struct Caller {
    email: String,
    login: bool,
}

fn caller(call: &Received, desk: &Desk) -> Result<Caller, Answer> {
    if let Some(key) = call.header("x-goog-api-key") {
        if call.bearer().is_some() {
            return Err(invalid("Only one of x-goog-api-key and Authorization may be sent."));
        }
        let Some(email) = desk.tokens.key_owner(key) else {
            let detail =
                info("API_KEY_INVALID", "googleapis.com", json!({"service": "generativelanguage.googleapis.com"}));
            let message = "API key not valid. Please pass a valid API key.";
            return Err(refused(400, "INVALID_ARGUMENT", message, &[detail]));
        };
        return Ok(Caller { email: email.to_owned(), login: false });
    }
    if call.header("authorization").is_none() {
        let message = "Method doesn't allow unregistered callers (callers without established identity). \
                       Please use API Key or other form of API consumer identity to call this API.";
        return Err(refused(403, "PERMISSION_DENIED", message, &[]));
    }
    let scopes = [CLOUD, "https://www.googleapis.com/auth/generative-language.retriever"];
    let family = bearer(call, desk, &scopes)?;
    match call.header("x-goog-user-project") {
        Some(PROJECT) => Ok(Caller { email: family.grant.email, login: true }),
        Some(other) => {
            let message = format!(
                "Caller does not have required permission to use project {other}. \
                 Grant the caller the roles/serviceusage.serviceUsageConsumer role."
            );
            let detail =
                info("USER_PROJECT_DENIED", "googleapis.com", json!({"consumer": format!("projects/{other}")}));
            Err(refused(403, "PERMISSION_DENIED", &message, &[detail]))
        }
        None => {
            let message = "The generativelanguage.googleapis.com API requires a quota project, \
                           which is not set by default.";
            Err(refused(403, "PERMISSION_DENIED", message, &[]))
        }
    }
}

/// Lists models, and counts tokens.
pub(super) fn models(call: &Received, desk: &mut Desk) -> Result<Answer, Answer> {
    caller(call, desk)?;
    if call.path.ends_with(":countTokens") {
        let body = call.json().unwrap_or_default();
        let inner = body.get("generateContentRequest").unwrap_or(&body);
        let Value::Object(inner) = inner else { return Err(invalid("Invalid JSON payload received.")) };
        return Ok(Answer::json(200, json!({"totalTokens": Prompt::read(inner, &[])?.tokens()})));
    }
    let size = call.param("pageSize").map_or(Ok(50), |size| size.parse::<usize>());
    let start = call.param("pageToken").map_or(Ok(0), |token| token.parse::<usize>());
    let (Ok(size), Ok(start)) = (size, start) else { return Err(invalid("Invalid page.")) };
    let size = if size == 0 { 50 } else { size.min(1_000) };
    let models = MODELS.iter().skip(start).take(size).map(|(id, name)| {
        json!({
            "name": format!("models/{id}"), "displayName": name, "inputTokenLimit": 1_048_576,
            "outputTokenLimit": 65_536, "supportedGenerationMethods": ["generateContent", "countTokens"],
        })
    });
    let mut list = json!({"models": models.collect::<Vec<_>>()});
    if start + size < MODELS.len() {
        list["nextPageToken"] = json!((start + size).to_string());
    }
    Ok(Answer::json(200, list))
}

/// Answers a prompt.
pub(super) fn generate(call: &Received, desk: &mut Desk) -> Result<Answer, Answer> {
    let caller = caller(call, desk)?;
    let name = of_models(&call.path).unwrap_or_default().split(':').next().unwrap_or_default();
    if !name.starts_with("gemini-") {
        let message = format!(
            "models/{name} is not found for API version v1beta, or is not supported for generateContent. \
             Call ListModels to see the list of available models and their supported methods."
        );
        return Err(refused(404, "NOT_FOUND", &message, &[]));
    }
    let Some(Value::Object(body)) = call.json() else { return Err(invalid("Invalid JSON payload received.")) };
    let prompt = Prompt::read(&body, &[])?;
    if caller.login && caller.email == people::POLICY {
        let message = "User location is not supported for the API use.";
        return Err(refused(400, "FAILED_PRECONDITION", message, &[]));
    }
    let now = desk.now;
    let allowed = if caller.login { desk.quota(&caller.email).take(now) } else { desk.take_for_key(&caller.email) };
    if !allowed {
        return Err(limits::used_up(desk, &caller.email, name));
    }
    let form = Form::of(&call.path, call.param("alt").as_deref());
    Ok(prompt.answer(desk, name, form, &|piece| piece))
}
