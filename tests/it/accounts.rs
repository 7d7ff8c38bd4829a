//! Several accounts: which one this session uses, renaming, `--bucket`, what was counted.

use llxprt::sandbox::Endpoint;
use serde_json::json;

use crate::accounts_steps::{PERSONAL, WORK, leave, pair, stand, timeless, two};

#[test]
fn a_session_uses_the_account_that_was_switched_to_and_others_do_not() {
    let stand = pair();
    let pty = stand.session(&[]);
    assert_eq!(pty.ask("one"), "one");
    assert_eq!(
        pty.ask("/auth anthropic switch personal@gmail.com"),
        "personal@gmail.com is used for anthropic in this session."
    );
    assert_eq!(pty.ask("two"), "two");
    let _ = stand.home.run(&["-p", "three"]).ok();
    // At its limit the profile's other account goes on.
    stand.script.end_quota(PERSONAL);
    assert!(pty.ask("four").contains(" · using work@company.com"));
    assert_eq!(stand.asked(), "work personal work personal work");
    let shown = pty.ask("/auth anthropic switch persona");
    assert!(shown.contains("anthropic has no account called \"persona\". Did you mean personal@gmail.com?"), "{shown}");
    assert!(
        pty.ask("/auth anthropic switch personal@gmail.com").contains("It is at its limit (5-hour limit), back in ")
    );
    leave(pty);
}

#[test]
fn an_account_for_one_run_is_named_by_a_flag() {
    let stand = two();
    let _ = stand.home.run(&["--bucket", WORK, "-p", "hello"]).ok();
    let _ = stand.home.run(&["--account", PERSONAL, "-p", "hello"]).ok();
    assert_eq!(stand.asked(), "work personal");
    let done = stand.home.run(&["--bucket", "wrk@company.com", "-p", "hello"]).exit(2);
    assert!(
        done.stderr.contains("anthropic has no account called \"wrk@company.com\". Did you mean work@company.com?"),
        "{done}"
    );
    let done = stand.home.run_with_stdin(&["--bucket", "wrk@company.com"], "hello\n").exit(2);
    assert!(done.stderr.contains("E-ACCOUNT"), "{done}");
    assert_eq!(stand.asked(), "work personal");
}

#[test]
fn an_account_is_renamed_with_its_secret_and_profiles_and_the_session_follow() {
    let stand = pair();
    let pty = stand.session(&[]);
    assert_eq!(
        pty.ask("/auth anthropic rename work@company.com Work"),
        "work@company.com is called Work now.\nFollowed by: claude-ha."
    );
    assert!(pty.screen().lines().last().unwrap().starts_with("anthropic Work ›"), "{}", pty.screen());
    assert_eq!(pty.ask("hello"), "hello");
    let text = stand.home.read("config/profiles/claude-ha.json");
    let profile: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(profile["auth"]["buckets"], json!(["Work", PERSONAL]));
    // Only the case differs.
    assert!(pty.ask("/auth anthropic rename Work work").starts_with("Work is called work now."));
    assert_eq!(pty.ask("hello"), "hello");
    for (line, words) in [
        (
            "/auth anthropic rename work personal@gmail.com",
            "anthropic has an account called personal@gmail.com already.",
        ),
        ("/auth anthropic rename wok other", "anthropic has no account called \"wok\". Did you mean work?"),
        ("/auth anthropic rename work work", "work is called that already."),
    ] {
        let shown = pty.ask(line);
        assert!(shown.contains(words), "{shown}");
    }
    leave(pty);
    assert_eq!(stand.asked(), "work work");
    let states = stand.states();
    assert_eq!(states.keys().collect::<Vec<_>>(), [PERSONAL, "work"]);
}

#[test]
fn what_was_used_is_counted_for_the_session_and_for_each_account() {
    let _times = timeless();
    let stand = pair();
    let pty = stand.session(&[]);
    assert!(pty.ask("/stats").starts_with("No request was answered in this session."));
    assert_eq!(pty.ask("one two three"), "one two three");
    stand.script.end_quota(WORK);
    assert!(pty.ask("four").ends_with("four"));
    insta::assert_snapshot!(pty.ask("/stats"), @"
    Provider   Account             Requests  Input  Output  Last used
    anthropic  personal@gmail.com         1     22       1  [time]
    anthropic  work@company.com           1     10       3  [time]
    ");
    leave(pty);
    insta::assert_snapshot!(stand.home.run(&["stats", "buckets"]).ok().stdout, @"
    Provider   Account             Requests  Input  Output  Switches  Last used
    anthropic  personal@gmail.com         1     22       1         0  [time]
    anthropic  work@company.com           1     10       3         1  [time]
    ");
    let buckets = stand.home.run(&["stats", "buckets", "--json"]).ok().json();
    let work = buckets["buckets"].as_array().unwrap().iter().find(|b| b["bucket"] == WORK).unwrap();
    assert_eq!((&work["requests"], &work["switches"]), (&json!(1), &json!(1)));
}

#[test]
fn the_windows_are_asked_for_and_then_known_for_a_while() {
    let _times = timeless();
    let stand = two();
    let _ = stand.home.run(&["--bucket", WORK, "-p", "hello"]).ok();
    stand.script.end_quota(WORK);
    insta::assert_snapshot!(stand.home.run(&["stats", "quota"]).ok().stdout, @"
    anthropic personal@gmail.com (as of [time])
      5 h 0 %
      7 d 0 %
      7 d sonnet 0 %
    anthropic work@company.com (as of [time])
      5 h 100 %, begins anew in [span] ([time])
      7 d 5 %, begins anew in [span] ([time])
      7 d sonnet 0 %
    ");
    let quota = stand.home.run(&["stats", "quota", "--json"]).ok().json();
    assert_eq!(quota["accounts"][0]["limits"][0]["window"], "5h");
    assert_eq!(stand.script.count(Endpoint::Usage), 2);
    // One that refuses to tell is left alone for as long as it asks.
    let stand = stand_with_one();
    let busy = llxprt::sandbox::Answer::json(429, json!({"error": {"type": "rate_limit_error", "message": "Later."}}));
    stand.script.answer(Endpoint::Usage, busy.header("retry-after", "2880"));
    for _ in 0..2 {
        let _ = stand.home.run(&["stats", "quota"]).ok();
    }
    assert_eq!(stand.script.count(Endpoint::Usage), 1);
}

fn stand_with_one() -> crate::accounts_steps::Stand {
    let stand = stand();
    stand.sign_in(WORK);
    stand
}
