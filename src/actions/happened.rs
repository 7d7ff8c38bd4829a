//! `/log`: what happened.

use crate::error::{Code, Failure, Outcome};
use crate::run::Run;

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
