//! What a person is told when a turn ends without an answer.

use llxprt_commands::{Account, Auth, AuthAction, Command, Provider};

use super::super::login;
use crate::auth::failover::{self, Gone, Outcome as Came, Stop, Why};
use crate::error::{Code, Failure};
use crate::run::Run;
use crate::ui::{clean_line, times};

/// Makes the provider's words harmless, whichever of them there are.
pub(super) fn cleaned(mut came: Came) -> Came {
    match &mut came {
        Came::Answered | Came::Refreshed => {}
        Came::Quota { why: words, .. }
        | Came::Burst { why: words, .. }
        | Came::Unauthorized { reason: words }
        | Came::RefreshRefused { reason: words }
        | Came::RefreshFailed { reason: words }
        | Came::Revoked { reason: words }
        | Came::NotCovered { reason: words }
        | Came::Refused { reason: words, .. }
        | Came::Unavailable { reason: words, .. }
        | Came::Unreadable { reason: words } => *words = clean_line(words).trim_end_matches('.').to_owned(),
    }
    came
}

/// Takes away the status that an error within a stream would have had as an answer: nobody has seen it.
pub(super) fn without_status(mut came: Came) -> Came {
    if let Came::Refused { status, .. } | Came::Unavailable { status, .. } = &mut came {
        *status = None;
    }
    came
}

/// The provider's words and the status, where they do not name it themselves.
fn with_status(reason: &str, status: Option<u16>) -> String {
    match status.map(|status| format!("status {status}")) {
        Some(status) if !reason.contains(&status) => format!("{reason} ({status})"),
        _ => reason.to_owned(),
    }
}

/// The failure of an account that nobody is signed in to.
pub(super) fn nobody(account: &Account) -> Failure {
    let words = format!("Nobody is signed in to {} as {}.", account.provider, account.bucket);
    Failure::new(Code::NeedLogin, words).then(login::command(&account.provider, &account.bucket))
}

/// Where the prompt is now.
fn kept(run: &Run) -> &'static str {
    if run.ui.session && run.keyboard.is_person() { " Your prompt is kept." } else { "" }
}

/// The end although accounts may be left.
pub(super) fn stopped(run: &Run, provider: &Provider, title: &str, stop: Stop, last: Option<Failure>) -> Failure {
    match stop {
        Stop::Refused { status, reason } => {
            Failure::new(Code::Refused, format!("{title} refuses: {}.{}", with_status(&reason, status), kept(run)))
        }
        Stop::Unavailable { status, reason } => {
            let reason = with_status(&reason, status);
            let words = format!("{title} is in trouble: {reason}. Tried three times.{}", kept(run));
            last.unwrap_or_else(|| Failure::new(Code::Offline, words))
        }
        Stop::BrokeOff { reason } => {
            // The document of an error has no place for the text.
            let came = if run.ui.json { "" } else { " What came is kept." };
            Failure::new(Code::Stream, format!("The answer broke off: {reason}.{came}"))
        }
        Stop::Manual { gone, others } => {
            let line = gone.line(|at| times::at(run.now(), at));
            let words = format!("{line}. {title} leaves switching accounts to you.{}", kept(run));
            let failure = Failure::new(failover::code(&[gone]), words);
            others.into_iter().take(3).fold(failure, |failure, bucket| {
                let action = Some(AuthAction::Switch { bucket });
                failure.then(Command::Auth(Auth { provider: Some(provider.clone()), action }))
            })
        }
    }
}

