//! Qwen: a login that its owner has ended, by short code, kept because company gateways speak the same; and keys.

use llxprt::sandbox::{Answer, End, Endpoint};
use serde_json::json;

use crate::provider_steps::{Stand, after, wait_words};
use crate::session_steps::{PASTE, QUESTION, terminal};
use crate::support::pty::key;
use crate::support::{Browser, DEADLINE};

const SINCE: &str = "2026-04-15";

fn stand() -> Stand {
    Stand::new("qwen").accepted(SINCE)
}

#[test]
fn from_enable_to_logout_in_one_session() {
    let stand = Stand::new("qwen");
    let shown = stand.whole_way(true);
    assert!(
        shown.contains("Qwen ended this sign-in on 2026-04-15: its free tier was discontinued. W-RETIRED"),
        "{shown}"
    );
    assert!(shown.contains("Opening your browser to sign in to qwen."), "{shown}");
    assert!(shown.contains("Signed in to qwen as default (the provider does not tell who it is)."), "{shown}");
    assert!(shown.contains("removed here; qwen cannot revoke, so its token may work until"), "{shown}");
    assert!(!shown.contains(PASTE), "{shown}");
    // The page with the code in it opened by itself; the verifying call was the shortest prompt.
    let opened = stand.browser.next();
    assert!(opened.contains("user_code=") && opened.contains("client="), "{opened}");
    let first = &stand.prompts()[0];
    assert_eq!((&first["max_tokens"], first.get("stream")), (&json!(1), None));
    for poll in stand.script.requests_to(Endpoint::Poll) {
        assert!(poll.body.contains("code_verifier="), "{}", poll.body);
    }
}

#[test]
fn without_a_terminal_a_retired_login_does_not_begin() {
    let stand = Stand::new("qwen");
    for words in [&["login"][..], &["login", "--device"], &["login", "--nobrowser"]] {
        let done = stand.auth(words).exit(1);
        assert!(done.stderr.contains("E-RETIRED") && done.stderr.contains("  llxprt key save qwen\n"), "{done}");
    }
    assert_eq!(stand.script.requests(), []);
}

#[test]
fn a_token_that_runs_out_is_renewed_without_a_word() {
    for keeps in [false, true] {
        let stand = Stand::short("qwen").accepted(SINCE);
        stand.script.vary(|v| v.keep_refresh = keeps);
        let _ = stand.auth(&["login"]).ok();
        for turn in 1..=2 {
            let done = stand.say("hello").ok();
            assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("hello\n", ""));
            assert_eq!(stand.script.count(Endpoint::Refresh), turn);
        }
        stand.assert_clean();
    }
}

#[test]
fn the_link_the_code_and_the_choices_stand_there_where_no_browser_is() {
    let stand = stand();
    let mut pty = terminal(&stand.home, &["--nobrowser", "auth", "qwen", "login", "me"]);
    pty.wait_for("waiting ›");
    let screen = pty.screen();
    let (page, code) = (after(&screen, "On any device open "), after(&screen, "and check the code "));
    assert!(page.ends_with(&format!("/qwen/authorize?user_code={code}&client=qwen-code")), "{page}");
    assert!(screen.contains("No browser opened: --nobrowser.") && screen.contains("The code works until"), "{screen}");
    pty.type_line("qr");
    pty.wait_until("a QR code", |screen| screen.contains('█') || screen.contains('▄'));
    let waiting = || pty.wait_until("the menu", |screen| screen.lines().last() == Some("waiting ›"));
    waiting();
    pty.type_line("c");
    pty.wait_for("Asked the terminal to copy the link.");
    waiting();
    pty.type_line("something pasted");
    wait_words(&pty, "There is nothing to paste here");
    stand.enter(&page, &code, "allow");
    pty.wait_for("Signed in to qwen as me");
    assert_eq!(pty.exit_status(), 0);
    pty.assert_restored();
    let copied = pty.effects().iter().any(|effect| effect.starts_with("clipboard"));
    assert!(copied, "{:?}", pty.effects());
    assert_eq!(stand.browser.opened(), [] as [&str; 0]);
}

