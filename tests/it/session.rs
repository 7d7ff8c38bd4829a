//! The session at a terminal: streaming, context, history, keys, and what is said of a mistake.

use llxprt::sandbox::{Answer, Chunk, End, Endpoint};
use serde_json::json;

use crate::session_steps::{PERSONAL, WORK, assert_no_secret_shown, at_prompt, leave, signed_in, stand, terminal};
use crate::support::pty::key;
use crate::support::{DEADLINE, until};

/// One piece of an answer in Anthropic's stream.
fn piece(text: &str) -> Chunk {
    let delta = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    Chunk::new(format!("event: content_block_delta\ndata: {delta}\n\n"))
}

#[test]
fn an_answer_is_shown_as_it_comes() {
    let (sandbox, home) = signed_in(WORK);
    let script = sandbox.script("anthropic");
    script.answer(Endpoint::Chat, Answer::stream(vec![piece("One, "), piece("two")], End::Hang));
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("count");
    // The connection stays open: these words cannot come from its end.
    pty.wait_for("One, two");
    pty.keys(key::CTRL_C);
    pty.wait_for("Stopped. What came is kept in the conversation.");
    at_prompt(&pty);
    // What came goes along with the next turn.
    assert_eq!(pty.ask("go on"), "go on");
    let body = script.requests_to(Endpoint::Chat)[1].json().unwrap();
    let said: Vec<(&str, String)> = body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["role"].as_str().unwrap(), text(&m["content"])))
        .collect();
    let wanted = [("user", "count".to_owned()), ("assistant", "One, two".to_owned()), ("user", "go on".to_owned())];
    assert_eq!(said, wanted);
    assert_eq!(leave(pty), 0);
}

/// The text of a message, which may be a list of blocks.
fn text(content: &serde_json::Value) -> String {
    let blocks = content.as_array().into_iter().flatten();
    content.as_str().map_or_else(|| blocks.filter_map(|b| b["text"].as_str()).collect(), str::to_owned)
}

#[test]
fn two_turns_keep_their_context_and_clear_forgets_it() {
    let (sandbox, home) = signed_in(WORK);
    let pty = terminal(&home, &[]);
    assert_eq!(pty.ask("first"), "first");
    assert_eq!(pty.ask("second"), "second");
    assert_eq!(pty.ask("/clear"), "The conversation starts anew.");
    assert_eq!(pty.ask("third"), "third");
    let counts: Vec<usize> = sandbox
        .script("anthropic")
        .requests_to(Endpoint::Chat)
        .iter()
        .map(|call| call.json().unwrap()["messages"].as_array().unwrap().len())
        .collect();
    assert_eq!(counts, [1, 3, 1]);
    assert_eq!(leave(pty), 0);
}

#[test]
fn a_prompt_that_failed_is_back_on_the_line_and_no_part_of_the_conversation() {
    let (sandbox, home) = signed_in(PERSONAL);
    let script = sandbox.script("anthropic");
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    let error = json!({"type": "error", "error": {"type": "invalid_request_error", "message": "too odd"}});
    script.answer(Endpoint::Chat, Answer::json(400, error));
    pty.type_line("something odd");
    pty.wait_for("too odd");
    pty.wait_until("the prompt with its text", |screen| screen.ends_with("› something odd"));
    pty.clear_line();
    assert_eq!(pty.ask("something else"), "something else");
    let last = script.requests_to(Endpoint::Chat).pop().unwrap().json().unwrap();
    assert_eq!(last["messages"].as_array().unwrap().len(), 1);
    assert_eq!(leave(pty), 0);
}

#[test]
fn an_answer_cannot_change_the_terminal() {
    let (sandbox, home) = signed_in(WORK);
    let evil = ["a\x1b]0;title\x07", "b\x1b]52;c;aGk=\x1b", "\\c\x1b[2J", "\x1b]8;;http://evil.example\x1b\\d"];
    let chunks = evil.iter().map(|text| piece(text)).collect();
    sandbox.script("anthropic").answer(Endpoint::Chat, Answer::stream(chunks, End::Whole));
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("be evil");
    pty.wait_for("abcd");
    pty.wait_for("E-");
    assert_eq!((pty.effects(), pty.links()), (Vec::new(), Vec::new()));
    pty.clear_line();
    assert_eq!(leave(pty), 0);
}

#[test]
fn the_history_is_private_serves_the_next_session_and_holds_no_secret() {
    let (sandbox, home) = signed_in(WORK);
    let pty = terminal(&home, &[]);
    let _ = pty.ask("a prompt to remember");
    for secret in [
        " a line that begins with a blank",
        "my key is sk-ant-api03-canary-of-the-history-3",
        "/key save mine sk-ant-api03-canary-of-the-history-2",
        "/key sk-ant-api03-canary-of-the-history-1",
    ] {
        at_prompt(&pty);
        pty.type_line(secret);
        pty.wait_until("the line to be done", |screen| {
            let last = screen.lines().last().unwrap_or_default();
            last.contains('›') && !last.contains("canary") && !last.contains("blank")
        });
        pty.clear_line();
        at_prompt(&pty);
    }
    assert_eq!(leave(pty), 0);
    let history = home.read("data/history");
    assert!(history.contains("a prompt to remember"), "{history}");
    assert!(!history.contains("canary") && !history.contains("blank"), "{history}");
    home.assert_private();

    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.keys(key::UP);
    pty.wait_for("› a prompt to remember");
    pty.clear_line();
    assert_eq!(leave(pty), 0);
    assert_no_secret_shown(&home, &sandbox.script("anthropic"));
}

