//! Logins: the part of the vault that most of the program uses.

use std::path::Path;

use llxprt_commands::Account;
use zeroize::Zeroizing;

use super::error::{VaultError, VaultErrorKind};
use super::file_home::FileRoom;
use super::index::{Home, Index, StoreSeen};
use super::lock::{AccountLock, Held};
use super::secrets::Form;
use super::slot::Slot;
use super::{Vault, Written};

/// Said of an account that the index names and whose secret is not there.
const NOTHING: &str = "nothing is stored for it";
/// Said of an account from its first index entry until its secret is written.
pub(super) const UNFINISHED: &str = "its sign-in was not completed";

/// Room for the next content of one login; the default is none that was taken beforehand.
#[derive(Default)]
pub struct Room(Option<FileRoom>);

impl Vault {
    /// Reads the index; without one, what the names of the sealed files tell. Takes no lock and opens no keyring.
    ///
    /// # Errors
    /// `Damaged` or `Newer` with the file; those of the disk.
    pub fn index(&self) -> Result<Index, VaultError> {
        let mut index = self.disk_index()?;
        self.memory.cover(&mut index);
        Ok(index)
    }

    /// Tells whether the index is there and can be read.
    pub fn index_is_whole(&self) -> bool {
        self.index.is_whole()
    }

    /// Changes the index under its lock, after reading again what another process may have changed.
    ///
    /// Logins that are kept in memory have their entry too; its changes end with the process. Nothing is written
    /// when nothing changed.
    ///
    /// # Errors
    /// As [`Vault::index`], and `Busy`.
    pub fn update_index<T>(&self, change: impl FnOnce(&mut Index) -> T) -> Result<T, VaultError> {
        let locked = self.index.lock()?;
        let disk = locked.read()?;
        let mut index = match &disk {
            Some(index) => index.clone(),
            None => self.index_of_files()?,
        };
        let covered = self.memory.cover(&mut index);
        let value = change(&mut index);
        self.memory.uncover(&mut index, covered);
        index.accounts.retain(|_, entry| entry.store != Home::Memory);
        let same = disk.as_ref().map_or(index == Index::default(), |disk| *disk == index);
        if !same {
            locked.write(&index)?;
        }
        Ok(value)
    }

    /// Locks an account, waiting up to 90 seconds; dropping the future gives up.
    ///
    /// # Errors
    /// `Busy` when somebody else keeps it; those of the disk.
    pub async fn lock(&self, account: &Account) -> Result<AccountLock, VaultError> {
        let slot = Slot::Login(account.clone());
        let held = Held::wait(&self.lock_folders(&slot)?, &slot).await?;
        Ok(AccountLock::new(account.clone(), held))
    }

