//! The interactive side: reads a line from the editor or a pipe, parses it once, hands it to an action.
//!
//! May ask and read; may not know what a command does.

mod completer;
mod editor;
mod greeting;
mod history;
mod menu;
mod plain;
mod prompt;

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

pub use editor::Editor;
use editor::Entered;
use llxprt_commands::{Auth, Command, Line, ParseError, carries_secret, parse, parse_piped, pasted_block};
pub use plain::Plain;

use crate::actions;
use crate::error::{Code, Failure, Next};
use crate::run::Run;
use crate::seams::Typed;
use crate::ui::Ui;

/// Runs the session of a person at the line editor. Returns the exit status.
pub fn interactive(run: &mut Run, editor: &Arc<Editor>) -> u8 {
    greeting::greet(run);
    actions::warn_of_misfits(run);
    let known = completer::Known::default();
    let over = history::Over::default();
    let (history, trouble) = history::Clean::open(&run.dirs.data.join("history"), over.clone());
    if let Some(words) = trouble {
        run.ui.warn(&words);
    }
    let mut line =
        editor.session_line(history, completer::Completion(known.clone()), completer::Hints::new(known.clone()));
    let mut last_ctrl_c: Option<Instant> = None;
    loop {
        actions::refresh(run);
        *over.lock().unwrap_or_else(PoisonError::into_inner) = run.chosen.earlier_states.clone();
        *known.lock().unwrap_or_else(PoisonError::into_inner) = actions::names(run);
        let watch = actions::renew_while_idle(run);
        let entered = line.read(editor, actions::status_line(run));
        drop(watch);
        let ctrl_c = match entered {
            Entered::Text(text) => {
                enter(run, &text);
                None
            }
            Entered::CtrlC(true) => None,
            Entered::CtrlC(false) => {
                if last_ctrl_c.is_some_and(|at| at.elapsed() < Duration::from_secs(1)) {
                    return 130;
                }
                run.ui.say("Press Ctrl+D or type /quit to leave.");
                Some(Instant::now())
            }
            Entered::CtrlD => return 0,
            Entered::Gone(words) => {
                run.ui.fail(&Failure::new(Code::Internal, format!("The terminal cannot be read: {words}.")));
                return 1;
            }
        };
        last_ctrl_c = ctrl_c;
        if run.leaving {
            return 0;
        }
    }
}

/// Does what was typed or pasted: a block in which every line is a command runs line by line. A line that fails does
/// not keep those after it from running; Ctrl+C does.
fn enter(run: &mut Run, text: &str) {
    let block = pasted_block(text);
    let lines = block.as_deref().unwrap_or(std::slice::from_ref(&text));
    for (number, line) in lines.iter().enumerate() {
        let _busy = run.signals.line();
        actions::refresh(run);
        let parsed = parse(line);
        // The corrected line waits in the history, not executed. One for the shell would be a prompt here.
        if let Some(better) = parsed.as_ref().err().and_then(|e| e.suggestions.first()).filter(|b| b.starts_with('/')) {
            run.keyboard.put_back(better);
        }
        // Of a block nobody saw which line was at work.
        let done = obey(run, line, parsed, block.is_some());
        if done.is_err_and(|failure| failure.code == Code::Cancelled) {
            return left_out(run, &lines[number + 1..]);
        }
        if run.leaving {
            return;
        }
    }
}

/// A line of a block, as it may be shown once more.
fn shown(line: &str) -> String {
    if carries_secret(line) { "A line with a key".to_owned() } else { crate::ui::clean_line(line) }
}

/// Says which lines of a block were not run.
fn left_out(run: &Run, lines: &[&str]) {
    if !lines.is_empty() {
        let lines: String = lines.iter().map(|line| format!("\n  {}", shown(line))).collect();
        run.ui.say(&format!("Not run:{lines}"));
    }
}

/// Does a line and tells what failed, in the form that the line or the whole run asked for; first in which line, where
/// that is not on the screen.
fn obey(run: &mut Run, text: &str, parsed: Result<Line, ParseError>, named: bool) -> Result<(), Failure> {
    let before = run.ui.json;
    run.ui.json |= match &parsed {
        Ok(Line::Command { json, .. }) => *json,
        Ok(Line::Prompt(_) | Line::Empty) => false,
        Err(_) => text.trim_start().starts_with('/') && text.split_whitespace().any(|word| word == "--json"),
    };
    run.ui.begin();
    let result = parsed.map_err(|e| wrong(&run.ui, &e)).and_then(|line| act(run, line));
    if let Err(failure) = &result {
        if named {
            run.ui.say(&format!("{}:", shown(text)));
        }
        run.ui.fail(failure);
    }
    run.ui.json = before;
    result
}

fn act(run: &mut Run, line: Line) -> Result<(), Failure> {
    match line {
        Line::Empty => Ok(()),
        Line::Command { command, json: _ } => {
            actions::perform(run, command.clone()).map_err(|failure| mended(run, command, failure))
        }
        Line::Prompt(text) if answers_late(run, &text) => {
            Err(Failure::new(Code::State, "That answers a sign-in that is over. It was sent nowhere."))
        }
        Line::Prompt(text) => actions::prompt(run, &text),
    }
}

/// Tells whether a line is what was meant for the paste prompt of a login that has ended meanwhile.
fn answers_late(run: &Run, text: &str) -> bool {
    run.chosen.earlier_states.iter().any(|state| text.contains(state))
}

/// Adds the command that was probably meant, where a provider's name was mistyped. It waits on the line, not executed.
pub fn mended(run: &Run, command: Command, failure: Failure) -> Failure {
    let Command::Auth(Auth { provider: Some(name), action }) = command else { return failure };
    let near = (failure.code == Code::Provider).then(|| run.nearest(&name)).flatten();
    let Some(provider) = near.cloned() else { return failure };
    let better = Command::Auth(Auth { provider: Some(provider), action });
    run.keyboard.put_back(&better.to_string());
    failure.then(better)
}

/// The failure of a line that was not understood, with what was perhaps meant, else with the form that came nearest.
pub fn wrong(ui: &Ui, error: &ParseError) -> Failure {
    let ParseError { message, suggestions, usage } = error;
    let mut failure = Failure::new(Code::Usage, message.clone());
    let form = usage.iter().filter(|_| suggestions.is_empty() || !ui.session).map(|form| Next::Form(form.clone()));
    failure.next = suggestions.iter().map(|line| Next::Shell(line.clone())).chain(form).take(3).collect();
    failure
}

/// Runs the lines of a pipe, or of a terminal without editor, as if typed. Returns the exit status.
pub fn plain(run: &mut Run, keyboard: &Plain) -> u8 {
    let person = run.ui.session && crate::seams::Keyboard::is_person(keyboard);
    if person {
        greeting::greet(run);
    }
    actions::warn_of_misfits(run);
    let mut status = 0;
    loop {
        actions::refresh(run);
        let watch = if person { actions::renew_while_idle(run) } else { None };
        let typed = if person { keyboard.session_line(&actions::status_line(run)) } else { keyboard.line() };
        drop(watch);
        let Typed::Line(line) = typed else {
            if person {
                plain::show("\n");
            }
            return status;
        };
        let _busy = person.then(|| run.signals.line());
        let parsed = if person { parse(&line) } else { parse_piped(&line) };
        if let Err(failure) = obey(run, &line, parsed, false) {
            status = if person { 0 } else { failure.code.exit() };
            if !person && !run.flags.keep_going {
                return status;
            }
        }
        if run.leaving {
            return status;
        }
    }
}
