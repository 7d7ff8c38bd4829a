//! `/keyfile`, and reading a file that holds an API key.

use std::path::{Path, PathBuf};

use llxprt_commands::Keyfile;

use super::key;
use crate::auth::precedence::{Given, Source};
use crate::error::{Code, Failure, Outcome};
use crate::run::Run;
use crate::secret::Secret;
use crate::sys::files::{self, Refusal};
use crate::ui::clean_line;

/// No key is longer.
const BOUND: u64 = 64 << 10;

/// `/keyfile PATH|none`: for this session; in the shell, which has none, for good (`providerKeyfiles`).
pub(super) fn keyfile(run: &mut Run, choice: Keyfile) -> Outcome {
    let Keyfile { path } = choice;
    let provider = key::active(run, "A key file")?;
    let setting = format!("providerKeyfiles.{provider}");
    if path == "none" {
        let there = match run.ui.session {
            true => run.chosen.keyfiles.remove(&provider).is_some(),
            false => run.settings.unset(&setting)?,
        };
        run.ui.say(&match (there, run.ui.session) {
            (true, true) => format!("This session uses no key file for {provider} any more."),
            (false, true) => format!("This session was given no key file for {provider}."),
            (true, false) => format!("{setting} is removed from settings.json."),
            (false, false) => format!("settings.json names no key file for {provider}."),
        });
        return key::tell_used(run, &provider);
    }
    let path = kept(&path);
    let found = read_kept(run, &path)
        .map_err(|why| Failure::new(Code::Key, format!("That key file cannot be used: {why}. Nothing changed.")))?;
    run.log.hide(&found);
    warn(run, &path);
    key::warn_foreign(run, &provider, &found);
    let shown = clean_line(&path);
    if run.ui.session {
        key::forget(run, &provider);
        run.chosen.keyfiles.insert(provider.clone(), path.clone());
        let is = key::used_or_held(run, &provider, &Source::SessionKeyfile(path));
        run.ui.say(&format!("The key in {shown} is {is} for {provider} in this session."));
    } else {
        run.settings.set(&setting, &path)?;
        run.ui.say(&format!("The key in {shown} is used for {provider} from now on ({setting} in settings.json)."));
    }
    key::tell_used(run, &provider)
}

/// Reads the key in a file: `~` is the home folder, a byte order mark and blanks around it are left out.
///
/// # Errors
/// Says why it cannot be used, as the end of a sentence.
pub(super) fn read(run: &Run, path: &str) -> Result<Secret, String> {
    let path = expanded(run, path);
    let shown = clean_line(&path.display().to_string());
    let trouble = |e: std::io::Error| match Refusal::of(&e) {
        Some(refusal) => clean_line(&refusal.to_string()),
        None => format!("{shown} cannot be read: {e}"),
    };
    match std::fs::metadata(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(format!("there is no file {shown}")),
        Err(e) => return Err(trouble(e)),
        // A pipe gives what it has once, and may keep us waiting for ever.
        Ok(meta) if meta.is_dir() => return Err(format!("{shown} is a folder")),
        Ok(meta) if !meta.is_file() => return Err(format!("{shown} is not a plain file")),
        Ok(_) => {}
    }
    let bytes = files::read_bounded(&path, BOUND).map_err(trouble)?;
    let Some(bytes) = bytes else { return Err(format!("there is no file {shown}")) };
    key_in(&bytes).map_err(|why| format!("{shown} {why}"))
}

/// As [`read`], for a path that is kept somewhere: it must mean the same file in every folder.
///
/// # Errors
/// As [`read`].
pub(super) fn read_kept(run: &Run, path: &str) -> Result<Secret, String> {
    if expanded(run, path).is_absolute() {
        return read(run, path);
    }
    // Whoever owns the folder that a person stands in must not choose the key (`docs/security.md`, network).
    Err(format!("{} is not a whole path; write it from / or from ~/", clean_line(path)))
}

/// As [`read`], for `--keyfile` at start: what is no plain file, such as a pipe of the shell, is read here and now.
/// `None`: it is a plain file, or nothing, and is read when it is needed.
pub(super) fn read_pipe(run: &Run, path: &str) -> Option<Result<Secret, String>> {
    let path = expanded(run, path);
    let kind = std::fs::metadata(&path).ok()?.file_type();
    if kind.is_file() || kind.is_dir() {
        return None;
    }
    let shown = clean_line(&path.display().to_string());
    Some(match files::read_bounded(&path, BOUND) {
        Ok(bytes) => key_in(&bytes.unwrap_or_default()).map_err(|why| format!("{shown} {why}")),
        Err(e) => Err(format!("{shown} cannot be read: {e}")),
    })
}

/// Finds the key in the bytes of a file; the error goes on after its name.
fn key_in(bytes: &[u8]) -> Result<Secret, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "holds no text".to_owned())?;
    key::checked(text).map_err(|_| match text.trim_start_matches('\u{feff}').trim() {
        "" if bytes.is_empty() => "is empty".to_owned(),
        "" => "holds only blanks".to_owned(),
        _ => "holds blanks, line breaks or letters that no key has".to_owned(),
    })
}

/// Says once that other users may read a file.
pub(super) fn warn(run: &mut Run, path: &str) {
    if let Some(words) = open_to_others(run, path).filter(|words| run.first_time(words)) {
        run.ui.warn(&words);
    }
}

#[cfg(unix)]
fn open_to_others(run: &Run, path: &str) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = expanded(run, path);
    let meta = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?;
    let mode = meta.permissions().mode() & 0o777;
    let shown = clean_line(&path.display().to_string());
    (mode & 0o077 != 0)
        .then(|| format!("{shown} can be read or changed by other users (mode {mode:03o}): chmod 600 closes it."))
}

#[cfg(not(unix))]
fn open_to_others(_run: &Run, _path: &str) -> Option<String> {
    None
}

/// Returns a path as it is kept: whole, but for `~`, which stays.
pub(super) fn kept(path: &str) -> String {
    if in_home(path).is_some() {
        return path.to_owned();
    }
    std::path::absolute(path).map_or_else(|_| path.to_owned(), |whole| whole.display().to_string())
}

/// Replaces a leading `~`.
pub(super) fn expanded(run: &Run, path: &str) -> PathBuf {
    match (in_home(path), run.env.get("HOME").or_else(|| run.env.get("USERPROFILE"))) {
        (Some(""), Some(home)) => PathBuf::from(home),
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        _ => PathBuf::from(path),
    }
}

fn in_home(path: &str) -> Option<&str> {
    let bare = (path == "~").then_some("");
    bare.or_else(|| path.strip_prefix("~/")).or_else(|| path.strip_prefix("~\\").filter(|_| cfg!(windows)))
}

/// Tells what a key file holds, without showing it.
pub(super) fn given(key: Result<Secret, String>) -> Given {
    match key {
        Ok(key) => Given::Value(key.tail()),
        Err(why) => Given::Broken(why),
    }
}
