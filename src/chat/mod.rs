//! Talking to a model: the conversation, the event stream, and one file for each wire format.
//!
//! Knows requests, bytes and events; may not know accounts, print, or decide what follows a failure.

mod anthropic_messages;
mod conversation;
mod frame;
mod gemini;
mod openai_chat;
mod openai_responses;
mod reader;
mod send;
mod sse;
mod words;

pub use conversation::{Conversation, Role, Turn};
pub use reader::Reader;
pub use send::{Auth, Finished, Request, Trouble, Usage, send};
pub use sse::{Event, Events, TooLong};

use std::borrow::Cow;

use crate::providers::Dialect;

/// Returns the bound that a dialect sends where nobody set `max_tokens`: one of them demands it.
pub fn max_tokens(dialect: Dialect) -> Option<u64> {
    match dialect {
        Dialect::AnthropicMessages => Some(anthropic_messages::MAX_TOKENS),
        Dialect::OpenaiResponses | Dialect::OpenaiChat | Dialect::Gemini => None,
    }
}

/// What an event of a stream says.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece<'a> {
    /// Text of the answer.
    Text(Cow<'a, str>),
    /// What the model says of its reasoning.
    Reasoning(Cow<'a, str>),
    /// Tokens counted so far.
    Usage {
        /// Input tokens, where told.
        input: Option<u64>,
        /// Output tokens, where told.
        output: Option<u64>,
    },
    /// The answer is whole. The word says why, where it is not the usual end.
    Done(Option<String>),
    /// The provider ends the stream with an error.
    Failed {
        /// The stable word of the provider.
        code: String,
        /// The provider's words.
        words: String,
        /// The whole event, for reading limits from.
        body: String,
    },
}

impl Piece<'_> {
    /// Returns the same with text of its own.
    pub fn into_owned(self) -> Piece<'static> {
        match self {
            Self::Text(text) => Piece::Text(text.into_owned().into()),
            Self::Reasoning(text) => Piece::Reasoning(text.into_owned().into()),
            Self::Usage { input, output } => Piece::Usage { input, output },
            Self::Done(reason) => Piece::Done(reason),
            Self::Failed { code, words, body } => Piece::Failed { code, words, body },
        }
    }
}

impl Dialect {
    /// Builds the request for a conversation.
    pub fn request(self, base: &url::Url, model: &str, conversation: &Conversation, params: &Params) -> Request {
        match self {
            Self::AnthropicMessages => anthropic_messages::request(base, model, conversation, params),
            Self::OpenaiResponses => openai_responses::request(base, model, conversation, params),
            Self::OpenaiChat => openai_chat::request(base, model, conversation, params),
            Self::Gemini => gemini::request(base, model, conversation, params),
        }
    }

    /// Tells how a key is sent.
    pub fn key_header(self) -> &'static str {
        match self {
            Self::AnthropicMessages => "x-api-key",
            Self::Gemini => "x-goog-api-key",
            Self::OpenaiResponses | Self::OpenaiChat => "authorization",
        }
    }
}

/// Parameters of the model by name, as set by the user.
pub type Params = std::collections::BTreeMap<String, serde_json::Value>;
