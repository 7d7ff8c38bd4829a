//! The lock of settings and profiles, `<config>/config.lock`: never deleted, freed by the kernel.

use std::path::Path;
use std::time::Duration;

use crate::error::{Code, Failure, Outcome};
use crate::sys::files;
use crate::sys::lock::FileLock;

/// How long another process may write before it is said.
const PATIENCE: Duration = Duration::from_secs(90);

/// Held while settings or profiles are read, changed and written.
#[derive(Debug)]
pub struct ConfigLock(#[allow(dead_code, reason = "held, not read")] FileLock);

impl ConfigLock {
    /// Takes it, waiting while another process writes.
    ///
    /// # Errors
    /// `E-FILE` when the folder cannot be written, `E-BUSY` after 90 seconds.
    pub fn take(config: &Path) -> Outcome<Self> {
        let path = config.join("config.lock");
        let fail = |e: std::io::Error| Failure::new(Code::File, format!("{} cannot be used: {e}.", path.display()));
        files::create_private_root(config).map_err(fail)?;
        match FileLock::take(&path, PATIENCE).map_err(fail)? {
            Some(lock) => Ok(Self(lock)),
            None => {
                let words = format!("Another process has held {} for {} seconds.", path.display(), PATIENCE.as_secs());
                Err(Failure::new(Code::Busy, words))
            }
        }
    }
}

/// Narrows what others could read of settings and profiles; returns sentences to print once.
pub fn guard(config: &Path) -> Vec<String> {
    let mut said = Vec::new();
    if config.is_dir() {
        match files::create_private_root(config) {
            Ok(narrowed) => said.extend(narrowed.iter().map(ToString::to_string)),
            // Somebody else's can still be read; a write says what stands in its way.
            Err(_) => return said,
        }
        files::narrow_in(config, |name| matches!(name, "settings.json" | "profiles" | "providers"), &mut said);
    }
    said
}

/// Removes what interrupted writes of settings and profiles left, unless somebody writes right now.
///
/// # Errors
/// Those of the disk.
pub fn sweep(config: &Path) -> std::io::Result<usize> {
    let mut removed = 0;
    for folder in [config.to_owned(), config.join("profiles")] {
        if folder.is_dir() {
            removed +=
                files::sweep_temporary(&folder, |_| FileLock::try_take(&config.join("config.lock")).ok().flatten())?;
        }
    }
    Ok(removed)
}
