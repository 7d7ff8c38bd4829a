//! Dialect `openai-chat`: `POST /chat/completions`, as many services and gateways speak it.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use url::Url;

use super::send::join;
use super::words::{Text, failed};
use super::{Conversation, Event, Params, Piece, Request, Role};

pub(super) fn request(base: &Url, model: &str, conversation: &Conversation, params: &Params) -> Request {
    let message = |turn: &super::Turn| {
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        json!({ "role": role, "content": turn.text })
    };
    let messages: Vec<Value> = conversation.turns().iter().map(message).collect();
    let mut body =
        json!({ "model": model, "stream": true, "stream_options": { "include_usage": true }, "messages": messages });
    for (name, value) in params {
        body[name] = value.clone();
    }
    Request { url: join(base, "/chat/completions"), body, headers: Vec::new() }
}

/// The events of one answer.
#[derive(Debug, Default)]
pub(super) struct OpenaiChat {
    /// A reason to stop was told, with what there is to say of it. The tokens follow it, and `[DONE]` ends.
    finish: Option<Option<String>>,
    refused: bool,
}

/// A piece that holds text and nothing else worth knowing.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: [Choice<'a>; 1],
    error: Option<IgnoredAny>,
    usage: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Delta<'a>,
    finish_reason: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Text<'a>,
    reasoning_content: Option<IgnoredAny>,
    reasoning: Option<IgnoredAny>,
    refusal: Option<IgnoredAny>,
}

impl Chunk<'_> {
    fn is_text(&self) -> bool {
        let [Choice { delta, finish_reason }] = &self.choices;
        let others =
            [&self.error, &self.usage, finish_reason, &delta.reasoning_content, &delta.reasoning, &delta.refusal];
        others.iter().all(|other| other.is_none())
    }
}

impl OpenaiChat {
    pub(super) fn read(&mut self, event: &Event<'_>, each: &mut dyn FnMut(Piece<'_>)) {
        match serde_json::from_str::<Chunk<'_>>(&event.data) {
            Ok(chunk) if chunk.is_text() => {
                let [choice] = chunk.choices;
                choice.delta.content.say(each);
            }
            _ if event.data.trim() == "[DONE]" => self.done(each),
            _ => {
                if let Ok(data) = serde_json::from_str::<Value>(&event.data) {
                    self.other(&data, event, each);
                }
            }
        }
    }

    /// The stream ended: some services send no `[DONE]`.
    pub(super) fn end(&mut self, each: &mut dyn FnMut(Piece<'_>)) {
        if self.finish.is_some() {
            self.done(each);
        }
    }

    fn done(&mut self, each: &mut dyn FnMut(Piece<'_>)) {
        let declined = self.refused.then(|| "the model declined to answer".to_owned());
        each(Piece::Done(self.finish.take().flatten().or(declined)));
    }

    fn other(&mut self, data: &Value, event: &Event<'_>, each: &mut dyn FnMut(Piece<'_>)) {
        if let Some(error) = data.get("error").filter(|e| !e.is_null()) {
            return each(failed(error, &event.data));
        }
        let Some(choices) = data.get("choices").and_then(Value::as_array) else {
            // An error of DashScope is the event itself.
            if data["code"].is_string() && data["message"].is_string() {
                each(failed(data, &event.data));
            }
            return;
        };
        if let Some(usage) = data.get("usage").filter(|u| u.is_object()) {
            let count = |name: &str| usage.get(name)?.as_u64();
            each(Piece::Usage { input: count("prompt_tokens"), output: count("completion_tokens") });
        }
        let Some(choice) = choices.first() else { return };
        let delta = &choice["delta"];
        let finish = choice["finish_reason"].as_str().unwrap_or_default();
        let said = text(&delta["content"]);
        // Qwen throttles inside a 200: the last delta is the error's sentence.
        if matches!(finish, "error_finish" | "error") {
            let words = if said.is_empty() { "the provider gave no reason".to_owned() } else { said };
            return each(Piece::Failed { code: finish.to_owned(), words, body: event.data.clone().into_owned() });
        }
        for name in ["reasoning_content", "reasoning"] {
            if let Some(text) = delta[name].as_str().filter(|text| !text.is_empty()) {
                each(Piece::Reasoning(text.into()));
                break;
            }
        }
        let refusal = text(&delta["refusal"]);
        self.refused |= !refusal.is_empty();
        for text in [said, refusal] {
            if !text.is_empty() {
                each(Piece::Text(text.into()));
            }
        }
        let reason = match finish {
            "" => return,
            "stop" | "eos" => None,
            "length" => Some("it reached max_tokens".to_owned()),
            "content_filter" => Some("the provider's filter stopped it".to_owned()),
            other => Some(format!("it stopped with {other}")),
        };
        self.finish = Some(reason);
    }
}

