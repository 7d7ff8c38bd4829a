//! `/set` and the file behind it, as other processes and people meet it.

use serde_json::{Value, json};

use crate::session_steps::{at_prompt, leave, stand, terminal};
use crate::support::{Browser, Home};

fn file(home: &Home) -> Value {
    serde_json::from_str(&home.read("config/settings.json")).unwrap()
}

#[test]
fn a_setting_holds_at_once_and_in_the_next_process_and_unset_takes_it_away() {
    let (_sandbox, home) = stand();
    let pty = terminal(&home, &[]);
    assert_eq!(pty.ask("/set auth.noBrowser true"), "auth.noBrowser is true now, and stays so (settings.json).");
    assert!(pty.ask("/set auth.noBrowser").starts_with("auth.noBrowser = true"));
    assert_eq!(leave(pty), 0);
    assert_eq!(file(&home)["auth.noBrowser"], true);
    assert!(home.run(&["set", "auth.noBrowser"]).ok().stdout.starts_with("auth.noBrowser = true"));
    let _ = home.run(&["set", "unset", "auth.noBrowser"]).ok();
    assert_eq!(file(&home).get("auth.noBrowser"), None);
    home.assert_private();
}

#[test]
fn what_another_process_changed_holds_at_the_next_prompt() {
    let (_sandbox, home) = stand();
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    let _ = home.run(&["set", "auth.noBrowser", "true"]).ok();
    assert!(pty.ask("/set auth.noBrowser").starts_with("auth.noBrowser = true"));
    assert_eq!(leave(pty), 0);
}

#[test]
fn unknown_members_survive_a_write() {
    let (_sandbox, home) = stand();
    home.write("config/settings.json", r#"{"theme":{"name":"dusk"},"oauthEnabledProviders":{"other":true},"z":[1,2]}"#);
    let _ = home.run(&["auth", "anthropic", "enable"]).ok();
    let after = file(&home);
    assert_eq!((&after["theme"], &after["z"]), (&json!({"name": "dusk"}), &json!([1, 2])));
    assert_eq!(after["oauthEnabledProviders"], json!({"other": true, "anthropic": true}));
}

#[test]
fn f4_a_damaged_file_is_named_left_as_it_is_and_the_rest_works() {
    for damaged in ["{\"auth.noBrowser\": tru", "[]", "", "{\"a\":1}}", "\u{feff}nonsense"] {
        let (_sandbox, home) = stand();
        let browser = Browser::zero(&home);
        let home = home.env("BROWSER", browser.command());
        home.write("config/settings.json", damaged);
        for words in
            [&["set", "auth.noBrowser", "true"][..], &["auth", "anthropic", "enable"], &["auth", "anthropic", "login"]]
        {
            let done = home.run(words).exit(78);
            assert!(done.stderr.contains("settings.json") && done.stderr.contains("E-DAMAGED"), "{words:?}: {done}");
        }
        assert_eq!(home.read("config/settings.json"), damaged);
        // What does not need it works.
        assert!(home.run(&["--version"]).ok().stdout.starts_with("llxprt "));
        let pty = terminal(&home, &[]);
        pty.wait_for("settings.json");
        assert_eq!(leave(pty), 0);
        assert_eq!(home.leftovers(), Vec::<std::path::PathBuf>::new());
    }
}

#[test]
fn an_unknown_setting_or_a_value_that_does_not_fit_is_refused() {
    let (_sandbox, home) = stand();
    for (key, value) in [("auth.nobrowsre", "true"), ("auth.noBrowser", "maybe"), ("stream.idleSeconds", "-1")] {
        let done = home.run(&["set", key, value]).exit(2);
        assert!(done.stderr.contains("E-SETTING") || done.stderr.contains("E-USAGE"), "{key}: {done}");
    }
    assert!(!home.path("config/settings.json").exists());
}

#[test]
fn a8_nothing_is_read_from_the_current_folder() {
    let (_sandbox, home) = stand();
    let evil = r#"{"auth.noBrowser":true,"provider":"evil","oauthEnabledProviders":{"anthropic":true}}"#;
    for name in ["settings.json", ".llxprt/settings.json", ".env", "providers/anthropic.toml"] {
        home.write(&format!("work/{name}"), evil);
    }
    let shown = home.run(&["auth", "anthropic", "status", "--json"]).ok().json();
    assert_eq!(shown["login"], "off");
    let shown = home.run(&["set", "auth.noBrowser", "--json"]).ok().json();
    assert!(shown["value"].is_null() && shown["origin"] == "default", "{shown}");
}
