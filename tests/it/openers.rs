//! What opens the browser may be missing, fail, hang or lie (F8): the link and the paste prompt are there at once.

use std::time::{Duration, Instant};

use crate::session_steps::{PASTE, WORK, accepted, at_prompt, begin, code, leave, link, terminal};
use crate::support::pty::key;
use crate::support::{Browser, write_script};

#[test]
fn f8_a_browser_that_is_missing_fails_hangs_or_lies_costs_no_waiting() {
    for kind in ["missing", "failing", "hanging", "lying"] {
        let (_sandbox, home) = accepted();
        let browser = match kind {
            "failing" => Some(Browser::failing(&home)),
            "hanging" => Some(Browser::hanging(&home)),
            "lying" => Some(Browser::idle(&home)),
            _ => None,
        };
        let command = browser.as_ref().map_or("/nowhere/no-such-browser".to_owned(), |b| b.command().to_owned());
        let home = home.env("BROWSER", command);
        let pty = terminal(&home, &[]);
        at_prompt(&pty);
        let begin = Instant::now();
        pty.type_line("/auth anthropic login");
        pty.wait_for(PASTE);
        assert!(begin.elapsed() < Duration::from_secs(3), "{kind}: {:?}", begin.elapsed());
        match kind {
            "missing" => pty.wait_for("Your browser did not open: /nowhere/no-such-browser could not be started"),
            "failing" => pty.wait_for("Your browser did not open:"),
            _ => {}
        }
        if kind == "missing" || kind == "failing" {
            assert!(pty.screen().replace('\n', " ").contains("Use the link."), "{}", pty.screen());
        }
        pty.wait_until("the paste prompt", |screen| screen.lines().last() == Some(PASTE));
        pty.paste(&code(&link(&pty), WORK));
        pty.keys(key::ENTER);
        pty.wait_for("Signed in to anthropic as work@company.com");
        assert_eq!(leave(pty), 0);
    }
}

#[test]
fn f8_what_was_half_typed_stays_when_the_browser_fails_meanwhile() {
    let (_sandbox, home) = accepted();
    let folder = home.path("work");
    let script = folder.join("slow");
    write_script(&script, "#!/bin/sh\nwhile [ ! -e go ]; do sleep 0.02; done\nexit 1\n");
    let home = home.env("BROWSER", script.display().to_string());
    let pty = terminal(&home, &[]);
    let link = begin(&pty, "/auth anthropic login");
    let code = code(&link, WORK);
    let (first, second) = code.split_at(20);
    pty.keys(first);
    pty.wait_for(&format!("{PASTE} {}", "*".repeat(20)));
    std::fs::write(folder.join("go"), "").unwrap();
    pty.wait_for("Your browser did not open:");
    pty.wait_until("the half of the code", |screen| screen.ends_with(&format!("{PASTE} {}", "*".repeat(20))));
    pty.keys(second);
    pty.keys(key::ENTER);
    pty.wait_for("Signed in to anthropic as work@company.com");
    assert_eq!(leave(pty), 0);
}

#[test]
fn f8_a_system_that_opens_links_with_nothing_says_so_beside_the_paste_prompt() {
    let (_sandbox, home) = accepted();
    // A display, and not one program that could open a link.
    let home = home.env("DISPLAY", ":0").env("PATH", "/nowhere");
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    pty.wait_for("Opening your browser to sign in to anthropic.");
    pty.wait_for("Your browser did not open: ");
    pty.wait_until("the paste prompt", |screen| screen.lines().last() == Some(PASTE));
    pty.paste(&code(&link(&pty), WORK));
    pty.keys(key::ENTER);
    pty.wait_for("Signed in to anthropic as work@company.com");
    assert_eq!(leave(pty), 0);
}

#[test]
fn f8_the_second_command_of_the_list_opens_where_the_first_is_missing() {
    let (_sandbox, home) = accepted();
    let browser = Browser::approving(&home, WORK);
    let home = home.env("BROWSER", format!("/nowhere/no-such-browser:{} %s", browser.command()));
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    pty.wait_for("anthropic default (work@company.com) ›");
    assert!(!pty.screen().contains("Your browser did not open"), "{}", pty.screen());
    assert_eq!(leave(pty), 0);
}
