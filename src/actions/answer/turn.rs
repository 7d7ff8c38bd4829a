//! One turn: what the failover plan says is done, step by step, and what comes of each step is told to it and
//! remembered (design 4.10).

use std::time::Duration;

use llxprt_commands::{Account, Bucket, Provider};

use super::super::accounts;
use super::super::choose::model_name;
use super::super::limits::{self, Learned};
use super::balance;
use super::step::Happened;
use super::told;
use crate::auth::Tokens;
use crate::auth::failover::{
    self, BucketState, Gone, Mode, Notice, Outcome as Came, Plan, Policy, Record, State, Step, Stop,
};
use crate::auth::signals::Family;
use crate::chat::Finished;
use crate::error::{Code, Failure, Outcome};
use crate::providers::Manifest;
use crate::run::Run;
use crate::secret::Secret;
use crate::ui::{clean_line, times};
use crate::vault::{Entry, Home, Index, Limit};

/// What a turn is made with.
pub(super) enum Means {
    /// An API key, and what it is called.
    Key { key: Secret, name: String },
    /// Accounts, first choice first.
    Accounts(Vec<Account>),
}

/// An answer, whole or stopped by a person.
pub(super) struct Answered {
    pub(super) provider: Provider,
    pub(super) model: String,
    /// Absent where a key answered.
    pub(super) bucket: Option<Bucket>,
    pub(super) text: String,
    /// Absent when a person stopped it.
    pub(super) finished: Option<Finished>,
}

/// A turn without an answer.
pub(super) enum Ended {
    /// None is left; another profile may go on. The time is when the first is back, in Unix seconds.
    UsedUp(Failure, Option<i64>),
    /// Nothing else would help.
    Final(Failure),
}

impl Ended {
    pub(super) fn failure(self) -> Failure {
        match self {
            Self::UsedUp(failure, _) | Self::Final(failure) => failure,
        }
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Final(failure)
    }
}

/// A key has no bucket; in the plan it stands under this name.
const KEY: &str = "key";

/// Everything of a turn that does not change.
pub(super) struct Turn {
    pub(super) provider: Provider,
    pub(super) manifest: Manifest,
    pub(super) model: String,
    pub(super) means: Means,
    pub(super) family: Family,
}

/// Makes a turn.
pub(super) fn turn(run: &mut Run, provider: &Provider, means: Means) -> Result<Answered, Ended> {
    let manifest = run.manifest(provider)?.clone();
    let model = model_name(run);
    let oauth = matches!(means, Means::Accounts(_));
    let family = Family::of(provider, limits::dialect_name(manifest.dialect(oauth)));
    let turn = Turn { provider: provider.clone(), manifest, model, means, family };
    let mut plan = turn.plan(run)?;
    // After another order was chosen, to begin elsewhere is no return.
    let last = run.chosen.turns.last.get(provider).filter(|(_, order)| *order == turn.order());
    let last = last.map(|(last, _)| last.clone());
    let notice = plan.opening(last.as_ref(), run.now());
    if let Some(notice) = notice.filter(|notice| !turn.is_doubtful(run, notice)) {
        turn.say(run, &notice);
    }
    let (mut last_failure, mut why): (Option<Failure>, String) = (None, String::new());
    let mut hint: Option<String> = None;
    let hinted = |failure: Failure, hint: Option<String>| match hint {
        Some(hint) => failure.say(hint),
        None => failure,
    };
    let mut found: Option<Tokens> = None;
    let mut sent: Option<Happened> = None;
    loop {
        let mut result = match plan.step() {
            Step::Use(bucket) => turn.send(run, &bucket, &mut found)?,
            Step::Refresh(bucket) => turn.renew(run, &bucket, found.as_ref(), &why)?,
            Step::Wait { millis, bucket } => {
                turn.wait(run, millis, &bucket, &why)?;
                continue;
            }
            Step::Done => {
                let Some(result) = sent.take() else {
                    return Err(Ended::Final(Failure::new(Code::Internal, "A turn ended without an answer.")));
                };
                return Ok(turn.answered(run, result));
            }
            Step::Stop(stop) => {
                let text = sent.map(|result| result.text).unwrap_or_default();
                run.conversation.answer(&text);
                return Err(Ended::Final(hinted(turn.stopped(run, stop, last_failure), hint)));
            }
            Step::AllUsedUp(gone) => {
                let earliest = failover::earliest(&gone);
                return Err(Ended::UsedUp(hinted(turn.used_up(run, &gone, last_failure), hint), earliest));
            }
        };
        if result.stopped {
            return Ok(turn.answered(run, result));
        }
        if let (Some(failure), true) = (&result.failure, result.came == Came::Answered) {
            // Not for the plan: no account would fare better.
            let failure = failure.clone();
            run.conversation.answer(&result.text);
            return Err(Ended::Final(failure));
        }
        let records = plan.outcome(result.came.clone(), result.shown, run.now());
        turn.learn(run, &mut result, &records);
        last_failure = result.failure.take();
        hint = result.hint.take().or(hint);
        result.came.reason().clone_into(&mut why);
        if result.finished.is_some() || result.shown {
            sent = Some(result);
        }
    }
}

