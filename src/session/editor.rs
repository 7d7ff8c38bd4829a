//! The line editor on a terminal: the prompt of the session, and the small prompts of questions, secrets and pastes.

use std::io::Write as _;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reedline::{
    EditCommand, Emacs, Highlighter, KeyCode, KeyModifiers, Reedline, ReedlineEvent, ReedlineMenu, Signal, StyledText,
    default_emacs_keybindings,
};
use unicode_width::UnicodeWidthStr as _;

use super::completer::{Completion, Hints};
use super::history::Clean;
use super::menu::Offers;
use super::prompt::Status;
use crate::seams::{Keyboard, Typed};
use crate::secret::Secret;
use crate::sys::signals::Signals;

/// How fast a question that is taken back gives the terminal free.
const POLL: Duration = Duration::from_millis(15);
/// How long the next line of a paste may take to follow, where the terminal does not mark pastes.
const FOLLOWS: Duration = Duration::from_millis(30);

/// The person at the terminal.
pub struct Editor {
    signals: Arc<Signals>,
    color: bool,
    put_back: Mutex<Option<String>>,
    /// What was on the paste prompt when it was taken back, for the same prompt (told by its mark) when it is shown
    /// again.
    half: Mutex<Option<(Arc<AtomicBool>, Secret)>>,
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
        Self { signals, color, put_back: Mutex::default(), half: Mutex::default() }
    }

    /// Makes the editor of the session's prompt.
    pub fn session_line(&self, history: Option<Clean>, completion: Completion, hints: Hints) -> SessionLine {
        let seen = Arc::<Mutex<Shown>>::default();
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
        let mut line = Reedline::create()
            .use_bracketed_paste(true)
            .with_ansi_colors(self.color)
            .with_edit_mode(Box::new(Emacs::new(keys)))
            .with_completer(Box::new(completion))
            .with_quick_completions(true)
            .with_partial_completions(true)
            .with_menu(ReedlineMenu::EngineCompleter(Box::new(Offers::new("completion"))))
            .with_hinter(Box::new(hints))
            .with_highlighter(Box::new(Seen { seen: seen.clone(), hide: false }));
        if let Some(history) = history {
            line = line.with_history(Box::new(history));
        }
        SessionLine { line, seen }
    }

    fn small(&self, hide: bool, stop: Option<Arc<AtomicBool>>, seen: Arc<Mutex<Shown>>) -> Reedline {
        let mut keys = default_emacs_keybindings();
        keys.add_binding(KeyModifiers::NONE, KeyCode::Esc, ReedlineEvent::CtrlC);
        if stop.is_some() {
            // A line feed of an unmarked paste; as Enter it would take everything behind it away.
            let newline = ReedlineEvent::Edit(vec![EditCommand::InsertNewline]);
            keys.add_binding(KeyModifiers::CONTROL, KeyCode::Char('j'), newline);
        }
        let line = Reedline::create()
            .use_bracketed_paste(true)
            .with_ansi_colors(self.color)
            .with_poll_interval(POLL)
            .with_edit_mode(Box::new(Emacs::new(keys)))
            .with_highlighter(Box::new(Seen { seen, hide }));
        match stop {
            Some(stop) => line.with_break_signal(stop),
            None => line,
        }
    }

    fn signal(&self, line: &mut Reedline, question: &str) -> std::io::Result<Signal> {
        self.signals.set_raw(true);
        let read = line.read_line(&Status(question.to_owned()));
        self.signals.set_raw(false);
        self.not_hung_up(&read);
        read
    }

    /// An error, and an end of input too, may be that of a terminal that is gone; then nothing goes on.
    fn not_hung_up(&self, read: &std::io::Result<Signal>) {
        match read {
            Err(e) => self.signals.leave_if_hung_up(Some(e)),
            Ok(Signal::CtrlD) => self.signals.leave_if_hung_up(None),
            Ok(_) => {}
        }
    }

    fn read(&self, mut line: Reedline, question: &str) -> Typed {
        match self.signal(&mut line, question) {
            Ok(Signal::Success(text)) => Typed::Line(text),
            Ok(Signal::CtrlC) => Typed::Cancelled,
            Ok(Signal::CtrlD) | Err(_) => Typed::End,
            Ok(_) => Typed::Broken,
        }
    }

    /// Tells whether more of an unmarked paste waits: a line end in it looked like Enter.
    fn more_follows(&self) -> bool {
        if crossterm::terminal::enable_raw_mode().is_err() {
            return false;
        }
        self.signals.set_raw(true);
        let more = crossterm::event::poll(FOLLOWS).unwrap_or(false);
        self.signals.set_raw(false);
        // The editor switches it on again for the next line.
        let _ = crossterm::terminal::disable_raw_mode();
        more
    }
}

impl Keyboard for Editor {
    fn is_person(&self) -> bool {
        true
    }

    fn ask(&self, question: &str) -> Typed {
        self.read(self.small(false, None, Arc::default()), question)
    }

    fn ask_hidden(&self, question: &str) -> Typed {
        self.read(self.small(true, None, Arc::default()), question)
    }

