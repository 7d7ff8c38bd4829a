//! A prompt to the model: who answers, in which order, and what becomes of the prompt.

mod attempt;
mod balance;
mod step;
mod told;
mod turn;

use std::io::IsTerminal as _;

use llxprt_commands::{Account, Bucket, Command, Provider, ProviderChoice};
use serde_json::json;

pub use self::balance::settle;
use self::turn::{Answered, Ended, Means};
use super::credential::{Credential, credential, resolution};
use super::{choose, fresh, happened, login, profile, warn_of_misfits};
use crate::auth::failover::State;
use crate::error::{Code, Failure, Outcome};
use crate::providers::{OAuth, Status};
use crate::run::Run;
use crate::ui::clean_line;

/// How many accounts that the index does not know are looked for before a turn.
const LOOKED_UP: usize = 3;

/// Sends a prompt and shows the answer. A prompt that failed is back on the line.
///
/// # Errors
/// What a person must read.
pub fn prompt(run: &mut Run, text: &str) -> Outcome {
    let before = run.conversation.turns().len();
    let result = answer(run, text);
    // What was shown in part stays in the conversation, and its prompt is not sent again.
    if result.is_err() && run.conversation.turns().len() < before + 2 {
        run.conversation.take_back();
        run.keyboard.put_back(text);
    }
    result
}

/// With `-p TEXT`: a piped stdin is appended, `-` is stdin alone.
///
/// # Errors
/// As [`prompt`].
pub fn one_shot(run: &mut Run, text: &str) -> Outcome {
    let piped = if std::io::stdin().is_terminal() { String::new() } else { read_stdin()? };
    let text = match (text, piped.trim()) {
        ("-", piped) => piped.to_owned(),
        (text, "") => text.to_owned(),
        (text, piped) => format!("{text}\n\n{piped}"),
    };
    if text.trim().is_empty() {
        return Err(Failure::new(Code::Usage, "There is no prompt: -p needs a text, or text on stdin."));
    }
    prompt(run, &text)
}

