//! Renewal in the background while the session idles: only the bucket in use, one dim line at most (design 4.9).

use std::sync::Arc;
use std::time::Duration;

use llxprt_commands::{Account, Bucket};
use tokio::task::JoinHandle;

use super::credential::resolution;
use super::fresh::Renewal;
use crate::auth::Tokens;
use crate::auth::precedence::Source;
use crate::run::Run;
use crate::seams::Clock;
use crate::vault::Vault;

/// How often the clock is looked at: after sleep the wall clock is far ahead, which one long wait would not see.
const LOOK: Duration = Duration::from_secs(1);

/// A watch over the token of the bucket in use; it ends when this is dropped, a renewal that was sent does not.
pub struct Watch {
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Begins to watch, if the next request would be sent with a sign-in that has been used in this session.
pub fn renew_while_idle(run: &Run) -> Option<Watch> {
    let provider = run.active()?;
    let resolution = resolution(run, &provider).ok()?;
    let winner = resolution.winner.filter(|w| w.source == Source::OAuth)?;
    let bucket: Bucket = winner.detail.parse().ok()?;
    let account = Account { provider, bucket };
    // A keyring item is never opened by itself: a dialog may follow.
    let used = run.index().ok()?.entry(&account).is_some_and(|e| e.refreshable && e.refused.is_none());
    if !used || !run.chosen.used.contains(&account) {
        return None;
    }
    // After an answer that never came the token is sent again only when a person asks (RFC 9700 4.14).
    if run.chosen.renewals.unsure(&account) {
        return None;
    }
    let renewal = Arc::new(Renewal::new(run, &account).ok()?);
    let (vault, clock) = (run.vault.clone(), run.clock.clone());
    let task = run.runtime().ok()?.spawn(async move {
        while let Some(found) = wait_until_stale(&vault, &*clock, &account).await {
            // What fails is in the log, and told at the next request. A life too short for the lead is left to it too.
            match renewal.run(&found.access).await {
                Ok(renewed) if !renewed.tokens.stale(clock.now()) => {}
                _ => return,
            }
        }
    });
    Some(Watch { task })
}

async fn wait_until_stale(vault: &Vault, clock: &dyn Clock, account: &Account) -> Option<Tokens> {
    loop {
        let expires = vault.index().ok()?.entry(account)?.expires_at?;
        // Read the secret only when it may matter: the longest lead is five minutes.
        if expires.saturating_sub(clock.now()) <= 300 {
            let tokens = Tokens::from_json(&vault.read(account, &|_| {}).await.ok()??).ok()?;
            if tokens.stale(clock.now()) {
                return Some(tokens);
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
