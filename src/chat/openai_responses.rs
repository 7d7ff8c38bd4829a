//! Dialect `openai-responses`: `POST /responses`, of the OpenAI API and behind a ChatGPT login.

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::send::join;
use super::words::{Text, failed};
use super::{Conversation, Event, Params, Piece, Request, Role};

/// The ChatGPT backend refuses a request without instructions.
const INSTRUCTIONS: &str = "You are a helpful assistant.";

pub(super) fn request(base: &Url, model: &str, conversation: &Conversation, params: &Params) -> Request {
    let item = |turn: &super::Turn| {
        let (role, kind) = match turn.role {
            Role::User => ("user", "input_text"),
            Role::Assistant => ("assistant", "output_text"),
        };
        json!({ "type": "message", "role": role, "content": [{ "type": kind, "text": turn.text }] })
    };
    let input: Vec<Value> = conversation.turns().iter().map(item).collect();
    // The ChatGPT backend takes nothing but store: false; with a key it keeps the conversation out of OpenAI's store.
    let mut body =
        json!({ "model": model, "instructions": INSTRUCTIONS, "input": input, "store": false, "stream": true });
    for (name, value) in params {
        let name = if name == "max_tokens" { "max_output_tokens" } else { name };
        body[name] = value.clone();
    }
    Request { url: join(base, "/responses"), body, headers: Vec::new() }
}

/// The events of one answer.
#[derive(Debug, Default)]
pub(super) struct OpenaiResponses {
    /// The item at hand has come piece by piece.
    in_pieces: bool,
    /// The item at hand is what the model says while it works.
    commentary: bool,
    /// Something of the answer was given.
    spoken: bool,
    refused: bool,
    /// Some reasoning was given, and nothing after it.
    reasoned: bool,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    delta: Text<'a>,
}

impl OpenaiResponses {
    pub(super) fn read(&mut self, event: &Event<'_>, each: &mut dyn FnMut(Piece<'_>)) {
        // Events are told apart by their `type`: the line `event:` may be missing.
        if let Ok(Delta { kind, delta }) = serde_json::from_str(&event.data) {
            return match &*kind.0 {
                "response.output_text.delta" if self.commentary => self.reason(delta, each),
                "response.output_text.delta" => self.say(delta, each),
                "response.refusal.delta" => {
                    self.refused = true;
                    self.say(delta, each);
                }
                "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => self.reason(delta, each),
                _ => {}
            };
        }
        if let Ok(data) = serde_json::from_str::<Value>(&event.data) {
            self.other(&data, event, each);
        }
    }

    fn say(&mut self, text: Text<'_>, each: &mut dyn FnMut(Piece<'_>)) {
        (self.in_pieces, self.spoken, self.reasoned) = (true, true, false);
        text.say(each);
    }

    fn reason(&mut self, text: Text<'_>, each: &mut dyn FnMut(Piece<'_>)) {
        self.in_pieces |= self.commentary;
        self.reasoned = true;
        each(Piece::Reasoning(text.0));
    }

    /// Each part of a summary, and each item, is a paragraph of its own.
    fn paragraph(&mut self, each: &mut dyn FnMut(Piece<'_>)) {
        if std::mem::take(&mut self.reasoned) {
            each(Piece::Reasoning("\n\n".into()));
        }
    }

    fn other(&mut self, data: &Value, event: &Event<'_>, each: &mut dyn FnMut(Piece<'_>)) {
        let response = data.get("response").unwrap_or(&Value::Null);
        match data.get("type").and_then(Value::as_str).unwrap_or_default() {
            "response.output_item.added" => self.begin(&data["item"], each),
            "response.reasoning_summary_part.added" => self.paragraph(each),
            // Who does not stream the pieces of an item gives it whole.
            "response.output_item.done" if !self.in_pieces => self.whole(&data["item"], each),
            "response.output_item.done" => self.in_pieces = false,
            "response.completed" => {
                // The final `output` may be empty, or be all that there is.
                if let (false, Some(items)) = (self.spoken, response["output"].as_array()) {
                    items.iter().for_each(|item| self.whole(item, each));
                }
                usage(response, each);
                each(Piece::Done(self.refused.then(|| "the model declined to answer".to_owned())));
            }
            "response.incomplete" => {
                usage(response, each);
                let reason = match response.pointer("/incomplete_details/reason").and_then(Value::as_str) {
                    Some("max_output_tokens") => "it reached max_output_tokens".to_owned(),
                    Some("content_filter") => "the provider's filter stopped it".to_owned(),
                    Some(other) => format!("it stopped with {other}"),
                    None => "the provider says that it is incomplete".to_owned(),
                };
                each(Piece::Done(Some(reason)));
            }
            "response.failed" => {
                usage(response, each);
                each(failed(&response["error"], &event.data));
            }
            "response.cancelled" => each(Piece::Done(Some("the provider cancelled it".to_owned()))),
            // Either the error is the event, or it is a member of it beside a status.
            "error" => each(failed(data.get("error").filter(|e| e.is_object()).unwrap_or(data), &event.data)),
            "" if data.get("error").is_some_and(|e| !e.is_null()) => each(failed(&data["error"], &event.data)),
            _ => {}
        }
    }

    fn begin(&mut self, item: &Value, each: &mut dyn FnMut(Piece<'_>)) {
        if item["type"] == "message" {
            self.in_pieces = false;
            self.commentary = item["phase"] == "commentary";
            if self.commentary {
                self.paragraph(each);
            } else if self.spoken {
                each(Piece::Text("\n\n".into()));
            }
        }
    }

    fn whole(&mut self, item: &Value, each: &mut dyn FnMut(Piece<'_>)) {
        if item["type"] != "message" || item["phase"] == "commentary" {
            return;
        }
        for part in item["content"].as_array().into_iter().flatten() {
            let text = part["text"].as_str().or_else(|| {
                self.refused |= part["type"] == "refusal";
                part["refusal"].as_str()
            });
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                self.spoken = true;
                each(Piece::Text(text.into()));
            }
        }
    }
}

