//! What only the Secret Service of Linux and its kin can do: times, attributes, listing without a password dialog.

use std::collections::HashMap;
use std::sync::Arc;

use keyring_core::{CredentialStore, Entry, Result};
use secret_service::EncryptionType;
use secret_service::blocking::SecretService;
use zbus_secret_service_keyring_store::cred::Wrapper;
use zbus_secret_service_keyring_store::{Store, errors};

/// What people call it.
pub(super) const NAME: &str = "Secret Service";
/// Items carry the attribute `target`.
#[cfg(test)]
pub(super) const TARGETED: bool = true;

/// Older versions of the keyring crate, and so LLxprt Code, look for items with this attribute.
const TARGET: (&str, &str) = ("target", "default");

/// Makes a new connection: the one that the keyring crate keeps is of no use after the service was restarted.
pub(super) fn reconnect() -> Result<Arc<CredentialStore>> {
    let store: Arc<CredentialStore> = Store::new()?;
    keyring_core::set_default_store(store.clone());
    Ok(store)
}

/// Makes the entry of an item that is not there yet, and unlocks the collection that it will be in.
pub(super) fn new_entry(store: &CredentialStore, service: &str, user: &str, label: &str) -> Result<Entry> {
    if is_real(store) {
        let bus = SecretService::connect(EncryptionType::Plain).map_err(errors::decode_error)?;
        let collection = bus.get_default_collection().map_err(errors::decode_error)?;
        if collection.is_locked().map_err(errors::decode_error)? {
            collection.unlock().map_err(errors::decode_error)?;
        }
    }
    store.build(service, user, Some(&HashMap::from([TARGET, ("label", label)])))
}

/// Gives an item that somebody else made the attribute of [`TARGET`].
pub(super) fn mark(item: &Entry) -> Result<()> {
    if item.get_attributes()?.contains_key(TARGET.0) {
        return Ok(());
    }
    item.update_attributes(&HashMap::from([TARGET]))
}

/// When an item was changed and created, in seconds; within one of them the number in its path decides.
pub(super) type Age = (u64, u64, u64);

/// Returns the age of each item by its path; nothing for a store that is not the Secret Service.
pub(super) fn ages(store: &CredentialStore, service: &str, user: &str) -> Result<HashMap<String, Age>> {
    if !is_real(store) {
        return Ok(HashMap::new());
    }
    let bus = SecretService::connect(EncryptionType::Plain).map_err(errors::decode_error)?;
    let wanted = HashMap::from([("service", service), ("username", user)]);
    let found = bus.search_items(wanted).map_err(errors::decode_error)?;
    let mut ages = HashMap::new();
    for item in found.unlocked.iter().chain(&found.locked) {
        let path = item.item_path.to_string();
        let number = path.rsplit('/').next().and_then(|last| last.parse().ok()).unwrap_or(0);
        let (modified, created) = (item.get_modified(), item.get_created());
        let age = (modified.map_err(errors::decode_error)?, created.map_err(errors::decode_error)?, number);
        ages.insert(path, age);
    }
    Ok(ages)
}

/// Returns the path of an item.
pub(super) fn path(item: &Entry) -> Option<String> {
    item.as_any().downcast_ref::<Wrapper>().map(Wrapper::get_path)
}

/// Lists the names under a service. A search by the keyring crate would raise a dialog for locked items.
pub(super) fn list(store: &CredentialStore, service: &str) -> Option<Result<(Vec<String>, usize)>> {
    is_real(store).then(|| {
        let bus = SecretService::connect(EncryptionType::Plain).map_err(errors::decode_error)?;
        let found = bus.search_items(HashMap::from([("service", service)])).map_err(errors::decode_error)?;
        let mut names = Vec::new();
        for item in &found.unlocked {
            names.extend(item.get_attributes().map_err(errors::decode_error)?.remove("username"));
        }
        names.sort();
        names.dedup();
        Ok((names, found.locked.len()))
    })
}

/// Names what a store is searched by that is not the Secret Service.
pub(super) fn search_for(service: &str) -> (&str, &str) {
    ("service", service)
}

fn is_real(store: &CredentialStore) -> bool {
    store.as_any().is::<Store>()
}
