//! Help pages: the overview, one page for each command, and one for the program.

use std::any::TypeId;

use crate::Provider;
use crate::known::Names;
use crate::nearest::nearest;
use crate::place::Place;
use crate::refusal::ParseError;
use crate::side::Side;
use crate::tree::tree;
use crate::walk::{called, many};

/// Declares the pages by the words of their commands, joined with `-` as in the names of their files.
macro_rules! pages {
    ($($name:literal)*) => {
        const PAGES: &[(&str, &str)] = &[$(($name, include_str!(concat!("help/", $name, ".md")))),*];
    };
}

pages! {
    "auth" "auth-enable" "auth-login" "auth-logout" "auth-switch" "auth-rename" "auth-why" "auth-token" "baseurl" "clear"
    "completions" "doctor" "help" "key" "keyfile" "log" "man" "model" "profile" "profile-save" "provider" "quit" "sandbox"
    "set" "stats"
}

const OVERVIEW: &str = include_str!("help/overview.md");
const PROGRAM: &str = include_str!("help/llxprt.md");

/// Actions that are told on the page of another.
const SHARED: [(&str, &str); 1] = [("auth-disable", "auth-enable")];

/// Returns the overview for no words, else the page that is nearest to the words of a command, as plain text.
///
/// # Errors
/// Words that are no command and nothing that such a command takes, with those that are close.
pub fn help(words: &[&str], names: &Names) -> Result<String, ParseError> {
    Ok(find(words, names)?.map_or(OVERVIEW, |path| page(&path)).to_owned())
}

/// As [`help`], for the shell: the program's page for no words, and commands in the form in which the shell takes them.
///
/// # Errors
/// As [`help`].
pub fn help_in_shell(words: &[&str], names: &Names) -> Result<String, ParseError> {
    Ok(shell_help(&find(words, names)?.unwrap_or_default()))
}

/// Returns the page of a path for the shell. What works inside a session only keeps its slash.
pub(crate) fn shell_help(path: &[String]) -> String {
    if path.is_empty() {
        return PROGRAM.to_owned();
    }
    let tree = tree(Side::Shell);
    let mut text = String::new();
    let mut rest = page(path);
    while let Some(at) = rest.find('/') {
        let (before, command) = rest.split_at(at);
        let begins = before.is_empty() || before.ends_with([' ', '(', '\n']);
        text.push_str(before);
        text.push_str(if begins && in_shell(&tree, &command[1..]) { "llxprt " } else { "/" });
        rest = &command[1..];
    }
    text + rest
}

/// Says whether a text begins with a command that the shell has; its arguments are passed over.
fn in_shell(tree: &clap::Command, text: &str) -> bool {
    let line = text.lines().next().unwrap_or_default();
    let mut words = line.split([' ', '.', ',', ')']);
    let first = words.next().unwrap_or_default();
    let Some(outer) = tree.get_subcommands().find(|command| called(command, first)) else { return false };
    let inner = words.find_map(|word| outer.get_subcommands().find(|inner| called(inner, word)));
    let key = inner.is_none() && outer.is_args_conflicts_with_subcommands_set() && outer.get_positionals().count() == 1;
    // A key alone is for a session.
    let key = key && line.trim_end().len() > first.len();
    [Some(outer), inner].into_iter().flatten().all(|command| Place::of(command).allows(Side::Shell)) && !key
}

/// Returns the page of a command, or of the command around it.
pub(crate) fn page(path: &[String]) -> &'static str {
    let names = (1..=path.len()).rev().map(|length| path[..length].join("-"));
    names.filter_map(|name| named(&name)).next().unwrap_or(OVERVIEW)
}

fn named(name: &str) -> Option<&'static str> {
    let name = SHARED.iter().find(|(shared, _)| *shared == name).map_or(name, |(_, page)| page);
    PAGES.iter().find(|(known, _)| *known == name).map(|(_, page)| *page)
}

