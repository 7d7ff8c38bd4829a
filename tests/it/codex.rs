//! Signing in to Codex: through the browser with its two ports, by pasted address, by short code.

use std::fs::File;
use std::net::TcpListener;

use llxprt::sandbox::{Answer, Endpoint};
use serde_json::{Value, json};

use crate::provider_steps::{PERSONAL, Stand, after, link, wait_words};
use crate::session_steps::{PASTE, QUESTION, approve, fetch, param, paste_prompt, terminal};
use crate::support::Browser;
use crate::support::pty::key;

const SINCE: &str = "2026-09-29";

fn stand() -> Stand {
    Stand::new("codex").accepted(SINCE)
}

#[test]
fn from_enable_to_logout_in_one_session() {
    let stand = Stand::new("codex");
    let shown = stand.whole_way(true);
    assert!(shown.contains(&format!("Signed in to codex as {PERSONAL} (Plus plan). Renews by itself.")), "{shown}");
    assert!(shown.contains("tolerated, not promised") && shown.contains("/key save openai"), "{shown}");
    assert!(shown.contains("default revoked at codex and removed here"), "{shown}");

    let asked = &stand.script.requests_to(Endpoint::Authorize)[0];
    assert_eq!(asked.param("originator").as_deref(), Some("llxprt"));
    let revoked = &stand.script.requests_to(Endpoint::Revoke)[0];
    let body = revoked.json().unwrap();
    assert_eq!((&body["token_type_hint"], revoked.status), (&json!("refresh_token"), Some(200)));
    for call in stand.script.requests_to(Endpoint::Chat) {
        assert!(call.header("user-agent").unwrap().starts_with("llxprt/"));
        assert_eq!(call.header("originator"), Some("llxprt"));
        let body = call.json().unwrap();
        assert_eq!((&body["store"], &body["stream"]), (&json!(false), &json!(true)));
    }
}

#[test]
fn a_token_that_runs_out_is_renewed_without_a_word() {
    let stand = Stand::short("codex").accepted(SINCE);
    let _ = stand.auth(&["login"]).ok();
    for turn in 1..=3 {
        let done = stand.say("hello").ok();
        assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("hello\n", ""));
        assert_eq!(stand.script.count(Endpoint::Refresh), turn);
    }
    stand.script.revoke(PERSONAL);
    let done = stand.say("hello").exit(4);
    assert!(done.stderr.contains("needs a new sign-in") && done.stderr.contains("E-NEED-LOGIN"), "{done}");
    stand.assert_clean();
}

#[test]
fn every_form_of_renewal_answer_keeps_what_it_leaves_out() {
    let stand = Stand::short("codex").accepted(SINCE);
    let _ = stand.auth(&["login"]).ok();
    // Only an access token comes back: refresh token, account and plan stay.
    let access = stand.ready("access_token");
    stand.script.answer(Endpoint::Refresh, Answer::json(200, json!({"access_token": access})));
    // The pretend token is another account's: the header is still that of the sign-in. The provider refuses the two
    // together, and the next renewal mends it.
    let _ = stand.say("hello").ok();
    let call = stand.script.requests_to(Endpoint::Chat).pop().unwrap();
    let profile = stand.script.requests_to(Endpoint::Usage).pop().unwrap();
    assert_eq!(call.header("chatgpt-account-id"), profile.header("chatgpt-account-id"));
}

#[test]
fn the_redirected_address_is_pasted_where_no_browser_is() {
    let stand = stand();
    let pty = terminal(&stand.home, &["--nobrowser", "auth", "codex", "login"]);
    paste_prompt(&pty, 1);
    let transcript = pty.transcript();
    let link = transcript.lines().find(|l| l.starts_with("http") && l.contains("/oauth/authorize?")).unwrap();
    let address = approve(link, PERSONAL);
    assert!(address.starts_with("http://localhost:"), "{address}");
    let code = param(&address, "code").unwrap();
    // Nothing in a code of this provider has a # in the middle, and its page shows no code to copy.
    let wrong = [
        (
            format!("{code}#"),
            "That breaks off at the #. Copy it once more, to its very end. The link above still works.",
        ),
        (code, "That is the code alone. Copy the whole address of the page that you were sent to."),
    ];
    for (number, (pasted, words)) in wrong.iter().enumerate() {
        pty.paste(pasted);
        pty.keys(key::ENTER);
        pty.wait_for(words);
        paste_prompt(&pty, number + 2);
    }
    pty.paste(&address);
    pty.keys(key::ENTER);
    pty.wait_for(&format!("Signed in to codex as {PERSONAL}"));
    assert_eq!(stand.script.count(Endpoint::Token), 1);
}

