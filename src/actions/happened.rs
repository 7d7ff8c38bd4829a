//! `/log`: what happened.

use crate::error::{Code, Failure, Outcome};
use crate::run::Run;

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
    if text.is_empty() {
        run.ui.note("Nothing has happened yet.");
        return Ok(());
    }
    run.ui.data(&crate::ui::clean(&text));
    run.ui.note(&format!("From {place}"));
    Ok(())
}
