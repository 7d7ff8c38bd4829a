//! The command line of the process, from its arguments.

use std::ffi::OsString;

use clap::FromArgMatches;

use crate::complain::Complaint;
use crate::help::shell_help;
use crate::refusal::ParseError;
use crate::side::Side;
use crate::tree::{NO_COLOR, tree};
use crate::walk::Walk;
use crate::words::shell_quoted;
use crate::{ColorWhen, Command, Flags, Shell};

/// Why the process ends before it has done anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShellExit {
    /// Text for stdout, status 0: help or the version.
    Text(String),
    /// Wrong usage, status 2.
    Usage(ParseError),
}

impl From<ParseError> for ShellExit {
    fn from(error: ParseError) -> Self {
        Self::Usage(error)
    }
}

impl Shell {
    /// Reads the arguments of the process; the first is its own name.
    ///
    /// # Errors
    /// Where there is nothing to run: help or version was asked for, or the arguments are wrong.
    pub fn parse_from_args<I>(args: I) -> Result<Self, ShellExit>
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        let words: Result<Vec<String>, _> = args.into_iter().skip(1).map(|arg| arg.into().into_string()).collect();
        let words = words.map_err(|_| ParseError::new("An argument is not valid UTF-8."))?;
        read(&words, 0).map(|(shell, _)| shell)
    }
}

/// Reads the words after `llxprt`; gives the flags as words too. `depth` counts the mistakes already mended.
fn read(words: &[String], depth: usize) -> Result<(Shell, Vec<String>), ShellExit> {
    let tree = tree(Side::Shell);
    let walk = Walk::along(Side::Shell, &tree, words);
    if walk.help {
        return Err(ShellExit::Text(shell_help(&walk.names())));
    }
    if walk.version {
        return Err(ShellExit::Text(concat!("llxprt ", env!("CARGO_PKG_VERSION")).to_owned()));
    }
    let args = walk.args();
    let complaint = Complaint::of(Side::Shell, words, &walk, depth);
    let front = walk.front;
    // The walk has put the flags in front, so that clap need not copy each of them into every command.
    let mut tree = tree.mut_args(|arg| {
        let of_login_too = ["nobrowser", "browser"].iter().any(|id| arg.get_id() == id);
        arg.global(of_login_too)
    });
    let mut matches = tree.try_get_matches_from_mut(args).map_err(|error| complaint.about(&error))?;
    let no_color = matches.get_flag(NO_COLOR);
    let mut shell = Shell::from_arg_matches_mut(&mut matches).map_err(|error| complaint.about(&error))?;
    if no_color {
        shell.flags.color = ColorWhen::Never;
    }
    if let Some(command) = &shell.command {
        complaint.check(command)?;
        command.refuse_elsewhere(Side::Shell)?;
    }
    check(&shell)?;
    Ok((shell, front))
}

/// Refuses flags that do not go together.
fn check(shell: &Shell) -> Result<(), ParseError> {
    let Flags { nobrowser, browser, set, prompt, sandbox, ttl, .. } = &shell.flags;
    let fault = if prompt.is_some() && shell.command.is_some() {
        "A prompt and a command cannot be given together."
    } else if *nobrowser && browser.is_some() {
        "--browser and --nobrowser cannot be given together."
    } else if ttl.is_some() && sandbox.is_none() && !matches!(shell.command, Some(Command::Sandbox(_))) {
        "--ttl sets how long the sandbox's tokens live: add --sandbox."
    } else if set.iter().any(|setting| setting.split_once('=').is_none_or(|(key, _)| key.is_empty())) {
        "--set needs KEY=VALUE after it."
    } else {
        return Ok(());
    };
    Err(ParseError::new(fault))
}

