//! What is stored of a login and a key, member by member: LLxprt Code reads and writes the same (design 4.8).

use llxprt::config::Dirs;
use llxprt::sandbox::{Answer, Endpoint};
use llxprt::vault::{Vault, Wish};
use serde_json::{Value, json};

use crate::faults_stage::{Stage, WORK, account, block_on, now};
use crate::support::Home;

/// The members that LLxprt Code uses, and those that are ours.
const THEIRS: [&str; 7] =
    ["access_token", "account_id", "expiry", "refresh_token", "resource_url", "scope", "token_type"];
const OURS: [&str; 4] = ["lifetime", "origins", "signed_in_until", "token_host"];

fn names(stored: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = stored.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_login_is_stored_with_the_members_of_llxprt_code_ours_and_no_others() {
    let stage = Stage::empty();
    let answer = json!({ "access_token": "sk-ant-oat01-stored-member-by-member", "token_type": "Bearer",
        "refresh_token": "sk-ant-ort01-stored-member-by-member", "expires_in": 28_800, "scope": "user:profile",
        "refresh_token_expires_in": 2_592_000, "resource_url": "api.anthropic.com" });
    stage.script().answer(Endpoint::Token, Answer::json(200, answer.clone()));
    let profile = json!({ "account": { "uuid": "u-1", "email": WORK }, "organization": { "uuid": "o-1" } });
    stage.script().answer(Endpoint::Profile, Answer::json(200, profile));
    let _ = stage.login(WORK, &[]);
    let stored = stage.stored(WORK);
    if stored.is_null() {
        // Where the manifest names no domains for `resource_url`, a login that names one is refused.
        let mut answer = answer;
        answer.as_object_mut().unwrap().remove("resource_url");
        stage.script().answer(Endpoint::Token, Answer::json(200, answer));
        let profile = json!({ "account": { "uuid": "u-1", "email": WORK }, "organization": { "uuid": "o-1" } });
        stage.script().answer(Endpoint::Profile, Answer::json(200, profile));
        let _ = stage.login(WORK, &[]).ok();
    }
    let stored = stage.stored(WORK);
    let allowed = [&THEIRS[..], &OURS].concat();
    assert!(names(&stored).iter().all(|name| allowed.contains(name)), "{:?}", names(&stored));
    for name in ["access_token", "refresh_token", "scope", "token_type", "account_id", "token_host"] {
        assert!(stored[name].is_string(), "{name}");
    }
    for (name, from_now) in [("expiry", 28_800), ("signed_in_until", 2_592_000)] {
        let seconds = stored[name].as_i64().unwrap();
        assert!((seconds - now() - from_now).abs() < 60, "{name} is in Unix seconds: {seconds}");
    }
    assert_eq!(stored["lifetime"], 28_800);
}

#[test]
fn members_that_nobody_knows_survive_a_renewal_and_a_renaming() {
    let stage = Stage::signed_in();
    let mut stored = stage.stored(WORK);
    stored["of_a_newer_version"] = json!({ "deep": [1, null, "x"] });
    stored["expiry"] = json!(now() - 10);
    stage.store(WORK, &stored);
    let _ = stage.token(WORK).ok();
    let renewed = stage.stored(WORK);
    assert_ne!(renewed["refresh_token"], stored["refresh_token"]);
    assert_eq!(renewed["of_a_newer_version"], stored["of_a_newer_version"]);
    let _ = stage.home.run(&["auth", "anthropic", "rename", WORK, "renamed"]).ok();
    assert_eq!(stage.stored("renamed"), renewed);
    assert_eq!(stage.stored(WORK), Value::Null);
}

#[test]
fn a_token_that_lives_is_printed_without_an_http_client() {
    // No sandbox: the provider is the real one, and a client cannot be built with these certificates.
    let home = Home::new().env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", "/nowhere");
    let vault = Vault::new(&Dirs::below(&home.path("")), Wish::File, true, false);
    let store = |expiry: i64| {
        let stored = json!({ "access_token": "a-token-that-lives", "refresh_token": "a-refresh-token",
            "expiry": expiry, "token_type": "Bearer" });
        block_on(async {
            let lock = vault.lock(&account(WORK)).await.unwrap();
            vault.write(&lock, &account(WORK), &stored.to_string()).await.unwrap();
        });
    };
    let token = || home.typed(&["auth", "anthropic", "token", WORK]).reveals().done();
    store(now() + 3600);
    assert_eq!(token().ok().stdout.trim(), "a-token-that-lives");
    // The proof that one would have been missed: a token that must be renewed needs it, and nothing is sent.
    store(now() - 10);
    let done = token().exit(69);
    assert!(done.stderr.contains("E-TLS") && done.stderr.contains("SSL_CERT_FILE=/dev/null"), "{done}");
    assert!(done.stderr.contains("The sign-in is kept."), "{done}");
}
