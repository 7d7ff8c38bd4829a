//! A command as the text that one would type for it.

use std::fmt;

use crate::words::Words;
use crate::{Auth, AuthAction, Command, Key, KeyAction, Place, Profile, ProfileAction};

impl Command {
    /// The words of the command, never with a key.
    fn words(&self) -> Words {
        match self {
            Self::Auth(auth) => auth.words(),
            Self::Set(set) => set.words(),
            Self::Profile(profile) => profile.words(),
            Self::Key(key) => key.words(),
            Self::Keyfile(keyfile) => keyfile.words(),
            Self::Provider(provider) => provider.words(),
            Self::Model(model) => model.words(),
            Self::Baseurl(baseurl) => baseurl.words(),
            Self::Stats(stats) => stats.words(),
            Self::Log => Words::of("log"),
            Self::Doctor => Words::of("doctor"),
            Self::Clear => Words::of("clear"),
            Self::Help(help) => help.words(),
            Self::Quit => Words::of("quit"),
            Self::Sandbox(sandbox) => sandbox.words(),
            Self::Completions(completions) => completions.words(),
            Self::Man => Words::of("man"),
        }
    }

    /// Returns what to type in a POSIX shell, quoted for it: `llxprt auth anthropic login`.
    ///
    /// A command that only a session knows becomes the flags that do the same for one run, if there are any.
    /// A key is left out.
    pub fn shell(&self) -> String {
        let words = if self.place() == Place::Session { self.as_flags().unwrap_or_default() } else { self.words() };
        words.shell()
    }

    /// Says whether the command only shows something, so that `--json` can end it.
    pub fn reads(&self) -> bool {
        match self {
            Self::Auth(Auth { action, .. }) => {
                matches!(action, None | Some(AuthAction::Status | AuthAction::Why | AuthAction::Token { .. }))
            }
            Self::Set(set) => set.value.is_empty() && set.action.is_none(),
            Self::Profile(Profile { action }) => {
                matches!(action, None | Some(ProfileAction::List | ProfileAction::Show { .. }))
            }
            Self::Key(Key { key, action }) => {
                key.is_none() && matches!(action, None | Some(KeyAction::List | KeyAction::Show { .. }))
            }
            Self::Provider(provider) => provider.name.is_none(),
            Self::Model(model) => model.name.is_none(),
            Self::Baseurl(baseurl) => baseurl.url.is_none(),
            Self::Stats(_) | Self::Log | Self::Doctor => true,
            Self::Keyfile(_)
            | Self::Clear
            | Self::Help(_)
            | Self::Quit
            | Self::Sandbox(_)
            | Self::Completions(_)
            | Self::Man => false,
        }
    }
}

/// The slash form, which parses back to the same command; a key is left out. A word with a double quote in it has no
/// slash form and is shown as it is.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.words().slash())
    }
}
