//! Providers and proxies that repeat the whole request in their errors: code, verifier, tokens and keys must reach no
//! screen, log, history or file, while the provider's own words stay (security 7, A10).

use llxprt::sandbox::{Answer, Endpoint, Received};
use serde_json::Value;
use url::form_urlencoded;

use crate::faults_stage::{PERSONAL, Stage, WORK};
use crate::provider_steps::Stand;
use crate::support::{Browser, Done, Home};

const KEY: &str = "a-key/of+no~known=shape&0123456789";
const WORDS: &str = "the code= is not known";

/// The errors of a token endpoint, each with the status that it makes of the whole request.
fn telling() -> Vec<Answer> {
    let rfc = |error: &str| {
        format!(r#"{{"error":"{error}","error_description":"{WORDS}: {{request}}","{{request}}":["{{request}}"]}}"#)
    };
    let nested = format!(r#"[{{"error":{{"code":"{{request}}","message":"{WORDS}: {{request}}"}}}}]"#);
    vec![
        Answer::repeat(400, "application/json", rfc("odd_request")),
        Answer::repeat(403, "application/json", rfc("{request}")),
        Answer::repeat(200, "application/json", rfc("odd_request")),
        Answer::repeat(400, "application/json", nested),
        Answer::repeat(400, "text/plain", format!("{WORDS}: {{request}}")),
        Answer::repeat(404, "text/html", "<html><title>{request}</title><p>{request}</p></html>"),
        Answer::redirect("https://portal.example/?{request}").repeated(),
    ]
}

/// A redirect repeats the request too.
trait Repeated {
    fn repeated(self) -> Answer;
}

impl Repeated for Answer {
    fn repeated(self) -> Answer {
        let headers = self.headers;
        headers.into_iter().fold(Self::repeat(self.status, "text/plain", ""), |answer, (name, value)| {
            if name == "content-type" { answer } else { answer.header(&name, value) }
        })
    }
}

/// The secrets of everything that was sent: members of token requests, bearers and keys.
fn sent(requests: &[Received]) -> Vec<String> {
    const NAMES: [&str; 5] = ["code", "code_verifier", "device_code", "refresh_token", "token"];
    let mut all = Vec::new();
    for call in requests.iter().filter(|call| call.method == "POST" || call.bearer().is_some()) {
        all.extend(call.bearer().map(str::to_owned));
        all.extend(call.header("x-api-key").map(str::to_owned));
        let json: Value = serde_json::from_str(&call.body).unwrap_or_default();
        all.extend(NAMES.iter().filter_map(|name| json[name].as_str().map(str::to_owned)));
        let form = form_urlencoded::parse(call.body.as_bytes()).filter(|(name, _)| NAMES.contains(&&**name));
        all.extend(form.map(|(_, value)| value.into_owned()));
    }
    all.sort();
    all.dedup();
    all.retain(|secret| secret.len() >= 12);
    all
}

/// Asserts that nothing of what was sent lies open; the pretend browsers' own files are those of a browser.
#[track_caller]
fn assert_closed(home: &Home, secrets: &[String], at_least: usize) {
    assert!(secrets.len() >= at_least, "{} secrets were sent", secrets.len());
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    let found: Vec<String> = home.find(&secrets).into_iter().filter(|place| !place.contains("/browser/")).collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// Asserts that the words of a JSON error were shown, with the mark in the place of secrets; a page tells nothing.
#[track_caller]
fn assert_told(done: &Done, answer: &Answer) {
    let json = answer.headers.iter().any(|(_, value)| value == "application/json");
    let said = format!("{}{}", done.stdout, done.stderr);
    assert_eq!(said.contains('…'), json || answer.status == 302, "{done}");
    assert_eq!(said.contains(WORDS), json, "{done}");
}

#[test]
fn a_code_exchange_that_is_repeated_shows_neither_code_nor_verifier() {
    let stage = Stage::empty();
    let log = stage.home.path("work/own.log").display().to_string();
    for answer in telling() {
        for flags in [&["-v", "--log-file", &log][..], &["--json"], &[]] {
            let browser = Browser::approving(&stage.home, WORK);
            stage.script().answer(Endpoint::Token, answer.clone());
            let words = [flags, &["auth", "anthropic", "login", WORK]].concat();
            let done = stage.home.typed(&words).env("BROWSER", browser.command()).done().exit(1);
            assert_told(&done, &answer);
            let page = browser.page();
            for secret in sent(&stage.script().requests()) {
                assert!(!page.contains(&secret), "the page in the browser: {page}");
            }
        }
    }
    let _ = stage.home.run(&["log"]).ok();
    // Code and verifier of each login.
    assert_closed(&stage.home, &sent(&stage.script().requests()), 2 * 3 * telling().len());
}

#[test]
fn a_verifying_call_that_is_repeated_does_not_show_the_new_tokens() {
    let stage = Stage::empty();
    let json = format!(r#"{{"error":{{"type":"authentication_error","message":"{WORDS}: {{request}}"}}}}"#);
    for (status, ends) in [(401, 1), (503, 0)] {
        stage.script().answer(Endpoint::Profile, Answer::repeat(status, "application/json", &*json));
        let done = stage.login(WORK, &["--force"]).exit(ends);
        assert!(done.stderr.contains(WORDS) && done.stderr.contains('…'), "{done}");
    }
    assert_closed(&stage.home, &[sent(&stage.script().requests()), stage.secrets()].concat(), 8);
}

#[test]
fn a_renewal_that_is_repeated_shows_no_token_and_keeps_none_in_the_index() {
    let stage = Stage::signed_in();
    // Of no known shape: they can be told by their value alone.
    let mut stored = stage.stored(WORK);
    stored["refresh_token"] = "a/refresh+token~of=no&known shape".into();
    stored["access_token"] = "an/access+token~of=no&known shape".into();
    stage.store(WORK, &stored);
    let log = stage.home.path("work/own.log").display().to_string();
    let mut secrets = stage.secrets();
    let ended = format!(r#"{{"error":"invalid_grant","error_description":"{WORDS}: {{request}}"}}"#);
    let cut = Answer::repeat(502, "text/html", "<html>{request}</html>");
    for answer in telling().into_iter().chain([cut.clone(), Answer::repeat(400, "application/json", ended)]) {
        stage.leave_seconds(WORK, -10);
        stage.script().answer(Endpoint::Refresh, answer.clone());
        if answer.status == 502 {
            stage.script().answer(Endpoint::Refresh, answer.clone());
        }
        let done = stage.home.run(&["-v", "--log-file", &log, "auth", "anthropic", "token", WORK]);
        assert_ne!(done.status(), 0, "{done}");
        if answer != cut {
            assert_told(&done, &answer);
        }
    }
    let _ = stage.home.run(&["-p", "signed out by the provider"]).exit(4);
    let _ = stage.home.run(&["auth", "--json"]).ok();
    assert!(stage.bucket(WORK)["reason"].as_str().unwrap().contains(WORDS));
    let _ = stage.home.run(&["log"]).ok();
    secrets.extend(sent(&stage.script().requests()));
    assert_closed(&stage.home, &secrets, 5);
}

#[test]
fn a_revocation_that_is_repeated_shows_no_token() {
    let stage = Stage::signed_in();
    let secrets = stage.secrets();
    let url = format!("{}/codex/oauth/revoke", stage.sandbox.url());
    let text = format!("name = \"anthropic\"\n[oauth]\nrevoke_url = \"{url}\"\nrevoke_request = \"json\"\n");
    let _ = stage.home.write("config/providers/anthropic.toml", text);
    let codex = stage.sandbox.script("codex");
    codex.answer(Endpoint::Revoke, telling().remove(0));
    let done = stage.home.run(&["-v", "auth", "anthropic", "logout", WORK]).ok();
    assert!(done.stderr.contains("did not confirm"), "{done}");
    let _ = stage.home.run(&["log"]).ok();
    assert!(secrets.contains(&sent(&codex.requests_to(Endpoint::Revoke))[0]), "the stored token was sent");
    assert_closed(&stage.home, &secrets, 4);
}

#[test]
fn a_question_of_the_short_code_that_is_repeated_shows_neither_code_nor_verifier() {
    let stand = Stand::new("qwen").accepted("2026-04-15");
    for answer in telling() {
        // What is no JSON may pass, so the next answer ends it.
        stand.script.answer(Endpoint::Poll, answer);
        let last = format!(r#"{{"error":"odd_request","error_description":"{WORDS}: {{request}}"}}"#);
        stand.script.answer(Endpoint::Poll, Answer::repeat(400, "application/json", last));
        let done = stand.auth(&["login"]).exit(1);
        assert!(done.stderr.contains('…'), "{done}");
    }
    let _ = stand.home.run(&["log"]).ok();
    assert_closed(&stand.home, &sent(&stand.script.requests()), 2 * telling().len());
}

#[test]
fn a_prompt_that_is_repeated_shows_neither_token_nor_key() {
    let mut stage = Stage::signed_in();
    stage.home = stage.home.env("ANTHROPIC_API_KEY", KEY);
    stage.script().add_key(KEY, PERSONAL);
    let log = stage.home.path("work/own.log").display().to_string();
    let mut secrets = stage.secrets();
    secrets.push(KEY.to_owned());
    let error = format!(r#"{{"type":"error","error":{{"type":"odd_error","message":"{WORDS}: {{request}}"}}}}"#);
    let event = format!("event: error\ndata: {error}\n\n");
    let mut answers: Vec<Answer> =
        [400, 401, 402, 403, 404, 413, 429, 500, 529].map(|n| Answer::repeat(n, "application/json", &*error)).into();
    answers.push(Answer::repeat(200, "text/event-stream", event));
    answers.push(Answer::repeat(400, "text/plain", format!("{WORDS}: {{request}}")));
    answers.push(Answer::repeat(403, "text/html", "<html>{request}</html>"));
    answers.push(Answer::redirect("https://portal.example/?{request}").repeated());
    for only in ["true", "false"] {
        let _ = stage.home.run(&["set", "authOnly", only]).ok();
        for (number, answer) in answers.iter().enumerate() {
            // What is tried again after a wait is so for tokens and keys alike.
            if only == "false" && [429, 500, 529].contains(&answer.status) {
                continue;
            }
            (0..4).for_each(|_| stage.script().answer(Endpoint::Chat, answer.clone()));
            let flags = if number % 2 == 0 { &["-v", "--log-file", &log][..] } else { &["--json"] };
            let done = stage.home.run(&[flags, &["-p", "a prompt"]].concat());
            assert_ne!(done.status(), 0, "{done}");
            stage.script().forget(Endpoint::Chat);
            // What was learned of limits and refusals stands in nobody's way.
            let index = |index: &mut llxprt::vault::Index| {
                for entry in index.accounts.values_mut() {
                    (entry.limits, entry.refused) = (Vec::new(), None);
                }
            };
            stage.vault().update_index(index).unwrap();
        }
    }
    // In a session: screen, history and `/log`.
    let pty = stage.home.pty(&[]);
    pty.wait_prompt();
    stage.script().answer(Endpoint::Chat, answers[0].clone());
    pty.type_line("a prompt in the session");
    pty.wait_for("E-REFUSED");
    assert!(pty.screen().contains('…'), "{}", pty.screen());
    pty.clear_line();
    pty.wait_prompt();
    let _ = pty.ask("/log");
    drop(pty);
    assert!(stage.home.read("data/history").contains("a prompt in the session"));
    secrets.extend(sent(&stage.script().requests()));
    secrets.extend(stage.secrets());
    assert_closed(&stage.home, &secrets, 10);
}
