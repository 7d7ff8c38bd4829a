//! The line editor on a terminal: the prompt of the session, and the small prompts of questions, secrets and pastes.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reedline::{
    ColumnarMenu, EditCommand, Emacs, Highlighter, KeyCode, KeyModifiers, MenuBuilder as _, Reedline, ReedlineEvent,
    ReedlineMenu, Signal, StyledText, default_emacs_keybindings,
};

use super::completer::{Completion, Hints};
use super::history::Clean;
use super::prompt::Status;
use crate::seams::{Keyboard, Typed};
use crate::sys::signals::Signals;

/// How fast a question that is taken back gives the terminal free.
const POLL: Duration = Duration::from_millis(15);

/// The person at the terminal.
pub struct Editor {
    signals: Arc<Signals>,
    color: bool,
    put_back: Mutex<Option<String>>,
}

/// What came from the session's prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entered {
    /// A line, or a pasted block.
    Text(String),
    /// Ctrl-C; whether there was something on the line.
    CtrlC(bool),
    /// Ctrl-D on an empty line.
    CtrlD,
    /// The terminal is gone.
    Gone(String),
}

impl Editor {
    /// A keyboard on this terminal.
    pub fn new(signals: Arc<Signals>, color: bool) -> Self {
        Self { signals, color, put_back: Mutex::new(None) }
    }

    /// Makes the editor of the session's prompt.
    pub fn session_line(&self, history: Option<Clean>, completion: Completion, hints: Hints) -> SessionLine {
        let seen = Arc::new(Mutex::new(String::new()));
        let mut keys = default_emacs_keybindings();
        keys.add_binding(
            KeyModifiers::NONE,
            KeyCode::Tab,
            ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu("completion".into()), ReedlineEvent::MenuNext]),
        );
        keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
        for (modifier, key) in [(KeyModifiers::ALT, KeyCode::Enter), (KeyModifiers::CONTROL, KeyCode::Char('j'))] {
            keys.add_binding(modifier, key, ReedlineEvent::Edit(vec![EditCommand::InsertNewline]));
        }
        let menu = ColumnarMenu::default().with_name("completion").with_columns(1).with_marker("");
        let mut line = Reedline::create()
            .use_bracketed_paste(true)
            .with_ansi_colors(self.color)
            .with_edit_mode(Box::new(Emacs::new(keys)))
            .with_completer(Box::new(completion))
            .with_quick_completions(true)
            .with_partial_completions(true)
            .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
            .with_hinter(Box::new(hints))
            .with_highlighter(Box::new(Seen { seen: seen.clone(), hide: false }));
        if let Some(history) = history {
            line = line.with_history(Box::new(history));
        }
        SessionLine { line, seen }
    }

    fn small(&self, hide: bool, stop: Option<Arc<AtomicBool>>) -> Reedline {
        let mut keys = default_emacs_keybindings();
        keys.add_binding(KeyModifiers::NONE, KeyCode::Esc, ReedlineEvent::CtrlC);
        let line = Reedline::create()
            .use_bracketed_paste(true)
            .with_ansi_colors(self.color)
            .with_poll_interval(POLL)
            .with_edit_mode(Box::new(Emacs::new(keys)))
            .with_highlighter(Box::new(Seen { seen: Arc::default(), hide }));
        match stop {
            Some(stop) => line.with_break_signal(stop),
            None => line,
        }
    }

    fn read(&self, mut line: Reedline, question: &str) -> Typed {
        self.signals.set_raw(true);
        let read = line.read_line(&Status(question.to_owned()));
        self.signals.set_raw(false);
        match read {
            Ok(Signal::Success(text)) => Typed::Line(text),
            Ok(Signal::CtrlC) => Typed::Cancelled,
            Ok(Signal::CtrlD) | Err(_) => Typed::End,
            Ok(_) => Typed::Broken,
        }
    }
}

impl Keyboard for Editor {
    fn is_person(&self) -> bool {
        true
    }

    fn ask(&self, question: &str) -> Typed {
        self.read(self.small(false, None), question)
    }

    fn ask_hidden(&self, question: &str) -> Typed {
        self.read(self.small(true, None), question)
    }

    fn ask_paste(&self, question: &str, stop: Arc<AtomicBool>) -> Typed {
        self.read(self.small(true, Some(stop)), question)
    }

    fn put_back(&self, text: &str) {
        *self.put_back.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_owned());
    }
}

/// The prompt of the session.
pub struct SessionLine {
    line: Reedline,
    seen: Arc<Mutex<String>>,
}

impl SessionLine {
    /// Reads a line, or a pasted block, with what was put back already on it.
    pub fn read(&mut self, editor: &Editor, prompt: String) -> Entered {
        let back = editor.put_back.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(text) = back {
            self.line.run_edit_commands(&[EditCommand::Clear, EditCommand::InsertString(text)]);
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clear();
        editor.signals.set_raw(true);
        let read = self.line.read_line(&Status(prompt));
        editor.signals.set_raw(false);
        match read {
            Ok(Signal::Success(text)) => {
                let _ = self.line.sync_history();
                // A paste may bring control characters along.
                Entered::Text(crate::ui::clean(&text))
            }
            Ok(Signal::CtrlC) => {
                let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                Entered::CtrlC(!seen.trim().is_empty())
            }
            Ok(Signal::CtrlD) => Entered::CtrlD,
            Ok(_) => Entered::Text(String::new()),
            Err(e) => Entered::Gone(e.to_string()),
        }
    }
}

/// Sees each state of the line, and hides what must not be read over a shoulder.
struct Seen {
    seen: Arc<Mutex<String>>,
    hide: bool,
}

impl Highlighter for Seen {
    fn highlight(&self, line: &str, _cursor: usize) -> StyledText {
        line.clone_into(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        let shown = if self.hide && line.chars().count() > 1 { "*".repeat(line.chars().count()) } else { line.into() };
        let mut text = StyledText::new();
        text.push((nu_ansi_term::Style::new(), shown));
        text
    }
}
