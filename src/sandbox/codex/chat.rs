//! The responses endpoint behind a ChatGPT login, and its models.

use serde_json::{Map, Value, json};

use super::super::answer::Answer;
use super::super::desk::Desk;
use super::super::people;
use super::super::received::Received;
use super::super::responses::{self, Reply};
use super::{caller, detail, limits, plan};

/// Everything that a body may have; what the API takes beyond it is refused here.
const MEMBERS: [&str; 15] = [
    "model",
    "instructions",
    "input",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "store",
    "stream",
    "stream_options",
    "include",
    "prompt_cache_key",
    "text",
    "service_tier",
    "client_metadata",
];

/// The models with the first client version that sees them.
const MODELS: [(&str, &str, u32); 4] = [
    ("gpt-5.6-sol", "GPT-5.6-Sol", 150),
    ("gpt-5.6-luna", "GPT-5.6-Luna", 150),
    ("gpt-5.5", "GPT-5.5", 0),
    ("gpt-5.4-mini", "GPT-5.4-Mini", 0),
];

/// Lists the models; an old `client_version` does not see the newest.
pub(super) fn models(call: &Received, desk: &mut Desk) -> Answer {
    if let Err(answer) = caller(call, desk) {
        return answer;
    }
    let version = call.param("client_version").unwrap_or_default();
    let minor: u32 = version.split('.').nth(1).and_then(|part| part.parse().ok()).unwrap_or_default();
    let seen = MODELS.iter().filter(|(_, _, since)| minor >= *since).enumerate();
    let models = seen.map(|(i, (slug, name, _))| {
        // The Codex CLI takes the list only whole: it drops all models where one lacks a member.
        json!({
            "slug": slug, "display_name": name, "description": name, "default_reasoning_level": "medium",
            "supported_reasoning_levels": [{"effort": "medium", "description": "Balanced"}],
            "shell_type": "shell_command", "visibility": "list", "supported_in_api": true, "priority": i + 1,
            "upgrade": null, "base_instructions": "Be helpful.", "supports_reasoning_summaries": true,
            "support_verbosity": true, "default_verbosity": "medium", "apply_patch_tool_type": "freeform",
            "truncation_policy": {"mode": "tokens", "limit": 10_000}, "supports_parallel_tool_calls": true,
            "context_window": 272_000, "experimental_supported_tools": [], "input_modalities": ["text", "image"],
        })
    });
    Answer::json(200, json!({"models": models.collect::<Vec<_>>()})).header("etag", "W/\"pretend\"")
}

/// Answers a prompt.
pub(super) fn responses(call: &Received, desk: &mut Desk) -> Answer {
    match answer(call, desk) {
        Ok(answer) | Err(answer) => answer,
    }
}

fn answer(call: &Received, desk: &mut Desk) -> Result<Answer, Answer> {
    let email = caller(call, desk)?;
    let Some(Value::Object(body)) = call.json() else {
        return Err(detail(400, "The request body is not a JSON object"));
    };
    let read = check(&body).map_err(|why| detail(400, &why))?;
    if !read.model.starts_with("gpt-") && !read.model.starts_with("codex-") {
        let why = format!("The '{}' model is not supported when using Codex with a ChatGPT account.", read.model);
        return Err(detail(400, &why));
    }
    if email == people::POLICY {
        let message = "To use Codex with your ChatGPT plan, upgrade to Plus: https://chatgpt.com/explore/plus.";
        let error = json!({"type": "usage_not_included", "message": message, "plan_type": plan(&email)});
        return Err(Answer::json(403, json!({"error": error})));
    }
    let now = desk.now;
    if !desk.quota(&email).take(now) {
        return Err(limits::used_up(desk, &email));
    }
    let reply = Reply {
        model: &read.model,
        input: &read.input,
        instructions: read.instructions.as_deref(),
        max: None,
        stream: true,
        empty_output: true,
    };
    let answer = reply.answer(desk).header("x-request-id", desk.ids.uuid()).header("x-models-etag", "W/\"pretend\"");
    Ok(limits::write(desk, &email, answer))
}

struct Read {
    model: String,
    input: responses::Input,
    instructions: Option<String>,
}

fn check(body: &Map<String, Value>) -> Result<Read, String> {
    if let Some(name) = body.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        return Err(format!("Unsupported parameter: {name}"));
    }
    let model = body.get("model").and_then(Value::as_str).ok_or("Missing required parameter: 'model'.")?;
    if body.get("store") != Some(&Value::Bool(false)) {
        return Err("Store must be set to false".to_owned());
    }
    if body.get("stream") != Some(&Value::Bool(true)) {
        return Err("Stream must be set to true".to_owned());
    }
    if !body.get("input").is_some_and(Value::is_array) {
        return Err("Input must be a list".to_owned());
    }
    let input = responses::input(body.get("input")).map_err(|fault| fault.message)?;
    if input.has_system {
        return Err("System messages are not allowed".to_owned());
    }
    // The Codex CLI 0.169.0 sends a first developer message and `client_metadata` in place of instructions.
    let instructions = body.get("instructions").and_then(Value::as_str).filter(|text| !text.is_empty());
    if instructions.is_none() && input.first_role != "developer" {
        return Err("Instructions are required".to_owned());
    }
    Ok(Read { model: model.to_owned(), input, instructions: instructions.map(str::to_owned) })
}
