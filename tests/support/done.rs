//! What a finished process left: both streams and how it ended, as one block for inline snapshots.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this status.
    Exit(i32),
    /// By a signal; its number.
    Signal(i32),
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        status.code().map_or_else(|| Self::Signal(status.signal().unwrap_or(0)), Self::Exit)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exit {code}"),
            Self::Signal(number) => write!(f, "signal {number}"),
        }
    }
}

/// A finished process.
#[must_use = "snapshot the block, or assert on the status"]
#[derive(Debug, Clone)]
pub struct Done {
    /// The answer.
    pub stdout: String,
    /// Everything else.
    pub stderr: String,
    /// The end.
    pub ended: Ended,
}

impl Done {
    /// Returns the exit status; panics where a signal ended the process.
    pub fn status(&self) -> i32 {
        match self.ended {
            Ended::Exit(code) => code,
            Ended::Signal(_) => panic!("ended by a signal:\n{self}"),
        }
    }

    /// Asserts status 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.ended, Ended::Exit(0), "\n{self}");
        self
    }

    /// Asserts this status.
    #[track_caller]
    pub fn exit(self, status: i32) -> Self {
        assert_eq!(self.ended, Ended::Exit(status), "\n{self}");
        self
    }

    /// Reads stdout as one JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(e) => panic!("stdout is not one JSON document ({e}):\n{self}"),
        }
    }

    /// Replaces what differs from run to run (ports, times, codes) by a constant name.
    pub fn named(mut self, from: &str, to: &str) -> Self {
        self.stdout = self.stdout.replace(from, to);
        self.stderr = self.stderr.replace(from, to);
        self
    }
}

impl fmt::Display for Done {
    /// Writes stdout, then stderr below its rule if there is any, then the end; a missing last newline is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        part(f, &self.stdout)?;
        if !self.stderr.is_empty() {
            writeln!(f, "--- stderr")?;
            part(f, &self.stderr)?;
        }
        write!(f, "--- {}", self.ended)
    }
}

fn part(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str(text)?;
    if text.is_empty() || text.ends_with('\n') { Ok(()) } else { f.write_str("[no newline]\n") }
}
