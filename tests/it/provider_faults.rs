//! What each provider, or whoever stands between, may answer wrongly: redirects, storms of refusals, answers that are
//! none (A6, F12).

use std::net::TcpListener;

use llxprt::sandbox::{Answer, End, Endpoint};
use serde_json::{Value, json};

use crate::provider_steps::{Stand, flat};
use crate::session_steps::{QUESTION, terminal};
use crate::support::Browser;

/// All that have sign-ins of their own, with the date that a person said yes to.
const ALL: [(&str, &str); 4] = [("codex", "2026-09-29"), ("gemini", ""), ("qwen", "2026-04-15"), ("openrouter", "")];

fn accepted(stand: Stand, since: &str) -> Stand {
    if since.is_empty() { stand } else { stand.accepted(since) }
}

fn signed_in(provider: &'static str, since: &str) -> Stand {
    let stand = accepted(Stand::new(provider), since);
    let _ = stand.auth(&["login"]).ok();
    stand
}

/// Somebody who wants to be sent a credential, and must not be reached.
struct Thief(TcpListener);

impl Thief {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn answer(&self) -> Answer {
        Answer::redirect(format!("http://{}/take", self.0.local_addr().unwrap()))
    }

    #[track_caller]
    fn assert_alone(&self) {
        assert!(self.0.accept().is_err(), "a redirect was followed");
    }
}

#[test]
fn a6_no_redirect_of_any_endpoint_is_followed() {
    for (provider, since) in ALL {
        let thief = Thief::new();
        let stand = accepted(Stand::new(provider), since);
        // The device endpoint and the exchange: no sign-in comes of it.
        let first = if provider == "qwen" { [Endpoint::Device, Endpoint::Poll] } else { [Endpoint::Token; 2] };
        for endpoint in first {
            stand.script.answer(endpoint, thief.answer());
            let done = stand.auth(&["login"]).exit(1);
            assert!(done.stderr.contains("/take"), "{provider} {endpoint:?}: {done}");
        }
        // The one real call with a new token: it is kept, and not called verified.
        let verify = match provider {
            "codex" => Endpoint::Usage,
            "qwen" => Endpoint::Chat,
            _ => Endpoint::Profile,
        };
        stand.script.answer(verify, thief.answer());
        let done = stand.auth(&["login"]);
        assert!(!done.stderr.contains("Signed in to"), "{provider}: {done}");
        let _ = stand.auth(&["login", "--force"]).ok();
        // A prompt, a renewal, the revocation, the question for the limits.
        stand.script.answer(Endpoint::Chat, thief.answer());
        let done = stand.say("hello").exit(1);
        assert!(done.stderr.contains("it was not followed"), "{provider}: {done}");
        if provider != "openrouter" {
            stand.script.expire_access_tokens();
            stand.script.answer(Endpoint::Refresh, thief.answer());
            let done = stand.say("hello");
            assert_ne!(done.status(), 0, "{provider}: {done}");
            assert!(done.stderr.contains("/take"), "{provider}: {done}");
            assert_eq!(stand.say("hello").ok().stdout, "hello\n", "the sign-in was kept");
        }
        stand.script.answer(Endpoint::Usage, thief.answer());
        let _ = stand.home.run(&["stats", "quota"]).ok();
        stand.script.answer(Endpoint::Revoke, thief.answer());
        let done = stand.auth(&["logout"]).ok();
        assert!(done.stdout.contains("removed here") || done.stderr.contains("removed here"), "{provider}: {done}");
        thief.assert_alone();
    }
}

#[test]
fn a_storm_of_refusals_costs_two_requests_and_one_renewal_and_then_none() {
    for (provider, since) in ALL {
        let stand = signed_in(provider, since);
        let (chats, renewals) = (stand.script.count(Endpoint::Chat), stand.script.count(Endpoint::Refresh));
        for _ in 0..40 {
            let refused = json!({"error": {"code": 401, "message": "Unauthorized", "status": "UNAUTHENTICATED"}});
            stand.script.answer(Endpoint::Chat, Answer::json(401, refused));
        }
        for _ in 0..5 {
            let done = stand.say("hello").exit(4);
            assert!(done.stderr.contains(&format!("llxprt auth {provider} login")), "{done}");
        }
        let renews = usize::from(provider != "openrouter");
        assert_eq!(stand.script.count(Endpoint::Chat) - chats, 1 + renews, "{provider}");
        assert_eq!(stand.script.count(Endpoint::Refresh) - renewals, renews, "{provider}");
        assert_eq!(stand.auth(&["--json"]).ok().json()["buckets"][0]["state"], "needs-login");
    }
}

