//! The question before a login that its provider has limited or ended (design 4.5). The sandbox asks too.

use super::{Wanted, for_good};
use crate::auth::precedence::save_key;
use crate::error::{Code, Failure, Outcome};
use crate::providers::{Manifest, OAuth, Status};
use crate::run::Run;
use crate::seams::Typed;

/// Asks, unless a yes is remembered; a yes is remembered for that date of the restriction.
pub(super) fn accept(run: &mut Run, wanted: &Wanted, manifest: &Manifest, oauth: &OAuth) -> Outcome {
    let since = oauth.since.as_deref().unwrap_or_default();
    let setting = format!("auth.{}.accepted", manifest.name);
    if oauth.status == Status::Active || run.settings.text(&setting)? == Some(since) {
        return Ok(());
    }
    let key = save_key(manifest.key_provider());
    let reason = oauth.reason.as_deref().unwrap_or("its owner limits such sign-ins");
    let (words, code) = match oauth.status {
        Status::Retired => (format!("{} ended this sign-in on {since}: {reason}.", manifest.title), "W-RETIRED"),
        _ => (format!("{reason} (since {since})."), "W-RESTRICTED"),
    };
    let link = oauth.link.as_deref().unwrap_or_default();
    let person = run.keyboard.is_person();
    if oauth.status == Status::Retired && !person {
        let failure = Failure::new(Code::Retired, format!("{words} A key is the way now:"));
        return Err(failure.next(key).say(link));
    }
    run.ui.warn(&format!("{words}  {code}"));
    run.ui.say(format!("  {}   {link}", run.ui.next(&key)).trim_end());
    if !person {
        return Ok(());
    }
    match run.keyboard.ask("Sign in all the same? [y/N] ") {
        Typed::Line(answer) if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") => {
            run.settings.lift(&setting);
            let kept = run.settings.set(&setting, since);
            if for_good(run, wanted, kept)? { Ok(()) } else { run.settings.set_for_run(&setting, since) }
        }
        Typed::Cancelled | Typed::Broken => Err(Failure::new(Code::Cancelled, "Sign-in cancelled.")),
        _ => Err(Failure::new(Code::Denied, "Not signed in. Nothing changed. The way by key:").next(key)),
    }
}
