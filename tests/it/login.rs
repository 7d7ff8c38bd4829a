//! Signing in with a browser: who came back, under which name it is kept, and what is said.

use llxprt::sandbox::{Answer, Endpoint};

use crate::session_steps::{
    PERSONAL, WORK, accepted, approve, assert_no_secret_shown, at_prompt, fetch, leave, link, param, paste_prompt,
    port_is_free, port_of, sealed, sign_in, signed_in, stand, terminal,
};
use crate::support::pty::key;
use crate::support::{Browser, DEADLINE, Home, Pty, until};

/// Types a login and lets the browser answer as the account that was not asked for.
fn wrong_person() -> (llxprt::sandbox::Sandbox, Home, Browser, Pty) {
    let (sandbox, home) = accepted();
    let browser = Browser::approving(&home, PERSONAL);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login work@company.com");
    pty.wait_for("Choice [2] ›");
    (sandbox, home, browser, pty)
}

#[test]
fn a_browser_signs_in_as_the_true_identity() {
    let (sandbox, home) = accepted();
    let browser = Browser::approving(&home, WORK);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login work@company.com");
    pty.wait_for("anthropic work@company.com ›");
    let screen = pty.screen();
    let (before, after) = screen.split_once(&link(&pty)).unwrap();
    let before = before.split_once("› /auth").unwrap().1;
    assert!(before.contains("Opening your browser to sign in to anthropic as work@company.com.\n"), "{before}");
    assert!(before.contains("If it did not open, use this link. It works until "), "{before}");
    // How the store's line is broken depends on where the test's folder lies.
    let after = after.replace(&home.path("data").display().to_string(), "[data]").replace('\n', " ");
    let after = after.replace(". ", ".\n");
    insta::with_settings!({filters => vec![(r"\(\d+ \w+( \d+)?\)", "([day])")]}, {
        insta::assert_snapshot!(after, @"
          Finish in the browser, or paste the code or the whole redirected address here.
          c copy the link   qr QR code   Ctrl+C cancel Signed in to anthropic as work@company.com (Max plan).
        Signed in for 28 d ([day]); renews until then by itself.
        Kept in a sealed file under [data]/secure-store; its key lies beside it, readable only by you.
        Used from now on in this session.
        anthropic work@company.com ›
        ");
    });

    // The one real call was made before it was said, and the link asked for this account.
    let script = sandbox.script("anthropic");
    assert_eq!(script.count(Endpoint::Profile), 1);
    let asked = &script.requests_to(Endpoint::Authorize)[0];
    assert_eq!(asked.param("login_hint").as_deref(), Some(WORK));
    let status = home.run(&["auth", "anthropic", "status", "--json"]).ok().json();
    let bucket = &status["buckets"][0];
    assert_eq!(
        (&bucket["bucket"], &bucket["identity"], &bucket["state"]),
        (&WORK.into(), &WORK.into(), &"ready".into())
    );
    let page = browser.page();
    assert!(page.contains("<h1>Signed in</h1>") && page.contains(WORK), "{page}");
    assert_eq!(script.violations(), Vec::<String>::new());
    assert_eq!(leave(pty), 0);
    assert_no_secret_shown(&home, &script);
    home.assert_private();
}

#[test]
fn another_identity_than_asked_for_is_kept_under_its_own_name_when_1_is_chosen() {
    let (_sandbox, home, browser, pty) = wrong_person();
    insta::assert_snapshot!(pty.screen().split_once("Ctrl+C cancel\n").unwrap().1, @"
    The browser signed in as personal@gmail.com, but you asked for work@company.com.
      1  keep it under its own name, personal@gmail.com
      2  try again and choose the account in the browser
      3  keep it as work@company.com anyway
    Nothing is stored yet. Choice [2] ›
    ");
    assert_eq!(sealed(&home), Vec::<String>::new(), "nothing is stored before the choice");
    pty.type_line("1");
    pty.wait_for("anthropic personal@gmail.com ›");
    assert_eq!(sealed(&home), ["personal@gmail.com.sealed"]);
    assert_eq!(browser.opened().len(), 1);
    assert_eq!(leave(pty), 0);
}

#[test]
fn another_identity_than_asked_for_is_another_try_when_2_is_chosen() {
    let (sandbox, home, browser, pty) = wrong_person();
    // Enter alone is 2; anything else is asked again.
    pty.type_line("4");
    pty.wait_for("Type 1, 2 or 3; Ctrl+C leaves everything as it was.");
    pty.wait_for_count("Choice [2] ›", 2);
    pty.keys(key::ENTER);
    pty.wait_for_count("Opening your browser to sign in to anthropic as work@company.com.", 2);
    pty.wait_for_count("Choice [2] ›", 3);
    pty.type_line("2");
    pty.wait_for_count("Choice [2] ›", 4);
    pty.keys(key::CTRL_C);
    pty.wait_for("Sign-in cancelled. Nothing was stored.");
    assert_eq!(browser.opened().len(), 3);
    assert_eq!(sealed(&home), Vec::<String>::new());
    assert_eq!(sandbox.script("anthropic").count(Endpoint::Revoke), 0);
    assert_eq!(leave(pty), 0);
    let status = home.run(&["auth", "anthropic", "status", "--json"]).ok().json();
    assert_eq!(status["buckets"].as_array().unwrap().len(), 0);
}

#[test]
fn another_identity_than_asked_for_is_kept_anyway_when_3_is_chosen() {
    let (_sandbox, home, _browser, pty) = wrong_person();
    pty.type_line("3");
    pty.wait_for("anthropic work@company.com ›");
    assert!(pty.screen().contains("Signed in to anthropic as personal@gmail.com"), "{}", pty.screen());
    assert_eq!(sealed(&home), ["work@company.com.sealed"]);
    assert_eq!(leave(pty), 0);
}

#[test]
fn the_choice_ends_with_nothing_stored_at_the_end_of_input_too() {
    for keys in [key::CTRL_D, key::ESCAPE] {
        let (_sandbox, home, _browser, pty) = wrong_person();
        pty.keys(keys);
        at_prompt(&pty);
        assert_eq!(sealed(&home), Vec::<String>::new());
        assert_eq!(leave(pty), 0);
    }
}

#[test]
fn without_a_terminal_another_identity_stores_nothing_and_force_keeps_it() {
    let (_sandbox, home) = accepted();
    let browser = Browser::approving(&home, PERSONAL);
    let home = home.env("BROWSER", browser.command());
    let done = home.run(&["auth", "anthropic", "login", WORK]).exit(4);
    let end = done.stderr.split_once("The browser").unwrap().1;
    insta::assert_snapshot!(end, @"
     signed in as personal@gmail.com, but you asked for work@company.com. Nothing was stored.
      llxprt auth anthropic login work@company.com
    --force keeps it under the name you gave.  E-IDENTITY
    ");
    assert_eq!(sealed(&home), Vec::<String>::new());
    let _ = home.run(&["auth", "anthropic", "login", WORK, "--force"]).ok();
    assert_eq!(sealed(&home), ["work@company.com.sealed"]);
}

#[test]
fn a_login_that_still_works_is_asked_about_and_not_touched_without_a_terminal() {
    let (sandbox, home) = signed_in(WORK);
    let browser = Browser::zero(&home);
    insta::assert_snapshot!(home.typed(&["auth", "anthropic", "login"]).env("BROWSER", browser.command()).done(), @"
    --- stderr
    default is signed in to anthropic already, as work@company.com.
    Nothing changed. --force replaces it.
    --- exit 0
    ");
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    pty.wait_for("default is signed in to anthropic already, as work@company.com.");
    pty.wait_for("Sign in anew and replace it? [y/N]");
    pty.keys(key::ENTER);
    pty.wait_for("Nothing changed.");
    assert_eq!(leave(pty), 0);
    drop(browser);

    let again = Browser::approving(&home, PERSONAL);
    let home = home.env("BROWSER", again.command());
    let _ = home.run(&["auth", "anthropic", "login", "--force"]).ok();
    let status = home.run(&["auth", "anthropic", "status", "--json"]).ok().json();
    assert_eq!(status["buckets"][0]["identity"], PERSONAL);
    assert_eq!(sandbox.script("anthropic").count(Endpoint::Token), 2);
}

#[test]
fn two_buckets_of_one_identity_are_said_to_share_their_limits() {
    let (_sandbox, home) = signed_in(WORK);
    let browser = Browser::approving(&home, WORK);
    let done = home.typed(&["auth", "anthropic", "login", "again"]).env("BROWSER", browser.command()).done().ok();
    assert!(done.stderr.contains("again and default are one identity: their limits are shared."), "{done}");
}

#[test]
fn a_login_kept_in_memory_is_gone_with_the_session() {
    let (_sandbox, home) = accepted();
    let browser = Browser::approving(&home, WORK);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login --memory");
    pty.wait_for("Kept in memory: it is gone when you leave.");
    assert_eq!(pty.ask("hello"), "hello");
    assert_eq!(leave(pty), 0);
    assert_eq!(sealed(&home), Vec::<String>::new());
    let _ = home.run(&["-p", "hello"]).exit(4);
}

#[test]
fn the_page_in_the_browser_waits_for_the_verdict_and_a_reload_does_nothing() {
    let (sandbox, home) = accepted();
    let script = sandbox.script("anthropic");
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    let back = approve(&browser.next(), WORK);
    script.hold(Endpoint::Profile);
    let first = std::thread::spawn({
        let back = back.clone();
        move || fetch(&back)
    });
    assert!(script.wait_for(Endpoint::Profile, 1, DEADLINE));
    let reload = std::thread::spawn({
        let back = back.clone();
        move || fetch(&back)
    });
    assert!(!first.is_finished() && !pty.screen().contains("Signed in to"));
    script.release(Endpoint::Profile);
    pty.wait_for("Signed in to anthropic as work@company.com");
    let (status, page) = first.join().unwrap();
    assert!(status == 200 && page.contains("<h1>Signed in</h1>"), "{page}");
    // The reload came while the page was held, when the login had just ended, or when nobody listened any more.
    let (status, page) = reload.join().unwrap();
    let known = ["<h1>Signed in</h1>", "<h1>This sign-in is over</h1>"].iter().any(|words| page.contains(words));
    assert!(status == 0 || known, "{status} {page}");
    assert_eq!(script.count(Endpoint::Token), 1);
    assert_eq!(fetch(&back).0, 0, "the listener is gone with the login");
    assert_eq!(leave(pty), 0);
}

#[test]
fn a_denied_login_ends_with_the_providers_words_and_changes_nothing() {
    let (_sandbox, home) = accepted();
    let browser = Browser::denying(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    pty.wait_for("The provider says access was denied: \"The user denied the request\". Nothing changed.\n  /auth anthropic login  E-DENIED");
    let page = browser.page();
    assert!(page.contains("<h1>Not signed in</h1>") && page.contains("The user denied the request"), "{page}");
    assert_eq!(leave(pty), 0);
    let done = home.run(&["auth", "anthropic", "login"]).exit(4);
    assert!(done.stderr.contains("E-DENIED"), "{done}");
    assert_eq!(sealed(&home), Vec::<String>::new());
}

#[test]
fn a_provider_that_fails_at_the_exchange_stores_nothing() {
    for (answer, status, words) in [
        (Answer::json(500, serde_json::json!({"error": "server_error"})), 1, "did not accept the code"),
        (Answer::html(502, "<h1>Bad gateway</h1>"), 1, "did not accept the code"),
        (Answer::html(200, "<h1>Log in to this network</h1>"), 1, "answer could not be used"),
        (Answer::json(200, serde_json::json!({"error": "invalid_grant"})), 1, "did not accept the code"),
        (Answer::lost(), 69, "Nothing was stored."),
    ] {
        let (sandbox, home) = accepted();
        let script = sandbox.script("anthropic");
        let browser = Browser::approving(&home, WORK);
        script.answer(Endpoint::Token, answer.clone());
        let done = home.typed(&["auth", "anthropic", "login"]).env("BROWSER", browser.command()).done().exit(status);
        assert!(done.stderr.contains(words), "{answer:?}: {done}");
        let page = browser.page();
        assert!(page.contains("<h1>Not signed in</h1>"), "{page}");
        assert_eq!(sealed(&home), Vec::<String>::new());
    }
}

#[test]
fn the_one_real_call_decides_what_is_said() {
    let (sandbox, home) = accepted();
    let script = sandbox.script("anthropic");
    let browser = Browser::approving(&home, WORK);
    let home = home.env("BROWSER", browser.command());
    script.answer(Endpoint::Profile, Answer::json(401, serde_json::json!({"error": {"message": "no such login"}})));
    let done = home.run(&["auth", "anthropic", "login"]).exit(1);
    assert!(done.stderr.contains("refuses the new sign-in: no such login. Nothing was stored."), "{done}");
    assert_eq!(sealed(&home), Vec::<String>::new());

    script.answer(Endpoint::Profile, Answer::json(503, serde_json::json!({"error": {"message": "try later"}})));
    let done = home.run(&["auth", "anthropic", "login"]).ok();
    assert!(
        done.stderr.contains("Stored the sign-in to anthropic") && done.stderr.contains("Not verified yet"),
        "{done}"
    );
    assert!(!done.stderr.contains("Signed in to"), "{done}");
    let status = home.run(&["auth", "anthropic", "status", "--json"]).ok().json();
    assert_eq!(status["buckets"][0]["state"], "unverified");
}

#[test]
fn a2_a_forged_or_foreign_answer_changes_nothing_and_the_good_one_still_passes() {
    let (sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    let link = browser.next();
    let back = param(&link, "redirect_uri").unwrap();
    let state = param(&link, "state").unwrap();
    for forged in [
        format!("{back}?code=attackers&state=attackers"),
        format!("{back}?code=attackers"),
        format!("{back}?error=access_denied&error_description=gone"),
        format!("{back}?error=access_denied&state=guess"),
        format!("{back}?state={state}x&code=attackers"),
        back.replace("/callback", "/other") + &format!("?code=attackers&state={state}"),
        back.replace("/callback", "/callback/x") + &format!("?code=attackers&state={state}"),
    ] {
        assert_eq!(fetch(&forged).0, 404, "{forged}");
    }
    // The port guessed by a page in the browser under a name of its own (DNS rebinding, A1).
    let rebound = format!("{back}?code=attackers&state={state}");
    let (status, _) = crate::session_steps::fetch_with(&rebound, &["--header", "Host: evil.example"]);
    assert_eq!(status, 404);
    for method in ["POST", "HEAD", "PUT", "OPTIONS"] {
        let how: &[&str] = if method == "HEAD" { &["--head"] } else { &["--request", method] };
        assert_eq!(crate::session_steps::fetch_with(&rebound, how).0, 405, "{method}");
    }
    assert_eq!(pty.screen().lines().last(), Some("paste ›"));
    assert_eq!(sandbox.script("anthropic").count(Endpoint::Token), 0);
    assert_eq!(fetch(&approve(&link, WORK)).0, 200);
    pty.wait_for("Signed in to anthropic as work@company.com");
    assert_eq!(leave(pty), 0);
}

#[test]
fn a1_a_flood_of_guesses_delays_nobody() {
    let (_sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    let link = browser.next();
    let back = param(&link, "redirect_uri").unwrap();
    let port = port_of(&link);
    let idle: Vec<_> = (0..20).map(|_| std::net::TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    let guesses: Vec<String> = (0..200).map(|n| format!("{back}?code=x&state=guess{n}")).collect();
    let flood: Vec<&str> = guesses.iter().map(String::as_str).collect();
    let (last, rest) = flood.split_last().unwrap();
    fetch_with_many(last, rest);
    assert_eq!(fetch(&approve(&link, WORK)).0, 200);
    pty.wait_for("Signed in to anthropic as work@company.com");
    drop(idle);
    port_is_free(port);
    assert_eq!(leave(pty), 0);
}

fn fetch_with_many(last: &str, rest: &[&str]) {
    crate::session_steps::fetch_with(last, rest);
}

#[test]
fn a2_an_answer_to_a_cancelled_login_is_told_apart_from_the_new_one() {
    let (sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    let old = browser.next();
    paste_prompt(&pty, 1);
    pty.keys(key::CTRL_C);
    pty.wait_for("Sign-in cancelled.");
    port_is_free(port_of(&old));
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    let new = browser.next();
    paste_prompt(&pty, 2);
    // The old answer reaches the new listener, or is pasted.
    let late = approve(&old, PERSONAL);
    let elsewhere = late.replace(&format!(":{}/", port_of(&old)), &format!(":{}/", port_of(&new)));
    assert_eq!(fetch(&elsewhere).0, 404);
    pty.paste(&late);
    pty.keys(key::ENTER);
    pty.wait_for("That answer belongs to an earlier sign-in.");
    assert_eq!(sandbox.script("anthropic").count(Endpoint::Token), 0);
    assert_eq!(fetch(&approve(&new, WORK)).0, 200);
    pty.wait_for("Signed in to anthropic as work@company.com");
    assert_eq!(leave(pty), 0);
}

#[test]
fn two_answers_at_once_are_one_login() {
    let (sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    let back = approve(&browser.next(), WORK);
    paste_prompt(&pty, 1);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn({
                let back = back.clone();
                move || fetch(&back).0
            })
        })
        .collect();
    pty.paste(&back);
    pty.keys(key::ENTER);
    pty.wait_for("Signed in to anthropic as work@company.com");
    for thread in threads {
        let status = thread.join().unwrap();
        assert!([0, 200].contains(&status), "{status}");
    }
    assert_eq!(sandbox.script("anthropic").count(Endpoint::Token), 1);
    at_prompt(&pty);
    assert_eq!(pty.screen().matches("Signed in to").count(), 1);
    assert_eq!(leave(pty), 0);
}

#[test]
fn the_browser_is_started_without_a_shell_and_without_our_keys() {
    let (_sandbox, home) = accepted();
    let browser = Browser::approving(&home, WORK);
    let home = home.env("ANTHROPIC_API_KEY", "sk-ant-api03-canary-for-the-browser").env("BROWSER", browser.command());
    let _ = home.run(&["auth", "anthropic", "login"]).ok();
    assert_eq!(browser.opened().len(), 1);
    home.assert_clean(&["sk-ant-api03-canary-for-the-browser"]);
}

#[test]
fn provider_and_action_ignore_case_and_buckets_do_not() {
    let (_sandbox, home) = accepted();
    sign_in(&home, &["Work"], WORK);
    let browser = Browser::approving(&home, PERSONAL);
    let done = home.typed(&["AUTH", "Anthropic", "LOGIN", "work"]).env("BROWSER", browser.command()).done().ok();
    assert!(done.stderr.contains("Signed in to anthropic as personal@gmail.com"), "{done}");
    assert_eq!(sealed(&home), ["%57ork.sealed", "work.sealed"]);
}

#[test]
fn the_question_about_the_terms_is_printed_and_passed_without_a_terminal() {
    let (_sandbox, home) = stand();
    let browser = Browser::approving(&home, WORK);
    let done = home.typed(&["auth", "anthropic", "login"]).env("BROWSER", browser.command()).done().ok();
    assert!(done.stderr.contains("W-RESTRICTED") && !done.stderr.contains("[y/N]"), "{done}");
    assert_eq!(done.stdout, "");
    until("the page", || Some(browser.page()));
}
