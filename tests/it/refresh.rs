//! Renewal through the whole program: what was typed, what the provider saw, what is stored after (security 4, F12).

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use llxprt::sandbox::{Answer, Endpoint, Options};
use serde_json::{Value, json};

use crate::faults_stage::{Stage, WORK, account, block_on, now};
use crate::support::pty::key;
use crate::support::{DEADLINE, Done, Ended, signal, until};

fn error(status: u16, code: &str) -> Answer {
    Answer::json(status, json!({ "error": code, "error_description": format!("the provider's words on {code}") }))
}

fn script(stage: &Stage, answers: impl IntoIterator<Item = Answer>) {
    answers.into_iter().for_each(|answer| stage.script().answer(Endpoint::Refresh, answer));
}

/// A token run with an expired token and these answers of the token endpoint; how many requests it took.
fn expired_with(stage: &Stage, answers: impl IntoIterator<Item = Answer>) -> (Done, usize) {
    stage.leave_seconds(WORK, -10);
    script(stage, answers);
    let before = stage.refreshes();
    let done = stage.token(WORK);
    (done, stage.refreshes() - before)
}

#[test]
fn f12_an_expired_token_is_renewed_silently_at_the_next_prompt_and_by_token() {
    let stage = Stage::signed_in();
    let first = stage.stored(WORK);
    stage.leave_seconds(WORK, -10);
    let done = stage.home.run(&["-p", "hello after the token ran out"]).ok();
    assert_eq!(done.stdout.trim(), "hello after the token ran out");
    assert_eq!((done.stderr.as_str(), stage.refreshes()), ("", 1));
    let second = stage.stored(WORK);
    assert_ne!(second["access_token"], first["access_token"]);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(second["token_host"], "127.0.0.1");
    assert_eq!(stage.token(WORK).ok().stdout.trim(), second["access_token"].as_str().unwrap());
    assert_eq!(stage.refreshes(), 1, "a token that lives is not renewed");
    stage.leave_seconds(WORK, -10);
    let third = stage.token(WORK).ok().stdout;
    assert_eq!((third.trim(), stage.refreshes()), (stage.stored(WORK)["access_token"].as_str().unwrap(), 2));
    for call in stage.script().requests_to(Endpoint::Refresh) {
        let body: Value = serde_json::from_str(&call.body).unwrap();
        assert!(body.get("scope").is_none(), "no more than was granted is asked for: {body}");
    }
    assert_eq!(stage.script().violations(), [""; 0]);
}

#[test]
fn f12_an_answer_without_a_refresh_token_keeps_the_old_one() {
    let stage = Stage::signed_in();
    let before = stage.stored(WORK);
    let answer =
        json!({ "access_token": "sk-ant-oat01-without-a-new-refresh-token", "token_type": "Bearer", "expires_in": 60 });
    let (done, requests) = expired_with(&stage, [Answer::json(200, answer)]);
    assert_eq!((done.ok().stdout.trim(), requests), ("sk-ant-oat01-without-a-new-refresh-token", 1));
    let after = stage.stored(WORK);
    assert_eq!(after["refresh_token"], before["refresh_token"]);
    assert_eq!((&after["scope"], &after["lifetime"]), (&before["scope"], &json!(60)));
}

