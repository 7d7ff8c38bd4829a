//! The prompt beside a login that waits: for a paste, or for a choice of the menu.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use tokio::sync::mpsc::UnboundedSender;

use super::race::Event;
use crate::run::Run;
use crate::seams::{Keyboard, Typed};
use crate::ui::Ui;

/// The paste prompt on a thread of its own, so that it can be taken back.
pub(super) struct PasteBox {
    ui: Ui,
    keyboard: Arc<dyn Keyboard>,
    tell: UnboundedSender<Event>,
    on: bool,
    prompt: &'static str,
    at_work: Option<(Arc<AtomicBool>, JoinHandle<bool>)>,
}

impl PasteBox {
    /// A prompt that is shown where `on`; what is typed comes as an event.
    pub(super) fn new(run: &Run, tell: UnboundedSender<Event>, on: bool, prompt: &'static str) -> Self {
        Self { ui: run.ui.clone(), keyboard: run.keyboard.clone(), tell, on, prompt, at_work: None }
    }

    /// Opens the prompt.
    pub(super) fn ask(&mut self) {
        if !self.on {
            return;
        }
        self.close();
        let stop = Arc::new(AtomicBool::new(false));
        let (keyboard, tell, signal) = (self.keyboard.clone(), self.tell.clone(), stop.clone());
        let prompt = self.prompt;
        let thread = std::thread::spawn(move || {
            let typed = keyboard.ask_paste(prompt, signal);
            let answered = typed != Typed::Broken;
            if answered {
                let _ = tell.send(Event::Typed(typed));
            }
            answered
        });
        self.at_work = Some((stop, thread));
    }

    /// Takes the prompt back and gives the terminal free.
    pub(super) fn close(&mut self) {
        if let Some((stop, thread)) = self.at_work.take() {
            stop.store(true, Ordering::SeqCst);
            if thread.join().is_ok_and(|answered| !answered) {
                self.ui.erase_prompt();
            }
        }
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
