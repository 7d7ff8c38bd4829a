//! One line of a session: a command, a prompt, or nothing.

use clap::FromArgMatches;

use crate::complain::Complaint;
use crate::refusal::ParseError;
use crate::side::Side;
use crate::split::{Word, split};
use crate::tree::{Slash, tree};
use crate::walk::Walk;
use crate::{Command, Help};

/// One line of a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// A slash command.
    Command {
        /// What is to be done.
        command: Command,
        /// The answer is to be one JSON document.
        json: bool,
    },
    /// Text for the model.
    Prompt(String),
    /// Nothing to do: blank, or a comment.
    Empty,
}

/// Reads a line as it was typed in a session.
///
/// # Errors
/// A line that begins with a slash and is no command, or one that works in the shell only.
pub fn parse(line: &str) -> Result<Line, ParseError> {
    let text = line.trim();
    if text.is_empty() {
        return Ok(Line::Empty);
    }
    if text.eq_ignore_ascii_case("exit") || text.eq_ignore_ascii_case("quit") {
        return Ok(Line::Command { command: Command::Quit, json: false });
    }
    let Some(rest) = text.strip_prefix('/') else { return Ok(Line::Prompt(text.to_owned())) };
    if rest.starts_with('/') {
        return Ok(Line::Prompt(rest.to_owned()));
    }
    if rest.is_empty() || rest.starts_with(char::is_whitespace) {
        return Err(ParseError::new("Which command? Press Tab after the slash to see them all.").suggest("/help"));
    }
    let split = split(text);
    if split.open {
        return Err(ParseError::new("A double quote is opened and never closed."));
    }
    if split.broken {
        let message = "A command is one line. To send text that begins with a slash, begin it with two.";
        return Err(ParseError::new(message));
    }
    let words = with_raw_value(text, split.words);
    let (command, json) = slash(&words, 0)?;
    Ok(Line::Command { command, json })
}

/// Takes the words of a line apart from the slash. The value of a setting is taken as it stands where it has quotes that
/// do not hold whole words together: those are JSON's.
fn with_raw_value(line: &str, words: Vec<Word>) -> Vec<String> {
    let mut texts: Vec<String> = words.iter().map(|word| word.text.clone()).collect();
    texts[0].remove(0);
    let plain = |text: &str| !text.starts_with("--");
    let mut values = (1..words.len()).filter(|n| plain(&words[*n].text)).skip(1);
    let (first, last) = (values.next(), (1..words.len()).rfind(|n| plain(&words[*n].text)));
    if let (true, Some(first), Some(last)) = (texts[0].eq_ignore_ascii_case("set"), first, last) {
        let held = |word: &Word| match &line[word.start..word.end] {
            raw if raw == word.text => true,
            raw => raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) == Some(&word.text),
        };
        if !words[first..=last].iter().all(held) {
            let raw = line[words[first].start..words[last].end].to_owned();
            texts.splice(first..=last, [raw]);
        }
    }
    texts
}

/// Reads a line of piped input, where a line that begins with `#` is a comment.
///
/// # Errors
/// As [`parse`].
pub fn parse_piped(line: &str) -> Result<Line, ParseError> {
    if line.trim_start().starts_with('#') { Ok(Line::Empty) } else { parse(line) }
}

/// Returns the lines of a pasted block of commands: every line that is not blank begins with a slash. `None` for
/// any other text, also where all lines begin with two slashes: that is somebody's source code.
pub fn pasted_block(text: &str) -> Option<Vec<&str>> {
    let lines: Vec<_> = text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect();
    let commands = lines.iter().all(|line| line.starts_with('/')) && !lines.iter().all(|line| line.starts_with("//"));
    (lines.len() > 1 && commands).then_some(lines)
}

