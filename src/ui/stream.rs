//! An answer as it comes: cleaned, written at once, and kept for the conversation.

use std::io::Write as _;

use super::Cleaner;

/// An answer that is being shown.
#[derive(Debug)]
pub struct Answer {
    cleaner: Cleaner,
    text: String,
    shown: bool,
    show: bool,
    terminal: bool,
    reasoning: bool,
}

impl Answer {
    pub(super) fn new(show: bool, terminal: bool) -> Self {
        Self { cleaner: Cleaner::default(), text: String::new(), shown: false, show, terminal, reasoning: false }
    }

    /// Shows a piece of the answer.
    pub fn text(&mut self, piece: &str) {
        self.text.push_str(piece);
        let mut clean = String::with_capacity(piece.len() + 1);
        self.end_reasoning("\n\n");
        self.cleaner.feed(piece, &mut clean);
        self.put(&clean);
    }

    /// Shows what the model says of its reasoning, dimmed. It is no part of the answer: where stdout is no terminal, it
    /// goes to stderr.
    pub fn reasoning(&mut self, piece: &str) {
        let mut clean = String::new();
        self.cleaner.feed(piece, &mut clean);
        self.reasoning = true;
        self.aside(&format!("{}{clean}{:#}", super::DIM, super::DIM));
    }

    fn end_reasoning(&mut self, with: &str) {
        if std::mem::take(&mut self.reasoning) {
            self.aside(with);
        }
    }

    fn aside(&mut self, text: &str) {
        if self.terminal {
            return self.put(text);
        }
        self.shown = true;
        if self.show {
            let mut stream = anstream::stderr();
            super::beside(stream.write_all(text.as_bytes()).and_then(|()| stream.flush()));
        }
    }

    fn put(&mut self, text: &str) {
        if !text.is_empty() {
            self.shown = true;
            if self.show {
                let mut stream = anstream::stdout();
                super::after(stream.write_all(text.as_bytes()).and_then(|()| stream.flush()), self.terminal);
            }
        }
    }

    /// Tells whether a person has seen something of it.
    pub fn shown(&self) -> bool {
        self.shown
    }

    /// Ends the line and returns what came, as the provider sent it.
    pub fn end(mut self) -> String {
        self.end_reasoning("\n");
        if self.shown && !self.text.is_empty() && !self.text.ends_with('\n') {
            self.put("\n");
        }
        std::mem::take(&mut self.text)
    }
}