/// Finds the command that the words mean; arguments among them are passed over. `None` for no words.
fn find(words: &[&str], names: &Names) -> Result<Option<Vec<String>>, ParseError> {
    let tree = tree(Side::Shell);
    let mut here = &tree;
    let mut path: Vec<String> = Vec::new();
    let mut taken = 0;
    for word in words.iter().map(|word| word.trim_start_matches('/')).filter(|word| !matches!(*word, "" | "llxprt")) {
        if let Some(command) = here.get_subcommands().find(|command| called(command, word)) {
            path.push(command.get_name().to_owned());
            here = command;
            taken = 0;
            continue;
        }
        let argument = here.get_positionals().nth(taken).or(here.get_positionals().last().filter(|arg| many(arg)));
        let provider = argument.is_some_and(|arg| arg.get_value_parser().type_id() == TypeId::of::<Provider>());
        let known = || names.providers.iter().any(|known| known.name.as_str().eq_ignore_ascii_case(word));
        let placeholder = word.starts_with(['<', '[']);
        taken += 1;
        if provider && (placeholder || known()) {
            continue;
        }
        let near = nearest(word, here.get_subcommands().map(clap::Command::get_name));
        if path.is_empty() {
            return match &actions(&tree, word)[..] {
                [] => Err(unknown(&near.into_iter().map(str::to_owned).collect::<Vec<_>>())),
                [only] => Ok(Some(only.clone())),
                several => Err(unknown(&several.iter().map(|path| path.join(" ")).collect::<Vec<_>>())),
            };
        }
        if !near.is_empty() {
            let near: Vec<_> = near.into_iter().map(|near| format!("{} {near}", path.join(" "))).collect();
            return Err(unknown(&near));
        }
        if provider {
            let error = unknown(&[path.join(" ")]);
            return Err(ParseError { message: "There is no such provider or action.".to_owned(), ..error });
        }
        if argument.is_none() {
            return Err(unknown(&[path.join(" ")]));
        }
    }
    Ok((!path.is_empty()).then_some(path))
}

/// Finds actions by their own word, each with the command that it belongs to.
fn actions(tree: &clap::Command, word: &str) -> Vec<Vec<String>> {
    let inner = tree.get_subcommands().filter_map(|outer| {
        let inner = outer.get_subcommands().find(|inner| called(inner, word))?;
        Some(vec![outer.get_name().to_owned(), inner.get_name().to_owned()])
    });
    inner.collect()
}

