//! One request of a conversation, and its answer as it comes.

use std::time::Duration;

use reqwest::header::{ACCEPT, LOCATION};
use serde_json::Value;
use url::Url;

use super::{Event, Events, Piece, Reader};
use crate::http::{self, Http, Unreached};
use crate::providers::Dialect;
use crate::secret::{Hidden, Secret};

/// What to send where.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The endpoint.
    pub url: Url,
    /// The JSON body.
    pub body: Value,
    /// Headers of the manifest and its claims.
    pub headers: Vec<(String, String)>,
}

/// What the request is sent with.
#[derive(Debug, Clone, PartialEq)]
pub enum Auth {
    /// An API key, in the header that the dialect uses.
    Key(Secret),
    /// An access token, as Bearer (RFC 6750 2.1).
    Token(Secret),
}

/// Tokens of one answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input tokens.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Tokens.
    pub usage: Usage,
    /// Why it ended, where it is not the usual end.
    pub reason: Option<String>,
    /// Headers of the answer; limits are told there.
    pub headers: Vec<(String, String)>,
}

/// An answer that did not come, or not whole.
#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// The provider answered with an error.
    Status {
        /// HTTP status.
        status: u16,
        /// Headers.
        headers: Vec<(String, String)>,
        /// The start of the body.
        body: Vec<u8>,
    },
    /// The host was not reached, or the stream broke off.
    Unreached(Unreached),
    /// The provider ended the stream with an error.
    InStream {
        /// The stable word.
        code: String,
        /// The provider's words.
        words: String,
        /// The whole event.
        body: String,
        /// Headers of the answer.
        headers: Vec<(String, String)>,
    },
    /// Something that is no stream of events.
    Nonsense(String),
    /// Not sent at all.
    Ours(crate::error::Failure),
}

impl Auth {
    fn hidden(&self) -> Hidden {
        let (Self::Key(secret) | Self::Token(secret)) = self;
        Hidden::of([secret.expose()])
    }
}

impl Trouble {
    /// Takes the secrets of the request out of what the provider sent.
    fn without(self, hidden: &Hidden) -> Self {
        let clean = |headers: Vec<(String, String)>| -> Vec<_> {
            headers.into_iter().map(|(name, value)| (name, hidden.clean(&value))).collect()
        };
        match self {
            Self::Status { status, headers, body } => Self::Status { status, headers: clean(headers), body },
            Self::InStream { code, words, body, headers } => Self::InStream {
                code: hidden.clean(&code),
                words: hidden.clean(&words),
                body: String::from_utf8_lossy(&hidden.clean_body(body.into_bytes())).into_owned(),
                headers: clean(headers),
            },
            Self::Nonsense(words) => Self::Nonsense(hidden.clean(&words)),
            Self::Unreached(_) | Self::Ours(_) => self,
        }
    }

    /// Returns what the provider sent with its error; empty where nothing came.
    pub fn body(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Self::Status { body, .. } => String::from_utf8_lossy(body),
            Self::InStream { body, .. } => body.into(),
            Self::Unreached(_) | Self::Nonsense(_) | Self::Ours(_) => "".into(),
        }
    }
}

/// Appends path segments to a base URL, whether it ends with a slash or not.
pub(super) fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url
}

