//! Reading, writing and deleting a secret at the one home that is recorded for it (design 4.8).

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::accounts::UNFINISHED;
use super::error::{VaultError, VaultErrorKind};
use super::file_home::{FileRoom, LONGEST};
use super::index::{Entry, Home, Index, KeyEntry, StoreSeen};
use super::keyring::{Notice, Trouble};
use super::keyring_item;
use super::lock::Held;
use super::slot::Slot;
use super::{Plan, Vault, Written};

/// Said with the first login that lies in a sealed file although the keyring was wished for.
const BESIDE: &str = "its key lies beside it, readable only by you";

impl Index {
    fn home(&self, slot: &Slot) -> Option<Home> {
        match slot {
            Slot::Login(account) => self.entry(account).map(|entry| entry.store),
            Slot::Key(name) => self.keys.get(name.as_str()).map(|entry| entry.store),
        }
    }

    /// Notes where a secret rests and leaves what else is known.
    pub(super) fn settle(&mut self, slot: &Slot, home: Home) {
        match slot {
            Slot::Login(account) => {
                self.accounts.entry(account.to_string()).or_insert_with(|| Entry::found(home)).store = home;
            }
            Slot::Key(name) => {
                let new = || KeyEntry { store: home, tail: String::new() };
                self.keys.entry(name.to_string()).or_insert_with(new).store = home;
            }
        }
    }

    /// As [`Index::settle`], for a secret that is not written yet: a new login counts as none until it is.
    fn announce(&mut self, slot: &Slot, home: Home) {
        let new = self.home(slot).is_none();
        self.settle(slot, home);
        if let (true, Slot::Login(account)) = (new, slot)
            && let Some(entry) = self.entry_mut(account)
        {
            entry.refused = Some(UNFINISHED.to_owned());
        }
    }

    fn forget(&mut self, slot: &Slot) {
        match slot {
            Slot::Login(account) => drop(self.accounts.remove(&account.to_string())),
            Slot::Key(name) => drop(self.keys.remove(name.as_str())),
        }
    }
}

impl Vault {
    /// Returns the index as it is on the disk; without one, what the names of the sealed files tell.
    pub(super) fn disk_index(&self) -> Result<Index, VaultError> {
        self.index.read()?.map_or_else(|| self.index_of_files(), Ok)
    }

    pub(super) fn index_of_files(&self) -> Result<Index, VaultError> {
        let mut index = Index::default();
        for slot in self.files.list()? {
            index.settle(&slot, Home::File);
        }
        Ok(index)
    }

    pub(super) async fn read_slot(
        &self,
        slot: &Slot,
        index: &Index,
        notice: Notice<'_>,
    ) -> Result<Option<Zeroizing<String>>, VaultError> {
        match index.home(slot) {
            Some(Home::File) => self.files.read(slot),
            Some(Home::Keyring) => self.read_in_keyring(slot, notice).await,
            Some(Home::Memory) | None => self.look_up(slot, notice).await,
        }
    }

    async fn read_in_keyring(&self, slot: &Slot, notice: Notice<'_>) -> Result<Option<Zeroizing<String>>, VaultError> {
        if self.no_keyring {
            return Err(off(slot));
        }
        self.keyring.read(slot, notice).await.map_err(|trouble| in_keyring(slot, &trouble))
    }

    /// Looks for a secret that the index does not name, and records it where it is found.
    async fn look_up(&self, slot: &Slot, notice: Notice<'_>) -> Result<Option<Zeroizing<String>>, VaultError> {
        if self.files.has(slot) {
            self.update_index(|index| index.settle(slot, Home::File))?;
            return self.files.read(slot);
        }
        let missed = || self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        // A service that is not there or silent holds nothing that anybody recorded.
        if !self.keyring_counts() || missed().contains(slot) || self.keyring.probe().await.is_err() {
            return Ok(None);
        }
        let found = self.keyring.read(slot, notice).await.map_err(|trouble| in_keyring(slot, &trouble))?;
        if found.is_some() {
            self.update_index(|index| index.settle(slot, Home::Keyring))?;
        } else {
            missed().insert(slot.clone());
        }
        Ok(found)
    }

