//! Keys that are none, are another provider's, or lie where they cannot be read: each is named, nothing is used instead.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::keys_steps::{Sent, Stand};
use crate::provider_steps;

const KEY: &str = "sk-ant-api03-canary-of-bad-keys-9k2L";
const OTHER: &str = "sk-ant-api03-canary-not-to-be-sent-8j1M";

fn stand() -> Stand {
    let stand = Stand::with(json!({}));
    stand.key(KEY);
    stand.key(OTHER);
    stand
}

#[test]
fn a_key_that_came_apart_is_refused_wherever_it_is_given() {
    let stand = stand();
    for bad in ["sk-ant canary", "sk-ant-canary\nsk-ant-more", "sk-ant-canary\tx", "sk-ant-\u{200b}canary", "sk-\0x"] {
        let said = "it holds blanks, line breaks or letters that no key has.";
        let named = |words: &[&str]| stand.home.run(words).exit(2);
        if !bad.contains('\0') {
            let done = named(&["--key", bad, "-p", "hello"]);
            assert!(
                done.stderr.contains(&format!("The key given with --key cannot be used: {said}")),
                "{bad:?}\n{done}"
            );
            let done = stand.home.typed(&["-p", "hello"]).env("ANTHROPIC_API_KEY", bad).done().exit(2);
            assert!(done.stderr.contains(&format!("The key in ANTHROPIC_API_KEY cannot be used: {said}")), "{done}");
        }
        if !bad.contains('\n') {
            let done = stand.home.run_with_stdin(&["--key", "-", "-p", "hello"], format!("{bad}\n")).exit(2);
            assert!(done.stderr.contains(said), "{bad:?}\n{done}");
            let done = stand.home.run_with_stdin(&[], format!("/key {bad}\nhello\n")).exit(2);
            assert!(!format!("{done}").contains("canary"), "{bad:?}\n{done}");
        }
        let file = stand.home.write("home/bad", bad).display().to_string();
        let done = named(&["--keyfile", &file, "-p", "hello"]);
        assert!(done.stderr.contains("[root]/home/bad holds blanks, line breaks"), "{bad:?}\n{done}");
        let done = named(&["keyfile", &file]);
        assert!(done.stderr.contains("That key file cannot be used: [root]/home/bad holds blanks"), "{bad:?}\n{done}");
    }
    assert_eq!(stand.sent(), []);
}

#[test]
fn blanks_line_ends_and_a_byte_order_mark_around_a_key_are_left_out() {
    let stand = stand();
    for around in [format!("\u{feff}{KEY}"), format!("{KEY}\n"), format!("{KEY}\r\n"), format!("\n  {KEY}\t\n\n")] {
        stand.home.write("home/key", &around);
        let file = stand.home.path("home/key").display().to_string();
        for path in [file.as_str(), "~/key"] {
            let _ = stand.home.run(&["--keyfile", path, "-p", "hello"]).ok();
        }
        let _ = stand
            .home
            .typed(&["-p", "hello"])
            .env("ANTHROPIC_API_KEY", around.trim_start_matches('\u{feff}'))
            .done()
            .ok();
    }
    assert_eq!(stand.sent(), vec![Sent::Key(KEY.into()); 12]);
}

