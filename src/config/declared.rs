//! Every setting, declared once: name, kind, default, what it does. Feeds `/set`, Tab, checks and `docs/settings.md`.

use llxprt_commands::{Command, Help, KeyName, Model, Provider, redact};
use serde_json::Value;

use super::members;
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
    /// The name of a saved key.
    KeyName,
    /// A file; kept as a whole path.
    Path,
    /// The address of an API.
    Url,
    /// A number, a truth value, text or JSON, as a model parameter may be.
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
    /// The flag that does the same for one run, where `--set` does not.
    pub flag: Option<&'static str>,
}

/// A setting as a person named it: in its own spelling, with what is known of it.
#[derive(Debug, Clone)]
pub struct Named {
    /// The dotted name.
    pub name: String,
    /// Its declaration.
    pub declared: &'static Declared,
    /// The provider that the name is about.
    pub provider: Option<Provider>,
}

/// All of them, in the order of the list.
pub const DECLARED: &[Declared] = &[
    Declared {
        name: "auth.noBrowser",
        kind: Kind::Bool,
        default: "found out",
        about: "True never opens a browser and shows the link with a paste prompt; false always opens one.",
        flag: None,
    },
    Declared {
        name: "auth.waitSeconds",
        kind: Kind::Whole(1, 3600),
        default: "600",
        about: "How long a sign-in waits for the browser or a pasted answer, in seconds.",
        flag: None,
    },
    Declared {
        name: "authOnly",
        kind: Kind::Bool,
        default: "false",
        about: "Use sign-ins only: leave every API key aside.",
        flag: None,
    },
    Declared {
        name: "auth.bucketPolicy",
        kind: Kind::Choice(&["failover", "roundrobin"]),
        default: "failover",
        about: "How the accounts of a profile take turns.",
        flag: None,
    },
    Declared {
        name: "auth.NAME.clientId",
        kind: Kind::Text,
        default: "the manifest's",
        about: "Your own OAuth client for a provider.",
        flag: None,
    },
    Declared {
        name: "auth.NAME.clientFile",
        kind: Kind::Path,
        default: "none",
        about: "The JSON that Google's console gives for your own client.",
        flag: None,
    },
    Declared {
        name: "auth.NAME.accepted",
        kind: Kind::Text,
        default: "none",
        about: "The date of a provider's restriction that you said yes to.",
        flag: None,
    },
    Declared {
        name: "providerKeyfiles.NAME",
        kind: Kind::Path,
        default: "none",
        about: "A file that holds the API key of a provider.",
        flag: Some("--keyfile"),
    },
    Declared {
        name: "auth-keyfile",
        kind: Kind::Path,
        default: "none",
        about: "A file that holds the API key of the active provider.",
        flag: Some("--keyfile"),
    },
    Declared {
        name: "auth-key-name",
        kind: Kind::KeyName,
        default: "none",
        about: "The saved key to use for the active provider.",
        flag: Some("--key-name"),
    },
    Declared {
        name: "base-url",
        kind: Kind::Url,
        default: "the manifest's",
        about: "The base URL of the API of whichever provider is active.",
        flag: Some("--baseurl"),
    },
    Declared {
        name: "base-url.NAME",
        kind: Kind::Url,
        default: "the manifest's",
        about: "The base URL of a provider's API.",
        flag: Some("--baseurl"),
    },
    Declared {
        name: "vault.store",
        kind: Kind::Choice(&["auto", "keyring", "file"]),
        default: "auto",
        about: "Where new sign-ins and keys are kept.",
        flag: None,
    },
    Declared {
        name: "stream.idleSeconds",
        kind: Kind::Whole(1, 3600),
        default: "120",
        about: "How long an answer may be silent before it counts as broken off, in seconds.",
        flag: None,
    },
    Declared {
        name: "show.reasoning",
        kind: Kind::Bool,
        default: "false",
        about: "Show what a model says of its reasoning, dimmed.",
        flag: None,
    },
    Declared {
        name: "modelparam.NAME",
        kind: Kind::Any,
        default: "the provider's",
        about: "A parameter of the model, sent with every request.",
        flag: None,
    },
];

/// Members of a request that the program sets itself, in one dialect or another: a parameter of that name would change
/// to which model and how it talks behind its back. `max_tokens` and `instructions` are set too, and may be replaced.
pub const RESERVED: [&str; 7] = ["model", "messages", "input", "contents", "stream", "stream_options", "store"];

/// Tells whether a name is that of a model parameter that is none.
pub fn is_reserved(name: &str) -> bool {
    let parameter = name.get(..PARAMETER.len()).filter(|begin| begin.eq_ignore_ascii_case(PARAMETER));
    let parameter = parameter.and_then(|_| name.get(PARAMETER.len()..)).unwrap_or_default();
    RESERVED.iter().any(|member| member.eq_ignore_ascii_case(parameter))
}

