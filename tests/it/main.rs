//! Tests of the whole program from outside: what was typed, what was shown, what the provider saw.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail by panicking, its steps too")]

#[path = "../support/mod.rs"]
mod support;

mod baseurl;
mod codex;
mod dialects;
mod gateway;
mod gemini;
mod imports;
mod keys;
mod keys_steps;
mod lazy;
mod login;
mod manifests;
mod oauth_setup;
mod openai;
mod openrouter;
mod pages;
mod precedence;
mod provider_steps;
mod qwen;
mod sandbox_anthropic;
mod sandbox_codex;
mod sandbox_control;
mod sandbox_gemini;
mod sandbox_openai;
mod sandbox_openrouter;
mod sandbox_qwen;
mod sandbox_steps;
mod session_steps;
mod set;
mod stage;
mod vault_keyring;
mod vault_kill;
mod vault_steps;
