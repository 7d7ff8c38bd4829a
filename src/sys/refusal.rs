//! Why a file or folder of ours was not touched.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What is wrong with a place on disk that should be ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A symbolic link lies there.
    Symlink,
    /// It is a file with a second name elsewhere (hard link).
    Linked,
    /// It is no plain file.
    NotAFile,
    /// It is no folder.
    NotAFolder,
    /// Another user owns it.
    Foreign,
    /// It is a folder that everybody may write to, like `/tmp`.
    Shared,
    /// It is larger than anything we write there; the bound in bytes.
    TooLarge(u64),
}

/// A place that was refused; travels inside an [`io::Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: Why,
}

impl Refusal {
    /// Finds the refusal inside an error of [`crate::sys::files`].
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.why {
            Why::Symlink => write!(f, "{path} is a symbolic link"),
            Why::Linked => write!(f, "{path} has a second name elsewhere (a hard link)"),
            Why::NotAFile => write!(f, "{path} is not a plain file"),
            Why::NotAFolder => write!(f, "{path} is not a folder"),
            Why::Foreign => write!(f, "{path} belongs to another user"),
            Why::Shared => write!(f, "{path} is a folder that everybody may write to"),
            Why::TooLarge(bound) => write!(f, "{path} is larger than {bound} bytes"),
        }
    }
}

impl std::error::Error for Refusal {}

pub(super) fn refuse<T>(path: &Path, why: Why) -> io::Result<T> {
    let kind = match why {
        Why::Foreign | Why::Shared | Why::Linked | Why::Symlink => io::ErrorKind::PermissionDenied,
        Why::NotAFile => io::ErrorKind::InvalidInput,
        Why::NotAFolder => io::ErrorKind::NotADirectory,
        Why::TooLarge(_) => io::ErrorKind::FileTooLarge,
    };
    Err(io::Error::new(kind, Refusal { path: path.to_owned(), why }))
}
