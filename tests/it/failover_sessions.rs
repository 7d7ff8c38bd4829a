//! Failover over time: sessions that share what is known, the way back, taking turns, load balancers.

use crate::accounts_steps::{PERSONAL, WORK, leave, now, pair, stand, two};

#[test]
fn a_session_goes_on_with_the_second_account_and_returns_at_the_next_turn_after_the_reset() {
    let stand = pair();
    let pty = stand.session(&[]);
    assert_eq!(pty.ask("one"), "one");
    stand.script.end_quota(WORK);
    let shown = pty.ask("two");
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].starts_with("work@company.com is at its limit until "), "{shown}");
    assert!(lines[0].ends_with(" · using personal@gmail.com") && lines[1..] == ["two"], "{shown}");
    assert_eq!(pty.ask("three"), "three", "a switch is said once");
    assert!(pty.screen().lines().last().unwrap().starts_with("anthropic personal@gmail.com ›"), "{}", pty.screen());
    stand.limits_pass();
    assert_eq!(pty.ask("four"), "work@company.com is available again · using it\nfour");
    assert_eq!(pty.ask("five"), "five");
    assert_eq!(stand.asked(), "work work personal personal work work");
    leave(pty);
}

#[test]
fn a_second_session_begins_with_the_second_account_and_both_return() {
    let stand = pair();
    let first = stand.session(&[]);
    stand.script.end_quota(WORK);
    assert!(first.ask("one").contains("using personal@gmail.com"));
    let second = stand.session(&[]);
    assert!(
        second.screen().lines().last().unwrap().starts_with("anthropic personal@gmail.com ›"),
        "{}",
        second.screen()
    );
    assert!(second.ask("two").contains("work@company.com is at its limit until "));
    assert_eq!(stand.asked(), "work personal personal");
    stand.limits_pass();
    for session in [&first, &second] {
        assert_eq!(session.ask("back"), "work@company.com is available again · using it\nback");
    }
    assert_eq!(stand.asked(), "work personal personal work work");
    leave(first);
    leave(second);
}

#[test]
fn a_limit_that_is_over_before_it_is_written_holds_nobody_up() {
    let stand = pair();
    let until = crate::accounts_steps::now() - 5;
    let limit = serde_json::json!([{"until": until, "why": "5-hour limit", "strikes": 0}]);
    stand.change_index(|index| index["accounts"]["anthropic:work@company.com"]["limits"] = limit);
    assert_eq!(stand.home.run(&["-p", "hello"]).ok().stderr, "");
    assert_eq!(stand.asked(), "work");
}

#[test]
fn a_limit_that_was_written_while_the_clock_was_wrong_holds_nobody_up() {
    let stand = pair();
    stand.script.end_quota(WORK);
    assert!(stand.home.run(&["-p", "one"]).ok().stderr.contains("using personal@gmail.com"));
    stand.script.set_quota(WORK, 1000);
    // The clock stood two years ahead then, and is right again now.
    stand.change_index(|index| {
        let limit = &mut index["accounts"][format!("anthropic:{WORK}")]["limits"][0];
        limit["until"] = (now() + 2 * 365 * 86_400).into();
    });
    assert_eq!(stand.states()[WORK], "ready");
    assert_eq!(stand.home.run(&["-p", "two"]).ok().to_string(), "two\n--- exit 0");
    assert_eq!(stand.asked(), "work personal work");
}

#[test]
fn accounts_take_turns_where_that_is_set_also_from_run_to_run() {
    let stand = pair();
    let _ = stand.home.run(&["set", "auth.bucketPolicy", "roundrobin"]).ok();
    for _ in 0..4 {
        assert_eq!(stand.home.run(&["-p", "hello"]).ok().to_string(), "hello\n--- exit 0");
    }
    assert_eq!(stand.asked(), "work personal work personal");
    stand.script.end_quota(WORK);
    for _ in 0..2 {
        let _ = stand.home.run(&["-p", "hello"]).ok();
    }
    assert_eq!(stand.asked(), "work personal work personal work personal personal");
}

#[test]
fn where_terms_forbid_going_round_limits_only_a_person_switches() {
    let stand = pair();
    stand.home.write("config/providers/anthropic.toml", "[oauth]\nfailover = \"manual\"\n");
    stand.script.end_quota(WORK);
    let pty = stand.session(&[]);
    pty.type_line("hello");
    pty.wait_for("Anthropic leaves switching accounts to you.");
    pty.wait_for("/auth anthropic switch personal@gmail.com");
    assert_eq!(stand.asked(), "work");
    pty.wait_until("the prompt", |screen| screen.lines().last().is_some_and(|line| line.ends_with("› hello")));
    pty.clear_line();
    pty.wait_prompt();
    assert!(
        pty.ask("/auth anthropic switch personal@gmail.com").starts_with("personal@gmail.com is used for anthropic")
    );
    assert_eq!(pty.ask("hello"), "hello");
    assert_eq!(stand.asked(), "work personal");
    leave(pty);
}

