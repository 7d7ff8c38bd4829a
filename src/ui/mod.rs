//! Everything that reaches the terminal: answers and data to stdout, the rest to stderr, JSON, links, failures.
//!
//! May print and measure the terminal; may not ask, read files, or decide what is said.

mod carry;
mod clean;
mod leave;
mod sheet;
mod stream;
pub mod times;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use anstyle::{AnsiColor, Effects, Style};
pub use clean::{Cleaner, clean, clean_line};
pub use leave::leave_by;
use llxprt_commands::{ColorWhen, Command};
use serde::Serialize;
use serde_json::json;
pub use sheet::Sheet;
pub use stream::Answer;
use url::Url;

use crate::error::{Code, Failure, Next};
use crate::secret::Hidden;

/// How this run shows things, decided once.
#[derive(Debug, Clone)]
pub struct Ui {
    /// A person types commands after a prompt: `/auth`, not `llxprt auth`.
    pub session: bool,
    /// stdin and stdout are terminals and the line editor runs.
    pub editor: bool,
    /// stdout is a terminal.
    pub terminal: bool,
    /// Sentences and ASCII in place of tables and marks.
    pub plain: bool,
    /// The terminal shows OSC 8 links.
    pub links: bool,
    /// One JSON document on stdout.
    pub json: bool,
    /// Say less.
    pub quiet: bool,
    /// Say more.
    pub verbose: bool,
    /// The secrets of this run, in no sentence whoever wrote it.
    pub hidden: Arc<Hidden>,
    /// `--sandbox` or `--sandbox=URL` as it was given: without it a suggested command line would reach the real
    /// providers.
    pub sandbox: Option<String>,
    /// With `--json`: what the line of input that is being done has shown so far.
    pub sheet: Sheet,
}

const DIM: Style = Style::new().effects(Effects::DIMMED);
/// Exit status of a process whose stdout was closed: 128 and SIGPIPE.
const CLOSED: i32 = 141;
const WARN: Style = AnsiColor::Yellow.on_default();

impl Ui {
    /// Sets colours for the whole run: `--color`, then the environment by the conventions that anstream keeps.
    pub fn set_color(when: ColorWhen, plain: bool) {
        let choice = match when {
            ColorWhen::Always => anstream::ColorChoice::Always,
            ColorWhen::Never => anstream::ColorChoice::Never,
            ColorWhen::Auto if plain => anstream::ColorChoice::Never,
            ColorWhen::Auto => anstream::ColorChoice::Auto,
        };
        choice.write_global();
    }

    /// Writes data, one or more whole lines, to stdout.
    pub fn data(&self, text: &str) {
        if !self.json {
            self.out(&self.marks(text.strip_suffix('\n').unwrap_or(text)));
        }
    }

    /// Writes data that are sentences: broken at blanks where the terminal would break words.
    pub fn prose(&self, text: &str) {
        self.data(&self.wrapped(text));
    }

    /// Says something beside the data: on the terminal in a session, else on stderr.
    pub fn say(&self, text: &str) {
        let text = self.hidden.clean(text);
        if self.json {
            self.sheet.say(&text);
        }
        self.beside(&text);
    }

    fn beside(&self, text: &str) {
        let text = self.wrapped(&self.marks(text));
        match !self.json && self.editor {
            true => self.out(&text),
            false => beside(put(anstream::stderr(), &text)),
        }
    }

