//! The JSON around a piece of text. A stream repeats it with each piece, and an event that differs from the one before
//! in its text, and in one number at most, need not be parsed again.

use std::ops::Range;

/// What stood around the text of the last event.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// Empty: nothing is known.
    before: String,
    after: String,
}

impl Frame {
    /// Returns the text of an event in the same frame.
    pub(super) fn text<'a>(&self, data: &'a str) -> Option<&'a str> {
        if self.before.is_empty() {
            return None;
        }
        let text = past(&self.before, data)?.strip_suffix(self.after.as_str())?;
        // What is escaped has to be parsed; a quote would end the text earlier (RFC 8259 7).
        text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\').then_some(text)
    }

    /// Remembers the frame of the text at this place; without one, nothing is known any more.
    pub(super) fn learn(&mut self, data: &str, place: Option<Range<usize>>) {
        self.before.clear();
        if let Some(place) = place {
            self.before.push_str(&data[..place.start]);
            self.after.clear();
            self.after.push_str(&data[place.end..]);
        }
    }
}

/// Returns where a text lies within the data of its event, if it does, as a string of JSON without escapes.
pub(super) fn place(data: &str, text: &str) -> Option<Range<usize>> {
    let start = text.as_ptr().addr().checked_sub(data.as_ptr().addr())?;
    let place = start..start.checked_add(text.len())?;
    (data.get(..place.start)?.ends_with('"') && data.get(place.end..)?.starts_with('"')).then_some(place)
}

/// Returns what follows the frame, in which one number may have changed: events are numbered at OpenAI.
fn past<'a>(frame: &str, data: &'a str) -> Option<&'a str> {
    if let Some(rest) = data.strip_prefix(frame) {
        return Some(rest);
    }
    let same = frame.bytes().zip(data.bytes()).take_while(|(ours, theirs)| ours == theirs).count();
    let start = frame.get(..same)?.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = |text: &'a str| text.trim_start_matches(|c: char| c.is_ascii_digit());
    let (ours, theirs) = (&frame[start.len()..], &data[start.len()..]);
    let rest = ours.trim_start_matches(|c: char| c.is_ascii_digit());
    let begun = start.ends_with(':') && rest.len() < ours.len() && number(theirs).len() < theirs.len();
    number(theirs).strip_prefix(rest).filter(|_| begun)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(data: &str, text: &str) -> Frame {
        let mut frame = Frame::default();
        let at = data.find(text).unwrap();
        frame.learn(data, place(data, &data[at..at + text.len()]));
        frame
    }

    #[test]
    fn an_event_in_the_same_frame_gives_its_text_and_no_other_does() {
        let frame = learned(r#"{"n":9,"text":"hi","m":1}"#, "hi");
        for (data, text) in [
            (r#"{"n":9,"text":"","m":1}"#, Some("")),
            (r#"{"n":9,"text":"Grüße 🦀","m":1}"#, Some("Grüße 🦀")),
            (r#"{"n":10,"text":"x","m":1}"#, Some("x")),
            (r#"{"n":123,"text":"x","m":1}"#, Some("x")),
            (r#"{"n":,"text":"x","m":1}"#, None),
            (r#"{"n":9.5,"text":"x","m":1}"#, None),
            (r#"{"n":-9,"text":"x","m":1}"#, None),
            (r#"{"n":9,"text":"x","m":2}"#, None),
            (r#"{"n":9,"text":"x","error":"y","m":1}"#, None),
            (r#"{"n":9,"text":"a\nb","m":1}"#, None),
            ("{\"n\":9,\"text\":\"a\nb\",\"m\":1}", None),
            (r#"{"n":9,"text":"#, None),
            (r#"{"n":9,"text":"","m":1"#, None),
            (r#"{"n":9,"te"#, None),
            ("{\"n\":9é", None),
            ("", None),
        ] {
            assert_eq!(frame.text(data), text, "{data}");
        }
    }

    #[test]
    fn digits_in_a_text_are_no_number() {
        let frame = learned(r#"{"type":"delta1","text":"hi"}"#, "hi");
        assert_eq!(frame.text(r#"{"type":"delta2","text":"hi"}"#), None);
        let number = learned(r#"{"n":7,"text":"hi"}"#, "hi");
        assert_eq!(number.text(r#"{"n":"7","text":"hi"}"#), None);
    }

    #[test]
    fn a_text_from_elsewhere_teaches_nothing() {
        let data = r#"{"text":"hi"}"#.to_owned();
        let mut frame = learned(&data, "hi");
        assert_eq!(place(&data, &"hi".to_owned()), None);
        assert_eq!(place(&data, &data[3..6]), None, "no text of the answer stands without quotes");
        frame.learn(&data, None);
        assert_eq!(frame.text(&data), None);
    }
}
