//! Prints what is lost when whole processes are killed at any instant (`docs/security.md`).
//!
//! `cargo bench --bench kills` kills 200; a number after `--` chooses another count. It fails if anything was lost but
//! what nobody can prevent.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may end in a panic, what it includes too")]

#[path = "../tests/it/faults_kills.rs"]
mod faults_kills;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/faults_stage.rs"]
mod faults_stage;
#[path = "../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let rounds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(200);
    let begun = Instant::now();
    let figures = faults_kills::kills(rounds);
    let took = begun.elapsed().as_secs_f64();
    println!(
        "kill -9 over renewals, logins, logouts, saved keys, profiles and settings: {rounds} processes, {took:.1} s"
    );
    println!("killed before they had ended       {:>6}", figures.killed);
    println!("logins lost                        {:>6}   (aim 0)", figures.lost);
    println!("logins lost between the provider's answer and the write");
    println!(
        "                                   {:>6}   (cannot be prevented, see docs/security.md)",
        figures.lost_in_window
    );
    println!("files that do not open             {:>6}   (aim 0)", figures.unopened);
    println!("temporary files after a start      {:>6}   (aim 0)", figures.leftovers);
    println!("stale locks                        {:>6}   (aim 0)", figures.stale_locks);
    let bad = figures.lost + figures.unopened + figures.leftovers + figures.stale_locks;
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
