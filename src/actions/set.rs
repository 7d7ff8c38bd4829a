//! `/set`: list, show, change, remove.

use llxprt_commands::{Provider, Set, SetAction};
use serde_json::{Value, json};

use super::{baseurl, key, keyfile};
use crate::auth::precedence::Here;
use crate::chat::max_tokens;
use crate::config::declared::{self, Declared, Kind, Named};
use crate::config::{Origin, member};
use crate::error::{Code, Outcome};
use crate::run::Run;

/// `/set`, `/set KEY`, `/set KEY VALUE`, `/set unset KEY`
pub(super) fn set(run: &mut Run, set: Set) -> Outcome {
    let Set { key, value, action } = set;
    match (action, key) {
        (Some(SetAction::Unset { key }), _) => unset(run, &key),
        (None, None) => list(run),
        (None, Some(key)) if value.is_empty() => show(run, &key),
        (None, Some(key)) => change(run, &key, &value.join(" ")),
    }
}

/// Finds a setting as a person named it; its provider must be one that there is.
///
/// # Errors
/// `E-SETTING` or `E-PROVIDER` with the nearest name.
pub(super) fn named(run: &Run, typed: &str) -> Outcome<Named> {
    let named = declared::named(typed.trim())?;
    if let Some(provider) = &named.provider {
        run.manifest(provider)?;
    }
    Ok(named)
}

fn change(run: &mut Run, typed: &str, text: &str) -> Outcome {
    let Named { name, declared, .. } = named(run, typed)?;
    let text = match declared.kind {
        // A path or an address must mean the same in every folder and every run.
        Kind::Path if text.trim() == "none" => "none".to_owned(),
        Kind::Path => keyfile::kept(text.trim()),
        Kind::Url => baseurl::read(text.trim())?.map_or_else(|| text.to_owned(), |url| url.to_string()),
        Kind::Bool | Kind::Whole(..) | Kind::Choice(_) | Kind::Text | Kind::KeyName | Kind::Any => text.to_owned(),
    };
    run.settings.set(&name, &text)?;
    let value = run.settings.in_file(&name).cloned().unwrap_or_default();
    let gives_way = run.ui.session && declared.flag.is_none();
    match of_profile(run, &name, gives_way).filter(|(other, _)| *other != value) {
        None => run.ui.say(&format!("{name} is {} now, and stays so (settings.json).", shown(&value))),
        Some((_, words)) if gives_way => {
            run.ui.say(&format!("{name} is {} now, and in settings.json. {words}", shown(&value)))
        }
        Some((_, words)) => {
            run.ui.say(&format!("{name} is {} in settings.json. {words}", shown(&value)));
            tell_what_works(run, &name, declared, &value);
        }
    }
    if name == "vault.store" {
        run.ui.note("From the next start on, new sign-ins and keys go there. What is stored stays where it is.");
    }
    follow(run, &name)
}

/// What the loaded profile has under a name that was changed: in a session that gives way until a profile is loaded, but
/// for keys and addresses. Returns the value, and the sentence on it.
fn of_profile(run: &mut Run, name: &str, gives_way: bool) -> Option<(Value, String)> {
    let value = run.settings.of_profile(name).cloned();
    if gives_way {
        run.settings.lift(name);
    }
    let (value, profile) = (value?, &run.chosen.profile.as_ref()?.name);
    let words = match gives_way {
        true => format!("The profile {profile} has {}, which holds again when it is loaded anew.", shown(&value)),
        false => format!("The profile {profile} goes before that file, with {}.", shown(&value)),
    };
    Some((value, words))
}

/// Says what makes a value hold although the loaded profile has another one.
fn tell_what_works(run: &Run, name: &str, declared: &Declared, value: &Value) {
    let (session, profile_flag) = (run.ui.session, run.flags.profile_load.clone());
    let here = Here { session, profile_flag, ..Here::default() };
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let for_a_run = || match declared.flag {
        Some(flag) => here.with_flag(flag, &text),
        None => here.with_flag("--set", &format!("{name}={text}")),
    };
    let next = [(!session).then(for_a_run), Some(here.unload())];
    let next: Vec<String> = next.iter().flatten().map(|next| run.ui.next(next)).collect();
    run.ui.note(&run.ui.choice("To use this value: ", &next, "     or "));
}

fn unset(run: &mut Run, typed: &str) -> Outcome {
    // What another program wrote can be taken away, and a provider's setting when the provider is gone.
    if declared::names_a_key(typed) || declared::is_reserved(typed) {
        let there = run.settings.unset(typed)?;
        run.ui.say(&match there {
            true => format!("{typed} is removed."),
            false => format!("{typed} was not there."),
        });
        return follow(run, typed);
    }
    if let Some(member) = member(typed) {
        let name = member.name;
        run.ui.say(&match run.settings.unset(name)? {
            true => format!("{name} is removed from settings.json."),
            false => format!("settings.json has no {name}."),
        });
        return follow(run, name);
    }
    let Named { name, declared, .. } = declared::named(typed)?;
    let removed = run.settings.unset(&name)?;
    let gives_way = run.ui.session && declared.flag.is_none();
    let profile = of_profile(run, &name, gives_way).map(|(_, words)| words);
    let was = if removed || (gives_way && profile.is_some()) { "is removed" } else { "was not set" };
    let holds = format!("{name} {was}; the default holds: {}.", default(run, &name, declared.default));
    run.ui.say(&match profile {
        None => holds,
        Some(words) if gives_way => format!("{holds} {words}"),
        Some(words) => format!("{name} is not in settings.json{}. {words}", if removed { " any more" } else { "" }),
    });
    follow(run, &name)
}