const PARAMETER: &str = "modelparam.";

fn reserved(name: &str) -> Failure {
    let member = name.get(PARAMETER.len()..).unwrap_or_default().to_ascii_lowercase();
    let words = format!("{PARAMETER}{member} cannot be set: that part of a request is written by llxprt itself.");
    let failure = Failure::new(Code::Setting, words);
    if member == "model" { failure.then(Command::Model(Model { name: None })) } else { failure }
}

/// Finds the declaration of a dotted name in its own spelling.
///
/// # Errors
/// `E-SETTING` with the nearest name, or with why the program alone sets it.
pub fn find(name: &str) -> Outcome<&'static Declared> {
    if is_reserved(name) {
        return Err(reserved(name));
    }
    DECLARED.iter().find(|d| parts(d.name, name, str::eq).is_some()).ok_or_else(|| unknown(name))
}

/// Finds what a person means; case does not matter.
///
/// # Errors
/// `E-SETTING` with the nearest name, or with where keys belong.
pub fn named(typed: &str) -> Outcome<Named> {
    if names_a_key(typed) {
        let words = "A key is not written into settings.json, where whoever reads the file has it. The vault keeps it.";
        let help = Help { words: vec!["key".to_owned()] };
        return Err(Failure::new(Code::Setting, words).then(Command::Help(help)));
    }
    if is_reserved(typed) {
        return Err(reserved(typed));
    }
    let found = |same: fn(&str, &str) -> bool| {
        DECLARED.iter().find_map(|d| parts(d.name, typed, same).map(|middle| (d, middle)))
    };
    let any_case: fn(&str, &str) -> bool = |a, b| a.eq_ignore_ascii_case(b);
    let (declared, middle) = found(|a, b| a == b).or_else(|| found(any_case)).ok_or_else(|| unknown(typed))?;
    if !declared.about_provider() {
        return Ok(Named { name: declared.name.replace("NAME", middle), declared, provider: None });
    }
    let provider: Provider = middle.parse().map_err(|_| unknown(typed))?;
    Ok(Named { name: declared.name.replace("NAME", provider.as_str()), declared, provider: Some(provider) })
}

/// Tells whether a name is one under which LLxprt Code let people write a key itself.
pub fn names_a_key(name: &str) -> bool {
    is_auth_key(name) || name.to_ascii_lowercase().starts_with("providerapikeys")
}

/// Tells whether a name is `auth-key`, or one that LLxprt Code takes for it.
pub fn is_auth_key(name: &str) -> bool {
    matches!(name.to_ascii_lowercase().as_str(), "auth-key" | "apikey" | "api-key")
}

/// Returns the table of `docs/settings.md`.
pub fn table() -> String {
    let mut text =
        "| setting | takes | default | what it does | for one run |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for d in DECLARED {
        let flag = d.flag.map_or_else(|| format!("`--set {}=…`", d.name), |flag| format!("`{flag}`"));
        let row = format!("| `{}` | {} | {} | {} | {flag} |\n", d.name, d.takes(), d.default, d.about);
        text.push_str(&row);
    }
    text
}

/// Returns the list of `/help set`.
pub fn list() -> String {
    DECLARED.iter().map(|d| format!("{:22}{}\n", d.name, d.takes())).collect()
}

fn unknown(typed: &str) -> Failure {
    let failure = Failure::new(Code::Setting, format!("There is no setting called {}.", quoted(typed)));
    if let Some(member) = members::find(typed) {
        return failure.then(Command::Help(Help { words: member.help.split(' ').map(str::to_owned).collect() }));
    }
    let lower = typed.to_lowercase();
    let middle = typed.split('.').nth(1).filter(|m| !m.is_empty());
    let near = DECLARED
        .iter()
        .map(|d| match middle {
            Some(middle) => d.name.replace("NAME", middle),
            None => d.name.to_owned(),
        })
        .map(|name| (strsim::osa_distance(&name.to_lowercase(), &lower), name))
        .filter(|(distance, name)| {
            *distance <= 4.min(lower.len() / 2)
                || (lower.len() > 2
                    && (name.to_lowercase().ends_with(&lower) || name.to_lowercase().starts_with(&lower)))
        })
        .min();
    match near {
        Some((_, near)) => failure.say(format!("Did you mean {near}?")),
        None => failure.then(Command::Set(llxprt_commands::Set { key: None, value: Vec::new(), action: None })),
    }
}

