//! Tests of the whole program from outside: what was typed, what was shown, what the provider saw.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, its helpers too")]

#[path = "../support/mod.rs"]
mod support;

mod imports;
mod sandbox_anthropic;
mod sandbox_control;
mod sandbox_steps;
mod stage;