    pub(super) async fn write_slot(&self, slot: &Slot, text: &Form, held: &Held) -> Result<Written, VaultError> {
        fits(slot, text)?;
        let mut home = self.disk_index()?.home(slot);
        if home.is_none() && self.files.has(slot) {
            // The index lost it; the file is the truth.
            self.update_index(|index| index.settle(slot, Home::File))?;
            home = Some(Home::File);
        }
        match (home, self.plan()) {
            (Some(Home::File), _) => self.to_file(slot, text),
            (Some(Home::Keyring), _) => self.write_in_keyring(slot, text, held).await,
            (Some(Home::Memory) | None, Plan::File(why)) => self.to_new_file(slot, text, why, None),
            (Some(Home::Memory) | None, Plan::Keyring { or_file }) => {
                self.to_new_keyring(slot, text, held, or_file).await
            }
        }
    }

    /// As [`Vault::write_slot`], into room that was taken where the secret rests.
    pub(super) fn write_into_room(&self, slot: &Slot, text: &Form, room: FileRoom) -> Result<Written, VaultError> {
        fits(slot, text)?;
        let notes = self.files.fill(slot, &text.sealed, room)?;
        Ok(Written { home: Home::File, note: join(notes) })
    }

    fn to_file(&self, slot: &Slot, text: &Form) -> Result<Written, VaultError> {
        let notes = self.files.write(slot, &text.sealed)?;
        Ok(Written { home: Home::File, note: join(notes) })
    }

    async fn write_in_keyring(&self, slot: &Slot, text: &Form, held: &Held) -> Result<Written, VaultError> {
        if self.no_keyring {
            return Err(off(slot));
        }
        match self.keyring.write(slot, &text.raw, held.clone(), &*self.notice).await {
            Ok(()) => Ok(Written { home: Home::Keyring, note: None }),
            Err(Trouble::TooLong) => {
                let mut written = self.to_file(slot, text)?;
                self.update_index(|index| index.settle(slot, Home::File))?;
                let mut notes: Vec<_> = written.note.take().into_iter().collect();
                notes.push(format!(
                    "It grew too long for {}, so {slot} is in a sealed file now; {BESIDE}.",
                    keyring_item::NAME
                ));
                if let Err(trouble) = self.keyring.delete(slot, held.clone(), &*self.notice).await {
                    notes.push(format!("The old one could not be removed: {}", in_keyring(slot, &trouble).message));
                }
                Ok(Written { note: join(notes), ..written })
            }
            Err(trouble) => Err(in_keyring(slot, &trouble)),
        }
    }

    /// Names the secret in the index before it is written, so that none ever lies where nothing names it.
    fn to_new_file(&self, slot: &Slot, text: &Form, why: &str, note: Option<String>) -> Result<Written, VaultError> {
        let seen = StoreSeen { kind: "file".to_owned(), detail: why.to_owned() };
        self.update_index(|index| {
            index.announce(slot, Home::File);
            index.store = Some(seen);
        })?;
        match self.to_file(slot, text) {
            Ok(Written { home, note: more }) => Ok(Written { home, note: join(note.into_iter().chain(more)) }),
            Err(error) => {
                self.unsettle(slot);
                Err(error)
            }
        }
    }

    async fn to_new_keyring(
        &self,
        slot: &Slot,
        text: &Form,
        held: &Held,
        or_file: bool,
    ) -> Result<Written, VaultError> {
        if let Err(trouble) = self.keyring.probe().await {
            return if or_file { self.to_file_instead(slot, text, &trouble) } else { Err(in_keyring(slot, &trouble)) };
        }
        let seen = StoreSeen { kind: "keyring".to_owned(), detail: keyring_item::NAME.to_owned() };
        self.update_index(|index| {
            index.announce(slot, Home::Keyring);
            index.store = Some(seen);
        })?;
        match self.keyring.write(slot, &text.raw, held.clone(), &*self.notice).await {
            Ok(()) => Ok(Written { home: Home::Keyring, note: None }),
            Err(trouble) if or_file || trouble == Trouble::TooLong => self.to_file_instead(slot, text, &trouble),
            Err(trouble) => {
                self.unsettle(slot);
                Err(in_keyring(slot, &trouble))
            }
        }
    }

