//! This process as a home of secrets: `login --memory`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use llxprt_commands::Account;
use zeroize::Zeroizing;

use super::index::{Entry, Home, Index};

/// Logins that end with the process, each with what the index would know of it.
#[derive(Default)]
pub(super) struct Memory {
    logins: Mutex<BTreeMap<String, Kept>>,
}

struct Kept {
    text: Zeroizing<String>,
    entry: Entry,
    /// It belongs on the disk, in place of this, and could not be written there.
    instead_of: Option<Zeroizing<String>>,
}

impl Memory {
    fn logins(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        // Every change is one call on the map, so a panic elsewhere left it whole.
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a login, in place of the one that was kept for the account.
    pub(super) fn keep(&self, account: &Account, text: &str) {
        let text = Zeroizing::new(text.to_owned());
        let mut logins = self.logins();
        match logins.get_mut(&account.to_string()) {
            Some(kept) => kept.text = text,
            None => {
                logins.insert(account.to_string(), Kept { text, entry: Entry::new(Home::Memory), instead_of: None });
            }
        }
    }

    /// Keeps a login until it can be written in place of what is stored; `entry` is what the index knows of it.
    pub(super) fn owe(&self, account: &Account, stored: &str, text: &str, entry: Option<Entry>) {
        let text = Zeroizing::new(text.to_owned());
        let mut logins = self.logins();
        if let Some(kept) = logins.get_mut(&account.to_string()) {
            kept.text = text;
            return;
        }
        let entry = Entry { store: Home::Memory, ..entry.unwrap_or_else(|| Entry::new(Home::Memory)) };
        let instead_of = Some(Zeroizing::new(stored.to_owned()));
        logins.insert(account.to_string(), Kept { text, entry, instead_of });
    }

    /// Returns what is owed to the disk: what should be there now, and what is to be written.
    pub(super) fn owed(&self, account: &Account) -> Option<(Zeroizing<String>, Zeroizing<String>)> {
        let logins = self.logins();
        let kept = logins.get(&account.to_string())?;
        Some((kept.instead_of.clone()?, kept.text.clone()))
    }

    pub(super) fn get(&self, account: &Account) -> Option<Zeroizing<String>> {
        self.logins().get(&account.to_string()).map(|kept| kept.text.clone())
    }

    pub(super) fn has(&self, account: &Account) -> bool {
        self.logins().contains_key(&account.to_string())
    }

    /// Changes what the index would know of a login.
    pub(super) fn change(&self, account: &Account, change: impl FnOnce(&mut Entry)) {
        if let Some(kept) = self.logins().get_mut(&account.to_string()) {
            change(&mut kept.entry);
            kept.entry.store = Home::Memory;
        }
    }

    pub(super) fn forget(&self, account: &Account) -> bool {
        self.logins().remove(&account.to_string()).is_some()
    }

    /// Lays the entries of these logins over an index and returns what they cover.
    pub(super) fn cover(&self, index: &mut Index) -> Vec<(String, Option<Entry>)> {
        let lay =
            |(name, kept): (&String, &Kept)| (name.clone(), index.accounts.insert(name.clone(), kept.entry.clone()));
        self.logins().iter().map(lay).collect()
    }

    /// Takes the entries of these logins out of an index again, keeps their changes, and lays bare what they covered.
    pub(super) fn uncover(&self, index: &mut Index, covered: Vec<(String, Option<Entry>)>) {
        let mut logins = self.logins();
        for (name, below) in covered {
            let changed = match below {
                Some(below) => index.accounts.insert(name.clone(), below),
                None => index.accounts.remove(&name),
            };
            if let (Some(kept), Some(entry)) = (logins.get_mut(&name), changed) {
                kept.entry = Entry { store: Home::Memory, ..entry };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_of_a_login_in_memory_are_kept_there_and_what_it_covers_is_untouched() {
        let memory = Memory::default();
        let account: Account = "codex:work".parse().unwrap();
        let mut index = Index::default();
        let stored = Entry { plan: Some("plus".to_owned()), ..Entry::new(Home::File) };
        index.accounts.insert(account.to_string(), stored);
        let disk = index.clone();
        memory.keep(&account, "canary");
        let covered = memory.cover(&mut index);
        assert_eq!(index.entry(&account).unwrap().store, Home::Memory);
        index.entry_mut(&account).unwrap().plan = Some("pro".to_owned());
        memory.uncover(&mut index, covered);
        assert_eq!(index, disk);
        memory.cover(&mut index);
        assert_eq!(index.entry(&account).unwrap().plan.as_deref(), Some("pro"));
        assert!(memory.forget(&account) && !memory.has(&account));
    }
}