/// Returns the command line that words stand for, to be suggested. A key in it becomes `-`, which asks for it.
pub(crate) fn suggested(words: &[String], depth: usize) -> Result<String, ParseError> {
    let (shell, front) = match read(words, depth) {
        Ok(read) => read,
        Err(ShellExit::Usage(error)) => return Err(error),
        Err(ShellExit::Text(_)) => return Ok("llxprt --help".to_owned()),
    };
    let mut line = shell.command.map_or_else(|| "llxprt".to_owned(), |command| command.shell());
    let mut front = front.into_iter();
    while let Some(flag) = front.next() {
        let shown = if flag == "--key" {
            front.next();
            "--key -".to_owned()
        } else if flag.starts_with("--key=") {
            "--key=-".to_owned()
        } else {
            shell_quoted(&flag)
        };
        line.push(' ');
        line.push_str(&shown);
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{shell, wrong_usage};

    #[test]
    fn flags_stand_before_or_after_the_words() {
        for line in [
            "llxprt --json auth anthropic status",
            "llxprt AUTH Anthropic STATUS --json",
            "llxprt auth --json anthropic status",
        ] {
            let read = shell(line);
            assert!(read.flags.json);
            assert_eq!(read.command.unwrap().to_string(), "/auth anthropic status", "{line}");
        }
        assert_eq!(shell("llxprt key --json list").command.unwrap().to_string(), "/key list");
        assert_eq!(shell("llxprt set --plain unset a").command.unwrap().to_string(), "/set unset a");
    }

    #[test]
    fn flags_do_not_leak_into_arguments_of_the_same_name() {
        let read = shell("llxprt --provider codex --bucket a --key k --model m auth anthropic login b");
        let Flags { provider, bucket, key, model, .. } = read.flags;
        assert_eq!(provider.unwrap().as_str(), "codex");
        assert_eq!(bucket.unwrap().as_str(), "a");
        assert_eq!((key.as_deref(), model.as_deref()), (Some("k"), Some("m")));
        assert_eq!(read.command.unwrap().to_string(), "/auth anthropic login b");
        let read = shell("llxprt provider codex");
        assert_eq!(read.flags.provider, None);
        assert_eq!(shell("llxprt set a b").flags.set, Vec::<String>::new());
    }

    #[test]
    fn every_flag_has_its_place() {
        let read = shell(
            "llxprt --browser=firefox --key - --keyfile /k --key-name work --provider CODEX --model m --baseurl http://x \
             --profile p --account b --set a=b --set c=d --color ALWAYS --ascii -qv --log-file /l -k --sandbox --ttl 5",
        );
        let expected = Flags {
            nobrowser: false,
            browser: Some("firefox".into()),
            key: Some("-".into()),
            keyfile: Some("/k".into()),
            key_name: Some("work".parse().unwrap()),
            provider: Some("codex".parse().unwrap()),
            model: Some("m".into()),
            baseurl: Some("http://x".into()),
            profile_load: Some("p".parse().unwrap()),
            bucket: Some("b".parse().unwrap()),
            set: vec!["a=b".into(), "c=d".into()],
            prompt: None,
            json: false,
            color: ColorWhen::Always,
            plain: true,
            quiet: true,
            verbose: true,
            log_file: Some("/l".into()),
            keep_going: true,
            sandbox: Some(String::new()),
            ttl: Some(5),
        };
        assert_eq!(read, Shell { flags: expected, command: None });
        assert_eq!(shell("llxprt"), Shell { flags: Flags::default(), command: None });
    }

    #[test]
    fn no_browser_holds_for_the_run_and_for_a_login() {
        for line in ["llxprt --no-browser auth codex login", "llxprt auth codex login --no-launch-browser"] {
            let read = shell(line);
            assert!(read.flags.nobrowser);
            assert_eq!(read.command.unwrap().to_string(), "/auth codex login --nobrowser");
        }
        let read = shell("llxprt auth codex login --browser=w3m work");
        assert_eq!(read.flags.browser.as_deref(), Some("w3m"));
        assert_eq!(read.command.unwrap().shell(), "llxprt auth codex login work --browser=w3m");
        assert!(wrong_usage("llxprt auth codex login --browser --nobrowser").message.contains("together"));
        assert!(wrong_usage("llxprt --browser --nobrowser").message.contains("together"));
    }

    #[test]
    fn no_color_is_color_never_and_the_last_one_counts() {
        assert_eq!(shell("llxprt --no-color auth").flags.color, ColorWhen::Never);
        assert_eq!(shell("llxprt --color always --no-color").flags.color, ColorWhen::Never);
        assert_eq!(shell("llxprt --no-color --color always").flags.color, ColorWhen::Always);
        assert_eq!(shell("llxprt --model a --model b").flags.model.as_deref(), Some("b"));
    }

    #[test]
    fn a_prompt_takes_any_text_and_no_command() {
        assert_eq!(shell("llxprt -p -").flags.prompt.as_deref(), Some("-"));
        assert_eq!(shell("llxprt --prompt --help").flags.prompt.as_deref(), Some("--help"));
        assert_eq!(shell("llxprt --json -qphello").flags.prompt.as_deref(), Some("hello"));
        for line in ["llxprt -p hello auth", "llxprt auth -p hello", "llxprt auth codex status --prompt=hello"] {
            assert_eq!(wrong_usage(line).message, "A prompt and a command cannot be given together.");
        }
        assert_eq!(
            wrong_usage("llxprt hello").message,
            "There is no command \"hello\". To send a prompt: llxprt -p TEXT"
        );
    }

    #[test]
    fn the_sandbox_has_its_own_flags() {
        assert_eq!(shell("llxprt --sandbox=http://127.0.0.1:1").flags.sandbox.as_deref(), Some("http://127.0.0.1:1"));
        let read = shell("llxprt sandbox --ttl 5 --port 8080");
        assert_eq!(read.flags.ttl, Some(5));
        assert_eq!(read.command.unwrap().shell(), "llxprt sandbox --port=8080");
        assert!(wrong_usage("llxprt --ttl 5").message.contains("--sandbox"));
        assert_eq!(wrong_usage("llxprt --sandbox --ttl soon").message, "\"soon\" does not fit --ttl <SECONDS>.");
    }

    #[test]
    fn what_belongs_to_a_session_is_refused_with_the_flag_that_does_it() {
        for (line, flags) in [
            ("llxprt auth anthropic switch work", Some("llxprt --provider anthropic --bucket work")),
            ("llxprt key Zk-Canary", Some("llxprt --key -")),
            ("llxprt key load work", Some("llxprt --key-name work")),
            ("llxprt profile load claude-ha", Some("llxprt --profile-load claude-ha")),
            ("llxprt profile unload", Some("llxprt profile set-default none")),
            ("llxprt clear", None),
        ] {
            let error = wrong_usage(line);
            assert!(error.message.starts_with("That works inside a session only."), "{error}");
            assert_eq!(error.suggestions.first().map(String::as_str), flags);
            assert!(!format!("{error:?}").contains("Canary"));
        }
    }

    #[test]
    fn the_shell_has_words_of_its_own() {
        for line in
            ["llxprt auth anthropic token work --reveal", "llxprt completions fish", "llxprt man", "llxprt quit"]
        {
            assert_eq!(shell(line).command.unwrap().shell(), line);
        }
        assert_eq!(
            wrong_usage("llxprt completions csh").message.split(" one of ").nth(1),
            Some("bash, zsh, fish, elvish, powershell.")
        );
    }

    #[test]
    fn mistakes_are_mended_with_their_flags() {
        assert_eq!(wrong_usage("llxprt --json auht").suggestions, ["llxprt auth --json"]);
        assert_eq!(wrong_usage("llxprt /auth codex why").suggestions, ["llxprt auth codex why"]);
        assert_eq!(wrong_usage("llxprt --nobrwser").suggestions, ["llxprt --nobrowser"]);
        let error = wrong_usage("llxprt --kye Zk-Canary auth");
        assert_eq!(error.suggestions, ["llxprt auth --key -"]);
        assert!(!format!("{error:?}").contains("Canary"), "{error:?}");
    }

    #[test]
    fn values_that_are_missing_or_wrong_are_told() {
        assert_eq!(wrong_usage("llxprt --model").message, "--model needs a value after it.");
        assert_eq!(wrong_usage("llxprt --key --json").message, "--key needs a value after it.");
        assert_eq!(wrong_usage("llxprt --set a").message, "--set needs KEY=VALUE after it.");
        assert_eq!(wrong_usage("llxprt --color blue").message, "\"blue\" is not one of auto, always, never.");
        assert_eq!(wrong_usage("llxprt auth login").message, "Which provider? llxprt auth <provider> login");
    }

    #[test]
    fn version_and_help_are_text() {
        for line in ["llxprt --version", "llxprt -V", "llxprt auth -qV"] {
            assert_eq!(exit(line), ShellExit::Text("llxprt 0.1.0".into()));
        }
        let ShellExit::Text(page) = exit("llxprt auth codex login --help") else { panic!("no page") };
        assert!(page.starts_with("llxprt auth <provider> login [account]"), "{page}");
    }

    fn exit(line: &str) -> ShellExit {
        Shell::parse_from_args(line.split(' ')).unwrap_err()
    }
}
