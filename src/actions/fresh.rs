//! A token that works: read, and renewed under the account's lock where it is about to run out (design 4.9,
//! `docs/security.md`, renewal).

use std::sync::Arc;
use std::time::Duration;

use llxprt_commands::Account;

use super::login::{client, command};
use crate::auth::{Class, Client, Tokens, classify, refresh};
use crate::error::{Code, Failure, Outcome};
use crate::http::Http;
use crate::providers::{OAuth, Registry};
use crate::run::Run;
use crate::seams::Clock;
use crate::secret::Secret;
use crate::sys::log::Log;
use crate::sys::signals::Signals;
use crate::vault::Vault;

/// How often a request that was surely not used up is made.
const TRIES: u32 = 3;

/// Reads the tokens of an account; `None` where there is no login.
pub(super) fn read(run: &Run, account: &Account) -> Outcome<Option<Tokens>> {
    let vault = run.vault.clone();
    let stored = run.wait(async { Ok(vault.read(account, &|words| run.ui.note(words)).await?) })?;
    let Some(json) = stored else { return Ok(None) };
    let tokens = Tokens::from_json(&json).map_err(|e| {
        let words = format!("What is stored for {account} is no sign-in: {}. It is left as it is.", e.0);
        Failure::new(Code::Vault, words).then(command(&account.provider, &account.bucket))
    })?;
    hide(&run.log, &tokens);
    same_host(run, account, &tokens)?;
    Ok(Some(tokens))
}

/// A login remembers the host that it was made at, and is sent nowhere else.
fn same_host(run: &Run, account: &Account, tokens: &Tokens) -> Outcome {
    let (_, oauth) = run.oauth(&account.provider)?;
    let host = oauth.token_url.host_str().unwrap_or_default();
    let shipped = || Registry::shipped_token_host(&account.provider).filter(|_| !run.sandbox);
    let made_at = tokens.token_host.clone().or_else(shipped);
    if made_at.as_deref().is_some_and(|made| made != host) {
        let made = crate::ui::clean_line(made_at.as_deref().unwrap_or_default());
        let words = format!("The sign-in of {account} was made at {made}, and its manifest names {host} now.");
        return Err(Failure::new(Code::OtherHost, words)
            .say("It is not sent there. Sign in again:")
            .then(command(&account.provider, &account.bucket)));
    }
    Ok(())
}

/// Returns tokens whose access token lives, renewed if it is about to run out.
///
/// # Errors
/// `E-NEED-LOGIN` when a person must sign in; what stands in the way otherwise.
pub(super) fn token(run: &Run, account: &Account, tokens: Tokens) -> Outcome<Tokens> {
    let now = run.now();
    if !tokens.stale(now) {
        return Ok(tokens);
    }
    match renew(run, account, &tokens.access) {
        Err(failure) if failure.code != Code::NeedLogin && failure.code != Code::Cancelled && !tokens.expired(now) => {
            run.log.note(now, &account.to_string(), "the access token still lives and is used");
            Ok(tokens)
        }
        other => other,
    }
}

/// Renews the tokens of an account whose access token was found expired or refused.
///
/// # Errors
/// As [`token`].
pub(super) fn renew(run: &Run, account: &Account, found: &Secret) -> Outcome<Tokens> {
    let renewal = Renewal::new(run, account)?;
    let found = found.clone();
    let runtime = run.runtime()?;
    // Ctrl-C gives the prompt back at once while this goes on: a refresh that was sent is never cut.
    let task = runtime.spawn(async move { renewal.run(&found).await });
    run.wait(async {
        task.await.unwrap_or_else(|e| Err(Failure::new(Code::Internal, format!("Renewing failed: {e}."))))
    })
}

fn hide(log: &Log, tokens: &Tokens) {
    log.hide(&tokens.access);
    if let Some(refresh) = &tokens.refresh {
        log.hide(refresh);
    }
}

/// Everything that a renewal needs, so that it outlives what asked for it.
pub(super) struct Renewal {
    account: Account,
    oauth: OAuth,
    client: Client,
    vault: Arc<Vault>,
    http: Arc<Http>,
    clock: Arc<dyn Clock>,
    signals: Arc<Signals>,
    log: Arc<Log>,
}

impl Renewal {
    pub(super) fn new(run: &Run, account: &Account) -> Outcome<Self> {
        let (_, oauth) = run.oauth(&account.provider)?;
        Ok(Self {
            account: account.clone(),
            oauth: oauth.clone(),
            client: client(run, &account.provider)?,
            vault: run.vault.clone(),
            http: run.http.clone(),
            clock: run.clock.clone(),
            signals: run.signals.clone(),
            log: run.log.clone(),
        })
    }

