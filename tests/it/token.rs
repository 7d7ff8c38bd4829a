//! `llxprt auth P token` and what other processes do to a running session's accounts.

use llxprt::sandbox::Endpoint;

use crate::faults_stage::{PERSONAL, Stage, WORK};
use crate::support::Pty;

#[test]
fn a_pipe_gets_the_token_and_nothing_else() {
    let stage = Stage::signed_in();
    let token = stage.stored(WORK)["access_token"].as_str().unwrap().to_owned();
    let done = stage.token(WORK).ok();
    assert_eq!((done.stdout, done.stderr), (format!("{token}\n"), String::new()));
    let one = stage.home.typed(&["auth", "anthropic", "token"]).reveals().done().ok();
    assert_eq!(one.stdout.trim(), token, "the only account needs no name");
    let json = stage.home.typed(&["auth", "anthropic", "token", WORK, "--json"]).reveals().done().ok().json();
    assert_eq!(json["schema"], "llxprt.auth.token.v1");
    assert_eq!((&json["access_token"], &json["token_type"]), (&token.into(), &"Bearer".into()));
    assert_eq!((&json["bucket"], &json["identity"]), (&WORK.into(), &WORK.into()));
    assert!(json["expires_at"].as_str().unwrap().ends_with('Z'), "{json}");
}

#[test]
fn a_terminal_gets_it_only_with_reveal() {
    let stage = Stage::signed_in();
    let token = stage.stored(WORK)["access_token"].as_str().unwrap().to_owned();
    for words in [&["auth", "anthropic", "token", WORK][..], &["auth", "anthropic", "token", WORK, "--json"]] {
        let mut pty = stage.home.pty(words);
        assert_eq!(pty.exit_status(), 2, "{}", pty.screen());
        assert!(pty.screen().contains("E-SECRET") || pty.screen().contains("Refusing"), "{}", pty.screen());
        assert!(!pty.transcript().contains(&token[..40]));
    }
    let mut pty = stage.home.pty(&["auth", "anthropic", "token", WORK, "--reveal"]);
    assert_eq!(pty.exit_status(), 0);
    assert!(pty.transcript().contains(&token), "{}", pty.transcript());
    assert_eq!(stage.refreshes(), 0);
}

#[test]
fn an_account_that_nobody_signed_in_to_ends_with_4_and_the_command() {
    let stage = Stage::signed_in();
    let done = stage.token("nobody@example.com").exit(4);
    assert_eq!(done.stdout, "");
    assert!(done.stderr.contains("llxprt auth anthropic login nobody@example.com"), "{done}");
    let json = stage.home.run(&["auth", "anthropic", "token", "nobody@example.com", "--json"]).exit(4).json();
    assert_eq!((&json["code"], &json["exit"]), (&"E-NEED-LOGIN".into(), &4.into()));
    assert_eq!(stage.script().count(Endpoint::Refresh), 0);
}

fn session(stage: &Stage) -> Pty {
    let pty = stage.home.pty(&[]);
    pty.wait_prompt();
    pty
}

#[test]
fn a_running_session_sees_logins_renewals_and_logouts_of_another_process() {
    let stage = Stage::signed_in();
    let pty = session(&stage);
    assert!(pty.ask("with the first token").contains("with the first token"));

    let _ = stage.login(PERSONAL, &[]).ok();
    assert!(pty.ask("/auth").contains(PERSONAL), "a login is seen");

    stage.leave_seconds(WORK, -10);
    let renewed = stage.token(WORK).ok().stdout.trim().to_owned();
    assert!(pty.ask("with the renewed token").contains("with the renewed token"));
    let chats = stage.script().requests_to(Endpoint::Chat);
    assert_eq!(chats.last().unwrap().bearer(), Some(renewed.as_str()));
    assert_eq!(stage.refreshes(), 1, "the session took what the other process renewed");

    let _ = stage.home.run(&["auth", "anthropic", "logout", PERSONAL]).ok();
    assert!(!pty.ask("/auth").contains(PERSONAL), "a logout is seen");
}