fn id_token(claims: &Value) -> String {
    use base64::Engine as _;
    format!("e30.{}.x", base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()))
}

#[test]
fn an_email_that_stands_in_the_profile_claim_alone_is_found() {
    let stand = stand();
    let id_token = id_token(&json!({"https://api.openai.com/profile": {"email": PERSONAL}}));
    let token = json!({"access_token": stand.ready("access_token"), "token_type": "Bearer", "id_token": id_token});
    stand.script.answer(Endpoint::Token, Answer::json(200, token));
    let done = stand.auth(&["login"]).ok();
    assert!(done.stderr.contains(&format!("Signed in to codex as {PERSONAL}")), "{done}");
}

#[test]
fn an_id_token_of_another_sign_in_is_refused() {
    let stand = stand();
    let id_token = id_token(&json!({"email": PERSONAL, "nonce": "somebody-elses"}));
    let token = json!({"access_token": "a-canary-token", "token_type": "Bearer", "id_token": id_token});
    stand.script.answer(Endpoint::Token, Answer::json(200, token));
    let done = stand.auth(&["login"]).exit(1);
    assert!(done.stderr.contains("made for another sign-in") && done.stderr.contains("E-LOGIN"), "{done}");
    assert_eq!(stand.script.count(Endpoint::Usage), 0, "the token is used for nothing");
}

/// The ports of Codex belong to one program at a time on a machine, other runs of the tests among them.
#[test]
fn f7_the_second_port_serves_when_the_first_is_taken_and_pasting_when_both_are() {
    let claim = File::create(std::env::temp_dir().join("llxprt-test-1455.lock")).unwrap();
    claim.lock().unwrap();
    let stand = stand();
    std::fs::remove_file(stand.home.path("config/providers/codex.toml")).unwrap();
    stand.script.vary(|v| v.any_port = false);
    let port = || {
        let asked = stand.script.requests_to(Endpoint::Authorize).pop().unwrap();
        url::Url::parse(&asked.param("redirect_uri").unwrap()).unwrap().port()
    };
    let _ = stand.auth(&["login", "first"]).ok();
    assert_eq!(port(), Some(1455));

    let taken = TcpListener::bind("127.0.0.1:1455").unwrap();
    let done = stand.auth(&["login", "second"]).ok();
    assert!(done.stderr.contains("Port 1455 is in use. Using 1457 instead; this provider allows it."), "{done}");
    assert_eq!(port(), Some(1457));

    // Nobody can paste: it ends at once, and no browser was opened.
    let both = TcpListener::bind("127.0.0.1:1457").unwrap();
    let opened = stand.browser.opened().len();
    let done = stand.auth(&["login", "third"]).exit(1);
    assert!(done.stderr.contains("E-PORT"), "{done}");
    assert_eq!(stand.browser.opened().len(), opened);

    // With a person there, the address of the last page is the answer.
    let pty = terminal(&stand.home, &["--nobrowser", "auth", "codex", "login", "third"]);
    wait_words(&pty, "Paste mode is ready instead. E-PORT");
    paste_prompt(&pty, 1);
    let link =
        pty.transcript().lines().find(|l| l.starts_with("http") && l.contains("/oauth/authorize?")).unwrap().to_owned();
    pty.paste(&approve(&link, PERSONAL));
    pty.keys(key::ENTER);
    pty.wait_for(&format!("Signed in to codex as {PERSONAL}"));
    drop(pty);

    // The end of the input leaves the short code waiting.
    let mut pty = terminal(&stand.home, &["--nobrowser", "auth", "codex", "login", "fourth"]);
    paste_prompt(&pty, 1);
    pty.type_line("d");
    paste_prompt(&pty, 2);
    let screen = pty.screen();
    pty.keys(key::CTRL_D);
    pty.wait_for("Waiting for the short code. Ctrl+C cancels.");
    stand.enter(&after(&screen, "On any device open "), &after(&screen, "and enter "), "allow");
    pty.wait_for(&format!("Signed in to codex as {PERSONAL}"));
    assert_eq!(pty.exit_status(), 0);
    drop((taken, both));
}

