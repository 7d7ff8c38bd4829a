//! One login, several ways to answer it: callback and paste race, the first good answer wins, the others leave
//! nothing behind (`docs/security.md`, login).

mod typed;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use self::typed::typed_in;
use super::device::{self, Ended, Waiting};
use super::pages::page;
use super::paste_box::{PasteBox, STILL};
use super::verdict::{complete, denied, same_issuer};
use super::works::{Done, From, Works};
use super::{Signed, Wanted, screen};
use crate::auth::no_browser::{Begin, Opener, PasteFrom};
use crate::auth::{Attempt, Client};
use crate::error::{Code, Failure, Outcome};
use crate::providers::{Flow, Manifest, OAuth, StateIn};
use crate::run::Run;
use crate::seams::Typed;
use crate::secret::Secret;
use crate::sys::browser::{self, Start};
use crate::sys::listener::{Bound, Callback, Listening};
use crate::sys::signals::Busy;
use crate::ui::{clean_line, times};

/// How long the page in the browser is held for the verdict.
const HOLD: Duration = Duration::from_secs(10);

/// What happens while a login waits.
pub(super) enum Event {
    Callback(Callback),
    Typed(Typed),
    OpenerFailed(String),
    Device(Ended),
}

/// The attempts of one login, and the end of the way back from the browser.
struct Course {
    attempts: Vec<Arc<Attempt>>,
    listening: Option<Listening>,
    port: Option<u16>,
    deadline: Instant,
    /// The short code, once it was asked for.
    device: Option<Waiting>,
    /// The last wrong paste: where the terminal does not mark a paste, the rest of it may come as a line of its own.
    begun: Option<Secret>,
    /// The input has not ended.
    open: bool,
    /// The browser came back.
    from_browser: bool,
    /// Pages in the browser that wait for the verdict, and how long.
    held: Vec<Callback>,
    hold_until: Option<Instant>,
    /// Why an answer was none while another one is still tried.
    failure: Option<Failure>,
    /// From before the screen says that Ctrl-C cancels.
    busy: Busy,
    tell: UnboundedSender<Event>,
}

impl Course {
    fn hold(&mut self, callback: Callback) {
        self.held.push(callback);
        self.hold_until.get_or_insert_with(|| Instant::now() + HOLD);
    }
}

/// Who signs in where, and how.
#[derive(Clone, Copy)]
struct With<'a> {
    run: &'a Run,
    manifest: &'a Manifest,
    oauth: &'a OAuth,
    client: &'a Client,
    wanted: &'a Wanted,
}

/// What a login that waits attends to.
#[expect(clippy::large_enum_variant, reason = "one at a time, taken apart at once")]
enum Next {
    Event(Event),
    Done(Done),
    /// The pages in the browser were held long enough.
    Held,
    /// Nothing came for a while.
    Still,
}

/// Signs in at the provider. Nothing is stored.
pub(super) fn race(
    run: &mut Run,
    manifest: &Manifest,
    oauth: &OAuth,
    client: &Client,
    wanted: &Wanted,
    begin: Begin,
) -> Outcome<Signed> {
    let (tell, mut events) = unbounded_channel();
    let mut course = set_out(run, oauth, client, wanted, &begin, &tell)?;
    let link = course.attempts.last().map(|a| a.url.clone()).unwrap_or_else(|| oauth.token_url.clone());
    let until = run.now() + patience(run).as_secs() as i64;
    screen::invite(run, wanted, oauth, &begin, &link, course.port, until);
    if let Begin::Browser { with, .. } = &begin {
        open(run, with, &course.attempts[0].url, &tell);
    }
    let reads = reads(&begin);
    let piped = matches!(begin, Begin::Link { from: PasteFrom::Stdin, .. });
    let mut box_ = PasteBox::new(run, tell, reads, "paste");
    if reads && !piped {
        screen::answer(run, oauth, &begin, course.port);
        run.ui.say(&screen::menu(run, oauth.flows.contains(&Flow::Device)));
    }
    let result = wait(With { run, manifest, oauth, client, wanted }, &mut course, &mut events, &mut box_);
    drop(box_);
    verdict_page(manifest, &mut course, &mut events, &result);
    // Dropped before anything else is said: the port is free for the next login.
    course.listening = None;
    course.device = None;
    while let Ok(event) = events.try_recv() {
        if let Event::Callback(late) = event {
            late.answer(&page("This sign-in is over", "It ended in the terminal. You can close this page."));
        }
    }
    run.chosen.earlier_states.extend(course.attempts.iter().map(|a| a.state.clone()));
    result
}

