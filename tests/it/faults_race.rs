//! Many processes that find one expired token at the same time (security F5); the benchmark runs the same with more.

use std::collections::BTreeSet;

use crate::faults_stage::{Stage, WORK};

/// What came of all rounds together.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Renewals that the provider saw.
    pub refreshes: usize,
    /// Processes that ended with another status than 0 or printed another token than the rest.
    pub failures: usize,
    /// Rounds after which the login no longer renews.
    pub revoked: usize,
}

/// Lets so many processes ask for a token, so many times.
pub fn race(processes: usize, rounds: usize) -> Figures {
    let stage = Stage::signed_in();
    let mut figures = Figures::default();
    for _ in 0..rounds {
        stage.leave_seconds(WORK, -10);
        let before = stage.refreshes();
        let children: Vec<_> = (0..processes).map(|_| stage.token_child(WORK)).collect();
        let mut tokens = BTreeSet::new();
        for child in children {
            let done = child.wait_with_output().expect("a child of ours");
            if done.status.success() {
                tokens.insert(done.stdout);
            } else {
                figures.failures += 1;
            }
        }
        figures.failures += tokens.len().saturating_sub(1);
        figures.refreshes += stage.refreshes() - before;
        stage.leave_seconds(WORK, -10);
        if stage.token(WORK).status() != 0 {
            figures.revoked += 1;
            let _ = stage.login(WORK, &["--force"]).ok();
        }
    }
    figures
}
