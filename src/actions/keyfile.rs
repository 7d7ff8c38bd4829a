//! Reading a file that holds an API key.

use std::path::{Path, PathBuf};

use crate::run::Run;
use crate::secret::Secret;
use crate::sys::files;

/// No key is longer.
const BOUND: u64 = 64 << 10;

/// Reads the key in a file: `~` is the home folder, a byte order mark and blanks around it are left out.
///
/// # Errors
/// Says why it cannot be used, as the end of a sentence.
pub(super) fn read(run: &Run, path: &str) -> Result<Secret, String> {
    let path = expanded(run, path);
    let bytes = files::read_bounded(&path, BOUND).map_err(|e| e.to_string())?;
    let Some(bytes) = bytes else { return Err(format!("there is no file {}", path.display())) };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| format!("{} holds no text", path.display()))?.trim();
    if text.is_empty() {
        return Err(format!("{} is empty", path.display()));
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(format!("{} holds blanks, line breaks or letters that no key has", path.display()));
    }
    Ok(Secret::new(text))
}

/// Warns of a file that other users may read.
pub(super) fn open_to_others(run: &Run, path: &str) -> Option<String> {
    let path = expanded(run, path);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path).ok()?.permissions().mode();
        (mode & 0o077 != 0)
            .then(|| format!("{} can be read by other users (mode {:03o}).", path.display(), mode & 0o777))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// Replaces a leading `~`.
pub(super) fn expanded(run: &Run, path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), run.env.get("HOME").or_else(|| run.env.get("USERPROFILE"))) {
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        _ => PathBuf::from(path),
    }
}
