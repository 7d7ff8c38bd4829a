//! `/key` and `/keyfile`: API keys.

use clap::{Args, Subcommand};

use crate::KeyName;

/// `/key ACTION`, `/key KEY`, `/key none`
#[derive(Debug, Clone, PartialEq, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Key {
    /// A key for this session and the provider active now, or `none` (session only)
    pub key: Option<String>,
    /// What to do with saved keys
    #[command(subcommand)]
    pub action: Option<KeyAction>,
}

/// What can be done with saved keys.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum KeyAction {
    /// Save a key; asks for it when it is not given
    Save {
        /// Its name; a key named after a provider is that provider's own
        name: KeyName,
        /// The key; better left out, then it is asked for
        key: Option<String>,
    },
    /// Use a saved key in this session
    Load {
        /// Its name
        name: KeyName,
    },
    /// List saved keys
    List,
    /// Show a saved key, masked
    Show {
        /// Its name
        name: KeyName,
    },
    /// Delete a saved key
    Delete {
        /// Its name
        name: KeyName,
    },
}

/// `/keyfile PATH|none`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Keyfile {
    /// The file that holds the key, or `none`
    pub path: String,
}
