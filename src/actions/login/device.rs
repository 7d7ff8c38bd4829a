//! Signing in with a short code that a person enters on any device. The code is asked about in the background; alone
//! it is a login of its own, beside a paste prompt it races with the other ways to answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use url::Url;

use super::paste_box::{PasteBox, STILL};
use super::race::{Event, open};
use super::verdict::{denied, failed, verified};
use super::{Signed, Wanted, screen};
use crate::auth::no_browser::Begin;
use crate::auth::{Client, Device, Pace, Polled, TokenAnswer, Trouble};
use crate::error::{Code, Failure, Outcome};
use crate::http::Http;
use crate::providers::{Flow, Manifest, OAuth};
use crate::run::Run;
use crate::seams::{Clock, Typed};
use crate::sys::signals::Busy;
use crate::ui::{clean_line, times};

/// How the questions to the provider came to an end.
pub(super) enum Ended {
    Tokens(Box<TokenAnswer>),
    Denied(String),
    /// The code ran out; the words say why the provider could not be asked last.
    Over(Option<String>),
    Failed(Trouble),
}

/// A code that is waited for; dropped, nobody asks any more.
pub(super) struct Waiting {
    code: String,
    page: Url,
    complete: Option<Url>,
    until: i64,
    /// When it runs out.
    pub(super) deadline: Instant,
    asking: AbortHandle,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

impl Waiting {
    /// The address to open, copy or scan: the one with the code in it where there is one.
    fn link(&self) -> &Url {
        self.complete.as_ref().unwrap_or(&self.page)
    }

