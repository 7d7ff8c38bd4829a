//! The search for canary secrets: values that a test planted and that must not lie or be shown anywhere else.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Returns every disguise in which the secret would still be usable: as it is, percent-encoded, JSON-escaped, and
/// in the middle of base64 text at each of the three alignments (security 7).
pub fn disguises(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    assert!(secret.len() >= 12, "a canary of {} bytes would be found by chance", secret.len());
    let mut all = vec![("plain", secret.as_bytes().to_vec())];
    let mut add = |name, form: String| {
        if !form.is_empty() && !all.iter().any(|(_, have)| have == form.as_bytes()) {
            all.push((name, form.into_bytes()));
        }
    };
    add("percent-encoded", url::form_urlencoded::byte_serialize(secret.as_bytes()).collect());
    let json = serde_json::Value::from(secret).to_string();
    add("JSON-escaped", json[1..json.len() - 1].to_owned());
    for shift in 0..3 {
        // `shift` unknown bytes stand before the secret; only whole groups of three bytes are sure to look like this.
        let whole = &secret.as_bytes()[(3 - shift) % 3..];
        let whole = &whole[..whole.len() / 3 * 3];
        add("base64", STANDARD_NO_PAD.encode(whole));
        add("base64url", URL_SAFE_NO_PAD.encode(whole));
    }
    all
}

/// Returns the name of the first disguise of the secret that the bytes hold.
pub fn find(bytes: &[u8], secret: &str) -> Option<&'static str> {
    disguises(secret).into_iter().find(|(_, form)| memchr::memmem::find(bytes, form).is_some()).map(|(name, _)| name)
}

/// Returns every regular file below the folder, links not followed.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // A folder may vanish while a program that was told to end still tidies up.
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files.sort();
    files
}
