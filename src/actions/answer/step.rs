//! One step of a turn: a request or a renewal, and what its end means.

use llxprt_commands::{Account, Bucket};

use super::super::fresh;
use super::attempt::{End, attempt};
use super::told;
use super::turn::{Means, Turn};
use crate::auth::failover::Outcome as Came;
use crate::auth::signals::{self, Signal};
use crate::auth::{Tokens, api_base, claim_headers};
use crate::chat::{Auth, Finished, Trouble};
use crate::error::{Code, Failure, Outcome};
use crate::run::Run;
use crate::ui::clean_line;
use crate::vault::Window;

/// What one step came to.
pub(super) struct Happened {
    pub(super) came: Came,
    /// The bucket that it was done with.
    pub(super) by: Option<Bucket>,
    /// A word of the answer is on the screen.
    pub(super) shown: bool,
    pub(super) text: String,
    pub(super) windows: Vec<Window>,
    pub(super) finished: Option<Finished>,
    pub(super) stopped: bool,
    /// The failure in full, for the case that it is the end of everything.
    pub(super) failure: Option<Failure>,
    /// What to do where the plan of a login does not cover this.
    pub(super) hint: Option<String>,
    /// When the access token that was sent runs out; tells whether somebody signed in anew meanwhile.
    pub(super) expiry: Option<i64>,
}

impl Turn {
    /// Sends the request with a bucket whose token is fresh, or says why it has none.
    pub(super) fn send(&self, run: &mut Run, bucket: &Bucket, found: &mut Option<Tokens>) -> Outcome<Happened> {
        let (auth, claims, expiry, told) = match &self.means {
            Means::Key { key, .. } => (Auth::Key(key.clone()), Vec::new(), None, None),
            Means::Accounts(_) => {
                let account = self.account(bucket);
                let tokens = match token(run, &account) {
                    Ok(tokens) => tokens,
                    Err(failure) => return no_token(bucket, failure),
                };
                let (manifest, oauth) = run.oauth(&self.provider)?;
                let claims = claim_headers(oauth, &tokens);
                let told = api_base(manifest, &tokens);
                let auth = Auth::Token(tokens.access.clone());
                let expiry = tokens.expiry;
                *found = Some(tokens);
                run.chosen.used.insert(account);
                (auth, claims, expiry, Some(told))
            }
        };
        let attempt = attempt(run, &self.manifest, &self.model, &auth, claims, told)?;
        let mut result =
            Happened { shown: attempt.shown, text: attempt.text, expiry, ..Happened::of(bucket, Came::Answered) };
        match attempt.end {
            End::Stopped => result.stopped = true,
            End::Whole(finished) => {
                result.windows = signals::windows(self.family, &pairs(&finished.headers), run.now());
                result.finished = Some(finished);
            }
            End::Broke(trouble) => {
                result.hint = self.manifest.no_access(&trouble.body()).filter(|_| matches!(auth, Auth::Token(_)));
                self.judge(run, trouble, &mut result);
            }
        }
        Ok(result)
    }

    /// Reads what a failed request means. What no account could mend becomes a failure beside `Answered`.
    fn judge(&self, run: &Run, trouble: Trouble, result: &mut Happened) {
        let now = run.now();
        let read = |status, headers: &[(String, String)], body: &[u8]| {
            signals::read(&signals::Answer { family: self.family, status, headers: &pairs(headers), body, now })
        };
        let signal = match &trouble {
            Trouble::Status { status, headers, body } => read(*status, headers, body),
            Trouble::InStream { headers, body, words, .. } => match read(200, headers, body.as_bytes()) {
                // An error that tells nothing is one all the same.
                signal if signal.outcome == Came::Answered => Signal {
                    outcome: Came::Unavailable { status: None, retry_after: None, reason: words.clone() },
                    ..signal
                },
                signal => Signal { outcome: told::without_status(signal.outcome), ..signal },
            },
            Trouble::Unreached(unreached) if unreached.tls && !result.shown => {
                result.failure = Some(unreached.failure());
                return;
            }
            Trouble::Unreached(unreached) => {
                result.failure = Some(unreached.failure());
                result.came =
                    Came::Unavailable { status: None, retry_after: None, reason: clean_line(&unreached.words) };
                return;
            }
            Trouble::Nonsense(words) => {
                let kept = if result.shown { " What came is kept." } else { "" };
                result.failure = Some(Failure::new(Code::Answer, format!("{}.{kept}", clean_line(words))));
                return;
            }
            Trouble::Ours(failure) => {
                result.failure = Some(failure.clone());
                return;
            }
        };
        result.windows = signal.windows;
        result.came = told::cleaned(signal.outcome);
    }

    pub(super) fn renew(&self, run: &mut Run, bucket: &Bucket, found: Option<&Tokens>, why: &str) -> Outcome<Happened> {
        if let Means::Key { name, .. } = &self.means {
            let failure = told::key_refused(run, &self.provider, &self.manifest.title, name, why);
            let came = Came::RefreshRefused { reason: why.to_owned() };
            return Ok(Happened { failure: Some(failure), ..Happened::of(bucket, came) });
        }
        let Some(found) = found else {
            return Ok(Happened::of(bucket, Came::RefreshFailed { reason: "no token was read".to_owned() }));
        };
        match fresh::renew(run, &self.account(bucket), &found.access, why) {
            Ok(_) => Ok(Happened { expiry: found.expiry, ..Happened::of(bucket, Came::Refreshed) }),
            Err(failure) => no_token(bucket, failure),
        }
    }
}

impl Happened {
    fn of(bucket: &Bucket, came: Came) -> Self {
        Self {
            came,
            by: Some(bucket.clone()),
            shown: false,
            text: String::new(),
            windows: Vec::new(),
            finished: None,
            stopped: false,
            failure: None,
            expiry: None,
            hint: None,
        }
    }
}

/// Reads the tokens of an account, renewed where they are about to run out.
fn token(run: &Run, account: &Account) -> Outcome<Tokens> {
    match fresh::read(run, account)? {
        Some(tokens) => fresh::token(run, account, tokens),
        None => Err(told::nobody(account)),
    }
}

/// What it means that an account gave no token. Ctrl-C ends the turn.
fn no_token(bucket: &Bucket, failure: Failure) -> Outcome<Happened> {
    let reason = failure.message.trim_end_matches('.').to_owned();
    let came = match failure.code {
        Code::Cancelled => return Err(failure),
        Code::NeedLogin => Came::RefreshRefused { reason },
        Code::Vault | Code::OtherHost | Code::Damaged => Came::Unreadable { reason },
        _ => Came::RefreshFailed { reason },
    };
    Ok(Happened { failure: Some(failure), ..Happened::of(bucket, came) })
}

fn pairs(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}