#[test]
fn a_plan_without_codex_is_told_with_the_providers_reason_and_the_way_by_key() {
    let stand = stand();
    let way = "Codex needs a ChatGPT plan that includes it (Plus, Pro, or one of a company); pay by use with an API key \
               instead:";
    // The provider denies the sign-in itself.
    let refused = "http://localhost:1/auth/callback?error=access_denied&error_description=missing_codex_entitlement";
    let pty = terminal(&stand.home, &["--nobrowser", "auth", "codex", "login"]);
    paste_prompt(&pty, 1);
    let link =
        pty.transcript().lines().find(|l| l.starts_with("http") && l.contains("/oauth/authorize?")).unwrap().to_owned();
    pty.paste(&format!("{refused}&state={}", param(&link, "state").unwrap()));
    pty.keys(key::ENTER);
    pty.wait_for("E-DENIED");
    wait_words(&pty, way);
    drop(pty);

    // It signs in, and the plan says it; a prompt is refused in the provider's words.
    let browser = Browser::approving(&stand.home, "policy@example.com");
    let done = stand.home.typed(&["auth", "codex", "login"]).env("BROWSER", browser.command()).done().ok();
    let way = format!("{way} llxprt key save openai");
    assert!(done.stderr.contains("(Free plan)") && done.stderr.contains(&way), "{done}");
    let done = stand.say("hello").exit(1);
    assert!(done.stderr.contains("upgrade to Plus") && done.stderr.contains(&way), "{done}");
    // To sign in again would change nothing.
    let shown = stand.home.run(&["--provider", "codex", "-p", "hello", "--json"]).exit(1).json();
    assert_eq!(shown["next"], json!(["llxprt auth codex why"]));
}

#[test]
fn a_short_code_on_another_device_signs_in() {
    let stand = stand();
    let mut pty = terminal(&stand.home, &["auth", "codex", "login", "--device"]);
    pty.wait_for("waiting ›");
    let screen = pty.screen();
    let (page, code) = (after(&screen, "On any device open "), after(&screen, "and enter "));
    assert!(page.ends_with("/codex/codex/device") && code.len() == 10, "{page} {code}");
    assert!(screen.contains("The code works until") && screen.contains("Waiting; Ctrl+C cancels."), "{screen}");
    assert!(!screen.contains(PASTE), "{screen}");
    // Nothing ticks on the screen while it waits.
    assert!(stand.script.wait_for(Endpoint::Poll, 1, crate::support::DEADLINE));
    let before = pty.raw();
    assert!(stand.script.wait_for(Endpoint::Poll, 2, crate::support::DEADLINE), "403 and 404 are waited through");
    assert_eq!(pty.raw(), before);
    stand.enter(&page, &code, "allow");
    pty.wait_for(&format!("Signed in to codex as {PERSONAL} (Plus plan)"));
    assert_eq!(pty.exit_status(), 0);
    let exchanged = &stand.script.requests_to(Endpoint::Token)[0];
    assert!(exchanged.body.contains("deviceauth%2Fcallback"), "{}", exchanged.body);
    assert_eq!(stand.browser.opened(), [] as [&str; 0], "nothing to open: the page wants the code typed");
    drop(pty);
    assert_eq!(stand.say("hello").ok().stdout, "hello\n");
    stand.assert_clean();
}

#[test]
fn the_short_code_races_with_the_paste_and_the_loser_leaves_nothing() {
    for by_code in [true, false] {
        let stand = stand();
        let mut pty = terminal(&stand.home, &["--nobrowser", "auth", "codex", "login"]);
        pty.wait_for("d short code instead");
        paste_prompt(&pty, 1);
        let link = link(&pty, "/oauth/authorize?");
        pty.type_line("d");
        paste_prompt(&pty, 2);
        let screen = pty.screen();
        if by_code {
            stand.enter(&after(&screen, "On any device open "), &after(&screen, "and enter "), "allow");
        } else {
            pty.paste(&approve(&link, PERSONAL));
            pty.keys(key::ENTER);
        }
        pty.wait_for(&format!("Signed in to codex as {PERSONAL}"));
        assert_eq!(pty.exit_status(), 0);
        pty.assert_restored();
        assert_eq!(stand.script.count(Endpoint::Token), 1);
    }
}

