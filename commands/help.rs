//! Help for the shell.

use crate::refusal::ParseError;
use crate::side::Side;
use crate::tree::tree;
use crate::usage::usage;

/// The form of a command, or of the program when there is none.
pub(crate) fn shell_help(path: &[String]) -> Result<String, ParseError> {
    Ok(usage(Side::Shell, &tree(Side::Shell), path))
}
