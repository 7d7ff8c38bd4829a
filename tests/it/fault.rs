//! A fault of the program itself: it cannot be asked for from outside, so a child of this test plays the program, with
//! the same parts in the same places, and goes wrong.

use std::sync::Arc;
use std::time::Duration;

use llxprt::seams::Keyboard;
use llxprt::secret::Secret;
use llxprt::session::{Editor, Plain};
use llxprt::sys::fault;
use llxprt::sys::log::Log;
use llxprt::sys::signals::Signals;

use crate::support::Home;

/// Tells the child which part to play.
const PART: &str = "LLXPRT_TEST_FAULT";
const CANARY: &str = "canary-value-of-no-known-pattern";

#[test]
fn a_fault_leaves_the_terminal_as_it_was_and_tells_no_secret() {
    if let Ok(part) = std::env::var(PART) {
        return play(&part);
    }
    let name = "fault::a_fault_leaves_the_terminal_as_it_was_and_tells_no_secret";
    for (part, prompt, settings) in [
        ("elsewhere, at the editor", "paste ›", "-icanon"),
        ("elsewhere, at the hidden prompt", "paste>", "-echo "),
        ("here, in raw mode", "ready", "-icanon"),
        ("here, with the echo off", "ready", "-echo "),
    ] {
        let home = Home::of(std::env::current_exe().unwrap()).env(PART, part);
        let mut pty = home.pty_of(24, 200, &["--exact", name, "--nocapture"]);
        pty.wait_for(prompt);
        let now = pty.sh("stty -a");
        assert!(now.contains(settings), "{part}: the terminal was never taken: {now}");
        home.write("work/go", "");
        assert_eq!(pty.exit_status(), 101, "{part}");
        assert_eq!(pty.changes_left(), Vec::<String>::new(), "{part}");
        let screen = pty.transcript();
        // Said on a line of its own, with the place, and with what happened but for the secrets in it.
        let said = screen.lines().find(|line| line.starts_with("llxprt: a fault of this program at ")).expect(&screen);
        assert!(said.contains("tests/it/fault.rs:"), "{said}");
        assert!(said.ends_with(": sent … and Bearer …… but  no answer came"), "{said}");
        assert!(!String::from_utf8_lossy(&pty.raw()).contains(CANARY), "{screen}");
        home.assert_clean(&[CANARY]);
    }
}

/// What the program does between its start and the fault.
fn play(part: &str) {
    let signals = Arc::new(Signals::default());
    let log = Arc::new(Log::new("log/llxprt.log".into(), Arc::default()));
    log.hide(&Secret::new(CANARY));
    fault::install(&signals, &log);
    let go_wrong = || {
        while !std::path::Path::new("go").exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("sent {CANARY} and Bearer sk-ant-oat01-{CANARY} but \u{1b}[2J no answer came");
    };
    let (keyboard, question): (Box<dyn Keyboard>, _) = match part.rsplit_once(' ').unwrap().1 {
        "editor" | "mode" => (Box::new(Editor::new(signals.clone(), true)), "paste › "),
        _ => (Box::new(Plain::new(signals.clone())), "paste> "),
    };
    if part.starts_with("elsewhere") {
        std::thread::spawn(go_wrong);
        keyboard.ask_paste(question, Arc::default());
        // The fault ends the process, whatever this thread would do next.
        std::thread::sleep(Duration::from_secs(60));
    } else {
        // This thread cannot wait for a key and go wrong at once, so it takes the terminal as the keyboards do.
        let _unseen = match part.ends_with("raw mode") {
            true => {
                crossterm::terminal::enable_raw_mode().unwrap();
                signals.set_raw(true);
                None
            }
            false => signals.hide_typing(),
        };
        eprintln!("ready");
        go_wrong();
    }
}
