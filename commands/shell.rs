//! The flags of the process (they hold for one run) and the words that only the shell takes.

use clap::{Args, Parser, ValueEnum};

use crate::{Bucket, Command, KeyName, ProfileName, Provider};

/// The whole command line of the process.
#[derive(Debug, Clone, PartialEq, Parser)]
#[command(name = "llxprt", version, about = "Sign in to AI providers from a terminal", disable_help_subcommand = true)]
pub struct Shell {
    /// Flags, before or after the words
    #[command(flatten)]
    pub flags: Flags,
    /// A command; a session begins when absent
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags; all hold for this run only.
#[derive(Debug, Clone, PartialEq, Default, Args)]
pub struct Flags {
    /// Never open a browser
    #[arg(long, global = true, visible_aliases = ["no-browser", "no-launch-browser"])]
    pub nobrowser: bool,
    /// Open a browser although none was found, optionally this command
    #[arg(long, global = true, value_name = "CMD", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub browser: Option<String>,
    /// An API key, visible to other users of this machine; `-` reads it from stdin
    #[arg(long, global = true, value_name = "KEY")]
    pub key: Option<String>,
    /// A file that holds an API key
    #[arg(long, global = true, value_name = "PATH")]
    pub keyfile: Option<String>,
    /// A saved API key
    #[arg(long, global = true, value_name = "NAME")]
    pub key_name: Option<KeyName>,
    /// The provider
    #[arg(long, global = true, value_name = "NAME")]
    pub provider: Option<Provider>,
    /// The model
    #[arg(long, global = true, value_name = "NAME")]
    pub model: Option<String>,
    /// The base URL of the provider's API
    #[arg(long, global = true, value_name = "URL")]
    pub baseurl: Option<String>,
    /// Load a profile
    #[arg(long, global = true, value_name = "NAME", visible_alias = "profile")]
    pub profile_load: Option<ProfileName>,
    /// The account
    #[arg(long, global = true, value_name = "NAME", visible_alias = "account")]
    pub bucket: Option<Bucket>,
    /// A setting, for this run; can be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// One prompt: the answer goes to stdout, then exit. A piped stdin is appended; `-` is stdin alone
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prompt: Option<String>,
    /// One JSON document on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Colours
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub color: ColorWhen,
    /// Sentences and ASCII instead of tables, marks and colours
    #[arg(long, global = true, visible_aliases = ["ascii", "screen-reader"])]
    pub plain: bool,
    /// Say less
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Write the log there
    #[arg(long, global = true, value_name = "PATH")]
    pub log_file: Option<String>,
    /// Piped lines: go on after a failure
    #[arg(short = 'k', long, global = true)]
    pub keep_going: bool,
    /// Pretend providers on this machine: nothing real is used, nothing is kept; with a URL, join those that already run
    #[arg(long, global = true, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub sandbox: Option<String>,
    /// Seconds that a pretend access token lives
    #[arg(long, global = true, value_name = "SECONDS")]
    pub ttl: Option<u64>,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal that can
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// `llxprt sandbox`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct SandboxArgs {
    /// The port; any free one when 0 or absent
    #[arg(long, value_name = "N")]
    pub port: Option<u16>,
}

/// `llxprt completions SHELL`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Completions {
    /// bash, zsh, fish, elvish or powershell
    pub shell: String,
}
