//! Which credential a request is sent with: what `why` says is what the provider sees.

use serde_json::{Value, json};

use crate::keys_steps::{Sent, Stand};

const FLAG: &str = "sk-ant-api03-canary-from-the-flag-1111";
const FILE: &str = "sk-ant-api03-canary-from-the-file-2222";
const SAVED: &str = "sk-ant-api03-canary-from-the-vault-3333";
const VARIABLE: &str = "sk-ant-api03-canary-from-the-variable-4444";

/// A stand where one is signed in, and every key works.
fn stand() -> Stand {
    let stand = Stand::with(json!({}));
    stand.sign_in();
    for key in [FLAG, FILE, SAVED, VARIABLE] {
        stand.key(key);
    }
    stand.home.write("home/key", format!("{FILE}\n"));
    stand
}

#[test]
fn a_variable_of_blanks_is_an_error_that_names_it_and_an_empty_one_is_none() {
    let stand = stand();
    let done = stand.home.typed(&["-p", "hello"]).env("ANTHROPIC_API_KEY", " \t ").done();
    insta::assert_snapshot!(done, @"
    --- stderr
    llxprt: The key in ANTHROPIC_API_KEY cannot be used: it holds only blanks.
    unset ANTHROPIC_API_KEY  E-KEY
    --- exit 2
    ");
    assert_eq!(stand.sent(), []);
    let _ = stand.home.typed(&["-p", "hello"]).env("ANTHROPIC_API_KEY", "").done().ok();
    assert_eq!(stand.sent(), [Sent::Token]);
}

#[test]
fn a_source_that_cannot_be_read_is_named_and_nothing_else_is_tried() {
    let stand = stand();
    stand.save("anthropic", SAVED);
    stand.home.write("home/empty", " \n");
    stand.home.write("home/two", "one key\nand another");
    stand.home.write("home/latin", b"k\xe9y");
    let huge = std::fs::File::create(stand.home.path("home/huge")).unwrap();
    huge.set_len(1 << 30).unwrap();
    let at = |name: &str| stand.home.path(&format!("home/{name}")).display().to_string();
    let file = |name: &str| json!({ "providerKeyfiles": { "anthropic": at(name) } });
    for (settings, said) in [
        (file("missing"), "there is no file [root]/home/missing."),
        (file("empty"), "[root]/home/empty holds only blanks."),
        (file("two"), "[root]/home/two holds blanks, line breaks or letters that no key has."),
        (file("latin"), "[root]/home/latin holds no text."),
        (file("huge"), "[root]/home/huge is larger than 65536 bytes."),
        (file(""), "[root]/home/ is a folder."),
        (json!({ "providerKeyfiles": { "anthropic": "key" } }), "key is not a whole path; write it from / or from ~/."),
        (json!({ "providerKeyfiles": { "anthropic": ["key"] } }), "its value [\"key\"] is not a path."),
        (json!({ "auth-keyfile": at("missing") }), "there is no file [root]/home/missing."),
        (json!({ "auth-key-name": "nowhere" }), "there is no saved key called \"nowhere\"."),
        (json!({ "auth-key-name": 7 }), "has auth-key-name, and its value is not the name of a saved key."),
        (json!({ "auth-key": "two words" }), "it holds blanks, line breaks or letters that no key has."),
        (json!({ "providerApiKeys": { "anthropic": " " } }), "it holds only blanks."),
        (
            json!({ "authOnly": "yes" }),
            "config/settings.json has authOnly, and its value \"yes\" is not true or false.",
        ),
    ] {
        let status = if said.contains("its value") { 78 } else { 2 };
        stand.settings(settings.clone());
        let done = stand.home.typed(&["-p", "hello"]).env("ANTHROPIC_API_KEY", VARIABLE).done().exit(status);
        assert!(done.stderr.contains(said), "{settings}\n{done}");
    }
    stand.settings(json!({}));
    for (flags, said) in [
        (["--keyfile", "missing"], "The key in missing (--keyfile) cannot be used: there is no file missing."),
        (["--keyfile", "/"], "The key in / (--keyfile) cannot be used: / is a folder."),
        (["--key-name", "nowhere"], "The saved key nowhere (--key-name) cannot be used: there is no saved key called"),
        (["--key", " "], "The key given with --key cannot be used: it holds only blanks."),
        (["--key", "two words"], "The key given with --key cannot be used: it holds blanks"),
        (["--key", "-"], "The key given with --key cannot be used: stdin is empty."),
    ] {
        let done = stand.home.run(&[&flags[..], &["-p", "hello"]].concat()).exit(2);
        assert!(done.stderr.contains(said), "{flags:?}\n{done}");
    }
    assert_eq!(stand.sent(), []);
}

#[test]
fn flags_go_before_each_other_in_their_order_and_what_loses_is_said() {
    let stand = stand();
    stand.save("work", SAVED);
    let file = stand.home.path("home/key").display().to_string();
    let done = stand.home.run(&["--key-name", "work", "--keyfile", &file, "--key", FLAG, "-p", "hello"]).ok();
    insta::assert_snapshot!(done, @"
    hello
    --- stderr
    --key shows the key to other users of this machine, in its list of processes. --key - reads it from stdin.
    The key in [root]/home/key (--keyfile) is ignored: the key given with --key goes before it.
    The saved key work (--key-name) is ignored: the key given with --key goes before it.
    The key given with --key wins over the sign-in: requests to anthropic are billed to it. More: llxprt auth anthropic why
    --- exit 0
    ");
    let _ = stand.home.run(&["--key-name", "work", "--keyfile", &file, "-p", "hello"]).ok();
    let _ = stand.home.run(&["--key-name", "work", "-p", "hello"]).ok();
    let key = |text: &str| Sent::Key(text.to_owned());
    assert_eq!(stand.sent(), [key(FLAG), key(FILE), key(SAVED)]);
}

#[test]
fn flags_belong_to_the_provider_that_is_active_at_the_start() {
    let stand = Stand::new();
    stand.key(FLAG);
    for flags in [["--key", FLAG], ["--keyfile", "/k"], ["--key-name", "work"], ["--baseurl", "https://a.example"]] {
        let done = stand.home.run(&[&flags[..], &["-p", "hello"]].concat()).exit(2);
        let said = format!("{} belongs to the active provider, and none is active.", flags[0]);
        assert!(done.stderr.contains(&said) && done.stderr.contains("--provider NAME"), "{done}");
    }
    let other = format!(
        "name = \"other\"\ndefault_model = \"m\"\n[api]\ndialect = \"anthropic-messages\"\nbase_url = \"{}/anthropic\"\n",
        stand.sandbox.url()
    );
    stand.home.write("config/providers/other.toml", other);
    let lines = "/auth other why --json\n/provider anthropic\n/auth anthropic why --json\n/auth other why --json\n";
    let done = stand.home.run_with_stdin(&["--provider", "other", "--key", FLAG], lines).ok();
    let winners: Vec<Value> = done
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .map(|said| said["winner"].clone())
        .collect();
    assert_eq!(winners, [json!(1), json!(null), json!(1)], "{done}");
    let _ = stand.home.run(&["--provider", "nobody", "--key", FLAG, "-p", "x"]).exit(2);
}

#[test]
fn a_key_comes_from_stdin_and_what_follows_is_the_prompt() {
    let stand = Stand::with(json!({}));
    stand.key(FLAG);
    let done = stand.home.run_with_stdin(&["--key", "-", "-p", "-"], format!("\u{feff}{FLAG}\r\nfirst\nsecond\n")).ok();
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("first\nsecond\n", ""));
    let done = stand.home.run_with_stdin(&["--key", "-"], format!("{FLAG}\nfrom a line\n")).ok();
    assert_eq!(done.stdout, "from a line\n");
    assert_eq!(stand.sent(), [Sent::Key(FLAG.into()), Sent::Key(FLAG.into())]);
}

#[test]
fn a_key_file_may_be_a_pipe_of_the_shell() {
    let stand = Stand::with(json!({}));
    stand.key(FLAG);
    stand.home.write("home/fifo-source", format!("{FLAG}\n"));
    let fifo = stand.home.path("home/fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let source = stand.home.path("home/fifo-source");
    let mut writer = std::process::Command::new("sh")
        .args(["-c", "cat \"$1\" > \"$2\"", "sh"])
        .args([&source, &fifo])
        .spawn()
        .unwrap();
    let done = stand.home.run_with_stdin(&["--keyfile", &fifo.display().to_string()], "one\ntwo\n").ok();
    assert_eq!(done.stdout, "one\ntwo\n");
    writer.wait().unwrap();
    assert_eq!(stand.sent(), [Sent::Key(FLAG.into()), Sent::Key(FLAG.into())]);
}

#[test]
fn why_shows_five_rows_and_what_would_change_it() {
    let stand = stand();
    let done = stand.home.typed(&["auth", "anthropic", "why"]).env("ANTHROPIC_API_KEY", VARIABLE).done();
    insta::assert_snapshot!(done, @"
    anthropic uses the key in ANTHROPIC_API_KEY, because a key wins over a sign-in.

      1  command line       nothing given
      2  profile, settings  no key there
      3  saved keys         none named anthropic
      4  environment        ANTHROPIC_API_KEY, ends …4444    <- used
      5  sign-in            default                          shadowed by 4

    To use the sign-in instead:   llxprt set authOnly true     or unset ANTHROPIC_API_KEY
    --- exit 0
    ");
    let done = stand.session(&[
        "/key save anthropic",
        SAVED,
        "/auth anthropic why",
        "/set authOnly true",
        "/auth anthropic why",
    ]);
    insta::assert_snapshot!(done, @"
    anthropic uses the saved key anthropic, because a key wins over a sign-in.

      1  command line       nothing given
      2  profile, settings  no key there
      3  saved keys         the saved key anthropic, ends …3333    <- used
      4  environment        ANTHROPIC_API_KEY is not set
      5  sign-in            default                                shadowed by 3

    To use the sign-in instead:   /set authOnly true     or /key delete anthropic
    anthropic uses the sign-in default, because authOnly is true.

      1  command line       nothing given
      2  profile, settings  no key there
      3  saved keys         the saved key anthropic, ends …3333    left out by authOnly
      4  environment        ANTHROPIC_API_KEY is not set
      5  sign-in            default                                <- used

    To use the key instead:   /set unset authOnly
    --- stderr
    The key anthropic (…3333) is saved, in a sealed file.
    The saved key anthropic wins over the sign-in: requests to anthropic are billed to it.
    To use the sign-in instead: /set authOnly true      More: /auth anthropic why
    authOnly is true now, and stays so (settings.json).
    anthropic uses the sign-in default, because authOnly is true.
    --- exit 0
    ");
}

#[test]
fn that_a_key_wins_is_said_where_it_matters_and_once_a_session_elsewhere() {
    let stand = stand();
    let lines = "one\ntwo\n/auth anthropic enable\nthree\n";
    let done = stand.home.typed(&[]).env("ANTHROPIC_API_KEY", VARIABLE).stdin(lines).done().ok();
    insta::assert_snapshot!(done, @"
    one
    two
    three
    --- stderr
    ANTHROPIC_API_KEY is set, and a key wins over a sign-in: requests to anthropic are billed to it. More: /auth anthropic why
    anthropic is already on, and you are signed in.
    ANTHROPIC_API_KEY is set, and a key wins over a sign-in: requests to anthropic are billed to it.
    To use the sign-in instead: /set authOnly true      More: /auth anthropic why
    --- exit 0
    ");
}

/// What is arranged, what `why` has to say wins, and what it suggests for it.
type Situation = (&'static str, Value, &'static [&'static str], Option<u64>);

#[test]
fn every_command_that_why_suggests_can_be_typed_and_changes_what_is_used() {
    let file = json!({ "providerKeyfiles": { "anthropic": "~/key" } });
    let on = json!({ "anthropic": true });
    let situations: [Situation; 15] = [
        ("nothing", json!({}), &[], None),
        ("a file that is not there", json!({ "auth-keyfile": "~/missing" }), &[], None),
        ("a key that is not there", json!({ "auth-key-name": "nowhere", "oauthEnabledProviders": on }), &[], None),
        ("a file named in settings", file.clone(), &[], Some(2)),
        (
            "the same beside a login",
            json!({ "providerKeyfiles": file["providerKeyfiles"], "oauthEnabledProviders": on }),
            &[],
            Some(2),
        ),
        ("auth-keyfile", json!({ "auth-keyfile": "~/key" }), &[], Some(2)),
        ("auth-key-name", json!({ "auth-key-name": "work" }), &[], Some(2)),
        ("auth-key", json!({ "auth-key": FILE }), &[], Some(2)),
        ("a key in settings", json!({ "providerApiKeys": { "anthropic": FILE } }), &[], Some(2)),
        ("its own saved key", json!({}), &["/key save anthropic", SAVED], Some(3)),
        ("a loaded key", json!({}), &["/key load work"], Some(3)),
        ("a session key", json!({}), &["/key sk-ant-api03-canary-from-the-session-5555"], Some(1)),
        ("a session key file", json!({}), &["/keyfile ~/key"], Some(1)),
        ("a login", json!({ "oauthEnabledProviders": on }), &[], Some(5)),
        (
            "a login and a file, with authOnly",
            json!({ "authOnly": true, "auth-keyfile": "~/key", "oauthEnabledProviders": on }),
            &[],
            Some(5),
        ),
    ];
    for (name, settings, lines, winner) in situations {
        // One session to read what it suggests, one more for each suggestion.
        let fresh = || {
            let stand = stand();
            stand.save("work", SAVED);
            stand.settings(settings.clone());
            stand
        };
        let asked = [lines, &["/auth anthropic why --json"]].concat();
        let done = fresh().session(&asked).ok();
        let said: Value = serde_json::from_str(done.stdout.lines().last().unwrap()).unwrap();
        assert_eq!(said["winner"], json!(winner), "{name}\n{done}");
        let next: Vec<String> =
            said["next"].as_array().unwrap().iter().map(|n| n.as_str().unwrap().to_owned()).collect();
        assert!(!next.is_empty() && next.iter().any(|n| n.starts_with('/')), "{name}: {next:?}");
        for command in next.iter().filter(|command| command.starts_with('/')) {
            // What it does takes a browser, and is a matter of other tests.
            if command == "/auth anthropic login" {
                assert!(llxprt_commands::parse(command).is_ok());
                continue;
            }
            let mut more: Vec<&str> = asked.clone();
            more.push(command);
            if command.starts_with("/key save") {
                more.push(SAVED);
            }
            more.push("/auth anthropic why --json");
            let done = fresh().session(&more).ok();
            let after: Value = serde_json::from_str(done.stdout.lines().last().unwrap()).unwrap();
            assert_ne!(after["headline"], said["headline"], "{name}: {command}\n{done}");
        }
    }
}

#[test]
fn in_the_shell_what_why_suggests_is_a_command_line() {
    let stand = stand();
    stand.settings(json!({ "auth-keyfile": "~/key", "oauthEnabledProviders": { "anthropic": true } }));
    let next = |stand: &Stand| stand.home.run(&["auth", "anthropic", "why", "--json"]).ok().json()["next"].clone();
    assert_eq!(next(&stand), json!(["llxprt set authOnly true", "llxprt set unset auth-keyfile"]));
    let _ = stand.home.run(&["set", "authOnly", "true"]).ok();
    assert_eq!(next(&stand), json!(["llxprt set unset authOnly"]));
    let _ = stand.home.run(&["set", "unset", "authOnly"]).ok();
    let _ = stand.home.run(&["set", "unset", "auth-keyfile"]).ok();
    assert_eq!(next(&stand), json!(["llxprt key save anthropic"]));
}
