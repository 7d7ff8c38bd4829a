//! Private files: written whole or not at all, readable by their owner only, never through a symbolic link.
//!
//! The order of a write is that of `security.md` 3.4: temporary file in the same folder, write, fsync, rename, fsync
//! of the folder. Errors are those of the system, or carry a [`Refusal`] that names the place.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

pub use super::folders::{
    Narrowed, create_private_dir, create_private_root, narrow, narrow_in, sweep_temporary, sync_folder,
};
use super::refusal::refuse;
pub use super::refusal::{Refusal, Why};
pub use super::room::Room;

/// How many random letters stand in the name of a temporary file, `.NAME.RANDOM.tmp`.
pub(super) const RANDOM_LETTERS: usize = 8;

/// Writes a file that only its owner may read, in place of what was there.
///
/// The folder must exist. Either the old content or the new one is there afterwards, also after a loss of power.
///
/// # Errors
/// Those of the system; a refusal if the file is a symbolic link or the folder belongs to somebody else.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(path, bytes, |temporary| temporary.persist(path).map(drop).map_err(|e| e.error))
}

/// Writes a file that only its owner may read, unless there is one: then the error is `AlreadyExists`.
///
/// # Errors
/// As [`write_private`].
pub fn write_private_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(path, bytes, |temporary| temporary.persist_noclobber(path).map(drop).map_err(|e| e.error))
}

fn put(path: &Path, bytes: &[u8], keep: impl FnOnce(tempfile::NamedTempFile) -> io::Result<()>) -> io::Result<()> {
    let mut temporary = beside(path)?;
    // Past tempfile, which would add its own path to the words of an error.
    temporary.as_file_mut().write_all(bytes)?;
    temporary.as_file().sync_all()?;
    keep(temporary)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes an empty temporary file in the folder of a private one that it may replace.
pub(super) fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    if let Some(there) = look(path)? {
        check_plain(path, &there)?;
    }
    let found = fs::metadata(folder)?;
    if !found.is_dir() {
        return refuse(folder, Why::NotAFolder);
    }
    if !ours(&found) {
        return refuse(folder, Why::Foreign);
    }
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".tmp")
        .rand_bytes(RANDOM_LETTERS)
        .tempfile_in(folder)
        // tempfile adds its own path to the words; the kind is what the caller needs.
        .map_err(|e| e.kind().into())
}

/// Reads a private file of ours; `None` when there is none.
///
/// # Errors
/// Those of the system; a refusal if it is a link, no plain file, somebody else's, or larger than the bound.
pub fn read_private(path: &Path, bound: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(there) = look(path)? else { return Ok(None) };
    check_plain(path, &there)?;
    if !ours(&there) {
        return refuse(path, Why::Foreign);
    }
    read_bounded(path, bound)
}

