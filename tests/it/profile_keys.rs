//! Keys that a profile names, and `authOnly` inside one: the second tier, as the provider sees it.

use serde_json::{Value, json};

use crate::keys_steps::{Sent, Stand};

const FLAG: &str = "sk-ant-api03-canary-profile-flag-1111";
const FILE: &str = "sk-ant-api03-canary-profile-file-2222";
const SAVED: &str = "sk-ant-api03-canary-profile-vault-3333";
const WRITTEN: &str = "sk-ant-api03-canary-profile-written-4444";
const SETTING: &str = "sk-ant-api03-canary-profile-setting-5555";

fn key(key: &str) -> Sent {
    Sent::Key(key.to_owned())
}

/// Somebody is signed in, a key is in a file, another saved as `work`, a third named in settings.json.
fn stand() -> Stand {
    let stand = Stand::with(json!({}));
    stand.sign_in();
    for key in [FLAG, FILE, SAVED, WRITTEN, SETTING] {
        stand.key(key);
    }
    stand.save("work", SAVED);
    stand.home.write("home/key", format!("{FILE}\n"));
    stand.home.write("home/other", format!("{SETTING}\n"));
    stand.settings(json!({
        "oauthEnabledProviders": { "anthropic": true }, "providerKeyfiles": { "anthropic": "~/other" },
    }));
    stand
}

fn profile(stand: &Stand, settings: Value) {
    let profile = json!({ "version": 1, "provider": "anthropic", "model": "claude-opus-5", "modelParams": {},
        "ephemeralSettings": settings });
    stand.home.write("config/profiles/p.json", profile.to_string());
}

#[test]
fn a_key_that_a_profile_names_goes_before_settings_and_after_flags() {
    let stand = stand();
    for (settings, used, name) in [
        (json!({ "auth-keyfile": "~/key" }), FILE, "auth-keyfile"),
        (json!({ "auth-key-name": "work" }), SAVED, "auth-key-name"),
        (json!({ "auth-key": WRITTEN }), WRITTEN, "auth-key"),
        (json!({ "apiKey": WRITTEN }), WRITTEN, "auth-key"),
        (json!({ "auth-key": "none", "api-key": WRITTEN }), WRITTEN, "auth-key"),
        (json!({ "auth-key": WRITTEN, "api-key": FILE }), WRITTEN, "auth-key"),
        (json!({ "auth-key": WRITTEN, "auth-key-name": "work" }), SAVED, "auth-key-name"),
        (json!({ "auth-key": WRITTEN, "auth-key-name": "work", "auth-keyfile": "~/key" }), FILE, "auth-keyfile"),
        (
            json!({ "auth-key": "none", "auth-key-name": "", "auth-keyfile": null }),
            SETTING,
            "providerKeyfiles.anthropic",
        ),
    ] {
        profile(&stand, settings.clone());
        let before = stand.sent().len();
        let load = ["--profile-load", "p"];
        let why = stand.home.run(&[&load[..], &["auth", "anthropic", "why", "--json"]].concat()).ok().json();
        assert_eq!((&why["winner"], &why["tiers"][1]["detail"]), (&json!(2), &json!(name)), "{settings}");
        let _ = stand.home.run(&[&load[..], &["-p", "hello"]].concat()).ok();
        let _ = stand.home.run(&[&load[..], &["--key", FLAG, "-p", "hello"]].concat()).ok();
        // In a session it holds until the profile is unloaded.
        let done =
            stand.session(&["one", "/profile load p", "two", "/profile unload", "/provider anthropic", "three"]).ok();
        let sent = [key(used), key(FLAG), key(SETTING), key(used), key(SETTING)];
        assert_eq!(stand.sent()[before..], sent, "{settings}\n{done}");
        // `/key` is newer than the profile and goes before it.
        let _ = stand.session(&["/profile load p", &format!("/key {FLAG}"), "four"]).ok();
        assert_eq!(stand.sent().last(), Some(&key(FLAG)), "{settings}");
    }
    let warned = stand.home.run(&["--profile-load", "p", "-p", "hello"]).ok();
    assert!(!warned.stderr.contains("auth-key)"), "none is no key\n{warned}");
    profile(&stand, json!({ "auth-key": WRITTEN }));
    let done = stand.home.run(&["--profile-load", "p", "-p", "hello"]).ok();
    let said = "The key written in the profile p (auth-key) can be read by whoever reads that file.";
    assert_eq!(done.stderr.matches(said).count(), 1, "{done}");
}

#[test]
fn a_key_that_is_written_in_a_profile_is_never_shown_wherever_it_is() {
    let stand = stand();
    // Of no form by which it could be told.
    let secret = "hunter2-secret-value";
    profile(
        &stand,
        json!({
            "apiKey": secret, "more": { "Auth-Key": secret, "list": [{ "api-key": [secret] }], "kept": "in sight" },
            "custom-headers": { "Authorization": secret }, "providerApiKeys": { "anthropic": secret }, "retries": 3,
        }),
    );
    for words in [&["show", "p"][..], &["show", "p", "--json"], &["list", "--json"], &["list"]] {
        let done = stand.home.run(&[&["profile"], words].concat()).ok();
        assert!(!format!("{done}").contains(secret), "{done}");
        let whole = words.len() == 1 || (done.stdout.contains("in sight") && done.stdout.contains("retries"));
        assert!(whole, "{done}");
    }
    let done = stand.session(&["/profile load p", "/set", "/profile", "/doctor"]).ok();
    assert!(!format!("{done}").contains(secret), "{done}");
    // Saved anew, it is in the file no more.
    let done = stand.home.run(&["--profile-load", "p", "profile", "save", "model", "p"]).ok();
    assert!(done.stderr.contains("The key itself is not written into the profile."), "{done}");
    let kept: Value = serde_json::from_str(&stand.home.read("config/profiles/p.json")).unwrap();
    assert_eq!((kept["ephemeralSettings"].get("apiKey"), &kept["ephemeralSettings"]["retries"]), (None, &json!(3)));
}

