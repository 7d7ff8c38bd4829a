//! `/key` and `/keyfile`: what is kept, what is shown, and what never is.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::keys_steps::{Sent, Stand};
use crate::support::pty::key;

const KEY: &str = "sk-ant-api03-canary-Zk7Qq-9k2L";
const OTHER: &str = "sk-ant-api03-canary-Xw3Rr-8j1M";

fn stand() -> Stand {
    let stand = Stand::with(json!({}));
    stand.key(KEY);
    stand.key(OTHER);
    stand
}

#[test]
fn a_key_is_saved_listed_shown_loaded_and_deleted() {
    let stand = stand();
    let done = stand.session(&["/key list", "/key save work", KEY, "/key list", "/key show work", "hello"]);
    insta::assert_snapshot!(done, @"
    work  ends …9k2L   a sealed file
    work: ends …9k2L, 30 characters, in a sealed file
    --- stderr
    No key is saved.
    The key work (…9k2L) is saved, in a sealed file.
    It is used by name: /key load work, or llxprt --key-name work.
    anthropic has no key, and its sign-in is off.
      /auth anthropic login
      /key save anthropic  E-NEED-LOGIN
    --- exit 4
    ");
    let done =
        stand.session(&["/key load work", "/key", "hello", "/key none", "/key", "/key delete work", "/key list"]);
    insta::assert_snapshot!(done, @"
    anthropic uses the saved key work (/key load).
    hello
    anthropic has no key, and its sign-in is off.
    --- stderr
    The saved key work (…9k2L) is used for anthropic in this session.
    anthropic uses the saved key work (/key load).
    This session's key for anthropic is forgotten.
    anthropic has no key, and its sign-in is off.
    The key work is deleted.
    No key is saved.
    --- exit 0
    ");
    assert_eq!(stand.sent(), [Sent::Key(KEY.into())]);
    stand.home.assert_private();
    stand.home.assert_clean(&[KEY]);
}

#[test]
fn lists_and_keys_are_documents_without_the_key() {
    let stand = stand();
    stand.save("work", KEY);
    let list = stand.home.run(&["key", "list", "--json"]).ok().json();
    assert_eq!(
        list,
        json!({ "schema": "llxprt.keys.v1", "keys": [{ "name": "work", "tail": "…9k2L", "store": "file" }] })
    );
    let shown = stand.home.run(&["key", "show", "work", "--json"]).ok().json();
    assert_eq!(shown["length"], KEY.len());
    let used = stand.home.run(&["key", "--json"]).ok().json();
    assert_eq!(used, json!({ "schema": "llxprt.key.used.v1", "provider": "anthropic", "credential": null }));
    stand.home.assert_clean(&[KEY]);
}

#[test]
fn the_providers_own_key_is_used_by_itself_and_what_it_wins_over_is_said() {
    let stand = stand();
    stand.sign_in();
    let done = stand.home.run_with_stdin(&["key", "save", "anthropic"], format!("{KEY}\n"));
    insta::assert_snapshot!(done, @"
    --- stderr
    The key anthropic (…9k2L) is saved, in a sealed file.
    The saved key anthropic wins over the sign-in: requests to anthropic are billed to it.
    To use the sign-in instead: llxprt set authOnly true      More: llxprt auth anthropic why
    --- exit 0
    ");
    let done = stand.session(&["hello", "/key list", "/key delete anthropic", "hello again"]);
    insta::assert_snapshot!(done, @"
    hello
    anthropic  ends …9k2L   a sealed file  used for anthropic
    hello again
    --- stderr
    The saved key anthropic wins over the sign-in: requests to anthropic are billed to it. More: /auth anthropic why
    The key anthropic is deleted.
    anthropic uses the sign-in default, because no key is there.
    --- exit 0
    ");
    assert_eq!(stand.sent(), [Sent::Key(KEY.into()), Sent::Token]);
}

#[test]
fn what_is_no_key_is_refused_and_not_repeated() {
    let stand = stand();
    let keys = || stand.home.run(&["key", "list", "--json"]).ok().json()["keys"].as_array().unwrap().len();
    for bad in ["", "\n", " \n", "two words canary\n", "one-line-canary\nsecond-line-canary\n", "canary-k\u{e9}y\n"] {
        let done = stand.home.run_with_stdin(&["key", "save", "work"], bad).exit(2);
        assert!(done.stderr.contains("Nothing was saved.") && !done.stderr.contains("canary"), "{bad:?}\n{done}");
        assert_eq!(keys(), 0, "{bad:?}");
    }
    let _ = stand.home.run(&["key", "save", "work", "two words"]).exit(2);
    let _ = stand.home.run(&["key", "save", "none", KEY]).exit(2);
    assert_eq!(keys(), 0);
    let done = stand.session(&["/key lsit"]).exit(2);
    insta::assert_snapshot!(done, @"
    --- stderr
    That is too short for a key (under 8 characters), so nothing changed.
      /help key  E-KEY
    --- exit 2
    ");
    let long = format!("sk-ant-{}", "x".repeat(70_000));
    let _ = stand.home.run_with_stdin(&["key", "save", "work"], long).exit(2);
}

#[test]
fn a_name_that_is_not_there_is_told_with_the_nearest() {
    let stand = stand();
    stand.save("work", KEY);
    for words in [["key", "show", "wrok"], ["key", "delete", "wrok"]] {
        let done = stand.home.run(&words).exit(2);
        assert!(done.stderr.contains("There is no saved key called \"wrok\". Did you mean work?"), "{done}");
        assert!(done.stderr.contains("llxprt key list"), "{done}");
    }
    let done = stand.session(&["/key load wrok"]).exit(2);
    assert!(done.stderr.contains("Did you mean work?"), "{done}");
}

#[test]
fn a_key_typed_in_a_terminal_is_not_shown_and_not_remembered() {
    let stand = stand();
    let mut pty = stand.home.pty(&[]);
    pty.wait_prompt();
    pty.type_line("/key save work");
    pty.wait_for("key ›");
    pty.keys(KEY);
    pty.wait_for(&"*".repeat(KEY.len()));
    pty.keys(key::ENTER);
    pty.wait_for("is saved");
    pty.wait_prompt();
    // Pasted, too; and the one that is there is replaced only after a yes.
    pty.type_line("/key save work");
    pty.wait_for("Replace it? [y/N]");
    pty.keys(key::ENTER);
    pty.wait_for("Nothing changed.");
    pty.wait_prompt();
    pty.type_line("/key save work");
    pty.wait_for_count("Replace it? [y/N]", 2);
    pty.type_line("y");
    pty.wait_for_count("key ›", 2);
    pty.paste(OTHER);
    pty.keys(key::ENTER);
    pty.wait_for("is replaced");
    pty.wait_prompt();
    // Ctrl+C and an empty answer leave everything as it was.
    pty.type_line("/key save other");
    pty.wait_for_count("key ›", 3);
    pty.keys(key::CTRL_C);
    pty.wait_for("Cancelled. Nothing was saved.");
    pty.wait_prompt();
    pty.type_line("/key load work");
    pty.wait_for("is used for anthropic in this session");
    pty.wait_prompt();
    pty.ask("hello");
    pty.type_line("/quit");
    assert_eq!(pty.exit_status(), 0);
    pty.assert_restored();
    assert_eq!(stand.sent(), [Sent::Key(OTHER.into())]);
    assert!(!stand.home.read("data/history").contains("canary"));
    stand.home.assert_clean(&[KEY, OTHER]);
}

#[test]
fn a_key_for_this_session_is_kept_nowhere_and_the_newest_choice_counts() {
    let stand = stand();
    stand.save("work", OTHER);
    stand.home.write("home/key", format!("\u{feff} {OTHER} \r\n"));
    let line = format!("/key {KEY}");
    let done = stand
        .session(&[
            &line,
            "one",
            "/keyfile ~/key",
            "two",
            &line,
            "three",
            "/key load work",
            "four",
            "/key none",
            "five",
        ])
        .exit(4);
    let key = |text: &str| Sent::Key(text.to_owned());
    assert_eq!(stand.sent(), [key(KEY), key(OTHER), key(KEY), key(OTHER)], "{done}");
    assert!(done.stderr.contains("is used for anthropic in this session, and kept nowhere."), "{done}");
    stand.home.assert_clean(&[KEY]);
}

#[test]
fn a_key_of_another_provider_is_warned_about_and_used() {
    let stand = stand();
    let other = "name = \"gateway\"\ntitle = \"Gateway AI\"\ndefault_model = \"m\"\nkey_prefixes = [\"gw-\"]\n\
                 [api]\ndialect = \"openai-chat\"\nbase_url = \"https://gateway.example/v1\"\n";
    stand.home.write("config/providers/gateway.toml", other);
    let key = stand.key("gw-canary-0123456789");
    let warning = "This key looks like one for Gateway AI; it is used for anthropic all the same.";
    let done = stand.home.run_with_stdin(&["key", "save", "anthropic"], key.clone()).ok();
    assert_eq!(done.stderr.matches(warning).count(), 1, "{done}");
    let done = stand.session(&["one", "two"]).ok();
    assert_eq!(done.stderr.matches(warning).count(), 1, "{done}");
    let done = stand.session(&[&format!("/key {key}"), "one"]).ok();
    assert_eq!(done.stderr.matches(warning).count(), 1, "{done}");
    // Under its own name nothing is odd.
    let done = stand.home.run_with_stdin(&["key", "save", "gateway"], key).ok();
    assert!(!done.stderr.contains("looks like"), "{done}");
}

#[test]
fn deleting_a_key_tells_who_names_it() {
    let stand = Stand::with(json!({ "auth-key-name": "work" }));
    stand.key(KEY);
    stand.save("work", KEY);
    let profile = json!({ "version": 1, "provider": "anthropic", "model": "m", "ephemeralSettings": { "auth-key-name": "work" } });
    stand.home.write("config/profiles/metered.json", profile.to_string());
    stand.home.write("config/profiles/damaged.json", "{");
    let done = stand.home.run(&["key", "delete", "work"]);
    insta::assert_snapshot!(done, @"
    --- stderr
    The key work is deleted.
    The profile metered names it (auth-key-name), and cannot be used until there is one.
    settings.json names it (auth-key-name), and requests fail until there is one or the name is gone: llxprt set unset auth-key-name
    --- exit 0
    ");
    let _ = stand.home.run(&["-p", "hello"]).exit(2);
}

#[test]
fn a_key_file_holds_for_the_session_and_in_the_shell_for_good() {
    let stand = stand();
    stand.home.write("home/key", format!("{KEY}\n"));
    let done = stand.session(&["/keyfile ~/key", "hello", "/keyfile none", "/keyfile none"]);
    insta::assert_snapshot!(done, @"
    hello
    --- stderr
    The key in ~/key is used for anthropic in this session.
    anthropic uses the key in ~/key (/keyfile).
    This session uses no key file for anthropic any more.
    anthropic has no key, and its sign-in is off.
    This session was given no key file for anthropic.
    anthropic has no key, and its sign-in is off.
    --- exit 0
    ");
    assert!(stand.home.run(&["auth", "anthropic", "why", "--json"]).ok().json()["winner"].is_null());

    stand.home.write("work/relative", OTHER);
    let done = stand.home.run(&["keyfile", "relative"]);
    insta::assert_snapshot!(done, @"
    --- stderr
    The key in [root]/work/relative is used for anthropic from now on (providerKeyfiles.anthropic in settings.json).
    anthropic uses the key in [root]/work/relative (providerKeyfiles.anthropic in settings.json).
    --- exit 0
    ");
    // From another folder it is the same file.
    let _ = stand.home.typed(&["-p", "hello"]).dir(stand.home.path("home")).done().ok();
    assert_eq!(stand.sent(), [Sent::Key(KEY.into()), Sent::Key(OTHER.into())]);
    let settings: Value = serde_json::from_str(&stand.home.read("config/settings.json")).unwrap();
    assert_eq!(settings["providerKeyfiles"]["anthropic"], stand.home.path("work/relative").display().to_string());
    let _ = stand.home.run(&["keyfile", "none"]).ok();
    assert!(stand.home.run(&["auth", "anthropic", "why", "--json"]).ok().json()["winner"].is_null());
}

#[test]
fn a_key_file_that_others_can_read_is_warned_about_once_and_used() {
    let stand = stand();
    let path = stand.home.write("home/key", KEY);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let file = path.display().to_string();
    let done = stand.home.run_with_stdin(&["--keyfile", &file], "one\ntwo\n").ok();
    let warning = "can be read or changed by other users (mode 644): chmod 600 closes it.";
    assert_eq!(done.stderr.matches(warning).count(), 1, "{done}");
    let done = stand.session(&["/keyfile ~/key", "one"]).ok();
    assert_eq!(done.stderr.matches(warning).count(), 1, "{done}");
}

#[test]
fn a_key_that_cannot_be_opened_is_an_error_that_names_it() {
    let stand = stand();
    stand.save("anthropic", KEY);
    stand.home.write("data/secure-store/keys/anthropic.sealed", "LLXSEAL1 and no more");
    let done = stand.home.typed(&["-p", "hello"]).env("ANTHROPIC_API_KEY", OTHER).done().exit(78);
    assert!(done.stderr.contains("The saved key anthropic cannot be read."), "{done}");
    assert_eq!(stand.sent(), []);
}

#[test]
fn a_settings_file_by_llxprt_code_counts_and_its_keys_are_warned_about() {
    let stand = Stand::with(json!({ "providerApiKeys": { "anthropic": KEY } }));
    stand.key(KEY);
    let done = stand.session(&["one", "two"]).ok();
    let warning =
        "The key written in settings.json (providerApiKeys.anthropic) can be read by whoever reads that file.";
    assert_eq!(done.stderr.matches(warning).count(), 1, "{done}");
    assert_eq!(stand.sent(), [Sent::Key(KEY.into()), Sent::Key(KEY.into())]);
}
