//! What a resolution is told as: the screen of `why`, the note that a key shadows a login, the failure without a
//! credential. All from the resolution itself, so that none can say something else.

use llxprt_commands::{
    Auth, AuthAction, Bucket, Command, Key, KeyAction, Login, Provider, ProviderChoice, Set, SetAction,
};

use super::{AuthOnly, Found, Given, OAuth, Resolution, Source, Tier, Unusable, Use};
use crate::auth::failover::State;
use crate::error::{Code, Failure, Next};

/// How many buckets are named before the rest is counted.
const NAMED: usize = 5;

/// One row of the screen of `why`.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The tier.
    pub tier: Tier,
    /// What is there.
    pub detail: String,
    /// `used`, `shadowed by 4`, `left out by authOnly`, `cannot be used`, or nothing.
    pub mark: Option<String>,
}

/// A sentence with what to type about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// The sentence.
    pub text: String,
    /// What to type, most useful first.
    pub next: Vec<Next>,
}

impl Resolution {
    /// Returns the first line of `why`.
    pub fn headline(&self) -> String {
        let provider = &self.provider;
        if let Some(Unusable { source, reason }) = &self.error {
            // A question ends itself.
            let end = if reason.ends_with('?') { "" } else { "." };
            return format!("{} cannot be used: {reason}{end}", upper(&source.words(provider)));
        }
        let Some(winner) = &self.winner else { return self.nothing_there() };
        if let Some(why) = self.unreadable() {
            return format!("{provider} would use the sign-in {}, but it cannot be read: {why}.", winner.detail);
        }
        // Chosen all the same: nothing else is free.
        if let Some(State::Limited(limit)) = self.login_used() {
            return format!(
                "{provider} would use the sign-in {}, but it is at its limit: {}.",
                winner.detail, limit.why
            );
        }
        let below = self.tiers.iter().find(|state| matches!(state.usage, Use::ShadowedBy(_))).map(|state| state.tier);
        let (what, because) = match (winner.tier, below) {
            (Tier::OAuth, _) if self.auth_only.is_some() => (self.login_words(), ", because authOnly is true".into()),
            (Tier::OAuth, _) => (self.login_words(), ", because no key is there".into()),
            (_, _) if self.oauth_waits() => {
                (winner.source.words(provider), ", because a key wins over a sign-in".into())
            }
            (tier, Some(below)) => {
                let because = format!(", because {} goes before {}", place(tier), place(below));
                (winner.source.words(provider), because)
            }
            (_, None) => (winner.source.words(provider), String::new()),
        };
        format!("{provider} uses {what}{because}.")
    }

    /// Returns the rows of `why`.
    pub fn rows(&self) -> Vec<Row> {
        let mark = |state: &super::TierState| match state.usage {
            Use::Used if state.tier == Tier::OAuth && self.unreadable().is_some() => Some("cannot be read".to_owned()),
            Use::Used => Some("used".to_owned()),
            Use::ShadowedBy(tier) => Some(format!("shadowed by {}", tier.number())),
            Use::Skipped if !state.present => None,
            Use::Skipped => Some("left out by authOnly".to_owned()),
            Use::Broken => Some("cannot be used".to_owned()),
            Use::Absent => None,
        };
        let row = |s: &super::TierState| Row { tier: s.tier, detail: s.detail.clone(), mark: mark(s) };
        self.tiers.iter().map(row).collect()
    }

    /// Returns what would change the winner: what to type for it, most useful first, after words that say what for.
    pub fn change(&self) -> Note {
        let provider = &self.provider;
        let keys = |note: &str, next| Note { text: note.to_owned(), next };
        if let Some(Unusable { source, .. }) = &self.error {
            return keys("To go on without it", vec![source.removal(provider, &self.here)]);
        }
        match &self.winner {
            Some(winner) if winner.tier != Tier::OAuth && self.oauth_waits() => {
                let removal = self.one_key().then(|| winner.source.removal(provider, &self.here));
                keys("To use the sign-in instead", std::iter::once(self.auth_only(true)).chain(removal).collect())
            }
            Some(winner) if winner.tier != Tier::OAuth => {
                keys("To go on without it", vec![winner.source.removal(provider, &self.here)])
            }
            Some(_) if self.skips_a_key() => keys("To use the key instead", self.a_key_that_counts()),
            Some(_) => keys("To use a key instead", self.a_key_that_counts()),
            None => self.a_credential(),
        }
    }

    /// Returns the note that a key shadows the login, or keeps it from being used at all.
    pub fn shadow_note(&self) -> Option<Note> {
        if !self.oauth_waits() {
            return None;
        }
        let provider = &self.provider;
        let why = auth(provider, AuthAction::Why);
        if let Some(error) = &self.error {
            let text = format!("{} The sign-in is not used before that is settled.", self.headline());
            let settles =
                if self.one_key() { error.source.removal(provider, &self.here) } else { self.auth_only(true) };
            return Some(Note { text, next: vec![settles, why] });
        }
        let source = &self.winner.as_ref().filter(|winner| winner.tier != Tier::OAuth)?.source;
        let text = match source {
            Source::Variable(name) => {
                format!("{name} is set, and a key wins over a sign-in: requests to {provider} are billed to it.")
            }
            _ => {
                let words = upper(&source.words(provider));
                format!("{words} wins over the sign-in: requests to {provider} are billed to it.")
            }
        };
        Some(Note { text, next: vec![self.auth_only(true), why] })
    }

