//! A keyring for tests: it can be locked, gone, restarted, or wait for a password that nobody types.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use keyring_core::api::{Credential, CredentialApi, CredentialStoreApi};
use keyring_core::{CredentialStore, Entry, Error, Result};

use super::keyring::Connect;

/// How the service behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    /// Nothing can be connected to.
    Gone,
    /// Every access to an item is denied.
    Locked,
    /// Every access to an item waits until the mood changes.
    Asks,
    /// Secrets longer than this are refused.
    AtMost(usize),
    /// Deleting does nothing and says that it did.
    KeepsWhatIsDeleted,
}

#[derive(Debug, Clone)]
struct Kept {
    id: u32,
    attributes: HashMap<String, String>,
    secret: Vec<u8>,
}

/// The service and what it holds.
#[derive(Debug)]
pub(super) struct FakeStore {
    items: Mutex<Vec<Kept>>,
    mood: Mutex<Mood>,
    changed: Condvar,
    next: AtomicU32,
    /// Connections of an earlier life are of no use.
    life: AtomicU32,
}

#[derive(Debug, Clone)]
struct Connection {
    service: Arc<FakeStore>,
    life: u32,
}

#[derive(Debug)]
struct Found {
    connection: Connection,
    wanted: HashMap<String, String>,
    id: Option<u32>,
}

impl FakeStore {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            items: Mutex::default(),
            mood: Mutex::new(Mood::Well),
            changed: Condvar::new(),
            next: AtomicU32::new(1),
            life: AtomicU32::new(1),
        })
    }

    pub(super) fn connector(self: &Arc<Self>) -> Connect {
        let service = self.clone();
        Arc::new(move || {
            if *service.mood.lock().unwrap() == Mood::Gone {
                return Err(Error::PlatformFailure("nobody owns the name".into()));
            }
            let life = service.life.load(Ordering::SeqCst);
            let store: Arc<CredentialStore> = Arc::new(Connection { service: service.clone(), life });
            Ok(store)
        })
    }

    pub(super) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
        self.changed.notify_all();
    }

    pub(super) fn restart(&self) {
        self.life.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn plant(&self, service: &str, user: &str, secret: &str) {
        self.plant_bytes(service, user, secret.as_bytes());
    }

    pub(super) fn plant_bytes(&self, service: &str, user: &str, secret: &[u8]) {
        let attributes = [("service", service), ("username", user)];
        self.add(attributes.map(|(k, v)| (k.to_owned(), v.to_owned())).into(), secret);
    }

    fn add(&self, attributes: HashMap<String, String>, secret: &[u8]) {
        let id = self.next.fetch_add(1, Ordering::SeqCst);
        self.items.lock().unwrap().push(Kept { id, attributes, secret: secret.to_vec() });
    }

    /// The secrets it holds, sorted.
    pub(super) fn secrets(&self) -> Vec<String> {
        let items = self.items.lock().unwrap();
        let mut secrets: Vec<_> = items.iter().map(|i| String::from_utf8_lossy(&i.secret).into_owned()).collect();
        secrets.sort();
        secrets
    }

    pub(super) fn attribute(&self, place: usize, name: &str) -> Option<String> {
        self.items.lock().unwrap()[place].attributes.get(name).cloned()
    }

    /// Waits or refuses as the mood is.
    fn access(&self, life: u32) -> Result<Mood> {
        let mut mood = self.mood.lock().unwrap();
        while *mood == Mood::Asks {
            mood = self.changed.wait(mood).unwrap();
        }
        if life != self.life.load(Ordering::SeqCst) || *mood == Mood::Gone {
            return Err(Error::PlatformFailure("no session".into()));
        }
        if *mood == Mood::Locked {
            return Err(Error::NoStorageAccess("the dialog was dismissed".into()));
        }
        Ok(*mood)
    }
}

impl CredentialStoreApi for Connection {
    fn vendor(&self) -> String {
        "tests".to_owned()
    }

    fn id(&self) -> String {
        self.life.to_string()
    }

    fn build(&self, service: &str, user: &str, modifiers: Option<&HashMap<&str, &str>>) -> Result<Entry> {
        let mut wanted = HashMap::from([("service", service), ("username", user)]);
        wanted.extend(modifiers.into_iter().flatten().filter(|(name, _)| **name == "target"));
        let wanted = wanted.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        Ok(Entry::new_with_credential(Arc::new(Found { connection: self.clone(), wanted, id: None })))
    }

    fn search(&self, spec: &HashMap<&str, &str>) -> Result<Vec<Entry>> {
        let wanted = spec.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Found { connection: self.clone(), wanted, id: None }.matching()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Found {
    fn hits(&self, item: &Kept) -> bool {
        self.id.is_none_or(|id| id == item.id) && self.wanted.iter().all(|(k, v)| item.attributes.get(k) == Some(v))
    }

    fn matching(&self) -> Result<Vec<Entry>> {
        self.connection.service.access(self.connection.life)?;
        let items = self.connection.service.items.lock().unwrap();
        let entry = |item: &Kept| {
            let found = Self { connection: self.connection.clone(), wanted: HashMap::new(), id: Some(item.id) };
            Entry::new_with_credential(Arc::new(found))
        };
        Ok(items.iter().filter(|item| self.hits(item)).map(entry).collect())
    }

    /// The one item this stands for.
    fn with<T>(&self, job: impl FnOnce(&mut Vec<Kept>, usize) -> T) -> Result<T> {
        let mut entries = self.matching()?;
        let mut items = self.connection.service.items.lock().unwrap();
        match (entries.len(), items.iter().position(|item| self.hits(item))) {
            (1, Some(place)) => Ok(job(&mut items, place)),
            (0, _) | (_, None) => Err(Error::NoEntry),
            _ => Err(Error::Ambiguous(std::mem::take(&mut entries))),
        }
    }
}

impl CredentialApi for Found {
    fn set_secret(&self, secret: &[u8]) -> Result<()> {
        if let Mood::AtMost(bound) = self.connection.service.access(self.connection.life)?
            && secret.len() > bound
        {
            return Err(Error::TooLong("secret".to_owned(), 0));
        }
        match self.with(|items, place| items[place].secret = secret.to_vec()) {
            Err(Error::NoEntry) => {
                self.connection.service.add(self.wanted.clone(), secret);
                Ok(())
            }
            result => result,
        }
    }

    fn get_secret(&self) -> Result<Vec<u8>> {
        self.with(|items, place| items[place].secret.clone())
    }

    fn get_attributes(&self) -> Result<HashMap<String, String>> {
        self.with(|items, place| items[place].attributes.clone())
    }

    fn update_attributes(&self, new: &HashMap<&str, &str>) -> Result<()> {
        let new = new.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        self.with(|items, place| items[place].attributes.extend(new))
    }

    fn delete_credential(&self) -> Result<()> {
        if self.connection.service.access(self.connection.life)? == Mood::KeepsWhatIsDeleted {
            return Ok(());
        }
        self.with(|items, place| drop(items.remove(place)))
    }

    fn get_credential(&self) -> Result<Option<Arc<Credential>>> {
        let id = self.with(|items, place| items[place].id)?;
        let found = Self { connection: self.connection.clone(), wanted: HashMap::new(), id: Some(id) };
        Ok(Some(Arc::new(found)))
    }

    fn get_specifiers(&self) -> Option<(String, String)> {
        let attributes = self.get_attributes().ok()?;
        Some((attributes.get("service")?.clone(), attributes.get("username")?.clone()))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