/// Reads the words after the slash; `depth` counts the mistakes already mended.
pub(crate) fn slash(words: &[String], depth: usize) -> Result<(Command, bool), ParseError> {
    let mut tree = tree(Side::Session);
    let walk = Walk::along(Side::Session, &tree, words);
    if walk.help {
        return Ok((Command::Help(Help { words: walk.names() }), false));
    }
    let args = walk.args();
    let complaint = Complaint::of(Side::Session, words, &walk, depth);
    let mut matches = tree.try_get_matches_from_mut(args).map_err(|error| complaint.about(&error))?;
    let Slash { command, json } = Slash::from_arg_matches_mut(&mut matches).map_err(|error| complaint.about(&error))?;
    complaint.check(&command)?;
    command.refuse_elsewhere(Side::Session)?;
    if json && !command.reads() {
        return Err(ParseError::new("--json is for commands that only show something.").suggest(command.to_string()));
    }
    Ok((command, json))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{command, refused};

    fn prompt(line: &str) -> Option<String> {
        match parse(line).unwrap() {
            Line::Prompt(text) => Some(text),
            _ => None,
        }
    }

    #[test]
    fn what_has_no_slash_is_a_prompt() {
        assert_eq!(prompt("  Why is \"a  b\" # odd?\n").as_deref(), Some("Why is \"a  b\" # odd?"));
        assert_eq!(prompt("//etc/hosts has what?").as_deref(), Some("/etc/hosts has what?"));
        assert_eq!(prompt("exit now").as_deref(), Some("exit now"));
        assert_eq!(prompt("# heading").as_deref(), Some("# heading"));
        assert_eq!(parse(" \t\n").unwrap(), Line::Empty);
    }

    #[test]
    fn exit_and_quit_alone_leave() {
        for line in ["exit", " QUIT ", "/quit", "/Exit"] {
            assert_eq!(command(line), Command::Quit);
        }
    }

    #[test]
    fn piped_comments_are_nothing() {
        assert_eq!(parse_piped("  # note").unwrap(), Line::Empty);
        assert_eq!(parse_piped("/quit # bye").unwrap(), Line::Command { command: Command::Quit, json: false });
    }

    #[test]
    fn a_block_of_commands_is_told_from_text() {
        assert_eq!(pasted_block("/auth\n\n  /set # x\r\n"), Some(vec!["/auth", "/set # x"]));
        assert_eq!(pasted_block("/auth\n//path is text"), Some(vec!["/auth", "//path is text"]));
        assert_eq!(pasted_block("/auth\nwhy?"), None);
        assert_eq!(pasted_block("/auth"), None);
        assert_eq!(pasted_block("// one\n// two"), None);
        assert_eq!(pasted_block(""), None);
    }

    #[test]
    fn the_lists_of_the_manual_parse_as_they_are() {
        let list = "
/auth                         # Show status for all providers
/auth <provider> status       # Show status and buckets for one provider
/auth <provider> enable       # Enable OAuth for provider
/auth <provider> disable      # Disable OAuth for provider
/auth <provider> login        # Log in (default bucket)
/auth <provider> login <name> # Log in with named bucket
/auth <provider> logout       # Log out (default bucket)
/auth <provider> logout all   # Log out all buckets";
        assert_eq!(pasted_block(list).unwrap().len(), 8);
        let filled = list.replace("<provider>", "Anthropic").replace("<name>", "work@company.com");
        let parsed: Vec<_> = pasted_block(&filled).unwrap().into_iter().map(|line| command(line).to_string()).collect();
        assert_eq!(
            parsed,
            [
                "/auth",
                "/auth anthropic status",
                "/auth anthropic enable",
                "/auth anthropic disable",
                "/auth anthropic login",
                "/auth anthropic login work@company.com",
                "/auth anthropic logout",
                "/auth anthropic logout all",
            ]
        );
    }

    #[test]
    fn a_placeholder_is_named() {
        let error = refused("/auth <provider> status");
        assert_eq!(error.message, "Put a real name in the place of <provider>.");
        assert_eq!(refused("/auth codex login <name>").message, "Put a real name in the place of <name>.");
    }

    #[test]
    fn a_reading_command_can_end_with_json() {
        for line in
            ["/auth", "/auth codex why", "/set", "/set a", "/profile list", "/profile", "/stats", "/doctor", "/log"]
        {
            let read = parse(&format!("{line} --json")).unwrap();
            assert_eq!(read, Line::Command { command: command(line), json: true }, "{line}");
        }
        let read = parse("/profile --json list").unwrap();
        assert_eq!(read, Line::Command { command: command("/profile list"), json: true });
        let error = refused("/auth codex login --json");
        assert_eq!(error.message, "--json is for commands that only show something.");
        assert_eq!(error.suggestions, ["/auth codex login"]);
        assert_eq!(refused("/set a b --json").suggestions, ["/set a b"]);
    }

    #[test]
    fn a_slash_alone_and_an_open_quote_are_told() {
        assert!(refused("/").message.starts_with("Which command?"));
        assert!(refused("/ auth").message.starts_with("Which command?"));
        assert_eq!(refused("/set a \"b c").message, "A double quote is opened and never closed.");
        assert!(refused("/auth codex login\nand this").message.starts_with("A command is one line."));
        assert!(refused("/auth # all\nand this").message.starts_with("A command is one line."));
    }

    #[test]
    fn what_belongs_to_the_shell_is_refused_with_its_line() {
        for (line, instead) in [
            ("/auth anthropic token work", "llxprt auth anthropic token work"),
            ("/sandbox", "llxprt sandbox"),
            ("/completions Bash", "llxprt completions bash"),
            ("/man", "llxprt man"),
        ] {
            let error = refused(line);
            assert_eq!(error.suggestions, [instead]);
            assert!(error.message.contains("in the shell only"), "{error}");
            assert_eq!(parse_piped(line), Err(error));
        }
    }
}
