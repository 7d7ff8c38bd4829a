//! What a session begins with: two lines, and what stands in the way.

use crate::run::Run;

/// Says who is here and what to type first.
pub(super) fn greet(run: &Run) {
    if crate::ui::accessible(&run.env) {
        run.ui.note("Plain mode: ACCESSIBLE is set.");
    }
    let version = env!("CARGO_PKG_VERSION");
    let index = run.index();
    let ready = index.as_ref().map_or(0, |i| i.accounts.values().filter(|e| e.refused.is_none()).count());
    if ready == 0 {
        run.ui.note(&format!(
            "llxprt {version}. Sign in once, keep several accounts, switch when one reaches its limit."
        ));
        match run.flags.sandbox.as_deref() {
            // Of an index that cannot be read it is told below.
            None if index.is_ok() => run.ui.note("No accounts yet."),
            None => {}
            Some("") => {
                run.ui.note("Sandbox: pretend providers on this machine. No key of yours is read, nothing is kept.");
            }
            // Design 4.13: only the providers are others there.
            Some(_) => {
                run.ui.note("Sandbox: pretend providers that run already; folders, keys and environment are your own.")
            }
        }
        run.ui.note("");
        run.ui.note("  /auth              see the providers and sign in");
        if !run.sandbox {
            run.ui.note("  llxprt --sandbox   practise with pretend providers on this machine");
        }
        run.ui.note("  /help              all commands          Ctrl+D to leave");
        run.ui.note("");
    } else {
        let mark = if run.ui.plain { ", " } else { " · " };
        let accounts = if ready == 1 { "1 account".to_owned() } else { format!("{ready} accounts") };
        let store = index.as_ref().ok().and_then(|i| i.store.clone()).map_or(String::new(), |s| {
            // Of files the index tells why they are used, which is told once and not at every start.
            format!("{mark}vault: {}", if s.kind == "file" { "sealed files" } else { &s.detail })
        });
        let profile = crate::actions::loaded_profile(run).map_or(String::new(), |name| format!("{mark}profile {name}"));
        run.ui.note(&format!("llxprt {version}{profile}{mark}{accounts} ready{store}"));
    }
    if let Err(failure) = index {
        run.ui.tell(&failure);
    }
    if let Err(failure) = run.settings.whole() {
        run.ui.tell(&failure);
    }
    for bad in &run.registry.bad {
        run.ui.warn(&format!("{}. {} cannot be used until that is mended.", bad.message, bad.name));
    }
}
