//! The line that tells a person which account goes on, and why.

use llxprt_commands::Bucket;

use super::{Gone, NOBODY, Why};

/// How many buckets a line names before it counts the rest.
const NAMED: usize = 3;

/// A switch from one account to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Work goes on with another bucket.
    Switch {
        /// What stands in the way of the one before, then of those passed over that need a person.
        from: Vec<Gone>,
        /// The one in use from now on.
        to: Bucket,
    },
    /// A preferred bucket is back.
    Back {
        /// The one in use from now on.
        to: Bucket,
    },
}

impl Notice {
    /// Writes the line; `clock` writes a time in Unix seconds as people here read it.
    pub fn line(&self, clock: impl Fn(i64) -> String) -> String {
        match self {
            Self::Back { to } => format!("{to} is available again · using it"),
            Self::Switch { from, to } => {
                let mut parts: Vec<String> = from.iter().take(NAMED).map(|gone| gone.line(&clock)).collect();
                if from.len() > NAMED {
                    parts.push(format!("{} more cannot be used", from.len() - NAMED));
                }
                parts.push(format!("using {to}"));
                parts.join(" · ")
            }
        }
    }
}

impl Gone {
    /// Writes what stands in the way: `work@company.com is at its limit until 14:05`.
    pub fn line(&self, clock: impl Fn(i64) -> String) -> String {
        let bucket = &self.bucket;
        match &self.why {
            Why::Limit { until, .. } => format!("{bucket} is at its limit until {}", clock(*until)),
            Why::NeedsLogin(why) if why == NOBODY => format!("nobody is signed in as {bucket}"),
            Why::NeedsLogin(_) => format!("{bucket} needs a new sign-in"),
            Why::NotCovered(why) => format!("{bucket} is not covered for this ({why})"),
            Why::Unreadable(why) => format!("{bucket} is unreadable ({why})"),
            Why::NotRenewed(why) => format!("{bucket} could not be renewed ({why})"),
        }
    }
}
