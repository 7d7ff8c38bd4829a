//! One request and its answer as it comes.

use std::time::Duration;

use url::Url;

use crate::chat::{Auth, Finished, Piece, Trouble, send};
use crate::error::{Code, Outcome};
use crate::providers::Manifest;
use crate::run::Run;

/// How a request ended.
pub(super) enum End {
    /// The answer is whole.
    Whole(Finished),
    /// It did not come, or not whole.
    Broke(Trouble),
    /// A person stopped it after its first word.
    Stopped,
}

/// What came of one request.
pub(super) struct Attempt {
    /// How it ended.
    pub(super) end: End,
    /// Something of it is on the screen.
    pub(super) shown: bool,
    /// What came, as the provider sent it.
    pub(super) text: String,
}

/// Sends the conversation once and shows what comes; `told` is where a login's own answer said that the API is.
///
/// # Errors
/// `E-CANCELLED` when a person stopped it before its first word.
pub(super) fn attempt(
    run: &Run,
    manifest: &Manifest,
    model: &str,
    auth: &Auth,
    claims: Vec<(String, String)>,
    told: Option<Url>,
) -> Outcome<Attempt> {
    let oauth = matches!(auth, Auth::Token(_));
    let dialect = manifest.dialect(oauth);
    let base = run.base_url(manifest).or(told).unwrap_or_else(|| manifest.base_url(oauth).clone());
    let mut request = dialect.request(&base, model, &run.conversation, &run.settings.model_params());
    request.headers.extend(claims);
    request.headers.extend(manifest.api.headers.clone());
    if oauth {
        request.headers.extend(manifest.api.oauth_headers.clone());
    }
    let mut answer = run.ui.answer();
    let reasoning = run.settings.truth("show.reasoning")?;
    let idle = Duration::from_secs(run.settings.whole_number("stream.idleSeconds", 120)?);
    let sent = run.wait(async {
        let show = |piece: Piece<'_>| match piece {
            Piece::Text(text) => answer.text(&text),
            Piece::Reasoning(text) if reasoning => answer.reasoning(&text),
            _ => {}
        };
        Ok(send(&run.http, dialect, &request, auth, idle, show).await)
    });
    let shown = answer.shown();
    let text = answer.end();
    let end = match sent {
        Ok(Ok(finished)) => End::Whole(finished),
        Ok(Err(trouble)) => End::Broke(trouble),
        Err(failure) if failure.code == Code::Cancelled && shown && run.ui.session => End::Stopped,
        Err(failure) => return Err(failure),
    };
    Ok(Attempt { end, shown, text })
}
