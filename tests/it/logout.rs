//! Signing out through the whole program: what is revoked, what is deleted, what is said of both.

use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::faults_stage::{PERSONAL, Stage, WORK};

/// Adds to Anthropic's manifest; the sandbox stands in for built-in URLs only, so this one names it itself.
fn manifest(stage: &Stage, revoke: &str) {
    let text = format!("name = \"anthropic\"\n[oauth]\nrevoke_url = \"{revoke}\"\nrevoke_request = \"json\"\n");
    let _ = stage.home.write("config/providers/anthropic.toml", text);
}

fn revoked(stage: &Stage) -> Vec<Value> {
    let calls = stage.sandbox.script("codex").requests_to(llxprt::sandbox::Endpoint::Revoke);
    calls.iter().map(|call| serde_json::from_str(&call.body).unwrap()).collect()
}

#[test]
fn a_provider_that_cannot_revoke_is_named_and_the_login_is_gone() {
    let stage = Stage::signed_in();
    let done = stage.home.run(&["auth", "anthropic", "logout", WORK]).ok();
    assert!(
        done.stderr.contains("work@company.com  removed here; anthropic cannot revoke, so its token may work until"),
        "{done}"
    );
    assert_eq!(stage.stored(WORK), Value::Null);
    assert!(!stage.sealed(WORK).exists());
    assert_eq!(stage.bucket(WORK), Value::Null);
    let log = stage.home.read("log/llxprt.log");
    assert!(log.contains("anthropic:work@company.com  signed out: removed here"), "{log}");
}

#[test]
fn what_was_revoked_says_so_and_the_provider_got_the_refresh_token() {
    let stage = Stage::signed_in();
    let refresh = stage.stored(WORK)["refresh_token"].clone();
    manifest(&stage, &format!("{}/codex/oauth/revoke", stage.sandbox.url()));
    // Answered by a script: the other provider does not know this client.
    stage.sandbox.script("codex").answer(llxprt::sandbox::Endpoint::Revoke, llxprt::sandbox::Answer::empty(200));
    let done = stage.home.run(&["auth", "anthropic", "logout", WORK]).ok();
    assert!(done.stderr.contains("work@company.com  revoked at anthropic and removed here"), "{done}");
    assert_eq!(revoked(&stage)[0]["token"], refresh);
    assert_eq!(revoked(&stage)[0]["token_type_hint"], "refresh_token");
    assert_eq!(stage.stored(WORK), Value::Null);
}

#[test]
fn what_the_provider_did_not_confirm_is_removed_all_the_same() {
    for answer in [llxprt::sandbox::Answer::empty(503), llxprt::sandbox::Answer::lost()] {
        let stage = Stage::signed_in();
        manifest(&stage, &format!("{}/codex/oauth/revoke", stage.sandbox.url()));
        stage.sandbox.script("codex").answer(llxprt::sandbox::Endpoint::Revoke, answer);
        let done = stage.home.run(&["auth", "anthropic", "logout", WORK]).ok();
        assert!(done.stderr.contains("removed here; anthropic did not confirm, so its token may work until"), "{done}");
        assert_eq!(stage.stored(WORK), Value::Null);
    }
}

#[test]
fn a_login_whose_identity_lives_on_elsewhere_is_not_revoked() {
    let stage = Stage::signed_in();
    let browser = crate::support::Browser::approving(&stage.home, WORK);
    let twin = stage.home.typed(&["auth", "anthropic", "login", "twin"]).env("BROWSER", browser.command()).done().ok();
    assert!(twin.stderr.contains("one identity"), "{twin}");
    manifest(&stage, &format!("{}/codex/oauth/revoke", stage.sandbox.url()));
    let done = stage.home.run(&["auth", "anthropic", "logout", "twin"]).ok();
    assert!(done.stderr.contains("not revoked, as another account here is the same identity"), "{done}");
    assert_eq!(revoked(&stage), [Value::Null; 0]);
    let _ = stage.token(WORK).ok();
}

