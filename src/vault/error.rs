//! What can go wrong with a secret: a kind that code acts on and a sentence that a person reads.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::sys::files::{Refusal, Why};

/// What went wrong, for code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VaultErrorKind {
    /// The secret is there and cannot be read: its vault key is gone, or it is no text.
    Unreadable,
    /// The keyring is locked or denied access.
    Refused,
    /// The keyring did not answer in time; it is left alone for the rest of the run.
    NoAnswer,
    /// There is no keyring, or it went away.
    Absent,
    /// The keyring is switched off for this run, and the secret rests there.
    Off,
    /// A file of ours is damaged; it is left as it is.
    Damaged,
    /// A file of ours is of a newer version; it is left as it is.
    Newer,
    /// The disk is full.
    Full,
    /// The disk or the keyring failed in another way.
    Io,
    /// Another process holds a lock for too long.
    Busy,
    /// A link lies in the place of a file or folder of ours.
    Symlink,
    /// Another user owns a file or folder of ours, or everybody does.
    Foreign,
    /// A fault of this program.
    Internal,
}

/// A failure of the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultError {
    /// What went wrong, for code.
    pub kind: VaultErrorKind,
    /// What went wrong, as finished sentences.
    pub message: String,
    /// The file or folder it is about.
    pub path: Option<PathBuf>,
}

impl VaultError {
    pub(super) fn new(kind: VaultErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), path: None }
    }

    pub(super) fn at(mut self, path: &Path) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// A failure to read, write, lock or remove a file.
    pub(super) fn file(doing: Doing, path: &Path, error: &io::Error) -> Self {
        if let Some(refusal) = Refusal::of(error) {
            let kind = match refusal.why {
                Why::Symlink | Why::Linked => VaultErrorKind::Symlink,
                Why::Foreign | Why::Shared => VaultErrorKind::Foreign,
                Why::NotAFile | Why::TooLarge(_) => VaultErrorKind::Damaged,
                Why::NotAFolder => VaultErrorKind::Io,
            };
            return Self::new(kind, format!("{refusal}, so it is not used.")).at(&refusal.path);
        }
        let kind = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => VaultErrorKind::Full,
            _ => VaultErrorKind::Io,
        };
        let verb = match doing {
            Doing::Read => "read",
            Doing::Write => "written",
            Doing::Lock => "locked",
            Doing::Remove => "removed",
        };
        Self::new(kind, format!("{} could not be {verb}: {error}.", path.display())).at(path)
    }
}

/// What was tried with a file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Doing {
    Read,
    Write,
    Lock,
    Remove,
}

impl Doing {
    /// Makes the error of what was tried with this file.
    pub(super) fn failed(self, path: &Path) -> impl FnOnce(io::Error) -> VaultError + '_ {
        move |error| VaultError::file(self, path, &error)
    }
}

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for VaultError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_failures_and_the_path_is_named() {
        let path = Path::new("/data/index.json");
        let full = Doing::Write.failed(path)(io::ErrorKind::StorageFull.into());
        assert_eq!((full.kind, full.path.as_deref()), (VaultErrorKind::Full, Some(path)));
        assert_eq!(full.to_string(), "/data/index.json could not be written: no storage space.");
        assert_eq!(Doing::Read.failed(path)(io::Error::from_raw_os_error(5)).kind, VaultErrorKind::Io);
    }

    #[test]
    fn a_refused_place_is_named_even_when_it_is_a_folder_on_the_way() {
        let folder = PathBuf::from("/data/secure-store");
        let refusal = io::Error::other(Refusal { path: folder.clone(), why: Why::Symlink });
        let error = Doing::Write.failed(Path::new("/data/secure-store/tokens/x/a.sealed"))(refusal);
        assert_eq!((error.kind, error.path), (VaultErrorKind::Symlink, Some(folder)));
        assert_eq!(error.message, "/data/secure-store is a symbolic link, so it is not used.");
    }
}
