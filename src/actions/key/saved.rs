//! Keys in the vault: save, list, load, show, delete.

use llxprt_commands::{Command, Key, KeyAction, KeyName, ProfileName, Provider};
use serde_json::{Value, json};

use super::{active, checked, forget, tell_used, used_or_held, warn_foreign};
use crate::actions::credential;
use crate::auth::precedence::Source;
use crate::config::profile_names;
use crate::error::{Code, Failure, Outcome};
use crate::run::Run;
use crate::seams::Typed;
use crate::secret::Secret;
use crate::sys::files;
use crate::vault::{Home, Index, KeyEntry};

/// `/key save NAME [KEY]`
pub(super) fn save(run: &mut Run, name: &KeyName, given: Option<String>) -> Outcome {
    if name.as_str().eq_ignore_ascii_case("none") {
        return Err(Failure::new(Code::Key, "A key cannot be called none: that word means no key."));
    }
    run.settings.need("vault.store")?;
    let before = run.index()?.keys.get(name.as_str()).cloned();
    if !may_replace(run, name, before.as_ref())? {
        run.ui.say("Nothing changed.");
        return Ok(());
    }
    let key = match given {
        Some(text) => {
            if !run.ui.session {
                run.ui.warn(
                    "A key on the command line is seen in the list of processes and kept by the shell. Left out, it is \
                     asked for.",
                );
            }
            checked(&text).map_err(|why| refused(&why))?
        }
        None => asked(run, name)?,
    };
    run.log.hide(&key);
    let vault = run.vault.clone();
    let written = run.wait(async { Ok(vault.write_key(name, &key).await?) })?;
    let done = if before.is_some() { "replaced" } else { "saved" };
    run.ui.say(&format!("The key {name} ({}) is {done}, in {}.", key.tail(), place(written.home)));
    if let Some(note) = written.note {
        run.ui.note(&note);
    }
    match own(run, name) {
        Some(provider) => {
            warn_foreign(run, &provider, &key);
            tell_used(run, &provider)
        }
        None => {
            tell_use(run, name);
            Ok(())
        }
    }
}

/// Says how a key is used that is no provider's own.
fn tell_use(run: &Run, name: &KeyName) {
    let load = Command::Key(Key { key: None, action: Some(KeyAction::Load { name: name.clone() }) });
    let flag = run.ui.shell(&format!("llxprt --key-name {name}"));
    run.ui.note(&match run.ui.session {
        true => format!("It is used by name: {load}, or {flag}."),
        false => format!("It is used by name: {flag}, or {load} in a session."),
    });
    let lower: Option<Provider> = name.as_str().parse().ok().filter(|_| name.as_str() != name.as_str().to_lowercase());
    if let Some(provider) = lower.filter(|provider| run.registry.get(provider).is_some()) {
        run.ui.note(&format!("To be used for {provider} by itself, it has to be called {provider}, in small letters."));
    }
}

/// A key that is there is replaced only when a person says so; a script that saves it means it.
fn may_replace(run: &Run, name: &KeyName, before: Option<&KeyEntry>) -> Outcome<bool> {
    let Some(entry) = before.filter(|_| run.keyboard.is_person()) else { return Ok(true) };
    let mark = if run.ui.plain { "> " } else { " › " };
    let question = format!("There is a key called {name} ({}). Replace it? [y/N]{mark}", tail(entry));
    match run.keyboard.ask(&question) {
        Typed::Line(answer) => Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")),
        Typed::Cancelled => Err(cancelled()),
        Typed::End | Typed::Broken | Typed::Nobody => Ok(false),
    }
}

/// Asks for the key where nobody can read it; a pipe gives it as its next line.
fn asked(run: &Run, name: &KeyName) -> Outcome<Secret> {
    if run.keyboard.is_person() {
        run.ui.say(&format!("Paste the key for {name} and press Enter. It is not shown."));
    }
    let question = if run.ui.plain { "key> " } else { "key › " };
    let text = match run.keyboard.ask_hidden(question) {
        Typed::Line(text) => text,
        Typed::Cancelled => return Err(cancelled()),
        Typed::End | Typed::Broken => return Err(refused("none was given")),
        Typed::Nobody => {
            return Err(refused("what is typed here could be seen")
                .say(format!("Through a pipe: {} < FILE", run.ui.shell(&format!("llxprt key save {name}")))));
        }
    };
    // A pipe that goes on holds more than a key. In a session its next line is a line of the session.
    if !run.ui.session && !run.keyboard.is_person() {
        while let Typed::Line(more) = run.keyboard.ask_hidden(question) {
            if !more.trim().is_empty() {
                return Err(refused("there is more than one line"));
            }
        }
    }
    checked(&text).map_err(|why| refused(&why))
}

fn refused(why: &str) -> Failure {
    Failure::new(Code::Key, format!("That is no key: {why}. Nothing was saved."))
}

fn cancelled() -> Failure {
    Failure::new(Code::Cancelled, "Cancelled. Nothing was saved.")
}

/// `/key load NAME`
pub(super) fn load(run: &mut Run, name: KeyName) -> Outcome {
    let provider = active(run, "A key")?;
    let key = read(run, &name)?;
    forget(run, &provider);
    run.chosen.loaded_keys.insert(provider.clone(), name.clone());
    let is = used_or_held(run, &provider, &Source::LoadedKey(name.clone()));
    run.ui.say(&format!("The saved key {name} ({}) is {is} for {provider} in this session.", key.tail()));
    warn_foreign(run, &provider, &key);
    tell_used(run, &provider)
}

