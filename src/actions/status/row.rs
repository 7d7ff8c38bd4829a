//! One line of the table: what the index knows of an account at a moment.

use std::borrow::Cow;
use std::collections::HashMap;

use llxprt_commands::{Account, Bucket, Provider};

use super::super::credential::resolution_with;
use crate::auth::failover::State;
use crate::auth::precedence::{Resolution, Source};
use crate::providers::{Manifest, Status};
use crate::run::Run;
use crate::ui::{clean_line, times};
use crate::vault::{Entry, Home, Index, Limit, Window};

/// How long ahead the end of a sign-in is said, in seconds.
const SOON: i64 = 3 * 86_400;

/// A line.
pub(super) struct Row<'a> {
    pub(super) provider: &'a Provider,
    /// The first of its provider.
    pub(super) first: bool,
    /// Absent for a provider without accounts.
    pub(super) bucket: Option<Bucket>,
    /// A request would go by it now.
    pub(super) used: bool,
    pub(super) state: &'static str,
    /// Why the state is what it is.
    pub(super) why: Option<String>,
    pub(super) needs_login: bool,
    pub(super) identity: Option<&'a str>,
    pub(super) plan: Option<&'a str>,
    pub(super) store: Option<&'static str>,
    /// When the login itself ends, in Unix seconds.
    pub(super) ends: Ends,
    /// The limit of the whole account that is in force.
    pub(super) limit: Option<Limit>,
    /// Limits of one model that are in force.
    pub(super) model_limits: Vec<Limit>,
    /// Windows that have not begun anew since they were told.
    pub(super) windows: Vec<Window>,
    /// When the windows were told, in Unix seconds.
    pub(super) as_of: Option<i64>,
    /// What the limit column says of a provider without accounts.
    pub(super) remark: Option<String>,
}

/// How long somebody stays signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// Not signed in, or it does not matter.
    Nothing,
    /// The login ends at this time.
    At(i64),
    /// The access token ends at this time, and nothing renews it.
    Token(i64),
    /// It renews itself without a known end.
    Renews,
    /// Never.
    Never,
}

/// Makes the lines of a provider.
pub(super) fn rows<'a>(run: &Run, index: &'a Index, manifest: &'a Manifest) -> Vec<Row<'a>> {
    let provider = &manifest.name;
    let used = used(run, manifest, &resolution_with(run, manifest, index));
    let now = run.now();
    let row = |(account, entry): (Account, &'a Entry)| Row {
        used: used.as_ref() == Some(&account.bucket),
        ..Row::of(provider, account.bucket, entry, now)
    };
    let mut rows: Vec<Row> = ordered(run, index, provider).into_iter().map(row).collect();
    if rows.is_empty() {
        rows.push(Row::empty(run, manifest));
    }
    rows[0].first = true;
    rows
}

/// Returns the accounts of a provider: those of the loaded profile in its order, then the others by name.
pub(super) fn ordered<'a>(run: &Run, index: &'a Index, provider: &Provider) -> Vec<(Account, &'a Entry)> {
    let profile = run.profile_for(provider).map(|profile| profile.buckets.as_slice()).unwrap_or_default();
    let places: HashMap<&Bucket, usize> = profile.iter().enumerate().map(|(place, bucket)| (bucket, place)).collect();
    let mut accounts: Vec<_> = index.accounts_of(provider).collect();
    accounts.sort_by_key(|(account, _)| places.get(&account.bucket).copied().unwrap_or(usize::MAX));
    accounts
}

/// Returns the bucket that a request would go by now, where its provider is the active one and the sign-in wins.
pub(super) fn used(run: &Run, manifest: &Manifest, resolution: &Resolution) -> Option<Bucket> {
    let winner = resolution.winner.as_ref().filter(|winner| winner.source == Source::OAuth)?;
    let active = run.active().is_none_or(|active| active == manifest.name);
    winner.detail.parse().ok().filter(|_| active)
}

