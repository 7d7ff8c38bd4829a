//! What was typed, kept 0600 and without secrets.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use llxprt_commands::carries_secret;
use reedline::{
    CommandLineSearch, FileBackedHistory, History, HistoryItem, HistoryItemId, HistorySessionId, Result,
    SearchDirection, SearchFilter, SearchQuery,
};

use crate::sys::files;

const KEPT: usize = 2000;

/// The states of the logins of this session that have ended: a line with one in it is an answer that came late.
pub type Over = Arc<Mutex<Vec<String>>>;

/// A history that leaves out every line that may hold a secret or starts with a blank.
pub struct Clean(FileBackedHistory, Over);

impl Clean {
    /// Opens the file; a sentence when the session goes on without it.
    pub fn open(path: &Path, over: Over) -> (Option<Self>, Option<String>) {
        let in_memory = || FileBackedHistory::new(KEPT).ok().map(|history| Self(history, over.clone()));
        // The library would make it readable for everybody.
        if let Err(e) = path
            .parent()
            .map_or(Ok(()), |d| files::create_private_root(d).map(|_| ()))
            .and_then(|()| files::open_private_append(path))
        {
            return (
                in_memory(),
                Some(format!("What you type is not remembered: {} cannot be used: {e}.", path.display())),
            );
        }
        match FileBackedHistory::with_file(KEPT, path.to_owned()) {
            Ok(history) => (Some(Self(history, over)), None),
            Err(e) => {
                (in_memory(), Some(format!("What you type is not remembered: {} is damaged: {e}.", path.display())))
            }
        }
    }

    /// Returns the newest entry that begins with `line`.
    pub fn newest(history: &dyn History, line: &str) -> Option<String> {
        let filter = SearchFilter::from_text_search(CommandLineSearch::Prefix(line.to_owned()), history.session());
        let query = SearchQuery { limit: Some(1), ..SearchQuery::everything(SearchDirection::Backward, None) };
        let found = history.search(SearchQuery { filter, ..query }).ok()?;
        found.into_iter().next().map(|item| item.command_line)
    }
}

impl History for Clean {
    fn save(&mut self, item: HistoryItem) -> Result<HistoryItem> {
        let line = &item.command_line;
        let late = self.1.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|state| line.contains(state));
        if late || line.starts_with(' ') || carries_secret(line) { Ok(item) } else { self.0.save(item) }
    }
    fn load(&self, id: HistoryItemId) -> Result<HistoryItem> {
        self.0.load(id)
    }
    fn count(&self, query: SearchQuery) -> Result<i64> {
        self.0.count(query)
    }
    fn search(&self, query: SearchQuery) -> Result<Vec<HistoryItem>> {
        self.0.search(query)
    }
    fn update(&mut self, id: HistoryItemId, change: &dyn Fn(HistoryItem) -> HistoryItem) -> Result<()> {
        self.0.update(id, change)
    }
    fn clear(&mut self) -> Result<()> {
        self.0.clear()
    }
    fn delete(&mut self, id: HistoryItemId) -> Result<()> {
        self.0.delete(id)
    }
    fn sync(&mut self) -> std::io::Result<()> {
        self.0.sync()
    }
    fn session(&self) -> Option<HistorySessionId> {
        self.0.session()
    }
}
