//! Tab and hints: what can be typed comes from the grammar, names from the index and the registry, never from the vault.

use std::sync::{Arc, Mutex, PoisonError};

use llxprt_commands::{Names, complete, hint};
use nu_ansi_term::{Color, Style};
use reedline::{Completer, CompletionResult, Hinter, History, Span, Suggestion};

use super::history::Clean;

/// The names of the moment, made anew before each prompt.
pub type Known = Arc<Mutex<Names>>;

/// Completes with Tab.
pub struct Completion(pub Known);

impl Completer for Completion {
    fn complete(&mut self, line: &str, pos: usize) -> CompletionResult {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let suggestion = |c: llxprt_commands::Candidate| Suggestion {
            value: c.text,
            description: c.description,
            span: Span::new(c.start, c.end),
            append_whitespace: c.append_space,
            ..Suggestion::default()
        };
        let suggestions: Vec<_> = complete(line, pos, &names).into_iter().map(suggestion).collect();
        CompletionResult::fresh(suggestions)
    }
}

/// Hints behind the cursor: the grammar's for a command, the newest like it for a prompt.
pub struct Hints {
    known: Known,
    current: String,
}

impl Hints {
    /// Hints that know the names of the moment.
    pub fn new(known: Known) -> Self {
        Self { known, current: String::new() }
    }
}

impl Hinter for Hints {
    fn handle(&mut self, line: &str, pos: usize, history: &dyn History, color: bool, _cwd: &str) -> String {
        self.current.clear();
        if line.is_empty() || pos < line.len() {
            return String::new();
        }
        let from_history = || Clean::newest(history, line)?.strip_prefix(line).map(str::to_owned);
        let from_grammar = || {
            let names = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            hint(line, &names)
        };
        let shown = if line.starts_with('/') { from_grammar().or_else(from_history) } else { from_history() };
        let shown = shown.unwrap_or_default();
        // A placeholder explains; only real text can be accepted.
        if !shown.contains('<') && !shown.contains('[') {
            self.current.clone_from(&shown);
        }
        match color {
            true if !shown.is_empty() => Style::new().fg(Color::DarkGray).paint(shown).to_string(),
            _ => String::new(),
        }
    }

    fn complete_hint(&self) -> String {
        self.current.clone()
    }

    fn next_hint_token(&self) -> String {
        self.current.split_inclusive(' ').next().unwrap_or_default().to_owned()
    }
}