/// Tells the browser how it ended, if it came back.
fn verdict_page(
    manifest: &Manifest,
    course: &mut Course,
    events: &mut UnboundedReceiver<Event>,
    result: &Outcome<Signed>,
) {
    if !course.from_browser {
        return;
    }
    while let Ok(event) = events.try_recv() {
        if let Event::Callback(again) = event {
            course.held.push(again);
        }
    }
    let page = match result {
        Ok(signed) if signed.unverified.is_some() => {
            page("Almost there", "The sign-in is kept and not verified yet. Go back to the terminal.")
        }
        Ok(signed) => {
            let who = signed.identity.email.as_deref().map_or(String::new(), |e| format!(" as {e}"));
            page("Signed in", &format!("You signed in to {}{who}. Go back to the terminal.", manifest.title))
        }
        Err(failure) => page("Not signed in", &failure.message),
    };
    for callback in course.held.drain(..) {
        callback.answer(&page);
    }
}

/// Binds the listener before anything is opened, and makes the attempts.
fn set_out(
    run: &Run,
    oauth: &OAuth,
    client: &Client,
    wanted: &Wanted,
    begin: &Begin,
    tell: &UnboundedSender<Event>,
) -> Outcome<Course> {
    let busy = run.signals.busy();
    let hint = Some(wanted.bucket.as_str()).filter(|b| b.contains('@'));
    let attempt = |redirect: &str| Attempt::new(oauth, client, redirect, hint);
    let page = oauth.paste_redirect.as_ref().map(|url| url.as_str().to_owned());
    let mut attempts = Vec::new();
    let mut bound = None;
    // A link for another device cannot come back here, where the provider has a page for that; otherwise its address
    // is what will be copied, and a tunnel may still bring the browser back.
    let comes_back = oauth.flows.contains(&Flow::Browser);
    if (comes_back && matches!(begin, Begin::Browser { .. })) || page.is_none() {
        match Bound::new(&oauth.redirect.host, &oauth.redirect.ports) {
            Ok(b) => {
                if let Some(first) = oauth.redirect.ports.first().filter(|first| **first != b.port) {
                    let other = b.port;
                    run.ui.note(&format!("Port {first} is in use. Using {other} instead; this provider allows it."));
                }
                bound = Some(b);
            }
            Err(taken) if reads(begin) && (page.is_some() || !oauth.redirect.ports.is_empty()) => {
                let words = format!("No port that this provider allows is free ({}).", clean_line(&taken.0));
                run.ui.warn(&format!("{words} Paste mode is ready instead.  {}", Code::Port.text()));
                if page.is_none() && matches!(begin, Begin::Browser { .. }) {
                    run.ui.say("After you approve, copy the whole address of the last page, whatever it shows, and paste it here.");
                }
            }
            Err(taken) => return Err(Failure::new(Code::Port, format!("No port is free here: {}.", taken.0))),
        }
        let port = bound.as_ref().map(|b| b.port).or(oauth.redirect.ports.first().copied()).unwrap_or_default();
        if bound.is_some() || page.is_none() {
            let redirect = format!("http://{}:{port}{}", oauth.redirect.host, oauth.redirect.path);
            attempts.push(Arc::new(attempt(&redirect)?));
        }
    }
    if !comes_back {
        bound = None;
    }
    if let Some(page) = page {
        attempts.push(Arc::new(attempt(&page)?));
    }
    let port = bound.as_ref().map(|b| b.port);
    let listening = match bound {
        None => None,
        Some(bound) => {
            let in_path = oauth.state_in == StateIn::Path;
            let states: Vec<_> = attempts.iter().map(|a| a.state.clone()).collect();
            let ours = move |tail: &str, query: &[(String, String)]| {
                let state = match in_path {
                    true => Some(tail),
                    false => query.iter().find(|(k, _)| k == "state").map(|(_, v)| v.as_str()),
                };
                let same = |s: &&String| state.is_some_and(|state| constant_time_eq(s, state));
                (in_path || tail.is_empty()) && states.iter().any(|s| same(&s))
            };
            let (listening, mut callbacks) = bound
                .serve(&oauth.redirect.path, ours)
                .map_err(|e| Failure::new(Code::Port, format!("The way back from the browser failed: {e}.")))?;
            let tell = tell.clone();
            run.runtime()?.spawn(async move {
                while let Some(callback) = callbacks.recv().await {
                    if tell.send(Event::Callback(callback)).is_err() {
                        return;
                    }
                }
            });
            Some(listening)
        }
    };
    let tell = tell.clone();
    Ok(Course {
        attempts,
        listening,
        port,
        deadline: Instant::now() + patience(run),
        device: None,
        begun: None,
        open: true,
        from_browser: false,
        held: Vec::new(),
        hold_until: None,
        failure: None,
        busy,
        tell,
    })
}

