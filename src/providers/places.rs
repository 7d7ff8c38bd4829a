//! Where in a manifest file each key stands, so that an error can name file, line and key (design 4.5).

use std::ops::Range;

use toml::de::{DeTable, DeValue, Error};

/// The keys of one file with their places.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    keys: Vec<Key>,
    /// Where each line begins.
    lines: Vec<usize>,
}

#[derive(Debug, Clone)]
struct Key {
    /// With the tables that it is in: `oauth.redirect.ports`.
    path: String,
    at: Range<usize>,
    value: Range<usize>,
}

impl Places {
    /// Reads as much of a file as can be read.
    pub(super) fn of(text: &str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let mut places = Self { keys: Vec::new(), lines: std::iter::once(0).chain(breaks).collect() };
        places.read(DeTable::parse_recoverable(text).0.get_ref(), "");
        places
    }

    fn read(&mut self, table: &DeTable<'_>, within: &str) {
        for (key, value) in table {
            let path = format!("{within}{}", key.get_ref());
            if let DeValue::Table(inner) = value.get_ref() {
                self.read(inner, &format!("{path}."));
            }
            self.keys.push(Key { path, at: key.span(), value: value.span() });
        }
    }

    fn line_at(&self, at: usize) -> usize {
        self.lines.partition_point(|begin| *begin <= at)
    }

    /// Returns the line of a key; none where the file does not set it.
    pub(super) fn line(&self, path: &str) -> Option<usize> {
        self.keys.iter().find(|key| key.path == path).map(|key| self.line_at(key.at.start))
    }

    /// Returns line, key and complaint of an error of the same text.
    pub(super) fn told(&self, error: &Error, text: &str) -> String {
        let span = error.span().unwrap_or_default();
        let line = self.line_at(span.start);
        let holds = |key: &&Key| key.at == span || key.value.contains(&span.start);
        // The innermost: a table spans what is in it.
        let key = self.keys.iter().filter(holds).max_by_key(|key| key.path.len()).map(|key| key.path.as_str());
        // What is no TOML, or is there twice, has no place in a tree: its line begins with it.
        let written = || text.lines().nth(line - 1).unwrap_or_default().split('=').next().unwrap_or_default().trim();
        format!("line {line}: {}: {}", key.unwrap_or_else(written), error.message())
    }
}