#[test]
fn the_browser_is_served_while_the_provider_is_slow_with_a_short_code_or_a_pasted_answer() {
    for slow in [Endpoint::Device, Endpoint::Token] {
        let mut stand = stand();
        let browser = Browser::idle(&stand.home);
        stand.home = stand.home.env("BROWSER", browser.command());
        let mut pty = terminal(&stand.home, &["auth", "codex", "login"]);
        paste_prompt(&pty, 1);
        let back = approve(&browser.next(), PERSONAL);
        stand.script.hold(slow);
        if slow == Endpoint::Device {
            pty.type_line("d");
        } else {
            pty.paste(&back);
            pty.keys(key::ENTER);
        }
        assert!(stand.script.wait_for(slow, 1, crate::support::DEADLINE));
        let (status, page) = fetch(&back);
        // A code is exchanged once: the browser is told to look here, and what was pasted goes on.
        let head = if slow == Endpoint::Device { "Signed in" } else { "Almost there" };
        assert!(status == 200 && page.contains(&format!("<h1>{head}</h1>")), "{status} {page}");
        if slow == Endpoint::Token {
            stand.script.release(slow);
        }
        pty.wait_for(&format!("Signed in to codex as {PERSONAL}"));
        assert_eq!(pty.exit_status(), 0);
        pty.assert_restored();
        assert_eq!(stand.script.count(Endpoint::Token), 1);
        assert!(!pty.transcript().contains("On any device open"), "{}", pty.transcript());
        stand.script.release(slow);
    }
}

#[test]
fn where_short_codes_are_off_the_browser_is_named() {
    let stand = stand();
    stand.script.vary(|v| v.device_off = true);
    let done = stand.auth(&["login", "--device"]).exit(2);
    assert!(done.stderr.contains("does not let this account or workspace sign in by short code"), "{done}");
    assert!(done.stderr.contains("llxprt auth codex login") && done.stderr.contains("E-NO-FLOW"), "{done}");

    let pty = terminal(&stand.home, &["--nobrowser", "auth", "codex", "login"]);
    paste_prompt(&pty, 1);
    pty.type_line("d");
    pty.wait_for("Use the link instead.");
    paste_prompt(&pty, 2);
}

#[test]
fn a_denied_or_broken_short_code_ends_in_the_providers_words() {
    let stand = stand();
    let mut pty = terminal(&stand.home, &["auth", "codex", "login", "--device"]);
    pty.wait_for("waiting ›");
    let screen = pty.screen();
    stand.enter(&after(&screen, "On any device open "), &after(&screen, "and enter "), "deny");
    pty.wait_for("Codex ended the sign-in: The sign-in was denied.");
    assert_eq!(pty.exit_status(), 1);
    pty.assert_restored();
    drop(pty);

    stand.script.answer(Endpoint::Device, Answer::html(503, "<html>maintenance</html>"));
    let done = stand.auth(&["login", "--device"]).exit(1);
    assert!(done.stderr.contains("Codex gave no short code: status 503 with a web page."), "{done}");
    for (answer, words) in [
        (json!({"user_code": "A"}), "device_auth_id is missing"),
        (json!({"device_auth_id": "d", "user_code": "\u{1b}[2J"}), "none that a person can enter"),
    ] {
        stand.script.answer(Endpoint::Device, Answer::json(200, answer));
        let done = stand.auth(&["login", "--device"]).exit(1);
        assert!(done.stderr.contains(words), "{done}");
    }
}

#[test]
fn ctrl_c_ends_the_wait_for_a_short_code_at_once() {
    let stand = stand();
    let mut pty = terminal(&stand.home, &["auth", "codex", "login", "--device"]);
    pty.wait_for("waiting ›");
    pty.keys(key::CTRL_C);
    pty.wait_for("Sign-in cancelled.");
    assert_eq!(pty.exit_status(), 130);
    pty.assert_restored();
}

#[test]
fn the_question_comes_before_anything_is_opened() {
    let stand = Stand::new("codex");
    let pty = terminal(&stand.home, &["auth", "codex", "login"]);
    pty.wait_for(QUESTION);
    pty.keys("n\r");
    pty.wait_for("Not signed in. Nothing changed.");
    pty.wait_for("Nothing changed. The way by key:");
    assert_eq!((stand.script.requests(), stand.browser.opened()), (vec![], vec![]));
}

#[test]
fn a_page_of_cloudflare_in_place_of_an_answer_is_told_as_one() {
    let stand = stand();
    let _ = stand.auth(&["login"]).ok();
    stand.script.answer(Endpoint::Chat, llxprt::sandbox::codex::cloudflare());
    let done = stand.say("hello").exit(1);
    let words = "llxprt: Codex refuses: a web page of Cloudflare came instead of an answer, status 403.  E-REFUSED\n";
    assert_eq!(done.stderr, words);
    assert_eq!(stand.say("hello").ok().stdout, "hello\n");
}
