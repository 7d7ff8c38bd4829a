//! The words of a command, on their way back to text.

use std::fmt::Display;

/// Words of a command in order, not yet quoted.
#[derive(Debug, Default)]
pub(crate) struct Words {
    list: Vec<String>,
    /// `--` was written: all that follows is taken as it is.
    ended: bool,
}

impl Words {
    /// Begins with the word of a command.
    pub(crate) fn of(command: &str) -> Self {
        let mut words = Self::default();
        words.word(command);
        words
    }

    /// Adds a fixed word.
    pub(crate) fn word(&mut self, word: &str) -> &mut Self {
        self.list.push(word.to_owned());
        self
    }

    /// Adds a flag when it is on.
    pub(crate) fn flag(&mut self, flag: &str, on: bool) -> &mut Self {
        if on { self.word(flag) } else { self }
    }

    /// Adds a flag with its value after `=`, or alone when the value is empty.
    pub(crate) fn option(&mut self, flag: &str, value: Option<&str>) -> &mut Self {
        match value {
            None => self,
            Some("") => self.word(flag),
            Some(value) => self.word(&format!("{flag}={value}")),
        }
    }

    /// Adds a value, after `--` where it could be taken for a flag.
    pub(crate) fn value(&mut self, value: impl Display) -> &mut Self {
        let text = value.to_string();
        let flag = text.len() > 1 && text.starts_with('-');
        self.guarded(text, flag)
    }

    /// Adds a value, after `--` when it has to be guarded.
    pub(crate) fn guarded(&mut self, text: String, guard: bool) -> &mut Self {
        if guard && !self.ended {
            self.word("--");
            self.ended = true;
        }
        self.list.push(text);
        self
    }

    /// Adds several values.
    pub(crate) fn values(&mut self, values: impl IntoIterator<Item = impl Display>) -> &mut Self {
        for value in values {
            self.value(value);
        }
        self
    }

    /// The words after a slash, quoted for the line parser. A word with a double quote in it has such a form as
    /// the value of a setting only.
    pub(crate) fn slash(&self) -> String {
        let quoted: Vec<_> = self.list.iter().map(|word| slash_quoted(word)).collect();
        format!("/{}", quoted.join(" "))
    }

    /// The words after `llxprt`, quoted for a POSIX shell.
    pub(crate) fn shell(&self) -> String {
        let mut line = String::from("llxprt");
        for word in &self.list {
            line.push(' ');
            line.push_str(&shell_quoted(word));
        }
        line
    }
}

/// Quotes a word where the line parser would split or drop it.
pub(crate) fn slash_quoted(word: &str) -> String {
    let split = word.is_empty() || word.starts_with('#') || word.contains(char::is_whitespace);
    if split && !word.contains('"') { format!("\"{word}\"") } else { word.to_owned() }
}

/// Quotes a word for a POSIX shell (XCU 2.2.2: nothing is special between single quotes).
pub fn shell_quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_quotes_gets_them() {
        assert_eq!(slash_quoted("a#b"), "a#b");
        assert_eq!(slash_quoted("a b"), "\"a b\"");
        assert_eq!(slash_quoted("#"), "\"#\"");
        assert_eq!(slash_quoted(""), "\"\"");
        assert_eq!(shell_quoted("me@example.com"), "me@example.com");
        assert_eq!(shell_quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(shell_quoted(""), "''");
        assert_eq!(shell_quoted("~"), "'~'");
    }

    #[test]
    fn a_value_like_a_flag_is_guarded_once() {
        let mut words = Words::of("set");
        words.value("-a").value("-").value("-b");
        assert_eq!(words.slash(), "/set -- -a - -b");
    }
}
