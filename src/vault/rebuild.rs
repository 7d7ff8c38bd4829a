//! A lost or damaged index: built again from the vault itself (`security.md` 3.5).

use llxprt_commands::{Account, KeyName};

use super::Vault;
use super::error::{VaultError, VaultErrorKind};
use super::index::{Entry, Home, Index};
use super::keyring::Trouble;
use super::slot::{KEY_SERVICE, LOGIN_SERVICE, Slot};

const LOCKED: &str = "The keyring is locked; the accounts in it are found when they are named and it is unlocked.";

/// The index after it was made sure that there is one.
#[derive(Debug)]
pub struct Recovered {
    /// The index, with logins that are kept in memory.
    pub index: Index,
    /// What a person should know, as finished sentences; nothing when the index was whole.
    pub notices: Vec<String>,
}

/// What a search in the keyring came to.
enum Searched {
    /// Everything that is there.
    All(Vec<Slot>),
    /// What could be seen; the rest is locked.
    Some(Vec<Slot>),
    /// Nothing could be seen, with the reason.
    Failed(&'static str),
    /// Files are used, so the keyring was left alone.
    NotAsked,
}

impl Vault {
    /// Reads the index, and builds it again when it is lost or damaged; a damaged one is kept aside.
    ///
    /// It is built from the names of the sealed files, a search in the keyring that raises no dialog, and the accounts
    /// that `known` names (those of the profiles), which is called only then.
    ///
    /// # Errors
    /// `Newer`; those of the disk.
    pub async fn recover(&self, known: impl FnOnce() -> Vec<Account>) -> Result<Recovered, VaultError> {
        match self.index.read() {
            Ok(Some(_)) => return Ok(Recovered { index: self.index()?, notices: Vec::new() }),
            Ok(None) => {}
            Err(error) if error.kind == VaultErrorKind::Damaged => {}
            Err(error) => return Err(error),
        }
        let searched = self.search_keyring().await;
        self.rebuild(&searched, &known())
    }

    fn rebuild(&self, searched: &Searched, known: &[Account]) -> Result<Recovered, VaultError> {
        let sealed = self.files.list()?;
        let found = match searched {
            Searched::All(found) | Searched::Some(found) => found.as_slice(),
            Searched::Failed(_) | Searched::NotAsked => &[],
        };
        let complete = matches!(searched, Searched::All(_) | Searched::NotAsked);
        let absent = !self.index.path().exists();
        // A first start that finds nothing writes nothing, unless it is worth remembering that nothing is there.
        if absent && sealed.is_empty() && found.is_empty() && known.is_empty() && !matches!(searched, Searched::All(_))
        {
            let locked = matches!(searched, Searched::Some(_)).then(|| LOCKED.to_owned());
            return Ok(Recovered { index: self.index()?, notices: locked.into_iter().collect() });
        }
        let locked = self.index.lock()?;
        let mut notices = Vec::new();
        match locked.read() {
            // Another process was faster.
            Ok(Some(_)) => return Ok(Recovered { index: self.index()?, notices }),
            Ok(None) => {}
            Err(error) if error.kind == VaultErrorKind::Damaged => {
                let aside = locked.set_aside()?;
                notices.push(format!("{} It is kept as {}.", error.message, aside.display()));
            }
            Err(error) => return Err(error),
        }
        let mut index = Index::default();
        for slot in found {
            index.settle(slot, Home::Keyring);
        }
        // A sealed file wins over an item of the same name: it was written by us.
        for slot in &sealed {
            index.settle(slot, Home::File);
        }
        let (accounts, keys) = (index.accounts.len(), index.keys.len());
        if complete {
            for account in known {
                let missing = || Entry {
                    refused: Some("its sign-in was not found when the index was built again".to_owned()),
                    ..Entry::new(Home::File)
                };
                index.accounts.entry(account.to_string()).or_insert_with(missing);
            }
        }
        if !notices.is_empty() || accounts + keys > 0 {
            notices.push(format!(
                "The index of accounts was built from what the vault holds: {accounts} account{}, {keys} key{}.",
                plural(accounts),
                plural(keys)
            ));
        }
        match searched {
            Searched::Some(_) => notices.push(LOCKED.to_owned()),
            Searched::Failed(why) if !notices.is_empty() => {
                notices.push(format!("The keyring was not searched: {why}."));
            }
            _ => {}
        }
        // Without a full search the next start has another try, unless there is something to remember.
        if complete || index != Index::default() {
            locked.write(&index)?;
        }
        drop(locked);
        Ok(Recovered { index: self.index()?, notices })
    }

