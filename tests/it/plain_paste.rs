//! Secrets typed on a terminal without line editor (TERM=dumb): nothing of them is seen, and the echo comes back.

use llxprt::sandbox::Endpoint;

use crate::session_steps::{
    PERSONAL, WORK, accepted, approve, assert_no_secret_shown, code, fetch, link, port_is_free, port_of, sealed,
    terminal,
};
use crate::support::pty::key;
use crate::support::{Browser, DEADLINE, Home, Pty, until};

const CANARY: &str = "canary-of-a-paste-0123456789";

/// A plain session; `more` are its flags.
fn plain(home: Home, more: &[&str]) -> (Home, Pty) {
    let home = home.env("TERM", "dumb");
    let pty = home.pty_of(50, 100, more).prompt(">");
    pty.wait_prompt();
    (home, pty)
}

/// Types a login and waits for the paste prompt, with what is typed hidden.
fn login(pty: &Pty, times: usize) {
    pty.type_line("/auth anthropic login --force");
    pty.wait_for_count("What you type here is not shown.", times);
    pty.wait_until("the paste prompt", |screen| screen.ends_with("\npaste>"));
}

/// Waits for the session's prompt, with the echo back.
fn back(pty: &Pty) {
    pty.wait_until("the session's prompt", |screen| {
        let last = screen.lines().last().unwrap_or_default();
        last.ends_with('>') && !last.starts_with("paste") && !last.starts_with("key")
    });
    assert!(pty.sh("stty -a").contains(" echo "));
}

#[test]
fn nothing_of_a_paste_is_shown_on_a_plain_terminal_right_or_wrong() {
    let (sandbox, home) = accepted();
    let (home, mut pty) = plain(home, &["--nobrowser"]);
    login(&pty, 1);
    let said = |text: &str, words: &str| {
        pty.keys(&format!("{text}\r"));
        pty.wait_for(words);
        pty.wait_until("the paste prompt", |screen| screen.ends_with("\npaste>"));
    };
    said(&format!("{CANARY}#"), "E-PASTE-HALF");
    said(&format!("{CANARY}#{CANARY}"), "E-STATE");
    said(&format!("https://{CANARY}.example/oauth/authorize"), "E-PASTE-LINK");
    // A plain terminal can neither copy nor draw, and says so when it is asked all the same.
    said("c", "This terminal cannot copy: mark the link above.");
    said("qr", "A QR code needs a terminal that is not plain.");
    pty.keys(&format!("{}\r", code(&link(&pty), WORK)));
    pty.wait_for("Signed in to anthropic as work@company.com");
    back(&pty);
    // What is typed is seen again.
    assert_eq!(pty.ask("hello there"), "hello there");
    pty.type_line("/quit");
    assert_eq!(pty.exit_status(), 0);
    pty.assert_restored();
    assert!(!String::from_utf8_lossy(&pty.raw()).contains(CANARY));
    assert_no_secret_shown(&home, &sandbox.script("anthropic"));
    assert_eq!(sandbox.script("anthropic").count(Endpoint::Token), 1);
}

#[test]
fn a_paste_of_several_lines_is_one_answer_on_a_plain_terminal_too() {
    let (sandbox, home) = accepted();
    let (home, pty) = plain(home, &["--nobrowser"]);
    login(&pty, 1);
    let address = approve(&link(&pty), WORK);
    let pieces: Vec<&str> = address.as_bytes().chunks(40).map(|piece| std::str::from_utf8(piece).unwrap()).collect();
    pty.keys(&format!("\"{}\"\n", pieces.join("\n  ")));
    pty.wait_for("Signed in to anthropic as work@company.com");
    back(&pty);
    assert!(!pty.transcript().contains("E-PASTE"), "{}", pty.transcript());
    assert_no_secret_shown(&home, &sandbox.script("anthropic"));
}

#[test]
fn a_paste_whose_last_line_has_no_end_is_taken_with_enter() {
    let (_sandbox, home) = accepted();
    let (_home, pty) = plain(home, &["--nobrowser"]);
    login(&pty, 1);
    let code = code(&link(&pty), WORK);
    let (first, second) = code.split_at(25);
    pty.keys(&format!("{first}\n{second}"));
    // What came with a line end is judged; Enter brings the rest of it.
    pty.wait_for("E-PASTE-HALF");
    pty.wait_until("the paste prompt", |screen| screen.ends_with("\npaste>"));
    pty.keys(key::ENTER);
    pty.wait_for("Signed in to anthropic as work@company.com");
    back(&pty);
    assert!(!String::from_utf8_lossy(&pty.raw()).contains(second));
}