/// Takes a name apart by a pattern: what stands for `NAME`, empty where the pattern has none.
fn parts<'t>(pattern: &str, text: &'t str, same: fn(&str, &str) -> bool) -> Option<&'t str> {
    let Some((before, after)) = pattern.split_once("NAME") else { return same(pattern, text).then_some("") };
    let end = text.len().checked_sub(after.len())?;
    let middle = text.get(before.len()..end)?;
    let fits = same(before, text.get(..before.len())?) && same(after, text.get(end..)?);
    let bad = |c: char| c == '.' || c.is_whitespace() || c.is_control();
    (fits && !middle.is_empty() && !middle.contains(bad)).then_some(middle)
}

/// Shows what was typed: without secrets, and without what a terminal would obey.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let redacted = redact(text);
    let short: String = redacted.chars().take(SHOWN).collect();
    let more = if redacted.chars().count() > SHOWN { "…" } else { "" };
    format!("\"{}{more}\"", short.chars().flat_map(char::escape_debug).collect::<String>().replace("\\'", "'"))
}

impl Declared {
    fn about_provider(&self) -> bool {
        self.name.contains("NAME") && !self.name.starts_with(PARAMETER)
    }

    /// Returns in words what it takes.
    pub fn takes(&self) -> String {
        match self.kind {
            Kind::Bool => "true or false".to_owned(),
            Kind::Whole(low, high) => format!("a whole number from {low} to {high}"),
            Kind::Choice(words) => words.join(" or "),
            Kind::Text => "a text that is not blank".to_owned(),
            Kind::KeyName => "the name of a saved key".to_owned(),
            Kind::Path => "a path".to_owned(),
            Kind::Url => "an https address".to_owned(),
            Kind::Any => "a number, true, false, a text or JSON".to_owned(),
        }
    }

    /// Returns the default where it is a value, else `null`.
    pub fn default_value(&self) -> Value {
        match self.kind {
            Kind::Bool | Kind::Whole(..) => self.default.parse().unwrap_or(Value::Null),
            Kind::Choice(_) => self.default.into(),
            Kind::Text | Kind::KeyName | Kind::Path | Kind::Url | Kind::Any => Value::Null,
        }
    }

    /// Reads a typed value.
    ///
    /// # Errors
    /// `E-SETTING` with what would fit.
    pub fn read(&self, name: &str, text: &str) -> Outcome<Value> {
        let value = match self.kind {
            Kind::Bool => text.to_ascii_lowercase().parse::<bool>().ok().map(Value::Bool),
            Kind::Whole(low, high) => text.parse().ok().filter(|n| (low..=high).contains(n)).map(Value::from),
            Kind::Choice(words) => words.iter().find(|w| w.eq_ignore_ascii_case(text)).map(|w| (*w).into()),
            Kind::Text | Kind::Path | Kind::Url => Some(text.trim().into()).filter(|_| !text.trim().is_empty()),
            Kind::KeyName => text.parse::<KeyName>().ok().map(|name| name.as_str().into()),
            Kind::Any => parameter(text),
        };
        let not = || match self.kind {
            // Whoever puts a key where its name belongs must not read it again on the screen.
            Kind::KeyName => format!("{name} takes {}. That is not a name.", self.takes()),
            _ => format!("{name} takes {}, not {}.", self.takes(), quoted(text)),
        };
        value.ok_or_else(|| Failure::new(Code::Setting, not()))
    }

    /// Tells whether a stored value is of the right kind.
    pub fn fits(&self, value: &Value) -> bool {
        match self.kind {
            Kind::Bool => value.is_boolean(),
            Kind::Whole(low, high) => value.as_i64().is_some_and(|n| (low..=high).contains(&n)),
            Kind::Choice(words) => value.as_str().is_some_and(|s| words.contains(&s)),
            Kind::Text | Kind::KeyName | Kind::Path | Kind::Url => value.as_str().is_some_and(|s| !s.trim().is_empty()),
            Kind::Any => !value.is_null(),
        }
    }

    /// Returns the values that Tab offers.
    pub fn values(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Bool => &["true", "false"],
            Kind::Choice(words) => words,
            Kind::Whole(..) | Kind::Text | Kind::KeyName | Kind::Path | Kind::Url | Kind::Any => &[],
        }
    }
}

