//! `/log`: what happened.

use serde_json::{Value, json};

use crate::error::{Code, Failure, Outcome};
use crate::run::Run;
use crate::ui::times;

/// Notes what a provider refused or what stood between it and us; what a person mistyped or cancelled is nobody's news.
pub(super) fn note(run: &Run, who: &str, what: &str, failure: &Failure) {
    use Code::*;
    let news = matches!(
        failure.code,
        Denied
            | Timeout
            | Identity
            | State
            | LoginFailed
            | Retired
            | OtherHost
            | Refused
            | Answer
            | Stream
            | Offline
            | Tls
            | Limit
    );
    if news {
        run.log.note(run.now(), who, &format!("{what}: {} {}", failure.message, failure.code.text()));
    }
}

/// Shows the newest lines.
pub(super) fn log(run: &Run) -> Outcome {
    let place = run.log.path().display();
    let text =
        run.log.newest().map_err(|e| Failure::new(Code::File, format!("The log {place} cannot be read: {e}.")))?;
    let text = crate::ui::clean(&text);
    if run.ui.json {
        let entries: Vec<Value> = text.lines().filter(|line| !line.is_empty()).map(entry).collect();
        run.ui.document(&json!({ "schema": "llxprt.log.v1", "path": place.to_string(), "entries": entries }));
        return Ok(());
    }
    if text.is_empty() {
        run.ui.note("Nothing has happened yet.");
        return Ok(());
    }
    run.ui.data(&text.lines().map(here).collect::<Vec<_>>().join("\n"));
    run.ui.note(&format!("From {place}"));
    Ok(())
}

/// Takes a line apart as [`crate::sys::log::Log::note`] writes it: when, whom it is about, what happened. One that
/// somebody else wrote is words alone.
fn entry(line: &str) -> Value {
    let mut parts = line.splitn(3, "  ");
    match (parts.next(), parts.next(), parts.next()) {
        (Some(at), Some(who), Some(words)) if at.ends_with('Z') => json!({ "at": at, "who": who, "words": words }),
        _ => json!({ "at": null, "who": null, "words": line }),
    }
}

/// A line with its time as the clock here shows it; the file has it in UTC.
fn here(line: &str) -> String {
    let time = line.split_once("  ").and_then(|(at, rest)| Some((times::stamp(at)?, rest)));
    time.map_or_else(|| line.to_owned(), |(at, rest)| format!("{at}  {rest}"))
}