#[test]
fn what_the_provider_ended_says_sign_in_again_keeps_the_data_and_only_a_login_mends_it() {
    let codes = ["invalid_grant", "refresh_token_reused", "refresh_token_expired", "refresh_token_invalidated"];
    for (number, code) in codes.into_iter().enumerate() {
        let stage = Stage::signed_in();
        stage.leave_seconds(WORK, -10);
        let sealed = std::fs::read(stage.sealed(WORK)).unwrap();
        let (done, requests) = expired_with(&stage, [error(400, code)]);
        let done = done.exit(4);
        assert_eq!(requests, 1, "{code} is not tried again");
        assert!(done.stderr.contains("work@company.com needs a new sign-in: the provider's words on"), "{done}");
        assert!(done.stderr.contains("cut off can be the reason"), "{done}");
        assert!(done.stderr.contains("llxprt auth anthropic login work@company.com"), "{done}");
        assert!(done.stderr.contains("E-NEED-LOGIN"), "{done}");
        assert_eq!(stage.bucket(WORK)["state"], "needs-login");
        let table = stage.home.run(&["auth"]).ok().stdout;
        assert!(table.contains("sign in again"), "{table}");
        assert_ne!(std::fs::read(stage.sealed(WORK)).unwrap(), [0; 0]);
        assert_eq!(sealed.len(), std::fs::read(stage.sealed(WORK)).unwrap().len(), "nothing is deleted");

        let again = stage.token(WORK).exit(4);
        assert!(again.stderr.contains("needs a new sign-in"), "{again}");
        assert_eq!(stage.refreshes(), requests, "what was refused for good is not sent again");
        if number % 2 == 1 {
            let out = stage.home.run(&["auth", "anthropic", "logout", WORK]).ok();
            assert!(out.stderr.contains("removed here"), "{out}");
            assert_eq!(stage.stored(WORK), Value::Null);
        }
        let _ = stage.login(WORK, &[]).ok();
        assert_eq!(stage.bucket(WORK)["state"], "ready");
        let _ = stage.token(WORK).ok();
    }
}

#[test]
fn f12_a_success_that_carries_an_error_counts_as_that_error() {
    let stage = Stage::signed_in();
    let (done, requests) = expired_with(&stage, [error(200, "invalid_grant")]);
    let _ = done.exit(4);
    assert_eq!((requests, &stage.bucket(WORK)["state"]), (1, &json!("needs-login")));
}

#[test]
fn a_request_that_we_made_wrong_names_the_field_of_the_manifest_and_keeps_the_login() {
    let stage = Stage::signed_in();
    for (code, field) in [
        ("invalid_client", "oauth.client_id"),
        ("invalid_scope", "oauth.scopes"),
        ("unsupported_grant_type", "oauth.token_url"),
    ] {
        let (done, requests) = expired_with(&stage, [error(401, code)]);
        let done = done.exit(78);
        assert!(done.stderr.contains(field) && done.stderr.contains("E-MANIFEST"), "{done}");
        assert_eq!(requests, 1, "{code}");
    }
    let (done, requests) = expired_with(&stage, []);
    let _ = done.ok();
    assert_eq!(requests, 1, "the sign-in was kept");
}

#[test]
fn other_refusals_are_kept_shown_and_not_tried_again() {
    let stage = Stage::signed_in();
    for (answer, words) in [
        (error(403, "access_denied"), "the provider's words on access_denied"),
        (error(400, "something_new"), "the provider's words on something_new"),
        (Answer::html(404, "<html>Please accept the terms of this hotel</html>"), "status 404 with a web page"),
        (
            Answer::redirect("https://portal.example/welcome"),
            "redirects the token request to https://portal.example/welcome",
        ),
    ] {
        let (done, requests) = expired_with(&stage, [answer]);
        let done = done.exit(1);
        assert!(done.stderr.contains(words) && done.stderr.contains("The sign-in is kept."), "{done}");
        assert_eq!(requests, 1, "{words}");
    }
    let _ = expired_with(&stage, []).0.ok();
}

#[test]
fn f12_a_refusal_that_did_not_use_the_token_up_is_tried_three_times() {
    let stage = Stage::signed_in();
    let (done, requests) = expired_with(&stage, [error(429, "rate_limit_error"), error(503, "overloaded_error")]);
    let _ = done.ok();
    assert_eq!(requests, 3);
    let (done, requests) = expired_with(&stage, vec![error(503, "overloaded_error"); 3]);
    let done = done.exit(69);
    assert!(done.stderr.contains("overloaded_error") && done.stderr.contains("The sign-in is kept."), "{done}");
    assert_eq!(requests, 3);
    let _ = expired_with(&stage, []).0.ok();
}