    fn to_file_instead(&self, slot: &Slot, text: &Form, trouble: &Trouble) -> Result<Written, VaultError> {
        let (why, note) = match trouble {
            Trouble::Absent(_) => (
                "no keyring answers here",
                format!("No keyring answers here, so {slot} is in a sealed file; {BESIDE}."),
            ),
            Trouble::NoAnswer => (
                "the keyring does not answer",
                format!(
                    "The keyring did not answer in time, so {slot} is in a sealed file; {BESIDE}. Accounts kept in the keyring are unreadable until it answers."
                ),
            ),
            Trouble::TooLong => (
                "too long for the keyring",
                format!("It is too long for {}, so {slot} is in a sealed file; {BESIDE}.", keyring_item::NAME),
            ),
            Trouble::Refused(_) => (
                "the keyring is locked",
                format!("The keyring is locked or denied access, so {slot} is in a sealed file; {BESIDE}."),
            ),
            Trouble::NoText | Trouble::Failed(_) => {
                ("the keyring failed", format!("The keyring failed, so {slot} is in a sealed file; {BESIDE}."))
            }
        };
        // A secret that is too long for the keyring says so each time; why there are files at all is said once.
        let again = *trouble != Trouble::TooLong && self.said_why_file.swap(true, Ordering::Relaxed);
        self.to_new_file(slot, text, why, (!again).then_some(note))
    }

    /// Takes back the index entry of a secret that could not be kept.
    fn unsettle(&self, slot: &Slot) {
        // The write has failed already and is told; an entry that stays shows as signed out.
        let _ = self.update_index(|index| index.forget(slot));
    }

    pub(super) async fn delete_slot(&self, slot: &Slot, held: &Held) -> Result<bool, VaultError> {
        let home = self.disk_index()?.home(slot);
        let gone = match home {
            Some(Home::File) => self.files.delete(slot)?,
            Some(Home::Keyring) if self.no_keyring => return Err(off(slot)),
            Some(Home::Keyring) => self.delete_in_keyring(slot, held).await?,
            Some(Home::Memory) | None => {
                let sealed = self.files.delete(slot)?;
                let asked = self.keyring_counts() && self.keyring.probe().await.is_ok();
                (asked && self.delete_in_keyring(slot, held).await?) || sealed
            }
        };
        if home.is_some() {
            self.update_index(|index| index.forget(slot))?;
        }
        Ok(gone)
    }

    async fn delete_in_keyring(&self, slot: &Slot, held: &Held) -> Result<bool, VaultError> {
        let deleted = self.keyring.delete(slot, held.clone(), &*self.notice).await;
        deleted.map_err(|trouble| in_keyring(slot, &trouble))
    }

    /// Moves a secret to another home: written, read back, recorded, then removed from the old one.
    pub(super) async fn move_slot(&self, slot: &Slot, to: Home, held: &Held) -> Result<Written, VaultError> {
        let index = self.disk_index()?;
        let Some(from) = index.home(slot) else { return Err(nothing(slot)) };
        if from == to {
            return Ok(Written { home: to, note: None });
        }
        let text = self.read_slot(slot, &index, &*self.notice).await?.ok_or_else(|| nothing(slot))?;
        let form = Form::of_stored(slot, from, &text)?;
        let back = match to {
            Home::File => {
                self.files.write(slot, &form.sealed)?;
                self.files.read(slot)?.is_some_and(|back| *back == *form.sealed)
            }
            Home::Keyring if self.no_keyring => return Err(off(slot)),
            Home::Keyring => {
                let written = self.keyring.write(slot, &form.raw, held.clone(), &*self.notice).await;
                written.map_err(|trouble| in_keyring(slot, &trouble))?;
                self.read_in_keyring(slot, &*self.notice).await?.is_some_and(|back| *back == *form.raw)
            }
            Home::Memory => false,
        };
        if !back {
            let words = format!("{slot} could not be read back from its new home, so it stays where it is.");
            return Err(VaultError::new(VaultErrorKind::Io, words));
        }
        self.update_index(|index| index.settle(slot, to))?;
        let removed = match from {
            Home::File => self.files.delete(slot),
            Home::Keyring => self.delete_in_keyring(slot, held).await,
            Home::Memory => Ok(true),
        };
        let note = removed.err().map(|error| format!("The old one could not be removed: {}", error.message));
        Ok(Written { home: to, note })
    }
}

