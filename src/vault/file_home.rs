//! Sealed files as a home of secrets.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::{Doing, VaultError, VaultErrorKind};
use super::key_file::VaultKey;
use super::slot::{KEYS, LOGINS, STORE, Slot};
use super::{key_file, lock, sealed};
use crate::sys::files;

/// More than any provider's tokens take.
pub(super) const LONGEST: usize = 1 << 20;
const BOUND: u64 = LONGEST as u64 + 4096;

/// The sealed files below a data folder.
#[derive(Debug)]
pub(super) struct FileHome {
    data: PathBuf,
}

impl FileHome {
    pub(super) fn new(data: &Path) -> Self {
        Self { data: data.to_owned() }
    }

    /// Returns where the sealed file of a slot lies.
    pub(super) fn path(&self, slot: &Slot) -> PathBuf {
        self.data.join(slot.file())
    }

    /// Tells whether something lies in the place of a sealed file.
    pub(super) fn has(&self, slot: &Slot) -> bool {
        fs::symlink_metadata(self.path(slot)).is_ok()
    }

    /// Opens the sealed file of a slot; `None` when there is none.
    pub(super) fn read(&self, slot: &Slot) -> Result<Option<Zeroizing<String>>, VaultError> {
        let path = self.path(slot);
        self.check_folders(&path)?;
        let Some(bytes) = files::read_private(&path, BOUND).map_err(Doing::Read.failed(&path))? else {
            return Ok(None);
        };
        let unopened = |why| unopened(&path, slot, why);
        let id = sealed::key_id(&bytes).map_err(unopened)?;
        let key = key_file::read(&self.data, id).map_err(|mut error| {
            error.message = format!("{} cannot be opened. {}", path.display(), error.message);
            error
        })?;
        let text = sealed::open(&key, slot, &bytes).map_err(unopened)?;
        match std::str::from_utf8(&text) {
            Ok(text) => Ok(Some(Zeroizing::new(text.to_owned()))),
            Err(_) => {
                let words = format!("{} opens, but holds no text. It is kept.", path.display());
                Err(VaultError::new(VaultErrorKind::Damaged, words).at(&path))
            }
        }
    }

    /// Seals a text into the file of a slot; the notes name damaged key files and folders that were open to others.
    pub(super) fn write(&self, slot: &Slot, text: &str) -> Result<Vec<String>, VaultError> {
        let path = self.path(slot);
        let (key, notes) = self.ready(slot, &path)?;
        files::write_private(&path, &seal(&key, slot, text)?).map_err(Doing::Write.failed(&path))?;
        Ok(notes)
    }

    /// Takes the room that the next text of a slot needs, so that writing it hardly fails.
    pub(super) fn room(&self, slot: &Slot) -> Result<FileRoom, VaultError> {
        let path = self.path(slot);
        let (key, notes) = self.ready(slot, &path)?;
        let room = files::Room::take(&path).map_err(Doing::Write.failed(&path))?;
        Ok(FileRoom { key, notes, room })
    }

    /// As [`FileHome::write`], into room that was taken for this slot.
    pub(super) fn fill(&self, slot: &Slot, text: &str, room: FileRoom) -> Result<Vec<String>, VaultError> {
        let FileRoom { key, notes, room } = room;
        let path = self.path(slot);
        room.fill(&seal(&key, slot, text)?).map_err(Doing::Write.failed(&path))?;
        Ok(notes)
    }

    /// Makes folder and key for the file of a slot.
    fn ready(&self, slot: &Slot, path: &Path) -> Result<(VaultKey, Vec<String>), VaultError> {
        let sub = slot.file();
        let folder = sub.parent().unwrap_or(Path::new(""));
        let narrowed = files::create_private_dir(&self.data, folder).map_err(Doing::Write.failed(path))?;
        let mut notes: Vec<String> = narrowed.iter().map(ToString::to_string).collect();
        let (key, damaged) = {
            let _index = lock::index(&self.data)?;
            key_file::first_or_new(&self.data)?
        };
        notes.extend(damaged);
        Ok((key, notes))
    }

    /// Removes the sealed file of a slot; `false` when there was none.
    pub(super) fn delete(&self, slot: &Slot) -> Result<bool, VaultError> {
        let path = self.path(slot);
        self.check_folders(&path)?;
        let gone = files::remove_private(&path).map_err(Doing::Remove.failed(&path))?;
        if self.has(slot) {
            let words = format!("{} is still there after it was removed.", path.display());
            return Err(VaultError::new(VaultErrorKind::Io, words).at(&path));
        }
        Ok(gone)
    }

    /// Refuses a symbolic link in the place of a folder between the data folder and a sealed file.
    fn check_folders(&self, path: &Path) -> Result<(), VaultError> {
        for folder in path.ancestors().skip(1).take_while(|folder| *folder != self.data) {
            if fs::symlink_metadata(folder).is_ok_and(|there| there.is_symlink()) {
                let words = format!("{} is a symbolic link, so it is not used.", folder.display());
                return Err(VaultError::new(VaultErrorKind::Symlink, words).at(folder));
            }
        }
        Ok(())
    }

