//! The places where a credential may be, in their order, and what can be said of one without reading it out.

use llxprt_commands::{
    Auth, AuthAction, Command, Key, KeyAction, KeyName, Keyfile, Profile, ProfileAction, ProfileName, Provider, Set,
    SetAction, shell_quoted,
};

use super::{Here, Tier};
use crate::error::Next;
use crate::secret::Secret;

/// What is at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// Nothing.
    Absent,
    /// A key, shown by how it ends ([`Secret::tail`]).
    Value(String),
    /// Something is named that cannot be used: why, as the end of “… cannot be used:”.
    Broken(String),
}

impl Given {
    /// Reads an environment variable. An empty one is absent; one of blanks is a mistake to tell.
    pub fn variable(value: Option<&str>) -> Self {
        match value {
            None | Some("") => Self::Absent,
            Some(text) => Self::named(text),
        }
    }

    /// Reads the text of a key that was named: typed, or the content of a file.
    pub fn named(text: &str) -> Self {
        let key = text.trim();
        if key.is_empty() {
            let what = if text.is_empty() { "it is empty" } else { "it holds only blanks" };
            return Self::Broken(what.to_owned());
        }
        // It becomes the value of a header.
        if !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Self::Broken("it holds blanks, line breaks or letters that no key has".to_owned());
        }
        Self::Value(Secret::new(key).tail())
    }
}

/// A place, with what is needed to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `/key KEY`
    SessionKey,
    /// `/keyfile PATH`
    SessionKeyfile(String),
    /// `--key`
    FlagKey,
    /// `--keyfile PATH`
    FlagKeyfile(String),
    /// `--key-name NAME`
    FlagKeyName(KeyName),
    /// `auth-keyfile` of a profile.
    ProfileKeyfile(ProfileName, String),
    /// `auth-key-name` of a profile.
    ProfileKeyName(ProfileName, String),
    /// `auth-key` of a profile that LLxprt Code wrote: the key itself.
    ProfileKey(ProfileName),
    /// `providerKeyfiles.PROVIDER`
    SettingOwnKeyfile(String),
    /// `auth-keyfile`
    SettingKeyfile(String),
    /// `auth-key-name`
    SettingKeyName(String),
    /// `providerApiKeys.PROVIDER`: the key itself.
    SettingOwnKey,
    /// `auth-key`: the key itself.
    SettingKey,
    /// `/key load NAME`
    LoadedKey(KeyName),
    /// The saved key with the provider's own name.
    OwnKey(KeyName),
    /// An environment variable.
    Variable(String),
    /// A login; which one, the failover plan says.
    OAuth,
}

impl Source {
    /// Returns the tier, and the place within it. Variables share one: their order is the manifest's.
    pub(super) fn place(&self) -> (Tier, u8) {
        match self {
            // What was typed in the session is newer than what it was started with.
            Self::SessionKey => (Tier::Flags, 0),
            Self::SessionKeyfile(_) => (Tier::Flags, 1),
            Self::FlagKey => (Tier::Flags, 2),
            Self::FlagKeyfile(_) => (Tier::Flags, 3),
            Self::FlagKeyName(_) => (Tier::Flags, 4),
            Self::ProfileKeyfile(..) => (Tier::Settings, 0),
            Self::ProfileKeyName(..) => (Tier::Settings, 1),
            Self::ProfileKey(_) => (Tier::Settings, 2),
            Self::SettingOwnKeyfile(_) => (Tier::Settings, 3),
            Self::SettingKeyfile(_) => (Tier::Settings, 4),
            Self::SettingKeyName(_) => (Tier::Settings, 5),
            Self::SettingOwnKey => (Tier::Settings, 6),
            Self::SettingKey => (Tier::Settings, 7),
            Self::LoadedKey(_) => (Tier::Keys, 0),
            Self::OwnKey(_) => (Tier::Keys, 1),
            Self::Variable(_) => (Tier::Environment, 0),
            Self::OAuth => (Tier::OAuth, 0),
        }
    }

    /// Returns the tier.
    pub fn tier(&self) -> Tier {
        self.place().0
    }

    /// Returns the short name, which also stands in JSON.
    pub fn name(&self, provider: &Provider) -> String {
        match self {
            Self::SessionKey => "/key".to_owned(),
            Self::SessionKeyfile(_) => "/keyfile".to_owned(),
            Self::FlagKey => "--key".to_owned(),
            Self::FlagKeyfile(_) => "--keyfile".to_owned(),
            Self::FlagKeyName(_) => "--key-name".to_owned(),
            Self::ProfileKeyfile(..) | Self::SettingKeyfile(_) => "auth-keyfile".to_owned(),
            Self::ProfileKeyName(..) | Self::SettingKeyName(_) => "auth-key-name".to_owned(),
            Self::ProfileKey(_) | Self::SettingKey => "auth-key".to_owned(),
            Self::SettingOwnKeyfile(_) => format!("providerKeyfiles.{provider}"),
            Self::SettingOwnKey => format!("providerApiKeys.{provider}"),
            Self::LoadedKey(name) | Self::OwnKey(name) => name.to_string(),
            Self::Variable(name) => name.clone(),
            Self::OAuth => "oauth".to_owned(),
        }
    }

