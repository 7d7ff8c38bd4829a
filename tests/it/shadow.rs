//! A key that keeps a sign-in from being used is said wherever a sign-in is dealt with, and elsewhere once a session.

use serde_json::json;

use crate::keys_steps::{PERSONAL, Sent, Stand};
use crate::support::Browser;

const KEY: &str = "sk-ant-api03-canary-that-shadows-9k2L";
const SAID: &str = "ANTHROPIC_API_KEY is set, and a key wins over a sign-in: requests to anthropic are billed to it.";

fn stand() -> Stand {
    let stand = Stand::with(json!({}));
    stand.key(KEY);
    stand
}

/// How often a session says it, when the variable holds a key.
fn said(stand: &Stand, lines: &[&str]) -> usize {
    let run = stand.home.typed(&[]).env("ANTHROPIC_API_KEY", KEY);
    let done = run.stdin(lines.join("\n") + "\n").done().ok();
    let again = done.stderr.matches("billed to it.").count();
    assert_eq!(done.stderr.matches(SAID).count(), again, "{done}");
    again
}

#[test]
fn a_sign_in_that_a_key_shadows_says_so_and_not_that_it_is_used() {
    let stand = stand();
    let browser = Browser::approving(&stand.home, PERSONAL);
    let login = |key: &str, lines: &str| {
        let run = stand.home.typed(&[]).env("ANTHROPIC_API_KEY", key).env("BROWSER", browser.command());
        run.stdin(lines.to_owned()).done().ok()
    };
    let done = login(KEY, "/auth anthropic login\nhello\n");
    let after = done.stderr.split("Signed in to anthropic").nth(1).unwrap();
    assert!(after.contains(&format!("{SAID}\nTo use the sign-in instead: /set authOnly true")), "{done}");
    assert!(!after.contains("Used from now on"), "{done}");
    // The prompt that follows need not say it once more.
    assert_eq!(after.matches(SAID).count(), 1, "{done}");
    assert_eq!(stand.sent(), [Sent::Key(KEY.into())]);
    let done = login("", "/auth anthropic login --force\nhello\n");
    assert!(done.stderr.contains("Used from now on in this session.") && !done.stderr.contains("billed"), "{done}");
    assert_eq!(stand.sent()[1], Sent::Token);
    // A login that stays as it is says it too.
    let done = login(KEY, "/auth anthropic login\n");
    assert!(done.stderr.contains("Nothing changed.") && done.stderr.contains(SAID), "{done}");
    // In the shell it is a command line.
    let done = stand.home.typed(&["auth", "anthropic", "login", "two"]).env("ANTHROPIC_API_KEY", KEY);
    let done = done.env("BROWSER", browser.command()).done().ok();
    assert!(done.stderr.contains("To use the sign-in instead: llxprt set authOnly true"), "{done}");
}

#[test]
fn each_command_on_sign_ins_says_it_and_prompts_once_a_session() {
    let stand = stand();
    stand.sign_in();
    let _ = stand.home.run(&["profile", "save", "model", "mine", "default"]).ok();
    for line in [
        "/auth",
        "/auth anthropic",
        "/auth anthropic status",
        "/auth anthropic enable",
        "/auth anthropic switch default",
        "/profile save model other default",
        "/profile load mine",
    ] {
        assert_eq!(said(&stand, &[line]), 1, "{line}");
        assert_eq!(said(&stand, &[line, "hello", "again"]), 1, "{line}, then prompts");
        assert_eq!(said(&stand, &["hello", "again", line]), 2, "prompts, then {line}");
        assert_eq!(said(&stand, &[line, line]), 2, "{line}, twice");
    }
    assert_eq!(said(&stand, &["one", "two", "three", "/set", "/stats", "/key list"]), 1);
    // Where no sign-in would be used, nothing is kept from it.
    let _ = stand.home.run(&["auth", "anthropic", "disable"]).ok();
    assert_eq!(said(&stand, &["/auth", "/profile load mine", "hello"]), 0);
    let _ = stand.home.run(&["auth", "anthropic", "enable"]).exit(0);
    let _ = stand.home.run(&["set", "authOnly", "true"]).ok();
    assert_eq!(said(&stand, &["/auth", "/profile load mine", "hello"]), 0);
}

#[test]
fn a_login_that_is_kept_while_sign_ins_are_off_says_how_to_turn_them_on() {
    let stand = stand();
    stand.sign_in();
    let _ = stand.home.run(&["auth", "anthropic", "disable"]).ok();
    let done = stand.session(&["/auth anthropic login", "/auth anthropic why", "/auth anthropic enable", "hello"]).ok();
    assert!(done.stderr.contains("Sign-in is off for anthropic. To turn it on: /auth anthropic enable"), "{done}");
    assert!(done.stdout.contains("off; kept: default"), "{done}");
    assert_eq!(stand.sent(), [Sent::Token]);
}

#[test]
fn a_request_without_authority_names_what_would_help() {
    let stand = Stand::with(json!({ "authOnly": true, "oauthEnabledProviders": { "anthropic": true } }));
    let done = stand.home.run(&["-p", "hello"]).exit(4);
    assert!(done.stderr.contains("llxprt auth anthropic login") && !done.stderr.contains("Or set"), "{done}");
    stand.settings(json!({ "oauthEnabledProviders": { "anthropic": true } }));
    let done = stand.home.run(&["-p", "hello"]).exit(4);
    assert!(done.stderr.contains("Or set ANTHROPIC_API_KEY."), "{done}");
    assert!(!done.stderr.contains("W-RESTRICTED"), "nothing begins, so nothing is asked\n{done}");
}
