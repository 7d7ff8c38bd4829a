//! `/profile save`: the current choice under a name, and it is loaded. No key is ever written into it.

use llxprt_commands::{Account, Bucket, Command, Policy, Profile as Words, ProfileAction, ProfileName, Provider};
use serde_json::{Map, Value};

use super::super::choose::{model_name, need_model};
use super::super::{credential, keyfile};
use super::load::{self, Loaded};
use super::{pick, show};
use crate::auth::precedence::Source;
use crate::config::{Balancer, Origin, Profile, Profiles, Saved};
use crate::error::{Code, Failure, Outcome};
use crate::providers::Switching;
use crate::run::Run;

/// Settings that belong into a profile where a flag or the loaded profile set them.
const OWN: [&str; 5] = ["authOnly", "auth.bucketPolicy", "auth.noBrowser", "stream.idleSeconds", "show.reasoning"];

/// `/profile save model NAME [BUCKET…]`
pub(super) fn model(run: &mut Run, name: ProfileName, buckets: Vec<Bucket>) -> Outcome {
    if let Some(twice) = buckets.iter().enumerate().find(|(n, bucket)| buckets[..*n].contains(bucket)) {
        let words = format!("{} is named twice. Not saved.", twice.1);
        return Err(Failure::new(Code::Usage, words));
    }
    let was = run.active_known()?;
    let provider = match buckets.is_empty() {
        false => pick::provider_of(run, &buckets)?,
        true => was.clone().ok_or_else(no_provider)?,
    };
    run.manifest(&provider)?;
    let buckets = if buckets.is_empty() { current_buckets(run, &name, &provider)? } else { buckets };
    let profile = Profile {
        name: name.clone(),
        model: Some(model_for(run, &provider)?),
        params: run.settings.model_params().into_iter().collect(),
        settings: settings(run, &provider, !buckets.is_empty()),
        provider: provider.clone(),
        buckets,
    };
    let before = Profiles::new(&run.dirs.config).save(&Saved::Model(profile.clone()))?;
    load::use_it(run, Loaded::Model(profile.clone()))?;
    say_saved(run, &name, before.as_ref());
    if was.as_ref() != Some(&provider) {
        let was = was.map_or_else(|| "no provider".to_owned(), |was| was.to_string());
        run.ui.note(&format!("The accounts are at {provider}, so the profile is for {provider} ({was} was active)."));
    }
    show::tell(run);
    tell_rest(run, &profile)?;
    load::after(run)
}

/// `/profile save loadbalancer NAME POLICY PROFILE…`
pub(super) fn balancer(run: &mut Run, name: ProfileName, policy: Policy, members: Vec<ProfileName>) -> Outcome {
    if let Some((_, twice)) = members.iter().enumerate().find(|(n, member)| members[..*n].contains(member)) {
        return Err(Failure::new(Code::Usage, format!("{twice} is named twice. Not saved.")));
    }
    let profiles = Profiles::new(&run.dirs.config);
    let balancer = Balancer { name: name.clone(), policy, profiles: members };
    let mut found = Vec::new();
    let not_saved = |failure: Failure| Failure { message: format!("{} Not saved.", failure.message), ..failure };
    load::collect(run, &profiles, &balancer, &mut vec![name.clone()], &mut found).map_err(not_saved)?;
    let before = profiles.save(&Saved::Balancer(balancer))?;
    let loaded = load::read(run, &name)?;
    load::use_it(run, loaded)?;
    say_saved(run, &name, before.as_ref());
    show::tell(run);
    load::after(run)
}

fn no_provider() -> Failure {
    Failure::new(Code::NoProvider, "No provider is chosen, so there is nothing to save.")
        .say("Name accounts, or choose one: `/provider <name>`")
}

/// The accounts that the session uses now: those of the loaded profile, else of the one that is saved anew, else the
/// one that was chosen here.
fn current_buckets(run: &Run, name: &ProfileName, provider: &Provider) -> Outcome<Vec<Bucket>> {
    let loaded = run.profile_for(provider).map(|profile| profile.buckets.clone()).unwrap_or_default();
    if !loaded.is_empty() {
        return Ok(loaded);
    }
    match Profiles::new(&run.dirs.config).read(name)? {
        Some(Saved::Model(old)) if old.provider == *provider && !old.buckets.is_empty() => Ok(old.buckets),
        _ => {
            let index = run.index()?;
            // A key file or a saved key that is used now is what the profile is to name.
            let used = credential::resolution(run, provider)?.winner.map(|winner| winner.source);
            let by_key = used.is_some_and(|source| {
                use Source::{FlagKeyName, FlagKeyfile, LoadedKey, SessionKeyfile};
                matches!(source, SessionKeyfile(_) | FlagKeyfile(_) | FlagKeyName(_) | LoadedKey(_))
            });
            let pinned = run.chosen.buckets.get(provider).filter(|_| !by_key).cloned();
            let signed_in = |bucket: &Bucket| {
                index.entry(&Account { provider: provider.clone(), bucket: bucket.clone() }).is_some()
            };
            Ok(pinned.filter(signed_in).into_iter().collect())
        }
    }
}

