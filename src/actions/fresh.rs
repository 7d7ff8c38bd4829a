//! A token that works: read, and renewed under the account's lock where it is about to run out (design 4.9,
//! `docs/security.md`, renewal).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use llxprt_commands::{Account, Auth, AuthAction, Bucket, Command, Login};

use super::login::{client, command};
use crate::auth::{Class, Client, Tokens, Trouble, classify, made_at, moved, refresh, resource};
use crate::error::{Code, Failure, Outcome};
use crate::http::Http;
use crate::providers::{Manifest, OAuth};
use crate::run::{Renewals, Run};
use crate::seams::Clock;
use crate::secret::Secret;
use crate::sys::log::Log;
use crate::sys::signals::Signals;
use crate::ui::times;
use crate::vault::{AccountLock, Entry, Home, Room, Vault};

/// How often a request that was surely not used up is made.
const TRIES: u32 = 3;

/// Reads the tokens of an account; `None` where there is no login.
pub(super) fn read(run: &Run, account: &Account) -> Outcome<Option<Tokens>> {
    let vault = run.vault.clone();
    pay_debt(run, account)?;
    let stored = run.wait(async { Ok(vault.read(account, &|words| run.ui.note(words)).await?) })?;
    let Some(json) = stored else { return Ok(None) };
    let tokens = Tokens::from_json(&json).map_err(|e| {
        let words = format!("What is stored for {account} is no sign-in: {}. It is left as it is.", e.0);
        Failure::new(Code::Vault, words).then(command(&account.provider, &account.bucket))
    })?;
    hide(&run.log, &tokens);
    let (manifest, _) = run.oauth(&account.provider)?;
    let here = same_place(account, manifest, run.sandbox, &tokens);
    if here.is_err() {
        // The index tells it from now on, before anybody asks again.
        let made_at = made_at(manifest, &tokens, run.sandbox);
        let _ = run.vault.update_index(|index| index.entry_mut(account).map(|entry| entry.origins = made_at));
    }
    here?;
    learn(run, account, &tokens);
    Ok(Some(tokens))
}

/// Tells the index what it cannot know of an account that was found by its name alone.
fn learn(run: &Run, account: &Account, tokens: &Tokens) {
    if run.index().is_ok_and(|index| index.entry(account).is_some_and(|entry| entry.found)) {
        // Without it the next request tries again.
        let _ = run.vault.update_index(|index| {
            if let Some(entry) = index.entry_mut(account) {
                describe(entry, tokens);
            }
        });
    }
}

/// Reads every sealed login that was found by its name alone, after the index was built again. The keyring stays
/// unasked: it might ask for a password.
pub fn learn_found(run: &Run) {
    let Ok(index) = run.index() else { return };
    let found = index.accounts.iter().filter(|(_, entry)| entry.found && entry.store == Home::File);
    for account in found.filter_map(|(name, _)| name.parse().ok()) {
        // What cannot be read is said where it is used.
        let _ = read(run, &account);
    }
}

fn describe(entry: &mut Entry, tokens: &Tokens) {
    entry.expires_at = tokens.expiry;
    entry.refreshable = tokens.refresh.is_some();
    entry.signed_in_until = tokens.signed_in_until;
    entry.origins.clone_from(&tokens.origins);
    entry.found = false;
}

/// A login remembers the places that it was made for, and is sent nowhere else.
fn same_place(account: &Account, manifest: &Manifest, sandbox: bool, tokens: &Tokens) -> Outcome {
    match moved(manifest, &made_at(manifest, tokens, sandbox), sandbox) {
        Some(why) => Err(made_elsewhere(account, &why)),
        None => Ok(()),
    }
}

/// Returns the failure of a login that the index knows to be made elsewhere.
pub(super) fn elsewhere(run: &Run, account: &Account) -> Option<Failure> {
    let (index, (manifest, _)) = (run.index().ok()?, run.oauth(&account.provider).ok()?);
    let why = moved(manifest, &index.entry(account)?.origins, run.sandbox)?;
    Some(made_elsewhere(account, &why))
}

