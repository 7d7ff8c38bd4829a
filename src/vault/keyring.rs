//! The OS keyring as a home of secrets (`security.md` 3.1).
//!
//! Every call may block for as long as a person looks at a password dialog, or for ever, so each runs on a plain
//! thread of its own: one of the runtime's would keep the process from ending. After one silence the keyring is left
//! alone for the rest of the run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyring_core::{CredentialStore, Error as Native};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::claim::{Claim, Commit, Waiting};
use super::keyring_item::{self, Item};
use super::slot::Slot;

/// Said when an item takes long.
const WAITING: &str =
    "Waiting for the keyring, which may be asking for its password in a window of its own. Ctrl+C cancels.";

/// Connects to a store of the platform's; to another one in tests.
pub(super) type Connect = Arc<dyn Fn() -> keyring_core::Result<Arc<CredentialStore>> + Send + Sync>;

/// What tells a person that the keyring is being waited for.
pub(super) type Notice<'a> = &'a (dyn Fn(&str) + Sync);

/// How long the keyring may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For its service to say that it is there.
    pub(super) probe: Duration,
    /// For an item, before a person is told what is being waited for.
    pub(super) quiet: Duration,
    /// For an item in all, when nobody can type a password.
    pub(super) unattended: Duration,
}

impl Patience {
    const USUAL: Self =
        Self { probe: Duration::from_secs(2), quiet: Duration::from_secs(1), unattended: Duration::from_secs(10) };
}

/// Why the keyring did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// There is none, or it went away; with the cause.
    Absent(String),
    /// It did not answer in time, now or earlier in this run.
    NoAnswer,
    /// It is locked or denied access; with the cause.
    Refused(String),
    /// The secret is too long for it (Windows: 2,560 bytes).
    TooLong,
    /// What it holds is no text.
    NoText,
    /// Anything else.
    Failed(String),
}