impl Turn {
    fn plan(&self, run: &Run) -> Outcome<Plan> {
        let now = run.now();
        let plan = match &self.means {
            Means::Key { key, name } => {
                let mut state = BucketState::of(key_bucket(), Some(&Entry::new(Home::Memory)), now);
                let until = run.chosen.turns.key_limits.get(&(self.provider.clone(), name.clone()));
                state.limits.extend(until.map(|until| Limit {
                    model: None,
                    until: *until,
                    why: "limit".to_owned(),
                    strikes: 0,
                }));
                state.needs_login = balance::refused(run, &self.provider, name, &key.tail());
                Plan::new(vec![state], &self.model, Policy::Failover, Mode::Auto, now)
            }
            Means::Accounts(_) => accounts::plan(run, &self.manifest, &run.index()?, &self.model, &self.order()),
        };
        let seed = run.clock.now_millis().unsigned_abs() ^ u64::from(std::process::id()) << 32;
        Ok(plan.seeded(seed))
    }

    /// Tells whether it is too early to say that an account is back: it could not be read last time.
    fn is_doubtful(&self, run: &Run, notice: &Notice) -> bool {
        let Notice::Back { to } = notice else { return false };
        let state = |index: Index| State::of(index.entry(&self.account(to)), None, run.now());
        run.index().is_ok_and(|index| matches!(state(index), State::Unknown(_)))
    }

    fn order(&self) -> Vec<Bucket> {
        match &self.means {
            Means::Key { .. } => Vec::new(),
            Means::Accounts(accounts) => accounts.iter().map(|account| account.bucket.clone()).collect(),
        }
    }

    pub(super) fn account(&self, bucket: &Bucket) -> Account {
        Account { provider: self.provider.clone(), bucket: bucket.clone() }
    }

    /// Waits before the same is tried again; Ctrl-C ends it.
    fn wait(&self, run: &Run, millis: u64, bucket: &Bucket, why: &str) -> Outcome {
        let mut said = None;
        if millis > 1000 {
            let seconds = millis.div_ceil(1000);
            let whom = if let Means::Key { .. } = self.means { String::new() } else { format!(" with {bucket}") };
            let title = &self.manifest.title;
            let line = format!("{title}: {} · trying again{whom} in {seconds} s", why.trim_end_matches('.'));
            said = Some(if run.ui.plain { line.replace(" · ", "; ") } else { line });
        }
        run.wait(async {
            // Said when Ctrl-C is attended to, not before.
            if let Some(line) = &said {
                run.ui.note(line);
            }
            tokio::time::sleep(Duration::from_millis(millis)).await;
            Ok(())
        })
    }

    /// Remembers what a step taught, for this session and for all.
    fn learn(&self, run: &mut Run, result: &mut Happened, records: &[Record]) {
        if let Means::Key { key, name } = &self.means {
            for record in records {
                let place = (self.provider.clone(), name.clone());
                match record {
                    Record::Limit { limit, .. } => drop(run.chosen.turns.key_limits.insert(place, limit.until)),
                    Record::NeedsLogin { why, .. } => {
                        run.chosen.turns.refused_keys.insert(place, (key.tail(), clean_line(why)));
                    }
                    _ => {}
                }
            }
            return;
        }
        let Some(account) = result.by.as_ref().map(|bucket| self.account(bucket)) else { return };
        for record in records {
            match record {
                Record::NotCovered { model, why, .. } => {
                    run.chosen.turns.not_covered.push((account.clone(), model.clone(), clean_line(why)));
                }
                Record::Notice(notice) => self.say(run, notice),
                Record::Limit { .. } | Record::NeedsLogin { .. } | Record::Unreadable { .. } | Record::Worked(_) => {}
            }
        }
        let learned = Learned {
            account: &account,
            model: &self.model,
            windows: std::mem::take(&mut result.windows),
            records,
            usage: result.finished.as_ref().map(|finished| finished.usage),
            expiry: result.expiry,
        };
        limits::keep(run, &learned);
    }

    fn say(&self, run: &Run, notice: &Notice) {
        let now = run.now();
        let line = clean_line(&notice.line(|at| times::at(now, at)));
        run.log.note(now, self.provider.as_str(), &line);
        run.ui.say(&if run.ui.plain { line.replace(" · ", "; ") } else { line });
    }

    fn answered(&self, run: &mut Run, result: Happened) -> Answered {
        let bucket = match &self.means {
            Means::Key { .. } => None,
            Means::Accounts(_) => result.by.clone(),
        };
        let who = match (&self.means, &bucket) {
            (Means::Key { name, .. }, _) => name.clone(),
            (_, bucket) => bucket.as_ref().map(ToString::to_string).unwrap_or_default(),
        };
        if let Some(finished) = &result.finished {
            let counts = run.chosen.turns.counts.entry((self.provider.clone(), who)).or_default();
            limits::count(counts, finished.usage, run.clock.now());
        }
        if let Some(bucket) = &bucket {
            run.chosen.turns.last.insert(self.provider.clone(), (bucket.clone(), self.order()));
        }
        Answered {
            provider: self.provider.clone(),
            model: self.model.clone(),
            bucket,
            text: result.text,
            finished: result.finished,
        }
    }

    fn stopped(&self, run: &Run, stop: Stop, last: Option<Failure>) -> Failure {
        told::stopped(run, &self.provider, &self.manifest.title, stop, last)
    }

    fn used_up(&self, run: &Run, gone: &[Gone], last: Option<Failure>) -> Failure {
        match &self.means {
            Means::Key { name, .. } => told::key_used_up(run, &self.provider, &self.manifest.title, name, gone, last),
            Means::Accounts(_) => told::used_up(run, &self.provider, gone, last),
        }
    }
}

fn key_bucket() -> Bucket {
    KEY.parse().unwrap_or_default()
}
