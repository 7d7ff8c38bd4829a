//! What the tests of several files share, and the round trip of every command through its text.

use crate::{Command, Line, ParseError, Shell, ShellExit, parse};

/// The command that a line is.
pub(crate) fn command(line: &str) -> Command {
    match parse(line) {
        Ok(Line::Command { command, .. }) => command,
        other => panic!("{line}: {other:?}"),
    }
}

/// Why a line is none.
pub(crate) fn refused(line: &str) -> ParseError {
    parse(line).map(|read| format!("{line}: {read:?}")).unwrap_err()
}

/// A command line, split at blanks.
pub(crate) fn shell(line: &str) -> Shell {
    Shell::parse_from_args(line.split_whitespace()).map_err(|exit| format!("{line}: {exit:?}")).unwrap()
}

/// Why it cannot be used.
pub(crate) fn wrong_usage(line: &str) -> ParseError {
    match Shell::parse_from_args(line.split_whitespace()) {
        Err(ShellExit::Usage(error)) => error,
        other => panic!("{line}: {other:?}"),
    }
}
