//! The words of the plan: what came of a request, what to do next, what to remember.

use llxprt_commands::Bucket;

use super::Notice;
use crate::error::Code;
use crate::vault::Limit;

/// What a limit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The whole account.
    Account,
    /// The model of the request.
    Model,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The answer is complete.
    Answered,
    /// The access token was refused; a new one may help.
    Unauthorized {
        /// The provider's words.
        reason: String,
    },
    /// [`Step::Refresh`] brought a new access token.
    Refreshed,
    /// The refresh token was refused for good (security 4.4, *terminal*).
    RefreshRefused {
        /// The provider's words.
        reason: String,
    },
    /// The refresh failed for a passing reason.
    RefreshFailed {
        /// The cause in words.
        reason: String,
    },
    /// The login is over, and refreshing does not help.
    Revoked {
        /// The provider's words.
        reason: String,
    },
    /// A quota is used up.
    Quota {
        /// What it is for.
        scope: Scope,
        /// When it is back, in Unix seconds, where the provider says so.
        until: Option<i64>,
        /// Which, in short: `5-hour limit`.
        why: String,
    },
    /// Too many requests at a time.
    Burst {
        /// What it is for.
        scope: Scope,
        /// How long the provider asks to wait, in milliseconds.
        retry_after: Option<u64>,
        /// Which, in short: `too many requests`.
        why: String,
    },
    /// The account's plan does not cover the request.
    NotCovered {
        /// The provider's words.
        reason: String,
    },
    /// The request was refused, and would be by every account.
    Refused {
        /// The HTTP status; none of an error within a stream.
        status: Option<u16>,
        /// The provider's words.
        reason: String,
    },
    /// The provider is in trouble, or the connection was lost.
    Unavailable {
        /// The HTTP status, where the answer was one.
        status: Option<u16>,
        /// How long the provider asks to wait, in milliseconds.
        retry_after: Option<u64>,
        /// The cause in words.
        reason: String,
    },
    /// The secret of the account could not be read.
    Unreadable {
        /// The cause in words.
        reason: String,
    },
}

impl Outcome {
    /// Returns the cause in words.
    pub fn reason(&self) -> &str {
        match self {
            Self::Answered | Self::Refreshed => "",
            Self::Quota { why, .. } | Self::Burst { why, .. } => why,
            Self::Unauthorized { reason }
            | Self::RefreshRefused { reason }
            | Self::RefreshFailed { reason }
            | Self::Revoked { reason }
            | Self::NotCovered { reason }
            | Self::Refused { reason, .. }
            | Self::Unavailable { reason, .. }
            | Self::Unreadable { reason } => reason,
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send the request with this bucket.
    Use(Bucket),
    /// Wait, then ask for the next step: the same bucket again.
    Wait {
        /// How long, in milliseconds.
        millis: u64,
        /// Who is tried again.
        bucket: Bucket,
    },
    /// Refresh this bucket's access token.
    Refresh(Bucket),
    /// The answer is complete.
    Done,
    /// End without an answer; the prompt is kept.
    Stop(Stop),
    /// End: none is left; the prompt is kept.
    AllUsedUp(Vec<Gone>),
}

/// Why the plan ends although buckets may be left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The request was refused, in the provider's words.
    Refused {
        /// The HTTP status; none of an error within a stream.
        status: Option<u16>,
        /// The words.
        reason: String,
    },
    /// The provider is in trouble or out of reach.
    Unavailable {
        /// The HTTP status, where there was an answer.
        status: Option<u16>,
        /// The cause in words.
        reason: String,
    },
    /// The answer broke off after its first word; what was shown stays.
    BrokeOff {
        /// The cause in words.
        reason: String,
    },
    /// The account cannot go on, and this provider's terms forbid switching by ourselves.
    Manual {
        /// The account.
        gone: Gone,
        /// The others that a person may switch to.
        others: Vec<Bucket>,
    },
}

/// A bucket that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// The bucket.
    pub bucket: Bucket,
    /// Why.
    pub why: Why,
}

/// Why a bucket cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It is at a limit.
    Limit {
        /// Which, in short.
        which: String,
        /// Until when, in Unix seconds.
        until: i64,
        /// The provider did not say until when.
        guessed: bool,
    },
    /// A person must sign in.
    NeedsLogin(String),
    /// Its plan does not cover the request.
    NotCovered(String),
    /// Its secret cannot be read.
    Unreadable(String),
    /// Its token could not be renewed for a passing reason.
    NotRenewed(String),
}

impl Gone {
    /// Returns until when it cannot be used, in Unix seconds, where that is known.
    pub fn until(&self) -> Option<i64> {
        match self.why {
            Why::Limit { until, .. } => Some(until),
            _ => None,
        }
    }
}

/// Returns the code of an end with none left: a limit passes by itself, so it goes before all else.
pub fn code(gone: &[Gone]) -> Code {
    let any = |test: fn(&Why) -> bool| gone.iter().any(|gone| test(&gone.why));
    match () {
        () if any(|why| matches!(why, Why::Limit { .. })) => Code::Limit,
        () if any(|why| matches!(why, Why::NotRenewed(_))) => Code::Offline,
        () if any(|why| matches!(why, Why::Unreadable(_))) => Code::Vault,
        () if any(|why| matches!(why, Why::NotCovered(_))) => Code::Refused,
        () => Code::NeedLogin,
    }
}

/// Returns when the first of them is back, in Unix seconds.
pub fn earliest(gone: &[Gone]) -> Option<i64> {
    gone.iter().filter_map(Gone::until).min()
}

/// What is to be remembered or told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A limit is in force, for every session.
    Limit {
        /// The bucket.
        bucket: Bucket,
        /// The limit; it replaces one for the same model.
        limit: Limit,
    },
    /// A person must sign in again, for every session.
    NeedsLogin {
        /// The bucket.
        bucket: Bucket,
        /// The provider's words.
        why: String,
    },
    /// The plan of this bucket does not cover this model, for this session.
    NotCovered {
        /// The bucket.
        bucket: Bucket,
        /// The model.
        model: String,
        /// The provider's words.
        why: String,
    },
    /// The secret could not be read.
    Unreadable {
        /// The bucket.
        bucket: Bucket,
        /// The cause in words.
        why: String,
    },
    /// The bucket answered: its strikes are forgotten.
    Worked(Bucket),
    /// A line for the person.
    Notice(Notice),
}
