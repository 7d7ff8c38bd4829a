//! Loading a profile: what it names is there, what it comes to is said, missing sign-ins are offered at once.

use std::collections::BTreeSet;

use llxprt_commands::{
    Account, Auth, AuthAction, Bucket, Command, Login, Profile as Words, ProfileAction, ProfileName, Provider,
};

use super::super::login::{self, Wanted, login};
use super::super::nearest::no_profile;
use super::super::{settle, status};
use super::show;
use crate::auth::failover::State;
use crate::auth::no_browser::Asked;
use crate::config::{Balancer, Profile, Profiles, Saved};
use crate::error::{Code, Failure, Outcome};
use crate::run::{Balanced, Run};
use crate::seams::Typed;

/// Loads what `--profile-load` names, else the default profile. A default that cannot be loaded is said, and the run
/// goes on without it; a prompt from the shell does not.
///
/// # Errors
/// Those of a profile that was named.
pub fn load_at_start(run: &mut Run) -> Outcome {
    let (name, named) = match (run.flags.profile_load.clone(), run.settings.default_profile()) {
        (Some(name), _) => (name, true),
        (None, Some(name)) => (name, false),
        (None, None) => return no_default(run),
    };
    match read(run, &name).and_then(|loaded| apply(run, loaded)) {
        Ok(()) => {}
        Err(failure) if named => return Err(failure),
        Err(failure) if run.flags.prompt.is_some() => return Err(failure.then(without_default())),
        Err(failure) => {
            run.ui.tell(&failure.then(without_default()));
            run.ui.note(&format!("{name} is the default profile; this run goes on without it."));
            return Ok(());
        }
    }
    if run.ui.session || run.flags.prompt.is_some() {
        // A prompt from the shell fails by it, or has a key and needs no word.
        if run.ui.session {
            say_off(run);
        }
        name_missing(run);
    }
    Ok(())
}

/// The command after which no profile is loaded at start.
fn without_default() -> Command {
    Command::Profile(Words { action: Some(ProfileAction::SetDefault { name: "none".to_owned() }) })
}

/// Says that the default profile cannot be read where one is named; a session tells such things itself.
fn no_default(run: &Run) -> Outcome {
    match run.settings.misfit("defaultProfile") {
        Some(failure) if run.flags.prompt.is_some() => return Err(failure),
        Some(failure) if !run.ui.session => run.ui.tell(&failure),
        Some(_) | None => {}
    }
    Ok(())
}

/// `/profile load NAME`
pub(super) fn load(run: &mut Run, name: &ProfileName) -> Outcome {
    let loaded = read(run, name)?;
    use_it(run, loaded)?;
    run.ui.say(&format!("{name} is loaded."));
    show::tell(run);
    after(run)
}

/// Makes what was read the choice of the session: what was chosen by hand before gives way.
pub(super) fn use_it(run: &mut Run, loaded: Loaded) -> Outcome {
    for profile in loaded.members() {
        run.chosen.buckets.remove(&profile.provider);
        run.chosen.turns.last.remove(&profile.provider);
    }
    run.chosen.provider = None;
    run.chosen.model = None;
    apply(run, loaded)?;
    settle(run);
    Ok(())
}

/// What follows a load: how to turn sign-ins on, what shadows them, the sign-ins that are missing.
pub(super) fn after(run: &mut Run) -> Outcome {
    say_off(run);
    let providers: BTreeSet<Provider> = members(run).into_iter().map(|profile| profile.provider).collect();
    for provider in &providers {
        status::say_shadow(run, provider)?;
    }
    name_missing(run);
    offer_sign_ins(run)
}

/// Says which sign-ins are off, so that the accounts of the profile are not used.
fn say_off(run: &Run) {
    let with_accounts = members(run).into_iter().filter(|profile| !profile.buckets.is_empty());
    let providers: BTreeSet<Provider> = with_accounts.map(|profile| profile.provider).collect();
    for provider in providers.iter().filter(|provider| !run.settings.oauth_enabled(provider)) {
        let enable = Auth { provider: Some(provider.clone()), action: Some(AuthAction::Enable) };
        let typed = run.typed(&Command::Auth(enable));
        run.ui.warn(&format!("Sign-in is off for {provider}, so these accounts are not used. To turn it on: {typed}"));
    }
}