/// Reads a model parameter: JSON where it is some, else text. `null` would be the same as none.
fn parameter(text: &str) -> Option<Value> {
    match text.to_ascii_lowercase().as_str() {
        "" | "null" => None,
        "true" => Some(true.into()),
        "false" => Some(false.into()),
        _ => Some(serde_json::from_str(text).unwrap_or_else(|_| text.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Next;

    #[test]
    fn names_with_a_part_of_their_own_are_found_and_near_ones_named() {
        assert_eq!(find("auth.gemini.clientId").unwrap().name, "auth.NAME.clientId");
        assert_eq!(find("modelparam.max_tokens").unwrap().name, "modelparam.NAME");
        for wrong in
            ["auth.x.y.clientId", "auth..clientId", "modelparam.", "modelparam.a.b", "auth.clientId", "auth", ""]
        {
            assert!(find(wrong).is_err() && named(wrong).is_err(), "{wrong}");
        }
        let near = |typed: &str| match named(typed).unwrap_err().next.remove(0) {
            Next::Say(words) => words,
            other => panic!("{typed}: {other:?}"),
        };
        assert_eq!(near("auth.nobrowsr"), "Did you mean auth.noBrowser?");
        assert_eq!(near("auth.gemini.client"), "Did you mean auth.gemini.clientId?");
        assert_eq!(near("nobrowser"), "Did you mean auth.noBrowser?");
        assert_eq!(near("modelparm.temperature"), "Did you mean modelparam.temperature?");
        assert!(matches!(&named("qzv").unwrap_err().next[..], [Next::Command(Command::Set(_))]));
    }

    #[test]
    fn a_name_in_any_case_becomes_the_declared_one_and_parameters_keep_theirs() {
        let name = |typed: &str| named(typed).unwrap().name;
        assert_eq!(name("AUTH.NOBROWSER"), "auth.noBrowser");
        assert_eq!(name("auth.Gemini.clientid"), "auth.gemini.clientId");
        assert_eq!(name("ModelParam.topP"), "modelparam.topP");
        assert_eq!(name("providerkeyfiles.codex"), "providerKeyfiles.codex");
        assert_eq!(named("auth.codex.clientId").unwrap().provider.unwrap().as_str(), "codex");
        assert!(named("auth.co/dex.clientId").is_err());
        for declared in DECLARED {
            let name = declared.name.replace("NAME", "x");
            assert_eq!(named(&name.to_uppercase()).unwrap().declared.name, declared.name);
        }
    }

    #[test]
    fn what_a_request_consists_of_is_no_parameter() {
        for member in RESERVED {
            let name = format!("modelparam.{member}");
            assert!(find(&name).is_err() && named(&name.to_uppercase()).is_err(), "{name}");
        }
        let model = named("modelparam.Model").unwrap_err();
        assert_eq!(
            model.message,
            "modelparam.model cannot be set: that part of a request is written by llxprt itself."
        );
        assert_eq!(model.next, [Next::Command(Command::Model(Model { name: None }))]);
        for fine in ["modelparam.max_tokens", "modelparam.instructions", "modelparam.models", "modelparam.streams"] {
            assert!(find(fine).is_ok() && !is_reserved(fine), "{fine}");
        }
    }

    #[test]
    fn keys_and_members_with_a_command_of_their_own_are_pointed_elsewhere() {
        for typed in ["auth-key", "AUTH-KEY", "apiKey", "providerApiKeys.anthropic"] {
            assert!(named(typed).unwrap_err().message.contains("The vault keeps it"), "{typed}");
        }
        let help = named("defaultprofile").unwrap_err().next;
        assert_eq!(help, [Next::Command(Command::Help(Help { words: vec!["profile".into()] }))]);
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
        assert_eq!(said("base-url", " "), "base-url takes an https address, not \" \".");
        for text in ["3601", "-1", "1.5", "9223372036854775808", "ten", "", "0x10"] {
            assert!(find("stream.idleSeconds").unwrap().read("s", text).is_err(), "{text}");
        }
        assert!(!said("auth-key-name", "sk-ant-api03-canary/9k2L").contains("canary"));
        assert_eq!(said("authOnly", "\u{1b}[2Jyes"), "authOnly takes true or false, not \"\\u{1b}[2Jyes\".");
        assert!(said("authOnly", &"y".repeat(9000)).len() < 200);
    }

    #[test]
    fn a_parameter_is_json_where_it_is_some() {
        let read = |text: &str| find("modelparam.t").unwrap().read("modelparam.t", text);
        assert_eq!(read("-0.5").unwrap(), -0.5);
        assert_eq!(read("True").unwrap(), true);
        assert_eq!(read("{\"a\":[1]}").unwrap()["a"][0], 1);
        assert_eq!(read("a word").unwrap(), "a word");
        assert!(read("null").is_err() && read("").is_err());
    }

    #[test]
    fn defaults_are_values_where_they_can_be() {
        assert_eq!(find("authOnly").unwrap().default_value(), false);
        assert_eq!(find("stream.idleSeconds").unwrap().default_value(), 120);
        assert_eq!(find("vault.store").unwrap().default_value(), "auto");
        assert_eq!(find("auth.noBrowser").unwrap().default_value(), Value::Null);
        for d in DECLARED {
            let value = d.default_value();
            assert!(value.is_null() || d.fits(&value), "{}", d.name);
        }
    }
}