    /// Returns the failure of a request that has no credential, or nothing where it has one.
    pub fn failure(&self) -> Option<Failure> {
        if self.winner.is_some() {
            return None;
        }
        let code = match (&self.error, &self.oauth.elsewhere) {
            (Some(_), _) => Code::Key,
            (None, Some(_)) if self.oauth.enabled => Code::OtherHost,
            (None, _) => Code::NeedLogin,
        };
        Some(Failure { code, message: self.headline(), next: self.change().next })
    }

    /// There is one key and no other that would take its place.
    fn one_key(&self) -> bool {
        let keys = self.tiers.iter().filter(|state| state.present && state.tier != Tier::OAuth);
        self.ignored.is_empty() && keys.count() == 1
    }

    /// A login is on and a key stands before it.
    fn oauth_waits(&self) -> bool {
        matches!(self.tiers[Tier::OAuth as usize].usage, Use::ShadowedBy(_))
    }

    /// Why the sign-in that would be used cannot be read.
    fn unreadable(&self) -> Option<&str> {
        match self.login_used()? {
            State::Unknown(why) => Some(why.trim_end_matches('.')),
            _ => None,
        }
    }

    /// The state of the sign-in that wins.
    fn login_used(&self) -> Option<&State> {
        let winner = self.winner.as_ref().filter(|winner| winner.tier == Tier::OAuth)?;
        let used = |(bucket, _): &&(Bucket, State)| bucket.as_str() == winner.detail;
        self.oauth.logins.iter().find(used).map(|(_, state)| state)
    }

    fn skips_a_key(&self) -> bool {
        self.tiers.iter().any(|state| state.usage == Use::Skipped && state.present)
    }

    fn login_words(&self) -> String {
        match (self.oauth.logins.is_empty(), &self.winner) {
            (false, Some(winner)) => format!("the sign-in {}", winner.detail),
            _ => "a sign-in, asked for at the first request".to_owned(),
        }
    }

    fn nothing_there(&self) -> String {
        let provider = &self.provider;
        match &self.oauth.elsewhere {
            Some(elsewhere) if self.oauth.enabled && self.skips_a_key() => {
                format!("{provider} has a key, but authOnly is true, and {elsewhere}.")
            }
            Some(elsewhere) if self.oauth.enabled => format!("{provider} has no key, and {elsewhere}."),
            _ if self.skips_a_key() => format!("{provider} has a key, but authOnly is true and its sign-in is off."),
            _ if self.oauth.supported && self.auth_only.is_some() => {
                format!("{provider} has no sign-in that is on, and authOnly is true: a key would not be used.")
            }
            _ if self.oauth.supported => format!("{provider} has no key, and its sign-in is off."),
            _ => format!("{provider} has no key, and keys are all that it takes."),
        }
    }

    /// What to type where there is no credential.
    fn a_credential(&self) -> Note {
        let mut next = Vec::new();
        if self.oauth.supported && self.oauth.elsewhere.is_none() {
            next.push(self.sign_in());
        }
        next.extend(self.a_key_that_counts());
        next.extend(self.oauth.back.clone().filter(|_| self.oauth.enabled && self.oauth.elsewhere.is_some()));
        Note { text: "To give it one".to_owned(), next }
    }

    /// Returns what makes a sign-in count: turning it on where one is kept, else signing in.
    pub fn sign_in(&self) -> Next {
        let kept = self.oauth.logins.iter().any(|(_, state)| !matches!(state, State::NeedsLogin(_)));
        auth(&self.provider, if kept { AuthAction::Enable } else { AuthAction::Login(Login::default()) })
    }

    /// What gives it a key that is not left out.
    fn a_key_that_counts(&self) -> Vec<Next> {
        match (self.skips_a_key(), self.auth_only.is_some()) {
            (true, _) => vec![self.keys_again()],
            (false, true) => {
                let steps = self.a_key().into_iter().chain([self.keys_again()]);
                vec![Next::Say(steps.map(|step| typed(&step)).collect::<Vec<_>>().join(", then "))]
            }
            (false, false) => self.a_key(),
        }
    }

    /// What gives it a key; where another provider takes the keys, that one has to be chosen too.
    fn a_key(&self) -> Vec<Next> {
        match &self.keys_at {
            None => vec![save_key(&self.provider)],
            Some(other) => {
                let choose = ProviderChoice { name: Some(other.clone()) };
                vec![save_key(other), Next::Command(Command::Provider(choose))]
            }
        }
    }

    /// Sets `authOnly` so that it holds: in the shell, `set` does not reach what the profile says.
    fn auth_only(&self, on: bool) -> Next {
        if self.here.profile_decides && !self.here.session {
            return self.here.with_flag("--set", &format!("authOnly={on}"));
        }
        let (key, value) = (Some("authOnly".to_owned()), vec![on.to_string()]);
        Next::Command(Command::Set(Set { key, value, action: None }))
    }

