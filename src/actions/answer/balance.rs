//! A prompt by a load balancer: its profiles one after the other until one answers. Here, and only here, work may go
//! on with an API key: the person listed a profile that has one.

use llxprt_commands::{Policy, ProfileName, Provider};

use super::super::accounts;
use super::super::credential::resolution_with;
use super::turn::{Answered, Ended};
use super::{one_profile, profile};
use crate::auth::failover::Step;
use crate::auth::precedence::Source;
use crate::config::Profile;
use crate::error::{Code, Failure, Outcome};
use crate::providers::Switching;
use crate::run::{Balanced, Run};
use crate::ui::times;
use crate::vault::Index;

/// A profile that could not answer.
struct Passed {
    name: ProfileName,
    failure: Failure,
    back: Option<i64>,
}

/// Makes the profile current that the next request goes by, so that all that is shown is said of that one.
pub fn settle(run: &mut Run) {
    let Some(balanced) = run.chosen.balanced.clone() else { return };
    let order = order(run, &balanced);
    let next = order.iter().position(|member| is_able(run, member)).unwrap_or(0);
    profile::enter(run, order[next].clone());
}

/// Sends a prompt by the first profile that can answer it.
pub(super) fn answer(run: &mut Run, balanced: &Balanced, text: &str) -> Outcome<Answered> {
    let order = order(run, balanced);
    count_turn(run, &balanced.name);
    let last = run.chosen.turns.profile.clone();
    let mut passed: Vec<Passed> = Vec::new();
    for (n, member) in order.iter().enumerate() {
        let able = is_able(run, member);
        if balanced.policy == Policy::Failover && last.as_ref() != Some(&member.name) && (able || !passed.is_empty()) {
            say_move(run, balanced, member, last.as_ref(), passed.last());
        }
        match one_profile(run, text, order.len() == 1) {
            Ok(answered) => {
                run.chosen.turns.profile = Some(member.name.clone());
                return Ok(answered);
            }
            Err(Ended::UsedUp(failure, back)) => passed.push(Passed { name: member.name.clone(), failure, back }),
            Err(Ended::Final(failure)) if no_credential(failure.code) => {
                passed.push(Passed { name: member.name.clone(), failure, back: None });
            }
            Err(Ended::Final(failure)) => return Err(failure),
        }
        if balanced.policy == Policy::Roundrobin && n + 1 < order.len() {
            say_move(run, balanced, &order[n + 1], None, passed.last());
        }
    }
    Err(none_left(run, balanced, &passed))
}

/// The profiles in the order of the next turn. Of those at a provider whose terms forbid going round its limits, only
/// the first counts.
fn order(run: &mut Run, balanced: &Balanced) -> Vec<Profile> {
    let mut bound: Vec<&Provider> = Vec::new();
    let mut members: Vec<Profile> = Vec::new();
    for profile in &balanced.members {
        let oauth = run.registry.get(&profile.provider).and_then(|m| m.oauth.as_ref());
        let manual = oauth.is_some_and(|oauth| oauth.failover == Switching::Manual);
        if manual && bound.contains(&&profile.provider) {
            continue;
        }
        if manual {
            bound.push(&profile.provider);
        }
        members.push(profile.clone());
    }
    if balanced.policy == Policy::Roundrobin {
        let able: Vec<usize> = (0..members.len()).filter(|&at| is_able(run, &members[at])).collect();
        let turn = run.index().map_or(0, |index| turns(&index, &balanced.name));
        members.rotate_left(if able.is_empty() { 0 } else { able[turn as usize % able.len()] });
    }
    members
}

