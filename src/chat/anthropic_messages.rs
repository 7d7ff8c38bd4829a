//! Dialect `anthropic-messages`: `POST /v1/messages` (Anthropic API, version 2023-06-01).

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::send::join;
use super::words::{Text, failed};
use super::{Conversation, Event, Params, Piece, Request, Role};

/// `max_tokens` is required by the API.
pub(super) const MAX_TOKENS: u64 = 8192;

pub(super) fn request(base: &Url, model: &str, conversation: &Conversation, params: &Params) -> Request {
    let message = |turn: &super::Turn| {
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        json!({ "role": role, "content": turn.text })
    };
    let messages: Vec<Value> = conversation.turns().iter().map(message).collect();
    let mut body = json!({ "model": model, "max_tokens": MAX_TOKENS, "stream": true, "messages": messages });
    for (name, value) in params {
        body[name] = value.clone();
    }
    Request { url: join(base, "/v1/messages"), body, headers: Vec::new() }
}

/// The piece that an answer consists of; everything else takes the longer way.
#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    delta: Words<'a>,
}

#[derive(Deserialize)]
struct Words<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    text: Text<'a>,
}

pub(super) fn read(event: &Event<'_>, each: &mut dyn FnMut(Piece<'_>)) {
    match serde_json::from_str::<Delta<'_>>(&event.data) {
        Ok(piece) if piece.kind.0 == "content_block_delta" && piece.delta.kind.0 == "text_delta" => {
            piece.delta.text.say(each);
        }
        _ => {
            if let Ok(data) = serde_json::from_str(&event.data) {
                other(&data, event, each);
            }
        }
    }
}

fn other(data: &Value, event: &Event<'_>, each: &mut dyn FnMut(Piece<'_>)) {
    let text = |pointer: &str| data.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let usage = |at: &str| {
        let count = |name: &str| data.pointer(at)?.get(name)?.as_u64();
        Piece::Usage { input: count("input_tokens"), output: count("output_tokens") }
    };
    match data.get("type").and_then(Value::as_str).unwrap_or_default() {
        "message_start" => each(usage("/message/usage")),
        "content_block_delta" if text("/delta/type") == "thinking_delta" => {
            each(Piece::Reasoning(text("/delta/thinking").into()));
        }
        "message_delta" => {
            each(usage("/usage"));
            match text("/delta/stop_reason").as_str() {
                "" | "end_turn" | "stop_sequence" => {}
                "refusal" => each(Piece::Done(Some("the model declined to answer".into()))),
                "max_tokens" => each(Piece::Done(Some("it reached max_tokens".into()))),
                other => each(Piece::Done(Some(format!("it stopped with {other}")))),
            }
        }
        "message_stop" => each(Piece::Done(None)),
        "error" => each(failed(&data["error"], &event.data)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(data: &str) -> Vec<Piece<'static>> {
        let mut pieces = Vec::new();
        read(&Event { name: "".into(), data: data.into() }, &mut |piece| pieces.push(piece.into_owned()));
        pieces
    }

    #[test]
    fn the_request_carries_every_turn_and_the_parameters_of_the_user() {
        let mut conversation = Conversation::default();
        conversation.ask("My name is Ann.");
        conversation.answer("Hello Ann.");
        conversation.ask("What is my name?");
        let params = Params::from([("max_tokens".into(), json!(16)), ("temperature".into(), json!(0.5))]);
        let base = Url::parse("http://127.0.0.1:1/anthropic").unwrap();
        let request = request(&base, "m", &conversation, &params);
        assert_eq!(request.url.as_str(), "http://127.0.0.1:1/anthropic/v1/messages");
        assert_eq!(
            request.body,
            json!({"model":"m","max_tokens":16,"stream":true,"temperature":0.5,"messages":[
                {"role":"user","content":"My name is Ann."},
                {"role":"assistant","content":"Hello Ann."},
                {"role":"user","content":"What is my name?"}]})
        );
    }

    #[test]
    fn events_are_read_by_their_type_and_unknown_ones_say_nothing() {
        let delta = r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"hi"}}"#;
        assert_eq!(pieces(delta), [Piece::Text("hi".into())]);
        let usage = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15}}"#;
        assert_eq!(pieces(usage), [Piece::Usage { input: None, output: Some(15) }]);
        assert_eq!(pieces(r#"{"type":"message_stop"}"#), [Piece::Done(None)]);
        for odd in ["{\"type\":\"ping\"}", "nonsense", "{\"type\":7}", "[]"] {
            assert_eq!(pieces(odd), []);
        }
    }
}
