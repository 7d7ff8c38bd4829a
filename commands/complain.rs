//! What is wrong with a line, said in our own words: clap finds the fault, its wording is not shown.

use std::error::Error;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::command_line::suggested;
use crate::confidential::secret_words;
use crate::line::slash;
use crate::nearest::nearest;
use crate::patterns::redact;
use crate::place::Place;
use crate::refusal::ParseError;
use crate::side::Side;
use crate::tree::tree;
use crate::usage::{follow, form, usage};
use crate::walk::{Walk, many};
use crate::{Auth, AuthAction, BadName, Command, LogoutWhich, Provider};

/// A line with two mistakes is still mended; more is guessing.
pub(crate) const DEEPEST: usize = 2;

/// All that is needed to complain about a line.
pub(crate) struct Complaint<'w> {
    side: Side,
    words: &'w [String],
    depth: usize,
    path: Vec<String>,
    taken: usize,
    stray: Option<usize>,
    odd_flag: Option<usize>,
    /// The line may hold a key: none of its words is quoted.
    secret: bool,
}

impl<'w> Complaint<'w> {
    pub(crate) fn of(side: Side, words: &'w [String], walk: &Walk<'_>, depth: usize) -> Self {
        let Walk { taken, stray, odd_flag, .. } = *walk;
        let path = walk.names();
        let secret = path.first().is_some_and(|name| name == "key") || secret_words(words);
        Self { side, words, depth, path, taken, stray, odd_flag, secret }
    }

    /// Says what clap found.
    pub(crate) fn about(&self, error: &clap::Error) -> ParseError {
        let tree = tree(self.side);
        let complaint = match (self.odd_flag, self.stray) {
            (Some(at), _) => self.odd_flag(&tree, at),
            (None, Some(at)) => self.stray(&tree, at),
            (None, None) => self.kind(&tree, error),
        };
        if complaint.usage.is_some() || self.path.is_empty() {
            return complaint;
        }
        complaint.usage(usage(self.side, &tree, &self.path))
    }

    /// Refuses what clap cannot know to be wrong.
    pub(crate) fn check(&self, command: &Command) -> Result<(), ParseError> {
        let Command::Auth(Auth { provider, action: Some(action) }) = command else { return Ok(()) };
        let fault = match (provider, action) {
            (None, _) => return Err(self.which_provider()),
            (_, AuthAction::Logout { which: Some(LogoutWhich::Bucket(_)), all: true }) => {
                ParseError::new("Either one account or all of them.")
            }
            (_, AuthAction::Login(login)) if login.nobrowser && login.browser.is_some() => {
                ParseError::new("--browser and --nobrowser cannot be given together.")
            }
            _ => return Ok(()),
        };
        Err(fault.usage(usage(self.side, &tree(self.side), &self.path)))
    }

    /// `/auth login`, and perhaps `/auth login anthropic`.
    fn which_provider(&self) -> ParseError {
        let prefix = self.side.prefix();
        let message = format!("Which provider? {prefix}auth <provider> {}", self.path[1..].join(" "));
        let form = usage(self.side, &tree(self.side), &self.path);
        let error = ParseError::new(message).usage(form);
        let action = self.words.iter().position(|word| word.eq_ignore_ascii_case(&self.path[1]));
        let swapped = action.and_then(|at| {
            self.words.get(at + 1)?.parse::<Provider>().ok()?;
            let mut words = self.words.to_vec();
            words.swap(at, at + 1);
            self.attempt(&words)
        });
        swapped.into_iter().fold(error, ParseError::suggest)
    }

