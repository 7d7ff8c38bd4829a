//! Who can sign in: three accounts that are offered, and any other email.

use super::ids;

/// The account with a small quota.
pub(super) const WORK: &str = "work@company.com";
/// The account with a large quota.
pub(super) const PERSONAL: &str = "personal@gmail.com";
/// The account whose requests the provider refuses by its terms.
pub(super) const POLICY: &str = "policy@example.com";

/// The accounts that the login page offers, each with what it is for.
pub(super) const OFFERED: [(&str, &str); 3] = [
    (WORK, "a few requests, then at its limit for a while"),
    (PERSONAL, "plenty of requests"),
    (POLICY, "signs in, but every request is refused by policy"),
];

/// Returns the email in the form in which it is compared, or nothing where it is none.
pub(super) fn email(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let (user, host) = text.split_once('@')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    let fits = !user.is_empty() && !host.is_empty() && text.len() <= 64 && user.chars().chain(host.chars()).all(plain);
    fits.then_some(text)
}

/// Returns the account's id at a provider, the same in every run.
pub(super) fn account_id(provider: &str, email: &str) -> String {
    ids::uuid_of(&["account", provider, email])
}

/// Returns the id of the organization or workspace that the account belongs to, the same in every run.
pub(super) fn organization_id(provider: &str, email: &str) -> String {
    ids::uuid_of(&["organization", provider, email])
}

/// Returns a name for a person who has only an email.
pub(super) fn full_name(email: &str) -> String {
    let user = email.split('@').next().unwrap_or_default();
    let mut letters = user.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
