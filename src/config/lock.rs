//! The lock of settings and profiles, `<config>/config.lock`: never deleted, freed by the kernel.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::{Code, Failure, Outcome};
use crate::sys::files;

/// Held while settings or profiles are read, changed and written.
#[derive(Debug)]
pub struct ConfigLock(#[allow(dead_code, reason = "held, not read")] File);

impl ConfigLock {
    /// Takes it, waiting while another process writes.
    ///
    /// # Errors
    /// `E-FILE` when the folder cannot be written, `E-BUSY` after 90 seconds.
    pub fn take(config: &Path) -> Outcome<Self> {
        let path = config.join("config.lock");
        let fail = |e: std::io::Error| Failure::new(Code::File, format!("{} cannot be used: {e}.", path.display()));
        files::create_private_dir(config).map_err(fail)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(fail)?;
        let deadline = Instant::now() + Duration::from_secs(90);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(TryLockError::WouldBlock) => {
                    let words = format!("Another process has held {} for 90 seconds.", path.display());
                    return Err(Failure::new(Code::Busy, words));
                }
                Err(TryLockError::Error(e)) => return Err(fail(e)),
            }
        }
    }
}
