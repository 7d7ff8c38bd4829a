//! Which credential a request is sent with: the snapshot of all sources for the one resolver, and the secret of the
//! source that wins.

use llxprt_commands::{Account, KeyName, Provider};
use serde_json::Value;

use super::nearest::nearest;
use super::{accounts, baseurl, keyfile};
use crate::auth::precedence::{AuthOnly, Found, Given, Here, Resolution, Source, Sources, Tier, resolve};
use crate::config::Origin;
use crate::error::{Code, Failure, Outcome};
use crate::providers::Manifest;
use crate::run::Run;
use crate::secret::Secret;
use crate::ui::clean_line;
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
/// When the provider's manifest is invalid, the index is needed and cannot be read, or `authOnly` says something else than yes or
/// no: a guess could be billed.
pub(super) fn resolution(run: &Run, provider: &Provider) -> Outcome<Resolution> {
    need(run, provider)?;
    let manifest = run.manifest(provider)?;
    let failure = match run.index() {
        Ok(index) => return Ok(resolution_with(run, manifest, &index)),
        Err(failure) => failure,
    };
    // A key that goes before all that the index names is sure without it; anything else would be a guess.
    let resolution = resolution_with(run, manifest, &Index::default());
    let sure = resolution.winner.as_ref().is_some_and(|w| w.tier < Tier::Keys && w.source.saved_key().is_none());
    if sure { Ok(resolution) } else { Err(failure) }
}

/// Fails where a setting that decides about the credential is there and cannot be understood.
///
/// # Errors
/// `E-DAMAGED` with key, value and what mends it.
pub(super) fn need(run: &Run, provider: &Provider) -> Outcome {
    run.settings.need_sign_in(provider)?;
    for name in ["authOnly", "providerKeyfiles", "providerApiKeys"] {
        run.settings.need(name)?;
    }
    Ok(())
}

/// As [`resolution`], with an index that was read already.
pub(super) fn resolution_with(run: &Run, manifest: &Manifest, index: &Index) -> Resolution {
    let sources = Sources {
        keys: keys(run, manifest, index),
        oauth: accounts::logins(run, manifest, index, &here(run, &manifest.name)),
        auth_only: match run.settings.get("authOnly") {
            Some((Value::Bool(true), Origin::Flag)) => Some(AuthOnly::Flag),
            Some((Value::Bool(true), Origin::Profile)) => Some(AuthOnly::Profile),
            Some((Value::Bool(true), _)) => Some(AuthOnly::Setting),
            _ => None,
        },
        here: here(run, &manifest.name),
        keys_at: manifest.keys_at.clone(),
    };
    resolve(&manifest.name, &sources)
}

fn here(run: &Run, provider: &Provider) -> Here {
    Here {
        session: run.ui.session,
        profile_flag: run.flags.profile_load.clone(),
        profile_decides: run.settings.of_profile("authOnly").is_some(),
        active: run.active().as_ref() == Some(provider),
    }
}

/// Looks for saved keys that are named for a provider and that the index does not know: LLxprt Code may have saved
/// them. Keys that nobody names are not looked for.
///
/// # Errors
/// When the keyring cannot be asked.
pub(super) fn look_up_named(run: &Run, provider: &Provider) -> Outcome {
    // Without the index the resolution tells whether it is needed.
    let Ok(index) = run.index() else { return Ok(()) };
    let found = keys(run, run.manifest(provider)?, &index);
    for name in found.iter().filter_map(|found| found.source.saved_key()) {
        if let (false, Ok(name)) = (index.keys.contains_key(name), name.parse()) {
            saved(run, &name)?;
        }
    }
    Ok(())
}

