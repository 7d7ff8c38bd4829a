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
    // Nothing of ours answers where the browser ends: on another device, or because the port is taken.
    let unanswered = matches!(begin, Begin::Link { .. }) || port.is_none();
    if unanswered && oauth.paste_redirect.is_none() {
        run.ui.say(
            "After you approve, the page may say it cannot connect. That is expected:\n\
             copy that page's whole address and paste it here.",
        );
    }
    if let (Begin::Link { why, .. }, Some(port), false) = (begin, port, oauth.redirect.ports.is_empty())
        && why.contains("SSH")
    {
        run.ui.say("Or run this on your own machine first; then the page connects:\n");
        run.ui.whole(&format!("ssh -L {port}:127.0.0.1:{port} {}", here(run)));
        run.ui.say("");
    }
}

/// The line above the paste prompt.
pub(super) fn menu(device: bool) -> String {
    let device = if device { "   d short code instead" } else { "" };
    format!("  c copy the link   qr QR code{device}   Ctrl+C cancel")
}

/// The same person on this machine, as ssh wants it.
fn here(run: &Run) -> String {
    let user = run.env.get("USER").or_else(|| run.env.get("LOGNAME")).map_or("you", String::as_str);
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "this-machine" } else { host.trim() };
    format!("{user}@{host}")
}
