//! What is put right once at start: rights that are too wide, and leftovers of interrupted writes.

use std::fs;
use std::path::Path;

use super::key_file::is_key_file;
use super::lock::{self, Held};
use super::slot::{LOCKS, LOGINS, STORE, Slot};
use super::{Vault, index_file};
use crate::sys::files;
use crate::sys::lock::FileLock;

impl Vault {
    /// Narrows what others could read of ours below the data folder, and removes leftover temporary files; returns
    /// sentences to print once. Makes nothing where nothing is.
    pub fn start_up(&self) -> Vec<String> {
        let data = self.dirs.data.as_path();
        if !data.is_dir() {
            return Vec::new();
        }
        let mut said = Vec::new();
        if let Err(error) = files::create_private_root(data).map(|n| said.extend(n.iter().map(ToString::to_string))) {
            said.push(format!("{} cannot be used: {error}.", data.display()));
            return said;
        }
        narrow_in(data, |name| name == index_file::NAME || is_key_file(name), &mut said);
        narrow_in(data, |name| name == STORE || name == LOCKS, &mut said);
        for folder in self.files.folders().unwrap_or_default() {
            narrow_in(&data.join(folder), |_| true, &mut said);
        }
        self.sweep(&mut said);
        said
    }

    fn sweep(&self, said: &mut Vec<String>) {
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
    }
}

fn narrow_in(folder: &Path, ours: impl Fn(&str) -> bool, said: &mut Vec<String>) {
    // What is a link is refused when it is used.
    if !fs::symlink_metadata(folder).is_ok_and(|there| there.is_dir()) {
        return;
    }
    for item in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(there) = fs::symlink_metadata(item.path()) else { continue };
        if there.is_symlink() || !item.file_name().to_str().is_some_and(&ours) {
            continue;
        }
        match files::narrow(&item.path(), &there) {
            Ok(narrowed) => said.extend(narrowed.map(|n| n.to_string())),
            Err(error) => said.push(format!("{} is open to others: {error}.", item.path().display())),
        }
    }
}