/// The model of now, or the provider's own where another provider is active. In the shell, `--model` is for what is saved.
fn model_for(run: &Run, provider: &Provider) -> Outcome<String> {
    let given = run.flags.model.is_some() && !run.ui.session;
    match given || run.active().as_ref() == Some(provider) {
        true => need_model(run).map(|()| model_name(run)),
        false => Ok(run.manifest(provider)?.default_model.clone()),
    }
}

/// What holds in this session only and shall hold with the profile. A key that is named goes in as a name; where
/// accounts are named it would stand before them, so it stays out.
fn settings(run: &mut Run, provider: &Provider, accounts: bool) -> Map<String, Value> {
    let mut map = Map::new();
    for name in OWN {
        if let Some((value, Origin::Flag | Origin::Profile)) = run.settings.get(name) {
            map.insert(name.to_owned(), value.clone());
        }
    }
    let profile = run.profile_for(provider);
    let of_profile = |name: &str| profile.and_then(|p| p.settings.get(name)).cloned();
    let base = match run.chosen.base_urls.get(provider) {
        Some(chosen) => chosen.as_ref().map(|url| url.as_str().into()),
        None => of_profile("base-url"),
    };
    if let Some(base) = base {
        map.insert("base-url".to_owned(), base);
    }
    if accounts {
        return map;
    }
    let flags = run.chosen.flags_for.as_ref() == Some(provider);
    let file = run.chosen.keyfiles.get(provider).cloned();
    let piped = run.chosen.flag_pipe.is_some();
    let file =
        file.or_else(|| run.flags.keyfile.as_deref().filter(|_| flags && !piped).map(keyfile::kept)).map(Value::from);
    let name = run.chosen.loaded_keys.get(provider).map(ToString::to_string);
    let name = name.or_else(|| run.flags.key_name.as_ref().filter(|_| flags).map(ToString::to_string)).map(Value::from);
    match (file, name) {
        (Some(file), _) => map.insert("auth-keyfile".to_owned(), file),
        (None, Some(name)) => map.insert("auth-key-name".to_owned(), name),
        (None, None) => {
            for reference in ["auth-keyfile", "auth-key-name"] {
                if let Some(value) = of_profile(reference) {
                    map.insert(reference.to_owned(), value);
                }
            }
            None
        }
    };
    let raw = run.chosen.keys.contains_key(provider) || (flags && (run.chosen.flag_key.is_some() || piped));
    if raw || of_profile("auth-key").is_some() {
        let words = "The key itself is not written into the profile. To keep it in the vault: `/key save <name>`";
        run.ui.warn(&run.ui.here(words));
    }
    map
}

fn say_saved(run: &Run, name: &ProfileName, before: Option<&Saved>) {
    match before {
        None => run.ui.say(&format!("Saved {name}.")),
        Some(before) => run.ui.say(&format!("Saved {name} in place of the one before ({}).", show::brief(before))),
    }
}

/// What a person should know of a profile with accounts, and what to type with it.
fn tell_rest(run: &Run, profile: &Profile) -> Outcome {
    let name = &profile.name;
    if profile.buckets.len() > 1 {
        let manual = run.oauth(&profile.provider)?.1.failover == Switching::Manual;
        let turns = run.settings.text("auth.bucketPolicy")? == Some("roundrobin");
        run.ui.say(&match (manual, turns) {
            (true, _) => "  At a limit           stop and say so: this provider leaves switching to you".to_owned(),
            (false, true) => {
                "  Each request         the next account in turn; one at its limit is passed over".to_owned()
            }
            (false, false) => {
                "  At a limit           use the next account; return to 1 when it is available again".to_owned()
            }
        });
        run.ui.say("  Never                fall back to an API key, which is billed by use");
        twins(run, profile)?;
    }
    let command = |action| run.typed(&Command::Profile(Words { action: Some(action) }));
    let load = match run.ui.session {
        true => format!(
            "{}{}",
            command(ProfileAction::Load { name: name.clone() }),
            if run.ui.plain { "; " } else { "   ·   " }
        ),
        false => String::new(),
    };
    run.ui.note(&format!("  {load}{}", run.ui.shell(&format!("llxprt --profile-load {name}"))));
    run.ui.note(&format!("  {}", command(ProfileAction::SetDefault { name: name.to_string() })));
    Ok(())
}

/// Two accounts of one identity share their limits: going from one to the other gains nothing.
fn twins(run: &Run, profile: &Profile) -> Outcome {
    let index = run.index()?;
    let id = |bucket: &Bucket| {
        let account = Account { provider: profile.provider.clone(), bucket: bucket.clone() };
        index.entry(&account).and_then(|entry| entry.identity_id.clone())
    };
    for (n, bucket) in profile.buckets.iter().enumerate() {
        let same = |other: &&Bucket| id(bucket).is_some() && id(other) == id(bucket);
        if let Some(other) = profile.buckets[..n].iter().find(same) {
            run.ui.warn(&format!("{other} and {bucket} are one identity: their limits are shared."));
        }
    }
    Ok(())
}
