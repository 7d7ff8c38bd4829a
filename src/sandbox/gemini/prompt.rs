//! A request for content and the pieces of its answer, for the Gemini API and Code Assist alike.

use serde_json::{Map, Value, json};

use super::super::answer::Answer;
use super::super::desk::Desk;
use super::super::echo::{self, Echo};
use super::super::sse::Events;
use super::super::variants::Variants;
use super::refused;

/// Everything that a request may have, in both spellings that JSON for protocol buffers allows.
const MEMBERS: [&str; 12] = [
    "contents",
    "systemInstruction",
    "system_instruction",
    "generationConfig",
    "generation_config",
    "safetySettings",
    "safety_settings",
    "tools",
    "toolConfig",
    "tool_config",
    "cachedContent",
    "model",
];

/// A request that fits.
pub(super) struct Prompt {
    last: String,
    tokens: u64,
    max: Option<u64>,
    thoughts: bool,
}

impl Prompt {
    /// Reads a request; `more` are members that only this service knows.
    pub(super) fn read(body: &Map<String, Value>, more: &[&str]) -> Result<Self, Answer> {
        let unknown = body.keys().find(|name| !MEMBERS.contains(&name.as_str()) && !more.contains(&name.as_str()));
        if let Some(name) = unknown {
            let why = format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot find field.");
            return Err(invalid(&why));
        }
        let contents = body.get("contents").and_then(Value::as_array).filter(|contents| !contents.is_empty());
        let Some(contents) = contents else {
            return Err(invalid("* GenerateContentRequest.contents: contents is not specified\n"));
        };
        let mut read = Self { last: String::new(), tokens: 0, max: None, thoughts: false };
        for (i, content) in contents.iter().enumerate() {
            let role = content["role"].as_str().unwrap_or("user");
            if !["user", "model", "function"].contains(&role) {
                return Err(invalid("Please use a valid role: user, model."));
            }
            let Some(said) = text(content) else {
                let why = format!("* GenerateContentRequest.contents[{i}].parts: contents.parts must not be empty.\n");
                return Err(invalid(&why));
            };
            read.tokens += 1 + echo::tokens(&said);
            if role == "user" {
                read.last = said;
            }
        }
        let system = body.get("systemInstruction").or_else(|| body.get("system_instruction"));
        if let Some(system) = system {
            let said =
                text(system).ok_or_else(|| invalid("* GenerateContentRequest.system_instruction.parts: empty\n"))?;
            read.tokens += echo::tokens(&said);
        }
        let config = body.get("generationConfig").or_else(|| body.get("generation_config")).unwrap_or(&Value::Null);
        read.max = config["maxOutputTokens"].as_u64();
        if config.get("maxOutputTokens").is_some_and(|max| max.as_u64().is_none_or(|max| max == 0)) {
            return Err(invalid("max_output_tokens must be positive."));
        }
        read.thoughts = config["thinkingConfig"]["includeThoughts"] == true;
        Ok(read)
    }

    /// Returns how many tokens the request is.
    pub(super) fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Repeats the prompt, in the form that the path asks for; `wrap` is put around each piece.
    pub(super) fn answer(&self, desk: &mut Desk, model: &str, form: Form, wrap: &dyn Fn(Value) -> Value) -> Answer {
        let pieces = self.pieces(model, &desk.ids.text(22), form == Form::Whole);
        match form {
            Form::Whole => Answer::json(200, pieces.into_iter().map(wrap).next().unwrap_or_default()),
            Form::List => Answer::json(200, pieces.into_iter().map(wrap).collect()),
            Form::Events => {
                // Google ends its lines with CR and LF.
                let variants = Variants { crlf: true, ..desk.variants.clone() };
                let mut events = Events::new(&variants, desk.options.pace);
                for piece in pieces {
                    events.plain(&wrap(piece).to_string());
                    events.paced();
                }
                events.answer()
            }
        }
    }

    fn pieces(&self, model: &str, id: &str, whole: bool) -> Vec<Value> {
        let echo = Echo::of(&self.last, self.max);
        let texts = if whole || echo.pieces.is_empty() { vec![echo.text()] } else { echo.pieces.clone() };
        let thoughts = u64::from(self.thoughts) * 3;
        let piece = |part: Value, finish: Option<&str>| {
            let mut candidate = json!({"content": {"parts": [part], "role": "model"}, "index": 0});
            let mut usage = json!({"promptTokenCount": self.tokens, "totalTokenCount": self.tokens});
            if let Some(finish) = finish {
                candidate["finishReason"] = json!(finish);
                usage["candidatesTokenCount"] = json!(echo.tokens);
                usage["thoughtsTokenCount"] = json!(thoughts);
                usage["totalTokenCount"] = json!(self.tokens + echo.tokens + thoughts);
            }
            json!({"candidates": [candidate], "usageMetadata": usage, "modelVersion": model, "responseId": id})
        };
        let mut pieces = Vec::new();
        if self.thoughts && !whole {
            pieces.push(piece(json!({"text": "**Considering the prompt**", "thought": true}), None));
        }
        let finish = if echo.cut { "MAX_TOKENS" } else { "STOP" };
        for (i, text) in texts.iter().enumerate() {
            let last = i + 1 == texts.len();
            pieces.push(piece(json!({"text": text}), last.then_some(finish)));
        }
        pieces
    }
}

/// How an answer is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One JSON document.
    Whole,
    /// A list of pieces: streaming without `alt=sse`.
    List,
    /// Server-sent events.
    Events,
}

impl Form {
    /// Reads it from the method and the query.
    pub(super) fn of(path: &str, alt: Option<&str>) -> Self {
        match (path.ends_with(":streamGenerateContent"), alt) {
            (false, _) => Self::Whole,
            (true, Some("sse")) => Self::Events,
            (true, _) => Self::List,
        }
    }
}

/// Returns the text of a content; nothing where it has no parts.
fn text(content: &Value) -> Option<String> {
    let parts = content["parts"].as_array().filter(|parts| !parts.is_empty())?;
    let said = parts.iter().filter(|part| part["thought"] != true).filter_map(|part| part["text"].as_str());
    Some(said.collect())
}

/// Returns a 400 for a body that does not fit.
pub(super) fn invalid(message: &str) -> Answer {
    refused(400, "INVALID_ARGUMENT", message, &[])
}