    /// Lists the slots that have a sealed file, by their names.
    pub(super) fn list(&self) -> Result<Vec<Slot>, VaultError> {
        let mut slots = Vec::new();
        let logins = Path::new(STORE).join(LOGINS);
        for provider in self.names(&logins)? {
            let files = self.names(&logins.join(&provider))?;
            slots.extend(files.iter().filter_map(|file| Slot::of_file(Some(&provider), file)));
        }
        let keys = self.names(&Path::new(STORE).join(KEYS))?;
        slots.extend(keys.iter().filter_map(|file| Slot::of_file(None, file)));
        slots.sort();
        Ok(slots)
    }

    /// Lists the folders that hold sealed files, relative to the data folder.
    pub(super) fn folders(&self) -> Result<Vec<PathBuf>, VaultError> {
        let logins = Path::new(STORE).join(LOGINS);
        let mut folders = vec![PathBuf::from(STORE), Path::new(STORE).join(KEYS), logins.clone()];
        folders.extend(self.names(&logins)?.into_iter().map(|provider| logins.join(provider)));
        Ok(folders)
    }

    /// Lists what a folder below the data folder holds; a link, a file or nothing in its place holds nothing.
    fn names(&self, sub: &Path) -> Result<Vec<String>, VaultError> {
        let folder = self.data.join(sub);
        if self.check_folders(&folder.join("any")).is_err() {
            return Ok(Vec::new());
        }
        let listing = match fs::read_dir(&folder) {
            Ok(listing) => listing,
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Vec::new());
            }
            Err(e) => return Err(VaultError::file(Doing::Read, &folder, &e)),
        };
        let mut names = Vec::new();
        for item in listing {
            let item = item.map_err(Doing::Read.failed(&folder))?;
            names.extend(item.file_name().into_string().ok());
        }
        Ok(names)
    }
}

/// Room for the next text of one slot, with the key that it is sealed with.
pub(super) struct FileRoom {
    key: VaultKey,
    notes: Vec<String>,
    room: files::Room,
}

fn seal(key: &VaultKey, slot: &Slot, text: &str) -> Result<Vec<u8>, VaultError> {
    sealed::seal(key, slot, text.as_bytes()).map_err(|e| {
        VaultError::new(VaultErrorKind::Io, format!("The system gave no random bytes to seal {slot} with: {e}."))
    })
}