#[test]
fn auth_only_inside_a_profile_holds_while_it_is_loaded_and_no_longer() {
    let stand = stand();
    profile(&stand, json!({ "authOnly": true, "auth-keyfile": "~/key" }));
    let lines =
        ["one", "/profile load p", "two", "/auth anthropic why", "/profile unload", "/provider anthropic", "three"];
    let done = stand.session(&lines).ok();
    assert_eq!(stand.sent(), [key(SETTING), Sent::Token, key(SETTING)], "{done}");
    assert!(done.stdout.contains("To use the key instead:   /set authOnly false"), "{done}");
    assert!(done.stdout.contains("ends …2222    left out by authOnly"), "{done}");
    // What is suggested uses the profile's own key; a flag of the run goes before the profile.
    let _ = stand.session(&["/profile load p", "/set authOnly false", "four"]).ok();
    let _ = stand.home.run(&["--profile-load", "p", "--set", "authOnly=false", "-p", "five"]).ok();
    assert_eq!(stand.sent()[3..], [key(FILE), key(FILE)]);
    let done = stand.home.run(&["--profile-load", "p", "auth", "anthropic", "why"]).ok();
    assert!(done.stdout.contains("To use the key instead:   llxprt --profile-load p --set authOnly=false"), "{done}");
    // False in a profile goes before true in settings.json.
    let _ = stand.home.run(&["set", "authOnly", "true"]).ok();
    profile(&stand, json!({ "authOnly": false, "auth-keyfile": "~/key" }));
    let _ = stand.home.run(&["-p", "six"]).ok();
    let _ = stand.home.run(&["--profile-load", "p", "-p", "seven"]).ok();
    assert_eq!(stand.sent()[5..], [Sent::Token, key(FILE)]);
}

#[test]
fn what_a_profile_names_and_cannot_be_used_is_an_error_that_names_it() {
    let stand = stand();
    stand.home.write("work/key", FILE);
    let missing = format!("there is no file {}", stand.home.path("home/gone").display());
    for (settings, status, said) in [
        (json!({ "auth-keyfile": "~/gone" }), 2, "The key in ~/gone (auth-keyfile of the profile p) cannot be used: "),
        (json!({ "auth-keyfile": "~/gone" }), 2, missing.as_str()),
        (json!({ "auth-keyfile": "key" }), 2, "key is not a whole path; write it from / or from ~/."),
        (json!({ "auth-keyfile": ["key"] }), 78, "has auth-keyfile, and its value [\"key\"] is not a path."),
        (json!({ "auth-keyfile": "~" }), 2, "is a folder."),
        (json!({ "auth-key-name": "wrok" }), 2, "there is no saved key called \"wrok\"; did you mean work?"),
        (json!({ "auth-key": "two words" }), 2, "it holds blanks, line breaks or letters that no key has."),
        (
            json!({ "authOnly": "yes" }),
            78,
            "The loaded profile has authOnly, and its value \"yes\" is not true or false.",
        ),
    ] {
        profile(&stand, settings.clone());
        for words in [&["--profile-load", "p", "-p", "hello"][..], &["--profile-load", "p", "-p", "hello", "--json"]] {
            let done = stand.home.run(words).exit(status);
            let shown = format!("{}{}", done.stdout.replace("\\\"", "\""), done.stderr);
            let said = said.replace(&stand.home.path("").display().to_string(), "[root]/");
            assert!(shown.contains(&said), "{settings}: {said}\n{done}");
        }
        let done = stand.session(&["/profile load p", "hello"]);
        assert_eq!(done.status(), status, "{settings}\n{done}");
    }
    assert_eq!(stand.sent(), []);
}

#[test]
fn a_key_in_use_is_saved_by_its_name_and_never_itself() {
    let stand = stand();
    let saved = |name: &str| -> Value {
        serde_json::from_str(&stand.home.read(&format!("config/profiles/{name}.json"))).unwrap()
    };
    let key = format!("/key {FLAG}");
    let done = stand.session(&[
        "/auth anthropic switch default",
        "/keyfile ~/key",
        "/profile save model file",
        "/profile unload",
        "/provider anthropic",
        "/key load work",
        "/profile save model name",
        "/profile unload",
        "/provider anthropic",
        "/auth anthropic switch default",
        &key,
        "/profile save model raw",
    ]);
    assert_eq!(saved("file")["ephemeralSettings"], json!({ "auth-keyfile": "~/key" }), "{done}");
    assert_eq!(saved("name")["ephemeralSettings"], json!({ "auth-key-name": "work" }), "{done}");
    assert!(saved("file").get("auth").is_none() && saved("name").get("auth").is_none(), "{done}");
    assert_eq!(saved("raw")["auth"]["buckets"], json!(["default"]), "{done}");
    assert!(!saved("raw").to_string().contains("canary"));
    // Each is used as it was saved.
    let before = stand.sent().len();
    for (name, used) in [("file", FILE), ("name", SAVED)] {
        let _ = stand.home.run(&["--profile-load", name, "-p", "hello"]).ok();
        assert_eq!(stand.sent().last(), Some(&Sent::Key(used.to_owned())));
    }
    assert_eq!(stand.sent().len(), before + 2);
}