#[test]
fn a_mistyped_word_names_the_nearest_and_waits_corrected_on_the_line() {
    let (_sandbox, home) = stand();
    let pty = terminal(&home, &[]);
    for (typed, words, better) in [
        ("/auht anthropic", "Did you mean", "/auth anthropic"),
        ("/auth antropic login", "Did you mean anthropic?", "/auth anthropic login"),
        ("/auth anthropic lgoin", "Did you mean", "/auth anthropic login"),
    ] {
        at_prompt(&pty);
        pty.type_line(typed);
        pty.wait_for(words);
        pty.wait_until("the better line", |screen| screen.ends_with(&format!("› {better}")));
        // It is there, not done.
        pty.clear_line();
    }
    assert_eq!(leave(pty), 0);
}

#[test]
fn a_pasted_block_of_commands_runs_line_by_line_and_goes_on_after_a_failure() {
    let (_sandbox, home) = stand();
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.paste("/set auth.noBrowser true\n/auth anthropic logout\n/key svae mine Zk-Canary\n/auth anthropic logout all\n/set auth.noBrowser false\n");
    pty.keys(key::ENTER);
    pty.wait_for("auth.noBrowser is false now");
    let screen = pty.screen();
    let (_, shown) = screen.split_once("auth.noBrowser is true now, and stays so (settings.json).\n").unwrap();
    insta::assert_snapshot!(shown.lines().take(7).collect::<Vec<_>>().join("\n"), @"
    /auth anthropic logout:
    anthropic has no account called \"default\". Nobody is signed in there.  E-ACCOUNT
    A line with a key:
    That is neither an action of a key nor a key, which is one word without blanks.
      /key [key|none] | <action>  E-USAGE
    Nobody is signed in to anthropic.
    auth.noBrowser is false now, and stays so (settings.json).
    ");
    pty.clear_line();
    assert_eq!(leave(pty), 0);
}

#[test]
fn ctrl_c_in_a_pasted_block_leaves_the_rest_out_and_says_so() {
    let (_sandbox, home) = stand();
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.paste("/auth anthropic login\n/auth anthropic why\n/set auth.noBrowser false\n");
    pty.keys(key::ENTER);
    pty.wait_for("Sign in all the same? [y/N]");
    pty.keys(key::CTRL_C);
    pty.wait_for("Not run:\n  /auth anthropic why\n  /set auth.noBrowser false\n");
    at_prompt(&pty);
    assert!(!home.path("config/settings.json").exists());
    assert_eq!(leave(pty), 0);
}

#[test]
fn a_slash_doubled_is_text_for_the_model() {
    let (_sandbox, home) = signed_in(WORK);
    let pty = terminal(&home, &[]);
    assert_eq!(pty.ask("//etc/hosts has what?"), "/etc/hosts has what?");
    assert_eq!(leave(pty), 0);
}

#[test]
fn without_any_credential_a_prompt_says_what_to_type() {
    let (_sandbox, home) = stand();
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("hello");
    pty.wait_for("/auth anthropic login");
    pty.wait_until("the prompt's text", |screen| screen.ends_with("› hello"));
    pty.clear_line();
    assert_eq!(leave(pty), 0);
    let done = home.run(&["-p", "hello"]).exit(4);
    assert!(done.stderr.contains("E-NO-PROVIDER") && done.stderr.contains("llxprt auth anthropic login"), "{done}");
}

#[test]
fn a_narrow_terminal_that_changes_its_size_stays_readable() {
    let (sandbox, home) = signed_in(WORK);
    let pty = home.pty_of(24, 100, &[]);
    at_prompt(&pty);
    for (turn, (rows, columns)) in [(24, 40), (5, 24), (24, 100)].into_iter().enumerate() {
        let asked = || String::from_utf8_lossy(&pty.raw()).matches("\x1b[6n").count();
        let before = asked();
        pty.resize(rows, columns);
        // A line editor asks where the cursor went; a line that is sent meanwhile would end before the answer.
        until("a question for the cursor", || (asked() > before).then_some(()));
        pty.type_line("hello again");
        // Until it was sent, the prompt that stands there is still the one before.
        assert!(sandbox.script("anthropic").wait_for(Endpoint::Chat, turn + 1, DEADLINE), "{}", pty.screen());
        pty.wait_until("the answer", |screen| screen.matches("hello again").count() >= 1);
        pty.wait_prompt();
    }
    assert_eq!(leave(pty), 0);
}