/// How long a login waits for its answer.
fn patience(run: &Run) -> Duration {
    // A value that does not count has ended the login before it began.
    Duration::from_secs(run.settings.whole_number("auth.waitSeconds", 600).unwrap_or(600))
}

/// Tells whether somebody can paste an answer.
fn reads(begin: &Begin) -> bool {
    match begin {
        Begin::Browser { paste, .. } => *paste,
        Begin::Link { .. } | Begin::CannotAsk { .. } => true,
    }
}

fn constant_time_eq(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |acc, (a, b)| acc | (a ^ b)) == 0
}

/// Waits until one answer is good, or none can be.
fn wait<'a>(
    with: With<'a>,
    course: &mut Course,
    events: &mut UnboundedReceiver<Event>,
    paste: &mut PasteBox,
) -> Outcome<Signed> {
    let run = with.run;
    let runtime = run.runtime()?;
    let cancelled = || Failure::new(Code::Cancelled, "Sign-in cancelled.");
    let mut works = Works::<'a>::default();
    let mut still = Instant::now() + STILL;
    paste.ask();
    loop {
        let idle = works.is_empty();
        let hold = course.hold_until.unwrap_or(course.deadline);
        let next = runtime.block_on(async {
            tokio::select! {
                event = events.recv() => event.map(Next::Event).ok_or_else(cancelled),
                done = works.next() => Ok(Next::Done(done)),
                () = tokio::time::sleep_until(hold), if course.hold_until.is_some() => Ok(Next::Held),
                () = tokio::time::sleep_until(still), if run.ui.plain => Ok(Next::Still),
                () = course.busy.interrupted() => Err(cancelled()),
                // An answer that came in time is tried to its end.
                () = tokio::time::sleep_until(course.deadline), if idle => Err(too_late(run, with.wanted)),
            }
        })?;
        match next {
            Next::Event(Event::OpenerFailed(words)) => paste.above(|| {
                run.ui.warn(&format!("Your browser did not open: {}. Use the link.", clean_line(&words)));
            }),
            Next::Event(Event::Callback(callback)) => {
                paste.close();
                came_back(with, course, &mut works, callback)?;
            }
            Next::Event(Event::Device(ended)) => {
                paste.close();
                course.device = None;
                let With { manifest, oauth, wanted, .. } = with;
                works.sign(From::Device, None, device::ended(run, manifest, oauth, wanted, ended));
            }
            // Typed in the moment in which another answer came first.
            Next::Event(Event::Typed(typed)) if works.signing() && typed != Typed::Cancelled => paste.close(),
            Next::Event(Event::Typed(typed)) => {
                paste.close();
                typed_in(with, course, &mut works, typed)?;
                if course.open && works.is_empty() {
                    paste.ask();
                }
            }
            Next::Done(Done::Begun(begun)) => {
                match begun {
                    Ok(waiting) if !works.signing() => {
                        waiting.show(run);
                        course.deadline = course.deadline.max(waiting.deadline);
                        course.device = Some(waiting);
                    }
                    Err(failure) if !works.signing() => run.ui.tell(&failure),
                    // Too late: an answer is being tried already.
                    Ok(_) | Err(_) => {}
                }
                if works.is_empty() {
                    paste.ask();
                }
            }
            Next::Done(Done::Signed(from, signed)) => {
                match signed {
                    Ok(signed) => return Ok(signed),
                    Err(failure) => not_good(with, course, &mut works, from, failure)?,
                }
                if works.is_empty() {
                    paste.ask();
                }
            }
            Next::Still => {
                still += STILL;
                let left = course.deadline.saturating_duration_since(Instant::now());
                paste.still(run, run.now() + left.as_secs() as i64);
            }
            Next::Held => {
                course.hold_until = None;
                for callback in course.held.drain(..) {
                    callback.answer(&page("Almost there", "Look at the terminal: the sign-in is still being checked."));
                }
            }
        }
    }
}

fn too_late(run: &Run, wanted: &Wanted) -> Failure {
    let time = times::span(patience(run).as_secs() as i64);
    let words = format!("Nobody finished the sign-in within {time}. Nothing changed.");
    Failure::new(Code::Timeout, words).then(wanted.command())
}

