//! Tests of the whole program from outside: what was typed, what was shown, what the provider saw.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail by panicking, its steps too")]

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod exits;
mod imports;
mod lazy;
mod login;
mod no_browser;
mod oauth_setup;
mod one_shot;
mod paste_box;
mod plain_session;
mod sandbox_anthropic;
mod sandbox_codex;
mod sandbox_control;
mod sandbox_openai;
mod sandbox_steps;
mod session;
mod session_steps;
mod settings;
mod stage;
