//! Every setting, declared once: name, kind, default, what it does. Feeds `/set`, Tab, checks and `docs/settings.md`.

use serde_json::Value;

use crate::error::{Code, Failure, Outcome};

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds.
    Whole(i64, i64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any text that is not blank.
    Text,
    /// A number, a truth value or text, as a model parameter may be.
    Any,
}

/// One setting, or one for each `NAME` in its pattern.
#[derive(Debug, Clone, Copy)]
pub struct Declared {
    /// The dotted name; `NAME` stands for a provider's or a parameter's name.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What holds when nobody set it, as shown.
    pub default: &'static str,
    /// What it does, in one sentence.
    pub about: &'static str,
}

/// All of them, in the order of the list.
pub const DECLARED: &[Declared] = &[
    Declared {
        name: "auth.noBrowser",
        kind: Kind::Bool,
        default: "false",
        about: "Never open a browser: show the link and a paste prompt.",
    },
    Declared {
        name: "authOnly",
        kind: Kind::Bool,
        default: "false",
        about: "Use sign-ins only: leave every API key aside.",
    },
    Declared {
        name: "auth.bucketPolicy",
        kind: Kind::Choice(&["failover", "roundrobin"]),
        default: "failover",
        about: "How the accounts of a profile take turns.",
    },
    Declared {
        name: "auth.NAME.clientId",
        kind: Kind::Text,
        default: "the manifest's",
        about: "Your own OAuth client for a provider.",
    },
    Declared {
        name: "auth.NAME.clientFile",
        kind: Kind::Text,
        default: "none",
        about: "The JSON that Google's console gives for your own client.",
    },
    Declared {
        name: "auth.NAME.accepted",
        kind: Kind::Text,
        default: "none",
        about: "The date of a provider's restriction that you said yes to.",
    },
    Declared {
        name: "auth-keyfile",
        kind: Kind::Text,
        default: "none",
        about: "A file that holds the API key of the active provider.",
    },
    Declared {
        name: "auth-key-name",
        kind: Kind::Text,
        default: "none",
        about: "The saved key to use for the active provider.",
    },
    Declared {
        name: "base-url",
        kind: Kind::Text,
        default: "the manifest's",
        about: "The base URL of the active provider's API.",
    },
    Declared {
        name: "vault.store",
        kind: Kind::Choice(&["auto", "keyring", "file"]),
        default: "auto",
        about: "Where new sign-ins and keys are kept.",
    },
    Declared {
        name: "stream.idleSeconds",
        kind: Kind::Whole(1, 3600),
        default: "120",
        about: "How long an answer may be silent before it counts as broken off, in seconds.",
    },
    Declared {
        name: "show.reasoning",
        kind: Kind::Bool,
        default: "false",
        about: "Show what a model says of its reasoning, dimmed.",
    },
    Declared {
        name: "modelparam.NAME",
        kind: Kind::Any,
        default: "the provider's",
        about: "A parameter of the model, sent with every request.",
    },
];

/// Finds the declaration of a dotted name.
///
/// # Errors
/// `E-SETTING` with the nearest names.
pub fn find(name: &str) -> Outcome<&'static Declared> {
    DECLARED.iter().find(|d| matches(d.name, name)).ok_or_else(|| {
        let mut near: Vec<_> = DECLARED
            .iter()
            .map(|d| (strsim::damerau_levenshtein(&d.name.to_lowercase(), &name.to_lowercase()), d.name))
            .filter(|(distance, d)| *distance <= 4 || d.to_lowercase().ends_with(&name.to_lowercase()))
            .collect();
        near.sort_unstable();
        let failure = Failure::new(Code::Setting, format!("There is no setting called \"{name}\"."));
        match near.first() {
            Some((_, nearest)) => failure.say(format!("Did you mean {nearest}?")),
            None => failure.say("/set lists them all."),
        }
    })
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once("NAME") {
        None => pattern == name,
        Some((before, after)) => name
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|middle| !middle.is_empty() && !middle.contains('.') && !middle.contains(char::is_whitespace)),
    }
}

impl Declared {
    /// Reads a typed value.
    ///
    /// # Errors
    /// `E-SETTING` with what would fit.
    pub fn read(&self, name: &str, text: &str) -> Outcome<Value> {
        let no = |fits: String| Err(Failure::new(Code::Setting, format!("{name} takes {fits}, not \"{text}\".")));
        match self.kind {
            Kind::Bool => match text.to_ascii_lowercase().as_str() {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => no("true or false".into()),
            },
            Kind::Whole(low, high) => match text.parse::<i64>() {
                Ok(n) if (low..=high).contains(&n) => Ok(n.into()),
                _ => no(format!("a whole number from {low} to {high}")),
            },
            Kind::Choice(words) => match words.iter().find(|w| w.eq_ignore_ascii_case(text)) {
                Some(word) => Ok((*word).into()),
                None => no(words.join(" or ")),
            },
            Kind::Text if text.trim().is_empty() => no("a text that is not blank".into()),
            Kind::Text => Ok(text.into()),
            Kind::Any => Ok(match serde_json::from_str(text) {
                Ok(value) => value,
                Err(_) => text.into(),
            }),
        }
    }

    /// Tells whether a stored value is of the right kind.
    pub fn fits(&self, value: &Value) -> bool {
        match self.kind {
            Kind::Bool => value.is_boolean(),
            Kind::Whole(low, high) => value.as_i64().is_some_and(|n| (low..=high).contains(&n)),
            Kind::Choice(words) => value.as_str().is_some_and(|s| words.contains(&s)),
            Kind::Text => value.as_str().is_some_and(|s| !s.trim().is_empty()),
            Kind::Any => !value.is_null(),
        }
    }

    /// Returns the values that Tab offers.
    pub fn values(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Bool => &["true", "false"],
            Kind::Choice(words) => words,
            Kind::Whole(..) | Kind::Text | Kind::Any => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_part_of_their_own_are_found_and_near_ones_named() {
        assert_eq!(find("auth.gemini.clientId").unwrap().name, "auth.NAME.clientId");
        assert_eq!(find("modelparam.max_tokens").unwrap().name, "modelparam.NAME");
        assert!(find("auth.x.y.clientId").is_err());
        let near = find("auth.nobrowser").unwrap_err();
        assert_eq!(near.next, [crate::error::Next::Say("Did you mean auth.noBrowser?".into())]);
    }

    #[test]
    fn a_value_of_the_wrong_kind_says_what_would_fit() {
        let said = |name: &str, text: &str| find(name).unwrap().read(name, text).unwrap_err().message;
        assert_eq!(said("auth.noBrowser", "maybe"), "auth.noBrowser takes true or false, not \"maybe\".");
        assert_eq!(
            said("stream.idleSeconds", "0"),
            "stream.idleSeconds takes a whole number from 1 to 3600, not \"0\"."
        );
        assert_eq!(said("vault.store", "cloud"), "vault.store takes auto or keyring or file, not \"cloud\".");
        assert_eq!(find("modelparam.t").unwrap().read("modelparam.t", "-0.5").unwrap(), -0.5);
    }
}