/// Makes a profile current and tells whether it has a credential that is free, as far as that is known here.
fn is_able(run: &mut Run, member: &Profile) -> bool {
    profile::enter(run, member.clone());
    let Some(manifest) = run.active().and_then(|provider| run.registry.get(&provider)) else { return false };
    let Ok(index) = run.index() else { return false };
    let Some(winner) = resolution_with(run, manifest, &index).winner else { return false };
    if winner.source == Source::OAuth {
        return matches!(accounts::foreseen(run, manifest, &index).step(), Step::Use(_));
    }
    let place = (manifest.name.clone(), winner.detail);
    let limited = run.chosen.turns.key_limits.get(&place).is_some_and(|until| *until > run.now());
    !limited && refused(run, &place.0, &place.1, &winner.tail.unwrap_or_default()).is_none()
}

/// Returns why a key need not be tried: in this session its provider refused it, and another profile may have a better
/// one. A key alone is always tried.
pub(super) fn refused(run: &Run, provider: &Provider, name: &str, tail: &str) -> Option<String> {
    run.chosen.balanced.as_ref()?;
    let (refused, why) = run.chosen.turns.refused_keys.get(&(provider.clone(), name.to_owned()))?;
    (refused == tail).then(|| why.clone())
}

/// The turns of a load balancer so far. They are counted in the index, so that single runs take turns too.
fn turns(index: &Index, name: &ProfileName) -> u64 {
    index.other.get("turns").and_then(|turns| turns[name.as_str()].as_u64()).unwrap_or(0)
}

fn count_turn(run: &Run, name: &ProfileName) {
    // Where it cannot be written, the same profile begins again.
    let _ = run.vault.update_index(|index| {
        let next = turns(index, name).wrapping_add(1);
        let counted = index.other.entry("turns").or_insert_with(|| serde_json::json!({}));
        if !counted.is_object() {
            *counted = serde_json::json!({});
        }
        counted[name.as_str()] = next.into();
    });
}

/// No account and no key: another profile may have one.
fn no_credential(code: Code) -> bool {
    matches!(
        code,
        Code::NeedLogin | Code::Key | Code::OtherHost | Code::Vault | Code::NoClient | Code::Retired | Code::Account
    )
}

fn say_move(run: &Run, balanced: &Balanced, to: &Profile, last: Option<&ProfileName>, passed: Option<&Passed>) {
    let place = |name: &ProfileName| balanced.members.iter().position(|member| member.name == *name);
    let line = match (passed, last) {
        (Some(passed), _) => format!("{}: {} · using {}", passed.name, brief(&passed.failure), to.name),
        (None, Some(last)) if place(last) > place(&to.name) => format!("{} is tried again", to.name),
        (None, _) => return,
    };
    run.log.note(run.now(), balanced.name.as_str(), &line);
    run.ui.say(&if run.ui.plain { line.replace(" · ", "; ") } else { line });
}

fn brief(failure: &Failure) -> &str {
    let line = failure.message.lines().next().unwrap_or_default();
    line.trim_end_matches(" Your prompt is kept.").trim_end_matches('.')
}

fn none_left(run: &Run, balanced: &Balanced, passed: &[Passed]) -> Failure {
    let now = run.now();
    let kept = if run.ui.session && run.keyboard.is_person() { " Your prompt is kept." } else { "" };
    let first = passed.iter().filter_map(|passed| passed.back).min();
    let first = first.map_or_else(String::new, |at| {
        format!(" The first is back in {} ({}).", times::span(at - now), times::at(now, at))
    });
    let mut words = format!("No profile of {} can answer now.{first}{kept}", balanced.name);
    for passed in passed {
        words += &format!("\n  {}: {}", passed.name, brief(&passed.failure));
    }
    let codes = || passed.iter().map(|passed| passed.failure.code);
    let code = codes().find(|code| *code == Code::Limit).or_else(|| codes().next()).unwrap_or(Code::Profile);
    let failure = Failure::new(code, words);
    let next = passed.iter().flat_map(|passed| passed.failure.next.iter());
    let logins = next.filter(|next| matches!(next, crate::error::Next::Command(_))).take(3).cloned();
    logins.fold(failure, |mut failure, next| {
        failure.next.push(next);
        failure
    })
}
