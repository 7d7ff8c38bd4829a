//! A terminal without a window: keeps the screen, answers what programs ask, and notes what they try to change.

use std::num::NonZeroU16;

use vt100::{Callbacks, Screen};

/// Rows that have left the screen at its top and are still kept.
const KEPT_ROWS: usize = 10_000;

/// The screen and everything that went to it.
pub struct Terminal {
    parser: vt100::Parser<Notes>,
    raw: Vec<u8>,
}

/// What a program asked of the terminal beside showing text.
#[derive(Default)]
struct Notes {
    replies: Vec<u8>,
    links: Vec<String>,
    effects: Vec<String>,
    keyboard_levels: i32,
}

impl Terminal {
    /// An empty screen.
    pub fn new(rows: u16, columns: u16) -> Self {
        let [rows, columns] = size(rows, columns);
        Self { parser: vt100::Parser::new_with_callbacks(rows, columns, KEPT_ROWS, Notes::default()), raw: Vec::new() }
    }

    /// Shows what the program wrote; returns what the terminal types back (cursor position, attributes).
    pub fn process(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.raw.extend_from_slice(bytes);
        self.parser.process(bytes);
        std::mem::take(&mut self.parser.callbacks_mut().replies)
    }

    /// Changes the size.
    pub fn resize(&mut self, rows: u16, columns: u16) {
        let [rows, columns] = size(rows, columns);
        self.parser.set_size(rows, columns);
    }

    /// Returns the screen's text: rows trimmed at their end, empty rows at the end left out, rows that the
    /// terminal itself broke put together again.
    pub fn text(&self) -> String {
        trimmed(&self.parser.screen().contents())
    }

    /// Returns the rows of the screen as they stand, trimmed, each cut where the screen ends.
    pub fn rows(&self) -> Vec<String> {
        let screen = self.parser.screen();
        screen.rows(0, screen.size().1.get()).map(|row| row.trim_end().to_owned()).collect()
    }

    /// Returns everything since the start, with what has left the screen at its top.
    pub fn transcript(&mut self) -> String {
        let screen = self.parser.screen_mut();
        let columns = screen.size().1.get();
        let mut text = String::new();
        for above in (1..=screen.scrollback_len()).rev() {
            screen.set_scrollback(above);
            text.push_str(&screen.rows(0, columns).next().unwrap_or_default());
            if !screen.row_wrapped(0) {
                text.push('\n');
            }
        }
        screen.set_scrollback(0);
        text.push_str(&screen.contents());
        trimmed(&text)
    }

    /// Returns every byte since the start.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Returns where the cursor is: row and column, from 0.
    pub fn cursor(&self) -> (u16, u16) {
        self.parser.screen().cursor_position()
    }

    /// Returns whether the cursor stands right behind the text, blanks aside: a prompt that waits for a line.
    pub fn cursor_behind(&self, text: &str) -> bool {
        let screen = self.parser.screen();
        let (row, column) = screen.cursor_position();
        let before = screen.rows(0, column).nth(usize::from(row)).unwrap_or_default();
        column > 0 && before.trim_end().ends_with(text)
    }

    /// Returns whether a paste is to be marked as one.
    pub fn takes_bracketed_paste(&self) -> bool {
        self.parser.screen().bracketed_paste()
    }

    /// Returns the targets of the OSC 8 links that were opened, in order.
    pub fn links(&self) -> &[String] {
        &self.parser.callbacks().links
    }

    /// Returns what reached beyond the text: titles, the clipboard, bells, foreign commands. Empty for llxprt.
    pub fn effects(&self) -> &[String] {
        &self.parser.callbacks().effects
    }

    /// Returns the modes that are still switched on; empty when the terminal is as it was.
    pub fn modes_left_on(&self) -> Vec<&'static str> {
        let screen = self.parser.screen();
        let plain = screen.fgcolor() == vt100::Color::Default && screen.bgcolor() == vt100::Color::Default;
        [
            ("the alternate screen", screen.alternate_screen()),
            ("a hidden cursor", screen.hide_cursor()),
            ("bracketed paste", screen.bracketed_paste()),
            ("application keypad", screen.application_keypad()),
            ("application cursor keys", screen.application_cursor()),
            ("mouse reports", screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None),
            ("a keyboard protocol", self.parser.callbacks().keyboard_levels > 0),
            ("a colour", !plain),
            ("bold, dim or italic", screen.bold() || screen.dim() || screen.italic()),
            ("underline or inverse", screen.underline() || screen.inverse()),
        ]
        .into_iter()
        .filter_map(|(name, on)| on.then_some(name))
        .collect()
    }
}

impl Callbacks for Notes {
    fn unhandled_csi(&mut self, screen: &mut Screen, i1: Option<u8>, _: Option<u8>, params: &[&[u16]], c: char) {
        let first = params.first().and_then(|p| p.first()).copied().unwrap_or(0);
        match (i1, c, first) {
            (None, 'n', 6) => {
                let (row, column) = screen.cursor_position();
                // Past the last column the cursor still counts as standing on it.
                let column = (column + 1).min(screen.size().1.get());
                self.replies.extend(format!("\x1b[{};{column}R", row + 1).bytes());
            }
            (None, 'n', 5) => self.replies.extend(b"\x1b[0n"),
            // Primary attributes of a VT102; kitty's keyboard query (`?u`) stays without an answer, as in xterm.
            (None, 'c', 0) => self.replies.extend(b"\x1b[?6c"),
            (Some(b'>'), 'u', _) => self.keyboard_levels += 1,
            (Some(b'<'), 'u', levels) => self.keyboard_levels -= i32::from(levels.max(1)),
            _ => {}
        }
    }

    fn unhandled_osc(&mut self, _: &mut Screen, params: &[&[u8]]) {
        match params {
            [b"8", _, target @ ..] => {
                let target = String::from_utf8_lossy(&target.join(&b';')).into_owned();
                if !target.is_empty() {
                    self.links.push(target);
                }
            }
            // 133 marks prompts for the terminal (semantic shell integration); it changes nothing.
            [b"133", ..] => {}
            other => self.effects.push(format!("OSC {}", String::from_utf8_lossy(&other.join(&b';')))),
        }
    }

    fn set_window_title(&mut self, _: &mut Screen, title: &[u8]) {
        self.effects.push(format!("title {}", String::from_utf8_lossy(title)));
    }

    fn set_window_icon_name(&mut self, _: &mut Screen, name: &[u8]) {
        self.effects.push(format!("icon name {}", String::from_utf8_lossy(name)));
    }

    fn copy_to_clipboard(&mut self, _: &mut Screen, _: &[u8], data: &[u8]) {
        self.effects.push(format!("clipboard {}", String::from_utf8_lossy(data)));
    }

    fn paste_from_clipboard(&mut self, _: &mut Screen, _: &[u8]) {
        self.effects.push("clipboard read".to_owned());
    }

    fn resize(&mut self, _: &mut Screen, (rows, columns): (u16, u16)) {
        self.effects.push(format!("resize to {rows} by {columns}"));
    }

    fn audible_bell(&mut self, _: &mut Screen) {
        self.effects.push("bell".to_owned());
    }
}

fn size(rows: u16, columns: u16) -> [NonZeroU16; 2] {
    [rows, columns].map(|n| NonZeroU16::new(n).expect("a terminal has rows and columns"))
}

fn trimmed(text: &str) -> String {
    let rows: Vec<&str> = text.lines().map(str::trim_end).collect();
    rows.join("\n").trim_end().to_owned()
}
