//! The OpenAI API with a key: responses and models.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::desk::Desk;
use super::people::WORK;
use super::provider::{Endpoint, Provider};
use super::received::Received;
use super::responses::{self, Fault, Input, Reply};

/// The stand-in for the OpenAI API.
pub(super) struct OpenAi;

const MODELS: [&str; 4] = ["gpt-5.6-sol", "gpt-5.6-luna", "gpt-5.5", "gpt-5.4-mini"];

impl Provider for OpenAi {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn endpoint(&self, call: &Received) -> Option<Endpoint> {
        match call.path.as_str() {
            "/v1/responses" => Some(Endpoint::Chat),
            "/v1/models" => Some(Endpoint::Models),
            _ => None,
        }
    }

    fn answer(&self, endpoint: Endpoint, call: &Received, desk: &mut Desk) -> Answer {
        let wanted = if endpoint == Endpoint::Chat { "POST" } else { "GET" };
        if call.method != wanted {
            let message = format!("Not allowed to {} on {}.", call.method, call.path);
            return refused(405, "invalid_request_error", None, "method_not_supported", &message);
        }
        let answer = match endpoint {
            Endpoint::Models => caller(call, desk).map(|_| models()),
            _ => chat(call, desk),
        };
        let answer = answer.unwrap_or_else(|refusal| refusal);
        answer.header("x-request-id", format!("req_{}", desk.ids.uuid().replace('-', "")))
    }

    fn elsewhere(&self, call: &Received, _: &mut Desk) -> Answer {
        let message = format!("Invalid URL ({} {})", call.method, call.path);
        refused(404, "invalid_request_error", None, "", &message)
    }

    fn ready(&self, desk: &mut Desk) -> Value {
        let key = format!("sk-proj-{}", desk.ids.text(64));
        desk.tokens.keep_key(key.clone(), WORK.to_owned());
        json!({
            "base_url": format!("{}/v1", desk.url), "access_token": null, "refresh_token": null, "id_token": null,
            "api_key": key, "account": WORK,
        })
    }
}

fn caller(call: &Received, desk: &Desk) -> Result<String, Answer> {
    let Some(key) = call.bearer() else {
        let message = "You didn't provide an API key. You need to provide your API key in an Authorization header \
                       using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
        return Err(refused(401, "invalid_request_error", None, "", message));
    };
    desk.tokens.key_owner(key).map(str::to_owned).ok_or_else(|| {
        let shown: String = key.chars().take(7).collect();
        let message = format!(
            "Incorrect API key provided: {shown}***. \
             You can find your API key at https://platform.openai.com/account/api-keys."
        );
        refused(401, "invalid_request_error", None, "invalid_api_key", &message)
    })
}

fn models() -> Answer {
    let data = MODELS.map(|id| json!({"id": id, "object": "model", "created": 1_780_000_000, "owned_by": "openai"}));
    Answer::json(200, json!({"object": "list", "data": data}))
}

fn chat(call: &Received, desk: &mut Desk) -> Result<Answer, Answer> {
    let email = caller(call, desk)?;
    let Some(Value::Object(body)) = call.json() else {
        let message = "We could not parse the JSON body of your request.";
        return Err(refused(400, "invalid_request_error", None, "", message));
    };
    let ask = Ask::read(&body).map_err(|fault| {
        let code = if fault.message.starts_with("Missing") { "missing_required_parameter" } else { "invalid_value" };
        refused(400, "invalid_request_error", Some(&fault.param), code, &fault.message)
    })?;
    if !ask.model.starts_with("gpt-") {
        let message = format!("The requested model '{}' does not exist.", ask.model);
        return Err(refused(400, "invalid_request_error", Some("model"), "model_not_found", &message));
    }
    if !desk.take_for_key(&email) {
        let message = "You exceeded your current quota, please check your plan and billing details.";
        return Err(refused(429, "insufficient_quota", None, "insufficient_quota", message));
    }
    let reply = Reply {
        model: &ask.model,
        input: &ask.input,
        instructions: ask.instructions.as_deref(),
        max: ask.max,
        stream: ask.stream,
        empty_output: false,
    };
    let mut answer = reply.answer(desk);
    for (what, limit) in [("requests", 10_000), ("tokens", 2_000_000)] {
        answer = answer.header(&format!("x-ratelimit-limit-{what}"), limit.to_string());
        answer = answer.header(&format!("x-ratelimit-remaining-{what}"), (limit - 1).to_string());
        answer = answer.header(&format!("x-ratelimit-reset-{what}"), "6ms");
    }
    Ok(answer.header("openai-version", "2020-10-01"))
}

struct Ask {
    model: String,
    input: Input,
    instructions: Option<String>,
    max: Option<u64>,
    stream: bool,
}

impl Ask {
    fn read(body: &Map<String, Value>) -> Result<Self, Fault> {
        let model = match body.get("model") {
            Some(Value::String(model)) => model.clone(),
            _ => return Err(Fault::new("model", "Missing required parameter: 'model'.")),
        };
        let max = match body.get("max_output_tokens") {
            None | Some(Value::Null) => None,
            Some(value) => match value.as_u64() {
                Some(max) if max >= 16 => Some(max),
                _ => {
                    let message = "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16.";
                    return Err(Fault::new("max_output_tokens", message));
                }
            },
        };
        let instructions = match body.get("instructions") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => return Err(Fault::new("instructions", "Invalid type for 'instructions': expected a string.")),
        };
        responses::flag(body, "store", true)?;
        let stream = responses::flag(body, "stream", false)?;
        Ok(Self { model, input: responses::input(body.get("input"))?, instructions, max, stream })
    }
}

fn refused(status: u16, kind: &str, param: Option<&str>, code: &str, message: &str) -> Answer {
    let code = Some(code).filter(|code| !code.is_empty());
    let error = json!({"message": message, "type": kind, "param": param, "code": code});
    Answer::json(status, json!({"error": error}))
}
