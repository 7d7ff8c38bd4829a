//! `/auth P logout`: revoked where the provider can, always deleted here, and both are said.

use std::cell::Cell;

use llxprt_commands::{Account, Auth, AuthAction, Bucket, Command, LogoutWhich, Provider};

use super::nearest::no_account;
use crate::auth::{Tokens, made_at, moved, revoke};
use crate::error::{Code, Failure, Outcome};
use crate::providers::Grants;
use crate::run::Run;
use crate::ui::times;
use crate::vault::Entry;

/// Signs out of one account, or of every one.
pub(super) fn logout(run: &mut Run, provider: &Provider, which: Option<LogoutWhich>, all: bool) -> Outcome {
    run.oauth(provider)?;
    let index = run.index()?;
    let every: Vec<Bucket> = index.accounts_of(provider).map(|(a, _)| a.bucket).collect();
    let buckets = match which {
        _ if all => every,
        Some(LogoutWhich::All) => every,
        Some(LogoutWhich::Bucket(bucket)) => vec![bucket],
        None => vec![Bucket::default()],
    };
    if buckets.is_empty() {
        run.ui.say(&format!("Nobody is signed in to {provider}."));
        return Ok(());
    }
    if let [bucket] = buckets.as_slice() {
        let account = Account { provider: provider.clone(), bucket: bucket.clone() };
        let words = one(run, &account).map_err(|failure| not_removed(bucket, failure))?;
        run.ui.say(&format!("{bucket}  {words}"));
        forget(run, &account);
        return Ok(());
    }
    let (mut failed, count) = (Vec::new(), buckets.len());
    for bucket in buckets {
        let account = Account { provider: provider.clone(), bucket };
        match one(run, &account) {
            Ok(words) => {
                run.ui.say(&format!("{}  {words}", account.bucket));
                forget(run, &account);
            }
            Err(failure) => {
                run.ui.say(&format!("{}  not removed: {}", account.bucket, failure.message));
                failed.push(failure);
            }
        }
    }
    let (not, code) = (failed.len(), failed.first().map(|failure| failure.code));
    match code {
        None => Ok(()),
        Some(code) => Err(Failure::new(code, format!("{not} of {count} accounts were not removed; see above."))),
    }
}

/// Says first what matters most, unless there was nothing to remove.
fn not_removed(bucket: &Bucket, failure: Failure) -> Failure {
    if matches!(failure.code, Code::Account | Code::Cancelled) {
        return failure;
    }
    Failure { message: format!("{bucket} was not removed. {}", failure.message), ..failure }
}

/// The session goes on without the account.
fn forget(run: &mut Run, account: &Account) {
    if run.chosen.buckets.get(&account.provider) == Some(&account.bucket) {
        run.chosen.buckets.remove(&account.provider);
    }
}