#[test]
fn a_key_file_that_is_none_is_named_and_the_environment_is_not_asked() {
    let stand = stand();
    stand.home.write("home/empty", "");
    let huge = std::fs::File::create(stand.home.path("home/huge")).unwrap();
    huge.set_len(1 << 30).unwrap();
    let socket = stand.home.path("home/socket");
    let _socket = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let locked = stand.home.write("home/locked", KEY);
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).unwrap();
    let root = std::fs::read(&locked).is_ok();
    for (path, said) in [
        ("~/gone", "there is no file [root]/home/gone"),
        ("~/empty", "[root]/home/empty is empty"),
        ("~/huge", "[root]/home/huge is larger than 65536 bytes"),
        ("~", "[root]/home is a folder"),
        ("~/", "[root]/home is a folder"),
        ("~/socket", "[root]/home/socket is not a plain file"),
        ("~/empty/below", "[root]/home/empty/below cannot be read"),
        ("~/locked", "[root]/home/locked cannot be read"),
    ] {
        if root && path == "~/locked" {
            continue;
        }
        let begun = std::time::Instant::now();
        stand.settings(json!({ "auth-keyfile": path }));
        let done = stand.home.typed(&["-p", "hello"]).env("ANTHROPIC_API_KEY", OTHER).done().exit(2);
        let whole = format!("The key in {path} (auth-keyfile in settings.json) cannot be used: {said}");
        assert!(done.stderr.contains(&whole), "{path}\n{done}");
        // `why` shows the row, and that nothing below it is used.
        let why = stand.home.typed(&["auth", "anthropic", "why", "--json"]).env("ANTHROPIC_API_KEY", OTHER).done().ok();
        let why = why.json();
        assert_eq!((&why["winner"], &why["tiers"][1]["state"]), (&Value::Null, &json!("broken")), "{path}");
        assert_eq!(why["next"], json!(["llxprt set unset auth-keyfile"]), "{path}");
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{path}");
    }
    assert_eq!(stand.sent(), []);
}

#[test]
fn a_key_of_anthropic_for_gemini_is_warned_about_and_used() {
    let stand = provider_steps::Stand::new("gemini");
    let warning = "This key looks like one for Anthropic; it is used for gemini all the same.";
    stand.script.add_key(KEY, crate::keys_steps::PERSONAL);
    let done = stand.home.typed(&["--provider", "gemini", "-p", "hello"]).env("GEMINI_API_KEY", KEY).done().ok();
    assert_eq!(done.stderr.matches(warning).count(), 1, "{done}");
    let done = stand.home.run_with_stdin(&["key", "save", "gemini"], format!("{KEY}\n")).ok();
    assert_eq!(done.stderr.matches(warning).count(), 1, "{done}");
    let done = stand.home.run_with_stdin(&["--provider", "gemini"], "one\ntwo\n").ok();
    assert_eq!(done.stderr.matches(warning).count(), 1, "once a session\n{done}");
    // OpenRouter's begin like OpenAI's and are no others'.
    let done = stand.home.run_with_stdin(&["key", "save", "openrouter"], "sk-or-v1-canary-0123\n").ok();
    assert!(!done.stderr.contains("looks like"), "{done}");
    let done = stand.home.run_with_stdin(&["key", "save", "openai"], "sk-or-v1-canary-0123\n").ok();
    assert!(done.stderr.contains("This key looks like one for OpenRouter; it is used for openai"), "{done}");
    let done = stand.home.run_with_stdin(&["key", "save", "codex"], "sk-proj-canary-0123\n").ok();
    assert!(done.stderr.contains("Keys are for openai, and codex takes sign-ins only"), "{done}");
}

#[test]
fn a_key_name_that_is_not_there_names_the_nearest_and_nothing_else_is_tried() {
    let stand = stand();
    stand.save("work", KEY);
    let done = stand.home.typed(&["--key-name", "wrok", "-p", "hello"]).env("ANTHROPIC_API_KEY", OTHER).done().exit(2);
    insta::assert_snapshot!(done, @r#"
    --- stderr
    llxprt: The saved key wrok (--key-name) cannot be used: there is no saved key called "wrok"; did you mean work?
    start again without --key-name  E-KEY
    --- exit 2
    "#);
    stand.settings(json!({ "auth-key-name": "far-away" }));
    let done = stand.home.typed(&["-p", "hello"]).env("ANTHROPIC_API_KEY", OTHER).done().exit(2);
    assert!(done.stderr.contains("there is no saved key called \"far-away\"."), "{done}");
    // A key that is given before it is used, and what is broken below it does no harm.
    let _ = stand.home.run(&["--key-name", "work", "-p", "hello"]).ok();
    assert_eq!(stand.sent(), [Sent::Key(KEY.into())]);
}