#[test]
fn what_is_typed_while_an_answer_is_checked_is_neither_shown_nor_kept() {
    for term in ["dumb", "xterm-256color"] {
        let (sandbox, home) = accepted();
        let home = home.env("TERM", term);
        let script = sandbox.script("anthropic");
        let mut pty = terminal(&home, &["--nobrowser"]).prompt(if term == "dumb" { ">" } else { "›" });
        pty.wait_prompt();
        pty.type_line("/auth anthropic login");
        pty.wait_until("the paste prompt", |screen| screen.lines().last().is_some_and(|l| l.starts_with("paste")));
        script.hold(Endpoint::Profile);
        pty.keys(&format!("{}\r", code(&link(&pty), WORK)));
        assert!(script.wait_for(Endpoint::Profile, 1, DEADLINE));
        // Pasted once more, as an impatient person does. Of Enter the line end is seen: then the terminal has had it all.
        let ends = || pty.raw().iter().filter(|byte| **byte == b'\n').count();
        let before = ends();
        pty.keys(&format!("{CANARY}\r{CANARY}"));
        until("the terminal to have it", || (ends() > before).then_some(()));
        assert!(pty.sh("stty -a").contains("-echo "), "{term}");
        script.release(Endpoint::Profile);
        pty.wait_for("Signed in to anthropic as work@company.com");
        pty.wait_prompt();
        assert_eq!(pty.ask("hello"), "hello");
        pty.type_line("/quit");
        assert_eq!(pty.exit_status(), 0);
        pty.assert_restored();
        assert_eq!(script.count(Endpoint::Chat), 1);
        assert!(!String::from_utf8_lossy(&pty.raw()).contains(CANARY), "{term}");
    }
}

