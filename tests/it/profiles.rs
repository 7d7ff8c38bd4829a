//! `/profile`: saved, loaded, shown, deleted; what is refused before anything is written; files of every kind.

use serde_json::{Value, json};

use crate::accounts_steps::{PERSONAL, Stand, WORK, leave, now, stand, timeless, two};
use crate::support::Home;

fn profile(home: &Home, name: &str) -> Value {
    serde_json::from_str(&home.read(&format!("config/profiles/{name}.json"))).expect("JSON")
}

/// A second provider, which is Anthropic's stand-in under another name.
fn second_provider(stand: &Stand) {
    let base = format!("{}/anthropic", stand.sandbox.url());
    let manifest = format!(
        "name = \"company\"\ntitle = \"Company AI\"\ndefault_model = \"claude-sonnet-5\"\nmodels = []\n\
         api_key_env = [\"COMPANY_API_KEY\"]\n\
         [oauth]\nflows = [\"browser\"]\nclient_id = \"9d1c250a-e61b-44d9-88ed-5944d1962f5e\"\n\
         authorize_url = \"{base}/oauth/authorize\"\ntoken_url = \"{base}/v1/oauth/token\"\n\
         verify_url = \"{base}/api/oauth/profile\"\nscopes = [\"user:profile\", \"user:inference\"]\n\
         redirect = {{ host = \"localhost\", path = \"/callback\" }}\nstate_in = \"body\"\ntoken_request = \"json\"\n\
         authorize_params = {{ code = \"true\" }}\nidentity = \"verify\"\n\
         identity_at = {{ email = \"/account/email\", id = \"/organization/uuid\" }}\n\
         [api]\ndialect = \"anthropic-messages\"\nbase_url = \"{base}\"\n\
         headers = {{ \"anthropic-version\" = \"2023-06-01\" }}\n\
         oauth_headers = {{ \"anthropic-beta\" = \"oauth-2025-04-20\" }}\n"
    );
    stand.home.write("config/providers/company.toml", manifest);
}