    /// Shows page, code and how long it works.
    pub(super) fn show(&self, run: &Run) {
        // A person compares the code with what the page says (RFC 8628 5.4).
        let verb = if self.complete.is_some() { "and check the code" } else { "and enter         " };
        let bold = anstyle::Style::new().bold();
        let until = times::at(run.now(), self.until);
        run.ui.whole(&format!("\nOn any device open   {}", self.link()));
        run.ui.say(&format!(
            "{verb}   {bold}{}{bold:#}\n\nThe code works until {until}. Waiting; Ctrl+C cancels.",
            self.code
        ));
    }
}

/// Tells whether this login is one by short code alone: asked for, or the provider's first choice.
///
/// # Errors
/// `E-NO-FLOW` when it was asked for and the provider has none.
pub(super) fn comes_first(manifest: &Manifest, oauth: &OAuth, wanted: &Wanted) -> Outcome<bool> {
    if wanted.how.device && !oauth.flows.contains(&Flow::Device) {
        let words = format!("{} has no sign-in by short code.", manifest.title);
        return Err(Failure::new(Code::NoFlow, words).then(wanted.command()));
    }
    Ok(wanted.how.device || oauth.flows.first() == Some(&Flow::Device))
}

/// Asks for a code and begins to ask whether the person is done.
///
/// # Errors
/// What stands in the way of a code.
pub(super) async fn begin(
    run: &Run,
    manifest: &Manifest,
    oauth: &OAuth,
    client: &Client,
    wanted: &Wanted,
    tell: &UnboundedSender<Event>,
) -> Outcome<Waiting> {
    let now = run.now();
    let device = Device::begin(&run.http, oauth, client, now).await;
    let device = device.map_err(|trouble| match trouble {
        Trouble::Refused(refusal) if oauth.device_openai && refusal.status == 404 => {
            let words = format!("{} does not let this account or workspace sign in by short code.", manifest.title);
            let failure = Failure::new(Code::NoFlow, words);
            if wanted.how.device { failure.then(wanted.command()) } else { failure.say("Use the link instead.") }
        }
        Trouble::Refused(refusal) => {
            let words = format!("{} gave no short code: {}.", manifest.title, clean_line(&refusal.words));
            Failure::new(Code::LoginFailed, words)
        }
        other => failed(manifest, other),
    })?;
    let code = clean_line(&device.user_code);
    if code.is_empty() || code.chars().count() > 64 {
        let words = format!("{}'s answer could not be used: its code is none that a person can enter.", manifest.title);
        return Err(Failure::new(Code::LoginFailed, words));
    }
    let until = now + device.life;
    let (page, complete) = (device.page.clone(), device.complete.clone());
    let deadline = Instant::now() + Duration::from_secs(device.life.unsigned_abs()) + GRACE;
    let asking = {
        let (http, clock, oauth, client, tell) =
            (run.http.clone(), run.clock.clone(), oauth.clone(), client.clone(), tell.clone());
        run.runtime()?.spawn(async move {
            let ended = ask(&http, &oauth, &client, &device, &clock, until).await;
            let _ = tell.send(Event::Device(ended));
        })
    };
    Ok(Waiting { code, page, complete, until, deadline, asking: asking.abort_handle() })
}

/// The last question may be asked one interval after the code has run out; the provider's answer is the better one.
const GRACE: Duration = Duration::from_secs(70);

/// Asks until there is an end. What cannot be reached for a while does not end it, a sleep of the machine neither: the
/// wall clock tells whether the code has run out, and one question is asked after that all the same.
async fn ask(
    http: &Http,
    oauth: &OAuth,
    client: &Client,
    device: &Device,
    clock: &Arc<dyn Clock>,
    until: i64,
) -> Ended {
    let mut pace = Pace::new(device.interval);
    let mut wait = pace.first();
    loop {
        clock.sleep(wait).await;
        let last = clock.now() >= until;
        let polled = device.poll(http, oauth, client, clock.now()).await;
        wait = pace.next(&polled);
        let trouble = match polled {
            Polled::Done(answer) => return Ended::Tokens(answer),
            Polled::Denied(words) => return Ended::Denied(words),
            Polled::Over => return Ended::Over(None),
            Polled::Failed(trouble) => return Ended::Failed(trouble),
            Polled::Unreached(words) => Some(words),
            Polled::Waiting | Polled::Slower(_) => None,
        };
        if last {
            return Ended::Over(trouble);
        }
    }
}

/// Signs in by short code alone. Nothing is stored.
pub(super) fn sign_in(
    run: &Run,
    manifest: &Manifest,
    oauth: &OAuth,
    client: &Client,
    wanted: &Wanted,
    how: &Begin,
) -> Outcome<Signed> {
    let (tell, mut events) = unbounded_channel();
    // From before the screen says that Ctrl-C cancels.
    let mut busy = run.signals.busy();
    let waiting = run.wait(begin(run, manifest, oauth, client, wanted, &tell))?;
    match (how, &waiting.complete) {
        (Begin::Browser { with, .. }, Some(url)) => {
            run.ui.say(&format!("Opening your browser to sign in to {}.", wanted.provider));
            open(run, with, url, &tell);
        }
        (Begin::Link { why, .. } | Begin::CannotAsk { why }, _) => run.ui.say(&format!("No browser opened: {why}.")),
        (Begin::Browser { .. }, None) => {}
    }
    waiting.show(run);
    // There is nothing to paste: the prompt takes the choices of its menu only.
    let mut menu = PasteBox::new(run, tell, run.keyboard.is_person(), "waiting");
    if run.keyboard.is_person() {
        run.ui.say(&screen::menu(run, false));
    }
    let result = wait(run, manifest, oauth, wanted, &waiting, &mut events, &mut menu, &mut busy);
    drop(menu);
    result
}

#[expect(clippy::too_many_arguments, reason = "one loop over everything that a login by short code consists of")]
fn wait(
    run: &Run,
    manifest: &Manifest,
    oauth: &OAuth,
    wanted: &Wanted,
    waiting: &Waiting,
    events: &mut tokio::sync::mpsc::UnboundedReceiver<Event>,
    menu: &mut PasteBox,
    busy: &mut Busy,
) -> Outcome<Signed> {
    let runtime = run.runtime()?;
    let cancelled = || Failure::new(Code::Cancelled, "Sign-in cancelled.");
    let mut still = Instant::now() + STILL;
    menu.ask();
    loop {
        let event = runtime.block_on(async {
            tokio::select! {
                event = events.recv() => event.map(Some).ok_or_else(cancelled),
                () = tokio::time::sleep_until(still), if run.ui.plain => Ok(None),
                () = busy.interrupted() => Err(cancelled()),
                () = tokio::time::sleep_until(waiting.deadline) => Ok(Some(Event::Device(Ended::Over(None)))),
            }
        })?;
        let Some(event) = event else {
            still += STILL;
            menu.still(run, waiting.until);
            continue;
        };
        match event {
            Event::Device(ended) => {
                menu.close();
                return run.wait(self::ended(run, manifest, oauth, wanted, ended));
            }
            Event::OpenerFailed(words) => menu.above(|| {
                run.ui.warn(&format!("Your browser did not open: {}. Use the link.", clean_line(&words)));
            }),
            Event::Typed(Typed::Line(text)) => {
                match text.trim().to_ascii_lowercase().as_str() {
                    "" => {}
                    "c" => run.ui.copy(waiting.link().as_str()),
                    "qr" => run.ui.qr(waiting.link().as_str()),
                    "/quit" | "/exit" => return Err(cancelled()),
                    _ => run.ui.say("There is nothing to paste here: the page asks for the code above."),
                }
                menu.ask();
            }
            Event::Typed(Typed::Cancelled) => return Err(cancelled()),
            Event::Typed(Typed::End | Typed::Broken | Typed::Nobody) | Event::Callback(_) => {}
        }
    }
}

/// Makes a login of what came of the code.
pub(super) async fn ended(
    run: &Run,
    manifest: &Manifest,
    oauth: &OAuth,
    wanted: &Wanted,
    ended: Ended,
) -> Outcome<Signed> {
    match ended {
        Ended::Tokens(answer) => verified(run, manifest, oauth, *answer).await,
        Ended::Denied(words) => Err(denied(manifest, "access_denied", Some(&words))),
        Ended::Over(trouble) => {
            let trouble = trouble.map_or(String::new(), |words| format!(" Last: {}.", clean_line(&words)));
            let words = format!("The code ran out before anybody approved it. Nothing changed.{trouble}");
            Err(Failure::new(Code::Timeout, words).then(wanted.command()))
        }
        Ended::Failed(Trouble::Refused(refusal)) => {
            let words = format!("{} ended the sign-in: {}.", manifest.title, clean_line(&refusal.words));
            let hint = manifest.no_access(&refusal.code).or_else(|| manifest.no_access(&refusal.words));
            let failure = Failure::new(Code::LoginFailed, words);
            Err(match hint {
                Some(hint) => failure.say(hint),
                None => failure.then(wanted.command()),
            })
        }
        Ended::Failed(trouble) => Err(failed(manifest, trouble)),
    }
}

#[cfg(test)]
mod tests;
