//! `/auth`: on, off, in, out.

use llxprt_commands::{Auth, AuthAction, Login, Provider};

use super::login::{Wanted, login};
use super::{activate, logout, rename, status, switch, token, why};
use crate::error::Outcome;
use crate::run::Run;

/// `/auth [PROVIDER] [ACTION]`
pub(super) fn auth(run: &mut Run, auth: Auth) -> Outcome {
    let Auth { provider, action } = auth;
    let Some(provider) = provider else { return status::all(run) };
    match action {
        None | Some(AuthAction::Status) => status::one(run, &provider),
        Some(AuthAction::Enable) => enable(run, &provider),
        Some(AuthAction::Disable) => disable(run, &provider),
        Some(AuthAction::Login(how)) => sign_in(run, provider, how),
        Some(AuthAction::Switch { bucket }) => switch::switch(run, &provider, bucket),
        Some(AuthAction::Rename { old, new }) => rename::rename(run, &provider, &old, &new),
        Some(AuthAction::Why) => why::why(run, &provider),
        Some(AuthAction::Token { bucket, reveal }) => token::token(run, &provider, bucket, reveal),
        Some(AuthAction::Logout { which, all }) => logout::logout(run, &provider, which, all),
    }
}

/// Signs in, and says so where a key keeps the sign-in from being used.
fn sign_in(run: &mut Run, provider: Provider, how: Login) -> Outcome {
    login(run, &Wanted::typed(provider.clone(), how))?;
    status::say_shadow(run, &provider)
}

/// Remembers that sign-ins are on. Opens nothing.
fn enable(run: &mut Run, provider: &Provider) -> Outcome {
    run.oauth(provider)?;
    let was = run.settings.oauth_enabled(provider);
    run.settings.set_oauth_enabled(provider, true)?;
    activate(run, provider)?;
    let already = if was { "already " } else { "" };
    let signed_in = run.index()?.accounts_of(provider).any(|(_, e)| e.refused.is_none());
    run.ui.say(&match signed_in {
        true => format!("{provider} is {already}on, and you are signed in."),
        false => format!("{provider} is {already}on. You will be asked to sign in at the first request."),
    });
    if let Some(words) = super::answers_elsewhere(run, provider) {
        run.ui.note(&words);
    }
    status::say_shadow(run, provider)
}

/// Remembers that sign-ins are off. What is stored stays.
fn disable(run: &mut Run, provider: &Provider) -> Outcome {
    run.oauth(provider)?;
    let was = run.settings.oauth_enabled(provider);
    run.settings.set_oauth_enabled(provider, false)?;
    let count = run.index()?.accounts_of(provider).count();
    let kept = match count {
        0 => String::new(),
        1 => " Its sign-in is kept.".to_owned(),
        n => format!(" Its {n} sign-ins are kept."),
    };
    run.ui.say(&format!("{provider} is {}off.{kept}", if was { "" } else { "already " }));
    Ok(())
}
