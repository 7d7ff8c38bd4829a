//! Completion: what could stand at the cursor, by the declaration and the names that are known.

use std::any::TypeId;

use clap::Arg;

use crate::complain::DEEPEST;
use crate::known::{KnownProvider, KnownSetting, Names};
use crate::line::slash;
use crate::place::{Place, unmarked};
use crate::side::Side;
use crate::split::split;
use crate::tree::tree;
use crate::usage::follow;
use crate::walk::{Walk, many};
use crate::words::slash_quoted;
use crate::{AuthAction, Bucket, KeyName, LogoutWhich, ProfileName, Provider};

/// One way to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What replaces the span.
    pub text: String,
    /// What it is, or its state.
    pub description: Option<String>,
    /// Where the span begins in the line, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// More can follow.
    pub append_space: bool,
}

/// The word at the cursor and those before it.
pub(crate) struct Cursor {
    /// The words before it, the first without its slash.
    pub(crate) before: Vec<String>,
    /// What is typed of the word so far.
    pub(crate) typed: String,
    start: usize,
    end: usize,
}

/// A word that could stand at the cursor.
struct Choice {
    text: String,
    description: String,
    more: bool,
}

/// Returns what could stand at a place in a line, best first; nothing in a prompt or a comment.
pub fn complete(line: &str, pos: usize, names: &Names) -> Vec<Candidate> {
    let Some(cursor) = cursor(line, pos) else { return Vec::new() };
    let tree = tree(Side::Session);
    let walk = Walk::along(Side::Session, &tree, &cursor.before);
    if walk.help || walk.awaits.is_some() || walk.stray.is_some() || walk.odd_flag.is_some() {
        return Vec::new();
    }
    let choices = if cursor.typed.starts_with('-') && !walk.ended {
        flags(&walk, &cursor.before)
    } else {
        words(&tree, &walk, names, &cursor.typed)
    };
    fitting(choices, &cursor.typed)
        .into_iter()
        .map(|Choice { text, description, more }| Candidate {
            text: slash_quoted(&text),
            description: Some(description).filter(|text| !text.is_empty()),
            start: cursor.start,
            end: cursor.end,
            append_space: more,
        })
        .collect()
}

/// Finds the word at the cursor; `None` where nothing is completed.
pub(crate) fn cursor(line: &str, pos: usize) -> Option<Cursor> {
    let pos = line.floor_char_boundary(pos);
    let before = &line[..pos];
    let command = before.trim_start().strip_prefix('/')?;
    if command.starts_with('/') || command.starts_with(char::is_whitespace) {
        return None;
    }
    let split = split(before);
    if split.comment || split.broken {
        return None;
    }
    let mut words = split.words;
    // The slash belongs to no word.
    let first = words.first_mut()?;
    first.text.remove(0);
    first.start += 1;
    let new = before.ends_with(char::is_whitespace) && !split.open;
    let Some(last) = (if new { None } else { words.pop() }) else {
        let before = words.into_iter().map(|word| word.text).collect();
        return Some(Cursor { before, typed: String::new(), start: pos, end: pos });
    };
    let rest = &line[pos..];
    let end = if split.open {
        rest.find('"').map_or(line.len(), |at| pos + at + 1)
    } else {
        rest.find(char::is_whitespace).map_or(line.len(), |at| pos + at)
    };
    let end = if last.text.is_empty() && !split.open { pos } else { end };
    let before = words.into_iter().map(|word| word.text).collect();
    Some(Cursor { before, typed: last.text, start: last.start, end })
}

/// The flags that the command still takes.
fn flags(walk: &Walk<'_>, before: &[String]) -> Vec<Choice> {
    let own = walk.path.last().into_iter().flat_map(|command| command.get_arguments());
    let unused = own.filter(|arg| !walk.flags.iter().any(|given| given.get_id() == arg.get_id()));
    let mut choices: Vec<Choice> = unused
        .filter_map(|arg| {
            arg.get_long().map(|long| Choice { text: format!("--{long}"), description: about(arg), more: true })
        })
        .collect();
    let json = walk.long("json").filter(|(arg, _)| !walk.flags.iter().any(|given| given.get_id() == arg.get_id()));
    if let (Some((arg, _)), Ok((command, _))) = (json, slash(before, DEEPEST))
        && command.reads()
    {
        choices.push(Choice { text: "--json".to_owned(), description: about(arg), more: false });
    }
    choices
}

