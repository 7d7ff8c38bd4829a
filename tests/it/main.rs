//! Tests of the whole program from outside: what was typed, what was shown, what the provider saw.

#[path = "../support/mod.rs"]
mod support;

mod imports;
mod stage;
