//! `/set`: values with their origin, names in any case, and a file that is never spoilt.

use llxprt::chat::{Conversation, Params};
use llxprt::config::declared::RESERVED;
use llxprt::providers::Dialect;
use llxprt::sandbox::Endpoint;
use serde_json::{Value, json};

use crate::keys_steps::{Sent, Stand};
use crate::support::Home;
use crate::support::pty::key;

fn settings(home: &Home) -> Value {
    serde_json::from_str(&home.read("config/settings.json")).unwrap()
}

#[test]
fn settings_are_listed_with_value_and_origin() {
    let stand = Stand::with(json!({ "authOnly": true, "theme": "dark", "stream.idleSeconds": 0 }));
    let flags = ["--set", "auth.NOBROWSER=true", "--set", "modelparam.top_p=0.5"];
    let done = stand.home.run(&[&flags[..], &["set"]].concat());
    insta::assert_snapshot!(done, @"
    auth.noBrowser      true            flag
    auth.waitSeconds    600             default
    authOnly            true            settings.json
    auth.bucketPolicy   failover        default
    auth-keyfile        none            default
    auth-key-name       none            default
    base-url            the manifest's  default
    vault.store         auto            default
    stream.idleSeconds  120             default
    show.reasoning      false           default
    modelparam.top_p    0.5             flag
    --- stderr
    [root]/config/settings.json has stream.idleSeconds, and its value 0 is not a whole number from 1 to 3600.
    --- exit 0
    ");
    let listed = stand.home.run(&[&flags[..], &["set", "--json"]].concat()).ok().json();
    assert_eq!(listed["schema"], "llxprt.set.v1");
    let row = |name: &str| {
        let rows = listed["settings"].as_array().unwrap();
        rows.iter().find(|row| row["key"] == name).unwrap_or_else(|| panic!("{name}: {listed}")).clone()
    };
    assert_eq!(row("auth.noBrowser"), json!({ "key": "auth.noBrowser", "value": true, "origin": "flag" }));
    assert_eq!(row("authOnly"), json!({ "key": "authOnly", "value": true, "origin": "settings.json" }));
    assert_eq!(row("stream.idleSeconds"), json!({ "key": "stream.idleSeconds", "value": 120, "origin": "default" }));
    assert_eq!(row("modelparam.top_p")["value"], 0.5);
    assert_eq!(listed["not_used"].as_array().unwrap().len(), 1);
    // For one run means that nothing was kept.
    assert_eq!(settings(&stand.home).as_object().unwrap().len(), 4);
}

#[test]
fn a_setting_is_changed_shown_and_removed() {
    let stand = Stand::with(json!({ "theme": { "name": "dark" }, "authOnly": false }));
    let done = stand.session(&[
        "/set auth.nobrowser TRUE",
        "/set auth.noBrowser",
        "/set modelparam.temperature -0.5",
        "/set modelparam.stop \"a  b\" c",
        "/set vault.store file",
        "/set unset AUTH.nobrowser",
        "/set unset auth.noBrowser",
    ]);
    insta::assert_snapshot!(done, @"
    auth.noBrowser = true  (settings.json)
    --- stderr
    auth.noBrowser is true now, and stays so (settings.json).
    True never opens a browser and shows the link with a paste prompt; false always opens one. It takes true or false.
    modelparam.temperature is -0.5 now, and stays so (settings.json).
    modelparam.stop is a  b c now, and stays so (settings.json).
    vault.store is file now, and stays so (settings.json).
    From the next start on, new sign-ins and keys go there. What is stored stays where it is.
    auth.noBrowser is removed; the default holds: found out.
    auth.noBrowser was not set; the default holds: found out.
    --- exit 0
    ");
    let expected = json!({
        "provider": "anthropic", "theme": { "name": "dark" }, "authOnly": false, "modelparam.temperature": -0.5,
        "modelparam.stop": "a  b c", "vault.store": "file",
    });
    assert_eq!(serde_json::to_string(&settings(&stand.home)).unwrap(), serde_json::to_string(&expected).unwrap());
    let shown = stand.home.run(&["set", "auth.NoBrowser", "--json"]).ok().json();
    assert_eq!((&shown["key"], &shown["value"]), (&json!("auth.noBrowser"), &json!(null)));
    stand.home.assert_private();
}

#[test]
fn what_is_wrong_says_what_would_be_right_and_changes_nothing() {
    let stand = Stand::with(json!({}));
    let before = stand.home.read("config/settings.json");
    for (words, said) in [
        (&["auth.nobrowsr", "true"][..], "Did you mean auth.noBrowser?"),
        (&["auth.noBrowser", "maybe"], "auth.noBrowser takes true or false, not \"maybe\"."),
        (&["stream.idleSeconds", "0"], "stream.idleSeconds takes a whole number from 1 to 3600, not \"0\"."),
        (&["vault.store", "cloud"], "vault.store takes auto or keyring or file, not \"cloud\"."),
        (&["auth.antropic.clientId", "x"], "There is no provider called \"antropic\". Did you mean anthropic?"),
        (&["modelparam.", "1"], "There is no setting called \"modelparam.\"."),
        (&["auth-key", "sk-ant-canary-1"], "A key is not written into settings.json"),
        (&["providerApiKeys.anthropic", "sk-ant-canary-1"], "A key is not written into settings.json"),
        (&["auth-key-name", "sk-ant-canary/1"], "auth-key-name takes the name of a saved key. That is not a name."),
        (&["base-url", "http://a.example"], "must be https"),
        (&["base-url", "https://user:canary@a.example"], "must not carry a user name or password"),
        (&["defaultProfile", "x"], "There is no setting called \"defaultProfile\"."),
    ] {
        let done = stand.home.run(&[&["set"], words].concat()).exit(2);
        assert!(done.stderr.contains(said) && !done.stderr.contains("canary"), "{words:?}\n{done}");
    }
    for (pair, said) in [
        ("auth.nobrowsr=true", "Did you mean auth.noBrowser?"),
        ("auth.antropic.clientId=x", "Did you mean anthropic?"),
        ("authOnly", "KEY=VALUE"),
        ("auth-key=sk-ant-canary-1", "A key is not written into settings.json"),
        ("base-url=https://a.example", "for one run there is --baseurl"),
    ] {
        let done = stand.home.run(&[&format!("--set={pair}"), "-p", "hello"]).exit(2);
        assert!(done.stderr.contains(said) && !done.stderr.contains("canary"), "{pair}\n{done}");
    }
    assert_eq!(stand.home.read("config/settings.json"), before);
}

#[test]
fn a_damaged_file_is_named_and_left_as_it_is() {
    let stand = Stand::new();
    let whole = "{\n  \"authOnly\": true,\n  \"theme\": \"dark\"\n}";
    for length in [0, 1, 5, 20, whole.len() - 1] {
        stand.home.write("config/settings.json", &whole[..length]);
        for words in [
            &["set"][..],
            &["set", "--json"],
            &["set", "authOnly"],
            &["set", "authOnly", "false"],
            &["set", "unset", "authOnly"],
            &["auth", "anthropic", "enable"],
            &["auth", "anthropic", "why"],
            &["keyfile", "none"],
            &["--key", "sk-ant-canary-123", "-p", "hello"],
            &["baseurl"],
        ] {
            let done = stand.home.run(words).exit(78);
            let shown = format!("{}{}", done.stdout, done.stderr);
            assert!(shown.contains("[root]/config/settings.json is damaged at line"), "{length} {words:?}\n{done}");
            if words.contains(&"--json") {
                assert_eq!(done.json()["code"], "E-DAMAGED", "one document");
            }
        }
        assert_eq!(stand.home.read("config/settings.json"), whole[..length]);
    }
}

#[test]
fn a_path_means_the_same_file_from_every_folder() {
    let stand = Stand::with(json!({}));
    stand.home.write("work/key", "sk-ant-api03-canary-0123");
    let _ = stand.home.run(&["set", "auth-keyfile", "key"]).ok();
    assert_eq!(settings(&stand.home)["auth-keyfile"], stand.home.path("work/key").display().to_string());
    let _ = stand.home.run(&["set", "auth-keyfile", "~/key"]).ok();
    assert_eq!(settings(&stand.home)["auth-keyfile"], "~/key");
}

#[test]
fn none_names_nothing() {
    let stand = Stand::with(json!({}));
    stand.sign_in();
    for name in ["auth-keyfile", "providerKeyfiles.anthropic", "auth-key-name", "base-url", "base-url.anthropic"] {
        let _ = stand.session(&[&format!("/set {name} none"), "hello"]).ok();
        let _ = stand.home.run(&["set", name, "none"]).ok();
        let _ = stand.home.run(&["-p", "hello"]).ok();
    }
    assert_eq!(settings(&stand.home)["providerKeyfiles"]["anthropic"], "none");
    assert_eq!(stand.sent(), vec![Sent::Token; 10]);
}

#[test]
fn json_is_the_same_in_a_session_and_in_the_shell() {
    let stand = Stand::with(json!({}));
    stand.sign_in();
    for (name, text) in [
        ("stop_sequences", r#"["a b", "c"]"#),
        ("metadata", r#"{"user_id":"x y"}"#),
        ("metadata", r#"{"user_id": "say \"hi\" # 1"}"#),
    ] {
        let value: Value = serde_json::from_str(text).unwrap();
        let kept = || settings(&stand.home)[format!("modelparam.{name}")].clone();
        let done = stand.session(&[&format!("/set modelparam.{name} {text}"), "hello"]).ok();
        assert_eq!(kept(), value, "{done}");
        assert_eq!(stand.script.requests_to(Endpoint::Chat).pop().unwrap().json().unwrap()[name], value, "{done}");
        let _ = stand.home.run(&["set", "unset", &format!("modelparam.{name}")]).ok();
        let _ = stand.home.run(&["set", &format!("modelparam.{name}"), text]).ok();
        assert_eq!(kept(), value);
    }
    let _ = stand.session(&[r#"/set modelparam.metadata "two  words""#]).ok();
    assert_eq!(settings(&stand.home)["modelparam.metadata"], "two  words");
}

#[test]
fn the_pages_of_settings_have_the_list_of_the_program() {
    let help = llxprt_commands::help(&["set"], &llxprt_commands::Names::default()).unwrap();
    let list = llxprt::config::declared::list();
    assert!(help.contains(&format!("\n\n{list}\n")), "commands/help/set.md must hold this list:\n{list}");
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md")).unwrap();
    let table = llxprt::config::declared::table();
    assert!(page.contains(&table), "docs/settings.md must hold this table:\n{table}");
}

#[test]
fn what_a_request_consists_of_cannot_be_set_and_is_left_out_where_it_is_written() {
    let stand = Stand::with(json!({}));
    stand.sign_in();
    for member in RESERVED {
        let (name, pair) = (format!("modelparam.{member}"), format!("--set=modelparam.{}=x", member.to_uppercase()));
        for words in [&["set", &name, "x"][..], &["set", &name], &[pair.as_str(), "-p", "hello"]] {
            let done = stand.home.run(words).exit(2);
            let said =
                format!("modelparam.{member} cannot be set: that part of a request is written by llxprt itself.");
            assert!(done.stderr.contains(&said) && done.stderr.contains("E-SETTING"), "{words:?}\n{done}");
        }
    }
    let params =
        json!({ "stream": false, "model": "other", "messages": [], "max_tokens": 77, "a b": 1, "top_k": null });
    let profile = json!({ "version": 1, "provider": "anthropic", "model": "claude-opus-5", "modelParams": params });
    stand.home.write("config/profiles/p.json", profile.to_string());
    let on = json!({ "anthropic": true });
    let mut settings =
        json!({ "oauthEnabledProviders": on, "modelparam.stream": false, "modelparam.temperature": 0.5 });
    settings["modelparam.messages"] = json!("x");
    stand.settings(settings);
    let body = |more: &[&str]| {
        let done = stand.home.run_with_stdin(more, "one\ntwo\n").ok();
        assert_eq!(done.stdout, "one\ntwo\n", "{done}");
        (stand.script.requests_to(Endpoint::Chat).pop().unwrap().json().unwrap(), done)
    };
    let (sent, done) = body(&[]);
    let whole = json!({ "model": "claude-opus-5", "max_tokens": 8192, "stream": true, "temperature": 0.5,
        "messages": [{ "role": "user", "content": "one" }, { "role": "assistant", "content": "one" },
                     { "role": "user", "content": "two" }] });
    assert_eq!(sent, whole);
    for member in ["stream", "messages"] {
        let said = format!(
            "[root]/config/settings.json has \"modelparam.{member}\", which is left out: that part of a request is \
             written by llxprt itself."
        );
        assert_eq!(done.stderr.matches(&said).count(), 1, "{member}\n{done}");
    }
    let (sent, done) = body(&["--profile-load", "p"]);
    assert_eq!((&sent["max_tokens"], &sent["model"]), (&json!(77), &json!("claude-opus-5")));
    assert_eq!((&sent["stream"], &sent["messages"], sent.get("top_k")), (&json!(true), &whole["messages"], None));
    let said = "The loaded profile has \"modelparam.a b\", which is left out: no parameter has such a name.";
    assert_eq!(done.stderr.matches(said).count(), 1, "{done}");
    assert_eq!(stand.home.run(&["set", "--json"]).ok().json()["not_used"].as_array().unwrap().len(), 2);
    // What another program wrote can be taken away.
    let _ = stand.home.run(&["set", "unset", "modelparam.stream"]).ok();
    let _ = stand.home.run(&["set", "unset", "modelparam.messages"]).ok();
    assert_eq!(body(&[]).1.stderr, "");
    assert_eq!(stand.script.violations(), [] as [&str; 0]);
}

#[test]
fn every_dialect_writes_itself_only_what_no_parameter_may_be() {
    let mut conversation = Conversation::default();
    conversation.ask("hello");
    let base = url::Url::parse("http://127.0.0.1:1").unwrap();
    for dialect in [Dialect::AnthropicMessages, Dialect::OpenaiChat, Dialect::OpenaiResponses, Dialect::Gemini] {
        let request = dialect.request(&base, "m", &conversation, &Params::new());
        let own: Vec<&String> = request.body.as_object().unwrap().keys().collect();
        let may = |name: &str| RESERVED.contains(&name) || ["max_tokens", "instructions"].contains(&name);
        assert!(own.iter().all(|name| may(name)), "{dialect:?} writes {own:?}");
    }
}

#[test]
fn the_list_tells_a_profile_from_a_file_and_a_flag() {
    let stand = Stand::with(json!({ "show.reasoning": true, "auth.noBrowser": true, "context-limit": 7 }));
    let profile = json!({ "version": 1, "provider": "anthropic", "model": "m", "modelParams": { "top_p": 0.5 },
        "ephemeralSettings": { "auth.noBrowser": false, "authOnly": true, "stream.idleSeconds": 9, "foreign": 1 } });
    stand.home.write("config/profiles/p.json", profile.to_string());
    let flags = ["--profile-load", "p", "--set", "stream.idleSeconds=8", "set", "--json"];
    let listed = stand.home.run(&flags).ok().json();
    let row = |name: &str| {
        let rows = listed["settings"].as_array().unwrap();
        let row = rows.iter().find(|row| row["key"] == name).unwrap_or_else(|| panic!("{name}: {listed}"));
        (row["value"].clone(), row["origin"].as_str().unwrap().to_owned())
    };
    assert_eq!(row("auth.noBrowser"), (json!(false), "profile".into()));
    assert_eq!(row("authOnly"), (json!(true), "profile".into()));
    assert_eq!(row("modelparam.top_p"), (json!(0.5), "profile".into()));
    assert_eq!(row("stream.idleSeconds"), (json!(8), "flag".into()));
    assert_eq!(row("show.reasoning"), (json!(true), "settings.json".into()));
    assert_eq!(row("vault.store"), (json!("auto"), "default".into()));
    let rows = listed["settings"].as_array().unwrap();
    assert!(!rows.iter().any(|row| row["key"] == "foreign" || row["key"] == "context-limit"), "{listed}");
}

#[test]
fn tab_finishes_names_and_values() {
    let stand = Stand::with(json!({ "stream.idleSeconds": 60 }));
    stand.save("work", "sk-ant-api03-canary-0123");
    let mut pty = stand.home.pty(&[]);
    pty.wait_prompt();
    for (typed, finished) in [
        ("/set auth.noB", "/set auth.noBrowser"),
        ("/set AUTHON", "/set authOnly"),
        ("/set auth.gemini.clientF", "/set auth.gemini.clientFile"),
        ("/set modelparam.temp", "/set modelparam.temperature"),
        ("/set vault.store k", "/set vault.store keyring"),
        ("/set authOnly f", "/set authOnly false"),
        ("/set unset stream", "/set unset stream.idleSeconds"),
        ("/set auth-key-name w", "/set auth-key-name work"),
    ] {
        pty.keys(typed);
        pty.wait_for(typed);
        pty.keys(key::TAB);
        pty.wait_until(finished, |screen| screen.lines().last().unwrap_or_default().contains(finished));
        pty.clear_line();
    }
    pty.type_line("/quit");
    assert_eq!(pty.exit_status(), 0);
}

#[test]
fn what_a_profile_goes_before_is_said_and_what_works_instead() {
    let stand = Stand::with(json!({}));
    let profile = json!({ "version": 1, "provider": "anthropic", "model": "claude-opus-5",
        "ephemeralSettings": { "auth.bucketPolicy": "roundrobin", "auth-key-name": "work" } });
    stand.home.write("config/profiles/p.json", profile.to_string());
    stand.settings(json!({ "defaultProfile": "p" }));
    insta::assert_snapshot!(stand.home.run(&["set", "auth.bucketPolicy", "failover"]), @"
    --- stderr
    auth.bucketPolicy is failover in settings.json. The profile p goes before that file, with roundrobin.
    To use this value: llxprt --set auth.bucketPolicy=failover     or llxprt profile set-default none
    --- exit 0
    ");
    insta::assert_snapshot!(stand.home.run(&["set", "unset", "auth.bucketPolicy"]), @"
    --- stderr
    auth.bucketPolicy is not in settings.json any more. The profile p goes before that file, with roundrobin.
    --- exit 0
    ");
    let ends = |words: &[&str]| {
        let done = stand.home.run(words).ok();
        let said = "But the profile p is loaded at every start and goes before that. To end it: llxprt profile \
                    set-default none\n";
        assert_eq!(done.stderr.ends_with(said), words[0] != "--profile-load" && words[1] != "anthropic", "{done}");
        assert!(!done.stderr.contains("no longer used") || words[0] == "--profile-load", "{done}");
    };
    ends(&["provider", "openai"]);
    ends(&["--profile-load", "p", "provider", "openai"]);
    ends(&["provider", "anthropic"]);
    ends(&["model", "claude-haiku-5"]);
    let lines = ["/set auth.bucketPolicy failover", "/set auth.bucketPolicy", "/set auth-key-name home"];
    insta::assert_snapshot!(stand.session(&lines), @r#"
    auth.bucketPolicy = failover  (settings.json)
    --- stderr
    auth.bucketPolicy is failover now, and in settings.json. The profile p has roundrobin, which holds again when it is loaded anew.
    How the accounts of a profile take turns. It takes failover or roundrobin.
    auth-key-name is home in settings.json. The profile p goes before that file, with work.
    To use this value: /profile unload
    The saved key work (auth-key-name of the profile p) cannot be used: there is no saved key called "work".
    --- exit 0
    "#);
    let done = stand.home.run(&["set", "auth.bucketPolicy", "roundrobin"]).ok();
    assert_eq!(done.stderr, "auth.bucketPolicy is roundrobin now, and stays so (settings.json).\n");
}