    async fn search_keyring(&self) -> Searched {
        if !self.keyring_counts() {
            return Searched::NotAsked;
        }
        let mut found = Vec::new();
        let mut locked = 0;
        for service in [LOGIN_SERVICE, KEY_SERVICE] {
            match self.keyring.list(service).await {
                Ok((names, hidden)) => {
                    locked += hidden;
                    found.extend(names.iter().filter_map(|name| slot_of(service, name)));
                }
                Err(Trouble::Absent(_)) => return Searched::Failed("none answers here"),
                Err(Trouble::NoAnswer) => return Searched::Failed("it does not answer"),
                Err(_) => return Searched::Failed("it did not allow that"),
            }
        }
        if locked == 0 { Searched::All(found) } else { Searched::Some(found) }
    }
}

fn slot_of(service: &str, name: &str) -> Option<Slot> {
    if service == LOGIN_SERVICE {
        return name.parse().ok().map(Slot::Login);
    }
    // LLxprt Code probes the keyring with entries of such names.
    let key: KeyName = name.parse().ok().filter(|_| !name.starts_with("__"))?;
    Some(Slot::Key(key))
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::Wish;
    use super::super::fake_keyring::Mood;
    use super::super::tests::Place;
    use super::*;

    fn account(text: &str) -> Account {
        text.parse().unwrap()
    }

    fn told(root: &Path, notices: &[String]) -> String {
        notices.join("\n").replace(&root.display().to_string(), "ROOT")
    }

    async fn login(vault: &Vault, name: &str) {
        let lock = vault.lock(&account(name)).await.unwrap();
        vault.write(&lock, &account(name), "x").await.unwrap();
    }

    #[tokio::test]
    async fn a_whole_index_is_only_read() {
        let place = Place::new();
        let vault = place.vault(Wish::File);
        login(&vault, "codex:work").await;
        let before = fs::metadata(vault.index.path()).unwrap().modified().unwrap();
        let recovered = vault.recover(|| panic!("profiles are not asked for")).await.unwrap();
        assert_eq!((recovered.index, recovered.notices), (vault.index().unwrap(), Vec::new()));
        assert_eq!(fs::metadata(vault.index.path()).unwrap().modified().unwrap(), before);
    }

    #[tokio::test]
    async fn a_damaged_index_is_kept_aside_and_built_from_files_keyring_and_profiles() {
        let place = Place::new();
        login(&place.vault(Wish::File), "codex:file").await;
        login(&place.vault(Wish::Keyring), "anthropic:ring").await;
        place.store.plant("llxprt-code-provider-keys", "openai", "k");
        place.store.plant("llxprt-code-provider-keys", "__securestore_probe__1a", "probe");
        place.store.plant("llxprt-code-oauth", "no account", "x");
        let vault = place.vault(Wish::Auto);
        fs::write(vault.index.path(), "{").unwrap();
        let Recovered { index, notices } =
            vault.recover(|| vec![account("qwen:lost"), account("codex:file")]).await.unwrap();
        insta::assert_snapshot!(told(place.root.path(), &notices), @r"
        The index of accounts, ROOT/data/index.json, is damaged: EOF while parsing an object at line 1 column 1. It is kept as ROOT/data/index.json.damaged-1.
        The index of accounts was built from what the vault holds: 2 accounts, 1 key.
        ");
        let homes: Vec<_> = index.accounts.iter().map(|(name, entry)| (name.as_str(), entry.store)).collect();
        assert_eq!(homes, [("anthropic:ring", Home::Keyring), ("codex:file", Home::File), ("qwen:lost", Home::File)]);
        assert!(index.accounts["qwen:lost"].refused.is_some());
        assert_eq!(index.keys.keys().collect::<Vec<_>>(), ["openai"]);
        assert_eq!(fs::read_to_string(place.root.path().join("data/index.json.damaged-1")).unwrap(), "{");
        assert_eq!(vault.recover(Vec::new).await.unwrap().notices, [""; 0]);
    }

    #[tokio::test]
    async fn a_first_start_with_files_and_nothing_there_writes_nothing() {
        let place = Place::new();
        for wish in [Wish::File, Wish::Auto] {
            place.store.set(Mood::Gone);
            let recovered = place.vault(wish).recover(Vec::new).await.unwrap();
            assert_eq!((recovered.index, recovered.notices), (Index::default(), Vec::new()));
            assert!(!place.root.path().join("data").exists());
        }
    }

    #[tokio::test]
    async fn a_first_start_finds_the_logins_of_llxprt_code_and_looks_only_once() {
        let place = Place::new();
        place.store.plant("llxprt-code-oauth", "anthropic:default", "theirs");
        let recovered = place.vault(Wish::Auto).recover(Vec::new).await.unwrap();
        assert_eq!(recovered.index.entry(&account("anthropic:default")).unwrap().store, Home::Keyring);
        assert_eq!(
            recovered.notices,
            ["The index of accounts was built from what the vault holds: 1 account, 0 keys."]
        );
        place.store.plant("llxprt-code-oauth", "anthropic:later", "theirs");
        let again = place.vault(Wish::Auto).recover(Vec::new).await.unwrap();
        assert_eq!((again.index, again.notices.len()), (recovered.index, 0));
    }

    #[tokio::test]
    async fn what_profiles_name_is_left_open_when_the_keyring_could_not_be_searched() {
        let place = Place::new();
        login(&place.vault(Wish::File), "codex:file").await;
        place.store.set(Mood::Locked);
        let vault = place.vault(Wish::Auto);
        fs::remove_file(vault.index.path()).unwrap();
        let Recovered { index, notices } = vault.recover(|| vec![account("anthropic:ring")]).await.unwrap();
        assert_eq!(index.accounts.keys().collect::<Vec<_>>(), ["codex:file"]);
        insta::assert_snapshot!(told(place.root.path(), &notices), @r"
        The index of accounts was built from what the vault holds: 1 account, 0 keys.
        The keyring was not searched: it did not allow that.
        ");
    }

    #[tokio::test]
    async fn an_index_of_a_newer_version_is_left_alone() {
        let place = Place::new();
        let vault = place.vault(Wish::File);
        fs::create_dir_all(place.root.path().join("data")).unwrap();
        fs::write(vault.index.path(), r#"{"version":2}"#).unwrap();
        assert_eq!(vault.recover(Vec::new).await.unwrap_err().kind, VaultErrorKind::Newer);
        assert_eq!(fs::read_to_string(vault.index.path()).unwrap(), r#"{"version":2}"#);
    }

    #[tokio::test]
    async fn many_recoveries_at_once_set_a_damaged_index_aside_once() {
        let place = Place::new();
        let first = place.vault(Wish::File);
        login(&first, "codex:file").await;
        fs::write(first.index.path(), "damage").unwrap();
        let all: Vec<_> = (0..8).map(|_| place.vault(Wish::File)).collect();
        std::thread::scope(|scope| {
            for vault in &all {
                scope.spawn(|| vault.rebuild(&Searched::NotAsked, &[]).unwrap());
            }
        });
        assert_eq!(first.index().unwrap().accounts.len(), 1);
        assert!(place.root.path().join("data/index.json.damaged-1").exists());
        assert!(!place.root.path().join("data/index.json.damaged-2").exists());
    }
}