#[test]
fn no_lock_is_held_while_waiting_for_a_retry() {
    let stage = Stage::signed_in();
    stage.leave_seconds(WORK, -10);
    script(&stage, [error(429, "rate_limit_error").header("retry-after", "3")]);
    let child = stage.token_child(WORK);
    assert!(stage.script().wait_for(Endpoint::Refresh, 1, DEADLINE));
    let vault = stage.vault();
    let lock = until("the lock to be free", || vault.try_lock(&account(WORK)).unwrap());
    assert_eq!(stage.refreshes(), 1, "it still waits");
    drop(lock);
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(stage.refreshes(), 2);
}

#[test]
fn f12_an_answer_that_may_have_used_the_token_up_is_tried_once_more_at_once() {
    let stage = Stage::signed_in();
    let page = || Answer::html(502, "<html>Bad gateway</html>");
    let cut = || Answer::stream(Vec::new(), llxprt::sandbox::End::Drop);
    for broken in [page(), cut(), Answer::empty(500), Answer::html(200, "<html>Welcome</html>")] {
        let (done, requests) = expired_with(&stage, [broken]);
        let _ = done.ok();
        assert_eq!(requests, 2);
    }
    let (done, requests) = expired_with(&stage, [page(), page()]);
    let done = done.exit(69);
    assert!(done.stderr.contains("status 502 with a web page"), "{done}");
    assert_eq!(requests, 2);
    // After a doubtful answer a sure refusal is waited out, and doubt is not tried at once a second time.
    let (done, requests) = expired_with(&stage, [page(), error(503, "overloaded_error"), page()]);
    let _ = done.exit(69);
    assert_eq!(requests, 3);
    let _ = expired_with(&stage, []).0.ok();
}

#[test]
fn an_answer_lost_after_it_took_effect_ends_the_login_and_the_message_names_the_cause() {
    let stage = Stage::signed_in();
    let (done, requests) = expired_with(&stage, [Answer::lost()]);
    let done = done.exit(4);
    assert!(done.stderr.contains("A renewal that was cut off can be the reason"), "{done}");
    assert_eq!(requests, 2, "the second found the token spent");
}

#[test]
fn the_access_token_is_used_while_it_lives() {
    let stage = Stage::signed_in();
    stage.leave_seconds(WORK, 60);
    let living = stage.stored(WORK)["access_token"].as_str().unwrap().to_owned();
    let page = || Answer::html(502, "<html>Bad gateway</html>");
    script(&stage, [page(), page()]);
    assert_eq!(stage.token(WORK).ok().stdout.trim(), living);
    assert_eq!(stage.refreshes(), 2);
    script(&stage, [error(403, "access_denied")]);
    let done = stage.home.run(&["-p", "while it lives"]).ok();
    assert_eq!((done.stdout.trim(), stage.refreshes()), ("while it lives", 3));
}

#[test]
fn f12_a_session_asks_once_for_each_request_after_an_answer_that_never_came() {
    let stage = Stage::signed_in();
    stage.leave_seconds(WORK, -10);
    let page = || Answer::html(502, "<html>Bad gateway</html>");
    script(&stage, [page(), page(), page()]);
    let done = stage.home.typed(&["-k"]).stdin("first\nsecond\nthird\n").done();
    assert_eq!(stage.refreshes(), 4, "two, then one a request: {done}");
    assert!(done.stdout.contains("third") && !done.stdout.contains("first"), "{done}");
}