/// Returns what holds where nobody set it, as it is shown. One parameter the program sends of its own accord, since
/// the dialect demands it.
fn default(run: &Run, name: &str, declared: &str) -> String {
    let manifest = run.active().and_then(|provider| run.registry.get(&provider));
    match manifest.filter(|_| name == "modelparam.max_tokens").and_then(|m| max_tokens(m.api.dialect)) {
        Some(number) => number.to_string(),
        None => declared.to_owned(),
    }
}

/// Warns once of every value that is there and does not count: whoever needs one fails.
pub fn warn_of_misfits(run: &mut Run) {
    for misfit in run.settings.misfits() {
        if run.first_time(&misfit.message) {
            run.ui.warn(&misfit.message);
        }
    }
}

/// Says which credential is used where a setting decides about it.
fn follow(run: &mut Run, name: &str) -> Outcome {
    let decides = ["authOnly", "auth-key", "base-url", "provider"].iter().any(|begin| name.starts_with(begin));
    match run.active().filter(|_| decides) {
        Some(provider) if run.registry.get(&provider).is_some() => tell_used(run, &provider),
        _ => Ok(()),
    }
}

/// What was asked for is done; another value that does not count is only told.
fn tell_used(run: &mut Run, provider: &Provider) -> Outcome {
    match key::tell_used(run, provider) {
        Err(failure) if failure.code == Code::Damaged => {
            run.ui.warn(&failure.message);
            Ok(())
        }
        told => told,
    }
}

fn show(run: &Run, typed: &str) -> Outcome {
    run.settings.whole()?;
    let Named { name, declared, .. } = named(run, typed)?;
    let found = run.settings.get(&name);
    let otherwise = default(run, &name, declared.default);
    let (value, origin) =
        found.map_or_else(|| (declared.default_value(), Origin::Default), |(value, origin)| (value.clone(), origin));
    if run.ui.json {
        let not_used = run.settings.misfit(&name).map(|failure| failure.message);
        run.ui.document(&json!({
            "schema": "llxprt.setting.v1", "not_used": not_used, "key": name, "value": value, "origin": origin.word(),
            "default": otherwise, "takes": declared.takes(),
        }));
        return Ok(());
    }
    let words = if value.is_null() { otherwise } else { shown(&value) };
    run.ui.prose(&format!("{name} = {words}  ({})", origin.word()));
    run.ui.note(&format!("{} It takes {}.", declared.about, declared.takes()));
    if let Some(failure) = run.settings.misfit(&name) {
        run.ui.warn(&failure.message);
    }
    Ok(())
}

fn list(run: &Run) -> Outcome {
    run.settings.whole()?;
    let rows = run.settings.listed();
    let misfits = run.settings.misfits();
    if run.ui.json {
        let rows: Vec<_> = rows.iter().map(|(k, v, o)| json!({ "key": k, "value": v, "origin": o.word() })).collect();
        let misfits: Vec<_> = misfits.iter().map(|failure| &failure.message).collect();
        run.ui.document(&json!({ "schema": "llxprt.set.v1", "settings": rows, "not_used": misfits }));
        return Ok(());
    }
    let unset = |name: &str| default(run, name, declared::find(name).map_or("", |d| d.default));
    let rows = rows.into_iter().map(|(name, value, origin)| {
        let value = if value.is_null() { unset(&name) } else { shown(&value) };
        (name, value, origin)
    });
    let rows: Vec<(String, String, Origin)> = rows.collect();
    let keys = rows.iter().map(|row| row.0.len()).max().unwrap_or(0);
    let values = rows.iter().map(|row| unicode_width::UnicodeWidthStr::width(row.1.as_str())).max().unwrap_or(0);
    let origins = rows.iter().map(|row| row.2.word().len()).max().unwrap_or(0);
    let fits = keys + 2 + values + 2 + origins <= run.ui.width();
    for (key, value, origin) in &rows {
        if !fits {
            run.ui.prose(&format!("{key}\n  {value}  ({})", origin.word()));
            continue;
        }
        let gap = values - unicode_width::UnicodeWidthStr::width(value.as_str());
        run.ui.data(&format!("{key:keys$}  {value}{}  {}", " ".repeat(gap), origin.word()));
    }
    for failure in misfits {
        run.ui.warn(&failure.message);
    }
    Ok(())
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => crate::ui::clean_line(text),
        other => crate::ui::clean_line(&other.to_string()),
    }
}