/// The commands and values that can come next.
fn words(tree: &clap::Command, walk: &Walk<'_>, names: &Names, typed: &str) -> Vec<Choice> {
    let here = walk.here();
    let positional = walk.positional();
    let mut choices = positional.map(|arg| values(tree, arg, walk, names, typed)).unwrap_or_default();
    let either = here.is_args_conflicts_with_subcommands_set();
    if walk.takes_command() && (positional.is_none() || either) {
        let mut more = commands(here, typed);
        // Where nobody can sign in, nobody is led to it.
        if provider(walk, names).is_some_and(|known| !known.signs_in) {
            more.retain(|choice| AuthAction::serves_keys(&choice.text));
        }
        choices.extend(more);
    }
    choices
}

/// The commands below one, by another name where only that one fits.
fn commands(here: &clap::Command, typed: &str) -> Vec<Choice> {
    let begun = |name: &str| begins(name, typed);
    here.get_subcommands()
        .filter(|command| !command.is_hide_set() && Place::of(command).allows(Side::Session))
        .map(|command| {
            let alias = command.get_visible_aliases().find(|alias| begun(alias) && !begun(command.get_name()));
            let text = alias.unwrap_or(command.get_name()).to_owned();
            let more = command.has_subcommands() || command.get_positionals().next().is_some();
            Choice { text, description: command_about(command), more }
        })
        .collect()
}

/// The values that a positional argument can have, by its type.
fn values(tree: &clap::Command, arg: &Arg, walk: &Walk<'_>, names: &Names, typed: &str) -> Vec<Choice> {
    let kind = arg.get_value_parser().type_id();
    let is = |of: TypeId| kind == of;
    let mut choices: Vec<(String, String)> = if is(TypeId::of::<Provider>()) {
        names.providers.iter().map(|known| (known.name.to_string(), known.state.clone())).collect()
    } else if is(TypeId::of::<LogoutWhich>()) {
        let all = ("all".to_owned(), "every account".to_owned());
        std::iter::once(all).chain(buckets(walk, names)).collect()
    } else if is(TypeId::of::<Bucket>()) {
        // The new name of an account is none of those there are.
        if arg.get_id() == "new" { Vec::new() } else { buckets(walk, names) }
    } else if is(TypeId::of::<ProfileName>()) {
        let state = if arg.get_id() == "new-profile" { "is replaced" } else { "" };
        names.profiles.iter().map(|name| (name.to_string(), state.to_owned())).collect()
    } else if is(TypeId::of::<KeyName>()) {
        names.keys.iter().map(|name| (name.to_string(), String::new())).collect()
    } else {
        match arg.get_id().as_str() {
            "setting" => settings(names, typed),
            "changed-setting" => described(&names.changed),
            "value" => setting_values(walk, names),
            "model" => names.models.iter().map(|name| (name.clone(), String::new())).collect(),
            "default" => {
                let profiles = names.profiles.iter().map(|name| (name.to_string(), String::new()));
                profiles.chain([("none".to_owned(), "load none at start".to_owned())]).collect()
            }
            "key" if walk.path.len() == 1 => vec![("none".to_owned(), "forget the key of this session".to_owned())],
            "path" => vec![("none".to_owned(), "stop using the file".to_owned())],
            "url" => vec![("none".to_owned(), "back to the provider's own".to_owned())],
            "words" => return help_words(tree, walk),
            _ => {
                let possible = arg.get_possible_values();
                possible
                    .iter()
                    .map(|value| {
                        (value.get_name().to_owned(), value.get_help().map(ToString::to_string).unwrap_or_default())
                    })
                    .collect()
            }
        }
    };
    let given = |text: &str| walk.values.iter().any(|(of, value)| of.get_id() == arg.get_id() && value == text);
    choices.retain(|(text, _)| !(many(arg) && given(text)));
    let here = walk.here();
    let actions = here.has_subcommands() && !here.is_args_conflicts_with_subcommands_set();
    let more = actions || many(arg) && arg.get_id() != "value" || here.get_positionals().nth(walk.taken + 1).is_some();
    // What ends with a dot is the beginning of a name.
    choices
        .into_iter()
        .map(|(text, description)| Choice { more: more && !text.ends_with('.'), text, description })
        .collect()
}

/// Parameters that most models have.
const PARAMETERS: [&str; 3] = ["max_tokens", "temperature", "top_p"];