fn unopened(path: &Path, slot: &Slot, why: sealed::Unopened) -> VaultError {
    let path_text = path.display();
    let words = match why {
        sealed::Unopened::Format => {
            format!("{path_text} is no sealed file that this version knows. It is left as it is.")
        }
        sealed::Unopened::Short => format!("{path_text} is cut off. It is kept."),
        sealed::Unopened::Forged => {
            format!("{path_text} does not open: it was changed, or it is not that of {slot}. It is kept.")
        }
    };
    VaultError::new(VaultErrorKind::Damaged, words).at(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(account: &str) -> Slot {
        Slot::Login(account.parse().unwrap())
    }

    fn read(home: &FileHome, slot: &Slot) -> Option<String> {
        home.read(slot).unwrap().map(|text| text.to_string())
    }

    #[test]
    fn a_secret_comes_back_is_listed_and_goes() {
        let dir = tempfile::tempdir().unwrap();
        let home = FileHome::new(dir.path());
        let (one, key) = (login("anthropic:Work"), Slot::Key("openai".parse().unwrap()));
        assert_eq!(read(&home, &one), None);
        assert_eq!(home.list().unwrap(), []);
        home.write(&one, "canary-one").unwrap();
        home.write(&key, "canary-key").unwrap();
        assert_eq!(read(&home, &one).unwrap(), "canary-one");
        assert_eq!(home.list().unwrap(), [one.clone(), key.clone()]);
        assert!(home.delete(&one).unwrap());
        assert!(!home.delete(&one).unwrap());
        assert_eq!(read(&home, &one), None);
        assert_eq!(read(&home, &key).unwrap(), "canary-key");
    }

    #[test]
    fn no_file_holds_a_secret_in_the_clear_and_all_are_private() {
        let dir = tempfile::tempdir().unwrap();
        FileHome::new(dir.path()).write(&login("codex:default"), "canary-in-the-clear").unwrap();
        let mut folders = vec![dir.path().to_owned()];
        let mut seen = 0;
        while let Some(folder) = folders.pop() {
            for item in fs::read_dir(folder).unwrap() {
                let path = item.unwrap().path();
                #[cfg(unix)]
                {
                    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&path).unwrap()) & 0o777;
                    assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
                }
                if path.is_dir() {
                    folders.push(path);
                } else {
                    seen += 1;
                    let bytes = fs::read(&path).unwrap();
                    assert!(!bytes.windows(6).any(|w| w == b"canary"), "{}", path.display());
                }
            }
        }
        assert!(seen >= 3, "key, lock and sealed file");
    }

    #[test]
    fn a_file_copied_over_another_account_is_named_kept_and_the_others_open() {
        let dir = tempfile::tempdir().unwrap();
        let home = FileHome::new(dir.path());
        let (mine, theirs) = (login("codex:mine"), login("codex:theirs"));
        home.write(&mine, "m").unwrap();
        home.write(&theirs, "t").unwrap();
        fs::copy(home.path(&theirs), home.path(&mine)).unwrap();
        let before = fs::read(home.path(&mine)).unwrap();
        let error = home.read(&mine).unwrap_err();
        assert_eq!((error.kind, error.path), (VaultErrorKind::Damaged, Some(home.path(&mine))));
        assert!(error.message.contains("codex:mine"));
        assert_eq!(fs::read(home.path(&mine)).unwrap(), before);
        assert_eq!(read(&home, &theirs).unwrap(), "t");
        home.write(&mine, "new").unwrap();
        assert_eq!(read(&home, &mine).unwrap(), "new");
    }

    #[test]
    fn a_missing_key_and_a_flipped_one_are_told_apart_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let home = FileHome::new(dir.path());
        let slot = login("codex:work");
        home.write(&slot, "x").unwrap();
        let key = fs::read_dir(dir.path())
            .unwrap()
            .map(|item| item.unwrap().path())
            .find(|path| path.extension().is_some_and(|e| e == "key"))
            .unwrap();
        let whole = fs::read_to_string(&key).unwrap();
        fs::write(&key, whole.replace("v1", "v7")).unwrap();
        let error = home.read(&slot).unwrap_err();
        assert_eq!((error.kind, error.path.as_ref()), (VaultErrorKind::Damaged, Some(&key)));
        fs::remove_file(&key).unwrap();
        let error = home.read(&slot).unwrap_err();
        assert_eq!((error.kind, error.path.as_ref()), (VaultErrorKind::Unreadable, Some(&key)));
        assert!(error.message.contains(&home.path(&slot).display().to_string()), "{}", error.message);
    }

    #[test]
    fn many_first_writes_at_once_end_with_one_key_and_every_secret_opens() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let slots: Vec<_> = (0..8).map(|n| login(&format!("qwen:b{n}"))).collect();
        std::thread::scope(|scope| {
            for slot in &slots {
                scope.spawn(|| FileHome::new(&data).write(slot, &slot.to_string()).unwrap());
            }
        });
        let keys = fs::read_dir(&data)
            .unwrap()
            .filter(|i| i.as_ref().is_ok_and(|i| key_file::is_key_file(i.file_name().to_str().unwrap())))
            .count();
        assert_eq!(keys, 1);
        for slot in &slots {
            assert_eq!(read(&FileHome::new(&data), slot).unwrap(), slot.to_string());
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_in_the_place_of_files_and_folders_are_refused_with_their_path() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let (data, away) = (dir.path().join("data"), dir.path().join("away"));
        let home = FileHome::new(&data);
        let slot = login("codex:work");
        home.write(&slot, "x").unwrap();
        fs::rename(home.path(&slot), &away).unwrap();
        symlink(&away, home.path(&slot)).unwrap();
        for error in
            [home.read(&slot).unwrap_err(), home.write(&slot, "y").unwrap_err(), home.delete(&slot).unwrap_err()]
        {
            assert_eq!((error.kind, error.path), (VaultErrorKind::Symlink, Some(home.path(&slot))));
        }
        assert!(away.exists());
        let store = data.join("secure-store");
        fs::rename(&store, dir.path().join("store")).unwrap();
        symlink(dir.path().join("store"), &store).unwrap();
        for error in
            [home.read(&slot).unwrap_err(), home.write(&slot, "y").unwrap_err(), home.delete(&slot).unwrap_err()]
        {
            assert_eq!((error.kind, error.path.as_ref()), (VaultErrorKind::Symlink, Some(&store)));
        }
        assert_eq!(home.list().unwrap(), []);
    }

    #[test]
    fn strangers_among_the_sealed_files_are_left_out_of_the_list() {
        let dir = tempfile::tempdir().unwrap();
        let home = FileHome::new(dir.path());
        home.write(&login("codex:work"), "x").unwrap();
        let folder = home.path(&login("codex:work")).parent().unwrap().to_owned();
        for name in ["Work.sealed", ".a.sealed.12345678.tmp", "notes.txt", "all.sealed"] {
            fs::write(folder.join(name), "x").unwrap();
        }
        // LLxprt Code keeps its own files in the same folder.
        let theirs = dir.path().join("secure-store/llxprt-code-oauth");
        fs::create_dir_all(&theirs).unwrap();
        fs::write(theirs.join("anthropic%3Adefault.enc"), "{}").unwrap();
        assert_eq!(home.list().unwrap(), [login("codex:work")]);
    }
}
