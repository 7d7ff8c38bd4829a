//! One secret among the items of the platform's keyring.
//!
//! Every call may block for a password, but none after `commit`; one that may no longer change anything ends with
//! `NoEntry`, which nobody sees.

use std::collections::HashMap;
use std::sync::Arc;

use keyring_core::{CredentialStore, Entry, Error, Result};
use zeroize::Zeroizing;

use super::claim::Commit;
use super::slot::Slot;

#[cfg(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android"))))]
use super::secret_service as platform;
#[cfg(not(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android")))))]
use other_platform as platform;

#[cfg(test)]
pub(super) use platform::TARGETED;
pub(super) use platform::{NAME, reconnect};

/// Connects to the platform's keyring for the first time.
pub(super) fn connect() -> Result<Arc<CredentialStore>> {
    // The crate remembers a failure for the rest of the process, so a later attempt makes a store of its own.
    match keyring::Entry::store_status() {
        Ok(()) => keyring_core::get_default_store().ok_or(Error::NoDefaultStore),
        Err(_) => reconnect(),
    }
}

/// The item of a slot.
#[derive(Debug)]
pub(super) struct Item {
    service: &'static str,
    user: String,
}

impl Item {
    pub(super) fn of(slot: &Slot) -> Self {
        let (service, user) = slot.entry();
        Self { service, user }
    }

    /// Finds items by service and name alone, whatever else they carry.
    fn any(&self, store: &CredentialStore) -> Result<Entry> {
        store.build(self.service, &self.user, None)
    }

    pub(super) fn read(&self, store: &CredentialStore) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let secret = match self.any(store)?.get_secret() {
            Err(Error::Ambiguous(items)) => match self.newest(store, items)? {
                Some((newest, _)) => newest.get_secret(),
                None => Err(Error::NoEntry),
            },
            result => result,
        };
        match secret {
            Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn write(&self, store: &CredentialStore, secret: &[u8], commit: Commit<'_>) -> Result<()> {
        let (item, doubles) = match self.any(store)?.get_credential() {
            Ok(item) => (item, Vec::new()),
            Err(Error::Ambiguous(items)) => self.newest(store, items)?.ok_or(Error::NoEntry)?,
            Err(Error::NoEntry) => {
                let label = format!("llxprt: {}", self.user);
                let entry = platform::new_entry(store, self.service, &self.user, &label)?;
                return if commit() { entry.set_secret(secret) } else { Err(Error::NoEntry) };
            }
            Err(error) => return Err(error),
        };
        if !commit() {
            return Err(Error::NoEntry);
        }
        item.set_secret(secret)?;
        // The secret is kept from here on. A double that stays is older, and the next write has another try.
        let _ = platform::mark(&item);
        for double in doubles {
            let _ = double.delete_credential();
        }
        Ok(())
    }

    pub(super) fn delete(&self, store: &CredentialStore, commit: Commit<'_>) -> Result<bool> {
        let items = match self.any(store)?.get_credential() {
            Ok(item) => vec![item],
            Err(Error::Ambiguous(items)) => items,
            Err(Error::NoEntry) => return Ok(false),
            Err(error) => return Err(error),
        };
        if !commit() {
            return Err(Error::NoEntry);
        }
        for item in items {
            gone(item.delete_credential())?;
        }
        match self.any(store)?.get_credential() {
            Err(Error::NoEntry) => Ok(true),
            Err(error) if !matches!(error, Error::Ambiguous(_)) => Err(error),
            _ => Err(Error::BadStoreFormat("an item is still there after it was deleted".to_owned())),
        }
    }

    /// Parts the newest of several items from the others; without times the last one listed counts as newest.
    fn newest(&self, store: &CredentialStore, mut items: Vec<Entry>) -> Result<Option<(Entry, Vec<Entry>)>> {
        let ages = platform::ages(store, self.service, &self.user)?;
        let age = |item: &Entry| platform::path(item).and_then(|path| ages.get(&path).copied());
        let newest = (0..items.len()).max_by_key(|place| (items.get(*place).and_then(age), *place));
        Ok(newest.map(|place| (items.remove(place), items)))
    }
}

fn gone(result: Result<()>) -> Result<()> {
    match result {
        // Somebody else was faster.
        Err(Error::NoEntry) => Ok(()),
        result => result,
    }
}

/// Lists the names under a service; the number is that of locked items, which have no names until they are unlocked.
pub(super) fn list(store: &CredentialStore, service: &str) -> Result<(Vec<String>, usize)> {
    if let Some(listed) = platform::list(store, service) {
        return listed;
    }
    let found = store.search(&HashMap::from([platform::search_for(service)]))?;
    let names = found.iter().filter_map(Entry::get_specifiers);
    Ok((names.filter(|(theirs, _)| theirs == service).map(|(_, user)| user).collect(), 0))
}

/// Keychain and Credential Manager: one item a name, no times, no attributes.
#[cfg(not(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android")))))]
mod other_platform {
    use super::{Arc, CredentialStore, Entry, Error, HashMap, Result};

    pub(in super::super) const NAME: &str = if cfg!(windows) { "Credential Manager" } else { "Keychain" };
    #[cfg(test)]
    pub(in super::super) const TARGETED: bool = false;

    pub(in super::super) fn reconnect() -> Result<Arc<CredentialStore>> {
        keyring_core::get_default_store().ok_or(Error::NoDefaultStore)
    }

    pub(super) fn new_entry(store: &CredentialStore, service: &str, user: &str, _label: &str) -> Result<Entry> {
        store.build(service, user, None)
    }

    pub(super) fn mark(_item: &Entry) -> Result<()> {
        Ok(())
    }

    pub(super) fn ages(_: &CredentialStore, _: &str, _: &str) -> Result<HashMap<String, u64>> {
        Ok(HashMap::new())
    }

    pub(super) fn path(_item: &Entry) -> Option<String> {
        None
    }

    pub(super) fn list(_: &CredentialStore, _: &str) -> Option<Result<(Vec<String>, usize)>> {
        None
    }

    /// Windows searches item names by a pattern, the Keychain by service.
    pub(super) fn search_for(service: &str) -> (&str, &str) {
        if cfg!(windows) { ("pattern", service) } else { ("service", service) }
    }
}
