//! What an answer teaches of an account is kept in the index: limits, windows, counts, the need of a new sign-in. All
//! sessions and processes go by it.

use llxprt_commands::{Account, Bucket};

use crate::auth::failover::{Notice, Record};
use crate::chat::Usage;
use crate::providers::Dialect;
use crate::run::Run;
use crate::ui::{clean_line, times};
use crate::vault::{Counts, Entry, Index, Limit, Window};

/// How long, in seconds, a guessed limit that is over still lets the next guess grow.
const STRIKES_COUNT: i64 = 30 * 60;

/// What one answer taught.
pub(super) struct Learned<'a> {
    /// Who was used.
    pub(super) account: &'a Account,
    /// The model of the request.
    pub(super) model: &'a str,
    /// The windows that were told.
    pub(super) windows: Vec<Window>,
    /// What the plan wants to be remembered.
    pub(super) records: &'a [Record],
    /// What a whole answer used.
    pub(super) usage: Option<Usage>,
    /// When the access token that was sent runs out.
    pub(super) expiry: Option<i64>,
}

/// Keeps it. An index that cannot be written is said once, and stops nothing.
pub(super) fn keep(run: &mut Run, learned: &Learned<'_>) {
    let lasting = learned.records.iter().any(|record| {
        matches!(record, Record::Limit { .. } | Record::NeedsLogin { .. } | Record::Worked(_))
            || matches!(record, Record::Notice(Notice::Switch { .. }))
    });
    if !lasting && learned.windows.is_empty() && learned.usage.is_none() {
        return;
    }
    let now = run.now();
    note(run, learned, now);
    let kept = run.vault.update_index(|index| apply(index, learned, now));
    if let Err(error) = kept {
        let words = format!("What was learned of {} is known to this session only: {}", learned.account, error.message);
        if run.first_time(&words) {
            run.ui.warn(&words);
        }
    }
}

fn note(run: &Run, learned: &Learned<'_>, now: i64) {
    let account = |bucket: &Bucket| Account { provider: learned.account.provider.clone(), bucket: bucket.clone() };
    // The renewal that was refused has told it.
    let told =
        |bucket: &Bucket| run.index().is_ok_and(|i| i.entry(&account(bucket)).is_some_and(|e| e.refused.is_some()));
    for record in learned.records {
        let (bucket, what) = match record {
            Record::NeedsLogin { bucket, .. } if told(bucket) => continue,
            Record::Limit { bucket, limit } => {
                let of = limit.model.as_deref().map_or(String::new(), |model| format!(" for {model}"));
                (bucket, format!("at its limit{of}: {}, until {}", limit.why, times::at(now, limit.until)))
            }
            Record::NeedsLogin { bucket, why } => (bucket, format!("needs a new sign-in: {why}")),
            Record::NotCovered { bucket, model, why } => (bucket, format!("{model} is not covered: {why}")),
            Record::Unreadable { bucket, why } => (bucket, format!("unreadable: {why}")),
            Record::Worked(_) | Record::Notice(_) => continue,
        };
        run.log.note(now, &account(bucket).to_string(), &what);
    }
}

fn apply(index: &mut Index, learned: &Learned<'_>, now: i64) {
    let provider = &learned.account.provider;
    let of = |bucket: &Bucket| Account { provider: provider.clone(), bucket: bucket.clone() };
    for record in learned.records {
        match record {
            Record::Limit { bucket, limit } => limited(index, &of(bucket), limit),
            Record::NeedsLogin { bucket, why } => {
                // Somebody who signed in anew or renewed meanwhile is not to be marked for the old token.
                let same = |entry: &&mut Entry| entry.expires_at == learned.expiry || learned.expiry.is_none();
                if let Some(entry) = index.entry_mut(&of(bucket)).filter(same) {
                    entry.refused.get_or_insert_with(|| clean_line(why));
                }
            }
            Record::Worked(bucket) => {
                if let Some(entry) = index.entry_mut(&of(bucket)) {
                    entry.unverified = false;
                    let mine = |limit: &Limit| limit.model.as_deref().is_none_or(|model| model == learned.model);
                    entry.limits.retain(|limit| limit.holds(now) || !mine(limit));
                }
            }
            Record::NotCovered { .. } | Record::Unreadable { .. } | Record::Notice(_) => {}
        }
    }
    if let Some(entry) = index.entry_mut(learned.account) {
        windows(entry, &learned.windows, now);
        if let Some(usage) = learned.usage {
            count(&mut entry.counts, usage, now);
        }
        let switched = |record: &Record| matches!(record, Record::Notice(Notice::Switch { .. }));
        if learned.records.iter().any(switched) {
            entry.counts.switches = entry.counts.switches.saturating_add(1);
        }
    }
    prune(index, now);
}

/// Keeps a limit for an account, and for every other one of the same identity.
fn limited(index: &mut Index, account: &Account, limit: &Limit) {
    let identity = index.entry(account).and_then(|entry| entry.identity_id.clone());
    let prefix = format!("{}:", account.provider);
    for (name, entry) in &mut index.accounts {
        let twin = identity.is_some() && entry.identity_id == identity && name.starts_with(&prefix);
        if twin || *name == account.to_string() {
            entry.limits.retain(|known| known.model != limit.model);
            entry.limits.push(limit.clone());
        }
    }
}

