//! The names that the program knows at the moment, for completion.

use crate::{Bucket, KeyName, ProfileName, Provider};

/// What can be completed beside the words of commands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Names {
    /// The providers with their accounts.
    pub providers: Vec<KnownProvider>,
    /// The saved profiles.
    pub profiles: Vec<ProfileName>,
    /// The saved keys.
    pub keys: Vec<KeyName>,
    /// The settings that can be given a value.
    pub settings: Vec<KnownSetting>,
    /// The settings that somebody set.
    pub changed: Vec<KnownSetting>,
    /// The models of the active provider.
    pub models: Vec<String>,
}

/// A provider and its accounts.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownProvider {
    /// Its name.
    pub name: Provider,
    /// Its state in a word or two, such as `on first use`.
    pub state: String,
    /// One can sign in there; else it takes keys only.
    pub signs_in: bool,
    /// Its accounts.
    pub buckets: Vec<KnownBucket>,
}

/// An account of a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownBucket {
    /// Its label.
    pub name: Bucket,
    /// Its state in a word or two, such as `at its limit`.
    pub state: String,
}

/// A setting.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownSetting {
    /// Its name, such as `auth.noBrowser`.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The values it can have, where they can be listed.
    pub values: Vec<String>,
}