/// Reads a content that is a text or a list of parts.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::reader::tests::{done, failed, read, text};
    use super::*;
    use crate::providers::Dialect;

    fn pieces(events: &[&str]) -> Vec<Piece<'static>> {
        read(Dialect::OpenaiChat, events)
    }

    const ROLE: &str =
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#;
    const HI: &str = r#"{"choices":[{"index":0,"delta":{"content":"h\u00ef"},"finish_reason":null}],"usage":null}"#;
    const STOP: &str = r#"{"choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}]}"#;
    const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":30,"completion_tokens":6}}"#;

    #[test]
    fn the_request_asks_for_tokens_too() {
        let mut conversation = Conversation::default();
        conversation.ask("hi");
        let base = Url::parse("https://portal.example/v1/").unwrap();
        let request = request(&base, "m", &conversation, &Params::from([("top_p".into(), json!(0.5))]));
        assert_eq!(request.url.as_str(), "https://portal.example/v1/chat/completions");
        let body = json!({"model":"m","stream":true,"stream_options":{"include_usage":true},"top_p":0.5,
            "messages":[{"role":"user","content":"hi"}]});
        assert_eq!(request.body, body);
    }

    #[test]
    fn tokens_come_after_the_reason_to_stop_and_the_end_may_have_no_mark() {
        for events in [&[ROLE, HI, STOP, USAGE, "[DONE]"][..], &[HI, STOP, USAGE]] {
            let pieces = pieces(events);
            assert_eq!((text(&pieces), done(&pieces)), ("hï".into(), Some(None)));
            assert!(pieces.contains(&Piece::Usage { input: Some(30), output: Some(6) }));
        }
        assert_eq!(done(&pieces(&[HI, "[DONE]"])), Some(None));
        assert_eq!(done(&pieces(&[HI])), None, "cut");
    }

    #[test]
    fn each_reason_to_stop_is_told() {
        let reason = |word: &str| {
            let chunk = json!({"choices":[{"delta":{"content":"x"},"finish_reason":word}]}).to_string();
            done(&pieces(&[&chunk, "[DONE]"])).flatten().unwrap()
        };
        assert_eq!(reason("length"), "it reached max_tokens");
        assert_eq!(reason("content_filter"), "the provider's filter stopped it");
        assert_eq!(reason("tool_calls"), "it stopped with tool_calls");
    }

    #[test]
    fn reasoning_by_either_name_parts_and_refusals_are_read() {
        let chunk = |delta: Value| json!({"choices":[{"delta":delta,"finish_reason":null}]}).to_string();
        let events = [
            chunk(json!({"content":null,"reasoning_content":"hm"})),
            chunk(json!({"content":"","reasoning":"so"})),
            chunk(json!({"content":[{"type":"text","text":"a"},{"type":"image"},{"type":"text","text":"b"}]})),
            chunk(json!({"refusal":"No."})),
            STOP.to_owned(),
        ];
        let pieces = pieces(&events.each_ref().map(String::as_str));
        assert_eq!(pieces[..2], [Piece::Reasoning("hm".into()), Piece::Reasoning("so".into())]);
        assert_eq!(text(&pieces), "abNo.");
        assert_eq!(done(&pieces), Some(Some("the model declined to answer".into())));
    }

    #[test]
    fn an_error_within_the_stream_is_one_whatever_its_shape() {
        for (event, code, words) in [
            (
                r#"{"error":{"message":"Slow down.","type":"x","code":"limit_requests"}}"#,
                "limit_requests",
                "Slow down.",
            ),
            (
                r#"{"id":"g","error":{"code":502,"message":"Provider broke."},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
                "502",
                "Provider broke.",
            ),
            (r#"{"error":"plain words"}"#, "error", "plain words"),
            (
                r#"{"code":"Throttling.RateQuota","message":"Too many.","request_id":"r"}"#,
                "Throttling.RateQuota",
                "Too many.",
            ),
            (
                r#"{"choices":[{"delta":{"content":"Quota is gone."},"finish_reason":"error_finish"}]}"#,
                "error_finish",
                "Quota is gone.",
            ),
            (r#"{"choices":[{"delta":{},"finish_reason":"error"}]}"#, "error", "the provider gave no reason"),
        ] {
            let pieces = pieces(&[HI, event, "[DONE]"]);
            assert_eq!(failed(&pieces), Some((code.into(), words.into())), "{event}");
            assert_eq!(text(&pieces), "hï", "the sentence of an error is no answer");
        }
    }

    #[test]
    fn odd_events_say_nothing() {
        for odd in [
            "",
            "{}",
            "null",
            "[]",
            "{\"choices\":{}}",
            "{\"choices\":[7]}",
            "{\"choices\":[{}]}",
            "{\"choices\":[]}",
            "{\"choices\":[{\"delta\":null}]}",
            "{\"error\":null}",
            "[DONE",
            "{\"code\":7,\"message\":\"x\"}",
        ] {
            assert_eq!(pieces(&[odd]), [], "{odd}");
        }
    }
}
