//! The ways out: each leaves the terminal as it was, and with the status that is promised.

use std::io::Read as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use llxprt::sandbox::{Answer, Chunk, End, Endpoint};

use crate::session_steps::{
    WORK, accepted, at_prompt, paste_prompt, port_is_free, port_of, sealed, signed_in, stand, terminal,
};
use crate::support::pty::key;
use crate::support::{Browser, DEADLINE, Home, Pty, until};

#[test]
fn ctrl_d_and_the_words_for_leaving_end_with_0() {
    let (_sandbox, home) = stand();
    for keys in [key::CTRL_D, "/quit\r", "/exit\r", "exit\r", "quit\r", " QUIT \r"] {
        let mut pty = terminal(&home, &[]);
        at_prompt(&pty);
        pty.keys(keys);
        assert_eq!(pty.exit_status(), 0, "{keys:?}");
        pty.assert_restored();
    }
}

#[test]
fn ctrl_c_clears_the_line_then_explains_and_twice_leaves_with_130() {
    let (_sandbox, home) = stand();
    let mut pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.keys("half a line");
    pty.wait_for("half a line");
    pty.keys(key::CTRL_C);
    at_prompt(&pty);
    assert!(!pty.screen().contains("to leave.\n"), "{}", pty.screen());
    pty.keys(key::CTRL_C);
    pty.wait_for("Press Ctrl+D or type /quit to leave.");
    at_prompt(&pty);
    pty.keys(key::CTRL_C);
    // The second within a second leaves; a slow machine may have let it pass.
    if !until("an end or another hint", || {
        let again = pty.transcript().matches("Press Ctrl+D").count() > 1;
        (pty.has_ended() || again).then(|| pty.has_ended())
    }) {
        pty.keys(key::CTRL_C);
    }
    assert_eq!(pty.exit_status(), 130);
    pty.assert_restored();
    assert!(!home.read("data/history").contains("half a line"));
}

