//! `/key` and `/keyfile`: API keys.

use std::fmt;

use clap::{Args, Subcommand};

use crate::KeyName;
use crate::words::Words;

/// `/key ACTION`, `/key KEY`, `/key none`. Its `Debug` hides the key.
#[derive(Clone, PartialEq, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Key {
    /// A key for this session and the provider active now, or `none` (session only)
    #[arg(value_name = "key|none", value_parser = none_in_any_case)]
    pub key: Option<String>,
    /// What to do with saved keys
    #[command(subcommand)]
    pub action: Option<KeyAction>,
}

/// What can be done with saved keys. Its `Debug` hides the key.
#[derive(Clone, PartialEq, Subcommand)]
pub enum KeyAction {
    /// Save a key; asks for it when it is not given
    Save {
        /// Its name; a key named after a provider is that provider's own
        #[arg(value_name = "name")]
        name: KeyName,
        /// The key; better left out, then it is asked for
        #[arg(value_name = "key")]
        key: Option<String>,
    },
    /// Use a saved key in this session (session only)
    Load {
        /// Its name
        #[arg(value_name = "name")]
        name: KeyName,
    },
    /// List saved keys
    List,
    /// Show a saved key, masked
    Show {
        /// Its name
        #[arg(value_name = "name")]
        name: KeyName,
    },
    /// Delete a saved key
    Delete {
        /// Its name
        #[arg(value_name = "name")]
        name: KeyName,
    },
}

/// `/keyfile PATH|none`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Keyfile {
    /// The file that holds the key, or `none`
    #[arg(value_name = "path|none", value_parser = none_in_any_case)]
    pub path: String,
}

/// Takes any text, and `none` in any case as `none`.
pub(crate) fn none_in_any_case(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(if text.eq_ignore_ascii_case("none") { "none".to_owned() } else { text.to_owned() })
}

/// Shown in place of a key.
fn hidden(key: &Option<String>) -> Option<&'static str> {
    key.as_ref().map(|_| "…")
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("key", &hidden(&self.key)).field("action", &self.action).finish()
    }
}

impl fmt::Debug for KeyAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Save { name, key } => f.debug_struct("Save").field("name", name).field("key", &hidden(key)).finish(),
            Self::Load { name } => f.debug_struct("Load").field("name", name).finish(),
            Self::List => f.write_str("List"),
            Self::Show { name } => f.debug_struct("Show").field("name", name).finish(),
            Self::Delete { name } => f.debug_struct("Delete").field("name", name).finish(),
        }
    }
}

impl Key {
    /// The words without the key: what is shown again must not show it.
    pub(crate) fn words(&self) -> Words {
        let Self { key, action } = self;
        let mut words = Words::of("key");
        match action {
            None => words.flag("none", key.as_deref() == Some("none")),
            Some(KeyAction::Save { name, key: _ }) => words.word("save").value(name),
            Some(KeyAction::Load { name }) => words.word("load").value(name),
            Some(KeyAction::List) => words.word("list"),
            Some(KeyAction::Show { name }) => words.word("show").value(name),
            Some(KeyAction::Delete { name }) => words.word("delete").value(name),
        };
        words
    }
}

impl Keyfile {
    pub(crate) fn words(&self) -> Words {
        let mut words = Words::of("keyfile");
        words.value(&self.path);
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;
    use crate::tests::{command, refused};

    fn key(line: &str) -> Key {
        match command(line) {
            Command::Key(key) => key,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_key_keeps_its_case_and_the_words_do_not() {
        assert_eq!(key("/KEY Zk-Canary1").key.as_deref(), Some("Zk-Canary1"));
        assert_eq!(key("/key NONE").key.as_deref(), Some("none"));
        assert_eq!(key("/key List"), Key { key: None, action: Some(KeyAction::List) });
        let name = "Work".parse().unwrap();
        let save = KeyAction::Save { name, key: Some("Zk-Canary2".into()) };
        assert_eq!(key("/key SAVE Work Zk-Canary2").action, Some(save));
    }

    #[test]
    fn a_key_is_never_shown_again() {
        for line in ["/key Zk-Canary3", "/key save work Zk-Canary3"] {
            let command = command(line);
            for shown in [command.to_string(), command.shell(), format!("{command:?}")] {
                assert!(!shown.contains("Canary"), "{shown}");
            }
        }
        assert_eq!(command("/key save work Zk-Canary3").to_string(), "/key save work");
        assert_eq!(command("/key Zk-Canary3").to_string(), "/key");
    }

    #[test]
    fn an_error_about_a_key_does_not_quote_it() {
        for line in
            ["/key save work Zk-Canary4 Zk-Canary5", "/key save Zk/Canary4", "/key a Zk-Canary4", "/kye Zk-Canary4"]
        {
            let error = refused(line);
            assert!(!format!("{error:?}").contains("Canary"), "{error:?}");
        }
    }

    #[test]
    fn a_key_file_is_a_path_or_none() {
        assert_eq!(command(r"/keyfile C:\keys\a"), Command::Keyfile(Keyfile { path: r"C:\keys\a".into() }));
        assert_eq!(command("/keyfile None"), Command::Keyfile(Keyfile { path: "none".into() }));
        assert_eq!(refused("/keyfile").message, "/keyfile needs <path|none> after it.");
    }
}