/// Sends a request and gives the answer to `show` as it comes: text and reasoning of what was received together,
/// together.
///
/// # Errors
/// What went wrong, for the failover plan to read, without the credential: an error may repeat the whole request.
/// Whether something was shown before, the caller knows.
pub async fn send(
    http: &Http,
    dialect: Dialect,
    request: &Request,
    auth: &Auth,
    idle: Duration,
    show: impl FnMut(Piece<'_>),
) -> Result<Finished, Trouble> {
    let hidden = auth.hidden();
    exchanged(http, dialect, request, auth, idle, show, &hidden).await.map_err(|trouble| trouble.without(&hidden))
}

async fn exchanged(
    http: &Http,
    dialect: Dialect,
    request: &Request,
    auth: &Auth,
    idle: Duration,
    show: impl FnMut(Piece<'_>),
    hidden: &Hidden,
) -> Result<Finished, Trouble> {
    let host = http::host_of(&request.url);
    let broken = |e: reqwest::Error| Trouble::Unreached(Unreached::from_error(&e, &host));
    let mut sending = http.client(&request.url).map_err(Trouble::Ours)?.post(request.url.clone()).json(&request.body);
    sending = sending.header(ACCEPT, "text/event-stream");
    sending = match auth {
        Auth::Token(token) => sending.bearer_auth(token.expose()),
        Auth::Key(key) if dialect.key_header() == "authorization" => sending.bearer_auth(key.expose()),
        Auth::Key(key) => sending.header(dialect.key_header(), key.expose()),
    };
    for (name, value) in &request.headers {
        sending = sending.header(name, value);
    }
    let silent = || {
        let words = format!("{host} was silent for {} seconds", idle.as_secs());
        Trouble::Unreached(Unreached { perhaps_sent: true, tls: false, words })
    };
    let mut answer = tokio::time::timeout(idle, sending.send()).await.map_err(|_| silent())?.map_err(broken)?;
    let status = answer.status();
    let headers: Vec<(String, String)> = answer
        .headers()
        .iter()
        .map(|(k, v)| (k.as_str().to_owned(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
        .collect();
    if status.is_redirection() {
        let place = answer.headers().get(LOCATION).and_then(|v| v.to_str().ok()).unwrap_or("nowhere").to_owned();
        return Err(Trouble::Nonsense(format!("{host} redirects the request to {place}; it was not followed")));
    }
    if !status.is_success() {
        let body = tokio::time::timeout(idle, http::read_error(answer, hidden)).await.unwrap_or_default();
        return Err(Trouble::Status { status: status.as_u16(), headers, body });
    }
    let mut events = Events::default();
    let mut reader = Reader::new(dialect);
    let mut told = Told::new(&headers, show);
    let mut any = false;
    while told.end.is_none() {
        let chunk = tokio::time::timeout(idle, answer.chunk()).await.map_err(|_| silent())?.map_err(broken)?;
        let mut each = |event: Event<'_>| {
            any = true;
            reader.read(&event, &mut |piece| told.piece(piece));
        };
        let Some(chunk) = chunk else {
            events.finish(&mut each);
            reader.end(&mut |piece| told.piece(piece));
            told.show();
            break;
        };
        let fed = events.feed(&chunk, each);
        told.show();
        if fed.is_err() {
            return Err(Trouble::Nonsense(format!("{host} sent an event of over 4 MiB")));
        }
    }
    let Told { usage, end, .. } = told;
    match end {
        Some(Ok(reason)) => Ok(Finished { usage, reason, headers }),
        Some(Err(trouble)) => Err(trouble),
        None if !any => Err(Trouble::Nonsense(format!("{host} answered with something that is no stream of events"))),
        None => {
            let words = format!("{host} ended the stream before the answer was whole");
            Err(Trouble::Unreached(Unreached { perhaps_sent: true, tls: false, words }))
        }
    }
}

/// What an answer has told so far.
struct Told<'a, F> {
    headers: &'a [(String, String)],
    usage: Usage,
    /// The first word on the end counts: what follows is not the answer's any more.
    end: Option<Result<Option<String>, Trouble>>,
    /// What is not shown yet, all of it text or all of it reasoning: a screen is written to once for each chunk.
    said: String,
    reasoning: bool,
    to: F,
}

impl<'a, F: FnMut(Piece<'_>)> Told<'a, F> {
    fn new(headers: &'a [(String, String)], to: F) -> Self {
        Self { headers, usage: Usage::default(), end: None, said: String::new(), reasoning: false, to }
    }

    fn piece(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Usage { input, output } => {
                self.usage.input = input.unwrap_or(self.usage.input);
                self.usage.output = output.unwrap_or(self.usage.output);
            }
            _ if self.end.is_some() => {}
            Piece::Done(reason) => self.end = Some(Ok(reason)),
            Piece::Failed { code, words, body } => {
                self.end = Some(Err(Trouble::InStream { code, words, body, headers: self.headers.to_vec() }));
            }
            Piece::Text(text) => self.say(&text, false),
            Piece::Reasoning(text) => self.say(&text, true),
        }
    }

    fn say(&mut self, text: &str, reasoning: bool) {
        if reasoning != self.reasoning {
            self.show();
            self.reasoning = reasoning;
        }
        self.said.push_str(text);
    }

    fn show(&mut self) {
        if !self.said.is_empty() {
            let said = self.said.as_str().into();
            (self.to)(if self.reasoning { Piece::Reasoning(said) } else { Piece::Text(said) });
            self.said.clear();
        }
    }
}
