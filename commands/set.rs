//! `/set`: settings.

use clap::{Args, Subcommand};

/// `/set`, `/set KEY`, `/set KEY VALUE`, `/set unset KEY`
#[derive(Debug, Clone, PartialEq, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Set {
    /// The setting; all are listed when absent
    pub key: Option<String>,
    /// Its new value; shown when absent. Several words are one value
    #[arg(allow_negative_numbers = true, num_args = 0..)]
    pub value: Vec<String>,
    /// Removing a setting
    #[command(subcommand)]
    pub action: Option<SetAction>,
}

/// What can be done to a setting beside giving it a value.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum SetAction {
    /// Go back to the default
    Unset {
        /// The setting
        key: String,
    },
}
