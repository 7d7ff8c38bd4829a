//! What can be said of one login, from what the index knows (design 4.11).

use crate::vault::{Entry, Limit};

/// Why a bucket that the index does not know needs a login: there was none, it was removed, or it is called otherwise.
pub const NOBODY: &str = "nobody is signed in there";

/// The state of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Usable now.
    Ready,
    /// The access token ran out, and a refresh token is there.
    Expired,
    /// It must wait.
    Limited(Limit),
    /// A person must sign in again; why.
    NeedsLogin(String),
    /// Stored, but the verifying call failed for a passing reason.
    Unverified,
    /// Its secret could not be read last time; why.
    Unknown(String),
}

impl State {
    /// Reads the state at a time in Unix seconds, for one model where that matters. Absent: nothing is stored.
    pub fn of(entry: Option<&Entry>, model: Option<&str>, now: i64) -> Self {
        let Some(entry) = entry else { return Self::NeedsLogin(NOBODY.to_owned()) };
        let past = |at: Option<i64>| at.is_some_and(|at| at <= now);
        if let Some(why) = &entry.refused {
            return Self::NeedsLogin(why.clone());
        }
        if past(entry.signed_in_until) || (past(entry.expires_at) && !entry.refreshable) {
            return Self::NeedsLogin("its sign-in has run out".to_owned());
        }
        if let Some(why) = &entry.unreadable {
            return Self::Unknown(why.clone());
        }
        if let Some(limit) = in_force(&entry.limits, model, now) {
            return Self::Limited(limit.clone());
        }
        match (entry.unverified, past(entry.expires_at)) {
            (true, _) => Self::Unverified,
            (false, true) => Self::Expired,
            (false, false) => Self::Ready,
        }
    }

    /// Returns the word of `--json`.
    pub fn json(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Expired => "expired",
            Self::Limited(_) => "limited",
            Self::NeedsLogin(_) => "needs-login",
            Self::Unverified => "unverified",
            Self::Unknown(_) => "unknown",
        }
    }

    /// Returns the words of the screen.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Expired => "renews on use",
            Self::Limited(_) => "at its limit",
            Self::NeedsLogin(_) => "sign in again",
            Self::Unverified => "not verified yet",
            Self::Unknown(_) => "unreadable",
        }
    }
}

/// Finds the limit that holds longest, for the whole account or for this model of it.
pub(super) fn in_force<'a>(limits: &'a [Limit], model: Option<&str>, now: i64) -> Option<&'a Limit> {
    let applies = |limit: &&Limit| limit.holds(now) && (limit.model.is_none() || limit.model.as_deref() == model);
    limits.iter().filter(applies).max_by_key(|limit| limit.until)
}

#[cfg(test)]
mod tests {
    use super::State;
    use crate::vault::{Entry, Home, Limit};

    #[test]
    fn each_state_has_its_cause_and_the_graver_one_is_told() {
        let limit =
            |model: Option<&str>, until| Limit { model: model.map(Into::into), until, why: "w".into(), strikes: 0 };
        let mut entry = Entry::new(Home::File);
        let mut steps: Vec<&str> = Vec::new();
        let mut see = |entry: &Entry| steps.push(State::of(Some(entry), Some("m"), 100).json());
        see(&entry);
        entry.limits = vec![limit(Some("other"), 200), limit(None, 100)];
        see(&entry);
        entry.expires_at = Some(100);
        entry.refreshable = true;
        see(&entry);
        entry.unverified = true;
        see(&entry);
        entry.limits.push(limit(Some("m"), 101));
        see(&entry);
        entry.unreadable = Some("locked".into());
        see(&entry);
        entry.refreshable = false;
        see(&entry);
        assert_eq!(steps, ["ready", "ready", "expired", "unverified", "limited", "unknown", "needs-login"]);
        assert_eq!(State::of(None, None, 0).json(), "needs-login");
        let refused = Entry { refused: Some("invalid_grant".into()), ..Entry::new(Home::File) };
        assert_eq!(State::of(Some(&refused), None, 0), State::NeedsLogin("invalid_grant".into()));
    }
}
