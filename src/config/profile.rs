//! A saved choice: provider, model, parameters, settings and an ordered list of buckets (design 4.6).

use llxprt_commands::{Bucket, Policy, ProfileName, Provider};
use serde_json::{Map, Value};

/// A profile of one provider, as loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Its name.
    pub name: ProfileName,
    /// Who answers.
    pub provider: Provider,
    /// With which model; the provider's default when absent.
    pub model: Option<String>,
    /// Parameters of the model.
    pub params: Map<String, Value>,
    /// Settings, under the names that LLxprt Code users have (`auth-keyfile`, `base-url`, `authOnly` …).
    pub settings: Map<String, Value>,
    /// The accounts, first choice first; empty: whichever the session uses.
    pub buckets: Vec<Bucket>,
}

/// A profile over profiles.
#[derive(Debug, Clone, PartialEq)]
pub struct Balancer {
    /// Its name.
    pub name: ProfileName,
    /// How one of them is chosen.
    pub policy: Policy,
    /// Their names, first choice first.
    pub profiles: Vec<ProfileName>,
}

/// What the file of a profile holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Saved {
    /// A choice.
    Model(Profile),
    /// A profile over profiles.
    Balancer(Balancer),
}

impl Profile {
    /// Returns the settings that hold while it is loaded, with the parameters under their names as settings.
    pub fn overlay(&self) -> Map<String, Value> {
        let mut all = self.settings.clone();
        all.extend(self.params.iter().map(|(name, value)| (format!("modelparam.{name}"), value.clone())));
        all
    }
}

impl Saved {
    /// Returns its name.
    pub fn name(&self) -> &ProfileName {
        match self {
            Self::Model(profile) => &profile.name,
            Self::Balancer(balancer) => &balancer.name,
        }
    }
}

/// Lists the names of the saved profiles, sorted.
pub fn profile_names(config: &std::path::Path) -> Vec<ProfileName> {
    let Ok(files) = std::fs::read_dir(config.join("profiles")) else { return Vec::new() };
    let name = |file: std::fs::DirEntry| {
        let path = file.path();
        let json = path.extension().is_some_and(|e| e == "json");
        path.file_stem().filter(|_| json)?.to_str()?.parse().ok()
    };
    let mut names: Vec<ProfileName> = files.flatten().filter_map(name).collect();
    names.sort();
    names
}

/// Returns the accounts that the saved profiles name; a profile that cannot be read names none.
pub fn accounts_of_profiles(config: &std::path::Path) -> Vec<llxprt_commands::Account> {
    const BOUND: u64 = 1 << 20;
    let read = |name: &ProfileName| {
        let path = config.join("profiles").join(format!("{name}.json"));
        let bytes = crate::sys::files::read_bounded(&path, BOUND).ok()??;
        let profile: Value = serde_json::from_slice(&bytes).ok()?;
        let provider: Provider = profile.get("provider")?.as_str()?.parse().ok()?;
        let buckets = profile.pointer("/auth/buckets")?.as_array()?.clone();
        let bucket = move |b: &Value| {
            Some(llxprt_commands::Account { provider: provider.clone(), bucket: b.as_str()?.parse().ok()? })
        };
        Some(buckets.iter().filter_map(bucket).collect::<Vec<_>>())
    };
    profile_names(config).iter().filter_map(read).flatten().collect()
}
