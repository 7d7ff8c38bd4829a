//! What is mistyped, or typed where it does not work: what is meant is named, and it can be typed where it is read.

use crate::session_steps::{WORK, accepted, at_prompt, leave, signed_in, stand, terminal};

#[test]
fn a_provider_that_is_not_there_is_mended_in_the_whole_command_or_all_are_named() {
    let (_sandbox, home) = stand();
    insta::assert_snapshot!(home.run(&["auth", "antropic", "login"]), @r#"
    --- stderr
    llxprt: There is no provider called "antropic". Did you mean anthropic?
      llxprt auth anthropic login  E-PROVIDER
    --- exit 2
    "#);
    for words in [&["auth", "nope"][..], &["--provider", "nope", "auth"], &["provider", "nope"]] {
        let done = home.run(words).exit(2);
        assert_eq!(
            done.stderr,
            "llxprt: There is no provider called \"nope\". There are: anthropic, codex, gemini, openai, openrouter, \
             qwen.  E-PROVIDER\n"
        );
    }
    assert!(home.run(&["auth", "anth", "why"]).exit(2).stderr.contains("llxprt auth anthropic why"));
}

#[test]
fn a_mistyped_flag_is_never_mended_to_one_that_is_there() {
    let (sandbox, home) = stand();
    insta::assert_snapshot!(home.run(&["auth", "--sandbx"]), @r#"
    --- stderr
    llxprt: "--sandbx" is not a flag of llxprt auth.
      llxprt auth [provider] [action]  E-USAGE
    --- exit 2
    "#);
    let bare = crate::support::Home::new();
    assert!(bare.run(&["auth", "--sandbx"]).exit(2).stderr.contains("\n  llxprt auth --sandbox\n"));
    let url = format!("--sandbx={}", sandbox.url());
    assert!(bare.run(&["auth", &url]).exit(2).stderr.contains(&format!("\n  llxprt auth --sandbox={}", sandbox.url())));
}

#[test]
fn the_shell_is_shown_what_the_shell_takes() {
    let (_sandbox, home) = stand();
    insta::assert_snapshot!(home.run(&["help", "auht"]), @"
    --- stderr
    llxprt: There is no help for that.
      llxprt help auth  E-USAGE
    --- exit 2
    ");
    insta::assert_snapshot!(home.run(&["help", "auth", "nope"]), @"
    --- stderr
    llxprt: There is no such provider or action.
      llxprt help auth  E-USAGE
    --- exit 2
    ");
    insta::assert_snapshot!(home.run(&["stats"]), @"
    --- stderr
    No request was answered in this session.
    What each account was used for so far: llxprt stats buckets
    --- exit 0
    ");
    insta::assert_snapshot!(home.run(&["auth", "qwen", "login"]), @"
    --- stderr
    llxprt: Qwen ended this sign-in on 2026-04-15: its free tier was discontinued. A key is the way now:
      llxprt key save qwen
    https://github.com/QwenLM/qwen-code/issues/3203  E-RETIRED
    --- exit 1
    ");
    for words in [
        &["auth", "openai", "login"][..],
        &["profile", "list"],
        &["profile", "save", "model", "x"],
        &["help", "auth", "login"],
        &["help"],
        &["auth", "codex", "login"],
        &["key", "list"],
        &["keyfile", "none"],
        &["auth", "anthropic", "why"],
    ] {
        let done = home.typed(words).env("CI", "1").done();
        for line in done.to_string().lines() {
            let slashed = line.split(' ').any(|word| {
                let word = word.trim_start_matches(['(', '`', '"']);
                word.len() > 1 && word.starts_with('/') && word[1..].starts_with(|c: char| c.is_ascii_lowercase())
            });
            assert!(!slashed || line.contains("switch"), "{words:?} says {line:?}\n{done}");
        }
    }
}

#[test]
fn a_login_that_cannot_ask_names_one_that_can() {
    let (_sandbox, home) = stand();
    let home = home.env("SSH_CONNECTION", "1");
    let done = home.run(&["auth", "codex", "login", "zz"]).exit(4);
    let (_, told) = done.stderr.split_once("Sign-in is now on for codex.\n").unwrap();
    insta::assert_snapshot!(told, @"
    llxprt: codex needs a sign-in, and this run cannot ask (no browser opens (this is an SSH session (SSH_CONNECTION is set)) and input is not a terminal).
      llxprt auth codex login zz --nobrowser
    It shows the link and reads the answer from its input.
    In a terminal, with a short code: llxprt auth codex login zz --device  E-NEED-LOGIN
    ");
    // Which it does.
    let done = home.run_with_stdin(&["auth", "codex", "login", "zz", "--nobrowser"], "half#\n").exit(4);
    assert!(done.stderr.contains("Open this link on any device."), "{done}");
}

#[test]
fn an_account_that_is_not_there_is_told_once_with_those_that_are() {
    let (_sandbox, home) = signed_in(WORK);
    insta::assert_snapshot!(home.run(&["auth", "anthropic", "logout", "nobody"]), @r#"
    --- stderr
    llxprt: anthropic has no account called "nobody". There are: default.  E-ACCOUNT
    --- exit 2
    "#);
}

#[test]
fn an_identity_in_the_place_of_an_account_is_recognised() {
    let (_sandbox, home) = signed_in(WORK);
    insta::assert_snapshot!(home.run(&["profile", "save", "model", "ha", WORK]), @r#"
    --- stderr
    llxprt: anthropic has no account called "work@company.com"; default is signed in as that.
    Not saved. To give it that name first:
      llxprt auth anthropic rename default work@company.com  E-ACCOUNT
    --- exit 2
    "#);
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    // What stands in the prompt can be typed.
    assert!(pty.screen().ends_with("anthropic default (work@company.com) ›"), "{}", pty.screen());
    insta::assert_snapshot!(pty.ask("/auth anthropic switch work@company.com"), @r#"
    anthropic has no account called "work@company.com"; default is signed in as that.
      /auth anthropic switch default  E-ACCOUNT
    "#);
    assert_eq!(leave(pty), 0);
    let pty = home.pty_of(24, 50, &[]);
    pty.wait_until("a short prompt", |screen| screen.ends_with("anthropic default ›"));
}

#[test]
fn where_only_sign_ins_count_a_key_is_no_advice() {
    let (_sandbox, home) = accepted();
    let done = home.run(&["--set", "authOnly=true", "auth", "anthropic", "why"]).ok();
    assert!(
        done.stdout
            .starts_with("anthropic has no sign-in that is on, and authOnly is true: a key would not be used.\n"),
        "{done}"
    );
    let next = "To give it one:   llxprt auth anthropic login     or llxprt key save anthropic, then start again without \
                --set authOnly=true\n";
    assert!(done.stdout.ends_with(next), "{done}");
    let _ = home.run(&["set", "authOnly", "true"]).ok();
    let done = home.run(&["auth", "anthropic", "why"]).ok();
    assert!(done.stdout.ends_with("or llxprt key save anthropic, then llxprt set unset authOnly\n"), "{done}");
    let (_sandbox, home) = signed_in(WORK);
    let _ = home.run(&["set", "authOnly", "true"]).ok();
    let done = home.run(&["auth", "anthropic", "why"]).ok();
    let next = "To use a key instead:   llxprt key save anthropic, then llxprt set unset authOnly\n";
    assert!(done.stdout.ends_with(next), "{done}");
}

#[test]
fn a_sign_in_that_cannot_be_read_is_not_called_used() {
    let (_sandbox, home) = signed_in(WORK);
    for file in crate::support::canary::files_below(&home.path("data/secure-store")) {
        std::fs::write(file, "nonsense").unwrap();
    }
    let _ = home.run(&["-p", "hello"]);
    let done = home.run(&["auth", "anthropic", "why"]).ok();
    assert!(done.stdout.starts_with("anthropic would use the sign-in default, but it cannot be read: "), "{done}");
    assert!(done.stdout.contains("default (unreadable)") && done.stdout.contains("    cannot be read\n"), "{done}");
    assert!(!done.stdout.contains("<- used"), "{done}");
}
