//! Private folders: made 0700, narrowed when they are wider, swept of what an interrupted write left.

use std::fs::{self, DirBuilder, File, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::files::{RANDOM_LETTERS, check_plain, look, ours};
use super::refusal::{Why, refuse};

/// A file or folder that others could enter or read, and no longer can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrowed {
    /// The file or folder.
    pub path: PathBuf,
    /// The permission bits it had.
    pub had: u32,
    /// The permission bits it has now.
    pub has: u32,
}

impl std::fmt::Display for Narrowed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, had, has } = self;
        write!(f, "{} was open to others (mode {had:03o}); it is {has:03o} now.", path.display())
    }
}

/// Makes the folder at the root of our files, with its parents, 0700; it may itself be reached through a link.
///
/// # Errors
/// Those of the system; a refusal if it is no folder, everybody's, or somebody else's.
pub fn create_private_root(root: &Path) -> io::Result<Vec<Narrowed>> {
    let there = match fs::metadata(root) {
        Ok(there) => there,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            private_builder().recursive(true).create(root)?;
            root.parent().map_or(Ok(()), sync_folder)?;
            fs::metadata(root)?
        }
        Err(e) => return Err(e),
    };
    if !there.is_dir() {
        return refuse(root, Why::NotAFolder);
    }
    if !ours(&there) {
        return refuse(root, Why::Foreign);
    }
    if sticky(&there) {
        return refuse(root, Why::Shared);
    }
    Ok(narrow(root, &there)?.into_iter().collect())
}

/// Makes a folder below a root, and every one between, 0700; says which existing ones were open to others.
///
/// # Errors
/// Those of the system; a refusal if one of them is a symbolic link, no folder, or somebody else's.
pub fn create_private_dir(root: &Path, sub: impl AsRef<Path>) -> io::Result<Vec<Narrowed>> {
    let mut narrowed = create_private_root(root)?;
    let mut path = root.to_owned();
    for part in sub.as_ref().components() {
        let Component::Normal(part) = part else { return Err(io::ErrorKind::InvalidInput.into()) };
        let above = path.clone();
        path.push(part);
        let there = match look(&path)? {
            Some(there) => there,
            None => {
                match private_builder().create(&path) {
                    Ok(()) => sync_folder(&above)?,
                    Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(e) => return Err(e),
                }
                fs::symlink_metadata(&path)?
            }
        };
        check_folder(&path, &there)?;
        narrowed.extend(narrow(&path, &there)?);
    }
    Ok(narrowed)
}

fn check_folder(path: &Path, there: &Metadata) -> io::Result<()> {
    if there.is_symlink() {
        return refuse(path, Why::Symlink);
    }
    if !there.is_dir() {
        return refuse(path, Why::NotAFolder);
    }
    if ours(there) { Ok(()) } else { refuse(path, Why::Foreign) }
}

/// Takes the rights of others from a file or folder of ours; `None` when they had none.
///
/// # Errors
/// Those of the system.
#[cfg(unix)]
pub fn narrow(path: &Path, there: &Metadata) -> io::Result<Option<Narrowed>> {
    use std::os::unix::fs::PermissionsExt;
    let had = there.permissions().mode() & 0o7777;
    if had & 0o077 == 0 {
        return Ok(None);
    }
    let has = if there.is_dir() { 0o700 } else { 0o600 };
    fs::set_permissions(path, fs::Permissions::from_mode(has))?;
    Ok(Some(Narrowed { path: path.to_owned(), had, has }))
}

/// On Windows the access list of the user's profile is inherited.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn narrow(_path: &Path, _there: &Metadata) -> io::Result<Option<Narrowed>> {
    Ok(None)
}

/// Narrows the files and folders of ours directly in a folder, and says so.
pub fn narrow_in(folder: &Path, ours: impl Fn(&str) -> bool, said: &mut Vec<String>) {
    // What is a link is refused when it is used.
    if !fs::symlink_metadata(folder).is_ok_and(|there| there.is_dir()) {
        return;
    }
    for item in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(there) = fs::symlink_metadata(item.path()) else { continue };
        if there.is_symlink() || !item.file_name().to_str().is_some_and(&ours) {
            continue;
        }
        match narrow(&item.path(), &there) {
            Ok(narrowed) => said.extend(narrowed.map(|n| n.to_string())),
            Err(error) => said.push(format!("{} is open to others: {error}.", item.path().display())),
        }
    }
}

