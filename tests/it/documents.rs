//! `--json`: stdout holds exactly one document for each line of input, whatever comes of it (design 4.3, 4.11).

use std::fs::File;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::accounts_steps::{PERSONAL, stand as accepted};
use crate::keys_steps::Stand;
use crate::support::{Browser, Home};

/// The documents on stdout, one on a line.
#[track_caller]
fn documents(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

#[track_caller]
fn error(home: &Home, words: &[&str], status: i32) -> Value {
    let done = home.run(words).exit(status);
    let document = done.json();
    assert_eq!((&document["schema"], &document["exit"]), (&json!("llxprt.error.v1"), &json!(status)), "{words:?}");
    document
}

#[test]
fn a_damaged_settings_file_is_78_and_its_document_also_where_sign_ins_are_shown() {
    let stand = Stand::new();
    stand.home.write("config/settings.json", "{\"oauth");
    for words in [
        &["auth", "--json"][..],
        &["auth", "anthropic", "--json"],
        &["auth", "anthropic", "status", "--json"],
        &["provider", "--json"],
        &["model", "--json"],
        &["profile", "save", "model", "zz", "--json"],
        &["-p", "hello", "--json"],
    ] {
        let document = error(&stand.home, words, 78);
        assert_eq!(document["code"], "E-DAMAGED", "{words:?}");
        assert_eq!(document["next"], json!(["llxprt doctor"]));
        assert_eq!(document["hint"], "Mend that place, or move the file away to start with none.");
    }
    assert_eq!(stand.home.read("config/settings.json"), "{\"oauth");
}

#[test]
fn a_broken_manifest_is_said_and_stands_in_the_document() {
    let stand = Stand::with(json!({}));
    stand.home.write("config/providers/anthropic.toml", "nope = 1\n");
    let done = stand.home.run(&["auth", "--json"]).ok();
    insta::assert_snapshot!(done.stderr, @"[root]/config/providers/anthropic.toml: line 1: nope: unknown field `nope`, expected one of `name`, `title`, `default_model`, `models`, `api_key_env`, `key_prefixes`, `keys_at`, `oauth`, `api`. anthropic cannot be used until that is mended.");
    let all = done.json();
    insta::assert_snapshot!(all["problems"], @r#"[{"provider":"anthropic","code":"E-MANIFEST","message":"[root]/config/providers/anthropic.toml: line 1: nope: unknown field `nope`, expected one of `name`, `title`, `default_model`, `models`, `api_key_env`, `key_prefixes`, `keys_at`, `oauth`, `api`"}]"#);
    assert!(all["providers"].as_array().unwrap().iter().all(|p| p["provider"] != "anthropic"), "{all}");
    assert_eq!(error(&stand.home, &["auth", "anthropic", "--json"], 78)["code"], "E-MANIFEST");
}

#[test]
fn what_cannot_be_written_to_stdout_is_no_success() {
    let stand = accepted();
    stand.sign_in(PERSONAL);
    for words in [
        &["auth", "anthropic", "token"][..],
        &["auth", "--json"],
        &["-p", "hello"],
        &["-p", "hello", "--json"],
        &["set"],
        &["sandbox"],
        &["--version"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut command = stand.home.command();
        let done = command.args(words).stdin(Stdio::null()).stdout(full).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{words:?}: {said}");
        assert!(said.contains("stdout cannot be written: No space left on device"), "{words:?}: {said}");
        assert!(said.contains("E-FILE"), "{words:?}: {said}");
    }
}

#[test]
fn wrong_usage_is_a_document_too() {
    let stand = Stand::with(json!({}));
    let shown = |words: &[&str]| error(&stand.home, words, 2);
    insta::assert_snapshot!(shown(&["atuh", "--json"]), @r#"{"schema":"llxprt.error.v1","code":"E-USAGE","message":"There is no command \"atuh\". Did you mean auth?","next":["llxprt auth --sandbox=[sandbox] --json"],"hint":null,"exit":2}"#);
    insta::assert_snapshot!(shown(&["auth", "anthropic", "lgin", "--json"]), @r#"{"schema":"llxprt.error.v1","code":"E-USAGE","message":"llxprt auth has no action \"lgin\". Did you mean login?","next":["llxprt auth anthropic login --sandbox=[sandbox] --json"],"hint":"llxprt auth [provider] [action]","exit":2}"#);
    insta::assert_snapshot!(shown(&["keyfile", "--json"]), @r#"{"schema":"llxprt.error.v1","code":"E-USAGE","message":"llxprt keyfile needs <path|none> after it.","next":[],"hint":"llxprt keyfile <path|none>","exit":2}"#);
    for words in [
        &["auth", "anthropic", "login", "a b", "--json"][..],
        &["--json", "--nosuch"],
        &["completions", "--json"],
        &["help", "--json"],
        &["completions", "bash", "--json"],
        &["man", "--json"],
    ] {
        assert_eq!(shown(words)["code"], "E-USAGE", "{words:?}");
    }
    // There it is a prompt, and no flag.
    let done = stand.home.run(&["--nosuch", "-p", "--json"]).exit(2);
    assert_eq!(done.stdout, "");
    // A form with a place to fill cannot be typed.
    let keyfile = shown(&["keyfile", "--json"]);
    assert!(keyfile["next"].as_array().unwrap().iter().all(|next| !next.as_str().unwrap().contains('<')), "{keyfile}");
}

#[test]
fn what_only_shows_something_is_a_document() {
    let stand = Stand::with(json!({ "model": "claude-opus-5" }));
    assert_eq!(stand.home.run(&["log", "--json"]).ok().json()["entries"], json!([]));
    let key = stand.key("sk-ant-api03-canary-0123456789");
    let _ = stand.home.run(&["--key", &key, "-p", "hello"]).ok();
    stand.sign_in();
    let log = stand.home.run(&["log", "--json"]).ok().json();
    assert_eq!(log["schema"], "llxprt.log.v1");
    let entries = log["entries"].as_array().unwrap();
    let signed = entries.iter().find(|entry| entry["who"] == "anthropic:default").unwrap_or_else(|| panic!("{log}"));
    assert!(signed["at"].as_str().unwrap().ends_with('Z') && !signed["words"].as_str().unwrap().is_empty(), "{log}");
    let provider = stand.home.run(&["provider", "--json"]).ok().json();
    assert_eq!((&provider["schema"], &provider["active"]), (&json!("llxprt.provider.v1"), &json!("anthropic")));
    assert!(provider["providers"].as_array().unwrap().iter().any(|p| p["provider"] == "codex"), "{provider}");
    let model = stand.home.run(&["model", "--json"]).ok().json();
    assert_eq!((&model["schema"], &model["model"]), (&json!("llxprt.model.v1"), &json!("claude-opus-5")));
    assert_eq!(model["provider"], "anthropic");
}

#[test]
fn a_change_says_in_one_document_what_was_done_and_holds_no_secret() {
    const SECRET: &str = "sk-ant-api03-canary-9876543210";
    let stand = Stand::with(json!({}));
    let done = stand.home.run(&["auth", "anthropic", "enable", "--json"]).ok();
    insta::assert_snapshot!(done, @r#"
    {"schema":"llxprt.done.v1","command":"auth anthropic enable","said":["anthropic is on. You will be asked to sign in at the first request."]}
    --- stderr
    anthropic is on. You will be asked to sign in at the first request.
    --- exit 0
    "#);
    for words in [
        &["set", "authOnly", "false", "--json"][..],
        &["set", "unset", "authOnly", "--json"],
        &["provider", "codex", "--json"],
        &["provider", "anthropic", "--json"],
        &["model", "m", "--json"],
        &["key", "save", "mine", SECRET, "--json"],
        &["key", "delete", "mine", "--json"],
        &["baseurl", "none", "--json"],
        &["profile", "save", "model", "p", "--json"],
        &["profile", "set-default", "none", "--json"],
        &["auth", "anthropic", "disable", "--json"],
    ] {
        let document = stand.home.run(words).ok().json();
        assert_eq!(document["schema"], "llxprt.done.v1", "{words:?}");
        assert!(!document.to_string().contains("canary"), "{words:?}");
        assert!(!document["said"].as_array().unwrap().is_empty(), "{words:?}");
    }
    let browser = Browser::approving(&stand.home, PERSONAL);
    let run = stand.home.typed(&["auth", "anthropic", "login", "--json"]).env("BROWSER", browser.command());
    let document = run.done().ok().json();
    browser.page();
    assert_eq!((&document["schema"], &document["command"]), (&json!("llxprt.done.v1"), &json!("auth anthropic login")));
    stand.home.assert_clean(&[SECRET]);
}

#[test]
fn a_session_with_json_gives_one_document_for_each_line() {
    let stand = Stand::with(json!({}));
    let lines = "# nothing\n\n/auth anthropic enable\n/auth anthropic nonsense\n/set authOnly\n/help\nhello\n/quit\n";
    let done = stand.home.run_with_stdin(&["--json", "-k"], lines);
    let schemas: Vec<String> =
        documents(&done.stdout).iter().map(|d| d["schema"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        schemas,
        ["done", "error", "setting", "error", "error", "done"].map(|name| format!("llxprt.{name}.v1")),
        "{done}"
    );
    // One line may ask for a document by itself, also for what is wrong with it.
    let done = stand.session(&["/auth nowhere --json"]).exit(2);
    assert_eq!(done.json()["code"], "E-PROVIDER");
    let done = stand.session(&["/atuh --json"]).exit(2);
    assert_eq!(done.json()["code"], "E-USAGE");
    assert_eq!(stand.session(&["/auth nowhere"]).exit(2).stdout, "");
}

#[test]
fn the_next_of_an_error_can_be_typed_as_it_is() {
    let stand = accepted();
    stand.home.write("config/settings.json", r#"{"provider":"anthropic","defaultProfile":"gone"}"#);
    let document = error(&stand.home, &["-p", "hello", "--json"], 2);
    assert_eq!(document["next"], json!(["llxprt profile set-default none"]), "{document}");
    let done = stand.home.run(&["auth", "--json"]).ok();
    assert!(done.stderr.contains("llxprt profile set-default none"), "{done}");
    assert_eq!(done.json()["schema"], "llxprt.auth.v1", "the warning is no document");
    let _ = stand.home.run(&["profile", "set-default", "none"]).ok();

    let document = error(&stand.home, &["-p", "hello", "--json"], 4);
    for next in document["next"].as_array().unwrap() {
        let words: Vec<&str> = next.as_str().unwrap().split(' ').collect();
        assert_eq!(words[0], "llxprt", "{document}");
        llxprt_commands::Shell::parse_from_args(&words).unwrap_or_else(|e| panic!("{next}: {e:?}"));
    }

    let browser = Browser::denying(&stand.home);
    let run = stand.home.typed(&["auth", "anthropic", "login", "--json"]).env("BROWSER", browser.command());
    let document = run.done().exit(4).json();
    assert_eq!((&document["code"], &document["next"]), (&json!("E-DENIED"), &json!(["llxprt auth anthropic login"])));
}

#[test]
fn a_source_that_cannot_be_used_is_told_and_a_login_nobody_made_is_no_credential() {
    let stand = Stand::with(json!({}));
    let document = stand.home.run(&["--keyfile", "/nope", "auth", "anthropic", "status", "--json"]).ok().json();
    assert_eq!((&document["credential"], &document["error"]), (&json!(null), &json!("there is no file /nope")));
    let why = stand.home.run(&["--keyfile", "/nope", "auth", "anthropic", "why", "--json"]).ok().json();
    assert_eq!(why["error"], document["error"]);
    let _ = stand.home.run(&["auth", "anthropic", "enable"]).ok();
    let status = || stand.home.run(&["auth", "anthropic", "status", "--json"]).ok().json();
    let first = status();
    assert_eq!((&first["login"], &first["buckets"]), (&json!("on-first-use"), &json!([])));
    assert_eq!((&first["credential"], &first["error"]), (&json!(null), &json!(null)));
    stand.sign_in();
    assert_eq!(status()["credential"], json!({ "tier": 5, "source": "oauth", "detail": "default" }));
}
