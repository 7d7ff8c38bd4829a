//! `/auth P switch BUCKET` and `--bucket`: which account this session uses.

use llxprt_commands::{Account, Auth, AuthAction, Bucket, Command, Provider};

use super::nearest::{no_account, signed_in_as};
use super::{login, status};
use crate::auth::failover::State;
use crate::error::{Code, Failure, Next, Outcome};
use crate::run::Run;
use crate::ui::times;

/// `/auth P switch BUCKET`
pub(super) fn switch(run: &mut Run, provider: &Provider, bucket: Bucket) -> Outcome {
    run.oauth(provider)?;
    let account = Account { provider: provider.clone(), bucket };
    if !is_there(run, &account)? {
        let index = run.index()?;
        let mut failure = no_account(&index, provider, &account.bucket);
        if let Some(bucket) = signed_in_as(&index, provider, &account.bucket) {
            let action = Some(AuthAction::Switch { bucket });
            failure.next = vec![Next::Command(Command::Auth(Auth { provider: Some(provider.clone()), action }))];
        }
        return Err(failure);
    }
    run.chosen.buckets.insert(provider.clone(), account.bucket.clone());
    run.ui.say(&format!("{} is used for {provider} in this session.", account.bucket));
    say_state(run, &account)?;
    if !run.settings.oauth_enabled(provider) {
        let enable = Auth { provider: Some(provider.clone()), action: Some(AuthAction::Enable) };
        let typed = run.typed(&Command::Auth(enable));
        run.ui.warn(&format!("Sign-in is off for {provider}, so it is not used yet. To turn it on: {typed}"));
    }
    if let Some(words) = super::answers_elsewhere(run, provider) {
        run.ui.note(&words);
    }
    status::say_shadow(run, provider)
}

fn say_state(run: &Run, account: &Account) -> Outcome {
    let now = run.now();
    let bucket = &account.bucket;
    match State::of(run.index()?.entry(account), None, now) {
        State::Ready | State::Expired | State::Unverified => {}
        State::Limited(limit) => {
            run.ui.note(&format!("It is at its limit ({}), back in {}.", limit.why, times::both(now, limit.until)));
        }
        State::NeedsLogin(why) => {
            let again = run.typed(&login::command(&account.provider, bucket));
            run.ui.note(&format!("It needs a new sign-in ({why}): {again}"));
        }
        State::Unknown(why) => run.ui.note(&format!("It is unreadable: {why}")),
    }
    Ok(())
}

/// Tells whether somebody is signed in under this name; what the index does not know is looked for in the keyring.
fn is_there(run: &Run, account: &Account) -> Outcome<bool> {
    if run.index()?.entry(account).is_some() {
        return Ok(true);
    }
    let vault = run.vault.clone();
    let stored = run.wait(async { Ok(vault.read(account, &|words| run.ui.note(words)).await?) });
    Ok(matches!(stored, Ok(Some(_))))
}

/// Takes `--bucket`: for the active provider, else for the only one that has it. Where nobody is signed in yet, the
/// lazy login gets the name.
///
/// # Errors
/// `E-ACCOUNT` with the nearest name.
pub fn choose_at_start(run: &mut Run) -> Outcome {
    let Some(bucket) = run.flags.bucket.clone() else { return Ok(()) };
    let index = run.index()?;
    let has =
        |provider: &Provider| index.entry(&Account { provider: provider.clone(), bucket: bucket.clone() }).is_some();
    let provider = match run.active_known()? {
        Some(active) => active,
        None => {
            let able: Vec<Provider> =
                run.registry.all().filter(|m| m.oauth.is_some() && has(&m.name)).map(|m| m.name.clone()).collect();
            match able.as_slice() {
                [only] => {
                    run.chosen.provider = Some(only.clone());
                    only.clone()
                }
                [] => {
                    let words = format!("No provider is chosen, and none has an account called \"{bucket}\".");
                    return Err(Failure::new(Code::Account, words));
                }
                several => {
                    let names: Vec<&str> = several.iter().map(Provider::as_str).collect();
                    let words = format!("Several providers have an account {bucket}: {}.", names.join(", "));
                    let failure = Failure::new(Code::WhichProvider, words);
                    return Err(failure.say(format!("Say which: --provider {}", names[0])));
                }
            }
        }
    };
    run.oauth(&provider)?;
    let account = Account { provider: provider.clone(), bucket: bucket.clone() };
    let nobody = index.accounts_of(&provider).next().is_none();
    if !nobody && !is_there(run, &account)? {
        return Err(no_account(&index, &provider, &bucket));
    }
    run.chosen.buckets.insert(provider, bucket);
    Ok(())
}
