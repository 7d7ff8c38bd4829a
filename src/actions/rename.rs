//! `/auth P rename OLD NEW`: the sign-in keeps its place under a new label; profiles and this session follow.

use llxprt_commands::{Account, Bucket, Provider};

use super::nearest::no_account;
use crate::config::{Profile, Profiles};
use crate::error::{Code, Failure, Outcome};
use crate::run::Run;

/// `/auth P rename OLD NEW`
pub(super) fn rename(run: &mut Run, provider: &Provider, old: &Bucket, new: &Bucket) -> Outcome {
    run.oauth(provider)?;
    if old == new {
        return Err(Failure::new(Code::Usage, format!("{old} is called that already.")));
    }
    let from = Account { provider: provider.clone(), bucket: old.clone() };
    let to = Account { provider: provider.clone(), bucket: new.clone() };
    let vault = run.vault.clone();
    run.wait(async {
        let (first, second) = vault.lock_two(&from, &to).await?;
        let index = vault.index()?;
        if index.entry(&from).is_none() && vault.read(&from, &|words| run.ui.note(words)).await?.is_none() {
            let mut failure = no_account(&index, provider, old);
            failure.next.clear();
            return Err(failure);
        }
        if index.entry(&to).is_some() {
            let words = format!("{provider} has an account called {new} already. Nothing changed.");
            return Err(Failure::new(Code::Account, words));
        }
        // The locks come in byte order, whichever of the two is older.
        let (old, new) = if *first.account() == from { (&first, &second) } else { (&second, &first) };
        Ok(vault.rename(old, new).await?)
    })?;
    follow(run, provider, old, new);
    run.log.note(run.now(), &from.to_string(), &format!("is called {new} now"));
    run.ui.say(&format!("{old} is called {new} now."));
    let followed = Profiles::new(&run.dirs.config).rename_bucket(provider, old, new)?;
    if !followed.is_empty() {
        let names: Vec<String> = followed.iter().map(ToString::to_string).collect();
        run.ui.note(&format!("Followed by: {}.", names.join(", ")));
    }
    Ok(())
}

/// Lets the session follow.
fn follow(run: &mut Run, provider: &Provider, old: &Bucket, new: &Bucket) {
    let swap = |bucket: &mut Bucket| {
        if bucket == old {
            bucket.clone_from(new);
        }
    };
    run.chosen.buckets.get_mut(provider).into_iter().for_each(swap);
    if let Some((last, order)) = run.chosen.turns.last.get_mut(provider) {
        swap(last);
        order.iter_mut().for_each(swap);
    }
    let swap_all = |profile: &mut Profile| {
        if profile.provider == *provider {
            profile.buckets.iter_mut().for_each(swap);
        }
    };
    run.chosen.profile.iter_mut().for_each(swap_all);
    run.chosen.balanced.iter_mut().flat_map(|balanced| &mut balanced.members).for_each(swap_all);
    let counted = run.chosen.turns.counts.remove(&(provider.clone(), old.to_string()));
    if let Some(counts) = counted {
        run.chosen.turns.counts.insert((provider.clone(), new.to_string()), counts);
    }
    for (account, ..) in &mut run.chosen.turns.not_covered {
        if account.provider == *provider {
            swap(&mut account.bucket);
        }
    }
}