/// Reads a file of any origin, following links; `None` when there is none.
///
/// # Errors
/// Those of the system; a refusal if it is a folder or larger than the bound.
pub fn read_bounded(path: &Path, bound: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let found = file.metadata()?;
    if found.is_dir() {
        return refuse(path, Why::NotAFile);
    }
    let expected = usize::try_from(found.len().min(bound)).unwrap_or(0);
    let mut bytes = Vec::with_capacity(expected + 1);
    file.take(bound.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bound { refuse(path, Why::TooLarge(bound)) } else { Ok(Some(bytes)) }
}

/// Opens a file for appending that only its owner may read: history and log (`security.md` 3.4).
///
/// # Errors
/// Those of the system; a refusal if it is a link of either kind, no plain file, or somebody else's.
pub fn open_private_append(path: &Path) -> io::Result<File> {
    if let Some(there) = look(path)? {
        check_plain(path, &there)?;
        if !ours(&there) {
            return refuse(path, Why::Foreign);
        }
        if names(&there) > 1 {
            return refuse(path, Why::Linked);
        }
        narrow(path, &there)?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    private(&mut options).open(path)
}

/// Removes a file of ours for good; `false` when there was none.
///
/// # Errors
/// Those of the system; a refusal if it is a symbolic link or no plain file.
pub fn remove_private(path: &Path) -> io::Result<bool> {
    let Some(there) = look(path)? else { return Ok(false) };
    check_plain(path, &there)?;
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(e),
    }
    path.parent().map_or(Ok(()), sync_folder)?;
    Ok(true)
}

/// Returns what lies at a path itself, not behind it; `None` when nothing does.
pub(super) fn look(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

pub(super) fn check_plain(path: &Path, there: &Metadata) -> io::Result<()> {
    if there.is_symlink() {
        return refuse(path, Why::Symlink);
    }
    if there.is_file() { Ok(()) } else { refuse(path, Why::NotAFile) }
}

/// Makes a file that is created readable and writable by its owner only.
#[cfg(unix)]
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

/// On Windows the access list of the user's profile is inherited.
#[cfg(not(unix))]
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(unix)]
pub(super) fn ours(there: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(there) == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
pub(super) fn ours(_there: &Metadata) -> bool {
    true
}

#[cfg(unix)]
fn names(there: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(there)
}

#[cfg(not(unix))]
fn names(_there: &Metadata) -> u64 {
    1
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn why(result: io::Result<impl std::fmt::Debug>) -> Why {
        Refusal::of(&result.unwrap_err()).unwrap().why
    }

    #[test]
    fn a_write_replaces_the_whole_file_makes_it_private_and_leaves_no_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index.json");
        fs::write(&path, "an older and longer content").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write_private(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_write_of_a_new_file_never_replaces_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vault.key");
        write_private_new(&path, b"first").unwrap();
        assert_eq!(write_private_new(&path, b"second").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_symbolic_link_is_neither_read_written_appended_to_nor_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        fs::write(&target, "theirs").unwrap();
        symlink(&target, &link).unwrap();
        assert_eq!(why(write_private(&link, b"ours")), Why::Symlink);
        assert_eq!(why(write_private_new(&link, b"ours")), Why::Symlink);
        assert_eq!(why(read_private(&link, 100)), Why::Symlink);
        assert_eq!(why(open_private_append(&link)), Why::Symlink);
        assert_eq!(why(remove_private(&link)), Why::Symlink);
        assert_eq!(fs::read(&target).unwrap(), b"theirs");
        assert!(write_private(&link, b"ours").unwrap_err().to_string().contains("link is a symbolic link"));
    }

    #[test]
    fn a_dangling_link_is_refused_too() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        symlink(dir.path().join("nowhere"), &link).unwrap();
        assert_eq!(why(write_private(&link, b"x")), Why::Symlink);
        assert_eq!(why(open_private_append(&link)), Why::Symlink);
        assert!(!dir.path().join("nowhere").exists());
    }

    #[test]
    fn a_write_over_a_hard_link_leaves_the_other_name_alone_and_appending_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (other, path) = (dir.path().join("other"), dir.path().join("history"));
        fs::write(&other, "theirs").unwrap();
        fs::hard_link(&other, &path).unwrap();
        assert_eq!(why(open_private_append(&path)), Why::Linked);
        write_private(&path, b"ours").unwrap();
        assert_eq!(fs::read(&other).unwrap(), b"theirs");
        assert_eq!(fs::read(&path).unwrap(), b"ours");
    }

    #[test]
    fn a_file_over_the_bound_is_refused_and_one_at_the_bound_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, vec![b'x'; 100]).unwrap();
        assert_eq!(read_private(&path, 100).unwrap().unwrap().len(), 100);
        assert_eq!(why(read_private(&path, 99)), Why::TooLarge(99));
        assert_eq!(read_private(&dir.path().join("none"), 9).unwrap(), None);
        // Endless files say a length of zero.
        assert_eq!(why(read_bounded(Path::new("/dev/zero"), 1000)), Why::TooLarge(1000));
    }

    #[test]
    fn a_folder_or_pipe_in_the_place_of_a_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index.json");
        fs::create_dir(&path).unwrap();
        assert_eq!(why(read_private(&path, 9)), Why::NotAFile);
        assert_eq!(why(write_private(&path, b"x")), Why::NotAFile);
        assert_eq!(why(read_private(Path::new("/dev/null"), 9)), Why::NotAFile);
    }

    #[test]
    fn appending_creates_a_private_file_and_narrows_one_that_others_could_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history");
        open_private_append(&path).unwrap().write_all(b"one\n").unwrap();
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
        open_private_append(&path).unwrap().write_all(b"two\n").unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n");
    }

    #[test]
    fn a_failed_write_keeps_the_old_content_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write_private(&path, b"old").unwrap();
        let failed = put(&path, b"new", |_| Err(io::ErrorKind::StorageFull.into()));
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_another_user_owns_is_refused() {
        if !rustix::process::geteuid().is_root() {
            return; // only root can give a file away
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "planted").unwrap();
        std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
        assert_eq!(why(read_private(&path, 100)), Why::Foreign);
        assert_eq!(why(open_private_append(&path)), Why::Foreign);
        std::os::unix::fs::chown(dir.path(), Some(12345), None).unwrap();
        assert_eq!(why(write_private(&dir.path().join("new"), b"x")), Why::Foreign);
        assert_eq!(why(create_private_dir(dir.path(), "locks")), Why::Foreign);
    }
}
