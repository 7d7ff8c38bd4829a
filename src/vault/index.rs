//! The plain index of accounts: names and what may be shown, never a secret (design 4.8).

use std::collections::BTreeMap;

use llxprt_commands::{Account, Provider};
use serde::{Deserialize, Serialize};

/// Where an account's secret rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Home {
    /// The OS keyring.
    Keyring,
    /// A sealed file under the data folder.
    File,
    /// This process only.
    Memory,
}

/// One window of a provider's limit, as the provider told it last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// The window's short name: `5h`, `7d`.
    pub window: String,
    /// The model it is for; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The used fraction; 1 is full, and it may be over 1.
    pub used: f64,
    /// When it starts anew, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<i64>,
}

/// A limit that is in force: the account, or one model of it, must wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// The model it is for; the whole account when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Until when, in Unix seconds.
    pub until: i64,
    /// Why, as shown: `5-hour limit`.
    pub why: String,
    /// How often in a row a limit without a reset was met, for the growing wait of a burst.
    #[serde(default)]
    pub strikes: u32,
}

impl Limit {
    /// The longest reset that is believed, in seconds: no known quota is longer than a month.
    pub const LONGEST: i64 = 31 * 24 * 3600;

    /// Tells whether it holds at a time in Unix seconds. One that was written while the clock stood far ahead does not,
    /// once the clock is right again.
    pub fn holds(&self, now: i64) -> bool {
        self.until > now && self.until.saturating_sub(now) <= Self::LONGEST
    }
}

/// What is counted of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Requests answered.
    pub requests: u64,
    /// Input tokens.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
    /// How often work went on with another account because of this one's limit.
    pub switches: u64,
    /// The last request, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<i64>,
}

/// What the index knows of one account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Where the secret rests, and the only place where it is looked for.
    pub store: Home,
    /// Who the provider says it is, usually an email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The provider's own id of the person or organization; two accounts with one id share their limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_id: Option<String>,
    /// The plan in the provider's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// When the access token runs out, in Unix seconds; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// There is a refresh token.
    pub refreshable: bool,
    /// When the login itself ends, in Unix seconds, where the provider says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_in_until: Option<i64>,
    /// Where it may be sent, as the login itself says; empty: not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// Only its name was found: what its secret tells was not read since.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub found: bool,
    /// The verifying call failed for a passing reason and was not made since.
    pub unverified: bool,
    /// Why a person must sign in again; absent while the login is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Why the secret could not be read last time; absent while it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// The windows as told last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// When they were told, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windows_at: Option<i64>,
    /// Limits in force (those in the past count as gone).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
    /// What is counted.
    pub counts: Counts,
    /// Members of newer versions survive.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

impl Entry {
    /// An entry that names where a secret will rest and knows nothing else.
    pub fn new(store: Home) -> Self {
        Self {
            store,
            identity: None,
            identity_id: None,
            plan: None,
            expires_at: None,
            refreshable: false,
            signed_in_until: None,
            origins: Vec::new(),
            found: false,
            unverified: false,
            refused: None,
            unreadable: None,
            windows: Vec::new(),
            windows_at: None,
            limits: Vec::new(),
            counts: Counts::default(),
            other: serde_json::Map::new(),
        }
    }

    /// An entry for a secret that was found by its name.
    pub fn found(store: Home) -> Self {
        Self { found: true, ..Self::new(store) }
    }
}

/// What the setting `vault.store` last came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreSeen {
    /// `keyring` or `file`; `auto` before the first login.
    pub kind: String,
    /// For people: `Secret Service`, or why it is files.
    pub detail: String,
}

/// The whole index, `<data>/index.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Index {
    /// The format; 1.
    pub version: u32,
    /// By `PROVIDER:BUCKET`.
    pub accounts: BTreeMap<String, Entry>,
    /// Saved API keys by name: where each rests and its last four characters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, KeyEntry>,
    /// The store that new logins go to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreSeen>,
    /// Members of newer versions survive.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            version: Self::VERSION,
            accounts: BTreeMap::new(),
            keys: BTreeMap::new(),
            store: None,
            other: serde_json::Map::new(),
        }
    }
}

impl Index {
    /// The format that this program writes.
    pub const VERSION: u32 = 1;

    /// Returns what is known of an account.
    pub fn entry(&self, account: &Account) -> Option<&Entry> {
        self.accounts.get(&account.to_string())
    }

    /// Returns what is known of an account, for changing it.
    pub fn entry_mut(&mut self, account: &Account) -> Option<&mut Entry> {
        self.accounts.get_mut(&account.to_string())
    }

    /// Returns the accounts of a provider in the order of their names; names that no account can have are left out.
    pub fn accounts_of<'a>(&'a self, provider: &Provider) -> impl Iterator<Item = (Account, &'a Entry)> + use<'a> {
        let provider = provider.clone();
        self.names_of(&provider).filter_map(move |(bucket, entry)| {
            Some((Account { provider: provider.clone(), bucket: bucket.parse().ok()? }, entry))
        })
    }

    /// Returns what is known of every account of a provider, for changing it.
    pub fn entries_of(&mut self, provider: &Provider) -> impl Iterator<Item = &mut Entry> {
        self.accounts.range_mut(format!("{provider}:")..format!("{provider};")).map(|(_, entry)| entry)
    }

    /// As [`Index::accounts_of`], with each name as it stands there: no account can have some of them.
    pub fn names_of<'a>(&'a self, provider: &Provider) -> impl Iterator<Item = (&'a str, &'a Entry)> + use<'a> {
        let from = format!("{provider}:");
        // ';' follows ':' in ASCII.
        let (to, skipped) = (format!("{provider};"), from.len());
        self.accounts.range(from..to).map(move |(name, entry)| (&name[skipped..], entry))
    }

    /// Returns what `vault.store` last came to; `auto` before the first login.
    pub fn store_seen(&self) -> StoreSeen {
        let detail = if self.accounts.is_empty() { "no login yet" } else { "chosen at the next login" };
        let none = || StoreSeen { kind: "auto".to_owned(), detail: detail.to_owned() };
        self.store.clone().unwrap_or_else(none)
    }
}

/// What the index knows of a saved API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEntry {
    /// Where it rests.
    pub store: Home,
    /// Its last four characters; empty until it was read once.
    #[serde(default)]
    pub tail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accounts_of_a_provider_are_not_those_of_one_whose_name_begins_alike() {
        let mut index = Index::default();
        for name in ["a:x", "a:b", "a-b:x", "ab:x", "a:", "a:../x"] {
            index.accounts.insert(name.to_owned(), Entry::new(Home::File));
        }
        let found: Vec<_> = index.accounts_of(&"a".parse().unwrap()).map(|(account, _)| account.to_string()).collect();
        assert_eq!(found, ["a:b", "a:x"]);
    }

    #[test]
    fn unknown_members_survive_at_every_level() {
        let text = r#"{"version":1,"accounts":{"a:b":{"store":"file","new":[1]}},"newer":{"x":null}}"#;
        let index: Index = serde_json::from_str(text).unwrap();
        let again: serde_json::Value = serde_json::to_value(&index).unwrap();
        assert_eq!(again["accounts"]["a:b"]["new"], serde_json::json!([1]));
        assert_eq!(again["newer"], serde_json::json!({"x": null}));
    }
}
