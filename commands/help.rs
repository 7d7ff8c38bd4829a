//! Help pages.

use crate::refusal::ParseError;

/// The page for the shell.
pub(crate) fn shell_help(path: &[String]) -> Result<String, ParseError> {
    Ok(path.join(" "))
}
