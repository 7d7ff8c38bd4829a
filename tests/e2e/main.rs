//! Tests with a real browser, a real keyring, a real sshd: ignored unless asked for, because a machine may lack these.

#[path = "../support/mod.rs"]
mod support;

mod chromium;
