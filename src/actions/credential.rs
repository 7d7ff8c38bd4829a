//! Which credential a request is sent with: the snapshot of all sources for the one resolver, and the secret of the
//! source that wins.

use llxprt_commands::{Account, Bucket, KeyName, Provider};
use serde_json::Value;

use super::keyfile;
use crate::auth::failover::State;
use crate::auth::precedence::{AuthOnly, Found, Given, OAuth, Resolution, Source, Sources, elsewhere, resolve};
use crate::config::Origin;
use crate::error::{Code, Failure, Outcome};
use crate::providers::Manifest;
use crate::run::Run;
use crate::secret::Secret;
use crate::vault::Index;

/// What a request is sent with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Credential {
    /// An API key.
    Key(Secret),
    /// A sign-in; these accounts, first choice first.
    OAuth(Vec<Account>),
}

/// Asks the resolver what a request to the provider would be sent with. Opens no keyring and sees no secret but the
/// keys that lie in plain places.
///
/// # Errors
/// When the provider's manifest is invalid or the index cannot be read.
pub(super) fn resolution(run: &Run, provider: &Provider) -> Outcome<Resolution> {
    Ok(resolution_with(run, run.manifest(provider)?, &run.index()?))
}

/// As [`resolution`], with an index that was read already.
pub(super) fn resolution_with(run: &Run, manifest: &Manifest, index: &Index) -> Resolution {
    let sources = Sources {
        keys: keys(run, manifest, index),
        oauth: logins(run, manifest, index),
        auth_only: match run.settings.get("authOnly") {
            Some((Value::Bool(true), Origin::Flag)) => Some(AuthOnly::Flag),
            Some((Value::Bool(true), Origin::Profile)) => Some(AuthOnly::Profile),
            Some((Value::Bool(true), _)) => Some(AuthOnly::Setting),
            _ => None,
        },
    };
    resolve(&manifest.name, &sources)
}

/// Finds the credential itself.
///
/// # Errors
/// The resolver's failure where there is none or a named source cannot be used.
pub(super) fn credential(run: &mut Run, provider: &Provider) -> Outcome<Credential> {
    let resolution = resolution(run, provider)?;
    for note in &resolution.warnings {
        if run.first_time(&note.text) {
            run.ui.warn(&note.text);
        }
    }
    for words in &resolution.ignored {
        if run.first_time(words) {
            run.ui.note(words);
        }
    }
    if let Some(failure) = resolution.failure() {
        return Err(failure);
    }
    let Some(winner) = &resolution.winner else {
        return Err(Failure::new(Code::NeedLogin, format!("{provider} has no credential.")));
    };
    if winner.source == Source::OAuth {
        let index = run.index()?;
        let bucket = |bucket| Account { provider: provider.clone(), bucket };
        return Ok(Credential::OAuth(order(run, &index, provider).into_iter().map(bucket).collect()));
    }
    if let Some(note) = resolution.shadow_note().filter(|note| run.first_time(&note.text)) {
        run.ui.note(&note.text);
    }
    let key = secret(run, provider, &winner.source)?;
    run.log.hide(&key);
    if let Some(words) = foreign(run, provider, &key).filter(|words| run.first_time(words)) {
        run.ui.warn(&words);
    }
    Ok(Credential::Key(key))
}

/// Tells that a key looks like another provider's.
pub(super) fn foreign(run: &Run, provider: &Provider, key: &Secret) -> Option<String> {
    let begins = |m: &Manifest| m.key_prefixes.iter().filter(|p| key.expose().starts_with(*p)).map(String::len).max();
    let own = run.registry.get(provider).and_then(begins).unwrap_or(0);
    let other =
        run.registry.all().filter(|m| m.name != *provider).filter_map(|m| Some((begins(m)?, m))).max_by_key(|o| o.0);
    let (_, other) = other.filter(|(length, _)| *length > own)?;
    Some(format!("This key looks like one for {}; it is used for {provider} all the same.", other.title))
}