/// A profile with all that it leads to.
pub(super) enum Loaded {
    /// One of a provider.
    Model(Profile),
    /// One over others, those in order.
    Balancer(Balancer, Vec<Profile>),
}

impl Loaded {
    fn members(&self) -> &[Profile] {
        match self {
            Self::Model(profile) => std::slice::from_ref(profile),
            Self::Balancer(_, profiles) => profiles,
        }
    }
}

/// Reads a profile and those that it names.
pub(super) fn read(run: &Run, name: &ProfileName) -> Outcome<Loaded> {
    let profiles = Profiles::new(&run.dirs.config);
    let loaded = match profiles.read(name)? {
        None => return Err(no_profile(run, name)),
        Some(Saved::Model(profile)) => Loaded::Model(profile),
        Some(Saved::Balancer(balancer)) => {
            let mut members = Vec::new();
            collect(run, &profiles, &balancer, &mut vec![name.clone()], &mut members)?;
            Loaded::Balancer(balancer, members)
        }
    };
    for profile in loaded.members() {
        check(run, profile)?;
    }
    Ok(loaded)
}

/// Follows the names of a load balancer; one within another adds its profiles in its place.
pub(super) fn collect(
    run: &Run,
    profiles: &Profiles,
    balancer: &Balancer,
    way: &mut Vec<ProfileName>,
    members: &mut Vec<Profile>,
) -> Outcome {
    for name in &balancer.profiles {
        if way.contains(name) {
            let names: Vec<&str> = way.iter().chain([name]).map(ProfileName::as_str).collect();
            let words = format!("The load balancer {} leads back to itself: {}.", way[0], names.join(" → "));
            return Err(Failure::new(Code::Profile, words));
        }
        match profiles.read(name)? {
            None => {
                let missing = no_profile(run, name);
                let words = format!("The load balancer {} names {name}. {}", balancer.name, missing.message);
                return Err(Failure::new(Code::Profile, words));
            }
            Some(Saved::Model(profile)) if members.contains(&profile) => {}
            Some(Saved::Model(profile)) => members.push(profile),
            Some(Saved::Balancer(inner)) => {
                way.push(name.clone());
                collect(run, profiles, &inner, way, members)?;
                way.pop();
            }
        }
    }
    Ok(())
}

/// Refuses a profile that names what is not there.
fn check(run: &Run, profile: &Profile) -> Outcome {
    let name = &profile.name;
    let at = |failure: Failure| Failure {
        code: if failure.code == Code::Provider { Code::Profile } else { failure.code },
        message: format!("{name} names the provider {}. {}", profile.provider, failure.message),
        next: failure.next,
    };
    let manifest = run.manifest(&profile.provider).map_err(at)?;
    if manifest.oauth.is_none() && !profile.buckets.is_empty() {
        let words = format!("{name} names accounts, but {} takes API keys only.", manifest.title);
        return Err(Failure::new(Code::Profile, words));
    }
    if let Some(url) = profile.settings.get("base-url") {
        let fits = url.as_str().is_some_and(|text| text.parse::<url::Url>().is_ok_and(|url| url.has_host()));
        if !fits {
            return Err(Failure::new(Code::Profile, format!("{name} has a base-url that is no URL.")));
        }
    }
    Ok(())
}

fn apply(run: &mut Run, loaded: Loaded) -> Outcome {
    let (first, balanced) = match loaded {
        Loaded::Model(profile) => (profile, None),
        Loaded::Balancer(balancer, members) => {
            let Some(first) = members.first().cloned() else {
                return Err(Failure::new(Code::Profile, format!("{} names no profile.", balancer.name)));
            };
            (first, Some(Balanced { name: balancer.name, policy: balancer.policy, members }))
        }
    };
    run.settings.forget_typed();
    run.chosen.turns.refused_keys.clear();
    enter(run, first);
    run.chosen.balanced = balanced;
    run.chosen.turns.offered = false;
    Ok(())
}

