//! The name that was probably meant, and the failures that name it.

use llxprt_commands::{Auth, AuthAction, Bucket, Command, ProfileName, Provider};

use super::login;
use crate::config::Profiles;
use crate::error::{Code, Failure};
use crate::run::Run;
use crate::vault::Index;

/// Returns the nearest of some names, if one is close enough to be meant.
pub(super) fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = typed.to_lowercase();
    let far = (typed.len() / 3).clamp(1, 4);
    let close = names.into_iter().map(|name| {
        let known = name.to_lowercase();
        // A beginning counts as one slip: people stop typing early.
        let begins = lower.len() >= 2 && known.starts_with(&lower);
        (if begins { 1 } else { strsim::osa_distance(&lower, &known) }, name)
    });
    close.filter(|(distance, _)| *distance <= far).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// Returns the account that the person of this name is signed in as: `default`, for an email address.
pub(super) fn signed_in_as(index: &Index, provider: &Provider, bucket: &Bucket) -> Option<Bucket> {
    let is = |identity: &String| identity.eq_ignore_ascii_case(bucket.as_str());
    let accounts = index.accounts_of(provider).filter(|(_, entry)| entry.identity.as_ref().is_some_and(is));
    // The one without a label of its own is rather meant than one that somebody named.
    accounts.map(|(account, _)| account.bucket).min_by_key(|bucket| *bucket != Bucket::default())
}

/// The failure of an account that is not there: `E-ACCOUNT` with the nearest name and how to add it.
pub(super) fn no_account(index: &Index, provider: &Provider, bucket: &Bucket) -> Failure {
    let known: Vec<Bucket> = index.accounts_of(provider).map(|(account, _)| account.bucket).collect();
    if let Some(other) = signed_in_as(index, provider, bucket) {
        let words = format!("{provider} has no account called \"{bucket}\"; {other} is signed in as that.");
        let action = Some(AuthAction::Rename { old: other, new: bucket.clone() });
        return Failure::new(Code::Account, words)
            .then(Command::Auth(Auth { provider: Some(provider.clone()), action }));
    }
    let mut words = format!("{provider} has no account called \"{bucket}\".");
    match (nearest(bucket.as_str(), known.iter().map(Bucket::as_str)), known.as_slice()) {
        (Some(near), _) => words += &format!(" Did you mean {near}?"),
        (None, []) => words += " Nobody is signed in there.",
        (None, known) => {
            let shown: Vec<&str> = known.iter().take(5).map(Bucket::as_str).collect();
            let more = known.len().saturating_sub(5);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            words += &format!(" There are: {}{more}.", shown.join(", "));
        }
    }
    Failure::new(Code::Account, words).then(login::command(provider, bucket))
}

/// The failure of a profile that is not there: `E-PROFILE` with the nearest name.
pub(super) fn no_profile(run: &Run, name: &ProfileName) -> Failure {
    let known = Profiles::new(&run.dirs.config).names();
    let mut words = format!("There is no profile called \"{name}\".");
    match (nearest(name.as_str(), known.iter().map(ProfileName::as_str)), known.as_slice()) {
        (Some(near), _) => words += &format!(" Did you mean {near}?"),
        (None, []) => words += " None is saved yet.",
        (None, known) => {
            let shown: Vec<&str> = known.iter().take(8).map(ProfileName::as_str).collect();
            words += &format!(" There are: {}.", shown.join(", "));
        }
    }
    Failure::new(Code::Profile, words)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_mended_and_another_word_is_not() {
        let names = ["personal@gmail.com", "work@company.com"];
        assert_eq!(nearest("persona@gmail.com", names), Some("personal@gmail.com"));
        assert_eq!(nearest("WORK@COMPANY.COM", names), Some("work@company.com"));
        assert_eq!(nearest("work", names), Some("work@company.com"));
        assert_eq!(nearest("nobody@nowhere.org", names), None);
        assert_eq!(nearest("x", ["y"]), Some("y"));
    }
}
