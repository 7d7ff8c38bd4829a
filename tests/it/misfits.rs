//! Values in settings.json that are there and cannot be understood: who needs one fails and says what mends it, the
//! others warn once (design 4.3, 4.6).

use serde_json::{Value, json};

use crate::keys_steps::Stand;
use crate::support::Home;

const KEY: &str = "sk-ant-api03-canary-0123456789";

fn settings(home: &Home) -> Value {
    serde_json::from_str(&home.read("config/settings.json")).unwrap()
}

/// A command that needs the setting, and the command that mends it.
struct Case {
    name: &'static str,
    value: Value,
    needs: &'static [&'static str],
    mends: &'static [&'static str],
}

fn cases() -> Vec<Case> {
    let case = |name, value, needs, mends| Case { name, value, needs, mends };
    vec![
        case("vault.store", json!("blah"), &["key", "save", "mine", KEY], &["set", "vault.store", "auto"]),
        case("vault.store", json!(1), &["auth", "anthropic", "login"], &["set", "vault.store", "auto"]),
        case("auth.noBrowser", json!(1), &["auth", "anthropic", "login"], &["set", "unset", "auth.noBrowser"]),
        case("auth.waitSeconds", json!(0), &["auth", "anthropic", "login"], &["set", "auth.waitSeconds", "600"]),
        case("stream.idleSeconds", json!("abc"), &["-p", "hi"], &["set", "stream.idleSeconds", "120"]),
        case("stream.idleSeconds", json!(3601), &["-p", "hi"], &["set", "stream.idleSeconds", "120"]),
        case("show.reasoning", json!("yes"), &["-p", "hi"], &["set", "show.reasoning", "false"]),
        case("auth.bucketPolicy", json!("x"), &["-p", "hi"], &["set", "auth.bucketPolicy", "failover"]),
        case("authOnly", json!("yes"), &["auth", "anthropic", "status"], &["set", "authOnly", "false"]),
        case("base-url", json!(5), &["-p", "hi"], &["set", "unset", "base-url"]),
        case("auth-keyfile", json!(5), &["-p", "hi"], &["set", "unset", "auth-keyfile"]),
        case("oauthEnabledProviders", json!("x"), &["auth"], &["set", "unset", "oauthEnabledProviders"]),
        case(
            "oauthEnabledProviders.anthropic",
            json!({ "anthropic": "on" }),
            &["auth", "anthropic", "why"],
            &["auth", "anthropic", "enable"],
        ),
        case("providerKeyfiles", json!("x"), &["-p", "hi"], &["set", "unset", "providerKeyfiles"]),
        case("provider", json!(5), &["-p", "hi"], &["set", "unset", "provider"]),
        case("provider", json!(5), &["model"], &["set", "unset", "provider"]),
        case("model", json!(5), &["-p", "hi"], &["set", "unset", "model"]),
        case("defaultProfile", json!(5), &["-p", "hi"], &["profile", "set-default", "none"]),
    ]
}

