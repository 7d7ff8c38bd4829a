//! What happened: logins, renewals, switches, limits, refusals. One line each, redacted, 0600, rotated.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use zeroize::Zeroizing;

use super::files;
use crate::secret::Secret;

/// Bytes after which the file becomes `llxprt.log.1`.
const FULL: u64 = 1 << 20;
/// Bytes that `/log` reads from the end.
const SHOWN: u64 = 64 << 10;

/// The log of a run; nothing that fails here stops anything.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    secrets: Mutex<Vec<Secret>>,
}

impl Log {
    /// A log in this file, which is made at the first line.
    pub fn new(path: PathBuf) -> Self {
        Self { path, secrets: Mutex::default() }
    }

    /// Returns where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Learns a secret of this run, so that it is left out by value in every form it may take.
    pub fn hide(&self, secret: &Secret) {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if secret.expose().len() >= 8 && !secrets.contains(secret) {
            secrets.push(secret.clone());
        }
    }

    /// Takes every known secret and everything that looks like one out of a text.
    pub fn redact(&self, text: &str) -> String {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut clean = text.to_owned();
        for secret in secrets.iter() {
            for form in forms(secret.expose()) {
                if clean.contains(&*form) {
                    clean = clean.replace(&*form, "…");
                }
            }
        }
        llxprt_commands::redact(&clean)
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

/// Returns the shapes in which a secret may stand in a text: as it is, percent-encoded, JSON-escaped, and in the middle
/// of base64 text at each of the three alignments.
fn forms(value: &str) -> Vec<Zeroizing<String>> {
    let json = serde_json::Value::from(value).to_string();
    let percent: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let mut forms = vec![value.to_owned(), percent, json[1..json.len() - 1].to_owned()];
    for engine in [URL_SAFE_NO_PAD, STANDARD_NO_PAD] {
        // The whole, with a last group that may be short; then what is sure to look so wherever it stands.
        forms.push(engine.encode(value));
        for skipped in 0..3 {
            let whole = value.as_bytes().get(skipped..).unwrap_or_default();
            let whole = &whole[..whole.len() / 3 * 3];
            if whole.len() >= 6 {
                forms.push(engine.encode(whole));
            }
        }
    }
    forms.into_iter().map(Zeroizing::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_within_base64_text_is_left_out_wherever_it_begins() {
        let log = Log::new(PathBuf::new());
        log.hide(&Secret::new("canary-value-0123456789"));
        for before in ["", "a", "ab", "abc"] {
            let coded = STANDARD_NO_PAD.encode(format!("{before}canary-value-0123456789:x"));
            assert!(log.redact(&coded).contains('…'), "{before}");
        }
    }

    #[test]
    fn a_full_log_begins_anew_and_stays_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("llxprt.log");
        let log = Log::new(path.clone());
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

    #[test]
    fn a_secret_is_left_out_by_value_in_every_form_and_lines_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::new(folder.path().join("log").join("llxprt.log"));
        let secret = "can/ary+\"value\" 1";
        log.hide(&Secret::new(secret));
        let forms =
            format!("{secret} can%2Fary%2B%22value%22+1 can/ary+\\\"value\\\" 1 {}", URL_SAFE_NO_PAD.encode(secret));
        log.note(0, "anthropic:work", &format!("renewed {forms}"));
        let shown = log.newest().unwrap();
        assert_eq!(shown, "1970-01-01T00:00:00Z  anthropic:work  renewed … … … …\n");
    }
}
