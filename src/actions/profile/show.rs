//! `/profile list` and `show`, and the lines that a load or a save is told with.

use llxprt_commands::{Account, Bucket, ProfileName};
use serde_json::{Map, Value, json};

use super::super::choose::model_name;
use super::super::nearest::no_profile;
use super::load;
use crate::auth::failover::State;
use crate::config::declared::names_a_key;
use crate::config::{Profile, Profiles, Saved};
use crate::error::Outcome;
use crate::run::Run;
use crate::ui::{clean_line, times};
use crate::vault::Index;

/// How many accounts are named before the rest is counted.
const NAMED: usize = 5;

/// Headers of `custom-headers` that carry a key.
const HEADERS: [&str; 3] = ["authorization", "x-api-key", "x-goog-api-key"];

/// `/profile` · `/profile list`
pub(super) fn list(run: &Run) -> Outcome {
    let profiles = Profiles::new(&run.dirs.config);
    let loaded = load::loaded(run);
    run.settings.need("defaultProfile")?;
    let default = run.settings.default_profile();
    let names = profiles.names();
    let read: Vec<_> = names.iter().map(|name| (name, profiles.read(name))).collect();
    if run.ui.json {
        let row = |(name, saved): &(&ProfileName, Outcome<Option<Saved>>)| {
            let mut row = match saved {
                Ok(Some(saved)) => members(saved),
                Ok(None) => Map::new(),
                Err(failure) => Map::from_iter([("error".to_owned(), failure.message.clone().into())]),
            };
            row.insert("loaded".into(), (loaded.as_ref() == Some(*name)).into());
            row.insert("default".into(), (default.as_ref() == Some(*name)).into());
            let mut first = Map::from_iter([("name".to_owned(), Value::from(name.as_str()))]);
            first.extend(row);
            Value::Object(first)
        };
        let rows: Vec<Value> = read.iter().map(row).collect();
        run.ui.document(&json!({ "schema": "llxprt.profile.list.v1", "profiles": rows }));
        return Ok(());
    }
    if names.is_empty() {
        run.ui.say("No profile is saved.");
        run.ui.note(&run.ui.here("  `/profile save model <name> [account…]`"));
        return Ok(());
    }
    let width = names.iter().map(|name| name.as_str().len()).max().unwrap_or(0);
    for (name, saved) in &read {
        let mark = if loaded.as_ref() == Some(*name) { "*" } else { " " };
        let what = match saved {
            Ok(Some(saved)) => brief(saved),
            Ok(None) => "gone".to_owned(),
            Err(failure) => format!("damaged: {}", failure.message),
        };
        let at_start = if default.as_ref() == Some(*name) { "   (default)" } else { "" };
        run.ui.data(&format!("{mark} {name:width$}   {what}{at_start}"));
    }
    if loaded.is_some() {
        run.ui.note("\n* loaded now.");
    }
    Ok(())
}

/// `/profile show NAME`
pub(super) fn show(run: &Run, name: &ProfileName) -> Outcome {
    let Some(saved) = Profiles::new(&run.dirs.config).read(name)? else { return Err(no_profile(run, name)) };
    if run.ui.json {
        let mut document = json!({ "schema": "llxprt.profile.v1", "name": name.as_str() });
        if let Value::Object(document) = &mut document {
            document.extend(members(&saved));
        }
        run.ui.document(&document);
        return Ok(());
    }
    run.ui.data(name.as_str());
    match &saved {
        Saved::Model(profile) => lines(run, profile)?.iter().for_each(|line| run.ui.data(line)),
        Saved::Balancer(balancer) => {
            run.ui.data(&format!("  Load balancer        {}", balancer.policy));
            run.ui.data(&format!(
                "  Profiles, in order   {}",
                numbered(balancer.profiles.iter().map(ToString::to_string))
            ));
        }
    }
    Ok(())
}

/// Tells what is loaded: provider and model, accounts in order; for a load balancer each of its profiles.
pub(super) fn tell(run: &Run) {
    let lines_of = |profile: &Profile| lines(run, profile).unwrap_or_default();
    match &run.chosen.balanced {
        None => {
            let lines = run.chosen.profile.as_ref().map(lines_of).unwrap_or_default();
            lines.iter().for_each(|line| run.ui.say(line));
        }
        Some(balanced) => {
            let how = match balanced.policy {
                llxprt_commands::Policy::Failover => "the first that is not at a limit",
                llxprt_commands::Policy::Roundrobin => "each in turn",
            };
            run.ui.say(&format!("  Load balancer        {how}"));
            for (n, profile) in balanced.members.iter().enumerate() {
                run.ui.say(&format!("  {}  {}", n + 1, profile.name));
                lines_of(profile).iter().for_each(|line| run.ui.say(&format!("   {line}")));
            }
        }
    }
}