fn made_elsewhere(account: &Account, why: &str) -> Failure {
    let bucket = (account.bucket != Bucket::default()).then(|| account.bucket.clone());
    let login = Login { bucket, force: true, ..Login::default() };
    let anew = Auth { provider: Some(account.provider.clone()), action: Some(AuthAction::Login(login)) };
    Failure::new(Code::OtherHost, format!("The sign-in of {account} {why}."))
        .say("It is not sent there. To sign in anew and replace it:")
        .then(Command::Auth(anew))
}

/// Stores what a full disk kept from being stored, now that it may be possible. What still fails is told once.
fn pay_debt(run: &Run, account: &Account) -> Outcome {
    let vault = run.vault.clone();
    if !vault.owes(account) {
        return Ok(());
    }
    let paid = run.wait(async {
        let lock = vault.lock(account).await?;
        Ok(vault.pay(&lock, account).await?)
    });
    match paid {
        Ok(()) => run.log.note(run.now(), &account.to_string(), "the renewed sign-in is stored now"),
        Err(failure) if failure.code == Code::Cancelled => return Err(failure),
        Err(failure) => {
            if !run.chosen.renewals.unkept_said.swap(true, Ordering::Relaxed) {
                run.ui.warn(&format!("{} {IN_MEMORY}", failure.message));
            }
        }
    }
    Ok(())
}

const KEPT: &str = "The sign-in is kept.";
const IN_MEMORY: &str =
    "This session goes on with the renewed sign-in in memory; each request tries to store it again.";

/// Returns tokens whose access token lives, renewed if it is about to run out.
///
/// # Errors
/// `E-NEED-LOGIN` when a person must sign in; what stands in the way otherwise.
pub(super) fn token(run: &Run, account: &Account, tokens: Tokens) -> Outcome<Tokens> {
    let now = run.now();
    if !tokens.stale(now) {
        return Ok(tokens);
    }
    match renewed(run, account, &tokens.access, None) {
        Ok(renewed) => kept(run, renewed),
        Err(failure) if failure.code != Code::NeedLogin && failure.code != Code::Cancelled && !tokens.expired(now) => {
            run.log.note(now, &account.to_string(), "the access token still lives and is used");
            Ok(tokens)
        }
        Err(failure) => Err(failure),
    }
}

/// Renews the tokens of an account whose access token the provider refused, in these words.
///
/// # Errors
/// As [`token`].
pub(super) fn renew(run: &Run, account: &Account, found: &Secret, why: &str) -> Outcome<Tokens> {
    kept(run, renewed(run, account, found, Some(why))?)
}

fn renewed(run: &Run, account: &Account, found: &Secret, why: Option<&str>) -> Outcome<Renewed> {
    let renewal = Arc::new(Renewal { refused: why.map(str::to_owned), ..Renewal::new(run, account)? });
    // Ctrl-C gives the prompt back at once; a refresh that was sent goes on by itself and is never cut.
    run.wait(renewal.run(found))
}

/// Says what a renewal left to say. Without a person in a session a login that could not be kept is a failure: what
/// is stored is spent, and nobody has the new one.
fn kept(run: &Run, renewed: Renewed) -> Outcome<Tokens> {
    let Renewed { tokens, skew, unkept } = renewed;
    let said = &run.chosen.renewals;
    if let Some(skew) = skew.filter(|s| s.abs() > 60 && !said.skew_said.swap(true, Ordering::Relaxed)) {
        let way = if skew > 0 { "behind" } else { "ahead of" };
        let span = times::span(skew.abs());
        run.ui.warn(&format!("This machine's clock is {span} {way} the provider's. Sign-in works, times may be off."));
    }
    match unkept {
        None => Ok(tokens),
        Some(Unkept { failure, .. }) if goes_on_in_memory(run) => {
            said.unkept_said.store(true, Ordering::Relaxed);
            run.ui.warn(&format!("{} {IN_MEMORY}", failure.message));
            Ok(tokens)
        }
        Some(Unkept { failure, spent: None }) => Err(failure),
        Some(Unkept { failure, spent: Some(sign_in) }) => {
            let words = "The provider has renewed this sign-in, and what is stored here is spent: sign in again.";
            Err(Failure { message: format!("{} {words}", failure.message), ..failure }.then(sign_in))
        }
    }
}

