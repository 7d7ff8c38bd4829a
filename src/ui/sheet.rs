//! With `--json`, what one line of input has put on stdout and said beside it: in the end it is exactly one document.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use llxprt_commands::{Command, redact};
use serde_json::json;

use super::Ui;

/// What is known of the line that is being done; all clones of a screen share it.
#[derive(Debug, Clone, Default)]
pub struct Sheet(Arc<Mutex<Page>>);

#[derive(Debug, Default)]
struct Page {
    printed: bool,
    said: Vec<String>,
}

impl Sheet {
    fn page(&self) -> MutexGuard<'_, Page> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the next line.
    fn clear(&self) {
        *self.page() = Page::default();
    }

    /// Notes a document; tells whether it is the first.
    pub(super) fn print(&self) -> bool {
        !std::mem::replace(&mut self.page().printed, true)
    }

    /// Keeps a sentence that was said, without its styles.
    pub(super) fn say(&self, text: &str) {
        let plain = anstream::adapter::strip_str(text).to_string();
        let plain = plain.trim();
        if !plain.is_empty() {
            self.page().said.push(plain.to_owned());
        }
    }
}

impl Ui {
    /// Begins a line of input: what was shown before belongs to none.
    pub fn begin(&self) {
        self.sheet.clear();
    }

    /// Ends a command that succeeded. One that had nothing to show but changed something says so in a document.
    pub fn done(&self, command: &Command) {
        if !self.json || self.sheet.page().printed {
            return;
        }
        let said: Vec<String> = self.sheet.page().said.iter().map(|words| redact(words)).collect();
        let command = redact(command.to_string().trim_start_matches('/'));
        let mut document = json!({ "schema": "llxprt.done.v1", "command": command, "said": said });
        self.hidden.clean_json(&mut document);
        self.document(&document);
    }
}