fn one(run: &Run, account: &Account) -> Outcome<String> {
    let (manifest, oauth) = run.oauth(&account.provider)?;
    let index = run.index()?;
    let entry = index.entry(account).cloned();
    let twin = entry.as_ref().and_then(|e| e.identity_id.as_ref()).is_some_and(|id| {
        index.accounts_of(&account.provider).any(|(a, e)| a != *account && e.identity_id.as_ref() == Some(id))
    });
    let vault = run.vault.clone();
    let client = super::login::client(run, &account.provider).ok();
    let asked = Cell::new(false);
    let done = run.wait(async {
        let lock = vault.lock(account).await?;
        let stored = vault.read(account, &|words| run.ui.note(words)).await;
        let tokens = stored.as_ref().ok().and_then(|s| s.as_ref()).and_then(|json| Tokens::from_json(json).ok());
        // A login made at another host is not sent to this one, not even to be revoked.
        let here = |t: &Tokens| moved(manifest, &made_at(manifest, t, run.sandbox), run.sandbox).is_none();
        let revoked = match (&tokens, &oauth.revoke_url, &client) {
            (None, Some(_), _) => Revoked::NotConfirmed,
            (Some(_), Some(_), _) if twin => Revoked::Shared,
            (Some(tokens), Some(_), Some(client)) if here(tokens) => {
                run.log.hide(&tokens.access);
                let (token, hint) = match &tokens.refresh {
                    Some(refresh) => (refresh, "refresh_token"),
                    None => (&tokens.access, "access_token"),
                };
                // Before the request leaves: cut off here, nobody may take the login for one that works.
                asked.set(true);
                mark(run, account, None, Some(BROKEN_OFF.to_owned()));
                match revoke(&run.http, oauth, client, token, hint).await {
                    Ok(()) => Revoked::Yes,
                    Err(_) => Revoked::NotConfirmed,
                }
            }
            (Some(_), Some(_), _) => Revoked::NotConfirmed,
            (_, None, _) => Revoked::Cannot,
        };
        let there = match vault.delete(&lock, account).await {
            Ok(there) => there,
            Err(error) => return Err(stays(run, account, &revoked, error.into())),
        };
        if !there && entry.is_none() && tokens.is_none() {
            let mut failure = no_account(&index, &account.provider, &account.bucket);
            failure.next.clear();
            return Err(failure);
        }
        let words = match (&revoked, oauth.grants) {
            (Revoked::Cannot, Grants::ApiKey) => {
                format!("removed here; {0} cannot revoke, so its key works until you delete it there", account.provider)
            }
            _ => told(&revoked, account, entry.as_ref(), run.now()),
        };
        run.log.note(run.now(), &account.to_string(), &format!("signed out: {words}"));
        Ok(words)
    });
    match done {
        Err(failure) if failure.code == Code::Cancelled && asked.get() => {
            let provider = &account.provider;
            let words = format!("{provider} was asked to revoke {}, and whether it did is not known", account.bucket);
            run.log.note(run.now(), &account.to_string(), &format!("signing out was cancelled: {words}"));
            Err(Failure { message: format!("Cancelled. {words}."), ..failure }.then(again(account)))
        }
        done => done,
    }
}

/// Said in the index of a login whose sign-out did not come to its end.
const BROKEN_OFF: &str = "its sign-out was broken off while the provider was asked to revoke it";

/// Says why the provider should be taken not to know the login any more, in place of `instead_of`.
fn mark(run: &Run, account: &Account, instead_of: Option<&str>, words: Option<String>) {
    // A disk that cannot be written keeps nobody from signing out; what the provider refuses is marked when it does.
    let _ = run.vault.update_index(|index| {
        if let Some(entry) = index.entry_mut(account).filter(|entry| entry.refused.as_deref() == instead_of) {
            entry.refused = words;
        }
    });
}

/// The failure of a deletion, with what the provider has done before: a login that it revoked is none any more.
fn stays(run: &Run, account: &Account, revoked: &Revoked, failure: Failure) -> Failure {
    let provider = &account.provider;
    let told = match revoked {
        Revoked::Yes => {
            mark(run, account, Some(BROKEN_OFF), Some(format!("{provider} has revoked it at its sign-out")));
            format!("{provider} has revoked it, so it does not work any more; the copy here stays. ")
        }
        Revoked::NotConfirmed => {
            mark(run, account, Some(BROKEN_OFF), None);
            format!("{provider} did not confirm either, so its token may work. ")
        }
        Revoked::Cannot | Revoked::Shared => String::new(),
    };
    let message = format!("{told}{}", failure.message);
    run.log.note(run.now(), &account.to_string(), &format!("not removed here: {message}"));
    Failure { message, ..failure }.then(again(account))
}

fn again(account: &Account) -> Command {
    let which = Some(LogoutWhich::Bucket(account.bucket.clone()));
    let action = AuthAction::Logout { which, all: false };
    Command::Auth(Auth { provider: Some(account.provider.clone()), action: Some(action) })
}

enum Revoked {
    Yes,
    NotConfirmed,
    Cannot,
    Shared,
}

fn told(revoked: &Revoked, account: &Account, entry: Option<&Entry>, now: i64) -> String {
    let provider = &account.provider;
    let until = entry.and_then(|e| e.expires_at).filter(|at| *at > now);
    let until = until.map_or(String::new(), |at| format!(" until {}", times::at(now, at)));
    match revoked {
        Revoked::Yes => format!("revoked at {provider} and removed here"),
        Revoked::NotConfirmed => {
            format!("removed here; {provider} did not confirm, so its token may work{until}")
        }
        Revoked::Cannot => format!("removed here; {provider} cannot revoke, so its token may work{until}"),
        Revoked::Shared => "removed here; not revoked, as another account here is the same identity".to_owned(),
    }
}