fn usage(response: &Value, each: &mut dyn FnMut(Piece<'_>)) {
    let count = |name: &str| response.get("usage")?.get(name)?.as_u64();
    each(Piece::Usage { input: count("input_tokens"), output: count("output_tokens") });
}

#[cfg(test)]
mod tests {
    use super::super::reader::tests::{done, failed, read, text};
    use super::*;
    use crate::providers::Dialect;

    fn pieces(events: &[&str]) -> Vec<Piece<'static>> {
        read(Dialect::OpenaiResponses, events)
    }

    const ADDED: &str = r#"{"type":"response.output_item.added","item":{"type":"message","content":[]}}"#;
    const HI: &str = r#"{"type":"response.output_text.delta","delta":"hi"}"#;
    const ITEM: &str = r#"{"type":"response.output_item.done","item":{"type":"message","content":[{"type":"output_text","text":"hi"}]}}"#;
    const END: &str =
        r#"{"type":"response.completed","response":{"output":[],"usage":{"input_tokens":4,"output_tokens":2}}}"#;

    #[test]
    fn the_request_asks_to_store_nothing_and_names_each_turn_by_its_side() {
        let mut conversation = Conversation::default();
        conversation.ask("My name is Ann.");
        conversation.answer("Hello Ann.");
        conversation.ask("What is my name?");
        let params = Params::from([("max_tokens".into(), json!(16)), ("reasoning".into(), json!({"effort": "low"}))]);
        let base = Url::parse("http://127.0.0.1:1/codex/backend-api/codex").unwrap();
        let request = request(&base, "m", &conversation, &params);
        assert_eq!(request.url.path(), "/codex/backend-api/codex/responses");
        let said = |role: &str, kind: &str, text: &str| json!({"type":"message","role":role,"content":[{"type":kind,"text":text}]});
        let body = json!({"model":"m","instructions":"You are a helpful assistant.","store":false,"stream":true,
            "max_output_tokens":16,"reasoning":{"effort":"low"},"input":[
                said("user","input_text","My name is Ann."), said("assistant","output_text","Hello Ann."),
                said("user","input_text","What is my name?")]});
        assert_eq!(request.body, body);
    }

    #[test]
    fn an_item_counts_once_whether_it_comes_in_pieces_whole_or_at_the_end_only() {
        let all =
            r#"{"type":"response.completed","response":{"output":[{"type":"message","content":[{"text":"hi"}]}]}}"#;
        for events in
            [&[ADDED, HI, ITEM, END][..], &[HI, END], &[ADDED, ITEM, END], &[ITEM, all], &[all], &[HI, ITEM, all]]
        {
            let pieces = pieces(events);
            assert_eq!((text(&pieces), done(&pieces)), ("hi".into(), Some(None)), "{events:?}");
        }
        assert!(pieces(&[END]).contains(&Piece::Usage { input: Some(4), output: Some(2) }));
    }

    #[test]
    fn reasoning_and_commentary_are_no_answer_and_two_messages_are_two_paragraphs() {
        let think = r#"{"type":"response.reasoning_summary_text.delta","delta":"hm"}"#;
        let aside = r#"{"type":"response.output_item.added","item":{"type":"message","phase":"commentary"}}"#;
        let after = r#"{"type":"response.output_item.done","item":{"type":"message","phase":"commentary","content":[{"text":"hi"}]}}"#;
        let pieces = pieces(&[think, aside, HI, after, ADDED, HI, ITEM, ADDED, HI, ITEM, END]);
        assert_eq!(text(&pieces), "hi\n\nhi");
        let reasoning = pieces.iter().filter(|p| matches!(p, Piece::Reasoning(_))).count();
        assert_eq!(reasoning, 3, "with the paragraph between");
    }

    #[test]
    fn parts_of_a_reasoning_summary_are_paragraphs() {
        let part = |n: u32| json!({"type":"response.reasoning_summary_part.added","summary_index":n}).to_string();
        let delta = |text: &str| json!({"type":"response.reasoning_summary_text.delta","delta":text}).to_string();
        let events = [part(0), delta("one"), part(1), delta("two")];
        let shown: String = pieces(&events.each_ref().map(String::as_str))
            .iter()
            .filter_map(|p| if let Piece::Reasoning(text) = p { Some(text.as_ref()) } else { None })
            .collect();
        assert_eq!(shown, "one\n\ntwo");
    }

    #[test]
    fn a_refusal_is_shown_and_said_to_be_one() {
        let delta = r#"{"type":"response.refusal.delta","delta":"No."}"#;
        let item = r#"{"type":"response.output_item.done","item":{"type":"message","content":[{"type":"refusal","refusal":"No."}]}}"#;
        for events in [[ADDED, delta, item, END], [ADDED, item, "{}", END]] {
            let pieces = pieces(&events);
            assert_eq!(text(&pieces), "No.");
            assert_eq!(done(&pieces), Some(Some("the model declined to answer".into())));
        }
    }

    #[test]
    fn each_end_is_told_in_its_own_words() {
        let incomplete = |reason: &str| {
            let event = json!({"type":"response.incomplete","response":{"incomplete_details":{"reason":reason}}});
            done(&pieces(&[&event.to_string()])).flatten().unwrap()
        };
        assert_eq!(incomplete("max_output_tokens"), "it reached max_output_tokens");
        assert_eq!(incomplete("content_filter"), "the provider's filter stopped it");
        assert_eq!(incomplete("else"), "it stopped with else");
        for (event, code, words) in [
            (
                r#"{"type":"response.failed","response":{"error":{"code":"insufficient_quota","message":"Pay."}}}"#,
                "insufficient_quota",
                "Pay.",
            ),
            (r#"{"type":"error","code":"slow_down","message":"Busy.","param":null}"#, "slow_down", "Busy."),
            (
                r#"{"type":"error","status":429,"error":{"type":"usage_limit_reached","message":"Used up."}}"#,
                "usage_limit_reached",
                "Used up.",
            ),
            (r#"{"error":{"message":"Odd.","code":null,"type":"server_error"}}"#, "server_error", "Odd."),
            (r#"{"type":"response.failed","response":{"error":null}}"#, "error", "error"),
        ] {
            assert_eq!(failed(&pieces(&[HI, event])), Some((code.into(), words.into())), "{event}");
        }
    }

    #[test]
    fn odd_events_say_nothing() {
        for odd in [
            "",
            "null",
            "[]",
            "{\"type\":7}",
            "{\"type\":\"response.output_text.delta\"}",
            "{\"type\":\"x\",\"delta\":\"y\"}",
            "{\"type\":\"response.output_text.delta\",\"delta\":{}}",
            "{\"type\":\"codex.rate_limits\"}",
            "[DONE]",
            "\u{feff}{",
        ] {
            assert_eq!(pieces(&[odd]), [], "{odd}");
        }
    }
}
