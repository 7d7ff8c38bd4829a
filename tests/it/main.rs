//! Tests of the whole program from outside: what was typed, what was shown, what the provider saw.

#[path = "../support/mod.rs"]
mod support;

mod imports;
mod sandbox_anthropic;
mod sandbox_control;
mod sandbox_steps;
mod stage;
mod vault_keyring;
mod vault_kill;
mod vault_steps;
