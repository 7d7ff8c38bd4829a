//! Tests with a real browser, a real keyring, a real sshd: ignored unless asked for, because a machine may lack these.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, its helpers too")]

#[path = "../support/mod.rs"]
mod support;

mod chromium;
mod login;
