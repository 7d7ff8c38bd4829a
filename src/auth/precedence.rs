//! Decides which credential a request to a provider is sent with (design 4.7): the one place that does.
//!
//! It never sees a secret. What it is given says of each source whether something is there and how it ends; what it
//! returns says which source to read.

mod base_url;
mod source;
mod tier;
mod words;

use llxprt_commands::{Bucket, ProfileName, Provider};
use serde_json::{Value, json};

pub use self::base_url::elsewhere;
pub use self::source::{Given, Source};
pub use self::tier::{Tier, TierState, Use};
pub use self::words::{Note, Row, save_key};
use crate::auth::failover::State;
use crate::error::Next;

/// One place where a key may be, and what is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The place.
    pub source: Source,
    /// What is there.
    pub given: Given,
}

/// What is known of the logins of the provider.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OAuth {
    /// The manifest has a login.
    pub supported: bool,
    /// It is on.
    pub enabled: bool,
    /// Why it cannot be used with this base URL ([`elsewhere`]).
    pub elsewhere: Option<String>,
    /// What takes that base URL away.
    pub back: Option<Next>,
    /// The buckets in their order.
    pub logins: Vec<(Bucket, State)>,
    /// The one that a request would use now, where that is known.
    pub active: Option<Bucket>,
    /// The profile that gives the order.
    pub profile: Option<ProfileName>,
}

/// Where `authOnly` is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthOnly {
    /// In settings.json.
    Setting,
    /// In the loaded profile.
    Profile,
    /// On the command line, by `--set`.
    Flag,
}

/// Where a person reads the words and how the profile came: what takes a source away differs with both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Here {
    /// After the prompt of a session, not in the shell.
    pub session: bool,
    /// What `--profile-load` names.
    pub profile_flag: Option<ProfileName>,
    /// The loaded profile has an `authOnly` of its own, which goes before that of settings.json.
    pub profile_decides: bool,
    /// The provider is the active one, to which `/key` and `/keyfile` belong.
    pub active: bool,
}

/// A snapshot of every source for one provider.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sources {
    /// Places of keys, in any order but that of the environment variables, which is the manifest's. A key that belongs
    /// to another provider (`--key` while that one is active) is not among them.
    pub keys: Vec<Found>,
    /// The logins.
    pub oauth: OAuth,
    /// `authOnly`, where it is true.
    pub auth_only: Option<AuthOnly>,
    /// Where the words are read.
    pub here: Here,
    /// The provider that takes keys in place of this one.
    pub keys_at: Option<Provider>,
}

/// The source that wins.
#[derive(Debug, Clone, PartialEq)]
pub struct Winner {
    /// Its tier.
    pub tier: Tier,
    /// Where to read the credential.
    pub source: Source,
    /// Its name, or the bucket.
    pub detail: String,
    /// How a key ends.
    pub tail: Option<String>,
}

/// A source that is named and cannot be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Unusable {
    /// Which.
    pub source: Source,
    /// Why, as the end of “… cannot be used:”.
    pub reason: String,
}

/// What the tiers come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolution {
    /// For whom.
    pub provider: Provider,
    /// The source to use; absent where there is none or [`Resolution::error`] is there.
    pub winner: Option<Winner>,
    /// The source that stands in the way.
    pub error: Option<Unusable>,
    /// All tiers.
    pub tiers: [TierState; 5],
    /// Sentences on sources that lost within the winning tier.
    pub ignored: Vec<String>,
    /// Notes on keys that should not lie where they do.
    pub warnings: Vec<Note>,
    oauth: OAuth,
    auth_only: Option<AuthOnly>,
    here: Here,
    keys_at: Option<Provider>,
}

