//! `/auth`: signing in and out, and seeing who is signed in.

use clap::{Args, Subcommand};

use crate::{Bucket, Provider};

/// `/auth [PROVIDER] [ACTION]`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Auth {
    /// Which provider; all of them when absent
    pub provider: Option<Provider>,
    /// What to do; the status when absent
    #[command(subcommand)]
    pub action: Option<AuthAction>,
}

/// What can be done with one provider.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum AuthAction {
    /// Who is signed in, until when, and what limits there are
    Status,
    /// Sign in at the first request
    Enable,
    /// Stop using sign-ins; they are kept
    Disable,
    /// Sign in now
    Login(Login),
    /// Sign out
    Logout {
        /// The account; `all` for every one; `default` when absent
        which: Option<LogoutWhich>,
        /// Every account of the provider
        #[arg(long)]
        all: bool,
    },
    /// Use another account in this session
    Switch {
        /// The account
        bucket: Bucket,
    },
    /// Rename an account; profiles follow
    Rename {
        /// The account
        old: Bucket,
        /// Its new name
        new: Bucket,
    },
    /// Which credential is used, and why
    Why,
    /// Print a valid access token (shell only)
    Token {
        /// The account
        bucket: Option<Bucket>,
        /// Print it on a terminal too
        #[arg(long)]
        reveal: bool,
    },
}

/// `login [BUCKET]` with its flags. `--nobrowser` and `--browser` are flags of the run too.
#[derive(Debug, Clone, PartialEq, Default, Args)]
pub struct Login {
    /// Your label for the account, usually its email address
    pub bucket: Option<Bucket>,
    /// Replace a sign-in that still works, and keep an identity other than the one asked for
    #[arg(long)]
    pub force: bool,
    /// Use a short code instead of a redirect, if the provider can
    #[arg(long, visible_aliases = ["device-code", "device-auth"])]
    pub device: bool,
    /// Never open a browser: show the link and take the answer as a paste
    #[arg(long, visible_aliases = ["no-browser", "no-launch-browser"])]
    pub nobrowser: bool,
    /// Open a browser although none was found, optionally this command
    #[arg(long, value_name = "CMD", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub browser: Option<String>,
    /// Keep the sign-in for this session only
    #[arg(long)]
    pub memory: bool,
}

/// Which accounts to sign out of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogoutWhich {
    /// Every account of the provider.
    All,
    /// This one.
    Bucket(Bucket),
}

impl std::str::FromStr for LogoutWhich {
    type Err = crate::BadName;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("all") { Ok(Self::All) } else { text.parse().map(Self::Bucket) }
    }
}
