//! The JSON around a piece of text. A stream repeats it with each piece, and an event that differs from those before
//! in its text, and in one number at most, need not be parsed again.

use std::ops::Range;

/// What stood around the text of the last event that was parsed.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// Empty: nothing is known.
    before: String,
    /// Where a number lies that changes; empty where none does. OpenAI numbers its events.
    number: Range<usize>,
    after: String,
}

impl Frame {
    /// Returns the text of an event in the same frame.
    pub(super) fn text<'a>(&self, data: &'a str) -> Option<&'a str> {
        if self.before.is_empty() {
            return None;
        }
        let mut rest = data.strip_prefix(&self.before[..self.number.start])?;
        if !self.number.is_empty() {
            rest = &rest[digits(rest).filter(|count| *count > 0)?..];
        }
        let text = rest.strip_prefix(&self.before[self.number.end..])?.strip_suffix(self.after.as_str())?;
        // What is escaped has to be parsed; a quote would end the text earlier (RFC 8259 7). All bytes are looked at
        // without a branch, which is many at a time.
        let plain = text.bytes().fold(true, |plain, b| plain & (b >= b' ') & (b != b'"') & (b != b'\\'));
        plain.then_some(text)
    }

    /// Remembers the frame of the text at this place; without one, nothing is known any more.
    pub(super) fn learn(&mut self, data: &str, place: Option<Range<usize>>) {
        let Some(place) = place else { return self.before.clear() };
        let before = &data[..place.start];
        self.number = changed(&self.before, before).unwrap_or_default();
        self.before.clear();
        self.before.push_str(before);
        self.after.clear();
        self.after.push_str(&data[place.end..]);
    }
}

/// Returns where a text lies within the data of its event, if it does, as a string of JSON without escapes.
pub(super) fn place(data: &str, text: &str) -> Option<Range<usize>> {
    let start = text.as_ptr().addr().checked_sub(data.as_ptr().addr())?;
    let place = start..start.checked_add(text.len())?;
    (data.get(..place.start)?.ends_with('"') && data.get(place.end..)?.starts_with('"')).then_some(place)
}

/// Returns how many digits a text begins with.
fn digits(text: &str) -> Option<usize> {
    text.bytes().position(|b| !b.is_ascii_digit())
}

/// Returns where the one number lies in which two beginnings of JSON differ, if that is all they differ in.
fn changed(old: &str, new: &str) -> Option<Range<usize>> {
    let same = old.bytes().zip(new.bytes()).position(|(old, new)| old != new)?;
    let start = new.get(..same)?.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (in_old, in_new) = (digits(old.get(start..)?)?, digits(&new[start..])?);
    let number = new[..start].ends_with(':') && in_old > 0 && in_new > 0;
    (number && old[start + in_old..] == new[start + in_new..]).then_some(start..start + in_new)
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
        let mut frame = learned(r#"{"n":8,"text":"hi","m":1}"#, "hi");
        assert_eq!(frame.text(r#"{"n":8,"text":"x","m":1}"#), Some("x"));
        assert_eq!(frame.text(r#"{"n":10,"text":"x","m":1}"#), None, "which number changes is seen in two events");
        let second = r#"{"n":10,"text":"hi","m":1}"#;
        frame.learn(second, place(second, &second[16..18]));
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
    fn one_number_alone_may_change() {
        for (old, new, range) in [
            (r#"{"n":9,"t":""#, r#"{"n":10,"t":""#, Some(5..7)),
            (r#"{"n":109,"t":""#, r#"{"n":110,"t":""#, Some(5..8)),
            (r#"{"n":7,"m":7,"t":""#, r#"{"n":8,"m":8,"t":""#, None),
            (r#"{"type":"delta1","t":""#, r#"{"type":"delta2","t":""#, None),
            (r#"{"n":1.5,"t":""#, r#"{"n":1.6,"t":""#, None),
            (r#"{"n":null,"t":""#, r#"{"n":1,"t":""#, None),
            (r#"{"n":1,"t":""#, r#"{"n":1,"t":""#, None),
            (r#"{"n":1"#, r#"{"n":2"#, None),
            ("", "", None),
        ] {
            assert_eq!(changed(old, new), range, "{old} {new}");
        }
    }

    #[test]
    fn a_text_from_elsewhere_teaches_nothing() {
        let data = r#"{"text":"hi"}"#.to_owned();
        let mut frame = learned(&data, "hi");
        assert_eq!(place(&data, "hi"), None);
        assert_eq!(place(&data, &data[3..6]), None, "no text of the answer stands without quotes");
        frame.learn(&data, None);
        assert_eq!(frame.text(&data), None);
    }
}