#[test]
fn a_renewal_that_is_no_answer_keeps_the_sign_in() {
    let answers = || {
        [
            Answer::html(200, "<html>Welcome to the hotel</html>"),
            Answer::html(403, "<html>Just a moment...</html>").header("cf-mitigated", "challenge"),
            Answer::html(502, "<html>Bad gateway</html>"),
            Answer::empty(200),
            Answer::json(200, json!([])),
            Answer::json(200, json!({"access_token": 7})),
            Answer::json(200, json!({"access_token": ""})),
            Answer::json(200, json!({"status": "success"})),
            Answer::text(200, "application/json", "{\"access_token\":\"cut"),
            Answer::text(200, "application/json", "x".repeat(2 << 20)),
            Answer::stream(Vec::new(), End::Drop),
        ]
    };
    for (provider, since) in [ALL[0], ALL[1], ALL[2]] {
        let few = if provider == "codex" { usize::MAX } else { 4 };
        for answer in answers().into_iter().take(few) {
            let stand = signed_in(provider, since);
            stand.script.expire_access_tokens();
            // Twice: what may pass is asked again by itself.
            stand.script.answer(Endpoint::Refresh, answer.clone());
            stand.script.answer(Endpoint::Refresh, answer.clone());
            let done = stand.say("hello");
            assert!(matches!(done.status(), 1 | 69) && !done.stderr.contains("<html"), "{provider} {answer:?}: {done}");
            assert_eq!(stand.auth(&["--json"]).ok().json()["buckets"].as_array().unwrap().len(), 1);
        }
    }
}

#[test]
fn what_ends_a_renewal_for_good_asks_for_a_new_sign_in() {
    for (provider, since, answer) in [
        ("codex", "2026-09-29", json!({"error": {"message": "Used.", "code": "refresh_token_reused"}})),
        ("codex", "2026-09-29", json!({"error": {"message": "Gone.", "code": "refresh_token_expired"}})),
        ("codex", "2026-09-29", json!({"error": {"message": "Gone.", "code": "refresh_token_invalidated"}})),
        ("codex", "2026-09-29", json!({"code": "refresh_token_reused"})),
        ("gemini", "", json!({"error": "invalid_grant", "error_description": "Token has been expired or revoked."})),
        ("gemini", "", json!({"error": "invalid_grant", "error_subtype": "invalid_rapt"})),
        ("qwen", "2026-04-15", json!({"error": "invalid_grant"})),
    ] {
        for status in [400, 401] {
            let stand = signed_in(provider, since);
            stand.script.expire_access_tokens();
            stand.script.answer(Endpoint::Refresh, Answer::json(status, answer.clone()));
            let done = stand.say("hello").exit(4);
            assert!(done.stderr.contains(&format!("llxprt auth {provider} login")), "{status} {answer}: {done}");
            assert_eq!(stand.script.count(Endpoint::Refresh), 1, "{status} {answer}");
        }
    }
}

#[test]
fn of_members_that_come_twice_the_last_counts_and_none_is_shown() {
    let stand = accepted(Stand::new("gemini"), "");
    let access = stand.ready("access_token");
    let twice = format!(
        "{{\"access_token\":\"canary-first-of-two\",\"expires_in\":60,\"access_token\":\"{access}\",\
         \"expires_in\":3599,\"token_type\":\"Bearer\",\"token_type\":\"Bearer\"}}"
    );
    stand.script.answer(Endpoint::Token, Answer::text(200, "application/json", twice));
    let _ = stand.auth(&["login"]).ok();
    assert_eq!(stand.say("hello").ok().stdout, "hello\n");
    assert!(stand.script.requests().iter().all(|call| call.bearer() != Some("canary-first-of-two")));
    stand.home.assert_clean(&["canary-first-of-two", &access]);
}

