//! Chat completions, by login or by DashScope key.

use serde_json::{Value, json};

use super::super::answer::{Answer, Chunk, End};
use super::super::completions::{Ask, Style};
use super::super::desk::Desk;
use super::super::people;
use super::super::received::Received;
use super::super::tokens::Standing;

const MODELS: [&str; 6] =
    ["coder-model", "vision-model", "qwen3-coder-plus", "qwen3.8-max", "qwen3.7-plus", "qwen3.8-flash"];

const REQUEST: &str = "00000000-0000-4000-8000-000000000000";

/// Returns the refusal of an account whose free requests of the day are used up; 429, by some reports 403.
pub fn free_quota(status: u16) -> Answer {
    let message = "Free allocated quota exceeded.";
    refused(status, "insufficient_quota", "insufficient_quota", message, REQUEST)
}

/// Returns the 429 of a burst.
pub fn throttled() -> Answer {
    let message = "You exceeded your current requests list.";
    refused(429, "limit_requests", "limit_requests", message, REQUEST)
}

/// Returns a stream whose last piece is an error in the clothes of an answer.
pub fn error_finish(message: &str) -> Answer {
    let piece = |delta: Value, finish: Value| {
        let choice = json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
        let piece = json!({"id": "chatcmpl-x", "object": "chat.completion.chunk", "created": 0, "choices": choice});
        Chunk::new(format!("data: {piece}\n\n"))
    };
    let chunks = vec![
        piece(json!({"role": "assistant", "content": ""}), Value::Null),
        piece(json!({"content": message}), json!("error_finish")),
        Chunk::new("data: [DONE]\n\n"),
    ];
    Answer::stream(chunks, End::Whole)
}

/// Lists the models that a key may use.
pub(super) fn models(call: &Received, desk: &mut Desk) -> Answer {
    if let Err(answer) = caller(call, desk) {
        return answer;
    }
    let data = MODELS.map(|id| json!({"id": id, "object": "model", "created": 1_780_000_000, "owned_by": "system"}));
    Answer::json(200, json!({"object": "list", "data": data}))
}

/// Answers a prompt.
pub(super) fn completions(call: &Received, desk: &mut Desk) -> Answer {
    match answer(call, desk) {
        Ok(answer) | Err(answer) => answer,
    }
}

struct Caller {
    email: String,
    login: bool,
}

/// Finds out who asks. A login is taken at both hosts, a key only at DashScope.
fn caller(call: &Received, desk: &mut Desk) -> Result<Caller, Answer> {
    let token = call.bearer().unwrap_or_default();
    if let Standing::Good(family) = desk.tokens.standing(token, desk.now) {
        return Ok(Caller { email: family.grant.email, login: true });
    }
    let key = call.path.starts_with("/compatible-mode/");
    match desk.tokens.key_owner(token).map(str::to_owned) {
        Some(email) if key => Ok(Caller { email, login: false }),
        _ => {
            let message = if key {
                "Incorrect API key provided. For details, see: \
                 https://help.aliyun.com/zh/model-studio/error-code#apikey-error"
            } else {
                "invalid access token or token expired"
            };
            Err(refused(401, "invalid_request_error", "invalid_api_key", message, &desk.ids.uuid()))
        }
    }
}

fn answer(call: &Received, desk: &mut Desk) -> Result<Answer, Answer> {
    let caller = caller(call, desk)?;
    let request = desk.ids.uuid();
    let wrong = |message: &str| refused(400, "invalid_request_error", "invalid_parameter_error", message, &request);
    let Some(Value::Object(body)) = call.json() else {
        return Err(wrong("The request body is not a JSON object."));
    };
    let ask = Ask::read(&body).map_err(|fault| wrong(&fault.message))?;
    if !MODELS.contains(&ask.model.as_str()) && !ask.model.starts_with("qwen") {
        let message = format!("The model `{}` does not exist or you do not have access to it.", ask.model);
        return Err(refused(404, "invalid_request_error", "model_not_found", &message, &request));
    }
    if caller.login && caller.email == people::POLICY {
        return Err(refused(403, "access_denied", "access_denied", "Access denied.", &request));
    }
    let now = desk.now;
    let allowed = if caller.login { desk.quota(&caller.email).take(now) } else { desk.take_for_key(&caller.email) };
    if !allowed {
        return Err(free_quota(429));
    }
    Ok(ask.answer(desk, &Style::default()).header("x-request-id", request.clone()))
}

fn refused(status: u16, kind: &str, code: &str, message: &str, request: &str) -> Answer {
    let error = json!({"message": message, "type": kind, "param": null, "code": code});
    Answer::json(status, json!({"error": error, "request_id": request}))
}