/// Finds the credential itself.
///
/// # Errors
/// The resolver's failure where there is none or a named source cannot be used.
pub(super) fn credential(run: &mut Run, provider: &Provider) -> Outcome<Credential> {
    baseurl::check(run, provider)?;
    look_up_named(run, provider)?;
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
        if let Some(unusable) = &resolution.error {
            run.settings.need(&unusable.source.name(provider))?;
        }
        return Err(failure);
    }
    let Some(winner) = &resolution.winner else {
        return Err(Failure::new(Code::NeedLogin, format!("{provider} has no credential.")));
    };
    if winner.source == Source::OAuth {
        let index = run.index()?;
        let bucket = |bucket| Account { provider: provider.clone(), bucket };
        return Ok(Credential::OAuth(accounts::order(run, &index, provider).into_iter().map(bucket).collect()));
    }
    if let Some(note) = resolution.shadow_note().filter(|note| run.first_time(&note.text)) {
        let why = note.next.last().map_or(String::new(), |why| run.ui.next(why));
        run.ui.note(&format!("{} More: {why}", note.text));
    }
    if let Some(path) = winner.source.path() {
        keyfile::warn(run, path);
    }
    baseurl::warn_foreign(run, provider)?;
    let key = secret(run, provider, &winner.source)?;
    run.log.hide(&key);
    if let Some(words) = foreign(run, provider, &key).filter(|words| run.first_time(words)) {
        run.ui.warn(&words);
    }
    Ok(Credential::Key(key))
}

/// Tells that a key looks like another provider's.
pub(super) fn foreign(run: &Run, provider: &Provider, key: &Secret) -> Option<String> {
    if let Some(other) = run.registry.get(provider).and_then(|m| m.keys_at.as_ref()) {
        return Some(format!("Keys are for {other}, and {provider} takes sign-ins only; it is tried all the same."));
    }
    let begins = |m: &Manifest| m.key_prefixes.iter().filter(|p| key.expose().starts_with(*p)).map(String::len).max();
    let own = run.registry.get(provider).and_then(begins).unwrap_or(0);
    let other =
        run.registry.all().filter(|m| m.name != *provider).filter_map(|m| Some((begins(m)?, m))).max_by_key(|o| o.0);
    let (_, other) = other.filter(|(length, _)| *length > own)?;
    Some(format!("This key looks like one for {}; it is used for {provider} all the same.", other.title))
}

