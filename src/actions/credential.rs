//! Which credential a request is sent with: the snapshot of all sources, and the secret of the one that wins.

use llxprt_commands::{Account, Provider};

use crate::error::Outcome;
use crate::run::Run;
use crate::secret::Secret;

/// What wins, without its secret.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    /// An API key.
    Key {
        /// Where it comes from, as shown.
        place: String,
        /// The tier of design 4.7.
        tier: u8,
        /// The key.
        key: Secret,
    },
    /// A sign-in.
    OAuth(Account),
    /// Nothing.
    None,
}

/// Finds what a request to the provider would be sent with.
pub(super) fn source(run: &Run, provider: &Provider) -> Outcome<Source> {
    let manifest = run.manifest(provider)?;
    if !run.settings.truth("authOnly") {
        if let Some(key) = run.chosen.keys.get(provider) {
            return Ok(Source::Key { place: "the key given here".into(), tier: 1, key: key.clone() });
        }
        let set = |name: &&String| run.env.get(*name).is_some_and(|v| !v.is_empty());
        if let Some(name) = manifest.api_key_env.iter().find(set) {
            let key = Secret::new(run.env.get(name).map(|v| v.trim().to_owned()).unwrap_or_default());
            return Ok(Source::Key { place: name.clone(), tier: 4, key });
        }
    }
    match &manifest.oauth {
        Some(_) if run.settings.oauth_enabled(provider) => Ok(Source::OAuth(run.account(provider))),
        _ => Ok(Source::None),
    }
}