#[test]
fn who_needs_a_setting_that_cannot_be_understood_ends_with_78_and_the_command_that_mends_it() {
    for Case { name, value, needs, mends } in cases() {
        let stand = Stand::new();
        let _ = stand.key(KEY);
        let home = stand.home.env("ANTHROPIC_API_KEY", KEY).env("NO_BROWSER", "1");
        let member = name.strip_suffix(".anthropic").unwrap_or(name);
        let mut file = json!({ "provider": "anthropic", "theme": { "x": 1 } });
        file[member] = value.clone();
        home.write("config/settings.json", file.to_string());

        let done = home.run(needs).exit(78);
        let shown = if value.is_object() { json!("on") } else { value.clone() };
        let mend = format!("llxprt {}", mends.join(" "));
        for part in [name, &shown.to_string(), &mend, "E-DAMAGED", "[root]/config/settings.json"] {
            assert!(done.stderr.contains(part), "{name} {value}: {part}\n{done}");
        }
        let document = home.run(&[needs, &["--json"]].concat()).exit(78).json();
        assert!(document["next"].as_array().unwrap().contains(&json!(mend)), "{name}: {document}");
        assert_eq!(settings(&home), file, "{name}: nothing was written");

        // Whoever lists settings lists it, and the machine's check too.
        let listed = home.run(&["set", "--json"]).ok().json();
        let not_used = listed["not_used"].as_array().unwrap();
        assert!(not_used.len() == 1 && not_used[0].as_str().unwrap().contains(name), "{name}: {listed}");
        assert!(home.run(&["set"]).ok().stderr.contains(&format!("has {name}, and its value")), "{name}");
        let doctor = home.run(&["doctor", "--json"]).ok().json();
        let found = |finding: &&Value| finding["well"] == false && finding["detail"].to_string().contains(name);
        assert!(doctor["findings"].as_array().unwrap().iter().any(|f| found(&f)), "{name}: {doctor}");
        // A session says it once, and does what does not need it.
        let session = home.run_with_stdin(&[], "/clear\n/help\n").ok();
        assert_eq!(session.stderr.matches(&format!("has {name}, and its value")).count(), 1, "{name}\n{session}");

        let _ = home.run(mends).ok();
        let file = settings(&home);
        assert_eq!(file["theme"], json!({ "x": 1 }), "{name}");
        let listed = home.run(&["set", "--json"]).ok().json();
        assert_eq!(listed["not_used"], json!([]), "{name}");
        let done = home.run(needs);
        assert!(!done.stderr.contains("E-DAMAGED"), "{name}\n{done}");
    }
}

#[test]
fn what_is_not_understood_is_never_written_over() {
    for enabled in [json!([1]), json!("x"), json!(true)] {
        let stand = Stand::with(json!({ "oauthEnabledProviders": enabled, "providerKeyfiles": enabled }));
        let before = stand.home.read("config/settings.json");
        stand.home.write("home/key", KEY);
        for words in [
            &["auth", "anthropic", "enable"][..],
            &["auth", "anthropic", "disable"],
            &["auth", "anthropic", "login"],
            &["set", "providerKeyfiles.anthropic", "~/key"],
            &["set", "unset", "providerKeyfiles.anthropic"],
            &["keyfile", "~/key"],
        ] {
            let done = stand.home.run(words).exit(78);
            assert!(
                done.stderr.contains("E-DAMAGED") && done.stderr.contains("llxprt set unset "),
                "{words:?}\n{done}"
            );
            assert_eq!(stand.home.read("config/settings.json"), before, "{words:?}");
        }
    }
}

#[test]
fn a_flag_for_this_run_stands_before_a_value_that_is_not_understood() {
    let stand = Stand::with(json!({ "stream.idleSeconds": "abc", "authOnly": 5 }));
    let _ = stand.key(KEY);
    let flags = ["--set", "stream.idleSeconds=60", "--set", "authOnly=false", "--key", KEY];
    assert_eq!(stand.home.run(&[&flags[..], &["-p", "hello"]].concat()).ok().stdout, "hello\n");
}

#[test]
fn a_secret_in_the_wrong_place_is_not_shown() {
    for (name, value) in [("auth-key-name", json!([KEY])), ("providerApiKeys", json!(KEY))] {
        let stand = Stand::with(json!({ name: value }));
        let done = stand.home.run(&["set"]).ok();
        assert!(done.stderr.contains(&format!("has {name}, and its value is not")), "{done}");
        let _ = stand.home.run(&["-p", "hello"]).exit(78);
        let _ = stand.home.run(&["set", "unset", name]).ok();
        assert_eq!(settings(&stand.home).get(name), None);
    }
}

#[test]
fn the_default_of_max_tokens_is_what_is_sent() {
    let stand = Stand::with(json!({ "modelparam.max_tokens": 5 }));
    let done = stand.home.run(&["set", "unset", "modelparam.max_tokens"]).ok();
    insta::assert_snapshot!(done.stderr, @"modelparam.max_tokens is removed; the default holds: 8192.");
    let shown = stand.home.run(&["set", "modelparam.max_tokens", "--json"]).ok().json();
    assert_eq!(shown["default"], "8192");
    stand.settings(json!({ "provider": "codex" }));
    let done = stand.home.run(&["set", "unset", "modelparam.max_tokens"]).ok();
    assert!(done.stderr.contains("the default holds: the provider's."), "{done}");
}