/// `/key list`
pub(super) fn list(run: &Run) -> Outcome {
    let index = run.index()?;
    if run.ui.json {
        let keys: Vec<Value> = index
            .keys
            .iter()
            .map(|(name, entry)| json!({ "name": name, "tail": tail(entry), "store": entry.store }))
            .collect();
        run.ui.document(&json!({ "schema": "llxprt.keys.v1", "keys": keys }));
        return Ok(());
    }
    if index.keys.is_empty() {
        run.ui.say("No key is saved.");
        return Ok(());
    }
    let wide = index.keys.keys().map(String::len).max().unwrap_or(0);
    let users = users(run, &index)?;
    for (name, entry) in &index.keys {
        let by = users.iter().filter(|(_, used)| used == name).map(|(provider, _)| provider.as_str());
        let by: Vec<&str> = by.collect();
        let used = if by.is_empty() { String::new() } else { format!("  used for {}", by.join(", ")) };
        run.ui.data(&format!("{name:wide$}  ends {:6}  {}{used}", tail(entry), place(entry.store)));
    }
    Ok(())
}

/// The providers whose requests a saved key would be sent with now.
fn users(run: &Run, index: &Index) -> Outcome<Vec<(Provider, String)>> {
    let used = |m: &crate::providers::Manifest| {
        let resolution = credential::resolution_with(run, m, index);
        let name = resolution.winner?.source.saved_key()?.to_owned();
        Some((m.name.clone(), name))
    };
    Ok(run.registry.all().filter_map(used).collect())
}

/// `/key show NAME`: reads it, and shows no more than its end.
pub(super) fn show(run: &Run, name: &KeyName) -> Outcome {
    let key = read(run, name)?;
    let entry = run.index()?.keys.get(name.as_str()).cloned();
    let store = entry.as_ref().map(|entry| entry.store);
    let long = key.expose().chars().count();
    if run.ui.json {
        run.ui.document(&json!({
            "schema": "llxprt.key.v1", "name": name.as_str(), "tail": key.tail(), "length": long, "store": store,
        }));
        return Ok(());
    }
    let store = store.map_or(String::new(), |home| format!(", in {}", place(home)));
    run.ui.data(&format!("{name}: ends {}, {long} characters{store}", key.tail()));
    Ok(())
}

/// `/key delete NAME`
pub(super) fn delete(run: &mut Run, name: &KeyName) -> Outcome {
    let vault = run.vault.clone();
    if !run.wait(async { Ok(vault.delete_key(name).await?) })? {
        return Err(missing(run, name));
    }
    run.ui.say(&format!("The key {name} is deleted."));
    run.chosen.loaded_keys.retain(|_, loaded| loaded != name);
    for profile in profiles_that_name(run, name) {
        run.ui.warn(&format!("The profile {profile} names it (auth-key-name), and cannot be used until there is one."));
    }
    if run.settings.in_file("auth-key-name").and_then(Value::as_str) == Some(name.as_str()) {
        let unset = llxprt_commands::SetAction::Unset { key: "auth-key-name".to_owned() };
        let unset = Command::Set(llxprt_commands::Set { key: None, value: Vec::new(), action: Some(unset) });
        let words = "settings.json names it (auth-key-name), and requests fail until there is one or the name is gone";
        run.ui.warn(&format!("{words}: {}", run.typed(&unset)));
    }
    match own(run, name) {
        Some(provider) => tell_used(run, &provider),
        None => Ok(()),
    }
}

/// Finds the profiles whose settings name a key. One that cannot be read names nothing.
fn profiles_that_name(run: &Run, name: &KeyName) -> Vec<ProfileName> {
    const BOUND: u64 = 1 << 20;
    let names = |profile: &ProfileName| {
        let path = run.dirs.config.join("profiles").join(format!("{profile}.json"));
        let bytes = files::read_bounded(&path, BOUND).ok().flatten().unwrap_or_default();
        let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        json.pointer("/ephemeralSettings/auth-key-name").and_then(Value::as_str) == Some(name.as_str())
    };
    profile_names(&run.dirs.config).into_iter().filter(names).collect()
}

/// Reads a saved key; one that the index does not name is looked for once.
fn read(run: &Run, name: &KeyName) -> Outcome<Secret> {
    let key = credential::saved(run, name)?.ok_or_else(|| missing(run, name))?;
    run.log.hide(&key);
    Ok(key)
}

fn missing(run: &Run, name: &KeyName) -> Failure {
    let index = run.index().unwrap_or_default();
    let near = index.keys.keys().map(|known| (strsim::osa_distance(known, name.as_str()), known)).min();
    let near =
        near.filter(|(distance, _)| *distance <= 2).map_or(String::new(), |(_, n)| format!(" Did you mean {n}?"));
    let action = match index.keys.is_empty() {
        true => KeyAction::Save { name: name.clone(), key: None },
        false => KeyAction::List,
    };
    let next = Command::Key(Key { key: None, action: Some(action) });
    Failure::new(Code::Key, format!("There is no saved key called \"{name}\".{near}")).then(next)
}

/// The provider whose own key has this name.
fn own(run: &Run, name: &KeyName) -> Option<Provider> {
    let provider: Provider = name.as_str().parse().ok()?;
    (provider.as_str() == name.as_str() && run.registry.get(&provider).is_some()).then_some(provider)
}

fn tail(entry: &KeyEntry) -> &str {
    if entry.tail.is_empty() { "…" } else { &entry.tail }
}

fn place(home: Home) -> &'static str {
    match home {
        Home::Keyring => "the keyring",
        Home::File => "a sealed file",
        Home::Memory => "memory",
    }
}
