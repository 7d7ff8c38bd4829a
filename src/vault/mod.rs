//! Where secrets rest: the OS keyring, or sealed files where there is none, and the plain index of accounts.
//!
//! May touch the disk below the data folder and the keyring; may not print, ask, or know what a token is.

mod accounts;
mod claim;
mod error;
#[cfg(test)]
mod fake_keyring;
mod file_home;
mod index;
mod index_file;
mod index_shape;
mod key_file;
mod keyring;
mod keyring_item;
mod keys;
mod lock;
mod memory;
mod rebuild;
mod sealed;
#[cfg(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android"))))]
mod secret_service;
mod secrets;
mod slot;
mod start_up;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

pub use accounts::Room;
pub use error::{VaultError, VaultErrorKind};
pub use index::{Counts, Entry, Home, Index, KeyEntry, Limit, StoreSeen, Window};
pub use lock::AccountLock;
pub use rebuild::Recovered;

use crate::config::Dirs;

/// The setting `vault.store`: where new logins go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wish {
    /// The keyring if its service answers, else sealed files; with a data folder of one's own, files.
    #[default]
    Auto,
    /// The keyring, or an error.
    Keyring,
    /// Sealed files.
    File,
}

/// Where a secret was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its home.
    pub home: Home,
    /// What a person should know about it, as finished sentences.
    pub note: Option<String>,
}

/// The vault; cheap to build, and nothing is touched before the first call.
pub struct Vault {
    dirs: Dirs,
    wish: Wish,
    no_keyring: bool,
    keyring: keyring::Keyring,
    files: file_home::FileHome,
    index: index_file::IndexFile,
    memory: memory::Memory,
    /// What was looked for in the keyring in this run and is not there.
    missed: Mutex<BTreeSet<slot::Slot>>,
    /// Whether the reason for sealed files was said in this run.
    said_why_file: std::sync::atomic::AtomicBool,
    notice: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Vault {
    /// The vault of these folders. `no_keyring` leaves the keyring alone in this run; not `interactive` bounds the
    /// wait for its password.
    pub fn new(dirs: &Dirs, wish: Wish, no_keyring: bool, interactive: bool) -> Self {
        Self::with_keyring(dirs, wish, no_keyring, keyring::Keyring::new(interactive))
    }

    fn with_keyring(dirs: &Dirs, wish: Wish, no_keyring: bool, keyring: keyring::Keyring) -> Self {
        Self {
            wish,
            no_keyring,
            keyring,
            files: file_home::FileHome::new(&dirs.data),
            index: index_file::IndexFile::new(&dirs.data),
            memory: memory::Memory::default(),
            missed: Mutex::default(),
            said_why_file: false.into(),
            notice: Arc::new(|_| {}),
            dirs: dirs.clone(),
        }
    }

    /// Says what is being waited for while the vault writes or deletes.
    #[must_use]
    pub fn saying(mut self, notice: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.notice = Arc::new(notice);
        self
    }

    /// Returns where new logins go by wish, variables and folders, before anything was probed.
    fn plan(&self) -> Plan {
        match self.wish {
            _ if self.no_keyring => Plan::File("the keyring is off for this run"),
            Wish::File => Plan::File("vault.store is file"),
            Wish::Auto if self.dirs.overridden => Plan::File("the data folder is one of your own"),
            Wish::Auto => Plan::Keyring { or_file: true },
            Wish::Keyring => Plan::Keyring { or_file: false },
        }
    }

    /// Tells whether the keyring may be asked for what the index does not know.
    fn keyring_counts(&self) -> bool {
        matches!(self.plan(), Plan::Keyring { .. })
    }
}

/// Where new logins go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    Keyring {
        or_file: bool,
    },
    /// With the reason.
    File(&'static str),
}
