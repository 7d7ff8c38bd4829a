//! The Messages API: what a request must have, and the answer, streamed or whole.

use serde_json::{Map, Value, json};

use super::super::answer::Answer;
use super::super::desk::Desk;
use super::super::echo::{self, Echo};
use super::super::people;
use super::super::received::Received;
use super::super::sse::Events;
use super::limits::{self, Policy, Windows};
use super::{Caller, NEWEST, caller, needs_beta, needs_scope, needs_version, organization, refused, request_id};

/// Everything that a request body may have.
const MEMBERS: [&str; 25] = [
    "model",
    "messages",
    "max_tokens",
    "stream",
    "system",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "tools",
    "tool_choice",
    "metadata",
    "service_tier",
    "thinking",
    "container",
    "mcp_servers",
    "context_management",
    "output_config",
    "output_format",
    "inference_geo",
    "cache_control",
    "diagnostics",
    "speed",
    "user_profile_id",
    "workspace_id",
];

/// The models that the list names; a request may name any that begins with `claude-`.
const MODELS: [(&str, &str); 6] = [
    ("claude-opus-5", "Claude Opus 5"),
    ("claude-sonnet-5", "Claude Sonnet 5"),
    ("claude-opus-4-8", "Claude Opus 4.8"),
    ("claude-opus-4-7", "Claude Opus 4.7"),
    ("claude-fable-5", "Claude Fable 5"),
    ("claude-haiku-4-5", "Claude Haiku 4.5"),
];

/// Lists the models.
pub(super) fn models(call: &Received, desk: &mut Desk) -> Answer {
    let allowed =
        caller(call, desk).and_then(|caller| needs_beta(&caller, call, desk)).and_then(|()| needs_version(call, desk));
    if let Err(answer) = allowed {
        return answer;
    }
    let limit = call.param("limit").and_then(|limit| limit.parse().ok()).unwrap_or(20_usize).clamp(1, 1_000);
    let shown = MODELS.iter().take(limit).map(
        |(id, name)| json!({"type": "model", "id": id, "display_name": name, "created_at": "2026-02-04T00:00:00Z"}),
    );
    let shown: Vec<Value> = shown.collect();
    let end = |model: Option<&Value>| model.map(|model| model["id"].clone());
    let list = json!({
        "data": shown, "has_more": shown.len() < MODELS.len(), "first_id": end(shown.first()),
        "last_id": end(shown.last()),
    });
    Answer::json(200, list).header("request-id", request_id(desk))
}

/// Answers a prompt.
pub(super) fn messages(call: &Received, desk: &mut Desk) -> Answer {
    match answer(call, desk) {
        Ok(answer) | Err(answer) => answer,
    }
}

fn answer(call: &Received, desk: &mut Desk) -> Result<Answer, Answer> {
    let caller = caller(call, desk)?;
    needs_beta(&caller, call, desk)?;
    needs_version(call, desk)?;
    needs_scope(&caller, desk, "user:inference")?;
    let newest = call.header("anthropic-version") == Some(NEWEST);
    let prompt = call.json().ok_or(()).map_err(|()| "The request body is not valid JSON".to_owned());
    let prompt = match prompt.and_then(|body| Prompt::read(&body, newest)) {
        Ok(prompt) => prompt,
        Err(why) => return Err(refused(desk, 400, "invalid_request_error", &why)),
    };
    if !prompt.model.starts_with("claude-") {
        return Err(refused(desk, 404, "not_found_error", &format!("model: {}", prompt.model)));
    }
    let email = caller.email().to_owned();
    let login = matches!(caller, Caller::Login(_));
    if login && email == people::POLICY {
        return Err(limits::policy(Policy::OtherProgram));
    }
    let now = desk.now;
    if login && !desk.quota(&email).take(now) {
        return Err(limits::used_up(desk, &email));
    }
    if !login && !desk.take_for_key(&email) {
        return Err(limits::key_used_up(desk));
    }
    let id = request_id(desk);
    let answer = prompt.answer(desk).header("request-id", id).header("anthropic-organization-id", organization(&email));
    Ok(if login { Windows::of(desk, &email).on(answer) } else { limits::key_headers(desk, answer) })
}

/// A request body that fits.
struct Prompt {
    model: String,
    stream: bool,
    max_tokens: u64,
    last: String,
    input_tokens: u64,
}