    /// Locks an account if nobody else has it.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn try_lock(&self, account: &Account) -> Result<Option<AccountLock>, VaultError> {
        let slot = Slot::Login(account.clone());
        let held = Held::attempt(&self.lock_folders(&slot)?, &slot)?;
        Ok(held.map(|held| AccountLock::new(account.clone(), held)))
    }

    /// Locks two accounts in byte order, so that two processes cannot wait for each other.
    ///
    /// # Errors
    /// As [`Vault::lock`].
    pub async fn lock_two(&self, one: &Account, other: &Account) -> Result<(AccountLock, AccountLock), VaultError> {
        if one.to_string() < other.to_string() {
            let first = self.lock(one).await?;
            Ok((first, self.lock(other).await?))
        } else {
            let first = self.lock(other).await?;
            Ok((self.lock(one).await?, first))
        }
    }

    /// Names the data folders whose lock covers a slot: two of them may share one keyring (`security.md` 4.1).
    pub(super) fn lock_folders(&self, slot: &Slot) -> Result<Vec<&Path>, VaultError> {
        let data = self.dirs.data.as_path();
        let mut folders = vec![data];
        let recorded = match slot {
            Slot::Login(account) => self.disk_index()?.entry(account).map(|entry| entry.store),
            Slot::Key(name) => self.disk_index()?.keys.get(name.as_str()).map(|entry| entry.store),
        };
        let keyring = recorded.map_or_else(|| self.keyring_counts(), |home| home == Home::Keyring);
        let shared =
            self.dirs.platform_data.as_deref().filter(|shared| keyring && !self.no_keyring && !same(shared, data));
        folders.extend(shared);
        Ok(folders)
    }

    /// Reads the JSON of a login from the home that is recorded for it; `None` when nothing is stored.
    ///
    /// An account that the index does not name is looked for once and recorded. `notice` is told when the keyring
    /// takes longer than a second. Why a secret could not be read is noted in the index, and removed when it can.
    ///
    /// # Errors
    /// Any kind; the account's secret is where it was.
    pub async fn read(
        &self,
        account: &Account,
        notice: &(dyn Fn(&str) + Sync),
    ) -> Result<Option<Zeroizing<String>>, VaultError> {
        if let Some(text) = self.memory.get(account) {
            return Ok(Some(text));
        }
        let index = self.disk_index()?;
        let result = self.read_slot(&Slot::Login(account.clone()), &index, notice).await;
        let now = result.as_ref().err().map(|error| error.message.clone());
        // An entry without a secret: a sign-out or first sign-in that was killed half-way, or a secret taken away.
        let refused = |entry: &super::Entry| match &result {
            Ok(None) => entry.refused.clone().or_else(|| Some(NOTHING.to_owned())),
            Ok(Some(_)) => entry.refused.clone().filter(|words| words != NOTHING && words != UNFINISHED),
            Err(_) => entry.refused.clone(),
        };
        if index.entry(account).is_some_and(|entry| entry.unreadable != now || entry.refused != refused(entry)) {
            // A disk that cannot be written must not keep a secret from being used.
            let _ = self.update_index(|index| {
                if let Some(entry) = index.entry_mut(account) {
                    entry.refused = refused(entry);
                    entry.unreadable = now;
                }
            });
        }
        result
    }

    /// Writes the JSON of a login: to the home that is recorded for the account, or a new one by wish.
    ///
    /// # Errors
    /// Any kind; what was stored before is still there.
    pub async fn write(&self, lock: &AccountLock, account: &Account, json: &str) -> Result<Written, VaultError> {
        self.write_into(Room::default(), lock, account, json).await
    }

    /// Takes the room that the next content of a login needs where it rests: for what is asked for only if it can be
    /// kept. A keyring has no such room, nor has memory.
    ///
    /// # Errors
    /// Those of the disk; nothing was changed.
    pub fn make_room(&self, lock: &AccountLock, account: &Account) -> Result<Room, VaultError> {
        covers(lock, account)?;
        let in_memory = self.memory.has(account) && self.memory.owed(account).is_none();
        let slot = Slot::Login(account.clone());
        let home = self.disk_index()?.entry(account).map(|entry| entry.store);
        let file = !in_memory && (home == Some(Home::File) || home.is_none() && self.files.has(&slot));
        Ok(Room(file.then(|| self.files.room(&slot)).transpose()?))
    }

    /// As [`Vault::write`], into room that was taken under the same lock.
    ///
    /// # Errors
    /// As [`Vault::write`].
    pub async fn write_into(
        &self,
        room: Room,
        lock: &AccountLock,
        account: &Account,
        json: &str,
    ) -> Result<Written, VaultError> {
        covers(lock, account)?;
        if self.memory.has(account) && self.memory.owed(account).is_none() {
            self.memory.keep(account, json);
            return Ok(Written { home: Home::Memory, note: None });
        }
        self.store(room, lock, account, json).await
    }

    /// Writes the JSON of a new login where logins are stored, also in place of one that is kept in memory.
    ///
    /// # Errors
    /// As [`Vault::write`].
    pub async fn store(
        &self,
        room: Room,
        lock: &AccountLock,
        account: &Account,
        json: &str,
    ) -> Result<Written, VaultError> {
        covers(lock, account)?;
        let slot = Slot::Login(account.clone());
        let form = Form::new(&slot, json)?;
        let written = match room.0 {
            Some(room) => self.write_into_room(&slot, &form, room)?,
            None => self.write_slot(&slot, &form, lock.held()).await?,
        };
        self.memory.forget(account);
        let done = |entry: &super::Entry| {
            let words = entry.refused.as_deref();
            entry.unreadable.is_some() || words == Some(UNFINISHED) || words == Some(NOTHING)
        };
        if self.disk_index()?.entry(account).is_some_and(done) {
            self.update_index(|index| {
                if let Some(entry) = index.entry_mut(account) {
                    entry.unreadable = None;
                    entry.refused = entry.refused.take().filter(|words| words != NOTHING && words != UNFINISHED);
                }
            })?;
        }
        Ok(written)
    }

    /// Deletes a login and its index entry, and looks whether it is gone; `false` when nothing was stored.
    ///
    /// # Errors
    /// Any kind; then the entry is still there.
    pub async fn delete(&self, lock: &AccountLock, account: &Account) -> Result<bool, VaultError> {
        covers(lock, account)?;
        let kept = self.memory.forget(account);
        Ok(self.delete_slot(&Slot::Login(account.clone()), lock.held()).await? || kept)
    }

    /// Moves a login to another home: written, read back, recorded, then removed from the old one.
    ///
    /// # Errors
    /// Any kind; then it is where it was.
    pub async fn relocate(&self, lock: &AccountLock, account: &Account, to: Home) -> Result<Written, VaultError> {
        covers(lock, account)?;
        self.move_slot(&Slot::Login(account.clone()), to, lock.held()).await
    }

    /// Gives a login another bucket name, with what the index knows of it; its home stays.
    ///
    /// # Errors
    /// `Refused` when there is a login of that name; any other kind, and then the old name still works.
    pub async fn rename(&self, old: &AccountLock, new: &AccountLock) -> Result<(), VaultError> {
        let (from, to) = (old.account(), new.account());
        if let Some(text) = self.memory.get(from) {
            self.memory.keep(to, &text);
            self.memory.forget(from);
            return Ok(());
        }
        let index = self.disk_index()?;
        if index.entry(to).is_some() {
            return Err(VaultError::new(VaultErrorKind::Refused, format!("There is a login {to} already.")));
        }
        let slot = Slot::Login(from.clone());
        let Some(text) = self.read_slot(&slot, &index, &*self.notice).await? else {
            return Err(VaultError::new(VaultErrorKind::Unreadable, format!("Nothing is kept for {from}.")));
        };
        // The entry first: it names the home to which the next line writes.
        self.update_index(|index| {
            if let Some(entry) = index.entry(from).cloned() {
                index.accounts.insert(to.to_string(), entry);
            }
        })?;
        let slot = Slot::Login(to.clone());
        if let Err(error) = self.write_slot(&slot, &Form::new(&slot, &text)?, new.held()).await {
            self.update_index(|index| index.accounts.remove(&to.to_string()))?;
            return Err(error);
        }
        self.delete_slot(&Slot::Login(from.clone()), old.held()).await.map(drop)
    }

    /// Keeps a login in this process only; it covers a stored one of the same account until the process ends.
    /// `describe` tells what the index would.
    pub fn keep_in_memory(&self, account: &Account, json: &str, describe: impl FnOnce(&mut super::Entry)) {
        self.memory.keep(account, json);
        self.memory.change(account, describe);
    }

    /// Keeps a renewed login in this process until it can be written in place of what is stored.
    pub fn owe(&self, account: &Account, stored: &str, json: &str) {
        let entry = self.disk_index().ok().and_then(|index| index.entry(account).cloned());
        self.memory.owe(account, stored, json, entry);
    }

    /// Tells whether a renewed login waits to be written.
    pub fn owes(&self, account: &Account) -> bool {
        self.memory.owed(account).is_some()
    }

    /// Writes a renewed login that waits, unless somebody has stored another one meanwhile: then that one counts.
    ///
    /// # Errors
    /// Any kind; then it still waits.
    pub async fn pay(&self, lock: &AccountLock, account: &Account) -> Result<(), VaultError> {
        covers(lock, account)?;
        let Some((stored, text)) = self.memory.owed(account) else { return Ok(()) };
        let slot = Slot::Login(account.clone());
        let there = self.read_slot(&slot, &self.disk_index()?, &*self.notice).await?;
        if there.is_some_and(|there| same_json(&there, &stored)) {
            let known = self.index()?.entry(account).cloned();
            self.write_slot(&slot, &Form::new(&slot, &text)?, lock.held()).await?;
            self.memory.forget(account);
            self.update_index(|index| {
                if let (Some(entry), Some(known)) = (index.entry_mut(account), known) {
                    *entry = super::Entry { store: entry.store, ..known };
                }
            })?;
        } else {
            self.memory.forget(account);
        }
        Ok(())
    }

    /// Returns what `vault.store` last came to, as the index has it; never a probe.
    pub fn store_seen(&self) -> StoreSeen {
        self.disk_index().unwrap_or_default().store_seen()
    }

    /// Asks whether the keyring's service answers, reading no item; its name, or a sentence that says why not.
    ///
    /// # Errors
    /// `Absent`, `NoAnswer` or `Off`.
    pub async fn probe_keyring(&self) -> Result<&'static str, VaultError> {
        use super::keyring::Trouble;
        if self.no_keyring {
            return Err(VaultError::new(VaultErrorKind::Off, "The keyring is off for this run."));
        }
        match self.keyring.probe().await {
            Ok(()) => Ok(super::keyring_item::NAME),
            Err(Trouble::NoAnswer) => Err(VaultError::new(
                VaultErrorKind::NoAnswer,
                "The keyring did not answer within 2 s. New sign-ins go to sealed files; accounts kept in the \
                 keyring are unreadable until it answers.",
            )),
            Err(Trouble::Absent(why) | Trouble::Refused(why) | Trouble::Failed(why)) => {
                let why = why.trim_end_matches('.');
                Err(VaultError::new(VaultErrorKind::Absent, format!("No keyring answers here: {why}.")))
            }
            Err(Trouble::TooLong | Trouble::NoText) => {
                Err(VaultError::new(VaultErrorKind::Internal, "A probe read an item."))
            }
        }
    }
}

fn covers(lock: &AccountLock, account: &Account) -> Result<(), VaultError> {
    if lock.account() == account {
        return Ok(());
    }
    let words = format!("{account} was to be changed under the lock of {}.", lock.account());
    Err(VaultError::new(VaultErrorKind::Internal, words))
}

/// Compares two logins; the order of their members says nothing.
fn same_json(one: &str, other: &str) -> bool {
    let read = |text| serde_json::from_str::<serde_json::Value>(text).ok();
    one == other || read(one).is_some_and(|one| Some(one) == read(other))
}

fn same(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}
