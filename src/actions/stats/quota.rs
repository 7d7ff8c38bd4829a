//! `/stats quota`: the windows of each account. The provider is asked where it has a document for that, but seldom:
//! these documents have limits of their own (`docs/providers.md`).

use llxprt_commands::Account;
use serde_json::{Value, json};

use super::super::{fresh, limits, status};
use crate::auth::failover::State;
use crate::auth::signals::{self, Family};
use crate::auth::{Refusal, claim_headers};
use crate::error::{Code, Failure, Outcome};
use crate::http::{self, Unreached};
use crate::providers::Manifest;
use crate::run::Run;
use crate::secret::Hidden;
use crate::ui::{clean_line, times};
use crate::vault::{Entry, Window};

/// How long an answer is used before the provider is asked again, in seconds.
const FRESH: i64 = 300;
/// The member of the index that says until when the provider is not asked again.
const NOT_BEFORE: &str = "usage_not_before";

/// What is known of one account, and why it is not more.
struct Told {
    account: Account,
    windows: Vec<Window>,
    as_of: Option<i64>,
    trouble: Option<String>,
}

/// `/stats quota`
pub(super) fn quota(run: &mut Run) -> Outcome {
    let index = run.index()?;
    let manifests: Vec<Manifest> = run.registry.all().filter(|m| m.oauth.is_some()).cloned().collect();
    let mut all = Vec::new();
    for manifest in &manifests {
        for (account, entry) in index.accounts_of(&manifest.name) {
            all.push(told(run, manifest, account, entry)?);
        }
    }
    if run.ui.json {
        let rows: Vec<Value> = all.iter().map(document).collect();
        run.ui.document(&json!({ "schema": "llxprt.stats.quota.v1", "accounts": rows }));
        return Ok(());
    }
    if all.is_empty() {
        run.ui.say("Nobody is signed in.");
    }
    let now = run.now();
    for told in &all {
        let as_of = told.as_of.map_or(String::new(), |at| format!(" (as of {})", times::at(now, at)));
        run.ui.data(&format!("{} {}{as_of}", told.account.provider, told.account.bucket));
        for window in &told.windows {
            run.ui.data(&format!("  {}", status::window(window, now, true)));
        }
        match &told.trouble {
            Some(trouble) => run.ui.data(&format!("  {}", clean_line(trouble))),
            None if told.windows.is_empty() => run.ui.data("  the provider told nothing of limits so far"),
            None => {}
        }
    }
    Ok(())
}

fn document(told: &Told) -> Value {
    let time = |at: Option<i64>| at.and_then(times::rfc3339);
    let window =
        |w: &Window| json!({ "window": w.window, "model": w.model, "used": w.used, "resets_at": time(w.resets_at) });
    json!({
        "provider": told.account.provider.as_str(), "bucket": told.account.bucket.as_str(),
        "limits": told.windows.iter().map(window).collect::<Vec<_>>(), "limits_as_of": time(told.as_of),
        "error": told.trouble,
    })
}

fn told(run: &mut Run, manifest: &Manifest, account: Account, entry: &Entry) -> Outcome<Told> {
    let now = run.now();
    let alive = |window: &&Window| window.resets_at.is_none_or(|at| at > now);
    let known = |trouble| Told {
        account: account.clone(),
        windows: entry.windows.iter().filter(alive).cloned().collect(),
        as_of: entry.windows_at,
        trouble,
    };
    let Some(url) = manifest.oauth.as_ref().and_then(|oauth| oauth.usage_url.clone()) else { return Ok(known(None)) };
    match State::of(Some(entry), None, now) {
        State::NeedsLogin(why) => return Ok(known(Some(format!("needs a new sign-in: {why}")))),
        State::Unknown(why) => return Ok(known(Some(format!("unreadable: {why}")))),
        State::Ready | State::Expired | State::Limited(_) | State::Unverified => {}
    }
    if entry.other.get(NOT_BEFORE).and_then(Value::as_i64).is_some_and(|at| at > now && at - now <= 86_400) {
        return Ok(known(None));
    }
    match ask(run, manifest, &account, &url) {
        Ok(windows) => {
            keep(run, &account, &windows, now + FRESH);
            Ok(Told { windows, as_of: Some(now), ..known(None) })
        }
        Err(Asked::Ended(failure)) => Err(failure),
        Err(Asked::Later(words, seconds)) => {
            keep(run, &account, &[], now + seconds.clamp(60, 86_400));
            Ok(known(Some(format!("the provider was asked in vain: {words}"))))
        }
    }
}

fn keep(run: &Run, account: &Account, windows: &[Window], not_before: i64) {
    let now = run.now();
    let kept = run.vault.update_index(|index| {
        if let Some(entry) = index.entry_mut(account) {
            limits::windows(entry, windows, now);
            entry.other.insert(NOT_BEFORE.to_owned(), not_before.into());
        }
    });
    if let Err(error) = kept {
        run.ui.note(&error.message);
    }
}

enum Asked {
    /// A person stopped it.
    Ended(Failure),
    /// Why it told nothing, and how many seconds to wait at least.
    Later(String, i64),
}

fn ask(run: &Run, manifest: &Manifest, account: &Account, url: &url::Url) -> Result<Vec<Window>, Asked> {
    let later = |failure: Failure| match failure.code {
        Code::Cancelled => Asked::Ended(failure),
        _ => Asked::Later(failure.message, 0),
    };
    let tokens = match fresh::read(run, account).map_err(later)? {
        Some(tokens) => fresh::token(run, account, tokens).map_err(later)?,
        None => return Err(Asked::Later("nobody is signed in there".to_owned(), 0)),
    };
    let (_, oauth) = run.oauth(&account.provider).map_err(later)?;
    let client = run.http.client(url).map_err(later)?;
    let mut sending = client.get(url.clone()).timeout(http::TOKEN_TIME).bearer_auth(tokens.access.expose());
    let headers = manifest.api.headers.iter().chain(&manifest.api.oauth_headers);
    for (name, value) in headers {
        sending = sending.header(name, value);
    }
    for (name, value) in claim_headers(oauth, &tokens) {
        sending = sending.header(name, value);
    }
    let host = http::host_of(url);
    let answer = run.wait(async {
        let answer = match sending.send().await {
            Ok(answer) => answer,
            Err(e) => return Ok(Err(Unreached::from_error(&e, &host))),
        };
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = http::read_bounded(answer, http::TOKEN_BOUND).await;
        Ok(body.map(|body| (status, headers, body)))
    });
    let (status, headers, body) = answer.map_err(later)?.map_err(|unreached| Asked::Later(unreached.words, 0))?;
    if !status.is_success() {
        let body = Hidden::of([tokens.access.expose()]).clean_body(body);
        let refusal = Refusal::read(status.as_u16(), &headers, &body);
        let wait = refusal.retry_after.and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(FRESH);
        return Err(Asked::Later(refusal.words, wait));
    }
    let family = Family::of(&account.provider, limits::dialect_name(manifest.dialect(true)));
    Ok(signals::usage(family, &body, run.now()))
}
