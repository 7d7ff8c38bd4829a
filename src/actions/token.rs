//! `llxprt auth P token`: a valid access token on stdout, and nothing else there.

use llxprt_commands::{Account, Bucket, Provider};
use serde_json::json;

use super::{accounts, fresh};
use crate::error::{Code, Failure, Outcome};
use crate::run::Run;
use crate::ui::times;

/// Prints a token that lives, renewed first where it must be.
pub(super) fn token(run: &mut Run, provider: &Provider, bucket: Option<Bucket>, reveal: bool) -> Outcome {
    run.oauth(provider)?;
    if run.ui.terminal && !reveal {
        return Err(
            Failure::new(Code::Secret, "Refusing to print a secret on a terminal.").say("Add --reveal if you mean it.")
        );
    }
    let index = run.index()?;
    let first = || accounts::order(run, &index, provider).into_iter().next().unwrap_or_default();
    let account = Account { provider: provider.clone(), bucket: bucket.unwrap_or_else(first) };
    let need = || {
        let words = format!("Nobody is signed in to {provider} as {}.", account.bucket);
        Failure::new(Code::NeedLogin, words).then(super::login::command(provider, &account.bucket))
    };
    let tokens = fresh::read(run, &account)?.ok_or_else(need)?;
    let tokens = fresh::token(run, &account, tokens)?;
    if run.ui.json {
        let identity = index.entry(&account).and_then(|e| e.identity.clone());
        run.ui.document(&json!({
            "schema": "llxprt.auth.token.v1", "access_token": tokens.access.expose(), "token_type": tokens.token_type,
            "expires_at": tokens.expiry.and_then(times::rfc3339), "bucket": account.bucket.as_str(),
            "identity": identity,
        }));
    } else {
        run.ui.data(tokens.access.expose());
    }
    Ok(())
}
