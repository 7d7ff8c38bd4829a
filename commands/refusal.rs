//! Why a line was not understood, in sentences.

use std::fmt;

/// A line that is not a command: what is wrong with it, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong, in one or two sentences.
    pub message: String,
    /// Whole lines that were perhaps meant, best first; each parses where it is meant to be typed.
    pub suggestions: Vec<String>,
    /// The form of the command that came nearest.
    pub usage: Option<String>,
}

impl ParseError {
    /// An error with nothing to suggest.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), suggestions: Vec::new(), usage: None }
    }

    /// Adds a line that was perhaps meant.
    pub(crate) fn suggest(mut self, line: impl Into<String>) -> Self {
        self.suggestions.push(line.into());
        self
    }

    /// Adds the form of the command.
    pub(crate) fn usage(mut self, usage: impl Into<String>) -> Self {
        self.usage = Some(usage.into());
        self
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParseError {}
