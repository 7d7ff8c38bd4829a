//! Dialect `gemini`: `POST /v1beta/models/MODEL:streamGenerateContent?alt=sse` (Gemini API).

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use url::Url;

use super::send::join;
use super::words::{Text, failed};
use super::{Conversation, Event, Params, Piece, Request, Role};

/// Members of a request that are no parameters of the generation.
const MEMBERS: [&str; 5] = ["systemInstruction", "safetySettings", "tools", "toolConfig", "cachedContent"];

pub(super) fn request(base: &Url, model: &str, conversation: &Conversation, params: &Params) -> Request {
    let content = |turn: &super::Turn| {
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "model",
        };
        json!({ "role": role, "parts": [{ "text": turn.text }] })
    };
    let contents: Vec<Value> = conversation.turns().iter().map(content).collect();
    let mut body = json!({ "contents": contents });
    for (name, value) in params {
        if MEMBERS.contains(&name.as_str()) {
            body[name] = value.clone();
        } else {
            body["generationConfig"][parameter(name)] = value.clone();
        }
    }
    let model = model.strip_prefix("models/").unwrap_or(model);
    let mut url = join(base, &format!("/v1beta/models/{model}:streamGenerateContent"));
    url.set_query(Some("alt=sse"));
    Request { url, body, headers: Vec::new() }
}

/// Returns Google's name of a parameter that other providers write otherwise.
fn parameter(name: &str) -> &str {
    match name {
        "max_tokens" | "max_output_tokens" => "maxOutputTokens",
        "top_p" => "topP",
        "top_k" => "topK",
        "stop" => "stopSequences",
        name => name,
    }
}

/// The events of one answer. There is no mark of its end but a reason to stop and the end of the stream.
#[derive(Debug, Default)]
pub(super) struct Gemini {
    finish: Option<Option<String>>,
}

/// A piece of text that is not the last.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    candidates: [Candidate<'a>; 1],
    #[serde(rename = "usageMetadata")]
    usage: Option<Counts>,
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(borrow)]
    content: Content<'a>,
    finish_reason: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    parts: [Part<'a>; 1],
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Text<'a>,
    #[serde(default)]
    thought: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    prompt_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
}

impl Counts {
    fn piece(&self) -> Piece<'static> {
        let output = match (self.candidates_token_count, self.thoughts_token_count) {
            (None, None) => None,
            (said, thought) => Some(said.unwrap_or(0) + thought.unwrap_or(0)),
        };
        Piece::Usage { input: self.prompt_token_count, output }
    }
}

impl Gemini {
    pub(super) fn read(&mut self, event: &Event<'_>, each: &mut dyn FnMut(Piece<'_>)) {
        match serde_json::from_str::<Chunk<'_>>(&event.data) {
            Ok(Chunk { candidates: [Candidate { content, finish_reason: None }], usage, error: None })
                if !content.parts[0].thought =>
            {
                let [part] = content.parts;
                part.text.say(each);
                if let Some(usage) = usage {
                    each(usage.piece());
                }
            }
            _ => match serde_json::from_str::<Value>(&event.data) {
                // Errors come in a list at times.
                Ok(Value::Array(list)) => list.iter().for_each(|data| self.other(data, event, each)),
                Ok(data) => self.other(&data, event, each),
                Err(_) => {}
            },
        }
    }

    pub(super) fn end(&mut self, each: &mut dyn FnMut(Piece<'_>)) {
        if let Some(reason) = self.finish.take() {
            each(Piece::Done(reason));
        }
    }

    fn other(&mut self, data: &Value, event: &Event<'_>, each: &mut dyn FnMut(Piece<'_>)) {
        if let Some(error) = data.get("error").filter(|e| !e.is_null()) {
            return each(failed(error, &event.data));
        }
        if let Some(counts) = data.get("usageMetadata").and_then(|u| Counts::deserialize(u).ok()) {
            each(counts.piece());
        }
        let candidate = data.pointer("/candidates/0").unwrap_or(&Value::Null);
        let blocked = data.pointer("/promptFeedback/blockReason").and_then(Value::as_str);
        if let (Value::Null, Some(reason)) = (candidate, blocked) {
            // Google's word on a prompt that it does not take; no error is in it, so it becomes one: as would a bad request.
            let words = format!("the prompt was blocked ({reason})");
            let error = json!({ "code": 400, "status": reason, "message": words });
            return each(failed(&error, &json!({ "error": error }).to_string()));
        }
        for part in candidate.pointer("/content/parts").and_then(Value::as_array).into_iter().flatten() {
            let Some(text) = part["text"].as_str().filter(|text| !text.is_empty()) else { continue };
            let thought = part["thought"] == true;
            each(if thought { Piece::Reasoning(text.into()) } else { Piece::Text(text.into()) });
        }
        let said = candidate["finishMessage"].as_str();
        let reason = match candidate["finishReason"].as_str().unwrap_or_default() {
            "" | "FINISH_REASON_UNSPECIFIED" => return,
            "STOP" => None,
            "MAX_TOKENS" => Some("it reached maxOutputTokens".to_owned()),
            word @ ("SAFETY" | "PROHIBITED_CONTENT" | "BLOCKLIST" | "SPII" | "RECITATION" | "LANGUAGE") => {
                Some(format!("the provider's filter stopped it ({word})"))
            }
            word => Some(said.map_or_else(|| format!("it stopped with {word}"), str::to_owned)),
        };
        self.finish = Some(reason);
    }
}

