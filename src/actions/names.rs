//! The names that Tab offers: from the registry, the settings and the index, never from the vault.

use llxprt_commands::{KnownBucket, KnownProvider, KnownSetting, Names};

use crate::auth::failover::State;
use crate::config::Origin;
use crate::config::declared::{self, DECLARED, Declared, Kind};
use crate::run::Run;

/// Takes the names of the moment.
pub fn names(run: &Run) -> Names {
    let index = run.index().unwrap_or_default();
    let now = run.now();
    let provider = |m: &crate::providers::Manifest| {
        let buckets: Vec<_> = index
            .accounts_of(&m.name)
            .map(|(a, e)| KnownBucket { name: a.bucket, state: State::of(Some(e), None, now).words().to_owned() })
            .collect();
        let state = match (&m.oauth, run.settings.oauth_enabled(&m.name), buckets.is_empty()) {
            (None, ..) => "key only",
            (_, false, _) => "off",
            (_, true, true) => "on first use",
            (_, true, false) => "on",
        };
        KnownProvider { name: m.name.clone(), state: state.to_owned(), signs_in: m.oauth.is_some(), buckets }
    };
    let setting = |name: &str, d: &Declared| KnownSetting {
        name: name.to_owned(),
        description: d.about.to_owned(),
        values: match d.kind {
            Kind::KeyName => index.keys.keys().cloned().collect(),
            _ => d.values().iter().map(ToString::to_string).collect(),
        },
    };
    let listed = run.settings.listed();
    let kept = listed.iter().filter(|(_, _, origin)| *origin == Origin::Settings);
    let changed: Vec<_> = kept.filter_map(|(name, ..)| Some(setting(name, declared::find(name).ok()?))).collect();
    let active = run.active().and_then(|p| run.registry.get(&p));
    Names {
        providers: run.registry.all().map(provider).collect(),
        profiles: crate::config::profile_names(&run.dirs.config),
        keys: index.keys.keys().filter_map(|name| name.parse().ok()).collect(),
        settings: DECLARED.iter().map(|d| setting(d.name, d)).collect(),
        changed,
        models: active.map(|m| m.models.clone()).unwrap_or_default(),
    }
}