/// The settings. One that there is for each of many is named once its beginning is typed, and until then begun.
fn settings(names: &Names, typed: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for known in &names.settings {
        let Some((before, after)) = known.name.split_once("NAME") else {
            found.push((known.name.clone(), known.description.clone()));
            continue;
        };
        let able = |provider: &&KnownProvider| before != "auth." || provider.signs_in;
        let middles: Vec<&str> = match before {
            _ if !begins(typed, before) => {
                let begun = (before.to_owned(), "goes on with a name".to_owned());
                if !found.contains(&begun) {
                    found.push(begun);
                }
                continue;
            }
            "modelparam." => PARAMETERS.to_vec(),
            _ => names.providers.iter().filter(able).map(|provider| provider.name.as_str()).collect(),
        };
        let whole = |middle: &str| (format!("{before}{middle}{after}"), known.description.clone());
        found.extend(middles.into_iter().map(whole));
    }
    found
}

fn described(settings: &[KnownSetting]) -> Vec<(String, String)> {
    settings.iter().map(|known| (known.name.clone(), known.description.clone())).collect()
}

/// The provider's name on the line.
fn named_provider(walk: &Walk<'_>) -> Option<Provider> {
    let is = |(arg, _): &&(&Arg, String)| arg.get_value_parser().type_id() == TypeId::of::<Provider>();
    walk.values.iter().find(is).and_then(|(_, text)| text.parse().ok())
}

/// The provider on the line, where it is known.
fn provider<'n>(walk: &Walk<'_>, names: &'n Names) -> Option<&'n KnownProvider> {
    let named = named_provider(walk)?;
    names.providers.iter().find(|known| known.name == named)
}

/// The accounts of the provider on the line, or of all where none is; each label once.
fn buckets(walk: &Walk<'_>, names: &Names) -> Vec<(String, String)> {
    let provider = named_provider(walk);
    let meant = |known: &&KnownProvider| provider.as_ref().is_none_or(|provider| *provider == known.name);
    let mut found: Vec<(String, String)> = Vec::new();
    for known in names.providers.iter().filter(meant) {
        for bucket in &known.buckets {
            let state =
                if provider.is_some() { bucket.state.clone() } else { format!("{}, {}", known.name, bucket.state) };
            if !found.iter().any(|(text, _)| text == bucket.name.as_str()) {
                found.push((bucket.name.to_string(), state));
            }
        }
    }
    found
}

/// The values of the setting on the line, once.
fn setting_values(walk: &Walk<'_>, names: &Names) -> Vec<(String, String)> {
    let [(_, setting)] = &walk.values[..] else { return Vec::new() };
    let known = names.settings.iter().find(|known| known.name.eq_ignore_ascii_case(setting));
    known.into_iter().flat_map(|known| &known.values).map(|value| (value.clone(), String::new())).collect()
}

/// The words that a help page can be asked for by.
fn help_words(tree: &clap::Command, walk: &Walk<'_>) -> Vec<Choice> {
    let path: Vec<String> = walk.values.iter().map(|(_, word)| word.to_lowercase()).collect();
    let here = follow(tree, &path);
    if !path.is_empty() && here.get_name() == tree.get_name() {
        return Vec::new();
    }
    let choice = |command: &clap::Command| Choice {
        text: command.get_name().to_owned(),
        description: command_about(command),
        more: command.has_subcommands(),
    };
    here.get_subcommands().map(choice).collect()
}

/// Keeps what begins with the typed text; where nothing does, what has it inside.
fn fitting(choices: Vec<Choice>, typed: &str) -> Vec<Choice> {
    let (begun, other): (Vec<_>, Vec<_>) = choices.into_iter().partition(|choice| begins(&choice.text, typed));
    if !begun.is_empty() || typed.chars().count() < 2 {
        return begun;
    }
    let typed = typed.to_lowercase();
    other.into_iter().filter(|choice| choice.text.to_lowercase().contains(&typed)).collect()
}

fn begins(text: &str, typed: &str) -> bool {
    text.to_lowercase().starts_with(&typed.to_lowercase())
}

fn about(arg: &Arg) -> String {
    arg.get_help().map(ToString::to_string).unwrap_or_default()
}

