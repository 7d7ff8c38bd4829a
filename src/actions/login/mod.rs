//! Signing in: what is asked before, the race of callback and paste, what is asked after, and the keeping.

mod client;
mod device;
mod keep;
mod pages;
mod paste_box;
mod question;
mod race;
mod screen;
mod verdict;
mod works;

use llxprt_commands::{Account, Auth, AuthAction, Bucket, Command, Login, Provider};
use zeroize::Zeroizing;

use super::fresh::{self, goes_on_in_memory};
use super::{happened, surroundings};
use crate::auth::no_browser::{Asked, Begin, begin};
pub(super) use client::client;
pub(super) use keep::capital;

use crate::auth::{Identity, Tokens};
use crate::error::{Code, Failure, Outcome};
use crate::providers::{Flow, OAuth};
use crate::run::Run;
use crate::seams::Typed;
use crate::vault::{Entry, VaultError, VaultErrorKind};

/// A login that is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Where.
    pub provider: Provider,
    /// As which account; `default` when a person named none.
    pub bucket: Bucket,
    /// The flags of the command.
    pub how: Login,
    /// Who wants it.
    pub asked: Asked,
}

impl Wanted {
    /// A login that a person typed.
    pub fn typed(provider: Provider, how: Login) -> Self {
        Self { provider, bucket: how.bucket.clone().unwrap_or_default(), how, asked: Asked::Typed }
    }

    /// The command that asks for this login.
    pub fn command(&self) -> Command {
        command(&self.provider, &self.bucket)
    }

    /// The account as it is typed: nothing for the one that is meant without a name.
    fn command_bucket(&self) -> Option<Bucket> {
        (self.bucket != Bucket::default()).then(|| self.bucket.clone())
    }

    fn account(&self) -> Account {
        Account { provider: self.provider.clone(), bucket: self.bucket.clone() }
    }
}

/// The command that signs in to an account.
pub fn command(provider: &Provider, bucket: &Bucket) -> Command {
    let bucket = (*bucket != Bucket::default()).then(|| bucket.clone());
    let action = AuthAction::Login(Login { bucket, ..Login::default() });
    Command::Auth(Auth { provider: Some(provider.clone()), action: Some(action) })
}

/// Signs in. Returns the account that it was kept as, or `None` when the login there still works and stays.
///
/// # Errors
/// Whatever stands in the way; nothing stored changes then.
pub fn login(run: &mut Run, wanted: &Wanted) -> Outcome<Option<Account>> {
    let signed_in = sign_in(run, wanted);
    if let Err(failure) = &signed_in {
        happened::note(run, &wanted.account().to_string(), "not signed in", failure);
    }
    signed_in
}