/// Tells whether a sign-in that cannot be stored is of use: a person's session goes on with it.
pub(super) fn goes_on_in_memory(run: &Run) -> bool {
    run.ui.session && run.keyboard.is_person()
}

fn hide(log: &Log, tokens: &Tokens) {
    log.hide(&tokens.access);
    if let Some(refresh) = &tokens.refresh {
        log.hide(refresh);
    }
    if let Some(id_token) = tokens.other.get("id_token").and_then(serde_json::Value::as_str) {
        log.hide(&Secret::new(id_token));
    }
}

/// Tokens that live, and what a person should hear of how they came.
pub(super) struct Renewed {
    /// The tokens.
    pub(super) tokens: Tokens,
    /// The provider's clock minus ours in seconds.
    skew: Option<i64>,
    /// Why they could not be stored.
    unkept: Option<Unkept>,
}

/// Tokens that could not be stored.
struct Unkept {
    failure: Failure,
    /// The command that signs in again, where what is stored instead works no more.
    spent: Option<Command>,
}

/// What one turn under the lock came to.
enum Turn {
    Done(Box<Renewed>),
    /// May be tried again: the seconds to wait at least, and what to tell when it is not.
    Again(u64, Failure),
}

/// Everything that a renewal needs, so that it outlives what asked for it.
pub(super) struct Renewal {
    account: Account,
    /// What the provider said of the access token; absent where it only ran out.
    refused: Option<String>,
    manifest: Manifest,
    oauth: OAuth,
    client: Client,
    sandbox: bool,
    vault: Arc<Vault>,
    http: Arc<Http>,
    clock: Arc<dyn Clock>,
    signals: Arc<Signals>,
    log: Arc<Log>,
    renewals: Arc<Renewals>,
    /// What cannot be stored is kept in memory.
    in_memory: bool,
}

impl Renewal {
    pub(super) fn new(run: &Run, account: &Account) -> Outcome<Self> {
        let (manifest, oauth) = run.oauth(&account.provider)?;
        Ok(Self {
            account: account.clone(),
            refused: None,
            manifest: manifest.clone(),
            oauth: oauth.clone(),
            client: client(run, &account.provider)?,
            sandbox: run.sandbox,
            vault: run.vault.clone(),
            http: run.http.clone(),
            clock: run.clock.clone(),
            signals: run.signals.clone(),
            log: run.log.clone(),
            renewals: run.chosen.renewals.clone(),
            in_memory: goes_on_in_memory(run),
        })
    }

    /// Renews, trying again where that harms nothing. No lock is held while waiting for a retry. Dropping this ends
    /// the tries; a request that may have left goes on by itself until its answer is stored.
    pub(super) async fn run(self: &Arc<Self>, found: &Secret) -> Outcome<Renewed> {
        let mut tried = 0;
        loop {
            tried += 1;
            match self.turn(found).await? {
                Turn::Done(renewed) => return Ok(*renewed),
                Turn::Again(wait, _) if tried < TRIES => {
                    tokio::time::sleep(jitter(tried).max(Duration::from_secs(wait))).await;
                }
                Turn::Again(_, failure) => return Err(failure),
            }
        }
    }