    /// What makes keys count again.
    fn keys_again(&self) -> Next {
        match self.auth_only {
            // The key may be named by that very profile, which therefore stays.
            Some(AuthOnly::Profile) => self.auth_only(false),
            Some(AuthOnly::Flag) => Next::Say("start again without --set authOnly=true".to_owned()),
            Some(AuthOnly::Setting) | None => {
                let action = Some(SetAction::Unset { key: "authOnly".to_owned() });
                Next::Command(Command::Set(Set { key: None, value: Vec::new(), action }))
            }
        }
    }
}

impl Found {
    /// What the row says: `ANTHROPIC_API_KEY, ends …9k2L`.
    pub(super) fn detail(&self, provider: &Provider) -> String {
        let what = match &self.source {
            Source::Variable(name) => name.clone(),
            source => source.words(provider),
        };
        match &self.given {
            // The tail of a short key is the ellipsis alone.
            Given::Value(tail) if tail.chars().count() > 1 => format!("{what}, ends {tail}"),
            Given::Value(_) | Given::Absent => what,
            Given::Broken(reason) => format!("{what}: {reason}"),
        }
    }
}

impl OAuth {
    /// What the row says: `work@company.com, personal@gmail.com (claude-ha)`.
    pub(super) fn detail(&self) -> String {
        if !self.supported {
            return "this provider takes keys only".to_owned();
        }
        if !self.enabled {
            return match self.logins.as_slice() {
                [] => "off".to_owned(),
                _ => format!("off; kept: {}", self.names()),
            };
        }
        if let Some(elsewhere) = &self.elsewhere {
            return elsewhere.clone();
        }
        if self.logins.is_empty() {
            return "on first use".to_owned();
        }
        let mut text = self.names();
        if let Some(profile) = &self.profile {
            text += &format!(" (profile {profile})");
        }
        text
    }

    fn names(&self) -> String {
        let name = |(bucket, state): &(_, State)| match state {
            State::Ready | State::Expired => format!("{bucket}"),
            state => format!("{bucket} ({})", state.words()),
        };
        let mut text = self.logins.iter().take(NAMED).map(name).collect::<Vec<_>>().join(", ");
        if self.logins.len() > NAMED {
            text += &format!(" and {} more", self.logins.len() - NAMED);
        }
        text
    }
}

/// What the row of an empty tier says.
pub(super) fn nothing(provider: &Provider, tier: Tier, keys: &[Found]) -> String {
    match tier {
        Tier::Flags => "nothing given".to_owned(),
        Tier::Settings => "no key there".to_owned(),
        Tier::Keys => format!("none named {provider}"),
        Tier::Environment => {
            let variables: Vec<&str> = keys
                .iter()
                .filter_map(|found| match &found.source {
                    Source::Variable(name) => Some(name.as_str()),
                    _ => None,
                })
                .collect();
            match variables.as_slice() {
                [] => "no variable is for this provider".to_owned(),
                [one] => format!("{one} is not set"),
                several => format!("none of {} is set", several.join(", ")),
            }
        }
        Tier::OAuth => "off".to_owned(),
    }
}

/// The sentence on a source that lost against one of its own tier.
pub(super) fn ignored(provider: &Provider, loser: &Source, winner: &Source) -> String {
    format!("{} is ignored: {} goes before it.", upper(&loser.words(provider)), winner.words(provider))
}

/// The note on a key that lies in a plain file of settings.
pub(super) fn warning(provider: &Provider, source: &Source) -> Option<Note> {
    matches!(source, Source::ProfileKey(_) | Source::SettingOwnKey | Source::SettingKey).then(|| {
        let words = upper(&source.words(provider));
        let text = format!("{words} can be read by whoever reads that file. The vault can keep it.");
        Note { text, next: vec![save_key(provider)] }
    })
}

/// A tier in the middle of a sentence.
fn place(tier: Tier) -> &'static str {
    ["the command line", "a setting", "a saved key", "the environment", "a sign-in"][tier as usize]
}

fn auth(provider: &Provider, action: AuthAction) -> Next {
    Next::Command(Command::Auth(Auth { provider: Some(provider.clone()), action: Some(action) }))
}

/// A step within a sentence; commands stand between backticks ([`Next::Say`]).
fn typed(step: &Next) -> String {
    match step {
        Next::Command(command) => format!("`{command}`"),
        Next::Shell(words) | Next::Form(words) | Next::Say(words) => words.clone(),
    }
}

/// Returns the command that saves the own key of a provider.
pub fn save_key(provider: &Provider) -> Next {
    // Every provider's name is a key's name too; were one not, words do.
    match provider.as_str().parse() {
        Ok(name) => Next::Command(Command::Key(Key { key: None, action: Some(KeyAction::Save { name, key: None }) })),
        Err(_) => Next::Say("save a key and name it with --key-name".to_owned()),
    }
}

fn upper(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
