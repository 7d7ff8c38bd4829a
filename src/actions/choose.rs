//! `/provider`, `/model`, `/clear`, `/quit`, and the prompt that says who would answer.

use llxprt_commands::{Account, Bucket, Command, Model, Profile, ProfileAction, ProfileName, Provider, ProviderChoice};
use serde_json::json;

use unicode_width::UnicodeWidthStr as _;

use super::{baseurl, credential, profile};
use crate::auth::precedence::Source;
use crate::error::Outcome;
use crate::providers::Manifest;
use crate::run::Run;
use crate::ui::clean_line;

/// From so many columns on, the prompt has room for who an account is beside what it is called.
const ROOMY: usize = 60;

/// `/provider [NAME]`
pub(super) fn provider(run: &mut Run, choice: ProviderChoice) -> Outcome {
    let ProviderChoice { name } = choice;
    let Some(name) = name else {
        let active = run.active_known()?;
        if run.ui.json {
            let rows = run.registry.all().map(|m| json!({ "provider": m.name.as_str(), "title": m.title }));
            run.ui.document(&json!({
                "schema": "llxprt.provider.v1", "active": active.as_ref().map(Provider::as_str),
                "providers": rows.collect::<Vec<_>>(),
            }));
            return Ok(());
        }
        for manifest in run.registry.all() {
            let mark = if active.as_ref() == Some(&manifest.name) { "*" } else { " " };
            run.ui.data(&format!("{mark} {:12} {}", manifest.name, manifest.title));
        }
        return Ok(());
    };
    let title = run.manifest(&name)?.title.clone();
    let of_another = run.chosen.profile.as_ref().is_some_and(|loaded| loaded.provider != name);
    let left = of_another.then(|| profile::leave(run)).flatten();
    if let Some(left) = left.as_ref().filter(|_| !by_default(run)) {
        run.ui.note(&format!("The profile {left} is no longer used."));
    }
    run.settings.remember("provider", Some(name.as_str()))?;
    run.settings.remember("model", None)?;
    run.chosen.provider = None;
    run.chosen.model = None;
    run.ui.say(&format!("{title} answers from now on, with {}.", model_name(run)));
    tell_default(run, left);
    baseurl::warn_foreign(run, &name)
}

/// Tells whether a profile that is loaded will be loaded again by the next run in this shell.
fn by_default(run: &Run) -> bool {
    !run.ui.session && run.flags.profile_load.is_none()
}

/// Says in the shell that the default profile goes before what was chosen.
fn tell_default(run: &Run, profile: Option<ProfileName>) {
    if let Some(profile) = profile.filter(|_| by_default(run)) {
        let none = ProfileAction::SetDefault { name: "none".to_owned() };
        let none = run.typed(&Command::Profile(Profile { action: Some(none) }));
        run.ui.warn(&format!(
            "But the profile {profile} is loaded at every start and goes before that. To end it: {none}"
        ));
    }
}

/// `/model [NAME]`
pub(super) fn model(run: &mut Run, model: Model) -> Outcome {
    let Model { name } = model;
    match name {
        Some(name) => {
            run.settings.remember("model", Some(&name))?;
            // The model of a loaded profile gives way to one that was typed after it.
            run.chosen.model = run.chosen.profile.is_some().then_some(name.clone());
            run.ui.say(&format!("{} answers from now on.", clean_line(&name)));
            let of_profile = run.chosen.profile.as_ref().is_some_and(|profile| profile.model.is_some());
            tell_default(run, of_profile.then(|| profile::loaded(run)).flatten());
        }
        None if run.ui.json => {
            need_model(run)?;
            let provider = run.active_known()?;
            let manifest = provider.as_ref().and_then(|p| run.registry.get(p));
            run.ui.document(&json!({
                "schema": "llxprt.model.v1", "provider": provider.as_ref().map(Provider::as_str),
                "model": model_given(run), "models": manifest.map_or(&[][..], |m| &m.models),
            }));
        }
        None => {
            need_model(run)?;
            run.active_known()?;
            run.ui.data(&clean_line(&model_name(run)));
            if let Some(manifest) = run.active().and_then(|p| run.registry.get(&p)) {
                run.ui.note(&format!("{} names: {}", manifest.title, manifest.models.join(", ")));
            }
        }
    }
    Ok(())
}

/// Returns the model that answers.
pub(super) fn model_name(run: &Run) -> String {
    model_given(run).unwrap_or_else(|| "no model".into())
}

/// Returns the model that would answer at a provider: another than the active one begins with its own.
pub(super) fn model_at(run: &Run, manifest: &Manifest) -> String {
    let given = if run.active().is_none_or(|active| active == manifest.name) { model_given(run) } else { None };
    given.unwrap_or_else(|| manifest.default_model.clone())
}

/// Fails where the remembered model decides and cannot be read.
pub(super) fn need_model(run: &Run) -> Outcome {
    let chosen = run.chosen.model.is_some() || run.chosen.profile.as_ref().is_some_and(|p| p.model.is_some());
    if chosen { Ok(()) } else { run.settings.need("model") }
}

fn model_given(run: &Run) -> Option<String> {
    let remembered = || run.settings.in_file("model").and_then(|v| v.as_str()).map(str::to_owned);
    let default = || run.active().and_then(|p| run.registry.get(&p)).map(|m| m.default_model.clone());
    let profile = || run.chosen.profile.as_ref().and_then(|p| p.model.clone());
    run.chosen.model.clone().or_else(profile).or_else(remembered).or_else(default)
}

/// `/clear`
pub(super) fn clear(run: &mut Run) -> Outcome {
    run.conversation.clear();
    run.ui.say("The conversation starts anew.");
    Ok(())
}

/// `/quit`
pub(super) fn quit(run: &mut Run) -> Outcome {
    run.leaving = true;
    Ok(())
}

/// Returns the session's prompt: who would answer.
pub fn status_line(run: &Run) -> String {
    let mark = if run.ui.plain { "> " } else { " › " };
    let Some(provider) = run.active() else { return format!("no account{mark}") };
    let who = || {
        let index = run.index().ok()?;
        let resolution = credential::resolution_with(run, run.registry.get(&provider)?, &index);
        let winner = resolution.winner?;
        match winner.source {
            Source::OAuth => {}
            Source::Variable(name) => return Some(name),
            _ => return Some(format!("key {}", winner.tail.unwrap_or_default())),
        }
        let bucket: Bucket = winner.detail.parse().ok()?;
        let is_default = bucket == Bucket::default();
        match index.entry(&Account { provider: provider.clone(), bucket }) {
            None => Some("(sign in on first use)".to_owned()),
            // The label is what can be typed; this one says nothing of who it is.
            Some(entry) if is_default => Some(match entry.identity.as_deref() {
                Some(identity) if run.ui.width() >= ROOMY => format!("{} ({})", winner.detail, clean_line(identity)),
                Some(_) | None => winner.detail,
            }),
            Some(_) => Some(winner.detail),
        }
    };
    let line = format!("{provider} {}{mark}", who().unwrap_or_else(|| "(no account)".to_owned()));
    // A prompt that fills the line leaves the cursor no place in it.
    let line = if line.width() < run.ui.width() { line } else { mark.trim_start().to_owned() };
    run.ui.marks(&line).into_owned()
}