#[test]
fn asking_too_often_and_lost_answers_do_not_end_the_wait() {
    let stand = stand();
    for answer in [
        // The connection goes before the answer is whole.
        Answer::stream(Vec::new(), End::Drop),
        Answer::html(502, "<html>Bad gateway</html>"),
        Answer::json(200, json!({"status": "pending"})),
    ] {
        stand.script.answer(Endpoint::Poll, answer);
    }
    let done = stand.auth(&["login"]).ok();
    assert!(done.stderr.contains("Signed in to qwen"), "{done}");
    assert_eq!(stand.script.count(Endpoint::Poll), 4);
}

#[test]
fn a_code_that_ran_out_or_was_denied_ends_in_words() {
    let stand = stand();
    let denied = Browser::denying(&stand.home);
    let done = stand.home.typed(&["auth", "qwen", "login"]).env("BROWSER", denied.command()).done().exit(4);
    assert!(done.stderr.contains("The provider says access was denied: \"The user denied the request\"."), "{done}");

    let idle = Browser::idle(&stand.home);
    stand.script.answer(Endpoint::Poll, Answer::json(400, json!({"error": "expired_token"})));
    let done = stand.home.typed(&["auth", "qwen", "login"]).env("BROWSER", idle.command()).done().exit(4);
    assert!(
        done.stderr.contains("The code ran out before anybody approved it.") && done.stderr.contains("E-TIMEOUT"),
        "{done}"
    );

    // The device answer's own time counts, and the provider is asked once more when it is over.
    let page = format!("{}/qwen/authorize", stand.sandbox.url());
    let short = json!({"device_code": "dc_gone", "user_code": "GONE", "verification_uri": page, "expires_in": 1, "interval": 1});
    stand.script.answer(Endpoint::Device, Answer::json(200, short));
    stand.script.answer(Endpoint::Poll, Answer::html(503, "<html>"));
    let done = stand.home.typed(&["auth", "qwen", "login"]).env("BROWSER", idle.command()).done().exit(4);
    assert!(
        done.stderr.contains("The code ran out") && done.stderr.contains("Last: status 503 with a web page."),
        "{done}"
    );
}

#[test]
fn ctrl_c_leaves_the_wait_and_the_session_goes_on() {
    let stand = stand();
    let mut pty = terminal(&stand.home, &["--nobrowser"]);
    stand.at_prompt(&pty);
    pty.type_line("/auth qwen login");
    pty.wait_for("waiting ›");
    let asked = stand.script.count(Endpoint::Poll);
    assert!(stand.script.wait_for(Endpoint::Poll, asked + 1, DEADLINE));
    pty.keys(key::CTRL_C);
    pty.wait_for("Sign-in cancelled.");
    stand.at_prompt(&pty);
    pty.keys(key::CTRL_D);
    assert_eq!(pty.exit_status(), 0);
}

#[test]
fn a6_a_page_that_is_no_web_address_is_neither_shown_nor_opened() {
    let stand = stand();
    for bad in ["file:///etc/passwd", "javascript:alert(1)", "http://example.com/"] {
        let code = json!({"device_code": "d", "user_code": "ABCD", "verification_uri": bad, "expires_in": 60});
        stand.script.answer(Endpoint::Device, Answer::json(200, code));
        let done = stand.auth(&["login"]).exit(1);
        assert!(done.stderr.contains("no web address that may be opened") && !done.stderr.contains(bad), "{done}");
    }
    let evil = json!({"device_code": "d", "user_code": "A\u{1b}]0;x\u{7}B\u{202e}C", "expires_in": 1, "interval": 1,
        "verification_uri": "https://a.example/d", "verification_uri_complete": "file:///etc/passwd"});
    stand.script.answer(Endpoint::Device, Answer::json(200, evil));
    stand.script.answer(Endpoint::Poll, Answer::json(400, json!({"error": "access_denied"})));
    let done = stand.auth(&["login"]).exit(4);
    assert!(done.stderr.contains("https://a.example/d") && done.stderr.contains("AB<U+202E>C"), "{done}");
    assert!(!done.stderr.contains("file:"), "{done}");
    assert_eq!(stand.browser.opened(), [] as [&str; 0]);
}