    fn odd_flag(&self, tree: &clap::Command, at: usize) -> ParseError {
        let typed = self.words[at].split('=').next().unwrap_or_default();
        let here = follow(tree, &self.path);
        // A flag that stands on the line is not meant once more.
        let there = |flag: &str| {
            let is =
                |word: &String| word.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='));
            self.words.iter().any(is)
        };
        let flags: Vec<String> = (here.get_arguments().chain(tree.get_arguments()))
            .filter_map(|arg| arg.get_long().map(|long| (arg, format!("--{long}"))))
            .filter(|(arg, flag)| many(arg) || !there(flag))
            .map(|(_, flag)| flag)
            .collect();
        let near = nearest(typed, flags.iter().map(String::as_str));
        let named = |arg: &clap::Arg| {
            let names = arg.get_long_and_visible_aliases().unwrap_or_default();
            names.iter().any(|name| typed.strip_prefix("--") == Some(name))
        };
        if here.get_arguments().any(named) {
            let error = ParseError::new(format!("{typed} stands after {}.", self.path.join(" ")));
            let mut words = self.words.to_vec();
            let flag = words.remove(at);
            words.push(flag);
            return self.attempt(&words).into_iter().fold(error, ParseError::suggest);
        }
        if self.side == Side::Session && self::tree(Side::Shell).get_arguments().any(named) {
            return ParseError::new(format!("{typed} is a flag of the program: llxprt {typed}"));
        }
        let message = format!("{} is not a flag of {}.{}", self.shown(typed), self.head(), did_you_mean(&near, ""));
        self.mend(ParseError::new(message), at, &near, |near| self.words[at].replacen(typed, near, 1))
    }

    fn stray(&self, tree: &clap::Command, at: usize) -> ParseError {
        let here = follow(tree, &self.path);
        let typed = self.words[at].trim_start_matches('/');
        if !here.has_subcommands() {
            return ParseError::new(format!("{} is one word too many.", self.shown(&self.words[at])));
        }
        let names: Vec<&str> = (here.get_subcommands())
            .filter(|command| !command.is_hide_set() && Place::of(command).allows(self.side))
            .flat_map(|command| std::iter::once(command.get_name()).chain(command.get_visible_aliases()))
            .collect();
        let near = nearest(typed, names);
        if !self.path.is_empty() {
            let message = match self.path.first().map(String::as_str) {
                // Below `/key` it may as well be a key that came apart.
                Some("key") => {
                    "That is neither an action of a key nor a key, which is one word without blanks.".to_owned()
                }
                _ => format!("{} has no action {}.", self.head(), self.shown(&self.words[at])),
            };
            let error = ParseError::new(message + &did_you_mean(&near, ""));
            return self.mend(error, at, &near, str::to_owned);
        }
        if let Some(path) = self.action_of(tree, typed) {
            let form = usage(self.side, tree, &path);
            return ParseError::new(format!("{} belongs to another command: {form}", self.shown(typed))).usage(form);
        }
        let prefix = self.side.prefix().trim_end_matches("llxprt ");
        let what = if self.secret {
            "That is no command.".to_owned()
        } else {
            format!("There is no command {}.", self.shown(&format!("{prefix}{typed}")))
        };
        let hint = match (near.is_empty(), self.side) {
            (false, _) => did_you_mean(&near, prefix),
            (true, Side::Session) => " To send a line that begins with a slash, begin it with two.".to_owned(),
            (true, Side::Shell) => " To send a prompt: llxprt -p TEXT".to_owned(),
        };
        self.mend(ParseError::new(what + &hint), at, &near, str::to_owned)
    }

    /// Finds the command that has an action of this name: `/login` was meant as `/auth <provider> login`.
    fn action_of(&self, tree: &clap::Command, typed: &str) -> Option<Vec<String>> {
        tree.get_subcommands().find_map(|command| {
            let action = command.get_subcommands().find(|action| action.get_name().eq_ignore_ascii_case(typed))?;
            let fits = Place::of(action).allows(self.side);
            fits.then(|| vec![command.get_name().to_owned(), action.get_name().to_owned()])
        })
    }

