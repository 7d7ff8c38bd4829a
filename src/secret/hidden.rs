//! The secrets of a request or of a run, taken out of texts by their value, in every form they may take.

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;
use zeroize::Zeroizing;

use super::Secret;

/// Bytes below which a value would be found in words that have nothing to do with it.
const SHORTEST: usize = 8;

/// Secrets that no text may hold.
#[derive(Debug, Default)]
pub struct Hidden(Mutex<Vec<Secret>>);

impl Hidden {
    /// Takes the secrets of a request.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let hidden = Self::default();
        values.into_iter().for_each(|value| hidden.add(&Secret::new(value)));
        hidden
    }

    /// Learns a secret.
    pub fn add(&self, secret: &Secret) {
        let mut secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if secret.expose().len() >= SHORTEST && !secrets.contains(secret) {
            // The longest first: one may be the beginning of another, whose end would be left.
            let at = secrets.partition_point(|known| known.expose().len() >= secret.expose().len());
            secrets.insert(at, secret.clone());
        }
    }

    /// Puts an ellipsis in the place of every secret in a text.
    pub fn clean(&self, text: &str) -> String {
        let secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut clean = text.to_owned();
        if clean.len() < SHORTEST {
            return clean;
        }
        for secret in secrets.iter() {
            for form in forms(secret.expose()) {
                if clean.contains(&*form) {
                    clean = clean.replace(&*form, "…");
                }
            }
        }
        clean
    }

    /// Does so in every text of a JSON document, in the names of members too.
    pub fn clean_json(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.clean(text),
            Value::Array(list) => list.iter_mut().for_each(|item| self.clean_json(item)),
            Value::Object(map) => {
                *map = std::mem::take(map)
                    .into_iter()
                    .map(|(name, mut value)| {
                        self.clean_json(&mut value);
                        (self.clean(&name), value)
                    })
                    .collect();
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Does so in the body of an answer: JSON by its texts, as any letter may be escaped there; else as text. A body
    /// without a secret stays as it is to the byte.
    pub fn clean_body(&self, body: Vec<u8>) -> Vec<u8> {
        if let Ok(document) = serde_json::from_slice::<Value>(&body) {
            let mut clean = document.clone();
            self.clean_json(&mut clean);
            return if clean == document { body } else { clean.to_string().into_bytes() };
        }
        let text = String::from_utf8_lossy(&body);
        let clean = self.clean(&text);
        if *text == clean { body } else { clean.into_bytes() }
    }
}

/// Returns the shapes in which a secret may stand in a text: as it is, percent-encoded, JSON-escaped, and in the middle
/// of base64 text at each of the three alignments.
fn forms(value: &str) -> Vec<Zeroizing<String>> {
    let json = Value::from(value).to_string();
    let percent: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let mut forms = vec![value.to_owned(), percent.replace('+', "%20"), percent, json[1..json.len() - 1].to_owned()];
    for engine in [URL_SAFE_NO_PAD, STANDARD_NO_PAD] {
        // The whole, with a last group that may be short; then what is sure to look so wherever it stands.
        forms.push(engine.encode(value));
        for skipped in 0..3 {
            let whole = value.as_bytes().get(skipped..).unwrap_or_default();
            let whole = &whole[..whole.len() / 3 * 3];
            if whole.len() >= 6 {
                forms.push(engine.encode(whole));
            }
        }
    }
    forms.into_iter().map(Zeroizing::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_within_base64_text_is_left_out_wherever_it_begins() {
        let hidden = Hidden::of(["canary-value-0123456789"]);
        for before in ["", "a", "ab", "abc"] {
            let coded = STANDARD_NO_PAD.encode(format!("{before}canary-value-0123456789:x"));
            assert!(hidden.clean(&coded).contains('…'), "{before}");
        }
    }

    #[test]
    fn a_secret_is_left_out_in_every_form_and_words_stay() {
        let secret = "can/ary+\"value\" 1";
        let hidden = Hidden::of([secret]);
        let forms = format!(
            "code={secret} can%2Fary%2B%22value%22+1 can%2Fary%2B%22value%22%201 can/ary+\\\"value\\\" 1 {}",
            URL_SAFE_NO_PAD.encode(secret)
        );
        assert_eq!(hidden.clean(&forms), "code=… … … … …");
        for words in ["the code= is missing", "canary value 1", ""] {
            assert_eq!(hidden.clean(words), words);
        }
    }

    #[test]
    fn of_two_secrets_that_begin_alike_no_end_is_left() {
        let hidden = Hidden::of(["the-beginning", "the-beginning-and-the-end"]);
        assert_eq!(hidden.clean("the-beginning-and-the-end the-beginning"), "… …");
    }

    #[test]
    fn a_body_is_cleaned_behind_its_escapes_and_else_stays_to_the_byte() {
        let hidden = Hidden::of(["can/ary/value"]);
        let clean = |body: &str| String::from_utf8(hidden.clean_body(body.into())).unwrap();
        assert_eq!(clean(r#"{"a":["\u0063an\/ary\/value!"],"can/ary/value":1.0}"#), r#"{"a":["…!"],"…":1.0}"#);
        assert_eq!(clean("<p>can/ary/value</p>"), "<p>…</p>");
        for same in [r#"{ "a" : 12345678901234567890123 }"#, "<p>\u{fffd}</p>", ""] {
            assert_eq!(clean(same), same);
        }
        assert_eq!(hidden.clean_body(b"\xff\xfe".to_vec()), b"\xff\xfe");
    }

    #[test]
    fn what_is_too_short_to_tell_apart_is_no_secret() {
        assert_eq!(Hidden::of(["", "code"]).clean("the code"), "the code");
    }
}
