//! The prompt beside a login that waits: for a paste, or for a choice of the menu.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::race::Event;
use crate::run::Run;
use crate::seams::{Keyboard, Typed};
use crate::sys::signals::Unseen;
use crate::ui::times;

/// How often a plain screen hears that a login waits.
pub(super) const STILL: Duration = Duration::from_secs(30);

/// The paste prompt on a thread of its own, so that it can be taken back.
pub(super) struct PasteBox {
    keyboard: Arc<dyn Keyboard>,
    tell: UnboundedSender<Event>,
    on: bool,
    question: String,
    /// Takes the prompt back; one and the same for the whole login, by which the keyboard knows what it had begun.
    stop: Arc<AtomicBool>,
    at_work: Option<JoinHandle<()>>,
    /// For as long as the login goes on: a paste may come while nobody asks for one.
    unseen: Option<Unseen>,
}

impl Drop for PasteBox {
    /// What was typed since the last answer belongs to a login that is over.
    fn drop(&mut self) {
        self.close();
        if let Some(mut unseen) = self.unseen.take() {
            unseen.forget_the_rest();
            drop(unseen);
            self.keyboard.forget();
        }
    }
}

impl PasteBox {
    /// A prompt that is shown where `on`; what is typed comes as an event.
    pub(super) fn new(run: &Run, tell: UnboundedSender<Event>, on: bool, word: &str) -> Self {
        let question = format!("{word}{} ", if run.ui.plain { ">" } else { " ›" });
        let keyboard = run.keyboard.clone();
        let unseen = if on && keyboard.is_person() { run.signals.hide_typing() } else { None };
        Self { keyboard, tell, on, question, stop: Arc::default(), at_work: None, unseen }
    }

    /// Opens the prompt.
    pub(super) fn ask(&mut self) {
        if !self.on {
            return;
        }
        self.close();
        self.stop.store(false, Ordering::SeqCst);
        let (keyboard, tell, stop) = (self.keyboard.clone(), self.tell.clone(), self.stop.clone());
        let question = self.question.clone();
        self.at_work = Some(std::thread::spawn(move || {
            let typed = keyboard.ask_paste(&question, stop);
            if typed != Typed::Broken {
                let _ = tell.send(Event::Typed(typed));
            }
        }));
    }

    /// Takes the prompt back and gives the terminal free.
    pub(super) fn close(&mut self) {
        if let Some(thread) = self.at_work.take() {
            self.stop.store(true, Ordering::SeqCst);
            let _ = thread.join();
        }
    }

    /// Says that the login waits, without taking away what a plain terminal has of an answer.
    pub(super) fn still(&mut self, run: &Run, until: i64) {
        let words = format!("Still waiting, until {}. Ctrl+C cancels.", times::at(run.now(), until));
        if run.ui.editor {
            return self.above(|| run.ui.say(&words));
        }
        if self.at_work.is_none() || !self.keyboard.is_person() {
            return run.ui.say(&words);
        }
        run.ui.say(&format!("\n{words}"));
        let mut stderr = std::io::stderr();
        // Whoever closed it reads no prompts.
        let _ = write!(stderr, "{}", self.question).and_then(|()| stderr.flush());
    }

    /// Says something above the prompt.
    pub(super) fn above(&mut self, say: impl FnOnce()) {
        let open = self.at_work.is_some();
        self.close();
        say();
        if open {
            self.ask();
        }
    }
}
