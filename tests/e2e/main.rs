//! Tests with a real browser, a real keyring, a real sshd: ignored unless asked for, because a machine may lack these.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, its helpers too")]

#[path = "../it/session_steps.rs"]
#[allow(dead_code, reason = "these tests use a part of the steps")]
mod session_steps;
#[path = "../support/mod.rs"]
mod support;

mod answer;
mod chromium;
mod login;
mod no_ipv6;
mod no_process;
mod ssh;