    fn kind(&self, tree: &clap::Command, error: &clap::Error) -> ParseError {
        let text = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => text.as_str(),
            _ => "",
        };
        let here = follow(tree, &self.path);
        let (arg, value) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue));
        match error.kind() {
            ErrorKind::ValueValidation | ErrorKind::InvalidValue if value.starts_with('<') && value.ends_with('>') => {
                ParseError::new(format!("Put a real name in the place of {}.", redact(value)))
            }
            ErrorKind::ValueValidation => ParseError::new(self.unfit(error, arg, value)),
            ErrorKind::InvalidValue if value.is_empty() && arg.starts_with('-') => {
                let flag = arg.split([' ', '=']).next().unwrap_or_default();
                ParseError::new(format!("{flag} needs a value after it."))
            }
            ErrorKind::InvalidValue => {
                let valid = match error.get(ContextKind::ValidValue) {
                    Some(ContextValue::Strings(valid)) => valid.as_slice(),
                    _ => &[],
                };
                let error = ParseError::new(format!("{} is not one of {}.", self.shown(value), valid.join(", ")));
                let near = nearest(value, valid.iter().map(String::as_str));
                match self.words.iter().position(|word| word.ends_with(value)) {
                    Some(at) => self.mend(error, at, &near, |near| self.words[at].replacen(value, near, 1)),
                    None => error,
                }
            }
            ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                let names: Vec<_> = here.get_subcommands().map(clap::Command::get_name).collect();
                ParseError::new(format!("{} needs {} after it.", self.head(), names.join(" or ")))
            }
            ErrorKind::MissingRequiredArgument => {
                let missing = here.get_positionals().skip(self.taken).filter(|arg| arg.is_required_set());
                let missing: Vec<_> = missing.map(form).collect();
                ParseError::new(format!("{} needs {} after it.", self.head(), missing.join(" ")))
            }
            ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
                let least = match error.get(ContextKind::MinValues) {
                    Some(ContextValue::Number(least)) => *least,
                    _ => 1,
                };
                let name = here.get_positionals().last().map(crate::usage::value_name).unwrap_or_default();
                ParseError::new(format!("{} needs at least {least} of <{name}>.", self.head()))
            }
            ErrorKind::TooManyValues => {
                ParseError::new(format!("{} takes no value.", arg.split([' ', '=']).next().unwrap_or(arg)))
            }
            ErrorKind::ArgumentConflict => {
                ParseError::new(format!("{arg} and {} cannot be given together.", text(ContextKind::PriorArg)))
            }
            _ => ParseError::new(format!("{} cannot be used like that.", self.head())),
        }
    }

    /// A value that is not of its kind.
    fn unfit(&self, error: &clap::Error, arg: &str, value: &str) -> String {
        match error.source().and_then(|source| source.downcast_ref::<BadName>()) {
            Some(BadName { kind, rule }) => format!("{} is not {} {kind}: {rule}.", self.shown(value), article(kind)),
            None => format!("{} does not fit {arg}.", self.shown(value)),
        }
    }

    /// Adds to an error the lines in which the word at a place is replaced, as far as they parse.
    fn mend(&self, error: ParseError, at: usize, near: &[&str], replace: impl Fn(&str) -> String) -> ParseError {
        let lines = near.iter().filter_map(|near| {
            let mut words = self.words.to_vec();
            words[at] = replace(near);
            self.attempt(&words)
        });
        lines.fold(error, ParseError::suggest)
    }

    /// Returns the line that the words stand for, or the best one for them.
    fn attempt(&self, words: &[String]) -> Option<String> {
        if self.depth >= DEEPEST {
            return None;
        }
        let depth = self.depth + 1;
        let line = match self.side {
            Side::Session => slash(words, depth).map(|(command, json)| {
                let ending = if json { " --json" } else { "" };
                format!("{command}{ending}")
            }),
            Side::Shell => suggested(words, depth),
        };
        line.map_or_else(|error| error.suggestions.into_iter().next(), Some)
    }

    /// What the words so far call: `/profile load`.
    fn head(&self) -> String {
        if self.path.is_empty() {
            return "llxprt".to_owned();
        }
        format!("{}{}", self.side.prefix(), self.path.join(" "))
    }

    /// A typed word in quotes, unless the line may hold a key.
    fn shown(&self, word: &str) -> String {
        if self.secret {
            return "That".to_owned();
        }
        let clean: String = redact(word).chars().filter(|c| !c.is_control()).take(64).collect();
        format!("\"{clean}\"")
    }
}