/// No word of the line is quoted: help is asked for with whole lines too, and a key may be in them.
fn unknown(near: &[String]) -> ParseError {
    let lines = near.iter().map(|near| format!("/help {near}"));
    let error = ParseError::new("There is no help for that.").usage("/help [command…]");
    if near.is_empty() { error.suggest("/help") } else { lines.fold(error, ParseError::suggest) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::split;
    use crate::tests::command;
    use crate::usage::usage;
    use crate::{Shell, ShellExit, shell_command};

    fn asking(words: &[&str]) -> Result<String, ParseError> {
        help(words, &crate::complete::tests::names())
    }

    fn words(path: &[&str]) -> Vec<String> {
        path.iter().map(ToString::to_string).collect()
    }

    /// Every command and action, as paths.
    fn paths(command: &clap::Command, path: &[String]) -> Vec<Vec<String>> {
        let inner = command.get_subcommands().flat_map(|inner| {
            let path = [path, &[inner.get_name().to_owned()]].concat();
            let mut all = paths(inner, &path);
            all.push(path);
            all
        });
        inner.collect()
    }

    #[test]
    fn every_command_has_a_page_that_begins_with_its_form() {
        let tree = tree(Side::Shell);
        for path in paths(&tree, &[]) {
            let page = page(&path);
            let (session, shell) = (usage(Side::Session, &tree, &path), usage(Side::Shell, &tree, &path));
            let forms = page.split("\n\n").next().unwrap();
            let told = forms.lines().any(|form| form == session || form == shell);
            // A command with actions or several forms is told by those.
            let several = forms.lines().filter(|form| form.starts_with(&format!("/{}", path.join(" ")))).count() > 1;
            assert!(told || several || path.join(" ") == "auth status", "{path:?} is not told in\n{forms}");
        }
    }

    #[test]
    fn every_flag_of_a_command_is_told_on_its_page() {
        let tree = tree(Side::Shell);
        for path in paths(&tree, &[]) {
            let inner = crate::usage::follow(&tree, &path);
            for flag in inner.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(page(&path).contains(&format!("--{flag}")), "--{flag} of {path:?}");
            }
        }
    }

    #[test]
    fn every_example_parses() {
        let mut examples = 0;
        for (name, page) in PAGES.iter().chain(&[("llxprt", PROGRAM)]) {
            for line in page.lines() {
                if line.starts_with("  /") {
                    command(line);
                } else if line.starts_with("  llxprt") {
                    match Shell::parse_from_args(split(line).words.into_iter().map(|word| word.text)) {
                        Ok(_) | Err(ShellExit::Text(_)) => {}
                        Err(ShellExit::Usage(error)) => panic!("{name}: {line}: {error}"),
                    }
                } else {
                    continue;
                }
                examples += 1;
            }
        }
        assert!(examples > 60, "only {examples} were found");
    }

    #[test]
    fn the_overviews_name_every_command_and_flag() {
        let tree = shell_command();
        for command in tree.get_subcommands() {
            let name = command.get_name();
            let shell = crate::Place::of(command) == crate::Place::Shell;
            assert!(shell || OVERVIEW.contains(&format!("/{name}")), "/{name}");
            assert!(command.is_hide_set() || PROGRAM.contains(name), "{name}");
        }
        for flag in super::tree(Side::Shell).get_arguments().filter_map(clap::Arg::get_long) {
            assert!(PROGRAM.contains(&format!("--{flag}")), "--{flag}");
        }
    }

    #[test]
    fn pages_fit_a_page() {
        for (name, page) in PAGES.iter().chain(&[("overview", OVERVIEW), ("llxprt", PROGRAM)]) {
            assert!(page.ends_with('\n') && !page.ends_with("\n\n"), "{name}");
            assert!(page.lines().all(|line| line.chars().count() <= 120 && line == line.trim_end()), "{name}");
        }
    }

    #[test]
    fn help_finds_a_page_by_any_words_of_the_command() {
        let login = page(&words(&["auth", "login"]));
        for asked in [
            &["auth", "login"][..],
            &["/AUTH", "anthropic", "Login"],
            &["login"],
            &["llxprt", "auth", "codex", "login", "work"],
        ] {
            assert_eq!(asking(asked).unwrap(), login, "{asked:?}");
        }
        assert_eq!(asking(&[]).unwrap(), OVERVIEW);
        assert_eq!(asking(&["/"]).unwrap(), OVERVIEW);
        assert_eq!(asking(&["auth", "disable"]).unwrap(), page(&words(&["auth", "enable"])));
        assert_eq!(asking(&["set", "auth.noBrowser"]).unwrap(), page(&words(&["set"])));
        assert_eq!(asking(&["exit"]).unwrap(), page(&words(&["quit"])));
        assert_eq!(asking(&["profile", "save", "model"]).unwrap(), page(&words(&["profile", "save"])));
    }

    #[test]
    fn what_is_unknown_gets_what_is_near() {
        let near = |asked: &[&str]| asking(asked).unwrap_err().suggestions;
        assert_eq!(near(&["atuh"]), ["/help auth"]);
        assert_eq!(near(&["auth", "logn"]), ["/help auth login"]);
        assert_eq!(near(&["auth", "nope"]), ["/help auth"]);
        assert_eq!(near(&["auth", "codex", "nope"]), ["/help auth"]);
        assert_eq!(near(&["auth", "codex", "why", "now"]), ["/help auth why"]);
        assert_eq!(near(&["load"]), ["/help profile load", "/help key load"]);
        assert_eq!(near(&["weather"]), ["/help"]);
        for line in near(&["load"]).iter().chain(&near(&["weather"])) {
            command(line);
        }
    }

    #[test]
    fn the_shell_shows_the_forms_of_the_shell() {
        let page = shell_help(&words(&["auth", "login"]));
        assert!(page.starts_with("llxprt auth <provider> login [account]\n\nSigns in now."), "{page}");
        assert!(page.contains("(also: llxprt set auth.noBrowser true)"), "{page}");
        assert!(page.contains("\n  llxprt auth anthropic login\n"), "{page}");
        assert!(shell_help(&[]).starts_with("llxprt [flags] [command]"));
        // What the shell does not have keeps its slash.
        let page = shell_help(&words(&["auth"]));
        assert!(page.contains("llxprt auth <provider> [status]\n"), "{page}");
        assert!(page.contains("\n/auth <provider> switch <account>\n"), "{page}");
        assert!(page.contains("a page of its own: llxprt help auth login."), "{page}");
        let page = shell_help(&words(&["key"]));
        assert!(page.contains("\n/key <key|none>\n") && page.contains("\n  /key load work\n  /key none\n"), "{page}");
        assert!(page.contains("\n  llxprt key list\n"), "{page}");
        let page = shell_help(&words(&["profile"]));
        assert!(page.contains("\n/profile unload\nllxprt profile show <name>\n"), "{page}");
    }
}