#[test]
fn the_lines_of_the_page_save_a_profile_over_two_accounts_and_load_it() {
    let _times = timeless();
    let stand = two();
    let pty = stand.session(&[]);
    let shown = pty.ask("/profile save model claude-ha work@company.com personal@gmail.com");
    let shown = shown.replace(&format!("--sandbox={} ", stand.sandbox.url()), "");
    insta::assert_snapshot!(shown, @"
    Saved claude-ha.
      Provider and model   anthropic, claude-opus-5
      Accounts, in order   1 work@company.com (ready)   2 personal@gmail.com (ready)
      At a limit           use the next account; return to 1 when it is available again
      Never                fall back to an API key, which is billed by use
      /profile load claude-ha   ·   llxprt --profile-load claude-ha
      /profile set-default claude-ha
    ");
    // It is loaded: the account that signed in last no longer goes first.
    assert_eq!(pty.ask("hello"), "hello");
    assert_eq!(stand.asked(), "work");
    insta::assert_snapshot!(pty.ask("/profile"), @"
    * claude-ha   anthropic, claude-opus-5; work@company.com, personal@gmail.com

    * loaded now.
    ");
    assert_eq!(pty.ask("/profile unload"), "claude-ha is no longer used.");
    assert_eq!(pty.ask("/profile unload"), "No profile is loaded.");
    leave(pty);
    let expected = json!({
        "version": 1, "provider": "anthropic", "model": "claude-opus-5", "modelParams": {}, "ephemeralSettings": {},
        "auth": {"type": "oauth", "buckets": [WORK, PERSONAL]},
    });
    assert_eq!(profile(&stand.home, "claude-ha"), expected);
    stand.home.assert_private();
}

#[test]
fn accounts_that_are_not_there_are_refused_with_the_nearest_name_and_nothing_is_saved() {
    let stand = two();
    let save = |buckets: &[&str]| stand.home.run(&[&["profile", "save", "model", "ha"], buckets].concat());
    insta::assert_snapshot!(save(&[WORK, "persona@gmail.com"]).exit(2), @r#"
    --- stderr
    llxprt: anthropic has no account called "persona@gmail.com". Did you mean personal@gmail.com?
    Not saved. To add a new account first:
      llxprt auth anthropic login persona@gmail.com  E-ACCOUNT
    --- exit 2
    "#);
    let done = save(&[WORK, PERSONAL, WORK]).exit(2);
    assert!(done.stderr.contains("work@company.com is named twice. Not saved."), "{done}");
    assert!(!stand.home.path("config/profiles").exists());
}

#[test]
fn the_accounts_decide_for_which_provider_it_is() {
    let stand = two();
    second_provider(&stand);
    let _ = stand.home.run(&["provider", "company"]).ok();
    let done = stand.home.run(&["profile", "save", "model", "ha", WORK, PERSONAL]).ok();
    assert!(
        done.stderr.contains("The accounts are at anthropic, so the profile is for anthropic (company was active)."),
        "{done}"
    );
    assert_eq!(
        (&profile(&stand.home, "ha")["provider"], &profile(&stand.home, "ha")["model"]),
        (&json!("anthropic"), &json!("claude-opus-5"))
    );

    // The same two accounts at both: the active provider has them, so it is the one.
    let copy = |index: &mut Value, bucket: &str| {
        index["accounts"][format!("company:{bucket}")] = index["accounts"][format!("anthropic:{bucket}")].clone();
    };
    stand.change_index(|index| copy(index, WORK));
    let done = stand.home.run(&["profile", "save", "model", "one", WORK]).ok();
    assert!(!done.stderr.contains("was active"), "{done}");
    assert_eq!(profile(&stand.home, "one")["provider"], "company");
    // One account at each: no provider has both.
    let done = stand.home.run(&["profile", "save", "model", "mixed", WORK, PERSONAL]).ok();
    assert_eq!(profile(&stand.home, "mixed")["provider"], "anthropic", "{done}");
    stand.change_index(|index| {
        index["accounts"].as_object_mut().unwrap().remove(&format!("anthropic:{WORK}"));
    });
    let done = stand.home.run(&["profile", "save", "model", "split", WORK, PERSONAL]).exit(2);
    let words = "A profile has one provider, but work@company.com is at company, personal@gmail.com is at anthropic.";
    assert!(done.stderr.contains(words), "{done}");
}

#[test]
fn where_several_providers_have_the_accounts_a_person_is_asked_and_a_script_told() {
    let stand = two();
    second_provider(&stand);
    stand.change_index(|index| {
        index["accounts"][format!("company:{WORK}")] = index["accounts"][format!("anthropic:{WORK}")].clone();
    });
    stand.home.write("config/settings.json", r#"{"oauthEnabledProviders":{"anthropic":true}}"#);
    let done = stand.home.run(&["profile", "save", "model", "ha", WORK]).exit(2);
    assert!(done.stderr.contains("Several providers have these accounts: anthropic, company. Not saved."), "{done}");
    let pty = stand.session(&[]);
    pty.type_line("/profile save model ha work@company.com");
    pty.wait_for("For which one is the profile?");
    pty.keys("1\r");
    pty.wait_for("Saved ha.");
    pty.wait_prompt();
    assert_eq!(profile(&stand.home, "ha")["provider"], "anthropic");
    leave(pty);
}

#[test]
fn saving_anew_says_so_keeps_what_is_not_ours_and_drops_a_key_that_lies_there() {
    let stand = two();
    let key = "sk-ant-api03-canary-key-0123456789";
    let old = json!({
        "version": 1, "provider": "anthropic", "model": "claude-sonnet-5", "modelParams": {"temperature": 0.7},
        "ephemeralSettings": {"context-limit": 190_000, "auth-key": key}, "newer": [1],
        "auth": {"type": "oauth", "buckets": [WORK], "more": true},
    });
    stand.home.write("config/profiles/ha.json", old.to_string());
    let done = stand.home.run(&["profile", "show", "ha", "--json"]).ok();
    assert!(!done.stdout.contains("canary"), "{done}");
    let done = stand.home.run(&["profile", "save", "model", "ha", PERSONAL, WORK]).ok();
    assert!(
        done.stderr.starts_with("Saved ha in place of the one before (anthropic, claude-sonnet-5; work@company.com)."),
        "{done}"
    );
    let expected = json!({
        "version": 1, "provider": "anthropic", "model": "claude-opus-5", "modelParams": {},
        "ephemeralSettings": {"context-limit": 190_000}, "newer": [1],
        "auth": {"type": "oauth", "buckets": [PERSONAL, WORK], "more": true},
    });
    assert_eq!(profile(&stand.home, "ha"), expected);
    // Without accounts it keeps those that it has.
    let _ = stand.home.run(&["--set", "modelparam.temperature=0.2", "profile", "save", "model", "ha"]).ok();
    assert_eq!(profile(&stand.home, "ha")["auth"]["buckets"], json!([PERSONAL, WORK]));
    assert_eq!(profile(&stand.home, "ha")["modelParams"], json!({"temperature": 0.2}));
    stand.home.assert_clean(&[key]);
}

#[test]
fn a_profile_of_llxprt_code_sends_its_model_and_parameters() {
    let stand = two();
    let text = r#"{ "version": 1, "provider": "anthropic", "model": "claude-sonnet-5",
        "modelParams": { "temperature": 0.7, "max_tokens": 4096 },
        "ephemeralSettings": { "context-limit": 190000, "auth.noBrowser": true },
        "auth": { "type": "oauth", "buckets": ["personal@gmail.com", "work@company.com"] } }"#;
    stand.home.write("config/profiles/code.json", text);
    let _ = stand.home.run(&["--profile-load", "code", "-p", "hello"]).ok();
    let sent = stand.script.requests_to(llxprt::sandbox::Endpoint::Chat).pop().unwrap().json().unwrap();
    assert_eq!(
        (&sent["model"], &sent["temperature"], &sent["max_tokens"]),
        (&json!("claude-sonnet-5"), &json!(0.7), &json!(4096))
    );
    assert_eq!(stand.asked(), "personal");
    let set = stand.home.run(&["--profile-load", "code", "set", "auth.noBrowser", "--json"]).ok().json();
    assert_eq!((&set["value"], &set["origin"]), (&json!(true), &json!("profile")));
    // A flag goes before the profile.
    let _ =
        stand.home.run(&["--profile-load", "code", "--model", "claude-opus-5", "--bucket", WORK, "-p", "hello"]).ok();
    let sent = stand.script.requests_to(llxprt::sandbox::Endpoint::Chat).pop().unwrap().json().unwrap();
    assert_eq!((sent["model"].as_str().unwrap(), stand.asked().as_str()), ("claude-opus-5", "personal work"));
}

#[test]
fn the_default_profile_is_loaded_at_every_start() {
    let stand = two();
    let _ = stand.home.run(&["profile", "save", "model", "ha", WORK, PERSONAL]).ok();
    let _ = stand.home.run(&["profile", "save", "model", "other", PERSONAL]).ok();
    let set = |name: &str| stand.home.run(&["profile", "set-default", name]);
    assert_eq!(set("ha").ok().stderr, "ha is loaded at every start from now on.\n");
    let _ = stand.home.run(&["-p", "one"]).ok();
    let _ = stand.home.run(&["--profile-load", "other", "-p", "two"]).ok();
    assert_eq!(stand.asked(), "work personal");
    let done = set("hx").exit(2);
    assert!(done.stderr.contains("There is no profile called \"hx\". Did you mean ha?"), "{done}");
    let list = stand.home.run(&["profile", "list", "--json"]).ok().json();
    let rows: Vec<_> = list["profiles"].as_array().unwrap().iter().map(|p| (&p["name"], &p["default"])).collect();
    assert_eq!(rows, [(&json!("ha"), &json!(true)), (&json!("other"), &json!(false))]);
    let done = stand.home.run(&["profile", "delete", "ha"]).ok();
    assert_eq!(done.stderr, "Deleted ha. It was the default: no profile is loaded at start from now on.\n");
    assert_eq!(set("none").ok().stderr, "No profile is loaded at start from now on.\n");
    // One that vanished is said, and a session begins all the same; a prompt of a script does not guess.
    stand.home.write("config/settings.json", r#"{"defaultProfile":"ha","provider":"anthropic"}"#);
    let done = stand.home.run(&["auth"]).ok();
    assert!(
        done.stderr.contains("There is no profile called \"ha\"") && done.stderr.contains("goes on without it"),
        "{done}"
    );
    let _ = stand.home.run(&["-p", "hello"]).exit(2);
}

#[test]
fn a_name_that_is_not_there_is_told_with_the_nearest() {
    let stand = two();
    let _ = stand.home.run(&["profile", "save", "model", "Work", WORK]).ok();
    for (arguments, words) in [
        (vec!["--profile-load", "work", "-p", "hello"], "There is no profile called \"work\". Did you mean Work?"),
        (vec!["profile", "show", "Wrok"], "There is no profile called \"Wrok\". Did you mean Work?"),
        (
            vec!["profile", "delete", "nothing-like-it"],
            "There is no profile called \"nothing-like-it\". There are: Work.",
        ),
    ] {
        let done = stand.home.run(&arguments).exit(2);
        assert!(done.stderr.contains(words) && done.stderr.contains("E-PROFILE"), "{done}");
    }
    // A disk that ignores case could not keep the two apart.
    let done = stand.home.run(&["profile", "save", "model", "work", PERSONAL]).exit(2);
    assert!(done.stderr.contains("There is a profile called Work."), "{done}");
    let done = stand.home.run(&["profile", "save", "model", "con.2", PERSONAL]).exit(2);
    assert!(done.stderr.contains("a name that Windows keeps for a device"), "{done}");
    let done = stand.home.run(&["profile", "save", "model", "None", PERSONAL]).exit(2);
    assert!(done.stderr.contains("\"none\" stands for no profile, so none can be called that."), "{done}");
    // Where two of them lie all the same, each is its own.
    stand.home.write(
        "config/profiles/work.json",
        json!({"version": 1, "provider": "anthropic", "auth": {"buckets": [PERSONAL]}}).to_string(),
    );
    let _ = stand.home.run(&["--profile-load", "work", "-p", "hello"]).ok();
    let _ = stand.home.run(&["--profile-load", "Work", "-p", "hello"]).ok();
    assert_eq!(stand.asked(), "personal work");
}

#[test]
fn a_profile_that_names_what_is_gone_is_refused_with_its_name() {
    let stand = two();
    let write =
        |name: &str, value: Value| drop(stand.home.write(&format!("config/profiles/{name}.json"), value.to_string()));
    write("gone", json!({"version": 1, "provider": "antropic"}));
    write("keys", json!({"version": 1, "provider": "anthropic", "ephemeralSettings": {"base-url": "no url"}}));
    write("none", json!({"version": 1, "type": "loadbalancer", "policy": "failover", "profiles": ["gone", "nix"]}));
    write("a", json!({"version": 1, "type": "loadbalancer", "policy": "failover", "profiles": ["b"]}));
    write("b", json!({"version": 1, "type": "loadbalancer", "policy": "roundrobin", "profiles": ["c", "a"]}));
    write("c", json!({"version": 1, "provider": "anthropic", "auth": {"buckets": [WORK]}}));
    write("self", json!({"version": 1, "type": "loadbalancer", "policy": "failover", "profiles": ["self"]}));
    for (name, words) in [
        ("gone", "gone names the provider antropic. There is no provider called \"antropic\". Did you mean anthropic?"),
        ("keys", "keys has a base-url that is no URL."),
        ("none", "The load balancer none names nix. There is no profile called \"nix\"."),
        ("a", "The load balancer a leads back to itself: a → b → a."),
        ("self", "The load balancer self leads back to itself: self → self."),
    ] {
        let done = stand.home.run(&["--profile-load", name, "-p", "hello"]).exit(2);
        assert!(done.stderr.contains(words) && done.stderr.contains("E-PROFILE"), "{done}");
    }
    assert_eq!(stand.asked(), "");
    // What cannot be loaded is no default.
    for (name, words) in [("gone", "names the provider antropic"), ("a", "leads back to itself"), ("none", "")] {
        let done = stand.home.run(&["profile", "set-default", name]);
        assert!(name == "none" || (done.status() == 2 && done.stderr.contains(words)), "{done}");
        assert!(!stand.home.read("config/settings.json").contains("defaultProfile"), "{done}");
    }
    // One within another adds its profiles in its place.
    write("b", json!({"version": 1, "type": "loadbalancer", "policy": "roundrobin", "profiles": ["c"]}));
    let _ = stand.home.run(&["--profile-load", "a", "-p", "hello"]).ok();
    assert_eq!(stand.asked(), "work");
}

#[test]
fn an_account_that_is_gone_is_passed_over_and_named() {
    let stand = two();
    let _ = stand.home.run(&["profile", "save", "model", "ha", WORK, PERSONAL]).ok();
    let _ = stand.home.run(&["auth", "anthropic", "logout", WORK]).ok();
    let done = stand.home.run(&["--profile-load", "ha", "-p", "hello"]).ok();
    assert!(done.stderr.contains("Not signed in: work@company.com."), "{done}");
    assert!(done.stderr.contains("nobody is signed in as work@company.com · using personal@gmail.com"), "{done}");
    assert_eq!(stand.asked(), "personal");
    // With nobody left a script is told what to type, and nothing opens.
    let _ = stand.home.run(&["auth", "anthropic", "logout", "all"]).ok();
    let done = stand.home.run(&["--profile-load", "ha", "-p", "hello"]).exit(4);
    assert!(done.stderr.contains("E-NEED-LOGIN"), "{done}");
}

#[test]
fn a_load_balancer_keeps_its_profiles_from_being_deleted() {
    let stand = two();
    for (name, bucket) in [("a", WORK), ("b", PERSONAL)] {
        let _ = stand.home.run(&["profile", "save", "model", name, bucket]).ok();
    }
    let save = |members: &[&str]| {
        stand.home.run(&[&["profile", "save", "loadbalancer", "both", "failover"], members].concat())
    };
    for (members, words) in [
        (["a", "x"], "The load balancer both names x. There is no profile called \"x\"."),
        (["a", "both"], "The load balancer both leads back to itself: both → both."),
        (["a", "a"], "a is named twice."),
    ] {
        let done = save(&members).exit(2);
        assert!(done.stderr.contains(words) && done.stderr.contains("Not saved."), "{done}");
    }
    assert!(!stand.home.path("config/profiles/both.json").exists());
    let done = save(&["a", "b"]).ok();
    insta::assert_snapshot!(done.stderr, @"
    Saved both.
      Load balancer        the first that is not at a limit
      1  a
         Provider and model   anthropic, claude-opus-5
         Accounts, in order   1 work@company.com (ready)
      2  b
         Provider and model   anthropic, claude-opus-5
         Accounts, in order   1 personal@gmail.com (ready)
    ");
    let done = stand.home.run(&["profile", "delete", "a"]).exit(2);
    assert!(done.stderr.contains("a is part of the load balancer both. Nothing was deleted."), "{done}");
    let _ = stand.home.run(&["profile", "delete", "both"]).ok();
    let _ = stand.home.run(&["profile", "delete", "a"]).ok();
}

#[test]
fn a_circle_of_load_balancers_can_be_deleted() {
    let stand = stand();
    let write = |name: &str, over: &str| {
        let balancer = json!({"version": 1, "type": "loadbalancer", "policy": "failover", "profiles": [over]});
        stand.home.write(&format!("config/profiles/{name}.json"), balancer.to_string());
    };
    for (name, over) in [("c1", "c2"), ("c2", "c3"), ("c3", "c1"), ("self", "self"), ("outside", "c1")] {
        write(name, over);
    }
    // One that is no part of the circle still needs it.
    let done = stand.home.run(&["profile", "delete", "c1"]).exit(2);
    assert!(done.stderr.contains("c1 is part of the load balancer outside."), "{done}");
    for name in ["self", "outside", "c1", "c2", "c3"] {
        let _ = stand.home.run(&["profile", "delete", name]).ok();
    }
    assert_eq!(stand.home.run(&["profile", "list", "--json"]).ok().json()["profiles"], json!([]));
}

#[test]
fn the_model_of_the_flag_is_saved_for_whichever_provider_the_accounts_are_at() {
    let stand = two();
    for active in ["anthropic", "openai"] {
        let _ = stand.home.run(&["provider", active]).ok();
        let _ = stand.home.run(&["--model", "claude-haiku-5", "profile", "save", "model", "p", WORK]).ok();
        assert_eq!(profile(&stand.home, "p")["model"], "claude-haiku-5", "{active}");
    }
    let _ = stand.home.run(&["profile", "save", "model", "q", WORK]).ok();
    assert_eq!(profile(&stand.home, "q")["model"], "claude-opus-5");
}

#[test]
fn loading_while_sign_in_is_off_or_a_key_stands_before_it_says_so() {
    let stand = two();
    let _ = stand.home.run(&["profile", "save", "model", "ha", WORK, PERSONAL]).ok();
    let _ = stand.home.run(&["auth", "anthropic", "disable"]).ok();
    let pty = stand.session(&[]);
    let shown = pty.ask("/profile load ha").replace('\n', " ");
    assert!(
        shown.contains(
            "Sign-in is off for anthropic, so these accounts are not used. To turn it on: /auth anthropic enable"
        ),
        "{shown}"
    );
    leave(pty);
    // A session that begins with it says so too, and a prompt from the shell fails by it alone.
    let pty = stand.session(&["--profile-load", "ha"]);
    assert!(pty.screen().contains("Sign-in is off for anthropic, so these accounts are not used."), "{}", pty.screen());
    leave(pty);
    let done = stand.home.run(&["--profile-load", "ha", "-p", "hello"]).exit(4);
    assert!(done.stderr.contains("llxprt auth anthropic enable") && !done.stderr.contains("is off for"), "{done}");
    let _ = stand.home.run(&["auth", "anthropic", "enable"]).ok();
    let run = stand.home.typed(&["profile", "save", "model", "ha", WORK]);
    let done = run.env("ANTHROPIC_API_KEY", "sk-ant-api03-0123456789").done().ok();
    assert!(done.stderr.contains("ANTHROPIC_API_KEY is set, and a key wins over a sign-in"), "{done}");
}

#[test]
fn a_damaged_profile_names_file_and_place_and_is_left_as_it_is() {
    let stand = stand();
    for (text, place) in [
        ("{\"version\": 1,\n \"provider\": oops}", "is damaged at line 2, column 14"),
        ("", "is damaged at line 1, column 0"),
        ("[]", "is damaged: it is not a JSON object"),
        ("{\"version\":1,\"provider\":7}", "is damaged: provider is not a text"),
        (
            "{\"version\":1,\"provider\":\"anthropic\",\"auth\":{\"buckets\":[\"../x\"]}}",
            "is damaged: auth.buckets[0] is not a name",
        ),
        ("{\"version\":9}", "is of version 9, which this llxprt does not know"),
    ] {
        stand.home.write("config/profiles/ha.json", text);
        for arguments in [
            vec!["--profile-load", "ha", "-p", "hello"],
            vec!["profile", "show", "ha"],
            vec!["--provider", "anthropic", "profile", "save", "model", "ha"],
            vec!["profile", "set-default", "ha"],
        ] {
            let done = stand.home.run(&arguments).exit(78);
            assert!(done.stderr.contains("ha.json") && done.stderr.contains(place), "{arguments:?}\n{done}");
        }
        let list = stand.home.run(&["profile"]).ok();
        assert!(list.stdout.contains("damaged: ") && list.stdout.contains(place), "{list}");
        assert_eq!(stand.home.read("config/profiles/ha.json"), text);
    }
    let _ = stand.home.run(&["profile", "delete", "ha"]).ok();
    assert!(!stand.home.path("config/profiles/ha.json").exists());
}

#[test]
fn a_name_for_a_profile_cannot_leave_its_folder() {
    let stand = two();
    for name in ["../x", "a/b", "a\\b", "..", ".hidden", "-x", "a:b", "ä", "all", ""] {
        let done = stand.home.run(&["profile", "save", "model", name, WORK]).exit(2);
        assert!(done.stderr.contains("E-USAGE"), "{name}: {done}");
    }
    let _ = stand.home.run(&["profile", "save", "model", &"x".repeat(64), WORK]).ok();
    assert!(now() > 0 && stand.home.path(&format!("config/profiles/{}.json", "x".repeat(64))).exists());
}
