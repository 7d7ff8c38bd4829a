//! Signing in where no browser opens: what decides that, and that nothing is started then.

use llxprt::sandbox::Endpoint;

use crate::session_steps::{WORK, accepted, at_prompt, begin, code, leave, param, paste_prompt, terminal};
use crate::support::pty::key;
use crate::support::{Browser, Home, children, write_script};

/// Variables, arguments, and the words.
type Reason = (&'static [(&'static str, &'static str)], &'static [&'static str], &'static str);

/// Why no browser opens: what is set, what is given, and the words.
const REASONS: &[Reason] = &[
    (&[], &["--nobrowser"], "--nobrowser"),
    (&[], &["--no-browser"], "--nobrowser"),
    (&[], &["--no-launch-browser"], "--nobrowser"),
    (&[], &["--set", "auth.noBrowser=true"], "auth.noBrowser is true (set in a --set flag)"),
    (&[("NO_BROWSER", "1")], &[], "NO_BROWSER is set"),
    (&[("BROWSER", "")], &[], "BROWSER is empty"),
    (&[("BROWSER", "echo")], &[], "BROWSER is \"echo\", which opens no window"),
    (&[("BROWSER", "/usr/bin/w3m")], &[], "BROWSER is \"w3m\", which opens no window"),
    (&[("CI", "true"), ("DISPLAY", ":0")], &[], "CI is set"),
    (&[("DEBIAN_FRONTEND", "noninteractive"), ("DISPLAY", ":0")], &[], "DEBIAN_FRONTEND is noninteractive"),
    (
        &[("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22"), ("DISPLAY", "localhost:10.0")],
        &[],
        "this is an SSH session (SSH_CONNECTION is set)",
    ),
    (&[("SSH_TTY", "/dev/pts/3"), ("DISPLAY", ":0")], &[], "this is an SSH session (SSH_TTY is set)"),
    (&[("SSH_CLIENT", "10.0.0.1 5 22"), ("DISPLAY", ":0")], &[], "this is an SSH session (SSH_CLIENT is set)"),
];

#[test]
fn the_screen_says_in_one_line_why_no_browser_opened_and_none_does() {
    for (variables, flags, words) in REASONS {
        let (_sandbox, home) = accepted();
        let browser = Browser::zero(&home);
        // A browser is there, under every name that a system might start one by.
        let folder = decoys(&home, &browser);
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
        let mut home = home.env("PATH", path);
        if flags.iter().any(|flag| flag.starts_with("--")) {
            home = home.env("BROWSER", browser.command());
        }
        for (name, value) in *variables {
            home = home.env(*name, *value);
        }
        let pty = terminal(&home, flags);
        begin(&pty, "/auth anthropic login");
        let screen = pty.screen();
        assert!(screen.contains(&format!("No browser opened: {words}.\n")), "{words}: {screen}");
        pty.keys(key::CTRL_C);
        at_prompt(&pty);
        assert!(!children::ever_had_one(pty.pid()), "{words}: a program was started");
        assert_eq!(leave(pty), 0);
    }
}

/// Puts programs by the names of the usual openers into a folder; each is the browser that must not be started.
fn decoys(home: &Home, browser: &Browser) -> std::path::PathBuf {
    let folder = home.path("home/bin");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["xdg-open", "gio", "gnome-open", "kde-open", "wslview", "sensible-browser", "x-www-browser", "firefox"]
    {
        write_script(&folder.join(name), &format!("#!/bin/sh\nexec '{}' \"$@\"\n", browser.command()));
    }
    folder
}

#[test]
fn the_witness_of_that_test_sees_a_browser_that_is_started_also_one_that_is_over() {
    for hangs in [true, false] {
        let (_sandbox, home) = accepted();
        let browser = if hangs { Browser::hanging(&home) } else { Browser::idle(&home) };
        let home = home.env("BROWSER", browser.command());
        let pty = terminal(&home, &[]);
        at_prompt(&pty);
        assert!(!children::ever_had_one(pty.pid()));
        pty.type_line("/auth anthropic login");
        browser.next();
        crate::support::until("the witness", || children::ever_had_one(pty.pid()).then_some(()));
        paste_prompt(&pty, 1);
        pty.keys(key::CTRL_C);
        assert_eq!(leave(pty), 0);
    }
}

#[test]
fn without_a_display_no_browser_opens_and_the_reason_is_told() {
    let (_sandbox, home) = accepted();
    let pty = terminal(&home, &[]);
    begin(&pty, "/auth anthropic login");
    // In a container the words are others.
    let screen = pty.screen();
    assert!(screen.contains("No browser opened: th") && screen.contains(" display"), "{screen}");
    pty.keys(key::CTRL_C);
    assert_eq!(leave(pty), 0);
}

#[test]
fn a_set_browser_is_used_over_ssh_and_the_flags_of_login_go_first() {
    for (flags, line) in [(&[][..], "/auth anthropic login"), (&["--nobrowser"][..], "/auth anthropic login --browser")]
    {
        let (_sandbox, home) = accepted();
        let browser = Browser::approving(&home, WORK);
        let home = home.env("BROWSER", browser.command()).env("SSH_TTY", "/dev/pts/3");
        let pty = terminal(&home, flags);
        at_prompt(&pty);
        pty.type_line(line);
        pty.wait_for("anthropic default (work@company.com) ›");
        assert_eq!(browser.opened().len(), 1);
        assert_eq!(leave(pty), 0);
    }
}

#[test]
fn browser_names_a_command_with_its_arguments() {
    let (_sandbox, home) = accepted();
    let browser = Browser::approving(&home, WORK);
    let home = home.env("NO_BROWSER", "1").flag(format!("--browser={}", browser.command()));
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    pty.wait_for("anthropic default (work@company.com) ›");
    assert_eq!(leave(pty), 0);
}

#[test]
fn the_setting_is_remembered_and_holds_against_every_browser() {
    let (_sandbox, home) = accepted();
    let browser = Browser::zero(&home);
    let home = home.env("BROWSER", browser.command()).env("DISPLAY", ":0");
    let pty = terminal(&home, &[]);
    assert_eq!(pty.ask("/set auth.noBrowser true"), "auth.noBrowser is true now, and stays so (settings.json).");
    assert_eq!(leave(pty), 0);
    let pty = terminal(&home, &[]);
    begin(&pty, "/auth anthropic login");
    let screen = pty.screen();
    assert!(screen.contains("No browser opened: auth.noBrowser is true (set in settings.json)."), "{screen}");
    pty.keys(key::CTRL_C);
    assert_eq!(leave(pty), 0);
}

#[test]
fn manual_mode_reads_like_this() {
    let (sandbox, home) = accepted();
    let browser = Browser::zero(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &["--nobrowser"]);
    let link = begin(&pty, "/auth anthropic login work@company.com");
    let screen = pty.screen().replace(&link, "[link]");
    let screen = screen.split_once("login work@company.com\n").unwrap().1.to_owned();
    insta::with_settings!({filters => vec![(r"until [^.]*\.", "until [time].")]}, {
        insta::assert_snapshot!(screen, @"
        Sign-in is now on for anthropic.
        No browser opened: --nobrowser.

        Open this link on any device. It works until [time].

        [link]

        Finish in the browser, or paste the code or the whole redirected address here.
          c copy the link   qr QR code   Ctrl+C cancel
        paste ›
        ");
    });
    pty.paste(&code(&link, WORK));
    pty.keys(key::ENTER);
    pty.wait_for("anthropic default (work@company.com) ›");
    // The code came by the provider's page, and the exchange says so (RFC 6749 4.1.3).
    let token = &sandbox.script("anthropic").requests_to(Endpoint::Token)[0].json().unwrap();
    assert_eq!(token["redirect_uri"], param(&link, "redirect_uri").unwrap());
    assert_eq!(leave(pty), 0);
}
