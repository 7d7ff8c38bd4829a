//! `/auth` and `/auth P`: who is signed in, from the index alone: no keyring, no network.

use llxprt_commands::{Account, Provider};
use serde_json::{Value, json};

use super::credential::{Source, source};
use crate::error::Outcome;
use crate::providers::{Manifest, Status};
use crate::run::Run;
use crate::ui::{clean_line, times};
use crate::vault::{Entry, Index};

/// `/auth`
pub(super) fn all(run: &Run) -> Outcome {
    let index = run.index()?;
    if run.ui.json {
        let providers: Vec<Value> = run.registry.all().map(|m| element(run, &index, m)).collect();
        let store = index.store.clone();
        let (kind, detail) = store.map_or(("auto".into(), String::new()), |s| (s.kind, s.detail));
        run.ui.document(&json!({
            "schema": "llxprt.auth.v1", "store": { "kind": kind, "detail": detail }, "providers": providers,
        }));
        return Ok(());
    }
    let mut rows = vec![["Provider", "Account", "State", "Signed in until"].map(str::to_owned)];
    for manifest in run.registry.all() {
        rows.extend(rows_of(run, &index, manifest));
    }
    table(run, &rows);
    run.ui.note("\n* used now.");
    for manifest in run.registry.all() {
        say_shadow(run, &manifest.name)?;
    }
    run.settings.whole()
}

/// `/auth P`
pub(super) fn one(run: &Run, provider: &Provider) -> Outcome {
    let manifest = run.manifest(provider)?;
    let index = run.index()?;
    if run.ui.json {
        let mut document = element(run, &index, manifest);
        document["schema"] = "llxprt.auth.provider.v1".into();
        run.ui.document(&document);
        return Ok(());
    }
    let on = if run.settings.oauth_enabled(provider) { "on" } else { "off" };
    let login = if manifest.oauth.is_some() { format!("sign-in is {on}") } else { "keys only".into() };
    run.ui.data(&format!("{} ({provider}): {login}.", manifest.title));
    if let Some(oauth) = manifest.oauth.as_ref().filter(|o| o.status != Status::Active) {
        let reason = oauth.reason.as_deref().unwrap_or_default();
        run.ui.data(&format!("{}: {reason} (since {}).", oauth.status.word(), oauth.since.as_deref().unwrap_or("?")));
    }
    let mut rows = vec![["Provider", "Account", "State", "Signed in until"].map(str::to_owned)];
    rows.extend(rows_of(run, &index, manifest));
    table(run, &rows);
    for (account, entry) in index.accounts_of(provider) {
        let who = entry.identity.as_deref().map_or("not told".to_owned(), clean_line);
        let plan = entry.plan.as_deref().map_or(String::new(), |p| format!(", {} plan", clean_line(p)));
        run.ui.data(&format!("{}: identity {who}{plan}", account.bucket));
        if let Some(refused) = &entry.refused {
            run.ui.data(&format!("  {}", clean_line(refused)));
        }
    }
    say_shadow(run, provider)
}

/// Says it when a key wins over a sign-in.
pub(super) fn say_shadow(run: &Run, provider: &Provider) -> Outcome {
    if !run.settings.oauth_enabled(provider) {
        return Ok(());
    }
    if let Source::Key { place, .. } = source(run, provider)? {
        run.ui.note(&format!(
            "{place} is set, and a key wins over a sign-in: requests to {provider} are billed to it.\n\
             To use the sign-in instead: /set authOnly true"
        ));
    }
    Ok(())
}

