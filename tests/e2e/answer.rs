//! From a prompt to its answer, with a real browser in between: opened by the program, or on another machine.

use crate::session_steps::{PASTE, PERSONAL, QUESTION, WORK, accepted, at_prompt, leave, link, param, stand, terminal};
use crate::support::pty::key;
use crate::support::{ChromiumOpener, WebDriver};

#[test]
#[ignore = "needs Chromium"]
fn a_prompt_opens_chromium_a_click_signs_in_and_the_answer_is_on_the_screen() {
    let (sandbox, home) = stand();
    let opener = ChromiumOpener::new(&home);
    let home = home.env("BROWSER", opener.command());
    let pty = terminal(&home, &[]);
    assert!(pty.ask("/auth anthropic enable").contains("anthropic is on."));
    assert!(opener.opened().is_empty());
    at_prompt(&pty);
    pty.type_line("Summarise README.md in one line.");
    pty.wait_for(QUESTION);
    pty.type_line("y");
    let chromium = opener.attach(0);
    chromium.click(&format!("input[value='{PERSONAL}']"));
    chromium.click("#allow");
    let page = chromium.wait_text("Signed in");
    assert!(page.contains(PERSONAL), "{page}");
    // Nothing of the login stays in the page, and a reload of it does nothing.
    assert_eq!(chromium.script("return document.scripts.length + document.cookie.length"), 0);
    pty.wait_for("Signed in to anthropic as personal@gmail.com");
    pty.wait_for("Sending your prompt.\n\nSummarise README.md in one line.");
    assert_eq!(opener.opened().len(), 1);
    assert_eq!(leave(pty), 0);
    assert!(sandbox.script("anthropic").violations().is_empty());
}

#[test]
#[ignore = "needs Chromium"]
fn the_printed_link_opens_in_chromium_and_the_code_it_shows_is_pasted() {
    let (_sandbox, home) = accepted();
    let pty = terminal(&home, &["--nobrowser"]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login work@company.com");
    pty.wait_for(PASTE);
    let link = link(&pty);
    // The machine with the browser is another one.
    let chromium = WebDriver::start(&home.path("home"));
    chromium.goto(&link);
    let chosen = "return document.querySelector('input[name=account]:checked').value";
    assert_eq!(chromium.script(chosen), WORK, "login_hint {:?}", param(&link, "login_hint"));
    chromium.click("#allow");
    chromium.wait_text("Copy this code");
    let code = chromium.script("return document.querySelector('#code').value");
    pty.paste(code.as_str().unwrap());
    pty.keys(key::ENTER);
    pty.wait_for("Signed in to anthropic as work@company.com (Max plan)");
    assert_eq!(pty.ask("hello"), "hello");
    assert_eq!(leave(pty), 0);
}