#[test]
fn lives_that_nobody_can_believe_are_no_lives() {
    for life in [json!(-1), json!(0), json!(1e300), json!(i64::MAX), json!("soon"), json!(null), json!([1])] {
        let stand = accepted(Stand::new("gemini"), "");
        let (access, refresh) = (stand.ready("access_token"), stand.ready("refresh_token"));
        let token =
            json!({"access_token": access, "refresh_token": refresh, "expires_in": life, "token_type": "Bearer"});
        stand.script.answer(Endpoint::Token, Answer::json(200, token));
        let _ = stand.auth(&["login"]).ok();
        assert_eq!(stand.say("hello").ok().stdout, "hello\n", "{life}");
        let bucket = stand.auth(&["--json"]).ok().json()["buckets"][0].clone();
        assert_eq!(bucket["state"], "ready", "{life}");
    }
}

#[test]
fn who_it_is_may_be_told_in_any_wrong_shape() {
    for body in [
        json!([]),
        json!("personal"),
        json!({"email": 7, "id": [1]}),
        json!({"email": {"address": "x"}}),
        json!({"email": "", "id": ""}),
        Value::Null,
    ] {
        let stand = Stand::new("gemini");
        stand.script.answer(Endpoint::Profile, Answer::json(200, body.clone()));
        let done = stand.auth(&["login"]);
        assert!(matches!(done.status(), 0 | 1), "{body}: {done}");
        assert!(!done.stderr.contains("panicked"), "{body}: {done}");
        assert_eq!(stand.say("hello").status() == 0, done.status() == 0, "{body}: {done}");
    }
}

#[test]
fn usage_documents_of_any_wrong_shape_tell_nothing() {
    let stand = signed_in("codex", "2026-09-29");
    for answer in [
        Answer::json(200, json!([])),
        Answer::json(200, json!({"rate_limit": {"primary_window": {"used_percent": "all"}}})),
        Answer::html(200, "<html>Welcome</html>"),
        Answer::html(403, "<html>Just a moment...</html>"),
        Answer::empty(204),
        Answer::text(200, "application/json", "x".repeat(2 << 20)),
        Answer::stream(Vec::new(), End::Drop),
    ] {
        let mut index: Value = serde_json::from_str(&stand.home.read("data/index.json")).unwrap();
        index["accounts"]["codex:default"].as_object_mut().unwrap().remove("usage_not_before");
        stand.home.write("data/index.json", index.to_string());
        stand.script.answer(Endpoint::Usage, answer.clone());
        let done = stand.home.run(&["stats", "quota"]).ok();
        assert!(done.stdout.starts_with("codex default") && !done.stdout.contains("<html"), "{answer:?}: {done}");
    }
    assert_eq!(stand.say("hello").ok().stdout, "hello\n");
}

#[test]
fn a_client_that_a_provider_does_not_know_is_told_before_anything_is_stored() {
    let stand = Stand::new("gemini");
    let unknown = json!({"error": "invalid_client", "error_description": "The OAuth client was not found."});
    stand.script.answer(Endpoint::Token, Answer::json(401, unknown));
    let done = stand.auth(&["login"]);
    assert_ne!(done.status(), 0);
    assert!(done.stderr.contains("The OAuth client was not found."), "{done}");
    assert_eq!(stand.auth(&["--json"]).ok().json()["buckets"], json!([]));
}

#[test]
fn a_denied_sign_in_is_told_as_one_by_every_provider() {
    for (provider, since) in ALL {
        let stand = accepted(Stand::new(provider), since);
        let browser = Browser::denying(&stand.home);
        let done = stand.home.typed(&["auth", provider, "login"]).env("BROWSER", browser.command()).done().exit(4);
        assert!(done.stderr.contains("denied"), "{provider}: {done}");
        assert_eq!(stand.auth(&["--json"]).ok().json()["buckets"], json!([]));
    }
}

#[test]
fn a_no_to_the_question_keeps_the_prompt_and_asks_nobody() {
    for provider in ["codex", "qwen"] {
        let stand = Stand::new(provider);
        let pty = terminal(&stand.home, &[]);
        stand.at_prompt(&pty);
        let _ = pty.ask(&format!("/auth {provider} enable"));
        stand.at_prompt(&pty);
        pty.type_line("hello there");
        pty.wait_for(QUESTION);
        pty.keys("n\r");
        pty.wait_until("the prompt's text", |screen| screen.ends_with("› hello there"));
        assert_eq!((stand.script.requests(), stand.browser.opened().len()), (vec![], 0));
        assert!(flat(&pty.screen()).contains("/key save"), "{}", pty.screen());
    }
}