impl From<Native> for Trouble {
    fn from(error: Native) -> Self {
        match error {
            Native::NoStorageAccess(why) => Self::Refused(why.to_string()),
            Native::NoDefaultStore => Self::Absent("it could not be set up".to_owned()),
            Native::TooLong(..) => Self::TooLong,
            // The text of these two could show the secret itself.
            Native::BadEncoding(_) | Native::BadDataFormat(..) => Self::NoText,
            Native::PlatformFailure(why) => Self::Failed(why.to_string()),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// What is known of the store so far.
enum State {
    Untried,
    Ready(Arc<CredentialStore>),
    Silent,
}

/// The keyring; nothing is touched before the first secret is asked for.
pub(super) struct Keyring {
    connect: Connect,
    reconnect: Connect,
    interactive: bool,
    patience: Patience,
    state: Mutex<State>,
}

impl Keyring {
    /// The platform's keyring. Not interactive: nobody can type a password, so waiting is bounded.
    pub(super) fn new(interactive: bool) -> Self {
        let (connect, reconnect) = (Arc::new(keyring_item::connect), Arc::new(keyring_item::reconnect));
        Self::with(connect, reconnect, interactive, Patience::USUAL)
    }

    pub(super) fn with(connect: Connect, reconnect: Connect, interactive: bool, patience: Patience) -> Self {
        Self { connect, reconnect, interactive, patience, state: Mutex::new(State::Untried) }
    }

    /// Finds out whether the service answers, reading no item; at most two seconds.
    pub(super) async fn probe(&self) -> Result<(), Trouble> {
        self.store().await.map(drop)
    }

    /// Reads a secret; `None` when there is none.
    pub(super) async fn read(&self, slot: &Slot, notice: Notice<'_>) -> Result<Option<Zeroizing<String>>, Trouble> {
        let item = Item::of(slot);
        let bytes = self.ask((), notice, move |store, _| item.read(store)).await?;
        let text = |bytes: Zeroizing<Vec<u8>>| match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Zeroizing::new(text.to_owned())),
            Err(_) => Err(Trouble::NoText),
        };
        bytes.map(text).transpose()
    }

    /// Writes a secret, leaving one item; once this was given up nothing is written any more.
    ///
    /// `held` stays locked while the keyring may still change something, also when nobody waits.
    pub(super) async fn write(
        &self,
        slot: &Slot,
        text: &str,
        held: impl Send + 'static,
        notice: Notice<'_>,
    ) -> Result<(), Trouble> {
        let item = Item::of(slot);
        let text = Zeroizing::new(text.to_owned());
        self.ask(held, notice, move |store, commit| item.write(store, text.as_bytes(), commit)).await
    }

    /// Deletes a secret and every double of it, and looks whether it is gone; `false` when there was none.
    ///
    /// `held` as in [`Keyring::write`].
    pub(super) async fn delete(
        &self,
        slot: &Slot,
        held: impl Send + 'static,
        notice: Notice<'_>,
    ) -> Result<bool, Trouble> {
        let item = Item::of(slot);
        self.ask(held, notice, move |store, commit| item.delete(store, commit)).await
    }

    /// Lists the names under a service without raising a dialog; the number is that of items that are locked.
    pub(super) async fn list(&self, service: &'static str) -> Result<(Vec<String>, usize), Trouble> {
        let store = self.store().await?;
        let answer = on_thread(move || keyring_item::list(&*store, service))?;
        match tokio::time::timeout(self.patience.probe, answer).await {
            Ok(listed) => Ok(listed.map_err(|_| ended())??),
            Err(_) => Err(self.fell_silent()),
        }
    }

    async fn store(&self) -> Result<Arc<CredentialStore>, Trouble> {
        match &*self.state() {
            State::Ready(store) => return Ok(store.clone()),
            State::Silent => return Err(Trouble::NoAnswer),
            State::Untried => {}
        }
        let connect = self.connect.clone();
        let answer = on_thread(move || connect())?;
        match tokio::time::timeout(self.patience.probe, answer).await {
            Ok(Ok(Ok(store))) => {
                *self.state() = State::Ready(store.clone());
                Ok(store)
            }
            // One that appears later is found then: the next call tries again.
            Ok(Ok(Err(error))) => Err(Trouble::Absent(cause(&error))),
            Ok(Err(_)) => Err(ended()),
            Err(_) => Err(self.fell_silent()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fell_silent(&self) -> Trouble {
        *self.state() = State::Silent;
        Trouble::NoAnswer
    }

    /// Does a job with the store, once more over a new connection if the service was restarted meanwhile.
    ///
    /// The job looks first, which may raise a dialog and block; it changes something only if `commit` lets it.
    async fn ask<T: Send + 'static, H: Send + 'static>(
        &self,
        held: H,
        notice: Notice<'_>,
        job: impl Fn(&CredentialStore, Commit<'_>) -> keyring_core::Result<T> + Send + 'static,
    ) -> Result<T, Trouble> {
        let store = self.store().await?;
        let reconnect = self.reconnect.clone();
        let claim = Claim::new(held);
        let theirs = claim.clone();
        let mut answer = on_thread(move || {
            let commit = || theirs.commit();
            match job(&*store, &commit) {
                Err(Native::PlatformFailure(why)) => match reconnect() {
                    Ok(again) => (job(&*again, &commit).map_err(Trouble::from), again),
                    Err(_) => (Err(Trouble::Absent(why.to_string())), store),
                },
                result => (result.map_err(Trouble::from), store),
            }
        })?;
        let waiting = Waiting::on(claim);
        let waited = match self.patiently(&mut answer, notice).await {
            Some(waited) => waited,
            None if waiting.give_up() => return Err(self.fell_silent()),
            // It has begun to change something in that very moment, so it has its password.
            None => match tokio::time::timeout(self.patience.probe, answer).await {
                Ok(waited) => waited,
                Err(_) => return Err(self.fell_silent()),
            },
        };
        let (result, store) = waited.map_err(|_| ended())?;
        *self.state() = State::Ready(store);
        result
    }

    /// Waits for an item: with a person for as long as it takes, else for ten seconds; `None` when that is over.
    async fn patiently<T>(
        &self,
        answer: &mut Answer<T>,
        notice: Notice<'_>,
    ) -> Option<Result<T, oneshot::error::RecvError>> {
        let Patience { quiet, unattended, .. } = self.patience;
        if let Ok(done) = tokio::time::timeout(quiet, &mut *answer).await {
            return Some(done);
        }
        notice(WAITING);
        if self.interactive {
            return Some(answer.await);
        }
        tokio::time::timeout(unattended.saturating_sub(quiet), answer).await.ok()
    }
}

type Answer<T> = oneshot::Receiver<T>;

fn on_thread<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Result<Answer<T>, Trouble> {
    let (tell, answer) = oneshot::channel();
    let thread = std::thread::Builder::new().name("keyring".to_owned());
    let started = thread.spawn(move || {
        // The receiver is gone when nobody waits any more.
        let _ = tell.send(job());
    });
    started.map_err(|e| Trouble::Failed(format!("no thread for it: {e}")))?;
    Ok(answer)
}

fn ended() -> Trouble {
    Trouble::Failed("its thread ended".to_owned())
}

/// The innermost reason of an error, without the words that every layer adds.
fn cause(error: &Native) -> String {
    match error {
        Native::PlatformFailure(why) | Native::NoStorageAccess(why) => why.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::fake_keyring::{FakeStore, Mood};
    use super::*;

    const SHORT: Patience = Patience {
        probe: Duration::from_millis(50),
        quiet: Duration::from_millis(10),
        unattended: Duration::from_millis(50),
    };

    fn keyring(store: &Arc<FakeStore>, interactive: bool) -> Keyring {
        Keyring::with(store.connector(), store.connector(), interactive, SHORT)
    }

    fn slot() -> Slot {
        Slot::Login("anthropic:work".parse().unwrap())
    }

    fn quiet(_: &str) {}

    /// Every thread has a clone of the connector until it ends.
    fn let_threads_end(keyring: &Keyring) {
        while Arc::strong_count(&keyring.reconnect) > 1 {
            std::thread::yield_now();
        }
    }

    async fn read(keyring: &Keyring) -> Result<Option<String>, Trouble> {
        keyring.read(&slot(), &quiet).await.map(|text| text.map(|text| text.to_string()))
    }

    #[tokio::test]
    async fn a_secret_is_written_once_read_and_deleted() {
        let store = FakeStore::new();
        let keyring = keyring(&store, false);
        assert_eq!(read(&keyring).await, Ok(None));
        keyring.write(&slot(), "one", (), &quiet).await.unwrap();
        keyring.write(&slot(), "two", (), &quiet).await.unwrap();
        assert_eq!(read(&keyring).await.unwrap().unwrap(), "two");
        assert_eq!(store.secrets(), ["two"]);
        assert_eq!(keyring.list("llxprt-code-oauth").await.unwrap(), (vec!["anthropic:work".to_owned()], 0));
        assert!(keyring.delete(&slot(), (), &quiet).await.unwrap());
        assert!(!keyring.delete(&slot(), (), &quiet).await.unwrap());
        assert_eq!(store.secrets(), [""; 0]);
    }

    #[tokio::test]
    async fn a_new_item_carries_the_attribute_that_older_clients_look_for() {
        let store = FakeStore::new();
        keyring(&store, false).write(&slot(), "x", (), &quiet).await.unwrap();
        let expected = if keyring_item::TARGETED { Some("default".to_owned()) } else { None };
        assert_eq!(store.attribute(0, "target"), expected);
    }

    #[tokio::test]
    async fn of_several_items_the_newest_counts_and_the_next_write_leaves_one() {
        let store = FakeStore::new();
        for secret in ["oldest", "older", "newest"] {
            store.plant("llxprt-code-oauth", "anthropic:work", secret);
        }
        store.plant("llxprt-code-oauth", "anthropic:other", "not ours");
        let keyring = keyring(&store, false);
        assert_eq!(read(&keyring).await.unwrap().unwrap(), "newest");
        keyring.write(&slot(), "mine", (), &quiet).await.unwrap();
        assert_eq!(store.secrets(), ["mine", "not ours"]);
        store.plant("llxprt-code-oauth", "anthropic:work", "double");
        assert!(keyring.delete(&slot(), (), &quiet).await.unwrap());
        assert_eq!(store.secrets(), ["not ours"]);
    }

    #[tokio::test]
    async fn an_item_that_is_not_deleted_although_the_keyring_says_so_is_an_error() {
        let store = FakeStore::new();
        store.plant("llxprt-code-oauth", "anthropic:work", "stays");
        store.set(Mood::KeepsWhatIsDeleted);
        assert!(matches!(keyring(&store, false).delete(&slot(), (), &quiet).await, Err(Trouble::Failed(_))));
    }

    #[tokio::test]
    async fn a_service_that_never_answers_is_asked_once_in_a_run() {
        let connects = Arc::new(AtomicUsize::new(0));
        let counted = connects.clone();
        let deaf: Connect = Arc::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            loop {
                std::thread::park();
            }
        });
        let keyring = Keyring::with(deaf.clone(), deaf, true, SHORT);
        assert_eq!(keyring.probe().await, Err(Trouble::NoAnswer));
        assert_eq!(read(&keyring).await, Err(Trouble::NoAnswer));
        assert_eq!(connects.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_absent_service_is_found_when_it_appears_later() {
        let store = FakeStore::new();
        store.set(Mood::Gone);
        let keyring = keyring(&store, false);
        assert!(matches!(keyring.probe().await, Err(Trouble::Absent(_))));
        store.set(Mood::Well);
        assert_eq!(keyring.probe().await, Ok(()));
    }

    #[tokio::test]
    async fn a_locked_keyring_is_refused_and_stays_in_use() {
        let store = FakeStore::new();
        let keyring = keyring(&store, false);
        store.plant("llxprt-code-oauth", "anthropic:work", "x");
        store.set(Mood::Locked);
        assert!(matches!(read(&keyring).await, Err(Trouble::Refused(_))));
        store.set(Mood::Well);
        assert_eq!(read(&keyring).await.unwrap().unwrap(), "x");
    }

    #[tokio::test]
    async fn without_a_person_an_item_that_takes_too_long_silences_the_keyring() {
        let store = FakeStore::new();
        let keyring = keyring(&store, false);
        store.set(Mood::Asks);
        let said = Mutex::new(Vec::new());
        let notice = |text: &str| said.lock().unwrap().push(text.to_owned());
        let result = keyring.read(&slot(), &notice).await;
        assert_eq!(result.unwrap_err(), Trouble::NoAnswer);
        assert_eq!(*said.lock().unwrap(), [WAITING]);
        store.set(Mood::Well);
        assert_eq!(read(&keyring).await, Err(Trouble::NoAnswer));
    }

    #[tokio::test]
    async fn with_a_person_an_item_is_waited_for_until_the_password_is_typed() {
        let store = FakeStore::new();
        store.plant("llxprt-code-oauth", "anthropic:work", "x");
        let keyring = keyring(&store, true);
        keyring.probe().await.unwrap();
        store.set(Mood::Asks);
        // The notice comes before the password: the person types it when told.
        let typed = |_: &str| store.set(Mood::Well);
        assert_eq!(keyring.read(&slot(), &typed).await.unwrap().unwrap().as_str(), "x");
    }

    #[tokio::test]
    async fn what_was_given_up_is_never_written_or_deleted_later_and_its_lock_is_free_at_once() {
        let store = FakeStore::new();
        store.plant("llxprt-code-oauth", "anthropic:work", "before");
        for delete in [false, true] {
            let keyring = keyring(&store, false);
            keyring.probe().await.unwrap();
            store.set(Mood::Asks);
            let (held, freed) = oneshot::channel::<()>();
            let result = if delete {
                keyring.delete(&slot(), held, &quiet).await.map(drop)
            } else {
                keyring.write(&slot(), "late", held, &quiet).await
            };
            assert_eq!(result, Err(Trouble::NoAnswer));
            assert!(freed.await.is_err());
            store.set(Mood::Well);
            let_threads_end(&keyring);
            assert_eq!(store.secrets(), ["before"]);
        }
    }

    #[tokio::test]
    async fn a_write_that_is_dropped_while_it_waits_for_the_password_writes_nothing() {
        let store = FakeStore::new();
        let keyring = keyring(&store, true);
        keyring.probe().await.unwrap();
        store.set(Mood::Asks);
        let slot = slot();
        let dropped = keyring.write(&slot, "late", (), &quiet);
        assert!(tokio::time::timeout(Duration::from_millis(20), dropped).await.is_err());
        store.set(Mood::Well);
        let_threads_end(&keyring);
        assert_eq!(store.secrets(), [""; 0]);
    }

    #[tokio::test]
    async fn a_restarted_service_is_connected_to_again() {
        let store = FakeStore::new();
        let keyring = keyring(&store, false);
        keyring.write(&slot(), "x", (), &quiet).await.unwrap();
        store.restart();
        assert_eq!(read(&keyring).await.unwrap().unwrap(), "x");
        store.set(Mood::Gone);
        store.restart();
        assert!(matches!(read(&keyring).await, Err(Trouble::Absent(_))));
        store.set(Mood::Well);
        assert_eq!(read(&keyring).await.unwrap().unwrap(), "x");
    }

    #[tokio::test]
    async fn a_secret_over_the_length_limit_and_one_that_is_no_text_are_told_apart() {
        let store = FakeStore::new();
        let keyring = keyring(&store, false);
        store.set(Mood::AtMost(3));
        assert_eq!(keyring.write(&slot(), "long", (), &quiet).await, Err(Trouble::TooLong));
        store.set(Mood::Well);
        store.plant_bytes("llxprt-code-oauth", "anthropic:work", b"\xff\xfe");
        assert_eq!(read(&keyring).await, Err(Trouble::NoText));
    }
}
