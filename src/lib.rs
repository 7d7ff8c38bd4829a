//! llxprt: sign in to AI providers from a terminal.

pub mod config;
pub mod error;
pub mod sandbox;
pub mod secret;
pub mod sys;
pub mod vault;
