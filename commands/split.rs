//! A line into words: at blanks, with double quotes holding words together, and nothing else special but a backslash
//! before a quote within quotes of JSON, which begins with a bracket.

/// One word of a line, without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// Where it begins in the line, in bytes, its quote included.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
}

/// The words of a line, and what was found beside words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) words: Vec<Word>,
    /// A quote was opened and not closed; the last word runs to the end of the line.
    pub(crate) open: bool,
    /// A comment ends the line.
    pub(crate) comment: bool,
    /// There is more than one line.
    pub(crate) broken: bool,
}

/// Splits a line. A `#` after a blank begins a comment.
pub(crate) fn split(line: &str) -> Split {
    let mut found = Split::default();
    let mut word: Option<Word> = None;
    let (mut json, mut escaped) = (false, false);
    for (at, c) in line.char_indices() {
        if c.is_whitespace() && !found.open {
            found.words.extend(word.take());
            found.broken |= matches!(c, '\n' | '\r');
        } else if c == '#' && word.is_none() && at > 0 {
            found.comment = true;
            found.broken |= line[at..].contains(['\n', '\r']);
            return found;
        } else {
            let word = word.get_or_insert_with(|| Word { text: String::new(), start: at, end: at });
            word.end = at + c.len_utf8();
            json |= word.start == at && matches!(c, '{' | '[');
            match c {
                '"' if !escaped => found.open = !found.open,
                c => word.text.push(c),
            }
            escaped = json && found.open && c == '\\' && !escaped;
        }
    }
    found.words.extend(word);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn blanks_split_and_quotes_hold_together() {
        assert_eq!(texts("  a  b\tc "), ["a", "b", "c"]);
        assert_eq!(texts(r#"a "b  c" d"e f"g "" "#), ["a", "b  c", "de fg", ""]);
    }

    #[test]
    fn nothing_else_is_special() {
        assert_eq!(texts(r"C:\keys\a it's $HOME `x` \n"), [r"C:\keys\a", "it's", "$HOME", "`x`", r"\n"]);
    }

    #[test]
    fn a_hash_after_a_blank_begins_a_comment() {
        assert_eq!(texts("a # b \"c"), ["a"]);
        assert_eq!(texts("a#b #c"), ["a#b"]);
        assert_eq!(texts("a \"#b\" \" # \""), ["a", "#b", " # "]);
        assert!(split("a #").comment);
    }

    #[test]
    fn an_open_quote_is_seen() {
        assert!(split("a \"b c").open);
        assert!(!split("a \"b c\"").open);
    }

    #[test]
    fn a_line_break_is_seen_outside_quotes() {
        assert!(split("a\nb").broken && split("a # b\r\nc").broken);
        assert!(!split("a \"b\nc\" d").broken);
    }

    #[test]
    fn places_include_the_quotes() {
        let words = split("é \"b c\"").words;
        assert_eq!((words[0].start, words[0].end), (0, 2));
        assert_eq!((words[1].start, words[1].end), (3, 8));
    }
}
