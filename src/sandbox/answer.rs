//! What is sent back for one request.

use std::time::Duration;

use axum::body::Bytes;
use serde_json::Value;

use super::received::Received;

/// What [`Answer::repeat`] puts the request in the place of.
const REQUEST: &str = "{request}";

/// One piece of a streamed body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The pause before it is sent.
    pub wait: Duration,
    /// The bytes, sent as one piece.
    pub bytes: Bytes,
}

impl Chunk {
    /// Returns a piece that is sent at once.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self { wait: Duration::ZERO, bytes: bytes.into() }
    }

    /// Returns a piece that is sent after a pause.
    pub fn after(wait: Duration, bytes: impl Into<Bytes>) -> Self {
        Self { wait, bytes: bytes.into() }
    }
}

/// How a streamed body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum End {
    /// As HTTP ends a body.
    #[default]
    Whole,
    /// The connection is cut.
    Drop,
    /// Nothing more comes and the connection stays open.
    Hang,
}

/// What follows the headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// All at once.
    Whole(Bytes),
    /// Piece by piece.
    Stream {
        /// The pieces in order.
        chunks: Vec<Chunk>,
        /// What comes after the last one.
        end: End,
    },
    /// This text, with the whole request (every header, and the body) escaped for JSON in the place of `{request}`, in
    /// headers too.
    Repeat(String),
    /// The request is served as always, but the connection is cut before the first byte of the answer.
    Lost,
}

/// One answer; tests queue them with [`super::Script::answer`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Header names in lower case with their values.
    pub headers: Vec<(String, String)>,
    /// What follows them.
    pub body: Body,
}

impl Answer {
    /// Returns an answer with a status, a content type and a text.
    pub fn text(status: u16, kind: &str, body: impl Into<String>) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self { status, headers, body: Body::Whole(Bytes::from(body.into())) }
    }

    /// Returns a JSON answer.
    pub fn json(status: u16, body: Value) -> Self {
        Self::text(status, "application/json", body.to_string())
    }

    /// Returns an HTML page, as proxies and firewalls send them.
    pub fn html(status: u16, body: impl Into<String>) -> Self {
        Self::text(status, "text/html; charset=utf-8", body)
    }

    /// Returns an answer without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Whole(Bytes::new()) }
    }

    /// Returns a redirect.
    pub fn redirect(to: impl Into<String>) -> Self {
        Self::empty(302).header("location", to)
    }

    /// Returns an event stream with status 200 that is sent exactly in these pieces.
    pub fn stream(chunks: Vec<Chunk>, end: End) -> Self {
        let headers = vec![
            ("content-type".to_owned(), "text/event-stream; charset=utf-8".to_owned()),
            ("cache-control".to_owned(), "no-cache".to_owned()),
        ];
        Self { status: 200, headers, body: Body::Stream { chunks, end } }
    }

    /// Returns the answer that never arrives: the request has its effect, then the connection is cut.
    pub fn lost() -> Self {
        Self { body: Body::Lost, ..Self::empty(200) }
    }

    /// Returns an answer that repeats what it was asked, at each `{request}` of the text and of headers: some providers
    /// and proxies do so in their errors.
    pub fn repeat(status: u16, kind: &str, text: impl Into<String>) -> Self {
        Self { body: Body::Repeat(text.into()), ..Self::text(status, kind, "") }
    }

    /// Puts the request where the answer repeats it.
    pub(super) fn repeating(mut self, call: &Received) -> Self {
        let Body::Repeat(text) = &self.body else { return self };
        let headers: String = call.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let whole = format!("{} {}?{}\n{headers}\n{}", call.method, call.path, call.query, call.body);
        let json = Value::from(whole.as_str()).to_string();
        self.body = Body::Whole(Bytes::from(text.replace(REQUEST, &json[1..json.len() - 1])));
        for (_, value) in self.headers.iter_mut().filter(|(_, value)| value.contains(REQUEST)) {
            let coded: String = url::form_urlencoded::byte_serialize(whole.as_bytes()).collect();
            *value = value.replace(REQUEST, &coded);
        }
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }
}
