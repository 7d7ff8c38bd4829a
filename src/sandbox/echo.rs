//! The default answer to a prompt: the prompt itself, cut into a few words at a time.

/// A prompt repeated word for word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Echo {
    /// The text in pieces of one to four words; joined they are the text.
    pub(super) pieces: Vec<String>,
    /// How many tokens the answer counts as.
    pub(super) tokens: u64,
    /// Whether the answer was cut at the request's maximum.
    pub(super) cut: bool,
}

impl Echo {
    /// Repeats a text, at most `max` tokens of it; a word with the blanks after it is one token.
    pub(super) fn of(text: &str, max: Option<u64>) -> Self {
        let all = words(text);
        let max = max.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX));
        let kept = &all[..all.len().min(max)];
        let mut pieces = Vec::new();
        let mut rest = kept;
        for take in [1, 3, 2, 4].into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at(take.min(rest.len()));
            pieces.push(piece.concat());
            rest = after;
        }
        Self { pieces, tokens: kept.len() as u64, cut: kept.len() < all.len() }
    }

    /// Returns the whole text.
    pub(super) fn text(&self) -> String {
        self.pieces.concat()
    }
}

/// Counts the tokens of a text in the same way.
pub(super) fn tokens(text: &str) -> u64 {
    words(text).len() as u64
}

fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut blank = false;
    for (at, c) in text.char_indices() {
        if blank && !c.is_whitespace() {
            words.push(&text[start..at]);
            start = at;
        }
        blank = c.is_whitespace();
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_are_the_text() {
        for text in ["", " ", "one", "  Grüße,\n\twelt  ", "a b c d e f g h i j k", "日本 語 🦀 "] {
            let echo = Echo::of(text, None);
            assert_eq!((echo.text().as_str(), echo.cut), (text, false));
        }
    }

    #[test]
    fn the_maximum_cuts_at_a_word() {
        let echo = Echo::of("one two three", Some(2));
        assert_eq!((echo.text().as_str(), echo.tokens, echo.cut), ("one two ", 2, true));
    }
}