#[test]
fn ctrl_c_gives_the_prompt_back_while_the_renewal_ends_and_its_token_is_stored() {
    let stage = Stage::signed_in();
    stage.leave_seconds(WORK, -10);
    let before = stage.stored(WORK);
    let pty = stage.home.pty(&[]);
    pty.wait_prompt();
    stage.script().hold(Endpoint::Refresh);
    pty.type_line("a question");
    assert!(stage.script().wait_for(Endpoint::Refresh, 1, DEADLINE));
    pty.keys(key::CTRL_C);
    pty.wait_for("Cancelled.");
    assert_eq!(stage.stored(WORK), before);
    stage.script().release(Endpoint::Refresh);
    until("the new token to be stored", || {
        (stage.stored(WORK)["refresh_token"] != before["refresh_token"]).then_some(())
    });
    pty.clear_line();
    pty.wait_prompt();
    assert!(pty.ask("another question").contains("another question"));
    assert_eq!(stage.refreshes(), 1);
    assert_eq!(stage.script().violations(), [""; 0]);
}

#[test]
fn leaving_waits_for_a_renewal_that_was_sent_and_stores_its_token() {
    for name in ["TERM", "INT", "HUP"] {
        let stage = Stage::signed_in();
        stage.leave_seconds(WORK, -10);
        let before = stage.stored(WORK);
        stage.script().hold(Endpoint::Refresh);
        let child = stage.token_child(WORK);
        assert!(stage.script().wait_for(Endpoint::Refresh, 1, DEADLINE));
        signal(child.id(), name);
        stage.script().release(Endpoint::Refresh);
        let done = child.wait_with_output().unwrap();
        let wanted = [("TERM", 143), ("INT", 130), ("HUP", 129)].iter().find(|(n, _)| *n == name).unwrap().1;
        // The answer may have been faster than the signal.
        let ended = Ended::from(done.status);
        assert!(ended == Ended::Exit(wanted) || ended == Ended::Exit(0), "{name}: {ended}");
        assert_ne!(stage.stored(WORK)["refresh_token"], before["refresh_token"], "{name}");
    }
}

#[test]
fn a_closed_stdout_waits_for_a_renewal_that_was_sent() {
    let stage = Stage::signed_in();
    stage.leave_seconds(WORK, -10);
    let before = stage.stored(WORK);
    stage.script().hold(Endpoint::Refresh);
    let mut child = stage.home.command().arg("-k").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = child.stdin.take().unwrap();
    lines.write_all(b"a question\n").unwrap();
    assert!(stage.script().wait_for(Endpoint::Refresh, 1, DEADLINE));
    drop(child.stdout.take());
    // The question is given up, the renewal is not, and the next line has an answer that nobody takes.
    signal(child.id(), "INT");
    lines.write_all(b"/auth\n").unwrap();
    for _ in 0..30 {
        std::thread::sleep(Duration::from_millis(10));
        assert!(child.try_wait().unwrap().is_none(), "it left in the middle of a renewal");
    }
    stage.script().release(Endpoint::Refresh);
    assert_eq!(child.wait().unwrap().code(), Some(141));
    assert_ne!(stage.stored(WORK)["refresh_token"], before["refresh_token"]);
}

#[test]
fn leaving_waits_five_seconds_at_most() {
    let stage = Stage::signed_in();
    stage.leave_seconds(WORK, -10);
    stage.script().hold(Endpoint::Refresh);
    let child = stage.token_child(WORK);
    assert!(stage.script().wait_for(Endpoint::Refresh, 1, DEADLINE));
    let begun = Instant::now();
    signal(child.id(), "TERM");
    let done = child.wait_with_output().unwrap();
    let took = begun.elapsed();
    assert_eq!(done.status.code(), Some(143));
    assert!(took > Duration::from_secs(4) && took < Duration::from_secs(9), "{took:?}");
    stage.script().release(Endpoint::Refresh);
}