    /// Returns the name of the saved key that it is.
    pub fn saved_key(&self) -> Option<&str> {
        match self {
            Self::FlagKeyName(name) | Self::LoadedKey(name) | Self::OwnKey(name) => Some(name.as_str()),
            Self::ProfileKeyName(_, name) | Self::SettingKeyName(name) => Some(name),
            _ => None,
        }
    }

    /// Returns the file that it names.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::SessionKeyfile(path)
            | Self::FlagKeyfile(path)
            | Self::ProfileKeyfile(_, path)
            | Self::SettingOwnKeyfile(path)
            | Self::SettingKeyfile(path) => Some(path),
            _ => None,
        }
    }

    /// Returns what it is, for the middle of a sentence.
    pub fn words(&self, provider: &Provider) -> String {
        let name = self.name(provider);
        match self {
            Self::SessionKey | Self::FlagKey => format!("the key given with {name}"),
            Self::SessionKeyfile(path) | Self::FlagKeyfile(path) => format!("the key in {path} ({name})"),
            Self::FlagKeyName(key) => format!("the saved key {key} ({name})"),
            Self::ProfileKeyfile(profile, path) => format!("the key in {path} ({name} of the profile {profile})"),
            Self::ProfileKeyName(profile, key) => format!("the saved key {key} ({name} of the profile {profile})"),
            Self::ProfileKey(profile) => format!("the key written in the profile {profile} ({name})"),
            Self::SettingOwnKeyfile(path) | Self::SettingKeyfile(path) => {
                format!("the key in {path} ({name} in settings.json)")
            }
            Self::SettingKeyName(key) => format!("the saved key {key} ({name} in settings.json)"),
            Self::SettingOwnKey | Self::SettingKey => format!("the key written in settings.json ({name})"),
            Self::LoadedKey(key) => format!("the saved key {key} (/key load)"),
            Self::OwnKey(key) => format!("the saved key {key}"),
            Self::Variable(variable) => format!("the key in {variable}"),
            Self::OAuth => "the sign-in".to_owned(),
        }
    }

    /// Returns what takes it away.
    pub fn removal(&self, provider: &Provider, here: &Here) -> Next {
        let unset = |key: String| {
            Next::Command(Command::Set(Set { key: None, value: Vec::new(), action: Some(SetAction::Unset { key }) }))
        };
        let of_active = |command| match here.active {
            true => Next::Command(command),
            false => Next::Say(format!("`/provider {provider}`, then `{command}`")),
        };
        match self {
            Self::SessionKey | Self::LoadedKey(_) => {
                of_active(Command::Key(Key { key: Some("none".to_owned()), action: None }))
            }
            Self::SessionKeyfile(_) => of_active(Command::Keyfile(Keyfile { path: "none".to_owned() })),
            Self::FlagKey | Self::FlagKeyfile(_) | Self::FlagKeyName(_) => {
                Next::Say(format!("start again without {}", self.name(provider)))
            }
            Self::ProfileKeyfile(..) | Self::ProfileKeyName(..) | Self::ProfileKey(_) => here.unload(),
            Self::SettingOwnKeyfile(_)
            | Self::SettingKeyfile(_)
            | Self::SettingKeyName(_)
            | Self::SettingOwnKey
            | Self::SettingKey => unset(self.name(provider)),
            Self::OwnKey(name) => {
                let action = Some(KeyAction::Delete { name: name.clone() });
                Next::Command(Command::Key(Key { key: None, action }))
            }
            Self::Variable(name) if here.session => Next::Say(format!("leave, unset {name}, start again")),
            Self::Variable(name) => Next::Say(format!("unset {name}")),
            Self::OAuth => {
                let action = Some(AuthAction::Disable);
                Next::Command(Command::Auth(Auth { provider: Some(provider.clone()), action }))
            }
        }
    }
}

impl Here {
    /// Returns what takes the loaded profile away.
    pub fn unload(&self) -> Next {
        let profile = |action| Next::Command(Command::Profile(Profile { action: Some(action) }));
        match (self.session, &self.profile_flag) {
            (true, _) => profile(ProfileAction::Unload),
            (false, Some(_)) => Next::Say("start again without --profile-load".to_owned()),
            (false, None) => profile(ProfileAction::SetDefault { name: "none".to_owned() }),
        }
    }

    /// Returns the command line of a run with the loaded profile and with what goes before its settings.
    pub fn with_flag(&self, flag: &str, value: &str) -> Next {
        let profile = self.profile_flag.as_ref().map_or(String::new(), |name| format!("--profile-load {name} "));
        Next::Shell(format!("llxprt {profile}{flag} {}", shell_quoted(value)))
    }
}