fn did_you_mean(near: &[&str], prefix: &str) -> String {
    let named: Vec<_> = near.iter().map(|near| format!("{prefix}{near}")).collect();
    if named.is_empty() { String::new() } else { format!(" Did you mean {}?", named.join(" or ")) }
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

#[cfg(test)]
mod tests {
    use crate::tests::refused;

    #[test]
    fn a_mistyped_command_is_mended_as_a_whole_line() {
        let error = refused("/auht anthropic login");
        assert_eq!(error.message, "There is no command \"/auht\". Did you mean /auth?");
        assert_eq!(error.suggestions, ["/auth anthropic login"]);
        assert_eq!(refused("/auht codex why --json").suggestions, ["/auth codex why --json"]);
        assert_eq!(refused("/auth codex --json wyh").suggestions, ["/auth codex why --json"]);
    }

    #[test]
    fn a_mistyped_action_is_mended_nearest_first() {
        let error = refused("/auth anthropic logn");
        assert_eq!(error.message, "/auth has no action \"logn\". Did you mean login?");
        assert_eq!(error.suggestions, ["/auth anthropic login"]);
        assert_eq!(error.usage.as_deref(), Some("/auth [provider] [action]"));
    }

    #[test]
    fn two_mistakes_are_mended_together() {
        assert_eq!(refused("/auht anthropic logn work").suggestions, ["/auth anthropic login work"]);
    }

    #[test]
    fn what_cannot_be_mended_suggests_nothing() {
        let error = refused("/weather tomorrow");
        assert!(error.suggestions.is_empty());
        assert!(error.message.ends_with("begin it with two."), "{error}");
        // "/profile load" lacks its name, so no line can be offered; the word is named all the same.
        let error = refused("/profile laod");
        assert_eq!(error.message, "/profile has no action \"laod\". Did you mean load?");
        assert!(error.suggestions.is_empty());
    }

    #[test]
    fn an_action_without_its_command_finds_it() {
        let error = refused("/login");
        assert_eq!(error.message, "\"login\" belongs to another command: /auth <provider> login [account]");
    }

    #[test]
    fn flags_are_mended_and_those_of_the_program_are_told() {
        let error = refused("/auth codex login --devise");
        assert_eq!(error.message, "\"--devise\" is not a flag of /auth login. Did you mean --device?");
        assert_eq!(error.suggestions, ["/auth codex login --device"]);
        assert_eq!(refused("/auth --plain").message, "--plain is a flag of the program: llxprt --plain");
        let error = refused("/auth codex --force login work");
        assert_eq!(error.message, "--force stands after auth login.");
        assert_eq!(error.suggestions, ["/auth codex login work --force"]);
        assert_eq!(refused("/doctor --json=yes").message, "--json takes no value.");
    }

    #[test]
    fn a_bad_name_is_told_its_rule() {
        let error = refused("/auth codex login me:you");
        assert!(error.message.starts_with("\"me:you\" is not an account name: use 1 to 64"), "{error}");
        assert_eq!(refused("/doctor now").message, "\"now\" is one word too many.");
    }

    #[test]
    fn what_is_quoted_is_made_safe() {
        let error = refused("/auth codex login \"a\u{1b}[2J\"");
        assert!(!error.message.contains('\u{1b}'));
        let error = refused("/doctor sk-ant-api03-Canary");
        assert!(!format!("{error:?}").contains("Canary"), "{error:?}");
    }
}
