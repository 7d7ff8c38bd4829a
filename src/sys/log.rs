//! What happened: logins, renewals, switches, limits, refusals. One line each, redacted, 0600, rotated.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files;
use crate::secret::{Hidden, Secret};

/// Bytes after which the file becomes `llxprt.log.1`.
const FULL: u64 = 1 << 20;
/// Bytes that `/log` reads from the end.
const SHOWN: u64 = 64 << 10;

/// The log of a run; nothing that fails here stops anything.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    hidden: Arc<Hidden>,
}

impl Log {
    /// A log in this file, which is made at the first line; `hidden` are the secrets of the run, which the screen
    /// leaves out too.
    pub fn new(path: PathBuf, hidden: Arc<Hidden>) -> Self {
        Self { path, hidden }
    }

    /// Returns where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Learns a secret of this run, so that it is left out by value in every form it may take.
    pub fn hide(&self, secret: &Secret) {
        self.hidden.add(secret);
    }

    /// Takes every known secret and everything that looks like one out of a text.
    pub fn redact(&self, text: &str) -> String {
        llxprt_commands::redact(&self.hidden.clean(text))
    }

    /// Makes a text fit to be shown in one line: without secrets, and without what a terminal would obey.
    pub fn safe(&self, text: &str) -> String {
        crate::ui::clean_line(&self.redact(text))
    }

    /// Writes a line.
    pub fn note(&self, now: i64, who: &str, what: &str) {
        let time = crate::ui::times::rfc3339(now).unwrap_or_default();
        let line = self.safe(&format!("{time}  {who}  {what}"));
        let Some(folder) = self.path.parent() else { return };
        if files::create_private_root(folder).is_err() {
            return;
        }
        if std::fs::metadata(&self.path).is_ok_and(|m| m.len() > FULL) {
            let mut old = self.path.clone().into_os_string();
            old.push(".1");
            let _ = std::fs::rename(&self.path, old);
        }
        if let Ok(mut file) = files::open_private_append(&self.path) {
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
    }

    /// Reads the newest lines.
    ///
    /// # Errors
    /// Those of the system, but for a file that is not there.
    pub fn newest(&self) -> std::io::Result<String> {
        let mut file = match std::fs::File::open(&self.path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
            Err(e) => return Err(e),
        };
        let length = file.metadata()?.len();
        let begin = length.saturating_sub(SHOWN);
        file.seek(SeekFrom::Start(begin))?;
        let mut bytes = Vec::new();
        std::io::Read::take(&mut file, SHOWN).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(if begin > 0 { text.split_once('\n').map_or(String::new(), |(_, rest)| rest.to_owned()) } else { text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_begins_anew_and_stays_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("llxprt.log");
        let log = Log::new(path.clone(), Arc::default());
        log.note(0, "anthropic:work", "first");
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().set_len(FULL + 1).unwrap();
        log.note(1, "anthropic:work", "second");
        assert_eq!(log.newest().unwrap(), "1970-01-01T00:00:01Z  anthropic:work  second\n");
        let old = folder.path().join("llxprt.log.1");
        assert!(std::fs::read(&old).unwrap().starts_with(b"1970-01-01T00:00:00Z  anthropic:work  first\n"));
        #[cfg(unix)]
        for file in [path, old] {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