#[test]
fn an_idle_session_renews_the_bucket_in_use_again_and_again_and_no_other() {
    let stage = Stage::with(Options { ttl: Some(7), ..Options::for_tests() });
    let _ = stage.login("personal@gmail.com", &[]).ok();
    let _ = stage.login(WORK, &[]).ok();
    let other = stage.stored("personal@gmail.com");
    let pty = stage.home.pty(&["--bucket", WORK]);
    pty.wait_prompt();
    assert!(pty.ask("in use now").contains("in use now"));
    let before = stage.refreshes();
    assert!(stage.script().wait_for(Endpoint::Refresh, before + 2, DEADLINE), "{}", pty.screen());
    assert_eq!(stage.stored("personal@gmail.com"), other);
    assert_eq!(stage.script().violations(), [""; 0]);
    pty.wait_prompt();
    let said =
        pty.screen().lines().skip_while(|line| !line.contains("› in use now")).skip(2).collect::<Vec<_>>().join("\n");
    assert!(said.trim().lines().filter(|line| !line.trim().is_empty() && !line.contains('›')).count() <= 1, "{said}");
    assert!(pty.ask("still here").contains("still here"));
}

#[test]
fn an_idle_session_without_line_editor_renews_too() {
    let mut stage = Stage::with(Options { ttl: Some(7), ..Options::for_tests() });
    let _ = stage.login(WORK, &[]).ok();
    stage.home = stage.home.env("TERM", "dumb");
    let pty = stage.home.pty(&[]).prompt(">");
    pty.wait_prompt();
    assert!(pty.ask("in use now").contains("in use now"));
    let before = stage.refreshes();
    assert!(stage.script().wait_for(Endpoint::Refresh, before + 2, DEADLINE), "{}", pty.screen());
    assert!(pty.ask("still here").contains("still here"));
}

#[test]
fn f11_a_provider_with_another_clock_is_told_of_and_life_counts_from_ours() {
    let stage = Stage::signed_in();
    let date = |ahead: i64| {
        let time = chrono::DateTime::from_timestamp(now() + ahead, 0).unwrap();
        time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    };
    let tokens =
        || json!({ "access_token": "sk-ant-oat01-from-another-time", "token_type": "Bearer", "expires_in": 600 });
    for (ahead, words) in [
        (3_630, "This machine's clock is 1 h behind the provider's."),
        (-3_630, "This machine's clock is 1 h ahead of the provider's."),
        (10 * 365 * 86_400, "behind the provider's."),
    ] {
        let (done, _) = expired_with(&stage, [Answer::json(200, tokens()).header("date", date(ahead))]);
        let done = done.ok();
        assert!(done.stderr.contains(words), "{done}");
        let expiry = stage.stored(WORK)["expiry"].as_i64().unwrap();
        assert!((expiry - now() - 600).abs() < 60, "{expiry}");
    }
    let (done, _) = expired_with(&stage, [Answer::json(200, tokens()).header("date", date(30))]);
    assert_eq!(done.ok().stderr, "");
}

#[test]
fn f11_an_expiry_of_another_decade_renews_once_and_loses_nothing() {
    const YEARS: i64 = 10 * 365 * 86_400;
    let stage = Stage::signed_in();
    for seconds in [-YEARS, YEARS, i64::MIN / 2, i64::MAX / 2] {
        let before = stage.refreshes();
        let mut stored = stage.stored(WORK);
        stored["expiry"] = json!(now().saturating_add(seconds));
        stage.store(WORK, &stored);
        let _ = stage.token(WORK).ok();
        let _ = stage.token(WORK).ok();
        assert_eq!(stage.refreshes(), before + 1, "{seconds}");
        let expiry = stage.stored(WORK)["expiry"].as_i64().unwrap();
        assert!((expiry - now() - 28_800).abs() < 60, "{expiry}");
    }
}

#[test]
fn f11_after_a_sleep_of_eight_hours_the_first_use_renews_once() {
    let stage = Stage::signed_in();
    let pty = stage.home.pty(&[]);
    pty.wait_prompt();
    assert!(pty.ask("before the lid is closed").contains("before the lid"));
    // The clock of the test cannot be moved, so the end of the token is.
    stage.leave_seconds(WORK, -8 * 3600);
    assert!(pty.ask("after it is opened").contains("after it is opened"));
    assert!(pty.ask("and once more").contains("and once more"));
    assert_eq!(stage.refreshes(), 1);
}

