//! OpenRouter: a sign-in that hands out a key, without a client, without state, without renewal.

use llxprt::sandbox::{Answer, Endpoint};
use serde_json::json;

use crate::provider_steps::{PERSONAL, Stand, link};
use crate::session_steps::{approve, fetch, paste_prompt, terminal};
use crate::support::Browser;
use crate::support::pty::key;

#[test]
fn from_enable_to_logout_in_one_session() {
    let stand = Stand::new("openrouter");
    let shown = stand.whole_way(false);
    assert!(
        shown.contains(
            "Signed in to openrouter as default (the provider does not tell who it is). It does not run out."
        ),
        "{shown}"
    );
    assert!(
        shown.contains("removed here; openrouter cannot revoke, so its key works until you delete it there"),
        "{shown}"
    );

    let asked = &stand.script.requests_to(Endpoint::Authorize)[0];
    let names: Vec<String> = asked.params().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["callback_url", "code_challenge", "code_challenge_method"]);
    let exchanged = stand.script.requests_to(Endpoint::Token)[0].json().unwrap();
    let members: Vec<&String> = exchanged.as_object().unwrap().keys().collect();
    assert_eq!(members, ["code", "code_verifier", "code_challenge_method"]);
    assert_eq!(stand.script.count(Endpoint::Refresh), 0);
}

#[test]
fn the_key_of_a_login_does_not_run_out_and_when_refused_asks_for_a_new_one() {
    let stand = Stand::short("openrouter");
    let _ = stand.auth(&["login"]).ok();
    let json = stand.auth(&["--json"]).ok().json();
    let bucket = &json["buckets"][0];
    assert_eq!(
        (&bucket["state"], &bucket["expires_at"], &bucket["refreshable"]),
        (&json!("ready"), &json!(null), &json!(false))
    );
    for _ in 0..2 {
        assert_eq!(stand.say("hello").ok().stdout, "hello\n");
    }
    stand.script.revoke(PERSONAL);
    let done = stand.say("hello").exit(4);
    assert!(done.stderr.contains("default needs a new sign-in: User not found."), "{done}");
    assert!(!done.stderr.contains("renewal") && !done.stderr.contains("ran out"), "{done}");
    assert!(done.stderr.contains("llxprt auth openrouter login"), "{done}");
    let log = stand.home.run(&["log"]).ok().stdout;
    assert_eq!((log.matches("User not found").count(), log.matches("openrouter:default").count()), (1, 2), "{log}");
}

#[test]
fn a1_the_state_is_the_end_of_the_path_and_nothing_else_is_an_answer() {
    let stand = Stand::new("openrouter");
    let idle = Browser::idle(&stand.home);
    let mut login = stand.home.command();
    login.args(["auth", "openrouter", "login"]).env("BROWSER", idle.command()).stderr(std::process::Stdio::null());
    let mut login = login.spawn().unwrap();
    let url = url::Url::parse(&idle.next()).unwrap();
    let callback = url.query_pairs().find(|(n, _)| n == "callback_url").unwrap().1.into_owned();
    let (start, state) = callback.rsplit_once('/').unwrap();
    assert_eq!(state.len(), 43);
    for forged in [
        format!("{start}?code=evil"),
        format!("{start}/?code=evil"),
        format!("{start}/{}?code=evil", "A".repeat(43)),
        format!("{callback}/more?code=evil"),
        format!("{start}?state={state}&code=evil"),
    ] {
        assert_eq!(fetch(&forged).0, 404, "{forged}");
    }
    assert_eq!(stand.script.count(Endpoint::Token), 0);
    let address = approve(url.as_str(), PERSONAL);
    assert_eq!(fetch(&address).0, 200);
    assert!(login.wait().unwrap().success());
}

#[test]
fn the_whole_address_is_pasted_where_no_browser_is() {
    let stand = Stand::new("openrouter");
    let pty = terminal(&stand.home, &["--nobrowser", "auth", "openrouter", "login", "me"]);
    paste_prompt(&pty, 1);
    let address = approve(&link(&pty, "/auth?callback_url="), PERSONAL);
    let code = address.split("code=").nth(1).unwrap();
    pty.type_line(code);
    pty.wait_for("E-PASTE-HALF");
    paste_prompt(&pty, 2);
    let foreign = address.replacen("/callback/", "/callback/x", 1);
    pty.paste(&foreign);
    pty.keys(key::ENTER);
    pty.wait_for("E-STATE");
    paste_prompt(&pty, 3);
    pty.paste(&address);
    pty.keys(key::ENTER);
    pty.wait_for("Signed in to openrouter as me");
    assert_eq!(stand.script.count(Endpoint::Token), 1);
}

#[test]
fn an_answer_without_a_key_is_no_login() {
    let stand = Stand::new("openrouter");
    for (answer, words) in [
        (Answer::json(200, json!({"user_id": "u"})), "key is missing"),
        (Answer::json(200, json!({"key": ""})), "key is missing"),
        (Answer::json(200, json!({"key": 7})), "key is missing"),
        (Answer::json(403, json!({"error": {"message": "Code already used", "code": 403}})), "Code already used"),
        (
            Answer::redirect("https://evil.example/"),
            "redirects the token request to https://evil.example/; it was not followed",
        ),
        (Answer::html(200, "<html>portal</html>"), "something that is no token answer"),
    ] {
        stand.script.answer(Endpoint::Token, answer);
        let done = stand.auth(&["login"]).exit(1);
        assert!(done.stderr.contains(words) && done.stderr.contains("E-LOGIN"), "{done}");
    }
    assert_eq!(stand.script.count(Endpoint::Profile), 0);
}

#[test]
fn a_key_of_the_users_own_answers_too() {
    let stand = Stand::new("openrouter");
    let key = stand.ready("api_key");
    let done =
        stand.home.typed(&["--provider", "openrouter", "-p", "hello"]).env("OPENROUTER_API_KEY", &key).done().ok();
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("hello\n", ""));
    stand.home.assert_clean(&[&key]);
}
