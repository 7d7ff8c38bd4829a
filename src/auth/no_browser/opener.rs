//! What opens a link: the system's own way, or commands that the user named. Never a shell.

use super::System;

/// Names that stand for "none": words people put there, and browsers that need the terminal we sit in.
const NO_WINDOW: [&str; 19] = [
    "none",
    "false",
    "true",
    "echo",
    ":",
    "no",
    "off",
    "disabled",
    "www-browser",
    "lynx",
    "links",
    "links2",
    "elinks",
    "w3m",
    "browsh",
    "carbonyl",
    "cha",
    "netrik",
    "edbrowse",
];

/// What opens a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opener {
    /// What the system opens links with.
    System,
    /// These, in order, until one starts.
    Commands(Vec<Candidate>),
}

/// A program with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The program, a name or a path.
    pub program: String,
    /// Its arguments; `%s` in one stands for the link.
    args: Vec<String>,
}

impl Candidate {
    /// Splits a command at blanks; quotes hold words together and nothing else is special. Nothing for a blank one.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
        for c in text.chars() {
            match quote {
                Some(q) if c == q => quote = None,
                Some(_) => word.get_or_insert_default().push(c),
                None if c == '"' || c == '\'' => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                None if c.is_whitespace() => words.extend(word.take()),
                None => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty())?;
        Some(Self { program, args: words.collect() })
    }

    /// Returns the arguments for a link: in the place of each `%s`, else at the end. `%%` is a percent sign.
    pub fn arguments(&self, link: &str) -> Vec<String> {
        let mut placed = false;
        let mut arguments: Vec<String> = self.args.iter().map(|word| fill(word, link, &mut placed)).collect();
        if !placed {
            arguments.push(link.to_owned());
        }
        arguments
    }

    /// The name of the program without folder and `.exe`.
    fn name(&self) -> String {
        let name = self.program.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
        name.strip_suffix(".exe").map(str::to_owned).unwrap_or(name)
    }
}

/// Fills one word. One walk, so that a `%s` inside the link stays what it is.
fn fill(word: &str, link: &str, placed: &mut bool) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        rest = match (after.strip_prefix('s'), after.strip_prefix('%')) {
            (Some(after), _) => {
                *placed = true;
                out.push_str(link);
                after
            }
            (None, Some(after)) => {
                out.push('%');
                after
            }
            (None, None) => {
                out.push('%');
                after
            }
        };
    }
    out + rest
}

/// What the variable `BROWSER` comes to.
pub(super) enum Named {
    /// It is there and blank.
    Nothing,
    /// It names none that opens a window; the first name in it.
    NoWindow(String),
    /// Commands that open one.
    Commands(Vec<Candidate>),
}

/// Reads a list of commands, separated as paths are on the system.
pub(super) fn browser_variable(text: &str, system: System) -> Named {
    let separator = if system == System::Windows { ';' } else { ':' };
    let (windows, others): (Vec<_>, Vec<_>) = text
        .split(separator)
        .filter_map(Candidate::parse)
        .partition(|candidate| !NO_WINDOW.contains(&candidate.name().as_str()));
    match (windows.is_empty(), others.into_iter().next()) {
        (false, _) => Named::Commands(windows),
        (true, Some(other)) => Named::NoWindow(other.name()),
        (true, None) => Named::Nothing,
    }
}