#[test]
fn f12_a_provider_in_trouble_for_an_hour_is_asked_twice_then_once_a_request_and_the_login_lives_on() {
    let stage = Stage::signed_in();
    stage.leave_seconds(WORK, -10);
    script(&stage, (0..60).map(|_| Answer::empty(500)));
    let prompts: String = (0..12).map(|n| format!("prompt {n}\n")).collect();
    let done = stage.home.typed(&["-k"]).stdin(prompts).done();
    assert_eq!(stage.refreshes(), 13, "{done}");
    stage.script().forget(Endpoint::Refresh);
    let _ = stage.token(WORK).ok();
    assert_eq!(stage.bucket(WORK)["state"], "ready");
}

#[test]
fn f12_a_provider_out_of_reach_for_an_hour_keeps_the_login() {
    let stage = Stage::signed_in();
    stage.leave_seconds(WORK, -10);
    let Stage { sandbox, home } = stage;
    let url = sandbox.url().to_owned();
    drop(sandbox);
    let done = home.typed(&["auth", "anthropic", "token", WORK]).done().exit(69);
    assert!(done.stderr.contains("E-OFFLINE") && done.stderr.contains("The sign-in is kept."), "{done}");
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    // What is there again does not know the old token; the login was still sent, so it was kept.
    let Ok(sandbox) = llxprt::sandbox::Sandbox::start_blocking(Options { port, ..Options::for_tests() }) else {
        return;
    };
    let stage = Stage { sandbox, home };
    let _ = stage.token(WORK).exit(4);
    assert_eq!(stage.refreshes(), 1);
}

#[test]
fn f5_processes_that_find_one_expired_token_renew_it_once() {
    assert_eq!(crate::faults_race::race(16, 2), crate::faults_race::Figures { refreshes: 2, failures: 0, revoked: 0 });
}

#[test]
fn f6_two_logins_at_once_both_end_and_the_later_one_stands_whole() {
    let stage = Stage::empty();
    std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| stage.login(WORK, &["--force"])));
        for login in both {
            let _ = login.join().unwrap().ok();
        }
    });
    let stored = stage.stored(WORK);
    let index = stage.vault().index().unwrap();
    let entry = index.entry(&account(WORK)).unwrap();
    assert_eq!(entry.expires_at, stored["expiry"].as_i64());
    assert_eq!(stage.token(WORK).ok().stdout.trim(), stored["access_token"].as_str().unwrap());
    assert_eq!(stage.home.run(&["-p", "whole"]).ok().stdout.trim(), "whole");
}

#[test]
fn f6_login_logout_and_renewal_at_once_all_end_cleanly() {
    let stage = Stage::signed_in();
    for _ in 0..3 {
        stage.leave_seconds(WORK, -10);
        let (login, logout, token) = std::thread::scope(|scope| {
            let login = scope.spawn(|| stage.login(WORK, &["--force"]));
            let logout = scope.spawn(|| stage.home.run(&["auth", "anthropic", "logout", WORK]));
            let token = scope.spawn(|| stage.token(WORK));
            (login.join().unwrap(), logout.join().unwrap(), token.join().unwrap())
        });
        let _ = login.ok();
        let _ = logout.ok();
        assert!([0, 4].contains(&token.status()), "{token}");
        // Whichever came last stands, and stands whole.
        let stored = stage.stored(WORK);
        let entry = stage.vault().index().unwrap().entry(&account(WORK)).cloned();
        match (&stored, entry) {
            (Value::Null, entry) => assert!(entry.is_none(), "{entry:?}"),
            (stored, Some(entry)) => assert_eq!((entry.expires_at, entry.refused), (stored["expiry"].as_i64(), None)),
            (_, None) => panic!("a login that the index does not name"),
        }
        let _ = stage.login(WORK, &["--force"]).ok();
        let _ = stage.token(WORK).ok();
    }
    assert_eq!(block_on(async { stage.script().violations() }), [""; 0]);
}