    /// Returns a text with its marks as they are shown here: in ASCII in plain mode.
    pub fn marks<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.plain && !text.is_ascii() {
            true => text.replace(" · ", ", ").replace('…', "...").replace('→', "->").into(),
            false => text.into(),
        }
    }

    /// Breaks prose at blanks where the terminal would break words; a link is one word and stays whole.
    fn wrapped(&self, text: &str) -> String {
        let width = self.width();
        let fits = |line: &&str| unicode_width::UnicodeWidthStr::width(*line) <= width;
        if text.lines().all(|line| fits(&line)) {
            return text.to_owned();
        }
        let wrap = |line: &str| {
            let indent = &line[..line.len() - line.trim_start().len()];
            let options = textwrap::Options::new(width)
                .break_words(false)
                .word_splitter(textwrap::WordSplitter::NoHyphenation)
                .word_separator(textwrap::WordSeparator::AsciiSpace)
                .subsequent_indent(indent);
            textwrap::fill(line, options)
        };
        // What is to be copied is left to the terminal, which copies it whole.
        let code = format!("{DIM}E-");
        let command = |line: &str| {
            let typed = line.strip_prefix("  ").filter(|rest| rest.starts_with("llxprt ") || rest.starts_with('/'));
            typed.is_some_and(|typed| typed.split_once("  ").is_none_or(|(_, rest)| rest.starts_with(&code)))
        };
        text.split('\n')
            .map(|line| if fits(&line) || command(line) { line.to_owned() } else { wrap(line) })
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Returns what can be typed for something: on one line where that fits, else each on its own.
    pub fn choice(&self, what_for: &str, next: &[String], between: &str) -> String {
        let line = format!("{what_for}{}", next.join(between));
        match unicode_width::UnicodeWidthStr::width(line.as_str()) <= self.width() {
            true => line,
            false => format!("{}\n  {}", what_for.trim_end(), next.join("\n  ")),
        }
    }

    /// Says something that `-q` leaves out.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Says something in dim letters.
    pub fn dim(&self, text: &str) {
        self.note(&faint(text));
    }

    /// Warns.
    pub fn warn(&self, text: &str) {
        self.say(&striking(text));
    }

    /// Writes one JSON document. A second one of the same line would be one too many for whoever reads them.
    pub fn document(&self, value: &impl Serialize) {
        if self.sheet.print() {
            // Only a map with keys that are no texts cannot be JSON, and nobody hands one in.
            let text = serde_json::to_string(value).unwrap_or_default();
            self.out(&escape(&text));
        }
    }

    /// Tells what failed and ends the line with it: with `--json` as its document.
    pub fn fail(&self, failure: &Failure) {
        if !self.json || !self.sheet.print() {
            return self.tell(failure);
        }
        // Only what can be typed as it is; everything else is for people.
        let (next, hint): (Vec<&Next>, Vec<&Next>) =
            failure.next.iter().partition(|next| matches!(next, Next::Command(_) | Next::Shell(_)));
        let words = |next: Vec<&Next>| next.into_iter().map(|next| self.next(next)).collect::<Vec<_>>();
        let hint = Some(words(hint).join("\n")).filter(|hint| !hint.is_empty());
        let mut document = json!({
            "schema": "llxprt.error.v1", "code": failure.code.text(), "message": failure.message,
            "next": words(next), "hint": hint, "exit": failure.code.exit(),
        });
        self.hidden.clean_json(&mut document);
        self.out(&escape(&document.to_string()));
    }

    /// Tells what failed, why, what to type next, and the stable code, and no document ends with it. The process name
    /// stands in front in the shell.
    pub fn tell(&self, failure: &Failure) {
        let who = if self.session { "" } else { "llxprt: " };
        let mut lines = vec![format!("{who}{}", failure.message)];
        for next in &failure.next {
            let line = self.next(next);
            lines.push(if matches!(next, Next::Say(_)) { line } else { format!("  {line}") });
        }
        let code = failure.code.text();
        if let Some(last) = lines.last_mut() {
            *last = format!("{last}  {DIM}{code}{DIM:#}");
        }
        self.beside(&self.hidden.clean(&lines.join("\n")));
    }

    /// Returns how a next step is typed here.
    pub fn next(&self, next: &Next) -> String {
        match next {
            Next::Command(command) => self.typed(command),
            Next::Shell(line) | Next::Form(line) => self.shell(line),
            Next::Say(words) => self.here(words),
        }
    }

    /// Returns words as they are said here: a command between backticks in the form in which it is typed.
    pub fn here(&self, words: &str) -> String {
        let form = |(n, part): (usize, &str)| match part.strip_prefix('/').filter(|_| n % 2 == 1) {
            Some(_) if self.session => part.to_owned(),
            Some(command) => self.shell(&format!("llxprt {command}")),
            None if n % 2 == 0 => part.to_owned(),
            // No command of ours: as it was.
            None => format!("`{part}`"),
        };
        if words.matches('`').count() % 2 == 1 {
            return words.to_owned();
        }
        words.split('`').enumerate().map(form).collect()
    }

    /// Returns a command as it is typed here.
    pub fn typed(&self, command: &Command) -> String {
        if self.session { command.to_string() } else { self.shell(&command.shell()) }
    }

    /// Returns a command line as it is typed in a shell beside this run: a sandbox stays one.
    pub fn shell(&self, line: &str) -> String {
        match (&self.sandbox, line.strip_prefix("llxprt ")) {
            (Some(flag), Some(rest)) if !rest.split(' ').any(|word| word == flag) => format!("llxprt {flag} {rest}"),
            _ => line.to_owned(),
        }
    }

    /// Shows a link to be copied: never wrapped or indented by us, and an OSC 8 link where the terminal can.
    pub fn link(&self, url: &Url) {
        let text = url.as_str();
        // The URL crate leaves neither control characters nor non-ASCII in a serialized URL.
        self.whole(&match self.links && self.editor {
            true => format!("\x1b]8;;{text}\x1b\\{text}\x1b]8;;\x1b\\"),
            false => text.to_owned(),
        });
    }

    /// Shows a line to be copied, as it is: never wrapped by us, and no wish about colours touches it.
    pub fn whole(&self, line: &str) {
        match !self.json && self.editor {
            true => after(put(std::io::stdout(), line), self.terminal),
            false => beside(put(std::io::stderr(), line)),
        }
    }

    /// Writes to stdout. What has no escape sequence is not searched for what the terminal cannot do.
    fn out(&self, text: &str) {
        let result = match text.contains('\u{1b}') {
            true => put(anstream::stdout(), text),
            false => put(std::io::stdout(), text),
        };
        after(result, self.terminal);
    }

    /// Returns the terminal's width in columns; wide where there is none.
    pub fn width(&self) -> usize {
        if !self.terminal {
            return usize::MAX;
        }
        columns()
    }

    /// Returns the terminal's height in rows; high where there is none.
    pub fn height(&self) -> usize {
        if !self.terminal {
            return usize::MAX;
        }
        match crossterm::terminal::size() {
            Ok((_, rows @ 1..)) => usize::from(rows),
            Ok((_, 0)) | Err(_) => 24,
        }
    }

    /// Begins an answer that comes piece by piece.
    pub fn answer(&self) -> Answer {
        Answer::new(!self.json, self.terminal)
    }
}

