//! A lost or damaged index: built again from the vault itself (`security.md` 3.5).

use llxprt_commands::{Account, KeyName};

use super::Vault;
use super::error::{VaultError, VaultErrorKind};
use super::index::{Entry, Home, Index};
use super::keyring::Trouble;
use super::slot::{KEY_SERVICE, LOGIN_SERVICE, Slot};

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
            return Ok(Recovered { index: self.index()?, notices: Vec::new() });
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
            Searched::Some(_) => notices.push(
                "The keyring is locked; the accounts in it are found when they are named and it is unlocked."
                    .to_owned(),
            ),
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
