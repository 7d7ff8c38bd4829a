//! `/profile`: saved choices of provider, model and accounts.

mod load;
mod pick;
mod save;
mod show;

use llxprt_commands::{Profile, ProfileAction, SaveProfile};
use serde_json::Map;

use super::nearest::no_profile;
use crate::config::Profiles;
use crate::error::{Code, Failure, Outcome};
use crate::run::Run;

pub(super) use load::{enter, leave, offer_sign_ins};
pub use load::{load_at_start, loaded};

/// `/profile [ACTION]`
pub(super) fn profile(run: &mut Run, profile: Profile) -> Outcome {
    let Profile { action } = profile;
    match action {
        None | Some(ProfileAction::List) => show::list(run),
        Some(ProfileAction::Save { kind: SaveProfile::Model { name, buckets } }) => save::model(run, name, buckets),
        Some(ProfileAction::Save { kind: SaveProfile::Loadbalancer { name, policy, profiles } }) => {
            save::balancer(run, name, policy, profiles)
        }
        Some(ProfileAction::Load { name }) => load::load(run, &name),
        Some(ProfileAction::Unload) => unload(run),
        Some(ProfileAction::Show { name }) => show::show(run, &name),
        Some(ProfileAction::Delete { name }) => delete(run, &name),
        Some(ProfileAction::SetDefault { name }) => set_default(run, &name),
    }
}

fn unload(run: &mut Run) -> Outcome {
    match load::leave(run) {
        Some(name) => run.ui.say(&format!("{name} is no longer used.")),
        None => run.ui.say("No profile is loaded."),
    }
    Ok(())
}

fn delete(run: &mut Run, name: &llxprt_commands::ProfileName) -> Outcome {
    let profiles = Profiles::new(&run.dirs.config);
    if !profiles.names().contains(name) {
        return Err(no_profile(run, name));
    }
    let over = profiles.balancers_over(name);
    if let Some(first) = over.first() {
        let words = format!("{name} is part of the load balancer {first}. Nothing was deleted.");
        let delete = Profile { action: Some(ProfileAction::Delete { name: first.clone() }) };
        return Err(Failure::new(Code::Profile, words).then(llxprt_commands::Command::Profile(delete)));
    }
    run.settings.need("defaultProfile")?;
    let default = run.settings.default_profile().as_ref() == Some(name);
    if default {
        run.settings.remember("defaultProfile", None)?;
    }
    profiles.delete(name)?;
    let more = match default {
        true => " It was the default: no profile is loaded at start from now on.",
        false => "",
    };
    let loaded = load::loaded(run).as_ref() == Some(name);
    let still = if loaded && run.ui.session { " This session goes on with it until you unload it." } else { "" };
    run.ui.say(&format!("Deleted {name}.{more}{still}"));
    Ok(())
}

fn set_default(run: &mut Run, name: &str) -> Outcome {
    if name == "none" {
        run.settings.remember("defaultProfile", None)?;
        run.ui.say("No profile is loaded at start from now on.");
        return Ok(());
    }
    let name = name.parse().map_err(|e| Failure::new(Code::Profile, format!("{e}.")))?;
    // What cannot be loaded now would be told at every start.
    load::read(run, &name)?;
    run.settings.remember("defaultProfile", Some(name.as_str()))?;
    run.ui.say(&format!("{name} is loaded at every start from now on."));
    Ok(())
}

/// No settings of a profile.
fn nothing() -> Map<String, serde_json::Value> {
    Map::new()
}
