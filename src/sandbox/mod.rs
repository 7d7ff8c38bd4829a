//! The stand-in for the providers: authorization servers, login pages and chat dialects on loopback.
//!
//! It serves `llxprt --sandbox`, `llxprt sandbox` and the tests, and is as strict as the services it stands for:
//! status, headers and error bodies are theirs. It may not use any other module of this crate, so that it cannot
//! share a mistake with the client that it checks.
//!
//! Everything of a provider lies below `<url>/<provider>`, which replaces scheme and host of each of its real URLs.
//!
//! # Control
//!
//! Tests in the same process use [`Script`]. Tests in another process do the same over HTTP:
//! `POST <url>/_control` with `Content-Type: application/json` and `{"provider": "anthropic", "do": …}`:
//!
//! | `do` | more members | answer |
//! | --- | --- | --- |
//! | `answer` | `endpoint`, `status`, `headers` (object), and `body` (text or JSON), or `chunks` (list of texts) and `end` (`whole`, `drop`, `hang`), or `lost: true` | `{}` |
//! | `requests` | | `{"requests": [{"method", "path", "query", "headers", "body", "endpoint", "account", "status"}]}` |
//! | `counts` | | `{"counts": {"token": 1, …}}` |
//! | `violations` | | `{"violations": ["…"]}` |
//! | `hold`, `release` | `endpoint` | `{}` |
//! | `expire` | | `{}`: every access token of the provider has run out |
//! | `revoke` | `account` | `{}`: every login of that account is revoked |
//! | `quota` | `account`, `requests` (0: used up now) | `{}` |
//! | `key` | `key`, `account` | `{}`: the API key works from now on |
//! | `vary` | `set` (members of [`Variants`]) | `{"variants": {…}}` |
//! | `advance` | `seconds` | `{}`: the clock of the whole sandbox moves on |
//!
//! Endpoints are written as in [`Endpoint`], in lower case with underscores. A request that cannot be understood gets
//! 400 and `{"error": "…"}`.

mod answer;
pub mod anthropic;
pub mod codex;
mod completions;
mod control;
mod desk;
mod devices;
mod echo;
pub mod gemini;
mod ids;
mod jwt;
mod oauth;
mod openai;
pub mod openrouter;
mod page;
mod people;
mod pieces;
mod provider;
mod quota;
pub mod qwen;
mod received;
mod responses;
mod script;
mod server;
mod sse;
mod tokens;
mod variants;
mod world;

pub use answer::{Answer, Body, Chunk, End};
pub use provider::Endpoint;
pub use received::Received;
pub use script::Script;
pub use server::Sandbox;
pub use variants::{CodeAssist, Variants};

use std::time::Duration;

/// What a sandbox is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// The life of access tokens in seconds; `None`: as each real provider has it.
    pub ttl: Option<u64>,
    /// Makes all tokens, codes and ids repeat from run to run; `None`: they are random.
    pub seed: Option<u64>,
    /// The pause before each piece of a streamed answer.
    pub pace: Duration,
    /// How many chat requests `work@company.com` has before it is at its limit.
    pub quota_requests: u64,
    /// How many seconds a used-up account stays at its limit.
    pub quota_seconds: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { port: 0, ttl: None, seed: None, pace: Duration::from_millis(10), quota_requests: 3, quota_seconds: 60 }
    }
}

impl Options {
    /// Returns options without pauses and with repeatable tokens.
    pub fn for_tests() -> Self {
        Self { pace: Duration::ZERO, seed: Some(1), ..Self::default() }
    }
}
