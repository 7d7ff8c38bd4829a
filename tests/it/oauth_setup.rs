//! Everything that the page “OAuth Setup” lets a person type, word for word and in its order.

use crate::session_steps::{
    PASTE, PERSONAL, QUESTION, WORK, at_prompt, code, leave, link, paste_prompt, stand, terminal,
};
use crate::support::pty::key;
use crate::support::{Browser, Home, Pty};

/// A line of the page, and what happens after it.
enum Then {
    /// The prompt is back, and this stands between.
    Says(&'static str),
    /// The link is shown; this account's code is pasted.
    Paste(&'static str),
    /// A login there still works: the question is answered with no.
    Keep,
}
use Then::{Keep, Paste, Says};

/// The lines in the page's order; `<provider>` is anthropic, `<name>` an account.
const PAGE: &[(&str, Then)] = &[
    // Enabling OAuth
    ("/auth gemini enable", Says("on")),
    ("/auth anthropic enable", Says("anthropic is on. You will be asked to sign in at the first request.")),
    ("/auth codex enable", Says("on")),
    ("/auth qwen enable", Says("on")),
    // No Browser Available?
    ("/set auth.noBrowser true", Says("auth.noBrowser is true now, and stays so (settings.json).")),
    // Buckets
    ("/auth anthropic login work@company.com", Paste(WORK)),
    ("/auth anthropic login personal@gmail.com", Paste(PERSONAL)),
    ("/profile save model claude-ha work@company.com personal@gmail.com", Says("Saved claude-ha.")),
    // Managing OAuth
    ("/auth                         # Show status for all providers", Says("personal@gmail.com")),
    ("/auth anthropic status       # Show status and buckets for one provider", Says("work@company.com")),
    ("/auth anthropic enable       # Enable OAuth for provider", Says("anthropic is already on")),
    ("/auth anthropic disable      # Disable OAuth for provider", Says("anthropic is off. Its 2 sign-ins are kept.")),
    ("/auth anthropic login        # Log in (default bucket)", Paste(WORK)),
    ("/auth anthropic login work@company.com # Log in with named bucket", Keep),
    ("/auth anthropic logout       # Log out (default bucket)", Says("removed here")),
    ("/auth anthropic logout all   # Log out all buckets", Says("personal@gmail.com")),
    // Troubleshooting
    ("/set auth.noBrowser true", Says("auth.noBrowser is true now")),
    ("/auth anthropic login", Paste(PERSONAL)),
    ("/auth anthropic logout", Says("removed here")),
    ("/auth anthropic login", Paste(PERSONAL)),
    ("/auth anthropic status", Says("default")),
    ("/auth codex", Says("codex")),
];

#[test]
fn every_line_of_the_page_does_what_it_says() {
    let (sandbox, home) = stand();
    let browser = Browser::zero(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    for (line, then) in PAGE {
        let said = type_one(&pty, line, then);
        // The code of a failure stands behind two blanks; a link may have the letters anywhere.
        assert!(!said.contains("  E-"), "{line} was refused:\n{said}");
    }
    assert_eq!(leave(pty), 0);
    assert!(sandbox.script("anthropic").violations().is_empty());
}

#[test]
fn our_own_page_has_every_line_of_it() {
    let page = include_str!("../../docs/oauth-setup.md");
    for (line, _) in PAGE {
        let command = line.split(" #").next().unwrap_or(line).trim_end();
        assert!(page.contains(command), "{command} is not in docs/oauth-setup.md");
    }
    for line in page.lines().filter(|line| line.starts_with('/')) {
        let parsed = llxprt_commands::parse(line);
        assert!(parsed.is_ok(), "{line}: {parsed:?}");
    }
}

fn type_one(pty: &Pty, line: &str, then: &Then) -> String {
    match then {
        Says(words) => {
            let said = pty.ask(line);
            assert!(said.contains(words), "{line}: not {words:?} but\n{said}");
            said
        }
        Paste(account) => sign_in(pty, line, account),
        Keep => {
            at_prompt(pty);
            pty.type_line(line);
            pty.wait_for("Sign in anew and replace it? [y/N]");
            pty.type_line("n");
            pty.wait_for("Nothing changed.");
            String::new()
        }
    }
}

fn sign_in(pty: &Pty, line: &str, account: &str) -> String {
    let before = pty.transcript();
    let asked = before.matches(QUESTION).count();
    at_prompt(pty);
    pty.type_line(line);
    if asked == 0 {
        pty.wait_for(QUESTION);
        pty.type_line("y");
    }
    paste_prompt(pty, before.matches(PASTE).count() + 1);
    pty.paste(&code(&link(pty), account));
    pty.keys(key::ENTER);
    pty.wait_for_count(
        &format!("Signed in to anthropic as {account}"),
        before.matches(&format!("Signed in to anthropic as {account}")).count() + 1,
    );
    at_prompt(pty);
    pty.transcript()[before.len()..].to_owned()
}

#[test]
fn the_flag_of_the_page_shows_the_link_in_place_of_a_browser() {
    let (_sandbox, home) = stand();
    let browser = Browser::zero(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &["--nobrowser"]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    pty.wait_for(QUESTION);
    pty.type_line("y");
    pty.wait_for("No browser opened: --nobrowser.");
    paste_prompt(&pty, 1);
    pty.keys(key::CTRL_C);
    assert_eq!(leave(pty), 0);
}

#[test]
fn a_key_wins_over_a_sign_in_as_the_page_says() {
    let home = Home::new();
    drop(home);
    let (sandbox, home) = crate::session_steps::signed_in(WORK);
    sandbox.script("anthropic").add_key("sk-ant-api03-from-the-environment", "key@example.com");
    let done =
        home.typed(&["-p", "who pays?"]).env("ANTHROPIC_API_KEY", "sk-ant-api03-from-the-environment").done().ok();
    assert_eq!(done.stdout, "who pays?\n");
    let calls = sandbox.script("anthropic").requests_to(llxprt::sandbox::Endpoint::Chat);
    assert_eq!(calls[0].account.as_deref(), Some("key@example.com"));
    // Without the variable the sign-in is used.
    let _ = home.run(&["-p", "who pays?"]).ok();
    let calls = sandbox.script("anthropic").requests_to(llxprt::sandbox::Endpoint::Chat);
    assert_eq!(calls[1].account.as_deref(), Some(WORK));
}

#[test]
fn an_action_without_its_provider_is_answered_with_one_that_works() {
    let home = Home::new();
    let done = home.run(&["auth", "enable"]).exit(2);
    assert!(done.stderr.contains("llxprt auth") && done.stderr.contains("enable"), "{done}");
}
