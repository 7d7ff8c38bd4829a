//! Members of `settings.json` that have a command of their own, beside the settings that `declared` declares.

use llxprt_commands::{Auth, AuthAction, Command, Profile, ProfileAction, ProfileName, Provider, Set, SetAction};
use serde_json::Value;

/// What a member may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// The name of a provider.
    Provider,
    /// The name of a profile.
    Profile,
    /// Any text that is not blank.
    Text,
    /// `true` or `false` by provider.
    Truths,
    /// A file by provider.
    Paths,
    /// A key by provider, which only LLxprt Code writes; its value is never shown.
    Keys,
}

/// One member.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// Its name in the file.
    pub name: &'static str,
    /// What it may hold.
    pub holds: Holds,
    /// The command that changes it, as its help page is called; empty where none does.
    pub help: &'static str,
}

/// All of them.
pub const MEMBERS: &[Member] = &[
    Member { name: "provider", holds: Holds::Provider, help: "provider" },
    Member { name: "model", holds: Holds::Text, help: "model" },
    Member { name: "defaultProfile", holds: Holds::Profile, help: "profile" },
    Member { name: "oauthEnabledProviders", holds: Holds::Truths, help: "auth enable" },
    Member { name: "providerKeyfiles", holds: Holds::Paths, help: "keyfile" },
    Member { name: "providerApiKeys", holds: Holds::Keys, help: "key" },
];

/// Finds a member; case does not matter.
pub fn find(name: &str) -> Option<&'static Member> {
    MEMBERS.iter().find(|member| member.name.eq_ignore_ascii_case(name))
}

impl Member {
    /// Tells whether a stored value is of the right kind as a whole.
    pub fn fits(&self, value: &Value) -> bool {
        match self.holds {
            Holds::Provider => value.as_str().is_some_and(|text| text.parse::<Provider>().is_ok()),
            Holds::Profile => value.as_str().is_some_and(|text| text.parse::<ProfileName>().is_ok()),
            Holds::Text => value.as_str().is_some_and(|text| !text.trim().is_empty()),
            Holds::Truths | Holds::Paths | Holds::Keys => value.is_object(),
        }
    }

    /// Tells whether what it holds for one provider is of the right kind; the others hold nothing by provider.
    pub fn fits_within(&self, value: &Value) -> bool {
        match self.holds {
            Holds::Truths => value.is_boolean(),
            Holds::Paths | Holds::Keys => value.is_string(),
            Holds::Provider | Holds::Profile | Holds::Text => true,
        }
    }

    /// Returns in words what it takes, as a whole or for one provider.
    pub fn takes(&self, within: bool) -> &'static str {
        match (self.holds, within) {
            (Holds::Provider, _) => "the name of a provider",
            (Holds::Profile, _) => "the name of a profile",
            (Holds::Text, _) | (Holds::Keys, true) => "a text that is not blank",
            (Holds::Truths, true) => "true or false",
            (Holds::Paths, true) => "a path",
            (Holds::Truths, false) => "an object with true or false for each provider",
            (Holds::Paths, false) => "an object with a path for each provider",
            (Holds::Keys, false) => "an object with a text for each provider",
        }
    }

    /// Tells whether its value may be shown.
    pub fn is_secret(&self) -> bool {
        self.holds == Holds::Keys
    }

    /// Returns the command that mends it; `name` is its own, or with a provider's after a dot.
    pub fn mend(&self, name: &str) -> Command {
        let provider = name.split_once('.').and_then(|(_, provider)| provider.parse::<Provider>().ok());
        match (self.holds, provider) {
            (Holds::Profile, _) => {
                Command::Profile(Profile { action: Some(ProfileAction::SetDefault { name: "none".to_owned() }) })
            }
            (Holds::Truths, Some(provider)) => {
                Command::Auth(Auth { provider: Some(provider), action: Some(AuthAction::Enable) })
            }
            _ => unset(name),
        }
    }
}

/// The command that takes a setting away.
pub fn unset(name: &str) -> Command {
    Command::Set(Set { key: None, value: Vec::new(), action: Some(SetAction::Unset { key: name.to_owned() }) })
}
