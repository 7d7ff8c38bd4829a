//! The declaration as clap trees: one for the session, one for the shell, with the same commands.

use clap::{Arg, ArgAction, CommandFactory, Parser};

use crate::side::Side;
use crate::{Command, Shell};

/// A line after its slash.
#[derive(Parser)]
#[command(name = "llxprt", no_binary_name = true, disable_help_flag = true, disable_help_subcommand = true)]
pub(crate) struct Slash {
    /// One JSON document
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The id of the flag that is another word for `--color never`.
pub(crate) const NO_COLOR: &str = "no-color";

/// Returns the tree of a side. The last of several equal flags counts, as people expect of shell aliases.
pub(crate) fn tree(side: Side) -> clap::Command {
    match side {
        Side::Session => Slash::command().args_override_self(true),
        Side::Shell => {
            let no_color = Arg::new(NO_COLOR).long("no-color").global(true).action(ArgAction::SetTrue);
            let no_color = no_color.overrides_with("color").help("The same as --color never");
            Shell::command().no_binary_name(true).args_override_self(true).arg(no_color)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_trees_are_sound() {
        tree(Side::Session).debug_assert();
        tree(Side::Shell).debug_assert();
        crate::shell_command().debug_assert();
    }
}
