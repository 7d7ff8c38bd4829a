//! Prints how many renewals the provider sees when many processes find one expired token (`docs/security.md`).
//!
//! `cargo bench --bench refresh_race` runs 20 rounds of 64 processes; two numbers after `--` choose others: rounds,
//! then processes. It fails unless there was one renewal a round and every process succeeded.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may end in a panic, what it includes too")]

#[path = "../tests/it/faults_race.rs"]
mod faults_race;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/faults_stage.rs"]
mod faults_stage;
#[path = "../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse::<usize>().ok());
    let (rounds, processes) = (numbers.next().unwrap_or(20), numbers.next().unwrap_or(64));
    let begun = Instant::now();
    let figures = faults_race::race(processes, rounds);
    println!(
        "{rounds} rounds, {processes} processes at once, one expired token; {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    println!("renewals the provider saw          {:>6}   (aim {rounds})", figures.refreshes);
    println!("processes that failed              {:>6}   (aim 0)", figures.failures);
    println!("logins that no longer renew        {:>6}   (aim 0)", figures.revoked);
    if figures == (faults_race::Figures { refreshes: rounds, failures: 0, revoked: 0 }) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
