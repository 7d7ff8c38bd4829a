//! The flags of the process (they hold for one run) and the words that only the shell takes.

use std::fmt;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, ValueEnum};

use crate::words::Words;
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

/// Flags; all hold for this run only. The `Debug` form hides the key.
#[derive(Clone, PartialEq, Default, Args)]
pub struct Flags {
    // The ids differ from those of the commands' arguments, but for the two that a login has as well: clap gives a
    // global flag's value to every argument of the same id.
    /// Never open a browser
    #[arg(long, global = true, visible_aliases = ["no-browser", "no-launch-browser"])]
    pub nobrowser: bool,
    /// Open a browser although none was found, optionally this command
    #[arg(long, global = true, value_name = "CMD", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub browser: Option<String>,
    /// An API key, visible to other users of this machine; `-` reads it from stdin
    #[arg(id = "key-flag", long = "key", global = true, value_name = "KEY")]
    pub key: Option<String>,
    /// A file that holds an API key
    #[arg(id = "keyfile-flag", long = "keyfile", global = true, value_name = "PATH")]
    pub keyfile: Option<String>,
    /// A saved API key
    #[arg(long, global = true, value_name = "NAME")]
    pub key_name: Option<KeyName>,
    /// The provider
    #[arg(id = "provider-flag", long = "provider", global = true, value_name = "NAME")]
    pub provider: Option<Provider>,
    /// The model
    #[arg(id = "model-flag", long = "model", global = true, value_name = "NAME")]
    pub model: Option<String>,
    /// The base URL of the provider's API
    #[arg(id = "baseurl-flag", long = "baseurl", global = true, value_name = "URL")]
    pub baseurl: Option<String>,
    /// Load a profile
    #[arg(long, global = true, value_name = "NAME", visible_alias = "profile")]
    pub profile_load: Option<ProfileName>,
    /// The account
    #[arg(id = "bucket-flag", long = "bucket", global = true, value_name = "NAME", visible_alias = "account")]
    pub bucket: Option<Bucket>,
    /// A setting, for this run; can be repeated
    #[arg(id = "set-flag", long = "set", global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// One prompt: the answer goes to stdout, then exit. A piped stdin is appended; `-` is stdin alone
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prompt: Option<String>,
    /// One JSON document on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Colours
    #[arg(long, global = true, value_name = "WHEN", value_enum, ignore_case = true, default_value_t)]
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
    /// Pretend providers on this machine: no key of yours is read, nothing is kept; with a URL, those that already run,
    /// with your own folders and keys as they are
    #[arg(long, global = true, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub sandbox: Option<String>,
    /// Seconds that a pretend access token lives
    #[arg(long, global = true, value_name = "SECONDS")]
    pub ttl: Option<u64>,
}

/// The shells that completions can be printed for.
const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "elvish", "powershell"];

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
    #[arg(value_name = "shell", ignore_case = true, value_parser = PossibleValuesParser::new(SHELLS).map(|name| name.to_lowercase()))]
    pub shell: String,
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        macro_rules! shown {
            ($($field:ident)*) => {
                let Self { key, $($field),* } = self;
                f.debug_struct("Flags").field("key", &key.as_ref().map(|_| "…"))$(.field(stringify!($field), $field))*.finish()
            };
        }
        shown! {
            nobrowser browser keyfile key_name provider model baseurl profile_load bucket set prompt json color plain
            quiet verbose log_file keep_going sandbox ttl
        }
    }
}

impl SandboxArgs {
    pub(crate) fn words(&self) -> Words {
        let mut words = Words::of("sandbox");
        words.option("--port", self.port.map(|port| port.to_string()).as_deref());
        words
    }
}

impl Completions {
    pub(crate) fn words(&self) -> Words {
        let mut words = Words::of("completions");
        words.value(&self.shell);
        words
    }
}