/// Looks at every place where a key may be.
fn keys(run: &Run, manifest: &Manifest, index: &Index) -> Vec<Found> {
    let provider = &manifest.name;
    let mut found = Vec::new();
    let mut put = |source: Source, given: Given| found.push(Found { source, given });
    let kept = |path: &str| keyfile::given(keyfile::read_kept(run, path));
    let saved = |name: &str| match index.keys.get(name) {
        Some(entry) => Given::Value(entry.tail.clone()),
        None => {
            let near = nearest(name, index.keys.keys().map(String::as_str));
            let near = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
            Given::Broken(format!("there is no saved key called \"{}\"{near}", clean_line(name)))
        }
    };
    if let Some(key) = run.chosen.keys.get(provider) {
        put(Source::SessionKey, Given::named(key.expose()));
    }
    if let Some(path) = run.chosen.keyfiles.get(provider) {
        put(Source::SessionKeyfile(path.clone()), kept(path));
    }
    if run.chosen.flags_for.as_ref() == Some(provider) {
        if let Some(key) = &run.chosen.flag_key {
            put(Source::FlagKey, Given::named(key.expose()));
        }
        if let Some(path) = &run.flags.keyfile {
            put(Source::FlagKeyfile(path.clone()), keyfile::given(flag_file(run, path)));
        }
        if let Some(name) = &run.flags.key_name {
            put(Source::FlagKeyName(name.clone()), saved(name.as_str()));
        }
    }
    if let Some(profile) = run.profile_for(provider) {
        let (name, member) = (|| profile.name.clone(), |name: &str| named(profile.settings.get(name)));
        if let Some(path) = member("auth-keyfile") {
            let given = path.as_ref().map_or_else(|_| no_text(), |path| kept(path));
            put(Source::ProfileKeyfile(name(), shown(path)), given);
        }
        if let Some(key) = member("auth-key-name") {
            let given = key.as_ref().map_or_else(|_| no_text(), |key| saved(key));
            put(Source::ProfileKeyName(name(), shown(key)), given);
        }
        if let Some(key) = member("auth-key") {
            put(Source::ProfileKey(name()), key.map_or_else(|_| no_text(), |key| Given::named(&key)));
        }
    }
    let file = |name: &str| named(run.settings.in_file(name));
    if let Some(path) = file(&format!("providerKeyfiles.{provider}")) {
        let given = path.as_ref().map_or_else(|_| no_text(), |path| kept(path));
        put(Source::SettingOwnKeyfile(shown(path)), given);
    }
    if run.active().as_ref() == Some(provider) {
        if let Some(path) = file("auth-keyfile") {
            let given = path.as_ref().map_or_else(|_| no_text(), |path| kept(path));
            put(Source::SettingKeyfile(shown(path)), given);
        }
        if let Some(name) = file("auth-key-name") {
            let given = name.as_ref().map_or_else(|_| no_text(), |name| saved(name));
            put(Source::SettingKeyName(shown(name)), given);
        }
        if let Some(key) = file("auth-key") {
            put(Source::SettingKey, key.map_or_else(|_| no_text(), |key| Given::named(&key)));
        }
    }
    if let Some(key) = file(&format!("providerApiKeys.{provider}")) {
        put(Source::SettingOwnKey, key.map_or_else(|_| no_text(), |key| Given::named(&key)));
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

/// Reads what a member of settings.json or of a profile names. Nothing, an empty text and `none` name nothing, as in
/// LLxprt Code; what is no text is an error, never nothing.
fn named(member: Option<&Value>) -> Option<Result<String, String>> {
    match member? {
        Value::Null => None,
        Value::String(text) if matches!(text.as_str(), "" | "none") => None,
        Value::String(text) => Some(Ok(text.clone())),
        other => Some(Err(other.to_string())),
    }
}

/// The text, or what stands there instead of one.
fn shown(named: Result<String, String>) -> String {
    named.unwrap_or_else(|other| clean_line(&other))
}

fn no_text() -> Given {
    Given::Broken("it is no text".to_owned())
}

fn flag_file(run: &Run, path: &str) -> Result<Secret, String> {
    run.chosen.flag_pipe.clone().unwrap_or_else(|| keyfile::read(run, path))
}

/// Reads the key of the source that won.
fn secret(run: &Run, provider: &Provider, source: &Source) -> Outcome<Secret> {
    let trimmed = |text: &str| Secret::new(text.trim());
    let unreadable = |words: String| {
        let named = source.words(provider);
        Failure::new(Code::Key, format!("{named} cannot be used: {words}."))
    };
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(trimmed);
    let gone = || unreadable("it is not there any more".to_owned());
    match source {
        Source::SessionKey => run.chosen.keys.get(provider).map(|k| trimmed(k.expose())).ok_or_else(gone),
        Source::FlagKey => run.chosen.flag_key.as_ref().map(|k| trimmed(k.expose())).ok_or_else(gone),
        Source::FlagKeyfile(path) => flag_file(run, path).map_err(unreadable),
        Source::SessionKeyfile(path)
        | Source::ProfileKeyfile(_, path)
        | Source::SettingOwnKeyfile(path)
        | Source::SettingKeyfile(path) => keyfile::read_kept(run, path).map_err(unreadable),
        Source::FlagKeyName(name) | Source::LoadedKey(name) | Source::OwnKey(name) => {
            saved(run, name)?.ok_or_else(gone)
        }
        Source::ProfileKeyName(_, name) | Source::SettingKeyName(name) => {
            let name = name.parse().map_err(|e| unreadable(format!("{e}")))?;
            saved(run, &name)?.ok_or_else(gone)
        }
        Source::ProfileKey(_) => {
            text(run.profile_for(provider).and_then(|p| p.settings.get("auth-key"))).ok_or_else(gone)
        }
        Source::SettingOwnKey => text(run.settings.in_file(&format!("providerApiKeys.{provider}"))).ok_or_else(gone),
        Source::SettingKey => text(run.settings.in_file("auth-key")).ok_or_else(gone),
        Source::Variable(name) => run.env.get(name).map(|v| trimmed(v)).ok_or_else(gone),
        Source::OAuth => Err(gone()),
    }
}

/// Reads a saved key; `None` where there is none.
///
/// # Errors
/// Names the key: a keyring that is locked or gone, a sealed file that does not open.
pub(super) fn saved(run: &Run, name: &KeyName) -> Outcome<Option<Secret>> {
    let vault = run.vault.clone();
    let key = run.wait(async { Ok(vault.read_key(name, &|words| run.ui.note(words)).await) })?;
    key.map_err(|error| {
        let mut failure = Failure::from(error);
        failure.message = format!("The saved key {name} cannot be read. {}", failure.message);
        failure
    })
}
