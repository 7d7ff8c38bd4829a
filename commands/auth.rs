//! `/auth`: signing in and out, and seeing who is signed in.

use clap::{Args, Subcommand};

use crate::words::Words;
use crate::{Bucket, Provider};

/// `/auth [PROVIDER] [ACTION]`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Auth {
    /// Which provider; all of them when absent
    #[arg(value_name = "provider")]
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
        #[arg(value_name = "account|all")]
        which: Option<LogoutWhich>,
        /// Every account of the provider
        #[arg(long)]
        all: bool,
    },
    /// Use another account in this session (session only)
    Switch {
        /// The account
        #[arg(value_name = "account")]
        bucket: Bucket,
    },
    /// Rename an account; profiles follow
    Rename {
        /// The account
        #[arg(value_name = "account")]
        old: Bucket,
        /// Its new name
        #[arg(value_name = "new-name")]
        new: Bucket,
    },
    /// Which credential is used, and why
    Why,
    /// Print a valid access token (shell only)
    Token {
        /// The account
        #[arg(value_name = "account")]
        bucket: Option<Bucket>,
        /// Print it on a terminal too
        #[arg(long)]
        reveal: bool,
    },
}

impl AuthAction {
    /// Says whether the action of this name is of use at a provider where nobody can sign in.
    pub(crate) fn serves_keys(name: &str) -> bool {
        ["status", "why"].contains(&name)
    }
}

/// `login [BUCKET]` with its flags. `--nobrowser` and `--browser` are flags of the run too.
#[derive(Debug, Clone, PartialEq, Default, Args)]
pub struct Login {
    /// Your label for the account, usually its email address
    #[arg(value_name = "account")]
    pub bucket: Option<Bucket>,
    /// Replace a sign-in that still works, and keep an identity other than the one asked for
    #[arg(long)]
    pub force: bool,
    /// Use a short code instead of a redirect, if the provider can
    #[arg(long, visible_aliases = ["device-code", "device-auth"])]
    pub device: bool,
    // The ids of the next two are those of the flags of the run: clap gives one value to both.
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

impl std::fmt::Display for LogoutWhich {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Bucket(bucket) => bucket.fmt(f),
        }
    }
}

impl Auth {
    pub(crate) fn words(&self) -> Words {
        let Self { provider, action } = self;
        let mut words = Words::of("auth");
        words.values(provider);
        match action {
            None => &mut words,
            Some(AuthAction::Status) => words.word("status"),
            Some(AuthAction::Enable) => words.word("enable"),
            Some(AuthAction::Disable) => words.word("disable"),
            Some(AuthAction::Login(login)) => login.add_to(words.word("login")),
            Some(AuthAction::Logout { which, all }) => words.word("logout").values(which).flag("--all", *all),
            Some(AuthAction::Switch { bucket }) => words.word("switch").value(bucket),
            Some(AuthAction::Rename { old, new }) => words.word("rename").value(old).value(new),
            Some(AuthAction::Why) => words.word("why"),
            Some(AuthAction::Token { bucket, reveal }) => words.word("token").values(bucket).flag("--reveal", *reveal),
        };
        words
    }
}

impl Login {
    fn add_to<'w>(&self, words: &'w mut Words) -> &'w mut Words {
        let Self { bucket, force, device, nobrowser, browser, memory } = self;
        words
            .values(bucket)
            .flag("--force", *force)
            .flag("--device", *device)
            .flag("--nobrowser", *nobrowser)
            .option("--browser", browser.as_deref())
            .flag("--memory", *memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{command, refused};

    #[test]
    fn words_and_providers_ignore_case_and_buckets_keep_it() {
        assert_eq!(
            command("/AUTH Anthropic LOGIN Work@Company.com").to_string(),
            "/auth anthropic login Work@Company.com"
        );
    }

    #[test]
    fn an_action_needs_a_provider() {
        let error = refused("/auth login");
        assert_eq!(error.message, "Which provider? /auth <provider> login");
        assert!(error.suggestions.is_empty());
        let error = refused("/auth login anthropic --device");
        assert_eq!(error.suggestions, ["/auth anthropic login --device"]);
    }

    #[test]
    fn login_takes_its_flags_in_the_session() {
        let expected = Login {
            bucket: Some("work@company.com".parse().unwrap()),
            nobrowser: true,
            browser: None,
            device: true,
            force: true,
            memory: true,
        };
        let line = "/auth anthropic login --no-launch-browser --device-code work@company.com --force --memory";
        let Auth { action, .. } = auth(line);
        assert_eq!(action, Some(AuthAction::Login(expected)));
        let Auth { action, .. } = auth("/auth codex login --browser=firefox");
        assert_eq!(action, Some(AuthAction::Login(Login { browser: Some("firefox".into()), ..Login::default() })));
        let Auth { action, .. } = auth("/auth codex login --browser work");
        let bucket = Some("work".parse().unwrap());
        assert_eq!(action, Some(AuthAction::Login(Login { bucket, browser: Some(String::new()), ..Login::default() })));
    }

    #[test]
    fn a_browser_and_none_is_refused() {
        assert_eq!(
            refused("/auth codex login --browser --nobrowser").message,
            "--browser and --nobrowser cannot be given together."
        );
    }

    #[test]
    fn logout_takes_all_as_word_and_flag() {
        let which = |line| match auth(line).action {
            Some(AuthAction::Logout { which, all }) => (which, all),
            other => panic!("{other:?}"),
        };
        assert_eq!(which("/auth codex logout ALL"), (Some(LogoutWhich::All), false));
        assert_eq!(which("/auth codex logout --all"), (None, true));
        assert_eq!(which("/auth codex logout"), (None, false));
        assert_eq!(refused("/auth codex logout work --all").message, "Either one account or all of them.");
    }

    fn auth(line: &str) -> Auth {
        match command(line) {
            crate::Command::Auth(auth) => auth,
            other => panic!("{other:?}"),
        }
    }
}
