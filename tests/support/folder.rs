//! A temporary folder that is really gone at the end.

use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

/// A folder of a test's own, removed when the last claim on it is dropped.
///
/// Programs that were told to end may still write for a moment, and then removing finds a folder that is not empty:
/// it is tried again for a while. Nothing is said where it stays, because the test is over.
pub struct Folder {
    path: std::path::PathBuf,
}

impl Folder {
    /// Makes an empty one.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("llxprt-test-").tempdir().expect("a temporary folder");
        Self { path: folder.keep() }
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end {
            match std::fs::remove_dir_all(&self.path) {
                Err(e) if e.kind() != ErrorKind::NotFound => std::thread::sleep(Duration::from_millis(10)),
                _ => break,
            }
        }
    }
}
