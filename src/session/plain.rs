//! Reading lines without a line editor: pipes, TERM=dumb. Nothing needs a terminal to work.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::seams::{Keyboard, Typed};
use crate::sys::signals::Signals;

/// Lines longer than this are refused where they are read.
const LONGEST: usize = 1 << 20;

/// From this length on a line from a terminal may have lost its end: the driver keeps 4,096 bytes, line end included.
const TERMINAL_LINE: usize = 4095;

const CUT: &str = "That line is over 4,094 bytes. A terminal without line editor cuts such a line off, so nothing was done \
                   with it. Send it through a pipe, or use a terminal whose TERM is not dumb.";

/// How long the next line of a paste may take to follow.
const FOLLOWS: Duration = Duration::from_millis(30);

/// The same in a pipe, whose writer may be slower than a terminal.
const PIPED: Duration = Duration::from_millis(250);

/// Standard input, read by one thread from the first need on, so that a question can be taken back.
pub struct Plain {
    signals: Arc<Signals>,
    /// Stdin was a terminal when the program began; one that has gone away is none any more.
    terminal: bool,
    lines: OnceLock<Mutex<Receiver<Read>>>,
    put_back: Mutex<Option<String>>,
    /// Each line is a command of its own.
    session: AtomicBool,
}

/// What was read.
enum Read {
    Line(String),
    /// A line whose end may be missing.
    Cut,
    /// The end of the input; on a terminal Ctrl-D, after which one can go on typing.
    End,
}

impl Plain {
    /// A keyboard on stdin.
    pub fn new(signals: Arc<Signals>) -> Self {
        let terminal = std::io::stdin().is_terminal();
        Self { signals, terminal, lines: OnceLock::new(), put_back: Mutex::default(), session: AtomicBool::new(false) }
    }

    /// Waits for a line of the session. One that was cut off is told and comes as nothing.
    pub fn line(&self) -> Typed {
        self.session.store(true, Ordering::SeqCst);
        self.take(&|| None)
    }

    /// Asks a person for a line of the session. A text that was put back cannot stand on the line here: it is shown
    /// above, and Enter alone takes it.
    pub fn session_line(&self, prompt: &str) -> Typed {
        let back = self.put_back.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(text) = &back {
            show(&format!("Enter alone takes this again: {text}\n"));
        }
        show(prompt);
        match (self.line(), back) {
            (Typed::Line(line), Some(text)) if line.trim().is_empty() => Typed::Line(text),
            (typed, _) => typed,
        }
    }

    /// Waits for a line; `over` says why nobody waits for it any more.
    fn take(&self, over: &dyn Fn() -> Option<Typed>) -> Typed {
        loop {
            match self.read(Duration::from_millis(20)) {
                Ok(Read::Cut) => {
                    show(&format!("{CUT}\n"));
                    return Typed::Line(String::new());
                }
                Ok(Read::Line(text)) => return Typed::Line(text),
                Ok(Read::End) | Err(RecvTimeoutError::Disconnected) => return Typed::End,
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(typed) = over() {
                        return typed;
                    }
                }
            }
        }
    }

    fn read(&self, wait: Duration) -> Result<Read, RecvTimeoutError> {
        let lines = self.lines.get_or_init(|| Mutex::new(read_stdin(self.terminal, self.signals.clone())));
        lines.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(wait)
    }

    /// Waits for the further lines of a paste: each comes as one of its own.
    fn follow(&self, mut text: String, wait: Duration) -> Typed {
        loop {
            match self.read(wait) {
                // A writer without end is not waited for.
                _ if text.len() > LONGEST => return Typed::Line(text),
                Ok(Read::Line(more)) => {
                    text.push('\n');
                    text.push_str(&more);
                }
                Ok(Read::Cut) => {
                    show(&format!("{CUT}\n"));
                    return Typed::Line(String::new());
                }
                Ok(Read::End) | Err(_) => return Typed::Line(text),
            }
        }
    }

    /// Asks a person something of which nothing may be seen, until `over`.
    fn unseen(&self, question: &str, over: &dyn Fn() -> Option<Typed>) -> Typed {
        let Some(mut unseen) = self.signals.hide_typing() else { return Typed::Nobody };
        show(question);
        match self.take(over) {
            Typed::Line(text) => self.follow(text, FOLLOWS),
            nothing => {
                // The prompt's line was not ended by a key, and what stands on it belongs to nothing any more.
                show("\n");
                unseen.forget_the_rest();
                nothing
            }
        }
    }
}

/// Writes to stderr at once. Whoever closed it reads no prompts.
pub(super) fn show(text: &str) {
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "{text}").and_then(|()| stderr.flush());
}

fn read_stdin(terminal: bool, signals: Arc<Signals>) -> Receiver<Read> {
    // Lines read ahead are not lost: a question of the command before takes them from the same channel.
    let (tell, lines) = channel();
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        loop {
            let mut bytes = Vec::new();
            let read = match std::io::Read::take(&mut stdin, LONGEST as u64).read_until(b'\n', &mut bytes) {
                Ok(0) if terminal => {
                    signals.leave_if_hung_up(None);
                    Read::End
                }
                Ok(0) => return,
                Err(e) => {
                    if terminal {
                        signals.leave_if_hung_up(Some(&e));
                    }
                    return;
                }
                Ok(_) => {
                    let text = String::from_utf8_lossy(&bytes);
                    let text = text.trim_end_matches(['\n', '\r']).to_owned();
                    if terminal && text.len() >= TERMINAL_LINE { Read::Cut } else { Read::Line(text) }
                }
            };
            if tell.send(read).is_err() {
                return;
            }
        }
    });
    lines
}

impl Keyboard for Plain {
    fn is_person(&self) -> bool {
        self.terminal
    }

    fn ask(&self, question: &str) -> Typed {
        if !self.terminal {
            return Typed::Nobody;
        }
        let busy = self.signals.busy();
        show(question);
        let typed = self.take(&|| busy.was_interrupted().then_some(Typed::Cancelled));
        if !matches!(typed, Typed::Line(_)) {
            show("\n");
        }
        typed
    }

    fn ask_hidden(&self, question: &str) -> Typed {
        if !self.terminal {
            return self.take(&|| None);
        }
        let busy = self.signals.busy();
        self.unseen(question, &|| busy.was_interrupted().then_some(Typed::Cancelled))
    }

    fn ask_paste(&self, question: &str, stop: Arc<AtomicBool>) -> Typed {
        let over = || stop.load(Ordering::SeqCst).then_some(Typed::Broken);
        if !self.terminal {
            return match self.take(&over) {
                // In a session the next line is a command.
                Typed::Line(text) if !self.session.load(Ordering::SeqCst) => self.follow(text, PIPED),
                typed => typed,
            };
        }
        match self.unseen(question, &over) {
            // A terminal that collects lines gives Esc with Enter.
            Typed::Line(text) if text.trim() == "\x1b" => Typed::Cancelled,
            typed => typed,
        }
    }

    fn forget(&self) {
        while self.read(Duration::ZERO).is_ok() {}
    }

    fn put_back(&self, text: &str) {
        *self.put_back.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_owned());
    }
}