    fn ask_paste(&self, question: &str, stop: Arc<AtomicBool>) -> Typed {
        let shown = Arc::<Mutex<Shown>>::default();
        let mut line = self.small(true, Some(stop.clone()), shown.clone());
        let mut half = self.half.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, text)) = half.take().filter(|(whose, _)| Arc::ptr_eq(whose, &stop)) {
            line.run_edit_commands(&[EditCommand::InsertString(text.expose().to_owned())]);
        }
        drop(half);
        let (mut pasted, mut question) = (String::new(), question);
        loop {
            match self.signal(&mut line, question) {
                Ok(Signal::Success(text)) => {
                    pasted.push_str(&text);
                    if !self.more_follows() {
                        return Typed::Line(pasted);
                    }
                    pasted.push('\n');
                    question = "";
                }
                Ok(Signal::CtrlC) => return Typed::Cancelled,
                Ok(Signal::CtrlD) | Err(_) => return Typed::End,
                Ok(Signal::ExternalBreak(text)) => {
                    shown.lock().unwrap_or_else(PoisonError::into_inner).erase(question);
                    let text = Secret::new(pasted + &text);
                    *self.half.lock().unwrap_or_else(PoisonError::into_inner) = Some((stop, text));
                    return Typed::Broken;
                }
                Ok(_) => return Typed::Broken,
            }
        }
    }

    /// Reads nothing that it is not asked for.
    fn forget(&self) {}

    fn put_back(&self, text: &str) {
        *self.put_back.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_owned());
    }
}

/// The prompt of the session.
pub struct SessionLine {
    line: Reedline,
    seen: Arc<Mutex<Shown>>,
}

impl SessionLine {
    /// Reads a line, or a pasted block, with what was put back already on it.
    pub fn read(&mut self, editor: &Editor, prompt: String) -> Entered {
        let back = editor.put_back.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(text) = back {
            self.line.run_edit_commands(&[EditCommand::Clear, EditCommand::InsertString(text)]);
        }
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Shown::default();
        editor.signals.set_raw(true);
        let read = self.line.read_line(&Status(prompt));
        editor.signals.set_raw(false);
        editor.not_hung_up(&read);
        match read {
            Ok(Signal::Success(text)) => {
                let _ = self.line.sync_history();
                // A paste may bring control characters along.
                Entered::Text(crate::ui::clean(&text))
            }
            Ok(Signal::CtrlC) => {
                let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                Entered::CtrlC(!seen.line.trim().is_empty())
            }
            Ok(Signal::CtrlD) => Entered::CtrlD,
            Ok(_) => Entered::Text(String::new()),
            Err(e) => Entered::Gone(e.to_string()),
        }
    }
}

/// What stands on the line, and where in it the cursor is.
#[derive(Default)]
struct Shown {
    line: String,
    cursor: usize,
}

impl Shown {
    /// Takes prompt and line away: whoever writes next begins where the prompt began.
    fn erase(&self, question: &str) {
        let columns = crate::ui::columns();
        let above = match self.rows_above(question, columns) {
            0 => String::new(),
            rows => format!("\x1b[{rows}A"),
        };
        let mut stdout = std::io::stdout();
        // A terminal that is gone is noticed by whoever writes next.
        let _ = write!(stdout, "\r{above}\x1b[J").and_then(|()| stdout.flush());
    }

    /// Counts the rows of the screen between the prompt's first and the cursor's.
    fn rows_above(&self, question: &str, columns: usize) -> usize {
        let before = self.line.get(..self.cursor).unwrap_or(&self.line);
        let lines = before.split('\n').enumerate().map(|(number, line)| {
            let lead = if number == 0 { question.width() } else { super::prompt::CONTINUED.width() };
            (lead + line.width()) / columns
        });
        lines.sum::<usize>() + before.matches('\n').count()
    }
}

/// Sees each state of the line, and hides what must not be read over a shoulder.
struct Seen {
    seen: Arc<Mutex<Shown>>,
    hide: bool,
}

impl Highlighter for Seen {
    fn highlight(&self, line: &str, cursor: usize) -> StyledText {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Shown { line: line.to_owned(), cursor };
        let star = |c: char| if c == '\n' { c } else { '*' };
        let hidden = self.hide && line.chars().count() > 1;
        let shown = if hidden { line.chars().map(star).collect() } else { line.to_owned() };
        let mut text = StyledText::new();
        text.push((nu_ansi_term::Style::new(), shown));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Shown;

    #[test]
    fn the_rows_of_a_prompt_are_counted_to_the_cursor() {
        let rows = |line: &str, cursor| Shown { line: line.into(), cursor }.rows_above("paste › ", 20);
        assert_eq!([rows("", 0), rows("12345678901", 11), rows("123456789012", 12)], [0, 0, 1]);
        assert_eq!(rows(&"x".repeat(150), 150), 7);
        assert_eq!(rows(&"x".repeat(150), 3), 0);
        assert_eq!(rows("one\ntwo\nthree", 13), 2);
    }
}