fn command_about(command: &clap::Command) -> String {
    unmarked(&command.get_about().map(ToString::to_string).unwrap_or_default()).to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::KnownBucket;

    pub(crate) fn names() -> Names {
        let bucket = |name: &str, state: &str| KnownBucket { name: name.parse().unwrap(), state: state.to_owned() };
        let provider = |name: &str, state: &str, buckets| KnownProvider {
            name: name.parse().unwrap(),
            state: state.to_owned(),
            signs_in: state != "key only",
            buckets,
        };
        let setting = |name: &str, values: &[&str]| KnownSetting {
            name: name.to_owned(),
            description: "what it does".to_owned(),
            values: values.iter().map(ToString::to_string).collect(),
        };
        Names {
            providers: vec![
                provider(
                    "anthropic",
                    "on",
                    vec![bucket("work@company.com", "ready"), bucket("personal@gmail.com", "at its limit")],
                ),
                provider("codex", "on", vec![bucket("default", "ready"), bucket("work@company.com", "ready")]),
                provider("gemini", "off", vec![]),
                provider("openai", "key only", vec![]),
            ],
            profiles: vec!["claude-ha".parse().unwrap(), "codex-work".parse().unwrap()],
            keys: vec!["anthropic".parse().unwrap()],
            settings: vec![
                setting("auth.noBrowser", &["true", "false"]),
                setting("auth.NAME.clientId", &[]),
                setting("stream.idleSeconds", &[]),
                setting("modelparam.NAME", &[]),
            ],
            changed: vec![setting("stream.idleSeconds", &[]), setting("modelparam.max_tokens", &[])],
            models: vec!["claude-opus-5".to_owned(), "claude-haiku-4-5".to_owned()],
        }
    }

    /// The texts at the end of a line.
    fn texts(line: &str) -> Vec<String> {
        complete(line, line.len(), &names()).into_iter().map(|candidate| candidate.text).collect()
    }

    #[test]
    fn a_slash_alone_shows_the_commands_of_a_session() {
        let all = texts("/");
        assert_eq!(
            all,
            [
                "auth", "set", "profile", "key", "keyfile", "provider", "model", "baseurl", "stats", "log", "doctor",
                "clear", "help", "quit"
            ]
        );
        let candidates = complete("/", 1, &names());
        assert_eq!(candidates[11].description.as_deref(), Some("Forget the conversation"));
        assert_eq!((candidates[0].start, candidates[0].end, candidates[0].append_space), (1, 1, true));
        assert!(!candidates[9].append_space);
    }

    #[test]
    fn words_are_completed_in_their_place() {
        for (line, expected) in [
            ("/au", &["auth"][..]),
            ("/AU", &["auth"]),
            ("/diag", &["diagnostics"]),
            ("/ex", &["exit"]),
            ("/auth ", &["anthropic", "codex", "gemini", "openai"]),
            ("/auth log", &[]),
            ("/auth anthropic log", &["login", "logout"]),
            ("/auth anthropic ", &["status", "enable", "disable", "login", "logout", "switch", "rename", "why"]),
            ("/auth openai ", &["status", "why"]),
            ("/auth OpenAI lo", &[]),
            ("/auth anthropic login ", &["work@company.com", "personal@gmail.com"]),
            ("/auth anthropic login gmail", &["personal@gmail.com"]),
            ("/auth Codex logout ", &["all", "default", "work@company.com"]),
            ("/auth gemini switch ", &[]),
            ("/auth codex rename default ", &[]),
            ("/auth anthropic login work@company.com ", &[]),
            ("/set ", &["auth.noBrowser", "auth.", "stream.idleSeconds", "modelparam.", "unset"]),
            (
                "/set auth.",
                &["auth.noBrowser", "auth.anthropic.clientId", "auth.codex.clientId", "auth.gemini.clientId"],
            ),
            ("/set AUTH.gem", &["auth.gemini.clientId"]),
            ("/set modelparam.t", &["modelparam.temperature", "modelparam.top_p"]),
            ("/set un", &["unset"]),
            ("/set unset ", &["stream.idleSeconds", "modelparam.max_tokens"]),
            ("/set unset str", &["stream.idleSeconds"]),
            ("/set auth.nobrowser ", &["true", "false"]),
            ("/set auth.noBrowser true ", &[]),
            ("/set stream.idleSeconds ", &[]),
            ("/profile ", &["save", "list", "load", "unload", "show", "delete", "set-default"]),
            ("/profile load ", &["claude-ha", "codex-work"]),
            ("/profile set-default n", &["none"]),
            ("/profile save ", &["model", "loadbalancer"]),
            ("/profile save model new ", &["work@company.com", "personal@gmail.com", "default"]),
            ("/profile save model new default ", &["work@company.com", "personal@gmail.com"]),
            ("/profile save loadbalancer both ", &["failover", "roundrobin"]),
            ("/profile save loadbalancer both failover codex-work ", &["claude-ha"]),
            ("/key ", &["none", "save", "load", "list", "show", "delete"]),
            ("/key load ", &["anthropic"]),
            ("/key save new ", &[]),
            ("/model claude-h", &["claude-haiku-4-5"]),
            ("/provider c", &["codex"]),
            ("/stats ", &["buckets", "quota"]),
            ("/help au", &["auth"]),
            ("/help auth log", &["login", "logout"]),
            ("/help san", &["sandbox"]),
            ("/sand", &[]),
            ("/clear ", &[]),
            ("/weather ", &[]),
        ] {
            assert_eq!(texts(line), expected, "{line}");
        }
    }

    #[test]
    fn flags_are_offered_once_a_dash_is_typed() {
        assert_eq!(texts("/auth codex login --"), ["--force", "--device", "--nobrowser", "--browser", "--memory"]);
        assert_eq!(texts("/auth codex login --no-browser --de"), ["--device"]);
        assert_eq!(texts("/auth codex login --nobrowser --no"), [""; 0]);
        assert_eq!(texts("/auth codex logout --"), ["--all"]);
        assert_eq!(texts("/auth codex why -"), ["--json"]);
        assert_eq!(texts("/auth --"), ["--json"]);
        assert_eq!(texts("/doctor --json --"), [""; 0]);
        assert_eq!(texts("/set a -- --"), [""; 0]);
    }

    #[test]
    fn prompts_and_comments_complete_nothing() {
        for line in ["", "au", "why /au", "//au", "/ au", "/auth # an", "# /au"] {
            assert_eq!(texts(line), [""; 0], "{line}");
        }
    }

    #[test]
    fn the_word_at_the_cursor_is_replaced_as_a_whole() {
        let line = "/auth anthrxx login";
        let [candidate] = &complete(line, 11, &names())[..] else { panic!("not one") };
        assert_eq!((candidate.text.as_str(), candidate.start, candidate.end), ("anthropic", 6, 13));
        assert_eq!(candidate.description.as_deref(), Some("on"));
        let [candidate] = &complete("  /auth \"anth", 13, &names())[..] else { panic!("not one") };
        assert_eq!((candidate.start, candidate.end, candidate.append_space), (8, 13, true));
        // Between blanks nothing is replaced.
        assert_eq!(complete("/auth  login", 6, &names())[0].end, 6);
        let login = complete("/auth codex login", 17, &names());
        assert!(login[0].append_space);
        assert!(!complete("/auth codex login def", 21, &names())[0].append_space);
    }

    #[test]
    fn states_are_told() {
        let described = |line: &str| complete(line, line.len(), &names()).swap_remove(0).description;
        assert_eq!(described("/auth anthropic switch pers").as_deref(), Some("at its limit"));
        assert_eq!(described("/profile save model new pers").as_deref(), Some("anthropic, at its limit"));
        assert_eq!(described("/profile save model clau").as_deref(), Some("is replaced"));
        assert_eq!(described("/set auth").as_deref(), Some("what it does"));
        assert_eq!(described("/stats q").as_deref(), Some("Windows and resets as the providers tell them"));
    }

    proptest! {
        #[test]
        fn any_place_in_any_line_can_be_completed(line in "/?(\\PC|[ \"#=/-]|auth|set|key|profile|save|codex|login|--json){0,20}", pos in 0usize..100) {
            let _ = crate::hint(&line, &names());
            for candidate in complete(&line, pos, &names()) {
                prop_assert!(line.is_char_boundary(candidate.start) && line.is_char_boundary(candidate.end));
                prop_assert!(candidate.start <= candidate.end);
            }
        }

        #[test]
        fn a_chosen_candidate_is_the_word_that_was_chosen(line in "/(auth|set|key|profile|help|model)( anthropic| save| model| login| unset| x| claude-ha){0,4} ?") {
            for candidate in complete(&line, line.len(), &names()) {
                let mut chosen = line.clone();
                chosen.replace_range(candidate.start..candidate.end, &candidate.text);
                let words = split(&chosen).words;
                prop_assert_eq!(words.last().unwrap().text.trim_start_matches('/'), candidate.text);
            }
        }
    }
}
