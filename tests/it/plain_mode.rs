//! Plain mode and colours: ASCII marks, no escapes where none are wanted, and all of them where they are.

use crate::session_steps::{PERSONAL, WORK, accepted, sign_in, signed_in, stand};
use crate::support::Home;

#[test]
fn accessible_says_in_its_first_line_why_the_screen_is_plain() {
    let (_sandbox, home) = stand();
    let home = home.env("ACCESSIBLE", "1");
    let pty = home.pty(&[]).prompt(">");
    pty.wait_prompt();
    assert!(pty.screen().starts_with("Plain mode: ACCESSIBLE is set.\nllxprt "), "{}", pty.screen());
    let one_shot = home.run(&["auth"]).ok();
    assert!(!one_shot.stderr.contains("Plain mode"), "{one_shot}");
}

#[test]
fn marks_are_ascii_in_plain_mode() {
    let (_sandbox, home) = signed_in(WORK);
    let _ = home.run_with_stdin(&["key", "save", "openai"], "sk-proj-abcdefghijkl9k2L\n").ok();
    let home = home.env("TERM", "dumb");
    let pty = home.pty(&[]).prompt(">");
    pty.wait_prompt();
    assert!(pty.screen().contains(", 1 account ready, vault: sealed files\n"), "{}", pty.screen());
    for line in ["/help", "/key list", "/provider openai", "/auth openai why", "/profile", "/stats", "/auth"] {
        let _ = pty.ask(line);
    }
    assert!(pty.transcript().contains("openai key ...9k2L>"), "{}", pty.transcript());
    let transcript = pty.transcript();
    let odd: String = transcript.chars().filter(|c| !c.is_ascii()).collect();
    assert!(odd.is_empty(), "{odd:?} in\n{transcript}");
    assert!(!pty.raw().contains(&0x1b));
}

#[test]
fn colours_come_always_or_never_as_they_were_wished() {
    let (_sandbox, home) = signed_in(WORK);
    let coloured = |words: &[&str]| home.run(words).to_string().contains('\x1b');
    assert!(coloured(&["auth", "--color", "always"]));
    assert!(!coloured(&["auth"]) && !coloured(&["auth", "--color", "never"]));
    for wish in
        [&["nope", "--color", "always"][..], &["--color=always", "nope"], &["--no-color", "--color=always", "nope"]]
    {
        let done = home.run(wish).exit(2);
        assert!(done.stderr.ends_with("  \x1b[2mE-USAGE\x1b[0m\n"), "{done:?}");
    }
    assert!(!coloured(&["nope"]) && !coloured(&["nope", "--color", "always", "--no-color"]));
}

#[test]
fn a_joined_sandbox_does_not_claim_to_leave_your_own_things_alone() {
    let (_sandbox, home) = stand();
    let pty = home.pty(&[]);
    pty.wait_prompt();
    let line = "Sandbox: pretend providers that run already; folders, keys and environment are your own.";
    assert!(pty.screen().contains(line) && !pty.screen().contains("nothing is kept"), "{}", pty.screen());
    let pty = Home::new().pty(&["--sandbox"]);
    pty.wait_prompt();
    assert!(pty.screen().contains("No key of yours is read, nothing is kept."), "{}", pty.screen());
}

#[test]
fn a_login_says_who_answers_and_with_whom_limits_are_shared() {
    let (_sandbox, home) = accepted();
    for account in ["a", "b"] {
        sign_in(&home, &[account], PERSONAL);
    }
    let browser = crate::support::Browser::approving(&home, PERSONAL);
    let home = home.env("BROWSER", browser.command());
    let done = home.run(&["auth", "anthropic", "login", "c"]).ok();
    assert!(done.stderr.ends_with("c, a and b are one identity: their limits are shared.\n"), "{done}");
    let pty = home.pty_of(50, 100, &[]);
    pty.wait_prompt();
    pty.type_line("/auth gemini login");
    pty.wait_for("anthropic answers now. To change that: /provider gemini");
    assert!(!pty.screen().contains("Used from now on"), "{}", pty.screen());
}

#[test]
fn the_log_has_the_time_of_the_place_and_a_document_that_of_utc() {
    let (_sandbox, home) = signed_in(WORK);
    let first = |zone: &str| {
        let done = home.typed(&["log"]).env("TZ", zone).done().ok();
        done.stdout.lines().next().unwrap()[..19].to_owned()
    };
    let [utc, east] = ["UTC", "UTC-5"].map(first);
    assert_eq!((utc.len(), &utc[4..5], &utc[10..11], &utc[16..]), (19, "-", " ", &east[16..]));
    assert_ne!(utc[11..13], east[11..13]);
    assert!(home.read("log/llxprt.log").starts_with(&utc.replace(' ', "T")));
}
