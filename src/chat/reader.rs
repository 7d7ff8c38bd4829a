//! What the events of one answer say, in the dialect they come in.

use std::borrow::Cow;

use super::frame::{self, Frame};
use super::gemini::Gemini;
use super::openai_chat::OpenaiChat;
use super::openai_responses::OpenaiResponses;
use super::words::Text;
use super::{Event, Piece, anthropic_messages};
use crate::providers::Dialect;

/// Reads the events of one answer, in order.
#[derive(Debug)]
pub struct Reader {
    kind: Kind,
    frame: Frame,
}

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
        let kind = match dialect {
            Dialect::AnthropicMessages => Kind::AnthropicMessages,
            Dialect::OpenaiResponses => Kind::OpenaiResponses(OpenaiResponses::default()),
            Dialect::OpenaiChat => Kind::OpenaiChat(OpenaiChat::default()),
            Dialect::Gemini => Kind::Gemini(Gemini::default()),
        };
        Self { kind, frame: Frame::default() }
    }

    /// Reads one event. What is not known says nothing.
    pub fn read(&mut self, event: &Event<'_>, each: &mut dyn FnMut(Piece<'_>)) {
        if let Some(text) = self.frame.text(&event.data) {
            return Text(text.into()).say(each);
        }
        if event.name == "error" && !event.data.trim_start().starts_with(['{', '[']) {
            // A proxy's word within a stream, in no dialect.
            return each(Piece::Failed {
                code: "error".to_owned(),
                words: event.data.clone().into_owned(),
                body: event.data.clone().into_owned(),
            });
        }
        let (mut said, mut place) = (0, None);
        let each = &mut |piece: Piece<'_>| {
            said += 1;
            place = match &piece {
                Piece::Text(Cow::Borrowed(text)) if said == 1 => frame::place(&event.data, text),
                _ => None,
            };
            each(piece);
        };
        match &mut self.kind {
            Kind::AnthropicMessages => anthropic_messages::read(event, each),
            Kind::OpenaiResponses(reader) => reader.read(event, each),
            Kind::OpenaiChat(reader) => reader.read(event, each),
            Kind::Gemini(reader) => reader.read(event, each),
        }
        // An event that gave one text and nothing else changes nothing when it comes again with another text.
        self.frame.learn(&event.data, place);
    }

    /// Says what the end of the stream means: some dialects have no other mark of a whole answer.
    pub fn end(&mut self, each: &mut dyn FnMut(Piece<'_>)) {
        match &mut self.kind {
            Kind::AnthropicMessages | Kind::OpenaiResponses(_) => {}
            Kind::OpenaiChat(reader) => reader.end(each),
            Kind::Gemini(reader) => reader.end(each),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Reads a whole answer.
    pub(crate) fn read(dialect: Dialect, events: &[&str]) -> Vec<Piece<'static>> {
        let (mut reader, mut pieces) = (Reader::new(dialect), Vec::new());
        for data in events {
            reader.read(&Event { name: "".into(), data: (*data).into() }, &mut |piece| pieces.push(piece.into_owned()));
        }
        reader.end(&mut |piece| pieces.push(piece.into_owned()));
        pieces
    }

    /// The text of the answer.
    pub(crate) fn text(pieces: &[Piece<'_>]) -> String {
        pieces.iter().filter_map(|p| if let Piece::Text(text) = p { Some(text.as_ref()) } else { None }).collect()
    }

    /// The end of the answer, if it came: why, where it was not the usual one.
    pub(crate) fn done(pieces: &[Piece<'_>]) -> Option<Option<String>> {
        pieces.iter().find_map(|p| if let Piece::Done(reason) = p { Some(reason.clone()) } else { None })
    }

    /// Code and words of an error.
    pub(crate) fn failed(pieces: &[Piece<'_>]) -> Option<(String, String)> {
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
            Reader::new(dialect).read(&event, &mut |piece| pieces.push(piece.into_owned()));
            assert_eq!(failed(&pieces), Some(("error".into(), "upstream timed out".into())), "{dialect:?}");
        }
    }

    /// The texts of an answer whose events all go through one reader, and through a fresh one each.
    fn both_ways(dialect: Dialect, events: &[String]) -> [String; 2] {
        let refs: Vec<&str> = events.iter().map(String::as_str).collect();
        let apart = refs.iter().flat_map(|event| read(dialect, &[event])).collect::<Vec<_>>();
        [text(&read(dialect, &refs)), text(&apart)]
    }

    const FRAMES: [(Dialect, &str); 4] = [
        (
            Dialect::AnthropicMessages,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"T"}}"#,
        ),
        (
            Dialect::OpenaiResponses,
            r#"{"type":"response.output_text.delta","sequence_number":0,"output_index":0,"delta":"T"}"#,
        ),
        (
            Dialect::OpenaiChat,
            r#"{"id":"c0","choices":[{"index":0,"delta":{"content":"T"},"finish_reason":null}],"usage":null}"#,
        ),
        (Dialect::Gemini, r#"{"candidates":[{"content":{"parts":[{"text":"T"}],"role":"model"},"index":0}]}"#),
    ];

    proptest! {
        /// What is known of the event before never changes what an event says.
        #[test]
        fn an_event_says_the_same_after_another_as_alone(
            texts in proptest::collection::vec(("[a-z\"\\,:{}\\[\\]n\u{1}\u{e9}]{0,6}", 0u32..12, any::<bool>()), 1..6),
            cut in proptest::option::of(0usize..120),
        ) {
            for (dialect, frame) in FRAMES {
                let events: Vec<String> = texts.iter().map(|(text, number, escape)| {
                    let text = if *escape { json!(text).to_string().trim_matches('"').to_owned() } else { text.clone() };
                    let mut event = frame.replace(":0,", &format!(":{number},")).replace('T', &text);
                    if let Some(at) = cut.filter(|at| event.is_char_boundary(*at) && text.len() % 2 == 1) {
                        event.truncate(at);
                    }
                    event
                }).collect();
                let [together, apart] = both_ways(dialect, &events);
                prop_assert_eq!(together, apart, "{:?} {:?}", dialect, events);
            }
        }

        #[test]
        fn no_event_makes_a_dialect_panic(data in "[\\[{]?[\\[\\]{}\":,a-z0-9]{0,80}", any in any::<String>()) {
            for dialect in ALL {
                read(dialect, &[&data, &any]);
            }
        }
    }
}
