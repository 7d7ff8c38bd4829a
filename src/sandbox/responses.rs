//! The Responses dialect, which Codex and the OpenAI API share: the input, and the answer, streamed or whole.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::desk::Desk;
use super::echo::{self, Echo};
use super::sse::Events;

/// What is wrong with a body: the parameter and a sentence.
pub(super) struct Fault {
    pub(super) param: String,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { param: param.into(), message: message.into() }
    }
}

/// The conversation of a request.
#[derive(Default)]
pub(super) struct Input {
    /// The last text of the user.
    pub(super) last: String,
    pub(super) tokens: u64,
    pub(super) first_role: String,
    pub(super) has_system: bool,
}

/// Reads `input`, a text or a list of items.
pub(super) fn input(value: Option<&Value>) -> Result<Input, Fault> {
    let items = match value {
        None => return Err(Fault::new("input", "Missing required parameter: 'input'.")),
        Some(Value::String(text)) => {
            let (last, tokens) = (text.clone(), echo::tokens(text));
            return Ok(Input { last, tokens, first_role: "user".to_owned(), has_system: false });
        }
        Some(Value::Array(items)) => items,
        Some(_) => return Err(Fault::new("input", "Invalid type for 'input': expected a string or an array.")),
    };
    let mut read = Input::default();
    for (i, item) in items.iter().enumerate() {
        let kind = item["type"].as_str().unwrap_or("message");
        if kind != "message" {
            continue;
        }
        let role = match item["role"].as_str() {
            Some(role @ ("user" | "assistant" | "developer" | "system")) => role,
            Some(role) => return Err(Fault::new(format!("input[{i}].role"), format!("Invalid value: '{role}'."))),
            None => {
                let param = format!("input[{i}].role");
                let message = format!("Missing required parameter: '{param}'.");
                return Err(Fault::new(param, message));
            }
        };
        let said = content(&item["content"], role, i)?;
        read.tokens += 4 + echo::tokens(&said);
        read.has_system |= role == "system";
        if read.first_role.is_empty() {
            read.first_role = role.to_owned();
        }
        if role == "user" {
            read.last = said;
        }
    }
    if read.first_role.is_empty() {
        return Err(Fault::new("input", "Invalid 'input': at least one message is required."));
    }
    Ok(read)
}

/// Returns the text of an item; its parts must be of the kind that its role speaks in.
fn content(content: &Value, role: &str, i: usize) -> Result<String, Fault> {
    let parts = match content {
        Value::String(text) => return Ok(text.clone()),
        Value::Array(parts) => parts,
        _ => {
            let param = format!("input[{i}].content");
            let message = format!("Missing required parameter: '{param}'.");
            return Err(Fault::new(param, message));
        }
    };
    let allowed: &[&str] = match role {
        "assistant" => &["output_text", "refusal"],
        _ => &["input_text", "input_image", "input_file"],
    };
    let mut text = String::new();
    for (j, part) in parts.iter().enumerate() {
        let kind = part["type"].as_str().unwrap_or_default();
        if !allowed.contains(&kind) {
            let names: Vec<String> = allowed.iter().map(|name| format!("'{name}'")).collect();
            let message = format!("Invalid value: '{kind}'. Supported values are: {}.", names.join(", "));
            return Err(Fault::new(format!("input[{i}].content[{j}]"), message));
        }
        text.push_str(part["text"].as_str().unwrap_or_default());
    }
    Ok(text)
}

/// What is answered with.
pub(super) struct Reply<'a> {
    pub(super) model: &'a str,
    pub(super) input: &'a Input,
    pub(super) instructions: Option<&'a str>,
    pub(super) max: Option<u64>,
    pub(super) stream: bool,
    /// Codex leaves the final `output` empty; the items were in the stream.
    pub(super) empty_output: bool,
}

impl Reply<'_> {
    /// Repeats the prompt.
    pub(super) fn answer(&self, desk: &mut Desk) -> Answer {
        let echo = Echo::of(&self.input.last, self.max);
        let id = format!("resp_{}", hex(&desk.ids.uuid()));
        let item_id = format!("msg_{}", hex(&desk.ids.uuid()));
        let part = json!({"type": "output_text", "text": echo.text(), "annotations": []});
        let item = json!({
            "id": item_id, "type": "message", "status": "completed", "role": "assistant", "content": [part],
        });
        let created = desk.now;
        let response = |status: &str, output: Value| {
            json!({
                "id": id, "object": "response", "created_at": created, "status": status, "model": self.model,
                "instructions": self.instructions, "output": output, "error": null, "incomplete_details": null,
                "usage": null,
            })
        };
        let mut last = response(
            if echo.cut { "incomplete" } else { "completed" },
            if self.empty_output { json!([]) } else { json!([item]) },
        );
        last["usage"] = self.usage(&echo);
        if echo.cut {
            last["incomplete_details"] = json!({"reason": "max_output_tokens"});
        }
        if !self.stream {
            return Answer::json(200, last);
        }
        let mut out = Numbered { events: Events::new(&desk.variants, desk.options.pace), number: 0 };
        let place = |kind: &str| json!({"type": kind, "item_id": item_id, "output_index": 0, "content_index": 0});
        out.add(json!({"type": "response.created", "response": response("in_progress", json!([]))}));
        out.add(json!({"type": "response.in_progress", "response": response("in_progress", json!([]))}));
        let empty = json!({
            "id": item_id, "type": "message", "status": "in_progress", "role": "assistant", "content": [],
            "phase": "final_answer",
        });
        out.add(json!({"type": "response.output_item.added", "output_index": 0, "item": empty}));
        let blank = json!({"type": "output_text", "text": "", "annotations": []});
        out.add(with(place("response.content_part.added"), "part", blank));
        for piece in &echo.pieces {
            out.add(with(place("response.output_text.delta"), "delta", json!(piece)));
            out.events.paced();
        }
        out.add(with(place("response.output_text.done"), "text", json!(echo.text())));
        out.add(with(place("response.content_part.done"), "part", part));
        out.add(json!({"type": "response.output_item.done", "output_index": 0, "item": item}));
        let end = if echo.cut { "response.incomplete" } else { "response.completed" };
        out.add(json!({"type": end, "response": last}));
        out.events.answer()
    }

    fn usage(&self, echo: &Echo) -> Value {
        let input = 3 + self.input.tokens + self.instructions.map_or(0, echo::tokens);
        json!({
            "input_tokens": input, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": echo.tokens,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": input + echo.tokens,
        })
    }
}

/// Events that count themselves.
struct Numbered<'a> {
    events: Events<'a>,
    number: u64,
}

impl Numbered<'_> {
    fn add(&mut self, event: Value) {
        self.events.typed(&with(event, "sequence_number", json!(self.number)));
        self.number += 1;
    }
}

/// Reads a member that is a boolean or absent.
pub(super) fn flag(body: &Map<String, Value>, name: &str, absent: bool) -> Result<bool, Fault> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(absent),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Fault::new(name, format!("Invalid type for '{name}': expected a boolean."))),
    }
}

fn with(mut event: Value, name: &str, value: Value) -> Value {
    event[name] = value;
    event
}

fn hex(uuid: &str) -> String {
    uuid.replace('-', "")
}
