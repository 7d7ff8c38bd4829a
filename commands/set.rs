//! `/set`: settings.

use clap::{Args, Subcommand};

use crate::words::Words;

/// `/set`, `/set KEY`, `/set KEY VALUE`, `/set unset KEY`
#[derive(Debug, Clone, PartialEq, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Set {
    /// The setting; all are listed when absent
    #[arg(id = "setting", value_name = "setting")]
    pub key: Option<String>,
    /// Its new value; shown when absent. Several words are one value
    #[arg(value_name = "value", allow_negative_numbers = true, num_args = 0..)]
    pub value: Vec<String>,
    /// Removing a setting
    #[command(subcommand)]
    pub action: Option<SetAction>,
}

/// What can be done to a setting beside giving it a value.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum SetAction {
    /// Go back to the default
    Unset {
        /// The setting
        #[arg(id = "changed-setting", value_name = "setting")]
        key: String,
    },
}

impl Set {
    pub(crate) fn words(&self) -> Words {
        let Self { key, value, action } = self;
        let mut words = Words::of("set");
        if let Some(SetAction::Unset { key }) = action {
            words.word("unset").value(key);
            return words;
        }
        if let Some(key) = key {
            // A setting that is called like the action is the setting after `--`.
            words.guarded(key.clone(), key.eq_ignore_ascii_case("unset") || (key.len() > 1 && key.starts_with('-')));
        }
        for value in value {
            words.guarded(value.clone(), value.len() > 1 && value.starts_with('-') && !number(value));
        }
        words
    }
}

/// Says whether clap takes the word as a negative number.
fn number(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;
    use crate::tests::{command, refused};

    fn set(key: &str, value: &[&str]) -> Command {
        let value = value.iter().map(ToString::to_string).collect();
        Command::Set(Set { key: Some(key.to_owned()), value, action: None })
    }

    #[test]
    fn a_setting_is_listed_shown_changed_and_removed() {
        assert_eq!(command("/set"), Command::Set(Set { key: None, value: vec![], action: None }));
        assert_eq!(command("/SET auth.noBrowser"), set("auth.noBrowser", &[]));
        assert_eq!(command("/set auth.noBrowser true"), set("auth.noBrowser", &["true"]));
        let action = Some(SetAction::Unset { key: "auth.noBrowser".into() });
        assert_eq!(command("/set UNSET auth.noBrowser"), Command::Set(Set { key: None, value: vec![], action }));
        assert_eq!(refused("/set unset").message, "/set unset needs <setting> after it.");
    }

    #[test]
    fn values_may_be_several_words_negative_or_the_word_unset() {
        assert_eq!(command("/set a one two"), set("a", &["one", "two"]));
        assert_eq!(command("/set a \"one  two\" \"\""), set("a", &["one  two", ""]));
        assert_eq!(command("/set modelparam.x -0.5"), set("modelparam.x", &["-0.5"]));
        assert_eq!(command("/set a unset"), set("a", &["unset"]));
        assert_eq!(command("/set -- unset -x"), set("unset", &["-x"]));
        assert_eq!(set("unset", &["-x"]).to_string(), "/set -- unset -x");
        assert_eq!(set("a", &["-5"]).to_string(), "/set a -5");
    }

    #[test]
    fn a_value_keeps_the_quotes_that_are_its_own() {
        for (line, value) in [
            (r#"/set a ["a",1]"#, r#"["a",1]"#),
            (r#"/set a {"user_id": "x  y"}"#, r#"{"user_id": "x  y"}"#),
            (r#"/SET a {"a": "say \"hi\" # 1", "b": "\\"}  # a comment"#, r#"{"a": "say \"hi\" # 1", "b": "\\"}"#),
            (r#"/set "a" "one","two""#, r#""one","two""#),
        ] {
            assert_eq!(command(line), set("a", &[value]), "{line}");
            let typed = set("a", &[value]).to_string();
            assert_eq!(command(&typed), set("a", &[value]), "{typed}");
        }
        assert_eq!(command(r#"/set a "C:\my keys\k" "#), set("a", &[r"C:\my keys\k"]));
        assert_eq!(command(r#"/set a say "hi  there""#), set("a", &["say", "hi  there"]));
        assert!(refused(r#"/set a ["b]"#).message.contains("never closed"));
        assert_eq!(refused(r#"/set a ["b"] --json"#).message, "--json is for commands that only show something.");
    }
}