impl Prompt {
    fn read(body: &Value, newest: bool) -> Result<Self, String> {
        let Value::Object(body) = body else { return Err("Input should be a valid dictionary".to_owned()) };
        if let Some(name) = body.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(format!("{name}: Extra inputs are not permitted"));
        }
        let model = match body.get("model") {
            None => return Err("model: Field required".to_owned()),
            Some(Value::String(model)) if !model.is_empty() => model.clone(),
            Some(_) => return Err("model: Input should be a valid string".to_owned()),
        };
        let max_tokens = match body.get("max_tokens") {
            None => return Err("max_tokens: Field required".to_owned()),
            Some(value) => match value.as_u64() {
                Some(max) if max > 0 => max,
                _ => return Err("max_tokens: Input should be greater than or equal to 1".to_owned()),
            },
        };
        let stream = match body.get("stream") {
            None => false,
            Some(Value::Bool(stream)) => *stream,
            Some(_) => return Err("stream: Input should be a valid boolean".to_owned()),
        };
        range(body, "temperature")?;
        range(body, "top_p")?;
        let system = match body.get("system") {
            None => String::new(),
            Some(system) => text(system).ok_or("system: Input should be a valid string or a list of text blocks")?,
        };
        let (last, said) = conversation(body, newest)?;
        Ok(Self { model, stream, max_tokens, last, input_tokens: 3 + said + echo::tokens(&system) })
    }

    fn answer(&self, desk: &mut Desk) -> Answer {
        let id = format!("msg_01{}", desk.ids.text(22).replace(['-', '_'], "x"));
        let echo = Echo::of(&self.last, Some(self.max_tokens));
        let stop = if echo.cut { "max_tokens" } else { "end_turn" };
        let usage = |output: u64| {
            json!({
                "input_tokens": self.input_tokens, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
                "output_tokens": output, "service_tier": "standard",
            })
        };
        let message = |content: Value, stop: Value, output| {
            json!({
                "id": id, "type": "message", "role": "assistant", "model": self.model, "content": content,
                "stop_reason": stop, "stop_sequence": null, "usage": usage(output),
            })
        };
        if !self.stream {
            let content = json!([{"type": "text", "text": echo.text()}]);
            return Answer::json(200, message(content, json!(stop), echo.tokens));
        }
        let mut events = Events::new(&desk.variants, desk.options.pace);
        events.typed(&json!({"type": "message_start", "message": message(json!([]), Value::Null, 1)}));
        let block = json!({"type": "text", "text": ""});
        events.typed(&json!({"type": "content_block_start", "index": 0, "content_block": block}));
        events.typed(&json!({"type": "ping"}));
        for piece in &echo.pieces {
            let delta = json!({"type": "text_delta", "text": piece});
            events.typed(&json!({"type": "content_block_delta", "index": 0, "delta": delta}));
            events.paced();
        }
        events.typed(&json!({"type": "content_block_stop", "index": 0}));
        let delta = json!({"stop_reason": stop, "stop_sequence": null});
        let usage = json!({"output_tokens": echo.tokens});
        events.typed(&json!({"type": "message_delta", "delta": delta, "usage": usage}));
        events.typed(&json!({"type": "message_stop"}));
        events.answer()
    }
}

/// Checks the messages; returns the last text of the user and how many tokens all of them are.
fn conversation(body: &Map<String, Value>, newest: bool) -> Result<(String, u64), String> {
    let messages = match body.get("messages") {
        None => return Err("messages: Field required".to_owned()),
        Some(Value::Array(messages)) => messages,
        Some(_) => return Err("messages: Input should be a valid list".to_owned()),
    };
    let mut before = "assistant";
    let mut last = None;
    let mut tokens = 0;
    for (i, message) in messages.iter().enumerate() {
        // Since 2026-10-21 the system may speak between turns.
        if newest && message["role"] == "system" {
            tokens += 4 + echo::tokens(&text(&message["content"]).unwrap_or_default());
            continue;
        }
        let Some(role @ ("user" | "assistant")) = message["role"].as_str() else {
            return Err(format!("messages.{i}.role: Input should be 'user' or 'assistant'"));
        };
        if role == before && i == 0 {
            return Err("messages: first message must use the \"user\" role".to_owned());
        }
        if role == before {
            let why = "roles must alternate between \"user\" and \"assistant\", but found multiple";
            return Err(format!("messages: {why} \"{role}\" roles in a row"));
        }
        before = role;
        let said = text(&message["content"]).ok_or(format!("messages.{i}.content: Field required"))?;
        if said.is_empty() && !holds_other_blocks(&message["content"]) {
            return Err(format!("messages.{i}: {role} messages must have non-empty content"));
        }
        tokens += 4 + echo::tokens(&said);
        if role == "user" {
            last = Some(said);
        }
    }
    last.map(|last| (last, tokens)).ok_or("messages: at least one message is required".to_owned())
}

/// Returns the text of a content that is a text or a list of blocks.
fn text(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(blocks) => {
            let mut all = String::new();
            for block in blocks {
                match block["type"].as_str()? {
                    "text" => all.push_str(block["text"].as_str()?),
                    _ => continue,
                }
            }
            Some(all)
        }
        _ => None,
    }
}

fn holds_other_blocks(content: &Value) -> bool {
    content.as_array().is_some_and(|blocks| blocks.iter().any(|block| block["type"] != "text"))
}

fn range(body: &Map<String, Value>, name: &str) -> Result<(), String> {
    match body.get(name).map(Value::as_f64) {
        None | Some(Some(0.0..=1.0)) => Ok(()),
        Some(_) => Err(format!("{name}: range: 0..1")),
    }
}
