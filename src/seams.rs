//! The effects that tests replace. The network is not among them: base URLs are data.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Tells the time, and lets it pass.
pub trait Clock: Send + Sync {
    /// Returns the wall clock in Unix milliseconds.
    fn now_millis(&self) -> i64;

    /// Returns the wall clock in Unix seconds.
    fn now(&self) -> i64 {
        self.now_millis().div_euclid(1000)
    }

    /// Waits.
    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(wait))
    }
}

/// What a person answered to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// A line.
    Line(String),
    /// Ctrl-C, or Esc.
    Cancelled,
    /// The end of the input.
    End,
    /// The question was taken back before an answer came.
    Broken,
    /// Nobody can be asked: stdin is no terminal.
    Nobody,
}

/// A person at the keyboard, or a pipe in that place. Every call blocks its thread.
pub trait Keyboard: Send + Sync {
    /// Tells whether a person can be asked.
    fn is_person(&self) -> bool;

    /// Asks for a short answer, shown as it is typed.
    fn ask(&self, question: &str) -> Typed;

    /// Asks for a secret: nothing of it is shown.
    fn ask_hidden(&self, question: &str) -> Typed;

    /// Asks for what was copied in the browser, until `stop` is set. Not shown in full and kept in no history.
    fn ask_paste(&self, question: &str, stop: Arc<AtomicBool>) -> Typed;

    /// Forgets lines that were typed and never asked for.
    fn forget(&self);

    /// Puts text back on the line of the next prompt.
    fn put_back(&self, text: &str);
}