    /// Renews, trying again where that harms nothing. No lock is held while waiting for a retry.
    pub(super) async fn run(self, found: &Secret) -> Outcome<Tokens> {
        let mut tried = 0;
        loop {
            tried += 1;
            match self.once(found).await? {
                Ok(tokens) => return Ok(tokens),
                Err((words, wait)) if tried < TRIES => {
                    self.note(&format!("renewal failed, trying again: {words}"));
                    tokio::time::sleep(jitter(tried).max(Duration::from_secs(wait))).await;
                }
                Err((words, _)) => return Err(self.offline(&words)),
            }
        }
    }

    /// One turn under the lock. The inner error is what may be tried again: words, and seconds to wait.
    async fn once(&self, found: &Secret) -> Outcome<Result<Tokens, (String, u64)>> {
        let lock = self.vault.lock(&self.account).await?;
        let stored = self.vault.read(&self.account, &|_| {}).await?;
        let Some(tokens) = stored.and_then(|json| Tokens::from_json(&json).ok()) else {
            return Err(self.needs_login("nobody is signed in there any more"));
        };
        hide(&self.log, &tokens);
        if tokens.access != *found && !tokens.expired(self.clock.now()) {
            self.note("another llxprt renewed this account; using its result");
            return Ok(Ok(tokens));
        }
        let Some(refresh_token) = &tokens.refresh else {
            self.refuse("its access token ran out and there is no refresh token");
            return Err(self.needs_login("its access token ran out and there is no refresh token"));
        };
        let _uncut = self.signals.uncut();
        let mut retried = false;
        let answer = loop {
            let now = self.clock.now();
            let trouble = match refresh(&self.http, &self.oauth, &self.client, refresh_token, now).await {
                Ok(answer) => break answer,
                Err(trouble) => trouble,
            };
            match classify(&trouble) {
                Class::PerhapsSpent(words) if !retried => {
                    self.note(&format!("renewal broke off, trying once more: {words}"));
                    retried = true;
                }
                Class::PerhapsSpent(words) => return Err(self.offline(&words)),
                Class::NotSpent(words, wait) => return Ok(Err((words, wait))),
                Class::Terminal(words) => {
                    self.refuse(&words);
                    return Err(self.needs_login(&words));
                }
                Class::Ours(field, words) => {
                    let words = crate::ui::clean_line(&words);
                    let said = format!("{} does not accept {field} of the manifest: {words}.", self.account.provider);
                    return Err(Failure::new(Code::Manifest, said));
                }
                Class::Shown(words) => {
                    let words = crate::ui::clean_line(&words);
                    let said = format!("{} could not be renewed: {words}. The sign-in is kept.", self.account);
                    return Err(Failure::new(Code::Refused, said));
                }
            }
        };
        let renewed = tokens.renewed(answer, self.clock.now());
        hide(&self.log, &renewed);
        if let Err(e) = self.vault.write(&lock, &self.account, &renewed.to_json()).await {
            // The new tokens exist here only: this session goes on with them, and says so.
            self.vault.keep_in_memory(&self.account, &renewed.to_json());
            self.note(&format!("renewed, but it could not be kept: {}", e.message));
            return Err(Failure::from(e).say("This session goes on with the new token in memory."));
        }
        let _ = self.vault.update_index(|index| {
            if let Some(entry) = index.entry_mut(&self.account) {
                entry.expires_at = renewed.expiry;
                entry.refreshable = renewed.refresh.is_some();
                entry.signed_in_until = renewed.signed_in_until;
                entry.refused = None;
                entry.unreadable = None;
            }
        });
        drop(lock);
        self.note("renewed");
        Ok(Ok(renewed))
    }

    fn note(&self, what: &str) {
        self.log.note(self.clock.now(), &self.account.to_string(), what);
    }

    /// Marks the account; nothing is deleted.
    fn refuse(&self, words: &str) {
        let reason = crate::ui::clean_line(words);
        self.note(&format!("needs a new sign-in: {reason}"));
        let _ = self.vault.update_index(|index| {
            if let Some(entry) = index.entry_mut(&self.account) {
                entry.refused = Some(reason);
            }
        });
    }

    fn needs_login(&self, words: &str) -> Failure {
        let words = crate::ui::clean_line(words);
        let said = format!(
            "{} needs a new sign-in: {words}. (A renewal that was cut off can be the reason.)",
            self.account.bucket
        );
        Failure::new(Code::NeedLogin, said).then(command(&self.account.provider, &self.account.bucket))
    }

    fn offline(&self, words: &str) -> Failure {
        let words = crate::ui::clean_line(words);
        self.note(&format!("renewal failed: {words}"));
        let said = format!("{} could not be renewed: {words}. The sign-in is kept.", self.account);
        Failure::new(Code::Offline, said)
    }
}

/// Exponential, with full jitter: up to 0.5, 1, 2 … seconds.
fn jitter(tried: u32) -> Duration {
    let mut byte = [0];
    let _ = getrandom::fill(&mut byte);
    Duration::from_millis((250 << tried) * u64::from(byte[0]) / 255)
}