fn sign_in(run: &mut Run, wanted: &Wanted) -> Outcome<Option<Account>> {
    let (manifest, oauth) = run.oauth(&wanted.provider)?;
    let (manifest, oauth) = (manifest.clone(), oauth.clone());
    run.settings.need_sign_in(&wanted.provider)?;
    run.settings.need("auth.waitSeconds")?;
    if !wanted.how.memory {
        run.settings.need("vault.store")?;
    }
    let around = surroundings(run, &wanted.how)?;
    let client = client(run, &wanted.provider)?;
    let by_device = device::comes_first(&manifest, &oauth, wanted)?;
    if !still_wanted(run, wanted)? {
        if !run.settings.oauth_enabled(&wanted.provider) {
            let enable = Auth { provider: Some(wanted.provider.clone()), action: Some(AuthAction::Enable) };
            let enable = run.typed(&Command::Auth(enable));
            run.ui.note(&format!("Sign-in is off for {}. To turn it on: {enable}", wanted.provider));
        }
        return Ok(None);
    }
    if let (Asked::OneShot, Begin::CannotAsk { why }) = (wanted.asked, begin(&around, wanted.asked)) {
        return Err(need_login(run, &wanted.provider, &wanted.bucket, &why));
    }
    question::accept(run, wanted, &manifest, &oauth)?;
    if !run.settings.oauth_enabled(&wanted.provider) {
        let kept = run.settings.set_oauth_enabled(&wanted.provider, true);
        if !for_good(run, wanted, kept)? {
            run.settings.enable_for_run(&wanted.provider);
        }
        run.ui.note(&format!("Sign-in is now on for {}.", wanted.provider));
    }
    loop {
        let mut begin = begin(&around, wanted.asked);
        if matches!(begin, Begin::Browser { paste: false, .. }) && !by_device && !oauth.flows.contains(&Flow::Browser) {
            begin = Begin::CannotAsk { why: "the answer is pasted, and input is not a terminal".to_owned() };
        }
        if let Begin::CannotAsk { why } = &begin {
            return Err(cannot_ask(run, wanted, &oauth, why));
        }
        let signed = match by_device {
            true => device::sign_in(run, &manifest, &oauth, &client, wanted, &begin),
            false => race::race(run, &manifest, &oauth, &client, wanted, begin),
        };
        let signed = signed.map_err(|failure| again(failure, wanted))?;
        let without = signed.identity.plan.as_deref().and_then(|plan| manifest.no_access(plan));
        match keep::choose_bucket(run, wanted, &signed.identity)? {
            keep::Choice::Keep(bucket) => {
                let account = Account { provider: wanted.provider.clone(), bucket };
                keep::keep(run, &oauth, &account, wanted, signed)?;
                if let Some(words) = without {
                    run.ui.warn(&run.ui.here(&words));
                }
                return Ok(Some(account));
            }
            keep::Choice::Again => run.ui.note("Choose the account in the browser this time."),
        }
    }
}

/// Tells whether settings.json took something; where it cannot be written, a login that needs no disk goes on, and
/// what was to be remembered holds for this run.
fn for_good(run: &mut Run, wanted: &Wanted, kept: Outcome) -> Outcome<bool> {
    match kept {
        Err(failure) if failure.code == Code::File && (wanted.how.memory || goes_on_in_memory(run)) => {
            if run.first_time(&failure.message) {
                run.ui.warn(&format!("{} What it was to remember holds for this run.", failure.message));
            }
            Ok(false)
        }
        kept => kept.map(|()| true),
    }
}

/// Whoever was refused may come again.
fn again(failure: Failure, wanted: &Wanted) -> Failure {
    let refused = matches!(failure.code, Code::Denied | Code::State) && failure.next.is_empty();
    if refused { failure.then(wanted.command()) } else { failure }
}

/// Signs in before a prompt can be answered.
///
/// # Errors
/// As [`login`].
pub fn lazy(run: &mut Run, provider: &Provider, bucket: &Bucket) -> Outcome<Account> {
    let asked = if run.flags.prompt.is_some() { Asked::OneShot } else { Asked::Lazy };
    let wanted = Wanted { provider: provider.clone(), bucket: bucket.clone(), how: Login::default(), asked };
    let kept = login(run, &wanted)?;
    Ok(kept.unwrap_or_else(|| wanted.account()))
}

/// The failure of a login that cannot begin here. The command that was typed would end so again.
fn cannot_ask(run: &Run, wanted: &Wanted, oauth: &OAuth, why: &str) -> Failure {
    if wanted.asked != Asked::Typed {
        return need_login(run, &wanted.provider, &wanted.bucket, why);
    }
    let words = format!("{} needs a sign-in, and this run cannot ask ({why}).", wanted.provider);
    let bucket = wanted.command_bucket();
    let typed =
        |login| Command::Auth(Auth { provider: Some(wanted.provider.clone()), action: Some(AuthAction::Login(login)) });
    let link = Login { bucket: bucket.clone(), nobrowser: true, browser: None, ..wanted.how.clone() };
    let mut failure = Failure::new(Code::NeedLogin, words)
        .then(typed(link))
        .say("It shows the link and reads the answer from its input.");
    if oauth.flows.contains(&Flow::Device) {
        let code = Login { bucket, device: true, nobrowser: false, browser: None, ..wanted.how.clone() };
        failure = failure.say(format!("In a terminal, with a short code: `{}`", typed(code)));
    }
    or_key(run, &wanted.provider, failure)
}