#[cfg(test)]
mod tests {
    use super::super::reader::tests::{done, failed, read, text};
    use super::*;
    use crate::providers::Dialect;

    fn pieces(events: &[&str]) -> Vec<Piece<'static>> {
        read(Dialect::Gemini, events)
    }

    const HI: &str = r#"{"candidates":[{"content":{"parts":[{"text":"h\u00ef"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":12,"totalTokenCount":12}}"#;
    const STOP: &str = r#"{"candidates":[{"content":{"parts":[{"text":"!"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":5,"thoughtsTokenCount":31}}"#;

    #[test]
    fn the_model_stands_in_the_path_and_parameters_in_the_generation() {
        let mut conversation = Conversation::default();
        conversation.ask("My name is Ann.");
        conversation.answer("Hello Ann.");
        conversation.ask("What is my name?");
        let params = Params::from([
            ("max_tokens".into(), json!(16)),
            ("thinkingConfig".into(), json!({"includeThoughts": true})),
            ("safetySettings".into(), json!([])),
        ]);
        let base = Url::parse("https://generativelanguage.googleapis.com").unwrap();
        let request = request(&base, "models/gemini-x?y", &conversation, &params);
        assert_eq!(
            request.url.as_str(),
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-x%3Fy:streamGenerateContent?alt=sse"
        );
        let said = |role: &str, text: &str| json!({"role": role, "parts": [{"text": text}]});
        let body = json!({"contents": [said("user", "My name is Ann."), said("model", "Hello Ann."), said("user", "What is my name?")],
            "generationConfig": {"maxOutputTokens": 16, "thinkingConfig": {"includeThoughts": true}}, "safetySettings": []});
        assert_eq!(request.body, body);
    }

    #[test]
    fn an_answer_is_whole_when_a_reason_to_stop_was_told_before_the_end() {
        let whole = pieces(&[HI, STOP]);
        assert_eq!((text(&whole), done(&whole)), ("hï!".into(), Some(None)));
        assert_eq!(
            whole.iter().rfind(|p| matches!(p, Piece::Usage { .. })),
            Some(&Piece::Usage { input: Some(12), output: Some(36) })
        );
        assert_eq!(done(&pieces(&[HI])), None);
        // What comes after the reason to stop still belongs to the answer.
        let late = r#"{"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2}}"#;
        assert!(pieces(&[STOP, late]).contains(&Piece::Usage { input: Some(1), output: Some(2) }));
    }

    #[test]
    fn thoughts_are_reasoning_and_parts_without_text_nothing() {
        let event = r#"{"candidates":[{"content":{"parts":[{"thought":true,"text":"hm"},{"functionCall":{}},{"text":"a"},{"text":"b"}]}}]}"#;
        assert_eq!(pieces(&[event]), [Piece::Reasoning("hm".into()), Piece::Text("a".into()), Piece::Text("b".into())]);
        let alone = r#"{"candidates":[{"content":{"parts":[{"thought":true,"text":"hm"}]}}]}"#;
        assert_eq!(pieces(&[alone]), [Piece::Reasoning("hm".into())]);
    }

    #[test]
    fn filters_limits_and_other_reasons_are_told() {
        let reason = |word: &str| {
            let event = json!({"candidates":[{"finishReason":word}]}).to_string();
            done(&pieces(&[HI, &event])).flatten().unwrap()
        };
        assert_eq!(reason("MAX_TOKENS"), "it reached maxOutputTokens");
        assert_eq!(reason("SAFETY"), "the provider's filter stopped it (SAFETY)");
        assert_eq!(reason("RECITATION"), "the provider's filter stopped it (RECITATION)");
        assert_eq!(reason("MALFORMED_FUNCTION_CALL"), "it stopped with MALFORMED_FUNCTION_CALL");
    }

    #[test]
    fn errors_alone_in_a_list_and_blocked_prompts_end_the_answer() {
        let error = r#"{"error":{"code":429,"message":"Used up.","status":"RESOURCE_EXHAUSTED"}}"#;
        for event in [error.to_owned(), format!("[{error}]")] {
            assert_eq!(failed(&pieces(&[HI, &event])), Some(("RESOURCE_EXHAUSTED".into(), "Used up.".into())));
        }
        let blocked = r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4}}"#;
        assert_eq!(failed(&pieces(&[blocked])), Some(("SAFETY".into(), "the prompt was blocked (SAFETY)".into())));
    }

    #[test]
    fn odd_events_say_nothing() {
        for odd in [
            "",
            "{}",
            "null",
            "7",
            "[]",
            "[[]]",
            "{\"candidates\":[]}",
            "{\"candidates\":[{}]}",
            "{\"candidates\":{\"0\":1}}",
            "{\"candidates\":[{\"content\":{\"parts\":7}}]}",
            "{\"error\":null}",
            "{\"usageMetadata\":\"x\"}",
            "[DONE]",
        ] {
            assert_eq!(pieces(&[odd]), [], "{odd}");
        }
    }
}