impl<'a> Row<'a> {
    fn of(provider: &'a Provider, bucket: Bucket, entry: &'a Entry, now: i64) -> Self {
        let state = State::of(Some(entry), None, now);
        let needs_login = matches!(state, State::NeedsLogin(_));
        let (limit, why) = match &state {
            State::Limited(limit) => (Some(limit.clone()), Some(limit.why.clone())),
            State::NeedsLogin(why) | State::Unknown(why) => (None, Some(why.clone())),
            State::Ready | State::Expired | State::Unverified => (None, None),
        };
        let ends = match (entry.signed_in_until, entry.refreshable, entry.expires_at) {
            _ if needs_login || entry.found => Ends::Nothing,
            (Some(at), ..) => Ends::At(at),
            (None, true, _) => Ends::Renews,
            (None, false, Some(at)) => Ends::Token(at),
            (None, false, None) => Ends::Never,
        };
        let in_force = |limit: &&Limit| limit.model.is_some() && limit.holds(now);
        let fresh = |window: &&Window| window.resets_at.is_none_or(|at| at > now);
        Self {
            provider,
            first: false,
            bucket: Some(bucket),
            used: false,
            state: state.words(),
            why,
            needs_login,
            identity: entry.identity.as_deref(),
            plan: entry.plan.as_deref(),
            store: Some(match entry.store {
                Home::Keyring => "the OS keyring",
                Home::File => "a sealed file",
                Home::Memory => "memory, for this session",
            }),
            ends,
            limit,
            model_limits: entry.limits.iter().filter(in_force).cloned().collect(),
            windows: entry.windows.iter().filter(fresh).cloned().collect(),
            as_of: entry.windows_at,
            remark: None,
        }
    }

    fn empty(run: &Run, manifest: &'a Manifest) -> Self {
        let state = match (&manifest.oauth, run.settings.oauth_enabled(&manifest.name)) {
            (None, _) => "key only",
            (_, true) => "on first use",
            (_, false) => "off",
        };
        let oauth = manifest.oauth.as_ref().filter(|oauth| oauth.status != Status::Active);
        let since = |since: &Option<String>| since.as_deref().map_or(String::new(), |since| format!(" since {since}"));
        Self {
            provider: &manifest.name,
            first: false,
            bucket: None,
            used: false,
            state,
            why: None,
            needs_login: false,
            identity: None,
            plan: None,
            store: None,
            ends: Ends::Nothing,
            limit: None,
            model_limits: Vec::new(),
            windows: Vec::new(),
            as_of: None,
            remark: oauth.map(|oauth| format!("{}{}", oauth.status.word(), since(&oauth.since))),
        }
    }

    /// Returns when the login ends, if that is soon.
    pub(super) fn ends_soon(&self, now: i64) -> Option<i64> {
        match self.ends {
            Ends::At(at) if at - now <= SOON => Some(at),
            _ => None,
        }
    }

    /// The account as it is shown, with who it is where its name does not tell.
    pub(super) fn account(&self) -> Cow<'_, str> {
        let Some(bucket) = &self.bucket else { return "-".into() };
        match self.identity {
            Some(identity) if !identity.eq_ignore_ascii_case(bucket.as_str()) => {
                format!("{bucket} ({})", clean_line(identity)).into()
            }
            _ => bucket.as_str().into(),
        }
    }

    /// The column “Signed in until”.
    pub(super) fn until(&self, now: i64) -> Cow<'static, str> {
        match self.ends {
            Ends::Nothing => "-".into(),
            Ends::At(at) | Ends::Token(at) => times::both(now, at).into(),
            Ends::Renews => "renews by itself".into(),
            Ends::Never => "does not run out".into(),
        }
    }

    /// The column “Limit”.
    pub(super) fn limits(&self, now: i64) -> Cow<'_, str> {
        if let Some(limit) = &self.limit {
            return format!("back {}", times::at(now, limit.until)).into();
        }
        let mut parts: Vec<String> =
            self.windows.iter().filter(|w| w.model.is_none()).map(|w| window(w, now, false)).collect();
        parts.extend(self.model_limits.iter().map(|limit| {
            let model = limit.model.as_deref().map(clean_line).unwrap_or_default();
            format!("{model} back {}", times::at(now, limit.until))
        }));
        match (parts.is_empty(), &self.remark) {
            (false, _) => parts.join(" · ").into(),
            (true, Some(remark)) => remark.into(),
            (true, None) => "-".into(),
        }
    }
}

/// Writes a window: `5 h 62 %`, with its model and its reset where asked for.
pub(in super::super) fn window(window: &Window, now: i64, whole: bool) -> String {
    let model = window.model.as_deref().map_or(String::new(), |model| format!(" {}", clean_line(model)));
    let reset = match window.resets_at.filter(|_| whole) {
        Some(at) => format!(", begins anew in {}", times::both(now, at)),
        None => String::new(),
    };
    format!("{}{model} {} %{reset}", window_name(&window.window), percent(window.used))
}

/// Writes a window's name with its unit apart: `5 h`.
pub(super) fn window_name(name: &str) -> String {
    let clean = clean_line(name);
    match clean.find(|c: char| !c.is_ascii_digit()) {
        Some(at) if at > 0 => format!("{} {}", &clean[..at], &clean[at..]),
        _ => clean,
    }
}

/// The used part in whole percent.
pub(super) fn percent(used: f64) -> i64 {
    // A provider may tell anything; a percentage beyond these bounds says no more.
    (used * 100.0).round().clamp(0.0, 999.0) as i64
}
