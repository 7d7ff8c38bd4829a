//! `<data>/index.json` on the disk: read without a lock, changed under its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde::Deserialize;

use super::error::{Doing, VaultError, VaultErrorKind};
use super::index::Index;
use super::lock;
use crate::sys::files;
use crate::sys::lock::FileLock;

pub(super) const NAME: &str = "index.json";
/// 1,000 accounts with every detail take less than a megabyte.
const BOUND: u64 = 64 << 20;

/// The file of the index.
#[derive(Debug)]
pub(super) struct IndexFile {
    data: PathBuf,
    /// What was read at the start, for the next who reads.
    parked: Mutex<Option<(Stamp, Index)>>,
}

/// Tells one state of a file from another: each write makes a file of its own.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: SystemTime,
    number: u64,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let there = fs::symlink_metadata(path).ok()?;
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(&there);
        #[cfg(not(unix))]
        let number = 0;
        Some(Self { length: there.len(), modified: there.modified().ok()?, number })
    }
}

impl IndexFile {
    pub(super) fn new(data: &Path) -> Self {
        Self { data: data.to_owned(), parked: Mutex::default() }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.data.join(NAME)
    }

    /// Tells whether the index is there and whole. What was read for that is not read again by the next reader.
    pub(super) fn is_whole(&self) -> bool {
        let stamp = Stamp::of(&self.path());
        let Ok(Some(index)) = self.read_anew() else { return false };
        *self.parked.lock().unwrap_or_else(PoisonError::into_inner) = stamp.map(|stamp| (stamp, index));
        true
    }

    /// Reads the index; `None` when there is none.
    pub(super) fn read(&self) -> Result<Option<Index>, VaultError> {
        let parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner).take();
        match parked {
            Some((stamp, index)) if Stamp::of(&self.path()).as_ref() == Some(&stamp) => Ok(Some(index)),
            _ => self.read_anew(),
        }
    }

    fn read_anew(&self) -> Result<Option<Index>, VaultError> {
        let path = self.path();
        let bytes = files::read_private(&path, BOUND).map_err(Doing::Read.failed(&path))?;
        bytes.map(|bytes| parse(&path, &bytes)).transpose()
    }

    /// Takes the lock under which the index is changed.
    pub(super) fn lock(&self) -> Result<Locked<'_>, VaultError> {
        Ok(Locked { file: self, _lock: lock::index(&self.data)? })
    }
}

/// The index while nobody else changes it.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    file: &'a IndexFile,
    _lock: FileLock,
}

