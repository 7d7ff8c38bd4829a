//! Every row of the table of failover (design 4.10), as it is seen from outside.

use llxprt::sandbox::anthropic::{Limit, Policy, limited, overloaded, policy};
use llxprt::sandbox::{Answer, Chunk, End, Endpoint};
use serde_json::json;

use crate::accounts_steps::{PERSONAL, Stand, WORK, leave, now, pair, timeless, two};
use crate::support::Done;

fn prompt(stand: &Stand, text: &str) -> Done {
    stand.home.run(&["-p", text])
}

fn refusal(status: u16, kind: &str, words: &str) -> Answer {
    Answer::json(status, json!({"type": "error", "error": {"type": kind, "message": words}}))
}

#[test]
fn a_quota_that_is_used_up_hands_over_at_once_and_every_process_knows() {
    let _times = timeless();
    let stand = pair();
    stand.script.end_quota(WORK);
    insta::assert_snapshot!(prompt(&stand, "one").ok(), @"
    one
    --- stderr
    work@company.com is at its limit until [time] · using personal@gmail.com
    --- exit 0
    ");
    // Another process asks the second account straight away.
    insta::assert_snapshot!(prompt(&stand, "two").ok(), @"
    two
    --- stderr
    work@company.com is at its limit until [time] · using personal@gmail.com
    --- exit 0
    ");
    assert_eq!(stand.asked(), "work personal personal");
    assert_eq!(stand.states()[WORK], "limited");
    stand.limits_pass();
    assert_eq!(prompt(&stand, "three").ok().stderr, "");
    assert_eq!(stand.asked(), "work personal personal work");
    assert_eq!(stand.entry(WORK)["limits"], serde_json::Value::Null, "limits that are over are forgotten");
}

#[test]
fn a_refused_token_is_renewed_once_and_nobody_notices() {
    let stand = pair();
    stand.script.expire_access_tokens();
    assert_eq!(prompt(&stand, "hello").ok().to_string(), "hello\n--- exit 0");
    assert_eq!((stand.asked().as_str(), stand.renewed()), ("work work", 1));
}

#[test]
fn a_token_that_is_refused_right_after_its_renewal_needs_a_new_sign_in() {
    let stand = pair();
    for _ in 0..2 {
        stand.script.answer(Endpoint::Chat, refusal(401, "authentication_error", "Invalid authentication credentials"));
    }
    let done = prompt(&stand, "hello").ok();
    assert_eq!((done.stdout.as_str(), stand.renewed()), ("hello\n", 1));
    assert_eq!(done.stderr, "work@company.com needs a new sign-in · using personal@gmail.com\n");
    assert_eq!(stand.asked(), "work work personal");
    assert_eq!(stand.states()[WORK], "needs-login");
    // It is known from now on: no third request with it.
    let done = prompt(&stand, "again").ok();
    assert!(done.stderr.starts_with("Not signed in: work@company.com.\n"), "{done}");
    assert!(done.stderr.ends_with("work@company.com needs a new sign-in · using personal@gmail.com\n"), "{done}");
    assert_eq!(stand.asked(), "work work personal personal");
}

#[test]
fn a_login_that_was_revoked_is_not_renewed() {
    let stand = pair();
    stand.script.answer(Endpoint::Chat, refusal(403, "permission_error", "OAuth token has been revoked."));
    assert_eq!(
        prompt(&stand, "hello").ok().stderr,
        "work@company.com needs a new sign-in · using personal@gmail.com\n"
    );
    assert_eq!((stand.asked().as_str(), stand.renewed()), ("work personal", 0));
}

#[test]
fn a_renewal_that_is_refused_for_good_hands_over() {
    let stand = pair();
    stand.script.expire_access_tokens();
    stand.script.answer(Endpoint::Refresh, Answer::json(400, json!({"error": "invalid_grant"})));
    assert_eq!(
        prompt(&stand, "hello").ok().stderr,
        "work@company.com needs a new sign-in · using personal@gmail.com\n"
    );
    assert_eq!(stand.states()[WORK], "needs-login");
}

#[test]
fn a_burst_is_waited_for_and_then_counts_as_a_limit_that_doubles() {
    let _times = timeless();
    let stand = pair();
    let burst = |after: u64| limited(Limit::Burst, 0, after);
    stand.script.answer(Endpoint::Chat, burst(1));
    assert_eq!(prompt(&stand, "one").ok().to_string(), "one\n--- exit 0");
    assert_eq!(stand.asked(), "work work");

    for expected in [60, 120] {
        stand.script.answer(Endpoint::Chat, burst(1));
        stand.script.answer(Endpoint::Chat, burst(1));
        insta::allow_duplicates!(insta::assert_snapshot!(prompt(&stand, "two").ok(), @"
        two
        --- stderr
        work@company.com is at its limit until [time] · using personal@gmail.com
        --- exit 0
        "));
        let limit = stand.entry(WORK)["limits"][0].clone();
        let wait = limit["until"].as_i64().unwrap() - now();
        assert!((expected - 5..=expected).contains(&wait), "{limit} is {wait} s");
        stand.limits_pass();
    }
}

#[test]
fn a_limit_without_a_reset_or_with_one_that_nobody_believes_is_short() {
    for (header, value) in [
        ("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT".to_owned()),
        ("retry-after", "-5".to_owned()),
        ("anthropic-ratelimit-unified-reset", "1".to_owned()),
        ("anthropic-ratelimit-unified-reset", (now() + 366 * 86_400).to_string()),
        ("anthropic-ratelimit-unified-reset", "soon".to_owned()),
    ] {
        let stand = pair();
        let answer = refusal(429, "rate_limit_error", "This request would exceed your account's rate limit.")
            .header("anthropic-ratelimit-unified-status", "rejected")
            .header(header, value.as_str());
        stand.script.answer(Endpoint::Chat, answer);
        let done = prompt(&stand, "hello").ok();
        assert!(done.stderr.contains("using personal@gmail.com"), "{header}: {value}\n{done}");
        let wait = stand.entry(WORK)["limits"][0]["until"].as_i64().unwrap() - now();
        assert!((50..=60).contains(&wait), "{header}: {value} → {wait} s");
    }
}

#[test]
fn a_limit_whose_end_is_told_as_a_date_is_kept_until_then() {
    let stand = pair();
    let then = chrono::DateTime::from_timestamp(now() + 600, 0).unwrap();
    let answer = refusal(429, "rate_limit_error", "This request would exceed your account's rate limit.")
        .header("anthropic-ratelimit-unified-status", "rejected")
        .header("retry-after", then.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
    stand.script.answer(Endpoint::Chat, answer);
    assert!(prompt(&stand, "hello").ok().stderr.contains("using personal@gmail.com"));
    let wait = stand.entry(WORK)["limits"][0]["until"].as_i64().unwrap() - now();
    assert!((590..=601).contains(&wait), "{wait} s");
}

#[test]
fn a_limit_of_one_model_leaves_the_others_free() {
    let stand = pair();
    stand.script.answer(Endpoint::Chat, limited(Limit::Model, now() + 600, 600));
    assert!(prompt(&stand, "one").ok().stderr.contains("using personal@gmail.com"));
    assert_eq!(stand.states()[WORK], "ready");
    let _ = stand.home.run(&["--model", "claude-haiku-4-5", "-p", "two"]).ok();
    let _ = prompt(&stand, "three").ok();
    assert_eq!(stand.asked(), "work personal work personal");
}

#[test]
fn accounts_of_one_identity_share_a_limit() {
    let stand = two();
    stand.sign_in_as("second", WORK);
    let saved = stand.home.run(&["profile", "save", "model", "twins", WORK, "second", PERSONAL]).ok();
    assert!(saved.stderr.contains("work@company.com and second are one identity: their limits are shared."), "{saved}");
    stand.script.end_quota(WORK);
    let done = stand.home.run(&["--profile-load", "twins", "-p", "hello"]).ok();
    assert!(done.stderr.contains("using personal@gmail.com"), "{done}");
    assert_eq!(stand.asked(), "work personal");
    assert_eq!(stand.states()["second"], "limited");
}

#[test]
fn a_plan_that_does_not_cover_the_model_hands_over_with_the_reason() {
    let stand = pair();
    let words = "Your current plan does not include this model.";
    stand.script.answer(Endpoint::Chat, refusal(403, "permission_error", words));
    let done = prompt(&stand, "hello").ok();
    assert_eq!(
        done.stderr,
        "work@company.com is not covered for this (Your current plan does not include this model) · using \
         personal@gmail.com\n"
    );
    assert_eq!(stand.states()[WORK], "ready");
}

#[test]
fn any_other_refusal_stops_with_the_providers_words() {
    for (answer, words) in [
        (refusal(400, "invalid_request_error", "max_tokens: too large"), "max_tokens: too large"),
        (refusal(404, "not_found_error", "model: claude-none"), "model: claude-none"),
        (refusal(413, "request_too_large", "Request exceeds the maximum size"), "Request exceeds the maximum size"),
        (policy(Policy::OtherProgram), "only authorized for use with Claude Code"),
        (policy(Policy::ExtraUsage), "Claim it at claude.ai/settings/usage"),
        (policy(Policy::Balance), "Your credit balance is too low"),
    ] {
        let stand = pair();
        stand.script.answer(Endpoint::Chat, answer);
        let done = prompt(&stand, "hello").exit(1);
        assert!(done.stderr.contains(words) && done.stderr.contains("E-REFUSED"), "{done}");
        assert_eq!(stand.asked(), "work", "{words}");
        assert_eq!(stand.states()[WORK], "ready");
    }
}

#[test]
fn a_provider_in_trouble_is_asked_three_times_with_the_same_account() {
    let _times = timeless();
    let stand = pair();
    for _ in 0..3 {
        stand.script.answer(Endpoint::Chat, overloaded().header("retry-after", "1"));
    }
    insta::assert_snapshot!(prompt(&stand, "hello").exit(69), @"
    --- stderr
    llxprt: Anthropic is in trouble: Overloaded (status 529). Tried three times.  E-OFFLINE
    --- exit 69
    ");
    assert_eq!(stand.asked(), "work work work");
    stand.script.answer(Endpoint::Chat, Answer::lost());
    assert_eq!(prompt(&stand, "again").ok().stdout, "again\n");
    assert_eq!(stand.asked(), "work work work work work");
}

#[test]
fn an_answer_that_breaks_off_is_never_asked_for_again() {
    let stand = pair();
    let start = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
                 \"delta\":{\"type\":\"text_delta\",\"text\":\"half\"}}\n\n";
    let error = |kind: &str| {
        format!(
            "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":\"No more.\"}}}}\n\n"
        )
    };
    for (chunks, end) in [
        (vec![start.to_owned()], End::Drop),
        (vec![start.to_owned(), error("overloaded_error")], End::Whole),
        (vec![start.to_owned(), error("rate_limit_error")], End::Whole),
    ] {
        stand.script.answer(Endpoint::Chat, Answer::stream(chunks.into_iter().map(Chunk::new).collect(), end));
        let before = stand.script.count(Endpoint::Chat);
        let done = prompt(&stand, "hello").exit(69);
        assert_eq!(done.stdout, "half\n");
        assert!(done.stderr.contains("The answer broke off") && done.stderr.contains("What came is kept."), "{done}");
        assert_eq!(stand.script.count(Endpoint::Chat), before + 1);
    }
}

#[test]
fn with_none_left_each_account_is_named_with_its_reason() {
    let _times = timeless();
    let stand = pair();
    stand.script.end_quota(WORK);
    stand.script.end_quota(PERSONAL);
    insta::assert_snapshot!(prompt(&stand, "hello").exit(75), @"
    --- stderr
    work@company.com is at its limit until [time] · using personal@gmail.com
    llxprt: Both accounts in claude-ha are at their limits. The first is back in [span] ([time]).
      work@company.com     5-hour limit   back in [span] ([time])
      personal@gmail.com   5-hour limit   back in [span] ([time])
    You can wait, add an account (llxprt auth anthropic login <account>), or use an API key, which is billed by use: llxprt auth anthropic why shows how.  E-LIMIT
    --- exit 75
    ");
    assert_eq!(stand.asked(), "work personal");
    // What is known is not asked for again.
    let error = stand.home.run(&["-p", "hello", "--json"]).exit(75).json();
    assert_eq!((&error["code"], &error["exit"]), (&json!("E-LIMIT"), &json!(75)));
    assert_eq!(stand.asked(), "work personal");
}

#[test]
fn one_account_alone_goes_by_the_same_table() {
    let _times = timeless();
    let stand = two();
    stand.script.end_quota(PERSONAL);
    insta::assert_snapshot!(stand.home.run(&["--bucket", PERSONAL, "-p", "hello"]).exit(75), @"
    --- stderr
    llxprt: personal@gmail.com is at its limit: 5-hour limit, back in [span] ([time]).
    You can wait, add an account (llxprt auth anthropic login <account>), or use an API key, which is billed by use: llxprt auth anthropic why shows how.  E-LIMIT
    --- exit 75
    ");
    stand.script.expire_access_tokens();
    let done = stand.home.run(&["--bucket", WORK, "-p", "hello"]).ok();
    assert_eq!((done.stdout.as_str(), stand.asked().as_str()), ("hello\n", "personal work work"));
}

#[test]
fn a_limit_never_leads_to_a_key_that_is_billed() {
    let stand = pair();
    stand.script.add_key("sk-ant-api03-canary-key-0123456789", WORK);
    stand.script.end_quota(WORK);
    stand.script.end_quota(PERSONAL);
    let run = stand.home.typed(&["--set", "authOnly=true", "-p", "hello"]);
    let done = run.env("ANTHROPIC_API_KEY", "sk-ant-api03-canary-key-0123456789").done().exit(75);
    assert!(done.stderr.contains("E-LIMIT"), "{done}");
    let keyed = stand.script.requests().iter().filter(|call| call.header("x-api-key").is_some()).count();
    assert_eq!(keyed, 0);
}

#[test]
fn in_a_session_the_prompt_is_back_on_the_line_when_none_is_left() {
    let stand = pair();
    let pty = stand.session(&[]);
    stand.script.end_quota(WORK);
    stand.script.end_quota(PERSONAL);
    pty.type_line("Now write the tests.");
    pty.wait_for("E-LIMIT");
    pty.wait_until("the prompt with the text", |screen| {
        screen.lines().last().is_some_and(|line| line.ends_with("› Now write the tests."))
    });
    assert!(pty.screen().replace('\n', " ").contains("Your prompt is kept."), "{}", pty.screen());
    stand.limits_pass();
    pty.keys("\r");
    pty.wait_for_count("Now write the tests.", 3);
    pty.wait_prompt();
    assert_eq!(stand.asked(), "work personal work");
    leave(pty);
}

#[test]
fn a_wait_is_said_and_ctrl_c_ends_it() {
    let stand = pair();
    let pty = stand.session(&[]);
    stand.script.answer(Endpoint::Chat, limited(Limit::Burst, 0, 9));
    pty.type_line("hello");
    pty.wait_for("trying again with work@company.com in 9 s");
    pty.keys(crate::support::pty::key::CTRL_C);
    pty.wait_for("E-CANCELLED");
    pty.wait_until("the prompt with the text", |screen| screen.lines().last().is_some_and(|l| l.ends_with("› hello")));
    assert_eq!(stand.asked(), "work");
    pty.clear_line();
    leave(pty);
}
