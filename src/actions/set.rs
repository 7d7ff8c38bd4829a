//! `/set`: list, show, change, remove.

use llxprt_commands::{Provider, Set, SetAction};
use serde_json::{Value, json};

use super::{baseurl, key, keyfile};
use crate::chat::max_tokens;
use crate::config::declared::{self, Kind, Named};
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
        Kind::Path => keyfile::kept(text.trim()),
        Kind::Url => baseurl::read(text.trim())?.map_or_else(|| text.to_owned(), |url| url.to_string()),
        Kind::Bool | Kind::Whole(..) | Kind::Choice(_) | Kind::Text | Kind::KeyName | Kind::Any => text.to_owned(),
    };
    run.settings.set(&name, &text)?;
    let value = run.settings.get(&name).map_or(Value::Null, |(v, _)| v.clone());
    run.ui.say(&format!("{name} is {} now, and stays so (settings.json).", shown(&value)));
    if name == "vault.store" {
        run.ui.note("From the next start on, new sign-ins and keys go there. What is stored stays where it is.");
    }
    follow(run, &name)
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
    let was = if run.settings.unset(&name)? { "is removed" } else { "was not set" };
    run.ui.say(&format!("{name} {was}; the default holds: {}.", default(run, &name, declared.default)));
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