#[test]
fn a_load_balancer_goes_on_with_the_next_profile_and_with_a_key_only_where_one_is_listed() {
    let stand = two();
    let key = "sk-ant-api03-canary-key-0123456789";
    stand.script.add_key(key, "billing@company.com");
    stand.home.write("work/key.txt", key);
    let path = stand.home.path("work/key.txt").display().to_string();
    for (name, bucket) in [("a", WORK), ("b", PERSONAL)] {
        let _ = stand.home.run(&["profile", "save", "model", name, bucket]).ok();
    }
    let _ = stand.home.run(&["--keyfile", &path, "profile", "save", "model", "keyed"]).ok();
    let stored: serde_json::Value = serde_json::from_str(&stand.home.read("config/profiles/keyed.json")).unwrap();
    assert_eq!(stored["ephemeralSettings"]["auth-keyfile"], path.as_str());
    let _ = stand.home.run(&["profile", "save", "loadbalancer", "either", "failover", "a", "b", "keyed"]).ok();
    let run = |text: &str| stand.home.run(&["--profile-load", "either", "-p", text]);
    assert_eq!(run("one").ok().to_string(), "one\n--- exit 0");
    stand.script.end_quota(WORK);
    let done = run("two").ok();
    assert!(done.stderr.starts_with("a: work@company.com is at its limit: 5-hour limit, back in "), "{done}");
    assert!(done.stderr.ends_with(" · using b\n"), "{done}");
    stand.script.end_quota(PERSONAL);
    let done = run("three").ok();
    assert!(done.stderr.contains(" · using keyed\n") && done.stderr.contains("billed to it"), "{done}");
    assert_eq!(stand.asked(), "work work personal personal billing");
    stand.limits_pass();
    assert_eq!(run("four").ok().to_string(), "four\n--- exit 0");
    assert_eq!(stand.asked(), "work work personal personal billing work");
    stand.home.assert_clean(&[]);
}

#[test]
fn a_load_balancer_can_let_its_profiles_take_turns() {
    let stand = two();
    for (name, bucket) in [("a", WORK), ("b", PERSONAL)] {
        let _ = stand.home.run(&["profile", "save", "model", name, bucket]).ok();
    }
    let _ = stand.home.run(&["profile", "save", "loadbalancer", "both", "roundrobin", "a", "b"]).ok();
    for _ in 0..3 {
        assert_eq!(stand.home.run(&["--profile-load", "both", "-p", "hello"]).ok().to_string(), "hello\n--- exit 0");
    }
    assert_eq!(stand.asked(), "work personal work");
    stand.script.end_quota(WORK);
    stand.script.end_quota(PERSONAL);
    let done = stand.home.run(&["--profile-load", "both", "-p", "hello"]).exit(75);
    assert!(done.stderr.contains("No profile of both can answer now. The first is back in "), "{done}");
}

#[test]
fn two_profiles_at_one_provider_whose_terms_forbid_it_are_not_switched_between() {
    let stand = two();
    stand.home.write("config/providers/anthropic.toml", "[oauth]\nfailover = \"manual\"\n");
    for (name, bucket) in [("a", WORK), ("b", PERSONAL)] {
        let _ = stand.home.run(&["profile", "save", "model", name, bucket]).ok();
    }
    let _ = stand.home.run(&["profile", "save", "loadbalancer", "both", "failover", "a", "b"]).ok();
    stand.script.end_quota(WORK);
    let _ = stand.home.run(&["--profile-load", "both", "-p", "hello"]).exit(75);
    assert_eq!(stand.asked(), "work");
}

#[test]
fn missing_sign_ins_of_a_profile_are_named_and_offered_when_it_loads_never_later() {
    let stand = stand();
    stand.sign_in(WORK);
    let text = r#"{"version":1,"provider":"anthropic","model":"claude-opus-5","modelParams":{},"ephemeralSettings":{},
        "auth":{"type":"oauth","buckets":["work@company.com","personal@gmail.com","third@x.org"]}}"#;
    stand.home.write("config/profiles/three.json", text);
    let pty = stand.session(&[]);
    pty.type_line("/profile load three");
    pty.wait_for("Not signed in: personal@gmail.com, third@x.org.");
    pty.wait_for("Sign in to anthropic as personal@gmail.com now (1 of 2)?");
    pty.keys("n\r");
    pty.wait_for("Sign in to anthropic as third@x.org now (2 of 2)?");
    pty.keys("s\r");
    pty.wait_prompt();
    assert_eq!(pty.ask("hello"), "hello");
    stand.script.end_quota(WORK);
    pty.type_line("again");
    pty.wait_for("E-LIMIT");
    let screen = pty.screen();
    assert!(screen.contains("third@x.org          nobody is signed in"), "{screen}");
    assert_eq!(screen.matches("Sign in to anthropic as").count(), 2, "{screen}");
    pty.wait_until("the prompt", |screen| screen.lines().last().is_some_and(|line| line.ends_with("› again")));
    pty.clear_line();
    pty.wait_prompt();
    leave(pty);
    // Without a terminal they are named with what to type, and nothing waits.
    stand.limits_pass();
    let done = stand.home.run(&["--profile-load", "three", "-p", "hello"]).ok();
    assert!(done.stderr.contains("llxprt auth anthropic login third@x.org"), "{done}");
}
