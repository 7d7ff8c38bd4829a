//! Reading lines without a line editor: pipes, TERM=dumb. Nothing needs a terminal to work.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::seams::{Keyboard, Typed};

/// Lines longer than this are refused where they are read.
const LONGEST: usize = 1 << 20;

/// From this length on a line from a terminal may have lost its end: the driver keeps 4,096 bytes, line end included.
const TERMINAL_LINE: usize = 4095;

const CUT: &str = "That line is over 4,094 bytes. A terminal without line editor cuts such a line off, so nothing was done \
                   with it. Send it through a pipe, or use a terminal whose TERM is not dumb.";

/// Standard input, read by one thread from the first need on, so that a question can be taken back.
#[derive(Default)]
pub struct Plain {
    lines: OnceLock<Mutex<Receiver<Read>>>,
}

/// A line as it came.
struct Read {
    text: String,
    /// Its end may be missing.
    cut: bool,
}

impl Plain {
    /// Waits for a line; ends early when `stop` is set. One that was cut off is told and comes as nothing.
    pub fn line(&self, stop: Option<&AtomicBool>) -> Typed {
        let lines = self.lines.get_or_init(|| Mutex::new(read_stdin()));
        let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match lines.recv_timeout(Duration::from_millis(20)) {
                Ok(Read { cut: true, .. }) => {
                    show(&format!("{CUT}\n"));
                    return Typed::Line(String::new());
                }
                Ok(Read { text, .. }) => return Typed::Line(text),
                Err(RecvTimeoutError::Disconnected) => return Typed::End,
                Err(RecvTimeoutError::Timeout) if stop.is_some_and(|s| s.load(Ordering::SeqCst)) => {
                    return Typed::Broken;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn prompted(&self, question: &str, stop: Option<&AtomicBool>) -> Typed {
        let person = self.is_person();
        if person {
            show(question);
        }
        let typed = self.line(stop);
        if person && matches!(typed, Typed::Broken | Typed::End) {
            // The prompt's line was not ended by a key.
            show("\n");
        }
        typed
    }
}

/// Writes to stderr at once. Whoever closed it reads no prompts.
pub(super) fn show(text: &str) {
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "{text}").and_then(|()| stderr.flush());
}

fn read_stdin() -> Receiver<Read> {
    // Lines read ahead are not lost: a question of the command before takes them from the same channel.
    let (tell, lines) = channel();
    let terminal = std::io::stdin().is_terminal();
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        loop {
            let mut bytes = Vec::new();
            match std::io::Read::take(&mut stdin, LONGEST as u64).read_until(b'\n', &mut bytes) {
                Ok(0) | Err(_) => return,
                Ok(_) => {
                    let text = String::from_utf8_lossy(&bytes);
                    let text = text.trim_end_matches(['\n', '\r']).to_owned();
                    let cut = terminal && text.len() >= TERMINAL_LINE;
                    if tell.send(Read { text, cut }).is_err() {
                        return;
                    }
                }
            }
        }
    });
    lines
}

impl Keyboard for Plain {
    fn is_person(&self) -> bool {
        std::io::stdin().is_terminal()
    }

    fn ask(&self, question: &str) -> Typed {
        if self.is_person() { self.prompted(question, None) } else { Typed::Nobody }
    }

    fn ask_hidden(&self, question: &str) -> Typed {
        // Without a line editor what is typed cannot be hidden, so a terminal is not asked at all.
        if self.is_person() { Typed::Nobody } else { self.prompted(question, None) }
    }

    fn ask_paste(&self, question: &str, stop: Arc<AtomicBool>) -> Typed {
        self.prompted(question, Some(&stop))
    }

    fn put_back(&self, _text: &str) {}
}