    /// One turn under the lock, up to the moment from which nothing may cut it.
    async fn turn(self: &Arc<Self>, found: &Secret) -> Outcome<Turn> {
        let lock = self.vault.lock(&self.account).await?;
        let stored = self.vault.read(&self.account, &|_| {}).await?;
        let Some(tokens) = stored.and_then(|json| Tokens::from_json(&json).ok()) else {
            return Err(self.needs_login("nobody is signed in there any more"));
        };
        hide(&self.log, &tokens);
        same_place(&self.account, &self.manifest, self.sandbox, &tokens)?;
        if tokens.access != *found && !tokens.expired(self.clock.now()) {
            self.note("another llxprt renewed this account; using its result");
            return Ok(Turn::Done(Box::new(Renewed { tokens, skew: None, unkept: None })));
        }
        // What the provider refused for good is not sent again: only a new sign-in mends it.
        let refused = self.vault.index()?.entry(&self.account).and_then(|entry| entry.refused.clone());
        if let Some(words) = refused {
            return Err(self.needs_login(&words));
        }
        let Some(refresh_token) = tokens.refresh.clone() else {
            let words =
                self.safe(self.refused.as_deref().unwrap_or("it ran out, and nothing is there to renew it with"));
            self.refuse(&words);
            return Err(self.needs_login(&words));
        };
        let (this, uncut) = (self.clone(), self.signals.uncut());
        let sent = tokio::spawn(async move {
            let turn = this.send(&lock, tokens, &refresh_token).await;
            drop((lock, uncut));
            turn
        });
        sent.await.unwrap_or_else(|e| Err(Failure::new(Code::Internal, format!("Renewing failed: {e}."))))
    }

    /// Sends the refresh token that was just read, and stores what comes back.
    async fn send(&self, lock: &AccountLock, tokens: Tokens, refresh_token: &Secret) -> Outcome<Turn> {
        // The answer may spend what is stored, so it is not asked for where it cannot be kept.
        let room = match self.vault.make_room(lock, &self.account) {
            Ok(room) => room,
            Err(_) if self.in_memory => Room::default(),
            Err(e) => {
                self.note(&format!("renewal was not sent, as it could not be kept: {}", e.message));
                let message =
                    format!("{} was not renewed, as that could not be kept: {} {KEPT}", self.account, e.message);
                return Err(Failure { message, ..Failure::from(e) });
            }
        };
        // A token that may be spent already is replayed once at most: more may end the login (RFC 9700 4.14).
        let mut replay = !self.renewals.unsure(&self.account);
        let mut answer = loop {
            let now = self.clock.now();
            let trouble = match refresh(&self.http, &self.oauth, &self.client, refresh_token, now).await {
                Ok(answer) => break answer,
                Err(Trouble::Ours(failure)) => {
                    self.note(&format!("renewal was not sent: {}", failure.message));
                    let message = format!("{} could not be renewed: {} {KEPT}", self.account, failure.message);
                    return Err(Failure { message, ..failure });
                }
                Err(trouble) => trouble,
            };
            match classify(&trouble) {
                Class::PerhapsSpent(words) => {
                    let words = self.safe(&words);
                    self.renewals.doubt(&self.account, true);
                    if !std::mem::take(&mut replay) {
                        return Err(self.offline(&trouble, &words));
                    }
                    self.note(&format!("renewal broke off, trying once more: {words}"));
                }
                Class::NotSpent(words, wait) => {
                    return Ok(Turn::Again(wait, self.offline(&trouble, &self.safe(&words))));
                }
                Class::Terminal(words) => {
                    let words = self.safe(&words);
                    self.refuse(&words);
                    let words =
                        format!("{}. (A renewal that was cut off can be the reason.)", words.trim_end_matches('.'));
                    return Err(self.needs_login(&words));
                }
                Class::Ours(field, words) => {
                    let (who, words) = (&self.account.provider, self.safe(&words));
                    self.note(&format!("renewal failed: {field} was not accepted: {words}"));
                    let said = format!("{who} does not accept {field} of the manifest: {words}. {KEPT}");
                    return Err(Failure::new(Code::Manifest, said));
                }
                Class::Shown(words) => {
                    let words = self.safe(&words);
                    self.note(&format!("renewal failed: {words}"));
                    let said = format!("{} could not be renewed: {words}. {KEPT}", self.account);
                    return Err(Failure::new(Code::Refused, said));
                }
            }
        };
        self.renewals.doubt(&self.account, false);
        let skew = answer.skew;
        if let Err(failure) = resource(&self.manifest, answer.resource_url.as_deref()) {
            self.note(&format!("what a renewal told is not followed: {}", failure.message));
            answer.resource_url = None;
        }
        let mut renewed = tokens.renewed(answer, self.clock.now());
        renewed.origins = made_at(&self.manifest, &tokens, self.sandbox);
        if renewed.token_host.is_none() {
            renewed.token_host = self.oauth.token_url.host_str().map(str::to_owned);
        }
        hide(&self.log, &renewed);
        let mut unkept = None;
        if let Err(e) = self.vault.write_into(room, lock, &self.account, &renewed.to_json()).await
            && !self.is_stored(&renewed).await
        {
            self.note(&format!("renewed, but it could not be kept: {}", e.message));
            let rotated = renewed.refresh != tokens.refresh;
            let spent = rotated.then(|| command(&self.account.provider, &self.account.bucket));
            unkept = Some(Unkept { failure: Failure::from(e), spent });
            if !self.in_memory {
                if rotated {
                    self.refuse("its renewal could not be stored");
                }
                return Ok(Turn::Done(Box::new(Renewed { tokens: renewed, skew, unkept })));
            }
            // The new tokens exist here only: a session goes on with them, and stores them when it can.
            self.vault.owe(&self.account, &tokens.to_json(), &renewed.to_json());
        }
        let _ = self.vault.update_index(|index| {
            if let Some(entry) = index.entry_mut(&self.account) {
                describe(entry, &renewed);
                entry.refused = None;
                entry.unreadable = None;
            }
        });
        if unkept.is_none() {
            self.note("renewed");
        }
        Ok(Turn::Done(Box::new(Renewed { tokens: renewed, skew, unkept })))
    }

