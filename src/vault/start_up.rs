//! What is put right once at start: rights that are too wide, and leftovers of interrupted writes.

use std::path::Path;

use super::key_file::is_key_file;
use super::lock::{self, Held};
use super::slot::{LOCKS, LOGINS, STORE, Slot};
use super::{Vault, index_file};
use crate::sys::files;
use crate::sys::lock::FileLock;

impl Vault {
    /// Narrows what others could read of ours in the data folder, without a look at each account: the folders keep others
    /// out of what is in them. Returns sentences to print once; makes nothing where nothing is.
    pub fn guard(&self) -> Vec<String> {
        let data = self.dirs.data.as_path();
        if !data.is_dir() {
            return Vec::new();
        }
        let mut said = Vec::new();
        if let Err(error) = files::create_private_root(data).map(|n| said.extend(n.iter().map(ToString::to_string))) {
            return vec![format!("{} cannot be used: {error}.", data.display())];
        }
        files::narrow_in(data, |name| name == index_file::NAME || is_key_file(name), &mut said);
        files::narrow_in(data, |name| name == STORE || name == LOCKS, &mut said);
        said
    }

    /// Does what [`Vault::guard`] does for each account too, and removes leftover temporary files.
    pub fn start_up(&self) -> Vec<String> {
        let data = self.dirs.data.as_path();
        let mut said = self.guard();
        if !data.is_dir() {
            return said;
        }
        for folder in self.files.folders().unwrap_or_default() {
            files::narrow_in(&data.join(folder), |_| true, &mut said);
        }
        said.extend(self.sweep());
        said
    }

    /// Removes what interrupted writes left (`security.md` 3.4). Returns sentences on what could not be.
    pub fn sweep(&self) -> Vec<String> {
        let mut said = Vec::new();
        let data = self.dirs.data.as_path();
        let index_lock = |target: &str| {
            let ours = target == index_file::NAME || is_key_file(target);
            ours.then(|| FileLock::try_take(&lock::index_path(data)).ok().flatten()).flatten()
        };
        let mut failed = |folder: &Path, result: std::io::Result<usize>| {
            if let Err(error) = result {
                said.push(format!("{} could not be swept of leftover files: {error}.", folder.display()));
            }
        };
        failed(data, files::sweep_temporary(data, index_lock));
        let logins = Path::new(STORE).join(LOGINS);
        for folder in self.files.folders().unwrap_or_default() {
            let provider = folder.strip_prefix(&logins).ok().and_then(Path::to_str).filter(|name| !name.is_empty());
            let slot_lock = |target: &str| {
                let slot = Slot::of_file(provider, target)?;
                Held::attempt(&[data], &slot).ok().flatten()
            };
            let folder = data.join(&folder);
            failed(&folder, files::sweep_temporary(&folder, slot_lock));
        }
        said
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::super::Wish;
    use super::*;
    use crate::config::Dirs;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    async fn filled(root: &Path) -> Vault {
        let vault = Vault::new(&Dirs::below(root), Wish::File, true, false);
        let account = "codex:Work".parse().unwrap();
        let lock = vault.lock(&account).await.unwrap();
        vault.write(&lock, &account, "x").await.unwrap();
        vault
    }

    #[tokio::test]
    async fn what_others_could_read_is_narrowed_and_said_once_and_what_is_not_ours_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let vault = filled(dir.path()).await;
        let data = dir.path().join("data");
        assert_eq!(vault.start_up(), [""; 0]);
        let theirs = data.join("conversations.db");
        fs::write(&theirs, "x").unwrap();
        set_mode(&theirs, 0o644);
        set_mode(&data, 0o750);
        set_mode(&data.join("index.json"), 0o644);
        set_mode(&data.join("secure-store/tokens/codex"), 0o755);
        set_mode(&data.join("secure-store/tokens/codex/%57ork.sealed"), 0o660);
        let said = vault.start_up().join("\n").replace(&data.display().to_string(), "DATA");
        insta::assert_snapshot!(said, @r"
        DATA was open to others (mode 750); it is 700 now.
        DATA/index.json was open to others (mode 644); it is 600 now.
        DATA/secure-store/tokens/codex was open to others (mode 755); it is 700 now.
        DATA/secure-store/tokens/codex/%57ork.sealed was open to others (mode 660); it is 600 now.
        ");
        assert_eq!(vault.start_up(), [""; 0]);
        assert_eq!(fs::metadata(theirs).unwrap().permissions().mode() & 0o777, 0o644);
    }

    #[tokio::test]
    async fn leftovers_of_interrupted_writes_go_but_not_while_somebody_writes() {
        let dir = tempfile::tempdir().unwrap();
        let vault = filled(dir.path()).await;
        let data = dir.path().join("data");
        let codex = data.join("secure-store/tokens/codex");
        let keys = data.join("secure-store/keys");
        fs::create_dir(&keys).unwrap();
        set_mode(&keys, 0o700);
        let left = [
            data.join(".index.json.12345678.tmp"),
            data.join(".vault-0011223344556677.key.abcdefgh.tmp"),
            codex.join(".%57ork.sealed.ABCDEFGH.tmp"),
            keys.join(".openai.sealed.ABCDEFGH.tmp"),
        ];
        let kept = [data.join(".theirs.12345678.tmp"), codex.join(".Work.sealed.ABCDEFGH.tmp")];
        for path in left.iter().chain(&kept) {
            fs::write(path, "half").unwrap();
            set_mode(path, 0o600);
        }
        let index = lock::index(&data).unwrap();
        let account = vault.lock(&"codex:Work".parse().unwrap()).await.unwrap();
        assert_eq!(vault.start_up(), [""; 0]);
        assert_eq!(left.each_ref().map(|path| path.exists()), [true, true, true, false]);
        drop((index, account));
        assert_eq!(vault.start_up(), [""; 0]);
        assert_eq!(left.each_ref().map(|path| path.exists()), [false; 4]);
        assert_eq!(kept.each_ref().map(|path| path.exists()), [true; 2]);
    }

    #[test]
    fn nothing_is_made_where_nothing_is() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::new(&Dirs::below(&dir.path().join("new")), Wish::Auto, false, true);
        assert_eq!(vault.start_up(), [""; 0]);
        assert!(!dir.path().join("new").exists());
    }
}
