//! Steps that the tests of keys, settings and base URLs share: a stand with a home, and what the provider saw.

use llxprt::sandbox::{Endpoint, Received, Sandbox, Script};
use serde_json::{Value, json};

use crate::sandbox_steps::sandbox;
use crate::support::{Browser, Done, Home};

pub const PERSONAL: &str = "personal@gmail.com";

/// A running sandbox and a home that joins it.
pub struct Stand {
    pub home: Home,
    pub script: Script,
    pub sandbox: Sandbox,
}

/// What a request was sent with.
#[derive(Debug, Clone, PartialEq)]
pub enum Sent {
    Key(String),
    Token,
}

impl Stand {
    pub fn new() -> Self {
        let sandbox = sandbox();
        let script = sandbox.script("anthropic");
        let home = Home::new().at(sandbox.url());
        Self { home, script, sandbox }
    }

    /// A stand whose provider is chosen, and whose settings are these beside.
    pub fn with(settings: Value) -> Self {
        let stand = Self::new();
        stand.settings(settings);
        stand
    }

    /// Writes settings.json anew: these, and the provider.
    pub fn settings(&self, more: Value) {
        let mut settings = json!({ "provider": "anthropic" });
        for (name, value) in more.as_object().unwrap() {
            settings[name] = value.clone();
        }
        self.home.write("config/settings.json", settings.to_string());
    }

    /// Makes a key work.
    pub fn key(&self, key: &str) -> String {
        self.script.add_key(key, PERSONAL);
        key.to_owned()
    }

    /// Signs in from the shell with a pretend browser.
    pub fn sign_in(&self) {
        let browser = Browser::approving(&self.home, PERSONAL);
        let _ = self.home.typed(&["auth", "anthropic", "login"]).env("BROWSER", browser.command()).done().ok();
        browser.page();
    }

    /// Types lines into a session through a pipe.
    pub fn session(&self, lines: &[&str]) -> Done {
        self.home.run_with_stdin(&[], lines.join("\n") + "\n")
    }

    /// Saves a key under a name.
    pub fn save(&self, name: &str, key: &str) {
        let _ = self.home.run_with_stdin(&["key", "save", name], format!("{key}\n")).ok();
    }

    /// The prompts that came to the provider so far, and what each was sent with.
    pub fn sent(&self) -> Vec<Sent> {
        self.script.requests_to(Endpoint::Chat).iter().map(sent_with).collect()
    }
}

/// What one request was sent with.
pub fn sent_with(call: &Received) -> Sent {
    match (call.header("x-api-key"), call.bearer()) {
        (Some(key), None) => Sent::Key(key.to_owned()),
        (None, Some(_)) => Sent::Token,
        other => panic!("neither key nor token, or both: {other:?}"),
    }
}
