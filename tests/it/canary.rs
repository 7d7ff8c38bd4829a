//! One whole story, and then a search for every secret of it in everything that it left (security 7, A10).

use llxprt::sandbox::{Answer, Endpoint};
use serde_json::json;

use crate::faults_stage::{PERSONAL, Stage, WORK};
use crate::support::pty::key;
use crate::support::{Browser, canary};

const SAVED_KEY: &str = "sk-ant-api03-canary-of-a-saved-key-0123456789";
const TYPED_KEY: &str = "sk-ant-api03-canary-of-a-typed-key-0123456789";
const VARIABLE: &str = "sk-ant-api03-canary-of-a-variable-0123456789";

/// Errors of the token endpoint and of the API that repeat what they were sent.
fn telling(secrets: &[&str]) -> [Answer; 4] {
    let all = secrets.join(" and ");
    [
        Answer::json(403, json!({ "error": "denied", "error_description": format!("{all} are not welcome") })),
        Answer::json(400, json!({ "error": { "type": "odd_error", "message": format!("You sent {all}") } })),
        Answer::json(400, json!({ "error": "invalid_grant", "error_description": format!("{all} not found") })),
        Answer::html(502, format!("<html>{all}</html>")),
    ]
}

#[test]
fn no_secret_of_a_whole_story_lies_open_anywhere() {
    let mut stage = Stage::empty();
    stage.home = stage.home.env("ANTHROPIC_API_KEY", VARIABLE);
    let script = stage.script();
    [SAVED_KEY, TYPED_KEY, VARIABLE].into_iter().for_each(|key| script.add_key(key, PERSONAL));
    let mut seen = Vec::new();

    // Logins, by a browser that notes its environment; verbose, with a log of one's own.
    let log = stage.home.path("work/own.log");
    let log = log.to_str().unwrap();
    let browser = Browser::approving(&stage.home, WORK);
    let words = ["-v", "--log-file", log, "auth", "anthropic", "login", WORK];
    let _ = stage.home.typed(&words).env("BROWSER", browser.command()).done().ok();
    browser.page();
    let _ = stage.login(PERSONAL, &[]).ok();
    seen.extend(stage.secrets());

    // Logins and a prompt whose errors repeat the whole request.
    let json = r#"{"error":{"type":"odd_error","message":"You sent {request}"}}"#;
    for endpoint in [Endpoint::Token, Endpoint::Profile] {
        script.answer(endpoint, Answer::repeat(400, "application/json", json));
        let done = stage.login(PERSONAL, &["--force"]).exit(1);
        assert!(done.stderr.contains("You sent") && done.stderr.contains('…'), "{done}");
    }
    script.answer(Endpoint::Chat, Answer::repeat(400, "application/json", json));
    let done = stage.home.run(&["-v", "--log-file", log, "-p", "this is repeated"]).exit(1);
    assert!(done.stderr.contains("You sent") && done.stderr.contains('…'), "{done}");
    seen.extend(stage.secrets());

    // A prompt by key, and one by the sign-in, renewed first.
    let _ = stage.home.run(&["-p", "by the variable"]).ok();
    let _ = stage.home.run(&["set", "authOnly", "true"]).ok();
    stage.leave_seconds(WORK, -10);
    let _ = stage.home.run(&["-v", "--log-file", log, "--bucket", WORK, "-p", "by the sign-in"]).ok();
    seen.extend(stage.secrets());

    // Renewals and prompts that fail with the very tokens in the provider's words.
    let stored = stage.stored(WORK);
    let tokens = [stored["refresh_token"].as_str().unwrap(), stored["access_token"].as_str().unwrap()];
    for answer in telling(&tokens) {
        stage.leave_seconds(WORK, -10);
        script.answer(Endpoint::Refresh, answer.clone());
        script.answer(Endpoint::Refresh, answer);
        let done = stage.home.run(&["-v", "--log-file", log, "--json", "auth", "anthropic", "token", WORK]);
        assert_ne!(done.status(), 0, "{done}");
        let _ = stage.home.run(&["-v", "--bucket", WORK, "-p", "this fails"]);
    }
    let _ = stage.home.run(&["auth"]).ok();
    let _ = stage.home.run(&["auth", "anthropic", "status", "--json"]).ok();
    let _ = stage.home.run(&["doctor"]).ok();
    let _ = stage.home.run(&["doctor", "--json"]).ok();
    let _ = stage.home.run(&["log"]).ok();

    // Keys: by the hidden prompt of a session, by mistake on its line, and shown.
    let pty = stage.home.pty(&[]);
    pty.wait_prompt();
    // Nobody can answer it any more: it comes back to the line.
    pty.type_line("a line that the history keeps");
    pty.wait_for("E-NEED-LOGIN");
    pty.wait_until("the prompt that came back", |screen| {
        screen.lines().last().is_some_and(|row| row.ends_with("› a line that the history keeps"))
    });
    pty.clear_line();
    pty.wait_prompt();
    pty.type_line("/key save mine");
    pty.wait_for("It is not shown.");
    pty.wait_until("the hidden prompt", |screen| screen.lines().last() == Some("key ›"));
    pty.paste(SAVED_KEY);
    pty.keys(key::ENTER);
    pty.wait_for("is saved");
    for line in ["/key show mine", "/key list", "/doctor", "/log", "/auth anthropic why"] {
        let _ = pty.ask(line);
    }
    pty.keys(key::CTRL_D);
    drop(pty);
    let _ = stage.home.run(&["key", "list", "--json"]).ok();
    let _ = stage.home.run_with_stdin(&["--key", "-", "-p", "by a key on stdin"], format!("{TYPED_KEY}\n"));
    seen.extend(stage.secrets());
    let _ = stage.home.run(&["auth", "anthropic", "logout", "all"]).ok();
    let _ = stage.home.run(&["key", "delete", "mine"]).ok();

    let history = stage.home.read("data/history");
    assert!(history.contains("a line that the history keeps") && !history.contains("canary"), "{history}");
    seen.extend([SAVED_KEY, TYPED_KEY, VARIABLE].map(str::to_owned));
    seen.extend(tokens.map(str::to_owned));
    seen.sort();
    seen.dedup();
    assert!(seen.len() > 10, "codes, verifiers, two logins, a renewal, keys: {}", seen.len());
    // A verifier and a code stand in no file either, but the code came in the browser's own address.
    let own = |place: &String| place.contains("/browser/") && (place.contains("jar.") || place.contains("page."));
    let secrets: Vec<&str> = seen.iter().map(String::as_str).collect();
    let open: Vec<String> = stage.home.find(&secrets).into_iter().filter(|place| !own(place)).collect();
    assert!(open.is_empty(), "{open:#?}");

    let environments = canary::files_below(&stage.home.path("browser"));
    let environments: Vec<_> = environments
        .iter()
        .filter(|file| file.file_name().unwrap().to_string_lossy().starts_with("environment."))
        .collect();
    assert_eq!(environments.len(), 4, "every browser noted theirs");
    for file in environments {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains("PATH=") && !text.contains("ANTHROPIC_API_KEY"), "{text}");
    }
    assert_eq!(script.violations(), [""; 0]);
}

#[test]
fn core_files_are_switched_off() {
    let stage = Stage::empty();
    let pty = stage.home.pty(&[]);
    pty.wait_prompt();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", pty.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let words: Vec<&str> = core.split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{core}");
}
