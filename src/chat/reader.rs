//! What the events of one answer say, in the dialect they come in.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::gemini::Gemini;
use super::openai_chat::OpenaiChat;
use super::openai_responses::OpenaiResponses;
use super::{Event, Piece, anthropic_messages};
use crate::providers::Dialect;

/// Reads the events of one answer, in order.
#[derive(Debug)]
pub struct Reader(Kind);

#[derive(Debug)]
enum Kind {
    AnthropicMessages,
    OpenaiResponses(OpenaiResponses),
    OpenaiChat(OpenaiChat),
    Gemini(Gemini),
}

impl Reader {
    /// Begins to read an answer.
    pub fn new(dialect: Dialect) -> Self {
        Self(match dialect {
            Dialect::AnthropicMessages => Kind::AnthropicMessages,
            Dialect::OpenaiResponses => Kind::OpenaiResponses(OpenaiResponses::default()),
            Dialect::OpenaiChat => Kind::OpenaiChat(OpenaiChat::default()),
            Dialect::Gemini => Kind::Gemini(Gemini::default()),
        })
    }

    /// Reads one event. What is not known says nothing.
    pub fn read(&mut self, event: &Event<'_>, each: &mut dyn FnMut(Piece)) {
        if event.name == "error" && !event.data.trim_start().starts_with(['{', '[']) {
            // A proxy's word within a stream, in no dialect.
            return each(Piece::Failed {
                code: "error".to_owned(),
                words: event.data.clone().into_owned(),
                body: event.data.clone().into_owned(),
            });
        }
        match &mut self.0 {
            Kind::AnthropicMessages => anthropic_messages::read(event, each),
            Kind::OpenaiResponses(reader) => reader.read(event, each),
            Kind::OpenaiChat(reader) => reader.read(event, each),
            Kind::Gemini(reader) => reader.read(event, each),
        }
    }

    /// Says what the end of the stream means: some dialects have no other mark of a whole answer.
    pub fn end(&mut self, each: &mut dyn FnMut(Piece)) {
        match &mut self.0 {
            Kind::AnthropicMessages | Kind::OpenaiResponses(_) => {}
            Kind::OpenaiChat(reader) => reader.end(each),
            Kind::Gemini(reader) => reader.end(each),
        }
    }
}

/// Text that is borrowed from the event where nothing in it is escaped.
#[derive(Debug, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl Text<'_> {
    /// Gives the text as a piece of the answer; nothing for an empty one.
    pub(super) fn say(self, each: &mut dyn FnMut(Piece)) {
        if !self.0.is_empty() {
            each(Piece::Text(self.0.into_owned()));
        }
    }
}

/// Reads an error of an event: its stable word and the provider's sentence, in the shapes that are in use.
pub(super) fn failed(error: &Value, body: &str) -> Piece {
    let text = |name: &str| match error.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let words = error.as_str().map(str::to_owned).or_else(|| text("message"));
    let code = ["status", "code", "type"].into_iter().filter_map(text);
    // Google's stable word is `status`, beside a numeric code; elsewhere a number says least.
    let code = code.min_by_key(|code| code.bytes().all(|b| b.is_ascii_digit())).unwrap_or_else(|| "error".to_owned());
    Piece::Failed { words: words.unwrap_or_else(|| code.clone()), code, body: body.to_owned() }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a whole answer.
    pub(crate) fn read(dialect: Dialect, events: &[&str]) -> Vec<Piece> {
        let (mut reader, mut pieces) = (Reader::new(dialect), Vec::new());
        for data in events {
            reader.read(&Event { name: "".into(), data: (*data).into() }, &mut |piece| pieces.push(piece));
        }
        reader.end(&mut |piece| pieces.push(piece));
        pieces
    }

    /// The text of the answer.
    pub(crate) fn text(pieces: &[Piece]) -> String {
        pieces.iter().filter_map(|p| if let Piece::Text(text) = p { Some(text.as_str()) } else { None }).collect()
    }

    /// The end of the answer, if it came: why, where it was not the usual one.
    pub(crate) fn done(pieces: &[Piece]) -> Option<Option<String>> {
        pieces.iter().find_map(|p| if let Piece::Done(reason) = p { Some(reason.clone()) } else { None })
    }

    /// Code and words of an error.
    pub(crate) fn failed(pieces: &[Piece]) -> Option<(String, String)> {
        pieces.iter().find_map(|p| match p {
            Piece::Failed { code, words, .. } => Some((code.clone(), words.clone())),
            _ => None,
        })
    }

    const ALL: [Dialect; 4] =
        [Dialect::AnthropicMessages, Dialect::OpenaiResponses, Dialect::OpenaiChat, Dialect::Gemini];

    #[test]
    fn a_proxys_word_within_a_stream_ends_it_in_every_dialect() {
        for dialect in ALL {
            let mut pieces = Vec::new();
            let event = Event { name: "error".into(), data: "upstream timed out".into() };
            Reader::new(dialect).read(&event, &mut |piece| pieces.push(piece));
            assert_eq!(failed(&pieces), Some(("error".into(), "upstream timed out".into())), "{dialect:?}");
        }
    }

    proptest! {
        #[test]
        fn no_event_makes_a_dialect_panic(data in "[\\[{]?[\\[\\]{}\":,a-z0-9]{0,80}", any in any::<String>()) {
            for dialect in ALL {
                read(dialect, &[&data, &any]);
            }
        }
    }
}
