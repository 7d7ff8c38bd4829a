//! The ways in which a provider may answer otherwise than it does by default.

use serde::{Deserialize, Serialize};

/// What Code Assist says of an account before the first prompt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeAssist {
    /// It has a tier and a project.
    #[default]
    Onboarded,
    /// It has to be set up first, which takes a while.
    New,
    /// It has no tier that other programs may use.
    UnsupportedClient,
    /// The person must follow a link first.
    ValidationRequired,
}

/// How the sandbox departs from its default answers; tests set it with [`super::Script::vary`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Variants {
    /// Event streams end their lines with CR and LF.
    pub crlf: bool,
    /// Event streams carry comment lines (`: keep-alive`) between events.
    pub comments: bool,
    /// Event streams end without the blank line after the last event.
    pub unfinished: bool,
    /// Event streams leave out the `event:` lines.
    pub nameless: bool,
    /// Event streams are cut after this many events.
    pub drop_after: Option<usize>,
    /// Event streams stall after this many events.
    pub hang_after: Option<usize>,
    /// The `iss` that callbacks carry (RFC 9207); without it they carry none.
    pub iss: Option<String>,
    /// Anthropic: a refresh may be a form too, which other clients report to work.
    pub form_refresh: bool,
    /// Gemini: what Code Assist says of an account.
    pub code_assist: CodeAssist,
    /// Codex: any port of this machine is a registered redirect, so that tests can sign in side by side.
    pub any_port: bool,
    /// Codex: sign-in by device is switched off for the account (404).
    pub device_off: bool,
    /// Qwen: the `resource_url` of token answers; empty: none; without it the sandbox itself, with its scheme.
    pub resource_url: Option<String>,
    /// Qwen: a refresh gives no new refresh token, and the old one stays good.
    pub keep_refresh: bool,
    /// The seconds between two questions of a device that the provider names instead of its usual ones.
    pub device_interval: Option<u64>,
}
