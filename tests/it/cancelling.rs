//! The end of a login without an answer: cancelled, out of input, out of time. Nothing of it stays behind.

use std::time::{Duration, Instant};

use llxprt::sandbox::Endpoint;

use crate::session_steps::{
    PASTE, PERSONAL, WORK, accepted, approve, at_prompt, begin, code, fetch, leave, link, paste_prompt, port_is_free,
    port_of, sealed, terminal,
};
use crate::support::Browser;
use crate::support::pty::key;

#[test]
fn the_end_of_input_leaves_the_callback_waiting_and_ctrl_c_still_cancels() {
    let (_sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    begin(&pty, "/auth anthropic login");
    pty.keys(key::CTRL_D);
    pty.wait_for("Waiting for the browser. Ctrl+C cancels.");
    assert_eq!(fetch(&approve(&browser.next(), WORK)).0, 200);
    pty.wait_for("Signed in to anthropic as work@company.com");

    at_prompt(&pty);
    pty.type_line("/auth anthropic login other");
    let opened = browser.next();
    paste_prompt(&pty, 2);
    pty.keys(key::CTRL_D);
    pty.wait_for_count("Waiting for the browser. Ctrl+C cancels.", 2);
    pty.keys(key::CTRL_C);
    pty.wait_for("Sign-in cancelled.");
    port_is_free(port_of(&opened));
    assert_eq!(leave(pty), 0);
}

#[test]
fn the_end_of_input_ends_a_login_that_nothing_else_can_answer() {
    let (_sandbox, home) = accepted();
    let pty = terminal(&home, &["--nobrowser"]);
    begin(&pty, "/auth anthropic login");
    pty.keys(key::CTRL_D);
    pty.wait_for("The input ended before the sign-in was answered. Nothing changed.");
    assert_eq!(leave(pty), 0);
}

#[test]
fn cancelling_frees_port_and_prompt_quickly_and_a_new_login_can_start_at_once() {
    let (_sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    let mut fastest = [Duration::MAX; 4];
    for (times, (way, keys)) in
        [key::CTRL_C, key::ESCAPE, "/quit\r", "/exit\r"].into_iter().enumerate().cycle().take(16).enumerate()
    {
        at_prompt(&pty);
        pty.type_line("/auth anthropic login");
        let opened = browser.next();
        paste_prompt(&pty, times + 1);
        let begin = Instant::now();
        pty.keys(keys);
        pty.wait_for_count("Sign-in cancelled.", times + 1);
        drop(std::net::TcpListener::bind(("127.0.0.1", port_of(&opened))).unwrap());
        at_prompt(&pty);
        fastest[way] = fastest[way].min(begin.elapsed());
    }
    // The fastest of four rounds: other tests run beside this one.
    assert!(fastest.iter().all(|took| *took < Duration::from_millis(100)), "{fastest:?}");
    // `/quit` at the paste prompt ends the login and not the session.
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    assert_eq!(fetch(&approve(&browser.next(), WORK)).0, 200);
    pty.wait_for("Signed in to anthropic as work@company.com");
    assert_eq!(leave(pty), 0);
    assert_eq!(sealed(&home), ["default.sealed"]);
}

#[test]
fn a_login_that_waits_or_was_cancelled_holds_no_lock() {
    let (_sandbox, home) = crate::session_steps::signed_in(WORK);
    let pty = terminal(&home, &["--nobrowser"]);
    begin(&pty, "/auth anthropic login --force");
    // Another process does as it likes with the very account meanwhile.
    let _ = home.typed(&["auth", "anthropic", "logout"]).limit(Duration::from_secs(10)).done().ok();
    assert_eq!(sealed(&home), Vec::<String>::new());
    pty.keys(key::CTRL_C);
    pty.wait_for("Sign-in cancelled.");
    crate::session_steps::sign_in(&home, &[], PERSONAL);
    assert_eq!(sealed(&home), ["default.sealed"]);
    pty.wait_until("the prompt", |screen| screen.lines().last().is_some_and(|line| line.ends_with('›')));
    pty.keys(key::CTRL_D);
}

#[test]
fn the_prompt_that_asked_for_the_login_is_back_on_the_line_however_it_was_cancelled() {
    let (sandbox, home) = accepted();
    let pty = terminal(&home, &["--nobrowser"]);
    pty.ask("/auth anthropic enable");
    at_prompt(&pty);
    pty.type_line("Write the tests.");
    for (times, keys) in [key::CTRL_C, key::ESCAPE, "/quit\r", "/exit\r", key::CTRL_D].into_iter().enumerate() {
        paste_prompt(&pty, times + 1);
        // What was half typed at the paste prompt belongs to the login and goes with it.
        if times < 2 {
            pty.keys("half-a-code");
            pty.wait_until("the stars", |screen| screen.ends_with("***********"));
        }
        pty.keys(keys);
        pty.wait_until("the prompt's text", |s| s.ends_with("anthropic (sign in on first use) › Write the tests."));
        pty.keys(key::ENTER);
    }
    paste_prompt(&pty, 6);
    pty.paste(&code(&link(&pty), WORK));
    pty.keys(key::ENTER);
    pty.wait_for("Sending your prompt.\n\nWrite the tests.");
    assert_eq!(leave(pty), 0);
    assert_eq!(sandbox.script("anthropic").count(Endpoint::Chat), 1);
}

#[test]
fn nobody_answers_in_time_and_what_comes_later_changes_nothing() {
    let (sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    let _ = pty.ask("/set auth.waitSeconds 1");
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    let opened = browser.next();
    let late = approve(&opened, WORK);
    pty.wait_for("Nobody finished the sign-in within 1 s. Nothing changed.\n  /auth anthropic login  E-TIMEOUT");
    at_prompt(&pty);
    assert!(!pty.screen().contains(PASTE), "{}", pty.screen());
    port_is_free(port_of(&opened));
    // Too late in the browser: nobody is there.
    assert_eq!(fetch(&late).0, 0);
    let _ = pty.ask("/set auth.waitSeconds 600");
    // Too late in the terminal: as a line it goes nowhere, and the next login knows it for an old one.
    assert!(pty.ask(&late).contains("It was sent nowhere."));
    pty.type_line("/auth anthropic login");
    pty.wait_until("the paste prompt", |screen| screen.lines().last() == Some(PASTE));
    pty.paste(&late);
    pty.keys(key::ENTER);
    pty.wait_for("That answer belongs to an earlier sign-in.");
    pty.wait_until("the paste prompt", |screen| screen.lines().last() == Some(PASTE));
    pty.keys(key::CTRL_C);
    assert_eq!(leave(pty), 0);
    let script = sandbox.script("anthropic");
    assert_eq!((script.count(Endpoint::Token), script.count(Endpoint::Chat)), (0, 0));
    assert_eq!(sealed(&home), Vec::<String>::new());
}

#[test]
fn out_of_time_in_a_pipe_is_status_4() {
    let (_sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let done = home.run(&["--set", "auth.waitSeconds=1", "auth", "anthropic", "login"]).exit(4);
    assert!(done.stderr.ends_with("Nothing changed.\n  llxprt auth anthropic login  E-TIMEOUT\n"), "{done}");
    port_is_free(port_of(&browser.next()));
}

#[test]
fn a_login_waits_ten_minutes_unless_told_otherwise() {
    let (_sandbox, home) = accepted();
    let now = || chrono::Utc::now().timestamp();
    let pty = terminal(&home, &["--nobrowser"]);
    let before = now();
    begin(&pty, "/auth anthropic login");
    let screen = pty.screen();
    let shown = screen.split_once("It works until ").unwrap().1.split_once('.').unwrap().0;
    let minutes = (before..=now()).map(|t| chrono::DateTime::from_timestamp(t + 600, 0).unwrap());
    assert!(minutes.map(|t| t.format("%H:%M").to_string()).any(|t| shown.ends_with(&t)), "{shown}");
    pty.keys(key::CTRL_C);
    assert_eq!(leave(pty), 0);
}