impl Locked<'_> {
    /// Reads the index again.
    pub(super) fn read(&self) -> Result<Option<Index>, VaultError> {
        self.file.read_anew()
    }

    /// Writes the index by `security.md` 3.4.
    pub(super) fn write(&self, index: &Index) -> Result<(), VaultError> {
        let path = self.file.path();
        let mut text = serde_json::to_vec(index).map_err(|e| {
            VaultError::new(VaultErrorKind::Internal, format!("The index could not be put into JSON: {e}."))
        })?;
        text.push(b'\n');
        files::write_private(&path, &text).map_err(Doing::Write.failed(&path))
    }

    /// Moves a damaged index to the first free name beside it and returns that.
    pub(super) fn set_aside(&self) -> Result<PathBuf, VaultError> {
        let path = self.file.path();
        let aside = (1_u32..)
            .map(|n| self.file.data.join(format!("{NAME}.damaged-{n}")))
            .find(|aside| fs::symlink_metadata(aside).is_err_and(|e| e.kind() == io::ErrorKind::NotFound))
            .ok_or_else(|| VaultError::new(VaultErrorKind::Io, "There is no free name for the damaged index."))?;
        fs::rename(&path, &aside).map_err(Doing::Write.failed(&aside))?;
        files::sync_folder(&self.file.data).map_err(Doing::Write.failed(&aside))?;
        Ok(aside)
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Index, VaultError> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let damaged = |why: String| {
        let words = format!("The index of accounts, {}, is damaged: {why}.", path.display());
        VaultError::new(VaultErrorKind::Damaged, words).at(path)
    };
    let (version, problem) = match serde_json::from_slice::<Index>(bytes) {
        Ok(index) if index.version == Index::VERSION => return Ok(index),
        Ok(index) => (index.version, format!("its version is {}", index.version)),
        // A newer format need not have the members of ours.
        Err(e) => (serde_json::from_slice(bytes).map_or(0, |Version { version }| version), e.to_string()),
    };
    if version <= Index::VERSION {
        return Err(damaged(problem));
    }
    let words = format!("The index of accounts, {}, is of version {version}: a newer llxprt wrote it.", path.display());
    Err(VaultError::new(VaultErrorKind::Newer, words).at(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::index::{Entry, Home};

    fn example() -> Index {
        let mut index = Index::default();
        index.accounts.insert("anthropic:work@x.com".to_owned(), Entry::new(Home::File));
        index
    }

    #[test]
    fn what_is_written_is_read_back_and_none_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let file = IndexFile::new(dir.path());
        assert_eq!(file.read().unwrap(), None);
        file.lock().unwrap().write(&example()).unwrap();
        assert_eq!(file.read().unwrap(), Some(example()));
    }

    #[test]
    fn what_was_read_at_the_start_serves_the_next_reader_once_and_only_while_it_is_true() {
        let dir = tempfile::tempdir().unwrap();
        let file = IndexFile::new(dir.path());
        assert!(!file.is_whole());
        file.lock().unwrap().write(&Index::default()).unwrap();
        assert!(file.is_whole());
        file.lock().unwrap().write(&example()).unwrap();
        assert_eq!(file.read().unwrap(), Some(example()), "it was changed since");
        assert!(file.is_whole());
        assert!(file.parked.lock().unwrap().is_some());
        assert_eq!(file.read().unwrap(), Some(example()));
        assert!(file.parked.lock().unwrap().is_none());
        assert!(file.is_whole());
        fs::write(file.path(), "{").unwrap();
        assert!(file.read().is_err() && !file.is_whole());
    }

    #[test]
    fn every_cut_names_the_file_and_place() {
        let dir = tempfile::tempdir().unwrap();
        let file = IndexFile::new(dir.path());
        let whole = serde_json::to_vec(&example()).unwrap();
        for cut in 0..whole.len() {
            let error = parse(&file.path(), &whole[..cut]).unwrap_err();
            assert_eq!((error.kind, error.path.as_deref()), (VaultErrorKind::Damaged, Some(file.path().as_path())));
            assert!(error.message.contains("line 1 column"), "{}", error.message);
        }
    }

    #[test]
    fn no_flipped_bit_makes_the_reader_panic_or_changes_where_a_secret_rests() {
        let path = Path::new("index.json");
        let whole = serde_json::to_vec(&example()).unwrap();
        for place in 0..whole.len() {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[place] ^= 1 << bit;
                if let Ok(index) = parse(path, &flipped) {
                    assert!(index.accounts.values().all(|entry| entry.store == Home::File));
                }
            }
        }
    }

    #[test]
    fn a_newer_version_is_not_called_damaged() {
        let path = Path::new("index.json");
        for text in [r#"{"version":2,"accounts":{}}"#, r#"{"version":2,"accounts":[]}"#] {
            assert_eq!(parse(path, text.as_bytes()).unwrap_err().kind, VaultErrorKind::Newer);
        }
        assert_eq!(parse(path, br#"{"version":0,"accounts":[]}"#).unwrap_err().kind, VaultErrorKind::Damaged);
    }

    #[test]
    fn damaged_ones_are_set_aside_under_names_that_are_free() {
        let dir = tempfile::tempdir().unwrap();
        let file = IndexFile::new(dir.path());
        for n in 1..=2 {
            fs::write(file.path(), format!("damage {n}")).unwrap();
            let aside = file.lock().unwrap().set_aside().unwrap();
            assert_eq!(aside, dir.path().join(format!("index.json.damaged-{n}")));
            assert_eq!(fs::read_to_string(aside).unwrap(), format!("damage {n}"));
            assert!(!file.path().exists());
        }
    }

    #[test]
    fn deep_nesting_is_damage_and_not_a_stack_overflow() {
        let deep = format!(r#"{{"version":1,"x":{}"#, "[".repeat(100_000));
        assert_eq!(parse(Path::new("i"), deep.as_bytes()).unwrap_err().kind, VaultErrorKind::Damaged);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in r#"(\{|\}|\[|\]|:|,|"version"|"accounts"|"keys"|"store"|"file"|1|-|\.|null|.){0,60}"#) {
            let _ = parse(Path::new("index.json"), text.as_bytes());
        }
    }
}
