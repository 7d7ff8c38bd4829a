//! Where no browser may open, no process at all is started: the system calls are the witness.

use crate::session_steps::{PASTE, accept, at_prompt, stand};
use crate::support::Home;
use crate::support::pty::key;

/// Types a login in a session under strace and cancels it; returns the programs that were started.
fn started(flags: &[&str], variables: &[(&str, &str)], setting: Option<&str>) -> Vec<String> {
    let (sandbox, there) = stand();
    accept(&there);
    if let Some(value) = setting {
        let _ = there.run(&["set", "auth.noBrowser", value]).ok();
    }
    let mut home = Home::of("strace").env("DISPLAY", ":0");
    for name in ["config", "data", "cache", "log"] {
        home = home.env(format!("LLXPRT_{}_HOME", name.to_uppercase()), there.path(name));
    }
    for (name, value) in variables {
        home = home.env(*name, *value);
    }
    let log = home.path("home/calls");
    let sandbox = format!("--sandbox={}", sandbox.url());
    let (calls, program) = (log.display().to_string(), env!("CARGO_BIN_EXE_llxprt"));
    let words = [&["-f", "-e", "trace=execve,execveat", "-o", &calls, program, &sandbox][..], flags].concat();
    let mut pty = home.pty_of(50, 100, &words);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    pty.wait_for("Ctrl+C cancel");
    pty.wait_for(PASTE);
    pty.keys(key::CTRL_C);
    pty.wait_for("Sign-in cancelled.");
    at_prompt(&pty);
    pty.keys(key::CTRL_D);
    assert_eq!(pty.exit_status(), 0);
    let calls = std::fs::read_to_string(log).unwrap();
    calls.lines().filter(|line| line.contains("execve")).map(str::to_owned).collect()
}

#[test]
#[ignore = "needs strace"]
fn manual_mode_starts_no_process_whatever_chose_it() {
    for (flags, variables, setting) in [
        (&["--nobrowser"][..], &[("BROWSER", "/bin/true")][..], None),
        (&[], &[("BROWSER", "/bin/true")], Some("true")),
        (&[], &[("NO_BROWSER", "1")], None),
        (&[], &[("BROWSER", "")], None),
        (&[], &[("BROWSER", "w3m")], None),
        (&[], &[("CI", "1")], None),
        (&[], &[("DEBIAN_FRONTEND", "noninteractive")], None),
        (&[], &[("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22")], None),
        (&[], &[("SSH_CLIENT", "10.0.0.1 5 22")], None),
        (&[], &[("SSH_TTY", "/dev/pts/9")], None),
        (&[], &[("DISPLAY", "")], None),
    ] {
        let started = started(flags, variables, setting);
        assert_eq!(started.len(), 1, "{flags:?} {variables:?} {setting:?}: {started:#?}");
    }
}

#[test]
#[ignore = "needs strace"]
fn the_witness_sees_a_browser_that_is_started() {
    let started = started(&[], &[("BROWSER", "/usr/bin/env")], None);
    assert!(started.iter().any(|call| call.contains("/usr/bin/env")), "{started:#?}");
}
