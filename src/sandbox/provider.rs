//! What every stand-in provider is: a name, endpoints, and an answer to each request.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::Answer;
use super::desk::Desk;
use super::received::Received;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// The login page and its buttons.
    Authorize,
    /// The page that shows a code to copy, and other pages for people.
    Page,
    /// A code is exchanged, for tokens or for a key.
    Token,
    /// Tokens are renewed.
    Refresh,
    /// A token is revoked.
    Revoke,
    /// Who is behind a token: profile, userinfo, tokeninfo.
    Profile,
    /// What is used of the limits.
    Usage,
    /// A prompt.
    Chat,
    /// The list of models.
    Models,
    /// A device code is asked for.
    Device,
    /// The device asks whether the person is done.
    Poll,
    /// The page where a person enters the device's code.
    DevicePage,
    /// What is set up before the first prompt (Code Assist).
    Setup,
}

/// A stand-in for one provider; all that it remembers is in the [`Desk`].
pub(super) trait Provider: Sync {
    /// Returns the name below which everything lies.
    fn name(&self) -> &'static str;

    /// Tells what a request is for; `None`: the real provider has no such path.
    fn endpoint(&self, call: &Received) -> Option<Endpoint>;

    /// Answers a request.
    fn answer(&self, endpoint: Endpoint, call: &Received, desk: &mut Desk) -> Answer;

    /// Answers a request to a path that the provider does not have.
    fn elsewhere(&self, call: &Received, desk: &mut Desk) -> Answer;

    /// Makes a login and a key that are ready to use and returns the provider's part of the start-up line.
    fn ready(&self, desk: &mut Desk) -> Value;
}

/// All providers.
pub(super) static PROVIDERS: &[&dyn Provider] = &[
    &super::anthropic::Anthropic,
    &super::codex::Codex,
    &super::gemini::Gemini,
    &super::openai::OpenAi,
    &super::openrouter::OpenRouter,
    &super::qwen::Qwen,
];
