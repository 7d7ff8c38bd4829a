//! Room on the disk for the next content of a private file, taken before that content exists: for what must not be
//! asked for unless its answer can be kept.

use std::fs;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use super::files::{beside, sync_folder};

/// The least that is taken: a page, so that a little more content than before fits too.
const LEAST: u64 = 4096;

/// A temporary file beside a private one that takes its place once it is filled; dropped, it is gone.
#[derive(Debug)]
pub struct Room {
    path: PathBuf,
    temporary: tempfile::NamedTempFile,
}

impl Room {
    /// Takes room for a content a quarter longer than what is there, written to the disk and synced. A file system
    /// that writes every change elsewhere may still run full when it is filled.
    ///
    /// # Errors
    /// As [`super::files::write_private`].
    pub fn take(path: &Path) -> io::Result<Self> {
        let mut temporary = beside(path)?;
        let now = fs::symlink_metadata(path).map_or(0, |there| there.len());
        let bytes = usize::try_from((now + now / 4).max(LEAST)).map_err(|_| io::ErrorKind::FileTooLarge)?;
        temporary.as_file_mut().write_all(&vec![0; bytes])?;
        temporary.as_file().sync_all()?;
        Ok(Self { path: path.to_owned(), temporary })
    }

    /// Writes the content and puts it in the place of what was there.
    ///
    /// # Errors
    /// As [`super::files::write_private`].
    pub fn fill(mut self, bytes: &[u8]) -> io::Result<()> {
        self.temporary.as_file_mut().rewind()?;
        self.temporary.as_file_mut().write_all(bytes)?;
        self.temporary.as_file().set_len(bytes.len() as u64)?;
        self.temporary.as_file().sync_all()?;
        self.temporary.persist(&self.path).map_err(|e| e.error)?;
        self.path.parent().map_or(Ok(()), sync_folder)
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::{read_private, write_private};
    use super::*;

    #[test]
    fn what_is_filled_in_replaces_the_file_and_is_neither_longer_nor_shorter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write_private(&path, b"old").unwrap();
        for text in [vec![b'x'; 10], vec![b'y'; 20_000], Vec::new()] {
            let room = Room::take(&path).unwrap();
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
            room.fill(&text).unwrap();
            assert_eq!(read_private(&path, 30_000).unwrap().unwrap(), text);
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn room_that_is_not_used_leaves_everything_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write_private(&path, b"old").unwrap();
        drop(Room::take(&path).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
