//! `/doctor`: what this machine gives us, without a secret and without the network.

use llxprt_commands::Login;
use serde_json::json;

use super::surroundings;
use crate::auth::failover::State;
use crate::auth::no_browser::{Decision, Opener, decide};
use crate::error::Outcome;
use crate::run::Run;
use crate::ui::clean_line;

/// One finding: what was looked at, whether it is well, and what is so.
struct Finding {
    what: &'static str,
    well: bool,
    words: String,
}

/// Looks at everything and says it.
pub(super) fn doctor(run: &Run) -> Outcome {
    let mut findings = Vec::new();
    let mut say = |what, well, words: String| findings.push(Finding { what, well, words });
    say("version", true, format!("llxprt {}", env!("CARGO_PKG_VERSION")));
    for (what, path) in [("settings", &run.dirs.config), ("data", &run.dirs.data), ("log", &run.dirs.log)] {
        let there = if path.is_dir() { "" } else { " (not there yet)" };
        say(what, true, format!("{}{there}", path.display()));
    }
    match run.settings.whole() {
        Ok(()) => say("settings.json", true, "can be read".into()),
        Err(failure) => say("settings.json", false, failure.message),
    }
    for misfit in run.settings.misfits() {
        say("setting", false, misfit.message);
    }
    for bad in &run.registry.bad {
        say("provider", false, bad.message.clone());
    }
    let probe = run.wait(async { Ok(run.vault.probe_keyring().await) })?;
    match probe {
        Ok(service) => say("keyring", true, format!("{service} answers")),
        Err(e) => say("keyring", e.kind == crate::vault::VaultErrorKind::Off, e.message),
    }
    let store = run.vault.store_seen();
    say("vault", true, format!("{} {}", store.kind, store.detail).trim().to_owned());
    match surroundings(run, &Login::default()).map(|found| decide(&found)) {
        Err(_) => say("browser", false, "auth.noBrowser says neither true nor false".to_owned()),
        Ok(Decision::Open { with, why }) => {
            let with = match with {
                Opener::System => "the system's opener".to_owned(),
                Opener::Commands(commands) => commands.iter().map(|c| c.program.clone()).collect::<Vec<_>>().join(", "),
            };
            say("browser", true, format!("opens with {with} ({why})"));
        }
        Ok(Decision::Manual { why }) => say("browser", true, format!("none: {why}")),
    }
    let proxies: Vec<&str> = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
        .into_iter()
        .filter(|name| run.env.get(*name).is_some_and(|v| !v.is_empty()))
        .collect();
    say("proxy", true, if proxies.is_empty() { "none".into() } else { format!("{} is set", proxies.join(", ")) });
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        if let Some(path) = run.env.get(name).filter(|v| !v.is_empty()) {
            let there = std::path::Path::new(path).exists();
            say("certificates", there, format!("{name}={path}{}", if there { "" } else { " is not there" }));
        }
    }
    match run.index() {
        Ok(index) => {
            for (account, entry) in &index.accounts {
                let state = State::of(Some(entry), None, run.now());
                let well = !matches!(state, State::NeedsLogin(_) | State::Unknown(_));
                let why = entry.refused.as_deref().or(entry.unreadable.as_deref()).map(clean_line);
                let why = why.map_or(String::new(), |w| format!(": {w}"));
                say("account", well, format!("{} {}{why}", clean_line(account), state.words()));
            }
        }
        Err(failure) => say("index", false, failure.message),
    }
    show(run, &findings);
    Ok(())
}

fn show(run: &Run, findings: &[Finding]) {
    if run.ui.json {
        let findings: Vec<_> = findings
            .iter()
            .map(|f| json!({ "what": f.what, "well": f.well, "detail": run.log.redact(&f.words) }))
            .collect();
        run.ui.document(&json!({ "schema": "llxprt.doctor.v1", "findings": findings }));
        return;
    }
    let width = findings.iter().map(|f| f.what.len()).max().unwrap_or(0);
    for Finding { what, well, words } in findings {
        let mark = if *well { " " } else { "!" };
        run.ui.data(&format!("{mark} {what:width$}  {}", run.log.redact(&clean_line(words))));
    }
    match findings.iter().filter(|f| !f.well).count() {
        0 => run.ui.note("Nothing stands in the way."),
        1 => run.ui.note("! marks what wants a look."),
        n => run.ui.note(&format!("! marks the {n} things that want a look.")),
    }
}
