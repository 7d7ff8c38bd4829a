//! Decides which account a request goes to and what follows its outcome. A machine without clock, network or
//! disk: outcomes go in, steps and what is to be remembered come out.
//!
//! | outcome | next |
//! | --- | --- |
//! | 401 | this account is refreshed once; a second 401: it needs a login, next bucket |
//! | 403 “token revoked” | as a second 401 |
//! | quota used up | next bucket at once; the limit is remembered until its reset |
//! | burst: 429 without signs of a quota | once more after a short wait; then a limit of 60 s, doubling to 15 min |
//! | 403 “the plan does not cover it” | next bucket |
//! | any other 4xx | stop |
//! | 5xx, connection lost before the first word | same bucket twice more, then stop |
//! | any, after the first word was shown | stop, never replay |
//! | bucket without a login | skipped and named |
//! | none left | one end, with each bucket and why |

mod bucket;
mod notice;
mod outcome;
mod plan;
mod state;

pub use self::bucket::BucketState;
pub use self::notice::Notice;
pub use self::outcome::{Gone, Outcome, Record, Scope, Step, Stop, Why, code, earliest};
pub use self::plan::{Mode, Plan, Policy};
pub use self::state::{NOBODY, State};

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
