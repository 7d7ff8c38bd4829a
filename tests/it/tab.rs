//! Tab: what is of use at that place, and nothing where nothing is.

use crate::session_steps::{at_prompt, leave, signed_in, stand, terminal};
use crate::support::pty::key;

#[test]
fn tab_in_a_prompt_does_nothing() {
    let (_sandbox, home) = stand();
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.keys("hello /au\t there");
    pty.wait_until("the prompt's text", |screen| screen.ends_with("› hello /au there"));
    assert!(!pty.transcript().contains("NO RECORDS"), "{}", pty.transcript());
    pty.clear_line();
    // The next list opens as ever.
    pty.keys("/auth codex log\t");
    pty.wait_for("logout");
    pty.keys("i");
    pty.wait_gone("logout");
    pty.keys("zzz");
    pty.wait_until("no list", |screen| screen.ends_with("zzz"));
    pty.keys(key::ENTER);
    pty.wait_for("E-USAGE");
    pty.clear_line();
    assert_eq!(leave(pty), 0);
}

#[test]
fn a_provider_of_keys_is_offered_what_is_of_use_there() {
    let (_sandbox, home) = stand();
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.keys("/auth openai \t");
    pty.wait_for("Which credential is used, and why");
    assert!(
        !["login", "enable", "switch", "rename"].iter().any(|word| pty.screen().contains(word)),
        "{}",
        pty.screen()
    );
    pty.keys(key::ESCAPE);
    pty.clear_line();
    assert_eq!(leave(pty), 0);
}

#[test]
fn what_can_be_unset_is_what_is_set() {
    let (_sandbox, home) = signed_in("work@company.com");
    let _ = home.run(&["set", "modelparam.max_tokens", "100"]).ok();
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.keys("/set unset \t");
    pty.wait_for("modelparam.max_tokens");
    let screen = pty.screen();
    let (_, offered) = screen.rsplit_once("/set unset").unwrap();
    let offered: Vec<&str> = offered.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(offered, ["auth.anthropic.accepted", "modelparam.max_tokens"]);
    pty.keys(key::ESCAPE);
    pty.clear_line();
    pty.keys("/set \t");
    pty.wait_for("stream.idleSeconds");
    assert!(!pty.screen().contains("NAME"), "a pattern is no name: {}", pty.screen());
    pty.keys(key::ESCAPE);
    pty.clear_line();
    assert_eq!(leave(pty), 0);
}

#[test]
fn the_man_page_has_everything_on_one_page() {
    let (_sandbox, home) = stand();
    let page = home.run(&["man"]).ok().stdout;
    for part in [
        ".SH SYNOPSIS\n\\fBllxprt\\fR [FLAG...]\n.br\n",
        ".SH COMMANDS\n.TP\n\\fBllxprt auth [provider] [action]\\fR\nSign in and out, and see who is signed in.\n",
        "\\fBllxprt auth <provider> login [account]\\fR\nSign in now.\n",
        "\\fBllxprt set [setting [value…]] | unset <setting>\\fR\n",
        ".SH \"EXIT STATUS\"\n",
        "\\fB75\\fR\nevery account is at its limit; try later\n",
        ".SH FILES\n",
        "\\fBCONFIG/settings.json\\fR\n",
        ".SH ENVIRONMENT\n",
        "\\fBANTHROPIC_API_KEY\\fR\nAn API key for Anthropic.\n",
    ] {
        assert!(page.contains(part), "{part:?} is not in\n{page}");
    }
    // No page that is not there is named, and nothing that only a session has.
    assert!(!page.contains("(1)") && !page.contains("> switch") && !page.contains("see a summary"), "{page}");
}