/// Lays windows over those that were known; a known one stays until it begins anew.
pub(super) fn windows(entry: &mut Entry, told: &[Window], now: i64) {
    if told.is_empty() {
        return;
    }
    let again = |known: &Window| told.iter().any(|new| new.window == known.window && new.model == known.model);
    entry.windows.retain(|known| !again(known) && known.resets_at.is_some_and(|at| at > now));
    entry.windows.splice(0..0, told.iter().cloned());
    entry.windows_at = Some(now);
}

/// Counts an answered request.
pub(super) fn count(counts: &mut Counts, usage: Usage, now: i64) {
    counts.requests = counts.requests.saturating_add(1);
    counts.input = counts.input.saturating_add(usage.input);
    counts.output = counts.output.saturating_add(usage.output);
    counts.last_used = Some(now);
}

/// Forgets limits that are over, but for guesses that may have to grow.
fn prune(index: &mut Index, now: i64) {
    for entry in index.accounts.values_mut() {
        let counts = |limit: &Limit| limit.strikes > 0 && (0..STRIKES_COUNT).contains(&now.saturating_sub(limit.until));
        entry.limits.retain(|limit| limit.holds(now) || counts(limit));
    }
}

/// Returns the name of a dialect in a manifest.
pub(super) fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::AnthropicMessages => "anthropic-messages",
        Dialect::OpenaiResponses => "openai-responses",
        Dialect::OpenaiChat => "openai-chat",
        Dialect::Gemini => "gemini",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::Home;

    fn account(bucket: &str) -> Account {
        Account { provider: "anthropic".parse().unwrap(), bucket: bucket.parse().unwrap() }
    }

    fn limit(until: i64, strikes: u32) -> Limit {
        Limit { model: None, until, why: "5-hour limit".into(), strikes }
    }

    fn index(buckets: &[(&str, &str)]) -> Index {
        let mut index = Index::default();
        for (bucket, identity) in buckets {
            let mut entry = Entry::new(Home::File);
            entry.identity_id = Some((*identity).to_owned());
            index.accounts.insert(account(bucket).to_string(), entry);
        }
        index
    }

    fn learned<'a>(account: &'a Account, records: &'a [Record]) -> Learned<'a> {
        Learned { account, model: "m", windows: Vec::new(), records, usage: None, expiry: None }
    }

    #[test]
    fn a_limit_is_kept_for_every_account_of_the_identity_and_goes_when_it_is_over() {
        let mut index = index(&[("a", "one"), ("b", "one"), ("c", "two")]);
        let (a, records) = (account("a"), [Record::Limit { bucket: "a".parse().unwrap(), limit: limit(200, 0) }]);
        apply(&mut index, &learned(&a, &records), 100);
        let held = |index: &Index| ["a", "b", "c"].map(|b| index.entry(&account(b)).unwrap().limits.len());
        assert_eq!(held(&index), [1, 1, 0]);
        prune(&mut index, 199);
        assert_eq!(held(&index), [1, 1, 0]);
        prune(&mut index, 200);
        assert_eq!(held(&index), [0, 0, 0]);
    }

    #[test]
    fn a_guess_that_is_over_is_kept_for_a_while_and_forgotten_when_the_account_works() {
        let mut index = index(&[("a", "one")]);
        let a = account("a");
        index.entry_mut(&a).unwrap().limits = vec![limit(100, 3)];
        prune(&mut index, 101);
        assert_eq!(index.entry(&a).unwrap().limits.len(), 1);
        apply(&mut index, &learned(&a, &[Record::Worked("a".parse().unwrap())]), 102);
        assert_eq!(index.entry(&a).unwrap().limits.len(), 0);
    }

    #[test]
    fn who_renewed_meanwhile_is_not_marked_for_the_old_token() {
        let mut index = index(&[("a", "one")]);
        let a = account("a");
        let records = [Record::NeedsLogin { bucket: "a".parse().unwrap(), why: "revoked".into() }];
        index.entry_mut(&a).unwrap().expires_at = Some(900);
        apply(&mut index, &Learned { expiry: Some(500), ..learned(&a, &records) }, 100);
        assert_eq!(index.entry(&a).unwrap().refused, None);
        apply(&mut index, &Learned { expiry: Some(900), ..learned(&a, &records) }, 100);
        assert_eq!(index.entry(&a).unwrap().refused.as_deref(), Some("revoked"));
    }

    #[test]
    fn windows_are_laid_over_and_old_ones_end_with_their_reset() {
        let window = |name: &str, used, resets_at| Window { window: name.into(), model: None, used, resets_at };
        let mut entry = Entry::new(Home::File);
        entry.windows = vec![window("5h", 0.1, Some(150)), window("7d", 0.2, Some(900)), window("1d", 0.3, Some(90))];
        windows(&mut entry, &[window("5h", 0.5, Some(200))], 100);
        let shown: Vec<_> = entry.windows.iter().map(|w| (w.window.as_str(), w.used)).collect();
        assert_eq!(shown, [("5h", 0.5), ("7d", 0.2)]);
    }
}