/// Makes a profile the one that the next request goes by.
pub(in super::super) fn enter(run: &mut Run, profile: Profile) {
    run.settings.set_profile(&profile.overlay());
    run.chosen.profile = Some(profile);
}

/// Stops using the loaded profile; returns its name.
pub(in super::super) fn leave(run: &mut Run) -> Option<ProfileName> {
    let name = loaded(run)?;
    run.chosen.profile = None;
    run.chosen.balanced = None;
    run.settings.forget_typed();
    run.settings.set_profile(&super::nothing());
    Some(name)
}

/// Returns the name of what is loaded.
pub fn loaded(run: &Run) -> Option<ProfileName> {
    let balanced = run.chosen.balanced.as_ref().map(|b| b.name.clone());
    balanced.or_else(|| run.chosen.profile.as_ref().map(|p| p.name.clone()))
}

/// Returns the profiles that requests may go by now.
pub(super) fn members(run: &Run) -> Vec<Profile> {
    match (&run.chosen.balanced, &run.chosen.profile) {
        (Some(balanced), _) => balanced.members.clone(),
        (None, Some(profile)) => vec![profile.clone()],
        (None, None) => Vec::new(),
    }
}

/// Returns the accounts of the loaded profile that nobody is signed in to.
fn missing(run: &Run) -> Vec<Account> {
    let index = run.index().unwrap_or_default();
    let now = run.now();
    let mut found: Vec<Account> = Vec::new();
    for profile in members(run) {
        for bucket in &profile.buckets {
            let account = Account { provider: profile.provider.clone(), bucket: bucket.clone() };
            let needs = matches!(State::of(index.entry(&account), None, now), State::NeedsLogin(_));
            if needs && !found.contains(&account) {
                found.push(account);
            }
        }
    }
    found
}

fn name_missing(run: &Run) {
    let missing = missing(run);
    if missing.is_empty() {
        return;
    }
    let names: Vec<&str> = missing.iter().take(5).map(|account| account.bucket.as_str()).collect();
    let more = missing.len() - names.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    run.ui.warn(&format!("Not signed in: {}{more}.", names.join(", ")));
    if !(run.ui.session && run.keyboard.is_person()) {
        for account in missing.iter().take(5) {
            run.ui.note(&format!("  {}", run.typed(&login::command(&account.provider, &account.bucket))));
        }
    }
}

/// Offers the sign-ins that the loaded profile lacks, one after the other: once for each load, never while an answer
/// is on its way, and only to a person.
pub(in super::super) fn offer_sign_ins(run: &mut Run) -> Outcome {
    if std::mem::replace(&mut run.chosen.turns.offered, true) || !run.ui.session || !run.keyboard.is_person() {
        return Ok(());
    }
    let missing: Vec<Account> =
        missing(run).into_iter().filter(|account| run.settings.oauth_enabled(&account.provider)).collect();
    let before = run.chosen.buckets.clone();
    let count = missing.len();
    for (n, account) in missing.into_iter().enumerate() {
        let Account { provider, bucket } = account;
        let question = format!("Sign in to {provider} as {bucket} now ({} of {count})? [Y/n, s skips all] ", n + 1);
        match run.keyboard.ask(&question) {
            Typed::Line(answer) => match answer.trim().to_ascii_lowercase().as_str() {
                "" | "y" | "yes" => sign_in(run, provider, bucket),
                "s" => break,
                _ => {}
            },
            Typed::Cancelled | Typed::End | Typed::Broken | Typed::Nobody => break,
        }
    }
    // A login makes its account the session's choice; here the order of the profile stays.
    run.chosen.buckets = before;
    Ok(())
}

/// One that fails does not keep the others from being offered.
fn sign_in(run: &mut Run, provider: Provider, bucket: Bucket) {
    let how = Login { bucket: Some(bucket.clone()), ..Login::default() };
    let wanted = Wanted { provider, bucket, how, asked: Asked::Lazy };
    if let Err(failure) = login(run, &wanted) {
        run.ui.tell(&failure);
    }
}
