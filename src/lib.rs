//! llxprt: sign in to AI providers from a terminal.
//!
//! The map: `commands` (its own crate) turns a line into a typed command; `session` reads lines, `actions` does what a
//! command says, `auth` and `chat` decide and talk, `providers` and `config` are data, `vault` keeps secrets, `sys`
//! touches the machine, `ui` shows, `sandbox` stands in for the providers.

pub mod actions;
pub mod app;
pub mod auth;
pub mod chat;
pub mod config;
pub mod error;
pub mod http;
pub mod providers;
pub mod run;
pub mod sandbox;
pub mod seams;
pub mod secret;
pub mod session;
pub mod sys;
pub mod ui;
pub mod vault;
