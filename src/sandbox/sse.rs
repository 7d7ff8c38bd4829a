//! Server-sent events, sent in pieces that fit no boundary.

use std::time::Duration;

use serde_json::Value;

use super::answer::{Answer, Chunk, End};
use super::variants::Variants;

/// The sizes in bytes in which a stream is sent, over and over; the first cut falls inside `data:` or `event:`.
const SIZES: [usize; 10] = [3, 1, 17, 7, 64, 2, 31, 5, 128, 11];

/// A stream of events in the making.
#[derive(Debug)]
pub(super) struct Events<'a> {
    variants: &'a Variants,
    pace: Duration,
    events: Vec<(Duration, String)>,
}

impl<'a> Events<'a> {
    /// Starts an empty stream; `pace` is the pause before each piece of text.
    pub(super) fn new(variants: &'a Variants, pace: Duration) -> Self {
        Self { variants, pace, events: Vec::new() }
    }

    /// Adds an event with a name.
    pub(super) fn named(&mut self, name: &str, data: &Value) {
        let line = self.line();
        let head = if self.variants.nameless { String::new() } else { format!("event: {name}{line}") };
        self.events.push((Duration::ZERO, format!("{head}data: {data}{line}{line}")));
    }

    /// Adds an event named as the `type` of its data.
    pub(super) fn typed(&mut self, data: &Value) {
        let name = data.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.named(&name, data);
    }

    /// Adds an event without a name.
    pub(super) fn plain(&mut self, data: &str) {
        let line = self.line();
        self.events.push((Duration::ZERO, format!("data: {data}{line}{line}")));
    }

    /// Makes the event added last wait for the pace.
    pub(super) fn paced(&mut self) {
        if let Some(last) = self.events.last_mut() {
            last.0 = self.pace;
        }
    }

    /// Returns the stream as an answer.
    pub(super) fn answer(mut self) -> Answer {
        let line = self.line();
        let mut end = End::Whole;
        for (limit, how) in [(self.variants.drop_after, End::Drop), (self.variants.hang_after, End::Hang)] {
            if let Some(limit) = limit.filter(|limit| *limit < self.events.len()) {
                self.events.truncate(limit);
                end = how;
            }
        }
        if self.variants.comments {
            for (_, text) in &mut self.events {
                text.insert_str(0, &format!(": keep-alive{line}{line}"));
            }
        }
        if let Some((_, last)) = self.events.last_mut().filter(|_| self.variants.unfinished) {
            last.truncate(last.len() - 2 * line.len());
        }
        let mut sizes = SIZES.into_iter().cycle();
        let chunks = self.events.iter().flat_map(|(wait, text)| cut(*wait, text, &mut sizes)).collect();
        Answer::stream(chunks, end)
    }

    fn line(&self) -> &'static str {
        if self.variants.crlf { "\r\n" } else { "\n" }
    }
}

/// Cuts one event, also inside each character that takes more than one byte.
fn cut(wait: Duration, text: &str, sizes: &mut impl Iterator<Item = usize>) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let planned = sizes.next().unwrap_or(rest.len()).min(rest.len());
        let wide = rest[..planned].iter().position(|byte| *byte >= 0xc0).map(|at| at + 1);
        let (piece, after) = rest.split_at(wide.unwrap_or(planned));
        chunks
            .push(Chunk { wait: if chunks.is_empty() { wait } else { Duration::ZERO }, bytes: piece.to_vec().into() });
        rest = after;
    }
    chunks
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sandbox::answer::Body;

    fn sent(variants: &Variants) -> (Vec<Chunk>, End) {
        let mut events = Events::new(variants, Duration::ZERO);
        events.typed(&json!({"type": "delta", "text": "Grüße"}));
        events.plain("[DONE]");
        let Body::Stream { chunks, end } = events.answer().body else { panic!("a stream") };
        (chunks, end)
    }

    #[test]
    fn pieces_split_names_and_characters_and_lose_nothing() {
        let (chunks, _) = sent(&Variants::default());
        assert!(chunks.iter().any(|chunk| std::str::from_utf8(&chunk.bytes).is_err()));
        assert_eq!(chunks[0].bytes, "eve");
        let all: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes.to_vec()).collect();
        let text = "event: delta\ndata: {\"type\":\"delta\",\"text\":\"Grüße\"}\n\ndata: [DONE]\n\n";
        assert_eq!(String::from_utf8(all).unwrap(), text);
    }

    #[test]
    fn variants_change_the_form() {
        let variants = Variants { crlf: true, comments: true, unfinished: true, nameless: true, ..Variants::default() };
        let all: Vec<u8> = sent(&variants).0.iter().flat_map(|chunk| chunk.bytes.to_vec()).collect();
        let text =
            ": keep-alive\r\n\r\ndata: {\"type\":\"delta\",\"text\":\"Grüße\"}\r\n\r\n: keep-alive\r\n\r\ndata: [DONE]";
        assert_eq!(String::from_utf8(all).unwrap(), text);
        assert_eq!(sent(&Variants { drop_after: Some(1), ..Variants::default() }).1, End::Drop);
        assert_eq!(sent(&Variants { hang_after: Some(1), ..Variants::default() }).1, End::Hang);
    }
}