/// Finds the credential for a provider.
pub fn resolve(provider: &Provider, sources: &Sources) -> Resolution {
    let Sources { keys, oauth, auth_only, here, keys_at } = sources;
    let mut present: Vec<&Found> = keys.iter().filter(|found| found.given != Given::Absent).collect();
    present.sort_by_key(|found| found.source.place());
    let skip = auth_only.is_some();
    let login = oauth.enabled && oauth.supported && oauth.elsewhere.is_none();

    let first = present.first().filter(|_| !skip);
    let mut error = None;
    let winner = match first.map(|found| (&found.source, &found.given)) {
        Some((source, Given::Broken(reason))) => {
            error = Some(Unusable { source: source.clone(), reason: reason.clone() });
            None
        }
        Some((source, given)) => {
            let tail = if let Given::Value(tail) = given { Some(tail.clone()) } else { None };
            Some(Winner { tier: source.tier(), source: source.clone(), detail: source.name(provider), tail })
        }
        None if login => {
            let detail = oauth.bucket().as_str().to_owned();
            Some(Winner { tier: Tier::OAuth, source: Source::OAuth, detail, tail: None })
        }
        None => None,
    };
    let decided = first.map(|found| found.source.tier());

    let tiers = Tier::ALL.map(|tier| {
        let found = present.iter().find(|found| found.source.tier() == tier);
        let is_present = if tier == Tier::OAuth { login } else { found.is_some() };
        let usage = match decided {
            _ if skip && tier != Tier::OAuth => Use::Skipped,
            _ if !is_present => Use::Absent,
            Some(decided) if decided < tier => Use::ShadowedBy(decided),
            Some(_) if error.is_some() => Use::Broken,
            _ => Use::Used,
        };
        let name = match tier {
            Tier::OAuth if login => Some(oauth.bucket().as_str().to_owned()),
            _ => found.map(|found| found.source.name(provider)),
        };
        let detail = match found {
            _ if tier == Tier::OAuth => oauth.detail(),
            Some(found) => found.detail(provider),
            None => words::nothing(provider, tier, keys),
        };
        TierState { tier, present: is_present, detail, name, usage }
    });

    let loses = |found: &&&Found| Some(found.source.tier()) == decided;
    let ignored = present.iter().skip(1).filter(loses).zip(std::iter::repeat(first));
    let ignored = ignored.filter_map(|(found, first)| Some(words::ignored(provider, &found.source, &first?.source)));
    Resolution {
        provider: provider.clone(),
        winner,
        error,
        tiers,
        ignored: ignored.collect(),
        warnings: present.iter().filter_map(|found| words::warning(provider, &found.source)).collect(),
        oauth: oauth.clone(),
        auth_only: auth_only.clone(),
        here: here.clone(),
        keys_at: keys_at.clone(),
    }
}

impl OAuth {
    /// The bucket that a request would use, or that the first login would get.
    fn bucket(&self) -> Bucket {
        self.active.clone().or_else(|| self.logins.first().map(|(bucket, _)| bucket.clone())).unwrap_or_default()
    }
}

impl Resolution {
    /// Returns the document of `why --json`.
    pub fn json(&self) -> Value {
        let tiers: Vec<Value> = self.tiers.iter().map(TierState::json).collect();
        json!({
            "schema": "llxprt.auth.why.v1",
            "provider": self.provider.as_str(),
            "winner": self.winner.as_ref().map(|winner| winner.tier.number()),
            "tiers": tiers,
            "error": self.error.as_ref().map(|error| &error.reason),
        })
    }

    /// Returns the member `credential` of `auth --json`; `null` where there is none. A login that nobody has made yet
    /// is none.
    pub fn credential_json(&self) -> Value {
        let made = |winner: &&Winner| {
            let is_it = |(bucket, _): &(Bucket, _)| bucket.as_str() == winner.detail;
            winner.tier != Tier::OAuth || self.oauth.logins.iter().any(is_it)
        };
        self.winner.as_ref().filter(made).map_or(
            Value::Null,
            |winner| json!({ "tier": winner.tier.number(), "source": winner.tier.name(), "detail": winner.detail }),
        )
    }
}

#[cfg(test)]
mod tests;
