//! Server-sent events (WHATWG HTML 9.2.6), bounded: only `event` and `data`, UTF-8 mended per event.

use std::borrow::Cow;

use memchr::memchr2;

/// Bytes of one event (`docs/security.md`, network).
const BOUND: usize = 4 << 20;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event` field; empty where there was none.
    pub name: Cow<'a, str>,
    /// The `data` lines, with line feeds between.
    pub data: Cow<'a, str>,
}

/// An event without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// Splits a byte stream into events, whatever the chunks.
#[derive(Debug, Default)]
pub struct Events {
    line: Vec<u8>,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    after_cr: bool,
    begun: bool,
}

impl Events {
    /// Takes a chunk and gives each event that it completes to `each`.
    ///
    /// # Errors
    /// [`TooLong`] when one event is over 4 MiB.
    pub fn feed(&mut self, mut chunk: &[u8], mut each: impl FnMut(Event<'_>)) -> Result<(), TooLong> {
        let mut held = None;
        if self.after_cr && !chunk.is_empty() {
            self.after_cr = false;
            chunk = chunk.strip_prefix(b"\n").unwrap_or(chunk);
        }
        while let Some(end) = memchr2(b'\n', b'\r', chunk) {
            if self.line.is_empty() {
                self.line(&chunk[..end], &mut held, &mut each)?;
            } else {
                self.line.extend_from_slice(&chunk[..end]);
                let line = std::mem::take(&mut self.line);
                let mut own = None;
                self.line(&line, &mut own, &mut each)?;
                self.keep(own);
                self.line = line;
                self.line.clear();
            }
            let cr = chunk[end] == b'\r';
            chunk = &chunk[end + 1..];
            if cr {
                self.after_cr = chunk.is_empty();
                chunk = chunk.strip_prefix(b"\n").unwrap_or(chunk);
            }
        }
        self.keep(held);
        if self.line.len() + self.data.len() + chunk.len() > BOUND {
            return Err(TooLong);
        }
        self.line.extend_from_slice(chunk);
        Ok(())
    }

    /// Gives the event that the stream ended in. The standard drops it; providers are known to leave out the last
    /// blank line, and an event that was cut short is no JSON and says nothing.
    pub fn finish(&mut self, mut each: impl FnMut(Event<'_>)) {
        let line = std::mem::take(&mut self.line);
        let mut held = None;
        if line.is_empty() || self.line(&line, &mut held, &mut each).is_ok() {
            // A blank line cannot be too long.
            let _ = self.line(b"", &mut held, &mut each);
        }
    }

    /// Copies data that must outlive its chunk.
    fn keep(&mut self, held: Option<&[u8]>) {
        self.data.extend_from_slice(held.unwrap_or_default());
    }

    /// Takes a line. The first line of data is held where it lies: most events have one, in one chunk.
    fn line<'a>(
        &mut self,
        line: &'a [u8],
        held: &mut Option<&'a [u8]>,
        each: &mut impl FnMut(Event<'_>),
    ) -> Result<(), TooLong> {
        let line = if self.begun { line } else { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) };
        self.begun = true;
        if line.is_empty() {
            if self.has_data {
                each(Event { name: text(&self.name), data: text(held.take().unwrap_or(&self.data)) });
            }
            self.name.clear();
            self.data.clear();
            self.has_data = false;
            return Ok(());
        }
        if self.data.len() + line.len() > BOUND {
            return Err(TooLong);
        }
        if let Some(value) = value(line, b"data") {
            if self.has_data {
                self.keep(held.take());
                self.data.push(b'\n');
                self.data.extend_from_slice(value);
            } else {
                *held = Some(value);
            }
            self.has_data = true;
        } else if let Some(value) = value(line, b"event") {
            self.name.clear();
            self.name.extend_from_slice(value);
        }
        Ok(())
    }
}

/// Returns the value of a line, if the field is the wanted one. A field alone has an empty value.
fn value<'a>(line: &'a [u8], field: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(field)? {
        [b':', b' ', value @ ..] | [b':', value @ ..] | value @ [] => Some(value),
        _ => None,
    }
}

/// Mends bytes that are no text. Those that are, nearly all, are checked the fast way first.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(chunks: &[&[u8]]) -> Vec<(String, String)> {
        let (mut events, mut out) = (Events::default(), Vec::new());
        for chunk in chunks {
            events.feed(chunk, |e| out.push((e.name.into_owned(), e.data.into_owned()))).unwrap();
        }
        out
    }

    const STREAM: &[u8] = "\u{feff}: hi\r\nevent: a\r\ndata: {\"x\":\"é\"}\r\n\r\ndata: 1\ndata: 2\n\nid: 3\n\nevent: lost\rdata:x\r\rdata: cut".as_bytes();

    #[test]
    fn f9_an_event_split_at_every_byte_is_the_same_event() {
        let whole = all(&[STREAM]);
        assert_eq!(
            whole,
            [("a".into(), "{\"x\":\"é\"}".into()), (String::new(), "1\n2".into()), ("lost".into(), "x".into())]
        );
        for at in 0..STREAM.len() {
            assert_eq!(all(&[&STREAM[..at], &STREAM[at..]]), whole, "split at {at}");
        }
        assert_eq!(all(&STREAM.chunks(1).collect::<Vec<_>>()), whole);
    }

    #[test]
    fn f9_the_last_event_needs_no_blank_line() {
        for (stream, whole) in
            [("data: 1\n\ndata: 2", "2"), ("data: 2\n", "2"), ("data: 2\r\n", "2"), ("data: 2\n\n", "")]
        {
            let (mut events, mut last) = (Events::default(), String::new());
            events.feed(stream.as_bytes(), |_| {}).unwrap();
            events.finish(|e| last = e.data.into_owned());
            assert_eq!(last, whole, "{stream:?}");
        }
    }

    #[test]
    fn f9_an_endless_line_is_refused_and_bytes_that_are_no_text_are_mended() {
        let mut events = Events::default();
        let chunk = vec![b'x'; 1 << 20];
        let results: Vec<_> = (0..6).map(|_| events.feed(&chunk, |_| {})).collect();
        assert_eq!(results.iter().position(Result::is_err), Some(4));
        assert_eq!(all(&[b"data: a\xff\xfeb\n\n"]), [(String::new(), "a\u{fffd}\u{fffd}b".into())]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_chunks_do_not_matter(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0usize..300) {
            let cut = cut.min(bytes.len());
            prop_assert_eq!(all(&[&bytes]), all(&[&bytes[..cut], &bytes[cut..]]));
        }
    }
}