#[test]
fn logout_all_takes_every_account_and_an_account_that_never_was_is_an_error() {
    let stage = Stage::signed_in();
    let _ = stage.login(PERSONAL, &[]).ok();
    for never in ["never@example.com", "default"] {
        let done = stage.home.run(&["auth", "anthropic", "logout", never]).exit(2);
        assert!(done.stderr.contains("E-ACCOUNT"), "{done}");
    }
    let done = stage.home.run(&["auth", "anthropic", "logout", "--all"]).ok();
    assert!(done.stderr.contains(WORK) && done.stderr.contains(PERSONAL), "{done}");
    assert_eq!((stage.stored(WORK), stage.stored(PERSONAL)), (Value::Null, Value::Null));
    let done = stage.home.run(&["auth", "anthropic", "logout", "all"]).ok();
    assert!(done.stderr.contains("Nobody is signed in to anthropic."), "{done}");
}

#[test]
fn what_cannot_be_deleted_is_told_and_fails_while_the_others_go() {
    let stage = Stage::signed_in();
    let _ = stage.login(PERSONAL, &[]).ok();
    let sealed = stage.sealed(WORK);
    let aside = stage.home.path("work/aside");
    std::fs::rename(&sealed, &aside).unwrap();
    symlink(&aside, &sealed).unwrap();
    let done = stage.home.run(&["auth", "anthropic", "logout", "all"]);
    assert_eq!(done.status(), 77, "{done}");
    assert!(done.stderr.contains("not removed") && done.stderr.contains("work@company.com.sealed"), "{done}");
    assert!(aside.exists() && sealed.is_symlink(), "what the link leads to is left alone");
    assert_eq!(stage.stored(PERSONAL), Value::Null);
    assert_ne!(stage.bucket(WORK), Value::Null, "it is still listed");
}

#[test]
fn a_login_that_does_not_open_is_removed_when_asked() {
    let stage = Stage::signed_in();
    std::fs::write(stage.sealed(WORK), b"LLXSEAL1 and nothing that opens").unwrap();
    let _ = stage.token(WORK).exit(78);
    assert_eq!(stage.bucket(WORK)["state"], "unknown");
    let _ = stage.home.run(&["auth", "anthropic", "logout", WORK]).ok();
    assert!(!stage.sealed(WORK).exists());
    let _ = stage.login(WORK, &[]).ok();
    let _ = stage.token(WORK).ok();
}

#[test]
fn an_account_whose_secret_is_gone_needs_a_sign_in_and_takes_one() {
    let stage = Stage::signed_in();
    // As a sign-out leaves it that was killed half-way.
    std::fs::remove_file(stage.sealed(WORK)).unwrap();
    let _ = stage.token(WORK).exit(4);
    assert_eq!(stage.bucket(WORK)["state"], "needs-login");
    let _ = stage.login(WORK, &[]).ok();
    assert_eq!(stage.bucket(WORK)["state"], "ready");
    // A login asked for at once, before anybody looked.
    std::fs::remove_file(stage.sealed(WORK)).unwrap();
    let _ = stage.login(WORK, &[]).ok();
    let _ = stage.token(WORK).ok();
}

#[test]
fn a_sign_out_that_is_cancelled_while_the_provider_is_asked_leaves_no_login_that_is_called_ready() {
    use std::os::unix::process::ExitStatusExt;
    let stage = Stage::signed_in();
    manifest(&stage, &format!("{}/codex/oauth/revoke", stage.sandbox.url()));
    let script = stage.sandbox.script("codex");
    script.hold(llxprt::sandbox::Endpoint::Revoke);
    let child = stage.child(&["auth", "anthropic", "logout", WORK]);
    crate::support::until("the provider to be asked", || (!revoked(&stage).is_empty()).then_some(()));
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let done = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(done.stderr).unwrap();
    assert_eq!((done.status.code(), done.status.signal()), (Some(130), None), "{stderr}");
    assert!(stderr.contains("whether it did is not known"), "{stderr}");
    script.release(llxprt::sandbox::Endpoint::Revoke);
    assert_eq!(stage.bucket(WORK)["state"], "needs-login");
    let log = stage.home.read("log/llxprt.log");
    assert!(log.contains("signing out was cancelled: anthropic was asked to revoke"), "{log}");
    let _ = stage.home.run(&["auth", "anthropic", "logout", WORK]).ok();
    assert_eq!(stage.stored(WORK), Value::Null);
    let _ = stage.login(WORK, &[]).ok();
    assert_eq!(stage.bucket(WORK)["state"], "ready");
}
