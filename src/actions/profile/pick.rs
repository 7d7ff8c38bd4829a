//! Which provider a profile is for: the accounts decide, whoever is active.

use llxprt_commands::{Account, Bucket, Provider};

use super::super::nearest::{no_account, signed_in_as};
use crate::error::{Code, Failure, Outcome};
use crate::run::Run;
use crate::seams::Typed;
use crate::vault::Index;

/// Finds the provider that has all these accounts. Where several have them, the active one, or a person says.
pub(super) fn provider_of(run: &Run, buckets: &[Bucket]) -> Outcome<Provider> {
    let index = look_up(run, buckets)?;
    let with_login: Vec<&Provider> = run.registry.all().filter(|m| m.oauth.is_some()).map(|m| &m.name).collect();
    let has = |provider: &Provider, bucket: &Bucket| {
        index.entry(&Account { provider: provider.clone(), bucket: bucket.clone() }).is_some()
    };
    let count = |provider: &Provider| buckets.iter().filter(|bucket| has(provider, bucket)).count();
    let able: Vec<&Provider> = with_login.iter().copied().filter(|p| count(p) == buckets.len()).collect();
    let active = run.active();
    match (able.as_slice(), &active) {
        (able, Some(active)) if able.contains(&active) => Ok(active.clone()),
        ([only], _) => Ok((*only).clone()),
        ([], _) => Err(unknown(&index, buckets, &with_login, active.as_ref(), has)),
        (several, _) => choose(run, several),
    }
}

/// Reads the index. What it does not know may lie in the keyring under that very name: it is looked for once.
fn look_up(run: &Run, buckets: &[Bucket]) -> Outcome<Index> {
    let index = run.index()?;
    let candidates: Vec<Provider> = match run.active() {
        Some(active) => vec![active],
        None => run.registry.all().filter(|m| m.oauth.is_some()).map(|m| m.name.clone()).collect(),
    };
    let known = |bucket: &&Bucket| {
        let named = |entry: &String| entry.split_once(':').is_some_and(|(_, known)| known == bucket.as_str());
        index.accounts.keys().any(named)
    };
    let vault = run.vault.clone();
    for bucket in buckets.iter().filter(|bucket| !known(bucket)) {
        for provider in &candidates {
            let account = Account { provider: provider.clone(), bucket: bucket.clone() };
            // One that cannot be read is as unknown as before; the failure below names it.
            let _ = run.wait(async { Ok(vault.read(&account, &|words| run.ui.note(words)).await) })?;
        }
    }
    run.index()
}

fn unknown(
    index: &Index,
    buckets: &[Bucket],
    providers: &[&Provider],
    active: Option<&Provider>,
    has: impl Fn(&Provider, &Bucket) -> bool,
) -> Failure {
    let everywhere = |bucket: &&Bucket| providers.iter().any(|provider| has(provider, bucket));
    if buckets.iter().all(|bucket| everywhere(&bucket)) {
        let place = |bucket: &Bucket| {
            let provider = providers.iter().find(|provider| has(provider, bucket));
            format!("{bucket} is at {}", provider.map_or("none", |p| p.as_str()))
        };
        let places: Vec<String> = buckets.iter().map(place).collect();
        let words = format!("A profile has one provider, but {}. Not saved.", places.join(", "));
        return Failure::new(Code::Account, words)
            .say("Save a profile for each, then join them: `/profile save loadbalancer <name> failover <profile…>`");
    }
    // The provider that has most of them is the one that was meant, the active one before the others.
    let has_some = |provider: &&&Provider| index.accounts_of(provider).next().is_some();
    let rank = |provider: &&&Provider| {
        (buckets.iter().filter(|b| has(provider, b)).count(), Some(**provider) == active, has_some(provider))
    };
    let meant =
        providers.iter().rev().max_by_key(rank).map_or_else(|| active.cloned(), |provider| Some((*provider).clone()));
    let Some(meant) = meant else { return Failure::new(Code::Account, "No provider here has accounts. Not saved.") };
    let first = buckets.iter().find(|bucket| !has(&meant, bucket)).cloned().unwrap_or_default();
    let mut failure = no_account(index, &meant, &first);
    failure.message += match signed_in_as(index, &meant, &first) {
        Some(_) => "\nNot saved. To give it that name first:",
        None => "\nNot saved. To add a new account first:",
    };
    failure
}

fn choose(run: &Run, several: &[&Provider]) -> Outcome<Provider> {
    let names: Vec<&str> = several.iter().map(|provider| provider.as_str()).collect();
    if !run.keyboard.is_person() {
        let words = format!("Several providers have these accounts: {}. Not saved.", names.join(", "));
        return Err(Failure::new(Code::Account, words).say(format!("Say which: --provider {}", names[0])));
    }
    run.ui.say("Several providers have these accounts:");
    for (n, name) in names.iter().enumerate() {
        run.ui.say(&format!("  {}  {name}", n + 1));
    }
    loop {
        match run.keyboard.ask("For which one is the profile? ") {
            Typed::Line(answer) => {
                let answer = answer.trim();
                let by_number = answer.parse::<usize>().ok().and_then(|n| several.get(n.wrapping_sub(1)).copied());
                let by_name = several.iter().copied().find(|p| p.as_str().eq_ignore_ascii_case(answer));
                if let Some(provider) = by_number.or(by_name) {
                    return Ok(provider.clone());
                }
                run.ui.say(&format!("Type 1 to {}, or Ctrl+C to save nothing.", several.len()));
            }
            Typed::Cancelled | Typed::End | Typed::Broken | Typed::Nobody => {
                return Err(Failure::new(Code::Cancelled, "Cancelled. Not saved."));
            }
        }
    }
}
