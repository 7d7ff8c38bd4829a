//! Tests of the whole program from outside: what was typed, what was shown, what the provider saw.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail by panicking, its steps too")]

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod accounts_steps;
mod bad_input;
mod baseurl;
mod canary;
mod codex;
mod dialects;
mod exits;
mod failover;
mod failover_sessions;
mod faults;
mod faults_kills;
mod faults_race;
mod faults_stage;
mod gateway;
mod gemini;
mod imports;
mod keyring_program;
mod keys;
mod keys_steps;
mod lazy;
mod log;
mod login;
mod logout;
mod manifests;
mod no_browser;
mod oauth_setup;
mod one_shot;
mod openai;
mod openrouter;
mod pages;
mod paste_box;
mod plain_session;
mod precedence;
mod profiles;
mod provider_faults;
mod provider_steps;
mod qwen;
mod refresh;
mod sandbox_anthropic;
mod sandbox_codex;
mod sandbox_control;
mod sandbox_gemini;
mod sandbox_openai;
mod sandbox_openrouter;
mod sandbox_qwen;
mod sandbox_steps;
mod session;
mod session_steps;
mod set;
mod settings;
mod stage;
mod status;
mod token;
mod vault_keyring;
mod vault_kill;
mod vault_steps;
mod whole_walk;