#[test]
fn a_paste_half_typed_when_the_browser_comes_back_is_not_taken_for_the_next_line() {
    let (sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let (_home, pty) = plain(home, &[]);
    login(&pty, 1);
    pty.keys(CANARY);
    assert_eq!(fetch(&approve(&browser.next(), WORK)).0, 200);
    pty.wait_for("Signed in to anthropic as work@company.com");
    back(&pty);
    assert_eq!(pty.ask("hello"), "hello");
    let asked = sandbox.script("anthropic").requests_to(Endpoint::Chat);
    assert!(asked.len() == 1 && !format!("{asked:?}").contains(CANARY), "{asked:?}");
    assert!(!String::from_utf8_lossy(&pty.raw()).contains(CANARY));
}

#[test]
fn every_way_out_of_a_hidden_question_leaves_the_terminal_as_it_was() {
    type Go = fn(&Pty);
    let ways: [(&str, Go, u32); 8] = [
        ("SIGTERM", |pty| pty.signal("TERM"), 143),
        ("SIGHUP", |pty| pty.signal("HUP"), 129),
        ("SIGQUIT", |pty| pty.signal("QUIT"), 131),
        ("Ctrl-\\", |pty| pty.keys("\x1c"), 131),
        ("SIGINT, then the end of input", |pty| (pty.signal("INT"), back(pty), pty.keys(key::CTRL_D)).2, 0),
        ("Ctrl-C, then the end of input", |pty| (pty.keys(key::CTRL_C), back(pty), pty.keys(key::CTRL_D)).2, 0),
        ("/quit, and again", |pty| (pty.keys("/quit\r"), back(pty), pty.keys("/quit\r")).2, 0),
        ("the end of input, and again", |pty| (pty.keys(key::CTRL_D), back(pty), pty.keys(key::CTRL_D)).2, 0),
    ];
    for (question, prompt) in [("/auth anthropic login", "paste>"), ("/key save mine", "key>")] {
        for (way, go, status) in ways {
            // At the prompt for a key there is no `/quit`: it would be the key.
            if prompt == "key>" && way.starts_with("/quit") {
                continue;
            }
            let (_sandbox, home) = accepted();
            let (home, mut pty) = plain(home, &["--nobrowser"]);
            pty.type_line(question);
            pty.wait_until("the question", |screen| screen.ends_with(prompt));
            // What was half typed goes with it. A signal may be there before the keys are, so that it proves nothing.
            if way.starts_with("Ctrl-C") {
                pty.keys(CANARY);
            }
            go(&pty);
            assert_eq!(pty.exit_status(), status, "{way} at {question}");
            assert_eq!(pty.changes_left(), Vec::<String>::new(), "{way} at {question}");
            assert!(!String::from_utf8_lossy(&pty.raw()).contains(CANARY), "{way} at {question}");
            assert_eq!(sealed(&home), Vec::<String>::new());
        }
    }
}

#[test]
fn a_plain_screen_hears_every_half_minute_that_a_login_waits_and_what_is_half_typed_stays() {
    let (_sandbox, home) = accepted();
    let (home, pty) = plain(home, &["--nobrowser"]);
    login(&pty, 1);
    let answer = code(&link(&pty), WORK);
    let (first, second) = answer.split_at(20);
    pty.keys(first);
    let limit = std::time::Duration::from_secs(60);
    pty.wait_until_within(limit, "the words", |screen| screen.contains("Still waiting, until "));
    pty.wait_until("the paste prompt", |screen| screen.ends_with("\npaste>"));
    pty.keys(&format!("{second}\r"));
    pty.wait_for("Signed in to anthropic as work@company.com");
    back(&pty);
    drop(home);
}

#[test]
fn esc_and_enter_cancel_a_login_on_a_plain_terminal() {
    let (_sandbox, home) = accepted();
    let (home, mut pty) = plain(home, &["--nobrowser"]);
    login(&pty, 1);
    pty.keys("\x1b\r");
    pty.wait_for("Sign-in cancelled.");
    back(&pty);
    assert_eq!(sealed(&home), Vec::<String>::new());
    pty.type_line("/quit");
    assert_eq!(pty.exit_status(), 0);
    pty.assert_restored();
}

#[test]
fn after_the_end_of_input_at_the_paste_prompt_the_session_goes_on() {
    let (_sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let (_home, mut pty) = plain(home, &[]);
    login(&pty, 1);
    let opened = browser.next();
    pty.keys(key::CTRL_D);
    pty.wait_for("Waiting for the browser. Ctrl+C cancels.");
    assert_eq!(fetch(&approve(&opened, PERSONAL)).0, 200);
    pty.wait_for("Signed in to anthropic as personal@gmail.com");
    back(&pty);
    assert_eq!(pty.ask("hello"), "hello");
    // The next one is cancelled while nobody reads.
    login(&pty, 2);
    pty.keys(key::CTRL_D);
    pty.wait_for_count("Waiting for the browser. Ctrl+C cancels.", 2);
    pty.keys(key::CTRL_C);
    pty.wait_for("Sign-in cancelled.");
    port_is_free(port_of(&browser.next()));
    back(&pty);
    pty.keys(key::CTRL_D);
    assert_eq!(pty.exit_status(), 0);
    pty.assert_restored();
}

#[test]
fn a_key_is_typed_unseen_on_a_plain_terminal() {
    let (_sandbox, home) = accepted();
    let (home, mut pty) = plain(home, &[]);
    let key = "sk-ant-api03-canary-typed-unseen-0123456789";
    pty.type_line("/key save mine");
    pty.wait_for("It is not shown.");
    pty.wait_until("the question", |screen| screen.ends_with("key>"));
    pty.keys(&format!("{key}\r"));
    pty.wait_for("The key mine (");
    back(&pty);
    // In the shell as well, and a signal there ends with the echo back: it comes before the program has begun to work.
    pty.type_line("/quit");
    assert_eq!(pty.exit_status(), 0);
    for (signal, status) in [("TERM", 143), ("HUP", 129)] {
        let mut pty = home.pty_of(24, 100, &["key", "save", "other"]);
        pty.wait_until("the question", |screen| screen.ends_with("key>"));
        pty.signal(signal);
        assert_eq!(pty.exit_status(), status);
        pty.assert_restored();
    }
    home.assert_clean(&[key]);
}

#[test]
fn ctrl_z_is_off_while_typing_is_hidden_and_a_stop_from_outside_does_not_bring_the_echo_back() {
    let (_sandbox, home) = accepted();
    let (_home, mut pty) = plain(home, &["--nobrowser"]);
    login(&pty, 1);
    // Off: it is a part of the line, and one that does not count.
    pty.keys(key::CTRL_Z);
    pty.keys(&format!("{CANARY}#\r"));
    pty.wait_for("E-PASTE-HALF");
    pty.wait_until("the paste prompt", |screen| screen.ends_with("\npaste>"));
    pty.signal("STOP");
    // What a shell does when a job stops: it sets the terminal to its own liking.
    pty.sh("stty sane");
    pty.signal("CONT");
    until("the echo to go", || pty.sh("stty -a").contains("-echo ").then_some(()));
    pty.keys(&format!("{CANARY}#{CANARY}\r"));
    pty.wait_for("E-STATE");
    pty.wait_until("the paste prompt", |screen| screen.ends_with("\npaste>"));
    pty.keys(key::CTRL_C);
    back(&pty);
    pty.keys(key::CTRL_D);
    assert_eq!(pty.exit_status(), 0);
    pty.assert_restored();
    assert!(!String::from_utf8_lossy(&pty.raw()).contains(CANARY));
}

#[test]
fn a_prompt_whose_login_was_cancelled_is_taken_again_with_enter_alone() {
    let (sandbox, home) = accepted();
    let (_home, mut pty) = plain(home, &["--nobrowser"]);
    assert!(pty.ask("/auth anthropic enable").contains("anthropic is on."));
    pty.type_line("Write the tests.");
    pty.wait_until("the paste prompt", |screen| screen.ends_with("\npaste>"));
    pty.keys(key::CTRL_C);
    pty.wait_for("Sign-in cancelled.");
    pty.wait_until("what was put back", |screen| {
        screen.ends_with("\nEnter alone takes this again: Write the tests.\nanthropic (sign in on first use)>")
    });
    pty.keys(key::ENTER);
    pty.wait_until("the paste prompt", |screen| screen.ends_with("\npaste>"));
    pty.keys(&format!("{}\r", code(&link(&pty), WORK)));
    pty.wait_for("Sending your prompt.\n\nWrite the tests.\n");
    back(&pty);
    // An empty line is nothing otherwise.
    pty.keys(key::ENTER);
    pty.type_line("/quit");
    assert_eq!(pty.exit_status(), 0);
    assert_eq!(sandbox.script("anthropic").count(Endpoint::Chat), 1);
}