/// The end with no account left: each with its reason, the earliest reset, the prompt kept. Never an API key by itself.
pub(super) fn used_up(run: &Run, provider: &Provider, gone: &[Gone], last: Option<Failure>) -> Failure {
    let now = run.now();
    let code = failover::code(gone);
    if let [only] = gone {
        let words = match &only.why {
            Why::Limit { which, until, guessed } => {
                format!("{} is at its limit: {which}, {}.", only.bucket, back(now, *until, *guessed))
            }
            // What stood in the way told more than the plan can.
            _ if last.is_some() => return last.unwrap_or_else(|| Failure::new(code, "")),
            Why::NeedsLogin(why) => format!("{} needs a new sign-in: {why}.", only.bucket),
            Why::NotCovered(why) => format!("{} is not covered for this: {why}.", only.bucket),
            Why::Unreadable(why) | Why::NotRenewed(why) => format!("{} cannot be used: {why}.", only.bucket),
        };
        let failure = Failure::new(code, format!("{words}{}", kept(run)));
        return match &only.why {
            Why::Limit { .. } => failure.say(instead(run, provider)),
            Why::NotCovered(_) => failure.then(self::why(provider)),
            _ => failure.then(login::command(provider, &only.bucket)),
        };
    }
    let place = run.profile_for(provider).map_or(provider.as_str(), |profile| profile.name.as_str());
    let limited = gone.iter().filter(|gone| matches!(gone.why, Why::Limit { .. })).count();
    let first =
        failover::earliest(gone).map_or_else(String::new, |at| format!(" The first is {}.", back(now, at, false)));
    let all = if gone.len() == 2 { "Both accounts".to_owned() } else { format!("All {} accounts", gone.len()) };
    let mut words = match limited == gone.len() {
        true => format!("{all} in {place} are at their limits.{first}{}", kept(run)),
        false => format!("None of the {} accounts in {place} can be used now.{first}{}", gone.len(), kept(run)),
    };
    const SHOWN: usize = 12;
    let width = gone.iter().take(SHOWN).map(|gone| gone.bucket.as_str().len()).max().unwrap_or(0);
    for Gone { bucket, why } in gone.iter().take(SHOWN) {
        let why = match why {
            Why::Limit { which, until, guessed } => format!("{which}   {}", back(now, *until, *guessed)),
            Why::NeedsLogin(why) if why == failover::NOBODY => "nobody is signed in".to_owned(),
            Why::NeedsLogin(_) => "needs a new sign-in".to_owned(),
            Why::NotCovered(why) => format!("not covered: {why}"),
            Why::Unreadable(why) => format!("unreadable: {why}"),
            Why::NotRenewed(why) => format!("not renewed: {why}"),
        };
        words += &format!("\n  {bucket:width$}   {why}");
    }
    if gone.len() > SHOWN {
        words += &format!("\n  and {} more", gone.len() - SHOWN);
    }
    let mut failure = Failure::new(code, words);
    for Gone { bucket, .. } in gone.iter().filter(|gone| matches!(gone.why, Why::NeedsLogin(_))).take(3) {
        failure = failure.then(login::command(provider, bucket));
    }
    if limited > 0 { failure.say(instead(run, provider)) } else { failure }
}

/// When a limit ends; where the provider did not say so, when it is worth another try.
fn back(now: i64, until: i64, guessed: bool) -> String {
    let verb = if guessed { "next try" } else { "back" };
    format!("{verb} in {} ({})", times::span(until - now), times::at(now, until))
}

fn instead(run: &Run, provider: &Provider) -> String {
    let command = |action| run.typed(&Command::Auth(Auth { provider: Some(provider.clone()), action: Some(action) }));
    let login = command(AuthAction::Login(llxprt_commands::Login::default()));
    let why = command(AuthAction::Why);
    format!(
        "You can wait, add an account ({login} <account>), or use an API key, which is billed by use: {why} shows how."
    )
}

/// The end where a key was at its limit or refused.
pub(super) fn key_used_up(
    run: &Run,
    provider: &Provider,
    title: &str,
    name: &str,
    gone: &[Gone],
    last: Option<Failure>,
) -> Failure {
    let now = run.now();
    let words = match gone.first().map(|gone| &gone.why) {
        // The step knows the status too.
        Some(Why::NeedsLogin(_)) if last.is_some() => return last.unwrap_or_else(|| Failure::new(Code::Refused, "")),
        Some(Why::Limit { which, until, guessed }) => {
            format!("The key ({name}) is at a limit of {title}: {which}, {}.", back(now, *until, *guessed))
        }
        Some(Why::NeedsLogin(why) | Why::NotCovered(why) | Why::Unreadable(why) | Why::NotRenewed(why)) => {
            format!("{title} refuses the key ({name}): {why}.")
        }
        None => format!("The key ({name}) cannot be used."),
    };
    let code = match failover::code(gone) {
        Code::NeedLogin | Code::Vault => Code::Key,
        code => code,
    };
    Failure::new(code, format!("{words}{}", kept(run))).then(why(provider))
}

/// The failure of a key that the provider does not know.
pub(super) fn key_refused(run: &Run, provider: &Provider, title: &str, name: &str, reason: &str) -> Failure {
    let words = format!("{title} refuses the key ({name}): {reason}.{}", kept(run));
    Failure::new(Code::Refused, words).then(why(provider))
}

/// The command that shows which credential is used, and what would change it.
fn why(provider: &Provider) -> Command {
    Command::Auth(Auth { provider: Some(provider.clone()), action: Some(AuthAction::Why) })
}