fn lines(run: &Run, profile: &Profile) -> Outcome<Vec<String>> {
    let title = profile.provider.as_str();
    let model = match &profile.model {
        Some(model) => clean_line(model),
        None => run.registry.get(&profile.provider).map_or_else(|| model_name(run), |m| m.default_model.clone()),
    };
    let mut lines = vec![format!("  Provider and model   {title}, {model}")];
    if !profile.buckets.is_empty() {
        let index = run.index()?;
        let one = |bucket: &Bucket| format!("{bucket} ({})", state(run, &index, profile, bucket));
        let accounts = profile.buckets.iter().take(NAMED).map(one);
        // More than two do not fit on a line of 80 columns.
        if profile.buckets.len() <= 2 {
            lines.push(format!("  Accounts, in order   {}", numbered(accounts)));
        } else {
            let head = |n: usize| if n == 0 { "  Accounts, in order" } else { "" };
            lines.extend(accounts.enumerate().map(|(n, account)| format!("{:20}   {} {account}", head(n), n + 1)));
        }
        if profile.buckets.len() > NAMED {
            lines.push(format!("{:23}and {} more", "", profile.buckets.len() - NAMED));
        }
    }
    if !profile.params.is_empty() {
        lines.push(format!("  Parameters           {}", pairs(&harmless(&profile.params))));
    }
    if !profile.settings.is_empty() {
        lines.push(format!("  Settings             {}", pairs(&harmless(&profile.settings))));
    }
    Ok(lines)
}

fn state(run: &Run, index: &Index, profile: &Profile, bucket: &Bucket) -> String {
    let account = Account { provider: profile.provider.clone(), bucket: bucket.clone() };
    match State::of(index.entry(&account), profile.model.as_deref(), run.now()) {
        State::Limited(limit) => format!("at its limit, back {}", times::at(run.now(), limit.until)),
        state => state.words().to_owned(),
    }
}

fn numbered(names: impl Iterator<Item = String>) -> String {
    let numbered: Vec<String> = names.enumerate().map(|(n, name)| format!("{} {name}", n + 1)).collect();
    numbered.join("   ")
}

fn pairs(map: &Map<String, Value>) -> String {
    let pair = |(name, value): (&String, &Value)| format!("{} = {}", clean_line(name), clean_line(&value.to_string()));
    map.iter().map(pair).collect::<Vec<_>>().join(", ")
}

/// What a profile is, in a few words.
pub(super) fn brief(saved: &Saved) -> String {
    match saved {
        Saved::Model(profile) => {
            let model = profile.model.as_deref().map_or(String::new(), |model| format!(", {}", clean_line(model)));
            let names: Vec<&str> = profile.buckets.iter().take(NAMED).map(Bucket::as_str).collect();
            let more = profile.buckets.len() - names.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let accounts = if names.is_empty() { String::new() } else { format!("; {}{more}", names.join(", ")) };
            format!("{}{model}{accounts}", profile.provider)
        }
        Saved::Balancer(balancer) => {
            let names: Vec<&str> = balancer.profiles.iter().map(ProfileName::as_str).collect();
            format!("load balancer, {}; {}", balancer.policy, names.join(", "))
        }
    }
}

fn members(saved: &Saved) -> Map<String, Value> {
    let value = match saved {
        Saved::Model(profile) => json!({
            "type": "model", "provider": profile.provider.as_str(), "model": profile.model,
            "model_params": harmless(&profile.params), "settings": harmless(&profile.settings),
            "buckets": profile.buckets.iter().map(Bucket::as_str).collect::<Vec<_>>(),
        }),
        Saved::Balancer(balancer) => json!({
            "type": "loadbalancer", "policy": balancer.policy.to_string(),
            "profiles": balancer.profiles.iter().map(ProfileName::as_str).collect::<Vec<_>>(),
        }),
    };
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// LLxprt Code lets people write keys into a profile; none is shown.
fn harmless(settings: &Map<String, Value>) -> Map<String, Value> {
    let secret = |name: &str| names_a_key(name) || HEADERS.iter().any(|header| header.eq_ignore_ascii_case(name));
    let shown = |name: &String, value| if secret(name) { "…".into() } else { without_secrets(value) };
    settings.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect()
}

fn without_secrets(value: &Value) -> Value {
    match value {
        Value::String(text) => llxprt_commands::redact(text).into(),
        Value::Array(list) => list.iter().map(without_secrets).collect(),
        Value::Object(members) => Value::Object(harmless(members)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
