//! Logins: the part of the vault that most of the program uses.

use std::path::Path;

use llxprt_commands::Account;
use zeroize::Zeroizing;

use super::error::{VaultError, VaultErrorKind};
use super::index::{Home, Index, StoreSeen};
use super::lock::{AccountLock, Held};
use super::secrets::Form;
use super::slot::Slot;
use super::{Vault, Written};

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
        if index.entry(account).is_some_and(|entry| entry.unreadable != now) {
            // A disk that cannot be written must not keep a secret from being used.
            let _ = self.update_index(|index| {
                if let Some(entry) = index.entry_mut(account) {
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
        covers(lock, account)?;
        if self.memory.has(account) {
            self.memory.keep(account, json);
            return Ok(Written { home: Home::Memory, note: None });
        }
        let slot = Slot::Login(account.clone());
        let written = self.write_slot(&slot, &Form::new(&slot, json)?, lock.held()).await?;
        if self.disk_index()?.entry(account).is_some_and(|entry| entry.unreadable.is_some()) {
            self.update_index(|index| {
                if let Some(entry) = index.entry_mut(account) {
                    entry.unreadable = None;
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
    pub fn keep_in_memory(&self, account: &Account, json: &str) {
        self.memory.keep(account, json);
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

fn same(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::fake_keyring::{FakeStore, Mood};
    use super::super::keyring::{Keyring, Patience};
    use super::super::{Entry, Wish};
    use super::*;
    use crate::config::Dirs;

    /// A vault whose data folder is the platform's own, so that the keyring counts.
    struct Place {
        root: tempfile::TempDir,
        store: Arc<FakeStore>,
    }

    impl Place {
        fn new() -> Self {
            Self { root: tempfile::tempdir().unwrap(), store: FakeStore::new() }
        }

        fn dirs(&self) -> Dirs {
            Dirs { overridden: false, ..Dirs::below(self.root.path()) }
        }

        fn vault(&self, wish: Wish) -> Vault {
            self.vault_with(&self.dirs(), wish, false)
        }

        fn vault_with(&self, dirs: &Dirs, wish: Wish, no_keyring: bool) -> Vault {
            let patience = Patience {
                probe: Duration::from_secs(5),
                quiet: Duration::from_millis(5),
                unattended: Duration::from_millis(20),
            };
            let keyring = Keyring::with(self.store.connector(), self.store.connector(), false, patience);
            Vault::with_keyring(dirs, wish, no_keyring, keyring)
        }
    }

    fn work() -> Account {
        "anthropic:work@company.com".parse().unwrap()
    }

    async fn write(vault: &Vault, account: &Account, json: &str) -> Result<Written, VaultError> {
        let lock = vault.lock(account).await.unwrap();
        vault.write(&lock, account, json).await
    }

    async fn read(vault: &Vault, account: &Account) -> Result<Option<String>, VaultError> {
        vault.read(account, &|_| {}).await.map(|text| text.map(|text| text.to_string()))
    }

    async fn delete(vault: &Vault, account: &Account) -> Result<bool, VaultError> {
        let lock = vault.lock(account).await.unwrap();
        vault.delete(&lock, account).await
    }

    fn home(vault: &Vault, account: &Account) -> Option<Home> {
        vault.index().unwrap().entry(account).map(|entry| entry.store)
    }

    #[tokio::test]
    async fn a_login_goes_to_the_keyring_that_answers_and_is_found_there_by_the_next_run() {
        let place = Place::new();
        let written = write(&place.vault(Wish::Auto), &work(), "one").await.unwrap();
        assert_eq!(written, Written { home: Home::Keyring, note: None });
        assert_eq!(place.store.secrets(), ["one"]);
        let next = place.vault(Wish::File);
        assert_eq!(read(&next, &work()).await.unwrap().unwrap(), "one");
        assert_eq!(write(&next, &work(), "two").await.unwrap().home, Home::Keyring, "the recorded home counts");
        assert_eq!(place.store.secrets(), ["two"]);
        assert_eq!(next.store_seen().kind, "keyring");
        assert!(!place.dirs().data.join("secure-store").exists());
        assert!(delete(&next, &work()).await.unwrap());
        assert_eq!((home(&next, &work()), place.store.secrets().len()), (None, 0));
        assert!(!delete(&next, &work()).await.unwrap());
    }

    #[tokio::test]
    async fn without_a_keyring_a_login_goes_to_a_sealed_file_and_the_reason_is_said_once() {
        let place = Place::new();
        place.store.set(Mood::Gone);
        let vault = place.vault(Wish::Auto);
        let written = write(&vault, &work(), "one").await.unwrap();
        assert_eq!(written.home, Home::File);
        insta::assert_snapshot!(
            written.note.unwrap(),
            @"No keyring answers here, so anthropic:work@company.com is in a sealed file; its key lies beside it, readable only by you."
        );
        assert_eq!(write(&vault, &"codex:x".parse().unwrap(), "x").await.unwrap().note, None);
        assert_eq!(vault.store_seen().kind, "file");
        // The keyring is back, and the login stays where it is recorded.
        place.store.set(Mood::Well);
        let next = place.vault(Wish::Auto);
        assert_eq!(read(&next, &work()).await.unwrap().unwrap(), "one");
        assert_eq!(write(&next, &work(), "two").await.unwrap().home, Home::File);
        assert!(place.store.secrets().is_empty());
        assert!(delete(&next, &work()).await.unwrap());
        assert_eq!(home(&next, &work()), None);
    }

    #[tokio::test]
    async fn a_wish_for_the_keyring_is_an_error_without_one_and_leaves_no_entry() {
        let place = Place::new();
        for mood in [Mood::Gone, Mood::Locked] {
            place.store.set(mood);
            let vault = place.vault(Wish::Keyring);
            let error = write(&vault, &work(), "x").await.unwrap_err();
            assert!(matches!(error.kind, VaultErrorKind::Absent | VaultErrorKind::Refused), "{error:?}");
            assert_eq!(home(&vault, &work()), None);
            assert_eq!(vault.files.list().unwrap(), []);
        }
    }

    #[tokio::test]
    async fn a_new_login_that_the_keyring_refuses_goes_to_a_sealed_file_and_only_there() {
        for mood in [Mood::Locked, Mood::Asks] {
            let place = Place::new();
            place.store.set(mood);
            let vault = place.vault(Wish::Auto);
            assert_eq!(write(&vault, &work(), "x").await.unwrap().home, Home::File);
            assert_eq!(home(&vault, &work()), Some(Home::File));
            assert_eq!(read(&vault, &work()).await.unwrap().unwrap(), "x");
        }
    }

    #[tokio::test]
    async fn a_keyring_that_fails_later_makes_its_accounts_unreadable_with_the_reason_and_nothing_else_happens() {
        let place = Place::new();
        write(&place.vault(Wish::Auto), &work(), "one").await.unwrap();
        for (mood, kind) in [
            (Mood::Gone, VaultErrorKind::Absent),
            (Mood::Locked, VaultErrorKind::Refused),
            (Mood::Asks, VaultErrorKind::NoAnswer),
        ] {
            let vault = place.vault(Wish::Auto);
            place.store.set(mood);
            assert_eq!(read(&vault, &work()).await.unwrap_err().kind, kind);
            let why = vault.index().unwrap().entry(&work()).unwrap().unreadable.clone().unwrap();
            assert!(why.starts_with("anthropic:work@company.com belongs in the keyring"), "{why}");
            let vault = place.vault(Wish::Auto);
            assert_eq!(write(&vault, &work(), "two").await.unwrap_err().kind, kind);
            assert_eq!(delete(&vault, &work()).await.unwrap_err().kind, kind);
            assert_eq!(home(&vault, &work()), Some(Home::Keyring));
            assert_eq!(vault.files.list().unwrap(), []);
        }
        place.store.set(Mood::Well);
        let vault = place.vault(Wish::Auto);
        let text = read(&vault, &work()).await.unwrap().unwrap();
        assert!(text == "one" || text == "two", "a write may end after nobody waited for it");
        assert_eq!(vault.index().unwrap().entry(&work()).unwrap().unreadable, None);
    }

    #[tokio::test]
    async fn a_login_made_by_another_program_is_looked_up_once_and_recorded() {
        let place = Place::new();
        place.store.plant("llxprt-code-oauth", "anthropic:work@company.com", "theirs");
        let vault = place.vault(Wish::Auto);
        assert_eq!(read(&vault, &"codex:none".parse().unwrap()).await.unwrap(), None);
        assert_eq!(read(&vault, &work()).await.unwrap().unwrap(), "theirs");
        assert_eq!(home(&vault, &work()), Some(Home::Keyring));
        // What was not there is not asked for again in this run.
        place.store.plant("llxprt-code-oauth", "codex:none", "later");
        assert_eq!(read(&vault, &"codex:none".parse().unwrap()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn with_files_wished_for_or_a_data_folder_of_ones_own_the_keyring_is_never_touched() {
        let place = Place::new();
        place.store.plant("llxprt-code-oauth", "anthropic:work@company.com", "theirs");
        let own = Dirs::below(place.root.path());
        for (dirs, wish, off) in
            [(&place.dirs(), Wish::File, false), (&own, Wish::Auto, false), (&place.dirs(), Wish::Keyring, true)]
        {
            let vault = place.vault_with(dirs, wish, off);
            assert_eq!(read(&vault, &work()).await.unwrap(), None);
            let written = write(&vault, &work(), "mine").await.unwrap();
            assert_eq!(written, Written { home: Home::File, note: None });
            assert!(delete(&vault, &work()).await.unwrap());
        }
        assert_eq!(place.store.secrets(), ["theirs"]);
    }

    #[tokio::test]
    async fn a_keyring_that_is_off_for_the_run_makes_its_accounts_unreadable() {
        let place = Place::new();
        write(&place.vault(Wish::Auto), &work(), "one").await.unwrap();
        let off = place.vault_with(&place.dirs(), Wish::Auto, true);
        assert_eq!(read(&off, &work()).await.unwrap_err().kind, VaultErrorKind::Off);
        assert_eq!(write(&off, &work(), "two").await.unwrap_err().kind, VaultErrorKind::Off);
        assert_eq!(delete(&off, &work()).await.unwrap_err().kind, VaultErrorKind::Off);
        assert_eq!(place.store.secrets(), ["one"]);
    }

    #[tokio::test]
    async fn a_secret_that_outgrows_the_keyring_moves_to_a_sealed_file_and_says_so() {
        let place = Place::new();
        place.store.set(Mood::AtMost(3));
        let vault = place.vault(Wish::Keyring);
        assert_eq!(write(&vault, &work(), "abc").await.unwrap().home, Home::Keyring);
        let written = write(&vault, &work(), "abcd").await.unwrap();
        assert_eq!((written.home, home(&vault, &work())), (Home::File, Some(Home::File)));
        assert!(written.note.unwrap().contains("too long"));
        assert_eq!(read(&vault, &work()).await.unwrap().unwrap(), "abcd");
        assert!(place.store.secrets().is_empty());
        let new = write(&vault, &"codex:x".parse().unwrap(), "abcd").await.unwrap();
        assert_eq!((new.home, new.note.is_some()), (Home::File, true));
    }

    #[tokio::test]
    async fn a_login_in_memory_covers_the_stored_one_and_leaves_no_trace() {
        let place = Place::new();
        let vault = place.vault(Wish::File);
        write(&vault, &work(), "stored").await.unwrap();
        vault.keep_in_memory(&work(), "canary-memory");
        assert_eq!(read(&vault, &work()).await.unwrap().unwrap(), "canary-memory");
        assert_eq!(home(&vault, &work()), Some(Home::Memory));
        assert_eq!(write(&vault, &work(), "canary-renewed").await.unwrap().home, Home::Memory);
        vault.update_index(|index| index.entry_mut(&work()).unwrap().plan = Some("canary-plan".into())).unwrap();
        assert_eq!(vault.index().unwrap().entry(&work()).unwrap().plan.as_deref(), Some("canary-plan"));
        let other = place.vault(Wish::File);
        assert_eq!(read(&other, &work()).await.unwrap().unwrap(), "stored");
        assert!(!fs::read_to_string(place.dirs().data.join("index.json")).unwrap().contains("canary"));
        assert!(delete(&vault, &work()).await.unwrap());
        assert_eq!(read(&vault, &work()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_login_moves_there_and_back_and_lies_at_one_place() {
        let place = Place::new();
        let vault = place.vault(Wish::File);
        write(&vault, &work(), "x").await.unwrap();
        let lock = vault.lock(&work()).await.unwrap();
        assert_eq!(vault.relocate(&lock, &work(), Home::Keyring).await.unwrap().note, None);
        assert_eq!((place.store.secrets(), vault.files.list().unwrap().len()), (vec!["x".to_owned()], 0));
        assert_eq!(read(&vault, &work()).await.unwrap().unwrap(), "x");
        vault.relocate(&lock, &work(), Home::File).await.unwrap();
        assert_eq!((place.store.secrets().len(), vault.files.list().unwrap().len()), (0, 1));
        assert_eq!(read(&vault, &work()).await.unwrap().unwrap(), "x");
        place.store.set(Mood::Locked);
        assert!(vault.relocate(&lock, &work(), Home::Keyring).await.is_err());
        assert_eq!(home(&vault, &work()), Some(Home::File));
    }

    #[tokio::test]
    async fn a_renamed_login_keeps_its_home_and_what_is_known_of_it() {
        let place = Place::new();
        for wish in [Wish::File, Wish::Keyring] {
            let vault = place.vault(wish);
            let new: Account = "anthropic:new".parse().unwrap();
            write(&vault, &work(), "x").await.unwrap();
            vault.update_index(|index| index.entry_mut(&work()).unwrap().plan = Some("max".into())).unwrap();
            let before = home(&vault, &work());
            let (old_lock, new_lock) = vault.lock_two(&work(), &new).await.unwrap();
            vault.rename(&old_lock, &new_lock).await.unwrap();
            drop((old_lock, new_lock));
            let index = vault.index().unwrap();
            assert_eq!((index.entry(&work()), index.entry(&new).map(|e| e.store)), (None, before));
            assert_eq!(index.entry(&new).unwrap().plan.as_deref(), Some("max"));
            assert_eq!(read(&vault, &new).await.unwrap().unwrap(), "x");
            assert_eq!(read(&vault, &work()).await.unwrap(), None);
            write(&vault, &work(), "other").await.unwrap();
            let (old_lock, new_lock) = vault.lock_two(&work(), &new).await.unwrap();
            assert_eq!(vault.rename(&old_lock, &new_lock).await.unwrap_err().kind, VaultErrorKind::Refused);
            vault.delete(&old_lock, &work()).await.unwrap();
            vault.delete(&new_lock, &new).await.unwrap();
        }
    }

    #[tokio::test]
    async fn nothing_is_written_under_the_lock_of_another_account() {
        let place = Place::new();
        let vault = place.vault(Wish::File);
        let lock = vault.lock(&"anthropic:other".parse().unwrap()).await.unwrap();
        assert_eq!(vault.write(&lock, &work(), "x").await.unwrap_err().kind, VaultErrorKind::Internal);
        assert_eq!(vault.delete(&lock, &work()).await.unwrap_err().kind, VaultErrorKind::Internal);
    }

    #[tokio::test]
    async fn an_account_is_locked_for_others_until_the_lock_is_dropped_and_waiting_can_be_dropped() {
        let place = Place::new();
        let (one, other) = (place.vault(Wish::File), place.vault(Wish::File));
        let held = one.lock(&work()).await.unwrap();
        assert!(other.try_lock(&work()).unwrap().is_none());
        assert!(other.try_lock(&"anthropic:Work@company.com".parse().unwrap()).unwrap().is_some());
        assert!(tokio::time::timeout(Duration::from_millis(5), other.lock(&work())).await.is_err());
        drop(held);
        assert!(other.try_lock(&work()).unwrap().is_some());
        assert!(place.dirs().data.join("locks/anthropic/work@company.com.lock").exists());
    }

    #[tokio::test]
    async fn two_data_folders_that_share_a_keyring_share_the_lock_of_its_accounts() {
        let place = Place::new();
        let usual = place.root.path().join("platform");
        let own =
            |name: &str| Dirs { platform_data: Some(usual.clone()), ..Dirs::below(&place.root.path().join(name)) };
        let one = place.vault_with(&own("one"), Wish::Keyring, false);
        let other = place.vault_with(&own("other"), Wish::Keyring, false);
        let held = one.lock(&work()).await.unwrap();
        assert!(other.try_lock(&work()).unwrap().is_none());
        // Files of two folders have nothing to do with each other.
        assert!(place.vault_with(&own("third"), Wish::Auto, false).try_lock(&work()).unwrap().is_some());
        drop(held);
        assert!(other.try_lock(&work()).unwrap().is_some());
        // The platform's own folder has one lock, also when it is reached by another path.
        let dirs = Dirs { data: usual.join("../platform"), overridden: false, ..own("x") };
        let itself = place.vault_with(&dirs, Wish::Auto, false);
        assert!(itself.try_lock(&work()).unwrap().is_some());
    }

    #[tokio::test]
    async fn what_the_index_lost_is_found_again_in_its_sealed_file() {
        let place = Place::new();
        let vault = place.vault(Wish::File);
        write(&vault, &work(), "x").await.unwrap();
        vault.update_index(|index| index.accounts.clear()).unwrap();
        assert_eq!(read(&vault, &work()).await.unwrap().unwrap(), "x");
        assert_eq!(home(&vault, &work()), Some(Home::File));
        fs::remove_file(place.dirs().data.join("index.json")).unwrap();
        assert_eq!(home(&vault, &work()), Some(Home::File), "built from the name of the file");
        assert!(!place.dirs().data.join("index.json").exists(), "reading writes nothing");
    }

    #[tokio::test]
    async fn a_damaged_index_stops_what_would_change_it_and_stays_as_it_is() {
        let place = Place::new();
        let vault = place.vault(Wish::File);
        write(&vault, &work(), "x").await.unwrap();
        let path = place.dirs().data.join("index.json");
        fs::write(&path, "{\"version\":1,").unwrap();
        let error = vault.index().unwrap_err();
        assert_eq!((error.kind, error.path.as_ref()), (VaultErrorKind::Damaged, Some(&path)));
        assert_eq!(vault.update_index(|_| ()).unwrap_err().kind, VaultErrorKind::Damaged);
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"version\":1,");
    }

    #[tokio::test]
    async fn changes_to_the_index_from_many_threads_are_all_kept_and_unknown_members_too() {
        let place = Place::new();
        let path = place.dirs().data.join("index.json");
        fs::create_dir_all(place.dirs().data).unwrap();
        fs::write(&path, r#"{"version":1,"accounts":{"qwen:old":{"store":"file","newer":{"a":1}}},"later":true}"#)
            .unwrap();
        std::thread::scope(|scope| {
            for n in 0..16 {
                let vault = place.vault(Wish::File);
                scope.spawn(move || {
                    vault
                        .update_index(|index| index.accounts.insert(format!("codex:b{n}"), Entry::new(Home::File)))
                        .unwrap()
                });
            }
        });
        let index = place.vault(Wish::File).index().unwrap();
        assert_eq!(index.accounts.len(), 17);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(r#""newer":{"a":1}"#) && text.contains(r#""later":true"#), "{text}");
    }

    #[tokio::test]
    async fn a_change_that_changes_nothing_writes_nothing() {
        let place = Place::new();
        let vault = place.vault(Wish::File);
        vault.update_index(|_| ()).unwrap();
        assert!(!place.dirs().data.join("index.json").exists());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_login_that_cannot_be_kept_leaves_no_entry_and_an_old_one_stays_whole() {
        let place = Place::new();
        let vault = place.vault(Wish::File);
        write(&vault, &work(), "old").await.unwrap();
        let store = place.dirs().data.join("secure-store");
        fs::rename(&store, place.root.path().join("away")).unwrap();
        std::os::unix::fs::symlink(place.root.path().join("away"), &store).unwrap();
        let new: Account = "codex:new".parse().unwrap();
        for account in [&work(), &new] {
            let error = write(&vault, account, "new").await.unwrap_err();
            assert_eq!((error.kind, error.path.as_ref()), (VaultErrorKind::Symlink, Some(&store)));
        }
        assert_eq!(home(&vault, &new), None);
        fs::remove_file(&store).unwrap();
        fs::rename(place.root.path().join("away"), &store).unwrap();
        assert_eq!(read(&vault, &work()).await.unwrap().unwrap(), "old");
    }
}
