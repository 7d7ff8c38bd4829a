//! The locks of the vault: one an account, one for the index (`security.md` 4.1).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use llxprt_commands::Account;

use super::error::{Doing, VaultError, VaultErrorKind};
use super::slot::Slot;
use crate::sys::files;
use crate::sys::lock::FileLock;

/// A holder of an account may need two time-outs of a request; many that share a slow disk, the index for as long.
const PATIENCE: Duration = Duration::from_secs(90);

/// The lock of one account, needed to write or delete its secret; freed when dropped.
#[derive(Debug)]
pub struct AccountLock {
    account: Account,
    held: Held,
}

impl AccountLock {
    pub(super) fn new(account: Account, held: Held) -> Self {
        Self { account, held }
    }

    /// The account that is locked.
    pub fn account(&self) -> &Account {
        &self.account
    }

    pub(super) fn held(&self) -> &Held {
        &self.held
    }
}

/// The lock files of one slot; a clone keeps them locked.
#[derive(Debug, Clone)]
pub(super) struct Held {
    #[allow(dead_code, reason = "held, not read")]
    files: Arc<[FileLock]>,
}

impl Held {
    /// Locks a slot below each of these data folders in turn, letting other tasks run meanwhile.
    pub(super) async fn wait(folders: &[&Path], slot: &Slot) -> Result<Self, VaultError> {
        let mut files = Vec::with_capacity(folders.len());
        for folder in folders {
            let path = ready(folder, slot)?;
            let lock = FileLock::wait(&path, PATIENCE).await.map_err(Doing::Lock.failed(&path))?;
            files.push(lock.ok_or_else(|| busy(&slot.to_string(), &path))?);
        }
        Ok(Self { files: files.into() })
    }

    /// Locks a slot if it is free at once.
    pub(super) fn attempt(folders: &[&Path], slot: &Slot) -> Result<Option<Self>, VaultError> {
        let mut files = Vec::with_capacity(folders.len());
        for folder in folders {
            let path = ready(folder, slot)?;
            match FileLock::try_take(&path).map_err(Doing::Lock.failed(&path))? {
                Some(lock) => files.push(lock),
                None => return Ok(None),
            }
        }
        Ok(Some(Self { files: files.into() }))
    }
}

fn ready(data: &Path, slot: &Slot) -> Result<PathBuf, VaultError> {
    let file = slot.lock();
    let path = data.join(&file);
    let folder = file.parent().unwrap_or(Path::new(""));
    files::create_private_dir(data, folder).map_err(Doing::Lock.failed(&path))?;
    Ok(path)
}

/// Locks the index and the vault key.
pub(super) fn index(data: &Path) -> Result<FileLock, VaultError> {
    let path = index_path(data);
    files::create_private_root(data).map_err(Doing::Lock.failed(&path))?;
    let lock = FileLock::take(&path, PATIENCE).map_err(Doing::Lock.failed(&path))?;
    lock.ok_or_else(|| busy("the index of accounts", &path))
}

pub(super) fn index_path(data: &Path) -> PathBuf {
    data.join("index.lock")
}

fn busy(what: &str, path: &Path) -> VaultError {
    let seconds = PATIENCE.as_secs();
    let words = format!("Another process has held the lock of {what} for {seconds} seconds ({}).", path.display());
    VaultError::new(VaultErrorKind::Busy, words).at(path)
}
