//! `/key`: API keys, saved in the vault or for this session only.

mod saved;

use llxprt_commands::{Key, KeyAction, Provider};
use serde_json::json;

use super::{credential, status};
use crate::auth::precedence::{Given, Source};
use crate::error::{Code, Failure, Outcome};
use crate::run::Run;
use crate::secret::Secret;

/// Shorter ones are mistyped words: `/key lsit` must not become a key.
const SHORTEST: usize = 8;

/// `/key [KEY|none|ACTION]`
pub(super) fn key(run: &mut Run, key: Key) -> Outcome {
    let Key { key, action } = key;
    match (action, key) {
        (Some(KeyAction::Save { name, key }), _) => saved::save(run, &name, key),
        (Some(KeyAction::Load { name }), _) => saved::load(run, name),
        (Some(KeyAction::List), _) => saved::list(run),
        (Some(KeyAction::Show { name }), _) => saved::show(run, &name),
        (Some(KeyAction::Delete { name }), _) => saved::delete(run, &name),
        (None, None) => used(run),
        (None, Some(word)) if word == "none" => none(run),
        (None, Some(text)) => take(run, &text),
    }
}

/// Uses a key in this session, for the provider active now.
fn take(run: &mut Run, text: &str) -> Outcome {
    let provider = active(run, "A key")?;
    let key = checked(text).map_err(|why| Failure::new(Code::Key, format!("That is no key: {why}.")))?;
    if key.expose().chars().count() < SHORTEST {
        let words = format!("That is too short for a key (under {SHORTEST} characters), so nothing changed.");
        let help = llxprt_commands::Help { words: vec!["key".to_owned()] };
        return Err(Failure::new(Code::Key, words).then(llxprt_commands::Command::Help(help)));
    }
    run.log.hide(&key);
    forget(run, &provider);
    run.chosen.keys.insert(provider.clone(), key.clone());
    let is = used_or_held(run, &provider, &Source::SessionKey);
    run.ui.say(&format!("The key {} is {is} for {provider} in this session, and kept nowhere.", key.tail()));
    warn_foreign(run, &provider, &key);
    tell_used(run, &provider)
}

/// Takes away what this session was given with `/key`.
fn none(run: &mut Run) -> Outcome {
    let provider = active(run, "A key")?;
    let there = run.chosen.keys.remove(&provider).is_some() | run.chosen.loaded_keys.remove(&provider).is_some();
    run.ui.say(&match there {
        true => format!("This session's key for {provider} is forgotten."),
        false => format!("This session was given no key for {provider}."),
    });
    tell_used(run, &provider)
}

/// Says what the active provider uses.
fn used(run: &mut Run) -> Outcome {
    run.settings.whole()?;
    let provider = active(run, "A key")?;
    let resolution = credential::resolution(run, &provider)?;
    if run.ui.json {
        run.ui.document(&json!({
            "schema": "llxprt.key.used.v1", "provider": provider.as_str(), "credential": resolution.credential_json(),
        }));
    } else {
        run.ui.data(&resolution.headline());
    }
    Ok(())
}

/// Takes away what the session itself chose for a provider: the newest choice counts.
pub(super) fn forget(run: &mut Run, provider: &Provider) {
    run.chosen.keys.remove(provider);
    run.chosen.keyfiles.remove(provider);
    run.chosen.loaded_keys.remove(provider);
}

/// The verb for what a session was given: `authOnly`, or a place that goes before, may keep it from being used.
pub(super) fn used_or_held(run: &Run, provider: &Provider, source: &Source) -> &'static str {
    let winner = credential::resolution(run, provider).ok().and_then(|resolution| resolution.winner);
    if winner.is_some_and(|winner| winner.source == *source) { "used" } else { "held" }
}

/// Says what a provider uses now, and that a key wins over its sign-in.
pub(super) fn tell_used(run: &mut Run, provider: &Provider) -> Outcome {
    let resolution = credential::resolution(run, provider)?;
    match resolution.shadow_note() {
        // It says the same and more.
        Some(_) => status::say_shadow(run, provider),
        None => {
            run.ui.note(&resolution.headline());
            Ok(())
        }
    }
}

/// Warns of a key that looks like another provider's.
pub(super) fn warn_foreign(run: &mut Run, provider: &Provider, key: &Secret) {
    if let Some(words) = credential::foreign(run, provider, key) {
        run.first_time(&words);
        run.ui.warn(&words);
    }
}

/// Returns the provider that a key, a key file or an address belongs to: the active one.
///
/// # Errors
/// `E-USAGE` when none is active, or what is wrong with the place where it is remembered.
pub(super) fn active(run: &Run, what: &str) -> Outcome<Provider> {
    if let Some(provider) = run.active_known()? {
        return Ok(provider);
    }
    let words = format!("{what} belongs to the active provider, and none is active.");
    let names: Vec<&str> = run.registry.all().map(|m| m.name.as_str()).collect();
    let flag = if run.ui.session { "/provider NAME chooses one" } else { "--provider NAME chooses one" };
    Err(Failure::new(Code::Usage, words).say(format!("{flag}: {}.", names.join(", "))))
}

/// Takes a text as a key, without the blanks and the byte order mark around it.
///
/// # Errors
/// Why it is none, as the end of a sentence that does not repeat it.
pub(super) fn checked(text: &str) -> Result<Secret, String> {
    const LONGEST: usize = 64 << 10;
    let text = text.trim_start_matches('\u{feff}');
    match Given::named(text) {
        Given::Broken(why) => Err(why),
        Given::Value(_) | Given::Absent if text.len() > LONGEST => Err("it is longer than 64 KiB".to_owned()),
        Given::Value(_) | Given::Absent => Ok(Secret::new(text.trim())),
    }
}
