//! `-p` and single commands from the shell: streams, statuses, JSON.

use llxprt::sandbox::{Answer, Chunk, End, Endpoint};
use serde_json::json;

use crate::session_steps::{PERSONAL, WORK, signed_in, stand};
use crate::support::Home;

#[test]
fn the_answer_is_all_that_goes_to_stdout() {
    let (_sandbox, home) = signed_in(WORK);
    insta::assert_snapshot!(home.run(&["-p", "hello there"]), @"
    hello there
    --- exit 0
    ");
}

#[test]
fn a_piped_stdin_is_appended_and_a_dash_is_stdin_alone() {
    let (_sandbox, home) = signed_in(PERSONAL);
    assert_eq!(home.run_with_stdin(&["-p", "Summarise:"], "one\ntwo\n").ok().stdout, "Summarise:\n\none\ntwo\n");
    assert_eq!(home.run_with_stdin(&["-p", "-"], "one\ntwo\n").ok().stdout, "one\ntwo\n");
    let done = home.run(&["-p", "-"]).exit(2);
    assert!(done.stderr.contains("There is no prompt"), "{done}");
    let done = home.run_with_stdin(&["-p", "-"], vec![b'x'; (4 << 20) + 1]).exit(2);
    assert!(done.stderr.contains("4 MiB"), "{done}");
}

#[test]
fn json_is_one_document_with_what_was_used() {
    let (_sandbox, home) = signed_in(WORK);
    let answer = home.run(&["-p", "hello there", "--json"]).ok().json();
    insta::assert_snapshot!(answer, @r#"
    {"schema":"llxprt.answer.v1","text":"hello there","provider":"anthropic","model":"claude-opus-5","bucket":"default","usage":{"input":9,"output":2}}
    "#);
}

fn events(all: &[serde_json::Value], end: End) -> Answer {
    let text: String =
        all.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect();
    Answer::stream(vec![Chunk::new(text)], end)
}

fn delta(kind: &str, member: &str, text: &str) -> serde_json::Value {
    json!({"type": "content_block_delta", "index": 0, "delta": {"type": kind, member: text}})
}

#[test]
fn reasoning_is_no_part_of_the_answer_on_stdout() {
    let (sandbox, home) = signed_in(PERSONAL);
    let script = sandbox.script("anthropic");
    let thought = delta("thinking_delta", "thinking", "hmm");
    let answer = [thought.clone(), delta("text_delta", "text", "ok"), json!({"type": "message_stop"})];
    script.answer(Endpoint::Chat, events(&answer, End::Whole));
    let done = home.run(&["-p", "hello", "--set", "show.reasoning=true"]).ok();
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("ok\n", "hmm\n\n"));
    // Nothing but reasoning: nothing on stdout, and the line on stderr ends.
    script.answer(Endpoint::Chat, events(&[thought, json!({"type": "message_stop"})], End::Whole));
    let done = home.run(&["-p", "hello", "--set", "show.reasoning=true"]).ok();
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("", "hmm\n"));
}

#[test]
fn an_error_within_a_stream_has_no_status_and_a_document_keeps_no_text() {
    let (sandbox, home) = signed_in(PERSONAL);
    let script = sandbox.script("anthropic");
    let odd = json!({"type": "error", "error": {"type": "invalid_request_error", "message": "too odd"}});
    script.answer(Endpoint::Chat, events(&[odd], End::Whole));
    let done = home.run(&["-p", "hello"]).exit(1);
    assert_eq!(done.stderr, "llxprt: Anthropic refuses: too odd.  E-REFUSED\n");
    script.answer(Endpoint::Chat, events(&[delta("text_delta", "text", "Once upon")], End::Whole));
    let shown = home.run(&["-p", "hello", "--json"]).exit(69).json();
    assert_eq!(shown["code"], "E-STREAM");
    assert!(!shown["message"].as_str().unwrap().contains("kept"), "{shown}");
}

/// What the provider answers, and the status and code that come of it.
#[test]
fn each_refusal_has_its_status() {
    let error = |kind: &str, message: &str| json!({"type": "error", "error": {"type": kind, "message": message}});
    for (answer, status, code) in [
        (Answer::json(400, error("invalid_request_error", "too odd")), 1, "E-REFUSED"),
        (Answer::json(403, error("permission_error", "not on this plan")), 1, "E-REFUSED"),
        (Answer::json(404, error("not_found_error", "model: x")), 1, "E-REFUSED"),
        (Answer::html(200, "<h1>Log in to this network</h1>"), 1, "E-ANSWER"),
        (Answer::stream(vec![Chunk::new("event: ping\ndata: {}\n\n")], End::Drop), 69, "E-"),
    ] {
        let (sandbox, home) = signed_in(PERSONAL);
        // A stream that ends before its first word is tried three times.
        for _ in 0..3 {
            sandbox.script("anthropic").answer(Endpoint::Chat, answer.clone());
        }
        let done = home.run(&["-p", "hello", "--json"]).exit(status);
        let shown = done.json();
        assert!(shown["code"].as_str().unwrap().starts_with(code), "{answer:?}: {shown}");
        assert_eq!(shown["exit"], status);
        assert_eq!(shown["schema"], "llxprt.error.v1");
    }
}

#[test]
fn a_provider_that_is_not_there_is_status_69() {
    let (sandbox, home) = signed_in(WORK);
    drop(sandbox);
    let done = home.run(&["-p", "hello"]).exit(69);
    assert!(done.stderr.contains("E-OFFLINE"), "{done}");
}

#[test]
fn wrong_usage_is_status_2_and_names_what_would_be_right() {
    let home = Home::new();
    for (words, says) in [
        (&["atuh"][..], "auth"),
        (&["auth", "anthropic", "lgoin"], "login"),
        (&["auth", "nobody", "login"], "There is no provider called \"nobody\""),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["clear"], "E-USAGE"),
        (&["auth", "anthropic", "login", "all"], "E-USAGE"),
        (&["auth", "anthropic", "login", "-x"], "E-USAGE"),
        (&["auth", "anthropic", "login", "../x"], "E-USAGE"),
    ] {
        let done = home.run(words).exit(2);
        assert!(done.stderr.contains(says), "{words:?}: {done}");
        assert_eq!(done.stdout, "");
    }
}

#[test]
fn the_sandbox_is_joined_on_loopback_only() {
    let home = Home::new();
    for url in ["http://example.com", "https://127.0.0.1:1", "nonsense"] {
        let done = home.run(&[&format!("--sandbox={url}"), "auth"]).exit(2);
        assert!(done.stderr.contains("loopback"), "{done}");
    }
}

#[test]
fn reading_commands_answer_in_json() {
    let (_sandbox, home) = stand();
    let all = home.run(&["auth", "--json"]).ok().json();
    assert_eq!(all["schema"], "llxprt.auth.v1");
    assert_eq!(all["providers"][0]["login"], "off");
    let one = home.run(&["auth", "anthropic", "status", "--json"]).ok().json();
    assert_eq!((&one["schema"], &one["status"]), (&json!("llxprt.auth.provider.v1"), &json!("restricted")));
    assert_eq!(home.run(&["set", "--json"]).ok().json()["schema"], "llxprt.set.v1");
    let wrong = home.run(&["auth", "nobody", "--json"]).exit(2).json();
    assert_eq!(
        (&wrong["schema"], &wrong["code"], &wrong["exit"]),
        (&json!("llxprt.error.v1"), &json!("E-PROVIDER"), &json!(2))
    );
}
