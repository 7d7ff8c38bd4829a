//! What a person can type to llxprt.
//!
//! Pure: no input or output, no async, no knowledge of the program. One clap declaration ([`Command`]) gives the
//! parser of the session and of the shell, completion, help and the reference page.

mod auth;
mod command_line;
mod complain;
mod complete;
mod confidential;
mod help;
mod hint;
mod key;
mod known;
mod line;
mod names;
mod nearest;
mod patterns;
mod place;
mod profile;
mod provider;
mod reference;
mod refusal;
mod session;
mod set;
mod shell;
mod side;
mod split;
mod spoken;
mod tree;
mod usage;
mod walk;
mod words;

#[cfg(test)]
mod tests;

pub use auth::{Auth, AuthAction, Login, LogoutWhich};
pub use command_line::ShellExit;
pub use complete::{Candidate, complete};
pub use confidential::carries_secret;
pub use help::{help, help_in_shell};
pub use hint::hint;
pub use key::{Key, KeyAction, Keyfile};
pub use known::{KnownBucket, KnownProvider, KnownSetting, Names};
pub use line::{Line, parse, parse_piped, pasted_block};
pub use names::{Account, BadName, Bucket, KeyName, ProfileName, Provider};
pub use patterns::redact;
pub use place::{Place, shell_command};
pub use profile::{Policy, Profile, ProfileAction, SaveProfile};
pub use provider::{Baseurl, Model, ProviderChoice};
pub use reference::{reference, shell_forms};
pub use refusal::ParseError;
pub use session::{Help, Stats, StatsOf};
pub use set::{Set, SetAction};
pub use shell::{ColorWhen, Completions, Flags, SandboxArgs, Shell};
pub use words::shell_quoted;

/// Everything that can be commanded, after a slash in a session or as words in the shell.
#[derive(Debug, Clone, PartialEq, clap::Subcommand)]
pub enum Command {
    /// Sign in and out, and see who is signed in
    Auth(Auth),
    /// List, show, change and remove settings
    Set(Set),
    /// Saved choices of provider, model and accounts
    Profile(Profile),
    /// API keys
    Key(Key),
    /// Use the key in a file, or none
    Keyfile(Keyfile),
    /// Show or choose the provider
    Provider(ProviderChoice),
    /// Show or choose the model
    Model(Model),
    /// Show or change the base URL of the provider's API
    Baseurl(Baseurl),
    /// Requests, tokens and limits
    Stats(Stats),
    /// What happened: logins, renewals, switches, refusals
    Log,
    /// Check this machine
    #[command(visible_alias = "diagnostics")]
    Doctor,
    /// Forget the conversation (session only)
    Clear,
    /// Help, or help for one command
    Help(Help),
    /// Leave
    #[command(visible_alias = "exit")]
    Quit,
    /// Serve the stand-in providers for other programs (shell only)
    Sandbox(SandboxArgs),
    /// Print completions for a shell (shell only)
    Completions(Completions),
    /// Print the man page (shell only)
    Man,
}
