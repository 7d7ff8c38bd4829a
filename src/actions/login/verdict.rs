//! What the provider says to an answer: the exchange, the one real call after it, refusals in its own words.

use super::Signed;
use crate::auth::{Attempt, Client, TokenAnswer, Trouble, Verdict, exchange, resource, verify};
use crate::error::{Code, Failure, Outcome};
use crate::providers::{Manifest, OAuth};
use crate::run::Run;
use crate::secret::Secret;
use crate::ui::clean_line;

/// Exchanges the code and makes the one real call. An exchange that was sent goes on if the login is cancelled; its
/// tokens are forgotten.
pub(super) async fn complete(
    run: &Run,
    manifest: &Manifest,
    oauth: &OAuth,
    client: &Client,
    attempt: &Attempt,
    code: &str,
) -> Outcome<Signed> {
    run.log.hide(&Secret::new(code));
    let answer = exchange(&run.http, oauth, client, attempt, code, run.now()).await;
    verified(run, manifest, oauth, answer.map_err(|trouble| failed(manifest, trouble))?).await
}

/// Makes the one real call with a new token.
pub(super) async fn verified(run: &Run, manifest: &Manifest, oauth: &OAuth, answer: TokenAnswer) -> Outcome<Signed> {
    let secrets = [&answer.access].into_iter().chain(&answer.refresh).chain(&answer.id_token);
    secrets.for_each(|secret| run.log.hide(secret));
    resource(manifest, answer.resource_url.as_deref())?;
    match verify(&run.http, manifest, oauth, &answer).await {
        Verdict::Works(identity) => Ok(Signed { answer, identity, unverified: None }),
        Verdict::Later(why, identity) => Ok(Signed { answer, identity, unverified: Some(why) }),
        Verdict::Refused(words) => {
            let (title, said) = (&manifest.title, clean_line(&words));
            let words = format!("{title} refuses the new sign-in: {}. Nothing was stored.", said.trim_end_matches('.'));
            Err(Failure::new(Code::LoginFailed, words))
        }
    }
}

/// What a person is told of a token request that brought no token.
pub(super) fn failed(manifest: &Manifest, trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Unreached(unreached) => unreached.failure().say("Nothing was stored."),
        Trouble::Refused(refusal) => {
            let said = clean_line(&refusal.words);
            let words = format!("{} did not accept the code: {}.", manifest.title, said.trim_end_matches('.'));
            Failure::new(Code::LoginFailed, words)
        }
        Trouble::Nonsense(words) => {
            let words = format!("{}'s answer could not be used: {}.", manifest.title, clean_line(&words));
            Failure::new(Code::LoginFailed, words)
        }
        Trouble::Ours(failure) => failure,
    }
}

/// RFC 9207: an `iss` in the answer must be the issuer that the manifest names.
pub(super) fn same_issuer(oauth: &OAuth, issuer: &str) -> bool {
    let trim = |s: &str| s.trim_end_matches('/').to_owned();
    oauth.issuer.as_ref().is_none_or(|ours| trim(ours.as_str()) == trim(issuer))
}

/// A refusal of the provider (RFC 6749 4.1.2.1) in its own words, made safe.
pub(super) fn denied(manifest: &Manifest, error: &str, description: Option<&str>) -> Failure {
    let said = description.filter(|d| !d.is_empty()).unwrap_or(error);
    let words = match error {
        "access_denied" => format!("The provider says access was denied: \"{}\". Nothing changed.", clean_line(said)),
        _ => format!("The provider ended the sign-in: \"{}\". Nothing changed.", clean_line(said)),
    };
    let failure = Failure::new(Code::Denied, words);
    match manifest.no_access(error).or_else(|| manifest.no_access(said)) {
        Some(hint) => failure.say(hint),
        None => failure,
    }
}
