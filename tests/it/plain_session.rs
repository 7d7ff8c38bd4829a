//! The session without a line editor: pipes and plain terminals read the same commands.

use llxprt::sandbox::Endpoint;

use crate::session_steps::{WORK, accepted, signed_in, stand};

#[test]
fn lines_of_a_pipe_run_as_if_typed() {
    let (_sandbox, home) = signed_in(WORK);
    let lines = "# a comment\n\n/set auth.noBrowser true # and why\nhello there\n/auth anthropic status --json\n";
    let done = home.run_with_stdin(&[], lines).ok();
    let (answer, status) = done.stdout.split_once('\n').unwrap();
    assert_eq!(answer, "hello there");
    let status: serde_json::Value = serde_json::from_str(status).unwrap();
    assert_eq!(status["schema"], "llxprt.auth.provider.v1");
    assert_eq!(done.stderr, "auth.noBrowser is true now, and stays so (settings.json).\n");
}

#[test]
fn a_piped_session_stops_at_the_first_failure_with_its_status_and_k_goes_on() {
    let (sandbox, home) = signed_in(WORK);
    let lines = "hello\n/nonsense\nhello again\n";
    let done = home.run_with_stdin(&[], lines).exit(2);
    assert_eq!(done.stdout, "hello\n");
    assert!(done.stderr.contains("E-USAGE"), "{done}");
    let done = home.run_with_stdin(&["-k"], lines).exit(2);
    assert_eq!(done.stdout, "hello\nhello again\n");
    assert_eq!(sandbox.script("anthropic").count(Endpoint::Chat), 3);
}

#[test]
fn the_end_of_input_in_the_middle_of_a_line_still_runs_it() {
    let (_sandbox, home) = signed_in(WORK);
    assert_eq!(home.run_with_stdin(&[], "no line end").ok().stdout, "no line end\n");
    assert_eq!(home.run_with_stdin(&[], "with carriage return\r\n").ok().stdout, "with carriage return\n");
    assert_eq!(home.run_with_stdin(&[], "").ok().stdout, "");
}

#[test]
fn quit_ends_a_pipe_before_its_end() {
    let (_sandbox, home) = signed_in(WORK);
    assert_eq!(home.run_with_stdin(&[], "one\n/quit\ntwo\n").ok().stdout, "one\n");
    assert_eq!(home.run_with_stdin(&[], "one\nexit\ntwo\n").ok().stdout, "one\n");
}

#[test]
fn a_dumb_terminal_reads_plain_lines_without_any_escape() {
    let (_sandbox, home) = signed_in(WORK);
    let home = home.env("TERM", "dumb");
    let mut pty = home.pty(&[]).prompt(">");
    pty.wait_prompt();
    assert_eq!(pty.ask("hello there"), "hello there");
    assert!(pty.ask("/auth antropic").contains("Did you mean anthropic?"));
    pty.type_line("/quit");
    assert_eq!(pty.exit_status(), 0);
    pty.assert_restored();
    let raw = pty.raw();
    assert!(!raw.contains(&0x1b), "{}", String::from_utf8_lossy(&raw));
    let screen = pty.transcript();
    assert!(screen.is_ascii() || !screen.contains('›'), "{screen}");
}

#[test]
fn ctrl_c_at_a_plain_paste_prompt_cancels_the_login_and_keeps_the_session() {
    let (_sandbox, home) = accepted();
    let home = home.env("TERM", "dumb");
    let mut pty = home.pty(&["--nobrowser"]).prompt(">");
    pty.wait_prompt();
    pty.type_line("/auth anthropic login");
    pty.wait_for("paste>");
    pty.keys("\x03");
    pty.wait_for("\nSign-in cancelled.");
    pty.wait_until("the prompt", |screen| screen.ends_with("no account>"));
    pty.keys("\x04");
    assert_eq!(pty.exit_status(), 0);
    pty.assert_restored();
}

#[test]
fn one_bad_byte_is_no_reason_to_stop() {
    let (_sandbox, home) = stand();
    let done = home.run_with_stdin(&["-k"], b"/set \xff\xfe\n/set auth.noBrowser\n".to_vec());
    assert!(done.stdout.contains("auth.noBrowser = "), "{done}");
}