/// Tells whether styles reach whoever reads stdout.
pub fn coloured() -> bool {
    !matches!(anstream::AutoStream::choice(&std::io::stdout()), anstream::ColorChoice::Never)
}

/// A text in dim letters.
pub fn faint(text: &str) -> String {
    format!("{DIM}{text}{DIM:#}")
}

/// A text in the colour of warnings.
pub fn striking(text: &str) -> String {
    format!("{WARN}{text}{WARN:#}")
}

/// Returns the columns of the terminal; 80 where it does not tell, by an error or by saying 0 (`tty_ioctl(4)`).
pub fn columns() -> usize {
    match crossterm::terminal::size() {
        Ok((columns @ 1.., _)) => usize::from(columns),
        Ok((0, _)) | Err(_) => 80,
    }
}

/// Tells whether the environment asks for plain mode for a screen reader.
pub fn accessible(env: &BTreeMap<String, String>) -> bool {
    env.get("ACCESSIBLE").is_some_and(|v| !matches!(v.as_str(), "" | "0" | "false"))
}

/// What follows a write to stderr. Whoever has no room for it reads nothing there; the command goes on.
fn beside(result: std::io::Result<()>) {
    if result.is_err_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe) {
        leave::leave(CLOSED);
    }
}

/// One write a line group: two processes on one terminal do not mix within it.
fn put(mut stream: impl Write, text: &str) -> std::io::Result<()> {
    stream.write_all(format!("{text}\n").as_bytes()).and_then(|()| stream.flush())
}

/// A closed stdout ends the process, as SIGPIPE would have, but for a renewal that was sent. What could not be written to a file or pipe is
/// never called done. A terminal that went away is attended to where it is read.
fn after(result: std::io::Result<()>, terminal: bool) {
    match result {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => leave::leave(CLOSED),
        Err(e) if !terminal => {
            let code = Code::File;
            let words = format!("llxprt: stdout cannot be written: {e}.  {DIM}{}{DIM:#}", code.text());
            // Nothing is left to tell it to if that fails too.
            let _ = put(anstream::stderr(), &words);
            leave::leave(i32::from(code.exit()));
        }
        Ok(()) | Err(_) => {}
    }
}

/// Escapes what JSON allows and terminals do not: U+007F–9F and bidi controls.
fn escape(json: &str) -> Cow<'_, str> {
    if json.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return json.into();
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.into()
}