fn fits(slot: &Slot, text: &Form) -> Result<(), VaultError> {
    if text.raw.len() > LONGEST {
        let words = format!("{slot} is longer than {LONGEST} bytes, so it was not kept.");
        return Err(VaultError::new(VaultErrorKind::Refused, words));
    }
    Ok(())
}

/// A secret as it stands in the keyring and in a sealed file.
pub(super) struct Form {
    raw: Zeroizing<String>,
    sealed: Zeroizing<String>,
}

/// The sealed form of an API key (`security.md` 3.2).
#[derive(Serialize, Deserialize, ZeroizeOnDrop)]
struct SealedKey {
    key: String,
}

impl Form {
    /// A login is its JSON everywhere; an API key stands bare in the keyring, as LLxprt Code has it.
    pub(super) fn new(slot: &Slot, text: &str) -> Result<Self, VaultError> {
        let raw = Zeroizing::new(text.to_owned());
        let sealed = match slot {
            Slot::Login(_) => raw.clone(),
            Slot::Key(_) => {
                Zeroizing::new(serde_json::to_string(&SealedKey { key: text.to_owned() }).map_err(|e| {
                    VaultError::new(VaultErrorKind::Internal, format!("{slot} could not be put into JSON: {e}."))
                })?)
            }
        };
        Ok(Self { raw, sealed })
    }

    fn of_stored(slot: &Slot, home: Home, text: &str) -> Result<Self, VaultError> {
        match (slot, home) {
            (Slot::Key(_), Home::File) => Self::new(slot, &bare_key(slot, text)?),
            _ => Self::new(slot, text),
        }
    }
}

/// Takes an API key out of its sealed form.
pub(super) fn bare_key(slot: &Slot, sealed: &str) -> Result<Zeroizing<String>, VaultError> {
    let mut stored: SealedKey = serde_json::from_str(sealed).map_err(|_| {
        // The cause could show a part of the key.
        VaultError::new(VaultErrorKind::Damaged, format!("What is kept for {slot} is not the JSON of a key."))
    })?;
    Ok(Zeroizing::new(std::mem::take(&mut stored.key)))
}

fn nothing(slot: &Slot) -> VaultError {
    VaultError::new(VaultErrorKind::Unreadable, format!("Nothing is kept for {slot}."))
}

fn off(slot: &Slot) -> VaultError {
    let name = keyring_item::NAME;
    let words = format!("{slot} rests in the keyring ({name}), and the keyring is off for this run.");
    VaultError::new(VaultErrorKind::Off, words)
}

fn in_keyring(slot: &Slot, trouble: &Trouble) -> VaultError {
    use VaultErrorKind::{Absent, Io, NoAnswer, Refused, Unreadable};
    let (kind, what) = match trouble {
        Trouble::Absent(why) => (Absent, format!("and none answers here: {why}")),
        Trouble::NoAnswer => (NoAnswer, "which does not answer".to_owned()),
        Trouble::Refused(why) => (Refused, format!("which is locked or denied access: {why}")),
        Trouble::TooLong => (Refused, "which has no room for a secret of this length".to_owned()),
        Trouble::NoText => (Unreadable, "and what lies there is no text".to_owned()),
        Trouble::Failed(why) => (Io, format!("which failed: {why}")),
    };
    let what = what.trim_end_matches('.');
    VaultError::new(kind, format!("{slot} belongs in the keyring ({}), {what}.", keyring_item::NAME))
}

fn join(notes: impl IntoIterator<Item = String>) -> Option<String> {
    let notes: Vec<_> = notes.into_iter().collect();
    (!notes.is_empty()).then(|| notes.join(" "))
}