/// The buckets that a request may use, first choice first: those of the loaded profile, or one.
pub(super) fn order(run: &Run, index: &Index, provider: &Provider) -> Vec<Bucket> {
    let pinned = run.chosen.buckets.get(provider);
    let profile = run.profile_for(provider).map(|p| p.buckets.clone()).filter(|b| !b.is_empty());
    match (profile, pinned) {
        (Some(mut buckets), Some(pinned)) => {
            buckets.retain(|b| b != pinned);
            buckets.insert(0, pinned.clone());
            buckets
        }
        (Some(buckets), None) => buckets,
        (None, Some(pinned)) => vec![pinned.clone()],
        (None, None) => {
            let default = Bucket::default();
            let mut known: Vec<_> = index.accounts_of(provider).collect();
            if known.is_empty() || known.iter().any(|(a, _)| a.bucket == default) {
                return vec![default];
            }
            known.sort_by_key(|(_, e)| std::cmp::Reverse((e.refused.is_none(), e.counts.last_used)));
            known.into_iter().take(1).map(|(a, _)| a.bucket).collect()
        }
    }
}

fn logins(run: &Run, manifest: &Manifest, index: &Index) -> OAuth {
    let provider = &manifest.name;
    let now = run.now();
    let order = order(run, index, provider);
    let account = |bucket: &Bucket| Account { provider: provider.clone(), bucket: bucket.clone() };
    let state = |bucket: &Bucket| State::of(index.entry(&account(bucket)), None, now);
    let stored = |bucket: &&Bucket| index.entry(&account(bucket)).is_some();
    let usable = |bucket: &&Bucket| matches!(state(bucket), State::Ready | State::Expired | State::Unverified);
    let active = order.iter().find(usable).or(order.first()).cloned();
    let logins = order.iter().filter(stored).map(|b| (b.clone(), state(b))).collect();
    let base = run.base_url(manifest);
    let own: Vec<&str> = [Some(&manifest.api.base_url), manifest.api.oauth_base_url.as_ref()]
        .into_iter()
        .flatten()
        .map(url::Url::as_str)
        .collect();
    OAuth {
        supported: manifest.oauth.is_some(),
        enabled: run.settings.oauth_enabled(provider),
        elsewhere: base.and_then(|base| elsewhere(base.as_str(), &own)),
        logins,
        active,
        profile: run.profile_for(provider).map(|p| p.name.clone()),
    }
}

