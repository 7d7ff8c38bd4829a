//! What the screen says while a login waits.

use url::Url;

use super::Wanted;
use crate::auth::no_browser::Begin;
use crate::providers::OAuth;
use crate::run::Run;
use crate::ui::times;

/// Says how to get to the provider's page, with the link to copy.
pub(super) fn invite(
    run: &Run,
    wanted: &Wanted,
    oauth: &OAuth,
    begin: &Begin,
    link: &Url,
    port: Option<u16>,
    deadline: i64,
) {
    let until = times::at(run.now(), deadline);
    let who = match wanted.bucket == llxprt_commands::Bucket::default() {
        true => String::new(),
        false => format!(" as {}", wanted.bucket),
    };
    let (first, second) = match begin {
        Begin::Browser { .. } => (
            format!("Opening your browser to sign in to {}{who}.", wanted.provider),
            format!("If it did not open, use this link. It works until {until}."),
        ),
        Begin::Link { why, .. } | Begin::CannotAsk { why } => {
            (format!("No browser opened: {why}."), format!("Open this link on any device. It works until {until}."))
        }
    };
    let gap = if matches!(begin, Begin::Browser { .. }) { "" } else { "\n" };
    run.ui.say(&format!("{first}\n{gap}{second}\n"));
    run.ui.link(link);
    run.ui.say("");
    if unanswered(oauth, begin, port) {
        run.ui.say(
            "After you approve, the page may say it cannot connect. That is expected:\n\
             copy that page's whole address and paste it here.",
        );
    }
    // Whatever else spoke first: over SSH the browser is on the other machine.
    let remote = ["SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"]
        .iter()
        .any(|name| run.env.get(*name).is_some_and(|v| !v.is_empty()));
    if let (Begin::Link { .. }, Some(port), false) = (begin, port, oauth.redirect.ports.is_empty())
        && remote
    {
        run.ui.say("Or run this on your own machine first; then the page connects:\n");
        run.ui.whole(&format!("ssh -L {port}:127.0.0.1:{port} {}", here(run)));
        run.ui.say("");
    }
}

/// Tells whether nothing of ours answers where the browser ends, on another device or because the port is taken, and
/// no page of the provider shows a code either.
fn unanswered(oauth: &OAuth, begin: &Begin, port: Option<u16>) -> bool {
    oauth.paste_redirect.is_none() && (matches!(begin, Begin::Link { .. }) || port.is_none())
}

/// Says what the paste prompt is for, where that was not said above.
pub(super) fn answer(run: &Run, oauth: &OAuth, begin: &Begin, port: Option<u16>) {
    if !unanswered(oauth, begin, port) {
        let code = if oauth.paste_redirect.is_some() { "the code or " } else { "" };
        run.ui.say(&format!("Finish in the browser, or paste {code}the whole redirected address here."));
    }
}

/// The line above the paste prompt. A plain terminal gets nothing but words, so it can neither copy nor draw.
pub(super) fn menu(run: &Run, device: bool) -> String {
    let choices = [
        (!run.ui.plain, "c copy the link"),
        (!run.ui.plain, "qr QR code"),
        (device, "d short code instead"),
        (true, "Ctrl+C cancel"),
    ];
    let choices = choices.into_iter().filter_map(|(there, words)| there.then_some(words));
    // A choice stays in one piece: the next line takes it where this one is full.
    let mut lines: Vec<String> = Vec::new();
    for choice in choices {
        match lines.last_mut() {
            Some(line) if line.len() + 3 + choice.len() <= run.ui.width() => {
                line.push_str("   ");
                line.push_str(choice);
            }
            _ => lines.push(format!("  {choice}")),
        }
    }
    // Without the line editor there are no stars either.
    if !run.ui.editor {
        lines.push("  What you type here is not shown.".to_owned());
    }
    lines.join("\n")
}

/// The same person on this machine, as ssh wants it.
fn here(run: &Run) -> String {
    let user = run.env.get("USER").or_else(|| run.env.get("LOGNAME")).map_or("you", String::as_str);
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "this-machine" } else { host.trim() };
    format!("{user}@{host}")
}
