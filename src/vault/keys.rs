//! Saved API keys.

use llxprt_commands::KeyName;

use super::error::VaultError;
use super::index::{Home, KeyEntry};
use super::lock::Held;
use super::secrets::{Form, bare_key};
use super::slot::Slot;
use super::{Vault, Written};
use crate::secret::Secret;

impl Vault {
    /// Lists the saved keys by name, from the index.
    ///
    /// # Errors
    /// As [`Vault::index`].
    pub fn keys(&self) -> Result<Vec<(KeyName, KeyEntry)>, VaultError> {
        let named = |(name, entry): (String, KeyEntry)| Some((name.parse().ok()?, entry));
        Ok(self.disk_index()?.keys.into_iter().filter_map(named).collect())
    }

    /// Reads a saved key; `None` when there is none. One that the index does not name is looked for once a run, so
    /// ask [`Vault::keys`] first where nobody named it.
    ///
    /// # Errors
    /// Any kind; the key is where it was.
    pub async fn read_key(&self, name: &KeyName, notice: &(dyn Fn(&str) + Sync)) -> Result<Option<Secret>, VaultError> {
        let slot = Slot::Key(name.clone());
        let before = self.disk_index()?;
        let Some(text) = self.read_slot(&slot, &before, notice).await? else { return Ok(None) };
        let known = self.disk_index()?.keys.get(name.as_str()).cloned();
        let key = match known.as_ref().map(|entry| entry.store) {
            Some(Home::File) => Secret::new(bare_key(&slot, &text)?.as_str()),
            _ => Secret::new(text.as_str()),
        };
        if known.is_some_and(|entry| entry.tail.is_empty()) {
            // A disk that cannot be written must not keep a key from being used.
            let _ = self.note_tail(name, &key);
        }
        Ok(Some(key))
    }

    /// Saves a key: to the home that is recorded for it, or a new one by wish.
    ///
    /// # Errors
    /// Any kind; what was saved before is still there.
    pub async fn write_key(&self, name: &KeyName, key: &Secret) -> Result<Written, VaultError> {
        let slot = Slot::Key(name.clone());
        let held = Held::wait(&self.lock_folders(&slot)?, &slot).await?;
        let written = self.write_slot(&slot, &Form::new(&slot, key.expose())?, &held).await?;
        self.note_tail(name, key)?;
        Ok(written)
    }

    /// Deletes a saved key and looks whether it is gone; `false` when there was none.
    ///
    /// # Errors
    /// Any kind; then it is still listed.
    pub async fn delete_key(&self, name: &KeyName) -> Result<bool, VaultError> {
        let slot = Slot::Key(name.clone());
        let held = Held::wait(&self.lock_folders(&slot)?, &slot).await?;
        self.delete_slot(&slot, &held).await
    }

    /// Moves a saved key to another home, as [`Vault::relocate`] does with a login.
    ///
    /// # Errors
    /// Any kind; then it is where it was.
    pub async fn relocate_key(&self, name: &KeyName, to: Home) -> Result<Written, VaultError> {
        let slot = Slot::Key(name.clone());
        let held = Held::wait(&self.lock_folders(&slot)?, &slot).await?;
        self.move_slot(&slot, to, &held).await
    }

    fn note_tail(&self, name: &KeyName, key: &Secret) -> Result<(), VaultError> {
        let tail = key.tail();
        self.update_index(|index| {
            if let Some(entry) = index.keys.get_mut(name.as_str()) {
                entry.tail = tail;
            }
        })
    }
}