    /// Tells whether a write that failed came so far that the new tokens are what is read.
    async fn is_stored(&self, renewed: &Tokens) -> bool {
        let stored = self.vault.read(&self.account, &|_| {}).await;
        let tokens = stored.ok().flatten().and_then(|json| Tokens::from_json(&json).ok());
        tokens.is_some_and(|tokens| tokens.access == renewed.access && tokens.refresh == renewed.refresh)
    }

    /// Takes out of a provider's words what must not be shown: it may repeat the very token that it refuses.
    fn safe(&self, words: &str) -> String {
        crate::ui::clean_line(&self.log.redact(words))
    }

    fn note(&self, what: &str) {
        self.log.note(self.clock.now(), &self.account.to_string(), what);
    }

    /// Marks the account; nothing is deleted.
    fn refuse(&self, reason: &str) {
        self.note(&format!("needs a new sign-in: {reason}"));
        let _ = self.vault.update_index(|index| {
            if let Some(entry) = index.entry_mut(&self.account) {
                entry.refused = Some(reason.to_owned());
            }
        });
    }

    fn needs_login(&self, words: &str) -> Failure {
        let (bucket, words) = (&self.account.bucket, crate::ui::clean_line(words));
        let end = if words.ends_with(['.', ')']) { "" } else { "." };
        let said = format!("{bucket} needs a new sign-in: {words}{end}");
        Failure::new(Code::NeedLogin, said).then(command(&self.account.provider, &self.account.bucket))
    }

    /// The provider could not be reached, or not trusted: then it is said where certificates come from.
    fn offline(&self, trouble: &Trouble, words: &str) -> Failure {
        self.note(&format!("renewal failed: {words}"));
        let told = match trouble {
            Trouble::Unreached(unreached) => unreached.failure(),
            _ => Failure::new(Code::Offline, ""),
        };
        Failure { message: format!("{} could not be renewed: {words}. {KEPT}", self.account), ..told }
    }
}

/// Exponential, with full jitter: up to 0.5, 1, 2 … seconds.
fn jitter(tried: u32) -> Duration {
    let mut byte = [0];
    let _ = getrandom::fill(&mut byte);
    Duration::from_millis((250 << tried) * u64::from(byte[0]) / 255)
}