/// Looks at every place where a key may be.
fn keys(run: &Run, manifest: &Manifest, index: &Index) -> Vec<Found> {
    let provider = &manifest.name;
    let mut found = Vec::new();
    let mut put = |source: Source, given: Given| found.push(Found { source, given });
    let in_file = |path: &str| match keyfile::read(run, path) {
        Ok(key) => Given::Value(key.tail()),
        Err(words) => Given::Broken(words),
    };
    let saved = |name: &str| match index.keys.get(name) {
        Some(entry) => Given::Value(entry.tail.clone()),
        None => Given::Broken(format!("there is no saved key called \"{}\"", crate::ui::clean_line(name))),
    };
    if let Some(key) = run.chosen.keys.get(provider) {
        put(Source::SessionKey, Given::named(key.expose()));
    }
    if let Some(path) = run.chosen.keyfiles.get(provider) {
        put(Source::SessionKeyfile(path.clone()), in_file(path));
    }
    if run.chosen.flags_for.as_ref() == Some(provider) {
        if let Some(key) = &run.chosen.flag_key {
            put(Source::FlagKey, Given::named(key.expose()));
        }
        if let Some(path) = &run.flags.keyfile {
            put(Source::FlagKeyfile(path.clone()), in_file(path));
        }
        if let Some(name) = &run.flags.key_name {
            put(Source::FlagKeyName(name.clone()), saved(name.as_str()));
        }
    }
    if let Some(profile) = run.profile_for(provider) {
        let text = |name: &str| profile.settings.get(name).and_then(Value::as_str);
        if let Some(path) = text("auth-keyfile") {
            put(Source::ProfileKeyfile(profile.name.clone(), path.to_owned()), in_file(path));
        }
        if let Some(name) = text("auth-key-name") {
            put(Source::ProfileKeyName(profile.name.clone(), name.to_owned()), saved(name));
        }
        if let Some(key) = text("auth-key") {
            put(Source::ProfileKey(profile.name.clone()), Given::named(key));
        }
    }
    let member = |object: &str| run.settings.in_file(object)?.get(provider.as_str())?.as_str();
    if let Some(path) = member("providerKeyfiles") {
        put(Source::SettingOwnKeyfile(path.to_owned()), in_file(path));
    }
    if run.active().as_ref() == Some(provider) {
        let text = |name: &str| run.settings.in_file(name).and_then(Value::as_str);
        if let Some(path) = text("auth-keyfile") {
            put(Source::SettingKeyfile(path.to_owned()), in_file(path));
        }
        if let Some(name) = text("auth-key-name") {
            put(Source::SettingKeyName(name.to_owned()), saved(name));
        }
        if let Some(key) = text("auth-key") {
            put(Source::SettingKey, Given::named(key));
        }
    }
    if let Some(key) = member("providerApiKeys") {
        put(Source::SettingOwnKey, Given::named(key));
    }
    if let Some(name) = run.chosen.loaded_keys.get(provider) {
        put(Source::LoadedKey(name.clone()), saved(name.as_str()));
    }
    if let (Ok(name), true) = (provider.as_str().parse::<KeyName>(), index.keys.contains_key(provider.as_str())) {
        put(Source::OwnKey(name), saved(provider.as_str()));
    }
    for name in &manifest.api_key_env {
        put(Source::Variable(name.clone()), Given::variable(run.env.get(name).map(String::as_str)));
    }
    found
}

/// Reads the key of the source that won.
fn secret(run: &Run, provider: &Provider, source: &Source) -> Outcome<Secret> {
    let trimmed = |text: &str| Secret::new(text.trim());
    let unreadable = |words: String| {
        let named = source.words(provider);
        Failure::new(Code::Key, format!("{named} cannot be used: {words}."))
    };
    let member = |object: &str| run.settings.in_file(object)?.get(provider.as_str())?.as_str().map(trimmed);
    let gone = || unreadable("it is not there any more".to_owned());
    match source {
        Source::SessionKey => run.chosen.keys.get(provider).map(|k| trimmed(k.expose())).ok_or_else(gone),
        Source::FlagKey => run.chosen.flag_key.as_ref().map(|k| trimmed(k.expose())).ok_or_else(gone),
        Source::SessionKeyfile(path)
        | Source::FlagKeyfile(path)
        | Source::ProfileKeyfile(_, path)
        | Source::SettingOwnKeyfile(path)
        | Source::SettingKeyfile(path) => keyfile::read(run, path).map_err(unreadable),
        Source::FlagKeyName(name) | Source::LoadedKey(name) | Source::OwnKey(name) => saved(run, name),
        Source::ProfileKeyName(_, name) | Source::SettingKeyName(name) => {
            saved(run, &name.parse().map_err(|e| unreadable(format!("{e}")))?)
        }
        Source::ProfileKey(_) => {
            let key = run.profile_for(provider).and_then(|p| p.settings.get("auth-key")).and_then(Value::as_str);
            key.map(trimmed).ok_or_else(gone)
        }
        Source::SettingOwnKey => member("providerApiKeys").ok_or_else(gone),
        Source::SettingKey => run.settings.in_file("auth-key").and_then(Value::as_str).map(trimmed).ok_or_else(gone),
        Source::Variable(name) => run.env.get(name).map(|v| trimmed(v)).ok_or_else(gone),
        Source::OAuth => Err(gone()),
    }
}

fn saved(run: &Run, name: &KeyName) -> Outcome<Secret> {
    let vault = run.vault.clone();
    let key = run.wait(async { Ok(vault.read_key(name, &|words| run.ui.note(words)).await?) })?;
    key.ok_or_else(|| Failure::new(Code::Key, format!("There is no saved key called \"{name}\".")))
}
