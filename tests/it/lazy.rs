//! A sign-in at the first request: `enable` opens nothing, the first prompt opens exactly one login.

use llxprt::sandbox::Endpoint;

use crate::session_steps::{
    PERSONAL, QUESTION, WORK, accepted, approve, assert_no_secret_shown, at_prompt, fetch, leave, sealed, signed_in,
    stand, terminal,
};
use crate::support::Browser;
use crate::support::pty::key;

#[test]
fn enable_opens_nothing_asks_nobody_and_is_remembered_by_the_next_process() {
    let (sandbox, home) = stand();
    let browser = Browser::zero(&home);
    let home = home.env("BROWSER", browser.command());
    insta::assert_snapshot!(home.run(&["auth", "anthropic", "enable"]), @"
    --- stderr
    anthropic is on. You will be asked to sign in at the first request.
    --- exit 0
    ");
    insta::assert_snapshot!(home.run(&["auth", "anthropic", "enable"]), @"
    --- stderr
    anthropic is already on. You will be asked to sign in at the first request.
    --- exit 0
    ");
    let shown = home.run(&["auth", "anthropic", "status", "--json"]).ok().json();
    assert_eq!((&shown["login"], &shown["oauth_enabled"]), (&"on-first-use".into(), &true.into()));
    let pty = terminal(&home, &[]);
    pty.wait_for("anthropic (sign in on first use) ›");
    assert_eq!(leave(pty), 0);
    assert_eq!(sandbox.script("anthropic").requests(), []);
    home.assert_private();
}

#[test]
fn the_first_prompt_opens_one_login_and_the_answer_follows() {
    let (sandbox, home) = stand();
    let browser = Browser::approving(&home, WORK);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    pty.ask("/auth anthropic enable");
    at_prompt(&pty);
    pty.type_line("Summarise README.md in one line.");
    pty.wait_for("anthropic needs a sign-in before it can answer. Your prompt is kept.");
    pty.wait_for(QUESTION);
    assert_eq!(browser.opened(), Vec::<String>::new(), "the question comes before the browser");
    pty.type_line("y");
    pty.wait_for("anthropic default (work@company.com) ›");
    let shown = pty.transcript();
    let after = shown.split_once("Signed in to anthropic as work@company.com (Max plan).").unwrap().1;
    assert!(
        after.contains("Sending your prompt.\n\nSummarise README.md in one line.\nanthropic default (work@"),
        "{after}"
    );

    // The second prompt, and another process, need no login.
    assert_eq!(pty.ask("And the licence?"), "And the licence?");
    assert_eq!(leave(pty), 0);
    assert_eq!(home.run(&["-p", "still there?"]).ok().stdout, "still there?\n");
    assert_eq!(browser.opened().len(), 1);
    let script = sandbox.script("anthropic");
    assert_eq!((script.count(Endpoint::Token), script.count(Endpoint::Chat)), (1, 3));
    assert_eq!(script.violations(), Vec::<String>::new());
    assert_no_secret_shown(&home, &script);
    home.assert_private();
}

#[test]
fn a_login_cancelled_with_ctrl_c_puts_the_prompt_back_on_the_line() {
    let (sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    pty.ask("/auth anthropic enable");
    at_prompt(&pty);
    pty.type_line("Write the tests.");
    let link = browser.next();
    pty.wait_for("paste ›");
    pty.keys(key::CTRL_C);
    pty.wait_for("Sign-in cancelled.");
    pty.wait_until("the prompt's text", |s| s.ends_with("anthropic (sign in on first use) › Write the tests."));
    // Whoever finishes in the browser now meets nobody, and nothing is stored.
    let (status, _) = fetch(&approve(&link, WORK));
    assert_eq!(status, 0);
    assert_eq!(sealed(&home), Vec::<String>::new());
    assert_eq!(sandbox.script("anthropic").count(Endpoint::Token), 0);

    // Enter sends what stands there: a new login begins at once.
    pty.keys(key::ENTER);
    let link = browser.next();
    assert_eq!(fetch(&approve(&link, PERSONAL)).0, 200);
    pty.wait_for("Signed in to anthropic as personal@gmail.com");
    pty.wait_for("Sending your prompt.\n\nWrite the tests.");
    assert_eq!(leave(pty), 0);
}

#[test]
fn a_no_to_the_question_opens_nothing_and_keeps_the_prompt() {
    let (sandbox, home) = stand();
    let browser = Browser::zero(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    pty.ask("/auth anthropic enable");
    for (times, answer) in ["n\r", "\r", key::CTRL_C, key::ESCAPE, key::CTRL_D].into_iter().enumerate() {
        pty.wait_until("the prompt", |s| s.lines().last().is_some_and(|l| l.starts_with("anthropic (sign in")));
        pty.clear_line();
        at_prompt(&pty);
        pty.type_line("hello");
        pty.wait_for_count(QUESTION, times + 1);
        pty.wait_until("the question", |s| s.ends_with(QUESTION));
        pty.keys(answer);
        pty.wait_until("the prompt with its text", |s| s.ends_with("anthropic (sign in on first use) › hello"));
    }
    pty.clear_line();
    assert_eq!(leave(pty), 0);
    assert_eq!(sandbox.script("anthropic").requests(), []);
}

#[test]
fn a_yes_to_the_question_is_remembered_and_a_no_is_not() {
    let (_sandbox, home) = stand();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    for (answer, asked) in [("n", true), ("y", true), ("", false)] {
        let pty = terminal(&home, &[]);
        at_prompt(&pty);
        pty.type_line("/auth anthropic login");
        if asked {
            pty.wait_for(QUESTION);
            pty.type_line(answer);
        }
        if answer == "n" {
            pty.wait_for("Not signed in. Nothing changed.");
        } else {
            browser.next();
            pty.wait_for("paste ›");
            pty.keys(key::CTRL_C);
        }
        assert_eq!(leave(pty), 0);
    }
    assert_eq!(browser.opened().len(), 2);
}

#[test]
fn disable_keeps_the_sign_in_and_enable_finds_it_again() {
    let (sandbox, home) = signed_in(WORK);
    let browser = Browser::zero(&home);
    let home = home.env("BROWSER", browser.command());
    let before = sealed(&home);
    assert_eq!(before.len(), 1);
    insta::assert_snapshot!(home.run(&["auth", "anthropic", "disable"]), @"
    --- stderr
    anthropic is off. Its sign-in is kept.
    --- exit 0
    ");
    insta::assert_snapshot!(home.run(&["-p", "hello"]), @"
    --- stderr
    llxprt: anthropic has no key, and its sign-in is off.
      llxprt auth anthropic enable
      llxprt key save anthropic  E-NEED-LOGIN
    --- exit 4
    ");
    insta::assert_snapshot!(home.run(&["auth", "anthropic", "enable"]), @"
    --- stderr
    anthropic is on, and you are signed in.
    --- exit 0
    ");
    assert_eq!(sealed(&home), before);
    assert_eq!(home.run(&["-p", "hello"]).ok().stdout, "hello\n");
    let script = sandbox.script("anthropic");
    assert_eq!((script.count(Endpoint::Token), script.count(Endpoint::Revoke)), (1, 0));
}

#[test]
fn login_turns_the_sign_in_on_and_says_so() {
    let (_sandbox, home) = accepted();
    let browser = Browser::approving(&home, WORK);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    pty.wait_for("Sign-in is now on for anthropic.");
    pty.wait_for("anthropic default (work@company.com) ›");
    assert_eq!(pty.ask("hello"), "hello");
    assert_eq!(leave(pty), 0);
}

#[test]
fn a_prompt_that_cannot_ask_never_starts_a_login() {
    let (sandbox, home) = accepted();
    let browser = Browser::zero(&home);
    let home = home.env("BROWSER", browser.command());
    let _ = home.run(&["auth", "anthropic", "enable"]).ok();
    insta::assert_snapshot!(home.run(&["-p", "hello"]), @"
    --- stderr
    llxprt: anthropic needs a sign-in, and this run cannot ask (a prompt given with -p never asks).
      llxprt auth anthropic login
    Or set ANTHROPIC_API_KEY.  E-NEED-LOGIN
    --- exit 4
    ");
    insta::assert_snapshot!(home.run_with_stdin(&["-p", "-"], "hello\n"), @"
    --- stderr
    llxprt: anthropic needs a sign-in, and this run cannot ask (a prompt given with -p never asks).
      llxprt auth anthropic login
    Or set ANTHROPIC_API_KEY.  E-NEED-LOGIN
    --- exit 4
    ");
    insta::assert_snapshot!(home.run_with_stdin(&[], "hello\n/auth\n"), @"
    --- stderr
    anthropic needs a sign-in, and this run cannot ask (input is not a terminal).
      /auth anthropic login
    Or set ANTHROPIC_API_KEY.  E-NEED-LOGIN
    --- exit 4
    ");
    insta::assert_snapshot!(home.run(&["-p", "hello", "--json"]), @r#"
    {"schema":"llxprt.error.v1","code":"E-NEED-LOGIN","message":"anthropic needs a sign-in, and this run cannot ask (a prompt given with -p never asks).","next":["llxprt auth anthropic login"],"hint":"Or set ANTHROPIC_API_KEY.","exit":4}
    --- exit 4
    "#);
    // On a terminal too: -p never asks.
    let mut pty = terminal(&home, &["-p", "hello"]);
    assert_eq!(pty.exit_status(), 4);
    assert!(pty.screen().contains("anthropic needs a sign-in, and this run cannot ask"), "{}", pty.screen());
    assert_eq!(sandbox.script("anthropic").requests(), []);
}
