//! What the dialects share: a text within an event, and an error in the provider's words.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::Piece;

/// Text that is borrowed from the event where nothing in it is escaped.
#[derive(Debug, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl Text<'_> {
    /// Gives the text as a piece of the answer; nothing for an empty one.
    pub(super) fn say(self, each: &mut dyn FnMut(Piece<'_>)) {
        if !self.0.is_empty() {
            each(Piece::Text(self.0));
        }
    }
}

/// Reads an error of an event: its stable word and the provider's sentence, in the shapes that are in use.
pub(super) fn failed(error: &Value, body: &str) -> Piece<'static> {
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
