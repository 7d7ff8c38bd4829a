//! Makes text from outside harmless before it is shown (`docs/security.md`, the terminal): no answer can set the
//! title, the clipboard or a false link, or move the cursor.

/// Cleans a stream of text; an escape sequence split over chunks is still one.
#[derive(Debug, Clone, Default)]
pub struct Cleaner {
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// Within CSI: parameters until a final byte.
    Control,
    /// Within OSC, DCS, APC, PM or SOS: until ST or BEL.
    Words,
    /// After ESC within such a string: `\` ends it.
    WordsEscape,
}

impl Cleaner {
    /// Appends the harmless part of `text` to `out`.
    pub fn feed(&mut self, text: &str, out: &mut String) {
        for c in text.chars() {
            self.state = match (self.state, c) {
                (State::Words, '\x07' | '\u{9c}') | (State::WordsEscape, '\\') => State::Text,
                (State::Words | State::WordsEscape, '\x1b') => State::WordsEscape,
                // An escape sequence without end must not swallow the rest of an answer.
                (State::Words | State::WordsEscape | State::Control | State::Escape, '\n') => {
                    out.push('\n');
                    State::Text
                }
                (State::WordsEscape, _) => State::Words,
                (State::Words, _) => State::Words,
                (_, '\x1b') => State::Escape,
                (_, '\u{9b}') => State::Control,
                (_, '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}') => State::Words,
                (State::Escape, '[') => State::Control,
                (State::Escape, ']' | 'P' | 'X' | '^' | '_') => State::Words,
                (State::Escape, ' '..='/') => State::Escape,
                (State::Escape, _) => State::Text,
                (State::Control, '@'..='~') => State::Text,
                (State::Control, ' '..='?') => State::Control,
                (_, c) => {
                    if c == '\n' || c == '\t' || !c.is_control() {
                        out.push(c);
                    }
                    State::Text
                }
            };
        }
    }
}

/// Cleans one text of several lines.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    Cleaner::default().feed(text, &mut out);
    out
}

/// Cleans what must stay on one line and short: names, identities, a provider's words. Bidi controls become visible.
pub fn clean_line(text: &str) -> String {
    const LONGEST: usize = 400;
    let mut line = String::new();
    for c in clean(text).chars() {
        match c {
            '\n' | '\t' => line.push(' '),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                line.push_str(&format!("<U+{:04X}>", u32::from(c)));
            }
            c => line.push(c),
        }
        if line.len() > LONGEST {
            line.push('…');
            break;
        }
    }
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a3_no_escape_sequence_survives_whole_or_split() {
        let evil = "a\x1b]0;title\x07b\x1b]52;c;aGk=\x1b\\c\x1b[2Jd\x1bPq\x1b\\e\u{9b}31mf\u{9d}x\u{9c}g\x00h\x7fi\r\n";
        assert_eq!(clean(evil), "abcdefghi\n");
        for (at, _) in evil.char_indices() {
            let (mut cleaner, mut out) = (Cleaner::default(), String::new());
            cleaner.feed(&evil[..at], &mut out);
            cleaner.feed(&evil[at..], &mut out);
            assert_eq!(out, "abcdefghi\n", "split at {at}");
        }
        assert_eq!(clean("x\x1b]8;;http://evil\nstill here"), "x\nstill here");
    }

    #[test]
    fn a3_a_name_stays_on_one_line_and_shows_its_bidi_controls() {
        assert_eq!(clean_line("a\u{202e}b\nc\td"), "a<U+202E>b c d");
        assert!(clean_line(&"x".repeat(10_000_000)).len() < 500);
    }

    proptest! {
        #[test]
        fn nothing_that_controls_a_terminal_is_left(text in any::<String>()) {
            prop_assert!(clean(&text).chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
        }
    }
}