#[test]
fn a6_the_host_that_a_token_names_counts_only_within_the_providers_domains() {
    let stand = stand();
    let elsewhere = |url: &str| stand.script.vary(|v| v.resource_url = Some(url.to_owned()));
    for bad in ["evil.example", "https://qwen.ai.evil.example", "http://portal.qwen.ai"] {
        elsewhere(bad);
        let done = stand.auth(&["login"]).exit(4);
        assert!(
            done.stderr.contains("which is not one of its own hosts") && done.stderr.contains("E-OTHER-HOST"),
            "{done}"
        );
    }
    assert_eq!(stand.script.count(Endpoint::Chat), 0);
    // Absent: the manifest's. With the path already there: as it is.
    for good in ["".to_owned(), format!("{}/qwen/v1", stand.sandbox.url()), format!("{}/qwen/", stand.sandbox.url())] {
        elsewhere(&good);
        let done = stand.auth(&["login", "--force"]).ok();
        assert!(done.stderr.contains("Signed in to qwen"), "{done}");
        assert_eq!(stand.say("hello").ok().stdout, "hello\n");
    }

    // A renewal that names another place is kept, and what it names is not.
    let stand = Stand::short("qwen").accepted(SINCE);
    let _ = stand.auth(&["login"]).ok();
    stand.script.vary(|v| v.resource_url = Some("evil.example".to_owned()));
    assert_eq!(stand.say("hello").ok().stdout, "hello\n");
    let log = stand.home.run(&["log"]).ok().stdout;
    assert!(log.contains("evil.example, which is not one of its own hosts"), "{log}");
    let status = stand.auth(&["status", "--json"]).ok().json();
    assert_eq!(status["buckets"][0]["state"], "ready");
}

#[test]
fn a_verifying_prompt_that_fails_for_a_passing_reason_keeps_the_login() {
    let stand = stand();
    stand.script.answer(Endpoint::Chat, llxprt::sandbox::qwen::throttled());
    let done = stand.auth(&["login"]).ok();
    assert!(done.stderr.contains("Not verified yet: You exceeded your current requests list."), "{done}");
    let stand = Stand::new("qwen").accepted(SINCE);
    let refused = json!({"error": {"message": "invalid access token or token expired", "code": "invalid_api_key"}});
    stand.script.answer(Endpoint::Chat, Answer::json(401, refused));
    let done = stand.auth(&["login"]).exit(1);
    assert!(done.stderr.contains("refuses the new sign-in") && done.stderr.contains("Nothing was stored."), "{done}");
}

#[test]
fn a_login_that_nothing_verified_does_not_count_as_signed_in_before_its_first_answer() {
    let stand = stand();
    stand.home.write("config/providers/qwen.toml", "[oauth]\nverify = \"get\"\n");
    let done = stand.auth(&["login"]).ok();
    assert!(done.stderr.contains("Stored the sign-in to qwen") && !done.stderr.contains("Signed in"), "{done}");
    assert!(done.stderr.contains("Not verified yet: its file names no call that would tell."), "{done}");
    let state = || stand.auth(&["status", "--json"]).ok().json()["buckets"][0]["state"].clone();
    assert_eq!((state(), stand.script.count(Endpoint::Chat)), (json!("unverified"), 0));
    assert_eq!(stand.say("hello").ok().stdout, "hello\n");
    assert_eq!(state(), "ready");
}

#[test]
fn an_error_in_the_clothes_of_an_answer_is_an_error() {
    let stand = stand();
    let _ = stand.auth(&["login"]).ok();
    stand.script.answer(Endpoint::Chat, llxprt::sandbox::qwen::error_finish("Throttled: come back later."));
    let before = stand.script.count(Endpoint::Chat);
    // It is tried again before its first word, and never shown as an answer.
    assert_eq!(stand.say("hello").ok().stdout, "hello\n");
    assert_eq!(stand.script.count(Endpoint::Chat), before + 2);
}

#[test]
fn a_key_goes_to_the_api_for_keys() {
    let stand = Stand::new("qwen");
    let key = stand.ready("api_key");
    let done = stand.home.typed(&["--provider", "qwen", "-p", "hello"]).env("DASHSCOPE_API_KEY", &key).done().ok();
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("hello\n", ""));
    let call = &stand.script.requests_to(Endpoint::Chat)[0];
    assert_eq!((call.path.as_str(), call.bearer()), ("/compatible-mode/v1/chat/completions", Some(key.as_str())));
}

#[test]
fn the_question_keeps_nothing_when_the_answer_is_no() {
    let stand = Stand::new("qwen");
    let pty = terminal(&stand.home, &["auth", "qwen", "login"]);
    pty.wait_for(QUESTION);
    pty.keys("\r");
    pty.wait_for("Not signed in. Nothing changed.");
    assert_eq!(stand.script.requests(), []);
}