fn rows_of(run: &Run, index: &Index, manifest: &Manifest) -> Vec<[String; 4]> {
    let provider = &manifest.name;
    let name = provider.to_string();
    let accounts: Vec<(Account, &Entry)> = index.accounts_of(provider).collect();
    if accounts.is_empty() {
        let state = match (&manifest.oauth, run.settings.oauth_enabled(provider)) {
            (None, _) => "key only",
            (_, true) => "on first use",
            (_, false) => "off",
        };
        return vec![[name, "-".into(), state.into(), "-".into()]];
    }
    let used = match source(run, provider) {
        Ok(Source::OAuth(account)) => Some(account),
        _ => None,
    };
    let mut rows = Vec::new();
    for (n, (account, entry)) in accounts.into_iter().enumerate() {
        let mark = if used.as_ref() == Some(&account) { "* " } else { "  " };
        let until = match entry.signed_in_until {
            Some(at) => times::both(run.now(), at),
            None if entry.refreshable => "renews by itself".into(),
            None => entry.expires_at.map_or("does not run out".into(), |at| times::both(run.now(), at)),
        };
        let first = if n == 0 { name.clone() } else { String::new() };
        let shown = state(entry, run.now());
        rows.push([first, format!("{mark}{}", account.bucket), shown.1.into(), until]);
    }
    rows
}

/// Returns the state of an account, for JSON and for the screen (design 4.11).
pub(super) fn state(entry: &Entry, now: i64) -> (&'static str, &'static str) {
    if entry.unreadable.is_some() {
        ("unknown", "unreadable")
    } else if entry.refused.is_some() || entry.signed_in_until.is_some_and(|at| at <= now) {
        ("needs-login", "sign in again")
    } else if entry.limits.iter().any(|l| l.model.is_none() && l.until > now) {
        ("limited", "at its limit")
    } else if entry.unverified {
        ("unverified", "not verified yet")
    } else if entry.expires_at.is_some_and(|at| at <= now) {
        if entry.refreshable { ("expired", "renews on use") } else { ("needs-login", "sign in again") }
    } else {
        ("ready", "ready")
    }
}

fn element(run: &Run, index: &Index, manifest: &Manifest) -> Value {
    let provider = &manifest.name;
    let now = run.now();
    let source = source(run, provider).unwrap_or(Source::None);
    let enabled = run.settings.oauth_enabled(provider);
    let used = if let Source::OAuth(account) = &source { Some(account.clone()) } else { None };
    let time = |at: Option<i64>| at.and_then(times::rfc3339);
    let buckets: Vec<Value> = index
        .accounts_of(provider)
        .map(|(account, entry)| {
            let limits: Vec<Value> = entry
                .windows
                .iter()
                .map(
                    |w| json!({ "window": w.window, "model": w.model, "used": w.used, "resets_at": time(w.resets_at) }),
                )
                .collect();
            let limited = entry.limits.iter().filter(|l| l.model.is_none() && l.until > now).map(|l| l.until).max();
            json!({
                "bucket": account.bucket.as_str(), "state": state(entry, now).0, "identity": entry.identity,
                "plan": entry.plan, "store": entry.store, "expires_at": time(entry.expires_at),
                "refreshable": entry.refreshable, "signed_in_until": time(entry.signed_in_until),
                "limited_until": time(limited), "active": used.as_ref() == Some(&account), "limits": limits,
            })
        })
        .collect();
    let login = match (&manifest.oauth, enabled, buckets.is_empty()) {
        (None, ..) => "key-only",
        (_, false, _) => "off",
        (_, true, true) => "on-first-use",
        (_, true, false) => "on",
    };
    let credential = match &source {
        Source::Key { place, tier, .. } => json!({ "tier": tier, "source": "key", "detail": place }),
        Source::OAuth(account) => json!({ "tier": 5, "source": "oauth", "detail": account.bucket.as_str() }),
        Source::None => Value::Null,
    };
    json!({
        "provider": provider.as_str(), "login": login,
        "status": manifest.oauth.as_ref().map_or("active", |o| o.status.word()),
        "oauth_enabled": enabled, "credential": credential, "buckets": buckets,
    })
}

fn table(run: &Run, rows: &[[String; 4]]) {
    let width = |n: usize| rows.iter().map(|r| unicode_width::UnicodeWidthStr::width(r[n].as_str())).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(width);
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width + 2 - unicode_width::UnicodeWidthStr::width(cell.as_str())));
        }
        run.ui.data(line.trim_end());
    }
}
