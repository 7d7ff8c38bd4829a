//! The chat completions dialect, which Qwen and OpenRouter share: the messages, and the answer, streamed or whole.

use serde_json::{Map, Value, json};

use super::answer::{Answer, Body, Chunk};
use super::desk::Desk;
use super::echo::{self, Echo};
use super::responses::{Fault, flag};
use super::sse::Events;

/// A request that fits.
pub(super) struct Ask {
    pub(super) model: String,
    stream: bool,
    usage: bool,
    max: Option<u64>,
    last: String,
    tokens: u64,
}

/// What one service adds to the answer.
#[derive(Default)]
pub(super) struct Style {
    /// The `provider` member of each piece.
    pub(super) provider: Option<&'static str>,
    /// A comment before the first event.
    pub(super) comment: Option<&'static str>,
}

impl Ask {
    /// Reads a request.
    pub(super) fn read(body: &Map<String, Value>) -> Result<Self, Fault> {
        let missing = |name: &str| Fault::new(name, format!("you must provide a {name} parameter"));
        let model = body.get("model").and_then(Value::as_str).filter(|model| !model.is_empty());
        let model = model.ok_or_else(|| missing("model"))?.to_owned();
        let stream = flag(body, "stream", false)?;
        let options = body.get("stream_options");
        if options.is_some_and(|options| !options.is_null()) && !stream {
            let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
            return Err(Fault::new("stream_options", message));
        }
        let wanted = |value: Option<&Value>, name: &str| value.is_some_and(|value| value[name] == true);
        let usage = wanted(options, "include_usage") || wanted(body.get("usage"), "include");
        let max = body.get("max_tokens").or_else(|| body.get("max_completion_tokens")).filter(|max| !max.is_null());
        let max = match max.map(Value::as_u64) {
            None => None,
            Some(Some(max)) if max > 0 => Some(max),
            Some(_) => return Err(Fault::new("max_tokens", "Range of max_tokens should be [1, 65536]")),
        };
        let messages = body.get("messages").and_then(Value::as_array).filter(|messages| !messages.is_empty());
        let mut read = Self { model, stream, usage, max, last: String::new(), tokens: 0 };
        for (i, message) in messages.ok_or_else(|| missing("messages"))?.iter().enumerate() {
            let role = message["role"].as_str().unwrap_or_default();
            if !["system", "developer", "user", "assistant", "tool"].contains(&role) {
                let why =
                    format!("'{role}' is not one of ['system', 'assistant', 'user', 'tool'] - 'messages.{i}.role'");
                return Err(Fault::new(format!("messages[{i}].role"), why));
            }
            let Some(said) = text(&message["content"]) else {
                let why = format!("Invalid value for 'content': expected a string or a list, messages[{i}].content");
                return Err(Fault::new(format!("messages[{i}].content"), why));
            };
            read.tokens += 4 + echo::tokens(&said);
            if role == "user" {
                read.last = said;
            }
        }
        Ok(read)
    }

    /// Repeats the prompt.
    pub(super) fn answer(&self, desk: &mut Desk, style: &Style) -> Answer {
        let echo = Echo::of(&self.last, self.max);
        let finish = if echo.cut { "length" } else { "stop" };
        let usage = json!({
            "prompt_tokens": self.tokens, "completion_tokens": echo.tokens, "total_tokens": self.tokens + echo.tokens,
            "prompt_tokens_details": {"cached_tokens": 0},
        });
        let (id, created) = (format!("chatcmpl-{}", desk.ids.uuid()), desk.now);
        let piece = |kind: &str, choices: Value, usage: Value| {
            let mut piece = json!({
                "id": id, "object": kind, "created": created, "model": self.model, "choices": choices, "usage": usage,
            });
            if let Some(provider) = style.provider {
                piece["provider"] = json!(provider);
            }
            piece
        };
        if !self.stream {
            let message = json!({"role": "assistant", "content": echo.text()});
            let choice = json!([{"index": 0, "message": message, "finish_reason": finish}]);
            return Answer::json(200, piece("chat.completion", choice, usage));
        }
        let mut events = Events::new(&desk.variants, desk.options.pace);
        let chunk = |delta: Value, finish: Value| {
            let choice = json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
            piece("chat.completion.chunk", choice, Value::Null).to_string()
        };
        events.plain(&chunk(json!({"role": "assistant", "content": ""}), Value::Null));
        for said in &echo.pieces {
            events.plain(&chunk(json!({"content": said}), Value::Null));
            events.paced();
        }
        events.plain(&chunk(json!({"content": ""}), json!(finish)));
        if self.usage {
            events.plain(&piece("chat.completion.chunk", json!([]), usage).to_string());
        }
        events.plain("[DONE]");
        let mut answer = events.answer();
        if let (Some(comment), Body::Stream { chunks, .. }) = (style.comment, &mut answer.body) {
            chunks.insert(0, Chunk::new(format!(": {comment}\n\n")));
        }
        answer
    }
}

/// Returns the text of a content that is a text or a list of parts.
fn text(content: &Value) -> Option<String> {
    match content {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => Some(parts.iter().filter_map(|part| part["text"].as_str()).collect()),
        _ => None,
    }
}
