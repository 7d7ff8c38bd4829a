//! Locks between processes: OS advisory locks on files that are never deleted, so that none can go stale.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::files::{check_plain, look, private};

/// A lock that is held until this is dropped; the kernel frees it when the process ends, also by `kill -9`.
#[derive(Debug)]
pub struct FileLock {
    #[allow(dead_code, reason = "held, not read")]
    file: File,
}

impl FileLock {
    /// Takes the lock if it is free. The file is made 0600 in a folder that must exist.
    ///
    /// # Errors
    /// Those of the system; a refusal if a symbolic link or a folder lies there.
    pub fn try_take(path: &Path) -> io::Result<Option<Self>> {
        attempt(&open(path)?)
    }

    /// Takes the lock, blocking this thread while somebody else has it; `None` when the patience ends.
    ///
    /// # Errors
    /// As [`FileLock::try_take`].
    pub fn take(path: &Path, patience: Duration) -> io::Result<Option<Self>> {
        let file = open(path)?;
        let mut pause = Pause::until(patience);
        loop {
            if let Some(lock) = attempt(&file)? {
                return Ok(Some(lock));
            }
            let Some(wait) = pause.next() else { return Ok(None) };
            std::thread::sleep(wait);
        }
    }

    /// Takes the lock, letting other tasks run while somebody else has it; `None` when the patience ends.
    ///
    /// Dropping the future gives up.
    ///
    /// # Errors
    /// As [`FileLock::try_take`].
    pub async fn wait(path: &Path, patience: Duration) -> io::Result<Option<Self>> {
        let file = open(path)?;
        let mut pause = Pause::until(patience);
        loop {
            if let Some(lock) = attempt(&file)? {
                return Ok(Some(lock));
            }
            let Some(wait) = pause.next() else { return Ok(None) };
            tokio::time::sleep(wait).await;
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(there) = look(path)? {
        check_plain(path, &there)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    private(&mut options).open(path)
}

fn attempt(file: &File) -> io::Result<Option<FileLock>> {
    match file.try_lock() {
        // The clone shares the lock and outlives the handle that was tried.
        Ok(()) => Ok(Some(FileLock { file: file.try_clone()? })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(e),
    }
}

/// Growing pauses between attempts: short for the usual holder, who writes one file, and cheap for a long one.
struct Pause {
    deadline: Instant,
    next: Duration,
}

impl Pause {
    const LONGEST: Duration = Duration::from_millis(25);

    fn until(patience: Duration) -> Self {
        Self { deadline: Instant::now() + patience, next: Duration::from_millis(1) }
    }

    fn next(&mut self) -> Option<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let pause = self.next.min(left);
        self.next = (self.next * 2).min(Self::LONGEST);
        (!pause.is_zero()).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_holds_it_and_the_next_gets_it_when_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index.lock");
        let held = FileLock::try_take(&path).unwrap().unwrap();
        assert!(FileLock::try_take(&path).unwrap().is_none());
        assert!(FileLock::take(&path, Duration::from_millis(5)).unwrap().is_none());
        drop(held);
        assert!(FileLock::try_take(&path).unwrap().is_some());
        assert!(path.exists());
    }

    #[test]
    fn a_thread_that_waits_gets_it_from_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = FileLock::try_take(&path).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| FileLock::take(&path, Duration::from_secs(60)).unwrap().is_some());
            drop(held);
            assert!(waiting.join().unwrap());
        });
    }

    #[tokio::test]
    async fn waiting_gives_up_when_the_patience_ends_and_can_be_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = FileLock::try_take(&path).unwrap();
        assert!(FileLock::wait(&path, Duration::ZERO).await.unwrap().is_none());
        let dropped =
            tokio::time::timeout(Duration::from_millis(3), FileLock::wait(&path, Duration::from_secs(60))).await;
        assert!(dropped.is_err());
        drop(held);
        assert!(FileLock::wait(&path, Duration::ZERO).await.unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_in_its_place_is_refused_and_it_is_private() {
        use std::os::unix::fs::{MetadataExt, symlink};
        let dir = tempfile::tempdir().unwrap();
        symlink(dir.path().join("theirs"), dir.path().join("lock")).unwrap();
        assert!(FileLock::try_take(&dir.path().join("lock")).is_err());
        assert!(!dir.path().join("theirs").exists());
        let _held = FileLock::try_take(&dir.path().join("mine")).unwrap();
        assert_eq!(std::fs::metadata(dir.path().join("mine")).unwrap().mode() & 0o777, 0o600);
    }
}