fn read_stdin() -> Outcome<String> {
    const BOUND: u64 = 4 << 20;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(std::io::stdin(), BOUND + 1), &mut bytes)
        .map_err(|e| Failure::new(Code::File, format!("stdin cannot be read: {e}.")))?;
    if bytes.len() as u64 > BOUND {
        return Err(Failure::new(Code::Usage, "stdin holds more than 4 MiB; that is too much for one prompt."));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn answer(run: &mut Run, text: &str) -> Outcome {
    run.settings.whole()?;
    // Before anything is asked or sent: what the request needs on its way.
    for name in ["stream.idleSeconds", "show.reasoning", "auth.bucketPolicy"] {
        run.settings.need(name)?;
    }
    profile::offer_sign_ins(run)?;
    let answered = match run.chosen.balanced.clone() {
        Some(balanced) => balance::answer(run, &balanced, text)?,
        None => one_profile(run, text, true).map_err(Ended::failure)?,
    };
    run.conversation.answer(&answered.text);
    if run.ui.json {
        document(run, &answered);
    }
    match &answered.finished {
        None => run.ui.note("Stopped. What came is kept in the conversation."),
        Some(finished) => {
            if let Some(reason) = &finished.reason {
                run.ui.note(&format!("The answer ended early: {}.", clean_line(reason)));
            }
        }
    }
    Ok(())
}

/// Answers by what is chosen now: a key, or the accounts in their order. The lazy login is asked for where that may be.
fn one_profile(run: &mut Run, text: &str, may_ask: bool) -> Result<Answered, Ended> {
    let provider = active(run)?;
    choose::need_model(run)?;
    let means = match credential(run, &provider)? {
        Credential::Key(key) => {
            let name = resolution(run, &provider)?.winner.map_or_else(String::new, |winner| winner.detail);
            Means::Key { key, name }
        }
        Credential::OAuth(accounts) => Means::Accounts(signed_in(run, &provider, accounts, may_ask)?),
    };
    warn_of_misfits(run);
    run.conversation.ask(text);
    let answered = turn::turn(run, &provider, means);
    if let Err(Ended::UsedUp(failure, _) | Ended::Final(failure)) = &answered {
        happened::note(run, provider.as_str(), "not answered", failure);
    }
    answered
}

/// Returns the accounts in order, after the lazy login where nobody is signed in to any of them.
fn signed_in(run: &mut Run, provider: &Provider, mut accounts: Vec<Account>, may_ask: bool) -> Outcome<Vec<Account>> {
    if accounts.is_empty() {
        accounts.push(Account { provider: provider.clone(), bucket: Bucket::default() });
    }
    let index = run.index()?;
    // A login that another program made may lie in the keyring under this very name; it is looked for once.
    let unknown: Vec<Account> = accounts.iter().filter(|a| index.entry(a).is_none()).take(LOOKED_UP).cloned().collect();
    let mut looked = false;
    for account in &unknown {
        match fresh::read(run, account) {
            Ok(tokens) => looked |= tokens.is_some(),
            // One that cannot be read keeps no other from answering.
            Err(failure) if failure.code != Code::Cancelled && accounts.len() > 1 => {}
            Err(failure) => return Err(failure),
        }
    }
    let index = if looked { run.index()? } else { index };
    let now = run.now();
    let needs_login = |account: &Account| matches!(State::of(index.entry(account), None, now), State::NeedsLogin(_));
    if !accounts.iter().all(needs_login) {
        return Ok(accounts);
    }
    if !may_ask {
        return Err(told::nobody(&accounts[0]));
    }
    if run.flags.prompt.is_none() && run.keyboard.is_person() {
        run.ui.say(&format!("{provider} needs a sign-in before it can answer. Your prompt is kept."));
    }
    let first = accounts[0].bucket.clone();
    let kept = login::lazy(run, provider, &first)?;
    run.ui.note("Sending your prompt.\n");
    accounts.retain(|account| *account != kept && account.bucket != first);
    accounts.insert(0, kept);
    Ok(accounts)
}

/// Finds who answers: the active provider, or the only one with a credential (design 4.1).
fn active(run: &mut Run) -> Outcome<Provider> {
    if let Some(provider) = run.active_known()? {
        return Ok(provider);
    }
    let mut able = Vec::new();
    for manifest in run.registry.all() {
        if resolution(run, &manifest.name)?.winner.is_some() {
            able.push(manifest.name.clone());
        }
    }
    match able.as_slice() {
        [only] => {
            run.ui.note(&format!("Using {only}: the only provider with a credential."));
            run.chosen.provider = Some(only.clone());
            Ok(only.clone())
        }
        [] => {
            let mut failure = Failure::new(Code::NoProvider, "No provider is chosen, and none has a credential.");
            let ended = |oauth: &OAuth| oauth.status == Status::Retired;
            for manifest in run.registry.all().filter(|m| m.oauth.as_ref().is_some_and(|oauth| !ended(oauth))) {
                failure = failure.next(resolution(run, &manifest.name)?.sign_in());
            }
            Err(failure)
        }
        several => {
            let names: Vec<_> = several.iter().map(Provider::as_str).collect();
            let words = format!("Several providers have a credential: {}. Choose one.", names.join(", "));
            let choose = ProviderChoice { name: Some(several[0].clone()) };
            Err(Failure::new(Code::WhichProvider, words).then(Command::Provider(choose)))
        }
    }
}

fn document(run: &Run, answered: &Answered) {
    let usage = answered.finished.as_ref().map(|finished| finished.usage).unwrap_or_default();
    run.ui.document(&json!({
        "schema": "llxprt.answer.v1", "text": answered.text, "provider": answered.provider.as_str(),
        "model": answered.model, "bucket": answered.bucket.as_ref().map(Bucket::as_str),
        "usage": { "input": usage.input, "output": usage.output },
    }));
}
