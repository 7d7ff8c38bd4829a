//! The vault as the rest of the program uses it, with a keyring of its own.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use llxprt_commands::Account;

use super::fake_keyring::{FakeStore, Mood};
use super::keyring::{Keyring, Patience};
use super::{Entry, Home, Index, Plan, Vault, VaultError, VaultErrorKind, Wish, Written};
use crate::config::Dirs;

/// A vault whose data folder is the platform's own, so that the keyring counts.
pub(super) struct Place {
    pub(super) root: tempfile::TempDir,
    pub(super) store: Arc<FakeStore>,
}

impl Place {
    pub(super) fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap(), store: FakeStore::new() }
    }

    pub(super) fn dirs(&self) -> Dirs {
        Dirs { overridden: false, ..Dirs::below(self.root.path()) }
    }

    pub(super) fn vault(&self, wish: Wish) -> Vault {
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
    vault.keep_in_memory(&work(), "canary-memory", |_| {});
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
    let own = |name: &str| Dirs { platform_data: Some(usual.clone()), ..Dirs::below(&place.root.path().join(name)) };
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
    fs::write(&path, r#"{"version":1,"accounts":{"qwen:old":{"store":"file","newer":{"a":1}}},"later":true}"#).unwrap();
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

#[test]
fn where_new_logins_go_follows_wish_variable_and_folder() {
    let own = Dirs::below(std::path::Path::new("/nowhere"));
    let usual = Dirs { overridden: false, ..own.clone() };
    let plan = |dirs: &Dirs, wish, off| Vault::new(dirs, wish, off, false).plan();
    assert_eq!(plan(&usual, Wish::Auto, false), Plan::Keyring { or_file: true });
    assert_eq!(plan(&usual, Wish::Keyring, false), Plan::Keyring { or_file: false });
    assert_eq!(plan(&own, Wish::Keyring, false), Plan::Keyring { or_file: false });
    for (dirs, wish, off) in [
        (&own, Wish::Auto, false),
        (&usual, Wish::File, false),
        (&usual, Wish::Keyring, true),
        (&usual, Wish::Auto, true),
    ] {
        assert!(matches!(plan(dirs, wish, off), Plan::File(_)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn logins_renewals_and_logouts_at_once_end_with_one_whole_secret_or_none() {
    for wish in [Wish::File, Wish::Keyring] {
        let place = Place::new();
        let many = (0..12).map(|n| {
            let vault = place.vault(wish);
            tokio::spawn(async move {
                let lock = vault.lock(&work()).await.unwrap();
                if n % 3 == 0 {
                    vault.delete(&lock, &work()).await.unwrap();
                } else {
                    let text = n.to_string().repeat(1000 + n);
                    vault.write(&lock, &work(), &text).await.unwrap();
                    let read = vault.read(&work(), &|_| {}).await.unwrap();
                    assert_eq!(read.unwrap().as_str(), text);
                }
            })
        });
        for one in many.collect::<Vec<_>>() {
            one.await.unwrap();
        }
        let vault = place.vault(wish);
        let there = read(&vault, &work()).await.unwrap().is_some();
        assert_eq!(home(&vault, &work()).is_some(), there);
        assert_eq!(vault.files.list().unwrap().len() + place.store.secrets().len(), usize::from(there));
    }
}

#[tokio::test]
async fn a_thousand_accounts_with_long_names_are_kept_apart() {
    let place = Place::new();
    let vault = place.vault(Wish::File);
    let name = |n: usize| -> Account { format!("codex:{n:04}{}", "Z".repeat(60)).parse().unwrap() };
    let thousand = |index: &mut Index| {
        index.accounts.extend((0..1000).map(|n| (name(n).to_string(), Entry::new(Home::File))));
    };
    vault.update_index(thousand).unwrap();
    write(&vault, &name(7), "seven").await.unwrap();
    assert_eq!(read(&vault, &name(7)).await.unwrap().unwrap(), "seven");
    assert_eq!(read(&vault, &name(8)).await.unwrap(), None);
    assert_eq!(vault.index().unwrap().accounts_of(&"codex".parse().unwrap()).count(), 1000);
}

#[tokio::test]
async fn a_secret_over_a_mebibyte_is_not_kept() {
    let place = Place::new();
    let vault = place.vault(Wish::File);
    assert_eq!(write(&vault, &work(), &"x".repeat(1 << 20)).await.unwrap().home, Home::File);
    let error = write(&vault, &work(), &"x".repeat((1 << 20) + 1)).await.unwrap_err();
    assert_eq!(error.kind, VaultErrorKind::Refused);
    assert_eq!(read(&vault, &work()).await.unwrap().unwrap().len(), 1 << 20);
}

/// The work of one account may run in a task of its own, which nothing cancels.
#[tokio::test]
async fn the_futures_of_the_vault_can_be_spawned() {
    let place = Place::new();
    let vault = Arc::new(place.vault(Wish::Keyring));
    let spawned = tokio::spawn(async move {
        let lock = vault.lock(&work()).await?;
        vault.write(&lock, &work(), "x").await?;
        vault.read(&work(), &|_| {}).await?;
        vault.recover(Vec::new).await?;
        vault.delete(&lock, &work()).await
    });
    assert_eq!(spawned.await.unwrap(), Ok(true));
}
