//! Who was first: a job on a thread that begins to change something, or whoever waits for it and gives up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Asks whether something may still be changed; from a yes on the job cannot be given up.
pub(super) type Commit<'a> = &'a dyn Fn() -> bool;

/// Whether a job has begun to change something or was given up before; keeps a lock for as long as it matters.
pub(super) struct Claim<H>(Arc<Mutex<Phase<H>>>);

enum Phase<H> {
    Looking(H),
    Changing(#[allow(dead_code, reason = "held, not read")] H),
    GivenUp,
}

impl<H> Clone for Claim<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H> Claim<H> {
    pub(super) fn new(held: H) -> Self {
        Self(Arc::new(Mutex::new(Phase::Looking(held))))
    }

    fn phase(&self) -> MutexGuard<'_, Phase<H>> {
        // Every change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether something may be changed; from a yes on the job cannot be given up.
    pub(super) fn commit(&self) -> bool {
        let mut phase = self.phase();
        *phase = match std::mem::replace(&mut *phase, Phase::GivenUp) {
            Phase::Looking(held) | Phase::Changing(held) => Phase::Changing(held),
            Phase::GivenUp => return false,
        };
        true
    }

    /// Tells whether nothing will be changed any more; then what was held is free.
    fn give_up(&self) -> bool {
        let mut phase = self.phase();
        if let Phase::Changing(_) = *phase {
            return false;
        }
        *phase = Phase::GivenUp;
        true
    }
}

/// Gives the job up when whoever waits is dropped.
pub(super) struct Waiting<H>(Claim<H>);

impl<H> Waiting<H> {
    pub(super) fn on(claim: Claim<H>) -> Self {
        Self(claim)
    }

    /// As [`Claim::give_up`].
    pub(super) fn give_up(&self) -> bool {
        self.0.give_up()
    }
}

impl<H> Drop for Waiting<H> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}