/// A name, and what brings the program there.
type Place = (&'static str, fn(&Pty));

/// Where a signal may find the program.
fn places() -> Vec<Place> {
    vec![
        ("the prompt", |_| {}),
        ("a half-typed line", |pty| {
            pty.keys("half a line");
            pty.wait_for("half a line");
        }),
        ("the paste prompt", |pty| {
            pty.type_line("/auth anthropic login");
            paste_prompt(pty, 1);
        }),
        ("a question", |pty| {
            pty.type_line("/auth codex login");
            pty.wait_for("[y/N]");
        }),
    ]
}

#[test]
fn sigterm_and_sighup_leave_the_terminal_as_it_was() {
    for (signal, status) in [("TERM", 143), ("HUP", 129)] {
        for (place, go) in places() {
            let (_sandbox, home) = accepted();
            let mut pty = terminal(&home, &["--nobrowser", "--provider", "anthropic"]);
            at_prompt(&pty);
            let _ = pty.ask("/auth anthropic enable");
            at_prompt(&pty);
            go(&pty);
            let begin = Instant::now();
            pty.signal(signal);
            assert_eq!(pty.exit_status(), status, "{signal} at {place}");
            assert!(begin.elapsed() < Duration::from_secs(4), "{signal} at {place}");
            assert_eq!(pty.changes_left(), Vec::<String>::new(), "{signal} at {place}");
        }
    }
}

#[test]
fn sigint_at_the_prompt_ends_with_130_and_during_a_login_cancels_it() {
    let (_sandbox, home) = accepted();
    let mut pty = terminal(&home, &["--nobrowser"]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    paste_prompt(&pty, 1);
    pty.signal("INT");
    pty.wait_for("Sign-in cancelled.");
    at_prompt(&pty);
    pty.signal("INT");
    assert_eq!(pty.exit_status(), 130);
    pty.assert_restored();
}

#[test]
fn f13_a_terminal_that_goes_away_ends_the_program_with_129() {
    for (place, go) in places() {
        let (_sandbox, home) = accepted();
        let mut pty = terminal(&home, &["--nobrowser"]);
        at_prompt(&pty);
        let _ = pty.ask("/auth anthropic enable");
        at_prompt(&pty);
        go(&pty);
        pty.hang_up();
        let ended = pty.wait_end();
        assert_eq!((ended.signal(), ended.exit_code()), (None, 129), "{place}");
        assert_eq!(home.leftovers(), Vec::<std::path::PathBuf>::new());
    }
}

#[test]
fn f13_a_terminal_that_goes_away_is_129_every_time_with_a_line_editor_or_without() {
    let (sandbox, _home) = stand();
    for term in ["dumb", "xterm-256color"] {
        for round in 0..15 {
            let home = Home::new().at(sandbox.url()).env("TERM", term);
            let mut pty = home.pty(&[]).prompt(if term == "dumb" { ">" } else { "›" });
            pty.wait_prompt();
            pty.hang_up();
            let ended = pty.wait_end();
            assert_eq!((ended.signal(), ended.exit_code()), (None, 129), "round {round} with TERM={term}");
        }
    }
}

#[test]
fn f13_a_terminal_that_goes_away_ends_the_program_also_when_no_sighup_comes() {
    // The signal goes to those whose controlling terminal it is. Without one, only reading tells, as it does in the
    // moment before the signal: an end of input that is none.
    for term in ["dumb", "xterm-256color"] {
        for line in ["", "/auth anthropic login", "/key save mine"] {
            let (_sandbox, home) = accepted();
            let home = home.env("TERM", term);
            let mark = if term == "dumb" { ">" } else { "›" };
            let mut pty = home.pty_without_control(&["--nobrowser"]).prompt(mark);
            pty.wait_prompt();
            if !line.is_empty() {
                pty.type_line(line);
                pty.wait_until("its question", |screen| {
                    let last = screen.lines().last().unwrap_or_default();
                    last == format!("paste{}", if mark == ">" { ">" } else { " ›" }) || last.starts_with("key")
                });
            }
            pty.hang_up();
            let ended = pty.wait_end();
            assert_eq!((ended.signal(), ended.exit_code()), (None, 129), "{line:?} with TERM={term}");
            assert_eq!(sealed(&home), Vec::<String>::new());
        }
    }
}

#[test]
fn the_end_of_input_that_a_person_types_is_no_hang_up() {
    let (sandbox, _home) = stand();
    for term in ["dumb", "xterm-256color"] {
        let home = Home::new().at(sandbox.url()).env("TERM", term);
        let mut pty = home.pty_without_control(&[]).prompt(if term == "dumb" { ">" } else { "›" });
        pty.wait_prompt();
        pty.keys(key::CTRL_D);
        assert_eq!(pty.exit_status(), 0, "{term}");
        pty.assert_restored();
    }
}

#[test]
fn a_signal_while_an_answer_streams_leaves_the_terminal_as_it_was() {
    for (signal, status) in [("TERM", 143), ("HUP", 129)] {
        let (sandbox, home) = signed_in(WORK);
        let chunk = Chunk::new(
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
             \"delta\":{\"type\":\"text_delta\",\"text\":\"It begins\"}}\n\n",
        );
        sandbox.script("anthropic").answer(Endpoint::Chat, Answer::stream(vec![chunk], End::Hang));
        let mut pty = terminal(&home, &[]);
        at_prompt(&pty);
        pty.type_line("go on");
        pty.wait_for("It begins");
        pty.signal(signal);
        assert_eq!(pty.exit_status(), status);
        pty.assert_restored();
    }
}

#[test]
fn a_stopped_session_goes_on_where_it_was() {
    let (_sandbox, home) = stand();
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.signal("STOP");
    // A shell that gets the terminal meanwhile sets it to its own liking.
    pty.sh("stty sane");
    pty.signal("CONT");
    until("the line editor to have the terminal again", || pty.sh("stty -a").contains("-icanon").then_some(()));
    assert!(pty.ask("/set auth.noBrowser").contains("auth.noBrowser = "));
    assert_eq!(crate::session_steps::leave(pty), 0);
}

/// A pipe that nobody reads any more.
fn closed() -> std::io::PipeWriter {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer
}

#[test]
fn f13_a_closed_stdout_ends_with_141() {
    let (_sandbox, home) = signed_in(WORK);
    for words in [&["auth"][..], &["help"], &["auth", "--json"], &["set"], &["-p", "hello"]] {
        let mut child =
            home.command().args(words).stdin(Stdio::null()).stdout(closed()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(141), "{words:?}: {said}");
        assert!(!said.contains("fault"), "{said}");
    }
}

#[test]
fn a_closed_stderr_is_no_fault() {
    let (_sandbox, home) = signed_in(WORK);
    let mut child = home
        .command()
        .args(["-p", "hello"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(closed())
        .spawn()
        .unwrap();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((said.as_str(), child.wait().unwrap().code()), ("hello\n", Some(0)));
}

#[test]
fn a_signal_during_a_login_in_a_pipe_frees_the_port_and_stores_nothing() {
    for (signal, status) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let (_sandbox, home) = accepted();
        let browser = Browser::idle(&home);
        let home = home.env("BROWSER", browser.command());
        let mut child = home
            .command()
            .args(["auth", "anthropic", "login"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let port = port_of(&browser.next());
        crate::support::signal(child.id(), signal);
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(status), "{said}");
        port_is_free(port);
        assert_eq!(sealed(&home), Vec::<String>::new());
    }
}

#[test]
fn leaving_while_the_browser_hangs_does_not_wait_for_it() {
    let (_sandbox, home) = accepted();
    let browser = Browser::hanging(&home);
    let home = home.env("BROWSER", browser.command());
    let mut pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    browser.next();
    paste_prompt(&pty, 1);
    pty.keys(key::CTRL_C);
    at_prompt(&pty);
    let begin = Instant::now();
    pty.keys(key::CTRL_D);
    assert_eq!(pty.exit_status(), 0);
    assert!(begin.elapsed() < DEADLINE / 10, "{:?}", begin.elapsed());
    pty.assert_restored();
}

#[test]
fn a_sandbox_of_its_own_leaves_no_folder_behind() {
    let home = Home::new();
    let folder = home.path("passing");
    std::fs::create_dir(&folder).unwrap();
    let home = home.env("TMPDIR", folder.to_str().unwrap());
    let left = || std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    type Way = (&'static str, fn(&mut Pty));
    let ways: [Way; 4] = [
        ("Ctrl+D", |pty| pty.keys(key::CTRL_D)),
        ("SIGTERM", |pty| pty.signal("TERM")),
        ("SIGINT", |pty| pty.signal("INT")),
        ("a closed window", Pty::hang_up),
    ];
    for (way, leave) in ways {
        let mut pty = home.pty(&["--sandbox"]);
        at_prompt(&pty);
        assert_eq!(left().len(), 1, "{way}");
        leave(&mut pty);
        pty.wait_end();
        assert_eq!(left(), [""; 0], "{way}");
    }
    let words = ["--sandbox", "auth"];
    let status = home.command().args(words).stdin(Stdio::null()).stdout(closed()).stderr(Stdio::null()).status();
    assert_eq!((status.unwrap().code(), left()), (Some(141), Vec::new()));
}