/// The failure of a run that cannot ask.
pub fn need_login(run: &Run, provider: &Provider, bucket: &Bucket, why: &str) -> Failure {
    let account = Account { provider: provider.clone(), bucket: bucket.clone() };
    if let Some(failure) = fresh::elsewhere(run, &account) {
        return failure;
    }
    let words = format!("{provider} needs a sign-in, and this run cannot ask ({why}).");
    or_key(run, provider, Failure::new(Code::NeedLogin, words).then(command(provider, bucket)))
}

/// Adds the variable that would do in place of a sign-in.
fn or_key(run: &Run, provider: &Provider, failure: Failure) -> Failure {
    // While authOnly is true, no variable would help.
    let keys_count = !run.settings.truth("authOnly").unwrap_or(false);
    let variable = run.manifest(provider).ok().and_then(|m| m.api_key_env.first().filter(|_| keys_count).cloned());
    match variable {
        Some(variable) => failure.say(format!("Or set {variable}.")),
        None => failure,
    }
}

/// Asks before a login that still works is replaced. Without a terminal nothing changes.
fn still_wanted(run: &Run, wanted: &Wanted) -> Outcome<bool> {
    // As it is stored: one that its manifest would send elsewhere works again with another manifest.
    let index = run.vault.index()?;
    let works = |e: &&Entry| e.refused.is_none() && e.unreadable.is_none();
    let Some(entry) = index.entry(&wanted.account()).filter(works) else { return Ok(true) };
    let usable = entry.refreshable || entry.expires_at.is_none_or(|at| at > run.now());
    if wanted.how.force || wanted.asked != Asked::Typed || !usable {
        return Ok(true);
    }
    let stored = run.wait(async { Ok(run.vault.read(&wanted.account(), &|words| run.ui.note(words)).await) })?;
    if !perhaps_works(&stored) {
        return Ok(true);
    }
    let who = entry.identity.as_deref().unwrap_or("an account that the provider does not name");
    let who = crate::ui::clean_line(who);
    match fresh::elsewhere(run, &wanted.account()) {
        Some(failure) if !run.keyboard.is_person() => return Err(failure),
        Some(failure) => run.ui.say(&format!("{} It is that of {who}.", failure.message)),
        None => run.ui.say(&format!("{} is signed in to {} already, as {who}.", wanted.bucket, wanted.provider)),
    }
    if !run.keyboard.is_person() {
        run.ui.note("Nothing changed. --force replaces it.");
        return Ok(false);
    }
    match run.keyboard.ask("Sign in anew and replace it? [y/N] ") {
        Typed::Line(answer) if answer.trim().eq_ignore_ascii_case("y") => Ok(true),
        _ => {
            run.ui.note("Nothing changed.");
            Ok(false)
        }
    }
}

/// Tells whether what is stored may be a login that works. What is gone, damaged or without its key is none and needs
/// no leave to be replaced (`docs/security.md`, storage); of what cannot be reached now nothing is known.
fn perhaps_works(stored: &Result<Option<Zeroizing<String>>, VaultError>) -> bool {
    match stored {
        Ok(Some(json)) => Tokens::from_json(json).is_ok(),
        Ok(None) => false,
        Err(error) => !matches!(error.kind, VaultErrorKind::Damaged | VaultErrorKind::Unreadable),
    }
}

/// A login that the provider granted and that is not stored yet.
struct Signed {
    answer: crate::auth::TokenAnswer,
    identity: Identity,
    /// Why the verifying call has to be made again later.
    unverified: Option<String>,
}