/// Removes what interrupted writes left in a folder, where the lock of what they were to become is free at once.
///
/// `lock` gets the name of the file that was to be written; `None` leaves the temporary file alone.
///
/// # Errors
/// Those of the system, but for a folder that is not there.
pub fn sweep_temporary<L>(folder: &Path, mut lock: impl FnMut(&str) -> Option<L>) -> io::Result<usize> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(e) => return Err(e),
    };
    let mut removed = 0;
    for item in listing {
        let item = item?;
        let name = item.file_name();
        let Some(target) = name.to_str().and_then(meant_for) else { continue };
        let Some(_held) = lock(target) else { continue };
        let Some(there) = look(&item.path())? else { continue };
        if check_plain(&item.path(), &there).is_ok() {
            fs::remove_file(item.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Returns NAME of `.NAME.RANDOM.tmp`.
fn meant_for(temporary: &str) -> Option<&str> {
    let (name, random) = temporary.strip_prefix('.')?.strip_suffix(".tmp")?.rsplit_once('.')?;
    let ours = random.len() == RANDOM_LETTERS && random.bytes().all(|b| b.is_ascii_alphanumeric());
    (ours && !name.is_empty()).then_some(name)
}

/// Makes the names in a folder survive a loss of power.
///
/// # Errors
/// Those of the system.
#[cfg(unix)]
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    // The parent of a bare name is the empty path, which cannot be opened.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

/// Windows has no such call and keeps names in its journal.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn private_builder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

#[cfg(not(unix))]
fn private_builder() -> DirBuilder {
    DirBuilder::new()
}

/// The sticky bit marks folders like `/tmp`: narrowing one would lock everybody else out of it.
#[cfg(unix)]
fn sticky(there: &Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&there.permissions()) & 0o1000 != 0
}

#[cfg(not(unix))]
fn sticky(_there: &Metadata) -> bool {
    false
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::super::files::{Refusal, write_private};
    use super::super::lock::FileLock;
    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn every_folder_on_the_way_is_made_private() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("a/b");
        assert_eq!(create_private_dir(&root, "locks/anthropic").unwrap(), []);
        for path in [dir.path().join("a"), root.clone(), root.join("locks"), root.join("locks/anthropic")] {
            assert_eq!(mode(&path), 0o700, "{}", path.display());
        }
    }

    #[test]
    fn a_folder_that_others_can_enter_is_narrowed_and_said_once() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("data");
        create_private_dir(&root, "secure-store/tokens").unwrap();
        set_mode(&root, 0o755);
        set_mode(&root.join("secure-store"), 0o777);
        let said: Vec<String> =
            create_private_dir(&root, "secure-store/tokens").unwrap().iter().map(ToString::to_string).collect();
        let told = said.join("\n").replace(&root.display().to_string(), "DATA");
        insta::assert_snapshot!(told, @r"
        DATA was open to others (mode 755); it is 700 now.
        DATA/secure-store was open to others (mode 777); it is 700 now.
        ");
        assert_eq!(mode(&root.join("secure-store")), 0o700);
        assert_eq!(create_private_dir(&root, "secure-store/tokens").unwrap(), []);
    }

    #[test]
    fn a_link_below_the_root_is_refused_with_its_path_and_the_root_itself_may_be_one() {
        let dir = tempfile::tempdir().unwrap();
        let (real, root) = (dir.path().join("real"), dir.path().join("root"));
        fs::create_dir(&real).unwrap();
        fs::create_dir(dir.path().join("elsewhere")).unwrap();
        symlink(&real, &root).unwrap();
        symlink(dir.path().join("elsewhere"), real.join("secure-store")).unwrap();
        assert!(create_private_dir(&root, "locks").is_ok());
        let refused = create_private_dir(&root, "secure-store/tokens").unwrap_err();
        assert_eq!(Refusal::of(&refused).unwrap(), &Refusal { path: root.join("secure-store"), why: Why::Symlink });
        assert_eq!(fs::read_dir(dir.path().join("elsewhere")).unwrap().count(), 0);
    }

    #[test]
    fn a_shared_folder_is_refused_as_a_root_and_keeps_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        set_mode(dir.path(), 0o1777);
        let refused = create_private_root(dir.path()).unwrap_err();
        assert_eq!(Refusal::of(&refused).unwrap().why, Why::Shared);
        assert_eq!(mode(dir.path()), 0o1777);
    }

    #[test]
    fn nothing_above_the_root_can_be_named() {
        let dir = tempfile::tempdir().unwrap();
        for sub in ["../x", "a/../../x", "/x", "./x/.."] {
            assert!(create_private_dir(&dir.path().join("root"), sub).is_err(), "{sub}");
        }
        assert!(!dir.path().join("x").exists());
    }

    #[test]
    fn sweeping_removes_only_our_leftovers_whose_lock_is_free() {
        let dir = tempfile::tempdir().unwrap();
        let keep =
            ["a.sealed", ".a.sealed.tmp", ".tmp", "..abcdEFG1.tmp", ".hidden", ".busy.abcdEFG1.tmp", ".a.short.tmp"];
        for name in keep.iter().chain(&[".a.sealed.abcdEFG1.tmp", ".index.json.00000000.tmp"]) {
            write_private(&dir.path().join(name), b"x").unwrap();
        }
        symlink("a.sealed", dir.path().join(".b.sealed.abcdEFG1.tmp")).unwrap();
        let locks = tempfile::tempdir().unwrap();
        let removed = sweep_temporary(dir.path(), |target| {
            (target != "busy").then(|| FileLock::try_take(&locks.path().join("l")).unwrap()).flatten()
        });
        assert_eq!(removed.unwrap(), 2);
        let mut left: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|i| i.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        let mut expected = keep.map(str::to_owned).to_vec();
        expected.push(".b.sealed.abcdEFG1.tmp".to_owned());
        expected.sort();
        assert_eq!(left, expected);
        assert_eq!(sweep_temporary(&dir.path().join("none"), |_| None::<()>).unwrap(), 0);
    }

    #[test]
    fn the_name_a_temporary_file_really_gets_is_recognized() {
        let dir = tempfile::tempdir().unwrap();
        let temporary = tempfile::Builder::new()
            .prefix(".a@b.c.sealed.")
            .suffix(".tmp")
            .rand_bytes(RANDOM_LETTERS)
            .tempfile_in(dir.path())
            .unwrap();
        assert_eq!(meant_for(temporary.path().file_name().unwrap().to_str().unwrap()), Some("a@b.c.sealed"));
    }
}
