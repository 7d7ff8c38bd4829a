//! `/log`: what happened, in order, readable only by its owner, without a secret.

use std::os::unix::fs::PermissionsExt;

use llxprt::sandbox::{Answer, Endpoint};
use serde_json::json;

use crate::faults_stage::{Stage, WORK};
use crate::support::Browser;

#[test]
fn what_happened_is_told_in_order_and_no_secret_is_in_it() {
    let stage = Stage::signed_in();
    let refresh = stage.stored(WORK)["refresh_token"].as_str().unwrap().to_owned();
    stage.leave_seconds(WORK, -10);
    let _ = stage.token(WORK).ok();
    stage.leave_seconds(WORK, -10);
    let newest = stage.stored(WORK)["refresh_token"].as_str().unwrap().to_owned();
    let words = format!("The token {newest} (was {refresh}) is not known");
    let answer = json!({ "error": "invalid_grant", "error_description": words });
    stage.script().answer(Endpoint::Refresh, Answer::json(400, answer));
    let _ = stage.token(WORK).exit(4);
    let _ = stage.home.run(&["auth", "anthropic", "logout", WORK]).ok();

    let shown = stage.home.run(&["log"]).ok();
    let told: Vec<&str> = shown.stdout.lines().map(|line| line.split("  ").nth(2).unwrap_or_default()).collect();
    let begins = ["signed in", "renewed", "needs a new sign-in: The token … (was …", "signed out: removed here"];
    for (line, begin) in told.iter().zip(begins) {
        assert!(line.starts_with(begin), "{begin}: {line}");
    }
    assert_eq!(told.len(), begins.len(), "{shown}");
    assert!(shown.stderr.contains("llxprt.log"), "{shown}");
    let mode = std::fs::metadata(stage.home.path("log/llxprt.log")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    stage.home.assert_private();
    let secrets = stage.secrets();
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).chain([refresh.as_str(), newest.as_str()]).collect();
    let found = stage.home.find(&secrets);
    let found: Vec<_> = found.iter().filter(|place| !place.contains("/browser/")).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn refusals_are_told_with_their_reasons() {
    let stage = Stage::signed_in();
    let refusal =
        json!({ "type": "error", "error": { "type": "invalid_request_error", "message": "max_tokens: too large" } });
    stage.script().answer(Endpoint::Chat, Answer::json(400, refusal));
    let _ = stage.home.run(&["-p", "hello"]).exit(1);
    let denied = Browser::denying(&stage.home);
    let words = ["auth", "anthropic", "login", "other@example.com"];
    let _ = stage.home.typed(&words).env("BROWSER", denied.command()).done().exit(4);
    let other = Browser::approving(&stage.home, WORK);
    let _ = stage.home.typed(&words).env("BROWSER", other.command()).done().exit(4);
    let _ = stage.home.run(&["auth", "nobody"]).exit(2);

    let shown = stage.home.run(&["log"]).ok().stdout;
    let told: Vec<&str> = shown.lines().filter_map(|line| line.split_once("  ")).map(|(_, told)| told).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    anthropic:work@company.com  signed in
    anthropic  not answered: Anthropic refuses: max_tokens: too large (status 400). E-REFUSED
    anthropic:other@example.com  not signed in: The provider says access was denied: "The user denied the request". Nothing changed. E-DENIED
    anthropic:other@example.com  not signed in: The browser signed in as work@company.com, but you asked for other@example.com. Nothing was stored. E-IDENTITY
    "#);
}

#[test]
fn a_log_of_a_mebibyte_begins_anew_and_both_files_are_private() {
    let stage = Stage::signed_in();
    let path = stage.home.path("log/llxprt.log");
    let mut old = std::fs::read(&path).unwrap();
    old.resize((1 << 20) + 1, b'x');
    std::fs::write(&path, &old).unwrap();
    let _ = stage.home.run(&["auth", "anthropic", "logout", WORK]).ok();
    let log = stage.home.read("log/llxprt.log");
    assert_eq!(log.lines().count(), 1, "{log}");
    assert_eq!(std::fs::read(stage.home.path("log/llxprt.log.1")).unwrap(), old);
    stage.home.assert_private();
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let stage = Stage::signed_in();
    let path = stage.home.path("log/llxprt.log");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    stage.leave_seconds(WORK, -10);
    let _ = stage.token(WORK).ok();
    assert!(stage.home.run(&["log"]).exit(1).stderr.contains("llxprt.log"));
}