/// The browser came back with a state of ours.
fn came_back<'a>(with: With<'a>, course: &mut Course, works: &mut Works<'a>, callback: Callback) -> Outcome<()> {
    let With { manifest, oauth, .. } = with;
    // A reload gets the same page and does nothing.
    if course.from_browser {
        course.hold(callback);
        return Ok(());
    }
    let get = |name: &str| callback.query.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone());
    let state = if oauth.state_in == StateIn::Path { Some(callback.tail.clone()) } else { get("state") };
    let which = course.attempts.iter().position(|a| state.as_deref().is_some_and(|s| a.has_state(s)));
    let Some(which) = which else { return Err(Failure::new(Code::State, "The answer had no state of ours.")) };
    if let Some(issuer) = get("iss").filter(|iss| !same_issuer(oauth, iss)) {
        callback.answer(&page("Not signed in", "The answer came from another provider."));
        let words = format!("The answer came from {}, not from {}.", clean_line(&issuer), manifest.title);
        return Err(Failure::new(Code::State, words));
    }
    if let Some(error) = get("error") {
        let denied = denied(manifest, &error, get("error_description").as_deref());
        callback.answer(&page("Not signed in", &denied.message));
        return Err(denied);
    }
    let Some(code) = get("code").filter(|c| !c.is_empty()) else {
        callback.answer(&page("Not signed in", "The provider sent no code."));
        return Err(Failure::new(Code::LoginFailed, "The provider came back without a code. Nothing changed."));
    };
    course.from_browser = true;
    course.hold(callback);
    // Pasted meanwhile: a second exchange would end what the first one brings (RFC 6749 4.1.2).
    if !works.exchanges(which, &code) {
        exchange(with, course, works, From::Browser, which, Secret::new(code));
    }
    Ok(())
}

/// Begins to exchange a code.
fn exchange<'a>(with: With<'a>, course: &Course, works: &mut Works<'a>, from: From, which: usize, code: Secret) {
    let With { run, manifest, oauth, client, .. } = with;
    let (attempt, sent) = (course.attempts[which].clone(), code.clone());
    works.sign(from, Some((which, code)), async move {
        complete(run, manifest, oauth, client, &attempt, sent.expose()).await
    });
}

/// An answer was none. The login goes on where another may still be good.
fn not_good<'a>(
    with: With<'a>,
    course: &mut Course,
    works: &mut Works<'a>,
    from: From,
    failure: Failure,
) -> Outcome<()> {
    if works.signing() {
        match from {
            From::Device if course.from_browser => {}
            From::Device => with.run.ui.tell(&failure),
            From::Paste(_) | From::Browser => {
                course.failure.get_or_insert(failure);
            }
        }
        return Ok(());
    }
    // Of several the first one is told; the browser shows it too.
    let failure = course.failure.take().unwrap_or(failure);
    if course.from_browser || !with.run.keyboard.is_person() {
        return Err(failure);
    }
    match from {
        // A wrong paste keeps the login alive.
        From::Paste(text) if failure.code == Code::LoginFailed => {
            // The line editor keeps a paste in one piece where it can: there the text before was more likely a slip.
            if let Some(begun) = course.begun.take().filter(|_| !with.run.ui.editor) {
                return typed_in(with, course, works, Typed::Line(format!("{}\n{text}", begun.expose())));
            }
            with.run.ui.say(&format!("{} The link above still works.", failure.message));
            Ok(())
        }
        // The link of this login is still good when the short code is not.
        From::Device if failure.code != Code::Denied => {
            with.run.ui.tell(&failure);
            Ok(())
        }
        From::Paste(_) | From::Device | From::Browser => Err(failure),
    }
}

/// Opens a page in the background; trouble with that comes as an event.
pub(super) fn open(run: &Run, with: &Opener, url: &url::Url, tell: &UnboundedSender<Event>) {
    let tell = tell.clone();
    browser::open(&start(with, url), url, &hidden_env(run), move |words| {
        let _ = tell.send(Event::OpenerFailed(words));
    });
}

fn start(opener: &Opener, url: &url::Url) -> Start {
    match opener {
        Opener::System => Start::System,
        Opener::Commands(candidates) => {
            Start::Programs(candidates.iter().map(|c| (c.program.clone(), c.arguments(url.as_str()))).collect())
        }
    }
}

/// Variables that the browser must not inherit.
fn hidden_env(run: &Run) -> Vec<String> {
    let keys = run.registry.all().flat_map(|m| m.api_key_env.iter().cloned());
    keys.chain(["LLXPRT_VAULT_PASSPHRASE_FILE".to_owned()]).collect()
}
